/**
 * The program of the Kinesis child: opens one of the two servers on 127.0.0.1 only (both would listen on every network
 * interface by themselves) and tells the parent when it listens.
 */
import { createRequire } from 'node:module'
import net, { type Server } from 'node:net'

type KinesaliteOptions = { createStreamMs: number; deleteStreamMs: number; shardLimit: number; path?: string }

const require = createRequire(import.meta.url)
const [kind, port, path] = process.argv.slice(2)
const ready = () => process.send?.('ready')

if (kind === 'kinesalite') {
  keepThroughMoves()
  const kinesalite: (options: KinesaliteOptions) => Server = require('kinesalite')
  const options = { createStreamMs: 10, deleteStreamMs: 10, shardLimit: 100 }
  const server = kinesalite(path === undefined ? options : { ...options, path })
  server.listen(Number(port), '127.0.0.1', ready)
  // A slow reader's idle connection must not be cut between two of its requests.
  Object.assign(server, { keepAliveTimeout: 65_000 })
  process.once('SIGTERM', () => server.close(() => process.exit(0)))
} else {
  const listen = net.Server.prototype.listen
  net.Server.prototype.listen = function (this: Server, ...given: unknown[]) {
    this.once('listening', () => {
      const address = this.address()
      if (typeof address === 'object' && address?.port === Number(port)) ready()
    })
    const [first, ...others] = given
    const onLoopback =
      typeof first === 'object' && first !== null ? { ...first, host: '127.0.0.1' } : { port: first, host: '127.0.0.1' }
    return Reflect.apply(listen, this, [onLoopback, ...others.filter(each => typeof each === 'function')])
  }
  require('kinesis-local')
}

/** A clock that is moved by weeks must not make the streams forget what nobody has read yet: retention grows by as much. */
function keepThroughMoves(): void {
  type Answer = (error: unknown, stream?: { readonly RetentionPeriodHours: number }) => void
  type Store = { getStream(name: string, answer: Answer): void }
  type Action = (store: Store, data: unknown, answer: unknown) => unknown
  const aheadMillis = () => Date.now() - performance.now()
  const atStart = aheadMillis()
  const path = require.resolve('kinesalite/actions/getRecords')
  const getRecords: Action = require(path)
  const kept: Action = (store, data, answer) => {
    const getStream: Store['getStream'] = (name, told) =>
      store.getStream(name, (error, stream) => {
        const hours = Math.max(aheadMillis() - atStart, 0) / 3_600_000
        told(error, stream && { ...stream, RetentionPeriodHours: stream.RetentionPeriodHours + hours })
      })
    return getRecords({ ...store, getStream }, data, answer)
  }
  const loaded = require.cache[path]
  if (loaded !== undefined) loaded.exports = kept
}

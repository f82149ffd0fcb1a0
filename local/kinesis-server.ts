/**
 * The program of the Kinesis child: opens one of the two servers on 127.0.0.1 only (both would listen on every network
 * interface by themselves) and tells the parent when it listens.
 */
import { createRequire } from 'node:module'
import net, { type Server } from 'node:net'

type KinesaliteOptions = { createStreamMs: number; deleteStreamMs: number; shardLimit: number; path?: string }

/**
 * Who asks for records where there are none is answered when there are, or after so long. AWS answers at once; but readers
 * of an idle exchange would otherwise take a sixth of a processor with asking, and of a busy one hear of a record late.
 */
const longestWaitMillis = 200

const require = createRequire(import.meta.url)
const [kind, port, path] = process.argv.slice(2)
const ready = () => process.send?.('ready')

if (kind === 'kinesalite') {
  changeActions()
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

/** What is done otherwise than kinesalite does it; called before it is loaded. */
function changeActions(): void {
  type Answer<Value> = (error: unknown, value?: Value) => void
  type Store = { getStream(name: string, answer: Answer<{ readonly RetentionPeriodHours: number }>): void }
  type Action<Input, Output> = (store: Store, input: Input, answer: Answer<Output>) => unknown
  type Page = { readonly Records: readonly unknown[]; readonly NextShardIterator?: string }
  const change = <Input, Output>(
    name: string,
    changed: (action: Action<Input, Output>) => Action<Input, Output>,
  ): void => {
    const path = require.resolve(`kinesalite/actions/${name}`)
    const action: Action<Input, Output> = require(path)
    const loaded = require.cache[path]
    if (loaded !== undefined) loaded.exports = changed(action)
  }
  const aheadMillis = () => Date.now() - performance.now()
  const atStart = aheadMillis()
  /** By stream: how often it was written to, and who waits for that. */
  const writes = new Map<string, number>()
  const waiting = new Map<string, Set<() => void>>()

  for (const name of ['putRecord', 'putRecords'])
    change<{ readonly StreamName: string }, unknown>(name, put => (store, input, answer) => {
      put(store, input, (error, value) => {
        const { StreamName: stream } = input
        writes.set(stream, (writes.get(stream) ?? 0) + 1)
        answer(error, value)
        for (const wake of waiting.get(stream) ?? []) wake()
      })
    })

  change<unknown, Page>('getRecords', getRecords => (store, input, answer) => {
    const askedMillis = performance.now()
    const read = (): void => {
      let stream = ''
      let writesBefore: number | undefined
      // A clock that is moved by weeks must not make the streams forget what nobody has read yet.
      const getStream: Store['getStream'] = (name, told) => {
        stream = name
        writesBefore = writes.get(name)
        store.getStream(name, (error, found) => {
          const hours = Math.max(aheadMillis() - atStart, 0) / 3_600_000
          told(error, found && { ...found, RetentionPeriodHours: found.RetentionPeriodHours + hours })
        })
      }
      getRecords({ ...store, getStream }, input, (error, page) => {
        const leftMillis = askedMillis + longestWaitMillis - performance.now()
        const isWorthWaiting = page?.Records.length === 0 && page.NextShardIterator !== undefined && leftMillis > 0
        if (!isWorthWaiting) return answer(error, page)
        if (writes.get(stream) !== writesBefore) return read()
        const waiters = waiting.get(stream) ?? new Set()
        waiting.set(stream, waiters)
        const go = (then: () => void) => () => {
          clearTimeout(timer)
          waiters.delete(wake)
          then()
        }
        const wake = go(read)
        const timer = setTimeout(
          go(() => answer(error, page)),
          leftMillis,
        )
        waiters.add(wake)
      })
    }
    read()
  })
}

/**
 * What is costly to start and can be used by many test files at once: each is started by the first that asks, and ends
 * with jest, in whose own process this is. Test files ask by `ask.ts`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, startNodeChild } from '#local/children.ts'
import { createClock } from '#local/clock.ts'
import { startDynamoDb } from '#local/dynamodb.ts'
import { startKinesis } from '#local/kinesis.ts'
import { storesAccount, storesRegion } from './ask.ts'
import { haveAllJourneysPassed, isTurnOf, needsExchange, needsTemplates } from './turns.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const startLimitMillis = 300_000
const graceMillis = 60_000

export interface Services {
  readonly url: string
  stop(): Promise<void>
}

export const startServices = async (): Promise<Services> => {
  const folder = mkdtempSync(join(process.env['TEST_FOLDER'] ?? tmpdir(), 'services-'))
  const stops: (() => Promise<unknown>)[] = []

  const dynamodb = once(async () => {
    const server = await startDynamoDb({ dataDir: folder, keep: false })
    stops.push(server.stop)
    return { endpoint: server.endpoint }
  })
  const kinesis = once(async () => {
    const options = { account: storesAccount, region: storesRegion, clock: createClock(), dataDir: folder, keep: false }
    const server = await startKinesis({ kind: 'kinesalite', ...options })
    stops.push(server.stop)
    return { endpoint: server.endpoint }
  })
  const templates = once(async () => {
    const told = { folder: join(folder, 'templates') }
    await runToTheEnd('synthesis', [fileURLToPath(new URL('./synthesize.ts', import.meta.url)), told.folder])
    return told
  })

  const start = async (name: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    const { NODE_OPTIONS: _, ...inherited } = process.env
    const logFile = join(folder, 'logs', `${name}.log`)
    const child = await startNodeChild({
      name,
      args,
      environment: { ...defined(inherited), ...environment },
      clock: createClock(),
      logFile,
      cwd: root,
    })
    stops.push(() => child.stop(graceMillis))
    return { child, output: () => readFileSync(logFile, 'utf8') }
  }
  const runToTheEnd = async (name: string, args: readonly string[]) => {
    const { child, output } = await start(name, args)
    // Who waits for it can, others measure time.
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
    const how = await child.ended
    if (how !== 'exit code 0') throw new Error(`${name} ended (${how}):\n${output()}`)
  }

  const calls = join(folder, 'calls')
  const startExchange = async () => {
    const port = String(await freePort())
    const places = { dataDir: join(folder, 'exchange'), assembly: join(folder, 'assembly', 'cdk.out') }
    const { child, output } = await start(
      `exchange-${port}`,
      ['bin/local.ts', '--data-dir', places.dataDir, '--assembly', places.assembly, '--record-calls', calls],
      // Nobody waits for it but journeys, and polling keeps a fifth of a core busy.
      { PORT: port, EXCHANGE_RUN_FILE: join(folder, 'run.json'), POLL_INTERVAL_MILLIS: '100' },
    )
    const starting = new AbortController()
    const becomesReady = async () => {
      while (!output().includes('\nready ')) await sleep(100, undefined, { signal: starting.signal })
    }
    const ended = child.ended.then(how => `it ended (${how})`)
    const tooLate = sleep(startLimitMillis, 'it took too long', { signal: starting.signal })
    const reason = await Promise.race([becomesReady(), ended, tooLate])
    starting.abort()
    if (reason !== undefined) throw new Error(`the exchange did not start, ${reason}:\n${output()}`)
    return { child, told: { url: `http://127.0.0.1:${port}`, ...places } }
  }
  let running: ReturnType<typeof startExchange> | undefined
  const exchange = async () => {
    running ??= startExchange()
    return (await running).told
  }
  const stopExchange = async () => {
    if (running === undefined) throw new Error('the exchange does not run')
    const { child } = await running
    await child.stop(graceMillis)
    running = undefined
    return { ended: await child.ended }
  }

  const journeys = async (file: string) => ({
    isTurn: isTurnOf(file),
    haveAllPassed: haveAllJourneysPassed(root),
    calls,
  })
  const services: Readonly<Record<string, (argument: string) => Promise<unknown>>> = {
    ...{ dynamodb, kinesis, templates, exchange, journeys },
    'stop-exchange': stopExchange,
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const service = services[pathname.slice(1)]
    const answer = (status: number, content: unknown) => response.writeHead(status).end(JSON.stringify(content))
    if (service === undefined) {
      answer(404, { message: `there is no service ${pathname}` })
      return
    }
    service(searchParams.get('for') ?? '').then(
      told => answer(200, told),
      (error: unknown) => answer(500, { message: error instanceof Error ? error.message : String(error) }),
    )
  })
  const url = await listen(server)
  // Who asks is told how it went: here it only goes ahead of them, one after the other.
  const ahead = (needsExchange() ? exchange() : Promise.resolve()).finally(() => needsTemplates() && templates())
  ahead.catch(() => undefined)
  return {
    url,
    async stop() {
      server.close()
      server.closeAllConnections()
      await Promise.allSettled(stops.map(stop => stop()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const once = <Told>(start: () => Promise<Told>): (() => Promise<Told>) => {
  let started: Promise<Told> | undefined
  return () => {
    started ??= start()
    return started
  }
}

const defined = (environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

const listen = (server: Server): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(`http://127.0.0.1:${address.port}`)
      else reject(new Error('no port'))
    })
  })

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { type ExchangeClient, signIn } from '#bin/client.ts'

/** The whole local exchange, started as `npm start` does it, on a port and in a data directory of its own. */
export interface RunningExchange {
  readonly url: string
  readonly dataDir: string
  readonly output: () => string
  readonly process: ChildProcess
  as(account: string, role?: string): Promise<ExchangeClient>
  /** A trader whose account is open and funded. */
  trader(account: string, cash?: string): Promise<ExchangeClient>
  status(): Promise<Status>
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

const statusSchema = z.object({
  pid: z.number(),
  tasks: z.array(z.object({ service: z.string(), pid: z.number() })),
  aws: z.record(z.string(), z.string()),
  buses: z.array(z.string()),
})
export type Status = z.infer<typeof statusSchema>

const root = join(import.meta.dirname, '..', '..')

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })

export const startExchange = async (dataDir = mkdtempSync(join(tmpdir(), 'journey-'))): Promise<RunningExchange> => {
  const port = await freePort()
  let output = ''
  const { NODE_OPTIONS: _, ...environment } = process.env
  const child = spawn(process.execPath, ['bin/local.ts', '--data-dir', dataDir], {
    cwd: root,
    env: { ...environment, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  const ready = new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('\nready ')) resolve()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('close', code => reject(new Error(`the exchange ended with ${code} before it was ready:\n${output}`)))
  })
  await ready
  const url = `http://127.0.0.1:${port}`
  const wait = { prefer: 'wait=10' }
  const as = (account: string, role = 'trader') => signIn(url, account, role)
  return {
    url,
    dataDir,
    output: () => output,
    process: child,
    as,
    trader: async (account, cash = '10000') => {
      const client = await as(account)
      const opened = await client.call('POST', '/api/v1/accounts', {}, wait)
      if (opened.status !== 200) throw new Error(`account ${account}: ${JSON.stringify(opened)}`)
      const operator = await as('operator', 'market_operator')
      const deposit = { account, currency: 'USD', amount: cash }
      const funded = await operator.call('POST', '/api/v1/deposits', deposit, {
        ...wait,
        'idempotency-key': `deposit-${account}`,
      })
      if (funded.status !== 200) throw new Error(`deposit ${account}: ${JSON.stringify(funded)}`)
      return client
    },
    status: async () => statusSchema.parse(await (await fetch(`${url}/_local/status`)).json()),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    },
  }
}

export const forget = (dataDir: string): void => rmSync(dataDir, { recursive: true, force: true })

/** Reads until the answer satisfies, or fails with the last one. */
export const eventually = async <Value>(
  read: () => Promise<Value>,
  satisfies: (value: Value) => boolean,
  withinMillis = 60_000,
): Promise<Value> => {
  const deadline = Date.now() + withinMillis
  for (;;) {
    const value = await read()
    if (satisfies(value)) return value
    if (Date.now() > deadline) throw new Error(`not within ${withinMillis} ms: ${JSON.stringify(value)}`)
    await new Promise(resume => setTimeout(resume, 50))
  }
}

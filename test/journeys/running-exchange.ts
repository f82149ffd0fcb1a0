import { relative } from 'node:path'
import * as z from 'zod'
import { type ExchangeClient, signIn } from '#bin/client.ts'
import { ask } from '#test/support/services/ask.ts'

/**
 * The one local exchange of all journeys, started as `npm start` does it, on a port and in a data directory of its own,
 * and ended with jest. Journeys run side by side on it: accounts, instruments and queues have names of their own, and
 * what would disturb the others is in a file of `afterJourneys` (test/support/services/turns.ts).
 */
export interface RunningExchange {
  readonly url: string
  readonly dataDir: string
  /** The synthesized assembly that it runs. */
  readonly assembly: string
  as(account: string, role?: string): Promise<ExchangeClient>
  /** A trader whose account is open and funded. */
  trader(account: string, cash?: string): Promise<ExchangeClient>
  status(): Promise<Status>
}

const told = z.object({ url: z.url(), dataDir: z.string(), assembly: z.string() })

export interface JourneysRun {
  /** All that there are have run, and none has failed. */
  readonly haveAllPassed: boolean
  /** Where the AWS calls of functions and tasks are recorded. */
  readonly calls: string
}
const journeysTold = z.object({ isTurn: z.boolean(), haveAllPassed: z.boolean(), calls: z.string() })

const statusSchema = z.object({
  pid: z.number(),
  tasks: z.array(z.object({ service: z.string(), pid: z.number() })),
  aws: z.record(z.string(), z.string()),
  buses: z.array(z.string()),
})
export type Status = z.infer<typeof statusSchema>

/** Starts it where it does not run yet, or no longer. */
export const runningExchange = async (): Promise<RunningExchange> => {
  const places = told.parse(await ask('exchange'))
  const { url } = places
  const wait = { prefer: 'wait=10' }
  const as = (account: string, role = 'trader') => signIn(url, account, role)
  return {
    ...places,
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
  }
}

/** Asks it to end by SIGTERM and tells how it did: `exit code 0`. What it kept is there when it is next asked for. */
export const stopExchange = async (): Promise<string> =>
  z.object({ ended: z.string() }).parse(await ask('stop-exchange')).ended

/** For those of `afterJourneys`: waits until all other journeys of this run have ended. */
export const afterTheJourneys = async (filename: string): Promise<JourneysRun> => {
  const file = relative(process.cwd(), filename)
  for (;;) {
    const { isTurn, ...told } = journeysTold.parse(await ask('journeys', file))
    if (isTurn) return told
    await new Promise(resume => setTimeout(resume, 100))
  }
}

/** Reads until the answer satisfies, or fails with the last one. */
export const eventually = async <Value>(
  read: () => Promise<Value>,
  satisfies: (value: Value) => boolean,
  withinMillis = 120_000,
): Promise<Value> => {
  const deadline = Date.now() + withinMillis
  for (;;) {
    const value = await read()
    if (satisfies(value)) return value
    if (Date.now() > deadline) throw new Error(`not within ${withinMillis} ms: ${JSON.stringify(value)}`)
    await new Promise(resume => setTimeout(resume, 50))
  }
}

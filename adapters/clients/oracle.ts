import * as z from 'zod'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'
import { outsideService, type Patience } from './outside-service.ts'
import { once } from './transport.ts'

/** A quote as the oracle service tells it; whether it is one of the index is for others to say. */
const quote = z.object({ source: z.string().max(64), level: z.string().max(64), timestamp: z.iso.datetime() })
const answer = z.object({ quotes: z.array(quote).max(200) })
export type OracleQuote = z.infer<typeof quote>

const mostBytes = 256 * 1024
const usualPatience: Patience = { timeoutMillis: 2_000, mostRetries: 2, firstPauseMillis: 200, openMillis: 60_000 }

export interface Oracle {
  /** What the oracle's sources quote for an index. Rejects where it does not answer in time, or with something else. */
  quotesOf(index: string): Promise<readonly OracleQuote[]>
}

export const oracleAt = (url: string, patience: Patience = usualPatience): Oracle => {
  const service = outsideService({ name: 'the oracle service', url, mostBytes, patience })
  return {
    quotesOf: index =>
      service.ask(
        { method: 'GET', path: `/quotes?index=${encodeURIComponent(index)}`, expected: [200] },
        ({ text }) => answer.parse(JSON.parse(text)).quotes,
      ),
  }
}

/** The tenant's oracle service; undefined where it has none. */
export const oracle = once((): Oracle | undefined => {
  const url = process.env[oracleEnvironmentVariable]
  return url === undefined || url === '' ? undefined : oracleAt(url)
})

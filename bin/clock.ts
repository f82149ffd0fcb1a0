/** `npm run clock -- --forward 3d`: moves the clock of the running exchange forward. */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { exchangeUrl } from './running.ts'

const unitMillis: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

try {
  console.log(await forward())
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function forward(): Promise<string> {
  const forward_millis = askedMillis()
  const url = `${exchangeUrl()}/_local/clock`
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ forward_millis }) }).catch(cause => {
    throw new Error(`no exchange answers at ${url}: start one with npm start`, { cause })
  })
  const body: unknown = await response.json()
  const refused = z.object({ message: z.string() }).safeParse(body)
  if (!response.ok) throw new Error(refused.data?.message ?? `${url} answered ${response.status}`)
  const { before, now } = z.object({ before: z.string(), now: z.string() }).parse(body)
  return `${before} -> ${now}`
}

function askedMillis(): number {
  const { values } = parseArgs({ options: { forward: { type: 'string' } } })
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(values.forward ?? '') ?? []
  const millis = Number(count) * (unitMillis[unit] ?? 0)
  if (!(millis > 0)) throw new Error('usage: npm run clock -- --forward 3d (or 2h, 10m, 30s)')
  return millis
}

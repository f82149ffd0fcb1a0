import { createHash } from 'node:crypto'
import { uptimePercent } from '#domain/sla/assessment.ts'
import { balances } from '#domain/sla/penalty-ledger.ts'
import type { Reading } from '#domain/sla/readings.ts'
import {
  closingMillis,
  openSlaBook,
  type SettledMonth,
  type SlaSettlement,
  settledAtOnce,
} from '#domain/sla/sla-book.ts'
import type { SlaContract } from '#domain/sla/sla-contract.ts'
import { decimalOfMicros } from '#domain/units.ts'

/** What of a settlement must be the same, bit for bit, in whatever order its readings came. */
export interface Digest {
  readonly windows: string
  readonly settlement: string
}

export interface Delivery {
  readonly order: string
  readonly delivered: number
  readonly duplicates: number
  /** Windows that were made anew after they had been closed. */
  readonly corrections: number
  /** Entries of the ledger, reversing ones among them, and what all of them add up to. */
  readonly entries: number
  readonly reversals: number
  readonly ledgerSumMicros: string
  readonly digest: Digest
  readonly agrees: boolean
}

export interface MonthResult {
  readonly month: string
  readonly windows: number
  readonly up_s: number
  readonly degraded_s: number
  readonly down_s: number
  readonly unknown_s: number
  readonly uptime_percent: string
  readonly is_breached: boolean
  readonly credit_ppm: number
  readonly penalty: string
}

export interface SlaResult {
  readonly batch: {
    readonly windows: number
    readonly months: readonly MonthResult[]
    readonly balances: Readonly<Record<string, string>>
    readonly digest: Digest
  }
  readonly deliveries: readonly Delivery[]
  readonly agrees: boolean
}

const sha256 = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

const monthResult = ({ month, totals, assessment }: SettledMonth): MonthResult => {
  if (!assessment.priced) throw new Error(`${month}: ${assessment.field} ${assessment.code}`)
  const { uptime, isBreached, creditPpm, penaltyMicros } = assessment.value
  return {
    month,
    windows: totals.windows,
    up_s: totals.upSeconds,
    degraded_s: totals.degradedSeconds,
    down_s: totals.downSeconds,
    unknown_s: totals.unknownSeconds,
    uptime_percent: uptimePercent(uptime),
    is_breached: isBreached,
    credit_ppm: creditPpm,
    penalty: decimalOfMicros(penaltyMicros),
  }
}

const balancesOf = ({ entries }: SlaSettlement): Readonly<Record<string, string>> =>
  Object.fromEntries([...balances(entries)].map(([account, sum]) => [account, decimalOfMicros(sum)]))

/** Versions and reversed entries tell the order in which things came; windows, assessments and balances must not. */
const digestOf = (settlement: SlaSettlement): Digest => ({
  windows: sha256(settlement.windows),
  settlement: sha256([settlement.months.map(monthResult), nonZero(balancesOf(settlement))]),
})

const nonZero = (of: Readonly<Record<string, string>>) => Object.entries(of).filter(([, sum]) => sum !== '0')

/** The usual small generator (mulberry32): the same orders in each run. */
const generator = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const sortedBy = (readings: readonly Reading[], key: (reading: Reading) => number): readonly Reading[] =>
  readings
    .map(reading => ({ reading, at: key(reading) }))
    .sort((one, other) => one.at - other.at)
    .map(({ reading }) => reading)

/**
 * In what order the readings come; what comes behind the watermark is a correction of what was closed. Between one part
 * and the next all that is over by then is assessed, so that corrections of it reverse what was posted.
 */
const orders: readonly {
  readonly order: string
  readonly of: (readings: readonly Reading[], random: () => number) => readonly (readonly Reading[])[]
}[] = [
  { order: 'as measured', of: readings => [readings] },
  {
    order: 'up to six hours late, a tenth of them twice',
    of: (readings, random) => [
      sortedBy(
        readings.flatMap(reading => (random() < 0.1 ? [reading, reading] : [reading])),
        ({ atMillis }) => atMillis + random() * 6 * 3_600_000,
      ),
    ],
  },
  {
    order: 'a twentieth after all was assessed',
    of: (readings, random) => {
      const late = new Set(readings.filter(() => random() < 0.05))
      return [readings.filter(reading => !late.has(reading)), [...late]]
    },
  },
  { order: 'shuffled, each twice', of: (readings, random) => [sortedBy([...readings, ...readings], random)] },
]

const progressEvery = 512

/** The batch over all readings at once, and the stream in each of the orders; `told` hears how far it is. */
export const runSeries = (
  contract: SlaContract,
  readings: readonly Reading[],
  told: (part: number) => void = () => undefined,
): SlaResult => {
  const batch = settledAtOnce(contract, readings)
  const expected = digestOf(batch)
  const deliveries = orders.map(({ order, of }, index): Delivery => {
    const parts = of(readings, generator(index + 1))
    const delivered = parts.reduce((sum, { length }) => sum + length, 0)
    const book = openSlaBook(contract)
    let newestMillis = contract.periodStartMillis
    let [taken, duplicates] = [0, 0]
    for (const part of parts) {
      for (const reading of part) {
        if (book.take(reading) === 'known') duplicates += 1
        newestMillis = Math.max(newestMillis, reading.atMillis)
        book.advance(newestMillis)
        taken += 1
        if (taken % progressEvery === 0) told((index + taken / delivered) / orders.length)
      }
      book.advance(closingMillis(contract.periodEndMillis))
      book.assess()
    }
    const settlement = book.settlement()
    const digest = digestOf(settlement)
    return {
      order,
      delivered,
      duplicates,
      corrections: book.corrections(),
      entries: settlement.entries.length,
      reversals: settlement.entries.filter(({ kind }) => kind === 'reversal').length,
      ledgerSumMicros: String(settlement.entries.reduce((sum, { amountMicros }) => sum + BigInt(amountMicros), 0n)),
      digest,
      agrees: digest.windows === expected.windows && digest.settlement === expected.settlement,
    }
  })
  return {
    batch: {
      windows: batch.windows.length,
      months: batch.months.map(monthResult),
      balances: balancesOf(batch),
      digest: expected,
    },
    deliveries,
    agrees: deliveries.every(({ agrees, ledgerSumMicros }) => agrees && ledgerSumMicros === '0'),
  }
}

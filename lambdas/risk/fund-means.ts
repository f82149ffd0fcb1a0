import { type BalanceRow, getBalance } from '#adapters/tables/balances.ts'
import { type LedgerEntry, listLedgerEntries } from '#adapters/tables/ledger-entries.ts'
import { fundLimitMicros } from '#domain/margin/loss-allocation.ts'
import type { InsuranceFund } from '../shell/insurance-fund.ts'

export interface FundMeans {
  readonly cashMicros: number
  /** Not held. */
  readonly freeMicros: number
  readonly highestMicros: number
  /** For losses, since then. */
  readonly paidMicros: number
  /** What it may pay yet. */
  readonly allowedMicros: number
}

const windowMillis = 8 * 3_600_000
const entriesOfRead = 500

/** What the fund may pay until winners share: a part of its highest balance of the last eight hours, less what it has paid in them. */
export const fundMeans = async (fund: InsuranceFund, limitPpm: number, nowMillis: number): Promise<FundMeans> => {
  const [balance, entries] = await Promise.all([
    getBalance(fund.accountId, 'USD'),
    entriesSince(fund.accountId, nowMillis - windowMillis),
  ])
  const { cashMicros = 0, heldMicros = 0 }: Partial<BalanceRow> = balance ?? {}
  const [oldest] = entries.slice(-1)
  const atFirst = oldest === undefined ? cashMicros : oldest.balanceMicros - oldest.amountMicros
  const highestMicros = entries.reduce(
    (most, { balanceMicros }) => Math.max(most, balanceMicros),
    Math.max(atFirst, cashMicros, 0),
  )
  const paidMicros = entries.reduce(
    (sum, { kind, amountMicros }) => sum + (kind === 'loss-cover' ? -amountMicros : 0),
    0,
  )
  const freeMicros = Math.max(0, cashMicros - heldMicros)
  const allowedMicros = Math.max(0, fundLimitMicros(highestMicros, limitPpm) - paidMicros)
  return { cashMicros, freeMicros, highestMicros, paidMicros, allowedMicros }
}

/** Newest first. */
const entriesSince = async (accountId: number, sinceMillis: number): Promise<readonly LedgerEntry[]> => {
  const found: LedgerEntry[] = []
  let after: string | undefined
  for (;;) {
    const { rows, next } = await listLedgerEntries(accountId, {
      limit: entriesOfRead,
      ...(after === undefined ? {} : { after }),
    })
    const recent = rows.filter(({ atMillis }) => atMillis >= sinceMillis)
    found.push(...recent)
    if (next === undefined || recent.length < rows.length) return found
    after = next
  }
}

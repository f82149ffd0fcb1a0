/** One side of a posting. A posting's entries sum to zero; nothing that was posted is ever changed. */
export interface PenaltyEntry {
  readonly month: string
  /** Of the assessment that posted it. */
  readonly version: number
  /** Within the posting, from 1. */
  readonly leg: number
  readonly kind: 'penalty' | 'reversal'
  /** Of a reversal: the version whose entry it takes back. */
  readonly reversesVersion?: number
  readonly account: string
  /** What the account is to get; less than zero: to pay. */
  readonly amountMicros: number
}

interface Parties {
  readonly providerAccount: string
  readonly buyerAccount: string
}

/** The entries of a month's penalty that no later version has taken back. */
export const standingEntries = (entries: readonly PenaltyEntry[], month: string): readonly PenaltyEntry[] => {
  const ofMonth = entries.filter(entry => entry.month === month)
  const reversed = new Set(ofMonth.map(({ reversesVersion }) => reversesVersion))
  return ofMonth.filter(({ kind, version }) => kind === 'penalty' && !reversed.has(version))
}

/** What stands as the month's penalty: what the provider is to pay for it. */
export const standingPenaltyMicros = (entries: readonly PenaltyEntry[], month: string): number =>
  standingEntries(entries, month).reduce((sum, { amountMicros }) => sum + Math.max(amountMicros, 0), 0)

/**
 * What a version of a month's assessment adds to the ledger: where its penalty is another than the one that stands, that
 * is reversed entry by entry, and the new one posted. Nothing where it is the same.
 */
export const penaltyEntries = (
  { providerAccount, buyerAccount }: Parties,
  posting: { readonly month: string; readonly version: number; readonly penaltyMicros: number },
  before: readonly PenaltyEntry[],
): readonly PenaltyEntry[] => {
  const { month, version, penaltyMicros } = posting
  if (standingPenaltyMicros(before, month) === penaltyMicros) return []
  const reversals = standingEntries(before, month).map(entry => ({
    kind: 'reversal' as const,
    reversesVersion: entry.version,
    account: entry.account,
    amountMicros: -entry.amountMicros,
  }))
  const penalty =
    penaltyMicros === 0
      ? []
      : [
          { kind: 'penalty' as const, account: providerAccount, amountMicros: -penaltyMicros },
          { kind: 'penalty' as const, account: buyerAccount, amountMicros: penaltyMicros },
        ]
  return [...reversals, ...penalty].map((entry, at) => ({ ...entry, month, version, leg: at + 1 }))
}

/** What each account is to get or to pay in all, by account; the sum is zero. */
export const balances = (entries: readonly PenaltyEntry[]): ReadonlyMap<string, bigint> => {
  const sums = new Map<string, bigint>()
  for (const { account, amountMicros } of entries) sums.set(account, (sums.get(account) ?? 0n) + BigInt(amountMicros))
  return new Map([...sums].sort(([one], [other]) => (one < other ? -1 : 1)))
}

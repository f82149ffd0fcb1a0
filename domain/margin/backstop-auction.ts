const { abs, min } = Math

/** What one bidder offers to take over of one instrument, at one price. */
export interface BackstopBid {
  readonly accountId: number
  readonly priceTicks: number
  readonly lots: number
}

/**
 * Who takes over what: the best price first, at the bidder's own price; where the lots end within a price they are shared in
 * proportion to what was bid there, by largest remainder, ties to the lower account id.
 *
 * `signedLots` is what is given up: positive of a long position, for which a higher price is better, negative of a short
 * one, for which a lower one is. What is bid beyond `reserveTicks` is worse than nothing and left out. Pure integers; each
 * account at most one bid, each of at least one lot. Answers awards in that order; they may be fewer lots than are offered.
 */
export const awardLots = (
  signedLots: number,
  reserveTicks: number,
  bids: readonly BackstopBid[],
): readonly BackstopBid[] => {
  const isLong = signedLots > 0
  const levels = new Map<number, BackstopBid[]>()
  for (const bid of bids) {
    if (isLong ? bid.priceTicks < reserveTicks : bid.priceTicks > reserveTicks) continue
    levels.set(bid.priceTicks, [...(levels.get(bid.priceTicks) ?? []), bid])
  }
  const awards: BackstopBid[] = []
  let left = abs(signedLots)
  for (const [, level] of [...levels].sort(([a], [b]) => (isLong ? b - a : a - b))) {
    if (left === 0) break
    for (const award of shared(left, level)) {
      awards.push(award)
      left -= award.lots
    }
  }
  return awards
}

/** All of a price where the lots reach, else each in proportion. */
const shared = (lots: number, level: readonly BackstopBid[]): readonly BackstopBid[] => {
  const byAccount = level.toSorted((a, b) => a.accountId - b.accountId)
  const total = level.reduce((sum, bid) => sum + BigInt(bid.lots), 0n)
  if (total <= BigInt(lots)) return byAccount
  const parts = byAccount.map(bid => {
    const product = BigInt(lots) * BigInt(bid.lots)
    return { bid, lots: Number(product / total), remainder: product % total }
  })
  let left = lots - parts.reduce((sum, part) => sum + part.lots, 0)
  // Stable: of equal remainders the lower account comes first.
  for (const part of parts.toSorted((a, b) => (a.remainder > b.remainder ? -1 : a.remainder < b.remainder ? 1 : 0))) {
    const more = min(left, 1)
    part.lots += more
    left -= more
  }
  return parts.flatMap(part => (part.lots === 0 ? [] : [{ ...part.bid, lots: part.lots }]))
}

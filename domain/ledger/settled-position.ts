import type { Instrument } from '../reference/instrument.ts'

/** A position after a payment, and what it was paid. */
export interface SettledPosition {
  readonly sizeLots: number
  readonly entryTickLots: number
  /** Negative: it pays. */
  readonly paidMicros: number
}

export type Payment = 'variation' | 'leg' | 'distribution' | 'final'

/**
 * What a payment at a price, in ticks per lot, makes of a position of so many lots (signed) and entry cost (signed, in
 * ticks times lots), where the contract is `before` and `after` it. The sum of cash − entry × micros over all holders is
 * the same before and after, since their lots sum to zero: what some are paid the others pay.
 *
 * A variation settles the position at the price and enters it again there. A leg of a swap realises its part of the money
 * and leaves the entry, which is a rate. A distribution is paid on top of what the contract is worth later, so that it
 * can be worth less from then on: what of an entry lies above the new highest price is lost or won for certain, and is
 * realised with it. So an entry is never above what the position could be worth, and whoever could pay for the position
 * before can pay for what is left of it.
 */
export const settledPosition = (
  payment: Payment,
  sizeLots: number,
  entryTickLots: number,
  priceTicks: number,
  before: Instrument,
  after: Instrument,
): SettledPosition => {
  const value = sizeLots * priceTicks + 0
  const { microsPerTickLot } = before
  switch (payment) {
    case 'variation':
      return { sizeLots, entryTickLots: value, paidMicros: (value - entryTickLots) * microsPerTickLot }
    case 'leg':
      return {
        sizeLots,
        entryTickLots,
        paidMicros: (value - entryTickLots) * (microsPerTickLot - after.microsPerTickLot),
      }
    case 'distribution': {
      const most = sizeLots * after.maxPriceTicks + 0
      const kept = Math.abs(entryTickLots) > Math.abs(most) ? most : entryTickLots
      return { sizeLots, entryTickLots: kept, paidMicros: (value + kept - entryTickLots) * microsPerTickLot }
    }
    case 'final':
      return { sizeLots: 0, entryTickLots: 0, paidMicros: (value - entryTickLots) * microsPerTickLot }
  }
}

/**
 * So many of all short lots, pro rata: each holder's share rounded down, and what is left over one lot each to those whose
 * share was cut by most (the largest remainder), of equals to the first. Sums exactly; no share is a lot away from its
 * part, nor above what the holder has. Lots are above zero, `lots` at most their sum.
 */
export const assigned = (lots: number, shorts: readonly number[]): readonly number[] => {
  const all = shorts.reduce((sum, short) => sum + BigInt(short), 0n)
  const parts = shorts.map((short, index) => {
    const product = BigInt(lots) * BigInt(short)
    return { index, share: Number(product / all), remainder: product % all }
  })
  let left = lots - parts.reduce((sum, { share }) => sum + share, 0)
  const shares = parts.map(({ share }) => share)
  const byRemainder = parts.toSorted((a, b) => {
    if (a.remainder !== b.remainder) return a.remainder > b.remainder ? -1 : 1
    return a.index - b.index
  })
  for (const { index, share } of byRemainder) {
    if (left === 0) break
    shares[index] = share + 1
    left -= 1
  }
  return shares
}

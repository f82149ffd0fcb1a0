import type { Direction } from '#domain/trading/commands.ts'
import type { PositionState } from '#domain/trading/events.ts'
import {
  left,
  type NaiveFill,
  type NaiveListing,
  type NaiveMarket,
  type NaiveOrder,
  type Refusal,
} from './naive-market.ts'

export const maxExposureMicros = 2 ** 51

/** Cash, positions, and what an account can carry: nothing is kept, all of it is summed from deposits, fills and open orders. */
export const createNaiveLedger = ({ accounts, listings, orders, fills }: NaiveMarket) => {
  const feeOf = (ppm: number, micros: number): number => Number((BigInt(ppm) * BigInt(micros)) / 1_000_000n)
  const fillsOf = (accountId: number, listing: NaiveListing): NaiveFill[] =>
    fills.filter(fill => fill.accountId === accountId && fill.listing === listing)

  /** What closes leaves at its share of the entry cost, rounded down. */
  const positionOf = (accountId: number, listing: NaiveListing): PositionState => {
    let [size, entry, realised] = [0, 0, 0]
    for (const { signedLots, priceTicks } of fillsOf(accountId, listing)) {
      const isClosing = size !== 0 && size > 0 !== signedLots > 0
      const closed = isClosing ? Math.min(Math.abs(size), Math.abs(signedLots)) : 0
      const paid = closed === 0 ? 0 : Number((BigInt(Math.abs(entry)) * BigInt(closed)) / BigInt(Math.abs(size)))
      realised += Math.sign(size) * (closed * priceTicks - paid) * listing.instrument.microsPerTickLot
      entry += Math.sign(signedLots) * (Math.abs(signedLots) - closed) * priceTicks - Math.sign(size) * paid
      size += signedLots
    }
    return { sizeLots: size, entryTickLots: entry, realisedMicros: realised }
  }
  const feesOf = (accountId: number): number =>
    fills.reduce((sum, fill) => (fill.accountId === accountId ? sum + fill.feeMicros : sum), 0)
  const cashMicros = (accountId: number): number =>
    (accounts[accountId - 1]?.depositedMicros ?? 0) -
    feesOf(accountId) +
    listings.reduce((sum, listing) => sum + positionOf(accountId, listing).realisedMicros, 0)

  /** Those that need cash: stops do not before they are triggered. */
  const openOf = (accountId: number, listing: NaiveListing): NaiveOrder[] =>
    orders.filter(
      order => order.placed.accountId === accountId && order.listing === listing && order.place !== 'waiting',
    )
  /** What the account would own if its open orders of one side filled and the contract settled at this price. */
  const resultMicros = (accountId: number, listing: NaiveListing, settleTicks: number, filled: Direction): number => {
    let ticks = 0
    for (const { signedLots, priceTicks } of fillsOf(accountId, listing))
      ticks += signedLots * (settleTicks - priceTicks)
    for (const order of openOf(accountId, listing))
      if (order.placed.direction === filled)
        ticks += left(order) * (filled === 'buy' ? settleTicks - order.priceTicks : order.priceTicks - settleTicks)
    return ticks * listing.instrument.microsPerTickLot
  }
  const reserveMicros = (order: NaiveOrder): number => {
    const { maxCommissionPpm, microsPerTickLot } = order.listing.instrument
    return feeOf(maxCommissionPpm, order.priceTicks * left(order) * microsPerTickLot)
  }
  const spareMicros = (accountId: number): number => {
    let spare = (accounts[accountId - 1]?.depositedMicros ?? 0) - feesOf(accountId)
    for (const listing of listings) {
      const atZero = resultMicros(accountId, listing, 0, 'buy')
      spare += Math.min(atZero, resultMicros(accountId, listing, listing.instrument.maxPriceTicks, 'sell'))
      for (const order of openOf(accountId, listing)) spare -= reserveMicros(order)
    }
    return spare
  }
  const isTooLarge = (accountId: number, listing: NaiveListing): boolean => {
    const open = openOf(accountId, listing).reduce((sum, order) => sum + left(order), 0)
    const { sizeLots, realisedMicros } = positionOf(accountId, listing)
    const { maxPriceTicks, microsPerTickLot } = listing.instrument
    const exposureMicros = (Math.abs(sizeLots) + open) * maxPriceTicks * microsPerTickLot
    return exposureMicros > maxExposureMicros || Math.abs(realisedMicros) + exposureMicros > Number.MAX_SAFE_INTEGER
  }
  const fundsRefusal = (order: NaiveOrder, isMore = true): Refusal => {
    const { accountId } = order.placed
    if (isMore && isTooLarge(accountId, order.listing)) return 'notional-too-large'
    return spareMicros(accountId) < 0 ? 'insufficient-funds' : undefined
  }

  return { feeOf, positionOf, cashMicros, spareMicros, isTooLarge, fundsRefusal }
}

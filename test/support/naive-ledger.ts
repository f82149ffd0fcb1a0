import type { Direction } from '#domain/trading/commands.ts'
import type { PositionState } from '#domain/trading/events.ts'
import {
  isFill,
  left,
  type NaiveFill,
  type NaiveListing,
  type NaiveMarket,
  type NaiveOrder,
  type NaivePayment,
  type Refusal,
} from './naive-market.ts'

export const maxExposureMicros = 2 ** 51

/**
 * Cash, positions, and what an account can carry: nothing is kept, all of it is summed from deposits, fills, payments and
 * open orders.
 */
export const createNaiveLedger = ({ accounts, listings, orders, history }: NaiveMarket) => {
  const feeOf = (ppm: number, micros: number): number => Number((BigInt(ppm) * BigInt(micros)) / 1_000_000n)
  /** What happened to an account's position in an instrument, from first to last. */
  const historyOf = (accountId: number, listing: NaiveListing): (NaiveFill | NaivePayment)[] =>
    history.filter(each => each.listing === listing && (!isFill(each) || each.accountId === accountId))

  /** Of this very history: the same sums are asked for many times between two fills. */
  const summed = new Map<NaiveListing, Map<number, PositionState>>()
  let summedTo: { readonly length: number; readonly last: NaiveFill | NaivePayment | undefined } | undefined
  const positionOf = (accountId: number, listing: NaiveListing): PositionState => {
    const last = history.at(-1)
    if (summedTo?.length !== history.length || summedTo.last !== last) {
      summed.clear()
      summedTo = { length: history.length, last }
    }
    const ofListing = summed.get(listing) ?? new Map<number, PositionState>()
    summed.set(listing, ofListing)
    const position = ofListing.get(accountId) ?? sumOf(accountId, listing)
    ofListing.set(accountId, position)
    return position
  }
  /** What closes leaves at its share of the entry cost, rounded down. */
  const sumOf = (accountId: number, listing: NaiveListing): PositionState => {
    let [size, entry, realised] = [0, 0, 0]
    let [legs, cap] = [listing.legs, listing.capTicks]
    for (const each of historyOf(accountId, listing)) {
      const { priceTicks } = each
      const micros = legs * listing.legMicros
      if (isFill(each)) {
        const { signedLots } = each
        const isClosing = size !== 0 && size > 0 !== signedLots > 0
        const closed = isClosing ? Math.min(Math.abs(size), Math.abs(signedLots)) : 0
        const paid = closed === 0 ? 0 : Number((BigInt(Math.abs(entry)) * BigInt(closed)) / BigInt(Math.abs(size)))
        realised += Math.sign(size) * (closed * priceTicks - paid) * micros
        entry += Math.sign(signedLots) * (Math.abs(signedLots) - closed) * priceTicks - Math.sign(size) * paid
        size += signedLots
        continue
      }
      if (size !== 0)
        switch (each.kind) {
          case 'variation':
            realised += (size * priceTicks - entry) * micros
            entry = size * priceTicks
            break
          case 'leg':
            realised += (size * priceTicks - entry) * listing.legMicros
            break
          case 'distribution': {
            realised += size * priceTicks * micros
            // What was bought above all that it can still be worth is lost as far as it is.
            const certain = Math.max(0, Math.abs(entry) - Math.abs(size) * (cap - priceTicks)) * Math.sign(size)
            realised -= certain * micros
            entry -= certain
            break
          }
          case 'final':
            realised += (size * priceTicks - entry) * micros
            size = 0
            entry = 0
        }
      if (each.kind === 'leg') legs -= 1
      if (each.kind === 'distribution') cap -= priceTicks
    }
    return { sizeLots: size, entryTickLots: entry, realisedMicros: realised }
  }
  const feesOf = (accountId: number): number =>
    history.reduce((sum, each) => (isFill(each) && each.accountId === accountId ? sum + each.feeMicros : sum), 0)
  const cashMicros = (accountId: number): number =>
    (accounts[accountId - 1]?.depositedMicros ?? 0) -
    feesOf(accountId) +
    listings.reduce((sum, listing) => sum + positionOf(accountId, listing).realisedMicros, 0)

  /** Those that need cash: stops do not before they are triggered. */
  const openOf = (accountId: number, listing: NaiveListing): NaiveOrder[] =>
    orders.filter(
      order => order.placed.accountId === accountId && order.listing === listing && order.place !== 'waiting',
    )
  /**
   * What the account would own if its open orders of one side filled and the contract settled at this price: of each fill
   * what was paid since, and what is left is worth then, without what it cost.
   */
  const resultMicros = (accountId: number, listing: NaiveListing, settleTicks: number, filled: Direction): number => {
    let micros = 0
    const all = historyOf(accountId, listing)
    for (const [index, fill] of all.entries()) {
      if (!isFill(fill)) continue
      const payments = all.slice(index).flatMap(each => (isFill(each) ? [] : [each]))
      const paidLater = payments.filter(({ kind }) => kind === 'leg').length
      const legsNow = listing.legs - all.filter(each => !isFill(each) && each.kind === 'leg').length
      const isFinal = payments.some(({ kind }) => kind === 'final')
      const wholeMicros = (legsNow + paidLater) * listing.legMicros
      let worth = isFinal ? 0 : settleTicks * legsNow * listing.legMicros
      for (const { kind, priceTicks } of payments) {
        if (kind === 'leg') worth += priceTicks * listing.legMicros
        if (kind === 'distribution') worth += priceTicks * wholeMicros
        if (kind === 'final') worth += priceTicks * legsNow * listing.legMicros
      }
      micros += fill.signedLots * (worth - fill.priceTicks * wholeMicros)
    }
    for (const order of openOf(accountId, listing))
      if (order.placed.direction === filled)
        micros +=
          left(order) *
          (filled === 'buy' ? settleTicks - order.priceTicks : order.priceTicks - settleTicks) *
          listing.instrument.microsPerTickLot
    return micros
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
  /** If all that is open on its side filled. */
  const isBeyondLimit = ({ placed, listing }: NaiveOrder): boolean => {
    const { positionLimit, minTradeAmount } = listing.instrument.specification
    const limitLots = Number(positionLimit) / Number(minTradeAmount)
    if (limitLots === 0) return false
    const open = openOf(placed.accountId, listing)
      .filter(order => order.placed.direction === placed.direction)
      .reduce((sum, order) => sum + left(order), 0)
    const { sizeLots } = positionOf(placed.accountId, listing)
    return (placed.direction === 'buy' ? sizeLots : -sizeLots) + open > limitLots
  }
  /** What cannot be, whatever the account owns. */
  const sizeRefusal = (order: NaiveOrder): Refusal => {
    if (isBeyondLimit(order)) return 'position-limit'
    return isTooLarge(order.placed.accountId, order.listing) ? 'notional-too-large' : undefined
  }

  return { feeOf, positionOf, cashMicros, spareMicros, reserveMicros, isTooLarge, sizeRefusal }
}

export type NaiveLedger = ReturnType<typeof createNaiveLedger>

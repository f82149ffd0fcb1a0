import type { Instrument } from '#domain/reference/instrument.ts'
import type {
  DelistInstrument,
  ExerciseOption,
  ExpireInstrument,
  SettleInstrument,
  SettlementKind,
} from '#domain/trading/commands.ts'
import type { CancelReason, Event, PaymentKind } from '#domain/trading/events.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import type { NaiveMargin } from './naive-margin.ts'
import {
  isCollateral,
  isFill,
  type NaiveListing,
  type NaiveMarket,
  type NaiveOrder,
  type Refusal,
} from './naive-market.ts'

/** What the life of contracts needs of the exchange around it. */
interface Surroundings {
  now(): number
  isPast(listing: NaiveListing): boolean
  tell(event: Event): void
  cancel(order: NaiveOrder, reason: CancelReason, commandId?: string): void
  isCovered(accountId: number): boolean
  shortCode(): 'insufficient-funds' | 'insufficient-margin'
  /** Undefined before engine version 4. */
  margin(): NaiveMargin | undefined
  /** All open orders of an instrument: each side best first, then what waits, by id. */
  inPriority(listing: NaiveListing): NaiveOrder[]
}

/** Decimals of the tests have six digits at most. */
const micros = (text: string): number => Math.round(Number(text) * 1_000_000)

/** Listing, ends, payments and exercise: docs/protocol/orders.md, contracts and payments. */
export const createNaiveContracts = (
  { accounts, listings, orders, history }: NaiveMarket,
  { positionOf, cashMicros }: NaiveLedger,
  { now, isPast, tell, cancel, inPriority, isCovered, shortCode, margin }: Surroundings,
) => {
  const named = (name: string): NaiveListing | undefined =>
    listings.find(({ instrument }) => instrument.specification.instrumentName === name)
  const payments = (listing: NaiveListing, kind: SettlementKind) =>
    history.flatMap(each => (!isFill(each) && each.listing === listing && each.kind === kind ? [each] : []))
  const isFinal = (listing: NaiveListing): boolean => payments(listing, 'final').length > 0
  const holders = (listing: NaiveListing): number[] =>
    accounts.map((_, index) => index + 1).filter(accountId => positionOf(accountId, listing).sizeLots !== 0)

  const mayBeListed = ({ terms, specification }: Instrument): boolean => {
    if (terms.kind !== 'option' || terms.underlyingInstrument === undefined) return true
    const future = named(terms.underlyingInstrument)
    if (future === undefined || future.state === 'expired' || isPast(future)) return false
    const { kind, settlement, expirationMillis } = future.instrument.specification
    return kind === 'future' && settlement === 'cash' && expirationMillis === specification.expirationMillis
  }

  const end = (listing: NaiveListing, reason: CancelReason, commandId: string): void => {
    Object.assign(listing, { state: 'expired', untilMillis: 0 })
    for (const order of inPriority(listing)) cancel(order, reason, commandId)
  }
  const expire = ({ instrumentId, commandId }: ExpireInstrument): Refusal => {
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.state === 'expired' || !isPast(listing)) return 'instrument-not-open'
    tell({ type: 'instrument-expired', commandId, instrumentId })
    end(listing, 'instrument-expired', commandId)
    return undefined
  }
  const delist = ({ instrumentId, commandId }: DelistInstrument): Refusal => {
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.state === 'expired' || isPast(listing)) return 'instrument-not-open'
    if (isCollateral(listing)) return 'is-collateral'
    const { instrumentName } = listing.instrument.specification
    for (const { state, instrument } of listings)
      if ('underlyingInstrument' in instrument.terms && instrument.terms.underlyingInstrument === instrumentName)
        if (state !== 'expired') return 'instrument-has-options'
    listing.isDelisted = true
    tell({ type: 'instrument-delisted', commandId, instrumentId })
    end(listing, 'instrument-delisted', commandId)
    return undefined
  }

  const settlementRefusal = (listing: NaiveListing, command: SettleInstrument): Refusal => {
    const { settlementKind, number, priceTicks } = command
    if (isFinal(listing)) return 'instrument-settled'
    const { kind } = listing.instrument.specification
    const isEnded = listing.state === 'expired'
    const made = payments(listing, settlementKind)
    if (settlementKind === 'variation' && (isEnded || isPast(listing))) return 'instrument-not-open'
    if (settlementKind === 'final' && !isEnded) return 'instrument-not-open'
    const legsLeft = listing.legs - payments(listing, 'leg').length
    const isNext = {
      variation: number > (made.at(-1)?.number ?? 0),
      leg: kind === 'swap' && number === made.length + 1 && legsLeft > 1,
      distribution: kind === 'structured_product' && number === made.length + 1,
      final: number === 0 && (listing.isDelisted || legsLeft === 1),
    }
    if (!isNext[settlementKind]) return 'settlement-out-of-order'
    if (settlementKind === 'final' && listing.instrument.specification.settlement === 'physical')
      return 'not-cash-settled'
    return priceTicks < 0 || priceTicks > listing.instrument.maxPriceTicks ? 'price-out-of-range' : undefined
  }
  const settle = (command: SettleInstrument): Refusal => {
    const listing = listings[command.instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (isCollateral(listing)) return 'is-collateral'
    const refusal = settlementRefusal(listing, command)
    if (refusal !== undefined) return refusal
    payAll(listing, command)
    return undefined
  }
  /** The end of what is delivered. */
  const settleFinally = (
    listing: NaiveListing,
    commandId: string,
    priceTicks: number,
    tellMore: () => void,
  ): Refusal => {
    const { instrumentId } = listing.instrument
    const final = { settlementKind: 'final', number: 0 } as const
    payAll(listing, { type: 'settle-instrument', commandId, instrumentId, priceTicks, ...final }, tellMore)
    return undefined
  }
  const payAll = (listing: NaiveListing, command: SettleInstrument, tellMore?: () => void): void => {
    const { instrumentId, settlementKind: kind, number, priceTicks, commandId } = command
    if (kind === 'leg' || kind === 'distribution')
      for (const order of inPriority(listing)) cancel(order, 'instrument-adjusted', commandId)
    const before = holders(listing).map(accountId => ({
      accountId,
      cash: cashMicros(accountId),
      size: positionOf(accountId, listing).sizeLots,
    }))
    history.push({ listing, kind, number, priceTicks })
    for (const { accountId, cash, size } of before)
      tellSettled(accountId, listing, commandId, kind, priceTicks, size, cash)
    if (kind !== 'variation') listing.adjustedAtMillis = now()
    const settledLegs = payments(listing, 'leg').length
    const distributedTicks = payments(listing, 'distribution').reduce((sum, each) => sum + each.priceTicks, 0)
    const adjustments = settledLegs + payments(listing, 'distribution').length
    listing.instrument = {
      ...listing.instrument,
      specificationVersion: 1 + adjustments,
      microsPerTickLot: (listing.legs - settledLegs) * listing.legMicros,
      maxPriceTicks: listing.capTicks - distributedTicks,
      settledLegs,
      distributedTicks,
    }
    if (kind === 'distribution') {
      listing.lastTicks = Math.max(0, listing.lastTicks - priceTicks)
      listing.markTicks = Math.max(0, listing.markTicks - priceTicks)
      listing.recent = []
    }
    tellMore?.()
    tell({
      type: 'instrument-settled',
      instrumentId,
      commandId,
      settlementKind: kind,
      number,
      priceTicks,
      holders: before.length,
      longLots: before.reduce((sum, { size }) => sum + Math.max(size, 0), 0),
      specificationVersion: 1 + adjustments,
      settledLegs,
      distributedTicks,
    })
    if (kind === 'leg' || kind === 'distribution') margin()?.adjust(listing)
    if (kind === 'final') for (const { accountId } of before) margin()?.watch(accountId)
  }
  const tellSettled = (
    accountId: number,
    listing: NaiveListing,
    commandId: string,
    settlementKind: PaymentKind,
    priceTicks: number,
    settledLots: number,
    cashBefore: number,
  ): void => {
    const cash = cashMicros(accountId)
    tell({
      type: 'position-settled',
      accountId,
      commandId,
      instrumentId: listing.instrument.instrumentId,
      settlementKind,
      priceTicks,
      settledLots,
      paidMicros: cash - cashBefore,
      position: positionOf(accountId, listing),
      cashMicros: cash,
    })
  }

  /** In the option's ticks, for each lot; 0 where it pays nothing. */
  const valueTicks = ({ instrument }: NaiveListing): number => {
    const { terms, specification, maxPriceTicks } = instrument
    if (terms.kind !== 'option') return 0
    const future = named(terms.underlyingInstrument ?? '')
    if (future === undefined || future.state === 'expired' || future.markTicks === 0) return 0
    const price = future.markTicks * micros(future.instrument.specification.tickSize)
    const strike = micros(terms.strike)
    const value = Math.max(0, terms.optionType === 'call' ? price - strike : strike - price)
    return Math.min(Math.floor(value / micros(specification.tickSize)), maxPriceTicks)
  }
  const exercise = (command: ExerciseOption): Refusal => {
    const { accountId, commandId, instrumentId, quantityLots } = command
    const listing = listings[instrumentId - 1]
    if (accounts[accountId - 1] === undefined) return 'unknown-account'
    if (listing === undefined) return 'unknown-instrument'
    const { terms } = listing.instrument
    if (terms.kind !== 'option' || terms.exercise === 'european') return 'not-exercisable'
    if (isPast(listing) || ['closed', 'expired'].includes(listing.state)) return 'instrument-not-open'
    const priceTicks = valueTicks(listing)
    if (priceTicks === 0) return 'not-exercisable'
    if (quantityLots < 1 || quantityLots > positionOf(accountId, listing).sizeLots) return 'amount-out-of-range'
    const fill = (accountId: number, signedLots: number): void =>
      void history.push({ accountId, listing, signedLots, priceTicks, feeMicros: 0 })
    const cash = cashMicros(accountId)
    fill(accountId, -quantityLots)
    if (!isCovered(accountId)) {
      history.pop()
      return shortCode()
    }
    tellSettled(accountId, listing, commandId, 'exercise', priceTicks, quantityLots, cash)
    const shorts = accounts
      .map((_, index) => ({ accountId: index + 1, lots: -positionOf(index + 1, listing).sizeLots }))
      .filter(({ lots }) => lots > 0)
    const all = shorts.reduce((sum, { lots }) => sum + lots, 0)
    const shares = shorts.map(short => {
      const exact = BigInt(quantityLots) * BigInt(short.lots)
      return { ...short, share: Number(exact / BigInt(all)), rest: Number(exact % BigInt(all)) }
    })
    const missing = quantityLots - shares.reduce((sum, { share }) => sum + share, 0)
    for (const cut of [...shares].sort((a, b) => b.rest - a.rest || a.accountId - b.accountId).slice(0, missing))
      cut.share += 1
    const assigned = shares.filter(({ share }) => share > 0)
    for (const { accountId: short, share } of assigned) {
      const before = cashMicros(short)
      fill(short, share)
      tellSettled(short, listing, commandId, 'assignment', priceTicks, -share, before)
      if (isCovered(short)) continue
      const own = orders.filter(
        order => order.listing === listing && order.placed.accountId === short && order.place === 'resting',
      )
      for (const order of own.sort((a, b) => (a.placed.orderId < b.placed.orderId ? -1 : 1))) cancel(order, shortCode())
      margin()?.watch(short)
    }
    listing.adjustedAtMillis = now()
    tell({ ...command, type: 'option-exercised', priceTicks, assignedAccounts: assigned.length })
    return undefined
  }

  const isTooLateToBust = (listing: NaiveListing, tradedAtMillis: number): boolean =>
    isFinal(listing) || (listing.adjustedAtMillis !== 0 && tradedAtMillis <= listing.adjustedAtMillis)

  return { mayBeListed, expire, delist, settle, settleFinally, exercise, isTooLateToBust }
}

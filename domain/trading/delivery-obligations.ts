import type { AccountRecord, Accounts, HoldingRecord } from '../ledger/accounts.ts'
import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { ObligateDeliveries, SettleDelivery } from './commands.ts'
import { writeEvent } from './event-messages.ts'
import type { LaneMargin } from './lane-margin.ts'
import type { Listing } from './listing.ts'
import { stateNumber } from './market-controls.ts'
import { isBeyondPaying, pay } from './owed-payment.ts'
import type { Tape } from './tape.ts'

type Refusal = RejectionCode | undefined

/** What a seller may have to pay for what it did not deliver, against what that was to cost. */
const mostCompensations = 10

interface Obligation {
  readonly buyer: AccountRecord
  readonly seller: AccountRecord
  readonly priceTicks: number
  readonly remainingLots: number
}

/** By instrument and number. */
export type DeliveryObligationsState = readonly {
  readonly instrumentId: number
  readonly deliveryNumber: number
  readonly buyAccountId: number
  readonly sellAccountId: number
  readonly priceTicks: number
  readonly remainingLots: number
}[]

interface Surroundings {
  readonly accounts: Accounts
  readonly listings: readonly (Listing | undefined)[]
  readonly told: Tape
  margin(): LaneMargin
  /** Closes all positions at the price, and tells whatever else follows before it tells the end. */
  settleFinally(listing: Listing, commandId: string, priceTicks: number, tellMore: () => void): void
}

/** What of futures is owed as compute once their positions are closed, and the money that is put by for it. From engine version 5 on. */
export class DeliveryObligations {
  /** By instrument, then by number. */
  private readonly owed = new Map<number, Map<number, Obligation>>()
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  obligate({ commandId, instrumentId, settlementTicks }: ObligateDeliveries): Refusal {
    const { accounts, listings } = this.surroundings
    const listing = listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    if (penaltyPpmOf(instrument) === undefined) return 'not-physically-settled'
    if (listing.settled.isFinal) return 'instrument-settled'
    if (listing.state !== stateNumber.expired) return 'instrument-not-open'
    if (settlementTicks < 0 || settlementTicks > instrument.maxPriceTicks) return 'price-out-of-range'
    // As they stand before they are closed.
    const pairs = paired(accounts, accounts.holdersOf(instrumentId), settlementTicks)
    this.surroundings.settleFinally(listing, commandId, settlementTicks, () => {
      for (const [index, obligation] of pairs.entries()) this.owe(instrument, index + 1, obligation, commandId)
    })
    return undefined
  }

  private owe(instrument: Instrument, deliveryNumber: number, obligation: Obligation, commandId: string): void {
    const { accounts, told } = this.surroundings
    const { instrumentId } = instrument
    const { buyer, seller, remainingLots: lots, priceTicks } = obligation
    const invoiceMicros = invoiceOf(instrument, obligation)
    this.putBy(buyer, invoiceMicros)
    this.putBy(seller, penaltyOf(instrument, obligation))
    const ofInstrument = this.owed.get(instrumentId) ?? new Map<number, Obligation>()
    this.owed.set(instrumentId, ofInstrument.set(deliveryNumber, obligation))
    writeEvent(told, {
      type: 'delivery-obligated',
      commandId,
      instrumentId,
      deliveryNumber,
      buyAccountId: accounts.idOfRecord(buyer),
      sellAccountId: accounts.idOfRecord(seller),
      lots,
      priceTicks,
      invoiceMicros,
      buyHeldMicros: accounts.heldMicros(buyer),
      sellHeldMicros: accounts.heldMicros(seller),
    })
  }

  settle(command: SettleDelivery): Refusal {
    const { commandId, instrumentId, deliveryNumber, lots, outcome, compensationMicros } = command
    const { accounts, listings, told } = this.surroundings
    const margin = this.surroundings.margin()
    const listing = listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    const { instrument } = listing
    const before = this.owed.get(instrumentId)?.get(deliveryNumber)
    if (before === undefined) return 'unknown-delivery'
    if (lots < 1 || lots > before.remainingLots) return 'amount-out-of-range'
    const after = { ...before, remainingLots: before.remainingLots - lots }
    const { buyer, seller } = before
    const invoiceMicros = invoiceOf(instrument, before) - invoiceOf(instrument, after)
    const freedBySeller = penaltyOf(instrument, before) - penaltyOf(instrument, after)
    const most = outcome === 'delivered' ? 0 : mostCompensations * invoiceMicros
    if (compensationMicros < 0 || compensationMicros > most) return 'amount-out-of-range'
    const [payer, payee, paidMicros] =
      outcome === 'delivered' ? [buyer, seller, invoiceMicros] : [seller, buyer, compensationMicros]
    const freedByPayer = outcome === 'delivered' ? invoiceMicros : freedBySeller
    if (isBeyondPaying(accounts, payer, payee, paidMicros - freedByPayer, paidMicros)) return 'exposure-too-large'
    this.putBy(buyer, 0 - invoiceMicros)
    this.putBy(seller, 0 - freedBySeller)
    pay(accounts, margin, payer, payee, paidMicros)
    const ofInstrument = this.owed.get(instrumentId)
    if (after.remainingLots > 0) ofInstrument?.set(deliveryNumber, after)
    else ofInstrument?.delete(deliveryNumber)
    if (ofInstrument?.size === 0) this.owed.delete(instrumentId)
    writeEvent(told, {
      type: 'delivery-settled',
      commandId,
      instrumentId,
      deliveryNumber,
      buyAccountId: accounts.idOfRecord(buyer),
      sellAccountId: accounts.idOfRecord(seller),
      lots,
      remainingLots: after.remainingLots,
      outcome,
      invoiceMicros,
      compensationMicros,
      buyCashMicros: accounts.cashMicros(buyer),
      sellCashMicros: accounts.cashMicros(seller),
      buyHeldMicros: accounts.heldMicros(buyer),
      sellHeldMicros: accounts.heldMicros(seller),
    })
    return undefined
  }

  /** Whether or not the account has as much: who is short by it is called once all is settled. */
  private putBy(account: AccountRecord, micros: number): void {
    this.surroundings.margin().addCash(account, 0 - micros)
    this.surroundings.accounts.addHold(account, micros, 0)
  }

  /** Undefined where nothing is owed. */
  capture(): DeliveryObligationsState | undefined {
    const { accounts } = this.surroundings
    if (this.owed.size === 0) return undefined
    return [...this.owed]
      .flatMap(([instrumentId, ofInstrument]) =>
        [...ofInstrument].map(([deliveryNumber, { buyer, seller, priceTicks, remainingLots }]) => ({
          instrumentId,
          deliveryNumber,
          buyAccountId: accounts.idOfRecord(buyer),
          sellAccountId: accounts.idOfRecord(seller),
          priceTicks,
          remainingLots,
        })),
      )
      .sort((a, b) => a.instrumentId - b.instrumentId || a.deliveryNumber - b.deliveryNumber)
  }

  /** Once accounts and listings are as they were, before anything is margined: with the holds. */
  restore(state: DeliveryObligationsState): void {
    const { accounts, listings } = this.surroundings
    for (const { instrumentId, deliveryNumber, buyAccountId, sellAccountId, ...left } of state) {
      const instrument = listings[instrumentId]?.instrument
      if (instrument === undefined)
        throw new Error(`the snapshot owes deliveries of ${instrumentId}, which is not listed`)
      const buyer = accounts.recordOf(buyAccountId)
      const seller = accounts.recordOf(sellAccountId)
      const obligation = { buyer, seller, ...left }
      accounts.addHold(buyer, invoiceOf(instrument, obligation), 0)
      accounts.addHold(seller, penaltyOf(instrument, obligation), 0)
      const ofInstrument = this.owed.get(instrumentId) ?? new Map<number, Obligation>()
      this.owed.set(instrumentId, ofInstrument.set(deliveryNumber, obligation))
    }
  }
}

/** Undefined of what is not delivered. */
const penaltyPpmOf = ({ terms }: Instrument): number | undefined =>
  terms.kind === 'future' ? terms.delivery?.penaltyPpm : undefined

const invoiceOf = ({ microsPerTickLot }: Instrument, { priceTicks, remainingLots }: Obligation): number =>
  remainingLots * priceTicks * microsPerTickLot

/** Of all that is left, so that parts sum exactly. */
const penaltyOf = (instrument: Instrument, obligation: Obligation): number => {
  const ppm = penaltyPpmOf(instrument) ?? 0
  return feeMicros(ppm, invoiceOf(instrument, obligation))
}

/** Longs with shorts, both ascending by account, each with as much as is left of both. */
const paired = (accounts: Accounts, holders: readonly HoldingRecord[], priceTicks: number): readonly Obligation[] => {
  const lotsOf = (sign: 1 | -1) =>
    holders
      .map(holding => ({ account: accounts.account(holding), lots: sign * accounts.sizeLots(holding) }))
      .filter(({ lots }) => lots > 0)
  const [longs, shorts] = [lotsOf(1), lotsOf(-1)]
  const pairs: Obligation[] = []
  for (let [at, to] = [0, 0]; ; ) {
    const [long, short] = [longs[at], shorts[to]]
    if (long === undefined || short === undefined) return pairs
    const remainingLots = Math.min(long.lots, short.lots)
    pairs.push({ buyer: long.account, seller: short.account, priceTicks, remainingLots })
    long.lots -= remainingLots
    short.lots -= remainingLots
    if (long.lots === 0) at += 1
    if (short.lots === 0) to += 1
  }
}

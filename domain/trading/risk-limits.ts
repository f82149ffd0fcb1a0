import type { AccountRecord, Accounts, HoldingRecord, LedgerWatcher } from '../ledger/accounts.ts'
import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'
import type { CancelReason, LimitBreached } from './events.ts'
import {
  collarWidthTicks,
  isUnlimited,
  type LimitName,
  type LimitScale,
  type LimitScope,
  type LimitTerms,
  noLimits,
  scaledLimit,
  unscaledPpm,
} from './limit-terms.ts'
import type { Listing } from './listing.ts'
import { none, type Orders } from './orders.ts'

const { abs, floor, max, min } = Math

const dayMillis = 86_400_000
/** One message, in thousandths of a token: a rate a second refills as much each millisecond. */
const messageTokens = 1_000
/** Accounts and firms whose loss is looked at after each command once a mark has moved. */
const sweptEachTime = 50
/** Up to here every partial sum of an exposure is a safe integer, in whatever order it is summed. */
const mostExact = 2 ** 52
const recordShift = 3

/** What a lot is worth of the underlying, and of its volatility: of the epoch of risk in force. */
export interface RiskUnits {
  /** Another one whenever any of them may have changed. */
  readonly valuation: number
  deltaMicroUnits(instrumentId: number): number
  vegaMicros(instrumentId: number): number
}

/** Sums over all that an account or a firm holds and has open. */
interface Exposure {
  /** -1: to be summed anew. */
  valuation: number
  net: number
  up: number
  down: number
  gross: number
  vegaNet: number
  vegaUp: number
  vegaDown: number
  /** At least any partial sum of the others. */
  weight: number
}

/** Why an order may not stand; what a stop that is triggered is cancelled for. */
type LimitCode = Extract<CancelReason, RejectionCode>

interface Lots {
  size: number
  buys: number
  sells: number
}

interface Bucket {
  tokens: number
  atMillis: number
}

/** A day's result so far is equity now less the base. */
interface DayLoss {
  baseMicros: number
  isBreached: boolean
}

export interface RiskLimitsState {
  readonly limits: readonly {
    readonly scope: LimitScope
    /** Of account and instrument. */
    readonly id: number
    readonly firm: string
    readonly terms: LimitTerms
  }[]
  readonly scales: readonly LimitScale[]
  /** Kind, account or firm, instrument; thousandths of a message, and when. */
  readonly buckets: readonly (readonly [scope: LimitScope, id: number, tokens: number, atMillis: number])[]
  readonly nextDayMillis: number
  readonly days: readonly (readonly [accountId: number, baseMicros: number, isBreached: boolean])[]
  readonly lossyFirms: readonly number[]
  readonly positions: readonly (readonly [scope: 'account' | 'firm', id: number, instrumentId: number])[]
  readonly sweptTo: number
  readonly leftToSweep: number
}

/**
 * Limits of accounts, firms and instruments, as a risk manager has set them and a rule scales them: judged before every
 * order, amendment, quote and stop that is triggered. Where none is set there is none of this object. What is kept can all be summed
 * again from ledger, orders and epoch, but for buckets, the day's bases and what was told to be breached.
 *
 * An order is judged by the side that it adds to: what the account would have if all that is open on that side filled. What
 * only reduces never exceeds it, so it passes whatever was lowered meanwhile.
 */
export class RiskLimits implements LedgerWatcher {
  private readonly ofAccount = new Map<AccountRecord, LimitTerms>()
  private readonly ofFirm = new Map<number, LimitTerms>()
  private readonly ofInstrument = new Map<number, LimitTerms>()
  private readonly scales = new Map<number, LimitScale>()
  private readonly buckets = {
    account: new Map<AccountRecord, Bucket>(),
    firm: new Map<number, Bucket>(),
    instrument: new Map<number, Bucket>(),
  }

  /** What was last counted of each holding: size, open buys, open sells. */
  private counted = new Float64Array(3 << 6)
  /** Long lots of all accounts, by instrument. */
  private readonly openInterest: number[] = []
  private readonly exposures = { account: new Map<AccountRecord, Exposure>(), firm: new Map<number, Exposure>() }
  private readonly firmLots = new Map<number, Map<number, Lots>>()
  private readonly firmOrders = new Map<number, number>()
  private readonly members = new Map<number, AccountRecord[]>()

  /** When the next day begins; as a cell, so that it is not boxed. */
  private readonly nextDay = new Float64Array(1)
  private readonly days = new Map<AccountRecord, DayLoss>()
  private readonly lossyFirms = new Set<number>()
  /** Accounts, then firms, whose loss is limited. */
  private lossAccounts: AccountRecord[] = []
  private lossFirms: number[] = []
  private sweptTo = 0
  private leftToSweep = 0
  private readonly breachedPositions = { account: new Set<HoldingRecord>(), firm: new Map<string, readonly number[]>() }
  private readonly touchedHoldings = new Set<HoldingRecord>()
  /** Whether there is any limit that is breached by a state. */
  private followsStates = false

  private readonly accounts: Accounts
  private readonly orders: Orders
  private readonly listings: readonly (Listing | undefined)[]
  private readonly firmNames: readonly string[]
  private readonly units: RiskUnits

  constructor(
    accounts: Accounts,
    orders: Orders,
    listings: readonly (Listing | undefined)[],
    firmNames: readonly string[],
    units: RiskUnits,
    atMillis: number,
  ) {
    this.accounts = accounts
    this.orders = orders
    this.listings = listings
    this.firmNames = firmNames
    this.units = units
    this.nextDay[0] = nextDayAfter(atMillis)
    for (let account = 1 << recordShift; account >> recordShift <= accounts.count; account += 1 << recordShift)
      this.enrol(account)
  }

  /** Whether there is any limit: without one nothing is watched, and nothing is to be asked. */
  get isOn(): boolean {
    return this.accounts.watcher === this
  }

  /** Once the first limit is set, and again once the last one is gone. */
  private turn(): void {
    const isOn = this.ofAccount.size + this.ofFirm.size + this.ofInstrument.size > 0
    if (isOn === this.isOn) return
    this.counted.fill(0)
    this.openInterest.length = 0
    this.exposures.account.clear()
    this.exposures.firm.clear()
    this.breachedPositions.account.clear()
    this.breachedPositions.firm.clear()
    this.accounts.watcher = isOn ? this : undefined
    if (isOn) this.accounts.eachHolding(holding => this.touched(holding))
    this.touchedHoldings.clear()
  }

  // ——— Setting them

  /** The terms that are in force for a scope. */
  terms(scope: LimitScope, id: number): LimitTerms {
    return this.termsOf(scope).get(id) ?? noLimits
  }

  private termsOf(scope: LimitScope): Map<number, LimitTerms> {
    if (scope === 'account') return this.ofAccount
    return scope === 'firm' ? this.ofFirm : this.ofInstrument
  }

  /** They are known to be possible. `id` is a record, a firm or an instrument. */
  set(scope: LimitScope, id: number, terms: LimitTerms, atMillis: number): void {
    if (isUnlimited(terms)) this.termsOf(scope).delete(id)
    else this.termsOf(scope).set(id, terms)
    this.turn()
    const { maxMessagesPerSecond: rate } = terms
    const full = rate * messageTokens
    const { tokens } = this.buckets[scope].get(id) ?? { tokens: full }
    if (rate === 0) this.buckets[scope].delete(id)
    else this.buckets[scope].set(id, { tokens: min(tokens, full), atMillis })
    this.followsStates = [...this.ofAccount.values(), ...this.ofFirm.values(), ...this.ofInstrument.values()].some(
      isState,
    )
    if (scope === 'firm') this.prepareFirm(id)
    if (scope !== 'instrument') this.followLosses()
    this.forgetLosses()
    if (!this.isOn) return
    this.watchPositions(holding => {
      if (scope === 'instrument') return this.accounts.instrumentId(holding) === id
      const account = this.accounts.account(holding)
      return scope === 'account' ? account === id : this.accounts.firm(account) === id
    })
    if (this.lossAccounts.length + this.lossFirms.length > 0) this.sweep()
  }

  scale(scales: readonly LimitScale[]): void {
    for (const scale of scales) this.scales.set(scale.instrumentId, scale)
    if (this.isOn)
      this.watchPositions(holding =>
        scales.some(({ instrumentId }) => instrumentId === this.accounts.instrumentId(holding)),
      )
  }

  /** An account that was opened. */
  enrol(account: AccountRecord): void {
    const firm = this.accounts.firm(account)
    const members = this.members.get(firm)
    if (members === undefined) this.members.set(firm, [account])
    else members.push(account)
    if (this.isLossLimited(account)) this.followLosses()
  }

  private watchPositions(isMeant: (holding: HoldingRecord) => boolean): void {
    this.accounts.eachHolding(holding => {
      if (this.count((holding >> recordShift) * 3) !== 0 && isMeant(holding)) this.touchedHoldings.add(holding)
    })
    // One that is no longer beyond its limit may have none any more.
    for (const holding of this.breachedPositions.account) this.touchedHoldings.add(holding)
  }

  /** Sums of a firm that its limits ask for. */
  private prepareFirm(firm: number): void {
    const { accounts } = this
    this.firmLots.delete(firm)
    const terms = this.ofFirm.get(firm)
    const members = this.members.get(firm) ?? []
    if (terms === undefined) this.firmOrders.delete(firm)
    else
      this.firmOrders.set(
        firm,
        members.reduce((sum, account) => sum + accounts.openOrders(account), 0),
      )
    if (terms === undefined || (terms.maxPositionLots === 0 && terms.maxConcentrationPpm === 0)) {
      for (const [key, [ofFirm]] of this.breachedPositions.firm)
        if (ofFirm === firm) this.breachedPositions.firm.delete(key)
      return
    }
    const lots = new Map<number, Lots>()
    this.firmLots.set(firm, lots)
    for (const account of members)
      for (const holding of accounts.holdingsOf(account)) {
        const at = (holding >> recordShift) * 3
        addLots(lots, accounts.instrumentId(holding), this.count(at), this.count(at + 1), this.count(at + 2))
      }
  }

  // ——— Messages

  /** Takes one message from each of the buckets that it counts in, or none. 0 is no instrument. */
  takeMessage(account: AccountRecord, instrumentId: number, atMillis: number): 'message-rate-limit' | undefined {
    const own = this.buckets.account.get(account)
    const ofFirm = this.buckets.firm.get(this.accounts.firm(account))
    const ofInstrument = this.buckets.instrument.get(instrumentId)
    if (own === undefined && ofFirm === undefined && ofInstrument === undefined) return undefined
    const isThere = [
      this.refilled(own, this.ofAccount.get(account), atMillis),
      this.refilled(ofFirm, this.ofFirm.get(this.accounts.firm(account)), atMillis),
      this.refilled(ofInstrument, this.ofInstrument.get(instrumentId), atMillis),
    ]
    if (isThere.includes(false)) return 'message-rate-limit'
    for (const bucket of [own, ofFirm, ofInstrument]) if (bucket !== undefined) bucket.tokens -= messageTokens
    return undefined
  }

  /** Of a side of a quote: its command has counted for account and firm. */
  takeMessageIn(instrumentId: number, atMillis: number): 'message-rate-limit' | undefined {
    const bucket = this.buckets.instrument.get(instrumentId)
    if (bucket === undefined) return undefined
    if (!this.refilled(bucket, this.ofInstrument.get(instrumentId), atMillis)) return 'message-rate-limit'
    bucket.tokens -= messageTokens
    return undefined
  }

  private refilled(bucket: Bucket | undefined, terms: LimitTerms | undefined, atMillis: number): boolean {
    if (bucket === undefined || terms === undefined) return true
    const rate = terms.maxMessagesPerSecond
    const passedMillis = min(atMillis - bucket.atMillis, 1_000)
    bucket.tokens = min(rate * messageTokens, bucket.tokens + passedMillis * rate)
    bucket.atMillis = atMillis
    return bucket.tokens >= messageTokens
  }

  // ——— Orders

  /** The price beyond which a market order of the account may not trade; 0 where there is no collar. */
  collarTicks(account: AccountRecord, listing: Listing, sells: boolean): number {
    const { markTicks, instrument } = listing
    if (markTicks === 0) return 0
    const collarPpm = this.least('collarPpm', account, instrument.instrumentId)
    if (collarPpm === 0) return 0
    const width = collarWidthTicks(markTicks, collarPpm)
    return sells ? max(1, markTicks - width) : markTicks + width
  }

  /** Why so many lots at a price may not stand in place of others (none: of a new order); nothing has changed then. */
  refusal(
    holding: HoldingRecord,
    listing: Listing,
    sells: boolean,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
  ): LimitCode | undefined {
    const account = this.accounts.account(holding)
    const firm = this.accounts.firm(account)
    const { instrumentId } = listing.instrument
    const own = this.ofAccount.get(account)
    const ofFirm = this.ofFirm.get(firm)
    const ofInstrument = this.ofInstrument.get(instrumentId)
    if (own === undefined && ofFirm === undefined && ofInstrument === undefined) return undefined
    const size = this.sizeRefusal(account, listing, fromTicks, fromLots, toTicks, toLots)
    if (size !== undefined) return size
    const collar = this.collarTicks(account, listing, sells)
    const isFarther = fromLots === 0 || (sells ? toTicks < fromTicks : toTicks > fromTicks)
    if (collar !== 0 && isFarther && (sells ? toTicks < collar : toTicks > collar)) return 'price-outside-collar'
    const added = toLots - fromLots
    if (added <= 0) return undefined
    return (
      this.positionRefusal(holding, firm, sells, added, own, ofFirm, ofInstrument) ??
      this.exposureRefusal(holding, sells, added, own, ofFirm, ofInstrument) ??
      (this.isReducing(holding, sells, added) || !this.isLossy(account) ? undefined : 'daily-loss-limit')
    )
  }

  /** The same of a stop that is to wait: its price may be that of its trigger, and positions are for when it is triggered. */
  stopRefusal(
    holding: HoldingRecord,
    listing: Listing,
    ticks: number,
    lots: number,
    fromTicks = 0,
    fromLots = 0,
  ): LimitCode | undefined {
    return this.sizeRefusal(this.accounts.account(holding), listing, fromTicks, fromLots, ticks, lots)
  }

  private sizeRefusal(
    account: AccountRecord,
    { instrument }: Listing,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
  ): LimitCode | undefined {
    const mostLots = this.least('maxOrderLots', account, instrument.instrumentId)
    if (mostLots !== 0 && toLots > mostLots && toLots > fromLots) return 'order-size-limit'
    const mostMicros = this.least('maxOrderNotionalMicros', account, instrument.instrumentId)
    const tickLots = toTicks * toLots
    if (mostMicros === 0 || tickLots <= fromTicks * fromLots) return undefined
    return tickLots * instrument.microsPerTickLot > mostMicros ? 'order-notional-limit' : undefined
  }

  /** Of a measure of one order or one holding: the strictest of the three, scaled; 0 is none. */
  private least(name: LimitName, account: AccountRecord, instrumentId: number): number {
    const scalePpm = this.scalePpm(instrumentId)
    let least = 0
    for (const terms of [
      this.ofAccount.get(account),
      this.ofFirm.get(this.accounts.firm(account)),
      this.ofInstrument.get(instrumentId),
    ]) {
      const limit = terms === undefined ? 0 : scaledLimit(terms[name], scalePpm)
      if (limit !== 0 && (least === 0 || limit < least)) least = limit
    }
    return least
  }

  private scalePpm(instrumentId: number): number {
    return this.scales.get(instrumentId)?.scalePpm ?? unscaledPpm
  }

  /** Whether one more may not be open. */
  isFull(holding: HoldingRecord): boolean {
    const account = this.accounts.account(holding)
    const firm = this.accounts.firm(account)
    const own = this.ofAccount.get(account) ?? noLimits
    const ofFirm = this.ofFirm.get(firm) ?? noLimits
    const ofInstrument = this.ofInstrument.get(this.accounts.instrumentId(holding)) ?? noLimits
    if (own.maxOpenOrders !== 0 && this.accounts.openOrders(account) >= own.maxOpenOrders) return true
    if (ofFirm.maxOpenOrders !== 0 && (this.firmOrders.get(firm) ?? 0) >= ofFirm.maxOpenOrders) return true
    if (ofInstrument.maxOpenOrders === 0) return false
    let left = ofInstrument.maxOpenOrders
    for (
      let order = this.accounts.firstOrder(holding);
      order !== none && left > 0;
      order = this.orders.following(order)
    )
      left -= 1
    return left === 0
  }

  /** Lots of one side of the account, and of its firm. */
  private positionRefusal(
    holding: HoldingRecord,
    firm: number,
    sells: boolean,
    added: number,
    own: LimitTerms = noLimits,
    ofFirm: LimitTerms = noLimits,
    ofInstrument: LimitTerms = noLimits,
  ): LimitCode | undefined {
    const { accounts } = this
    const instrumentId = accounts.instrumentId(holding)
    const scalePpm = this.scalePpm(instrumentId)
    const side =
      added +
      (sells
        ? accounts.sellLots(holding) - accounts.sizeLots(holding)
        : accounts.sizeLots(holding) + accounts.buyLots(holding))
    const lots = this.firmLots.get(firm)?.get(instrumentId) ?? noLots
    const firmSide = added + (sells ? lots.sells - lots.size : lots.size + lots.buys)
    const isBeyond = (terms: LimitTerms, lots: number): boolean =>
      terms.maxPositionLots !== 0 && lots > scaledLimit(terms.maxPositionLots, scalePpm)
    if (isBeyond(own, side) || isBeyond(ofInstrument, side) || isBeyond(ofFirm, firmSide)) return 'position-limit'
    const interest = this.openInterest[instrumentId] ?? 0
    const isConcentrated = (terms: LimitTerms, lots: number): boolean =>
      terms.maxConcentrationPpm !== 0 &&
      lots > terms.concentrationFromLots &&
      lots > 0 &&
      lots > feeMicros(terms.maxConcentrationPpm, interest)
    if (isConcentrated(own, side) || isConcentrated(ofInstrument, side) || isConcentrated(ofFirm, firmSide))
      return 'concentration-limit'
    return undefined
  }

  /** Delta and vega of the account, of its firm, and of its holding. */
  private exposureRefusal(
    holding: HoldingRecord,
    sells: boolean,
    added: number,
    own: LimitTerms = noLimits,
    ofFirm: LimitTerms = noLimits,
    ofInstrument: LimitTerms = noLimits,
  ): LimitCode | undefined {
    const { accounts, units } = this
    const account = accounts.account(holding)
    const instrumentId = accounts.instrumentId(holding)
    const signed = sells ? -added : added
    const change: ExposureChange = {
      delta: units.deltaMicroUnits(instrumentId) * signed,
      vega: units.vegaMicros(instrumentId) * signed,
      gross: this.grossChange(holding, sells, added),
    }
    if (change.delta === 0 && change.vega === 0) return undefined
    if (isExposed(ofInstrument)) {
      const alone = noExposure()
      this.addHolding(alone, holding, 1)
      const refusal = isExposedBeyond(alone, change, ofInstrument)
      if (refusal !== undefined) return refusal
    }
    return (
      (isExposed(own) ? isExposedBeyond(this.exposureOf('account', account), change, own) : undefined) ??
      (isExposed(ofFirm) ? isExposedBeyond(this.exposureOf('firm', accounts.firm(account)), change, ofFirm) : undefined)
    )
  }

  private grossChange(holding: HoldingRecord, sells: boolean, added: number): number {
    const { accounts } = this
    const size = accounts.sizeLots(holding)
    const long = size + accounts.buyLots(holding)
    const short = accounts.sellLots(holding) - size
    const after = sells ? max(long, short + added) : max(long + added, short)
    return (after - max(long, short)) * abs(this.units.deltaMicroUnits(accounts.instrumentId(holding)))
  }

  private exposureOf(scope: 'account' | 'firm', id: number): Exposure {
    const known = this.exposures[scope].get(id)
    if (known !== undefined && known.valuation === this.units.valuation) return known
    const exposure = noExposure()
    const { accounts } = this
    for (const account of scope === 'account' ? [id] : (this.members.get(id) ?? []))
      for (const holding of accounts.holdingsOf(account)) this.addHolding(exposure, holding, 1)
    // What is too large to be exact is summed each time, in one order.
    exposure.valuation = exposure.weight <= mostExact ? this.units.valuation : -1
    this.exposures[scope].set(id, exposure)
    return exposure
  }

  /** As it is counted now. */
  private addHolding(exposure: Exposure, holding: HoldingRecord, sign: 1 | -1): void {
    const at = (holding >> recordShift) * 3
    const instrumentId = this.accounts.instrumentId(holding)
    const delta = this.units.deltaMicroUnits(instrumentId)
    const vega = this.units.vegaMicros(instrumentId)
    const [size, buys, sells] = [this.count(at), this.count(at + 1), this.count(at + 2)]
    exposure.net += sign * size * delta
    exposure.up += sign * (delta > 0 ? buys : sells) * abs(delta)
    exposure.down += sign * (delta > 0 ? sells : buys) * abs(delta)
    exposure.gross += sign * max(size + buys, sells - size) * abs(delta)
    exposure.vegaNet += sign * size * vega
    exposure.vegaUp += sign * (vega > 0 ? buys : sells) * abs(vega)
    exposure.vegaDown += sign * (vega > 0 ? sells : buys) * abs(vega)
    exposure.weight += sign * (abs(size) + buys + sells) * max(abs(delta), abs(vega))
  }

  private count(at: number): number {
    return at < this.counted.length ? (this.counted[at] as number) : 0
  }

  // ——— What the ledger says

  /** Of a holding whose position or open lots may have changed. */
  touched(holding: HoldingRecord): void {
    const { accounts } = this
    // What is lodged is no trade.
    if (this.listings[accounts.instrumentId(holding)]?.instrument.terms.kind === 'collateral') return
    const at = (holding >> recordShift) * 3
    if (at + 2 >= this.counted.length) this.grow(at)
    const { counted } = this
    const [size, buys, sells] = [accounts.sizeLots(holding), accounts.buyLots(holding), accounts.sellLots(holding)]
    const [sizeBefore, buysBefore, sellsBefore] = [this.count(at), this.count(at + 1), this.count(at + 2)]
    const account = accounts.account(holding)
    const firm = accounts.firm(account)
    const instrumentId = accounts.instrumentId(holding)
    const own = this.current('account', account)
    const ofFirm = this.current('firm', firm)
    if (own !== undefined) this.addHolding(own, holding, -1)
    if (ofFirm !== undefined) this.addHolding(ofFirm, holding, -1)
    this.openInterest[instrumentId] = (this.openInterest[instrumentId] ?? 0) + max(0, size) - max(0, sizeBefore)
    counted[at] = size
    counted[at + 1] = buys
    counted[at + 2] = sells
    for (const exposure of [own, ofFirm]) {
      if (exposure === undefined) continue
      this.addHolding(exposure, holding, 1)
      if (exposure.weight > mostExact) exposure.valuation = -1
    }
    const lots = this.firmLots.get(firm)
    if (lots !== undefined) addLots(lots, instrumentId, size - sizeBefore, buys - buysBefore, sells - sellsBefore)
    if (this.followsStates) this.touchedHoldings.add(holding)
  }

  private current(scope: 'account' | 'firm', id: number): Exposure | undefined {
    const exposure = this.exposures[scope].get(id)
    return exposure?.valuation === this.units.valuation ? exposure : undefined
  }

  private grow(at: number): void {
    const larger = new Float64Array(max(this.counted.length * 2, at + 3))
    larger.set(this.counted)
    this.counted = larger
  }

  openOrdersChanged(account: AccountRecord, change: number): void {
    const firm = this.accounts.firm(account)
    const open = this.firmOrders.get(firm)
    if (open !== undefined) this.firmOrders.set(firm, open + change)
  }

  /** Cash that came or went, not by trading. */
  cashMoved(account: AccountRecord, micros: number): void {
    const day = this.days.get(account)
    if (day !== undefined) day.baseMicros += micros
  }

  /** A mark has moved: what everybody has lost is looked at, some with each command. */
  sweep(): void {
    this.leftToSweep = this.lossAccounts.length + this.lossFirms.length
  }

  // ——— Losses

  private isLossLimited(account: AccountRecord): boolean {
    const ofFirm = this.ofFirm.get(this.accounts.firm(account))
    return (this.ofAccount.get(account)?.maxDailyLossMicros ?? 0) !== 0 || (ofFirm?.maxDailyLossMicros ?? 0) !== 0
  }

  /** Whose result is followed, from now on where it was not. */
  private followLosses(): void {
    const followed = new Set<AccountRecord>()
    this.lossFirms = [...this.ofFirm].filter(([, terms]) => terms.maxDailyLossMicros !== 0).map(([firm]) => firm)
    this.lossFirms.sort((a, b) => a - b)
    this.lossAccounts = [...this.ofAccount]
      .filter(([, terms]) => terms.maxDailyLossMicros !== 0)
      .map(([account]) => account)
    this.lossAccounts.sort((a, b) => a - b)
    for (const account of this.lossAccounts) followed.add(account)
    for (const firm of this.lossFirms) for (const account of this.members.get(firm) ?? []) followed.add(account)
    for (const account of this.days.keys()) if (!followed.has(account)) this.days.delete(account)
    for (const account of followed)
      if (!this.days.has(account)) this.days.set(account, { baseMicros: this.equityMicros(account), isBreached: false })
  }

  /** Under other limits what was too much may be too much no longer. */
  private forgetLosses(): void {
    for (const [account, day] of this.days) {
      const limit = this.ofAccount.get(account)?.maxDailyLossMicros ?? 0
      if (limit === 0 || this.lossMicros(account) <= limit) day.isBreached = false
    }
    for (const firm of this.lossyFirms) {
      const limit = this.ofFirm.get(firm)?.maxDailyLossMicros ?? 0
      if (limit === 0 || this.firmLossMicros(firm) <= limit) this.lossyFirms.delete(firm)
    }
  }

  /** At the marks of the market; what has none counts for what was realised. Collateral is left out. */
  private equityMicros(account: AccountRecord): number {
    const { accounts } = this
    let equity = accounts.cashMicros(account)
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding)) {
      const size = accounts.sizeLots(holding)
      const listing = this.listings[accounts.instrumentId(holding)]
      if (size === 0 || listing === undefined) continue
      const { markTicks, instrument } = listing
      if (markTicks !== 0 && instrument.terms.kind !== 'collateral')
        equity += (size * markTicks - accounts.entryTickLots(holding)) * instrument.microsPerTickLot
    }
    return equity
  }

  private lossMicros(account: AccountRecord): number {
    return (this.days.get(account)?.baseMicros ?? 0) - this.equityMicros(account)
  }
  private firmLossMicros(firm: number): number {
    return (this.members.get(firm) ?? []).reduce((sum, account) => sum + this.lossMicros(account), 0)
  }

  /** Whether the day's loss of account or firm is beyond its limit, or was since the day began. */
  private isLossy(account: AccountRecord): boolean {
    const limit = this.ofAccount.get(account)?.maxDailyLossMicros ?? 0
    if (limit !== 0 && (this.days.get(account)?.isBreached === true || this.lossMicros(account) > limit)) return true
    const firm = this.accounts.firm(account)
    const firmLimit = this.ofFirm.get(firm)?.maxDailyLossMicros ?? 0
    return firmLimit !== 0 && (this.lossyFirms.has(firm) || this.firmLossMicros(firm) > firmLimit)
  }

  /** Closes, with all that is open on its side, no more than there is. */
  private isReducing(holding: HoldingRecord, sells: boolean, added: number): boolean {
    const size = this.accounts.sizeLots(holding)
    const open = sells ? this.accounts.sellLots(holding) : this.accounts.buyLots(holding)
    return (sells ? -size : size) + open + added <= 0
  }

  /** Lane time has moved. */
  advance(atMillis: number): void {
    if (atMillis < (this.nextDay[0] as number)) return
    this.nextDay[0] = nextDayAfter(atMillis)
    for (const [account, day] of this.days) {
      day.baseMicros = this.equityMicros(account)
      day.isBreached = false
    }
    this.lossyFirms.clear()
  }

  // ——— Breaches

  get hasDue(): boolean {
    return this.touchedHoldings.size > 0 || this.leftToSweep > 0
  }

  /** What has come to be beyond a limit since it was last asked, each once: positions, then losses; accounts, then firms. */
  takeBreaches(): readonly LimitBreached[] {
    const { accounts } = this
    // Nearly always nothing is, and nothing needs to be put in order to find that out.
    if (this.leftToSweep === 0 && this.areWithinLimits()) {
      this.touchedHoldings.clear()
      return noBreaches
    }
    const holdings = [...this.touchedHoldings]
    this.touchedHoldings.clear()
    const [lossAccounts, lossFirms] = [new Set<AccountRecord>(), new Set<number>()]
    this.sweepSome(lossAccounts, lossFirms)
    const firmPositions = new Map<string, readonly [firm: number, instrumentId: number]>()
    for (const holding of holdings) {
      const account = accounts.account(holding)
      const firm = accounts.firm(account)
      lossAccounts.add(account)
      lossFirms.add(firm)
      const instrumentId = accounts.instrumentId(holding)
      if (this.firmLots.has(firm)) firmPositions.set(`${firm} ${instrumentId}`, [firm, instrumentId])
    }
    const byBoth = (a: readonly [number, number], b: readonly [number, number]): number => a[0] - b[0] || a[1] - b[1]
    const breaches: (LimitBreached | undefined)[] = []
    holdings.sort(
      (a, b) => accounts.account(a) - accounts.account(b) || accounts.instrumentId(a) - accounts.instrumentId(b),
    )
    for (const holding of holdings) breaches.push(this.positionBreach(holding))
    for (const [firm, instrumentId] of [...firmPositions.values()].sort(byBoth))
      breaches.push(this.firmPositionBreach(firm, instrumentId))
    for (const account of [...lossAccounts].sort((a, b) => a - b)) breaches.push(this.lossBreach(account))
    for (const firm of [...lossFirms].sort((a, b) => a - b)) breaches.push(this.firmLossBreach(firm))
    return breaches.flatMap(breach => (breach === undefined ? [] : [breach]))
  }

  /** Whether none of the touched holdings could be told of, nor be told of again from now on. */
  private areWithinLimits(): boolean {
    for (const holding of this.touchedHoldings) {
      const account = this.accounts.account(holding)
      const firm = this.accounts.firm(account)
      if (this.ofFirm.has(firm) || this.firmLots.has(firm)) return false
      const limit = this.positionLimit(account, this.accounts.instrumentId(holding))
      if (limit !== 0 && abs(this.accounts.sizeLots(holding)) > limit) return false
      if (this.breachedPositions.account.size > 0 && this.breachedPositions.account.has(holding)) return false
      const lossLimit = this.ofAccount.get(account)?.maxDailyLossMicros ?? 0
      if (lossLimit !== 0 && this.lossMicros(account) > lossLimit) return false
    }
    return true
  }

  /** The lesser of the account's and the instrument's, scaled; 0 is none. */
  private positionLimit(account: AccountRecord, instrumentId: number): number {
    const scalePpm = this.scalePpm(instrumentId)
    const own = scaledLimit(this.ofAccount.get(account)?.maxPositionLots ?? 0, scalePpm)
    const ofInstrument = scaledLimit(this.ofInstrument.get(instrumentId)?.maxPositionLots ?? 0, scalePpm)
    if (own === 0 || ofInstrument === 0) return own + ofInstrument
    return min(own, ofInstrument)
  }

  private sweepSome(lossAccounts: Set<AccountRecord>, lossFirms: Set<number>): void {
    const all = this.lossAccounts.length + this.lossFirms.length
    for (let left = min(this.leftToSweep, sweptEachTime, all); left > 0; left -= 1) {
      const at = this.sweptTo % all
      this.sweptTo = (at + 1) % all
      this.leftToSweep -= 1
      const account = this.lossAccounts[at]
      const firm = this.lossFirms[at - this.lossAccounts.length]
      if (account !== undefined) lossAccounts.add(account)
      else if (firm !== undefined) lossFirms.add(firm)
    }
    if (all === 0) this.leftToSweep = 0
  }

  private positionBreach(holding: HoldingRecord): LimitBreached | undefined {
    const { accounts } = this
    const account = accounts.account(holding)
    const instrumentId = accounts.instrumentId(holding)
    const limit = this.positionLimit(account, instrumentId)
    const measured = abs(accounts.sizeLots(holding))
    const told = this.breachedPositions.account
    if (limit === 0 || measured <= limit) {
      told.delete(holding)
      return undefined
    }
    if (told.has(holding)) return undefined
    told.add(holding)
    return breachOf('position', accounts.idOfRecord(account), '', instrumentId, measured, limit)
  }

  private firmPositionBreach(firm: number, instrumentId: number): LimitBreached | undefined {
    const limit = scaledLimit(this.ofFirm.get(firm)?.maxPositionLots ?? 0, this.scalePpm(instrumentId))
    const measured = abs(this.firmLots.get(firm)?.get(instrumentId)?.size ?? 0)
    const told = this.breachedPositions.firm
    const key = `${firm} ${instrumentId}`
    if (limit === 0 || measured <= limit) {
      told.delete(key)
      return undefined
    }
    if (told.has(key)) return undefined
    told.set(key, [firm, instrumentId])
    return breachOf('position', 0, this.firmNames[firm] ?? '', instrumentId, measured, limit)
  }

  private lossBreach(account: AccountRecord): LimitBreached | undefined {
    const limit = this.ofAccount.get(account)?.maxDailyLossMicros ?? 0
    const day = this.days.get(account)
    if (limit === 0 || day === undefined || day.isBreached) return undefined
    const loss = this.lossMicros(account)
    if (loss <= limit) return undefined
    day.isBreached = true
    return breachOf('daily-loss', this.accounts.idOfRecord(account), '', 0, loss, limit)
  }

  private firmLossBreach(firm: number): LimitBreached | undefined {
    const limit = this.ofFirm.get(firm)?.maxDailyLossMicros ?? 0
    if (limit === 0 || this.lossyFirms.has(firm)) return undefined
    const loss = this.firmLossMicros(firm)
    if (loss <= limit) return undefined
    this.lossyFirms.add(firm)
    return breachOf('daily-loss', 0, this.firmNames[firm] ?? '', 0, loss, limit)
  }

  // ——— Snapshots

  capture(): RiskLimitsState {
    const { accounts } = this
    const idOf = (scope: LimitScope, id: number): number => (scope === 'account' ? accounts.idOfRecord(id) : id)
    const scopes = ['account', 'firm', 'instrument'] as const
    const byId = (a: readonly [number, unknown], b: readonly [number, unknown]): number => a[0] - b[0]
    return {
      limits: scopes.flatMap(scope =>
        [...this.termsOf(scope)].sort(byId).map(([id, terms]) => ({
          scope,
          id: scope === 'firm' ? 0 : idOf(scope, id),
          firm: scope === 'firm' ? (this.firmNames[id] ?? '') : '',
          terms,
        })),
      ),
      scales: [...this.scales.values()].sort((a, b) => a.instrumentId - b.instrumentId),
      buckets: scopes.flatMap(scope =>
        [...this.buckets[scope]]
          .sort(byId)
          .map(([id, { tokens, atMillis }]) => [scope, idOf(scope, id), tokens, atMillis] as const),
      ),
      nextDayMillis: this.nextDay[0] as number,
      days: [...this.days]
        .sort(byId)
        .map(
          ([account, { baseMicros, isBreached }]) => [accounts.idOfRecord(account), baseMicros, isBreached] as const,
        ),
      lossyFirms: [...this.lossyFirms].sort((a, b) => a - b),
      positions: [
        ...[...this.breachedPositions.account].map(
          holding => ['account', accounts.idOf(holding), accounts.instrumentId(holding)] as const,
        ),
        ...[...this.breachedPositions.firm.values()].map(
          ([firm = 0, instrumentId = 0]) => ['firm', firm, instrumentId] as const,
        ),
      ].sort((a, b) => (a[0] === b[0] ? a[1] - b[1] || a[2] - b[2] : a[0] < b[0] ? -1 : 1)),
      sweptTo: this.sweptTo,
      leftToSweep: this.leftToSweep,
    }
  }

  /** Of one that was just made, over a ledger as it was. */
  restore(state: RiskLimitsState, firmIds: ReadonlyMap<string, number>): void {
    const { accounts } = this
    const recordOf = (scope: LimitScope, id: number): number => (scope === 'account' ? accounts.recordOf(id) : id)
    for (const { scope, id, firm, terms } of state.limits)
      this.termsOf(scope).set(scope === 'firm' ? (firmIds.get(firm) ?? 0) : recordOf(scope, id), terms)
    this.followsStates = state.limits.some(({ terms }) => isState(terms))
    this.turn()
    for (const scale of state.scales) this.scales.set(scale.instrumentId, scale)
    for (const [scope, id, tokens, atMillis] of state.buckets)
      this.buckets[scope].set(recordOf(scope, id), { tokens, atMillis })
    for (const firm of this.ofFirm.keys()) this.prepareFirm(firm)
    this.followLosses()
    this.nextDay[0] = state.nextDayMillis
    for (const [accountId, baseMicros, isBreached] of state.days)
      this.days.set(accounts.recordOf(accountId), { baseMicros, isBreached })
    for (const firm of state.lossyFirms) this.lossyFirms.add(firm)
    for (const [scope, id, instrumentId] of state.positions)
      if (scope === 'firm') this.breachedPositions.firm.set(`${id} ${instrumentId}`, [id, instrumentId])
      else this.breachedPositions.account.add(accounts.holdingOf(accounts.recordOf(id), instrumentId))
    this.sweptTo = state.sweptTo
    this.leftToSweep = state.leftToSweep
    this.touchedHoldings.clear()
  }
}

interface ExposureChange {
  /** Signed. */
  readonly delta: number
  readonly vega: number
  readonly gross: number
}

const isState = (terms: LimitTerms): boolean => terms.maxPositionLots !== 0 || terms.maxDailyLossMicros !== 0

const noBreaches: readonly LimitBreached[] = []
const noLots: Readonly<Lots> = { size: 0, buys: 0, sells: 0 }

const addLots = (all: Map<number, Lots>, instrumentId: number, size: number, buys: number, sells: number): void => {
  const lots = all.get(instrumentId)
  if (lots === undefined) {
    all.set(instrumentId, { size, buys, sells })
    return
  }
  lots.size += size
  lots.buys += buys
  lots.sells += sells
}

const noExposure = (): Exposure => ({
  valuation: -1,
  net: 0,
  up: 0,
  down: 0,
  gross: 0,
  vegaNet: 0,
  vegaUp: 0,
  vegaDown: 0,
  weight: 0,
})

const isExposed = ({ maxGrossDelta, maxNetDelta, maxVegaMicros }: LimitTerms): boolean =>
  maxGrossDelta !== 0 || maxNetDelta !== 0 || maxVegaMicros !== 0

/** Of the side to which it adds. */
const sideOf = (net: number, up: number, down: number, change: number): number =>
  change > 0 ? net + up + change : down - net - change

const isExposedBeyond = (exposure: Exposure, change: ExposureChange, terms: LimitTerms): LimitCode | undefined => {
  const { net, up, down, gross, vegaNet, vegaUp, vegaDown } = exposure
  const { maxNetDelta, maxGrossDelta, maxVegaMicros } = terms
  if (maxNetDelta !== 0 && change.delta !== 0 && sideOf(net, up, down, change.delta) > maxNetDelta)
    return 'net-delta-limit'
  if (maxGrossDelta !== 0 && change.gross > 0 && gross + change.gross > maxGrossDelta) return 'gross-delta-limit'
  if (maxVegaMicros !== 0 && change.vega !== 0 && sideOf(vegaNet, vegaUp, vegaDown, change.vega) > maxVegaMicros)
    return 'vega-limit'
  return undefined
}

const breachOf = (
  limit: LimitBreached['limit'],
  accountId: number,
  firm: string,
  instrumentId: number,
  measured: number,
  allowed: number,
): LimitBreached => ({ type: 'limit-breached', accountId, instrumentId, limit, measured, allowed, firm })

const nextDayAfter = (atMillis: number): number => (floor(atMillis / dayMillis) + 1) * dayMillis

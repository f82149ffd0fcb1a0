import {
  type AccountRecord,
  type Accounts,
  type HoldingRecord,
  type LedgerWatcher,
  recordShift,
} from '../ledger/accounts.ts'
import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'
import type { CancelReason, LimitBreached } from './events.ts'
import {
  collarAt,
  concentrationAt,
  concentrationFromAt,
  dailyLossAt,
  grossDeltaAt,
  LimitRows,
  netDeltaAt,
  openOrdersAt,
  orderLotsAt,
  orderNotionalAt,
  positionLotsAt,
  unlimited,
  vegaAt,
} from './limit-rows.ts'
import {
  collarWidthTicks,
  type LimitScale,
  type LimitScope,
  type LimitTerms,
  limitScopes,
  scaledLimit,
  unscaledPpm,
} from './limit-terms.ts'
import type { Listing } from './listing.ts'
import { none, type Orders } from './orders.ts'
import { grossAt, netAt, RiskSums, type RiskUnits, vegaNetAt } from './risk-sums.ts'

const { abs, floor, max, min } = Math

const dayMillis = 86_400_000
/** Accounts and firms whose loss is looked at after each command once a mark has moved. */
const sweptEachTime = 50

/** Why an order may not stand; what a stop that is triggered is cancelled for. */
type LimitCode = Extract<CancelReason, RejectionCode>

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
  /** What is measured. */
  readonly sums: RiskSums
  private readonly limits = new LimitRows()
  private readonly scales = new Map<number, LimitScale>()
  /** By instrument; 0 where there is none. */
  private scalesPpm = new Int32Array(64)

  /** By firm that has limits; and by holding where it was asked for, else none. */
  private readonly firmOrders: (number | undefined)[] = []
  private holdingOrders = new Int32Array(64).fill(notCounted)
  private readonly members = new Map<number, AccountRecord[]>()

  /** When the next day begins; as a cell, so that it is not boxed. */
  private readonly nextDay = new Float64Array(1)
  /** Accounts whose result is followed, and those of them whose loss of the day is too large. */
  private readonly followed = new Set<AccountRecord>()
  private readonly lossyAccounts = new Set<AccountRecord>()
  private readonly lossyFirms = new Set<number>()
  /** Accounts, then firms, whose loss is limited. */
  private lossAccounts: AccountRecord[] = []
  private lossFirms: number[] = []
  private sweptTo = 0
  private leftToSweep = 0
  private readonly breachedPositions = {
    account: new Set<HoldingRecord>(),
    /** By both of its numbers in one. */
    firm: new Map<number, readonly [firm: number, instrumentId: number]>(),
  }
  /** Some more than once. */
  private touchedHoldings = new Int32Array(64)
  private touchedCount = 0
  /** Whether there is any limit that is breached by a state. */
  private followsStates = false

  private readonly accounts: Accounts
  private readonly orders: Orders
  private readonly units: RiskUnits
  private readonly firmNames: readonly string[]

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
    this.units = units
    this.firmNames = firmNames
    this.sums = new RiskSums(accounts, listings, units)
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
    const isOn = !this.limits.isEmpty
    if (isOn === this.isOn) return
    this.breachedPositions.account.clear()
    this.breachedPositions.firm.clear()
    this.holdingOrders.fill(notCounted)
    this.accounts.watcher = isOn ? this : undefined
    if (isOn) this.sums.recount()
    this.touchedCount = 0
  }

  // ——— Setting them

  /** The terms that are in force for a scope. */
  terms(scope: LimitScope, id: number): LimitTerms {
    return this.limits.terms(scope, numberOf(scope, id))
  }

  /** They are known to be possible. `id` is a record, a firm or an instrument. `forgets`: whose losses were told may be too large no longer. */
  set(scope: LimitScope, id: number, terms: LimitTerms, atMillis: number, forgets: 'own' | 'all'): void {
    this.limits.set(scope, numberOf(scope, id), terms, atMillis)
    this.turn()
    this.followsStates = limitScopes.some(each => [...this.limits.of(each).values()].some(isState))
    if (scope === 'firm') this.prepareFirm(id)
    if (scope !== 'instrument') this.followLosses()
    this.forgetLosses(forgets === 'all' ? undefined : { scope, id })
    if (!this.isOn) return
    const { accounts } = this
    if (scope === 'instrument') this.watchPositions(holding => accounts.instrumentId(holding) === id)
    else for (const account of scope === 'account' ? [id] : this.membersOf(id)) this.watchPositionsOf(account)
    this.watchTold()
    if (this.lossAccounts.length + this.lossFirms.length > 0) this.sweep()
  }

  scale(scales: readonly LimitScale[]): void {
    for (const scale of scales) this.setScale(scale)
    if (!this.isOn) return
    this.watchPositions(holding =>
      scales.some(({ instrumentId }) => instrumentId === this.accounts.instrumentId(holding)),
    )
    this.watchTold()
  }

  private setScale(scale: LimitScale): void {
    const { instrumentId, scalePpm } = scale
    this.scales.set(instrumentId, scale)
    if (instrumentId >= this.scalesPpm.length) {
      const longer = new Int32Array(max(this.scalesPpm.length * 2, instrumentId + 1))
      longer.set(this.scalesPpm)
      this.scalesPpm = longer
    }
    this.scalesPpm[instrumentId] = scalePpm
  }

  /** An account that was opened. */
  enrol(account: AccountRecord): void {
    const firm = this.accounts.firm(account)
    const members = this.members.get(firm)
    if (members === undefined) this.members.set(firm, [account])
    else members.push(account)
    if (this.isLossLimited(account)) this.followLosses()
  }

  private membersOf(firm: number): readonly AccountRecord[] {
    return this.members.get(firm) ?? nobody
  }

  private watchPositions(isMeant: (holding: HoldingRecord) => boolean): void {
    this.accounts.eachHolding(holding => {
      if (this.isTraded(holding) && isMeant(holding)) this.noteTouched(holding)
    })
  }

  private watchPositionsOf(account: AccountRecord): void {
    const { accounts } = this
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding))
      if (this.isTraded(holding)) this.noteTouched(holding)
  }

  /** One that is no longer beyond its limit may have none any more. */
  private watchTold(): void {
    for (const holding of this.breachedPositions.account) this.noteTouched(holding)
  }

  private isTraded(holding: HoldingRecord): boolean {
    const { accounts } = this
    return accounts.sizeLots(holding) !== 0 && this.sums.isTraded(accounts.instrumentId(holding))
  }

  private noteTouched(holding: HoldingRecord): void {
    const count = this.touchedCount
    if (count > 0 && this.touchedHoldings[count - 1] === holding) return
    if (count === this.touchedHoldings.length) {
      const longer = new Int32Array(count * 2)
      longer.set(this.touchedHoldings)
      this.touchedHoldings = longer
    }
    this.touchedHoldings[count] = holding
    this.touchedCount = count + 1
  }

  /** Sums of a firm that its limits ask for. */
  private prepareFirm(firm: number): void {
    const terms = this.limits.of('firm').get(firm)
    const members = this.membersOf(firm)
    this.firmOrders[firm] =
      terms === undefined ? undefined : members.reduce((sum, account) => sum + this.accounts.openOrders(account), 0)
    const hasLoss = terms !== undefined && terms.maxDailyLossMicros !== 0
    const hasLots = terms !== undefined && (isPositioned(terms) || isExposed(terms) || hasLoss)
    this.sums.followFirm(firm, hasLots ? members : undefined)
    this.sums.followLoss(firm, hasLoss ? members : undefined)
    if (terms !== undefined && isPositioned(terms)) return
    for (const [key, [ofFirm]] of this.breachedPositions.firm)
      if (ofFirm === firm) this.breachedPositions.firm.delete(key)
  }

  // ——— Messages

  /** Takes one message from each of the buckets that it counts in, or none. 0 is no instrument. */
  takeMessage(account: AccountRecord, instrumentId: number, atMillis: number): 'message-rate-limit' | undefined {
    const { limits } = this
    const own = limits.account(account >> recordShift)
    const ofFirm = limits.firm(this.accounts.firm(account))
    const ofInstrument = limits.instrument(instrumentId)
    if (!limits.hasMessage(own, ofFirm, ofInstrument, atMillis)) return 'message-rate-limit'
    limits.takeMessage(own)
    limits.takeMessage(ofFirm)
    limits.takeMessage(ofInstrument)
    return undefined
  }

  /** Of a side of a quote: its command has counted for account and firm. */
  takeMessageIn(instrumentId: number, atMillis: number): 'message-rate-limit' | undefined {
    const ofInstrument = this.limits.instrument(instrumentId)
    if (!this.limits.hasMessage(ofInstrument, unlimited, unlimited, atMillis)) return 'message-rate-limit'
    this.limits.takeMessage(ofInstrument)
    return undefined
  }

  // ——— Orders

  /** The price beyond which a market order of the account may not trade; 0 where there is no collar. */
  collarTicks(account: AccountRecord, listing: Listing, sells: boolean): number {
    const { limits } = this
    const { instrumentId } = listing.instrument
    const ofFirm = limits.firm(this.accounts.firm(account))
    return this.collarOf(
      limits.account(account >> recordShift),
      ofFirm,
      limits.instrument(instrumentId),
      listing,
      sells,
    )
  }

  private collarOf(own: number, ofFirm: number, ofInstrument: number, listing: Listing, sells: boolean): number {
    const { markTicks } = listing
    if (markTicks === 0) return 0
    const collarPpm = this.least(collarAt, own, ofFirm, ofInstrument, listing.instrument.instrumentId)
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
    const { accounts, limits } = this
    const account = accounts.account(holding)
    const firm = accounts.firm(account)
    const own = limits.account(account >> recordShift)
    const ofFirm = limits.firm(firm)
    const ofInstrument = limits.instrument(listing.instrument.instrumentId)
    if (own === unlimited && ofFirm === unlimited && ofInstrument === unlimited) return undefined
    const size = this.sizeRefusal(own, ofFirm, ofInstrument, listing, fromTicks, fromLots, toTicks, toLots)
    if (size !== undefined) return size
    if (fromLots === 0 || (sells ? toTicks < fromTicks : toTicks > fromTicks)) {
      const collar = this.collarOf(own, ofFirm, ofInstrument, listing, sells)
      if (collar !== 0 && (sells ? toTicks < collar : toTicks > collar)) return 'price-outside-collar'
    }
    const added = toLots - fromLots
    if (added <= 0) return undefined
    return (
      this.positionRefusal(holding, firm, sells, added, own, ofFirm, ofInstrument) ??
      this.exposureRefusal(holding, firm, sells, added, own, ofFirm, ofInstrument) ??
      (this.isLossy(account, firm, own, ofFirm) && !this.isReducing(holding, sells, added)
        ? 'daily-loss-limit'
        : undefined)
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
    const { accounts, limits } = this
    const account = accounts.account(holding)
    const own = limits.account(account >> recordShift)
    const ofFirm = limits.firm(accounts.firm(account))
    const ofInstrument = limits.instrument(listing.instrument.instrumentId)
    return this.sizeRefusal(own, ofFirm, ofInstrument, listing, fromTicks, fromLots, ticks, lots)
  }

  private sizeRefusal(
    own: number,
    ofFirm: number,
    ofInstrument: number,
    { instrument }: Listing,
    fromTicks: number,
    fromLots: number,
    toTicks: number,
    toLots: number,
  ): LimitCode | undefined {
    const { instrumentId, microsPerTickLot } = instrument
    if (toLots > fromLots) {
      const mostLots = this.least(orderLotsAt, own, ofFirm, ofInstrument, instrumentId)
      if (mostLots !== 0 && toLots > mostLots) return 'order-size-limit'
    }
    const tickLots = toTicks * toLots
    if (tickLots <= fromTicks * fromLots) return undefined
    const mostMicros = this.least(orderNotionalAt, own, ofFirm, ofInstrument, instrumentId)
    return mostMicros !== 0 && tickLots * microsPerTickLot > mostMicros ? 'order-notional-limit' : undefined
  }

  /** Of a measure of one order: the strictest of the three, scaled; 0 is none. */
  private least(limitAt: number, own: number, ofFirm: number, ofInstrument: number, instrumentId: number): number {
    const { values } = this.limits
    const ownLimit = values[own + limitAt] as number
    const firmLimit = values[ofFirm + limitAt] as number
    const instrumentLimit = values[ofInstrument + limitAt] as number
    let least = ownLimit
    if (firmLimit !== 0 && (least === 0 || firmLimit < least)) least = firmLimit
    if (instrumentLimit !== 0 && (least === 0 || instrumentLimit < least)) least = instrumentLimit
    return scaledLimit(least, this.scalePpm(instrumentId))
  }

  private scalePpm(instrumentId: number): number {
    const scalePpm = instrumentId < this.scalesPpm.length ? (this.scalesPpm[instrumentId] as number) : 0
    return scalePpm === 0 ? unscaledPpm : scalePpm
  }

  /** Whether one more may not be open. */
  isFull(holding: HoldingRecord): boolean {
    const { accounts, limits } = this
    const { values } = limits
    const account = accounts.account(holding)
    const firm = accounts.firm(account)
    const ofAccount = values[limits.account(account >> recordShift) + openOrdersAt] as number
    const ofFirm = values[limits.firm(firm) + openOrdersAt] as number
    const ofInstrument = values[limits.instrument(accounts.instrumentId(holding)) + openOrdersAt] as number
    if (ofAccount !== 0 && accounts.openOrders(account) >= ofAccount) return true
    if (ofFirm !== 0 && (this.firmOrders[firm] ?? 0) >= ofFirm) return true
    return ofInstrument !== 0 && this.ordersOf(holding) >= ofInstrument
  }

  private ordersOf(holding: HoldingRecord): number {
    const index = holding >> recordShift
    if (index >= this.holdingOrders.length) {
      const longer = new Int32Array(max(this.holdingOrders.length * 2, index + 1)).fill(notCounted)
      longer.set(this.holdingOrders)
      this.holdingOrders = longer
    }
    const known = this.holdingOrders[index] as number
    if (known !== notCounted) return known
    let open = 0
    for (let order = this.accounts.firstOrder(holding); order !== none; order = this.orders.following(order)) open += 1
    this.holdingOrders[index] = open
    return open
  }

  /** Lots of one side of the account, and of its firm. */
  private positionRefusal(
    holding: HoldingRecord,
    firm: number,
    sells: boolean,
    added: number,
    own: number,
    ofFirm: number,
    ofInstrument: number,
  ): LimitCode | undefined {
    const { accounts, sums } = this
    const { values } = this.limits
    const instrumentId = accounts.instrumentId(holding)
    const size = accounts.sizeLots(holding)
    const side = added + (sells ? accounts.sellLots(holding) - size : size + accounts.buyLots(holding))
    const isFirmMeasured = values[ofFirm + positionLotsAt] !== 0 || values[ofFirm + concentrationAt] !== 0
    const firmSide = isFirmMeasured ? added + this.firmSideLots(firm, instrumentId, sells) : 0
    const scalePpm = this.scalePpm(instrumentId)
    if (
      isBeyondPosition(values, own, side, scalePpm) ||
      isBeyondPosition(values, ofInstrument, side, scalePpm) ||
      isBeyondPosition(values, ofFirm, firmSide, scalePpm)
    )
      return 'position-limit'
    const interest = sums.openInterestLots(instrumentId)
    if (
      isConcentrated(values, own, side, interest) ||
      isConcentrated(values, ofInstrument, side, interest) ||
      isConcentrated(values, ofFirm, firmSide, interest)
    )
      return 'concentration-limit'
    return undefined
  }

  private firmSideLots(firm: number, instrumentId: number, sells: boolean): number {
    const { sums } = this
    const size = sums.firmSizeLots(firm, instrumentId)
    return sells ? sums.firmSellLots(firm, instrumentId) - size : size + sums.firmBuyLots(firm, instrumentId)
  }

  /** Delta and vega of the account, of its firm, and of its holding. */
  private exposureRefusal(
    holding: HoldingRecord,
    firm: number,
    sells: boolean,
    added: number,
    own: number,
    ofFirm: number,
    ofInstrument: number,
  ): LimitCode | undefined {
    const { accounts, units, sums } = this
    const { values } = this.limits
    const isOwn = hasExposureLimit(values, own)
    const isOfFirm = hasExposureLimit(values, ofFirm)
    const isOfInstrument = hasExposureLimit(values, ofInstrument)
    if (!isOwn && !isOfFirm && !isOfInstrument) return undefined
    const instrumentId = accounts.instrumentId(holding)
    const signed = sells ? -added : added
    const delta = units.deltaMicroUnits(instrumentId) * signed
    const vega = units.vegaMicros(instrumentId) * signed
    if (delta === 0 && vega === 0) return undefined
    const gross = this.grossChange(holding, sells, added)
    if (isOfInstrument) {
      const refusal = this.exposureCode(sums.exposureOfHolding(holding), ofInstrument, delta, vega, gross)
      if (refusal !== undefined) return refusal
    }
    if (isOwn) {
      const refusal = this.exposureCode(sums.exposureOfAccount(accounts.account(holding)), own, delta, vega, gross)
      if (refusal !== undefined) return refusal
    }
    if (!isOfFirm) return undefined
    return this.exposureCode(sums.exposureOfFirm(firm, this.membersOf(firm)), ofFirm, delta, vega, gross)
  }

  /** Of sums with a signed delta and vega, and so much gross delta, added. */
  private exposureCode(
    row: number,
    ofLimits: number,
    delta: number,
    vega: number,
    gross: number,
  ): LimitCode | undefined {
    const { values } = this.sums
    const limits = this.limits.values
    const mostNet = limits[ofLimits + netDeltaAt] as number
    const mostGross = limits[ofLimits + grossDeltaAt] as number
    const mostVega = limits[ofLimits + vegaAt] as number
    if (mostNet !== 0 && delta !== 0 && sideOf(values, row + netAt, delta) > mostNet) return 'net-delta-limit'
    if (mostGross !== 0 && gross > 0 && (values[row + grossAt] as number) + gross > mostGross)
      return 'gross-delta-limit'
    if (mostVega !== 0 && vega !== 0 && sideOf(values, row + vegaNetAt, vega) > mostVega) return 'vega-limit'
    return undefined
  }

  private grossChange(holding: HoldingRecord, sells: boolean, added: number): number {
    const { accounts } = this
    const size = accounts.sizeLots(holding)
    const long = size + accounts.buyLots(holding)
    const short = accounts.sellLots(holding) - size
    const after = sells ? max(long, short + added) : max(long + added, short)
    return (after - max(long, short)) * abs(this.units.deltaMicroUnits(accounts.instrumentId(holding)))
  }

  // ——— What the ledger says

  /** Of a holding whose position or open lots may have changed. */
  touched(holding: HoldingRecord): void {
    if (this.sums.count(holding) && this.followsStates) this.noteTouched(holding)
  }

  openOrdersChanged(holding: HoldingRecord, change: number): void {
    const firm = this.accounts.firm(this.accounts.account(holding))
    const open = this.firmOrders[firm]
    if (open !== undefined) this.firmOrders[firm] = open + change
    const index = holding >> recordShift
    if (index >= this.holdingOrders.length) return
    const known = this.holdingOrders[index] as number
    if (known !== notCounted) this.holdingOrders[index] = known + change
  }

  /** Cash that came or went, not by trading. */
  cashMoved(account: AccountRecord, micros: number): void {
    this.sums.cashMoved(account, micros)
  }

  /** A mark may have moved, or its contract become another one. */
  marked(instrumentId: number): void {
    this.sums.marked(instrumentId)
  }

  /** A mark has moved: what everybody has lost is looked at, some with each command. */
  sweep(): void {
    this.leftToSweep = this.lossAccounts.length + this.lossFirms.length
  }

  // ——— Losses

  private lossLimit(account: AccountRecord): number {
    return this.limits.values[this.limits.account(account >> recordShift) + dailyLossAt] as number
  }
  private firmLossLimit(firm: number): number {
    return this.limits.values[this.limits.firm(firm) + dailyLossAt] as number
  }

  private isLossLimited(account: AccountRecord): boolean {
    return this.lossLimit(account) !== 0 || this.firmLossLimit(this.accounts.firm(account)) !== 0
  }

  /** Whose result is followed, from now on where it was not. */
  private followLosses(): void {
    const { limits, followed } = this
    this.lossFirms = [...limits.of('firm')].filter(([, terms]) => terms.maxDailyLossMicros !== 0).map(([firm]) => firm)
    this.lossFirms.sort((a, b) => a - b)
    this.lossAccounts = [...limits.of('account')]
      .filter(([, terms]) => terms.maxDailyLossMicros !== 0)
      .map(([number]) => number << recordShift)
    this.lossAccounts.sort((a, b) => a - b)
    for (const account of followed)
      if (!this.isLossLimited(account)) {
        followed.delete(account)
        this.lossyAccounts.delete(account)
      }
    for (const account of this.lossAccounts) this.follow(account)
    for (const firm of this.lossFirms) for (const account of this.membersOf(firm)) this.follow(account)
  }

  private follow(account: AccountRecord): void {
    if (this.followed.has(account)) return
    this.followed.add(account)
    this.sums.setBase(account, this.sums.equityMicros(account))
  }

  /** Under other limits what was too much may be too much no longer: of whom they are, or of all. */
  private forgetLosses(only: { readonly scope: LimitScope; readonly id: number } | undefined): void {
    for (const account of this.lossyAccounts) {
      if (only !== undefined && (only.scope !== 'account' || only.id !== account)) continue
      const limit = this.lossLimit(account)
      if (limit === 0 || this.sums.lossMicros(account) <= limit) this.lossyAccounts.delete(account)
    }
    for (const firm of this.lossyFirms) {
      if (only !== undefined && (only.scope !== 'firm' || only.id !== firm)) continue
      const limit = this.firmLossLimit(firm)
      if (limit === 0 || this.sums.firmLossMicros(firm) <= limit) this.lossyFirms.delete(firm)
    }
  }

  /** Whether the day's loss of account or firm is beyond its limit, or was since the day began. */
  private isLossy(account: AccountRecord, firm: number, own: number, ofFirm: number): boolean {
    const { values } = this.limits
    const limit = values[own + dailyLossAt] as number
    if (limit !== 0 && (this.isTold(account) || this.sums.lossMicros(account) > limit)) return true
    const firmLimit = values[ofFirm + dailyLossAt] as number
    return firmLimit !== 0 && (this.lossyFirms.has(firm) || this.sums.firmLossMicros(firm) > firmLimit)
  }

  /** That its loss is too large. */
  private isTold(account: AccountRecord): boolean {
    return this.lossyAccounts.size > 0 && this.lossyAccounts.has(account)
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
    for (const account of this.followed) this.sums.setBase(account, this.sums.equityMicros(account))
    this.lossyAccounts.clear()
    this.lossyFirms.clear()
  }

  // ——— Breaches

  get hasDue(): boolean {
    return this.touchedCount > 0 || this.leftToSweep > 0
  }

  /** What has come to be beyond a limit since it was last asked, each once: positions, then losses; accounts, then firms. */
  takeBreaches(): readonly LimitBreached[] {
    const { accounts } = this
    // Nearly always nothing is, and nothing needs to be put in order to find that out.
    if (this.leftToSweep === 0 && this.isAllKnown()) {
      this.touchedCount = 0
      return noBreaches
    }
    const holdings = [...new Set(this.touchedHoldings.subarray(0, this.touchedCount))]
    this.touchedCount = 0
    const [lossAccounts, lossFirms] = [new Set<AccountRecord>(), new Set<number>()]
    this.sweepSome(lossAccounts, lossFirms)
    const firmPositions = new Map<number, readonly [firm: number, instrumentId: number]>()
    for (const holding of holdings) {
      const account = accounts.account(holding)
      const firm = accounts.firm(account)
      lossAccounts.add(account)
      lossFirms.add(firm)
      const instrumentId = accounts.instrumentId(holding)
      if (isPositioned(this.limits.terms('firm', firm)))
        firmPositions.set(firmPositionKey(firm, instrumentId), [firm, instrumentId])
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

  /** Whether of none of the touched holdings there is anything to be told, or told again from now on. */
  private isAllKnown(): boolean {
    const { accounts, limits, sums, touchedHoldings } = this
    for (let index = 0; index < this.touchedCount; index += 1) {
      const holding = touchedHoldings[index] as number
      const instrumentId = accounts.instrumentId(holding)
      const account = accounts.account(holding)
      const limit = this.positionLimit(account, instrumentId)
      const told = this.breachedPositions.account
      const isTold = told.size > 0 && told.has(holding)
      if (isTold !== (limit !== 0 && abs(accounts.sizeLots(holding)) > limit)) return false
      const lossLimit = this.lossLimit(account)
      if (lossLimit !== 0 && sums.lossMicros(account) > lossLimit && !this.isTold(account)) return false
      const firm = accounts.firm(account)
      const ofFirm = limits.firm(firm)
      if (ofFirm !== unlimited && !this.isFirmKnown(firm, ofFirm, instrumentId)) return false
    }
    return true
  }

  private isFirmKnown(firm: number, ofFirm: number, instrumentId: number): boolean {
    const { limits, sums } = this
    const { values } = limits
    const limit = scaledLimit(values[ofFirm + positionLotsAt] as number, this.scalePpm(instrumentId))
    const isBeyond = limit !== 0 && abs(sums.firmSizeLots(firm, instrumentId)) > limit
    const told = this.breachedPositions.firm
    if (isBeyond !== (told.size > 0 && told.has(firmPositionKey(firm, instrumentId)))) return false
    const lossLimit = values[ofFirm + dailyLossAt] as number
    return lossLimit === 0 || this.lossyFirms.has(firm) || sums.firmLossMicros(firm) <= lossLimit
  }

  /** The lesser of the account's and the instrument's, scaled; 0 is none. */
  private positionLimit(account: AccountRecord, instrumentId: number): number {
    const { limits } = this
    const own = limits.account(account >> recordShift)
    return this.least(positionLotsAt, own, unlimited, limits.instrument(instrumentId), instrumentId)
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
    const limit = scaledLimit(this.limits.terms('firm', firm).maxPositionLots, this.scalePpm(instrumentId))
    const measured = abs(this.sums.firmSizeLots(firm, instrumentId))
    const told = this.breachedPositions.firm
    const key = firmPositionKey(firm, instrumentId)
    if (limit === 0 || measured <= limit) {
      told.delete(key)
      return undefined
    }
    if (told.has(key)) return undefined
    told.set(key, [firm, instrumentId])
    return breachOf('position', 0, this.firmNames[firm] ?? '', instrumentId, measured, limit)
  }

  private lossBreach(account: AccountRecord): LimitBreached | undefined {
    const limit = this.lossLimit(account)
    if (limit === 0 || this.isTold(account)) return undefined
    const loss = this.sums.lossMicros(account)
    if (loss <= limit) return undefined
    this.lossyAccounts.add(account)
    return breachOf('daily-loss', this.accounts.idOfRecord(account), '', 0, loss, limit)
  }

  private firmLossBreach(firm: number): LimitBreached | undefined {
    const limit = this.firmLossLimit(firm)
    if (limit === 0 || this.lossyFirms.has(firm)) return undefined
    const loss = this.sums.firmLossMicros(firm)
    if (loss <= limit) return undefined
    this.lossyFirms.add(firm)
    return breachOf('daily-loss', 0, this.firmNames[firm] ?? '', 0, loss, limit)
  }

  // ——— Snapshots

  capture(): RiskLimitsState {
    const { accounts, limits } = this
    const idOf = (scope: LimitScope, number: number): number =>
      scope === 'account' ? accounts.idOfRecord(number << recordShift) : number
    const byId = (a: readonly [number, unknown], b: readonly [number, unknown]): number => a[0] - b[0]
    return {
      limits: limitScopes.flatMap(scope =>
        [...limits.of(scope)].sort(byId).map(([id, terms]) => ({
          scope,
          id: scope === 'firm' ? 0 : idOf(scope, id),
          firm: scope === 'firm' ? (this.firmNames[id] ?? '') : '',
          terms,
        })),
      ),
      scales: [...this.scales.values()].sort((a, b) => a.instrumentId - b.instrumentId),
      buckets: limitScopes.flatMap(scope =>
        limits.buckets(scope).map(([id, tokens, atMillis]) => [scope, idOf(scope, id), tokens, atMillis] as const),
      ),
      nextDayMillis: this.nextDay[0] as number,
      days: [...this.followed]
        .sort((a, b) => a - b)
        .map(account => [accounts.idOfRecord(account), this.sums.baseMicros(account), this.isTold(account)] as const),
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
    const { accounts, limits, sums } = this
    const numberIn = (scope: LimitScope, id: number): number =>
      scope === 'account' ? numberOf(scope, accounts.recordOf(id)) : id
    for (const { scope, id, firm, terms } of state.limits)
      limits.set(scope, scope === 'firm' ? (firmIds.get(firm) ?? 0) : numberIn(scope, id), terms, 0)
    this.followsStates = state.limits.some(({ terms }) => isState(terms))
    this.turn()
    for (const scale of state.scales) this.setScale(scale)
    for (const [scope, id, tokens, atMillis] of state.buckets)
      limits.restoreBucket(scope, numberIn(scope, id), tokens, atMillis)
    for (const firm of limits.of('firm').keys()) this.prepareFirm(firm)
    this.followLosses()
    this.nextDay[0] = state.nextDayMillis
    for (const [accountId, baseMicros, isBreached] of state.days) {
      const account = accounts.recordOf(accountId)
      this.followed.add(account)
      sums.setBase(account, baseMicros)
      if (isBreached) this.lossyAccounts.add(account)
    }
    for (const firm of state.lossyFirms) this.lossyFirms.add(firm)
    for (const [scope, id, instrumentId] of state.positions)
      if (scope === 'firm') this.breachedPositions.firm.set(firmPositionKey(id, instrumentId), [id, instrumentId])
      else this.breachedPositions.account.add(accounts.holdingOf(accounts.recordOf(id), instrumentId))
    this.sweptTo = state.sweptTo
    this.leftToSweep = state.leftToSweep
    this.touchedCount = 0
  }
}

const notCounted = -1
const nobody: readonly AccountRecord[] = []
const noBreaches: readonly LimitBreached[] = []

/** Under which a scope's limits are kept: accounts by their number, not by their record. */
const numberOf = (scope: LimitScope, id: number): number => (scope === 'account' ? id >> recordShift : id)

/** Both are below 2^21. */
const firmPositionKey = (firm: number, instrumentId: number): number => firm * 2 ** 21 + instrumentId

const isState = (terms: LimitTerms): boolean => terms.maxPositionLots !== 0 || terms.maxDailyLossMicros !== 0

/** Whether lots of each instrument are limited. */
const isPositioned = (terms: LimitTerms): boolean => terms.maxPositionLots !== 0 || terms.maxConcentrationPpm !== 0

const isExposed = ({ maxGrossDelta, maxNetDelta, maxVegaMicros }: LimitTerms): boolean =>
  maxGrossDelta !== 0 || maxNetDelta !== 0 || maxVegaMicros !== 0

const hasExposureLimit = (values: Float64Array, limits: number): boolean =>
  values[limits + grossDeltaAt] !== 0 || values[limits + netDeltaAt] !== 0 || values[limits + vegaAt] !== 0

const isBeyondPosition = (values: Float64Array, limits: number, lots: number, scalePpm: number): boolean => {
  const most = values[limits + positionLotsAt] as number
  return most !== 0 && lots > scaledLimit(most, scalePpm)
}

const isConcentrated = (values: Float64Array, limits: number, lots: number, interestLots: number): boolean => {
  const mostPpm = values[limits + concentrationAt] as number
  if (mostPpm === 0 || lots <= 0 || lots <= (values[limits + concentrationFromAt] as number)) return false
  return lots > feeMicros(mostPpm, interestLots)
}

/** Net, up and down lie one behind another: of the side to which the change adds. */
const sideOf = (values: Float64Array, at: number, change: number): number => {
  const net = values[at] as number
  return change > 0 ? net + (values[at + 1] as number) + change : (values[at + 2] as number) - net - change
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

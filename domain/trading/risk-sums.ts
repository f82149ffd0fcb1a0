import { type AccountRecord, type Accounts, type HoldingRecord, recordShift } from '../ledger/accounts.ts'
import type { Listing } from './listing.ts'

const { abs, max } = Math

/** What a lot is worth of the underlying, and of its volatility: of the epoch of risk in force. */
export interface RiskUnits {
  /** Another one whenever any of them may have changed. */
  readonly valuation: number
  deltaMicroUnits(instrumentId: number): number
  vegaMicros(instrumentId: number): number
}

/** Up to here every partial sum is a safe integer, in whatever order it is summed. */
const mostExact = 2 ** 52

/*
 * A row of sums over all that an account or a firm holds and has open. Of exposures: net of positions, up and down of what
 * is open on the side that adds or takes away, gross of the larger side of each holding; weight is at least any partial sum
 * of them. Worth is what positions would bring at the marks beyond their cost.
 */
const rowShift = 4
const rowLength = 1 << rowShift
/** Of which valuation the exposures are, counted from 1 on; 0: to be summed anew. */
const valuedAt = 0
export const netAt = 1
const upAt = 2
const downAt = 3
export const grossAt = 4
export const vegaNetAt = 5
const vegaUpAt = 6
const vegaDownAt = 7
const weightAt = 8
/** Of which marks the worth is; 0: to be summed anew. */
const markedAt = 9
const worthAt = 10
/** At least any partial sum of the worth. */
const worthWeightAt = 11
/** Of an account: what the day began with, less cash; of a firm: the sum over its accounts. Its worth off, it is the loss. */
const spentAt = 12
/** Of a firm: at least any partial sum of it; 0 in `knownAt` where it is to be summed anew. */
const spentWeightAt = 13
/** Of an account: what the day began with. */
const baseAt = 13
/** Of an account: 1 where it has more cash than is exact beside the worth of its firm. Of a firm: how many are so. */
const richAt = 14
const knownAt = 15

/** Of one that is not known by a row: all of it is 0. */
const noRow = 0
/** Where one holding is summed by itself. */
const aloneRow = rowLength

const countedLength = 4
/** In both: size, open buys, open sells, entry. */
const lotsLength = 8
const reachAt = 4
const lotsAt = 5
const absSizeAt = 6
const absEntryAt = 7

/** What a firm has in each instrument: linear in its accounts, so that marks and Greeks need no account to be looked at. */
interface FirmLots {
  /** By instrument: where its sums begin. */
  readonly at: Map<number, number>
  sums: Float64Array<ArrayBuffer>
  /** False where some were too large, and may have been rounded. */
  isExact: boolean
}

const unknownKind = 0
const tradedKind = 1
const lodgedKind = 2

/**
 * All that limits are measured by, kept by what has changed: it could be summed again from ledger, marks and epoch at any
 * time, and is, when it is first asked for after marks or epoch have changed. Sums are of integers; what is too large to be
 * exact is summed each time it is asked for, in one order.
 */
export class RiskSums {
  /** Rows of accounts and firms. */
  values = new Float64Array(rowLength << 6)
  private rowsEnd = 2 * rowLength
  /** By account and by firm: where the row begins. */
  private accountRows = new Int32Array(64)
  private firmRows = new Int32Array(64)
  /** What was last counted of each holding: size, open buys, open sells, entry cost. */
  private counted = new Float64Array(countedLength << 6)
  /** Long lots of all accounts, by instrument. */
  private readonly openInterest: number[] = []
  private readonly firmLots: (FirmLots | undefined)[] = []
  /** Of one firm's loss are those whose accounts are followed. */
  private readonly lossMembers: (readonly AccountRecord[] | undefined)[] = []

  /** By instrument: whether it trades or is lodged, its mark, and what a tick of a lot is worth. */
  private kinds = new Uint8Array(64)
  private marks = new Float64Array(64)
  private tickMicros = new Float64Array(64)
  /** Another one whenever a mark has moved. */
  private marking = 1

  private readonly accounts: Accounts
  private readonly listings: readonly (Listing | undefined)[]
  private readonly units: RiskUnits

  constructor(accounts: Accounts, listings: readonly (Listing | undefined)[], units: RiskUnits) {
    this.accounts = accounts
    this.listings = listings
    this.units = units
  }

  /** Counts all that there is, of no firm yet. What the day began with stays. */
  recount(): void {
    const { values } = this
    for (let row = 2 * rowLength; row < this.rowsEnd; row += rowLength) {
      values[row + valuedAt] = 0
      values[row + markedAt] = 0
    }
    this.counted.fill(0)
    this.openInterest.length = 0
    this.firmLots.length = 0
    this.lossMembers.length = 0
    this.kinds.fill(unknownKind)
    this.marking += 1
    this.accounts.eachHolding(holding => this.count(holding))
  }

  // ——— Marks

  /** Of an instrument whose mark, or what a tick of it is worth, may have changed. */
  marked(instrumentId: number): void {
    if (this.kindOf(instrumentId) !== tradedKind) return
    const { marks, tickMicros } = this
    const [mark, tick] = [marks[instrumentId], tickMicros[instrumentId]]
    this.learn(instrumentId)
    if (mark !== this.marks[instrumentId] || tick !== this.tickMicros[instrumentId]) this.marking += 1
  }

  /** What is lodged is no trade. */
  isTraded(instrumentId: number): boolean {
    return this.kindOf(instrumentId) === tradedKind
  }

  /** Its mark is none where it is lodged. */
  private kindOf(instrumentId: number): number {
    const kind = instrumentId < this.kinds.length ? (this.kinds[instrumentId] as number) : unknownKind
    return kind === unknownKind ? this.learn(instrumentId) : kind
  }

  private learn(instrumentId: number): number {
    const listing = this.listings[instrumentId]
    if (listing === undefined) return tradedKind
    if (instrumentId >= this.kinds.length) {
      const length = max(this.kinds.length * 2, instrumentId + 1)
      const kinds = new Uint8Array(length)
      kinds.set(this.kinds)
      this.kinds = kinds
      this.marks = lengthened(this.marks, length)
      this.tickMicros = lengthened(this.tickMicros, length)
    }
    const { markTicks, instrument } = listing
    const isLodged = instrument.terms.kind === 'collateral'
    this.kinds[instrumentId] = isLodged ? lodgedKind : tradedKind
    this.marks[instrumentId] = isLodged ? 0 : markTicks
    this.tickMicros[instrumentId] = instrument.microsPerTickLot
    return this.kinds[instrumentId] as number
  }

  // ——— What the ledger says

  /** Of a holding whose position or open lots may have changed, or its account's cash with them. Answers whether it counts at all. */
  count(holding: HoldingRecord): boolean {
    const { accounts } = this
    const instrumentId = accounts.instrumentId(holding)
    if (this.kindOf(instrumentId) === lodgedKind) return false
    const at = (holding >> recordShift) * countedLength
    if (at >= this.counted.length) this.counted = lengthened(this.counted, max(this.counted.length * 2, at + 4))
    const { counted } = this
    const size = accounts.sizeLots(holding)
    const buys = accounts.buyLots(holding)
    const sells = accounts.sellLots(holding)
    const entry = size === 0 ? 0 : accounts.entryTickLots(holding)
    const sizeBefore = counted[at] as number
    const buysBefore = counted[at + 1] as number
    const sellsBefore = counted[at + 2] as number
    const entryBefore = counted[at + 3] as number
    counted[at] = size
    counted[at + 1] = buys
    counted[at + 2] = sells
    counted[at + 3] = entry
    const account = accounts.account(holding)
    const firm = accounts.firm(account)
    const own = rowIn(this.accountRows, account >> recordShift)
    const ofFirm = rowIn(this.firmRows, firm)
    if (size !== sizeBefore)
      this.openInterest[instrumentId] = (this.openInterest[instrumentId] ?? 0) + max(0, size) - max(0, sizeBefore)
    if (own === noRow && ofFirm === noRow) return true
    const sized = size - sizeBefore
    const bought = buys - buysBefore
    const sold = sells - sellsBefore
    const cost = entry - entryBefore
    const reach = max(size + buys, sells - size) - max(sizeBefore + buysBefore, sellsBefore - sizeBefore)
    const absSize = abs(size) - abs(sizeBefore)
    const absEntry = abs(entry) - abs(entryBefore)
    const lots = absSize + bought + sold
    const isMoved = sized !== 0 || cost !== 0
    const { values, valuation } = this
    if (values[own + valuedAt] === valuation) this.expose(own, instrumentId, sized, bought, sold, reach, lots)
    if (isMoved && values[own + markedAt] === this.marking)
      this.revalue(own, instrumentId, sized, cost, absSize, absEntry)
    if (ofFirm === noRow) return true
    if (values[ofFirm + valuedAt] === valuation) this.expose(ofFirm, instrumentId, sized, bought, sold, reach, lots)
    if (isMoved && values[ofFirm + markedAt] === this.marking)
      this.revalue(ofFirm, instrumentId, sized, cost, absSize, absEntry)
    const firmLots = this.firmLots[firm]
    if (firmLots !== undefined)
      addLots(firmLots, instrumentId, sized, bought, sold, cost, reach, lots, absSize, absEntry)
    if (this.lossMembers[firm] !== undefined) this.spend(account, own, ofFirm)
    return true
  }

  /** Cash that came or went, not by trading: it is no gain. */
  cashMoved(account: AccountRecord, micros: number): void {
    const own = rowIn(this.accountRows, account >> recordShift)
    if (own === noRow) return
    this.values[own + baseAt] = (this.values[own + baseAt] as number) + micros
    this.spendIn(account, own)
  }

  private get valuation(): number {
    return this.units.valuation + 1
  }

  /** Adds lots of an instrument to the exposures of a row. */
  private expose(
    row: number,
    instrumentId: number,
    size: number,
    buys: number,
    sells: number,
    reach: number,
    lots: number,
  ): void {
    const { values, units } = this
    const delta = units.deltaMicroUnits(instrumentId)
    const vega = units.vegaMicros(instrumentId)
    if (delta === 0 && vega === 0) return
    const absDelta = abs(delta)
    const absVega = abs(vega)
    values[row + netAt] = (values[row + netAt] as number) + size * delta
    values[row + upAt] = (values[row + upAt] as number) + (delta > 0 ? buys : sells) * absDelta
    values[row + downAt] = (values[row + downAt] as number) + (delta > 0 ? sells : buys) * absDelta
    values[row + grossAt] = (values[row + grossAt] as number) + reach * absDelta
    if (vega !== 0) {
      values[row + vegaNetAt] = (values[row + vegaNetAt] as number) + size * vega
      values[row + vegaUpAt] = (values[row + vegaUpAt] as number) + (vega > 0 ? buys : sells) * absVega
      values[row + vegaDownAt] = (values[row + vegaDownAt] as number) + (vega > 0 ? sells : buys) * absVega
    }
    const weight = (values[row + weightAt] as number) + lots * max(absDelta, absVega)
    values[row + weightAt] = weight
    if (weight > mostExact) values[row + valuedAt] = 0
  }

  private revalue(
    row: number,
    instrumentId: number,
    size: number,
    entry: number,
    absSize: number,
    absEntry: number,
  ): void {
    const { values } = this
    const mark = this.marks[instrumentId] as number
    if (mark === 0) return
    const tick = this.tickMicros[instrumentId] as number
    values[row + worthAt] = (values[row + worthAt] as number) + (size * mark - entry) * tick
    const weight = (values[row + worthWeightAt] as number) + (absSize * mark + absEntry) * tick
    values[row + worthWeightAt] = weight
    if (weight > mostExact) values[row + markedAt] = 0
  }

  // ——— Exposures

  /** Where the sums of an account begin in `values`, as they are now. */
  exposureOfAccount(account: AccountRecord): number {
    const row = this.rowOfAccount(account)
    if (this.values[row + valuedAt] === this.valuation) return row
    this.clearExposure(row)
    const { accounts } = this
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding))
      this.exposeHolding(row, holding)
    if (this.isExposureExact(row)) return row
    this.clearExposure(row)
    for (const holding of accounts.holdingsOf(account)) this.exposeHolding(row, holding)
    return row
  }

  /** The same of a firm whose lots are followed. */
  exposureOfFirm(firm: number, members: readonly AccountRecord[]): number {
    const row = rowIn(this.firmRows, firm)
    if (this.values[row + valuedAt] === this.valuation) return row
    this.clearExposure(row)
    const { at: places, sums } = this.firmLotsOf(firm, members)
    for (const [instrumentId, at] of places)
      this.expose(
        row,
        instrumentId,
        sums[at] as number,
        sums[at + 1] as number,
        sums[at + 2] as number,
        sums[at + reachAt] as number,
        sums[at + lotsAt] as number,
      )
    if (this.isExposureExact(row)) return row
    this.clearExposure(row)
    for (const account of members)
      for (const holding of this.accounts.holdingsOf(account)) this.exposeHolding(row, holding)
    return row
  }

  /** Of one holding. */
  exposureOfHolding(holding: HoldingRecord): number {
    this.clearExposure(aloneRow)
    this.exposeHolding(aloneRow, holding)
    return aloneRow
  }

  private clearExposure(row: number): void {
    this.values.fill(0, row + valuedAt, row + weightAt + 1)
  }

  private isExposureExact(row: number): boolean {
    if ((this.values[row + weightAt] as number) > mostExact) return false
    this.values[row + valuedAt] = this.valuation
    return true
  }

  /** As it is counted now. */
  private exposeHolding(row: number, holding: HoldingRecord): void {
    const { counted } = this
    const at = (holding >> recordShift) * countedLength
    if (at >= counted.length) return
    const size = counted[at] as number
    const buys = counted[at + 1] as number
    const sells = counted[at + 2] as number
    const reach = max(size + buys, sells - size)
    this.expose(row, this.accounts.instrumentId(holding), size, buys, sells, reach, abs(size) + buys + sells)
  }

  // ——— Lots

  openInterestLots(instrumentId: number): number {
    return this.openInterest[instrumentId] ?? 0
  }

  /** Of a firm whose lots are followed. */
  firmSizeLots(firm: number, instrumentId: number): number {
    return this.firmLotsAt(firm, instrumentId, 0)
  }
  firmBuyLots(firm: number, instrumentId: number): number {
    return this.firmLotsAt(firm, instrumentId, 1)
  }
  firmSellLots(firm: number, instrumentId: number): number {
    return this.firmLotsAt(firm, instrumentId, 2)
  }

  private firmLotsOf(firm: number, members: readonly AccountRecord[]): FirmLots {
    if (this.firmLots[firm]?.isExact === false) this.followFirm(firm, members)
    return this.firmLots[firm] ?? nothing
  }

  private firmLotsAt(firm: number, instrumentId: number, column: number): number {
    const lots = this.firmLots[firm]
    const at = lots?.at.get(instrumentId)
    return lots === undefined || at === undefined ? 0 : (lots.sums[at + column] as number)
  }

  /** From now on; or no longer. */
  followFirm(firm: number, members: readonly AccountRecord[] | undefined): void {
    this.firmLots[firm] = undefined
    if (members === undefined) return
    const row = this.rowOfFirm(firm)
    this.values[row + valuedAt] = 0
    this.values[row + markedAt] = 0
    const followed: FirmLots = { at: new Map(), sums: new Float64Array(lotsLength << 2), isExact: true }
    const { counted, accounts } = this
    for (const account of members)
      for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding)) {
        const at = (holding >> recordShift) * countedLength
        if (at >= counted.length) continue
        const size = counted[at] as number
        const buys = counted[at + 1] as number
        const sells = counted[at + 2] as number
        const entry = counted[at + 3] as number
        const reach = max(size + buys, sells - size)
        const lots = abs(size) + buys + sells
        const instrumentId = accounts.instrumentId(holding)
        addLots(followed, instrumentId, size, buys, sells, entry, reach, lots, abs(size), abs(entry))
      }
    this.firmLots[firm] = followed
  }

  // ——— Results of the day

  baseMicros(account: AccountRecord): number {
    return this.values[rowIn(this.accountRows, account >> recordShift) + baseAt] as number
  }
  setBase(account: AccountRecord, micros: number): void {
    const row = this.rowOfAccount(account)
    this.values[row + baseAt] = micros
    this.spendIn(account, row)
  }

  /** Cash, and positions at the marks of the market; what has none counts for what was realised. Collateral is left out. */
  equityMicros(account: AccountRecord): number {
    const row = this.rowOfAccount(account)
    if (this.values[row + markedAt] !== this.marking) this.revalueAccount(account, row)
    const cash = this.accounts.cashMicros(account)
    const { values } = this
    if ((values[row + worthWeightAt] as number) + abs(cash) <= mostExact)
      return cash + (values[row + worthAt] as number)
    let equity = cash
    const { accounts } = this
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding))
      equity += this.worthOf(holding)
    return equity
  }

  private worthOf(holding: HoldingRecord): number {
    const instrumentId = this.accounts.instrumentId(holding)
    const size = this.accounts.sizeLots(holding)
    if (size === 0 || this.kindOf(instrumentId) !== tradedKind) return 0
    const mark = this.marks[instrumentId] as number
    if (mark === 0) return 0
    return (size * mark - this.accounts.entryTickLots(holding)) * (this.tickMicros[instrumentId] as number)
  }

  private revalueAccount(account: AccountRecord, row: number): void {
    const { accounts, values } = this
    let worth = 0
    let weight = 0
    for (let holding = accounts.firstHolding(account); holding !== 0; holding = accounts.nextHolding(holding)) {
      const size = accounts.sizeLots(holding)
      if (size === 0) continue
      const instrumentId = accounts.instrumentId(holding)
      this.kindOf(instrumentId)
      const mark = this.marks[instrumentId] as number
      if (mark === 0) continue
      const entry = accounts.entryTickLots(holding)
      const tick = this.tickMicros[instrumentId] as number
      worth += (size * mark - entry) * tick
      weight += (abs(size) * mark + abs(entry)) * tick
    }
    values[row + worthAt] = worth
    values[row + worthWeightAt] = weight
    values[row + markedAt] = weight > mostExact ? 0 : this.marking
  }

  lossMicros(account: AccountRecord): number {
    return this.baseMicros(account) - this.equityMicros(account)
  }

  /** Whose accounts' results make up a firm's, from now on; or no longer. Its lots are followed too. */
  followLoss(firm: number, members: readonly AccountRecord[] | undefined): void {
    this.lossMembers[firm] = members
    const row = this.rowOfFirm(firm)
    this.values[row + knownAt] = 0
  }

  /** Of a firm whose loss is followed. */
  firmLossMicros(firm: number): number {
    const members = this.lossMembers[firm] ?? []
    const row = rowIn(this.firmRows, firm)
    if (this.values[row + knownAt] === 0) this.sumSpent(members, row)
    if (this.values[row + markedAt] !== this.marking) this.revalueFirm(firm, row)
    const { values } = this
    const weight = (values[row + spentWeightAt] as number) + (values[row + worthWeightAt] as number)
    // Each account's own sum is exact then, and so is the sum of all.
    if (values[row + richAt] === 0 && weight <= mostExact / 2)
      return (values[row + spentAt] as number) - (values[row + worthAt] as number)
    return members.reduce((sum, account) => sum + this.lossMicros(account), 0)
  }

  private revalueFirm(firm: number, row: number): void {
    const { values } = this
    values[row + worthAt] = 0
    values[row + worthWeightAt] = 0
    values[row + markedAt] = this.marking
    const { at: places, sums } = this.firmLotsOf(firm, this.lossMembers[firm] ?? [])
    for (const [instrumentId, at] of places)
      this.revalue(
        row,
        instrumentId,
        sums[at] as number,
        sums[at + 3] as number,
        sums[at + absSizeAt] as number,
        sums[at + absEntryAt] as number,
      )
  }

  private sumSpent(members: readonly AccountRecord[], row: number): void {
    const { values } = this
    values[row + spentAt] = 0
    values[row + spentWeightAt] = 0
    values[row + richAt] = 0
    for (const account of members) {
      const own = this.rowOfAccount(account)
      this.values[own + spentAt] = 0
      this.values[own + richAt] = 0
    }
    this.values[row + knownAt] = 1
    for (const account of members) this.spend(account, this.rowOfAccount(account), row)
  }

  private spendIn(account: AccountRecord, own: number): void {
    const firm = this.accounts.firm(account)
    if (this.lossMembers[firm] !== undefined) this.spend(account, own, rowIn(this.firmRows, firm))
  }

  /** What an account of a firm has spent since the day began, as it is now. */
  private spend(account: AccountRecord, own: number, ofFirm: number): void {
    const { values } = this
    if (own === noRow || values[ofFirm + knownAt] === 0) return
    const cash = this.accounts.cashMicros(account)
    const before = values[own + spentAt] as number
    const spent = (values[own + baseAt] as number) - cash
    const rich = abs(cash) > mostExact / 2 ? 1 : 0
    values[ofFirm + spentAt] = (values[ofFirm + spentAt] as number) + spent - before
    const weight = (values[ofFirm + spentWeightAt] as number) + abs(spent) - abs(before)
    values[ofFirm + spentWeightAt] = weight
    values[ofFirm + richAt] = (values[ofFirm + richAt] as number) + rich - (values[own + richAt] as number)
    values[own + spentAt] = spent
    values[own + richAt] = rich
    if (weight > mostExact) values[ofFirm + knownAt] = 0
  }

  // ——— Rows

  private rowOfAccount(account: AccountRecord): number {
    const index = account >> recordShift
    const row = rowIn(this.accountRows, index)
    if (row !== noRow) return row
    this.accountRows = withRow(this.accountRows, index, this.rowsEnd)
    return this.addRow()
  }

  private rowOfFirm(firm: number): number {
    const row = rowIn(this.firmRows, firm)
    if (row !== noRow) return row
    this.firmRows = withRow(this.firmRows, firm, this.rowsEnd)
    return this.addRow()
  }

  private addRow(): number {
    const row = this.rowsEnd
    this.rowsEnd += rowLength
    if (this.rowsEnd > this.values.length) this.values = lengthened(this.values, this.values.length * 2)
    return row
  }
}

const nothing: FirmLots = { at: new Map(), sums: new Float64Array(0), isExact: true }

const addLots = (
  lots: FirmLots,
  instrumentId: number,
  size: number,
  buys: number,
  sells: number,
  entry: number,
  reach: number,
  all: number,
  absSize: number,
  absEntry: number,
): void => {
  let at = lots.at.get(instrumentId)
  if (at === undefined) {
    at = lots.at.size * lotsLength
    lots.at.set(instrumentId, at)
    if (at + lotsLength > lots.sums.length) lots.sums = lengthened(lots.sums, lots.sums.length * 2)
  }
  const { sums } = lots
  sums[at] = (sums[at] as number) + size
  sums[at + 1] = (sums[at + 1] as number) + buys
  sums[at + 2] = (sums[at + 2] as number) + sells
  sums[at + 3] = (sums[at + 3] as number) + entry
  sums[at + reachAt] = (sums[at + reachAt] as number) + reach
  const lotsNow = (sums[at + lotsAt] as number) + all
  sums[at + lotsAt] = lotsNow
  sums[at + absSizeAt] = (sums[at + absSizeAt] as number) + absSize
  const entryNow = (sums[at + absEntryAt] as number) + absEntry
  sums[at + absEntryAt] = entryNow
  if (lotsNow > mostExact || entryNow > mostExact) lots.isExact = false
}

const rowIn = (rows: Int32Array, index: number): number => (index < rows.length ? (rows[index] as number) : noRow)

const withRow = (rows: Int32Array<ArrayBuffer>, index: number, row: number): Int32Array<ArrayBuffer> => {
  let all = rows
  if (index >= all.length) {
    all = new Int32Array(max(rows.length * 2, index + 1))
    all.set(rows)
  }
  all[index] = row
  return all
}

const lengthened = (reals: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> => {
  const longer = new Float64Array(length)
  longer.set(reals)
  return longer
}

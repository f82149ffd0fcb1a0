import { reserveMicrosOf } from '../ledger/accounts.ts'
import type { MarginFigures } from '../margin/margin-book.ts'
import type { BidGatesState } from './bid-gates.ts'
import type { PostOnly } from './commands.ts'
import type { DeliveryObligationsState } from './delivery-obligations.ts'
import { requireEngineVersion, versionOfMargin } from './engine-version.ts'
import { hexAt, idTextAt, putHex, putIdText } from './identifiers.ts'
import type { LaneCashState } from './lane-cash.ts'
import type { LaneCreditState } from './lane-credit.ts'
import type { LaneMarginState } from './lane-margin.ts'
import type { LiquidationsState } from './liquidations.ts'
import { type Listing, nothingSettled } from './listing.ts'
import { type MarketControls, type TradingState, tradingStates } from './market-controls.ts'
import type { ProtectionTerms, QuoteFill } from './market-making.ts'
import { announcedSecondAt, depositedAt, houseAt, laneMillisAt } from './matching.ts'
import { type Extras, idAt, noExtras, none, type Order, traits } from './orders.ts'
import type { RiskLimitsState } from './risk-limits.ts'
import {
  readInstrument,
  type SavedInstrument,
  type SavedPayments,
  savedInstrument,
  savedPayments,
} from './saved-contract.ts'
import { blockedByAccount, TradingFloor } from './trading-floor.ts'
import { type PricePoint, PriceWatch } from './velocity.ts'

/** All of it as JSON, equal for equal states. */
export interface EngineState {
  readonly format: 3
  /** Of the rules: see engine-version.ts. */
  readonly version: number
  readonly lane: number
  readonly laneMillis: number
  readonly announcedSecond: number
  readonly depositedMicros: number
  readonly houseMicros: number
  /** By account id, from 1. */
  readonly accounts: readonly AccountState[]
  /** By instrument id, from 1. */
  readonly books: readonly BookState[]
  readonly groups: readonly GroupState[]
  readonly deadMen: readonly {
    readonly accountId: number
    readonly timeoutMillis: number
    readonly expiresAtMillis: number
  }[]
  readonly killedFirms: readonly string[]
  readonly isLaneKilled: boolean
  readonly bustedTrades: readonly string[]
  /** Ids and accounts of the last commands, oldest first: 20 bytes each, as hex. */
  readonly recentCommands: { readonly older: string; readonly younger: string }
  /** From version 4 on. */
  readonly margin?: LaneMarginState
  /** From version 4 on. */
  readonly liquidations?: LiquidationsState
  /** Once one was set. */
  readonly limits?: RiskLimitsState
  /** Once there was a gate. */
  readonly bidGates?: BidGatesState
  /** While something is owed. */
  readonly deliveries?: DeliveryObligationsState
  /** Once an account has joined another lane. */
  readonly laneCredit?: LaneCreditState
  /** Once cash went between lanes. */
  readonly laneCash?: LaneCashState
}

interface AccountState {
  readonly account: string
  readonly firm: string
  readonly cashMicros: number
  readonly isKilled: boolean
  readonly positions: readonly {
    readonly instrumentId: number
    readonly sizeLots: number
    readonly entryTickLots: number
    readonly realisedMicros: number
  }[]
}

interface BookState {
  readonly instrument: SavedInstrument
  readonly state: TradingState
  readonly untilMillis: number
  readonly lastTicks: number
  readonly markTicks: number
  readonly controls: MarketControls
  readonly recentPrices: readonly PricePoint[]
  /** In price-time order. */
  readonly buy: readonly OrderState[]
  readonly sell: readonly OrderState[]
  /** Stop orders that wait, by id. */
  readonly waiting: readonly OrderState[]
  /** Absent before anything of it is settled. */
  readonly settled?: SavedPayments
}

interface OrderState {
  readonly orderId: string
  readonly accountId: number
  /** Of an order that waits: the limit that it will have, 0 for a market order. */
  readonly priceTicks: number
  readonly quantityLots: number
  readonly filledLots: number
  readonly filledTickLots: number
  readonly instructions?: OrderInstructions
}

interface OrderInstructions {
  readonly direction: 'buy' | 'sell'
  readonly traits: number
  readonly visibleLots: number
  readonly displayLots: number
  readonly expiresAtMillis: number
  readonly triggerTicks: number
  readonly byMark: boolean
  readonly selfTradeGroup: number
  readonly labelHash: string
  readonly postOnly: PostOnly
  /** Of a quote. */
  readonly groupHash?: string
}

interface GroupState {
  readonly accountId: number
  readonly group: string
  readonly name: string
  readonly terms?: ProtectionTerms
  /** -1 until reset. */
  readonly frozenUntilMillis: number
  readonly fills: readonly QuoteFill[]
}

/** A lane's exchange: see TradingFloor. What it is can be taken down as JSON and gone on from. */
export class Engine extends TradingFloor {
  counts(): { readonly openOrders: number; readonly accounts: number; readonly instruments: number } {
    return { openOrders: this.orders.count, accounts: this.accounts.count, instruments: this.listings.length - 1 }
  }

  /** Undefined before engine version 4, and of an account that is not there. */
  marginOf(accountId: number): MarginFigures | undefined {
    const account = this.accounts.find(accountId)
    return account === none ? undefined : this.margin?.figures(account)
  }

  snapshot(): EngineState {
    const { cells, accounts, recent } = this
    const { older, younger } = recent.generations()
    return {
      format: 3,
      version: this.version,
      lane: this.lane,
      laneMillis: this.laneMillis,
      announcedSecond: cells[announcedSecondAt] as number,
      depositedMicros: cells[depositedAt] as number,
      houseMicros: cells[houseAt] as number,
      accounts: this.accountNames.slice(1).map((account, index): AccountState => {
        const record = accounts.recordOf(accounts.firstId + index + 1)
        return {
          account,
          firm: this.firmNames[accounts.firm(record)] ?? '',
          cashMicros: accounts.cashMicros(record),
          isKilled: (accounts.blocks(record) & blockedByAccount) !== 0,
          positions: accounts
            .holdingsOf(record)
            .map(holding => ({
              instrumentId: accounts.instrumentId(holding),
              sizeLots: accounts.sizeLots(holding),
              entryTickLots: accounts.entryTickLots(holding),
              realisedMicros: accounts.realisedMicros(holding),
            }))
            .filter(({ sizeLots, realisedMicros }) => sizeLots !== 0 || realisedMicros !== 0),
        }
      }),
      books: this.listings.flatMap(listing => (listing === undefined ? [] : [this.bookState(listing)])),
      groups: this.groups
        .all()
        .map(({ accountId, group, name, terms, frozenUntilMillis, fills }) => ({
          accountId,
          group,
          name,
          ...(terms === undefined ? {} : { terms }),
          frozenUntilMillis: frozenUntilMillis === Number.POSITIVE_INFINITY ? -1 : frozenUntilMillis,
          fills,
        }))
        .sort((a, b) => a.accountId - b.accountId || (a.group < b.group ? -1 : 1)),
      deadMen: [...this.deadMen]
        .map(([accountId, deadMan]) => ({ accountId, ...deadMan }))
        .sort((a, b) => a.accountId - b.accountId),
      killedFirms: [...this.killedFirms].sort((a, b) => a - b).map(firm => this.firmNames[firm] ?? ''),
      isLaneKilled: this.isLaneKilled,
      bustedTrades: [...this.busted].sort(),
      recentCommands: { older: hexAt(older, 0, older.byteLength), younger: hexAt(younger, 0, younger.byteLength) },
      ...(this.margin === undefined
        ? {}
        : { margin: this.margin.capture(), liquidations: this.liquidations.capture() }),
      ...this.limitsState(),
      ...this.deliveryState(),
      ...this.laneCreditState(),
    }
  }

  private deliveryState(): Pick<EngineState, 'bidGates' | 'deliveries'> {
    const [bidGates, deliveries] = [this.bidGates.capture(), this.deliveries.capture()]
    return { ...(bidGates === undefined ? {} : { bidGates }), ...(deliveries === undefined ? {} : { deliveries }) }
  }

  private laneCreditState(): Pick<EngineState, 'laneCredit' | 'laneCash'> {
    const [laneCredit, laneCash] = [this.laneCredit.capture(), this.laneCash.capture()]
    return { ...(laneCredit === undefined ? {} : { laneCredit }), ...(laneCash === undefined ? {} : { laneCash }) }
  }

  private limitsState(): Pick<EngineState, 'limits'> {
    const limits = this.limitDesk.capture()
    return limits === undefined ? {} : { limits }
  }

  private bookState(listing: Listing): BookState {
    const { book, untilMillis, lastTicks, markTicks, controls } = listing
    const settled = savedPayments(listing.settled)
    return {
      instrument: savedInstrument(listing.instrument),
      state: tradingStates[listing.state] ?? 'closed',
      untilMillis,
      lastTicks,
      markTicks,
      controls,
      recentPrices: listing.velocity?.points() ?? [],
      buy: book.inPriority(false).map(order => this.orderState(order)),
      sell: book.inPriority(true).map(order => this.orderState(order)),
      waiting: this.sorted([...listing.waiting]).map(order => this.orderState(order)),
      ...(Object.keys(settled).length === 0 ? {} : { settled }),
    }
  }

  private orderState(order: Order): OrderState {
    const { orders, accounts, levels } = this
    const all = orders.traits(order)
    const level = orders.level(order)
    const extras = orders.extras.get(order)
    const plain = {
      orderId: idTextAt(orders.words, order + idAt),
      accountId: accounts.idOf(orders.holding(order)),
      priceTicks: level === none ? (extras?.limitTicks ?? 0) : levels.ticks(level),
      quantityLots: orders.quantityLots(order),
      filledLots: orders.filledLots(order),
      filledTickLots: orders.filledTickLots(order),
    }
    if (extras === undefined) return plain
    const { group, limitTicks: _, ...instructions } = extras
    return {
      ...plain,
      instructions: {
        direction: orders.isSell(order) ? 'sell' : 'buy',
        traits: all,
        visibleLots: orders.visibleLots(order),
        ...instructions,
        ...(group === undefined ? {} : { groupHash: group.group }),
      },
    }
  }

  /** Of an engine that has done nothing yet. */
  protected restore(state: EngineState): void {
    const { cells, accounts } = this
    this.version = state.version
    cells[laneMillisAt] = state.laneMillis
    cells[announcedSecondAt] = state.announcedSecond
    cells[depositedAt] = state.depositedMicros
    cells[houseAt] = state.houseMicros
    for (const { account, firm, cashMicros, isKilled } of state.accounts) {
      const record = accounts.recordOf(this.addAccount(account, firm))
      accounts.addCash(record, cashMicros)
      if (isKilled) accounts.setBlocks(record, blockedByAccount)
    }
    for (const saved of state.books) {
      const listing = this.addListing(readInstrument(saved.instrument))
      const { untilMillis, lastTicks, markTicks, controls } = saved
      Object.assign(listing, { state: tradingStates.indexOf(saved.state), untilMillis, lastTicks, markTicks, controls })
      if (controls.velocityPpm > 0) listing.velocity = new PriceWatch(saved.recentPrices)
      listing.isWatched = listing.velocity !== undefined
      listing.settled = { ...nothingSettled, ...saved.settled }
      const { instrumentId } = saved.instrument
      if (untilMillis !== 0) this.timers.add({ atMillis: untilMillis, kind: 'state', key: instrumentId })
    }
    for (const [index, { positions }] of state.accounts.entries())
      for (const { instrumentId, sizeLots, entryTickLots, realisedMicros } of positions) {
        const { instrument } = this.listingOf(instrumentId)
        const holding = accounts.holdingOf(accounts.recordOf(accounts.firstId + index + 1), instrumentId)
        accounts.setPosition(holding, instrument, sizeLots, entryTickLots, realisedMicros)
      }
    for (const { accountId, group, name, terms, frozenUntilMillis, fills } of state.groups) {
      const restored = this.groups.take(accountId, group)
      restored.name = name
      restored.terms = terms
      restored.frozenUntilMillis = frozenUntilMillis === -1 ? Number.POSITIVE_INFINITY : frozenUntilMillis
      restored.fills = [...fills]
      this.groups.settle(restored)
    }
    for (const [index, { buy, sell, waiting }] of state.books.entries()) {
      const listing = this.listingOf(index + 1)
      for (const saved of buy) this.restoreOrder(listing, saved, false)
      for (const saved of sell) this.restoreOrder(listing, saved, true)
      for (const saved of waiting) this.restoreOrder(listing, saved, saved.instructions?.direction === 'sell')
    }
    for (const { accountId, ...deadMan } of state.deadMen) {
      this.deadMen.set(accountId, deadMan)
      this.timers.add({ atMillis: deadMan.expiresAtMillis, kind: 'dead-man', key: accountId })
    }
    this.restoreKillSwitches(state)
    this.liquidations.restore(state.liquidations ?? [])
    for (const tradeId of state.bustedTrades) this.busted.add(tradeId)
    const { older, younger } = state.recentCommands
    this.recent.restore({ older: wordsOfHex(older), younger: wordsOfHex(younger) })
    if (state.margin === undefined) return
    const margin = this.createMargin()
    margin.restoreHolds(state.margin)
    this.deliveries.restore(state.deliveries ?? [])
    margin.restore(state.margin)
    this.margin = margin
    if (state.bidGates !== undefined) this.bidGates.restore(state.bidGates)
    if (state.limits !== undefined) this.limitDesk.restore(state.limits)
    if (state.laneCredit !== undefined) this.laneCredit.restore(state.laneCredit)
    if (state.laneCash !== undefined) this.laneCash.restore(state.laneCash, state.laneMillis)
  }

  private restoreOrder(listing: Listing, saved: OrderState, sells: boolean): void {
    const { accounts, orders } = this
    const { instrument } = listing
    const { instructions, priceTicks, quantityLots, filledLots } = saved
    const holding = accounts.holdingOf(accounts.find(saved.accountId), instrument.instrumentId)
    const lots = quantityLots - filledLots
    const all = instructions?.traits ?? (sells ? traits.sells : 0)
    const waits = (all & traits.waits) !== 0
    const reserve = waits ? 0 : reserveMicrosOf(instrument, priceTicks, lots)
    const id = new Int32Array(4)
    putIdText(id, 0, saved.orderId)
    const order = this.create(id, 0, holding, quantityLots, all, reserve)
    orders.setFilledLots(order, filledLots)
    orders.setFilledTickLots(order, saved.filledTickLots)
    orders.setVisibleLots(order, instructions?.visibleLots ?? lots)
    if (instructions !== undefined) this.restoreExtras(order, holding, saved.accountId, priceTicks, instructions, sells)
    this.register(order)
    if (waits) {
      listing.waiting.add(order)
      listing.isWatched = true
      return
    }
    if (this.version >= versionOfMargin) {
      accounts.carryVolume(holding, instrument, sells, priceTicks, lots, reserve)
      listing.book.rest(order, sells, priceTicks)
      return
    }
    const refusal = accounts.openVolume(holding, instrument, sells, priceTicks, lots, reserve)
    if (refusal !== undefined) throw new Error(`the snapshot has an order that it does not cover: ${refusal}`)
    listing.book.rest(order, sells, priceTicks)
  }

  private restoreExtras(
    order: Order,
    holding: number,
    accountId: number,
    limitTicks: number,
    { groupHash, direction: _, traits: __, visibleLots: ___, ...instructions }: OrderInstructions,
    sells: boolean,
  ): void {
    const group = groupHash === undefined ? undefined : this.groups.take(accountId, groupHash)
    const extras: Extras = { ...noExtras, ...instructions, limitTicks, group }
    this.orders.extras.set(order, extras)
    if (group !== undefined) {
      group.orders.add(order)
      this.groups.settle(group)
      this.accounts.setQuote(holding, sells, order)
    }
    if (extras.expiresAtMillis !== 0) this.addExpiry(order, extras.expiresAtMillis)
  }

  static of(state: EngineState): Engine {
    // From storage: whatever the type says.
    const { format }: { readonly format: number } = state
    if (format !== 3) throw new Error(`a snapshot of format ${format} is not known here`)
    requireEngineVersion(state.version)
    const engine = new Engine(state.lane)
    engine.restore(state)
    return engine
  }
}

export const createEngine = (lane: number): Engine => new Engine(lane)

/** Continues exactly as the engine would have of which the snapshot was taken. */
export const restoreEngine = (state: EngineState): Engine => Engine.of(state)

const wordsOfHex = (hex: string): Int32Array => {
  const words = new Int32Array(hex.length / 8)
  putHex(words, 0, hex.length / 2, hex)
  return words
}

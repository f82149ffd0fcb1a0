import type { RejectionCode } from '#domain/outcome.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import {
  type AmendOrder,
  type BustTrade,
  type CaptureHold,
  type Command,
  commandIdOf,
  type Direction,
  type InstrumentMark,
  type ListInstrument,
  noHash,
  type PlaceHold,
  type PlaceOrder,
  type ProtectionLimits,
  plainInstructions,
  type Quote,
  type ReleaseHold,
  type SetKillSwitch,
  type SetTradingState,
  type Withdraw,
} from '#domain/trading/commands.ts'
import type { CancelReason, Event, StateCause, TradeLeg } from '#domain/trading/events.ts'
import { noControls, type TradingState } from '#domain/trading/market-controls.ts'
import { createNaiveContracts } from './naive-contracts.ts'
import { createNaiveDeliveries } from './naive-deliveries.ts'
import { createNaiveLedger, maxExposureMicros } from './naive-ledger.ts'
import { createNaiveLimits } from './naive-limits.ts'
import { createNaiveLiquidations } from './naive-liquidations.ts'
import { createNaiveMargin, type NaiveMargin, type RiskBefore } from './naive-margin.ts'
import {
  isCollateral,
  left,
  type NaiveAccount,
  type NaiveGroup,
  type NaiveListing,
  type NaiveMarket,
  type NaiveOrder,
  type Refusal,
} from './naive-market.ts'
import { createNaiveTreasury } from './naive-treasury.ts'

export interface NaiveExchange {
  /** Moves lane time, does what falls due, then what the command asks for. */
  enter(command: Command, atMillis: number): Event[]
  /** What rests, best first, then what waits, by id; cash and positions: to be compared with a snapshot. */
  books(): string[]
  accounts(): string[]
  /** What an account has left in the worst of all cases; 0 where it may lack something. */
  spareMicros(accountId: number): number
}

const noId = '00000000-0000-0000-0000-000000000000'
const dayMillis = 86_400_000
const maxOpenOrders = 10_000
const maxIcebergParts = 100
const maxDepositedMicros = 4_000_000_000_000_000
const maxInt32 = 2 ** 31 - 1

/** Rules, as far as they are not about money (naive-ledger.ts), and all that the exchange says. */
export const createNaiveExchange = (): NaiveExchange => {
  const market: NaiveMarket = { accounts: [], listings: [], orders: [], history: [], obligations: [] }
  const { accounts, listings, orders, history } = market
  const ledger = createNaiveLedger(market)
  const { feeOf, positionOf, cashMicros, spareMicros, isTooLarge, sizeRefusal } = ledger
  const groups: NaiveGroup[] = []
  const known = new Set<string>()
  const placedBy = new Map<string, number>()
  const killedFirms = new Set<string>()
  let isLaneKilled = false
  const busted = new Set<string>()
  /** Groups whose quotes are to be pulled. */
  let breached: NaiveGroup[] = []
  /** Accounts whose quote budget has too little left. */
  let exhausted: number[] = []
  let told: Event[] = []
  let now = 0
  let announcedSecond = -1
  let arrivals = 0
  /** Of the rules. */
  let version = 1
  const book4 = createNaiveMargin(market, ledger, { tell: event => told.push(event) })
  const treasury = createNaiveTreasury(market, ledger, book4, event => told.push(event))
  const limits = createNaiveLimits(market, ledger, {
    now: () => now,
    tell: event => told.push(event),
    unitsOf: book4.unitsOf,
    version: () => version,
  })
  const margin = (): NaiveMargin | undefined => (version >= 4 ? book4 : undefined)
  const isCovered = (accountId: number): boolean => margin()?.isCovered(accountId) ?? spareMicros(accountId) >= 0
  const shortCode = () => margin()?.shortCode() ?? 'insufficient-funds'
  /** Of an order as it would be; `riskBefore` is that of what its account had without it. */
  const fundsRefusal = (order: NaiveOrder, riskBefore: RiskBefore | undefined, isMore = true): Refusal => {
    const { accountId } = order.placed
    const size = isMore ? sizeRefusal(order) : undefined
    if (order.group !== undefined && book4.budgetOf(accountId) !== undefined) {
      const isProtected = order.place !== 'taking' || (order.group.limits?.amountLimitLots ?? 0) > 0
      if (size !== 'position-limit' && !isProtected) return 'outside-quote-budget'
      return size ?? book4.quoteRefusal(order)
    }
    if (size !== undefined) return size
    if (riskBefore !== undefined) return book4.refusal(accountId, riskBefore, isMore)
    return spareMicros(accountId) < 0 ? 'insufficient-funds' : undefined
  }

  // Orders and the book

  const against = (direction: Direction): Direction => (direction === 'buy' ? 'sell' : 'buy')
  const isBetter = (a: NaiveOrder, b: NaiveOrder): number =>
    (a.placed.direction === 'buy' ? b.priceTicks - a.priceTicks : a.priceTicks - b.priceTicks) || a.arrival - b.arrival
  const resting = (listing: NaiveListing, direction: Direction): NaiveOrder[] =>
    orders
      .filter(order => order.listing === listing && order.placed.direction === direction && order.place === 'resting')
      .sort(isBetter)
  const best = (listing: NaiveListing, direction: Direction): NaiveOrder | undefined => resting(listing, direction)[0]
  const waiting = (listing: NaiveListing): NaiveOrder[] =>
    byInstrumentAndId(orders.filter(order => order.listing === listing && order.place === 'waiting'))
  const byInstrumentAndId = (chosen: NaiveOrder[]): NaiveOrder[] =>
    chosen.sort(
      (a, b) => a.placed.instrumentId - b.placed.instrumentId || (a.placed.orderId < b.placed.orderId ? -1 : 1),
    )
  /** What others see at a price. */
  const levelLots = (order: NaiveOrder, ticks = order.priceTicks): number =>
    resting(order.listing, order.placed.direction)
      .filter(other => other.priceTicks === ticks)
      .reduce((sum, { visibleLots }) => sum + visibleLots, 0)
  const visiblePart = (order: NaiveOrder): number => Math.min(left(order), order.placed.displayLots || left(order))
  const isStop = ({ orderType }: PlaceOrder): boolean => orderType === 'stop_limit' || orderType === 'stop_market'
  const isMarket = ({ orderType }: PlaceOrder): boolean => orderType === 'market' || orderType === 'stop_market'
  const isImmediate = (placed: PlaceOrder): boolean =>
    isMarket(placed) || placed.timeInForce === 'immediate_or_cancel' || placed.timeInForce === 'fill_or_kill'

  const rest = (order: NaiveOrder): void => {
    arrivals += 1
    Object.assign(order, { place: 'resting', arrival: arrivals, visibleLots: visiblePart(order) })
  }
  const remove = (order: NaiveOrder): void => {
    orders.splice(orders.indexOf(order), 1)
  }
  const cancel = (order: NaiveOrder, reason: CancelReason, commandId = order.placed.orderId): void => {
    remove(order)
    const { orderId, accountId, instrumentId, direction } = order.placed
    const rested = order.place === 'resting'
    told.push({
      type: 'order-cancelled',
      commandId,
      orderId,
      accountId,
      reason,
      filledLots: order.filledLots,
      cancelledLots: left(order),
      instrumentId,
      priceTicks: rested ? order.priceTicks : 0,
      direction,
      levelLots: rested ? levelLots(order) : 0,
    })
  }
  const cancelAll = (chosen: NaiveOrder[], reason: CancelReason, commandId?: string): number => {
    for (const order of byInstrumentAndId([...chosen])) cancel(order, reason, commandId)
    return chosen.length
  }

  // Trading

  const isPast = ({ instrument }: NaiveListing): boolean => now >= instrument.specification.expirationMillis
  const isContinuous = (listing: NaiveListing): boolean => listing.state === 'continuous' && !isPast(listing)
  const stateRefusal = (listing: NaiveListing, mayRest: boolean): Refusal => {
    if (isPast(listing) || listing.state === 'closed' || listing.state === 'expired') return 'instrument-not-open'
    if (listing.state === 'halted') return 'instrument-halted'
    return listing.state === 'continuous' || mayRest ? undefined : 'order-type-not-allowed'
  }
  const referenceTicks = ({ lastTicks, markTicks }: NaiveListing): number => lastTicks || markTicks
  const bandTicks = (listing: NaiveListing, direction: Direction): number | undefined => {
    const reference = referenceTicks(listing)
    const { bandPpm } = listing.controls
    if (reference === 0 || bandPpm === 0) return undefined
    const width = Math.floor((reference * bandPpm) / 1_000_000)
    return direction === 'buy' ? reference + width : Math.max(1, reference - width)
  }
  const isOutsideBand = (listing: NaiveListing, direction: Direction, ticks: number): boolean => {
    const bound = bandTicks(listing, direction)
    return bound !== undefined && (direction === 'buy' ? ticks > bound : ticks < bound)
  }
  /** The limit of a market order; 0 where nothing rests against it. */
  const protectionTicks = (listing: NaiveListing, direction: Direction, accountId: number): number => {
    const opposite = best(listing, against(direction))?.priceTicks
    if (opposite === undefined) return 0
    const bound = bandTicks(listing, direction)
    const collar = limits.collarTicks(accountId, listing, direction)
    return direction === 'buy'
      ? Math.min(
          Math.floor((opposite * 11) / 10),
          listing.instrument.maxPriceTicks,
          bound ?? maxInt32,
          collar ?? maxInt32,
        )
      : Math.max(Math.ceil((opposite * 9) / 10), 1, bound ?? 1, collar ?? 1)
  }
  /** Where a post-only order may rest; 0 where it may not. */
  const postTicks = (listing: NaiveListing, { direction, postOnly }: PlaceOrder, ticks: number): number => {
    const opposite = best(listing, against(direction))?.priceTicks
    if (opposite === undefined || (direction === 'buy' ? ticks < opposite : ticks > opposite)) return ticks
    if (postOnly === 'reject') return 0
    const slid = direction === 'buy' ? opposite - 1 : opposite + 1
    return slid > listing.instrument.maxPriceTicks ? 0 : slid
  }
  const opposingLots = ({ placed, listing }: NaiveOrder): number => {
    const { sizeLots } = positionOf(placed.accountId, listing)
    return Math.max(0, placed.direction === 'buy' ? -sizeLots : sizeLots)
  }
  const mayFill = (order: NaiveOrder): number =>
    order.placed.reduceOnly ? opposingLots(order) : Number.POSITIVE_INFINITY

  const book = (order: NaiveOrder, ticks: number, lots: number, commissionPpm: number): TradeLeg => {
    const { placed, listing } = order
    const { orderId, accountId, direction } = placed
    const feeMicros = feeOf(commissionPpm, ticks * lots * listing.instrument.microsPerTickLot)
    const signedLots = direction === 'buy' ? lots : -lots
    history.push({ accountId, listing, signedLots, priceTicks: ticks, feeMicros })
    order.filledLots += lots
    order.filledTickLots += lots * ticks
    if (order.group !== undefined && book4.fillQuote(accountId, lots) && !exhausted.includes(accountId))
      exhausted.push(accountId)
    if (order.group?.limits !== undefined) noteQuoteFill(order.group, order.group.limits, signedLots)
    return {
      orderId,
      accountId,
      direction,
      filledLots: order.filledLots,
      remainingLots: left(order),
      filledTickLots: order.filledTickLots,
      feeMicros,
      position: positionOf(accountId, listing),
      cashMicros: cashMicros(accountId),
    }
  }
  const noteQuoteFill = (group: NaiveGroup, limits: ProtectionLimits, signedLots: number): void => {
    group.fills = group.fills.filter(({ atMillis }) => atMillis > now - limits.intervalMillis)
    group.fills.push({ atMillis: now, signedLots })
    const amount = group.fills.reduce((sum, fill) => sum + Math.abs(fill.signedLots), 0)
    const delta = Math.abs(group.fills.reduce((sum, fill) => sum + fill.signedLots, 0))
    const isBreached =
      (limits.amountLimitLots > 0 && amount >= limits.amountLimitLots) ||
      (limits.deltaLimitLots > 0 && delta >= limits.deltaLimitLots)
    if (isBreached && !breached.includes(group)) breached.push(group)
  }
  /** What rested gives up what was traded; the next part of an iceberg goes behind the others. */
  const takeOff = (order: NaiveOrder, lots: number): number => {
    order.visibleLots -= lots
    if (left(order) === 0) remove(order)
    else if (order.visibleLots === 0) rest(order)
    return levelLots(order)
  }
  const trade = (maker: NaiveOrder, taker: NaiveOrder, ticks: number, lots: number, isAuction: boolean): void => {
    const { listing } = maker
    const { makerCommissionPpm, takerCommissionPpm } = listing.instrument.specification
    const makerLeg = book(maker, ticks, lots, makerCommissionPpm)
    const takerLeg = book(taker, ticks, lots, isAuction ? makerCommissionPpm : takerCommissionPpm)
    noteTrade(listing, ticks)
    const isRested = isAuction ? 1 : 0
    const levelTicks = { makerLevelTicks: isRested * maker.priceTicks, takerLevelTicks: isRested * taker.priceTicks }
    const makerLevelLots = takeOff(maker, lots)
    told.push({
      type: 'trade-executed',
      isAuction,
      instrumentId: listing.instrument.instrumentId,
      priceTicks: ticks,
      quantityLots: lots,
      maker: makerLeg,
      taker: takerLeg,
      houseFeesMicros: makerLeg.feeMicros + takerLeg.feeMicros,
      ...levelTicks,
      levelLots: makerLevelLots,
      takerLevelLots: isAuction ? takeOff(taker, lots) : 0,
    })
  }
  const noteTrade = (listing: NaiveListing, ticks: number): void => {
    listing.lastTicks = ticks
    listing.seenTicks.push(ticks)
    const { velocityPpm, velocityMillis } = listing.controls
    if (velocityPpm === 0) return
    listing.recent = listing.recent.filter(({ atMillis }) => atMillis >= now - velocityMillis)
    if (listing.recent.some(other => Math.abs(ticks - other.ticks) * 1_000_000 > other.ticks * velocityPpm))
      listing.isTooFast = true
    listing.recent.push({ atMillis: now, ticks })
  }
  const isOwn = (taker: NaiveOrder, maker: NaiveOrder): boolean => {
    const [one, other] = [taker.placed, maker.placed]
    const firmOf = ({ accountId }: PlaceOrder): string | undefined => accounts[accountId - 1]?.firm
    if (one.accountId === other.accountId) return true
    return one.selfTradeGroup !== 0 && one.selfTradeGroup === other.selfTradeGroup && firmOf(one) === firmOf(other)
  }

  /** Trades an order as far as its price allows; says why it stopped before. */
  const match = (taker: NaiveOrder): CancelReason | undefined => {
    const { direction, selfTradePrevention: prevention } = taker.placed
    while (left(taker) > 0) {
      const maker = best(taker.listing, against(direction))
      if (maker === undefined) return undefined
      if (direction === 'buy' ? maker.priceTicks > taker.priceTicks : maker.priceTicks < taker.priceTicks)
        return undefined
      if (prevention !== 'none' && isOwn(taker, maker)) {
        if (prevention !== 'cancel_newest') cancel(maker, 'self-trade')
        if (prevention !== 'cancel_oldest') return 'self-trade'
      } else if (mayFill(maker) === 0) cancel(maker, 'reduce-only')
      else if (mayFill(taker) === 0) return 'reduce-only'
      else {
        const lots = Math.min(maker.visibleLots, left(taker), mayFill(maker), mayFill(taker))
        trade(maker, taker, maker.priceTicks, lots, false)
      }
    }
    return undefined
  }
  /** Tries it, and takes all of it back if it did not fill. */
  const fillOrKill = (taker: NaiveOrder): CancelReason | undefined => {
    const { listing } = taker
    const before = {
      orders: orders.map(order => [order, { ...order }] as const),
      listing: { ...listing, seenTicks: [...listing.seenTicks], recent: [...listing.recent] },
      groups: groups.map(({ fills }) => [...fills]),
      breached: [...breached],
      exhausted: [...exhausted],
      budgets: book4.budgets(),
      history: history.length,
      told: told.length,
      arrivals,
    }
    match(taker)
    if (left(taker) === 0) return undefined
    orders.splice(0, orders.length, ...before.orders.map(([order, fields]) => Object.assign(order, fields)))
    Object.assign(listing, before.listing)
    for (const [index, fills] of before.groups.entries()) Object.assign(groups[index] ?? {}, { fills })
    breached = before.breached
    exhausted = before.exhausted
    book4.restoreBudgets(before.budgets)
    history.length = before.history
    told.length = before.told
    arrivals = before.arrivals
    return 'fill-or-kill'
  }
  /** Trades what can be; what is left rests or is cancelled. */
  const work = (order: NaiveOrder): void => {
    const attempt = order.placed.timeInForce === 'fill_or_kill' ? fillOrKill : match
    const stopped = isContinuous(order.listing) ? attempt(order) : undefined
    if (left(order) === 0) remove(order)
    else if (stopped !== undefined || isImmediate(order.placed)) cancel(order, stopped ?? 'immediate-or-cancel')
    else rest(order)
  }
  /** Says how much of an order is seen once it has come to rest. */
  const tellResting = (event: object, order: NaiveOrder): void => {
    if (!orders.includes(order) || order.place !== 'resting') return
    Object.assign(event, { restingLots: order.visibleLots, levelLots: levelLots(order) })
  }

  // Placing and changing

  const isValid = (placed: PlaceOrder): boolean => {
    const { displayLots, postOnly, timeInForce, expiresAtMillis } = placed
    const immediate = isImmediate(placed)
    if (isStop(placed) !== (placed.triggerTicks !== 0)) return false
    if (displayLots !== 0 && (displayLots < 0 || displayLots > placed.quantityLots || immediate)) return false
    if (displayLots !== 0 && placed.quantityLots > displayLots * maxIcebergParts) return false
    if (postOnly !== 'no' && (isStop(placed) || immediate)) return false
    return timeInForce === 'good_til_date' ? expiresAtMillis > now : expiresAtMillis === 0
  }
  const isPrice = (ticks: number, { instrument }: NaiveListing): boolean =>
    ticks >= 1 && ticks <= instrument.maxPriceTicks
  const isKilled = ({ isKilled, firm }: NaiveAccount): boolean => isKilled || killedFirms.has(firm) || isLaneKilled
  const isBlocked = (accountId: number): boolean => {
    const account = accounts[accountId - 1]
    return account !== undefined && (isKilled(account) || liquidations.isUnderWay(accountId))
  }
  const blockCode = (accountId: number): RejectionCode =>
    liquidations.isUnderWay(accountId) ? 'account-in-liquidation' : 'kill-switch-on'
  const openOrders = (accountId: number): number => orders.filter(({ placed }) => placed.accountId === accountId).length

  const place = (placed: PlaceOrder, group?: NaiveGroup, quoteGroup = ''): Refusal => {
    const account = accounts[placed.accountId - 1]
    if (account === undefined) return 'unknown-account'
    const listing = listings[placed.instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (placed.specificationVersion !== listing.instrument.specificationVersion) return 'outdated-specification'
    if (group === undefined) {
      const limited = limits.takeMessage(placed.accountId, placed.instrumentId)
      if (limited !== undefined) return limited
    }
    const { direction } = placed
    const immediate = isImmediate(placed)
    const mayRest = isStop(placed) || !(immediate || placed.postOnly !== 'no' || placed.reduceOnly)
    const inState = stateRefusal(listing, mayRest)
    if (inState !== undefined) return inState
    if (!isValid(placed)) return 'invalid-instructions'
    if (isMarket(placed) ? placed.priceTicks !== 0 : !isPrice(placed.priceTicks, listing)) return 'price-out-of-range'
    if (isStop(placed) && !isPrice(placed.triggerTicks, listing)) return 'price-out-of-range'
    if (placed.quantityLots < 1) return 'amount-out-of-range'
    if (isBlocked(placed.accountId)) return blockCode(placed.accountId)
    if ((!immediate || isStop(placed)) && openOrders(placed.accountId) >= maxOpenOrders) return 'open-order-limit'
    if ((!immediate || isStop(placed)) && limits.isFull(placed.accountId, listing)) return 'open-order-limit'
    const endOfDay = (Math.floor(now / dayMillis) + 1) * dayMillis
    const expiresAtMillis = placed.timeInForce === 'day' ? endOfDay : placed.expiresAtMillis
    const order: NaiveOrder = {
      placed,
      listing,
      group,
      expiresAtMillis,
      place: isStop(placed) ? 'waiting' : 'taking',
      priceTicks: placed.priceTicks,
      quantityLots: placed.quantityLots,
      filledLots: 0,
      filledTickLots: 0,
      visibleLots: 0,
      arrival: 0,
    }
    if (!isStop(placed)) {
      if (placed.reduceOnly) order.quantityLots = Math.min(order.quantityLots, opposingLots(order))
      if (order.quantityLots === 0) return 'reduce-only-would-increase'
      if (isMarket(placed)) order.priceTicks = protectionTicks(listing, direction, placed.accountId)
      if (order.priceTicks === 0) return 'no-liquidity'
      if (placed.postOnly !== 'no') order.priceTicks = postTicks(listing, placed, order.priceTicks)
      if (order.priceTicks === 0) return 'post-only-would-trade'
      if (isOutsideBand(listing, direction, order.priceTicks)) return 'price-outside-band'
      if (group !== undefined && orders.some(open => open.placed.orderId === placed.orderId)) return 'duplicate-order'
    }
    const { accountId } = placed
    const entered = [placed.priceTicks || placed.triggerTicks, order.quantityLots] as const
    const limited = isStop(placed)
      ? limits.sizeRefusal(accountId, listing, [0, 0], entered)
      : limits.refusal(accountId, listing, direction, [0, 0], [order.priceTicks, order.quantityLots])
    if (limited !== undefined) return limited
    const riskBefore = margin()?.riskOf(placed.accountId)
    orders.push(order)
    const refusal = isStop(placed) ? undefined : fundsRefusal(order, riskBefore)
    if (refusal !== undefined) {
      remove(order)
      return refusal
    }
    const { priceTicks, quantityLots } = order
    const resting = { restingLots: 0, levelLots: 0, quoteGroup }
    const accepted = {
      ...placed,
      priceTicks,
      quantityLots,
      expiresAtMillis,
      ...resting,
      type: 'order-accepted' as const,
    }
    told.push(accepted)
    if (isStop(placed)) {
      // Reached already: it is triggered at once.
      const byMark = placed.trigger === 'mark_price'
      const ticks = byMark ? listing.markTicks : listing.lastTicks
      if (ticks !== 0) (byMark ? listing.seenMarks : listing.seenTicks).push(ticks)
      return undefined
    }
    work(order)
    tellResting(accepted, order)
    return undefined
  }

  const find = (orderId: string, accountId: number): NaiveOrder | RejectionCode => {
    if (accounts[accountId - 1] === undefined) return 'unknown-account'
    const open = orders.find(({ placed }) => placed.orderId === orderId && placed.accountId === accountId)
    return open ?? (placedBy.get(orderId) === accountId ? 'order-closed' : 'unknown-order')
  }

  const amend = ({ orderId, accountId, priceTicks, quantityLots, commandId }: AmendOrder): Refusal => {
    const order = find(orderId, accountId)
    if (typeof order === 'string') return order
    return (
      limits.takeMessage(accountId, order.placed.instrumentId) ?? change(order, priceTicks, quantityLots, commandId)
    )
  }
  const change = (order: NaiveOrder, toTicks: number, toLots: number, commandId: string): Refusal => {
    const { placed, listing } = order
    const before = { ...order }
    const waits = order.place === 'waiting'
    let priceTicks = toTicks || order.priceTicks
    const quantityLots = toLots || order.quantityLots
    const inState = stateRefusal(listing, true)
    if (inState !== undefined) return inState
    // A stop that becomes a market order has no price to change.
    if (waits && before.priceTicks === 0 ? priceTicks !== 0 : !isPrice(priceTicks, listing)) return 'price-out-of-range'
    if (quantityLots < 1) return 'amount-out-of-range'
    if (quantityLots <= order.filledLots) return 'amount-below-filled'
    const { displayLots } = placed
    if (displayLots !== 0 && quantityLots - order.filledLots > displayLots * maxIcebergParts)
      return 'amount-out-of-range'
    const mostTickLots = order.filledTickLots + (quantityLots - order.filledLots) * listing.instrument.maxPriceTicks
    if (mostTickLots > Number.MAX_SAFE_INTEGER) return 'notional-too-large'
    if (isBlocked(placed.accountId)) return blockCode(placed.accountId)
    if (!waits && priceTicks !== before.priceTicks) {
      if (placed.postOnly !== 'no' && isContinuous(listing)) priceTicks = postTicks(listing, placed, priceTicks)
      if (priceTicks === 0) return 'post-only-would-trade'
      if (isOutsideBand(listing, placed.direction, priceTicks)) return 'price-outside-band'
    }
    const [from, to] = [before.priceTicks, priceTicks].map(ticks => ticks || placed.triggerTicks)
    const lots = quantityLots - order.filledLots
    const limited = waits
      ? limits.sizeRefusal(placed.accountId, listing, [from ?? 0, left(before)], [to ?? 0, lots])
      : limits.refusal(
          placed.accountId,
          listing,
          placed.direction,
          [before.priceTicks, left(before)],
          [priceTicks, lots],
        )
    if (limited !== undefined) return limited
    const keptPriority = waits || (priceTicks === before.priceTicks && quantityLots <= before.quantityLots)
    const riskBefore = margin()?.riskOf(placed.accountId)
    Object.assign(order, { priceTicks, quantityLots })
    const refusal = waits ? undefined : fundsRefusal(order, riskBefore, quantityLots > before.quantityLots)
    if (refusal !== undefined) {
      Object.assign(order, before)
      return refusal
    }
    if (keptPriority) order.visibleLots = Math.min(order.visibleLots, left(order))
    else order.place = 'taking'
    const level = waits ? 0 : levelLots(order, before.priceTicks)
    const amended = {
      type: 'order-amended' as const,
      commandId,
      orderId: placed.orderId,
      accountId: placed.accountId,
      priceTicks,
      quantityLots,
      filledLots: order.filledLots,
      keptPriority,
      direction: placed.direction,
      instrumentId: placed.instrumentId,
      previousTicks: waits ? 0 : before.priceTicks,
      previousLevelLots: level,
      levelLots: keptPriority ? level : 0,
    }
    told.push(amended)
    if (keptPriority) return undefined
    work(order)
    if (orders.includes(order)) Object.assign(amended, { levelLots: levelLots(order) })
    return undefined
  }

  // What orders set off

  /** After each order and command: quotes are pulled, markets halted, stops triggered, until nothing more follows. */
  const settle = (): void => {
    pullBreached()
    for (;;) {
      const listing = listings.find(({ seenTicks, seenMarks }) => seenTicks.length + seenMarks.length > 0)
      if (listing === undefined) return
      settleMarket(listing)
    }
  }
  const pullQuotes = (accountId: number): void => {
    const isQuote = ({ group, placed, place }: NaiveOrder): boolean =>
      group !== undefined && placed.accountId === accountId && place === 'resting'
    cancelAll(orders.filter(isQuote), 'quote-budget')
  }
  const pullBreached = (): void => {
    for (let accountId = exhausted.shift(); accountId !== undefined; accountId = exhausted.shift())
      pullQuotes(accountId)
    for (let group = breached.shift(); group !== undefined; group = breached.shift()) {
      const { accountId, groupHash } = group
      const frozenMillis = group.limits?.frozenMillis ?? 0
      group.frozenUntilMillis = frozenMillis === 0 ? Number.POSITIVE_INFINITY : now + frozenMillis
      group.fills = []
      const cancelledOrders = cancelAll(
        orders.filter(order => order.group === group),
        'market-maker-protection',
      )
      const frozenUntilMillis = frozenMillis === 0 ? 0 : group.frozenUntilMillis
      told.push({ type: 'protection-triggered', accountId, groupHash, frozenUntilMillis, cancelledOrders })
    }
  }
  const settleMarket = (listing: NaiveListing): void => {
    if (listing.isTooFast && isContinuous(listing)) {
      const { haltMillis } = listing.controls
      enterState(listing, 'halted', 'velocity', noId, haltMillis === 0 ? 0 : now + haltMillis)
      listing.recent = []
    }
    listing.isTooFast = false
    const { seenTicks, seenMarks } = listing
    Object.assign(listing, { seenTicks: [], seenMarks: [] })
    if (!isContinuous(listing)) return
    const reached = waiting(listing).filter(({ placed: { trigger, triggerTicks, direction } }) => {
      const seen = trigger === 'mark_price' ? seenMarks : seenTicks
      return seen.some(ticks => (direction === 'buy' ? ticks >= triggerTicks : ticks <= triggerTicks))
    })
    for (const order of reached) {
      triggerStop(order)
      pullBreached()
    }
  }
  const triggerStop = (order: NaiveOrder): void => {
    const { placed, listing } = order
    const { accountId, orderId, instrumentId, direction } = placed
    const priceTicks = order.priceTicks || protectionTicks(listing, direction, accountId)
    if (priceTicks === 0) {
      cancel(order, 'no-liquidity')
      return
    }
    const lots = placed.reduceOnly ? Math.min(order.quantityLots, opposingLots(order)) : order.quantityLots
    if (lots === 0) {
      cancel(order, 'reduce-only')
      return
    }
    if (version >= 2 && lots < order.quantityLots) {
      const level = { previousTicks: 0, previousLevelLots: 0, levelLots: 0 }
      const amended = { priceTicks: order.priceTicks, quantityLots: lots, filledLots: 0, keptPriority: true, ...level }
      told.push({ type: 'order-amended', commandId: orderId, orderId, accountId, direction, instrumentId, ...amended })
    }
    order.quantityLots = lots
    const limited = limits.refusal(accountId, listing, direction, [0, 0], [priceTicks, lots])
    if (limited !== undefined) {
      cancel(order, limited)
      return
    }
    const riskBefore = margin()?.riskOf(accountId)
    Object.assign(order, { priceTicks, quantityLots: lots, place: 'taking' })
    const refusal = fundsRefusal(order, riskBefore)
    if (refusal !== undefined) {
      cancel(order, refusal === 'position-limit' ? refusal : shortCode())
      return
    }
    const resting = { restingLots: 0, levelLots: 0 }
    const triggered = {
      type: 'order-triggered' as const,
      accountId,
      orderId,
      instrumentId,
      priceTicks,
      direction,
      ...resting,
    }
    told.push(triggered)
    work(order)
    tellResting(triggered, order)
  }

  // States

  const enterState = (
    listing: NaiveListing,
    state: TradingState,
    cause: StateCause,
    commandId: string,
    untilMillis: number,
  ): void => {
    Object.assign(listing, { state, untilMillis })
    const { instrumentId } = listing.instrument
    let uncross = state === 'continuous' ? uncrossOf(listing) : undefined
    const uncrossTicks = uncross?.ticks ?? 0
    const uncrossLots = uncross?.lots ?? 0
    told.push({
      type: 'trading-state-changed',
      instrumentId,
      commandId,
      state,
      cause,
      uncrossTicks,
      uncrossLots,
      untilMillis,
    })
    if (state !== 'continuous') return
    for (; uncross !== undefined; uncross = uncrossOf(listing)) uncrossAt(listing, uncross.ticks)
    if (listing.lastTicks !== 0) listing.seenTicks.push(listing.lastTicks)
    if (listing.markTicks !== 0) listing.seenMarks.push(listing.markTicks)
  }
  const uncrossOf = (listing: NaiveListing): { ticks: number; lots: number } | undefined => {
    const [bids, asks] = [resting(listing, 'buy'), resting(listing, 'sell')]
    const reference = referenceTicks(listing)
    const sum = (some: NaiveOrder[]): number => some.reduce((total, order) => total + left(order), 0)
    return [...bids, ...asks]
      .map(({ priceTicks }) => priceTicks)
      .concat(reference || [])
      .map(ticks => {
        const demand = sum(bids.filter(({ priceTicks }) => priceTicks >= ticks))
        const supply = sum(asks.filter(({ priceTicks }) => priceTicks <= ticks))
        const distance = reference === 0 ? 0 : Math.abs(ticks - reference)
        return { ticks, lots: Math.min(demand, supply), left: Math.abs(demand - supply), distance }
      })
      .filter(({ lots }) => lots > 0)
      .sort((a, b) => b.lots - a.lots || a.left - b.left || a.distance - b.distance || a.ticks - b.ticks)[0]
  }
  const uncrossAt = (listing: NaiveListing, ticks: number): void => {
    for (;;) {
      const [bid, ask] = [best(listing, 'buy'), best(listing, 'sell')]
      if (bid === undefined || ask === undefined || bid.priceTicks < ticks || ask.priceTicks > ticks) return
      const cannot = [bid, ask].filter(order => mayFill(order) === 0)
      for (const order of cannot) cancel(order, 'reduce-only')
      if (cannot.length > 0) continue
      trade(bid, ask, ticks, Math.min(bid.visibleLots, ask.visibleLots, mayFill(bid), mayFill(ask)), true)
    }
  }
  const setTradingState = ({ instrumentId, state, untilMillis, commandId }: SetTradingState): Refusal => {
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (isPast(listing) || listing.state === 'expired') return 'instrument-not-open'
    if (isCollateral(listing)) return 'is-collateral'
    if (state === listing.state || state === 'expired') return 'invalid-trading-state'
    if (untilMillis !== 0 && (untilMillis <= now || (state !== 'auction' && state !== 'halted')))
      return 'invalid-trading-state'
    enterState(listing, state, 'command', commandId, untilMillis)
    return undefined
  }

  // Time

  /** What falls due by now, earliest first: of one time dead men, then orders by id, then states by instrument. */
  const dueNow = (): (() => void) | undefined => {
    const due: { atMillis: number; kind: number; key: number | string; fire: () => void }[] = []
    for (const [index, account] of accounts.entries()) {
      const atMillis = account.deadManAtMillis
      if (atMillis !== 0) due.push({ atMillis, kind: 0, key: index + 1, fire: () => fireDeadMan(index + 1, account) })
    }
    for (const order of orders) {
      const atMillis = order.expiresAtMillis
      const fire = (): void => cancel(order, 'expired')
      if (atMillis !== 0) due.push({ atMillis, kind: 1, key: order.placed.orderId, fire })
    }
    for (const listing of listings) {
      const atMillis = listing.untilMillis
      const key = listing.instrument.instrumentId
      if (atMillis !== 0 && !isPast(listing)) due.push({ atMillis, kind: 2, key, fire: () => leaveState(listing) })
    }
    return due
      .filter(({ atMillis }) => atMillis <= now)
      .sort((a, b) => a.atMillis - b.atMillis || a.kind - b.kind || (a.key < b.key ? -1 : 1))[0]?.fire
  }
  const fireDeadMan = (accountId: number, account: NaiveAccount): void => {
    const atMillis = account.deadManAtMillis
    account.deadManAtMillis = 0
    const cancelledOrders = cancelAll(ordersOf(accountId), 'dead-man')
    told.push({ type: 'dead-man-fired', accountId, atMillis, cancelledOrders })
  }
  const leaveState = (listing: NaiveListing): void => {
    const { auctionMillis } = listing.controls
    if (listing.state === 'halted' && auctionMillis > 0)
      enterState(listing, 'auction', 'timer', noId, listing.untilMillis + auctionMillis)
    else enterState(listing, 'continuous', 'timer', noId, 0)
  }
  const moveTo = (atMillis: number): void => {
    now = Math.max(now, atMillis)
    limits.advance()
    const second = Math.floor(now / 1000)
    if (second > announcedSecond) told.push({ type: 'time-advanced', atMillis: second * 1000 })
    announcedSecond = Math.max(second, announcedSecond)
    for (let fire = dueNow(); fire !== undefined; fire = dueNow()) {
      fire()
      settle()
    }
    limits.settle()
  }

  // Market makers, switches and busts

  const ordersOf = (accountId: number): NaiveOrder[] => orders.filter(({ placed }) => placed.accountId === accountId)
  const groupOf = (accountId: number, groupHash: string): NaiveGroup => {
    const found = groups.find(group => group.accountId === accountId && group.groupHash === groupHash)
    if (found !== undefined) return found
    const group: NaiveGroup = { accountId, groupHash, limits: undefined, frozenUntilMillis: 0, fills: [] }
    groups.push(group)
    return group
  }
  const protectedLots = (accountId: number, largestQuoteLots: number, besides = ''): number =>
    groups
      .filter(group => group.accountId === accountId && group.limits !== undefined && group.groupHash !== besides)
      .reduce((sum, { limits }) => sum + (limits?.amountLimitLots ?? 0) + largestQuoteLots, 0)
  const quote = ({ accountId, commandId, groupHash, groupName, quotes }: Quote): Refusal => {
    const account = accounts[accountId - 1]
    if (account === undefined) return 'unknown-account'
    if (isBlocked(accountId)) return blockCode(accountId)
    const limited = limits.takeMessage(accountId, 0)
    if (limited !== undefined) return limited
    const group = groupOf(accountId, groupHash)
    margin()?.refill(accountId)
    let acceptedSides = 0
    for (const [index, entry] of quotes.entries())
      for (const direction of ['buy', 'sell'] as const) {
        const isFrozen = now < group.frozenUntilMillis
        const code = isFrozen ? 'protection-frozen' : quoteSide(group, entry, index, direction, commandId, groupName)
        settle()
        const { instrumentId } = entry
        if (code === undefined) acceptedSides += 1
        else told.push({ type: 'quote-rejected', accountId, commandId, instrumentId, code, direction })
      }
    const rejectedSides = 2 * quotes.length - acceptedSides
    told.push({ type: 'quoted', accountId, commandId, groupHash, acceptedSides, rejectedSides })
    return undefined
  }
  const quoteSide = (
    group: NaiveGroup,
    entry: Quote['quotes'][number],
    index: number,
    direction: Direction,
    commandId: string,
    groupName: string,
  ): Refusal => {
    const { instrumentId, specificationVersion } = entry
    const [ticks, lots] = direction === 'buy' ? [entry.bidTicks, entry.bidLots] : [entry.askTicks, entry.askLots]
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    const standing = ordersOf(group.accountId).find(
      order => order.listing === listing && order.placed.direction === direction && order.group !== undefined,
    )
    if (lots === 0) {
      if (standing?.group === group) cancel(standing, 'replaced', commandId)
      return undefined
    }
    if (specificationVersion !== listing.instrument.specificationVersion) return 'outdated-specification'
    const limited = limits.takeMessageIn(instrumentId)
    if (limited !== undefined) return limited
    if (!isPrice(ticks, listing)) return 'price-out-of-range'
    if (lots < 1) return 'amount-out-of-range'
    if (standing !== undefined && standing.group !== group) return 'quote-limit'
    if (standing !== undefined && standing.filledLots + lots > maxInt32) return 'amount-out-of-range'
    if (standing !== undefined) return change(standing, ticks, standing.filledLots + lots, commandId)
    return place(
      {
        type: 'place-order',
        orderId: quoteOrderId(commandId, 2 * index + (direction === 'buy' ? 1 : 2)),
        accountId: group.accountId,
        instrumentId,
        specificationVersion,
        direction,
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks: ticks,
        quantityLots: lots,
        clientOrderId: '',
        ...plainInstructions,
      },
      group,
      groupName,
    )
  }

  const setKillSwitch = (command: SetKillSwitch): Refusal => {
    const { scope, accountId, firm, isOn, commandId } = command
    const account = accounts[accountId - 1]
    if (scope === 'account' && account === undefined) return 'unknown-account'
    if (scope === 'firm' && !accounts.some(other => other.firm === firm)) return 'unknown-firm'
    if (scope === 'lane') isLaneKilled = isOn
    else if (scope === 'account' && account !== undefined) account.isKilled = isOn
    else if (isOn) killedFirms.add(firm)
    else killedFirms.delete(firm)
    const isMeant = ({ placed }: NaiveOrder): boolean =>
      scope === 'lane' ||
      (scope === 'firm' ? accounts[placed.accountId - 1]?.firm === firm : placed.accountId === accountId)
    const cancelledOrders = isOn ? cancelAll(orders.filter(isMeant), 'kill-switch', commandId) : 0
    told.push({ ...command, type: 'kill-switch-set', cancelledOrders })
    return undefined
  }

  const bustTrade = (command: BustTrade): Refusal => {
    const { instrumentId, priceTicks, quantityLots, tradeId, commandId } = command
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    const { buyerId, sellerId } = command
    if (accounts[buyerId - 1] === undefined || accounts[sellerId - 1] === undefined) return 'unknown-account'
    if (busted.has(tradeId)) return 'trade-already-busted'
    if (isCollateral(listing)) return 'is-collateral'
    if (contracts.isTooLateToBust(listing, command.tradedAtMillis)) return 'instrument-settled'
    if (!isPrice(priceTicks, listing)) return 'price-out-of-range'
    if (quantityLots < 1) return 'amount-out-of-range'
    const { maxPriceTicks, microsPerTickLot } = listing.instrument
    if (quantityLots * maxPriceTicks * microsPerTickLot > maxExposureMicros) return 'notional-too-large'
    const isFee = (micros: number): boolean => micros >= 0 && micros <= quantityLots * priceTicks * microsPerTickLot
    if (!isFee(command.buyerFeeMicros) || !isFee(command.sellerFeeMicros)) return 'amount-out-of-range'
    const reverse = (accountId: number, direction: Direction, feeMicros: number): TradeLeg => {
      const signedLots = direction === 'buy' ? -quantityLots : quantityLots
      history.push({ accountId, listing, signedLots, priceTicks, feeMicros: -feeMicros })
      const nothing = { filledLots: 0, remainingLots: 0, filledTickLots: 0 }
      const position = positionOf(accountId, listing)
      const cash = cashMicros(accountId)
      return { orderId: noId, accountId, direction, ...nothing, feeMicros: -feeMicros, position, cashMicros: cash }
    }
    const before = history.length
    const buyer = reverse(buyerId, 'buy', command.buyerFeeMicros)
    const seller = reverse(sellerId, 'sell', command.sellerFeeMicros)
    const both = [buyerId, sellerId]
    const isLarge = both.some(accountId => isTooLarge(accountId, listing))
    if (isLarge || both.some(accountId => !isCovered(accountId))) {
      history.length = before
      return isLarge ? 'notional-too-large' : shortCode()
    }
    busted.add(tradeId)
    const houseFeesMicros = buyer.feeMicros + seller.feeMicros
    const { tradedAtMillis } = command
    const trade = { instrumentId, commandId, priceTicks, quantityLots, tradeId, tradedAtMillis }
    told.push({ type: 'trade-busted', ...trade, houseFeesMicros, buyer, seller })
    return undefined
  }

  // Liquidation

  const liquidations = createNaiveLiquidations(market, ledger, book4, {
    tell: event => told.push(event),
    cancelAll,
    stateRefusal,
    isPrice,
    isOutsideBand,
    isKilled: accountId => accounts.some((account, index) => index === accountId - 1 && isKilled(account)),
    work,
  })

  // Contracts

  const contracts = createNaiveContracts(market, ledger, {
    now: () => now,
    isPast,
    tell: event => told.push(event),
    cancel,
    isCovered,
    shortCode,
    margin,
    inPriority: listing => [...resting(listing, 'buy'), ...resting(listing, 'sell'), ...waiting(listing)],
  })
  const deliveries = createNaiveDeliveries(market, ledger, book4, {
    tell: event => told.push(event),
    isPast,
    isKilled: accountId => accounts.some((account, index) => index === accountId - 1 && isKilled(account)),
    isUnderWay: liquidations.isUnderWay,
    settleFinally: contracts.settleFinally,
  })
  const listInstrument = ({ specification, commandId }: ListInstrument): Refusal => {
    const { instrumentName, expirationMillis } = specification
    if (listings.some(({ instrument }) => instrument.specification.instrumentName === instrumentName))
      return 'instrument-exists'
    const defined = defineInstrument(specification, listings.length + 1, 1)
    if (!defined.accepted) return defined.code
    if (expirationMillis <= now) return 'invalid-specification'
    const instrument = defined.value
    const { terms } = instrument
    if (!contracts.mayBeListed(instrument)) return 'invalid-specification'
    const legs = terms.kind === 'swap' ? terms.boundariesMillis.length - 1 : 1
    listings.push({
      instrument,
      legs,
      legMicros: instrument.microsPerTickLot / legs,
      capTicks: instrument.maxPriceTicks,
      isDelisted: false,
      adjustedAtMillis: 0,
      state: terms.kind === 'collateral' ? 'closed' : 'continuous',
      untilMillis: 0,
      lastTicks: 0,
      markTicks: 0,
      controls: noControls,
      recent: [],
      isTooFast: false,
      seenTicks: [],
      seenMarks: [],
    })
    const listed = listings.at(-1)
    if (listed !== undefined) margin()?.list(listed)
    told.push({ type: 'instrument-listed', commandId, instrument })
    return undefined
  }
  const setMark = (commandId: string, { instrumentId, markTicks }: InstrumentMark): Refusal => {
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (!isPrice(markTicks, listing)) return 'price-out-of-range'
    listing.markTicks = markTicks
    listing.seenMarks.push(markTicks)
    told.push({ type: 'mark-price-set', commandId, instrumentId, markTicks })
    margin()?.noteMark(listing)
    return undefined
  }

  // Cash

  type CashCommand = Withdraw | PlaceHold | CaptureHold | ReleaseHold
  const moveCash = (command: CashCommand): Refusal => {
    const { accountId, commandId } = command
    const account = accounts[accountId - 1]
    if (account === undefined) return 'unknown-account'
    if (command.type === 'withdraw' || command.type === 'place-hold') {
      const { amountMicros } = command
      if (amountMicros < 1) return 'amount-out-of-range'
      const refusal = book4.takeRefusal(accountId, amountMicros)
      if (refusal !== undefined) return refusal
      if (command.type === 'withdraw') {
        account.depositedMicros -= amountMicros
        told.push({ type: 'withdrawn', commandId, accountId, amountMicros, cashMicros: cashMicros(accountId) })
        return undefined
      }
      account.holds.push({ holdId: commandId, micros: amountMicros })
      const heldMicros = book4.heldMicros(accountId)
      told.push({ type: 'hold-placed', commandId, accountId, amountMicros, heldMicros })
      return undefined
    }
    const { holdId } = command
    const hold = account.holds.find(each => each.holdId === holdId)
    if (hold === undefined) return 'unknown-hold'
    if (hold.gateName !== undefined && command.type === 'capture-hold') return 'unknown-hold'
    if (hold.gateName !== undefined && deliveries.isGateOpen(hold.gateName)) return 'gate-open'
    const amountMicros = command.type === 'capture-hold' ? command.amountMicros : 0
    if (command.type === 'capture-hold' && (amountMicros < 1 || amountMicros > hold.micros))
      return 'amount-out-of-range'
    account.holds = account.holds.filter(each => each !== hold)
    if (hold.gateName !== undefined) deliveries.watch(accountId, hold.gateName)
    account.depositedMicros -= amountMicros
    const heldMicros = book4.heldMicros(accountId)
    const releasedMicros = hold.micros - amountMicros
    const common = { commandId, accountId, holdId, releasedMicros, heldMicros }
    if (command.type === 'release-hold') told.push({ type: 'hold-released', ...common })
    else told.push({ type: 'hold-captured', ...common, amountMicros, cashMicros: cashMicros(accountId) })
    return undefined
  }

  // Commands

  const decide = (command: Command): Refusal => {
    switch (command.type) {
      case 'place-order':
        return place(command)
      case 'amend-order':
        return amend(command)
      case 'cancel-order': {
        const order = find(command.orderId, command.accountId)
        if (typeof order === 'string') return order
        cancel(order, 'user-request', command.commandId)
        return undefined
      }
      case 'cancel-orders': {
        const { accountId, instrumentId, labelHash, commandId } = command
        if (accounts[accountId - 1] === undefined) return 'unknown-account'
        if (instrumentId !== 0 && listings[instrumentId - 1] === undefined) return 'unknown-instrument'
        const chosen = ordersOf(accountId).filter(
          ({ placed }) =>
            (instrumentId === 0 || placed.instrumentId === instrumentId) &&
            (labelHash === noHash || placed.labelHash === labelHash),
        )
        const cancelledOrders = cancelAll(chosen, 'user-request', commandId)
        told.push({ type: 'orders-cancelled', commandId, accountId, cancelledOrders })
        return undefined
      }
      case 'open-account': {
        const { account: name, commandId } = command
        const firm = command.firm || name
        if (accounts.some(account => account.name === name)) return 'account-exists'
        accounts.push({ name, firm, depositedMicros: 0, holds: [], isKilled: false, deadManAtMillis: 0 })
        limits.follow(accounts.length)
        const firms = [...new Set(accounts.map(account => account.firm))]
        const firmId = firms.indexOf(firm) + 1
        told.push({ type: 'account-opened', commandId, accountId: accounts.length, account: name, firm, firmId })
        return undefined
      }
      case 'deposit': {
        const { accountId, amountMicros, commandId } = command
        const account = accounts[accountId - 1]
        if (account === undefined) return 'unknown-account'
        const all = accounts.reduce((sum, { depositedMicros }) => sum + depositedMicros, 0)
        if (amountMicros < 1 || amountMicros > maxDepositedMicros - all) return 'amount-out-of-range'
        if (version >= 4 && cashMicros(accountId) > 2 ** 52 - amountMicros) return 'amount-out-of-range'
        account.depositedMicros += amountMicros
        told.push({ type: 'deposited', commandId, accountId, amountMicros, cashMicros: cashMicros(accountId) })
        return undefined
      }
      case 'list-instrument':
        return listInstrument(command)
      case 'expire-instrument':
        return contracts.expire(command)
      case 'delist-instrument':
        return contracts.delist(command)
      case 'settle-instrument':
        return contracts.settle(command)
      case 'exercise-option':
        return contracts.exercise(command)
      case 'set-trading-state':
        return setTradingState(command)
      case 'set-market-controls': {
        const { instrumentId, bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis } = command
        const listing = listings[instrumentId - 1]
        if (listing === undefined) return 'unknown-instrument'
        if ((velocityPpm === 0) !== (velocityMillis === 0)) return 'invalid-instructions'
        listing.controls = { bandPpm, velocityPpm, velocityMillis, haltMillis, auctionMillis }
        if (velocityPpm === 0) listing.recent = []
        told.push({ ...command, type: 'market-controls-set' })
        return undefined
      }
      case 'set-mark-price':
        return setMark(command.commandId, command)
      case 'set-mark-prices': {
        const isSet = command.marks.map(mark => {
          if (listings[mark.instrumentId - 1]?.state === 'expired') return false
          const refusal = setMark(command.commandId, mark)
          settle()
          return refusal === undefined
        })
        return isSet.includes(true) ? undefined : 'unknown-instrument'
      }
      case 'quote':
        return quote(command)
      case 'set-market-maker-protection': {
        const { accountId, groupHash, amountLimitLots, deltaLimitLots } = command
        if (accounts[accountId - 1] === undefined) return 'unknown-account'
        if (amountLimitLots < 0 || deltaLimitLots < 0) return 'amount-out-of-range'
        const budget = book4.budgetOf(accountId)
        const others = protectedLots(accountId, budget?.largestQuoteLots ?? 0, groupHash)
        if (budget !== undefined && amountLimitLots === 0) return 'quote-budget-below-protection'
        if (budget !== undefined && others + amountLimitLots + budget.largestQuoteLots > budget.lots)
          return 'quote-budget-below-protection'
        groupOf(accountId, groupHash).limits = command
        told.push({ ...command, type: 'protection-set' })
        return undefined
      }
      case 'reset-market-maker-protection': {
        const { accountId, groupHash } = command
        if (accounts[accountId - 1] === undefined) return 'unknown-account'
        const group = groups.find(group => group.accountId === accountId && group.groupHash === groupHash)
        if (group?.limits === undefined) return 'unknown-protection'
        Object.assign(group, { frozenUntilMillis: 0, fills: [] })
        told.push({ ...command, type: 'protection-reset' })
        return undefined
      }
      case 'set-risk-limits':
        return limits.set(command)
      case 'scale-risk-limits':
        return limits.scale(command)
      case 'set-quote-budget': {
        const { accountId, lots, largestQuoteLots } = command
        if (accounts[accountId - 1] === undefined) return 'unknown-account'
        if (ordersOf(accountId).some(({ group }) => group !== undefined)) return 'quotes-standing'
        const isNone = lots === 0 && largestQuoteLots === 0 && command.lotLossMicros === 0 && command.lotCapMicros === 0
        if (!isNone && protectedLots(accountId, largestQuoteLots) > lots) return 'quote-budget-below-protection'
        const { type: _, commandId, ...terms } = command
        const refusal = book4.setBudget(accountId, isNone ? undefined : terms)
        if (refusal !== undefined) return refusal
        told.push({ type: 'quote-budget-set', commandId, ...terms, reservedMicros: lots * command.lotLossMicros })
        return undefined
      }
      case 'set-dead-man': {
        const { accountId, timeoutMillis } = command
        const account = accounts[accountId - 1]
        if (account === undefined) return 'unknown-account'
        const expiresAtMillis = timeoutMillis === 0 ? 0 : now + timeoutMillis
        account.deadManAtMillis = expiresAtMillis
        told.push({ ...command, type: 'dead-man-set', expiresAtMillis })
        return undefined
      }
      case 'set-kill-switch':
        return setKillSwitch(command)
      case 'bust-trade':
        return bustTrade(command)
      case 'activate-engine-version':
        if (command.version <= version) return 'engine-version-not-newer'
        if (version < 4 && command.version >= 4) book4.activate()
        version = command.version
        told.push({ ...command, type: 'engine-version-activated' })
        return undefined
      case 'risk-epoch-begin':
        return book4.begin(command)
      case 'risk-epoch-chunk':
        return book4.chunk(command)
      case 'risk-epoch-commit':
        return book4.commit(command)
      case 'withdraw':
      case 'place-hold':
      case 'capture-hold':
      case 'release-hold':
        return moveCash(command)
      case 'transfer':
        return treasury.transfer(command)
      case 'deposit-collateral':
      case 'withdraw-collateral':
        return treasury.moveAsset(command)
      case 'begin-liquidation':
      case 'liquidate-position':
      case 'transfer-position':
      case 'cover-loss':
      case 'haircut-gains':
      case 'end-liquidation':
        return liquidations.decide(command)
      case 'set-gate':
      case 'hold-bid':
      case 'withdraw-bid':
      case 'award-lots':
      case 'post-payment':
      case 'obligate-deliveries':
      case 'settle-delivery':
        return deliveries.decide(command)
      case 'join-lane':
      case 'grant-budget':
      case 'tell-budget':
      case 'ask-budget':
      case 'need-budget':
      case 'send-cash':
      case 'receive-cash':
      case 'confirm-cash':
      case 'join-liquidation':
        // Two engines are held against each other: lane-credit.test.ts.
        throw new Error(`the second book knows one lane only: ${command.type}`)
    }
  }

  const refused = (command: Command, code: RejectionCode): Event => {
    if (command.type === 'place-order') return { ...command, type: 'order-rejected', code }
    const accountId = 'accountId' in command ? command.accountId : 0
    return { type: 'command-rejected', commandId: command.commandId, commandType: command.type, accountId, code }
  }

  return {
    enter(command, atMillis) {
      told = []
      moveTo(atMillis)
      const commandId = commandIdOf(command)
      const isKnown = known.has(commandId)
      known.add(commandId)
      const isOrder = command.type === 'place-order'
      if (isOrder && !isKnown) placedBy.set(commandId, command.accountId)
      if (isKnown || (isOrder && orders.some(({ placed }) => placed.orderId === commandId)))
        told.push({ type: 'command-duplicated', commandId })
      else {
        const code = decide(command)
        if (code !== undefined) told.push(refused(command, code))
        settle()
        margin()?.callShort(pullQuotes)
        limits.settle()
      }
      return told
    },
    books: () =>
      listings.flatMap(listing =>
        [...resting(listing, 'buy'), ...resting(listing, 'sell'), ...waiting(listing)].map(
          order => `${order.placed.orderId} ${left(order)} of ${order.quantityLots} @ ${order.priceTicks}`,
        ),
      ),
    accounts: () =>
      accounts.map(({ name }, index) => {
        const positions = listings
          .map(listing => positionOf(index + 1, listing))
          .filter(({ sizeLots, realisedMicros }) => sizeLots !== 0 || realisedMicros !== 0)
          .map(({ sizeLots, entryTickLots, realisedMicros }) => `${sizeLots} ${entryTickLots} ${realisedMicros}`)
        return `${name} ${cashMicros(index + 1)}: ${positions.join(', ')}`
      }),
    spareMicros: accountId => (version >= 4 ? 0 : spareMicros(accountId)),
  }
}

/** Of the n-th side of a mass quote, bids odd: its command's id, with the last four bytes (little-endian) mixed. */
export const quoteOrderId = (commandId: string, side: number): string => {
  const bytes = Buffer.from(commandId.replaceAll('-', ''), 'hex')
  bytes.writeInt32LE(bytes.readInt32LE(12) ^ Math.imul(side, 0x9e3779b1), 12)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

import { type AccountRisk, type EpochInForce, laneCreditIn, valueAccount } from '../margin/account-risk.ts'
import type { MarginFigures } from '../margin/margin-book.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import { bestLevels, mostLevelsKept } from './book-side.ts'
import type { Command, Direction, PlaceOrder } from './commands.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from './engine.ts'
import { versionOfMargin } from './engine-version.ts'
import type { CancelReason, Event } from './events.ts'
import { type LimitScale, type LimitScope, type LimitTerms, unscaledPpm } from './limit-terms.ts'
import type { MarketData } from './market-data.ts'
import { savedInstrument } from './saved-contract.ts'

/** Everything that a preview follows from: one account, and the markets that it holds something in or asks about. */
export interface PreviewFloor {
  readonly account: PreviewAccount
  /** Of all instruments of the account and of the orders. */
  readonly markets: readonly PreviewMarket[]
  readonly epoch: EpochInForce | undefined
  readonly limits?: PreviewLimits
  readonly atMillis: number
}

/** Of the account and its markets. Message rates, and what follows from a day or a firm, nobody can tell from one account. */
export interface PreviewLimits {
  readonly account?: LimitTerms
  /** By instrument id. */
  readonly instruments: ReadonlyMap<number, LimitTerms>
  readonly scales: readonly LimitScale[]
}

export interface PreviewAccount extends AccountRisk {
  /** By instrument id: what was realised so far bounds how much can be counted. */
  readonly realisedMicros: ReadonlyMap<number, number>
  readonly isKilled: boolean
  readonly isInLiquidation: boolean
}

export interface PreviewMarket {
  readonly instrument: Instrument
  readonly market: MarketData
}

/** What would become of one order. */
export interface OrderPreview {
  /** Undefined: accepted. */
  readonly code?: RejectionCode
  readonly filledLots: number
  readonly filledTickLots: number
  readonly feeMicros: number
  /** Why what is left of it would be cancelled at once; undefined where it would rest, wait or is filled. */
  readonly cancelReason?: CancelReason
  /** Once it is in. */
  readonly figures: MarginFigures
}

export interface Preview {
  readonly before: MarginFigures
  /** One after the other: each finds the account as those before it would leave it. */
  readonly orders: readonly OrderPreview[]
  readonly after: MarginFigures
}

const lane = 1
const own = 'own'
const ownId = 1
const others = 'others'
const othersId = 2
const noId = '00000000-0000-0000-0000-000000000000'

/**
 * What the engine would answer to orders of an account, asked of the engine itself: one is made with this account only, its
 * markets as they are shown, and the epoch in force, and takes the orders one by one. Whatever it does not know, hidden
 * parts of icebergs and orders that arrive in between, may fill more or less of an order, which never raises what is needed.
 */
export const previewOrders = (floor: PreviewFloor, orders: readonly PlaceOrder[]): Preview => {
  const numbers = new Map(floor.markets.map(({ instrument }, index) => [instrument.instrumentId, index + 1]))
  const engine = restoreEngine(stateOf(floor, numbers, wantedLots(orders)))
  for (const command of limitCommands(floor, numbers)) engine.enter(command, floor.atMillis)
  const figures = (): MarginFigures => {
    const found = engine.marginOf(ownId)
    if (found === undefined) throw new Error('an engine of version 4 has margin')
    return found
  }
  const before = figures()
  const previews = orders.map(order => {
    const instrumentId = numbers.get(order.instrumentId)
    if (instrumentId === undefined) throw new RangeError(`the market ${order.instrumentId} is not part of the preview`)
    return outcomeOf(engine, { ...order, accountId: ownId, instrumentId }, floor.atMillis, figures)
  })
  return { before, orders: previews, after: previews.at(-1)?.figures ?? before }
}

const outcomeOf = (engine: Engine, order: PlaceOrder, atMillis: number, figures: () => MarginFigures): OrderPreview => {
  let [filledLots, filledTickLots, feeMicros] = [0, 0, 0]
  let code: RejectionCode | undefined
  let cancelReason: CancelReason | undefined
  for (const event of engine.enter(order, atMillis)) {
    if (event.type === 'order-rejected' && event.orderId === order.orderId) code = event.code
    if (event.type === 'order-cancelled' && event.orderId === order.orderId) cancelReason = event.reason
    for (const leg of legsOf(event, order.orderId)) {
      filledLots = leg.filledLots
      filledTickLots = leg.filledTickLots
      feeMicros += leg.feeMicros
    }
  }
  return {
    ...(code === undefined ? {} : { code }),
    filledLots,
    filledTickLots,
    feeMicros,
    ...(cancelReason === undefined ? {} : { cancelReason }),
    figures: figures(),
  }
}

const legsOf = (event: Event, orderId: string) =>
  event.type === 'trade-executed' ? [event.maker, event.taker].filter(leg => leg.orderId === orderId) : []

const limitCommands = ({ limits }: PreviewFloor, numbers: ReadonlyMap<number, number>): readonly Command[] => {
  if (limits === undefined) return []
  const id = idSource('c')
  const set = (scope: LimitScope, instrumentId: number, terms: LimitTerms): Command => ({
    type: 'set-risk-limits',
    commandId: id(),
    scope,
    accountId: scope === 'account' ? ownId : 0,
    firm: '',
    instrumentId,
    terms: { ...terms, maxMessagesPerSecond: 0, maxDailyLossMicros: 0 },
    isApproved: true,
  })
  const ofInstruments = [...limits.instruments].flatMap(([instrumentId, terms]) => {
    const number = numbers.get(instrumentId)
    return number === undefined ? [] : [set('instrument', number, terms)]
  })
  const scales = limits.scales.flatMap(scale => {
    const instrumentId = numbers.get(scale.instrumentId)
    return instrumentId === undefined ? [] : [{ ...scale, instrumentId }]
  })
  return [
    ...(limits.account === undefined ? [] : [set('account', 0, limits.account)]),
    ...ofInstruments,
    ...(scales.length === 0
      ? []
      : [{ type: 'scale-risk-limits' as const, commandId: id(), floorPpm: 1, ceilingPpm: unscaledPpm, scales }]),
  ]
}

/** By instrument and side of the book: how much could be taken from it at most. */
const wantedLots = (orders: readonly PlaceOrder[]): ReadonlyMap<string, number> => {
  const wanted = new Map<string, number>()
  for (const { instrumentId, direction, quantityLots } of orders) {
    const key = keyOf(instrumentId, direction === 'buy' ? 'sell' : 'buy')
    wanted.set(key, (wanted.get(key) ?? 0) + quantityLots)
  }
  return wanted
}

const keyOf = (instrumentId: number, side: Direction): string => `${instrumentId} ${side}`

/** The lane with nothing in it but the account and what stands opposite of its orders. */
const stateOf = (
  { account, markets, epoch, atMillis }: PreviewFloor,
  numbers: ReadonlyMap<number, number>,
  wanted: ReadonlyMap<string, number>,
): EngineState => {
  const empty = createEngine(lane)
  empty.enter({ type: 'activate-engine-version', commandId: noId, version: versionOfMargin }, atMillis)
  const base = empty.snapshot()
  if (base.margin === undefined) throw new Error('an engine of version 4 has margin')
  const numbered = (instrument: Instrument): Instrument => ({
    ...instrument,
    instrumentId: numbers.get(instrument.instrumentId) ?? instrument.instrumentId,
  })
  const ids = idSource('b')
  const held = new Map(account.positions.map(position => [position.instrument.instrumentId, position]))
  return {
    ...base,
    accounts: [
      {
        account: own,
        firm: own,
        cashMicros: account.cashMicros,
        isKilled: account.isKilled,
        positions: markets.flatMap(({ instrument: { instrumentId } }, index) => {
          const position = held.get(instrumentId)
          const realisedMicros = account.realisedMicros.get(instrumentId) ?? 0
          if (position === undefined && realisedMicros === 0) return []
          const { sizeLots = 0, entryTickLots = 0 } = position ?? {}
          return [{ instrumentId: index + 1, sizeLots, entryTickLots, realisedMicros }]
        }),
      },
      {
        account: others,
        firm: others,
        cashMicros: 0,
        isKilled: false,
        // Shares of open interest are counted.
        positions: markets.flatMap(({ instrument, market }, index) => {
          const sizeLots = market.openInterestLots - Math.max(0, held.get(instrument.instrumentId)?.sizeLots ?? 0)
          return sizeLots > 0 ? [{ instrumentId: index + 1, sizeLots, entryTickLots: 0, realisedMicros: 0 }] : []
        }),
      },
    ],
    books: markets.map(({ instrument, market }) => {
      const { instrumentId } = instrument
      const ownOrders = account.orders.filter(order => order.instrument.instrumentId === instrumentId)
      const sideOf = (side: Direction) => {
        const mine = ownOrders.filter(({ isSell }) => isSell === (side === 'sell'))
        const ofOthers = levelsOf(market, side, wanted.get(keyOf(instrumentId, side)) ?? 0).flatMap(
          ({ ticks, lots }) => {
            const left = lots - mine.reduce((sum, order) => sum + (order.priceTicks === ticks ? order.lots : 0), 0)
            return left > 0 ? [restingOrder(ids(), othersId, ticks, left)] : []
          },
        )
        // Quotes that a budget stands for need nothing by themselves.
        const needing = mine.filter(({ isBudgeted }) => isBudgeted !== true)
        return [...needing.map(({ priceTicks, lots }) => restingOrder(ids(), ownId, priceTicks, lots)), ...ofOthers]
      }
      return {
        instrument: savedInstrument(numbered(instrument)),
        state: market.state,
        // What ends by itself has not ended yet.
        untilMillis: 0,
        lastTicks: market.lastTicks,
        markTicks: market.markTicks,
        controls: market.controls,
        recentPrices: [],
        buy: sideOf('buy'),
        sell: sideOf('sell'),
        waiting: [],
      }
    }),
    liquidations: account.isInLiquidation ? [[ownId, noId]] : [],
    margin: {
      ...base.margin,
      book: bookOf(account, markets, epoch, numbers),
      holds: account.heldMicros === 0 ? [] : [[noId, ownId, account.heldMicros]],
    },
  }
}

/** The epoch and what it does not know, as of the account with the very same instruments. */
const bookOf = (
  account: AccountRisk,
  markets: readonly PreviewMarket[],
  epoch: EpochInForce | undefined,
  numbers: ReadonlyMap<number, number>,
) => {
  const positions = markets.map(({ instrument }) => ({ instrument, sizeLots: 0, entryTickLots: 0 }))
  const valued = valueAccount({ cashMicros: 0, heldMicros: 0, positions, orders: [] }, epoch)
  const numberOf = (instrumentId: number): number => numbers.get(instrumentId) ?? instrumentId
  const numbered = <Risk extends { readonly instrumentId: number }>(risk: Risk): Risk => ({
    ...risk,
    instrumentId: numberOf(risk.instrumentId),
  })
  const { quoteBudget } = account
  const credit = laneCreditIn(account.laneBudget, valued.epoch)
  return {
    epoch: valued.epoch.version === 0 ? null : { ...valued.epoch, instruments: valued.epoch.instruments.map(numbered) },
    revised: valued.unvalued.map(numbered),
    cursor: 1,
    marked: [],
    due: [],
    quoteBudgets: quoteBudget === undefined ? [] : [[ownId, quoteBudget.terms, quoteBudget.remainingLots] as const],
    laneBudgets: credit === undefined ? [] : ([[ownId, credit]] as const),
  }
}

/** Best first, until there is as much as is wanted. */
const levelsOf = (market: MarketData, side: Direction, wantedLots: number) => {
  if (wantedLots === 0) return []
  let lots = 0
  const levels = bestLevels(side === 'buy' ? market.bids : market.asks, mostLevelsKept)
  return levels.filter(level => {
    const isWanted = lots < wantedLots
    lots += level.lots
    return isWanted
  })
}

const restingOrder = (orderId: string, accountId: number, priceTicks: number, lots: number) => ({
  orderId,
  accountId,
  priceTicks,
  quantityLots: lots,
  filledLots: 0,
  filledTickLots: 0,
})

/** Ids that no order of a client has. */
const idSource = (kind: 'b' | 'c'): (() => string) => {
  let count = 0
  return () => {
    count += 1
    return `ffffffff-ffff-8fff-8ff${kind}-${count.toString(16).padStart(12, '0')}`
  }
}

import { type AccountRisk, type EpochInForce, laneCreditIn, valueAccount } from '../margin/account-risk.ts'
import type { MarginFigures } from '../margin/margin-book.ts'
import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import { bestLevels, mostLevelsKept } from './book-side.ts'
import type { Command, Direction, PlaceOrder } from './commands.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from './engine.ts'
import { newestEngineVersion } from './engine-version.ts'
import type { CancelReason, Event } from './events.ts'
import { type LimitScale, type LimitScope, type LimitTerms, unscaledPpm } from './limit-terms.ts'
import type { MarketData } from './market-data.ts'
import { noExtras, traits } from './orders.ts'
import { savedInstrument } from './saved-contract.ts'

/** Everything that a preview follows from: one account, and the markets that it holds something in or asks about. */
export interface PreviewFloor {
  readonly account: PreviewAccount
  /** Of all instruments of the account, of its firm's other accounts where these are told, and of the orders. */
  readonly markets: readonly PreviewMarket[]
  readonly epoch: EpochInForce | undefined
  readonly limits?: PreviewLimits
  readonly atMillis: number
}

/** Of the account, its firm and its markets. Message rates nobody can tell from what an account has. */
export interface PreviewLimits {
  readonly account?: LimitTerms
  /** Whether the account was told to have lost more than it may since the day began. */
  readonly isBeyondLoss?: boolean
  readonly firm?: FirmLimits
  /** By instrument id. */
  readonly instruments: ReadonlyMap<number, LimitTerms>
  readonly scales: readonly LimitScale[]
}

export interface FirmLimits {
  readonly terms: LimitTerms
  /** What its other accounts in the lane have, of which its sums are made. */
  readonly members: readonly AccountRisk[]
  readonly isBeyondLoss: boolean
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
/** The firm's other accounts, from here on. */
const firstMemberId = 3
/** As the engine numbers the firm of its first account. */
const firmNumber = 1
/** Of the quotes that a budget stands for: protection is not asked about. */
const quoteGroup = '0000000000000001'
const noId = '00000000-0000-0000-0000-000000000000'

/**
 * What the engine would answer to orders of an account, asked of the engine itself: one is made with this account only, its
 * markets as they are shown, and the epoch in force, and takes the orders one by one. Whatever it does not know, hidden
 * parts of icebergs and orders that arrive in between, may fill more or less of an order, which never raises what is needed.
 */
export const previewOrders = (floor: PreviewFloor, orders: readonly PlaceOrder[]): Preview => {
  const numbers = new Map(floor.markets.map(({ instrument }, index) => [instrument.instrumentId, index + 1]))
  const engine = limited(restoreEngine(stateOf(floor, numbers, wantedLots(orders))), floor, numbers)
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

/** With its limits, and with what was told of the day's loss: of what it began with nobody was told. */
const limited = (engine: Engine, floor: PreviewFloor, numbers: ReadonlyMap<number, number>): Engine => {
  for (const command of limitCommands(floor, numbers)) engine.enter(command, floor.atMillis)
  const { limits } = floor
  if (limits?.isBeyondLoss !== true && limits?.firm?.isBeyondLoss !== true) return engine
  const state = engine.snapshot()
  if (state.limits === undefined) throw new Error('a loss is beyond a limit that is not there')
  const days = state.limits.days.map(
    ([accountId, baseMicros]) => [accountId, baseMicros, accountId === ownId && limits.isBeyondLoss === true] as const,
  )
  // Its accounts are of the only firm that has limits.
  const lossyFirms = limits.firm?.isBeyondLoss === true ? [firmNumber] : []
  return restoreEngine({ ...state, limits: { ...state.limits, days, lossyFirms } })
}

const limitCommands = ({ limits }: PreviewFloor, numbers: ReadonlyMap<number, number>): readonly Command[] => {
  if (limits === undefined) return []
  const id = idSource('c')
  const set = (scope: LimitScope, instrumentId: number, terms: LimitTerms, isBeyondLoss = false): Command => ({
    type: 'set-risk-limits',
    commandId: id(),
    scope,
    accountId: scope === 'account' ? ownId : 0,
    firm: scope === 'firm' ? own : '',
    instrumentId,
    terms: {
      ...terms,
      maxMessagesPerSecond: 0,
      maxDailyLossMicros: isBeyondLoss ? Math.max(1, terms.maxDailyLossMicros) : 0,
    },
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
    ...(limits.account === undefined ? [] : [set('account', 0, limits.account, limits.isBeyondLoss)]),
    ...(limits.firm === undefined ? [] : [set('firm', 0, limits.firm.terms, limits.firm.isBeyondLoss)]),
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
  { account, markets, epoch, limits, atMillis }: PreviewFloor,
  numbers: ReadonlyMap<number, number>,
  wanted: ReadonlyMap<string, number>,
): EngineState => {
  const empty = createEngine(lane)
  empty.enter({ type: 'activate-engine-version', commandId: noId, version: newestEngineVersion }, atMillis)
  const base = empty.snapshot()
  if (base.margin === undefined) throw new Error('an engine of version 4 has margin')
  const numbered = (instrument: Instrument): Instrument => ({
    ...instrument,
    instrumentId: numbers.get(instrument.instrumentId) ?? instrument.instrumentId,
  })
  const ids = idSource('b')
  const noRealised: ReadonlyMap<number, number> = new Map()
  const members = limits?.firm?.members ?? []
  const firm = [
    { id: ownId, name: own, rows: account, isKilled: account.isKilled, realisedMicros: account.realisedMicros },
    ...members.map((rows, index) => {
      const id = firstMemberId + index
      return { id, name: `member ${id}`, rows, isKilled: false, realisedMicros: noRealised }
    }),
  ]
  const accountOf = ({ name, rows, isKilled, realisedMicros: realised }: (typeof firm)[number]) => {
    const held = new Map(rows.positions.map(position => [position.instrument.instrumentId, position]))
    return {
      account: name,
      firm: own,
      cashMicros: rows.cashMicros,
      isKilled,
      positions: markets.flatMap(({ instrument: { instrumentId } }, index) => {
        const position = held.get(instrumentId)
        const realisedMicros = realised.get(instrumentId) ?? 0
        if (position === undefined && realisedMicros === 0) return []
        const { sizeLots = 0, entryTickLots = 0 } = position ?? {}
        return [{ instrumentId: index + 1, sizeLots, entryTickLots, realisedMicros }]
      }),
    }
  }
  const [ownAccount, ...memberAccounts] = firm.map(accountOf)
  if (ownAccount === undefined) throw new Error('a preview is of an account')
  const longOfFirm = (instrumentId: number): number =>
    firm
      .flatMap(({ rows }) => rows.positions)
      .reduce((sum, { instrument, sizeLots }) => {
        return instrument.instrumentId === instrumentId ? sum + Math.max(0, sizeLots) : sum
      }, 0)
  return {
    ...base,
    accounts: [
      ownAccount,
      {
        account: others,
        firm: others,
        cashMicros: 0,
        isKilled: false,
        // Shares of open interest are counted.
        positions: markets.flatMap(({ instrument, market }, index) => {
          const sizeLots = market.openInterestLots - longOfFirm(instrument.instrumentId)
          return sizeLots > 0 ? [{ instrumentId: index + 1, sizeLots, entryTickLots: 0, realisedMicros: 0 }] : []
        }),
      },
      ...memberAccounts,
    ],
    books: markets.map(({ instrument, market }) => {
      const { instrumentId } = instrument
      const ordersOfFirm = firm.flatMap(({ id, rows }) =>
        rows.orders
          .filter(order => order.instrument.instrumentId === instrumentId)
          .map(order => ({ ...order, accountId: id })),
      )
      const sideOf = (side: Direction) => {
        const known = ordersOfFirm.filter(({ isSell }) => isSell === (side === 'sell'))
        const ofOthers = levelsOf(market, side, wanted.get(keyOf(instrumentId, side)) ?? 0).flatMap(
          ({ ticks, lots }) => {
            const left = lots - known.reduce((sum, order) => sum + (order.priceTicks === ticks ? order.lots : 0), 0)
            return left > 0 ? [restingOrder(ids(), othersId, ticks, left)] : []
          },
        )
        return [...known.map(order => restingOrderOf(ids(), order, side)), ...ofOthers]
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
      book: bookOf(firm, markets, epoch, numbers),
      holds: account.heldMicros === 0 ? [] : [[noId, ownId, account.heldMicros]],
    },
  }
}

/** The epoch and what it does not know, as of an account with the very same instruments. */
const bookOf = (
  accounts: readonly { readonly id: number; readonly rows: AccountRisk }[],
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
  return {
    epoch: valued.epoch.version === 0 ? null : { ...valued.epoch, instruments: valued.epoch.instruments.map(numbered) },
    revised: valued.unvalued.map(numbered),
    cursor: 1,
    marked: [],
    due: [],
    quoteBudgets: accounts.flatMap(({ id, rows: { quoteBudget } }) =>
      quoteBudget === undefined ? [] : [[id, quoteBudget.terms, quoteBudget.remainingLots] as const],
    ),
    laneBudgets: accounts.flatMap(({ id, rows: { laneBudget } }) => {
      const credit = laneCreditIn(laneBudget, valued.epoch)
      return credit === undefined ? [] : [[id, credit] as const]
    }),
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

/** One of an account that is known: what its quote budget stands for is a quote, which needs nothing by itself. */
const restingOrderOf = (
  orderId: string,
  { accountId, priceTicks, lots, isBudgeted }: AccountRisk['orders'][number] & { readonly accountId: number },
  direction: Direction,
) => {
  const plain = restingOrder(orderId, accountId, priceTicks, lots)
  if (isBudgeted !== true) return plain
  const { group: _, limitTicks: __, ...extras } = noExtras
  const all = traits.hasExtras | traits.isQuote | (direction === 'sell' ? traits.sells : 0)
  const instructions = { ...extras, direction, traits: all, visibleLots: lots, groupHash: quoteGroup }
  return { ...plain, instructions }
}

/** Ids that no order of a client has. */
const idSource = (kind: 'b' | 'c'): (() => string) => {
  let count = 0
  return () => {
    count += 1
    return `ffffffff-ffff-8fff-8ff${kind}-${count.toString(16).padStart(12, '0')}`
  }
}

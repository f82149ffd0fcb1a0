import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type BookSide, bestLevels, emptySide, mostLevelsKept, withLevel } from '#domain/trading/book-side.ts'
import { type Command, noHash, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import { followed, type MarketData, marketOfEvent, newMarket } from '#domain/trading/market-data.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

describe('a side of the book', () => {
  const levels = (side: BookSide) => bestLevels(side, 10_000).map(({ ticks, lots }) => [ticks, lots])

  test('is what a sorted map is, whatever is set; and no earlier one changes', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.constantFrom(0, 1, 5_000_000_000)), { maxLength: 60 }),
        (sells, sets) => {
          const known = new Map<number, number>()
          let side = emptySide
          for (const [ticks, lots] of sets) {
            const before = levels(side)
            const after = withLevel(side, sells, ticks, lots)
            expect(levels(side)).toEqual(before)
            side = after
            if (lots === 0) known.delete(ticks)
            else known.set(ticks, lots)
          }
          expect(levels(side)).toEqual([...known].sort(([a], [b]) => (sells ? a - b : b - a)))
          expect(side.cutTicks).toBe(0)
        },
      ),
    )
  })

  test('too deep, keeps the best and says up to where all of it is known', () => {
    let side = emptySide
    for (let ticks = 1; ticks <= mostLevelsKept; ticks++) side = withLevel(side, true, ticks, 7)
    expect([levels(side).length, side.cutTicks]).toEqual([mostLevelsKept, 0])
    side = withLevel(side, true, mostLevelsKept + 1, 7)
    expect([levels(side).length, side.cutTicks]).toEqual([mostLevelsKept, mostLevelsKept])
    side = withLevel(side, true, 1, 0)
    expect(levels(withLevel(side, true, mostLevelsKept + 1, 9)).length).toBe(mostLevelsKept - 1)
    expect(bestLevels(side, 1)).toEqual([{ ticks: 2, lots: 7 }])
    expect(side.levels.byteLength).toBeLessThan(50_000)
  })
})

/** Commands of every kind that touches a book, in a market so narrow that they meet. */
const instruments = [1, 2]
const accountId = fc.integer({ min: 1, max: 3 })
const instrumentId = fc.constantFrom(...instruments)
const ticks = fc.integer({ min: 1, max: 12 })
const lots = fc.integer({ min: 1, max: 12 })
const earlier = fc.nat({ max: 20 })
const order = fc.record({
  kind: fc.constant('place' as const),
  accountId,
  instrumentId,
  direction: fc.constantFrom('buy' as const, 'sell' as const),
  orderType: fc.constantFrom('limit' as const, 'limit' as const, 'limit' as const, 'market' as const),
  stop: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: ticks }),
  byMark: fc.boolean(),
  timeInForce: fc.constantFrom(
    'good_til_cancelled' as const,
    'good_til_cancelled' as const,
    'immediate_or_cancel' as const,
    'fill_or_kill' as const,
    'good_til_date' as const,
    'day' as const,
  ),
  ticks,
  lots,
  displayLots: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  ),
  postOnly: fc.constantFrom('no' as const, 'no' as const, 'no' as const, 'reject' as const, 'slide' as const),
  reduceOnly: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  selfTradePrevention: fc.constantFrom(
    'none' as const,
    'none' as const,
    'cancel_newest' as const,
    'cancel_oldest' as const,
    'cancel_both' as const,
  ),
})
const side = fc.record({ ticks, lots: fc.oneof(fc.constant(0), lots) })
const intent = fc.oneof(
  { weight: 40, arbitrary: order },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('cancel' as const), earlier }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('amend' as const),
      earlier,
      ticks: fc.oneof(fc.constant(0), ticks),
      lots: fc.oneof(fc.constant(0), lots),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('quote' as const), accountId, instrumentId, bid: side, ask: side }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('state' as const),
      instrumentId,
      state: fc.constantFrom(
        'pre_open' as const,
        'auction' as const,
        'continuous' as const,
        'continuous' as const,
        'continuous' as const,
        'continuous' as const,
        'continuous' as const,
        'halted' as const,
        'closed' as const,
      ),
      forMillis: fc.constantFrom(0, 0, 3_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mark' as const), instrumentId, ticks }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('controls' as const),
      instrumentId,
      bandPpm: fc.constantFrom(0, 0, 500_000),
      velocityPpm: fc.constantFrom(0, 0, 300_000),
      haltMillis: fc.constantFrom(0, 2_000, 2_000),
      auctionMillis: fc.constantFrom(0, 2_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('protect' as const), accountId, limit: lots }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reset' as const), accountId }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('dead man' as const), accountId }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel all' as const), accountId }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('kill' as const), accountId, isOn: fc.constantFrom(false, false, true) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bust' as const), earlier }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), millis: fc.constantFrom(1_000, 5_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), instrumentId }) },
)
type Intent = typeof intent extends fc.Arbitrary<infer Each> ? Each : never

interface Trade {
  readonly instrumentId: number
  readonly priceTicks: number
  readonly quantityLots: number
  readonly buyerId: number
  readonly sellerId: number
  readonly tradeId: string
}

const groupHash = `1${noHash.slice(1)}`
const expirationMillis = marketMillis + 86_400_000

/** The command that an intent becomes after those before it; undefined where there is none to refer to. */
const commandOf = (
  intent: Intent,
  atMillis: number,
  placed: readonly { readonly orderId: string; readonly accountId: number }[],
  trades: readonly Trade[],
): Command | undefined => {
  const commandId = nextCommandId()
  const target = 'earlier' in intent ? placed.at(-1 - intent.earlier) : undefined
  switch (intent.kind) {
    case 'place': {
      const isStop = intent.stop !== 0
      const isMarket = intent.orderType === 'market'
      const timeInForce = isMarket && !isStop ? 'immediate_or_cancel' : intent.timeInForce
      const isImmediate = isMarket || timeInForce === 'immediate_or_cancel' || timeInForce === 'fill_or_kill'
      return {
        type: 'place-order',
        orderId: commandId,
        accountId: intent.accountId,
        instrumentId: intent.instrumentId,
        specificationVersion: 1,
        direction: intent.direction,
        orderType: isStop ? (isMarket ? 'stop_market' : 'stop_limit') : intent.orderType,
        timeInForce,
        priceTicks: isMarket ? 0 : intent.ticks,
        quantityLots: intent.lots,
        clientOrderId: '',
        ...plainInstructions,
        displayLots: isImmediate ? 0 : Math.min(intent.displayLots, intent.lots),
        triggerTicks: intent.stop,
        trigger: intent.byMark ? 'mark_price' : 'last_price',
        expiresAtMillis: timeInForce === 'good_til_date' ? atMillis + 4_000 : 0,
        postOnly: isImmediate || isStop ? 'no' : intent.postOnly,
        reduceOnly: intent.reduceOnly,
        selfTradePrevention: intent.selfTradePrevention,
      }
    }
    case 'cancel':
      return target && { type: 'cancel-order', commandId, ...target }
    case 'amend':
      return (
        target && { type: 'amend-order', commandId, ...target, priceTicks: intent.ticks, quantityLots: intent.lots }
      )
    case 'quote': {
      const { accountId, instrumentId, bid, ask } = intent
      const quote = {
        instrumentId,
        specificationVersion: 1,
        bidTicks: bid.ticks,
        bidLots: bid.lots,
        askTicks: ask.ticks,
        askLots: ask.lots,
      }
      return { type: 'quote', commandId, accountId, groupHash, groupName: 'main', quotes: [quote] }
    }
    case 'state': {
      const { instrumentId, state, forMillis } = intent
      const isTimed = forMillis > 0 && (state === 'auction' || state === 'halted')
      return {
        type: 'set-trading-state',
        commandId,
        instrumentId,
        state,
        untilMillis: isTimed ? atMillis + forMillis : 0,
      }
    }
    case 'mark':
      return { type: 'set-mark-price', commandId, instrumentId: intent.instrumentId, markTicks: intent.ticks }
    case 'controls': {
      const { kind: _, ...controls } = intent
      const velocityMillis = intent.velocityPpm === 0 ? 0 : 1_000
      return { type: 'set-market-controls', commandId, ...controls, velocityMillis }
    }
    case 'protect':
      return {
        type: 'set-market-maker-protection',
        commandId,
        accountId: intent.accountId,
        groupHash,
        name: 'all',
        intervalMillis: 5_000,
        frozenMillis: 1_000,
        amountLimitLots: intent.limit,
        deltaLimitLots: 0,
      }
    case 'reset':
      return { type: 'reset-market-maker-protection', commandId, accountId: intent.accountId, groupHash }
    case 'dead man':
      return { type: 'set-dead-man', commandId, accountId: intent.accountId, timeoutMillis: 2_000 }
    case 'cancel all':
      return { type: 'cancel-orders', commandId, accountId: intent.accountId, instrumentId: 0, labelHash: noHash }
    case 'kill':
      return {
        type: 'set-kill-switch',
        commandId,
        accountId: intent.accountId,
        scope: 'account',
        isOn: intent.isOn,
        firm: '',
      }
    case 'bust': {
      const trade = trades.at(-1 - intent.earlier)
      return (
        trade && { type: 'bust-trade', commandId, ...trade, buyerFeeMicros: 0, sellerFeeMicros: 0, tradedAtMillis: 0 }
      )
    }
    case 'expire':
      return { type: 'expire-instrument', commandId, instrumentId: intent.instrumentId }
    case 'wait':
      return undefined
  }
}

const openedEngine = (): Engine => {
  const engine = createEngine(1)
  for (const account of ['ann', 'bob', 'cid']) {
    engine.enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' }, marketMillis)
    const deposit = { commandId: nextCommandId(), accountId: engine.counts().accounts, amountMicros: 5_000 * usd }
    engine.enter({ type: 'deposit', ...deposit }, marketMillis)
  }
  return engine
}

/** Visible lots by price, best first, by adding up the engine's own orders. */
const visible = (orders: ReturnType<Engine['snapshot']>['books'][number]['buy']) => {
  const levels = new Map<number, number>()
  for (const { priceTicks, quantityLots, filledLots, instructions } of orders)
    levels.set(priceTicks, (levels.get(priceTicks) ?? 0) + (instructions?.visibleLots ?? quantityLots - filledLots))
  return [...levels].map(([ticks, lots]) => ({ ticks, lots }))
}

/** What was followed is what the engine has. */
const expectFollowed = (engine: Engine, markets: ReadonlyMap<number, MarketData>): void => {
  const { accounts, books } = engine.snapshot()
  for (const book of books) {
    const { instrumentId } = book.instrument
    const market = markets.get(instrumentId) ?? newMarket
    const { state, untilMillis, controls, markTicks, lastTicks } = book
    const sizes = accounts.flatMap(({ positions }) =>
      positions.filter(each => each.instrumentId === instrumentId).map(({ sizeLots }) => Math.max(0, sizeLots)),
    )
    const openInterestLots = sizes.reduce((sum, size) => sum + size, 0)
    const [bids, asks] = [visible(book.buy), visible(book.sell)]
    const { lastAtMillis: _, ...told } = market
    const seenSides = { bids: bestLevels(market.bids, 100), asks: bestLevels(market.asks, 100) }
    // As text: thousands of comparisons by expect would take most of the time.
    const expected = { bids, asks, state, untilMillis, controls, markTicks, lastTicks, openInterestLots }
    if (JSON.stringify({ ...told, ...seenSides }) !== JSON.stringify(expected))
      expect({ ...told, ...seenSides }).toEqual(expected)
  }
}

describe('what follows from events', () => {
  const seen = new Map<string, number>()

  test('is the book, the state and the open interest of the engine, after each command of any kind', () => {
    fc.assert(
      fc.property(fc.array(intent, { minLength: 5, maxLength: 60, size: 'max' }), intents => {
        const engine = openedEngine()
        const markets = new Map<number, MarketData>()
        const placed: { orderId: string; accountId: number }[] = []
        const trades: Trade[] = []
        let atMillis = marketMillis

        const follow = (events: ReturnType<Engine['events']>): void => {
          for (const event of events) {
            seen.set(event.type, (seen.get(event.type) ?? 0) + 1)
            const market = marketOfEvent(event)
            if (market !== undefined) markets.set(market, followed(markets.get(market) ?? newMarket, event, atMillis))
            if (event.type === 'order-accepted') placed.push({ orderId: event.orderId, accountId: event.accountId })
            if (event.type !== 'trade-executed') continue
            if (event.isAuction) seen.set('auction', (seen.get('auction') ?? 0) + 1)
            const [buyer, seller] =
              event.maker.direction === 'buy' ? [event.maker, event.taker] : [event.taker, event.maker]
            trades.push({
              instrumentId: event.instrumentId,
              priceTicks: event.priceTicks,
              quantityLots: event.quantityLots,
              buyerId: buyer.accountId,
              sellerId: seller.accountId,
              tradeId: `1:0:${trades.length}`,
            })
          }
        }

        for (const name of ['A-1', 'B-1']) {
          const specification = { ...testSpecification, instrumentName: name, maxPrice: '12', expirationMillis }
          follow(engine.enter({ type: 'list-instrument', commandId: nextCommandId(), specification }, atMillis))
        }
        for (const each of intents) {
          if (each.kind === 'wait') atMillis += each.millis
          if (each.kind === 'expire') atMillis = Math.max(atMillis, expirationMillis)
          engine.told.clear()
          engine.advance(atMillis)
          follow(engine.events())
          const command = commandOf(each, atMillis, placed, trades)
          if (command !== undefined) follow(engine.enter(command, atMillis))
          expectFollowed(engine, markets)
        }
      }),
      { numRuns: Number(process.env['MARKET_DATA_RUNS'] ?? 150), seed: Number(process.env['MARKET_DATA_SEED'] ?? 1) },
    )
  })

  test('is so of contracts of all kinds, whatever is paid, exercised or delisted', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const source = createCommandSource(createRandom(900 + seed))
      const engine = createEngine(1)
      const markets = new Map<number, MarketData>()
      for (let n = 0; n < 250; n += 1) {
        const { command, atMillis } = source.next()
        const events = engine.enter(command, atMillis)
        source.heard(events)
        for (const event of events) {
          seen.set(event.type, (seen.get(event.type) ?? 0) + 1)
          const market = marketOfEvent(event)
          if (market !== undefined) markets.set(market, followed(markets.get(market) ?? newMarket, event, atMillis))
        }
        expectFollowed(engine, markets)
      }
    }
  })

  test('of all kinds that there are', () => {
    expect([...seen.keys()]).toEqual(
      expect.arrayContaining([
        'order-accepted',
        'order-triggered',
        'order-amended',
        'order-cancelled',
        'trade-executed',
        'auction',
        'trade-busted',
        'instrument-expired',
        'trading-state-changed',
        'market-controls-set',
        'mark-price-set',
        'quoted',
        'protection-triggered',
        'dead-man-fired',
        'kill-switch-set',
        'instrument-delisted',
        'instrument-settled',
        'option-exercised',
        'lots-awarded',
      ]),
    )
  })
})

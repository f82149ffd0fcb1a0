import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Command, type PlaceOrder, plainInstructions, type SetRiskLimits } from '#domain/trading/commands.ts'
import { createEngine, restoreEngine } from '#domain/trading/engine.ts'
import type { Event, LimitBreached } from '#domain/trading/events.ts'
import { type LimitTerms, noLimits, type ScalingRule, scaledLimit, scaleOf } from '#domain/trading/limit-terms.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const day = 86_400_000

/** One tick of one lot is a USD. Two accounts of a firm, and one of another. */
const openFloor = () => {
  let engine = createEngine(1)
  let nowMillis = marketMillis
  const enter = (command: Command): Event[] => engine.enter(command, nowMillis)
  enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
  for (const [index, firm] of ['desk', 'desk', ''].entries()) {
    enter({ type: 'open-account', commandId: nextCommandId(), account: `account-${index + 1}`, firm })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros: 100_000_000 * usd })
  }
  for (const instrumentName of ['H100.USE-27NOV26', 'H100.EUW-27NOV26'])
    enter({
      type: 'list-instrument',
      commandId: nextCommandId(),
      specification: { ...testSpecification, instrumentName, expirationMillis: marketMillis + 30 * day },
    })
  let orders = 0
  const place = (accountId: number, lots: number, priceTicks: number, more: Partial<PlaceOrder> = {}): Event[] => {
    orders += 1
    return enter({
      type: 'place-order',
      orderId: idOf(`a${orders}`),
      accountId,
      instrumentId: 1,
      specificationVersion: 1,
      direction: lots > 0 ? 'buy' : 'sell',
      orderType: 'limit',
      timeInForce: 'good_til_cancelled',
      priceTicks,
      quantityLots: Math.abs(lots),
      clientOrderId: '',
      ...plainInstructions,
      ...more,
    })
  }
  const limits = (terms: Partial<LimitTerms>, subject: Partial<SetRiskLimits> = { scope: 'account', accountId: 1 }) =>
    enter({
      type: 'set-risk-limits',
      commandId: nextCommandId(),
      scope: 'account',
      accountId: 0,
      firm: '',
      instrumentId: 0,
      isApproved: true,
      ...subject,
      terms: { ...noLimits, ...terms },
    })
  return {
    enter,
    place,
    limits,
    trade: (buyer: number, seller: number, lots: number, ticks: number): Event[] => [
      ...place(seller, -lots, ticks),
      ...place(buyer, lots, ticks),
    ],
    mark: (markTicks: number): Event[] =>
      enter({ type: 'set-mark-price', commandId: nextCommandId(), instrumentId: 1, markTicks }),
    scale: (scalePpm: number): Event[] =>
      enter({
        type: 'scale-risk-limits',
        commandId: nextCommandId(),
        floorPpm: 100_000,
        ceilingPpm: 1_000_000,
        scales: [
          {
            instrumentId: 1,
            scalePpm,
            volatilityPpm: 1_600_000,
            referenceVolatilityPpm: 800_000,
            depthLots: 0,
            referenceDepthLots: 0,
          },
        ],
      }),
    /** By a snapshot, as a matcher that takes over. */
    restart(): void {
      engine = restoreEngine(JSON.parse(JSON.stringify(engine.snapshot())))
    },
    later(millis: number): Event[] {
      nowMillis += millis
      engine.told.clear()
      engine.advance(nowMillis)
      return engine.events()
    },
  }
}
const codes = (events: readonly Event[]): unknown[] => events.flatMap(event => ('code' in event ? [event.code] : []))
const breaches = (events: readonly Event[]): Partial<LimitBreached>[] =>
  events.flatMap(event => (event.type === 'limit-breached' ? [event] : []))

describe('limits', () => {
  test('of an order: size, notional, number, and how far it may be from the mark', () => {
    const floor = openFloor()
    floor.mark(100)
    floor.limits({ maxOrderLots: 10, maxOrderNotionalMicros: 900 * usd, maxOpenOrders: 2, collarPpm: 100_000 })
    expect(codes(floor.place(1, 11, 80))).toEqual(['order-size-limit'])
    expect(codes(floor.place(1, 10, 91))).toEqual(['order-notional-limit'])
    expect(codes(floor.place(1, 1, 111))).toEqual(['price-outside-collar'])
    expect(codes(floor.place(1, -1, 89))).toEqual(['price-outside-collar'])
    expect(codes([...floor.place(1, 1, 110), ...floor.place(1, 1, 50)])).toEqual([])
    expect(codes(floor.place(1, 1, 50))).toEqual(['open-order-limit'])
    // Nobody else is limited.
    expect(codes(floor.place(2, 50, 109))).toEqual([])
  })

  test('of a market order: it trades up to the collar', () => {
    const floor = openFloor()
    floor.mark(100)
    floor.limits({ collarPpm: 20_000 })
    floor.place(3, -5, 101)
    floor.place(3, -5, 103)
    const told = floor.place(1, 9, 0, { orderType: 'market', timeInForce: 'immediate_or_cancel' })
    expect(told.flatMap(event => (event.type === 'trade-executed' ? [event.priceTicks] : []))).toEqual([101])
    expect(told.at(-1)).toMatchObject({ type: 'order-cancelled', reason: 'immediate-or-cancel', cancelledLots: 4 })
  })

  test('of a position: both sides with all that is open; what reduces passes however low they become', () => {
    const floor = openFloor()
    floor.trade(1, 3, 50, 100)
    floor.limits({ maxPositionLots: 20 })
    expect(codes(floor.place(1, 1, 90))).toEqual(['position-limit'])
    expect(codes(floor.place(1, -70, 110))).toEqual([])
    expect(codes(floor.place(1, -1, 110))).toEqual(['position-limit'])
  })

  test('of a firm count its accounts together', () => {
    const floor = openFloor()
    floor.limits({ maxPositionLots: 30, maxOpenOrders: 2 }, { scope: 'firm', firm: 'desk' })
    expect(codes(floor.place(1, 20, 90))).toEqual([])
    expect(codes(floor.place(2, 11, 90))).toEqual(['position-limit'])
    expect(codes(floor.place(2, 10, 90))).toEqual([])
    expect(codes(floor.place(1, -1, 120))).toEqual(['open-order-limit'])
  })

  test('of messages refill by lane time, and cancels are not counted', () => {
    const floor = openFloor()
    floor.limits({ maxMessagesPerSecond: 2 })
    expect(codes([...floor.place(1, 1, 90), ...floor.place(1, 1, 90), ...floor.place(1, 1, 90)])).toEqual([
      'message-rate-limit',
    ])
    expect(
      codes(floor.enter({ type: 'cancel-order', commandId: nextCommandId(), accountId: 1, orderId: idOf('a1') })),
    ).toEqual([])
    floor.later(499)
    expect(codes(floor.place(1, 1, 90))).toEqual(['message-rate-limit'])
    floor.later(1)
    floor.restart()
    expect(codes([...floor.place(1, 1, 90), ...floor.place(1, 1, 90)])).toEqual(['message-rate-limit'])
  })

  test('of concentration: a share of the open interest, from a size on', () => {
    const floor = openFloor()
    floor.limits({ maxConcentrationPpm: 250_000, concentrationFromLots: 5 })
    expect(codes(floor.place(1, 6, 90))).toEqual(['concentration-limit'])
    floor.trade(2, 3, 40, 100)
    expect(codes(floor.place(1, 11, 90))).toEqual(['concentration-limit'])
    expect(codes(floor.place(1, 10, 90))).toEqual([])
  })

  test('that contradict each other, or loosen without a second person, change nothing', () => {
    const floor = openFloor()
    expect(codes(floor.limits({ maxOrderLots: 11, maxPositionLots: 10 }))).toEqual(['limits-contradict'])
    expect(codes(floor.limits({ maxNetDelta: 11, maxGrossDelta: 10 }))).toEqual(['limits-contradict'])
    expect(codes(floor.limits({ concentrationFromLots: 1 }))).toEqual(['limits-contradict'])
    expect(codes(floor.limits({ maxDailyLossMicros: 1 }, { scope: 'instrument', instrumentId: 1 }))).toEqual([
      'limit-not-of-scope',
    ])
    expect(codes(floor.limits({ maxOrderLots: -1 }))).toEqual(['amount-out-of-range'])
    expect(codes(floor.limits({}, { scope: 'firm', firm: 'nobody' }))).toEqual(['unknown-firm'])
    const unapproved = { scope: 'account', accountId: 1, isApproved: false } as const
    expect(codes(floor.limits({ maxOrderLots: 10 }, unapproved))).toEqual([])
    expect(codes(floor.limits({ maxOrderLots: 11 }, unapproved))).toEqual(['loosening-needs-approval'])
    expect(codes(floor.limits({}, unapproved))).toEqual(['loosening-needs-approval'])
    expect(codes(floor.limits({ maxOrderLots: 9, collarPpm: 5 }, unapproved))).toEqual([])
    expect(codes(floor.place(1, 10, 90))).toEqual(['order-size-limit'])
  })
})

describe('a scale', () => {
  test('tightens size, notional, position and collar, and tells once who is beyond', () => {
    const floor = openFloor()
    floor.trade(1, 3, 15, 100)
    floor.mark(100)
    floor.limits({ maxOrderLots: 20, maxPositionLots: 20, collarPpm: 100_000 })
    const told = floor.scale(500_000)
    expect(breaches(told)).toMatchObject([
      { accountId: 1, instrumentId: 1, limit: 'position', measured: 15, allowed: 10 },
    ])
    expect(codes(floor.place(1, 1, 106))).toEqual(['price-outside-collar'])
    expect(codes(floor.place(1, -11, 100))).toEqual(['order-size-limit'])
    expect(codes(floor.place(1, 1, 100))).toEqual(['position-limit'])
    floor.restart()
    expect(breaches(floor.scale(400_000))).toEqual([])
    expect(breaches(floor.scale(1_000_000))).toEqual([])
    expect(breaches(floor.scale(500_000))).toHaveLength(1)
  })

  test('is refused beyond its bounds, twice of one instrument, and of none that is listed', () => {
    const floor = openFloor()
    expect(codes(floor.scale(99_999))).toEqual(['scale-out-of-range'])
    expect(codes(floor.scale(1_000_001))).toEqual(['scale-out-of-range'])
  })

  test('falls with volatility and with missing depth, and stays within floor and ceiling', () => {
    const rule: ScalingRule = {
      floorPpm: 100_000,
      ceilingPpm: 900_000,
      referenceVolatilityPpm: 800_000,
      referenceDepthLots: 100,
    }
    expect(scaleOf(rule, { volatilityPpm: 0, depthLots: 500 })).toBe(900_000)
    expect(scaleOf(rule, { volatilityPpm: 1_600_000, depthLots: 500 })).toBe(500_000)
    expect(scaleOf(rule, { volatilityPpm: 800_000, depthLots: 30 })).toBe(300_000)
    expect(scaleOf(rule, { volatilityPpm: 80_000_000, depthLots: 0 })).toBe(100_000)
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(1_000), fc.nat(1_000), (volatilityPpm, more, depthLots, deeper) => {
        const scale = scaleOf(rule, { volatilityPpm, depthLots })
        expect(scaleOf(rule, { volatilityPpm: volatilityPpm + more, depthLots })).toBeLessThanOrEqual(scale)
        expect(scaleOf(rule, { volatilityPpm, depthLots: depthLots + deeper })).toBeGreaterThanOrEqual(scale)
        expect(scale).toBeGreaterThanOrEqual(rule.floorPpm)
        expect(scale).toBeLessThanOrEqual(rule.ceilingPpm)
      }),
    )
    expect([scaledLimit(0, 5), scaledLimit(3, 1), scaledLimit(7, 500_000)]).toEqual([0, 1, 3])
  })
})

describe('the loss of a day', () => {
  test('is told once, leaves only what reduces, and is forgotten with the day; deposits are no gain', () => {
    const floor = openFloor()
    floor.trade(1, 3, 10, 100)
    floor.mark(100)
    floor.limits({ maxDailyLossMicros: 50 * usd })
    expect(breaches(floor.mark(95))).toEqual([])
    expect(breaches(floor.mark(94))).toMatchObject([
      { accountId: 1, instrumentId: 0, limit: 'daily-loss', measured: 60 * usd, allowed: 50 * usd },
    ])
    floor.enter({ type: 'deposit', commandId: nextCommandId(), accountId: 1, amountMicros: 1_000 * usd })
    floor.restart()
    expect(codes(floor.place(1, 1, 90))).toEqual(['daily-loss-limit'])
    expect(codes(floor.place(1, -10, 120))).toEqual([])
    expect(breaches(floor.mark(90))).toEqual([])
    expect(breaches(floor.later(day))).toEqual([])
    expect(codes(floor.place(1, 1, 90))).toEqual([])
    expect(breaches(floor.mark(84))).toMatchObject([{ measured: 60 * usd }])
  })

  test('of a firm adds up that of its accounts', () => {
    const floor = openFloor()
    floor.mark(100)
    floor.limits({ maxDailyLossMicros: 50 * usd }, { scope: 'firm', firm: 'desk' })
    floor.trade(1, 3, 10, 100)
    // What one of them loses the other has gained.
    floor.trade(3, 2, 10, 100)
    expect(breaches(floor.mark(80))).toEqual([])
    floor.trade(2, 3, 10, 80)
    expect(breaches(floor.mark(74))).toMatchObject([{ accountId: 0, firm: 'desk', measured: 60 * usd }])
    expect(codes(floor.place(2, 5, 70))).toEqual(['daily-loss-limit'])
  })
})

describe('a budget of quotes', () => {
  const budget = (floor: ReturnType<typeof openFloor>, more: object = {}) =>
    floor.enter({
      type: 'set-quote-budget',
      commandId: nextCommandId(),
      accountId: 1,
      lots: 60,
      largestQuoteLots: 10,
      lotLossMicros: 1_100 * usd,
      lotCapMicros: 1_000 * usd,
      ...more,
    })
  const group = { groupHash: '1111111111111111', groupName: 'main' }
  const protect = (floor: ReturnType<typeof openFloor>, amountLimitLots: number) =>
    floor.enter({
      type: 'set-market-maker-protection',
      commandId: nextCommandId(),
      accountId: 1,
      groupHash: group.groupHash,
      name: group.groupName,
      intervalMillis: 1_000,
      frozenMillis: 0,
      amountLimitLots,
      deltaLimitLots: 0,
    })
  const quote = (floor: ReturnType<typeof openFloor>, lots: number): Event[] =>
    floor.enter({
      type: 'quote',
      commandId: nextCommandId(),
      accountId: 1,
      ...group,
      quotes: [1, 2].map(instrumentId => ({
        instrumentId,
        specificationVersion: 1,
        bidTicks: 99,
        bidLots: lots,
        askTicks: 101,
        askLots: lots,
      })),
    })

  test('lets quotes stand without margin each, within its terms and its group’s protection', () => {
    const floor = openFloor()
    expect(codes(budget(floor, { lots: 15 }))).toEqual(['amount-out-of-range'])
    expect(budget(floor).at(-1)).toMatchObject({ type: 'quote-budget-set', reservedMicros: 66_000 * usd })
    expect(codes(quote(floor, 5))).toEqual(Array.from({ length: 4 }, () => 'outside-quote-budget'))
    expect(codes(protect(floor, 51))).toEqual(['quote-budget-below-protection'])
    protect(floor, 50)
    expect(codes(quote(floor, 11))).toEqual(Array.from({ length: 4 }, () => 'outside-quote-budget'))
    expect(codes(quote(floor, 10))).toEqual([])
    expect(codes(budget(floor))).toEqual(['quotes-standing'])
    floor.restart()
    expect(codes(quote(floor, 9))).toEqual([])
  })

  test('pulls all quotes once too little of it is left, and is filled up by the next quote', () => {
    const floor = openFloor()
    protect(floor, 10)
    budget(floor, { lots: 20 })
    quote(floor, 10)
    const told = floor.place(3, -1, 99)
    expect(told.filter(event => event.type === 'order-cancelled' && event.reason === 'quote-budget')).toHaveLength(4)
    expect(codes(quote(floor, 10))).toEqual([])
  })

  test('is refused beyond what the account has', () => {
    const floor = openFloor()
    expect(codes(budget(floor, { lots: 200_000 }))).toEqual(['insufficient-funds'])
  })
})

test('whatever was limited, restored engines tell the same', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const source = createCommandSource(createRandom(seed))
      let [one, other] = [createEngine(1), createEngine(1)]
      for (let n = 0; n < 120; n += 1) {
        const { command, atMillis } = source.next()
        const told = one.enter(command, atMillis)
        expect(other.enter(command, atMillis)).toEqual(told)
        source.heard(told)
        if (n % 10 === 0) other = restoreEngine(JSON.parse(JSON.stringify(other.snapshot())))
      }
      expect(other.snapshot().limits).toEqual(one.snapshot().limits)
    }),
    { numRuns: 25 },
  )
})

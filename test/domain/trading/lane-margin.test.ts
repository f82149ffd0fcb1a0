import { describe, expect, test } from '@jest/globals'
import { type Command, type InstrumentRisk, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

/** The engine with what it keeps of margin laid open. */
class OpenedEngine extends Engine {
  static restored(state: EngineState): OpenedEngine {
    const engine = new OpenedEngine(state.lane)
    engine.restore(state)
    return engine
  }

  figuresOf(accountId: number) {
    const { margin, accounts } = this
    if (margin === undefined) throw new Error('the engine has no margin')
    return margin.figures(accounts.recordOf(accountId))
  }
  /** By the check before there was margin. */
  spareMicros(accountId: number): number {
    const { accounts, orders } = this
    const account = accounts.recordOf(accountId)
    let micros = accounts.cashMicros(account) - accounts.heldMicros(account)
    for (const holding of accounts.holdingsOf(account))
      micros -= accounts.requirementMicros(holding, this.listingOf(accounts.instrumentId(holding)).instrument)
    for (const order of this.ordersOf(account, 0)) micros -= orders.reserveMicros(order)
    return micros
  }
}

const other = { ...testSpecification, instrumentName: 'H100.EUW-27NOV26' }
/** One tick of one lot is a USD, the highest price 1,000. */
const openFloor = (
  accounts: readonly number[] = [1_000, 1_000, 1_000_000],
  specifications = [testSpecification, other],
) => {
  const engine = new OpenedEngine(1)
  const enter = (command: Command): Event[] => engine.enter(command, marketMillis)
  enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
  for (const [index, dollars] of accounts.entries()) {
    enter({ type: 'open-account', commandId: nextCommandId(), account: `account-${index + 1}`, firm: '' })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros: dollars * usd })
  }
  for (const specification of specifications)
    enter({ type: 'list-instrument', commandId: nextCommandId(), specification })
  let orders = 0
  const place = (accountId: number, lots: number, priceTicks: number, instrumentId = 1): Event[] => {
    orders += 1
    const order: PlaceOrder = {
      type: 'place-order',
      orderId: idOf(`a${orders}`),
      accountId,
      instrumentId,
      specificationVersion: 1,
      direction: lots > 0 ? 'buy' : 'sell',
      orderType: 'limit',
      timeInForce: 'good_til_cancelled',
      priceTicks,
      quantityLots: Math.abs(lots),
      clientOrderId: '',
      ...plainInstructions,
    }
    return enter(order)
  }
  return {
    engine,
    enter,
    place,
    trade: (buyer: number, seller: number, lots: number, priceTicks: number, instrumentId = 1): Event[] => [
      ...place(seller, -lots, priceTicks, instrumentId),
      ...place(buyer, lots, priceTicks, instrumentId),
    ],
    epoch: (epochVersion: number, instruments: readonly InstrumentRisk[]): Event[] =>
      epochOf(epochVersion, instruments).flatMap(enter),
  }
}

/** Two scenarios: both instruments rise or fall by so many USD a lot. */
const risks = (markTicks: number, moveTicks: number): InstrumentRisk[] =>
  [1, 2].map(instrumentId => ({
    instrumentId,
    specificationVersion: 1,
    markMicros: markTicks * usd,
    shortMinimumMicros: 0,
    deltaMicroUnits: 0,
    vegaMicros: 0,
    group: 0,
    concentrationUnits: 0,
    risk: { kind: 'array', restMicros: 0, arrayMicros: [moveTicks * usd, -moveTicks * usd] },
  }))
const epochOf = (epochVersion: number, instruments: readonly InstrumentRisk[]): Command[] => [
  {
    type: 'risk-epoch-begin',
    commandId: nextCommandId(),
    epochVersion,
    scenarioSetVersion: 1,
    groups: [{ thresholdUnits: 0, microsPerUnit: 0 }],
    blocks: [{ scenarios: 2 }],
  },
  { type: 'risk-epoch-chunk', commandId: nextCommandId(), epochVersion, number: 0, instruments },
  { type: 'risk-epoch-commit', commandId: nextCommandId(), epochVersion, chunks: 1 },
]
const types = (events: readonly Event[]): string[] => events.map(({ type }) => type)
const codes = (events: readonly Event[]): unknown[] => events.flatMap(event => ('code' in event ? [event.code] : []))
const marginCalls = (events: readonly Event[]): number[] =>
  events.flatMap(event => (event.type === 'margin-called' ? [event.accountId] : []))

describe('an order', () => {
  test('is fully funded before the first epoch, and by scenarios from then on', () => {
    const floor = openFloor()
    expect(codes(floor.place(1, 20, 100))).toEqual(['insufficient-funds'])
    expect(types(floor.epoch(1, risks(100, 10)))).toEqual([
      'risk-epoch-begun',
      'risk-epoch-chunk-taken',
      'risk-epoch-adopted',
    ])
    expect(types(floor.place(1, 20, 100))).toEqual(['order-accepted'])
    expect(codes(floor.place(1, 100, 100))).toEqual(['insufficient-margin'])
    expect(floor.engine.figuresOf(1)).toMatchObject({ equityMicros: 1_000 * usd, scanMicros: 200 * usd })
  })

  test('that hedges is accepted where more of the same is refused', () => {
    const floor = openFloor()
    floor.epoch(1, risks(100, 10))
    floor.trade(1, 3, 90, 100)
    expect(codes(floor.place(1, 20, 100))).toEqual(['insufficient-margin'])
    floor.trade(3, 1, 80, 100, 2)
    // 90 long against 80 short: a hundred USD, and what is kept for fees.
    expect(floor.engine.figuresOf(1).scanMicros).toBe(100 * usd)
    expect(types(floor.place(1, 20, 100))).toEqual(['order-accepted'])
  })

  test('that reduces risk is accepted from an account that is short of margin', () => {
    const floor = openFloor()
    floor.epoch(1, risks(100, 10))
    floor.trade(1, 3, 90, 100)
    expect(marginCalls(floor.epoch(2, risks(100, 40)))).toEqual([1])
    expect(codes(floor.place(1, 1, 100))).toEqual(['insufficient-margin'])
    expect(types(floor.place(1, -10, 100))).toEqual(['order-accepted'])
    // What would turn the position around adds risk again.
    expect(codes(floor.place(1, -200, 100))).toEqual(['insufficient-margin'])
  })

  test('is refused where all of an account’s exposure could not be counted', () => {
    const wide = [0, 1].map(index => ({ ...testSpecification, instrumentName: `WIDE-${index}`, maxPrice: '20000000' }))
    const floor = openFloor([1_000], wide)
    expect(types(floor.place(1, 100, 1))).toEqual(['order-accepted'])
    expect(codes(floor.place(1, 50, 1, 2))).toEqual(['exposure-too-large'])
    expect(types(floor.place(1, 10, 1, 2))).toEqual(['order-accepted'])
  })
})

describe('an epoch', () => {
  test('that goes back, is not begun, lacks a chunk or an instrument is refused, and nothing has changed', () => {
    const { enter, epoch, place, engine } = openFloor()
    epoch(5, risks(100, 10))
    const before = engine.snapshot()
    const [begin, chunk, commit] = epochOf(5, risks(100, 20))
    expect([begin, chunk, commit].flatMap(command => (command === undefined ? [] : codes(enter(command))))).toEqual([
      'risk-epoch-not-newer',
      'risk-epoch-not-begun',
      'risk-epoch-not-begun',
    ])
    expect(codes(epoch(6, risks(100, 20).slice(1)))).toEqual(['risk-epoch-lacks-instrument'])
    // What is missing may still come.
    const [first] = risks(100, 10)
    const missing = {
      type: 'risk-epoch-chunk',
      epochVersion: 6,
      instruments: first === undefined ? [] : [first],
    } as const
    expect(codes(enter({ ...missing, commandId: nextCommandId(), number: 2 }))).toEqual(['risk-epoch-incomplete'])
    enter({ ...missing, commandId: nextCommandId(), number: 1 })
    const end = { type: 'risk-epoch-commit', epochVersion: 6 } as const
    expect(codes(enter({ ...end, commandId: nextCommandId(), chunks: 1 }))).toEqual(['risk-epoch-incomplete'])
    expect(types(enter({ ...end, commandId: nextCommandId(), chunks: 2 }))).toEqual(['risk-epoch-adopted'])
    expect(before.margin?.book.epoch?.version).toBe(5)
    expect(types(place(1, 20, 100))).toEqual(['order-accepted'])
  })

  test('does not wait for an instrument that is listed while it comes; that one is fully covered', () => {
    const floor = openFloor()
    const [begin, chunk, commit] = epochOf(1, risks(100, 10))
    const late = { ...testSpecification, instrumentName: 'H100.LATE-27NOV26' }
    for (const command of [begin, chunk]) if (command !== undefined) floor.enter(command)
    floor.enter({ type: 'list-instrument', commandId: nextCommandId(), specification: late })
    if (commit !== undefined) expect(types(floor.enter(commit))).toEqual(['risk-epoch-adopted'])
    expect(types(floor.place(1, 9, 100, 3))).toEqual(['order-accepted'])
    expect(codes(floor.place(1, 2, 100, 3))).toEqual(['insufficient-margin'])
  })

  test('is due once a mark lies beyond its scan, and says so once', () => {
    const floor = openFloor()
    const mark = (markTicks: number): string[] =>
      types(floor.enter({ type: 'set-mark-price', commandId: nextCommandId(), instrumentId: 1, markTicks }))
    expect(mark(500)).toEqual(['mark-price-set'])
    floor.epoch(1, risks(100, 10))
    expect(mark(110)).toEqual(['mark-price-set'])
    expect(mark(111)).toEqual(['mark-price-set', 'risk-epoch-due'])
    expect(mark(200)).toEqual(['mark-price-set'])
    floor.epoch(2, risks(200, 10))
    expect(mark(189)).toEqual(['mark-price-set', 'risk-epoch-due'])
  })

  test('is taken on by many accounts some at a time, at the same pace after a restore', () => {
    const accounts = Array.from({ length: 900 }, () => 1_000)
    const floor = openFloor([100_000_000, ...accounts])
    floor.epoch(1, risks(100, 10))
    for (const index of accounts.keys()) floor.trade(index + 2, 1, 50, 100)
    // An order that was refused leaves no trace that a snapshot would lose.
    expect(codes(floor.place(500, 100, 100, 2))).toEqual(['insufficient-margin'])
    const adopted = floor.epoch(2, risks(100, 40))
    const first = marginCalls(adopted)
    expect([first[0], first.length > 100, first.length < 500]).toEqual([2, true, true])
    const again = restoreEngine(JSON.parse(JSON.stringify(floor.engine.snapshot())))
    const called = [...first]
    for (let tick = 0; tick < 4; tick += 1) {
      const command: Command = { type: 'cancel-order', commandId: nextCommandId(), accountId: 800, orderId: idOf('ff') }
      const told = floor.enter(command)
      expect(again.enter(command, marketMillis)).toEqual(told)
      called.push(...marginCalls(told))
    }
    expect(called).toEqual(accounts.map((_, index) => index + 2))
    expect(again.snapshot()).toEqual(floor.engine.snapshot())
  })
})

describe('cash', () => {
  const cash = (type: 'withdraw' | 'place-hold', amountMicros: number, accountId = 1): Command => ({
    type,
    commandId: nextCommandId(),
    accountId,
    amountMicros,
  })

  test('leaves only as far as it is neither needed nor held', () => {
    const floor = openFloor()
    floor.epoch(1, risks(100, 10))
    floor.trade(1, 3, 50, 100)
    const { equityMicros, requirementMicros } = floor.engine.figuresOf(1)
    const spare = equityMicros - requirementMicros
    expect(codes(floor.enter(cash('withdraw', 0)))).toEqual(['amount-out-of-range'])
    expect(codes(floor.enter(cash('withdraw', spare + 1)))).toEqual(['insufficient-margin'])
    expect(codes(floor.enter(cash('withdraw', 2_000 * usd)))).toEqual(['insufficient-funds'])
    expect(floor.enter(cash('place-hold', 100 * usd))).toMatchObject([{ heldMicros: 100 * usd }])
    expect(codes(floor.enter(cash('withdraw', spare - 100 * usd + 1)))).toEqual(['insufficient-margin'])
    expect(types(floor.enter(cash('withdraw', spare - 100 * usd)))).toEqual(['withdrawn'])
    expect(codes(floor.place(1, 1, 100))).toEqual(['insufficient-margin'])
    expect(floor.engine.snapshot().depositedMicros).toBe(1_002_000 * usd - (spare - 100 * usd))
  })

  test('that is held is captured in part, or released, once', () => {
    const floor = openFloor()
    const [one, two] = [cash('place-hold', 300 * usd), cash('place-hold', 200 * usd)]
    for (const hold of [one, two]) floor.enter(hold)
    const end = (hold: Command, amountMicros: number, accountId = 1): Command => {
      const named = { commandId: nextCommandId(), accountId, holdId: 'commandId' in hold ? hold.commandId : '' }
      return amountMicros === 0 ? { type: 'release-hold', ...named } : { type: 'capture-hold', ...named, amountMicros }
    }
    expect(codes(floor.enter(cash('withdraw', 501 * usd)))).toEqual(['insufficient-funds'])
    expect(codes(floor.enter(end(one, 301 * usd)))).toEqual(['amount-out-of-range'])
    expect(codes(floor.enter(end(one, usd, 2)))).toEqual(['unknown-hold'])
    expect(floor.enter(end(one, 250 * usd))).toMatchObject([
      { releasedMicros: 50 * usd, heldMicros: 200 * usd, cashMicros: 750 * usd },
    ])
    expect(codes(floor.enter(end(one, usd)))).toEqual(['unknown-hold'])
    const again = restoreEngine(floor.engine.snapshot())
    expect(again.snapshot()).toEqual(floor.engine.snapshot())
    expect(floor.enter(end(two, 0))).toMatchObject([{ releasedMicros: 200 * usd, heldMicros: 0 }])
    expect(types(floor.enter(cash('withdraw', 750 * usd)))).toEqual(['withdrawn'])
  })

  test('is held a thousand times at most', () => {
    const floor = openFloor()
    for (let hold = 0; hold < 1_000; hold += 1) floor.enter(cash('place-hold', 1))
    expect(codes(floor.enter(cash('place-hold', 1)))).toEqual(['hold-limit'])
    expect(types(floor.enter(cash('place-hold', 1, 2)))).toEqual(['hold-placed'])
  })
})

test('before the first epoch it is the fully funded check, to the micro', () => {
  let compared = 0
  for (let seed = 1; seed <= 40; seed += 1) {
    const source = createCommandSource(createRandom(seed))
    const engine = new OpenedEngine(1)
    engine.enter({ type: 'activate-engine-version', commandId: idOf('ffff'), version: 4 }, 0)
    for (let n = 0; n < 200; n += 1) {
      const { command, atMillis } = source.next()
      if (command.type === 'activate-engine-version' || command.type === 'risk-epoch-commit') continue
      source.heard(engine.enter(command, atMillis))
      for (let accountId = 1; accountId <= engine.counts().accounts; accountId += 1) {
        const { equityMicros, requirementMicros } = engine.figuresOf(accountId)
        expect(equityMicros - requirementMicros).toBe(engine.spareMicros(accountId))
        compared += 1
      }
    }
  }
  expect(compared).toBeGreaterThan(20_000)
})

test('what is kept is what is built anew from the ledger, whatever came before', () => {
  let [compared, epochs] = [0, 0]
  for (let seed = 1; seed <= 60; seed += 1) {
    const source = createCommandSource(createRandom(seed * 31))
    const engine = new OpenedEngine(1)
    source.heard(engine.enter({ type: 'activate-engine-version', commandId: idOf('ffff'), version: 4 }, 0))
    for (let n = 1; n <= 200; n += 1) {
      const { command, atMillis } = source.next()
      const told = engine.enter(command, atMillis)
      source.heard(told)
      epochs += told.filter(({ type }) => type === 'risk-epoch-adopted').length
      if (n % 10 !== 0) continue
      const built = OpenedEngine.restored(JSON.parse(JSON.stringify(engine.snapshot())))
      for (let accountId = 1; accountId <= engine.counts().accounts; accountId += 1) {
        expect(built.figuresOf(accountId)).toEqual(engine.figuresOf(accountId))
        compared += 1
      }
    }
  }
  expect([compared > 3_000, epochs > 50]).toEqual([true, true])
})

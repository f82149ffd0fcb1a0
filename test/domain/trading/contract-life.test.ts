import { describe, expect, test } from '@jest/globals'
import { feeMicros } from '#domain/ledger/fees.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, type PlaceOrder, plainInstructions, type SettlementKind } from '#domain/trading/commands.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import { adaptRecord } from '#matcher/order-adapter.ts'
import { encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { idOf, lineOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const names = ['ann', 'bob', 'cid', 'dan'] as const
type Name = (typeof names)[number]
const idOfName = (name: Name): number => names.indexOf(name) + 1

/** One tick of one lot is a USD. */
const future = testSpecification
const contract = (
  kind: ContractSpecification['kind'],
  instrumentName: string,
  terms: object,
): ContractSpecification => ({
  ...testSpecification,
  instrumentName,
  kind,
  terms: JSON.stringify(terms),
})
const swap: ContractSpecification = {
  ...contract('swap', 'H100.USE-27APR01-SWAP', { first_month: '2027-01' }),
  expirationMillis: Date.UTC(2027, 3, 1),
}
const product = contract('structured_product', 'NOTE-1', { payoff: {} })
const call = (change: object = {}): ContractSpecification =>
  contract('option', 'H100.USE-27NOV26-50-C', {
    option_type: 'call',
    strike: '50',
    exercise: 'american',
    underlying_instrument: future.instrumentName,
    ...change,
  })

const activate = (version: number): Command => ({
  type: 'activate-engine-version',
  commandId: nextCommandId(),
  version,
})
const list = (specification: ContractSpecification): Command => ({
  type: 'list-instrument',
  commandId: nextCommandId(),
  specification,
})

/** Four accounts with 10,000 USD each, and contracts from instrument 1 on. */
const openFloor = (...specifications: readonly ContractSpecification[]) => {
  const engine = createEngine(1)
  let atMillis = marketMillis
  const enter = (command: Command): Event[] => engine.enter(command, atMillis)
  enter(activate(3))
  for (const [index, account] of names.entries()) {
    enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros: 10_000 * usd })
  }
  for (const specification of specifications) enter(list(specification))
  let orders = 0
  const order = (
    name: Name,
    lots: number,
    ticks: number,
    instrumentId = 1,
    change: Partial<PlaceOrder> = {},
  ): PlaceOrder => {
    orders += 1
    const state = engine.snapshot().books[instrumentId - 1]
    return {
      type: 'place-order',
      orderId: idOf(`a${orders}`),
      accountId: idOfName(name),
      instrumentId,
      specificationVersion: state?.instrument.specificationVersion ?? 1,
      direction: lots > 0 ? 'buy' : 'sell',
      orderType: 'limit',
      timeInForce: 'good_til_cancelled',
      priceTicks: ticks,
      quantityLots: Math.abs(lots),
      clientOrderId: '',
      ...plainInstructions,
      ...change,
    }
  }
  return {
    engine,
    enter,
    /** What was told, in lines. */
    lines: (command: Command): string[] => enter(command).map(lineOf),
    at: (millis: number): void => {
      atMillis = millis
    },
    order,
    place: (...given: Parameters<typeof order>): string[] => enter(order(...given)).map(lineOf),
    trade: (buyer: Name, seller: Name, lots: number, ticks: number, instrumentId = 1): void => {
      enter(order(seller, -lots, ticks, instrumentId))
      enter(order(buyer, lots, ticks, instrumentId))
    },
    settle: (settlementKind: SettlementKind, number: number, priceTicks: number, instrumentId = 1): Event[] =>
      enter({
        type: 'settle-instrument',
        commandId: nextCommandId(),
        instrumentId,
        settlementKind,
        number,
        priceTicks,
      }),
    mark: (instrumentId: number, markTicks: number): Event[] =>
      enter({ type: 'set-mark-price', commandId: nextCommandId(), instrumentId, markTicks }),
    exercise: (name: Name, quantityLots: number, instrumentId = 2): Event[] =>
      enter({
        type: 'exercise-option',
        commandId: nextCommandId(),
        accountId: idOfName(name),
        instrumentId,
        quantityLots,
      }),
    end: (type: 'expire-instrument' | 'delist-instrument', instrumentId = 1): string[] =>
      enter({ type, commandId: nextCommandId(), instrumentId }).map(lineOf),
    cash: (name: Name): number => (engine.snapshot().accounts[names.indexOf(name)]?.cashMicros ?? Number.NaN) / usd,
    position: (name: Name, instrumentId = 1) =>
      engine.snapshot().accounts[names.indexOf(name)]?.positions.find(each => each.instrumentId === instrumentId),
  }
}

/** Why it was refused, or that it was not. */
const answer = (events: readonly Event[]): string => {
  const last = events.at(-1)
  return last?.type === 'command-rejected' ? last.code : (last?.type ?? 'nothing')
}

describe('listing', () => {
  test('an option is listed where its future trades and ends with it', () => {
    const floor = openFloor(future)
    expect(floor.lines(list(call()))).toEqual(['instrument-listed'])
    const other = { ...call(), instrumentName: 'X-C' }
    for (const wrong of [
      { ...other, expirationMillis: future.expirationMillis + 1 },
      { ...other, terms: call({ underlying_instrument: 'H100.USE-27DEC26' }).terms },
      { ...other, terms: call({ underlying_instrument: call().instrumentName }).terms },
    ])
      expect(floor.lines(list(wrong))).toEqual(['list-instrument rejected invalid-specification'])
    // Not while there are options on it.
    floor.end('delist-instrument')
    expect(floor.lines(list(other))).toEqual(['instrument-listed'])
    const alone = openFloor(future)
    alone.end('delist-instrument')
    expect(alone.lines(list(other))).toEqual(['list-instrument rejected invalid-specification'])
  })

  test('an average-price option has no future', () => {
    const asian = contract('option', 'ASIAN-C', {
      option_type: 'call',
      strike: '50',
      averaging_start: new Date(marketMillis).toISOString(),
    })
    expect(openFloor().lines(list(asian))).toEqual(['instrument-listed'])
  })
})

describe('a position limit', () => {
  const limited = { ...future, positionLimit: '10' }

  test('counts what is held and all that is open on a side', () => {
    const floor = openFloor(limited)
    floor.trade('ann', 'bob', 4, 100)
    expect(floor.place('ann', 7, 90)).toEqual([expect.stringContaining('rejected position-limit')])
    expect(floor.place('ann', 5, 90)).toEqual([expect.stringContaining('accepted')])
    expect(floor.place('ann', 2, 80)).toEqual([expect.stringContaining('rejected position-limit')])
    expect(floor.place('ann', 1, 80)).toEqual([expect.stringContaining('accepted')])
    expect(floor.place('ann', -15, 110)).toEqual([expect.stringContaining('rejected position-limit')])
    expect(floor.place('ann', -14, 110)).toEqual([expect.stringContaining('accepted')])
    expect(floor.place('bob', -7, 110)).toEqual([expect.stringContaining('rejected position-limit')])
  })

  test('holds for amendments to more, quotes and stops that are triggered', () => {
    const floor = openFloor(limited)
    const { orderId } = floor.order('ann', 5, 90)
    floor.place('ann', 5, 90)
    const amended = { ...floor.order('ann', 1, 1), orderId: idOf('a2') }
    const amend = (quantityLots: number): string[] =>
      floor.lines({
        type: 'amend-order',
        commandId: nextCommandId(),
        accountId: 1,
        orderId: amended.orderId,
        priceTicks: 0,
        quantityLots,
      })
    expect(orderId).not.toBe(amended.orderId)
    expect(amend(11)).toEqual(['amend-order rejected position-limit'])
    expect(amend(10)).toEqual([expect.stringContaining('amended to 10')])
    const quoted = floor.enter({
      type: 'quote',
      commandId: nextCommandId(),
      accountId: 2,
      groupHash: '1'.repeat(16),
      groupName: 'main',
      quotes: [{ instrumentId: 1, specificationVersion: 1, bidTicks: 80, bidLots: 11, askTicks: 120, askLots: 10 }],
    })
    expect(quoted).toMatchObject([{ code: 'position-limit', direction: 'buy' }, { type: 'order-accepted' }, {}])
    floor.place('cid', 11, 100, 1, { orderType: 'stop_limit', triggerTicks: 90 })
    expect(floor.place('dan', -1, 90)).toContainEqual(expect.stringContaining('cancelled 11 position-limit'))
  })
})

describe('a mark list', () => {
  test('is each mark alone, without what cannot be set', () => {
    const floor = openFloor(future, call())
    floor.end('delist-instrument', 2)
    const set = (marks: readonly (readonly [number, number])[]) =>
      floor.enter({
        type: 'set-mark-prices',
        commandId: nextCommandId(),
        marks: marks.map(([instrumentId, markTicks]) => ({ instrumentId, markTicks })),
      })
    expect(
      set([
        [9, 5],
        [1, 0],
        [2, 5],
        [1, 1_001],
        [1, 70],
        [1, 80],
      ]),
    ).toMatchObject([
      { type: 'mark-price-set', instrumentId: 1, markTicks: 70 },
      { type: 'mark-price-set', instrumentId: 1, markTicks: 80 },
    ])
    expect(
      answer(
        set([
          [9, 5],
          [2, 5],
        ]),
      ),
    ).toBe('unknown-instrument')
    expect(answer(set([]))).toBe('unknown-instrument')
  })
})

describe('delisting', () => {
  test('closes the book before its time, for good', () => {
    const floor = openFloor(future)
    floor.place('ann', 1, 99)
    floor.place('bob', -4, 105)
    expect(floor.end('delist-instrument')).toEqual([
      'instrument-delisted',
      'a1 cancelled 1 instrument-delisted',
      'a2 cancelled 4 instrument-delisted',
    ])
    expect(floor.end('delist-instrument')).toEqual(['delist-instrument rejected instrument-not-open'])
    expect(floor.place('ann', 1, 99)).toEqual(['a3 rejected instrument-not-open'])
    const open: Command = {
      type: 'set-trading-state',
      commandId: nextCommandId(),
      instrumentId: 1,
      state: 'continuous',
      untilMillis: 0,
    }
    expect(floor.lines(open)).toEqual(['set-trading-state rejected instrument-not-open'])
    floor.at(future.expirationMillis)
    expect(floor.end('expire-instrument')).toEqual(['expire-instrument rejected instrument-not-open'])
  })

  test('is not for what has expired', () => {
    const floor = openFloor(future)
    floor.at(future.expirationMillis)
    expect(floor.end('delist-instrument')).toEqual(['delist-instrument rejected instrument-not-open'])
    floor.end('expire-instrument')
    expect(floor.end('delist-instrument')).toEqual(['delist-instrument rejected instrument-not-open'])
  })
})

describe('settlement', () => {
  test('by variation pays the day’s gains and enters positions anew at the price', () => {
    const floor = openFloor(future)
    floor.trade('ann', 'bob', 4, 100)
    floor.place('ann', 1, 90)
    expect(floor.settle('variation', 20_834, 110)).toEqual([
      {
        type: 'position-settled',
        accountId: 1,
        commandId: expect.any(String),
        instrumentId: 1,
        settlementKind: 'variation',
        priceTicks: 110,
        settledLots: 4,
        paidMicros: 40 * usd,
        position: { sizeLots: 4, entryTickLots: 440, realisedMicros: 40 * usd },
        cashMicros: 10_040 * usd,
      },
      expect.objectContaining({ accountId: 2, settledLots: -4, paidMicros: -40 * usd }),
      {
        type: 'instrument-settled',
        commandId: expect.any(String),
        instrumentId: 1,
        settlementKind: 'variation',
        number: 20_834,
        priceTicks: 110,
        holders: 2,
        longLots: 4,
        specificationVersion: 1,
        settledLegs: 0,
        distributedTicks: 0,
      },
    ])
    expect(floor.engine.snapshot().books[0]?.buy).toHaveLength(1)
    expect(answer(floor.settle('variation', 20_834, 110))).toBe('settlement-out-of-order')
    expect(answer(floor.settle('variation', 20_836, 1_001))).toBe('price-out-of-range')
    expect(answer(floor.settle('variation', 20_836, -1))).toBe('price-out-of-range')
    expect(answer(floor.settle('variation', 20_836, 0))).toBe('instrument-settled')
    expect(floor.position('bob')).toEqual({
      instrumentId: 1,
      sizeLots: -4,
      entryTickLots: 0,
      realisedMicros: 400 * usd,
    })
  })

  test('by legs pays each month of a swap, and the last one at its expiration', () => {
    const floor = openFloor(swap)
    floor.trade('ann', 'bob', 2, 100)
    floor.place('ann', 1, 90)
    expect(answer(floor.settle('leg', 2, 130))).toBe('settlement-out-of-order')
    const told = floor.settle('leg', 1, 130)
    expect(told.map(lineOf)[0]).toBe('a3 cancelled 1 instrument-adjusted')
    expect(told.at(-1)).toMatchObject({ specificationVersion: 2, settledLegs: 1 })
    expect([floor.cash('ann'), floor.cash('bob')]).toEqual([10_060, 9_940])
    const outdated = floor.order('ann', 1, 90, 1, { specificationVersion: 1 })
    expect(floor.lines(outdated)).toEqual([expect.stringContaining('rejected outdated-specification')])
    // Of the months that are left: 2 lots at 110 cost 2 × 110 × 2.
    floor.trade('cid', 'ann', 2, 110)
    expect(floor.position('cid')).toMatchObject({ sizeLots: 2, entryTickLots: 220 })
    expect(floor.cash('ann')).toBe(10_060 + 40)
    expect(answer(floor.settle('leg', 2, 80))).toBe('instrument-settled')
    expect([floor.cash('cid'), floor.cash('bob')]).toEqual([10_000 - 60, 9_940 + 40])
    // The third is final.
    expect(answer(floor.settle('leg', 3, 80))).toBe('settlement-out-of-order')
    expect(answer(floor.settle('final', 0, 80))).toBe('instrument-not-open')
    floor.at(swap.expirationMillis)
    floor.end('expire-instrument')
    expect(answer(floor.settle('final', 0, 120))).toBe('instrument-settled')
    expect([floor.cash('cid'), floor.cash('bob')]).toEqual([9_940 + 20, 9_980 - 40])
    expect(floor.position('bob')).toMatchObject({ sizeLots: 0, entryTickLots: 0 })
    expect(answer(floor.settle('final', 0, 120))).toBe('instrument-settled')
    expect(floor.settle('final', 0, 120)).toMatchObject([{ code: 'instrument-settled' }])
  })

  test('of a swap at its expiration waits for all legs before, but not of one that is delisted', () => {
    const floor = openFloor(swap, { ...swap, instrumentName: 'X-SWAP' })
    floor.trade('ann', 'bob', 2, 100, 2)
    floor.end('delist-instrument', 2)
    expect(answer(floor.settle('final', 0, 130, 2))).toBe('instrument-settled')
    expect(floor.cash('ann')).toBe(10_000 + 3 * 60)
    floor.at(swap.expirationMillis)
    floor.end('expire-instrument')
    expect(answer(floor.settle('final', 0, 130))).toBe('settlement-out-of-order')
    for (const leg of [1, 2]) expect(answer(floor.settle('leg', leg, 130))).toBe('instrument-settled')
    expect(answer(floor.settle('final', 0, 130))).toBe('instrument-settled')
  })

  test('by distribution pays for each lot, and the product can be worth less from then on', () => {
    const floor = openFloor(product)
    floor.trade('ann', 'bob', 2, 900)
    floor.mark(1, 950)
    floor.place('cid', -1, 990)
    expect(floor.settle('distribution', 1, 300).map(lineOf)).toEqual([
      'a3 cancelled 1 instrument-adjusted',
      'position-settled',
      'position-settled',
      'instrument-settled',
    ])
    // It was sold for 900 and can be worth 700 at most: 200 are won, 300 are paid.
    expect([floor.cash('ann'), floor.cash('bob')]).toEqual([10_200, 9_800])
    expect(floor.position('bob')).toMatchObject({ sizeLots: -2, entryTickLots: -1_400 })
    expect(floor.engine.snapshot().books[0]).toMatchObject({ lastTicks: 600, markTicks: 650 })
    expect(floor.place('cid', -1, 701)).toEqual(['a4 rejected price-out-of-range'])
    expect(floor.place('cid', -1, 700)).toEqual(['a5 accepted @ 700'])
    expect(answer(floor.settle('distribution', 1, 1))).toBe('settlement-out-of-order')
    expect(answer(floor.settle('distribution', 2, 701))).toBe('price-out-of-range')
    expect(answer(floor.settle('distribution', 2, 700))).toBe('instrument-settled')
    expect([floor.cash('ann'), floor.cash('bob')]).toEqual([10_200, 9_800])
    expect(answer(floor.settle('distribution', 3, 0))).toBe('instrument-settled')
    floor.end('delist-instrument')
    expect(answer(floor.settle('final', 0, 0))).toBe('instrument-settled')
    expect([floor.cash('ann'), floor.cash('bob')]).toEqual([10_200, 9_800])
  })

  test.each<[SettlementKind, ContractSpecification, string]>([
    ['leg', future, 'settlement-out-of-order'],
    ['leg', product, 'settlement-out-of-order'],
    ['distribution', swap, 'settlement-out-of-order'],
    ['final', future, 'instrument-not-open'],
  ])('by %s is not for each contract', (kind, specification, code) => {
    expect(answer(openFloor(specification).settle(kind, kind === 'final' ? 0 : 1, 100))).toBe(code)
  })

  test('by variation ends with trading, and nothing is paid after the end', () => {
    const floor = openFloor(future)
    floor.at(future.expirationMillis)
    expect(answer(floor.settle('variation', 1, 100))).toBe('instrument-not-open')
    floor.end('expire-instrument')
    expect(answer(floor.settle('variation', 1, 100))).toBe('instrument-not-open')
    expect(answer(floor.settle('final', 1, 100))).toBe('settlement-out-of-order')
    expect(floor.settle('final', 0, 100)).toMatchObject([{ type: 'instrument-settled', holders: 0, longLots: 0 }])
    expect(floor.settle('variation', 2, 100)).toMatchObject([{ code: 'instrument-settled' }])
    expect(answer(floor.settle('final', 0, 5, 7))).toBe('unknown-instrument')
  })
})

describe('exercise', () => {
  const withOption = (terms: object = {}) => {
    const floor = openFloor(future, call(terms))
    floor.mark(1, 80)
    return floor
  }

  test('pays the difference, and shorts pay it pro rata', () => {
    const floor = withOption()
    floor.trade('ann', 'bob', 4, 20, 2)
    floor.trade('ann', 'cid', 3, 20, 2)
    floor.trade('ann', 'dan', 3, 20, 2)
    const told = floor.exercise('ann', 6)
    // 2.4, 1.8 and 1.8 of 6.
    expect(told).toMatchObject([
      { settlementKind: 'exercise', accountId: 1, priceTicks: 30, settledLots: 6, paidMicros: 60 * usd },
      { settlementKind: 'assignment', accountId: 2, settledLots: -2, paidMicros: -20 * usd },
      { settlementKind: 'assignment', accountId: 3, settledLots: -2, paidMicros: -20 * usd },
      { settlementKind: 'assignment', accountId: 4, settledLots: -2, paidMicros: -20 * usd },
      { type: 'option-exercised', accountId: 1, quantityLots: 6, priceTicks: 30, assignedAccounts: 3 },
    ])
    expect(floor.position('ann', 2)).toMatchObject({ sizeLots: 4, entryTickLots: 80 })
    expect(floor.position('bob', 2)).toMatchObject({ sizeLots: -2 })
  })

  test('is for longs in American options that are worth something', () => {
    const floor = withOption()
    floor.trade('ann', 'bob', 4, 20, 2)
    expect(answer(floor.exercise('ann', 5))).toBe('amount-out-of-range')
    expect(answer(floor.exercise('ann', 0))).toBe('amount-out-of-range')
    expect(answer(floor.exercise('bob', 1))).toBe('amount-out-of-range')
    expect(answer(floor.exercise('ann', 1, 1))).toBe('not-exercisable')
    expect(answer(floor.exercise('ann', 1, 9))).toBe('unknown-instrument')
    floor.mark(1, 50)
    expect(answer(floor.exercise('ann', 1))).toBe('not-exercisable')
    floor.mark(1, 51)
    expect(answer(floor.exercise('ann', 1))).toBe('option-exercised')
    floor.at(future.expirationMillis)
    expect(answer(floor.exercise('ann', 1))).toBe('instrument-not-open')
    expect(answer(withOption({ exercise: 'european' }).exercise('ann', 1))).toBe('not-exercisable')
    expect(answer(openFloor(future, call()).exercise('ann', 1))).toBe('not-exercisable')
  })

  test('pays in ticks of the option, rounded down, and no more than its highest price', () => {
    const floor = openFloor({ ...future, tickSize: '0.5' }, { ...call(), tickSize: '2', maxPrice: '100' })
    floor.trade('ann', 'bob', 4, 20, 2)
    floor.mark(1, 115)
    expect(floor.exercise('ann', 1)).toMatchObject([{ priceTicks: 3 }, {}, {}])
    floor.mark(1, 2_000)
    expect(floor.exercise('ann', 1)).toMatchObject([{ priceTicks: 50 }, {}, {}])
  })

  test('is refused to whom could not pay for their orders then', () => {
    const floor = openFloor(future, call())
    floor.trade('ann', 'bob', 10, 20, 2)
    floor.place('ann', -20, 40, 2)
    // 200 for the position of 10,000; 960 for each of 10 lots that open a short.
    floor.mark(1, 55)
    const before = floor.engine.snapshot()
    expect(answer(floor.exercise('ann', 10))).toBe('insufficient-funds')
    const { accounts, books } = floor.engine.snapshot()
    expect({ accounts, books }).toEqual({ accounts: before.accounts, books: before.books })
  })

  test('takes from an assigned short the orders that it cannot pay for any more', () => {
    const floor = openFloor(future, call())
    floor.trade('ann', 'bob', 10, 20, 2)
    // Bids of bob close their short position and cost nothing; without it they cost 9,500, of 9,800 that are left.
    floor.place('bob', 5, 10, 2)
    floor.place('bob', 5, 990, 2)
    floor.place('bob', 1, 1, 2, { orderType: 'stop_limit', triggerTicks: 900 })
    floor.mark(1, 1_000)
    const told = floor.exercise('ann', 10)
    expect(told.map(lineOf)).toEqual([
      'position-settled',
      'position-settled',
      'a3 cancelled 5 insufficient-funds',
      'a4 cancelled 5 insufficient-funds',
      'option-exercised',
    ])
  })
})

describe('a trade that is to be taken back', () => {
  const bust = (tradedAtMillis: number): Command => ({
    type: 'bust-trade',
    commandId: nextCommandId(),
    instrumentId: 1,
    priceTicks: 100,
    quantityLots: 2,
    buyerId: 1,
    sellerId: 2,
    tradeId: `1:1:${tradedAtMillis}`,
    buyerFeeMicros: 0,
    sellerFeeMicros: 0,
    tradedAtMillis,
  })

  test('may be one before a variation, but none before another payment', () => {
    const floor = openFloor(product)
    floor.trade('ann', 'bob', 4, 100)
    floor.settle('variation', 1, 120)
    floor.at(marketMillis + 10)
    expect(floor.lines(bust(marketMillis))).toEqual(['trade-busted'])
    // Of the two lots that are left the gain is paid, of the others it is taken back.
    expect([floor.cash('ann'), floor.cash('bob')]).toEqual([10_040, 9_960])
    floor.settle('distribution', 1, 3)
    expect(floor.lines(bust(marketMillis + 10))).toEqual(['bust-trade rejected instrument-settled'])
    expect(floor.lines(bust(marketMillis + 11))).toEqual(['trade-busted'])
    floor.end('delist-instrument')
    floor.settle('final', 0, 3)
    expect(floor.lines(bust(marketMillis + 99))).toEqual(['bust-trade rejected instrument-settled'])
  })
})

describe('in all that happens at random', () => {
  /** What each account must be able to pay, from its positions and orders alone. */
  const requirements = (state: EngineState): number[] =>
    state.accounts.map(({ positions }, index) => {
      let required = 0
      for (const book of state.books) {
        const { instrumentId, microsPerTickLot, maxPriceTicks, maxCommissionPpm } = book.instrument
        const { sizeLots = 0, entryTickLots = 0 } = positions.find(each => each.instrumentId === instrumentId) ?? {}
        const own = (orders: typeof book.buy) =>
          orders
            .filter(({ accountId }) => accountId === index + 1)
            .map(({ quantityLots, filledLots, priceTicks }) => ({ lots: quantityLots - filledLots, ticks: priceTicks }))
        const [buys, sells] = [own(book.buy), own(book.sell)]
        const atZero = buys.reduce((sum, { lots, ticks }) => sum + lots * ticks, entryTickLots)
        const atCap = sells.reduce(
          (sum, { lots, ticks }) => sum + lots * (maxPriceTicks - ticks),
          entryTickLots - sizeLots * maxPriceTicks,
        )
        required += Math.max(atZero, atCap) * microsPerTickLot
        for (const { lots, ticks } of [...buys, ...sells])
          required += feeMicros(maxCommissionPpm, lots * ticks * microsPerTickLot)
      }
      return required
    })
  /** Cash without what positions cost. */
  const worth = ({ accounts, books }: EngineState): number => {
    let sum = 0
    for (const { cashMicros, positions } of accounts) {
      sum += cashMicros
      for (const { instrumentId, entryTickLots } of positions)
        sum -= entryTickLots * (books[instrumentId - 1]?.instrument.microsPerTickLot ?? Number.NaN)
    }
    return sum
  }
  const seeds = Array.from({ length: 40 }, (_, index) => 4_000 + index)

  test('payments and exercises make no money, and nobody is left with more than they can pay for', () => {
    let paid = 0
    for (const seed of seeds) {
      const source = createCommandSource(createRandom(seed))
      const engine = createEngine(1)
      for (let n = 0; n < 250; n += 1) {
        const { command, atMillis } = source.next()
        const isPayment = command.type === 'settle-instrument' || command.type === 'exercise-option'
        const before = isPayment ? engine.snapshot() : undefined
        const told = engine.enter(command, atMillis)
        source.heard(told)
        if (before === undefined) continue
        const after = engine.snapshot()
        // What fell due first may have traded, with fees.
        if (!told.some(({ type }) => type === 'trade-executed')) expect(worth(after)).toBe(worth(before))
        if (told.some(({ type }) => type === 'position-settled')) paid += 1
        // From then on margin may be less: lane-margin.test.ts.
        if (after.version >= versionOfMargin) continue
        for (const [index, required] of requirements(after).entries()) {
          const cash = after.accounts[index]?.cashMicros ?? Number.NaN
          expect(required).toBeLessThanOrEqual(cash)
          expect(cash).toBeGreaterThanOrEqual(0)
        }
      }
    }
    expect(paid).toBeGreaterThan(50)
  })

  test('who goes on from a snapshot taken between any two commands tells the same and comes to the same', () => {
    for (const seed of seeds.slice(0, 10)) {
      const source = createCommandSource(createRandom(seed))
      const engine = createEngine(1)
      let other: Engine = createEngine(1)
      for (let n = 0; n < 250; n += 1) {
        const { command, atMillis } = source.next()
        other = restoreEngine(JSON.parse(JSON.stringify(engine.snapshot())))
        const told = engine.enter(command, atMillis)
        source.heard(told)
        expect(other.enter(command, atMillis)).toEqual(told)
        expect(JSON.stringify(other.snapshot()) === JSON.stringify(engine.snapshot())).toBe(true)
      }
    }
  })
})

describe('before version 3', () => {
  const unknown: readonly Command[] = [
    list(swap),
    list({ ...future, positionLimit: '5' }),
    { type: 'delist-instrument', commandId: nextCommandId(), instrumentId: 1 },
    { type: 'set-mark-prices', commandId: nextCommandId(), marks: [] },
    {
      type: 'settle-instrument',
      commandId: nextCommandId(),
      instrumentId: 1,
      settlementKind: 'variation',
      number: 1,
      priceTicks: 1,
    },
    { type: 'exercise-option', commandId: nextCommandId(), accountId: 1, instrumentId: 1, quantityLots: 1 },
  ]

  test.each(unknown)('a record with $type is poison', command => {
    const record = { sequenceNumber: '1', arrivalMillis: marketMillis, data: encodeOrdersFrame(1, [command]) }
    const engine = createEngine(1)
    for (const version of [1, 2]) {
      if (version > 1) engine.enter(activate(version), marketMillis)
      expect(adaptRecord(record, 1, engine.engineVersion).content).toMatchObject({
        kind: 'poison',
        event: { type: 'frame-poisoned', reason: 'unknown-message' },
      })
    }
    engine.enter(activate(3), marketMillis)
    expect(adaptRecord(record, 1, engine.engineVersion).content.kind).toBe('commands')
  })

  test('a snapshot says no more of a plain future than it did', () => {
    const engine = createEngine(1)
    engine.enter(list(future), marketMillis)
    const [book] = engine.snapshot().books
    expect(Object.keys(book ?? {})).not.toContain('settled')
    expect(Object.keys(book?.instrument ?? {})).toEqual([
      'instrumentId',
      'specificationVersion',
      'specification',
      'microsPerTickLot',
      'maxPriceTicks',
      'maxCommissionPpm',
    ])
    expect(Object.keys(book?.instrument.specification ?? {}).sort()).toEqual(
      Object.keys(future)
        .filter(name => !['settlement', 'positionLimit', 'terms'].includes(name))
        .sort(),
    )
  })
})

import { describe, expect, test } from '@jest/globals'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, noHash, type PlaceOrder } from '#domain/trading/commands.ts'
import { createEngine, restoreEngine } from '#domain/trading/engine.ts'
import { EngineVersionUnknown, engineVersions } from '#domain/trading/engine-version.ts'
import type { Event, TradeExecuted } from '#domain/trading/events.ts'
import {
  commandOf,
  idOf,
  lineOf,
  marketMillis,
  nextCommandId,
  openMarket,
  testSpecification,
  usd,
} from '#test/support/tape.ts'

const trades = (events: readonly Event[]): TradeExecuted[] =>
  events.filter((event): event is TradeExecuted => event.type === 'trade-executed')

describe('matching', () => {
  test('the better price trades first, and at one price the earlier order', () => {
    const market = openMarket()
    market.enter('ann sells 5 @ 101 as a1', 'ann sells 5 @ 100 as a2', 'bob sells 5 @ 100 as b1')

    expect(market.enter('cid buys 12 @ 101 as c1')).toEqual([
      'c1 accepted @ 101',
      'c1 takes 5 @ 100 from a2',
      'c1 takes 5 @ 100 from b1',
      'c1 takes 2 @ 101 from a1',
    ])
    expect(market.book()).toEqual({ buy: [], sell: ['a1 3 @ 101'] })
  })

  test('a trade happens at the price of the order that rested, and what is left of the other rests', () => {
    const market = openMarket()
    market.enter('ann buys 4 @ 100 as a1')

    expect(market.enter('bob sells 6 @ 90 as b1')).toEqual(['b1 accepted @ 90', 'b1 takes 4 @ 100 from a1'])
    expect(market.book()).toEqual({ buy: [], sell: ['b1 2 @ 90'] })
  })

  test('an order of many fills carries its sums', () => {
    const market = openMarket()
    market.enter('ann sells 2 @ 10 as a1', 'bob sells 3 @ 11 as b1')

    const [first, second] = trades(market.events('cid buys 9 @ 11 as c1'))

    expect(first?.taker).toMatchObject({ filledLots: 2, remainingLots: 7, filledTickLots: 20 })
    expect(second?.taker).toMatchObject({ filledLots: 5, remainingLots: 4, filledTickLots: 53 })
    expect(first?.maker).toMatchObject({ filledLots: 2, remainingLots: 0, filledTickLots: 20 })
  })

  test('what an immediate order cannot take at once is cancelled', () => {
    const market = openMarket()
    market.enter('ann sells 2 @ 100 as a1', 'ann sells 2 @ 102 as a2')

    expect(market.enter('bob buys 5 @ 101 at once as b1')).toEqual([
      'b1 accepted @ 101',
      'b1 takes 2 @ 100 from a1',
      'b1 cancelled 3 immediate-or-cancel',
    ])
  })

  test('an account may trade with itself: the resting side is booked first', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1')

    const [trade] = trades(market.events('ann sells 3 @ 100 as a2'))

    expect(trade?.maker.position.sizeLots).toBe(3)
    expect(trade?.taker.position).toEqual({ sizeLots: 0, entryTickLots: 0, realisedMicros: 0 })
  })
})

describe('market orders', () => {
  test('are refused where nothing rests against them', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1')

    expect(market.enter('bob buys 5 at market as b1')).toEqual(['b1 rejected no-liquidity'])
  })

  test.each([
    ['buys', 'sells', 101, 111],
    ['sells', 'buys', 101, 91],
    ['buys', 'sells', 950, 1000],
    ['sells', 'buys', 1, 1],
  ])(
    'a %s at market reaches a tenth past the best price, rounded in its favour and within bounds',
    (verb, other, best, limit) => {
      const market = openMarket()
      market.enter(`ann ${other} 1 @ ${best} as a1`)

      expect(market.enter(`bob ${verb} 1 at market as b1`)[0]).toBe(`b1 accepted @ ${limit}`)
    },
  )

  test('trade within their protection and cancel the rest', () => {
    const market = openMarket()
    market.enter('ann sells 2 @ 100 as a1', 'ann sells 2 @ 110 as a2', 'ann sells 2 @ 111 as a3')

    expect(market.enter('bob buys 9 at market as b1')).toEqual([
      'b1 accepted @ 110',
      'b1 takes 2 @ 100 from a1',
      'b1 takes 2 @ 110 from a2',
      'b1 cancelled 5 immediate-or-cancel',
    ])
  })
})

describe('cancelling', () => {
  test('takes the order off the book', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob buys 5 @ 100 as b1')

    expect(market.enter('ann cancels a1')).toEqual(['a1 cancelled 5 user-request'])
    expect(market.book().buy).toEqual(['b1 5 @ 100'])
  })

  test('names the command that asked for it', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1')
    const cancel = commandOf('ann cancels a1')

    expect(market.engine.enter(cancel, marketMillis)).toEqual([
      {
        type: 'order-cancelled',
        commandId: cancel.type === 'cancel-order' ? cancel.commandId : '',
        orderId: idOf('a1'),
        accountId: 1,
        reason: 'user-request',
        filledLots: 0,
        cancelledLots: 5,
        instrumentId: 1,
        priceTicks: 100,
        direction: 'buy',
        levelLots: 0,
      },
    ])
  })

  test('of an order that is filled, cancelled, rejected, unknown or of another account is refused', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob sells 5 @ 100 as b1', 'ann buys 0 @ 100 as a2', 'ann buys 1 @ 9 as a3')

    expect(
      market.enter(
        'ann cancels a1',
        'ann cancels a2',
        'ann cancels ffff',
        'bob cancels a3',
        'bob cancels a1',
        'eve cancels a3',
      ),
    ).toEqual([
      'cancel-order rejected order-closed',
      'cancel-order rejected order-closed',
      'cancel-order rejected unknown-order',
      'cancel-order rejected unknown-order',
      'cancel-order rejected unknown-order',
      'cancel-order rejected unknown-account',
    ])
  })
})

describe('amending', () => {
  test('to a smaller size at the same price keeps the place in the queue', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob buys 5 @ 100 as b1')

    expect(market.enter('ann amends a1 to 3')).toEqual(['a1 amended to 3 @ 100 in place'])
    expect(market.book().buy).toEqual(['a1 3 @ 100', 'b1 5 @ 100'])
  })

  test('that changes nothing keeps it too', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob buys 5 @ 100 as b1')

    expect(market.enter('ann amends a1 to 5 @ 100')).toEqual(['a1 amended to 5 @ 100 in place'])
    expect(market.book().buy).toEqual(['a1 5 @ 100', 'b1 5 @ 100'])
  })

  test.each([
    ['a larger size', 'ann amends a1 to 6', ['b1 5 @ 100', 'a1 6 @ 100']],
    ['another price', 'ann amends a1 to 3 @ 99', ['b1 5 @ 100', 'a1 3 @ 99']],
  ])('to %s makes it arrive anew', (_, line, book) => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob buys 5 @ 100 as b1')

    expect(market.enter(line)[0]).toContain('anew')
    expect(market.book().buy).toEqual(book)
  })

  test('to a crossing price trades at once', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob sells 3 @ 105 as b1')

    expect(market.enter('ann amends a1 to 5 @ 106')).toEqual(['a1 amended to 5 @ 106 anew', 'a1 takes 3 @ 105 from b1'])
    expect(market.book()).toEqual({ buy: ['a1 2 @ 106'], sell: [] })
  })

  test('that crosses and fills closes the order', () => {
    const market = openMarket()
    market.enter('ann buys 3 @ 100 as a1', 'bob sells 3 @ 105 as b1', 'ann amends a1 to 3 @ 105')

    expect(market.book()).toEqual({ buy: [], sell: [] })
    expect(market.enter('ann amends a1 to 2')).toEqual(['amend-order rejected order-closed'])
  })

  test('counts what is filled into the new total, which must be above it', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1', 'bob sells 2 @ 100 as b1')

    expect(market.enter('ann amends a1 to 2', 'ann amends a1 to 3')).toEqual([
      'amend-order rejected amount-below-filled',
      'a1 amended to 3 @ 100 in place',
    ])
    expect(market.book().buy).toEqual(['a1 1 @ 100'])
  })

  test('is refused where the price or the amount is out of range, and changes nothing', () => {
    const market = openMarket()
    market.enter('ann buys 5 @ 100 as a1')

    expect(
      market.enter('ann amends a1 to 5 @ 1001', 'ann amends a1 to 5 @ -1', 'ann amends a1 to -5', 'bob amends a1 to 4'),
    ).toEqual([
      'amend-order rejected price-out-of-range',
      'amend-order rejected price-out-of-range',
      'amend-order rejected amount-out-of-range',
      'amend-order rejected unknown-order',
    ])
    expect(market.book().buy).toEqual(['a1 5 @ 100'])
  })

  test('beyond what the account can cover is refused and leaves the order in its place', () => {
    const market = openMarket({ cashUsd: 500 })
    market.enter('ann buys 5 @ 100 as a1', 'bob buys 5 @ 100 as b1')

    expect(market.enter('ann amends a1 to 6', 'ann amends a1 to 5 @ 101')).toEqual([
      'amend-order rejected insufficient-funds',
      'amend-order rejected insufficient-funds',
    ])
    expect(market.book().buy).toEqual(['a1 5 @ 100', 'b1 5 @ 100'])
  })
})

describe('an order is refused', () => {
  const order = commandOf('ann buys 5 @ 100 as a1')
  const place = (change: Partial<PlaceOrder>): string[] => {
    const market = openMarket({ cashUsd: 500 })
    return market.engine.enter({ ...order, ...change } as Command, marketMillis).map(lineOf)
  }

  test.each<[string, Partial<PlaceOrder>, string]>([
    ['of an account that is not open', { accountId: 4 }, 'unknown-account'],
    ['of account 0', { accountId: 0 }, 'unknown-account'],
    ['in an instrument that is not listed', { instrumentId: 2 }, 'unknown-instrument'],
    ['made against another specification', { specificationVersion: 0 }, 'outdated-specification'],
    ['at price 0', { priceTicks: 0 }, 'price-out-of-range'],
    ['at a negative price', { priceTicks: -1 }, 'price-out-of-range'],
    ['above the highest price', { priceTicks: 1001 }, 'price-out-of-range'],
    ['at market with a price', { orderType: 'market', timeInForce: 'immediate_or_cancel' }, 'price-out-of-range'],
    ['of no lots', { quantityLots: 0 }, 'amount-out-of-range'],
    ['of negative lots', { quantityLots: -1 }, 'amount-out-of-range'],
    ['too large to count', { quantityLots: 2_147_483_647 }, 'notional-too-large'],
    ['beyond its funds', { quantityLots: 6 }, 'insufficient-funds'],
  ])('%s', (_, change, code) => {
    expect(place(change)).toEqual([`a1 rejected ${code}`])
  })

  test('and is accepted with exactly the funds that it needs', () => {
    expect(place({})).toEqual(['a1 accepted @ 100'])
  })

  test('as the 10,001st open one of its account, unless it is immediate', () => {
    const market = openMarket()
    for (let i = 0; i < 10_000; i += 1) market.enter(`ann buys 1 @ 1 as ${(0x10000 + i).toString(16)}`)

    expect(
      market.enter('ann buys 1 @ 1 as b1', 'ann buys 1 @ 1 at once as b2', 'ann cancels 10000', 'ann buys 1 @ 1 as b3'),
    ).toEqual([
      'b1 rejected open-order-limit',
      'b2 accepted @ 1',
      'b2 cancelled 1 immediate-or-cancel',
      '10000 cancelled 1 user-request',
      'b3 accepted @ 1',
    ])
  })
})

describe('cash', () => {
  test('a long must be able to lose its price, a short the rest up to the highest price', () => {
    const market = openMarket({ cashUsd: 1_000 })

    expect(market.enter('ann buys 10 @ 100 as a1', 'bob sells 10 @ 900 as b1', 'cid sells 2 @ 400 as c1')).toEqual([
      'a1 accepted @ 100',
      'b1 accepted @ 900',
      'c1 rejected insufficient-funds',
    ])
  })

  test('orders on both sides need the larger of both, not the sum', () => {
    const market = openMarket({ cashUsd: 1_000 })

    expect(
      market.enter(
        'ann buys 2 @ 400 as a1',
        'ann sells 2 @ 600 as a2',
        'ann sells 1 @ 799 as a3',
        'ann sells 1 @ 800 as a4',
      ),
    ).toEqual(['a1 accepted @ 400', 'a2 accepted @ 600', 'a3 rejected insufficient-funds', 'a4 accepted @ 800'])
  })

  test('is freed by cancelling and by closing a position', () => {
    const market = openMarket({ cashUsd: 1_000 })
    market.enter('ann buys 10 @ 100 as a1', 'ann cancels a1', 'bob sells 1 @ 100 as b1', 'ann buys 1 @ 100 as a2')

    expect(market.enter('ann sells 1 @ 120 as a3', 'cid buys 1 @ 120 as c1', 'ann buys 10 @ 102 as a4')).toContain(
      'a4 accepted @ 102',
    )
    expect(market.cashOf('ann')).toBe(1_020)
  })

  test('changes by realised result and fee, the house gets the fees', () => {
    const market = openMarket({ specification: { makerCommissionPpm: 1_000, takerCommissionPpm: 5_000 } })
    market.enter('ann sells 10 @ 100 as a1')

    const [trade] = trades(market.events('bob buys 10 @ 100 as b1'))

    expect(trade?.maker).toMatchObject({ feeMicros: 1 * usd, cashMicros: 999_999 * usd })
    expect(trade?.taker).toMatchObject({ feeMicros: 5 * usd, cashMicros: 999_995 * usd })
    expect(trade?.houseFeesMicros).toBe(6 * usd)
  })

  test('must cover the fee as well', () => {
    const market = openMarket({ cashUsd: 1_000, specification: { takerCommissionPpm: 1 } })

    expect(market.enter('ann buys 10 @ 100 as a1', 'ann buys 10 @ 99 as a2')).toEqual([
      'a1 rejected insufficient-funds',
      'a2 accepted @ 99',
    ])
  })
})

describe('time', () => {
  test('is told once for each second that it enters, and never goes back', () => {
    const engine = createEngine(1)
    const advance = (atMillis: number): Event[] => {
      engine.told.clear()
      engine.advance(atMillis)
      return engine.events()
    }

    expect(advance(5_300)).toEqual([{ type: 'time-advanced', atMillis: 5_000 }])
    expect(advance(5_999)).toEqual([])
    expect(advance(4_000)).toEqual([])
    expect(engine.laneMillis).toBe(5_999)
    expect(advance(9_001)).toEqual([{ type: 'time-advanced', atMillis: 9_000 }])
  })

  test('from its expiration on an instrument takes no orders and no amends, but cancels', () => {
    const market = openMarket()
    const at = testSpecification.expirationMillis
    market.enter('ann buys 5 @ 100 as a1', 'ann buys 5 @ 99 as a2')
    const late = (line: string): string[] => market.engine.enter(commandOf(line), at).map(lineOf)

    expect(late('bob sells 5 @ 100 as b1')).toEqual(['b1 rejected instrument-not-open'])
    expect(late('ann amends a1 to 3')).toEqual(['amend-order rejected instrument-not-open'])
    expect(late('ann cancels a2')).toEqual(['a2 cancelled 5 user-request'])
  })

  test('expiring cancels what rests, in price-time order, and closes the book', () => {
    const market = openMarket()
    market.enter('ann buys 1 @ 99 as a1', 'bob buys 2 @ 100 as b1', 'ann buys 3 @ 99 as a2', 'cid sells 4 @ 105 as c1')
    const expire = (atMillis: number): string[] =>
      market.engine
        .enter({ type: 'expire-instrument', commandId: nextCommandId(), instrumentId: 1 }, atMillis)
        .map(lineOf)
    const at = testSpecification.expirationMillis

    expect(expire(at - 1)).toEqual(['expire-instrument rejected instrument-not-open'])
    expect(expire(at)).toEqual([
      'instrument-expired',
      'b1 cancelled 2 instrument-expired',
      'a1 cancelled 1 instrument-expired',
      'a2 cancelled 3 instrument-expired',
      'c1 cancelled 4 instrument-expired',
    ])
    expect(expire(at)).toEqual(['expire-instrument rejected instrument-not-open'])
    expect(market.enter('ann buys 1 @ 99 as a3')).toEqual(['a3 rejected instrument-not-open'])
  })
})

describe('accounts and instruments', () => {
  const list = (change: Partial<ContractSpecification>): Command => ({
    type: 'list-instrument',
    commandId: nextCommandId(),
    specification: { ...testSpecification, ...change },
  })

  test('are numbered from 1', () => {
    const engine = createEngine(1)
    const open = (account: string) =>
      engine.enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' }, 1)

    expect(open('ann')[0]).toMatchObject({ type: 'account-opened', accountId: 1, account: 'ann' })
    expect(open('bob')[0]).toMatchObject({ type: 'account-opened', accountId: 2 })
    expect(open('ann')[0]).toMatchObject({ type: 'command-rejected', code: 'account-exists', accountId: 0 })
    expect(engine.enter(list({}), 1)[0]).toMatchObject({
      type: 'instrument-listed',
      instrument: { instrumentId: 1, specificationVersion: 1, microsPerTickLot: usd, maxPriceTicks: 1000 },
    })
    expect(engine.enter(list({ instrumentName: 'A100.USE-27NOV26' }), 1)[0]).toMatchObject({
      instrument: { instrumentId: 2 },
    })
  })

  test.each<[string, Partial<ContractSpecification>, string]>([
    ['twice', {}, 'instrument-exists'],
    ['with a tick that is no decimal', { instrumentName: 'X-1', tickSize: 'one' }, 'invalid-specification'],
    ['after its expiration', { instrumentName: 'X-1', expirationMillis: marketMillis }, 'invalid-specification'],
  ])('an instrument is not listed %s', (_, change, code) => {
    expect(openMarket().engine.enter(list(change), marketMillis).map(lineOf)).toEqual([
      `list-instrument rejected ${code}`,
    ])
  })

  test('deposits are positive, to known accounts, and bounded in all', () => {
    const market = openMarket({ cashUsd: 0 })
    const deposit = (accountId: number, amountMicros: number): string[] =>
      market.engine
        .enter({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros }, marketMillis)
        .map(lineOf)

    expect(deposit(9, 5)).toEqual(['deposit rejected unknown-account'])
    expect(deposit(1, 0)).toEqual(['deposit rejected amount-out-of-range'])
    expect(deposit(1, -5)).toEqual(['deposit rejected amount-out-of-range'])
    expect(deposit(1, 3_999_999_999_999_999)).toEqual(['deposited 3999999999999999 to 3999999999999999'])
    expect(deposit(2, 2)).toEqual(['deposit rejected amount-out-of-range'])
    expect(deposit(2, 1)).toEqual(['deposited 1 to 1'])
  })
})

describe('a command that arrives twice', () => {
  test('is told to be a duplicate and changes nothing, rejected or not', () => {
    const market = openMarket()
    const [accepted, rejected] = [commandOf('ann buys 5 @ 100 as a1'), commandOf('ann buys 0 @ 100 as a2')]
    market.engine.enter(accepted, marketMillis)
    market.engine.enter(rejected, marketMillis)
    const before = market.engine.snapshot()

    expect(market.engine.enter(accepted, marketMillis)).toEqual([{ type: 'command-duplicated', commandId: idOf('a1') }])
    expect(market.engine.enter(rejected, marketMillis)).toEqual([{ type: 'command-duplicated', commandId: idOf('a2') }])
    expect(market.engine.snapshot()).toEqual(before)
  })

  test('is known while commands are remembered, and beyond as long as its order is open', () => {
    const market = openMarket()
    const [filled, live] = [commandOf('ann buys 1 @ 100 as a1'), commandOf('ann buys 1 @ 90 as a2')]
    market.engine.enter(filled, marketMillis)
    market.engine.enter(live, marketMillis)
    market.enter('bob sells 1 @ 100 as b1')
    expect(market.enter('ann cancels a1')).toEqual(['cancel-order rejected order-closed'])

    // As after so many commands that none of these is remembered.
    const later = restoreEngine({ ...market.engine.snapshot(), recentCommands: { older: '', younger: '' } })
    const enter = (command: Command): string[] => later.enter(command, marketMillis).map(lineOf)
    expect(enter(commandOf('ann cancels a1'))).toEqual(['cancel-order rejected unknown-order'])
    expect(enter(live)).toEqual(['duplicate'])
    expect(enter(commandOf('ann cancels a2'))).toEqual(['a2 cancelled 1 user-request'])
    expect(enter(live)).toEqual(['duplicate'])
  })
})

describe('an iceberg', () => {
  const iceberg = (quantityLots: number, displayLots: number, name: string): Command => ({
    ...(commandOf(`ann sells ${quantityLots} @ 100 as ${name}`) as PlaceOrder),
    displayLots,
  })

  test('is in a hundred parts at most, so that no command leads to trades without end', () => {
    const market = openMarket()
    const enter = (command: Command): string[] => market.engine.enter(command, marketMillis).map(lineOf)
    expect(enter(iceberg(101, 1, 'a1'))).toEqual(['a1 rejected invalid-instructions'])
    expect(enter(iceberg(2_147_483_647, 21_474_836, 'a2'))).toEqual(['a2 rejected invalid-instructions'])
    expect(enter(iceberg(100, 1, 'a3'))).toEqual(['a3 accepted @ 100'])
    expect(market.enter('ann amends a3 to 101')).toEqual(['amend-order rejected amount-out-of-range'])
    expect(trades(market.events('bob buys 1 @ 100 as b1'))).toHaveLength(1)
    // What is filled does not count.
    expect(market.enter('ann amends a3 to 101')).toEqual(['a3 amended to 101 @ 100 anew'])
    expect(trades(market.events('bob buys 200 @ 100 as b2'))).toHaveLength(100)
  })
})

describe('a group of quotes', () => {
  const group = { accountId: 1, groupHash: '1'.repeat(16) }
  const quote = (bidLots: number, askLots: number): Command => ({
    type: 'quote',
    commandId: nextCommandId(),
    ...group,
    groupName: 'main',
    quotes: [{ instrumentId: 1, specificationVersion: 1, bidTicks: 99, bidLots, askTicks: 101, askLots }],
  })
  const protection: Command = {
    type: 'set-market-maker-protection',
    commandId: nextCommandId(),
    ...group,
    name: 'main',
    intervalMillis: 1_000,
    frozenMillis: 0,
    amountLimitLots: 2,
    deltaLimitLots: 0,
  }
  const reset = (): Command => ({ type: 'reset-market-maker-protection', commandId: nextCommandId(), ...group })
  const groupsOf = ({ engine }: ReturnType<typeof openMarket>) => engine.snapshot().groups.length

  test('is remembered as long as it has quotes or a protection', () => {
    const market = openMarket()
    const enter = (command: Command): string[] => market.engine.enter(command, marketMillis).map(lineOf)
    enter(quote(0, 0))
    expect(groupsOf(market)).toBe(0)
    enter(quote(2, 2))
    expect(groupsOf(market)).toBe(1)
    expect(groupsOf({ ...market, engine: restoreEngine(market.engine.snapshot()) })).toBe(1)
    // Neither before nor after it is forgotten is there a protection to be reset.
    expect(enter(reset())).toEqual(['reset-market-maker-protection rejected unknown-protection'])
    market.enter('bob buys 2 @ 101 as b1')
    expect(groupsOf(market)).toBe(1)
    enter(quote(0, 0))
    expect(groupsOf(market)).toBe(0)
    expect(enter(reset())).toEqual(['reset-market-maker-protection rejected unknown-protection'])
    // Again with one side gone by a trade, the other by a cancellation.
    enter(quote(2, 0))
    enter({ type: 'cancel-orders', commandId: nextCommandId(), accountId: 1, instrumentId: 0, labelHash: noHash })
    expect(groupsOf(market)).toBe(0)
  })

  test('stays frozen by its protection when no quote is left', () => {
    const market = openMarket()
    market.engine.enter(protection, marketMillis)
    market.engine.enter(quote(2, 2), marketMillis)
    expect(market.enter('bob buys 2 @ 101 as b1').at(-1)).toBe('protection-triggered')
    const { engine } = market
    expect(groupsOf(market)).toBe(1)
    const later = restoreEngine(engine.snapshot())
    for (const each of [engine, later]) {
      expect(each.enter(quote(2, 2), marketMillis)).toMatchObject([
        { code: 'protection-frozen' },
        { code: 'protection-frozen' },
        { rejectedSides: 2 },
      ])
      expect(each.enter(reset(), marketMillis)).toMatchObject([{ type: 'protection-reset' }])
      expect(each.enter(quote(2, 2), marketMillis).at(-1)).toMatchObject({ acceptedSides: 2 })
    }
  })
})

describe('engine versions', () => {
  const activate = (version: number): Command => ({
    type: 'activate-engine-version',
    commandId: nextCommandId(),
    version,
  })
  const reducingStop = {
    ...commandOf('ann sells 5 @ 90 as a2'),
    orderType: 'stop_limit',
    triggerTicks: 95,
    reduceOnly: true,
  } as PlaceOrder
  /** Ann holds 3 and has a stop for 5 of them; it is triggered by a trade at 94. */
  const triggered = (version: number): Event[] => {
    const market = openMarket()
    if (version > 1) market.engine.enter(activate(version), marketMillis)
    market.enter('ann buys 3 @ 100 as a1', 'bob sells 3 @ 100 as b1', 'bob buys 9 @ 92 as b2')
    market.engine.enter(reducingStop, marketMillis)
    return market.events('bob buys 1 @ 94 as b3', 'cid sells 1 @ 94 as c1')
  }

  test('begin at 1 and go up by command alone', () => {
    const { engine } = openMarket()
    expect(engine.snapshot().version).toBe(1)
    expect(engine.enter(activate(1), marketMillis)).toMatchObject([{ code: 'engine-version-not-newer' }])
    const first = activate(2)
    expect(engine.enter(first, marketMillis)).toMatchObject([{ type: 'engine-version-activated', version: 2 }])
    expect(engine.enter(first, marketMillis)).toMatchObject([{ type: 'command-duplicated' }])
    expect(engine.enter(activate(2), marketMillis)).toMatchObject([{ code: 'engine-version-not-newer' }])
    expect(engine.enter(activate(0), marketMillis)).toMatchObject([{ code: 'engine-version-not-newer' }])
    expect(restoreEngine(engine.snapshot()).snapshot()).toEqual(engine.snapshot())
    expect(engine.snapshot().version).toBe(2)
  })

  test('one that is not known stops the engine before anything has changed', () => {
    const { engine } = openMarket()
    const before = engine.snapshot()
    const unknown = activate(Math.max(...engineVersions) + 1)

    expect(() => engine.enter(unknown, marketMillis)).toThrow(EngineVersionUnknown)
    expect(() => engine.enter(unknown, marketMillis)).toThrow(EngineVersionUnknown)
    expect(engine.snapshot()).toEqual(before)
    expect(() => restoreEngine({ ...before, version: Math.max(...engineVersions) + 1 })).toThrow(EngineVersionUnknown)
    expect(() => restoreEngine({ ...before, version: 0 })).toThrow(EngineVersionUnknown)
    expect(() => restoreEngine(JSON.parse(JSON.stringify({ ...before, format: 2 })))).toThrow('format 2')
  })

  test('in version 1 a stop that only reduces is triggered as less without a word', () => {
    const told = triggered(1)

    expect(told.map(lineOf)).not.toContainEqual(expect.stringContaining('a2 amended'))
    expect(told.map(lineOf)).toContain('a2 takes 3 @ 92 from b2')
  })

  test('in version 2 it says how much is left of it, in its own name, before it is triggered', () => {
    const told = triggered(2)

    expect(told.map(lineOf).slice(-3)).toEqual([
      'a2 amended to 3 @ 90 in place',
      'order-triggered',
      'a2 takes 3 @ 92 from b2',
    ])
    expect(told.at(-3)).toMatchObject({ commandId: idOf('a2'), orderId: idOf('a2'), previousTicks: 0, filledLots: 0 })
  })
})

describe('lanes', () => {
  test('have no account id in common, since tables are keyed by account id alone', () => {
    const idsOf = (lane: number): number[] => {
      const engine = createEngine(lane)
      return ['ann', 'bob'].flatMap(account =>
        engine
          .enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' }, marketMillis)
          .flatMap(event => (event.type === 'account-opened' ? [event.accountId] : [])),
      )
    }

    expect(idsOf(1)).toEqual([1, 2])
    expect(idsOf(2)).toEqual([1_048_577, 1_048_578])
    expect(new Set([...idsOf(3), ...idsOf(4_096)]).size).toBe(4)
    expect(() => createEngine(4_097)).toThrow('lane 4097')
  })

  test('an account of another lane is unknown, and a lane other than the first goes on from its snapshot', () => {
    const engine = createEngine(2)
    const opened = { type: 'open-account', commandId: nextCommandId(), account: 'ann', firm: '' } as const
    engine.enter(opened, marketMillis)
    const deposit = (accountId: number) =>
      ({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros: 5 }) as const

    expect(engine.enter(deposit(1), marketMillis)).toMatchObject([{ code: 'unknown-account' }])
    expect(engine.enter(deposit(1_048_577), marketMillis)).toMatchObject([{ type: 'deposited', cashMicros: 5 }])
    const restored = restoreEngine(engine.snapshot())
    expect(restored.snapshot()).toEqual(engine.snapshot())
    expect(restored.enter(deposit(1_048_577), marketMillis)).toMatchObject([{ type: 'deposited', cashMicros: 10 }])
  })
})

import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { orderRowOf } from '#adapters/tables/orders.ts'
import { type TradeRow, tradeRowOf } from '#adapters/tables/trades.ts'
import { type Command, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { nameHash } from '#protocol/name-hash.ts'
import { executionsRecord } from '#test/support/executions.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { commandOf, idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const tables = mockTables()
const { forgetInstruments } = await import('#adapters/tables/instruments.ts')
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')

/** What the engine says of instructions, as it is in the tables. */

let engine: Engine
let outSeq: number
let records: number
let project: (record: ReturnType<typeof executionsRecord>) => Promise<void>

/** Enters a command, and projects all that it leads to. */
const enter = async (given: string | Command, atMillis = marketMillis): Promise<readonly Event[]> => {
  const command = typeof given === 'string' ? commandOf(given) : given
  const events = engine.enter(command, atMillis)
  if (events.length > 0) await project(executionsRecord(++records, outSeq + 1, events))
  outSeq += events.length
  return events
}

const order = (line: string, change: Partial<PlaceOrder>): PlaceOrder => {
  const command = commandOf(line)
  if (command.type !== 'place-order') throw new Error(`${line} places no order`)
  return { ...command, ...change }
}

const rowOf = (name: string) => {
  const item = tables.items('orders').find(each => each['order_id'] === idOf(name))
  if (item === undefined) throw new Error(`there is no row of ${name}`)
  return { ...orderRowOf(item), isListedAsOpen: item['open_account_id'] !== undefined }
}
const fills = (): readonly TradeRow[] => tables.items('trades').map(tradeRowOf)

beforeEach(async () => {
  tables.reset()
  forgetInstruments()
  engine = createEngine(1)
  outSeq = 0
  records = 0
  const projectors = [projectInstruments, projectOrders, projectPositions].map(projectorOf)
  project = async record => {
    for (const projector of projectors) await projector([record])
  }
  for (const account of ['ann', 'bob'])
    await enter({ type: 'open-account', commandId: nextCommandId(), account, firm: 'acme' })
  for (const accountId of [1, 2])
    await enter({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros: 100_000 * usd })
  await enter({ type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification })
  forgetInstruments()
})

describe('a stop', () => {
  const stop = { orderType: 'stop_limit', triggerTicks: 105, trigger: 'last_price' } as const

  test('waits, is amended while it waits, and is an order like any other once it is triggered', async () => {
    await enter(order('ann buys 5 @ 107 as a1', { ...stop, label: 'x', labelHash: nameHash('x') }))
    expect(rowOf('a1')).toMatchObject({
      orderState: 'untriggered',
      isListedAsOpen: true,
      triggerTicks: 105,
      trigger: 'last_price',
      label: 'x',
    })
    await enter('ann amends a1 to 4 @ 106')
    expect(rowOf('a1')).toMatchObject({
      orderState: 'untriggered',
      isListedAsOpen: true,
      quantityLots: 4,
      priceTicks: 106,
    })
    await enter('bob sells 1 @ 105 as b1')
    await enter('ann buys 1 @ 105 as a2')
    expect(rowOf('a1')).toMatchObject({
      orderState: 'open',
      triggeredAtMillis: expect.any(Number),
      isListedAsOpen: true,
    })
    await enter('bob sells 4 @ 106 as b2')
    expect(rowOf('a1')).toMatchObject({ orderState: 'filled', filledLots: 4, isListedAsOpen: false })
  })

  test('that only reduces shows how much of it was left when it was triggered', async () => {
    await enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 2 })
    await enter('bob sells 3 @ 100 as b1')
    await enter('ann buys 3 @ 100 as a1')
    await enter(order('ann sells 5 @ 90 as a2', { ...stop, triggerTicks: 95, reduceOnly: true }))
    expect(rowOf('a2')).toMatchObject({ orderState: 'untriggered', quantityLots: 5 })
    await enter('bob buys 1 @ 94 as b2')
    await enter('bob sells 1 @ 94 as b3')
    expect(rowOf('a2')).toMatchObject({ orderState: 'open', quantityLots: 3, filledLots: 0, priceTicks: 90 })
    // An order's row is its own outcome.
    expect(tables.items('outcomes').map(row => row['command_id'])).not.toContain(idOf('a2'))
  })

  test('that finds nothing says so', async () => {
    await enter('bob sells 1 @ 105 as b1')
    await enter('ann buys 1 @ 105 as a1')
    await enter(order('ann buys 5 @ 107 as a2', { ...stop, orderType: 'stop_market', priceTicks: 0 }))
    expect(rowOf('a2')).toMatchObject({ orderState: 'cancelled', cancelReason: 'no-liquidity', isListedAsOpen: false })
  })
})

test('a side of a quote names its group', async () => {
  const quote = { instrumentId: 1, specificationVersion: 1, bidTicks: 99, bidLots: 2, askTicks: 101, askLots: 2 }
  await enter({
    type: 'quote',
    commandId: nextCommandId(),
    accountId: 1,
    groupHash: nameHash('futures/ü'),
    groupName: 'futures/ü',
    quotes: [quote],
  })
  await enter('ann buys 1 @ 90 as a1')
  const rows = tables.items('orders').map(orderRowOf)
  expect(rows.map(({ quoteGroup, priceTicks }) => [quoteGroup, priceTicks])).toEqual([
    ['futures/ü', 99],
    ['futures/ü', 101],
    [undefined, 90],
  ])
})

describe('instructions', () => {
  test('show as they were given, the price where it slid to', async () => {
    await enter('bob sells 5 @ 100 as b1')
    await enter(
      order('ann buys 5 @ 101 as a1', { postOnly: 'slide', displayLots: 2, selfTradePrevention: 'cancel_both' }),
    )
    expect(rowOf('a1')).toMatchObject({
      orderState: 'open',
      priceTicks: 99,
      postOnly: 'slide',
      displayLots: 2,
      selfTradePrevention: 'cancel_both',
    })
    await enter(order('ann buys 5 @ 101 as a2', { postOnly: 'reject' }))
    expect(rowOf('a2')).toMatchObject({
      orderState: 'rejected',
      rejectReason: 'post-only-would-trade',
      priceTicks: 101,
    })
    await enter('ann buys 1 @ 98 as a3')
    expect(Object.keys(rowOf('a3')).filter(name => name in plainInstructions)).toEqual([])
  })

  test.each([
    [{ timeInForce: 'fill_or_kill' }, 'fill-or-kill'],
    [{ timeInForce: 'immediate_or_cancel' }, 'immediate-or-cancel'],
  ] as const)('%j ends as %s', async (change, cancelReason) => {
    await enter('bob sells 2 @ 100 as b1')
    await enter(order('ann buys 5 @ 100 as a1', change))
    expect(rowOf('a1')).toMatchObject({ orderState: 'cancelled', cancelReason, isListedAsOpen: false })
  })

  test('a date ends it, and so does the day', async () => {
    const expiresAtMillis = marketMillis + 5_000
    await enter(order('ann buys 5 @ 100 as a1', { timeInForce: 'good_til_date', expiresAtMillis }))
    await enter(order('ann buys 5 @ 100 as a2', { timeInForce: 'day' }))
    expect(rowOf('a1').expiresAtMillis).toBe(expiresAtMillis)
    expect(rowOf('a2').expiresAtMillis).toBe((Math.floor(marketMillis / 86_400_000) + 1) * 86_400_000)
    await enter('bob sells 1 @ 110 as b1', expiresAtMillis)
    expect(rowOf('a1')).toMatchObject({ orderState: 'cancelled', cancelReason: 'expired' })
    expect(rowOf('a2').orderState).toBe('open')
  })

  test('both orders of one account are cancelled rather than traded', async () => {
    await enter('ann sells 5 @ 100 as a1')
    await enter(order('ann buys 5 @ 100 as a2', { selfTradePrevention: 'cancel_both' }))
    for (const name of ['a1', 'a2'])
      expect(rowOf(name)).toMatchObject({ orderState: 'cancelled', cancelReason: 'self-trade' })
  })
})

test('cancel-orders says how many, after each order has', async () => {
  const label = { label: 'x', labelHash: nameHash('x') }
  await enter(order('ann buys 5 @ 100 as a1', label))
  await enter(order('ann buys 5 @ 99 as a2', label))
  await enter('ann buys 5 @ 98 as a3')
  const commandId = nextCommandId()
  await enter({ type: 'cancel-orders', commandId, accountId: 1, instrumentId: 0, labelHash: label.labelHash })
  expect(['a1', 'a2', 'a3'].map(name => rowOf(name).orderState)).toEqual(['cancelled', 'cancelled', 'open'])
  expect(tables.items('outcomes')).toContainEqual(
    expect.objectContaining({ command_id: commandId, accepted: true, cancelled_orders: 2 }),
  )
  const refused = nextCommandId()
  await enter({ type: 'cancel-orders', commandId: refused, accountId: 1, instrumentId: 9, labelHash: label.labelHash })
  expect(tables.items('outcomes')).toContainEqual(
    expect.objectContaining({ command_id: refused, accepted: false, code: 'unknown-instrument' }),
  )
})

test('a trade of an auction is nobody’s taking', async () => {
  const state = (to: 'auction' | 'continuous'): Command => ({
    type: 'set-trading-state',
    commandId: nextCommandId(),
    instrumentId: 1,
    state: to,
    untilMillis: 0,
  })
  await enter(state('auction'))
  await enter('ann buys 5 @ 100 as a1')
  await enter('bob sells 3 @ 100 as b1')
  await enter(state('continuous'))
  expect(fills().map(({ direction, liquidity, accountId }) => `${accountId} ${direction} ${liquidity}`)).toEqual([
    '1 buy auction',
    '2 sell auction',
  ])
  expect(rowOf('a1')).toMatchObject({ orderState: 'open', filledLots: 3 })
})

describe('a bust', () => {
  const bust = (tradeId: string): Command => ({
    type: 'bust-trade',
    commandId: nextCommandId(),
    instrumentId: 1,
    priceTicks: 100,
    quantityLots: 3,
    buyerId: 1,
    sellerId: 2,
    tradeId,
    buyerFeeMicros: 0,
    sellerFeeMicros: 0,
    tradedAtMillis: marketMillis,
  })
  const traded = async (): Promise<string> => {
    await enter('ann buys 5 @ 100 as a1')
    const before = outSeq
    const events = await enter('bob sells 3 @ 100 as b1')
    return tradeIdOf(1, before + 1 + events.findIndex(({ type }) => type === 'trade-executed'))
  }

  test('marks both fills, and gives position and cash back', async () => {
    const tradeId = await traded()
    expect(fills().map(({ isBusted }) => isBusted)).toEqual([undefined, undefined])
    await enter(bust(tradeId))
    expect(fills().map(({ isBusted }) => isBusted)).toEqual([true, true])
    expect(tables.items('positions').map(row => row['size_lots'])).toEqual([0, 0])
    expect(tables.items('balances').map(row => row['cash_micros'])).toEqual([100_000 * usd, 100_000 * usd])
    // What was filled was filled.
    expect(rowOf('b1')).toMatchObject({ orderState: 'filled', filledLots: 3 })
  })

  test('of a trade that is not there makes no row', async () => {
    await traded()
    await enter(bust('1-0000000000009999'))
    expect(fills()).toHaveLength(2)
    expect(fills().map(({ isBusted }) => isBusted)).toEqual([undefined, undefined])
  })

  test('in one batch with its trade marks it too', async () => {
    const first = engine.enter(commandOf('ann buys 3 @ 100 as a1'), marketMillis)
    const second = engine.enter(commandOf('bob sells 3 @ 100 as b1'), marketMillis)
    const at = outSeq + first.length + second.findIndex(({ type }) => type === 'trade-executed') + 1
    const third = engine.enter(bust(tradeIdOf(1, at)), marketMillis)
    await project(executionsRecord(++records, outSeq + 1, [...first, ...second, ...third]))
    expect(fills().map(({ isBusted }) => isBusted)).toEqual([true, true])
  })
})

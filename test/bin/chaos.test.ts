import { beforeAll, describe, expect, test } from '@jest/globals'
import { compare, type Evidence } from '#bin/chaos/compare.ts'
import type { Row, StreamedRecord } from '#bin/chaos/evidence.ts'
import { expectedTables } from '#bin/chaos/expected.ts'
import { replay } from '#bin/chaos/replay.ts'
import { plainFuture } from '#domain/reference/instrument.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { executionsFrameOf, firstChain, sectionOf } from '#protocol/executions-frame.ts'
import { encodeEpochFrame, encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { createNaiveExchange } from '#test/support/naive-book.ts'

/** What the comparison after the chaos must find, planted into a history in which all is well. */

const lane = 1
const beganMillis = Date.UTC(2026, 10, 2, 9)
const sequenceOf = (number: number): string => String(4_900_000_000 + number).padStart(56, '0')
const idOf = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`

const order = (number: number, accountId: number, direction: 'buy' | 'sell', quantityLots: number): Command => ({
  ...plainInstructions,
  type: 'place-order',
  orderId: idOf(number),
  accountId,
  instrumentId: 1,
  specificationVersion: 1,
  direction,
  orderType: 'limit',
  timeInForce: 'good_til_cancelled',
  priceTicks: 200,
  quantityLots,
  clientOrderId: `order-${number}`,
})

const listing: Command = {
  type: 'list-instrument',
  commandId: idOf(1),
  specification: {
    instrumentName: 'CHAOS-TEST-1',
    ...plainFuture,
    underlying: 'CHAOS',
    quoteCurrency: 'USD',
    tickSize: '0.01',
    minTradeAmount: '1',
    contractSize: '1',
    maxPrice: '10',
    expirationMillis: beganMillis + 86_400_000,
    makerCommissionPpm: 200,
    takerCommissionPpm: 500,
  },
}

const frames: readonly Uint8Array[] = [
  encodeEpochFrame(lane, 1),
  encodeOrdersFrame(lane, [listing]),
  encodeOrdersFrame(lane, [
    { type: 'open-account', commandId: idOf(2), account: 'seller', firm: '' },
    { type: 'open-account', commandId: idOf(3), account: 'buyer', firm: '' },
    { type: 'deposit', commandId: idOf(4), accountId: 1, amountMicros: 1_000_000_000 },
    { type: 'deposit', commandId: idOf(5), accountId: 2, amountMicros: 1_000_000_000 },
  ]),
  encodeOrdersFrame(lane, [order(10, 1, 'sell', 5)]),
  encodeOrdersFrame(lane, [order(11, 2, 'buy', 3)]),
  encodeOrdersFrame(lane, []),
  // As a client repeats it that has had no answer.
  encodeOrdersFrame(lane, [order(11, 2, 'buy', 3)]),
  encodeOrdersFrame(lane, [
    { type: 'amend-order', commandId: idOf(12), accountId: 1, orderId: idOf(10), priceTicks: 0, quantityLots: 4 },
  ]),
  encodeEpochFrame(lane, 2),
  Buffer.from('nobody can read this'),
  encodeOrdersFrame(lane, [{ type: 'cancel-order', commandId: idOf(13), accountId: 1, orderId: idOf(10) }]),
  encodeOrdersFrame(lane, [
    { type: 'activate-engine-version', commandId: idOf(20), version: newestEngineVersion },
    { type: 'deposit', commandId: idOf(21), accountId: 2, amountMicros: 1_000 },
  ]),
  // What follows a version is of a later frame: an older engine knows none of it.
  encodeOrdersFrame(lane, [
    { type: 'withdraw', commandId: idOf(22), accountId: 1, amountMicros: 300_000_000 },
    { type: 'place-hold', commandId: idOf(23), accountId: 2, amountMicros: 500_000_000 },
    { type: 'place-hold', commandId: idOf(24), accountId: 2, amountMicros: 100_000_000 },
    { type: 'capture-hold', commandId: idOf(25), accountId: 2, holdId: idOf(23), amountMicros: 200_000_000 },
    { type: 'release-hold', commandId: idOf(26), accountId: 2, holdId: idOf(23) },
    { type: 'withdraw', commandId: idOf(27), accountId: 2, amountMicros: 900_000_000 },
  ]),
]

const orders: readonly StreamedRecord[] = frames.map((data, index) => ({
  sequence: sequenceOf(index),
  arrivalMillis: beganMillis + index * 150,
  data,
}))

/** A frame for each record of the order stream that says anything. */
const publishedOf = async (changed: (bytes: Buffer) => void = () => undefined): Promise<StreamedRecord[]> => {
  const { records } = await replay(lane, orders)
  let previousChain = firstChain
  return records
    .filter(({ events }) => events.length > 0)
    .map(({ sequence, atMillis, events, bytes, firstOutSeq }, index) => {
      const own = Buffer.from(bytes)
      changed(own)
      const about = { inputSequence: sequence, atMillis, firstIndex: 0, count: events.length }
      const section = sectionOf({ ...about, events: own, previousChain })
      previousChain = section.chain
      const data = executionsFrameOf({ lane, epoch: 1, firstOutSeq, sections: [section.bytes] })
      return { sequence: sequenceOf(500 + index), arrivalMillis: beganMillis, data }
    })
}

let well: Evidence

beforeAll(async () => {
  const { records } = await replay(lane, orders)
  const { orders: own, trades, positions, balances, ledgerEntries, outcomes } = expectedTables(lane, records)
  const promised = (principal: string, request_name: string, number: number): Row => ({
    principal,
    request_name,
    command_id: idOf(number),
  })
  well = {
    lane,
    acknowledged: [
      { operation: 'place-order', account: 'seller', name: 'order-10', orderId: idOf(10) },
      { operation: 'place-order', account: 'buyer', name: 'order-11', orderId: idOf(11) },
      { operation: 'amend-order', account: 'seller', name: 'less', orderId: idOf(10) },
      { operation: 'cancel-order', account: 'seller', name: 'none', orderId: idOf(10) },
    ],
    refused: [{ account: 'seller', requestName: 'cancel-order#again' }],
    orders,
    executions: await publishedOf(),
    tables: {
      orders: [...own.values()],
      trades: [...trades.values()],
      positions: [...positions.values()],
      balances: [...balances.values()],
      ledgerEntries: [...ledgerEntries.values()],
      outcomes: [...outcomes.values()],
      commands: [
        promised('seller', 'place-order#order-10', 10),
        promised('buyer', 'place-order#order-11', 11),
        promised('seller', 'amend-order#less', 12),
        promised('seller', 'cancel-order#none', 13),
      ],
    },
  }
})

const violationsOf = async (changes: Partial<Evidence>): Promise<string> =>
  (await compare({ ...well, ...changes })).violations.join('\n')

const withTable = (name: keyof Evidence['tables'], rows: (rows: readonly Row[]) => readonly Row[]) => ({
  tables: { ...well.tables, [name]: rows(well.tables[name]) },
})
const changedRow = (name: keyof Evidence['tables'], field: string, by: number) =>
  withTable(name, ([first = {}, ...rows]) => [{ ...first, [field]: Number(first[field]) + by }, ...rows])

describe('the comparison after the chaos', () => {
  test('finds nothing where all is well, and counts', async () => {
    const compared = await compare(well)
    expect(compared).toMatchObject({
      violations: [],
      acknowledged: 4,
      records: frames.length,
      commands: 18,
      trades: 1,
      duplicatesDropped: 1,
      republishedEvents: 0,
      poison: 1,
      epochs: 2,
      divergences: 0,
      naiveCommands: 18,
    })
  })

  test('a frame that is published again is counted, and nothing else', async () => {
    const [, , again] = well.executions
    const executions = again === undefined ? [] : [...well.executions, { ...again, sequence: sequenceOf(900) }]
    const compared = await compare({ ...well, executions })
    expect(compared.violations).toEqual([])
    expect(compared.republishedEvents).toBeGreaterThan(0)
  })

  test('an event that is there twice, under two numbers', async () => {
    const { records } = await replay(lane, orders)
    const trade = records.find(({ events }) => events.some(({ type }) => type === 'trade-executed'))
    if (trade === undefined) throw new Error('nothing traded')
    const { sequence, atMillis, events, bytes } = trade
    const about = { inputSequence: sequence, atMillis, firstIndex: 0, count: events.length, events: bytes }
    const section = sectionOf({ ...about, previousChain: firstChain })
    const firstOutSeq = records.reduce((sum, each) => sum + each.events.length, 1)
    const data = executionsFrameOf({ lane, epoch: 2, firstOutSeq, sections: [section.bytes] })
    const twice = { sequence: sequenceOf(901), arrivalMillis: beganMillis, data }
    const violations = await violationsOf({ executions: [...well.executions, twice] })
    expect(violations).toMatch(/were published with different bytes/)
    expect(violations).toMatch(/were published as number \d+ and as \d+/)
  })

  test('events with other bytes than the replay comes to', async () => {
    const executions = await publishedOf(bytes => bytes.writeUInt8(bytes.readUInt8(8) ^ 1, 8))
    expect(await violationsOf({ executions })).toMatch(/are others than those of the replay/)
  })

  test('events that were never published', async () => {
    const violations = await violationsOf({ executions: well.executions.filter((_, index) => index !== 3) })
    expect(violations).toMatch(/were never published/)
    expect(violations).toMatch(/the acknowledged place-order order-10 of seller has 0 dispositions/)
    expect(violations).toMatch(/the chain breaks/)
  })

  test('a trade of which the naive book says something else', async () => {
    const naive = createNaiveExchange()
    const lying = {
      enter: (...entered: Parameters<typeof naive.enter>) =>
        naive.enter(...entered).map(event => (event.type === 'trade-executed' ? { ...event, priceTicks: 201 } : event)),
    }
    const { violations } = await replay(lane, orders, () => undefined, lying)
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatch(/the naive book says something else of record .*"priceTicks":200.*"priceTicks":201/)
  })

  test('an acknowledged order that is not in the stream', async () => {
    const violations = await violationsOf({ orders: orders.filter((_, index) => index !== 3) })
    expect(violations).toMatch(/the acknowledged place-order order-10 of seller is not in the order stream/)
    expect(violations).toMatch(/which is no record of the order stream/)
  })

  test('an acknowledged order that nobody promised, and one that was answered another', async () => {
    expect(await violationsOf(withTable('commands', rows => rows.slice(1)))).toMatch(
      /order-10 of seller is not promised/,
    )
    const [first, ...others] = well.acknowledged
    const acknowledged = first === undefined ? [] : [{ ...first, orderId: idOf(99) }, ...others]
    expect(await violationsOf({ acknowledged })).toMatch(/was answered another order/)
  })

  test('a refused request of which something is stored', async () => {
    const refused = [{ account: 'seller', requestName: 'cancel-order#none' }]
    expect(await violationsOf({ refused })).toMatch(/cancel-order#none of seller was refused, and promised/)
  })

  test('a row that is missing, and one that comes from nowhere', async () => {
    expect(await violationsOf(withTable('orders', rows => rows.slice(1)))).toMatch(/row .* of orders is missing/)
    const doubled = withTable('trades', rows => [...rows, { ...rows[0], trade_id: '1-0000000000000099-sell' }])
    expect(await violationsOf(doubled)).toMatch(/row .* of trades comes from nowhere/)
    expect(await violationsOf(withTable('outcomes', () => []))).toMatch(/cancel-order none of seller has no outcome/)
  })

  test('a balance, a position and a fill that were changed', async () => {
    const balance = await violationsOf(changedRow('balances', 'cash_micros', 1))
    expect(balance).toMatch(/of balances has cash_micros \d+, not \d+/)
    expect(balance).toMatch(/where 1500001000 were paid in/)
    expect(await violationsOf(changedRow('balances', 'held_micros', 1))).toMatch(/of balances has held_micros/)
    expect(await violationsOf(changedRow('ledgerEntries', 'amount_micros', 1))).toMatch(/of ledgerEntries has amount/)
    expect(await violationsOf(changedRow('positions', 'size_lots', 1))).toMatch(/positions in CHAOS-TEST-1 sum to 1/)
    expect(await violationsOf(changedRow('orders', 'filled_lots', -1))).toMatch(/of orders has filled_lots/)
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { getAccount, replaceAccount } from '#adapters/tables/accounts.ts'
import { promise } from '#adapters/tables/commands.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { type Item, type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { executionsRecord, mockExecutionsStream, recordSequence, recordsOf } from '#test/support/executions.ts'
import { commandOf, idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
const { openingPromise, openingCommandId } = await import('#lambdas/ledger/account-opening.ts')

const projections = [projectInstruments, projectOrders, projectPositions]
const projected = [
  'instruments',
  'orders',
  'trades',
  'positions',
  'balances',
  'ledgerEntries',
  'accounts',
  'outcomes',
] as const

let tables: LocalTables
const stream = mockExecutionsStream()

beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

const list = (): Command => ({ type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification })
const open = (account: string): Command => ({ type: 'open-account', commandId: nextCommandId(), account, firm: '' })
const deposit = (accountId: number): Command => ({
  type: 'deposit',
  commandId: nextCommandId(),
  accountId,
  amountMicros: 10_000 * usd,
})

const engine = createEngine(1)
const events: readonly Event[] = [
  list(),
  open('ann'),
  open('bob'),
  deposit(1),
  deposit(2),
  deposit(9),
  ...[
    'ann buys 5 @ 100 as a1',
    'bob sells 3 @ 100 as b1',
    'bob sells 1 @ 110 as b2',
    'ann buys 900 @ 999 as a2',
    'bob amends b2 to 4 @ 105',
    'bob cancels b1',
    'ann buys 1 at market as a3',
    'ann sells 2 @ 104 as a4',
    'ann buys 1 @ 104 at once as a5',
    'ann cancels a4',
    'ann cancels a1',
    'bob buys 9 @ 99 at once as b3',
    'ann buys 7 @ 98 as a6',
  ].map(commandOf),
].flatMap(command => {
  engine.told.clear()
  engine.advance(marketMillis)
  return [...engine.events(), ...engine.enter(command, marketMillis)]
})

type Records = ReturnType<typeof recordsOf>
type Dump = Readonly<Record<string, readonly Item[]>>

const dump = async (): Promise<Dump> =>
  Object.fromEntries(
    await Promise.all(
      projected.map(async (table): Promise<[string, readonly Item[]]> => [table, await tables.items(table)]),
    ),
  )

/** All three projectors, in batches of so many records; by a new process for each batch where asked. */
const projectAll = async (records: Records, batch = records.length, forgetful = false): Promise<void> => {
  const run = async (projection: (typeof projections)[number]): Promise<void> => {
    let projector = projectorOf(projection)
    for (let at = 0; at < records.length; at += batch) {
      if (forgetful) projector = projectorOf(projection)
      await projector(records.slice(at, at + batch))
    }
  }
  // The others need the instruments' names.
  await run(projectInstruments)
  await Promise.all([run(projectOrders), run(projectPositions)])
}

describe('what is projected', () => {
  test('is the state of the engine', async () => {
    await projectAll(recordsOf(events, [7]))
    const state = engine.snapshot()
    expect(await tables.items('balances')).toMatchObject(
      state.accounts.map(({ cashMicros }, index) => ({
        account_id: index + 1,
        currency: 'USD',
        cash_micros: cashMicros,
      })),
    )
    expect(await tables.items('positions')).toMatchObject(
      state.accounts.flatMap(({ positions }, index) =>
        positions.map(({ sizeLots, entryTickLots, realisedMicros }) => ({
          account_id: index + 1,
          instrument_name: testSpecification.instrumentName,
          size_lots: sizeLots,
          entry_tick_lots: entryTickLots,
          realised_micros: realisedMicros,
        })),
      ),
    )
    const [book] = state.books
    const resting = [...(book?.buy ?? []), ...(book?.sell ?? [])]
    expect(resting.length).toBeGreaterThan(1)
    const openOrders = (await tables.items('orders')).filter(item => item['open_account_id'] !== undefined)
    expect(openOrders).toHaveLength(resting.length)
    for (const { orderId, accountId, ...order } of resting)
      expect(openOrders.find(item => item['order_id'] === orderId)).toMatchObject({
        account_id: accountId,
        open_account_id: accountId,
        order_state: 'open',
        price_ticks: order.priceTicks,
        quantity_lots: order.quantityLots,
        filled_lots: order.filledLots,
        filled_tick_lots: order.filledTickLots,
      })
    expect(await tables.items('accounts')).toMatchObject([
      { account: 'ann', account_state: 'open', account_id: 1, lane: 1 },
      { account: 'bob', account_state: 'open', account_id: 2, lane: 1 },
    ])
    expect(await tables.items('instruments')).toMatchObject([
      { lane: '1', instrument_name: testSpecification.instrumentName, tick_size: '1', is_active: true },
    ])
  })

  test('orders have ended as they did, and outcomes say what became of commands', async () => {
    await projectAll(recordsOf(events, [7]))
    const orders = new Map((await tables.items('orders')).map(item => [item['order_id'], item]))
    expect(orders.get(idOf('a1'))).toMatchObject({
      order_state: 'cancelled',
      cancel_reason: 'user-request',
      filled_lots: 3,
      filled_tick_lots: 300,
    })
    expect(orders.get(idOf('b1'))).toMatchObject({ order_state: 'filled', filled_lots: 3 })
    expect(orders.get(idOf('b2'))).toMatchObject({ order_state: 'open', price_ticks: 105, quantity_lots: 4 })
    expect(orders.get(idOf('a2'))).toMatchObject({ order_state: 'rejected', reject_reason: 'insufficient-funds' })
    expect(orders.get(idOf('b3'))).toMatchObject({ order_state: 'cancelled', cancel_reason: 'immediate-or-cancel' })
    expect([...orders.values()].filter(item => item['open_account_id'] !== undefined)).toHaveLength(2)

    const outcomes = new Map((await tables.items('outcomes')).map(item => [item['command_id'], item]))
    const answered = events.flatMap((event): { commandId: string; accepted: boolean; code?: string }[] => {
      if (event.type === 'command-rejected') return [{ commandId: event.commandId, accepted: false, code: event.code }]
      const isAnswer = 'commandId' in event && (event.type !== 'order-cancelled' || event.reason === 'user-request')
      return isAnswer ? [{ commandId: event.commandId, accepted: true }] : []
    })
    expect(outcomes.size).toBe(answered.length)
    for (const { commandId, ...answer } of answered) expect(outcomes.get(commandId)).toMatchObject(answer)
    expect(answered.filter(({ accepted }) => !accepted)).toHaveLength(2)
  })

  test('a trade has two sides, also where an account trades with itself', async () => {
    await projectAll(recordsOf(events, [7]))
    const trades = await tables.items('trades')
    const told = events.filter(event => event.type === 'trade-executed')
    expect(told.some(({ maker, taker }) => maker.accountId === taker.accountId)).toBe(true)
    expect(trades).toHaveLength(2 * told.length)
    for (const { maker, taker, priceTicks, quantityLots } of told)
      for (const [own, other] of [
        [maker, taker],
        [taker, maker],
      ] as const)
        expect(
          trades.find(item => item['order_id'] === own.orderId && item['counterparty_order_id'] === other.orderId),
        ).toMatchObject({
          account_id: own.accountId,
          direction: own.direction,
          price_ticks: priceTicks,
          quantity_lots: quantityLots,
          fee_micros: own.feeMicros,
          counterparty_account_id: other.accountId,
        })
  })

  test('is the same however records and batches are cut, and whoever comes in between', async () => {
    await projectAll(recordsOf(events, [events.length]))
    const whole = await dump()
    for (const { lengths, batch } of [
      { lengths: [1], batch: 1 },
      { lengths: [3, 1, 5], batch: 2 },
    ]) {
      await tables.renew()
      await projectAll(recordsOf(events, lengths), batch, batch === 1)
      expect(await dump()).toEqual(whole)
    }
    expect((await getWatermark('project-orders', 1)).outSeq).toBe(events.length)
  })

  test('is the same where a batch ends within a record that comes again whole', async () => {
    await projectAll(recordsOf(events, [events.length]))
    const whole = await tables.items('orders')
    for (let cut = 1; cut < events.length; cut += 5) {
      await tables.renew('orders', 'trades', 'outcomes', 'lanes')
      const records = recordsOf(events, [cut, events.length])
      await projectorOf(projectOrders)(records.slice(0, 1))
      await projectorOf(projectOrders)(records)
      expect(await tables.items('orders')).toEqual(whole)
    }
  })

  test('more events than one transaction takes', async () => {
    const many = Array.from({ length: 250 }, (_, index) => commandOf(`ann buys 1 @ 1 as f${index}`))
    const own = createEngine(1)
    const told = [list(), open('ann'), deposit(1), ...many].flatMap(command => [...own.enter(command, marketMillis)])
    await projectAll(recordsOf(told, [100]))
    expect(await tables.items('orders')).toHaveLength(250)
    expect(await getWatermark('project-orders', 1)).toEqual({ outSeq: 253, recordSequence: recordSequence(3) })
  })

  test('an expired instrument is not active and its orders are cancelled', async () => {
    const own = createEngine(1)
    const commands: Command[] = [
      list(),
      open('ann'),
      deposit(1),
      commandOf('ann buys 1 @ 1 as a1'),
      { type: 'expire-instrument', commandId: nextCommandId(), instrumentId: 1 },
    ]
    const expiry = commands.length - 1
    const told = commands.flatMap((command, index) => [
      ...own.enter(command, index === expiry ? testSpecification.expirationMillis : marketMillis),
    ])
    await projectAll(recordsOf(told, [2]))
    expect(await tables.items('instruments')).toMatchObject([{ is_active: false }])
    expect(await tables.items('orders')).toMatchObject([
      { order_state: 'cancelled', cancel_reason: 'instrument-expired', filled_lots: 0 },
    ])
    // The expiry itself is answered, the orders that it ended are not commands.
    expect(await tables.items('outcomes')).toHaveLength(4)
  })
})

describe('what comes again, late or not at all', () => {
  test('a batch delivered again changes nothing', async () => {
    const records = recordsOf(events, [3])
    await projectAll(records)
    const [before, watermarks] = [await dump(), await tables.items('lanes')]
    await projectAll(records)
    await projectAll(records.slice(2, 5), 1)
    expect(await dump()).toEqual(before)
    expect(await tables.items('lanes')).toEqual(watermarks)
  })

  test('events published twice in other frames are applied once', async () => {
    await projectAll(recordsOf(events, [3]))
    const before = await dump()
    await tables.renew()
    const twice = [
      executionsRecord(1, 1, events.slice(0, 12)),
      executionsRecord(2, 5, events.slice(4, 16)),
      executionsRecord(3, 3, events.slice(2, 9)),
      executionsRecord(4, 1, events),
    ]
    await projectAll(twice, 2)
    expect(await dump()).toEqual(before)
  })

  test('an invocation that everyone has given up writes nothing with its old watermark', async () => {
    const records = recordsOf(events, [3])
    await projectorOf(projectInstruments)(records)
    for (const projection of [projectOrders, projectPositions]) {
      const zombie = projectorOf(projection)
      await zombie(records.slice(0, 2))
      await projectorOf(projection)(records)
      const [before, watermarks] = [await dump(), await tables.items('lanes')]
      // It goes on where it stood: with states that are long past.
      await zombie(records.slice(2, 5))
      expect(await dump()).toEqual(before)
      expect(await tables.items('lanes')).toEqual(watermarks)
    }
  })

  test('a gap is closed out of the stream', async () => {
    const records = recordsOf(events, [2])
    await projectAll(records)
    const whole = await dump()
    await tables.renew()
    stream.hold(records)
    for (const projection of projections) {
      const projector = projectorOf(projection)
      await projector(records.slice(0, 2))
      await projector(records.slice(7, 9))
      await projector(records.slice(9))
    }
    expect(await dump()).toEqual(whole)
    expect(stream.reads()).toBeGreaterThan(3)
  })

  test('a gap that the stream cannot close is not passed', async () => {
    const records = recordsOf(events, [2])
    await projectorOf(projectInstruments)(records)
    stream.hold(records.filter((_, index) => index !== 4))
    const projector = projectorOf(projectOrders)
    await projector(records.slice(0, 3))
    await expect(projector(records.slice(5, 7))).rejects.toMatchObject({
      name: 'RecordFailure',
      sequenceNumber: recordSequence(6),
      cause: { name: 'EventsMissing' },
    })
    // What lay before the gap is applied, nothing behind it.
    expect(await getWatermark('project-orders', 1)).toEqual({ outSeq: 8, recordSequence: recordSequence(4) })
  })

  test('a record that cannot be read fails, and what lies before it is done', async () => {
    const records = recordsOf(events, [4])
    const poison = { sequenceNumber: recordSequence(2), data: Buffer.from('not a frame') }
    const projector = projectorOf(projectInstruments)
    const [first] = records
    if (first === undefined) throw new Error('there are records')
    await expect(projector([first, poison, ...records.slice(2)])).rejects.toMatchObject({
      name: 'RecordFailure',
      sequenceNumber: recordSequence(2),
    })
    expect((await getWatermark('project-instruments', 1)).outSeq).toBe(4)
  })

  test('an instrument that is not in its table yet makes the batch come again', async () => {
    const records = recordsOf(events, [1])
    const projector = projectorOf(projectOrders)
    const listed = events.findIndex(({ type }) => type === 'instrument-listed') + 1
    const traded = events.findIndex(({ type }) => type === 'order-accepted') + 1
    await projector(records.slice(0, listed))
    await expect(projector(records.slice(listed))).rejects.toMatchObject({ sequenceNumber: recordSequence(listed + 1) })
    expect((await getWatermark('project-orders', 1)).outSeq).toBe(listed)
    await projectorOf(projectInstruments)(records)
    await projector(records.slice(listed))
    expect(traded).toBeGreaterThan(listed)
    expect((await getWatermark('project-orders', 1)).outSeq).toBe(events.length)
  })

  test('an order that is nobody’s, or has another’s id, writes no row', async () => {
    const own = createEngine(1)
    const place = commandOf('ann buys 1 @ 1 as a1')
    const told = [list(), place, commandOf('cid buys 1 @ 1 as c1')].flatMap(command => [...own.enter(command, 1)])
    const rejected = told.filter(({ type }) => type === 'order-rejected')
    expect(rejected.map(event => 'code' in event && event.code)).toEqual(['unknown-account', 'unknown-account'])
    const [order] = rejected
    if (order?.type !== 'order-rejected') throw new Error('an order is rejected')
    await projectAll(recordsOf([...told, { ...order, orderId: idOf('d1'), code: 'duplicate-order' }], [9]))
    expect(await tables.items('orders')).toEqual([])
    expect(await tables.items('outcomes')).toHaveLength(3)
  })
})

describe('the account of an opening', () => {
  const registered = async (account: string, attempt: number) => {
    const row = {
      account,
      accountState: 'opening',
      lane: 1,
      commandId: openingCommandId(account, attempt),
      attempt,
      taskToken: 'token',
      createdAtMillis: 5,
    } as const
    await promise(openingPromise(row))
    await replaceAccount(row, await getAccount(account))
    return row
  }
  const refused = (commandId: string): Event => ({
    type: 'command-rejected',
    commandId,
    commandType: 'open-account',
    accountId: 0,
    code: 'account-limit',
  })

  test('fails with the engine’s code, and keeps the token for whoever tells the workflow', async () => {
    const row = await registered('eve', 1)
    await projectorOf(projectPositions)(recordsOf([refused(row.commandId)], [1]))
    expect(await getAccount('eve')).toEqual({ ...row, accountState: 'failed', failure: 'account-limit' })
  })

  test('is not failed by the refusal of an earlier attempt, or of a stranger’s command', async () => {
    const earlier = openingCommandId('eve', 1)
    await promise(openingPromise({ account: 'eve', lane: 1, commandId: earlier }))
    const row = await registered('eve', 2)
    await projectorOf(projectPositions)(recordsOf([refused(earlier), refused(nextCommandId())], [2]))
    expect(await getAccount('eve')).toEqual(row)
  })

  test('opens with number, lane and time, after a failure too', async () => {
    const row = await registered('eve', 1)
    const opened: Event = {
      type: 'account-opened',
      commandId: row.commandId,
      accountId: 7,
      account: 'eve',
      firm: 'eve',
      firmId: 1,
    }
    await projectorOf(projectPositions)(recordsOf([refused(row.commandId), opened], [2]))
    expect(await getAccount('eve')).toMatchObject({ accountState: 'open', accountId: 7, lane: 1, taskToken: 'token' })
    expect(await getAccount('eve')).not.toHaveProperty('failure')
  })
})

import { beforeEach, describe, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { getBook } from '#adapters/tables/books.ts'
import { listCandles } from '#adapters/tables/candles.ts'
import { listMarketTrades } from '#adapters/tables/market-trades.ts'
import { listMarketWindows } from '#adapters/tables/market-windows.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import {
  type Candle,
  type CandleResolution,
  candleOfTrade,
  candleResolutions,
  candleStart,
  joined,
} from '#domain/trading/candles.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { windowResolutions } from '#domain/trading/market-windows.ts'
import type { TableName } from '#protocol/tables.ts'
import { executionsRecord, recordsOf } from '#test/support/executions.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { NaiveWindows } from '#test/support/naive-windows.ts'
import { createRandom } from '#test/support/random-commands.ts'
import { commandOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const tables = mockTables()
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { marketDataProjection } = await import('#lambdas/reference/project-market-data.ts')

/** Events of executionsRecord are a millisecond apart. */
const enter = (commands: readonly Parameters<typeof engine.enter>[0][]): Event[] =>
  commands.flatMap(command => [...engine.enter(command, marketMillis)])
const engine = createEngine(1)
const events: readonly Event[] = [
  ...enter([
    { type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification },
    { type: 'open-account', commandId: nextCommandId(), account: 'ann', firm: '' },
    { type: 'open-account', commandId: nextCommandId(), account: 'bob', firm: '' },
    { type: 'deposit', commandId: nextCommandId(), accountId: 1, amountMicros: 10_000 * usd },
    { type: 'deposit', commandId: nextCommandId(), accountId: 2, amountMicros: 10_000 * usd },
  ]),
  ...enter(
    [
      'ann buys 5 @ 100 as a1',
      'bob sells 3 @ 100 as b1',
      'bob sells 1 @ 110 as b2',
      'ann buys 900 @ 999 as a2',
      'bob amends b2 to 4 @ 105',
      'ann buys 1 at market as a3',
      'ann sells 2 @ 104 as a4',
      'ann buys 1 @ 104 at once as a5',
      'ann cancels a4',
      'bob buys 9 @ 99 as b3',
    ].map(commandOf),
  ),
]

const dumped = ['books', 'marketTrades', 'candles', 'marketWindows'] as const satisfies readonly TableName[]
const dump = () =>
  dumped.map(name => tables.items(name).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)))
const newProjector = () => projectorOf(marketDataProjection())

beforeEach(() => {
  tables.reset()
})

test('book, trades and candles of what happened', async () => {
  await newProjector()(recordsOf(events, [7]))
  const book = await getBook(1, 1)
  expect(book?.market).toMatchObject({ state: 'continuous', lastTicks: 104, openInterestLots: 4, markTicks: 0 })
  expect(bestLevels(book?.market.bids ?? { levels: new Uint8Array(), cutTicks: 0 }, 9)).toEqual([
    { ticks: 100, lots: 2 },
    { ticks: 99, lots: 9 },
  ])
  expect(book?.outSeq).toBe(events.length)
  const told = events.filter(event => event.type === 'trade-executed')
  expect(told.map(({ priceTicks, quantityLots }) => [priceTicks, quantityLots])).toEqual([
    [100, 3],
    [105, 1],
    [104, 1],
  ])
  expect(tables.items('marketTrades')).toMatchObject(
    told.map(({ priceTicks, quantityLots, taker }) => ({
      market: '1#1',
      price_ticks: priceTicks,
      quantity_lots: quantityLots,
      direction: taker.direction,
      is_auction: false,
    })),
  )
  for (const resolution of ['1m', '5m', '15m', '1h', '1d'] as const)
    expect((await listCandles(1, 1, resolution, { limit: 5 })).rows).toEqual([
      {
        startMillis: marketMillis - (resolution === '1d' ? marketMillis % 86_400_000 : 0),
        openTicks: 100,
        highTicks: 105,
        lowTicks: 100,
        closeTicks: 104,
        volumeLots: 5n,
        turnoverTickLots: 509n,
        trades: 3,
      },
    ])
})

describe('is the same', () => {
  test('however records and batches are cut, by one process or by many', async () => {
    await newProjector()(recordsOf(events, [events.length]))
    const whole = dump()
    for (const { lengths, batch, forgets } of [
      { lengths: [1], batch: 1, forgets: true },
      { lengths: [1], batch: 1, forgets: false },
      { lengths: [3, 1, 5], batch: 2, forgets: false },
    ]) {
      tables.reset()
      const records = recordsOf(events, lengths)
      let projector = newProjector()
      for (let at = 0; at < records.length; at += batch) {
        if (forgets) projector = newProjector()
        await projector(records.slice(at, at + batch))
      }
      expect(dump()).toEqual(whole)
    }
  })

  test('where batches come again, in other frames, or through processes that take turns', async () => {
    await newProjector()(recordsOf(events, [events.length]))
    const whole = dump()
    tables.reset()
    const [one, other] = [newProjector(), newProjector()]
    const records = recordsOf(events, [2])
    for (let at = 0; at < records.length; at += 1) {
      // What each of them knows is older than what the other one has written.
      await (at % 3 === 0 ? one : other)(records.slice(0, at + 1))
      await (at % 2 === 0 ? one : other)(records.slice(Math.max(0, at - 2), at + 1))
      await one([executionsRecord(90, 1, events.slice(0, 2 * at + 1))])
    }
    expect(dump()).toEqual(whole)
  })
})

describe('a trade that was reversed', () => {
  /** Some minutes hold several trades, some one, and the day ends among them. */
  const atMillisOf = (outSeq: number): number => marketMillis + 15 * 3_600_000 + Math.floor(outSeq / 4) * 47_000
  const exchange = createEngine(1)
  const told: Event[] = []
  const enter = (command: Command): Event[] => {
    const events = [...exchange.enter(command, marketMillis)]
    told.push(...events)
    return events
  }
  const trades: { readonly outSeq: number; readonly ticks: number; readonly lots: number; busted: boolean }[] = []
  const bust = (trade: (typeof trades)[number], tradeId = tradeIdOf(1, trade.outSeq)): Event[] =>
    enter({
      type: 'bust-trade',
      commandId: nextCommandId(),
      instrumentId: 1,
      priceTicks: trade.ticks,
      quantityLots: trade.lots,
      buyerId: 1,
      sellerId: 2,
      tradeId,
      tradedAtMillis: atMillisOf(trade.outSeq),
      buyerFeeMicros: 0,
      sellerFeeMicros: 0,
    })
  enter({ type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification })
  for (const [index, account] of ['ann', 'bob'].entries()) {
    enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros: 1_000_000 * usd })
  }
  const random = createRandom(7)
  const naive = new NaiveWindows()
  for (let n = 1; n <= 150; n += 1) {
    const [ticks, lots] = [random.between(90, 110), random.between(1, 5)]
    enter(commandOf(`ann buys ${lots} @ ${ticks} as a${n}`))
    const from = told.length
    const at = enter(commandOf(`bob sells ${lots} @ ${ticks} as b${n}`)).findIndex(
      ({ type }) => type === 'trade-executed',
    )
    trades.push({ outSeq: from + at + 1, ticks, lots, busted: false })
    naive.trade({ atMillis: atMillisOf(from + at + 1), ticks, lots, direction: 'sell', isAuction: false })
    // One of the last few, at times the very last; some minutes lose all of theirs.
    const chosen = random.chance(0.5) ? trades[Math.max(0, trades.length - random.between(1, 12))] : undefined
    if (chosen === undefined || chosen.busted) continue
    expect(bust(chosen)).toMatchObject([{ type: 'trade-busted' }])
    chosen.busted = true
    const printed = naive.trades[trades.indexOf(chosen)]
    if (printed !== undefined) naive.bust(printed, atMillisOf(told.length))
  }
  const [first] = trades
  // What no projector knows: a number that is no trade's, an id of another lane, and what is no id at all.
  for (const tradeId of ['1-0000000000000001', '2-0000000000000009', '1-9']) if (first) bust(first, tradeId)

  const candlesOf = (resolution: CandleResolution): Candle[] => {
    const candles = new Map<number, Candle>()
    for (const { outSeq, ticks, lots, busted } of trades) {
      if (busted) continue
      const own = candleOfTrade(candleStart(resolution, atMillisOf(outSeq)), ticks, lots)
      const before = candles.get(own.startMillis)
      candles.set(own.startMillis, before === undefined ? own : joined(before, own))
    }
    return [...candles.values()].reverse()
  }

  test.each([
    { lengths: [1_000], batch: 1, forgets: false },
    { lengths: [1], batch: 1, forgets: true },
    { lengths: [1], batch: 7, forgets: false },
    { lengths: [3, 1, 5], batch: 2, forgets: false },
    { lengths: [40], batch: 1, forgets: true },
  ])('is flagged, and in no candle: records $lengths, $batch at a time', async ({ lengths, batch, forgets }) => {
    const records = recordsOf(told, lengths, atMillisOf)
    let projector = newProjector()
    for (let at = 0; at < records.length; at += batch) {
      if (forgets) projector = newProjector()
      await projector(records.slice(at, at + batch))
    }
    for (const resolution of candleResolutions)
      expect((await listCandles(1, 1, resolution, { limit: 1_000 })).rows).toEqual(candlesOf(resolution))
    for (const resolution of windowResolutions) {
      const windows = (await listMarketWindows(1, 1, resolution, { limit: 1_000 })).rows.map(({ window }) => window)
      const expected = naive.windows(resolution, atMillisOf(told.length))
      expect(windows.reverse()).toMatchObject(expected.map(({ squaredReturns: _, ...window }) => window))
      for (const [index, { squaredReturns }] of windows.entries())
        expect(Math.abs(Number(squaredReturns - (expected[index]?.squaredReturns ?? 0n)))).toBeLessThan(2_000)
      expect(windows.some(({ version }) => version > 1)).toBe(true)
    }
    const { rows } = await listMarketTrades(1, 1, { limit: 1_000 })
    expect(rows.map(({ outSeq, isBusted = false }) => [outSeq, isBusted]).reverse()).toEqual(
      trades.map(({ outSeq, busted }) => [outSeq, busted]),
    )
    expect(trades.filter(({ busted }) => busted).length).toBeGreaterThan(20)
    expect(tables.items('candles').some(({ trades }) => trades === 0)).toBe(true)
  })
})

test('a process that goes on reads nothing again but its watermark', async () => {
  const records = recordsOf(events, [1])
  const projector = newProjector()
  await projector(records.slice(0, -1))
  const before = tables.count('get')
  await projector(records.slice(-1))
  expect(tables.count('get') - before).toBe(0)
})

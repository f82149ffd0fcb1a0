import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { replayIntoEngine } from '#bin/replay/into-engine.ts'
import { BadFile } from '#bin/replay/lobster.ts'
import { replayThroughHttp } from '#bin/replay/through-http.ts'
import { type OrderFlowExchange, startOrderFlowExchange } from '#test/support/order-flow-exchange.ts'

const silent = { at: () => undefined, done: () => undefined }

/** Each line a message and the two best levels after it: ask, size, bid, size. */
const flow = [
  ['34200.1,1,11,30,1000000,1', '1010000,50,1000000,30,1020000,60,990000,40'],
  ['34200.2,1,12,20,1000000,1', '1010000,50,1000000,50,1020000,60,990000,40'],
  // 11 came first; what is left of it keeps its place.
  ['34200.3,2,11,10,1000000,1', '1010000,50,1000000,40,1020000,60,990000,40'],
  ['34200.4,4,11,15,1000000,1', '1010000,50,1000000,25,1020000,60,990000,40'],
  ['34200.5,4,11,5,1000000,1', '1010000,50,1000000,20,1020000,60,990000,40'],
  ['34200.6,4,12,20,1000000,1', '1010000,50,990000,40,1020000,60,980000,70'],
  // Volume without an id was there from the start.
  ['34200.7,4,7,20,1010000,-1', '1010000,30,990000,40,1020000,60,980000,70'],
  ['34200.8,2,8,10,990000,1', '1010000,30,990000,30,1020000,60,980000,70'],
  ['34200.9,5,0,10,1005000,1', '1010000,30,990000,30,1020000,60,980000,70'],
  ['34201.0,7,0,0,-1,-1', '1010000,30,990000,30,1020000,60,980000,70'],
  ['34201.1,3,7,30,1010000,-1', '1020000,60,990000,30,1030000,5,980000,70'],
  ['34201.2,1,13,7,1015000,-1', '1015000,7,990000,30,1020000,60,980000,70'],
] as const

let folder = ''
let [messages, book] = ['', '']

const write = async (name: string, lines: readonly string[]): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, lines.join('\n'))
  return path
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replay-'))
  messages = await write(
    'messages.csv',
    flow.map(([message]) => message),
  )
  book = await write(
    'book.csv',
    flow.map(([, levels]) => levels),
  )
})
afterAll(() => rm(folder, { recursive: true }))

const engineReplay = (messagesPath = messages, bookPath = book) => replayIntoEngine(messagesPath, bookPath, silent)

describe('order flow replayed into the engine', () => {
  test('gives the book and the makers of the file', async () => {
    const replay = await engineReplay()

    expect(replay.differences).toEqual([])
    expect(replay).toMatchObject({ rowsMatched: 12, executionsMatched: 4, trades: 4, maxPriceUsd: 404 })
    expect(replay.counts).toMatchObject({
      rows: 12,
      seeded: 5,
      cameIntoView: 2,
      added: 3,
      reduced: 2,
      cancelled: 1,
      executed: 4,
      hiddenSkipped: 1,
      haltsSkipped: 1,
      unknownSkipped: 0,
    })
  })

  test('shows an execution against another maker', async () => {
    const replay = await engineReplay(
      await write(
        'other-maker.csv',
        flow.map(([message]) => (message.startsWith('34200.4') ? message.replace(',11,', ',12,') : message)),
      ),
    )

    expect(replay.executionsMatched).toBeLessThan(4)
    expect(replay.differences[0]).toContain('line 4: the execution of 15 against 12 went otherwise')
  })

  test('shows a level that differs', async () => {
    const replay = await engineReplay(
      messages,
      await write(
        'other-book.csv',
        flow.map(([, levels], index) => (index === 7 ? levels.replace('990000,30', '990000,31') : levels)),
      ),
    )

    expect(replay.rowsMatched).toBe(11)
    expect(replay.differences).toEqual(['line 8: buy level 1 is 30 @ 99.00, the file has 31 @ 99.00'])
  })

  test.each<[string, readonly string[], RegExp]>([
    ['of no lines', [], /is empty$/],
    ['of too few columns', ['34200.1,1,11,30,1000000'], /:1: has 5 columns, a message has 6$/],
    ['with NaN for a size', ['34200.1,1,11,NaN,1000000,1'], /:1: "NaN" is no integer$/],
    ['with no time', [',1,11,30,1000000,1'], /:1: "" is no time$/],
    ['of an unknown type', ['34200.1,9,11,30,1000000,1'], /:1: 9 is no type of message$/],
    [
      'with a price between cents',
      ['34200.1,1,11,30,1000050,1'],
      /:1: the price 1000050 is no positive number of cents$/,
    ],
    ['without a direction', ['34200.1,1,11,30,1000000,0'], /:1: "0" is no direction$/],
    ['of size 0', ['34200.1,1,11,0,1000000,1'], /:1: 0 is no size$/],
    ['shorter than its book', [flow[0][0]], /messages.csv: ends before line 2, the other file does not$/],
  ])('refuses messages %s in one line', async (_, lines, reason) => {
    const path = await write('bad-messages.csv', lines)

    await expect(engineReplay(path)).rejects.toThrow(BadFile)
    await expect(engineReplay(path)).rejects.toThrow(reason)
  })

  test.each<[string, readonly string[], RegExp]>([
    ['of odd columns', ['1,2,3'], /:1: has 3 columns, a book has 4 for each level$/],
    ['of changing columns', [flow[0][1], '1010000,50,1000000,50'], /:2: has 4 columns, line 1 has 8$/],
    ['with NaN', [flow[0][1].replace('50', 'NaN')], /:1: "NaN" is no integer$/],
  ])('refuses a book %s in one line', async (_, lines, reason) => {
    const path = await write('bad-book.csv', lines)

    await expect(engineReplay(messages, path)).rejects.toThrow(reason)
  })

  test('refuses files that are not there', async () => {
    await expect(engineReplay(join(folder, 'none.csv'))).rejects.toThrow(/none.csv: cannot be read/)
    await expect(engineReplay(folder)).rejects.toThrow(/is not a file$/)
  })

  const sample = join(import.meta.dirname, '../../../shared/data/orders')
  const sampleFile = (kind: string): string =>
    existsSync(sample) ? join(sample, readdirSync(sample).find(name => name.includes(`_${kind}_`)) ?? '') : ''
  const hasSample = existsSync(sample)
  if (!hasSample) console.warn(`skipped: the NASDAQ sample is not at ${sample}`)

  ;(hasSample ? test : test.skip)('of NASDAQ agrees in every row and every execution', async () => {
    const replay = await engineReplay(sampleFile('message'), sampleFile('orderbook'))

    expect(replay.differences).toEqual([])
    expect(replay).toMatchObject({ rowsMatched: 999, executionsMatched: 98, trades: 98 })
    expect(replay.counts).toMatchObject({ rows: 999, executed: 98, hiddenSkipped: 61, unknownSkipped: 0 })
  })
})

describe('order flow sent through the HTTP API', () => {
  const through = async (disturb: Parameters<typeof startOrderFlowExchange>[0]) => {
    const exchange: OrderFlowExchange = await startOrderFlowExchange(disturb)
    try {
      const replay = await replayThroughHttp({
        url: exchange.url,
        messagesPath: messages,
        bookPath: book,
        maxPriceUsd: 404,
        depositUsd: 1_000_000,
        progress: silent,
        catchUpMillis: 200,
      })
      return { replay, received: exchange.received }
    } finally {
      await exchange.close()
    }
  }

  test('agrees with the file, order by order and fill by fill', async () => {
    const { replay, received } = await through({})

    expect(replay.differences).toEqual([])
    expect(replay).toMatchObject({ orders: 12, amends: 2, cancels: 1, retries: 0, fills: 4, expectedFills: 4 })
    expect(received.filter(({ path }) => path === '/api/v1/orders').map(({ method }) => method)).toContain('GET')
  })

  test('repeats what was refused for the moment, under the same name, and nothing is there twice', async () => {
    const { replay } = await through({
      status: count => (count > 20 && count % 5 < 2 ? [429, 503][count % 2] : undefined),
    })

    expect(replay.retries).toBeGreaterThan(3)
    expect(replay.differences).toEqual([])
    expect(replay.orders).toBe(12)
  })

  test('tells of a fill that is missing, and of one that is there twice', async () => {
    const missing = await through({ trades: trades => trades.slice(1) })
    const twice = await through({ trades: trades => [...trades, ...trades.slice(0, 1)] })

    expect(missing.replay.differences.some(text => /^fill .* is missing$/.test(text))).toBe(true)
    expect(twice.replay.differences.some(text => /^fill .* is there too often$/.test(text))).toBe(true)
  })

  test('ends where the exchange refuses for good', async () => {
    await expect(through({ status: count => (count > 10 ? 403 : undefined) })).rejects.toThrow(/answered 403/)
  })
})

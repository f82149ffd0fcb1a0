import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { forgetInstruments, instrumentPut } from '#adapters/tables/instruments.ts'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { testSpecification } from '#test/support/tape.ts'

const tables = mockTables()
const streams = mockStreams([1, 2])
process.env[lanesEnvironmentVariable] = '1,2'
const { handler } = await import('#lambdas/reference/sweep-due.ts')

const expirationMillis = 1_800_000_000_000
let nowMillis = expirationMillis

const list = (
  lane: number,
  instrumentId: number,
  instrumentName: string,
  more: { expires?: number; isActive?: boolean } = {},
) => {
  const specification = { ...testSpecification, instrumentName, expirationMillis: more.expires ?? expirationMillis }
  const defined = defineInstrument(specification, instrumentId, 1)
  if (!defined.accepted) throw new Error('the specification is valid')
  const put = instrumentPut({ lane, instrument: defined.value, isActive: more.isActive ?? true, listedAtMillis: 1 })
  if (put.kind === 'put') tables.seed('instruments', put.item)
}

beforeEach(() => {
  tables.reset()
  streams.reset()
  forgetInstruments()
  nowMillis = expirationMillis
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

describe('the sweep of each minute', () => {
  test('expires what is due in each lane, and nothing else', async () => {
    list(1, 1, 'A-1')
    list(1, 2, 'B-1', { expires: expirationMillis + 1 })
    list(1, 3, 'C-1', { isActive: false })
    list(2, 1, 'D-1', { expires: 5 })
    await handler({}, lambdaContext)
    expect(streams.put).toMatchObject([
      { lane: 1, command: { type: 'expire-instrument', instrumentId: 1 } },
      { lane: 2, command: { type: 'expire-instrument', instrumentId: 1 } },
    ])
  })

  test('repeated within its minute it asks under the same id, later under another', async () => {
    list(1, 1, 'A-1')
    await handler({}, lambdaContext)
    nowMillis += 59_000
    await handler({}, lambdaContext)
    nowMillis += 1_000
    await handler({}, lambdaContext)
    const ids = streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    expect(ids[1]).toBe(ids[0])
    expect(ids[2]).not.toBe(ids[0])
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('what cannot be put is thrown, for the schedule to try again', async () => {
    list(1, 1, 'A-1')
    streams.fail(new Error('out of reach'))
    await expect(handler({}, lambdaContext)).rejects.toThrow('out of reach')
  })
})

describe('grids', () => {
  const rule = {
    kind: 'option',
    underlying: 'H100.USE',
    expiries: [{ every: 'day', next: 2 }],
    strikes: { step: '0.25', count: 1 },
    tick_size: '0.001',
    min_trade_amount: '1',
    maker_commission: '0',
    taker_commission: '0',
    position_limit: '0',
  }
  const grid = (name: string, value: object, effectiveMillis = 1) => {
    const iso = new Date(effectiveMillis).toISOString()
    const version_key = `${name}#${iso}#000001`
    const set = { set_by: 'operator', set_at_millis: 1 }
    tables.seed('parameters', {
      kind: 'grid',
      version_key,
      name,
      effective_millis: effectiveMillis,
      version: 1,
      value,
      ...set,
    })
  }
  const futures = { ...rule, kind: 'future', strikes: undefined, max_price: '12' }
  const version = (number: number) => {
    const put = activatedVersionPut(1, { version: number, atMillis: 1 })
    if (put.kind === 'put') tables.seed('lanes', put.item)
  }
  const named = () =>
    streams.put.map(({ command }) => (command.type === 'list-instrument' ? command.specification.instrumentName : ''))
  const sweep = () => handler({}, lambdaContext)
  const [first, second] = [Date.UTC(2027, 0, 16, 8), Date.UTC(2027, 0, 17, 8)]

  beforeEach(() => {
    version(3)
    seedIndex(tables)
    tables.seed('fixings')
    for (const source of ['desk', 'broker', 'cloud'])
      tables.seed('indexQuotes', {
        index: 'H100.USE',
        source,
        level: '2.56',
        quoted_at_millis: nowMillis - 1_000,
        received_at_millis: nowMillis - 1_000,
        earlier: [],
      })
  })

  test('of futures list what is missing, once', async () => {
    grid('futures', futures)
    await sweep()
    expect(named()).toEqual(['H100.USE-16JAN27', 'H100.USE-17JAN27'])
    expect(streams.put[0]).toMatchObject({
      lane: 1,
      command: {
        specification: {
          maxPrice: '12',
          expirationMillis: first,
          terms: '{"index":"H100.USE","averaging_start":"2027-01-01T00:00:00.000Z"}',
        },
      },
    })
    const ids = streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    streams.reset()
    nowMillis += 60_000
    list(1, 1, 'H100.USE-16JAN27', { expires: first })
    await sweep()
    expect(named()).toEqual(['H100.USE-17JAN27'])
    expect(streams.put[0]).toMatchObject({ command: { commandId: ids[1] } })
  })

  test('of options list what is on futures that are there, around the level', async () => {
    grid('options', rule)
    await sweep()
    expect(streams.put).toEqual([])
    list(1, 1, 'H100.USE-17JAN27', { expires: second })
    list(1, 2, 'H100.USE-17JAN27-2.50-C', { expires: second })
    await sweep()
    expect(named()).toEqual([
      'H100.USE-17JAN27-2.25-C',
      'H100.USE-17JAN27-2.25-P',
      'H100.USE-17JAN27-2.50-P',
      'H100.USE-17JAN27-2.75-C',
      'H100.USE-17JAN27-2.75-P',
    ])
  })

  test('wait for their time, for a level, and for rules that know them', async () => {
    list(1, 1, 'H100.USE-17JAN27', { expires: second })
    grid('options', rule, nowMillis + 60_000)
    await sweep()
    nowMillis += 60_000
    version(2)
    await sweep()
    version(3)
    tables.seed('parameters', {
      kind: 'grid',
      version_key: 'other',
      name: 'other',
      effective_millis: 1,
      version: 1,
      value: { ...rule, index: 'NO.ONE' },
      set_by: 'x',
      set_at_millis: 1,
    })
    expect(streams.put).toEqual([])
    await sweep()
    expect(streams.put).toHaveLength(6)
  })

  test('list no more than fits a run', async () => {
    grid('days', { ...futures, expiries: [{ every: 'day', next: 36 }] })
    for (let day = 0; day < 6; day++)
      grid(`more${day}`, { ...futures, underlying: `U${day}`, expiries: [{ every: 'day', next: 36 }] })
    await sweep()
    expect(named()).toHaveLength(200)
    expect(new Set(named()).size).toBe(200)
  })
})

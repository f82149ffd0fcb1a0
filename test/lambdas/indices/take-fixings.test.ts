import { createServer } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { listFixings } from '#adapters/tables/fixings.ts'
import { parameterVersions } from '#adapters/tables/parameters.ts'
import { recomputeFixing } from '#domain/reference/index-method.ts'
import { indexVersionOf } from '#lambdas/shell/index-level.ts'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { indexName, seedIndex, testMethod } from '#test/support/index-desk.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

/** What the oracle service of these tests answers; undefined: it fails. */
let told: readonly object[] | undefined = []
const asked: string[] = []
const service = createServer((request, response) => {
  asked.push(String(request.url))
  if (told === undefined) response.writeHead(500).end()
  else response.end(JSON.stringify({ quotes: told }))
})
beforeAll(async () => {
  await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
  const address = service.address()
  if (address === null || typeof address === 'string') throw new Error('the service has no port')
  process.env[oracleEnvironmentVariable] = `http://127.0.0.1:${address.port}`
})
afterAll(() => {
  service.close()
  service.closeAllConnections()
})

const tables = mockTables()
const { handler } = await import('#lambdas/indices/take-fixings.ts')
const { handler: http } = await import('#lambdas/indices/http.ts')
const { metrics } = await import('#lambdas/shell/task.ts')
const send = requests(http, indicesOperations)

const minute = 60_000
const start = Date.parse('2026-11-22T10:00:00.000Z')
let nowMillis = start
let counted = jest.spyOn(metrics, 'addMetric')
const figures = () => {
  const sums = new Map<string, number>()
  for (const [name, , count] of counted.mock.calls) sums.set(name, (sums.get(name) ?? 0) + count)
  return Object.fromEntries([...sums].filter(([name, count]) => count > 0 && name !== 'Runs'))
}

beforeEach(() => {
  tables.reset()
  told = []
  asked.length = 0
  nowMillis = start
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
  counted = jest.spyOn(metrics, 'addMetric')
})
afterEach(() => {
  jest.restoreAllMocks()
})

const run = async () => {
  counted.mockClear()
  await handler({}, lambdaContext)
  return figures()
}
const runAt = (millis: number) => {
  nowMillis = millis
  return run()
}
const quote = (quotes: Readonly<Record<string, string>>, agoMillis = 1_000) =>
  send('put-index-quotes', {
    as: { account: 'feed', role: 'service' },
    path: { index: indexName },
    body: {
      quotes: Object.entries(quotes).map(([source, level]) => ({
        source,
        level,
        timestamp: new Date(nowMillis - agoMillis).toISOString(),
      })),
    },
  })
const fixings = (name = indexName) => listFixings(name, 0, Number.MAX_SAFE_INTEGER)
const told_ = async () =>
  (await fixings()).map(
    each => `${(each.fixingMillis - start) / minute} ${each.level}${each.isFallback ? ' again' : ''}`,
  )

/** Each is made again from its row by the method of its version. */
const expectRecomputable = async (name = indexName) => {
  const versions = (await parameterVersions('index', name)).map(indexVersionOf)
  const rows = await fixings(name)
  const differing = rows.filter(row => {
    const method = versions.find(({ version }) => version === row.methodVersion)
    return method === undefined || !isDeepStrictEqual(recomputeFixing(row, method), row)
  })
  expect(differing).toEqual([])
  return rows.length
}

describe('fixings', () => {
  test('are taken once, with what they are made of', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    await quote({ desk: '2.5', cloud: '2.6', broker: '9' })
    expect(await runAt(start + 500)).toEqual({ FixingsTaken: 1 })
    expect(await run()).toEqual({})
    expect(await fixings()).toMatchObject([
      {
        index: indexName,
        fixingMillis: start,
        level: '2.5667',
        isFallback: false,
        methodVersion: 1,
        inputs: [
          { source: 'desk', use: 'used' },
          { source: 'broker', use: 'outlier' },
          { source: 'cloud', weightPpm: 2_000_000, use: 'used' },
        ],
      },
    ])
    expect(await expectRecomputable()).toBe(1)
  })

  test('are of what was quoted by their time, however late they are taken', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    await quote({ desk: '2.5', cloud: '2.5' })
    nowMillis += 2_000
    await quote({ desk: '3', cloud: '3' })
    nowMillis += minute
    await quote({ desk: '4', cloud: '4' })
    expect(await runAt(start + 3 * minute)).toEqual({ FixingsTaken: 4 })
    expect(await told_()).toEqual(['0 2.5', '1 3', '2 4', '3 4'])
    await expectRecomputable()
  })

  test('wait for late quotes, in their order of time', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    nowMillis = start - 1_000
    await quote({ desk: '2.5' }, 0)
    expect(await runAt(start + 500)).toEqual({ FixingsWaiting: 1 })
    expect(await runAt(start + minute)).toEqual({ FixingsWaiting: 2 })
    await quote({ cloud: '2.5' }, minute + 100)
    expect(await run()).toEqual({ FixingsTaken: 2 })
    expect(await told_()).toEqual(['0 2.5', '1 2.5'])
  })

  test('that wait do not keep later ones waiting', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    expect(await runAt(start)).toEqual({ FixingsWaiting: 1 })
    nowMillis = start + 30_000
    await quote({ desk: '2.5', cloud: '2.5' }, 0)
    expect(await runAt(start + minute)).toEqual({ FixingsTaken: 1, FixingsWaiting: 1 })
    expect(await runAt(start + 2 * minute)).toEqual({ FixingsTaken: 1, FixingsMissed: 1 })
    expect(await runAt(start + 3 * minute)).toEqual({ FixingsTaken: 1 })
    expect(await told_()).toEqual(['1 2.5', '2 2.5', '3 2.5'])
  })

  test('fall back as declared, then are missed, and no price is made up', async () => {
    seedIndex(tables, {
      setAtMillis: start - minute + 1,
      method: { staleAfterMillis: minute, fallbackAfterMillis: 0, fallbackMaxAgeMillis: 3 * minute },
    })
    await quote({ desk: '2.5', cloud: '2.5' })
    expect(await runAt(start)).toEqual({ FixingsTaken: 1 })
    expect(await runAt(start + 6 * minute)).toEqual({ FixingsTaken: 3, FixingsFallback: 3, FixingsMissed: 3 })
    expect(await told_()).toEqual(['0 2.5', '1 2.5 again', '2 2.5 again', '3 2.5 again'])
    expect(await runAt(start + 7 * minute)).toEqual({ FixingsMissed: 1 })
    nowMillis = start + 8 * minute
    await quote({ desk: '3', cloud: '3' }, 500)
    expect(await run()).toEqual({ FixingsTaken: 1 })
    await expectRecomputable()
  })

  test('without a declared fallback are missed', async () => {
    seedIndex(tables, { setAtMillis: start, method: { fallback: 'none', fallbackAfterMillis: 0 } })
    expect(await runAt(start)).toEqual({ FixingsMissed: 1 })
    expect(await fixings()).toEqual([])
    expect(tables.items('fixings')).toMatchObject([{ fixing_millis: 0, decided_until_millis: start }])
  })

  test('stay as they were first stored, and follow the version of their time', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    seedIndex(tables, { version: 2, effectiveMillis: start + minute, setAtMillis: start, method: { decimals: 0 } })
    await quote({ desk: '2.6', cloud: '2.6' })
    tables.seed('fixings', {
      index: indexName,
      fixing_millis: start + minute,
      level: '7',
      is_fallback: false,
      method_version: 2,
      inputs: [],
    })
    expect(await runAt(start + 2 * minute)).toEqual({ FixingsTaken: 2 })
    expect((await fixings()).map(({ level, methodVersion }) => [level, methodVersion])).toEqual([
      ['2.6', 1],
      ['7', 2],
      ['3', 2],
    ])
  })

  test('after a jump of the clock are made up for, of several indices', async () => {
    const setAtMillis = start - minute + 1
    const method = { fallbackMaxAgeMillis: 30 * 24 * 60 * minute }
    seedIndex(tables, { setAtMillis, method })
    seedIndex(tables, { name: 'HOURLY', setAtMillis, method: { ...testMethod, fixingIntervalMillis: 60 * minute } })
    await quote({ desk: '2.5', cloud: '2.5' })
    await runAt(start)
    const jump = 36 * 60
    let runs = 0
    nowMillis = start + jump * minute + 10 * minute
    while ((await fixings()).length < jump && runs < 5) {
      await run()
      runs += 1
    }
    expect(runs).toBeLessThanOrEqual(2)
    expect(await expectRecomputable()).toBeGreaterThan(jump)
    expect(tables.items('fixings')).toContainEqual({
      index: 'HOURLY',
      fixing_millis: 0,
      decided_until_millis: start + jump * minute,
    })
  })

  test('of one index that fail do not stop those of others, and are tried again', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    seedIndex(tables, { name: 'BROKEN', setAtMillis: start - minute + 1 })
    tables.seed('indexQuotes', { index: 'BROKEN', source: 'desk', level: 7 })
    await quote({ desk: '2.5', cloud: '2.5' })
    nowMillis = start + 500
    counted.mockClear()
    await expect(handler({}, lambdaContext)).rejects.toThrow('the fixings of 1 indices failed')
    expect(await told_()).toEqual(['0 2.5'])
  })
})

describe('the oracle service', () => {
  const of = (source: string, level: string, millis: number) => ({
    source,
    level,
    timestamp: new Date(millis).toISOString(),
  })

  test('is asked for each index before its fixings are taken', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    told = [of('desk', '2.5', start - 2_000), of('cloud', '2.5', start - 1_000)]
    expect(await runAt(start + 500)).toEqual({ FixingsTaken: 1 })
    expect(asked).toEqual([`/quotes?index=${indexName}`])
    // The same again is nothing new, and nothing to complain of.
    expect(await runAt(start + minute)).toEqual({ FixingsTaken: 1 })
  })

  test('is believed only what a source itself might say', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    told = [
      of('desk', '2.5', start - 2_000),
      of('desk', '9', start - 1_000),
      of('stranger', '2.5', start),
      of('cloud', 'NaN', start),
      of('broker', '2.5', start - 400_000),
    ]
    expect(await runAt(start)).toEqual({ OracleQuotesRefused: 3, FixingsWaiting: 1 })
    expect(tables.items('indexQuotes')).toMatchObject([{ source: 'desk', level: '2.5' }])
  })

  test('that fails is counted, and fixings are taken all the same', async () => {
    seedIndex(tables, { setAtMillis: start - minute + 1 })
    await quote({ desk: '2.5', cloud: '2.5' })
    told = undefined
    expect(await runAt(start + 500)).toEqual({ OracleFailures: 1, FixingsTaken: 1 })
  })
})

import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { lastAssessments } from '#adapters/tables/sla-assessments.ts'
import { uptimeOfWindows } from '#domain/pricing/availability.ts'
import { performanceBondSettlement } from '#domain/pricing/performance-bond.ts'
import { widestSource } from '#domain/settlement/measured-windows.ts'
import { compileEventPattern } from '#local/event-pattern.ts'
import { busEvents } from '#protocol/events.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { openSlaFloor } from '#test/support/sla-floor.ts'

/** The workflow's own document over its own steps and real tables. */

const startMillis = Date.parse('2026-11-10T12:00:00Z')
const minute = 60_000
const floor = await openSlaFloor(startMillis)
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.tables.stop())

const sumOf = (entries: readonly Readonly<Record<string, unknown>>[]) =>
  entries.reduce((sum, { amount }) => sum + Number(amount), 0)
/** All twenty minutes are over, and the watermark has passed them. */
const over = () => floor.at(startMillis + 22 * minute)

describe('a month of a contract', () => {
  test('is closed by the watermark, assessed, posted, credited and announced, once', async () => {
    const id = await floor.contract()
    expect((await floor.measureMinutes(0, 1)).body).toEqual({ taken: 1, known: 0 })
    floor.at(startMillis + 19 * minute)
    await floor.measureMinutes(0, 20, [3])
    await floor.sweep()
    expect((await floor.windows()).length).toBe(17)
    expect(await floor.list('list-uptimes', id)).toMatchObject([
      { windows: 17, is_over: false, assessed_version: null },
    ])
    expect(floor.started()).toEqual([])

    over()
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await floor.list('list-uptimes', id)).toMatchObject([
      {
        month: '2026-11',
        windows: 20,
        up_s: 19 * 120,
        down_s: 120,
        unknown_s: 0,
        uptime_percent: '95',
        is_over: true,
        assessed_version: 1,
      },
    ])
    expect(await floor.list('list-breaches', id)).toMatchObject([
      { breach_id: `${id}:2026-11:uptime:1`, breach_state: 'breached', credit: '0.3', penalty: '300' },
    ])
    expect(await floor.list('list-penalties', id)).toMatchObject([
      { leg: 2, entry_kind: 'penalty', account: 'buyer', amount: '300' },
      { leg: 1, entry_kind: 'penalty', account: 'provider', amount: '-300' },
    ])
    expect(floor.bus.announced.map(({ name }) => name)).toEqual(['SlaBreached.v1', 'PenaltyApplied.v1'])

    const calls = floor.called().length
    await floor.sweep()
    await floor.handOn()
    floor.at(floor.now() + 10 * minute)
    await floor.sweep()
    expect([floor.started().length, floor.called().length]).toEqual([1, calls])
  })

  test('without a breach owes nothing and announces nothing', async () => {
    const id = await floor.contract()
    floor.at(startMillis + 20 * minute)
    await floor.measureMinutes(0, 20)
    over()
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect([await floor.list('list-breaches', id), await floor.list('list-penalties', id)]).toEqual([[], []])
    expect(floor.bus.announced).toEqual([])
  })

  test('of which nothing was measured is unknown, never up', async () => {
    const id = await floor.contract()
    over()
    await floor.sweep()
    expect(await floor.list('list-uptimes', id)).toMatchObject([
      { up_s: 0, unknown_s: 20 * 120, uptime_percent: '0', windows: 20 },
    ])
    expect(await floor.list('list-breaches', id)).toMatchObject([{ penalty: '1000' }])
  })

  test('every step run twice, and the whole again, posts and pays nothing twice', async () => {
    const id = await floor.contract()
    over()
    floor.interfere(async (_, run) => {
      await run()
      return run()
    })
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    const step = JSON.parse(floor.started()[0]?.input ?? '{}')
    for (const name of ['collect-windows', 'assess-month', 'post-penalty', 'credit-penalty', 'announce-penalty'])
      await floor.handlerOf(name)(step, lambdaContext)
    expect(await floor.list('list-penalties', id)).toHaveLength(2)
    const ids = new Set(floor.bus.announced.map(({ detail }) => detail['event_id']))
    expect([...ids].sort()).toEqual([`${id}:2026-11:1:breach`, `${id}:2026-11:1:penalty`])
  })
})

describe('corrections', () => {
  test('after the fact reverse what stood and post anew; windows and ledger keep what was', async () => {
    const id = await floor.contract()
    floor.at(startMillis + 20 * minute)
    await floor.measureMinutes(0, 18)
    over()
    await floor.sweep()
    expect(await floor.list('list-breaches', id)).toMatchObject([{ version: 1, uptime_percent: '90', penalty: '1000' }])

    // One of the two minutes comes late.
    await floor.measureMinutes(18, 19)
    await floor.handOn()
    await floor.sweep()
    // Corrections rest first.
    expect(floor.started()).toHaveLength(1)
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED', 'SUCCEEDED'])
    expect(await floor.list('list-breaches', id)).toMatchObject([
      { version: 2, breach_state: 'breached', uptime_percent: '95', penalty: '300' },
      { version: 1, penalty: '1000' },
    ])

    // The other one, too: there was no breach after all.
    await floor.measureMinutes(19, 20)
    await floor.handOn()
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    expect(await floor.list('list-breaches', id)).toMatchObject([
      { version: 3, breach_state: 'withdrawn', uptime_percent: '100', penalty: '0' },
      { version: 2 },
      { version: 1 },
    ])
    const entries = await floor.list('list-penalties', id)
    expect(entries.map(({ version, entry_kind, account, amount }) => [version, entry_kind, account, amount])).toEqual([
      [3, 'reversal', 'buyer', '-300'],
      [3, 'reversal', 'provider', '300'],
      [2, 'penalty', 'buyer', '300'],
      [2, 'penalty', 'provider', '-300'],
      [2, 'reversal', 'buyer', '-1000'],
      [2, 'reversal', 'provider', '1000'],
      [1, 'penalty', 'buyer', '1000'],
      [1, 'penalty', 'provider', '-1000'],
    ])
    expect(sumOf(entries)).toBe(0)
    const applied = floor.bus.announced.filter(({ name }) => name === 'PenaltyApplied.v1')
    expect(applied.map(({ detail }) => [detail['version'], detail['penalty'], detail['payable']])).toEqual([
      [1, '1000', '1000'],
      [2, '300', '-700'],
      [3, '0', '-300'],
    ])
    // Each change is moved by the engine, once, and in the end nobody has paid.
    expect(
      floor.payments().map(command => command.type === 'post-payment' && [command.purpose, command.amountMicros]),
    ).toEqual([
      ['sla-penalty', 1_000_000_000],
      ['sla-reversal', 700_000_000],
      ['sla-reversal', 300_000_000],
    ])
    expect(floor.cash()).toEqual([5_000_000_000, 0])
  })

  test('that change the uptime and not the penalty post nothing', async () => {
    const id = await floor.contract()
    floor.at(startMillis + 20 * minute)
    await floor.measureMinutes(0, 15)
    over()
    await floor.sweep()
    await floor.measureMinutes(15, 16)
    await floor.handOn()
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    expect(await floor.list('list-breaches', id)).toHaveLength(2)
    expect(await floor.list('list-penalties', id)).toHaveLength(2)
    expect(floor.bus.announced.map(({ name }) => name)).toEqual([
      'SlaBreached.v1',
      'PenaltyApplied.v1',
      'SlaBreached.v1',
    ])
  })

  test('a reading that comes while windows are being closed is in them, whoever is faster', async () => {
    const id = await floor.contract()
    const late = {
      series: 'UP-TRAIN.USE',
      probe: 'p',
      atMillis: startMillis,
      holdsSeconds: 1_200,
      availableUnits: 2,
      degradedUnits: 0,
      latencyNanos: [],
      revision: 0,
      receivedAtMillis: 1,
    }
    over()
    // The sweep and the stream's function at the same moment, a few times over.
    const { handler: sweep } = await import('#lambdas/sla/sweep-sla.ts')
    await Promise.all([
      sweep({}, lambdaContext).catch(() => undefined),
      floor.storeReading(late).then(() => floor.handOn()),
      sweep({}, lambdaContext).catch(() => undefined),
    ])
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    expect(await floor.list('list-uptimes', id)).toMatchObject([{ windows: 20, up_s: 2_400, unknown_s: 0 }])
    const windows = await floor.windows()
    expect(windows.map(({ availability }) => availability?.upSeconds)).toEqual(Array(20).fill(120))
  })
})

describe('failures', () => {
  test('a step that fails ends the attempt, and the sweep begins another later, which goes on from there', async () => {
    const id = await floor.contract()
    over()
    let isBroken = true
    floor.interfere(name =>
      name === 'credit-penalty' && isBroken
        ? Promise.resolve({
            ok: false,
            kind: 'Unhandled',
            error: { errorType: 'Error', errorMessage: 'as the test wants' },
          })
        : undefined,
    )
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotEnforced'])
    expect((await lastAssessments(id)).get('2026-11')).toMatchObject({ state: 'failed', attempt: 1 })
    await floor.sweep()
    expect(floor.started()).toHaveLength(1)
    isBroken = false
    floor.at(floor.now() + 15 * minute)
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotEnforced', 'SUCCEEDED'])
    expect((await lastAssessments(id)).get('2026-11')).toMatchObject({
      state: 'done',
      attempt: 2,
      paymentState: 'paid',
    })
    expect(floor.cash()).toEqual([4_000_000_000, 1_000_000_000])
    expect(await floor.list('list-penalties', id)).toHaveLength(2)
  })

  test('nobody is paid what the payer does not have: it is owed until he has it', async () => {
    const id = await floor.contract()
    floor.deposit('provider', -4_000.000001)
    over()
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotEnforced'])
    expect((await lastAssessments(id)).get('2026-11')).toMatchObject({
      state: 'failed',
      failure: expect.stringContaining('PaymentUncovered'),
    })
    expect([floor.payments(), floor.cash()]).toEqual([[], [999_999_999, 0]])
    expect(await floor.list('list-penalties', id)).toHaveLength(2)

    floor.deposit('provider', 0.000001)
    floor.at(floor.now() + 16 * minute)
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotEnforced', 'SUCCEEDED'])
    expect(floor.cash()).toEqual([0, 1_000_000_000])
    // What comes back is taken from nobody else, either.
    floor.deposit('buyer', -1_000)
    await floor.measureMinutes(0, 20)
    await floor.handOn()
    floor.at(floor.now() + 2 * minute)
    await floor.sweep()
    expect(floor.ends().at(-1)).toBe('FAILED NotEnforced')
    expect(floor.cash()).toEqual([0, 0])
    expect(floor.payments()).toHaveLength(1)
  })
})

describe('whoever settles on windows', () => {
  test('finds those of the contract among the measurements: uptime, and the penalty once it is assessed', async () => {
    const id = await floor.contract()
    floor.at(startMillis + 20 * minute)
    await floor.measureMinutes(0, 20, [5])
    floor.at(startMillis + 21 * minute + minute / 2)
    await floor.sweep()
    const before = await floor.windows()
    expect(before.every(({ source }) => source === id)).toBe(true)
    over()
    await floor.sweep()
    const windows = await floor.windows()
    const span = { fromMillis: startMillis, toMillis: startMillis + 20 * minute }
    const uptime = uptimeOfWindows(
      windows.flatMap(({ availability }) => availability ?? []),
      0,
    )
    expect(uptime).toEqual({ priced: true, value: { up: 2_280_000_000n, total: 2_400_000_000n } })
    const penalties = widestSource(windows, span).map(({ penaltyMicros }) => penaltyMicros ?? -1)
    expect(penalties).toEqual([...Array(19).fill(0), 300_000_000])
    expect(performanceBondSettlement(1_000_000_000, penalties)).toMatchObject({ value: { drawnMicros: 300_000_000 } })
    // The last window is not told without its penalty: a bond would settle on none.
    expect(before.at(-1)?.penaltyMicros).toBe(0)
    expect(before).toHaveLength(19)
  })
})

test('what is announced has its schema, and is found by the patterns of docs/protocol/sla-events.md', async () => {
  const id = await floor.contract()
  over()
  await floor.sweep()
  const patterns = [
    { source: ['compute-exchange'], 'detail-type': ['SlaBreached.v1', 'PenaltyApplied.v1'] },
    { source: ['compute-exchange'], 'detail-type': ['PenaltyApplied.v1'], detail: { buyer_account: ['buyer'] } },
  ].map(compileEventPattern)
  const matches = floor.bus.announced.map(({ name, detail }) => {
    const schema = name === 'SlaBreached.v1' ? busEvents['SlaBreached.v1'] : busEvents['PenaltyApplied.v1']
    expect(schema.parse(detail)).toEqual(detail)
    expect(detail['contract_id']).toBe(id)
    const event = { source: 'compute-exchange', 'detail-type': name, detail }
    return patterns.map(isMatched => isMatched(event))
  })
  expect(matches).toEqual([
    [true, false],
    [true, true],
  ])
})

import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Invocation } from '#local/component.ts'
import { openArbitrageFloor } from '#test/support/arbitrage-floor.ts'

/** The workflow's own document, and that of its purchase, over their own steps, real tables and the real engine. */

const floor = await openArbitrageFloor()
const as = { account: 'alice' } as const
let future = 0

beforeEach(async () => {
  await floor.reset()
  future = await floor.list('H100.USE-DAY1')
})
afterEach(() => floor.end())
afterAll(() => floor.tables.stop())

type Body = Readonly<Record<string, unknown>>
const listed = async (operation: string, query: Readonly<Record<string, string>> = {}): Promise<readonly Body[]> => {
  const { status, body } = await floor.request(operation, { as, query })
  expect(status).toBe(200)
  const data = body['data']
  return Array.isArray(data) ? data : []
}
const opportunities = (query?: Readonly<Record<string, string>>) => listed('list-arbitrage-opportunities', query)
const executions = () => listed('list-arbitrage-executions')
const execute = async (opportunity: Body | undefined, key = 'once') =>
  floor.request('execute-arbitrage', {
    as,
    path: { opportunity_id: String(opportunity?.['opportunity_id']) },
    headers: { 'idempotency-key': key },
  })
const stepsOf = async (execution: Body | undefined): Promise<readonly string[]> => {
  const { body } = await floor.request('get-arbitrage-execution', {
    as,
    path: { execution_id: String(execution?.['execution_id']) },
  })
  const steps = body['steps']
  return Array.isArray(steps) ? steps.map(each => `${each.step_kind} ${each.result}`) : []
}

/** Two units of capacity at 2.00 an hour, and bids for 48 GPU-hours at 2.50. */
const contractAndBids = async (): Promise<Body | undefined> => {
  await floor.contract('alice', '2', 2)
  floor.order('bob', future, 'buy', 250, 48)
  await floor.project()
  return (await opportunities())[0]
}
/** Asks in one book below the bids of another on the same product. */
const twoBooks = async (): Promise<{
  readonly found: Body | undefined
  readonly other: number
  readonly bid: string
}> => {
  const other = await floor.list('H100.USE-DAY2')
  floor.order('bob', future, 'sell', 200, 30)
  const bid = floor.order('carol', other, 'buy', 250, 30)
  await floor.project()
  return { found: (await opportunities())[0], other, bid }
}
const failing =
  (task: string, times: number): ((name: string) => Promise<Invocation> | undefined) =>
  name => {
    if (name !== task || times === 0) return undefined
    times -= 1
    return Promise.resolve({
      ok: false,
      kind: 'Unhandled',
      error: { errorType: 'Error', errorMessage: 'as the test wants it' },
    })
  }

describe('capacity below a future', () => {
  test('is an opportunity net of fees and funding, with both legs and their size', async () => {
    const found = await contractAndBids()
    expect(found).toMatchObject({
      resource_class: 'H100',
      region: 'USE',
      unit_hours: '48',
      gross: '24',
      is_executable: true,
      legs: [
        { direction: 'buy', venue: 'contract', amount: '2', limit_price: '2', notional: '96', fee: '0' },
        {
          direction: 'sell',
          venue: 'futures',
          instrument_name: 'H100.USE-DAY1',
          amount: '48',
          limit_price: '2.5',
          notional: '120',
          fee: '0.06',
          tied_up: '24',
        },
      ],
    })
    expect(Number(found?.['net'])).toBeGreaterThan(23.8)
    expect(Number(found?.['net'])).toBeLessThan(23.94)
  })

  test('is bought, sold ahead and paid for; a repeat of the request is the same execution', async () => {
    const before = (await floor.money('alice')).cashMicros
    const found = await contractAndBids()
    const begun = await execute(found)
    expect([begun.status, begun.body['execution_state']]).toEqual([202, 'running'])
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({
      execution_state: 'completed',
      origin: 'request',
      realised_net: found?.['net'],
      residuals: [],
    })
    expect(await stepsOf(row)).toEqual([
      'reserve reserved',
      'order filled, 48 lots',
      'capture completed',
      'end completed',
    ])
    expect(floor.lots('alice', future)).toBe(-48)
    expect(await floor.money('alice')).toEqual({ cashMicros: before - 96_000_000 - 60_000, heldMicros: 0 })
    const lots = await listed('list-partner-inventory', {
      starts_at: new Date(floor.firstHour()).toISOString(),
      ends_at: new Date(floor.firstHour() + 3_600_000).toISOString(),
    })
    expect(lots.map(each => [each['kind'], each['units']])).toContainEqual(['purchase', 2])
    const again = await execute(found)
    expect([again.status, again.body['execution_id']]).toEqual([202, row?.['execution_id']])
    expect(await executions()).toHaveLength(1)
  })

  test('whose order is killed is released: nothing is bought, held or sold', async () => {
    const before = await floor.money('alice')
    const found = await contractAndBids()
    // Before the order goes out somebody else takes a part of what it needs.
    floor.interfere(async (name, run) => {
      if (name === 'place-arbitrage-order') floor.order('carol', future, 'sell', 250, 1)
      return run()
    })
    await execute(found)
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({ execution_state: 'missed', realised_net: '0', residuals: [] })
    expect(await stepsOf(row)).toEqual([
      'reserve reserved',
      expect.stringMatching(/^order cancelled/),
      'release released',
      'end missed',
    ])
    expect([floor.lots('alice', future), await floor.money('alice')]).toEqual([0, before])
    expect((await opportunities())[0]).toMatchObject({ unit_hours: '24' })
  })

  test('that somebody else has bought meanwhile is not sold ahead', async () => {
    const found = await contractAndBids()
    const offer = String((found?.['legs'] as readonly Body[] | undefined)?.[0]?.['offer_id'])
    await floor.request('purchase-capacity', {
      as,
      headers: { 'idempotency-key': 'other' },
      body: {
        parts: [
          { offer_id: offer, units: 1, price: '2', starts_at: found?.['starts_at'], ends_at: found?.['ends_at'] },
        ],
      },
    })
    await floor.settle()
    expect((await execute(found)).body['code']).toBe('stale-opportunity')
    expect(floor.lots('alice', future)).toBe(0)
  })

  test('is stale as soon as a price has moved, and under one name only one thing is done', async () => {
    const found = await contractAndBids()
    floor.order('carol', future, 'buy', 251, 1)
    await floor.project()
    expect((await execute(found)).body['code']).toBe('stale-opportunity')
    const [moved] = await opportunities()
    expect((await execute(moved)).status).toBe(202)
    expect((await execute(found)).body['code']).toBe('idempotency-conflict')
    await floor.settle()
    expect(await executions()).toHaveLength(1)
  })
})

describe('two books on the same hours', () => {
  test('are bought in one and sold in the other', async () => {
    const { found, other } = await twoBooks()
    expect(found).toMatchObject({ unit_hours: '30', gross: '15', legs: [{ venue: 'futures' }, { venue: 'futures' }] })
    await execute(found)
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({ execution_state: 'completed' })
    expect([floor.lots('alice', future), floor.lots('alice', other)]).toEqual([30, -30])
    expect(await stepsOf(row)).toEqual(['order filled, 30 lots', 'order filled, 30 lots', 'end completed'])
  })

  test('where the second is gone, the first is traded back, and what nobody takes back is told', async () => {
    const { found, other, bid } = await twoBooks()
    floor.order('carol', future, 'buy', 195, 20)
    let orders = 0
    floor.interfere(async (name, run) => {
      if (name === 'place-arbitrage-order' && ++orders === 2) floor.cancel('carol', bid)
      return run()
    })
    await execute(found)
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({
      execution_state: 'residual',
      residuals: [{ instrument_name: 'H100.USE-DAY1', direction: 'buy', amount: '10' }],
      // 20 lots lost 0.05 each; fees are 500 ppm of 60 and of 39.
      realised_net: '-1.0495',
    })
    expect([floor.lots('alice', future), floor.lots('alice', other)]).toEqual([10, 0])
    expect((await stepsOf(row)).filter(each => each.startsWith('unwind'))).toHaveLength(3)
  })

  test('where all of it is taken back nothing is left but its cost', async () => {
    const { found, bid } = await twoBooks()
    floor.order('carol', future, 'buy', 199, 30)
    let orders = 0
    floor.interfere(async (name, run) => {
      if (name === 'place-arbitrage-order' && ++orders === 2) floor.cancel('carol', bid)
      return run()
    })
    await execute(found)
    await floor.settle()
    expect((await executions())[0]).toMatchObject({ execution_state: 'unwound', residuals: [] })
    expect(floor.lots('alice', future)).toBe(0)
  })
})

const died = { ok: false, kind: 'Unhandled', error: { errorType: 'Error', errorMessage: 'died' } } as const

describe('faults', () => {
  const faultyTasks = [
    'reserve-arbitrage-capacity',
    'place-arbitrage-order',
    'capture-arbitrage-purchase',
    'end-arbitrage',
    'hold-purchase-money',
    'reserve-with-partner',
    'book-purchase',
  ]
  test.each(faultyTasks)('%s fails, is tried again, and does it once', async task => {
    const found = await contractAndBids()
    floor.interfere(failing(task, 1))
    await execute(found)
    await floor.settle()
    expect((await executions())[0]).toMatchObject({ execution_state: 'completed', failure: null })
    expect(floor.lots('alice', future)).toBe(-48)
    expect((await floor.money('alice')).heldMicros).toBe(0)
  })

  test.each(faultyTasks.slice(0, 4))('%s does it and dies before it says so: it is not done twice', async task => {
    const found = await contractAndBids()
    let isFirst = true
    floor.interfere(async (name, run) => {
      const done = await run()
      if (name !== task || !isFirst) return done
      isFirst = false
      return { ok: false, kind: 'Unhandled', error: { errorType: 'Error', errorMessage: 'died' } }
    })
    await execute(found)
    await floor.settle()
    expect((await executions())[0]).toMatchObject({ execution_state: 'completed' })
    expect(floor.lots('alice', future)).toBe(-48)
    expect(floor.streams.put.filter(({ command }) => command.type === 'capture-hold')).toHaveLength(1)
  })

  test.each(['release-arbitrage-capacity', 'undo-purchase'])(
    '%s fails, and does it and dies: it is released once',
    async task => {
      const before = await floor.money('alice')
      const found = await contractAndBids()
      let calls = 0
      floor.interfere(async (name, run) => {
        if (name === 'place-arbitrage-order') floor.order('carol', future, 'sell', 250, 1)
        if (name !== task) return run()
        calls += 1
        if (calls === 2) await run()
        return calls > 2 ? run() : died
      })
      await execute(found)
      await floor.settle()
      expect((await executions())[0]).toMatchObject({ execution_state: 'missed', failure: null })
      expect(await floor.money('alice')).toEqual(before)
      expect(floor.lots('alice', future)).toBe(0)
    },
  )

  test('unwind-arbitrage fails, and does it and dies: it is traded back once', async () => {
    const { found, bid } = await twoBooks()
    floor.order('carol', future, 'buy', 199, 60)
    let [orders, calls] = [0, 0]
    floor.interfere(async (name, run) => {
      if (name === 'place-arbitrage-order' && ++orders === 2) floor.cancel('carol', bid)
      if (name !== 'unwind-arbitrage') return run()
      calls += 1
      if (calls === 2) await run()
      return calls > 2 ? run() : died
    })
    await execute(found)
    await floor.settle()
    expect((await executions())[0]).toMatchObject({ execution_state: 'unwound', failure: null })
    expect(floor.lots('alice', future)).toBe(0)
  })

  test('one that never ends fails the execution, which goes on where it stopped once a person says so', async () => {
    const found = await contractAndBids()
    floor.interfere(failing('place-arbitrage-order', 6))
    await execute(found)
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({ execution_state: 'failed', failure: 'Error: as the test wants it' })
    expect((await floor.money('alice')).heldMicros).toBe(96_000_000)
    const path = { execution_id: String(row?.['execution_id']) }
    expect((await floor.request('resume-arbitrage-execution', { as: { account: 'bob' }, path })).status).toBe(404)
    const resumed = await floor.request('resume-arbitrage-execution', { as, path })
    expect([resumed.status, resumed.body['attempt']]).toEqual([202, 2])
    await floor.settle()
    expect((await executions())[0]).toMatchObject({ execution_state: 'completed', failure: null })
    expect(floor.lots('alice', future)).toBe(-48)
    expect((await floor.request('resume-arbitrage-execution', { as, path })).body['code']).toBe('execution-not-failed')
  })

  test('a purchase that cannot be paid once the order is filled: the order is traded back', async () => {
    const found = await contractAndBids()
    floor.order('carol', future, 'sell', 252, 48)
    // The lot that was booked is refused: P's saga undoes the purchase.
    floor.interfere((name, run) =>
      name === 'book-purchase'
        ? Promise.resolve({ ok: false, kind: 'Unhandled', error: { errorType: 'Error', errorMessage: 'no place' } })
        : run(),
    )
    await execute(found)
    await floor.settle()
    const [row] = await executions()
    expect(row).toMatchObject({ execution_state: 'unwound', residuals: [] })
    expect(floor.lots('alice', future)).toBe(0)
    expect((await floor.money('alice')).heldMicros).toBe(0)
  })
})

describe('a policy', () => {
  const set = (body: object, more: object = {}) => floor.request('set-arbitrage-policy', { as, body, ...more })
  const tenant = (body: object) =>
    set(body, { as: { account: 'desk', role: 'market_operator' }, query: { scope: 'tenant' } })

  test('is off as it comes: nothing is done, and nothing decided', async () => {
    await contractAndBids()
    await floor.sweep()
    await set({ mode: 'live' })
    // Nor while the tenant's is off.
    await floor.sweep()
    expect(await executions()).toEqual([])
  })

  test('that runs dry says once what it would do, and does nothing', async () => {
    await contractAndBids()
    await tenant({ mode: 'live' })
    await set({ mode: 'dry_run' })
    await floor.sweep()
    await floor.sweep()
    expect(await executions()).toMatchObject([
      { execution_state: 'dry_run', origin: 'policy', refusals: [], attempt: 0 },
    ])
    expect([floor.lots('alice', future), floor.started()]).toEqual([0, 0])
  })

  test('that is live executes by itself what passes its rules, once', async () => {
    await contractAndBids()
    await tenant({ mode: 'live' })
    await set({ mode: 'live' })
    await floor.sweep()
    await floor.sweep()
    await floor.settle()
    await floor.sweep()
    expect(await executions()).toMatchObject([{ execution_state: 'completed', origin: 'policy' }])
    expect(floor.lots('alice', future)).toBe(-48)
  })

  test('keeps to its limits: sizes are cut to them, and what breaks a rule is refused with all of them', async () => {
    await contractAndBids()
    await tenant({ mode: 'live', max_unit_hours: '30' })
    await set({ mode: 'live', minimum_net: '100', venues: ['futures'] })
    await floor.sweep()
    expect(await executions()).toMatchObject([
      {
        execution_state: 'refused',
        refusals: ['venue-not-allowed', 'net-below-minimum'],
        opportunity: { unit_hours: '24' },
      },
    ])
    expect(floor.started()).toBe(0)
  })
})

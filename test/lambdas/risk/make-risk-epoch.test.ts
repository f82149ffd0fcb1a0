import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { listInstruments } from '#adapters/tables/instruments.ts'
import { getEpochMaking, getRiskEpoch } from '#adapters/tables/risk-epochs.ts'
import { getRiskLane } from '#adapters/tables/risk-lanes.ts'
import { makeEpoch } from '#domain/margin/made-epoch.ts'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import type { Command } from '#domain/trading/commands.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { futureName, pricingNow, underlying } from '#test/support/pricing-floor.ts'
import { openRiskFloor } from '#test/support/risk-floor.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = openRiskFloor()
const { handler } = await import('#lambdas/risk/make-risk-epoch.ts')
const forced = await import('#lambdas/risk/renew-risk-epoch.ts')
const marks = await import('#lambdas/pricing/mark-instruments.ts')
const run = () => handler({}, lambdaContext)
const mark = async () => {
  await marks.handler({}, lambdaContext)
  await floor.project()
}
const epochs = (lane = 1): readonly Command[] =>
  floor.streams.put.flatMap(put =>
    put.lane === lane && put.command.type.startsWith('risk-epoch') ? [put.command] : [],
  )
const begun = (lane = 1) => epochs(lane).flatMap(each => (each.type === 'risk-epoch-begin' ? [each.epochVersion] : []))

let nowMillis = pricingNow
const minute = () => {
  nowMillis += 60_000
}

beforeEach(async () => {
  nowMillis = pricingNow
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
  floor.reset()
  floor.index('2.5')
})
afterEach(() => {
  jest.restoreAllMocks()
})

const open = async (): Promise<void> => {
  floor.activate(1)
  await floor.listFuture(1)
  await floor.list(1, {
    instrumentName: `${futureName}-2.5-C`,
    kind: 'option',
    terms: { option_type: 'call', strike: '2.5', underlying_instrument: futureName, index: underlying },
  })
  await mark()
}

describe('an epoch', () => {
  test('is made of what is listed, stored whole, and adopted', async () => {
    await open()
    await run()
    expect(epochs().map(({ type }) => type)).toEqual(['risk-epoch-begin', 'risk-epoch-chunk', 'risk-epoch-commit'])
    expect(floor.engine(1).snapshot().margin?.book.epoch?.version).toBe(1)
    expect(await getRiskLane(1)).toMatchObject({ adoptedVersion: 1, adoptedSetVersion: 1, adoptedInstruments: 2 })
    const made = await getRiskEpoch(1)
    expect(made).toMatchObject({
      version: 1,
      madeAtMillis: nowMillis,
      reasons: ['first'],
      underlyings: [{ name: underlying, family: 'H100', priceScan: 0.2, volatilityScan: 0.15, level: 2.5 }],
      groups: [{ name: underlying, thresholdUnits: 2_000_000, microsPerUnit: 125_000 }],
    })
    const [future, call] = made?.instruments ?? []
    expect(future?.risk).toMatchObject({ markMicros: 2_500_000, deltaMicroUnits: 1_000_000, vegaMicros: 0 })
    if (future?.risk.risk.kind !== 'array') throw new Error('the future has no array')
    // A fifth down, at the end of the range.
    expect(Math.min(...future.risk.risk.arrayMicros.slice(0, 14))).toBe(-500_000)
    expect(call?.risk.risk.kind).toBe('array')
    expect(call?.risk.shortMinimumMicros).toBe(25_000)
    expect(call?.risk.deltaMicroUnits).toBeGreaterThan(400_000)
    expect(call?.risk.deltaMicroUnits).toBeLessThan(700_000)
    expect(call?.risk.vegaMicros).toBeGreaterThan(0)
    // The current one never goes by itself.
    expect(floor.tables.items('riskEpochs').some(item => item['expires_at'] !== undefined)).toBe(false)
  })

  test('that is stored leads to its own arrays again', async () => {
    await open()
    await floor.list(1, {
      instrumentName: 'SP-H100.USE-01DEC26-9F3A01',
      kind: 'structured_product',
      maxPrice: '2',
      terms: {
        payoff: {
          op: 'pay',
          date: '2026-11-20',
          amount: {
            op: 'min',
            of: [
              { op: 'level', index: underlying, date: '2026-11-20' },
              { op: 'constant', value: 2 },
            ],
          },
        },
      },
    })
    await mark()
    await run()
    const made = await getRiskEpoch(1)
    if (made === undefined) throw new Error('nothing is stored')
    const again = makeEpoch(
      {
        underlyings: made.underlyings,
        lookAheadMillis: made.lookAheadMillis,
        contracts: made.instruments.flatMap(each => ('contract' in each ? [each] : [])),
        assets: made.instruments.flatMap(each => ('asset' in each ? [each] : [])),
      },
      made.scenarioSet,
      made,
    )
    expect(again.accepted && again.value.instruments.map(({ risk }) => risk)).toEqual(
      made.instruments.map(({ risk }) => risk),
    )
    expect(made.instruments).toHaveLength(3)
  })

  test('is sent again only for a reason', async () => {
    await open()
    await run()
    minute()
    await mark()
    await run()
    expect(begun()).toEqual([1])
    // Ten percent of a fifth: beyond it all is valued anew.
    floor.index('2.56')
    minute()
    await mark()
    await run()
    expect(begun()).toEqual([1, 2])
    expect((await getRiskEpoch(2))?.reasons).toContain(`mark-moved ${futureName}`)
    // What was decided by before goes, some time later.
    expect((await getEpochMaking())?.kept).toEqual([{ version: 2, parts: 1 }])
    const going = floor.tables.items('riskEpochs').filter(item => item['expires_at'] !== undefined)
    expect(going.map(({ epoch }) => epoch)).toEqual(['0000000001', '0000000001'])
    nowMillis += 3_600_000
    await run()
    expect((await getRiskEpoch(3))?.reasons).toContain('age')
  })

  test('follows what is listed, and what is set for it', async () => {
    await open()
    await run()
    await floor.list(1, {
      instrumentName: 'A100.USE-01DEC26',
      underlying: 'A100.USE',
      terms: { index: 'A100.USE', averaging_start: '2026-11-01T00:00:00Z' },
    })
    minute()
    await run()
    expect(await getRiskEpoch(2)).toMatchObject({
      reasons: ['scenario-set', 'parameters', 'instrument-listed A100.USE-01DEC26'],
      scenarioSet: { version: 2, underlyings: ['A100.USE', underlying] },
    })
    // Nobody knows what it is worth.
    const [unvalued] = (await getRiskEpoch(2))?.instruments.filter(each => each.boundedBecause !== undefined) ?? []
    expect(unvalued?.risk).toMatchObject({
      instrumentName: 'A100.USE-01DEC26',
      risk: { kind: 'bounds', lowMicros: 0, highMicros: 10_000_000 },
    })
    const { handler: http } = await import('#lambdas/risk/http.ts')
    const { riskOperations } = await import('#protocol/operations/risk.ts')
    await requests(http, riskOperations)('set-risk-parameters', {
      as: { account: 'rita', role: 'risk_manager' },
      body: { underlying, price_scan_ppm: 300_000 },
    })
    minute()
    await run()
    expect(await getRiskEpoch(3)).toMatchObject({
      reasons: ['scenario-set', 'parameters'],
      scenarioSet: { version: 3 },
    })
  })

  test('has collateral at its price less its haircut, and at nothing while it has none', async () => {
    await open()
    const instrumentId = await floor.list(1, {
      instrumentName: 'COLL-TBILL',
      kind: 'collateral',
      underlying: 'TBILL',
      tickSize: '0.0001',
      maxPrice: '2',
      expirationMillis: neverMillis,
      terms: {},
    })
    await run()
    const markOf = () =>
      floor
        .engine(1)
        .snapshot()
        .margin?.book.epoch?.instruments.find(each => each.instrumentId === instrumentId)?.markMicros
    expect(markOf()).toBe(0)
    floor.index('0.99', 'TBILL')
    minute()
    await run()
    expect((await getRiskEpoch(2))?.reasons).toContain('mark-moved COLL-TBILL')
    expect(markOf()).toBe(693_000)
  })

  test('has what an operator marks where no pass can', async () => {
    floor.index(undefined)
    floor.activate(1)
    const uptime = await floor.list(1, {
      instrumentName: 'UP-INFER.USE-01DEC26',
      underlying: 'INFER.USE',
      kind: 'uptime_swap',
      maxPrice: '100',
      terms: { series: 'INFER.USE', period_start: '2026-11-01T00:00:00Z' },
    })
    const [row] = await listInstruments(1)
    if (row === undefined) throw new Error('it is not listed')
    floor.book(row, 0, 0, { markTicks: 99_900 })
    await run()
    expect((await getRiskEpoch(1))?.instruments[0]?.risk).toMatchObject({
      instrumentId: uptime,
      markMicros: 99_900_000,
      risk: { kind: 'bounds', lowMicros: 0, highMicros: 100_000_000 },
    })
  })

  test('goes to every lane the same, each with its own instruments', async () => {
    await open()
    floor.activate(2)
    await floor.listFuture(2, 'H100.USE-01NOV26')
    await mark()
    await run()
    expect(begun(1)).toEqual([1])
    expect(begun(2)).toEqual([1])
    const [one, two] = [1, 2].map(lane => floor.engine(lane).snapshot().margin?.book.epoch)
    expect(one?.version).toBe(two?.version)
    expect(one?.blocks).toEqual(two?.blocks)
    expect([one?.instruments.length, two?.instruments.length]).toEqual([2, 1])
  })

  test('is not for a lane of older rules, nor where nothing is listed', async () => {
    await floor.listFuture(1)
    await run()
    floor.activate(1)
    await floor.project()
    floor.tables.reset()
    await run()
    expect(epochs()).toEqual([])
  })
})

describe('a lane', () => {
  test('that refuses it, since a contract was listed meanwhile, gets another one at once', async () => {
    await open()
    // The engine has it; the table has not.
    let isLate = true
    floor.streams.onPut((command, lane) => {
      if (isLate && command.type === 'risk-epoch-begin') {
        isLate = false
        void floor.listFuture(1, 'H100.USE-01NOV26')
      }
      floor.enter(lane, command)
      void floor.project()
    })
    await run()
    expect(begun()).toEqual([1, 2])
    expect(await getRiskLane(1)).toMatchObject({ adoptedVersion: 2, adoptedInstruments: 3 })
    expect(floor.tables.items('riskEpochs').filter(({ expires_at: at }) => at !== undefined)).toHaveLength(2)
  })

  test('that says nothing is waited for, and not sent more', async () => {
    await open()
    floor.runs(false)
    jest.spyOn(performance, 'now').mockImplementation(skipping())
    await run()
    minute()
    await run()
    expect(begun()).toEqual([1])
    nowMillis += 180_000
    await run()
    expect(begun()).toEqual([1, 2])
  })

  test('whose mark goes beyond the scan has another epoch at once', async () => {
    await open()
    await run()
    const before = { lane: '1' }
    floor.index('4')
    await mark()
    floor.enter(1, { type: 'set-mark-price', commandId: nextCommandId(), instrumentId: 1, markTicks: 4_000 })
    await floor.project()
    expect(await getRiskLane(1)).toMatchObject({ dueVersion: 1, dueInstrumentId: 1 })
    const changed = (now: object) => ({
      Records: [
        {
          dynamodb: {
            SequenceNumber: '1',
            NewImage: image({ ...before, ...now }),
            OldImage: image({ ...before, adopted_version: 1 }),
          },
        },
      ],
    })
    // Another change of the row is no reason.
    await forced.handler(changed({ adopted_version: 1, begun_version: 1 }), lambdaContext)
    expect(begun()).toEqual([1])
    await forced.handler(changed({ adopted_version: 1, due_version: 1, due_instrument_id: 1 }), lambdaContext)
    expect(begun()).toEqual([1, 2])
    expect((await getRiskEpoch(2))?.reasons[0]).toBe('due 1#1')
  })
})

test('two calls at once make one', async () => {
  await open()
  await Promise.all([run(), run()])
  expect(begun()).toEqual([1])
})

const image = (item: object) =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  )

/** A monotonic clock that moves four seconds each time it is looked at. */
const skipping = (): (() => number) => {
  let at = 0
  return () => {
    at += 4_000
    return at
  }
}

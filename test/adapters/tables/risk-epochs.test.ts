import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import {
  expireRiskEpoch,
  getEpochMaking,
  getRiskEpoch,
  getRiskEpochHead,
  keepRiskEpoch,
  putEpochMaking,
  putRiskEpoch,
} from '#adapters/tables/risk-epochs.ts'
import { getRiskLane, isEpochDue, riskLaneUpdate } from '#adapters/tables/risk-lanes.ts'
import { transact } from '#adapters/writes.ts'
import type { MadeEpoch, MadeInstrument } from '#domain/margin/made-epoch.ts'
import { defaultScenarioSet } from '#domain/margin/scenario-set.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('riskEpochs', 'riskLanes'))

const set = defaultScenarioSet([{ name: 'X', family: 'X', priceScan: 0.2, volatilityScan: 0.15 }], { version: 3 })
if (!set.accepted) throw new Error(set.code)

const instrument = (instrumentId: number): MadeInstrument => {
  const common = { instrumentId, instrumentName: `I${instrumentId}` }
  const name = { ...common, shortMinimumMicros: 0, concentrationUnits: 1 }
  const arrayMicros = Array.from({ length: 16 }, (_, scenario) => scenario * 1_000_003 * instrumentId)
  return {
    lane: 1,
    specificationVersion: 2,
    contract: {
      ...name,
      terms: { kind: 'future', index: 'X', averagingStartMillis: 1 },
      underlying: 'X',
      timeYears: 0.1 + 0.2,
      tickSize: '0.001',
      microsPerTickLot: 1_000,
      maxPriceTicks: 10_000,
      markTicks: 2_500,
      market: { level: 2.5000000000000004 },
    },
    risk: {
      ...name,
      markMicros: 2_500_000,
      capMicros: 10_000_000,
      microsPerTick: 1_000,
      group: 0,
      deltaMicroUnits: -1_000_000,
      vegaMicros: 3,
      risk: { kind: 'array', restMicros: 0, arrayMicros },
    },
    ...(instrumentId === 7 ? { boundedBecause: 'unpriceable I7/market' } : {}),
  }
}

const epoch = (count: number): MadeEpoch => ({
  version: 12,
  madeAtMillis: 1_800_000_000_000,
  reasons: ['first'],
  scenarioSet: set.value,
  underlyings: [
    {
      name: 'X',
      family: 'X',
      priceScan: 0.2,
      volatilityScan: 0.15,
      level: null,
      shortOptionMinimumPpm: 1,
      concentrationThreshold: 2,
      concentrationChargePpm: 3,
    },
  ],
  lookAheadMillis: 5,
  groups: [{ name: 'X', thresholdUnits: 0, microsPerUnit: 0 }],
  instruments: Array.from({ length: count }, (_, index) => instrument(index + 1)),
})

test('an epoch comes back as it was stored, to the last digit, whatever its size', async () => {
  expect(await getRiskEpoch(12)).toBeUndefined()
  const made = epoch(1_500)
  const head = await putRiskEpoch(made)
  expect(head.parts).toBeGreaterThan(1)
  expect(await getRiskEpoch(12)).toEqual(made)
  const { instruments: _, ...heading } = made
  expect(await getRiskEpochHead(12)).toEqual({
    ...heading,
    parts: head.parts,
    instruments: 1_500,
    bounded: [{ instrumentName: 'I7', reason: 'unpriceable I7/market' }],
  })
  const sizes = (await tables.items('riskEpochs')).map(({ body }) => (body instanceof Uint8Array ? body.length : 0))
  expect(Math.max(...sizes)).toBeLessThan(350_000)
})

test('one that nobody adopts goes, one that is kept stays until it is let go', async () => {
  const { parts } = await putRiskEpoch(epoch(3))
  const ends = async () => (await tables.items('riskEpochs')).map(({ expires_at: at }) => at)
  expect(await ends()).toEqual([1_800_172_800, 1_800_172_800])
  await keepRiskEpoch({ version: 12, parts })
  expect(await ends()).toEqual([undefined, undefined])
  await expireRiskEpoch({ version: 12, parts }, 1_900_000_000_000)
  expect(await ends()).toEqual([1_900_000_000, 1_900_000_000])
  expect(await getRiskEpoch(12)).toEqual(epoch(3))
})

test('whoever makes epochs does so from the row as it was read', async () => {
  expect(await getEpochMaking()).toBeUndefined()
  const first = { revision: 1, busyUntilMillis: 7, newestVersion: 0, newestSetVersion: 0, kept: [] }
  expect(await putEpochMaking(first, undefined)).toBe(true)
  expect(await putEpochMaking(first, undefined)).toBe(false)
  const second = { ...first, revision: 2, sentAtMillis: 9, newestVersion: 4, kept: [{ version: 3, parts: 2 }] }
  expect(await putEpochMaking(second, first)).toBe(true)
  expect(await putEpochMaking({ ...first, revision: 2 }, first)).toBe(false)
  expect(await getEpochMaking()).toEqual(second)
})

test('a lane tells its epochs one by one', async () => {
  expect(await getRiskLane(1)).toEqual({ lane: 1 })
  const write = async (row: Parameters<typeof riskLaneUpdate>[1]) => {
    expect(await transact([riskLaneUpdate(1, row)])).toBe(true)
  }
  await write({ begunVersion: 2, begunAtMillis: 1 })
  await write({ adoptedVersion: 2, adoptedSetVersion: 1, adoptedInstruments: 3, adoptedAtMillis: 4 })
  await write({ dueVersion: 2, dueInstrumentId: 5, dueAtMillis: 6 })
  const row = await getRiskLane(1)
  expect(row).toEqual({
    lane: 1,
    begunVersion: 2,
    begunAtMillis: 1,
    adoptedVersion: 2,
    adoptedSetVersion: 1,
    adoptedInstruments: 3,
    adoptedAtMillis: 4,
    dueVersion: 2,
    dueInstrumentId: 5,
    dueAtMillis: 6,
  })
  expect(isEpochDue(row)).toBe(true)
  expect(isEpochDue({ ...row, adoptedVersion: 3 })).toBe(false)
})

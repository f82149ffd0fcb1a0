import { describe, expect, test } from '@jest/globals'
import {
  checkEpoch,
  EpochIntake,
  maxGrossMicros,
  type RiskEpoch,
  type RiskInstrument,
} from '#domain/margin/risk-epoch.ts'
import { deepFrozen } from '#test/support/deep-frozen.ts'
import { randomEpoch, randomOf } from './random-books.ts'

const epoch: RiskEpoch = { ...randomEpoch(randomOf(1), 5, 7), scenarioSetVersion: 2 }
const [first, ...others] = epoch.instruments as readonly [RiskInstrument, ...RiskInstrument[]]
const array: RiskInstrument = {
  ...first,
  instrumentId: 1,
  markMicros: 10,
  capMicros: 30,
  microsPerTick: 1,
  group: 0,
  concentrationUnits: 0,
  shortMinimumMicros: 0,
  deltaMicroUnits: 0,
  vegaMicros: 0,
  risk: { kind: 'array', restMicros: 0, arrayMicros: epoch.scenarioNames.map(() => 20) },
}

describe('begin, chunks, commit', () => {
  const { instruments, ...head } = epoch

  test('come to the epoch as it was sent, over a snapshot in the middle', () => {
    let intake = new EpochIntake()
    expect(intake.begin(head, { newestVersion: 4 })).toBeUndefined()
    expect(intake.chunk({ version: 5, number: 0, instruments: instruments.slice(0, 3) })).toBeUndefined()
    const captured = deepFrozen(intake.capture())
    expect(intake.chunk({ version: 5, number: 1, instruments: instruments.slice(3) })).toBeUndefined()
    expect(captured).toMatchObject({ chunks: 1, instruments: instruments.slice(0, 3) })
    intake = EpochIntake.restore(JSON.parse(JSON.stringify(captured)))
    expect(intake.chunk({ version: 5, number: 1, instruments: instruments.slice(3) })).toBeUndefined()
    const listedInstruments = instruments.map(({ instrumentId }) => instrumentId)
    expect(intake.commit(5, 2, { newestVersion: 4, listedInstruments })).toEqual({ accepted: true, value: epoch })
    expect(intake.commit(5, 2, {})).toMatchObject({ code: 'epoch-not-begun' })
    expect(intake.capture()).toEqual({ head: null, chunks: 0, instruments: [] })
  })

  test('are refused by name out of order, repeated, incomplete, of another version, with a missing instrument', () => {
    const intake = new EpochIntake()
    const chunk = { version: 5, number: 0, instruments }
    expect(intake.chunk(chunk)).toMatchObject({ code: 'epoch-not-begun' })
    expect(intake.begin(head, { newestVersion: 5 })).toMatchObject({ code: 'version-not-newer', field: 'version' })
    expect(intake.begin(head, { scenarioSetVersion: 3 })).toMatchObject({ code: 'unknown-scenario-set' })
    intake.begin(head, {})
    expect(intake.chunk({ ...chunk, version: 4 })).toMatchObject({ code: 'epoch-not-begun' })
    expect(intake.chunk({ ...chunk, number: 1 })).toMatchObject({ code: 'chunk-out-of-order' })
    expect(intake.chunk(chunk)).toBeUndefined()
    expect(intake.chunk(chunk)).toMatchObject({ code: 'chunk-out-of-order', field: 'number' })
    expect(intake.commit(5, 2, {})).toMatchObject({ code: 'epoch-incomplete' })
    expect(intake.commit(6, 1, {})).toMatchObject({ code: 'epoch-not-begun' })
    expect(intake.commit(5, 1, { listedInstruments: [1, 99] })).toEqual({
      accepted: false,
      code: 'missing-instrument',
      field: 'instruments/99',
    })
    // An epoch that was overtaken while it came.
    expect(intake.commit(5, 1, { newestVersion: 6 })).toMatchObject({ code: 'version-not-newer' })
    expect(intake.commit(5, 1, {})).toMatchObject({ accepted: true })
    intake.begin(head, {})
    intake.chunk(chunk)
    intake.begin({ ...head, version: 6 }, {})
    expect(intake.commit(6, 0, {})).toMatchObject({ accepted: true, value: { instruments: [] } })
  })
})

describe('an epoch is refused by name', () => {
  const changed = (change: Partial<RiskEpoch>) => checkEpoch({ ...epoch, ...change })
  const one = (change: object) => changed({ instruments: [{ ...array, ...change }] })
  const cap = maxGrossMicros

  test.each([
    [changed({ version: Number.NaN }), 'not-finite', 'version'],
    [changed({ version: 0 }), 'out-of-range', 'version'],
    [changed({ blocks: [] }), 'too-few', 'blocks'],
    [changed({ blocks: [0] }), 'out-of-range', 'blocks/0'],
    [changed({ blocks: [4_096, 4_096] }), 'too-many', 'blocks'],
    [changed({ scenarioNames: ['one', ...epoch.scenarioNames] }), 'length-mismatch', 'scenarioNames'],
    [changed({ groups: [] }), 'too-few', 'groups'],
    [
      changed({ groups: [{ name: 'g', thresholdUnits: -1, microsPerUnit: 0 }] }),
      'out-of-range',
      'groups/g/thresholdUnits',
    ],
    [changed({ instruments: [first, first, ...others] }), 'duplicate-instrument', 'instruments/1'],
    [one({ instrumentId: 0 }), 'out-of-range', 'instruments/0/instrumentId'],
    [one({ capMicros: cap + 1 }), 'out-of-range', 'instruments/1/capMicros'],
    [one({ markMicros: 31 }), 'out-of-range', 'instruments/1/markMicros'],
    [one({ group: 9 }), 'out-of-range', 'instruments/1/group'],
    [one({ shortMinimumMicros: 31 }), 'out-of-range', 'instruments/1/shortMinimumMicros'],
    [one({ concentrationUnits: 61 }), 'out-of-range', 'instruments/1/concentrationUnits'],
    [one({ risk: { kind: 'array', restMicros: 0, arrayMicros: [] } }), 'length-mismatch', 'instruments/1/arrayMicros'],
    [
      one({ risk: { kind: 'array', restMicros: 21, arrayMicros: epoch.scenarioNames.map(() => 0) } }),
      'out-of-range',
      'instruments/1/restMicros',
    ],
    [
      one({ risk: { kind: 'array', restMicros: 0, arrayMicros: epoch.scenarioNames.map(() => -11) } }),
      'out-of-range',
      'instruments/1/arrayMicros/0',
    ],
    [
      one({ risk: { kind: 'array', restMicros: 0, arrayMicros: epoch.scenarioNames.map(() => 0.5) } }),
      'not-an-integer',
      'instruments/1/arrayMicros/0',
    ],
    [
      one({ risk: { kind: 'array', restMicros: 0, arrayMicros: epoch.scenarioNames.map(() => Number.NaN) } }),
      'not-finite',
      'instruments/1/arrayMicros/0',
    ],
    [one({ risk: { kind: 'bounds', lowMicros: 11, highMicros: 30 } }), 'out-of-range', 'instruments/1/lowMicros'],
    [one({ risk: { kind: 'bounds', lowMicros: 0, highMicros: 9 } }), 'out-of-range', 'instruments/1/highMicros'],
  ])('%#', (answer, code, field) => {
    expect(answer).toEqual({ accepted: false, code, field })
  })

  test('and accepted where all bounds hold', () => {
    expect(one({})).toMatchObject({ accepted: true })
  })
})

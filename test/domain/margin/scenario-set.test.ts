import { describe, expect, test } from '@jest/globals'
import {
  blocksOf,
  checkScenarioSet,
  defaultScenarioSet,
  movedBeyondScan,
  type ScenarioSet,
  scanRangeOf,
} from '#domain/margin/scenario-set.ts'

const underlying = (name: string, family: string, priceScan = 0.3) => ({ name, family, priceScan, volatilityScan: 0.1 })
const made = (set: ReturnType<typeof checkScenarioSet>): ScenarioSet => {
  if (!set.accepted) throw new Error(`${set.code} ${set.field}`)
  return set.value
}
const four = [
  underlying('H100.USE', 'GPU'),
  underlying('A100.USE', 'GPU', 0.2),
  underlying('VCPU.USE', 'CPU', 0.1),
  underlying('MEM.USE', 'MEM', 0.1),
]

describe('the default set', () => {
  const set = made(defaultScenarioSet(four, { version: 3 }))

  test('is the 16 of SPAN for all together, for each family of several, and for each alone', () => {
    expect(set.scenarios).toHaveLength(16 * (1 + 1 + 4))
    expect(blocksOf(set)).toEqual([16, 16, 16, 16, 16, 16])
    expect(set.scenarios.slice(0, 3).map(({ name }) => name)).toEqual(['all 0/3 v+', 'all 0/3 v-', 'all +1/3 v+'])
    const byName = (name: string) => set.scenarios.find(scenario => scenario.name === name)
    expect(byName('all -3/3 v+')).toMatchObject({
      weight: 1,
      priceShifts: [-0.3, -0.2, -0.1, -0.1],
      volatilityShifts: [0.1, 0.1, 0.1, 0.1],
    })
    expect(byName('family GPU +extreme')).toMatchObject({
      weight: 0.35,
      priceShifts: [0.6, 0.4, 0, 0],
      volatilityShifts: [0, 0, 0, 0],
    })
    expect(byName('MEM.USE +3/3 v-')).toMatchObject({ priceShifts: [0, 0, 0, 0.1], volatilityShifts: [0, 0, 0, -0.1] })
  })

  test('of one underlying there is only one group; barriers get scenarios that touch and return', () => {
    const one = made(defaultScenarioSet([underlying('X', 'A')], { version: 1, touchesBarriers: true }))
    expect(one.scenarios).toHaveLength(18)
    expect(one.scenarios.at(-1)).toMatchObject({ priceShifts: [0], volatilityShifts: [0], reachShifts: [-0.3] })
  })

  test('tells how far it scans, and who has moved further', () => {
    expect(scanRangeOf(set, 'A100.USE')).toEqual({ accepted: true, value: 0.2 })
    expect(scanRangeOf(set, 'B200')).toMatchObject({ code: 'unknown-underlying', field: 'B200' })
    const from = new Map([
      ['H100.USE', 2],
      ['VCPU.USE', 1],
    ])
    const to = (h100: number, vcpu: number) =>
      movedBeyondScan(
        set,
        from,
        new Map([
          ['H100.USE', h100],
          ['VCPU.USE', vcpu],
          ['MEM.USE', 9],
        ]),
      )
    expect(to(2.6, 0.9)).toEqual({ accepted: true, value: [] })
    expect(to(2.7, 0.8)).toEqual({ accepted: true, value: ['H100.USE', 'VCPU.USE'] })
    expect(to(Number.NaN, 1)).toMatchObject({ code: 'not-finite', field: 'H100.USE' })
  })
})

describe('a set is refused by name', () => {
  const set = made(defaultScenarioSet(four, { version: 3 }))
  const first = set.scenarios[0]
  if (first === undefined) throw new Error('no scenario')
  const changed = (change: Partial<ScenarioSet>, surroundings = {}) =>
    checkScenarioSet({ ...set, ...change }, surroundings)
  const scenario = (change: object) => changed({ scenarios: [{ ...first, ...change }] })

  test.each([
    [changed({ version: 0 }), 'out-of-range', 'version'],
    [changed({ version: 2.5 }), 'not-an-integer', 'version'],
    [changed({}, { newestVersion: 3 }), 'version-not-newer', 'version'],
    [changed({}, { newestVersion: 4 }), 'version-not-newer', 'version'],
    [changed({}, { underlyings: ['H100.USE', 'B200.USE'] }), 'missing-underlying', 'underlyings/B200.USE'],
    [changed({ underlyings: [] }), 'too-few', 'underlyings'],
    [changed({ underlyings: ['a', 'b', 'b', 'c'] }), 'duplicate-underlying', 'underlyings/b'],
    [changed({ underlyings: ['a', '', 'b', 'c'] }), 'malformed', 'underlyings/1'],
    [changed({ underlyings: [...set.underlyings, 'E'] }), 'missing-underlying', 'scenarios/0/priceShifts/E'],
    [changed({ lookAheadYears: Number.POSITIVE_INFINITY }), 'not-finite', 'lookAheadYears'],
    [changed({ lookAheadYears: -1 }), 'out-of-range', 'lookAheadYears'],
    [changed({ scenarios: [] }), 'too-few', 'scenarios'],
    [changed({ scenarios: [first, first] }), 'duplicate-scenario', 'scenarios/1/name'],
    [changed({ scenarios: new Array<typeof first>(4_097).fill(first) }), 'too-many', 'scenarios'],
    [scenario({ weight: 0 }), 'out-of-range', 'scenarios/0/weight'],
    [scenario({ weight: 1.01 }), 'out-of-range', 'scenarios/0/weight'],
    [scenario({ weight: '1' }), 'not-finite', 'scenarios/0/weight'],
    [scenario({ priceShifts: [0, 0, Number.NaN, 0] }), 'not-finite', 'scenarios/0/priceShifts/VCPU.USE'],
    [scenario({ priceShifts: [0, 0, 0] }), 'missing-underlying', 'scenarios/0/priceShifts/MEM.USE'],
    [scenario({ priceShifts: [0, 0, 0, 0, 0] }), 'length-mismatch', 'scenarios/0/priceShifts'],
    [scenario({ priceShifts: undefined }), 'malformed', 'scenarios/0/priceShifts'],
    [scenario({ volatilityShifts: [0, 0, 0, 11] }), 'out-of-range', 'scenarios/0/volatilityShifts/MEM.USE'],
    [scenario({ reachShifts: [0, -11, 0, 0] }), 'out-of-range', 'scenarios/0/reachShifts/A100.USE'],
    [scenario({ name: '' }), 'malformed', 'scenarios/0/name'],
    [defaultScenarioSet([], { version: 1 }), 'too-few', 'underlyings'],
    [defaultScenarioSet([underlying('a', 'b', Number.NaN)], { version: 1 }), 'not-finite', 'underlyings/0/priceScan'],
    [defaultScenarioSet([underlying('a', 'b', -1)], { version: 1 }), 'out-of-range', 'underlyings/0/priceScan'],
    [
      defaultScenarioSet([underlying('a', 'b'), underlying('a', 'c')], { version: 1 }),
      'duplicate-underlying',
      'underlyings/a',
    ],
  ])('%#', (answer, code, field) => {
    expect(answer).toEqual({ accepted: false, code, field })
  })
})

import { describe, expect, test } from '@jest/globals'
import {
  type AccountRisk,
  contributionsOf,
  type EpochInForce,
  outcomesIn,
  requirementsByPart,
  valueAccount,
  withdrawableMicros,
} from '#domain/margin/account-risk.ts'
import { exposuresOf } from '#domain/margin/exposures.ts'
import { mostStressScenarios, type StressScenario, stressedMicros, stressSet } from '#domain/margin/stress.ts'
import { unvaluedInstrument } from '#domain/margin/unvalued-instrument.ts'
import { defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import { testSpecification } from '#test/support/tape.ts'
import { capTicks, type Random, randomEpoch, randomOf } from './random-books.ts'

/** The contracts of a random epoch: their ticks are worth what it says. */
const contractsOf = ({ epoch }: EpochInForce): readonly Instrument[] =>
  epoch.instruments.map(({ instrumentId, microsPerTick }) => {
    const defined = defineInstrument(
      {
        ...testSpecification,
        instrumentName: `I-${instrumentId}`,
        underlying: instrumentId % 2 === 0 ? 'EVEN' : 'ODD',
        tickSize: `0.00000${microsPerTick}`,
        maxPrice: `0.${String(microsPerTick * capTicks).padStart(6, '0')}`,
        takerCommissionPpm: 90_000,
      },
      instrumentId,
      1,
    )
    if (!defined.accepted) throw new Error(defined.detail)
    return defined.value
  })

const randomInForce = (random: Random): EpochInForce => {
  const epoch = randomEpoch(random, 1, 5)
  return { epoch, specificationVersions: new Map(epoch.instruments.map(({ instrumentId }) => [instrumentId, 1])) }
}

const randomAccount = (random: Random, contracts: readonly Instrument[]): AccountRisk => ({
  cashMicros: random.below(20_000) - 2_000,
  heldMicros: random.below(500),
  positions: contracts.flatMap(instrument =>
    random.below(3) === 0
      ? []
      : [{ instrument, sizeLots: random.below(41) - 20, entryTickLots: random.below(400) - 200 }],
  ),
  orders: contracts.flatMap(instrument =>
    Array.from({ length: random.below(4) }, () => ({
      instrument,
      isSell: random.below(2) === 0,
      priceTicks: 1 + random.below(capTicks),
      lots: 1 + random.below(9),
    })),
  ),
})

describe('an account read from rows', () => {
  test('is driven by what adds up to its scan and its bounds', () => {
    const random = randomOf(11)
    for (let each = 0; each < 300; each += 1) {
      const inForce = randomInForce(random)
      const valued = valueAccount(randomAccount(random, contractsOf(inForce)), inForce)
      let [scan, bounded] = [0, 0]
      for (const outcome of outcomesIn(valued, valued.figures.worstScenario)) {
        const sum = outcome.positionMicros + outcome.ordersMicros
        if (valued.instruments.get(outcome.instrumentId)?.risk.kind === 'array') scan -= sum
        else bounded -= sum
      }
      expect([scan + 0, bounded + 0]).toEqual([valued.figures.scanMicros, valued.figures.boundedMicros])
    }
  })

  test('needs without a position what a new reading without it needs', () => {
    const random = randomOf(12)
    let hedges = 0
    for (let each = 0; each < 200; each += 1) {
      const inForce = randomInForce(random)
      const rows = randomAccount(random, contractsOf(inForce))
      const valued = valueAccount(rows, inForce)
      const before = valued.figures
      const contributions = contributionsOf(valued)
      for (const position of rows.positions) {
        if (position.sizeLots === 0) continue
        const without = { ...rows, positions: rows.positions.filter(other => other !== position) }
        const left = valueAccount(without, inForce).figures.requirementMicros
        expect(contributions.get(position.instrument.instrumentId)).toBe(before.requirementMicros - left)
        if (before.requirementMicros < left) hedges += 1
      }
      expect(valued.book.figures(valued.account)).toEqual(before)
    }
    expect(hedges).toBeGreaterThan(20)
  })

  test('in parts needs at least as much scan and as much bounds and fees as whole', () => {
    const random = randomOf(13)
    for (let each = 0; each < 200; each += 1) {
      const inForce = randomInForce(random)
      const rows = randomAccount(random, contractsOf(inForce))
      const { figures } = valueAccount(rows, inForce)
      const parts = [...requirementsByPart(valueAccount(rows, inForce), each => each.specification.underlying).values()]
      const sum = (of: (part: (typeof parts)[number]) => number): number =>
        parts.reduce((all, part) => all + of(part), 0)
      expect(sum(part => part.scanMicros)).toBeGreaterThanOrEqual(figures.scanMicros)
      expect(sum(part => part.boundedMicros)).toBe(figures.boundedMicros)
      expect(sum(part => part.feeReserveMicros)).toBe(figures.feeReserveMicros)
      expect(sum(part => part.shortMinimumMicros)).toBe(figures.shortMinimumMicros)
    }
  })

  test('is covered by bounds where the epoch knows another version of the contract, or none', () => {
    const inForce = randomInForce(randomOf(14))
    const [contract] = contractsOf(inForce)
    if (contract === undefined) throw new Error('no contract')
    const rows = (instrument: Instrument): AccountRisk => ({
      cashMicros: 1_000,
      heldMicros: 0,
      positions: [{ instrument, sizeLots: -2, entryTickLots: -10 }],
      orders: [],
    })
    const adjusted = { ...contract, specificationVersion: 2 }
    for (const valued of [valueAccount(rows(adjusted), inForce), valueAccount(rows(contract), undefined)]) {
      const risk = unvaluedInstrument(contract)
      expect(valued.unvalued).toEqual([risk])
      // Fully funded: what it brought, against what it may cost.
      expect(valued.figures.requirementMicros).toBe(2 * risk.capMicros)
      expect(valued.figures.equityMicros).toBe(1_000 + 10 * contract.microsPerTickLot)
    }
    expect(valueAccount(rows(contract), inForce).unvalued).toEqual([])
  })

  test('leaves out quotes that a budget stands for, and counts what is put by for them', () => {
    const inForce = randomInForce(randomOf(15))
    const [instrument] = contractsOf(inForce)
    if (instrument === undefined) throw new Error('no contract')
    const order = { instrument, isSell: false, priceTicks: 5, lots: 3 }
    const terms = { lots: 10, largestQuoteLots: 2, lotLossMicros: 7, lotCapMicros: 300 }
    const rows = { cashMicros: 1_000, heldMicros: 0, positions: [], orders: [{ ...order, isBudgeted: true }] }
    const { figures } = valueAccount({ ...rows, quoteBudget: { terms, remainingLots: 6 } }, inForce)
    expect(figures).toMatchObject({ scanMicros: 0, quoteReserveMicros: 42, requirementMicros: 42 })
  })

  test('may be withdrawn from what is there, not held and not needed', () => {
    const rows = { cashMicros: 500, heldMicros: 100, positions: [], orders: [] }
    expect(withdrawableMicros(valueAccount(rows, undefined))).toBe(400)
    expect(withdrawableMicros(valueAccount({ ...rows, cashMicros: -50 }, undefined))).toBe(0)
  })
})

describe('exposures', () => {
  test('are exact beyond the safe integers, net and gross', () => {
    const large = { deltaMicroUnits: 2 ** 50 + 1, vegaMicros: -3 }
    const sums = exposuresOf([
      { underlying: 'B', sizeLots: 2 ** 20, sensitivities: large },
      { underlying: 'B', sizeLots: -1, sensitivities: large },
      { underlying: 'A', sizeLots: 5 },
      { underlying: 'A', sizeLots: 0 },
    ])
    expect([...sums.keys()]).toEqual(['A', 'B'])
    expect(sums.get('A')).toMatchObject({ netDeltaMicroUnits: 0n, unvaluedPositions: 1 })
    const delta = 2n ** 50n + 1n
    expect(sums.get('B')).toEqual({
      netDeltaMicroUnits: delta * (2n ** 20n - 1n),
      grossDeltaMicroUnits: delta * (2n ** 20n + 1n),
      netVegaMicros: -3n * (2n ** 20n - 1n),
      grossVegaMicros: 3n * (2n ** 20n + 1n),
      unvaluedPositions: 0,
    })
  })
})

describe('a set of stress scenarios', () => {
  const one = (shift: StressScenario['shifts'][number]): readonly StressScenario[] => [{ name: 'one', shifts: [shift] }]

  test('moves what it names, and touches barriers as far as its price goes unless told', () => {
    const set = stressSet(['A', 'B'], one({ underlying: 'B', price: -0.3, volatility: 0.1 }), 0)
    expect(set).toMatchObject({
      accepted: true,
      value: {
        scenarios: [
          { name: 'one', weight: 1, priceShifts: [0, -0.3], volatilityShifts: [0, 0.1], reachShifts: [0, -0.3] },
        ],
      },
    })
    expect(stressSet(['A'], one({ underlying: 'A', reach: 0.5 }), 0)).toMatchObject({
      value: { scenarios: [{ priceShifts: [0], reachShifts: [0.5] }] },
    })
  })

  test('is refused by name', () => {
    const refused = (scenarios: readonly StressScenario[]) => stressSet(['A'], scenarios, 0)
    expect(refused([])).toMatchObject({ code: 'too-few', field: 'scenarios' })
    const many = Array.from({ length: mostStressScenarios + 1 }, (_, index) => ({ name: `s${index}`, shifts: [] }))
    expect(refused(many)).toMatchObject({ code: 'too-many', field: 'scenarios' })
    expect(refused(one({ underlying: 'X' }))).toMatchObject({
      code: 'unknown-underlying',
      field: 'scenarios/0/shifts/0/underlying',
    })
    expect(refused(one({ underlying: 'A', price: Number.NaN }))).toMatchObject({
      code: 'not-finite',
      field: 'scenarios/0/shifts/0/price',
    })
    expect(refused(one({ underlying: 'A', volatility: Infinity }))).toMatchObject({ code: 'not-finite' })
    expect(refused(one({ underlying: 'A', price: -1.01 }))).toMatchObject({ code: 'out-of-range' })
    expect(refused(one({ underlying: 'A', reach: 11 }))).toMatchObject({ code: 'out-of-range' })
  })

  test('does its worse end to what is known by bounds', () => {
    const contract = contractsOf(randomInForce(randomOf(16)))[0]
    if (contract === undefined) throw new Error('no contract')
    const risk = { ...unvaluedInstrument(contract), markMicros: 40 }
    expect(stressedMicros(risk, 2, 3)).toEqual([-80, -80, -80])
    expect(stressedMicros(risk, -2, 2)).toEqual([80 - 2 * risk.capMicros, 80 - 2 * risk.capMicros])
  })
})

import { describe, expect, test } from '@jest/globals'
import { type LiquidatedPosition, type LiquidationInputs, sizeTranche } from '#domain/margin/liquidation.ts'
import { randomOf } from './random-books.ts'

const position = (
  instrumentId: number,
  sizeLots: number,
  gainsMicros: readonly number[],
  more: Partial<LiquidatedPosition> = {},
): LiquidatedPosition => ({
  instrumentId,
  sizeLots,
  markMicros: 1_000,
  limitMicros: 1_000,
  lotFeeMicros: 0,
  shortMinimumMicros: 0,
  concentrationUnits: 0,
  group: 0,
  gainsMicros,
  isBounded: false,
  largestLots: 1_000_000,
  ...more,
})
const groups = [{ thresholdUnits: 0, microsPerUnit: 0 }]
const inputs = (positions: readonly LiquidatedPosition[], equityMicros: number, bufferPpm = 0): LiquidationInputs => ({
  positions,
  equityMicros,
  groups,
  bufferPpm,
})
const tranche = (given: LiquidationInputs) => {
  const sized = sizeTranche(given)
  if (!sized.accepted) throw new Error(`${sized.code} ${sized.field}`)
  return sized.value
}

/** The requirement said plainly. */
const requirement = ({ positions, groups: all }: LiquidationInputs, sizes: readonly number[]): number => {
  let [scan, rest] = [0, 0]
  const states = positions.find(({ isBounded }) => !isBounded)?.gainsMicros.length ?? 0
  for (let s = 0; s < states; s += 1) {
    let sum = 0
    for (const [index, { gainsMicros, isBounded }] of positions.entries())
      if (!isBounded) sum += (sizes[index] ?? 0) * (gainsMicros[s] ?? 0)
    scan = Math.max(scan, -sum)
  }
  for (const [index, each] of positions.entries()) {
    const size = sizes[index] ?? 0
    if (each.isBounded) rest += Math.max(...each.gainsMicros.map(gain => -gain * size))
    if (size < 0) rest -= size * each.shortMinimumMicros
  }
  for (const [group, { thresholdUnits, microsPerUnit }] of all.entries()) {
    const units = positions.reduce(
      (sum, each, index) => (each.group === group ? sum + Math.abs(sizes[index] ?? 0) * each.concentrationUnits : sum),
      0,
    )
    rest += Math.max(0, units - thresholdUnits) * microsPerUnit
  }
  return scan + rest
}

describe('a tranche', () => {
  test('is the fewest lots that restore to the buffer', () => {
    // 10 lots need 3,000; at equity 2,000 less a tenth, 6 are left that may be kept.
    expect(tranche(inputs([position(1, 10, [300, -300])], 2_000, 100_000))).toEqual({
      steps: [{ instrumentId: 1, lots: -4, limitMicros: 1_000, excessBeforeMicros: -1_200, excessAfterMicros: 0 }],
      isRestored: true,
      equityBeforeMicros: 2_000,
      requirementBeforeMicros: 3_000,
      equityAfterMicros: 2_000,
      requirementAfterMicros: 1_800,
    })
  })

  test('counts what its own fills cost, goes on to the next position, and stops at the largest that is sent at once', () => {
    const costly = tranche(inputs([position(1, -10, [300, -300], { limitMicros: 1_050, lotFeeMicros: 5 })], 2_000))
    // Each lot bought back frees 300 and costs 55.
    expect(costly.steps).toMatchObject([{ lots: 5, excessAfterMicros: 225 }])
    expect(costly).toMatchObject({ equityAfterMicros: 1_725, requirementAfterMicros: 1_500 })
    const two = tranche(inputs([position(1, 3, [300, -300]), position(2, 10, [290, -310])], 2_500))
    expect(two.steps.map(({ instrumentId, lots }) => [instrumentId, lots])).toEqual([
      [1, -3],
      [2, -2],
    ])
    const capped = tranche(inputs([position(1, 10, [300, -300], { largestLots: 2 })], 0))
    expect(capped).toMatchObject({ isRestored: false, steps: [{ lots: -2 }] })
  })

  test('leaves a hedge alone, or sells it only as far as that helps', () => {
    const hedged = tranche(inputs([position(1, -10, [300, -300]), position(2, 12, [300, -300])], 300))
    expect(hedged.steps.map(({ instrumentId, lots }) => [instrumentId, lots])).toEqual([[2, -1]])
    expect(tranche(inputs([position(1, 5, [300, -300])], 5_000)).steps).toEqual([])
  })

  test('agrees with trying every number of lots, and is the same each time', () => {
    const random = randomOf(1)
    for (let each = 0; each < 300; each += 1) {
      const gains = () => [1, 2, 3].map(() => random.below(41) - 20)
      const positions = [1, 2, 3].map(instrumentId => {
        const isBounded = random.below(4) === 0
        return position(
          instrumentId,
          random.below(25) - 12,
          isBounded ? [-random.below(20), random.below(20)] : gains(),
          {
            isBounded,
            markMicros: 50,
            limitMicros: 45 + random.below(11),
            lotFeeMicros: random.below(3),
            shortMinimumMicros: random.below(4),
            concentrationUnits: random.below(3),
            group: random.below(2),
            largestLots: 1 + random.below(20),
          },
        )
      })
      const given: LiquidationInputs = {
        positions,
        equityMicros: random.below(300) - 20,
        groups: [
          { thresholdUnits: 5, microsPerUnit: 2 },
          { thresholdUnits: 0, microsPerUnit: 1 },
        ],
        bufferPpm: random.below(300_000),
      }
      const sized = tranche(given)
      expect(tranche(given)).toEqual(sized)
      const sizes = positions.map(({ sizeLots }) => sizeLots)
      let equity = given.equityMicros
      const needs = (money: number) => Math.max(0, money) * given.bufferPpm
      const expected: (readonly [number, number])[] = []
      for (const [index, one] of positions.entries()) {
        const size = sizes[index] ?? 0
        const side = size > 0 ? -1 : 1
        const cost = side * (one.limitMicros - one.markMicros) + one.lotFeeMicros
        const excess = (lots: number) => {
          const left = equity - lots * cost
          return (left - requirement(given, sizes.with(index, size + side * lots))) * 1e6 - needs(left)
        }
        if (excess(0) >= 0) break
        const all = Array.from({ length: Math.min(Math.abs(size), one.largestLots) + 1 }, (_, lots) => lots)
        const best = Math.max(...all.map(excess))
        const lots = all.find(count => excess(count) >= Math.min(0, best)) ?? 0
        if (lots === 0) continue
        expected.push([one.instrumentId, side * lots])
        sizes[index] = size + side * lots
        equity -= lots * cost
      }
      expect(sized.steps.map(({ instrumentId, lots }) => [instrumentId, lots])).toEqual(expected)
      expect(sized.requirementAfterMicros).toBe(requirement(given, sizes))
      expect(sized.equityAfterMicros).toBe(equity)
    }
  })

  test('hostile inputs, by name', () => {
    const one = position(1, 10, [300, -300])
    const code = (given: LiquidationInputs) => sizeTranche(given)
    expect(code(inputs([one, one], 0))).toMatchObject({ code: 'duplicate-instrument', field: 'positions/1' })
    expect(code(inputs([one, position(2, 1, [1])], 0))).toMatchObject({
      code: 'length-mismatch',
      field: 'positions/2/gainsMicros',
    })
    expect(code(inputs([{ ...one, sizeLots: 0.5 }], 0))).toMatchObject({
      code: 'not-an-integer',
      field: 'positions/1/sizeLots',
    })
    expect(code(inputs([{ ...one, group: 1 }], 0))).toMatchObject({ code: 'out-of-range', field: 'positions/1/group' })
    expect(code(inputs([one], Number.NaN))).toMatchObject({ code: 'not-finite', field: 'equityMicros' })
    expect(code(inputs([one], 0, 1_000_000))).toMatchObject({ code: 'out-of-range', field: 'bufferPpm' })
    expect(code(inputs([{ ...one, gainsMicros: [Number.NaN, 0] }], 0))).toMatchObject({ code: 'not-finite' })
  })
})

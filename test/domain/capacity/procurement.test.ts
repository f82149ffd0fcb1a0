import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type ProcurementHour,
  type ProcurementPolicy,
  planProcurement,
  quantilesOf,
} from '#domain/capacity/procurement.ts'

const policy: ProcurementPolicy = {
  budgetMicros: 1_000_000_000,
  tickMicros: 1_000,
  mostPriceMicros: 12_000_000,
  mostUnits: 100_000,
}
const hour = (startMillis: number, change: Partial<ProcurementHour> = {}): ProcurementHour => ({
  startMillis,
  demand: [10, 12, 20, 30, 33.2],
  priceMicros: [1_000_000, 1_500_000, 2_000_500, 2_600_000, 3_000_000],
  coveredUnits: 0,
  ...change,
})

describe('procurement by forecast', () => {
  test('bids most for what is surely needed, least for what hardly is', () => {
    expect(planProcurement([hour(0)], policy)).toEqual({
      bids: [
        {
          startMillis: 0,
          steps: [
            { units: 10, priceMicros: 3_000_000 },
            { units: 2, priceMicros: 2_600_000 },
            { units: 8, priceMicros: 2_000_000 },
            { units: 10, priceMicros: 1_500_000 },
            { units: 4, priceMicros: 1_000_000 },
          ],
        },
      ],
      costMicros: 70_200_000n,
      units: 34,
      unitsBeyondBudget: 0,
    })
  })

  test('the budget goes to the surest units of all hours first, cut to whole ones', () => {
    const hours = [hour(0), hour(3_600_000)]
    const plan = planProcurement(hours, { ...policy, budgetMicros: 64_000_000 })
    expect(plan.bids).toEqual([
      {
        startMillis: 0,
        steps: [
          { units: 10, priceMicros: 3_000_000 },
          { units: 1, priceMicros: 2_600_000 },
          { units: 1, priceMicros: 1_000_000 },
        ],
      },
      { startMillis: 3_600_000, steps: [{ units: 10, priceMicros: 3_000_000 }] },
    ])
    expect(plan).toMatchObject({ costMicros: 63_600_000n, units: 22, unitsBeyondBudget: 46 })
    expect(planProcurement(hours, { ...policy, budgetMicros: 0 })).toMatchObject({ bids: [], costMicros: 0n, units: 0 })
  })

  test('what is covered, and what the policy excludes, is not bid for', () => {
    const covered = planProcurement([hour(0, { coveredUnits: 25 })], policy)
    expect(covered.bids[0]?.steps).toEqual([
      { units: 5, priceMicros: 1_500_000 },
      { units: 4, priceMicros: 1_000_000 },
    ])
    expect(planProcurement([hour(0, { coveredUnits: 40 })], policy)).toMatchObject({ bids: [], units: 0 })
    const capped = planProcurement([hour(0)], { ...policy, mostPriceMicros: 2_000_000, mostUnits: 12 })
    expect(capped.bids[0]?.steps).toEqual([{ units: 12, priceMicros: 2_000_000 }])
    expect(planProcurement([hour(0, { priceMicros: [0, 0, 0, 0, 0] })], policy).bids).toEqual([])
  })

  test('never costs more than the budget, falls in price, and leaves no unit that it could still pay', () => {
    const quantiles = (most: number) =>
      fc
        .array(fc.double({ min: 0, max: most, noNaN: true }), { minLength: 5, maxLength: 5 })
        .map(values => values.toSorted((a, b) => a - b))
        .map(([a = 0, b = 0, c = 0, d = 0, e = 0]) => [a, b, c, d, e] as const)
    fc.assert(
      fc.property(
        fc.array(fc.record({ demand: quantiles(500), priceMicros: quantiles(5e6), coveredUnits: fc.nat(200) }), {
          maxLength: 24,
        }),
        fc.nat(2_000_000_000),
        (hours, budgetMicros) => {
          const asked = hours.map((each, at) => ({ ...each, startMillis: 3_600_000 * at }))
          const plan = planProcurement(asked, { ...policy, budgetMicros })
          const steps = plan.bids.flatMap(bid => bid.steps)
          const cost = steps.reduce((sum, step) => sum + BigInt(step.units) * BigInt(step.priceMicros), 0n)
          expect(plan.costMicros).toBe(cost)
          expect(cost <= BigInt(budgetMicros)).toBe(true)
          expect(steps.reduce((sum, { units }) => sum + units, 0)).toBe(plan.units)
          for (const { units, priceMicros } of steps) {
            expect(Number.isSafeInteger(units) && units > 0).toBe(true)
            expect(priceMicros % policy.tickMicros).toBe(0)
          }
          for (const { steps: own } of plan.bids)
            for (const [at, step] of own.entries())
              expect(step.priceMicros).toBeLessThan(own[at - 1]?.priceMicros ?? Number.POSITIVE_INFINITY)
          const unlimited = planProcurement(asked, { ...policy, budgetMicros: Number.MAX_SAFE_INTEGER })
          expect(plan.units + plan.unitsBeyondBudget).toBe(unlimited.units)
          const dearest = Math.max(...unlimited.bids.flatMap(bid => bid.steps.map(step => step.priceMicros)))
          if (plan.unitsBeyondBudget === 0) expect(plan.bids).toEqual(unlimited.bids)
          else expect(budgetMicros - Number(cost)).toBeLessThan(dearest)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('reads its quantiles from the intervals of a forecast', () => {
    const forecast = {
      model: 'theta-day' as const,
      point: [5, 6],
      intervals: [
        { level: 80 as const, lower: [4, 5], upper: [6, 7] },
        { level: 95 as const, lower: [3, 4], upper: [8, 9] },
      ],
      errors: [],
      origins: 13,
    }
    expect(quantilesOf(forecast)).toEqual([
      [3, 4, 5, 6, 8],
      [4, 5, 6, 7, 9],
    ])
  })
})

import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loadSolver } from '#adapters/highs.ts'
import { firstComeFirstServed } from '#bench/capacity.ts'
import { capacityInstance } from '#bench/capacity-instance.ts'
import type { CapacityRequest } from '#domain/capacity/capacity-request.ts'
import type { CapacitySource } from '#domain/capacity/capacity-source.ts'
import { type CapacityPlan, planCapacity, usualPlanLimits } from '#domain/capacity/plan-capacity.ts'
import { type PlanningProblem, planningProblem } from '#domain/capacity/planning-problem.ts'
import type { SolveProgramme } from '#domain/integer-programme.ts'

let solve: SolveProgramme
beforeAll(async () => {
  solve = await loadSolver()
})

const gpu = { gpus: 1, vcpus: 0, memoryGib: 0, storageTib: 0 }

const request = (more: Partial<CapacityRequest> & { readonly places?: number } = {}): CapacityRequest => {
  const { places = 2, ...rest } = more
  return {
    allocationId: 'a',
    account: 'acme',
    need: { places, vector: gpu, resourceClass: 'H100' },
    regions: ['USE'],
    earliestHour: 0,
    latestHour: 0,
    durationHours: 2,
    priority: 3,
    budgetMicros: 1_000_000_000,
    isPreemptible: false,
    plansMissed: 0,
    requestedAtMillis: 0,
    ...rest,
  }
}

const source = (more: Partial<CapacitySource> = {}): CapacitySource => ({
  sourceId: 'offer',
  kind: 'partner',
  resourceClass: 'H100',
  region: 'USE',
  vector: gpu,
  priceMicrosPerUnitHour: 2_000_000,
  isPreemptible: false,
  minimumUnits: 1,
  firstHour: 0,
  units: [4, 4, 4, 4],
  ...more,
})

const plan = (requests: readonly CapacityRequest[], sources: readonly CapacitySource[]): CapacityPlan =>
  planCapacity(requests, sources, 0, solve)

const decisionOn = (made: CapacityPlan, allocationId: string) => {
  const found = made.decisions.find(each => each.allocationId === allocationId)
  if (found === undefined) throw new Error(`no decision on ${allocationId}`)
  return found
}

describe('a plan', () => {
  test('takes what is cheapest, the account’s own first, and mixes sources', () => {
    const own = source({
      sourceId: 'lot',
      kind: 'inventory',
      accounts: ['acme'],
      priceMicrosPerUnitHour: 0,
      units: [1, 1],
    })
    const made = plan([request()], [source(), own])
    expect(decisionOn(made, 'a')).toMatchObject({
      boundBy: 'nothing',
      served: { startHour: 0, endHour: 2, costMicros: 4_000_000 },
    })
    expect(decisionOn(made, 'a').served?.shares.map(({ source: from, units }) => [from.sourceId, units])).toEqual([
      ['lot', 1],
      ['offer', 1],
    ])
    // Somebody else’s inventory is nobody’s.
    expect(plan([request({ account: 'other' })], [source(), own]).costMicros).toBe(8_000_000)
  })

  test('begins when it is cheapest within its flexibility', () => {
    const cheap = source({ sourceId: 'night', priceMicrosPerUnitHour: 1_000_000, units: [0, 0, 4, 4] })
    const made = plan([request({ latestHour: 2 })], [source(), cheap])
    expect(decisionOn(made, 'a').served).toMatchObject({ startHour: 2, costMicros: 4_000_000 })
  })

  test('serves whoever counts for more where there is not enough, and says what kept the other out', () => {
    const requests = [request({ allocationId: 'low', priority: 2 }), request({ allocationId: 'high', priority: 4 })]
    const made = plan(requests, [source({ units: [3, 3] })])
    expect(decisionOn(made, 'high').served).toBeDefined()
    expect(decisionOn(made, 'low')).toMatchObject({
      boundBy: 'priority',
      explanation:
        'Not served: partner offer has 1 of 2 units left at 1970-01-01T00:00:00.000Z, by requests that count for more.',
    })
  })

  test('who was left out before comes first among equals, and so does who asks for less', () => {
    const same = [request({ allocationId: 'x' }), request({ allocationId: 'y', plansMissed: 3 })]
    expect(decisionOn(plan(same, [source({ units: [2, 2] })]), 'y').served).toBeDefined()
    const crowd = ['p', 'q', 'r'].map(allocationId => request({ allocationId }))
    const one = request({ allocationId: 'z', account: 'small' })
    expect(decisionOn(plan([...crowd, one], [source({ units: [2, 2] })]), 'z').served).toBeDefined()
  })

  test('spot serves only what may be taken back', () => {
    const spot = source({ sourceId: 'spot', isPreemptible: true, priceMicrosPerUnitHour: 500_000 })
    expect(plan([request()], [spot, source()]).costMicros).toBe(8_000_000)
    expect(plan([request({ isPreemptible: true })], [spot, source()]).costMicros).toBe(2_000_000)
    expect(decisionOn(plan([request()], [spot]), 'a').explanation).toContain('not preemptible')
  })

  test('keeps budgets and minimums, and says which bound', () => {
    expect(decisionOn(plan([request({ budgetMicros: 7_999_999 })], [source()]), 'a')).toMatchObject({
      boundBy: 'budget',
      explanation: 'Not served: the least it could cost is 8 USD, and its budget 7.999999 USD.',
    })
    expect(decisionOn(plan([request({ budgetMicros: 8_000_000 })], [source()]), 'a').served).toBeDefined()
    const bulk = source({ sourceId: 'bulk', minimumUnits: 3, priceMicrosPerUnitHour: 1 })
    expect(plan([request()], [source(), bulk]).costMicros).toBe(8_000_000)
    expect(plan([request({ places: 3 })], [source(), bulk]).costMicros).toBe(6)
  })

  test('takes whole units where a unit has room for several', () => {
    const node = source({ sourceId: 'node', vector: { ...gpu, gpus: 8 }, priceMicrosPerUnitHour: 8_000_000 })
    const made = plan([request({ places: 9 })], [node, source()])
    expect(decisionOn(made, 'a').served?.shares.map(({ source: from, units }) => [from.sourceId, units])).toEqual([
      ['offer', 1],
      ['node', 1],
    ])
    expect(made.costMicros).toBe(20_000_000)
  })

  test('takes a future where that is cheaper by all the hours that are paid, and no more than stands there', () => {
    const future = source({
      sourceId: 'future',
      kind: 'future',
      accounts: ['acme'],
      priceMicrosPerUnitHour: 1_500_000,
      hoursPaid: 3,
      units: [1, 1, 1],
    })
    // Three hours at 1.5 for a run of two are dearer than two at 2.
    expect(plan([request()], [source(), future]).costMicros).toBe(8_000_000)
    const longer = plan([request({ durationHours: 3 })], [source(), future])
    expect(decisionOn(longer, 'a').served?.shares.map(({ source: from, units }) => [from.sourceId, units])).toEqual([
      ['future', 1],
      ['offer', 1],
    ])
    expect(longer.costMicros).toBe(10_500_000)
    expect(
      decisionOn(plan([request({ budgetMicros: 8_999_999 })], [{ ...future, units: [4, 4, 4] }]), 'a'),
    ).toMatchObject({
      boundBy: 'budget',
      explanation: 'Not served: the least it could cost is 9 USD, and its budget 8.999999 USD.',
    })
    expect(plan([request({ durationHours: 3, avoidedSources: ['future'] })], [source(), future]).costMicros).toBe(
      12_000_000,
    )
  })

  test('says where units or hours are missing', () => {
    expect(decisionOn(plan([request({ places: 5 })], [source()]), 'a')).toMatchObject({ boundBy: 'capacity' })
    expect(decisionOn(plan([request({ durationHours: 5 })], [source()]), 'a')).toMatchObject({ boundBy: 'window' })
    expect(decisionOn(planCapacity([request()], [source()], 1, solve), 'a')).toMatchObject({
      boundBy: 'window',
      explanation: 'Not served: its last start 1970-01-01T00:00:00.000Z has passed.',
    })
  })

  test('of nothing is nothing', () => {
    expect(plan([], [source()])).toMatchObject({ decisions: [], served: 0, certificate: { isOptimal: true, gap: 0 } })
    expect(plan([request()], [])).toMatchObject({ served: 0, costMicros: 0 })
  })
})

/** Every way to serve every request, one after the other: what the best of all plans is worth. */
const bestOfAll = (problem: PlanningProblem): number => {
  const left = problem.capacity.map(own => Array.from(own))
  const serve = (index: number): number => {
    if (index >= problem.requests.length) return 0
    let best = serve(index + 1)
    for (const position of problem.optionsOf[index] ?? []) {
      const option = problem.options[position]
      if (option === undefined) continue
      const { entries, start, hours, needed, budgetMicros } = option
      const choose = (at: number, places: number, cost: number): void => {
        const entry = entries[at]
        if (entry === undefined) {
          if (places < needed || cost > budgetMicros) return
          best = Math.max(best, (problem.worth[index] ?? 0) - cost / 1_000_000 + serve(index + 1))
          return
        }
        const own = left[entry.source] ?? []
        const run = own.slice(start, start + hours)
        const most = Math.min(entry.most, ...run)
        for (let units = 0; units <= most; units++) {
          if (units > 0 && units < entry.minimum) continue
          for (let hour = start; hour < start + hours; hour++) own[hour] = (own[hour] ?? 0) - units
          choose(at + 1, places + units * entry.places, cost + units * entry.costMicros)
          for (let hour = start; hour < start + hours; hour++) own[hour] = (own[hour] ?? 0) + units
        }
      }
      choose(0, 0, 0)
    }
    return best
  }
  return serve(0)
}

const smallInstance = fc.record({
  requests: fc.array(
    fc.record({
      places: fc.integer({ min: 1, max: 3 }),
      regions: fc.constantFrom(['USE'], ['EUW'], ['USE', 'EUW']),
      earliestHour: fc.integer({ min: 0, max: 2 }),
      flexibleHours: fc.integer({ min: 0, max: 2 }),
      durationHours: fc.integer({ min: 1, max: 2 }),
      priority: fc.integer({ min: 1, max: 5 }),
      budgetMicros: fc.integer({ min: 0, max: 20 }).map(usd => usd * 1_000_000),
      isPreemptible: fc.boolean(),
      account: fc.constantFrom('acme', 'other'),
      plansMissed: fc.integer({ min: 0, max: 12 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  sources: fc.array(
    fc.record({
      region: fc.constantFrom('USE', 'EUW'),
      gpus: fc.constantFrom(1, 1, 2),
      price: fc.integer({ min: 0, max: 6 }).map(half => half * 500_000),
      isPreemptible: fc.boolean(),
      minimumUnits: fc.constantFrom(1, 1, 2),
      hoursPaid: fc.constantFrom(0, 0, 1, 3),
      kind: fc.constantFrom('partner', 'partner', 'day_ahead'),
      accounts: fc.constantFrom(undefined, undefined, ['acme']),
      units: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
})

const instanceOf = (drawn: typeof smallInstance extends fc.Arbitrary<infer T> ? T : never) => ({
  requests: drawn.requests.map(({ flexibleHours, ...each }, index) =>
    request({ ...each, allocationId: `r${index}`, latestHour: each.earliestHour + flexibleHours }),
  ),
  sources: drawn.sources.map(({ gpus, price, accounts, ...each }, index) =>
    source({
      ...each,
      ...(accounts !== undefined && { accounts }),
      sourceId: `s${index}`,
      vector: { ...gpu, gpus },
      priceMicrosPerUnitHour: price,
    }),
  ),
})

describe('beside trying everything', () => {
  test('small plans are the best there are, and proved to be', () => {
    fc.assert(
      fc.property(smallInstance, drawn => {
        const { requests, sources } = instanceOf(drawn)
        const { certificate } = plan(requests, sources)
        const best = bestOfAll(planningProblem(requests, sources, 0))
        expect(certificate.isOptimal).toBe(true)
        expect(certificate.objective).toBeCloseTo(best, 4)
        expect(certificate.bound).toBeGreaterThanOrEqual(best - 1e-4)
      }),
      { numRuns: 150, seed: 9 },
    )
  })

  test('where the search is cut short the bound still holds, and nothing is overdrawn', () => {
    fc.assert(
      fc.property(smallInstance, drawn => {
        const { requests, sources } = instanceOf(drawn)
        const limits = { ...usualPlanLimits, priceRounds: 3, mostColumns: 4, mostNeighbourhoods: 1 }
        const made = planCapacity(requests, sources, 0, solve, limits)
        const best = bestOfAll(planningProblem(requests, sources, 0))
        expect(made.certificate.objective).toBeLessThanOrEqual(best + 1e-4)
        expect(made.certificate.bound).toBeGreaterThanOrEqual(best - 1e-4)
        holds(made, requests, sources)
      }),
      { numRuns: 100, seed: 10 },
    )
  })
})

/** Places, windows, budgets, minimums and what each source has in each hour: counted again from the decisions alone. */
const holds = (made: CapacityPlan, requests: readonly CapacityRequest[], sources: readonly CapacitySource[]): void => {
  const used = new Map<string, number>()
  for (const { allocationId, served } of made.decisions) {
    const asked = requests.find(each => each.allocationId === allocationId)
    if (served === undefined || asked === undefined) continue
    const { startHour, endHour, costMicros, shares } = served
    expect(startHour).toBeGreaterThanOrEqual(asked.earliestHour)
    expect(startHour).toBeLessThanOrEqual(asked.latestHour)
    expect(endHour - startHour).toBe(asked.durationHours)
    expect(costMicros).toBeLessThanOrEqual(asked.budgetMicros)
    const paid = shares.reduce(
      (sum, { source: { priceMicrosPerUnitHour, hoursPaid = 0 }, units }) =>
        sum + units * priceMicrosPerUnitHour * Math.max(hoursPaid, asked.durationHours),
      0,
    )
    expect(costMicros).toBe(paid)
    expect(new Set(shares.map(({ source: from }) => `${from.resourceClass} ${from.region}`)).size).toBe(1)
    // A bid has nothing beside it.
    expect(new Set(shares.map(({ source: from }) => from.kind === 'day_ahead')).size).toBe(1)
    expect(shares.reduce((sum, { source: from, units }) => sum + units * from.vector.gpus, 0)).toBeGreaterThanOrEqual(
      asked.need.places,
    )
    for (const { source: from, units } of shares) {
      expect(units).toBeGreaterThanOrEqual(from.minimumUnits)
      expect(from.accounts?.includes(asked.account)).not.toBe(false)
      expect(asked.isPreemptible || !from.isPreemptible).toBe(true)
      for (let hour = startHour; hour < endHour; hour++) {
        const key = `${from.sourceId} ${hour}`
        used.set(key, (used.get(key) ?? 0) + units)
        const there = sources.find(each => each.sourceId === from.sourceId)?.units[hour - from.firstHour] ?? 0
        expect(used.get(key)).toBeLessThanOrEqual(there)
      }
    }
  }
}

describe('a crowd', () => {
  const { requests, sources } = capacityInstance({ seed: 7, requests: 60 })
  const limits = { ...usualPlanLimits, priceRounds: 40, mostColumns: 60, mostNeighbourhoods: 1 }

  test('is served for less than by who came first, in order, and the same each time', () => {
    const made = planCapacity(requests, sources, 0, solve, limits)
    holds(made, requests, sources)
    const queue = firstComeFirstServed({ requests, sources })
    expect(made.served).toBeGreaterThanOrEqual(queue.served)
    expect(made.costMicros).toBeLessThan(queue.costMicros)
    expect(made.certificate.gap).toBeGreaterThanOrEqual(0)
    const again = planCapacity(requests.toReversed(), sources.toReversed(), 0, solve, limits)
    expect(again).toEqual(made)
  })
})

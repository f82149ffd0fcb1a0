import type { CapacityRequest } from '#domain/capacity/capacity-request.ts'
import type { CapacitySource, ResourceVector } from '#domain/capacity/capacity-source.ts'
import { ampleUnits } from '#domain/capacity/planning-problem.ts'

export interface CapacityInstance {
  readonly requests: readonly CapacityRequest[]
  readonly sources: readonly CapacitySource[]
}

/** A linear congruential generator's high bits, scrambled (mulberry32). */
const uniformOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const classes = [
  ['H100', 2_500_000],
  ['A100', 1_300_000],
  ['L40S', 900_000],
  ['T4', 250_000],
] as const
const regions = ['USE', 'USW', 'EUW', 'APS'] as const
const gpu: ResourceVector = { gpus: 1, vcpus: 12, memoryGib: 96, storageTib: 1 }

/**
 * A week of 168 hours in 16 markets (4 classes, 4 regions). Each has own inventory at a third of the list price, two contracts at
 * about half and three quarters, spot at about 40 % and a list price without end; what is cheap is scarce, and changes by the day.
 * Requests: 1 to 16 GPUs for 1 to 24 hours, begun within up to two days; a third may run in two regions, a third are
 * preemptible, a tenth have a budget below the list price. They come in random order.
 */
export const capacityInstance = ({
  seed,
  requests,
}: {
  readonly seed: number
  readonly requests: number
}): CapacityInstance => {
  const uniform = uniformOf(seed)
  const whole = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1))
  const horizon = 168
  const crowd = requests / 1_000
  const sources: CapacitySource[] = []
  for (const [resourceClass, listMicros] of classes)
    for (const region of regions) {
      const source = (
        name: string,
        part: number,
        units: () => number,
        more: Partial<Pick<CapacitySource, 'isPreemptible' | 'minimumUnits'>> = {},
      ): void => {
        const daily = Array.from({ length: horizon / 24 }, units)
        sources.push({
          sourceId: `${resourceClass}.${region}/${name}`,
          kind: name === 'inventory' ? 'inventory' : 'partner',
          resourceClass,
          region,
          vector: gpu,
          priceMicrosPerUnitHour: Math.round(listMicros * part),
          isPreemptible: false,
          minimumUnits: 1,
          firstHour: 0,
          units: Array.from({ length: horizon }, (_, hour) => daily[Math.floor(hour / 24)] ?? 0),
          ...more,
        })
      }
      const scarce = (low: number, high: number) => () => Math.ceil(whole(low, high) * crowd)
      source('inventory', 0.33, scarce(4, 16))
      source('contract-a', 0.45 + 0.1 * uniform(), scarce(4, 16), { minimumUnits: 2 })
      source('contract-b', 0.7 + 0.1 * uniform(), scarce(4, 16))
      source('spot', 0.35 + 0.1 * uniform(), scarce(0, 24), { isPreemptible: true })
      source('list', 1, () => ampleUnits)
    }
  return {
    sources,
    requests: Array.from({ length: requests }, (_, index): CapacityRequest => {
      const durationHours = whole(1, 24)
      const earliestHour = whole(0, horizon - durationHours)
      const latestHour = Math.min(horizon - durationHours, earliestHour + (uniform() < 0.2 ? 0 : whole(1, 48)))
      const [resourceClass, listMicros] = classes[whole(0, classes.length - 1)] ?? classes[0]
      const at = whole(0, regions.length - 1)
      const places = whole(1, 16)
      const list = places * durationHours * listMicros
      return {
        allocationId: `r${String(index).padStart(5, '0')}`,
        account: `account-${whole(1, 20)}`,
        need: { places, vector: { gpus: 1, vcpus: 0, memoryGib: 0, storageTib: 0 }, resourceClass },
        regions:
          uniform() < 1 / 3
            ? [regions[at] ?? 'USE', regions[(at + 1) % regions.length] ?? 'USE']
            : [regions[at] ?? 'USE'],
        earliestHour,
        latestHour,
        durationHours,
        priority: whole(1, 5),
        budgetMicros: Math.round(list * (uniform() < 0.1 ? 0.5 + 0.5 * uniform() : 1 + uniform())),
        isPreemptible: uniform() < 1 / 3,
        plansMissed: 0,
        requestedAtMillis: index,
      }
    }),
  }
}

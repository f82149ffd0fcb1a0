import type { ResourceTraits } from './substitutes.ts'

/** What one accelerator, or one virtual processor, can do: whatever it costs and however surely it can be had. */
export type ClassTraits = Pick<ResourceTraits, 'performanceTflops' | 'memoryGib' | 'interconnectGbytesPerSecond'>

const traits = (performanceTflops: number, memoryGib: number, interconnectGbytesPerSecond: number): ClassTraits => ({
  performanceTflops,
  memoryGib,
  interconnectGbytesPerSecond,
})

/** As their manufacturer's data sheets say: dense 16-bit tensor operations, memory, links both ways. */
const accelerators: Readonly<Record<string, ClassTraits>> = {
  B200: traits(2_250, 180, 1_800),
  H200: traits(989, 141, 900),
  H100: traits(989, 80, 900),
  A100: traits(312, 40, 600),
  'A100-80GB': traits(312, 80, 600),
  L40S: traits(362, 48, 64),
  L40: traits(181, 48, 64),
  A6000: traits(155, 48, 112),
  A10: traits(125, 24, 64),
  L4: traits(121, 24, 64),
  V100: traits(125, 16, 300),
  T4: traits(65, 16, 32),
  P100: traits(19, 16, 32),
}

/** A thread of a server processor with 256-bit vectors at 2.8 GHz, its usual 4 GiB, and its machine's network. */
const virtualProcessor = traits(0.045, 4, 2)
const processorClasses: ReadonlySet<string> = new Set(['CPU', 'VCPU'])

/** Undefined where nobody has said what such a resource can do: it is then compared with nothing. */
export const traitsOfClass = (resourceClass: string): ClassTraits | undefined => {
  const name = resourceClass.toUpperCase()
  return processorClasses.has(name)
    ? virtualProcessor
    : (accelerators[name] ?? accelerators[name.replace(/-\d+GB$/, '')])
}

/** How surely it can be had and kept, by how it is sold: assumptions, unless whoever asks knows better. */
export const reliabilityOfPricing = {
  on_demand: 0.995,
  spot: 0.9,
  commitment_1y: 0.9995,
  commitment_3y: 0.9995,
  contract: 0.9995,
  market: 0.999,
} as const

/** Degrees north and east: of the place that a region is named by; of a country where it names only that. */
const places: Readonly<Record<string, readonly [number, number]>> = {
  USE: [38.9, -77.5],
  USW: [45.6, -121.2],
  EUW: [53.3, -6.3],
  US: [39.8, -98.6],
  'US-1': [39.8, -98.6],
  'us-central1': [41.3, -95.9],
  'us-east1': [33.2, -80.0],
  'us-east4': [38.9, -77.5],
  'us-east5': [39.9, -83.0],
  'us-south1': [32.8, -96.8],
  'us-west1': [45.6, -121.2],
  'us-west2': [34.1, -118.2],
  'us-west3': [40.8, -111.9],
  'us-west4': [36.2, -115.1],
  'us-east-1': [38.9, -77.5],
  'us-east-2': [40.0, -83.0],
  'us-west-1': [37.4, -121.9],
  'us-west-2': [45.6, -121.2],
  'us-west-3': [40.8, -111.9],
  'us-midwest-1': [41.9, -87.6],
  'us-south-2': [32.8, -96.8],
  eastus: [37.4, -79.4],
  westus2: [47.2, -119.9],
  westeurope: [52.4, 4.9],
  northeurope: [53.3, -6.3],
  'northamerica-northeast1': [45.5, -73.6],
  'northamerica-northeast2': [43.7, -79.4],
  'northamerica-south1': [20.6, -100.4],
  'CANADA-1': [45.5, -73.6],
  MON1: [45.5, -73.6],
  'southamerica-east1': [-23.5, -46.6],
  'southamerica-west1': [-33.4, -70.7],
  'europe-central2': [52.2, 21.0],
  'europe-north1': [60.6, 27.2],
  'europe-north2': [59.3, 18.1],
  'europe-southwest1': [40.4, -3.7],
  'europe-west1': [50.4, 3.8],
  'europe-west2': [51.5, -0.1],
  'europe-west3': [50.1, 8.7],
  'europe-west4': [53.4, 6.8],
  'europe-west6': [47.4, 8.5],
  'europe-west8': [45.5, 9.2],
  'europe-west9': [48.9, 2.4],
  'europe-west10': [52.5, 13.4],
  'europe-west12': [45.1, 7.7],
  'eu-west-1': [53.3, -6.3],
  'eu-central-1': [50.1, 8.7],
  'eu-north-1': [59.3, 18.1],
  'eu-north1': [60.3, 25.0],
  'eu-west1': [48.9, 2.4],
  FRA: [50.1, 8.7],
  FRA2: [50.1, 8.7],
  'FIN-01': [60.2, 24.9],
  'FIN-02': [60.2, 24.9],
  'ICE-01': [64.1, -21.9],
  'me-central1': [25.3, 51.5],
  'me-central2': [26.4, 50.1],
  'me-west1': [32.1, 34.8],
  'africa-south1': [-26.2, 28.0],
  'asia-east1': [24.1, 120.7],
  'asia-east2': [22.3, 114.2],
  'asia-northeast1': [35.7, 139.7],
  'asia-northeast2': [34.7, 135.5],
  'asia-northeast3': [37.6, 127.0],
  'asia-south1': [19.1, 72.9],
  'asia-south2': [28.6, 77.2],
  'asia-southeast1': [1.3, 103.8],
  'asia-southeast2': [-6.2, 106.8],
  'ap-northeast-1': [35.7, 139.7],
  'ap-southeast-1': [1.3, 103.8],
  'ap-southeast-2': [-33.9, 151.2],
  'australia-east-1': [-33.9, 151.2],
  'australia-southeast1': [-33.9, 151.2],
  'australia-southeast2': [-37.8, 145.0],
}

export const knownRegions: readonly string[] = Object.keys(places)

/** Light in glass goes there and back over 100 km in a millisecond; cables are half as long again as the straight way. */
const millisOfKm = 1.5 / 100
/** Within a place, and to one that nobody has said where it is. */
const leastMillis = 1
const unknownMillis = 250
const earthRadiusKm = 6_371

/** There and back, estimated from where the regions are: by the great circle, not measured. */
export const latencyMillisBetween = (one: string, other: string): number => {
  if (one === other) return 0
  const [from, to] = [places[one], places[other]]
  if (from === undefined || to === undefined) return unknownMillis
  return Math.round(Math.max(leastMillis, greatCircleKm(from, to) * millisOfKm))
}

/** By the haversine formula. */
const greatCircleKm = (from: readonly [number, number], to: readonly [number, number]): number => {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180
  const halfNorth = Math.sin(radians(to[0] - from[0]) / 2)
  const halfEast = Math.sin(radians(to[1] - from[1]) / 2)
  const square = halfNorth ** 2 + Math.cos(radians(from[0])) * Math.cos(radians(to[0])) * halfEast ** 2
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(square)))
}

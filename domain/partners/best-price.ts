import { fittingIn, hourlyMicros, hourMillis, type Offer, type ResourceVector, termHoursOf } from './catalogue.ts'

/** So many places of such a vector, each within one unit of an offer, in each hour of the window. */
export interface Need {
  readonly quantity: number
  readonly vector: ResourceVector
  /** Whole hours since 1970. */
  readonly fromMillis: number
  readonly untilMillis: number
  /** Any of them will do. */
  readonly regions: readonly string[]
  /** Of that class only; any whose vector fits unless told. */
  readonly resourceClass?: string
  /** When it is taken: offers that cannot be taken any more are none. */
  readonly atMillis: number
}

/** Of one offer, in hours that follow one another. */
export interface PlanLeg {
  readonly offer: Offer
  readonly units: number
  readonly fromMillis: number
  readonly untilMillis: number
  /** Of a commitment the hours of its terms, used or not. */
  readonly paidHours: number
  readonly costMicros: bigint
}

/** Places that no offer has, in hours that follow one another. */
export interface Uncovered {
  readonly fromMillis: number
  readonly untilMillis: number
  readonly quantity: number
}

export interface Plan {
  readonly legs: readonly PlanLeg[]
  readonly costMicros: bigint
  readonly uncovered: readonly Uncovered[]
  readonly coveredPlaceHours: number
  /** Until when all of it can be taken at these prices; undefined where there is nothing to take. */
  readonly validUntilMillis?: number
  /** That prices hold and capacity stays for the whole window, in millionths. */
  readonly confidencePpm: number
}

export const mostQuantity = 10_000
/** No unit of anything costs that much for an hour; with it every sum of an hour is a safe integer. */
export const mostMicrosPerUnitHour = 10_000_000_000

/**
 * The cheapest way to cover as much of a need as can be covered: exact, to the micro. What is paid by the hour may change
 * from hour to hour; a commitment covers the whole window and is paid for whole terms. Covering more comes before costing
 * less. Of equally cheap ways the one with fewer commitments, then the one that takes from offers named first.
 *
 * For each number of places that commitments cover, every hour covers the rest by itself; both are covering knapsacks, solved
 * by dynamic programming over places, with a sliding minimum so that each piece of an offer's cost takes time linear in them.
 */
export const bestPrice = (need: Need, offers: readonly Offer[]): Plan => {
  const { quantity, fromMillis, untilMillis } = need
  if (!Number.isSafeInteger(quantity) || quantity < 1 || quantity > mostQuantity)
    throw new RangeError(`the quantity must be from 1 to ${mostQuantity}`)
  if (fromMillis % hourMillis !== 0 || untilMillis % hourMillis !== 0 || fromMillis >= untilMillis)
    throw new RangeError('the window must be of whole hours, and end after it starts')
  const candidates = offers
    .flatMap(offer => candidateOf(offer, need))
    .toSorted((a, b) => (a.offer.offerId < b.offer.offerId ? -1 : a.offer.offerId > b.offer.offerId ? 1 : 0))
  const committed = knapsack(quantity, commitmentChoices(candidates, need))
  const segments = segmentsOf(candidates, need)
  const wanted = chooseCommitted(quantity, committed, segments)
  const parts = [
    ...partsOf(committed, wanted, fromMillis, untilMillis),
    ...segments.flatMap(({ knapsack: hourly, fromMillis: start, untilMillis: end }) =>
      partsOf(hourly, Math.min(quantity - wanted, hourly.most), start, end),
    ),
  ]
  const legs = legsOf(parts, need)
  const uncovered = uncoveredOf(segments, quantity - wanted)
  const hours = hoursOf(fromMillis, untilMillis)
  const missing = uncovered.reduce((sum, each) => sum + each.quantity * hoursOf(each.fromMillis, each.untilMillis), 0)
  return {
    legs,
    costMicros: legs.reduce((sum, leg) => sum + leg.costMicros, 0n),
    uncovered,
    coveredPlaceHours: quantity * hours - missing,
    ...(legs.length > 0 && { validUntilMillis: Math.min(...legs.map(({ offer }) => takenUntilMillis(offer))) }),
    confidencePpm: confidencePpm(legs, need),
  }
}

/** Until when an offer can be taken. */
export const takenUntilMillis = ({ acceptUntilMillis, validUntilMillis }: Offer): number =>
  Math.min(acceptUntilMillis ?? validUntilMillis, validUntilMillis)

const hoursOf = (fromMillis: number, untilMillis: number): number => (untilMillis - fromMillis) / hourMillis

interface Candidate {
  readonly offer: Offer
  /** Places in a unit. */
  readonly places: number
  readonly mostUnits: number
}

/** An offer that may have a part in it: one at most. */
const candidateOf = (offer: Offer, need: Need): readonly Candidate[] => {
  const { priceMicrosPerUnitHour: price, availableUnits, minimumUnits, tiers = [] } = offer
  if (!need.regions.includes(offer.region)) return []
  if (need.resourceClass !== undefined && offer.resourceClass !== need.resourceClass) return []
  if (takenUntilMillis(offer) <= need.atMillis) return []
  const places = fittingIn(offer.vector, need.vector)
  if (places === 0) return []
  for (const micros of [price, ...tiers.map(tier => tier.priceMicrosPerUnitHour)])
    if (!Number.isSafeInteger(micros) || micros < 0 || micros > mostMicrosPerUnitHour)
      throw new RangeError(`${offer.offerId} costs ${micros} micros for an hour`)
  // More than cover all of it, or than the least that is sold, are never cheaper.
  const enough = Math.max(Math.ceil(need.quantity / places), minimumUnits)
  const mostUnits = Math.min(availableUnits === 'unlimited' ? enough : availableUnits, enough)
  return mostUnits < Math.max(1, minimumUnits) ? [] : [{ offer, places: Math.min(places, need.quantity), mostUnits }]
}

/** A run of units whose cost is `baseMicros + units × unitMicros`. */
interface Piece {
  readonly fromUnits: number
  readonly toUnits: number
  readonly baseMicros: number
  readonly unitMicros: number
}

interface Choice extends Candidate {
  readonly pieces: readonly Piece[]
}

const piecesOf = ({ offer, mostUnits }: Candidate): readonly Piece[] => {
  const { tiers = [], minimumUnits } = offer
  const starts = [0, ...tiers.map(({ fromUnits }) => fromUnits)]
  return starts.flatMap((start, index) => {
    const unitMicros = index === 0 ? offer.priceMicrosPerUnitHour : (tiers[index - 1]?.priceMicrosPerUnitHour ?? 0)
    const fromUnits = Math.max(start + 1, minimumUnits, 1)
    const toUnits = Math.min(starts[index + 1] ?? mostUnits, mostUnits)
    if (fromUnits > toUnits) return []
    return [{ fromUnits, toUnits, unitMicros, baseMicros: hourlyMicros(offer, fromUnits) - fromUnits * unitMicros }]
  })
}

const yearHours = 8_760

/** In which all costs are told, so that none leaves the safe integers: what a year of it costs, for each hour of a year. */
const paidYears = (offer: Offer, need: Need): number => {
  const term = termHoursOf(offer.pricing)
  return (Math.ceil(hoursOf(need.fromMillis, need.untilMillis) / term) * term) / yearHours
}

const commitmentChoices = (candidates: readonly Candidate[], need: Need): readonly Choice[] =>
  candidates.flatMap(candidate => {
    const { offer } = candidate
    if (termHoursOf(offer.pricing) === 0) return []
    if (need.fromMillis < offer.validFromMillis || need.fromMillis >= offer.validUntilMillis) return []
    const years = paidYears(offer, need)
    const pieces = piecesOf(candidate).map(piece => ({
      ...piece,
      baseMicros: piece.baseMicros * years,
      unitMicros: piece.unitMicros * years,
    }))
    return [{ ...candidate, pieces }]
  })

interface Segment {
  readonly fromMillis: number
  readonly untilMillis: number
  readonly knapsack: Knapsack
}

/** Hours in which the same offers serve; each with what covering so many places costs in one of them. */
const segmentsOf = (candidates: readonly Candidate[], need: Need): readonly Segment[] => {
  const hourly = candidates.filter(({ offer }) => termHoursOf(offer.pricing) === 0)
  const upwards = (millis: number): number => Math.ceil(millis / hourMillis) * hourMillis
  const downwards = (millis: number): number => Math.floor(millis / hourMillis) * hourMillis
  const cuts = [
    need.fromMillis,
    need.untilMillis,
    ...hourly.flatMap(({ offer }) => [upwards(offer.validFromMillis), downwards(offer.validUntilMillis)]),
  ].filter(millis => millis >= need.fromMillis && millis <= need.untilMillis)
  const edges = [...new Set(cuts)].sort((a, b) => a - b)
  const known = new Map<string, Knapsack>()
  return edges.slice(1).flatMap((untilMillis, index) => {
    const fromMillis = edges[index] ?? untilMillis
    const serving = hourly.flatMap((candidate, at) =>
      candidate.offer.validFromMillis <= fromMillis && candidate.offer.validUntilMillis >= untilMillis ? [at] : [],
    )
    const key = serving.join(' ')
    const found =
      known.get(key) ??
      knapsack(
        need.quantity,
        undominated(serving.flatMap(at => hourly[at] ?? [])).map(each => ({ ...each, pieces: piecesOf(each) })),
      )
    known.set(key, found)
    return [{ fromMillis, untilMillis, knapsack: found }]
  })
}

/**
 * Without those that another one replaces whatever is taken of them: one that is never short, sold one by one at one
 * price, whose units divide theirs into whole numbers of it that cost no more.
 */
const undominated = (candidates: readonly Candidate[]): readonly Candidate[] => {
  const plain = candidates.filter(
    ({ offer }) => offer.availableUnits === 'unlimited' && offer.minimumUnits <= 1 && (offer.tiers ?? []).length === 0,
  )
  return candidates.filter(
    (candidate, index) =>
      !plain.some(other => {
        if (other === candidate || candidate.places % other.places !== 0) return false
        const cheapest = Math.min(
          candidate.offer.priceMicrosPerUnitHour,
          ...(candidate.offer.tiers ?? []).map(tier => tier.priceMicrosPerUnitHour),
        )
        const replaced = other.offer.priceMicrosPerUnitHour * (candidate.places / other.places)
        return replaced < cheapest || (replaced === cheapest && candidates.indexOf(other) < index)
      }),
  )
}

interface Knapsack {
  readonly choices: readonly Choice[]
  /** By places: the least cost of covering at least so many; infinite where they cannot be covered. */
  readonly costs: Float64Array
  /** By choice and places: how many units of it the cheapest way takes, of those up to this choice. */
  readonly taken: readonly Int32Array[]
  /** As many places can be covered. */
  readonly most: number
}

const knapsack = (quantity: number, choices: readonly Choice[]): Knapsack => {
  let costs = new Float64Array(quantity + 1).fill(never)
  costs[0] = 0
  const taken = choices.map(choice => {
    const after = Float64Array.from(costs)
    const units = new Int32Array(quantity + 1)
    for (const piece of choice.pieces) takePiece(costs, after, units, choice.places, piece)
    costs = after
    return units
  })
  let most = quantity
  while (most > 0 && costs[most] === never) most -= 1
  return { choices, costs, taken, most }
}

/** Of a global that tests put behind a sandbox: looked up once. */
const never = Number.POSITIVE_INFINITY

/** Lowers `after` to what taking some of a piece's units costs, on top of `before`. */
const takePiece = (
  before: Float64Array,
  after: Float64Array,
  units: Int32Array,
  places: number,
  { fromUnits, toUnits, baseMicros, unitMicros }: Piece,
): void => {
  const quantity = before.length - 1
  // Fully covered by this choice alone: the fewest units that do it are the cheapest.
  let count = fromUnits
  for (let covered = 1; covered <= quantity; covered += 1) {
    if (count * places < covered) count += 1
    if (count > toUnits) break
    const cost = baseMicros + count * unitMicros
    if (cost >= (after[covered] ?? 0)) continue
    after[covered] = cost
    units[covered] = count
  }
  // On top of others, by remainder: the window of rests moves on with the places, and its least is at the head of a queue.
  const remainders = Math.min(places, quantity)
  const queued = new Int32Array(Math.floor(quantity / places) + 1)
  const values = new Float64Array(queued.length)
  for (let rest = 0; rest < remainders; rest += 1) {
    let [head, tail] = [0, 0]
    for (let steps = fromUnits; rest + steps * places <= quantity; steps += 1) {
      const entering = steps - fromUnits
      const entered = (before[rest + entering * places] ?? never) - entering * unitMicros
      if (entered < never) {
        while (tail > head && (values[tail - 1] ?? 0) > entered) tail -= 1
        queued[tail] = entering
        values[tail] = entered
        tail += 1
      }
      while (head < tail && (queued[head] ?? 0) < steps - toUnits) head += 1
      if (head === tail) continue
      const covered = rest + steps * places
      const cost = (values[head] ?? 0) + baseMicros + steps * unitMicros
      if (cost >= (after[covered] ?? 0)) continue
      after[covered] = cost
      units[covered] = steps - (queued[head] ?? 0)
    }
  }
}

/** How many places commitments cover. */
const chooseCommitted = (quantity: number, committed: Knapsack, segments: readonly Segment[]): number => {
  let best: { readonly committed: number; readonly covered: number; readonly cost: bigint } | undefined
  for (let places = 0; places <= committed.most; places += 1) {
    let covered = 0
    let cost = BigInt(committed.costs[places] ?? 0) * BigInt(yearHours)
    for (const { fromMillis, untilMillis, knapsack: hourly } of segments) {
      const hours = hoursOf(fromMillis, untilMillis)
      const rest = Math.min(quantity - places, hourly.most)
      covered += (places + rest) * hours
      cost += BigInt(hourly.costs[rest] ?? 0) * BigInt(hours)
    }
    if (best === undefined || covered > best.covered || (covered === best.covered && cost < best.cost))
      best = { committed: places, covered, cost }
  }
  return best?.committed ?? 0
}

interface Part {
  readonly offer: Offer
  readonly units: number
  readonly fromMillis: number
  readonly untilMillis: number
}

const partsOf = ({ choices, taken }: Knapsack, places: number, fromMillis: number, untilMillis: number): Part[] => {
  const parts: Part[] = []
  let left = places
  for (let index = choices.length - 1; index >= 0 && left > 0; index -= 1) {
    const choice = choices[index]
    const units = taken[index]?.[left] ?? 0
    if (choice === undefined || units === 0) continue
    parts.push({ offer: choice.offer, units, fromMillis, untilMillis })
    left = Math.max(0, left - units * choice.places)
  }
  return parts
}

/** Parts of one offer that follow one another with as many units are one leg. */
const legsOf = (parts: readonly Part[], need: Need): readonly PlanLeg[] => {
  const inOrder = parts.toSorted(
    (a, b) =>
      (a.offer.offerId < b.offer.offerId ? -1 : a.offer.offerId > b.offer.offerId ? 1 : 0) ||
      a.fromMillis - b.fromMillis,
  )
  const merged: Part[] = []
  for (const part of inOrder) {
    const last = merged.at(-1)
    if (last?.offer.offerId === part.offer.offerId && last.units === part.units && last.untilMillis === part.fromMillis)
      merged[merged.length - 1] = { ...last, untilMillis: part.untilMillis }
    else merged.push(part)
  }
  return merged.map(part => {
    const isCommitment = termHoursOf(part.offer.pricing) > 0
    const paidHours = isCommitment
      ? paidYears(part.offer, need) * yearHours
      : hoursOf(part.fromMillis, part.untilMillis)
    return { ...part, paidHours, costMicros: BigInt(hourlyMicros(part.offer, part.units)) * BigInt(paidHours) }
  })
}

const uncoveredOf = (segments: readonly Segment[], wanted: number): readonly Uncovered[] => {
  const found: Uncovered[] = []
  for (const { fromMillis, untilMillis, knapsack: hourly } of segments) {
    const quantity = wanted - Math.min(wanted, hourly.most)
    const last = found.at(-1)
    if (quantity === 0) continue
    if (last?.quantity === quantity && last.untilMillis === fromMillis)
      found[found.length - 1] = { ...last, untilMillis }
    else found.push({ fromMillis, untilMillis, quantity })
  }
  return found
}

/** Declared, not measured: what part of spot and on-demand units is there from the first hour to the last. */
const staysOnDemand = 0.99
const staysSpot = 0.9
const yearMillis = yearHours * hourMillis
const million = 1_000_000

/**
 * What part of the unit-hours of a plan is to be expected to stay, at the price it has now, in millionths. What is contracted or
 * committed stays. Prices by the hour are taken to change at random, as often as they did (a Poisson process): that of a leg
 * still holds at its end with probability exp(-changes a year × years until then).
 */
const confidencePpm = (legs: readonly PlanLeg[], { atMillis }: Need): number => {
  let expected = 0
  let all = 0
  for (const { offer, units, fromMillis, untilMillis } of legs) {
    const unitHours = units * hoursOf(fromMillis, untilMillis)
    const floats = (offer.pricing === 'spot' || offer.pricing === 'on_demand') && offer.source !== 'inventory'
    const holds = floats
      ? Math.exp((-(offer.changesPerYear ?? 0) * Math.max(0, untilMillis - atMillis)) / yearMillis)
      : 1
    const stays = !floats ? 1 : offer.pricing === 'spot' ? staysSpot : staysOnDemand
    expected += unitHours * holds * stays
    all += unitHours
  }
  return all === 0 ? 0 : Math.round((expected / all) * million)
}

import type { OptionTerms } from '../reference/contract-terms.ts'
import { effectiveTime, yearMillis, yearsBetween } from './effective-time.ts'
import { type ForwardCurve, type ForwardPeriod, forwardCurve, forwardOf } from './forward-curve.ts'
import { forwardPeriodOf, markFuture, markMeasured, markSwap, markVarianceSwap } from './linear-marks.ts'
import {
  averagingFrom,
  type ContractFacts,
  type Fair,
  fixedSoFar,
  guarded,
  type IndexFacts,
  type Mark,
  type MarkFlag,
  type MarkingParameters,
  marketMark,
  unguarded,
  unknownIndex,
} from './marking.ts'
import { averageFair, barrierFair, digitalFair, type OptionMarket, vanillaFair } from './option-marks.ts'
import type { SimulationMarket } from './payoff-simulation.ts'
import { readPayoff } from './payoff-tree.ts'
import { paidSoFar, payoffValue } from './payoff-value.ts'
import type { Priced } from './priced.ts'
import {
  fitSlice,
  flatSlice,
  hasCalendarArbitrage,
  type MarkedSlice,
  movedSlice,
  type OptionQuote,
  quoteArbitrage,
  remarkSurface,
  type SliceFlag,
  sliceVolatility,
  type VolatilitySlice,
} from './surface.ts'

const { log, max } = Math

/** A slice as it was fitted the last time there were quotes. */
export interface StoredSlice {
  readonly slice: VolatilitySlice
  readonly fittedAtMillis: number
}

export interface PassFacts {
  readonly nowMillis: number
  /** What is to be marked, and all that its marks follow from: futures, options of the same expirations. */
  readonly contracts: readonly ContractFacts[]
  readonly indices: ReadonlyMap<string, IndexFacts>
  readonly parametersOf: (underlying: string) => MarkingParameters
  readonly storedSlice: (underlying: string, expirationMillis: number) => StoredSlice | undefined
}

/** An expiration of an underlying: the slice that its options are marked by. */
export interface MarkedExpiration {
  readonly underlying: string
  readonly expirationMillis: number
  readonly underlyingInstrument: string | undefined
  readonly slice: VolatilitySlice
  /** When it was fitted to quotes; absent where it never was. */
  readonly fittedAtMillis?: number
  readonly market: readonly { readonly strike: number; readonly volatility: number }[]
  readonly strikes: readonly number[]
  readonly fitError: number
  readonly flags: readonly SliceFlag[]
}

export interface MarkedContract {
  readonly contract: ContractFacts
  readonly mark: Mark
  readonly indexPrice: number | undefined
}

export interface Pass {
  readonly marks: readonly MarkedContract[]
  readonly surface: readonly MarkedExpiration[]
  /** By name: nothing at all is known of what they are worth. */
  readonly unmarked: readonly string[]
}

const priceOf = ({ instrument }: ContractFacts, { markTicks }: Mark): number =>
  markTicks * Number(instrument.specification.tickSize)

const nameOf = ({ instrument }: ContractFacts): string => instrument.specification.instrumentName

/**
 * Marks contracts in the order in which they follow from each other: futures; the forward curves that they make; the
 * volatilities of each expiration; options; all else. A contract that has expired keeps the mark it has.
 */
export const markContracts = (facts: PassFacts): Pass => {
  const { nowMillis } = facts
  const live = facts.contracts.filter(({ instrument }) => instrument.specification.expirationMillis > nowMillis)
  const marks = new Map<ContractFacts, Mark | undefined>()
  const indexOf = (name: string): IndexFacts => facts.indices.get(name) ?? unknownIndex
  for (const contract of live) {
    const { terms, specification } = contract.instrument
    if (terms.kind !== 'future') continue
    const parameters = facts.parametersOf(specification.underlying)
    marks.set(contract, markFuture(contract, terms, indexOf(terms.index), parameters, nowMillis))
  }
  const curves = curvesOf(live, marks, indexOf, nowMillis)
  const surface = expirationsOf(facts, live, marks, curves)
  const smiles = new Smiles(surface, facts)
  markEuropeans(facts, live, marks, surface)
  for (const contract of live) {
    if (marks.has(contract)) continue
    marks.set(contract, markOther(contract, facts, { indexOf, curves, smiles, marks, live }))
  }
  const answered = live.flatMap(contract => {
    const mark = marks.get(contract)
    if (mark === undefined) return []
    const { terms } = contract.instrument
    return [{ contract, mark, indexPrice: 'index' in terms ? indexOf(terms.index).level : undefined }]
  })
  return { marks: answered, surface, unmarked: live.filter(each => marks.get(each) === undefined).map(nameOf) }
}

type Marks = Map<ContractFacts, Mark | undefined>

/** One forward curve an index, of the futures on it. */
const curvesOf = (
  live: readonly ContractFacts[],
  marks: Marks,
  indexOf: (name: string) => IndexFacts,
  nowMillis: number,
): ((index: string) => ForwardCurve) => {
  const periods = new Map<string, ForwardPeriod[]>()
  for (const contract of live) {
    const { terms, specification } = contract.instrument
    const mark = marks.get(contract)
    if (terms.kind !== 'future' || mark === undefined) continue
    const index = indexOf(terms.index)
    const period = forwardPeriodOf(priceOf(contract, mark), terms, specification.expirationMillis, index, nowMillis)
    if (period !== undefined) periods.set(terms.index, [...(periods.get(terms.index) ?? []), period])
  }
  const made = new Map<string, ForwardCurve>()
  return index => {
    const known = made.get(index)
    if (known !== undefined) return known
    const curve = forwardCurve(nowMillis, indexOf(index).level, periods.get(index) ?? [])
    made.set(index, curve)
    return curve
  }
}

const isPlainEuropean = (terms: OptionTerms): boolean =>
  terms.exercise === 'european' &&
  terms.underlyingInstrument !== undefined &&
  terms.cash === undefined &&
  terms.barrier === undefined

interface Strip {
  readonly underlying: string
  readonly expirationMillis: number
  readonly future: ContractFacts
  readonly forward: number
  readonly averagingStartMillis: number
  readonly options: readonly { readonly contract: ContractFacts; readonly terms: OptionTerms }[]
}

const futureByName = (live: readonly ContractFacts[]): ReadonlyMap<string, ContractFacts> =>
  new Map(live.filter(({ instrument }) => instrument.terms.kind === 'future').map(each => [nameOf(each), each]))

/** The options of each future; of an option whose future has no mark there is none. */
const averagedFrom = (
  { indices, nowMillis }: PassFacts,
  { index, averagingStartMillis }: { readonly index: string; readonly averagingStartMillis: number },
  expirationMillis: number,
): number => averagingFrom(indices.get(index) ?? unknownIndex, averagingStartMillis, expirationMillis, nowMillis)

const stripsOf = (facts: PassFacts, live: readonly ContractFacts[], marks: Marks): readonly Strip[] => {
  const futures = futureByName(live)
  const options = new Map<string, { contract: ContractFacts; terms: OptionTerms }[]>()
  for (const contract of live) {
    const { terms } = contract.instrument
    if (terms.kind !== 'option' || terms.underlyingInstrument === undefined) continue
    const known = options.get(terms.underlyingInstrument)
    if (known === undefined) options.set(terms.underlyingInstrument, [{ contract, terms }])
    else known.push({ contract, terms })
  }
  return [...futures].flatMap(([name, future]) => {
    const mark = marks.get(future)
    const own = options.get(name)
    const { specification, terms } = future.instrument
    if (mark === undefined || own === undefined || terms.kind !== 'future') return []
    return [
      {
        underlying: specification.underlying,
        expirationMillis: specification.expirationMillis,
        future,
        forward: priceOf(future, mark),
        averagingStartMillis: averagedFrom(facts, terms, specification.expirationMillis),
        options: own,
      },
    ]
  })
}

/** One slice an expiration; of two futures that expire together the one with more options. Nearest first. */
const expirationsOf = (
  facts: PassFacts,
  live: readonly ContractFacts[],
  marks: Marks,
  curves: (index: string) => ForwardCurve,
): readonly MarkedExpiration[] => {
  const best = new Map<string, Strip>()
  for (const strip of stripsOf(facts, live, marks)) {
    const key = `${strip.underlying}#${strip.expirationMillis}`
    if ((best.get(key)?.options.length ?? 0) < strip.options.length) best.set(key, strip)
  }
  const found = [...best.values()].flatMap(strip => fittedExpiration(facts, strip) ?? [])
  // Average-price options have no future: their expiration has a slice as well.
  for (const contract of live) {
    const { terms, specification } = contract.instrument
    if (terms.kind !== 'option' || terms.averagingStartMillis === undefined) continue
    const { underlying, expirationMillis } = specification
    if (found.some(each => each.underlying === underlying && each.expirationMillis === expirationMillis)) continue
    const forward = forwardOf(curves(terms.index), terms.averagingStartMillis, expirationMillis)?.price
    if (forward === undefined) continue
    const made = assumedExpiration(facts, underlying, expirationMillis, terms.averagingStartMillis, forward)
    if (made !== undefined) found.push(made)
  }
  const sorted = found.sort(
    (a, b) =>
      (a.underlying < b.underlying ? -1 : a.underlying > b.underlying ? 1 : 0) ||
      a.expirationMillis - b.expirationMillis,
  )
  return sorted.map((each, position) => {
    const before = sorted[position - 1]
    return before?.underlying === each.underlying && hasCalendarArbitrage(before.slice, each.slice)
      ? { ...each, flags: [...each.flags, 'calendar-arbitrage' as const] }
      : each
  })
}

const quoteOf = (terms: OptionTerms, { book: { bid, ask } }: ContractFacts): OptionQuote => ({
  optionType: terms.optionType,
  strike: Number(terms.strike),
  bid,
  ask,
})

const fittedExpiration = (facts: PassFacts, strip: Strip): MarkedExpiration | undefined => {
  const { underlying, expirationMillis, forward, averagingStartMillis, options } = strip
  const { nowMillis } = facts
  const { rate } = facts.parametersOf(underlying)
  const plain = options.filter(({ terms }) => isPlainEuropean(terms))
  const quotes = plain.map(({ terms, contract }) => quoteOf(terms, contract))
  const timeYears = yearsBetween(nowMillis, expirationMillis)
  const effective = effectiveTime(nowMillis, averagingStartMillis, expirationMillis)
  const stored = freshSlice(facts, underlying, expirationMillis)
  const fitted = fitSlice({
    forward,
    timeYears,
    effectiveYears: effective.years,
    rate,
    quotes,
    ...(stored === undefined ? {} : { previous: stored.slice }),
  })
  const own = {
    underlying,
    expirationMillis,
    underlyingInstrument: nameOf(strip.future),
    strikes: [...new Set(options.map(({ terms }) => Number(terms.strike)))].sort((a, b) => a - b),
  }
  if (fitted.priced && fitted.value !== undefined) return { ...own, ...fitted.value, fittedAtMillis: nowMillis }
  const assumed = assumedExpiration(facts, underlying, expirationMillis, averagingStartMillis, forward)
  const flags = quoteArbitrage({ forward, timeYears, rate, quotes })
  return assumed === undefined ? undefined : { ...assumed, ...own, flags: [...assumed.flags, ...flags] }
}

const freshSlice = (facts: PassFacts, underlying: string, expirationMillis: number): StoredSlice | undefined => {
  const stored = facts.storedSlice(underlying, expirationMillis)
  const { sliceMaxAgeMillis } = facts.parametersOf(underlying)
  return stored !== undefined && facts.nowMillis - stored.fittedAtMillis <= sliceMaxAgeMillis ? stored : undefined
}

/** Without quotes: the last fitted slice as it stands now, else the declared volatility. */
const assumedExpiration = (
  facts: PassFacts,
  underlying: string,
  expirationMillis: number,
  averagingStartMillis: number,
  forward: number,
): MarkedExpiration | undefined => {
  const { years } = effectiveTime(facts.nowMillis, averagingStartMillis, expirationMillis)
  const stored = freshSlice(facts, underlying, expirationMillis)
  const own = { underlying, expirationMillis, underlyingInstrument: undefined, market: [], strikes: [], fitError: 0 }
  if (stored !== undefined)
    return {
      ...own,
      slice: movedSlice(stored.slice, forward, years),
      fittedAtMillis: stored.fittedAtMillis,
      flags: ['stored-slice'],
    }
  const flat = flatSlice(facts.parametersOf(underlying).defaultVolatility, forward, years)
  return flat.priced ? { ...own, slice: flat.value, flags: ['default-volatility'] } : undefined
}

const markFlagsOf = (flags: readonly SliceFlag[]): readonly MarkFlag[] =>
  flags.flatMap(flag => (flag === 'stored-slice' || flag === 'default-volatility' ? [flag] : []))

/** Volatilities for what has no slice of its own. */
class Smiles {
  readonly #surface: readonly MarkedExpiration[]
  readonly #facts: PassFacts

  constructor(surface: readonly MarkedExpiration[], facts: PassFacts) {
    this.#surface = surface
    this.#facts = facts
  }

  /** Of that expiration, else of the nearest one as it would stand over that time, else the declared volatility. */
  of(
    underlying: string,
    expirationMillis: number,
    forward: number,
  ): { readonly slice: VolatilitySlice; readonly flags: readonly MarkFlag[] } | undefined {
    const years = yearsBetween(this.#facts.nowMillis, expirationMillis)
    const own = this.#surface.filter(each => each.underlying === underlying)
    const [nearest] = own.toSorted(
      (a, b) => Math.abs(a.expirationMillis - expirationMillis) - Math.abs(b.expirationMillis - expirationMillis),
    )
    if (nearest !== undefined)
      return { slice: movedSlice(nearest.slice, forward, years), flags: markFlagsOf(nearest.flags) }
    const stored = freshSlice(this.#facts, underlying, expirationMillis)
    if (stored !== undefined) return { slice: movedSlice(stored.slice, forward, years), flags: ['stored-slice'] }
    const flat = flatSlice(this.#facts.parametersOf(underlying).defaultVolatility, forward, years)
    return flat.priced ? { slice: flat.value, flags: ['default-volatility'] } : undefined
  }
}

/** All plain European options at once. */
const markEuropeans = (
  facts: PassFacts,
  live: readonly ContractFacts[],
  marks: Marks,
  surface: readonly MarkedExpiration[],
): void => {
  const { nowMillis } = facts
  const slices: MarkedSlice[] = []
  const flags: (readonly MarkFlag[])[] = []
  const options: { contract: ContractFacts; slice: number; strike: number; isCall: boolean }[] = []
  for (const strip of stripsOf(facts, live, marks)) {
    const expiration = surface.find(
      each => each.underlying === strip.underlying && each.expirationMillis === strip.expirationMillis,
    )
    if (expiration === undefined) continue
    const effective = effectiveTime(nowMillis, strip.averagingStartMillis, strip.expirationMillis)
    // Another future of the same expiration: the same smile around its own forward.
    const slice = movedSlice(expiration.slice, strip.forward, effective.years)
    const { rate } = facts.parametersOf(strip.underlying)
    const discountYears = yearsBetween(nowMillis, strip.expirationMillis)
    const position = slices.push({ ...slice, discountYears, rate, decay: effective.decay }) - 1
    flags.push(markFlagsOf(expiration.flags))
    for (const { contract, terms } of strip.options)
      if (isPlainEuropean(terms))
        options.push({ contract, slice: position, strike: Number(terms.strike), isCall: terms.optionType === 'call' })
  }
  const remarked = remarkSurface(slices, {
    sliceOf: Int32Array.from(options, ({ slice }) => slice),
    strikes: Float64Array.from(options, ({ strike }) => strike),
    isCall: Uint8Array.from(options, ({ isCall }) => (isCall ? 1 : 0)),
  })
  const at = (values: Float64Array, position: number): number => values[position] ?? Number.NaN
  for (const [position, { contract, slice }] of options.entries()) {
    const mark = unguarded(contract, {
      price: at(remarked.prices, position),
      method: 'black-76',
      flags: flags[slice] ?? [],
      volatility: at(remarked.volatilities, position),
      greeks: {
        delta: at(remarked.delta, position),
        gamma: at(remarked.gamma, position),
        vega: at(remarked.vega, position),
        theta: at(remarked.theta, position),
        rho: at(remarked.rho, position),
      },
    })
    if (mark !== undefined) marks.set(contract, mark)
  }
}

interface Surroundings {
  readonly indexOf: (name: string) => IndexFacts
  readonly curves: (index: string) => ForwardCurve
  readonly smiles: Smiles
  readonly marks: Marks
  readonly live: readonly ContractFacts[]
}

const markOther = (contract: ContractFacts, facts: PassFacts, around: Surroundings): Mark | undefined => {
  const { terms, specification } = contract.instrument
  const { nowMillis } = facts
  const parameters = facts.parametersOf(specification.underlying)
  const { indexOf, curves, smiles } = around
  switch (terms.kind) {
    case 'future':
    case 'collateral':
      return undefined
    case 'option':
      return markOption(contract, terms, parameters, facts, around)
    case 'swap':
      return markSwap(contract, terms, indexOf(terms.index), curves(terms.index), parameters, nowMillis)
    case 'variance_swap': {
      const smile = smiles.of(specification.underlying, specification.expirationMillis, 1)
      return markVarianceSwap(contract, terms, indexOf(terms.index), smile, parameters, nowMillis)
    }
    case 'structured_product':
      return markPayoff(contract, terms.payoff, parameters, facts, around)
    default:
      return markMeasured(contract, terms, parameters, nowMillis)
  }
}

const markOption = (
  contract: ContractFacts,
  terms: OptionTerms,
  parameters: MarkingParameters,
  facts: PassFacts,
  { indexOf, curves, smiles, marks, live }: Surroundings,
): Mark | undefined => {
  const { nowMillis } = facts
  const { underlying, expirationMillis } = contract.instrument.specification
  const index = indexOf(terms.index)
  const none = (): Mark | undefined => marketMark(contract, ['no-model-price'], parameters, nowMillis)
  const future = live.find(each => nameOf(each) === terms.underlyingInstrument)
  const futureMark = future === undefined ? undefined : marks.get(future)
  const startMillis =
    future?.instrument.terms.kind === 'future'
      ? future.instrument.terms.averagingStartMillis
      : (terms.averagingStartMillis ?? expirationMillis)
  const forward =
    terms.underlyingInstrument === undefined
      ? forwardOf(curves(terms.index), startMillis, expirationMillis)?.price
      : future === undefined || futureMark === undefined
        ? undefined
        : priceOf(future, futureMark)
  if (forward === undefined) return none()
  const smile = smiles.of(underlying, expirationMillis, forward)
  if (smile === undefined) return none()
  const market: OptionMarket = {
    forward,
    volatility: sliceVolatility(smile.slice, Number(terms.strike)),
    rate: parameters.rate,
    nowMillis,
    expirationMillis,
  }
  const averaging = {
    startMillis:
      future?.instrument.terms.kind === 'future'
        ? averagedFrom(facts, future.instrument.terms, expirationMillis)
        : startMillis,
  }
  const fair = ((): Priced<Fair> => {
    if (terms.underlyingInstrument === undefined) {
      const past = fixedSoFar(index, startMillis, expirationMillis, nowMillis)
      return averageFair(terms, market, index, past)
    }
    if (terms.barrier !== undefined) return barrierFair(terms, market, averaging, index, contract.listedAtMillis)
    return terms.cash === undefined ? vanillaFair(terms, market, averaging) : digitalFair(terms, market, averaging)
  })()
  if (!fair.priced) return none()
  const flags = fair.value.method === 'decided' ? [] : smile.flags
  return unguarded(contract, { ...fair.value, flags: [...(fair.value.flags ?? []), ...flags] }) ?? none()
}

const dayMillis = 86_400_000

/** A day's level is its last fixing, so a day lies ahead until it is over. */
export const yearsToDay = (date: string, nowMillis: number): number =>
  (Date.parse(date) + dayMillis - nowMillis) / yearMillis

/** The last fixing of each UTC day, by date. */
export const levelsOfDays = (fixings: IndexFacts['fixings']): ReadonlyMap<string, number> =>
  new Map(fixings.map(({ atMillis, level }) => [new Date(atMillis).toISOString().slice(0, 10), level]))

/** What a payoff's value follows from: levels now, forwards by carry, the volatility at the money of the nearest expiration. */
export const payoffMarket = (
  indices: readonly {
    readonly name: string
    readonly facts: IndexFacts
    readonly volatility: number
    /** Mean of the index around the end, where a curve says it. */
    readonly forward?: number
  }[],
  parameters: Pick<MarkingParameters, 'rate' | 'correlation'>,
  nowMillis: number,
  untilMillis: number,
): SimulationMarket => {
  const days = new Map(indices.map(({ name, facts }) => [name, levelsOfDays(facts.fixings)]))
  const years = yearsBetween(nowMillis, untilMillis)
  return {
    indices: indices.map(({ name, facts, volatility, forward }) => {
      const spot = facts.level ?? 0
      const carry = forward === undefined || !(spot > 0) ? 0 : log(forward / spot) / max(years, 1 / 52)
      return { name, spot, volatility, yieldRate: parameters.rate - carry }
    }),
    correlations: indices.map((_, i) => indices.map((__, j) => (i === j ? 1 : parameters.correlation))),
    rate: parameters.rate,
    yearsTo: date => yearsToDay(date, nowMillis),
    fixingOf: (index, date) => days.get(index)?.get(date),
  }
}

/** The seed of a contract's Monte Carlo: always the same, so that its mark moves with the market only. */
export const seedOf = (instrumentId: number): number => instrumentId >>> 0

/** Anybody who trades may list payoffs: of one, and of all in a pass. A hundred million are about a second. */
const mostWorkOfPayoff = 1e7
const mostWorkOfPayoffs = 5e8

const markPayoff = (
  contract: ContractFacts,
  payoff: unknown,
  parameters: MarkingParameters,
  facts: PassFacts,
  { indexOf, curves, smiles, live }: Surroundings,
): Mark | undefined => {
  const { nowMillis } = facts
  const { instrumentId, specification, distributedTicks } = contract.instrument
  const none = (flag: MarkFlag): Mark | undefined => marketMark(contract, [flag], parameters, nowMillis)
  const read = readPayoff(payoff)
  if (!read.priced) return none('no-model-price')
  const names = [...new Set(read.value.observations.map(({ index }) => index))]
  const flags = new Set<MarkFlag>()
  const until = specification.expirationMillis
  const indices = names.map(name => {
    const own = indexOf(name)
    const forward = forwardOf(curves(name), until - dayMillis, until)?.price
    const smile = smiles.of(name, until, forward ?? own.level ?? 1)
    for (const flag of smile?.flags ?? []) flags.add(flag)
    const volatility = smile === undefined ? 0 : sliceVolatility(smile.slice, smile.slice.forward)
    return { name, facts: own, volatility, ...(forward === undefined ? {} : { forward }) }
  })
  const market = payoffMarket(indices, parameters, nowMillis, until)
  const paid = paidSoFar(read.value, market)
  const products = live.filter(({ instrument }) => instrument.terms.kind === 'structured_product').length
  const work = Math.min(mostWorkOfPayoff, mostWorkOfPayoffs / products)
  const value = payoffValue(read.value, market, parameters.monteCarloPairs, seedOf(instrumentId), work)
  if (!value.priced || !paid.priced)
    return none(indices.some(each => each.facts.level === undefined) ? 'no-index' : 'no-model-price')
  const { method, standardError } = value.value
  const outstanding = paid.value - distributedTicks * Number(specification.tickSize)
  return guarded(
    contract,
    {
      price: max(value.value.value + outstanding, 0),
      method: method === 'constant' ? 'decided' : method,
      flags: [...flags],
      standardError,
    },
    parameters,
    nowMillis,
  )
}

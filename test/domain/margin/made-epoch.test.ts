import { describe, expect, test } from '@jest/globals'
import {
  type EpochAsset,
  type EpochContract,
  type EpochInputs,
  type EpochUnderlying,
  epochChanges,
  epochScenarioSet,
  isSameSet,
  type MadeEpoch,
  makeEpoch,
  riskContractOf,
  riskEpochOf,
  underlyingOf,
} from '#domain/margin/made-epoch.ts'
import { checkEpoch } from '#domain/margin/risk-epoch.ts'
import {
  type ContractSpecification,
  defineInstrument,
  type Instrument,
  plainFuture,
} from '#domain/reference/instrument.ts'

const now = Date.UTC(2026, 9, 20)
const december = Date.UTC(2026, 11, 1)

const underlying = (name = 'H100.USE', change: Partial<EpochUnderlying> = {}): EpochUnderlying => ({
  name,
  family: name.split('.')[0] ?? name,
  priceScan: 0.2,
  volatilityScan: 0.15,
  level: 2.5,
  shortOptionMinimumPpm: 10_000,
  concentrationThreshold: 1e6,
  concentrationChargePpm: 50_000,
  ...change,
})

let instruments = 0
const instrument = (
  change: Partial<Omit<ContractSpecification, 'terms'>> & { readonly terms?: object } = {},
  distributedTicks = 0,
): Instrument => {
  const { terms, ...rest } = change
  const defined = defineInstrument(
    {
      instrumentName: 'H100.USE-01DEC26',
      ...plainFuture,
      underlying: 'H100.USE',
      quoteCurrency: 'USD',
      tickSize: '0.001',
      minTradeAmount: '1',
      contractSize: '1',
      maxPrice: '10',
      expirationMillis: december,
      makerCommissionPpm: 0,
      takerCommissionPpm: 0,
      ...rest,
      terms: terms === undefined ? '' : JSON.stringify(terms),
    },
    ++instruments,
    1,
    { settledLegs: 0, distributedTicks },
  )
  if (!defined.accepted) throw new Error(`${defined.code} ${defined.detail}`)
  return defined.value
}
const call = (more: object = {}, change: Partial<Omit<ContractSpecification, 'terms'>> = {}): Instrument =>
  instrument({
    instrumentName: 'H100.USE-01DEC26-2.5-C',
    kind: 'option',
    ...change,
    terms: { option_type: 'call', strike: '2.5', underlying_instrument: 'H100.USE-01DEC26', ...more },
  })

const listed = (
  own: Instrument,
  markTicks: number,
  change: Partial<EpochContract> = {},
  of = underlying(),
): EpochContract => ({
  lane: 1,
  specificationVersion: own.specificationVersion,
  contract: riskContractOf(own, of, {
    markTicks,
    nowMillis: now,
    ...(markTicks === 0 ? {} : { market: { level: 2.5, volatility: 0.8 } }),
  }),
  ...change,
})
const asset: EpochAsset = {
  lane: 1,
  specificationVersion: 1,
  asset: {
    instrumentId: 900,
    instrumentName: 'COLL-TBILL',
    underlying: 'TBILL',
    unitMicros: 1_000_000,
    haircutPpm: 100_000,
    capMicros: 950_000,
  },
}

const inputs = (contracts: readonly EpochContract[], change: Partial<EpochInputs> = {}): EpochInputs => ({
  underlyings: [underlying()],
  lookAheadMillis: 86_400_000,
  contracts,
  assets: [],
  ...change,
})
const made = (given: EpochInputs): MadeEpoch => {
  const set = epochScenarioSet(given, 1)
  if (!set.accepted) throw new Error(`${set.code} ${set.field}`)
  const epoch = makeEpoch(given, set.value, { version: 1, madeAtMillis: now, reasons: ['first'] })
  if (!epoch.accepted) throw new Error(`${epoch.code} ${epoch.field}`)
  return epoch.value
}
const materiality = { movePpm: 100_000, maxAgeMillis: 3_600_000 }

describe('an epoch', () => {
  const future = instrument()

  test('is one that the margin book takes, lane by lane', () => {
    const epoch = made(
      inputs([listed(future, 2_500), listed(call(), 300), listed(instrument(), 2_500, { lane: 2 })], {
        underlyings: [underlying(), underlying('TBILL', { level: 1 })],
        assets: [asset],
      }),
    )
    for (const [lane, count] of [
      [1, 3],
      [2, 1],
      [3, 0],
    ] as const) {
      const own = riskEpochOf(epoch, lane)
      expect(own.instruments).toHaveLength(count)
      expect(checkEpoch(own)).toMatchObject({ accepted: true })
    }
    // No more than the engine lets it count for, and that loses with its price.
    const collateral = epoch.instruments.find(each => 'asset' in each)?.risk
    expect(collateral).toMatchObject({ markMicros: 900_000, capMicros: 950_000 })
    if (collateral?.risk.kind !== 'array') throw new Error('the asset has no array')
    expect([Math.min(...collateral.risk.arrayMicros), Math.max(...collateral.risk.arrayMicros)]).toEqual([
      -180_000, 50_000,
    ])
  })

  test('covers what has no value, and what has no price any more', () => {
    const product = (distributedTicks: number): Instrument =>
      instrument(
        {
          instrumentName: 'SP-H100.USE-01DEC26-9F3A01',
          kind: 'structured_product',
          maxPrice: '2',
          terms: { payoff: { op: 'pay', date: '2026-11-20', amount: { op: 'constant', value: 2 } } },
        },
        distributedTicks,
      )
    const epoch = made(inputs([listed(future, 0), listed(product(0), 1_900), listed(product(2_000), 1)]))
    expect(epoch.instruments.map(({ risk }) => risk.risk)).toEqual([
      { kind: 'bounds', lowMicros: 0, highMicros: 10_000_000 },
      { kind: 'bounds', lowMicros: 1_900_000, highMicros: 2_000_000 },
      { kind: 'bounds', lowMicros: 0, highMicros: 0 },
    ])
    expect(epoch.instruments.map(({ boundedBecause }) => boundedBecause)).toEqual([
      'unpriceable H100.USE-01DEC26/market',
      undefined,
      undefined,
    ])
    expect(checkEpoch(riskEpochOf(epoch, 1))).toMatchObject({ accepted: true })
  })

  test('moves families together, and leaves each alone out where there are too many', () => {
    const names = Array.from({ length: 250 }, (_, index) => `R${index % 5}.N${index}`)
    const given = inputs([], { underlyings: names.map(name => underlying(name)) })
    const set = epochScenarioSet(given, 1)
    expect(set).toMatchObject({ accepted: true, value: { scenarios: { length: 16 * (1 + 5 + 250) } } })
    const more = epochScenarioSet({ ...given, underlyings: [...given.underlyings, underlying('R0.N250')] }, 1)
    expect(more).toMatchObject({ accepted: true, value: { scenarios: { length: 16 * 6 } } })
  })

  test('touches barriers where there are any', () => {
    const barrier = call({ barrier: { direction: 'up-out', level: '4', rebate: '0' } })
    const [without, of] = [inputs([listed(call(), 300)]), inputs([listed(barrier, 300)])].map(each =>
      epochScenarioSet(each, 1),
    )
    expect([without, of]).toMatchObject([
      { value: { scenarios: { length: 16 } } },
      { value: { scenarios: { length: 18 } } },
    ])
  })
})

describe('add-ons', () => {
  const of = (own: Instrument, change: Partial<EpochUnderlying> = {}) =>
    riskContractOf(own, underlying('H100.USE', change), { markTicks: 1, nowMillis: now })

  test('are by units of the underlying', () => {
    expect(of(instrument({ minTradeAmount: '10', contractSize: '2' }))).toMatchObject({
      concentrationUnits: 20,
      shortMinimumMicros: 0,
    })
    expect(of(call({}, { minTradeAmount: '10' }))).toMatchObject({
      concentrationUnits: 10,
      shortMinimumMicros: 250_000,
    })
    expect(of(instrument({ minTradeAmount: '0.1' })).concentrationUnits).toBe(1)
  })

  test('are never above what a lot can be worth', () => {
    const digital = call({ cash: '0.03' }, { maxPrice: '0.03' })
    expect(of(digital)).toMatchObject({ shortMinimumMicros: 25_000, concentrationUnits: 0 })
    expect(of(digital, { shortOptionMinimumPpm: 500_000 })).toMatchObject({ shortMinimumMicros: 30_000 })
    for (const change of [{}, { shortOptionMinimumPpm: 1_000_000 }, { concentrationChargePpm: 1_000_000 }]) {
      const own = underlying('H100.USE', change)
      const epoch = made(inputs([listed(digital, 10, {}, own)], { underlyings: [own] }))
      expect(checkEpoch(riskEpochOf(epoch, 1))).toMatchObject({ accepted: true })
    }
  })

  test('are none where the underlying has no price', () => {
    expect(of(call(), { level: null })).toMatchObject({ shortMinimumMicros: 0, concentrationUnits: 1 })
  })
})

describe('another epoch', () => {
  const [future, option] = [instrument(), call()]
  const contracts = [listed(future, 2_500), listed(option, 300)]
  const before = made(inputs(contracts))
  const why = (after: EpochInputs, at = now + 1) => epochChanges(before, after, at, materiality)

  test('is not made where nothing has changed, or little, or something is gone', () => {
    expect(why(inputs(contracts))).toEqual([])
    expect(why(inputs([listed(future, 2_549), listed(option, 301)]))).toEqual([])
    expect(why(inputs(contracts, { underlyings: [underlying('H100.USE', { level: 2.51 })] }))).toEqual([])
    expect(why(inputs([contracts[0] ?? listed(future, 2_500)]))).toEqual([])
  })

  test.each<readonly [string, EpochInputs, readonly string[]]>([
    ['a mark', inputs([listed(future, 2_551), listed(option, 300)]), ['mark-moved H100.USE-01DEC26']],
    [
      'a volatility',
      inputs([
        contracts[0] ?? listed(future, 2_500),
        {
          ...listed(option, 300),
          contract: { ...listed(option, 300).contract, market: { level: 2.5, volatility: 0.82 } },
        },
      ]),
      ['volatility-moved H100.USE-01DEC26-2.5-C'],
    ],
    ['a listing', inputs([...contracts, listed(instrument(), 1)]), ['instrument-listed H100.USE-01DEC26']],
    [
      'an adjustment',
      inputs([{ ...listed(future, 2_500), specificationVersion: 2 }]),
      ['instrument-adjusted H100.USE-01DEC26'],
    ],
    [
      'another scan range',
      inputs(contracts, { underlyings: [underlying('H100.USE', { priceScan: 0.3 })] }),
      ['scenario-set', 'parameters'],
    ],
    [
      'another charge',
      inputs(contracts, { underlyings: [underlying('H100.USE', { concentrationChargePpm: 1 })] }),
      ['parameters'],
    ],
    [
      'another underlying',
      inputs(contracts, { underlyings: [underlying(), underlying('TBILL')], assets: [asset] }),
      ['scenario-set', 'parameters', 'instrument-listed COLL-TBILL'],
    ],
    ['another time ahead', inputs(contracts, { lookAheadMillis: 1 }), ['scenario-set']],
  ])('%s is a reason', (_, after, reasons) => {
    expect(why(after)).toEqual(reasons)
  })

  test('age is one, and a first value', () => {
    expect(why(inputs(contracts), now + 3_600_000)).toEqual(['age'])
    const unvalued = made(inputs([listed(future, 0)]))
    expect(epochChanges(unvalued, inputs([listed(future, 2_500)]), now, materiality)).toEqual([
      'instrument-valued H100.USE-01DEC26',
    ])
  })

  test('collateral is one by its price, and by its haircut', () => {
    const underlyings = [underlying('TBILL', { level: 1 })]
    const held = made(inputs([], { underlyings, assets: [asset] }))
    const changed = (change: Partial<EpochAsset['asset']>, version = 1) =>
      epochChanges(
        held,
        inputs([], {
          underlyings,
          assets: [{ ...asset, specificationVersion: version, asset: { ...asset.asset, ...change } }],
        }),
        now,
        materiality,
      )
    expect(changed({})).toEqual([])
    expect(changed({ unitMicros: 1_019_000 })).toEqual([])
    expect(changed({ unitMicros: 979_000 })).toEqual(['mark-moved COLL-TBILL'])
    expect(changed({ haircutPpm: 1 })).toEqual(['parameters'])
    expect(changed({}, 2)).toEqual(['instrument-adjusted COLL-TBILL'])
  })
})

test('two sets are the same by what they say', () => {
  const [one, two] = [1, 2].map(version => epochScenarioSet(inputs([]), version))
  if (one?.accepted !== true || two?.accepted !== true) throw new Error('no set')
  expect(isSameSet(one.value, two.value)).toBe(true)
  expect(isSameSet(one.value, { ...two.value, lookAheadYears: 0.5 })).toBe(false)
})

test('a contract is moved by what it settles on', () => {
  expect(underlyingOf(instrument({ terms: { index: 'A100.USE', averaging_start: '2026-11-01T00:00:00Z' } }))).toBe(
    'A100.USE',
  )
  const uptime = { series: 'INFER', period_start: '2026-11-01T00:00:00Z' }
  expect(underlyingOf(instrument({ kind: 'uptime_swap', maxPrice: '100', terms: uptime }))).toBe('INFER')
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type ContractProposal, completeSpecification, proposedName } from '#domain/reference/contract-listing.ts'
import {
  type ContractTerms,
  contractTermsDocument,
  type OptionTerms,
  readContractTerms,
} from '#domain/reference/contract-terms.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'

const expirationMillis = Date.UTC(2026, 10, 27, 8)
const averagingStartMillis = Date.UTC(2026, 10, 1)
const future: ContractTerms = { kind: 'future', index: 'H100.USE', averagingStartMillis }
const call: OptionTerms = {
  kind: 'option',
  optionType: 'call',
  strike: '2.5',
  exercise: 'european',
  underlyingInstrument: 'H100.USE-27NOV26',
  index: 'H100.USE',
}
const { underlyingInstrument: _, ...averageCall }: OptionTerms = { ...call, averagingStartMillis }
const variance: ContractTerms = {
  kind: 'variance_swap',
  index: 'H100.USE',
  observationStartMillis: averagingStartMillis,
  observationIntervalMillis: 86_400_000,
  strikeVolatility: '80',
  vegaNotional: '100',
}
const proposal = (terms: ContractTerms | undefined, more: Partial<ContractProposal> = {}): ContractProposal => ({
  kind: terms?.kind ?? 'future',
  underlying: 'H100.USE',
  ...(terms === undefined ? {} : { terms }),
  expirationMillis,
  tickSize: '0.01',
  minTradeAmount: '1',
  makerCommissionPpm: 0,
  takerCommissionPpm: 500,
  positionLimit: '0',
  ...more,
})
const specified = (...given: Parameters<typeof completeSpecification>) => {
  const answer = completeSpecification(...given)
  if (!answer.ok) throw new Error(`${answer.fault.field} ${answer.fault.reason}`)
  return answer.specification
}
const faultOf = (...given: Parameters<typeof completeSpecification>) => {
  const answer = completeSpecification(...given)
  return answer.ok ? undefined : answer.fault.field
}

describe('the highest price', () => {
  test.each<[string, ContractTerms, string]>([
    ['of a call is what its future may be worth above the strike', call, '9.5'],
    ['of a put is its strike', { ...call, optionType: 'put' }, '2.5'],
    ['of a digital is what it pays', { ...call, cash: '1' }, '1'],
    [
      'of a put with a rebate is the larger',
      { ...call, optionType: 'put', barrier: { direction: 'up-out', level: '3', rebate: '4' } },
      '4',
    ],
    ['of uptime is all of it', { kind: 'uptime_swap', series: 'I', periodStartMillis: 1, degradedWeightPpm: 0 }, '100'],
    ['is rounded up to a tick', { ...call, optionType: 'put', strike: '2.505' }, '2.51'],
  ])('%s', (_, terms, maxPrice) => {
    const bounds = { underlyingMaxPrice: '12' }
    expect(specified(proposal(terms), bounds).maxPrice).toBe(maxPrice)
    expect(specified(proposal(terms, { maxPrice: '100' }), bounds).maxPrice).toBe('100')
    expect(faultOf(proposal(terms, { maxPrice: '0.99' }), bounds)).toBe('max_price')
  })

  test('is what a payoff was proved to pay, without what the proof gives away to rounding', () => {
    const terms: ContractTerms = { kind: 'structured_product', payoff: {} }
    expect(specified(proposal(terms), { highestPayment: 110 * (1 + 1e-9) }).maxPrice).toBe('110')
    expect(specified(proposal(terms), { highestPayment: 110.001 }).maxPrice).toBe('110.01')
    expect(faultOf(proposal(terms), { highestPayment: 1e9 })).toBe('tick_size')
  })

  test('is asked for where nothing bounds the contract', () => {
    for (const terms of [undefined, future, variance, averageCall]) {
      expect(faultOf(proposal(terms))).toBe('max_price')
      expect(faultOf(proposal(terms, { maxPrice: '100' }))).toBeUndefined()
    }
  })

  test('of nothing refuses the strike', () => {
    expect(faultOf(proposal({ ...call, strike: '12' }), { underlyingMaxPrice: '12' })).toBe('terms/strike')
  })
})

test('the size of a variance swap follows from its vega', () => {
  const given = { maxPrice: '40000', tickSize: '1' }
  expect(specified(proposal(variance, given)).contractSize).toBe('0.625')
  expect(specified(proposal({ ...variance, strikeVolatility: '75' }, given)).contractSize).toBe('0.666667')
  expect(faultOf(proposal(variance, { ...given, contractSize: '0.625' }))).toBeUndefined()
  expect(faultOf(proposal(variance, { ...given, contractSize: '1' }))).toBe('contract_size')
})

describe('the name', () => {
  test('is made unless given', () => {
    expect(proposedName(proposal(call))).toBe('H100.USE-27NOV26-2.50-C')
    expect(specified(proposal(call), { underlyingMaxPrice: '12' }).instrumentName).toBe('H100.USE-27NOV26-2.50-C')
    expect(proposedName(proposal(undefined))).toBe('H100.USE-27NOV26')
  })

  test('must say what the contract is', () => {
    const bounds = { underlyingMaxPrice: '12' }
    const named = (terms: ContractTerms | undefined, instrumentName: string) =>
      faultOf(proposal(terms, { instrumentName, maxPrice: '50' }), bounds)
    expect(named(call, 'H100.USE-27NOV26-2.50-P')).toBe('instrument_name')
    expect(named(call, 'ANY-NAME')).toBe('instrument_name')
    expect(named(call, 'H100.USE-27NOV26-2.50-C.B')).toBeUndefined()
    expect(named(future, 'H100.USE-28NOV26')).toBe('instrument_name')
  })

  test('of a future of the first version is free, but does not say that it is something else', () => {
    const named = (instrumentName: string) => faultOf(proposal(undefined, { instrumentName, maxPrice: '50' }))
    expect(named('H100.USE-SOON')).toBeUndefined()
    expect(named('H100.USE-27NOV26-2.50-C')).toBe('instrument_name')
    expect(named('no name')).toBe('instrument_name')
  })
})

test('terms that are too long are refused', () => {
  const payoff = { op: 'x'.repeat(10_000) }
  expect(faultOf(proposal({ kind: 'structured_product', payoff }), { highestPayment: 1 })).toBe('terms')
})

describe('terms', () => {
  const instant = fc.integer({ min: Date.UTC(2020, 0), max: expirationMillis - 1 })
  const price = fc.integer({ min: 1, max: 10_000_000 }).map(cents => `${cents / 100}`)
  const measured = { series: fc.constant('INFER.USE'), periodStartMillis: instant }
  const hourMillis = 3_600_000
  const hours = fc.integer({ min: 1, max: 1_000 })
  const index = fc.constant('H100.USE')
  const terms: fc.Arbitrary<ContractTerms> = fc.oneof(
    fc.record({ kind: fc.constant('future' as const), index, averagingStartMillis: instant }),
    fc.record({
      kind: fc.constant('future' as const),
      index,
      averagingStartMillis: instant,
      delivery: fc.record({ from: hours, hours, penaltyPpm: fc.integer({ min: 0, max: 1_000_000 }) }).map(delivery => {
        const startMillis = (Math.ceil(expirationMillis / hourMillis) + delivery.from) * hourMillis
        const endMillis = startMillis + delivery.hours * hourMillis
        return { startMillis, endMillis, penaltyPpm: delivery.penaltyPpm }
      }),
    }),
    fc.record({
      kind: fc.constant('option' as const),
      optionType: fc.constantFrom('call' as const, 'put' as const),
      strike: price,
      exercise: fc.constantFrom('european' as const, 'american' as const),
      underlyingInstrument: fc.constant('H100.USE-27NOV26'),
      index,
    }),
    fc.record({
      kind: fc.constant('option' as const),
      optionType: fc.constantFrom('call' as const, 'put' as const),
      strike: price,
      exercise: fc.constant('european' as const),
      index,
      averagingStartMillis: instant,
      barrier: fc.record({
        direction: fc.constantFrom('up-in' as const, 'down-out' as const),
        level: price,
        rebate: price,
      }),
    }),
    fc.record({
      kind: fc.constant('variance_swap' as const),
      index,
      observationStartMillis: instant,
      observationIntervalMillis: fc.integer({ min: 60_000, max: 86_400_000 }),
      strikeVolatility: price,
      vegaNotional: price,
    }),
    fc.record({
      kind: fc.constant('latency_future' as const),
      ...measured,
      percentilePpm: fc.integer({ min: 1, max: 1_000_000 }),
    }),
    fc.record({
      kind: fc.constant('uptime_swap' as const),
      ...measured,
      degradedWeightPpm: fc.integer({ min: 0, max: 1_000_000 }),
    }),
    fc.record({ kind: fc.constant('performance_bond' as const), ...measured }),
    fc.record({
      kind: fc.constant('accuracy_contract' as const),
      ...measured,
      quorum: fc.integer({ min: 1, max: 1_000 }),
    }),
    fc.record({
      kind: fc.constant('job_contract' as const),
      ...measured,
      unitPrice: price,
      penaltyPpm: fc.integer({ min: 0, max: 10_000_000 }),
    }),
    fc.record({ kind: fc.constant('structured_product' as const), payoff: fc.constant({ op: 'nothing' }) }),
  )

  test('are read back out of what is told of them', () => {
    fc.assert(
      fc.property(terms, given => {
        const text = JSON.stringify(contractTermsDocument(given))
        expect(readContractTerms(given.kind, text, { underlying: 'H100.USE', expirationMillis })).toEqual({
          accepted: true,
          value: given,
        })
      }),
    )
  })

  test('with a delivery make a future that is delivered', () => {
    const startMillis = Date.UTC(2026, 10, 28)
    const terms: ContractTerms = {
      kind: 'future',
      index: 'H100.USE',
      averagingStartMillis: Date.UTC(2026, 10, 1),
      delivery: { startMillis, endMillis: startMillis + 24 * hourMillis, penaltyPpm: 100_000 },
    }
    const specification = specified(proposal(terms, { maxPrice: '12' }))
    expect(specification).toMatchObject({
      instrumentName: 'H100.USE-28NOV26-H00.24',
      settlement: 'physical',
      terms: JSON.stringify({
        index: 'H100.USE',
        averaging_start: '2026-11-01T00:00:00.000Z',
        delivery: { start: '2026-11-28T00:00:00.000Z', end: '2026-11-29T00:00:00.000Z', penalty_ppm: 100_000 },
      }),
    })
    expect(defineInstrument({ ...specification, settlement: 'cash' }, 1, 1)).toMatchObject({ detail: 'settlement' })
  })

  test.each([
    [{ start: '2026-11-27T00:00:00Z', end: '2026-11-29T00:00:00Z' }, 'start'],
    [{ start: '2026-11-28T00:30:00Z', end: '2026-11-29T00:00:00Z' }, 'start'],
    [{ start: '2026-11-28T00:00:00Z', end: '2026-11-28T00:00:00Z' }, 'end'],
    [{ start: '2026-11-28T00:00:00Z', end: '2026-11-28T01:00:01Z' }, 'end'],
    [{ start: '2026-11-28T00:00:00Z' }, 'end'],
    [{ start: '2026-11-28T00:00:00Z', end: '2026-11-29T00:00:00Z', penalty_ppm: 1_000_001 }, 'penalty_ppm'],
    [{ start: '2026-11-28T00:00:00Z', end: '2026-11-29T00:00:00Z', place: 'here' }, 'place'],
  ])('with the delivery %j are refused for its %s', (delivery, field) => {
    const given = { underlying: 'H100.USE', expirationMillis }
    expect(readContractTerms('future', JSON.stringify({ delivery }), given)).toEqual({
      accepted: false,
      code: 'invalid-specification',
      detail: `terms/delivery/${field}`,
    })
  })

  test('of a swap are its first month and its end', () => {
    const boundariesMillis = [10, 11, 12].map(month => Date.UTC(2026, month, 1))
    const swap: ContractTerms = { kind: 'swap', index: 'H100.USE', boundariesMillis }
    const specification = specified(
      proposal(swap, { expirationMillis: Date.UTC(2027, 0, 1), maxPrice: '12', contractSize: '720' }),
    )
    expect(specification.instrumentName).toBe('H100.USE-SWAP-NOV26-DEC26')
    expect(defineInstrument(specification, 1, 1)).toMatchObject({
      value: { terms: swap, microsPerTickLot: 2 * 7_200_000 },
    })
  })
})

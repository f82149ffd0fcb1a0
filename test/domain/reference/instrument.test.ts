import { describe, expect, test } from '@jest/globals'
import { contractKinds, neverMillis } from '#domain/reference/contract-terms.ts'
import {
  type Adjustment,
  type ContractSpecification,
  defineInstrument,
  type Instrument,
  isPlainFuture,
  noPositionLimit,
} from '#domain/reference/instrument.ts'
import { testSpecification } from '#test/support/tape.ts'

const swap: ContractSpecification = {
  ...testSpecification,
  kind: 'swap',
  expirationMillis: Date.UTC(2027, 3, 1),
  terms: '{"first_month":"2027-01"}',
}
const product: ContractSpecification = { ...testSpecification, kind: 'structured_product', terms: '{"payoff":{}}' }

const defined = (specification: ContractSpecification, version = 1, adjustment?: Adjustment): Instrument => {
  const outcome = defineInstrument(specification, 1, version, adjustment)
  if (!outcome.accepted) throw new Error(outcome.detail)
  return outcome.value
}

describe('an instrument', () => {
  test('of the first version has the terms of its month and no limit', () => {
    expect(isPlainFuture(testSpecification)).toBe(true)
    expect(defined(testSpecification)).toMatchObject({
      microsPerTickLot: 1_000_000,
      maxPriceTicks: 1_000,
      positionLimitLots: noPositionLimit,
      terms: { kind: 'future', index: 'H100.USE', averagingStartMillis: Date.UTC(2027, 0, 1) },
      settledLegs: 0,
      distributedTicks: 0,
    })
  })

  test.each<[Partial<ContractSpecification>]>([[{ positionLimit: '5' }], [{ terms: '{}' }], [{ kind: 'option' }]])(
    'with %p is none of the first version',
    change => {
      expect(isPlainFuture({ ...testSpecification, ...change })).toBe(false)
    },
  )

  test('has its limit in lots', () => {
    const specification = { ...testSpecification, minTradeAmount: '0.5', positionLimit: '12.5' }
    expect(defined(specification).positionLimitLots).toBe(25)
  })

  test('of a swap has the money of all legs that are left', () => {
    expect(defined(swap).microsPerTickLot).toBe(3_000_000)
    const settled = defined(swap, 2, { settledLegs: 2, distributedTicks: 0 })
    expect(settled).toMatchObject({ microsPerTickLot: 1_000_000, settledLegs: 2, specificationVersion: 2 })
    // The last leg is the end of it.
    expect(() => defined(swap, 2, { settledLegs: 3, distributedTicks: 0 })).toThrow(RangeError)
  })

  test('of a structured product can be worth less by what was distributed', () => {
    expect(defined(product, 2, { settledLegs: 0, distributedTicks: 400 }).maxPriceTicks).toBe(600)
    expect(defined(product, 2, { settledLegs: 0, distributedTicks: 1_000 }).maxPriceTicks).toBe(0)
    expect(() => defined(product, 2, { settledLegs: 0, distributedTicks: 1_001 })).toThrow(RangeError)
  })

  test.each<[string, Partial<ContractSpecification>]>([
    ['position_limit', { positionLimit: '-1' }],
    ['position_limit', { positionLimit: '1.5' }],
    ['position_limit', { positionLimit: '' }],
    ['position_limit', { positionLimit: '2147483647' }],
    ['terms', { terms: 'x' }],
    ['terms', { terms: '[]' }],
    ['terms/typo', { terms: '{"typo":1}' }],
    ['terms/first_month', { kind: 'swap', terms: '{"first_month":"2027-01"}' }],
    ['terms/option_type', { kind: 'option', terms: '{}' }],
    ['settlement', { settlement: 'physical' }],
    ['settlement', { settlement: 'physical', terms: '{}' }],
    ['terms/delivery', { settlement: 'physical', terms: '{"delivery":1}' }],
    ['terms/payoff', { kind: 'structured_product', terms: '{}' }],
    ['terms/expiration', { kind: 'collateral', terms: '{}' }],
    ['terms/asset', { kind: 'collateral', terms: '{"asset":"GOLD"}', expirationMillis: neverMillis }],
  ])('is refused for its %s: %p', (field, change) => {
    const outcome = defineInstrument({ ...testSpecification, ...change }, 1, 1)
    expect(outcome).toEqual({ accepted: false, code: 'invalid-specification', detail: field })
  })

  test('of another kind than a future needs terms', () => {
    for (const kind of contractKinds)
      expect(defineInstrument({ ...testSpecification, kind }, 1, 1).accepted).toBe(kind === 'future')
  })

  test('is refused where the money of all legs could not be counted', () => {
    const large = { ...swap, contractSize: '900' }
    expect(defineInstrument(large, 1, 1)).toMatchObject({ accepted: false, detail: 'contract_size' })
    expect(defined({ ...large, contractSize: '700' }).microsPerTickLot).toBe(2_100_000_000)
  })
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { barrierDirections, type ContractTerms } from '#domain/reference/contract-terms.ts'
import {
  dayCode,
  instrumentNameOf,
  type NamedContract,
  namedContract,
  nameFits,
  readInstrumentName,
} from '#domain/reference/instrument-names.ts'
import { decimalOfMicros } from '#domain/units.ts'

const november = Date.UTC(2026, 10, 27, 8)

const day = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map(at => dayCode(at.getTime()))
const month = day.map(code => code.slice(2))
const price = fc.integer({ min: 1, max: 10 ** 12 }).map(decimalOfMicros)
const shared = {
  underlying: fc.stringMatching(/^[A-Z0-9][A-Z0-9._]{0,15}$/),
  series: fc.option(fc.constantFrom('A', 'B', 'Z'), { nil: undefined }),
}
const beyond = fc.oneof(
  fc.constant({ isAmerican: false }),
  fc.constant({ isAmerican: true }),
  fc.record({ isAmerican: fc.constant(false), cash: price }),
  fc.record({
    isAmerican: fc.constant(false),
    barrier: fc.record({ direction: fc.constantFrom(...barrierDirections), level: price }),
  }),
)
const option = fc
  .tuple(fc.record({ optionType: fc.constantFrom('call', 'put'), strike: price }), beyond, fc.boolean())
  .map(([terms, more, isAverage]) => ({ ...terms, ...more, isAverage: isAverage && !more.isAmerican }))
const contract = fc
  .oneof(
    fc.record(
      {
        ...shared,
        kind: fc.constant('future'),
        day,
        delivery: fc.record({ hour: fc.integer({ min: 0, max: 23 }), hours: fc.integer({ min: 1, max: 9_999 }) }),
      },
      { requiredKeys: ['underlying', 'series', 'kind', 'day'] },
    ),
    fc.record({
      ...shared,
      kind: fc.constantFrom('variance_swap', 'uptime_swap', 'performance_bond', 'accuracy_contract', 'job_contract'),
      day,
    }),
    fc.record({ ...shared, kind: fc.constant('option'), day, option }),
    fc.record({ ...shared, kind: fc.constant('swap'), firstMonth: month, lastMonth: month }),
    fc.record({
      ...shared,
      kind: fc.constant('latency_future'),
      day,
      percentilePpm: fc.integer({ min: 1, max: 1_000_000 }),
    }),
    fc.record({
      ...shared,
      kind: fc.constant('structured_product'),
      day,
      label: fc.stringMatching(/^[A-Z0-9_]{1,14}$/),
    }),
  )
  .map(({ series, ...rest }) => ({ ...rest, ...(series === undefined ? {} : { series }) }) as NamedContract)

describe('a name', () => {
  test('says all that it was made of, and nothing else is called so', () => {
    fc.assert(
      fc.property(contract, given => {
        expect(readInstrumentName(instrumentNameOf(given))).toEqual(given)
      }),
      { numRuns: 2_000 },
    )
  })

  test('that is read is written the same again', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(
          /^(LAT-|UP-|SP-)?[A-Z]{1,4}(-27NOV26|-SWAP-NOV26)?(-2\.50|-VAR|-P95|-JAN27)?(-[CP])?(-AM|-AVG|-UO3\.00)?(\.B)?$/,
        ),
        name => {
          const read = readInstrumentName(name)
          if (read !== undefined) expect(instrumentNameOf(read)).toBe(name)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test.each([
    'H100.USE',
    'H100.USE-SOON',
    'H100.USE-27NOV26-2.5-C',
    'H100.USE-27NOV26-2.500-C',
    'H100.USE-27NOV26-02.50-C',
    'H100.USE-27NOV26-2.50-X',
    'H100.USE-27NOV26-2.50-C-AM.UO3.00',
    'H100.USE-SWAP-NOV26-NOV26',
    'LAT-INFER.USE-27NOV26-P99',
    'UP-INFER.USE-27NOV26-P95',
    'h100.use-27NOV26',
  ])('%s says nothing', name => {
    expect(readInstrumentName(name)).toBeUndefined()
  })
})

describe('contracts are called', () => {
  const future: ContractTerms = { kind: 'future', index: 'H100.USE', averagingStartMillis: 1 }
  const delivered = (day: number, hour: number, hours: number): ContractTerms => {
    const startMillis = Date.UTC(2026, 10, day, hour)
    const delivery = { startMillis, endMillis: startMillis + hours * 3_600_000, penaltyPpm: 0 }
    return { kind: 'future', index: 'H100.USE', averagingStartMillis: 1, delivery }
  }
  const call: ContractTerms & { kind: 'option' } = {
    kind: 'option',
    optionType: 'call',
    strike: '2.5',
    exercise: 'european',
    underlyingInstrument: 'H100.USE-27NOV26',
    index: 'H100.USE',
  }
  const observed = { series: 'INFER.USE', periodStartMillis: 1 }
  const swap = (...months: readonly number[]): ContractTerms => ({
    kind: 'swap',
    index: 'H100.USE',
    boundariesMillis: months.map(month => Date.UTC(2026, month, 1)),
  })
  test.each<[ContractTerms, string, string]>([
    [future, 'H100.USE', 'H100.USE-27NOV26'],
    [delivered(28, 5, 1), 'H100.USE', 'H100.USE-28NOV26-H05'],
    [delivered(28, 0, 24), 'H100.USE', 'H100.USE-28NOV26-H00.24'],
    [call, 'H100.USE', 'H100.USE-27NOV26-2.50-C'],
    [{ ...call, optionType: 'put', strike: '2.125' }, 'H100.USE', 'H100.USE-27NOV26-2.125-P'],
    [{ ...call, strike: '100' }, 'H100.USE', 'H100.USE-27NOV26-100.00-C'],
    [{ ...call, exercise: 'american' }, 'H100.USE', 'H100.USE-27NOV26-2.50-C-AM'],
    [{ ...call, averagingStartMillis: 1 }, 'H100.USE', 'H100.USE-27NOV26-2.50-C-AVG'],
    [{ ...call, cash: '1' }, 'H100.USE', 'H100.USE-27NOV26-2.50-C-DIG1.00'],
    [
      { ...call, barrier: { direction: 'up-out', level: '3', rebate: '0' } },
      'H100.USE',
      'H100.USE-27NOV26-2.50-C-UO3.00',
    ],
    [
      { ...call, averagingStartMillis: 1, barrier: { direction: 'down-in', level: '2', rebate: '0' } },
      'H100.USE',
      'H100.USE-27NOV26-2.50-C-AVG.DI2.00',
    ],
    [swap(10, 11), 'H100.USE', 'H100.USE-SWAP-NOV26'],
    [swap(10, 11, 12, 13), 'H100.USE', 'H100.USE-SWAP-NOV26-JAN27'],
    [
      {
        kind: 'variance_swap',
        index: 'H100.USE',
        observationStartMillis: 1,
        observationIntervalMillis: 1,
        strikeVolatility: '80',
        vegaNotional: '100',
      },
      'H100.USE',
      'H100.USE-27NOV26-VAR',
    ],
    [{ kind: 'latency_future', ...observed, percentilePpm: 990_000 }, 'INFER.USE', 'LAT-INFER.USE-27NOV26'],
    [{ kind: 'latency_future', ...observed, percentilePpm: 999_000 }, 'INFER.USE', 'LAT-INFER.USE-27NOV26-P99.9'],
    [{ kind: 'uptime_swap', ...observed, degradedWeightPpm: 0 }, 'INFER.USE', 'UP-INFER.USE-27NOV26'],
    [{ kind: 'performance_bond', ...observed }, 'INFER.USE', 'BOND-INFER.USE-27NOV26'],
    [{ kind: 'accuracy_contract', ...observed, quorum: 1 }, 'CFD.USE', 'ACC-CFD.USE-27NOV26'],
    [{ kind: 'job_contract', ...observed, unitPrice: '1', penaltyPpm: 0 }, 'TRAIN7.USE', 'JOB-TRAIN7.USE-27NOV26'],
    [{ kind: 'structured_product', payoff: { op: 'nothing' } }, 'H100.USE', 'SP-H100.USE-27NOV26-714633'],
    [{ kind: 'collateral' }, 'TBILL3M', 'COLL-TBILL3M'],
  ])('by %j on %s', (terms, underlying, name) => {
    expect(instrumentNameOf(namedContract(terms, underlying, november))).toBe(name)
  })

  test('otherwise only by a series letter, and structured products by a label of their own', () => {
    const named = namedContract(call, 'H100.USE', november)
    expect(nameFits('H100.USE-27NOV26-2.50-C', named)).toBe(true)
    expect(nameFits('H100.USE-27NOV26-2.50-C.B', named)).toBe(true)
    expect(nameFits('H100.USE-27NOV26-2.50-P', named)).toBe(false)
    expect(nameFits('H100.USE-28NOV26-2.50-C', named)).toBe(false)
    expect(nameFits('A100.USE-27NOV26-2.50-C', named)).toBe(false)
    const product = namedContract({ kind: 'structured_product', payoff: {} }, 'H100.USE', november)
    expect(nameFits('SP-H100.USE-27NOV26-AUTOCALL', product)).toBe(true)
    expect(nameFits('SP-H100.USE-28NOV26-AUTOCALL', product)).toBe(false)
    expect(nameFits('AUTOCALL-27NOV26', product)).toBe(false)
  })
})

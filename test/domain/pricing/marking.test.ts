import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { black76 } from '#domain/pricing/black76.ts'
import { effectiveTime } from '#domain/pricing/effective-time.ts'
import { forwardCurve, forwardOf, swapCurve } from '#domain/pricing/forward-curve.ts'
import { markContracts, type PassFacts, type StoredSlice } from '#domain/pricing/mark-pass.ts'
import {
  type BookFacts,
  type ContractFacts,
  emptyBook,
  type Fixing,
  fixedSoFar,
  type IndexFacts,
  type MarkingParameters,
  type PreviousMark,
} from '#domain/pricing/marking.ts'
import { type ContractSpecification, defineInstrument, plainFuture } from '#domain/reference/instrument.ts'

const hour = 3_600_000
const day = 24 * hour
const now = Date.UTC(2026, 9, 15, 10, 30)
const november = Date.UTC(2026, 10, 1)
const december = Date.UTC(2026, 11, 1)

const parameters: MarkingParameters = {
  rate: 0.02,
  defaultVolatility: 0.8,
  correlation: 0.5,
  maxSpread: 0.1,
  maxDeviation: 0.1,
  basisHalfLifeMillis: 600_000,
  lastTradeMaxAgeMillis: 900_000,
  sliceMaxAgeMillis: 7 * day,
  monteCarloPairs: 500,
}

let instruments = 0
const contract = (
  change: Partial<Omit<ContractSpecification, 'terms'>> & { readonly terms?: object },
  more: Partial<ContractFacts> = {},
): ContractFacts => {
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
  )
  if (!defined.accepted) throw new Error(`${defined.code} ${defined.detail}`)
  return { instrument: defined.value, listedAtMillis: now - day, book: emptyBook, ...more }
}

const future = (book: BookFacts = emptyBook, previous?: PreviousMark): ContractFacts =>
  contract(
    { terms: { index: 'H100.USE', averaging_start: '2026-11-01T00:00:00Z' } },
    { book, ...(previous === undefined ? {} : { previous }) },
  )

const optionOn = (strike: string, optionType: 'call' | 'put', more: object = {}, facts: Partial<ContractFacts> = {}) =>
  contract(
    {
      instrumentName: `H100.USE-01DEC26-${strike}-${optionType === 'call' ? 'C' : 'P'}`,
      kind: 'option',
      terms: { option_type: optionType, strike, underlying_instrument: 'H100.USE-01DEC26', ...more },
    },
    facts,
  )

const book = (bid: number, ask: number, last = 0, lastAtMillis = now): BookFacts => ({ bid, ask, last, lastAtMillis })

const hourly = (fromMillis: number, toMillis: number, level: (at: number) => number): readonly Fixing[] => {
  const fixings: Fixing[] = []
  for (let at = Math.ceil(fromMillis / hour) * hour; at <= toMillis; at += hour)
    fixings.push({ atMillis: at, level: level(at) })
  return fixings
}

const index = (level: number | undefined, fixings: readonly Fixing[] = []): IndexFacts => ({
  level,
  fixings,
  intervalMillis: hour,
})

const pass = (
  contracts: readonly ContractFacts[],
  change: {
    readonly index?: IndexFacts
    readonly nowMillis?: number
    readonly parameters?: Partial<MarkingParameters>
    readonly stored?: StoredSlice
  } = {},
) => {
  const facts: PassFacts = {
    nowMillis: change.nowMillis ?? now,
    contracts,
    indices: new Map([['H100.USE', change.index ?? index(2.5)]]),
    parametersOf: () => ({ ...parameters, ...change.parameters }),
    storedSlice: () => change.stored,
  }
  const { marks, surface, unmarked } = markContracts(facts)
  const of = (one: ContractFacts) => marks.find(each => each.contract === one)?.mark
  return { of, surface, unmarked }
}

describe('a future', () => {
  test('without a book is worth its index; with one that is tight it follows, and keeps the basis', () => {
    const bare = future()
    expect(pass([bare]).of(bare)).toMatchObject({ markTicks: 2_500, method: 'index-and-book', basis: 0, flags: [] })
    const quoted = future(book(2.59, 2.61))
    const mark = pass([quoted]).of(quoted)
    expect(mark?.markTicks).toBe(2_600)
    expect(mark?.basis).toBeCloseTo(0.04, 12)
  })

  test('takes over half of a new basis in a half-life', () => {
    const quoted = future(book(2.59, 2.61), { price: 2.5, basis: 0, atMillis: now - 600_000 })
    expect(pass([quoted]).of(quoted)?.basis).toBeCloseTo(0.02, 12)
  })

  test('is the median of model, book and trade: one of them alone moves it nowhere', () => {
    const traded = future(book(2.49, 2.51, 2.7), { price: 2.5, basis: 0, atMillis: now - 1_000 })
    expect(pass([traded]).of(traded)?.markTicks).toBe(2_500)
  })

  test('is never farther from the index-based price than the declared share', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 9, noNaN: true }),
        fc.double({ min: 0.01, max: 9, noNaN: true }),
        fc.double({ min: 0, max: 10, noNaN: true }),
        (mid, last, age) => {
          const one = future(book(mid * 0.99, mid * 1.01, last), {
            price: 2.5,
            basis: 0,
            atMillis: now - age * 1_000,
          })
          const mark = pass([one]).of(one)
          expect(mark).toBeDefined()
          const distance = Math.abs((mark?.markTicks ?? 0) * 0.001 - (mark?.fair ?? 0))
          expect(distance).toBeLessThanOrEqual(parameters.maxDeviation * (mark?.fair ?? 0) + 0.0005)
        },
      ),
    )
  })

  test('within its period is the mean so far and, for what is left, the index', () => {
    const half = november + 15 * day
    const one = future()
    const fixings = hourly(november, half, () => 3)
    const soFar = fixedSoFar(index(2.5, fixings), november, december, half)
    expect(soFar).toMatchObject({ count: 361, mean: 3 })
    const mark = pass([one], { nowMillis: half, index: index(2.5, fixings) }).of(one)
    expect(mark?.fair).toBeCloseTo((361 * 3 + 360 * 2.5) / 721, 12)
  })

  test('without a level has the middle of its book, else its trade, else its last mark, else none', () => {
    const without = { index: index(undefined) }
    const quoted = future(book(2.59, 2.61))
    expect(pass([quoted], without).of(quoted)).toMatchObject({
      markTicks: 2_600,
      method: 'market',
      flags: ['no-index'],
    })
    const traded = future(book(0, 2.61, 2.55))
    expect(pass([traded], without).of(traded)?.markTicks).toBe(2_550)
    const marked = future(book(2, 3, 2.55, now - day), { price: 2.4, atMillis: now - day })
    expect(pass([marked], without).of(marked)).toMatchObject({ markTicks: 2_400, method: 'previous-mark' })
    const unknown = future(book(2, 3))
    expect(pass([unknown], without)).toMatchObject({ unmarked: ['H100.USE-01DEC26'] })
  })

  test('is marked within one tick and the highest price', () => {
    const one = future()
    expect(pass([one], { index: index(0.0001) }).of(one)).toMatchObject({ markTicks: 1, flags: ['at-lowest-price'] })
    expect(pass([one], { index: index(99) }).of(one)).toMatchObject({ markTicks: 10_000, flags: ['at-highest-price'] })
  })
})

describe('options', () => {
  const effective = effectiveTime(now, november, december)
  const timeYears = (december - now) / (365 * day)
  const worth = (optionType: 'call' | 'put', strike: number, volatility: number): number => {
    const scaled = volatility * Math.sqrt(effective.years / timeYears)
    const answer = black76({ optionType, forward: 2.5, strike, timeYears, volatility: scaled, rate: 0.02 })
    return answer.priced ? answer.value : Number.NaN
  }

  test('follow the slice that is fitted to their books', () => {
    const options = ['2', '2.25', '2.5', '2.75', '3'].flatMap(strike =>
      (['call', 'put'] as const).map(optionType => {
        const value = worth(optionType, Number(strike), 0.6)
        return optionOn(strike, optionType, {}, { book: book(value * 0.98, value * 1.02) })
      }),
    )
    const { of, surface } = pass([future(), ...options])
    expect(surface).toMatchObject([{ underlying: 'H100.USE', flags: [], fittedAtMillis: now }])
    for (const option of options) {
      const mark = of(option)
      const { terms } = option.instrument
      if (terms.kind !== 'option') throw new Error('an option')
      expect(mark?.fair).toBeCloseTo(worth(terms.optionType, Number(terms.strike), 0.6), 3)
      expect(mark?.volatility).toBeCloseTo(0.6, 3)
      expect(Math.sign(mark?.greeks?.delta ?? 0)).toBe(terms.optionType === 'call' ? 1 : -1)
    }
  })

  test('without quotes have the last slice, and without one the declared volatility; both are flagged', () => {
    const option = optionOn('2.5', 'call')
    const assumed = pass([future(), option])
    expect(assumed.of(option)?.fair).toBeCloseTo(worth('call', 2.5, 0.8), 12)
    expect(assumed.of(option)?.flags).toEqual(['default-volatility'])
    const slice = { forward: 2.4, timeYears: 0.1, theta: 0.5 ** 2 * 0.1, rho: -0.2, phi: 1 }
    const stored = pass([future(), option], { stored: { slice, fittedAtMillis: now - day } })
    expect(stored.of(option)).toMatchObject({ flags: ['stored-slice'] })
    expect(stored.of(option)?.volatility).toBeCloseTo(0.5, 12)
    const old = pass([future(), option], { stored: { slice, fittedAtMillis: now - 8 * day } })
    expect(old.of(option)?.flags).toEqual(['default-volatility'])
  })

  test('parity: call less put is the discounted distance of the future from the strike', () => {
    const [call, put] = [optionOn('2.3', 'call'), optionOn('2.3', 'put')]
    const { of } = pass([future(), call, put])
    expect((of(call)?.fair ?? 0) - (of(put)?.fair ?? 0)).toBeCloseTo(0.2 * Math.exp(-0.02 * timeYears), 12)
  })

  test('an American one is worth at least the European and its intrinsic value', () => {
    const [european, american] = [optionOn('3.5', 'put'), optionOn('3.5', 'put', { exercise: 'american' })]
    const { of } = pass([future(), european, american], { parameters: { rate: 0.2 } })
    expect(of(american)?.method).toBe('american')
    expect(of(american)?.fair).toBeGreaterThan(of(european)?.fair ?? Infinity)
    expect(of(american)?.fair).toBeGreaterThanOrEqual(1)
    expect(of(american)?.greeks?.delta).toBeLessThan(0)
  })

  test('a call is a spread of digitals', () => {
    const digital = optionOn('2.5', 'call', { cash: '1' })
    const { of } = pass([future(), digital])
    const slope = (worth('call', 2.499, 0.8) - worth('call', 2.501, 0.8)) / 0.002
    expect(of(digital)?.fair).toBeCloseTo(slope, 5)
    expect(of(digital)?.method).toBe('digital')
  })

  test('a knock-in and a knock-out add up to the plain option; the rebate to what is out', () => {
    const barrier = (direction: string, rebate = '0') => ({ barrier: { direction, level: '3', rebate } })
    const plain = optionOn('2.5', 'call')
    const into = optionOn('2.5', 'call', barrier('up-in'))
    const out = optionOn('2.5', 'call', barrier('up-out'))
    const rebated = optionOn('2.5', 'call', barrier('up-out', '0.5'))
    const { of } = pass([future(), plain, into, out, rebated])
    expect((of(into)?.fair ?? 0) + (of(out)?.fair ?? 0)).toBeCloseTo(of(plain)?.fair ?? 0, 10)
    const paid = (of(rebated)?.fair ?? 0) - (of(out)?.fair ?? 0)
    expect(paid).toBeGreaterThan(0)
    expect(paid).toBeLessThan(0.5)
  })

  test('a fixing since listing that has reached the barrier decides it; one before does not', () => {
    const out = optionOn('2.5', 'call', { barrier: { direction: 'up-out', level: '3', rebate: '0.25' } })
    const into = optionOn('2.5', 'call', { barrier: { direction: 'up-in', level: '3' } })
    const plain = optionOn('2.5', 'call')
    const before = pass([future(), out], { index: index(2.5, [{ atMillis: now - 2 * day, level: 3.5 }]) })
    expect(before.of(out)?.method).toBe('barrier')
    const { of } = pass([future(), out, into, plain], { index: index(2.5, [{ atMillis: now - hour, level: 3 }]) })
    expect(of(out)).toMatchObject({ method: 'decided', flags: ['knocked-out'] })
    expect(of(out)?.fair).toBeCloseTo(0.25 * Math.exp(-0.02 * timeYears), 12)
    expect(of(into)?.flags).toContain('knocked-in')
    expect(of(into)?.fair).toBeCloseTo(of(plain)?.fair ?? 0, 12)
  })

  test('an average-price option is worth what its European on the averaged future is, and in the end its mean', () => {
    const averaged = contract({
      instrumentName: 'H100.USE-01DEC26-2.50-C-AVG',
      kind: 'option',
      terms: { option_type: 'call', strike: '2.5', averaging_start: '2026-11-01T00:00:00Z' },
    })
    const { of } = pass([future(), averaged])
    expect(of(averaged)?.method).toBe('average-price')
    expect(of(averaged)?.fair).toBeCloseTo(worth('call', 2.5, 0.8), 2)
    expect(of(averaged)?.greeks?.vega).toBeGreaterThan(0)
    const late = december - hour / 2
    const fixings = hourly(november, late, () => 3)
    const inTheEnd = pass([averaged], { nowMillis: late, index: index(3, fixings) })
    expect(inTheEnd.of(averaged)?.fair).toBeCloseTo(0.5, 3)
  })

  test('of a future without a mark have what their book says', () => {
    const option = optionOn('2.5', 'call', {}, { book: book(0.2, 0.21) })
    expect(pass([future(), option], { index: index(undefined) }).of(option)).toMatchObject({
      markTicks: 205,
      flags: ['no-model-price'],
    })
  })
})

describe('what else settles on an index', () => {
  test('a swap is worth the mean of its legs', () => {
    const swap = contract({
      instrumentName: 'H100.USE-SWAP-NOV26-DEC26',
      kind: 'swap',
      expirationMillis: Date.UTC(2027, 0, 1),
      terms: { index: 'H100.USE', first_month: '2026-11' },
    })
    const near = future(book(2.59, 2.61))
    const { of } = pass([near, swap], { parameters: { rate: 0 } })
    // November by its future, December flat beyond it.
    expect(of(swap)).toMatchObject({ markTicks: 2_600, method: 'curve' })
  })

  test('a variance swap is worth the smile before it begins, and what is realised in the end', () => {
    const swap = (more: Partial<ContractFacts> = {}) =>
      contract(
        {
          instrumentName: 'H100.USE-01DEC26-VAR',
          kind: 'variance_swap',
          tickSize: '1',
          maxPrice: '100000',
          terms: {
            index: 'H100.USE',
            observation_start: '2026-11-01T00:00:00Z',
            strike_volatility: '80',
            vega_notional: '1000',
          },
        },
        more,
      )
    const ahead = swap()
    expect(pass([ahead]).of(ahead)).toMatchObject({ markTicks: 6_400, method: 'replication' })
    const late = december - hour
    const daily = hourly(november, late, at => (((at - november) / day) % 2 === 0 ? 2 : 2.2))
    const realised = Math.log(1.1) ** 2 * 365 * 10_000
    const done = swap()
    const mark = pass([done], { nowMillis: late, index: index(2, daily) }).of(done)
    // One of thirty periods lies ahead.
    expect(mark?.fair).toBeCloseTo((29 / 30) * realised + (1 / 30) * 6_400, 6)
  })

  test('a payoff is worth its parts, guarded by its book', () => {
    const payoff = { op: 'pay', date: '2026-11-30', amount: { op: 'constant', value: 2 } }
    const product = contract({
      instrumentName: 'SP-H100.USE-30NOV26-9F3A01',
      kind: 'structured_product',
      expirationMillis: Date.UTC(2026, 10, 30, 16),
      terms: { payoff },
    })
    expect(pass([product], { parameters: { rate: 0 } }).of(product)).toMatchObject({
      markTicks: 2_000,
      method: 'decided',
    })
  })
})

describe('what is measured', () => {
  const measured = (kind: 'uptime_swap' | 'performance_bond', more: Partial<ContractFacts>) =>
    contract(
      {
        instrumentName: 'UP-INFER.USE-01DEC26',
        kind,
        maxPrice: '100',
        terms: { series: 'INFER.USE', period_start: '2026-10-01T00:00:00Z' },
      },
      more,
    )

  test('counts by how much of the period has passed, the market for the rest', () => {
    const elapsed = (now - Date.UTC(2026, 9, 1)) / (december - Date.UTC(2026, 9, 1))
    const one = measured('uptime_swap', { soFar: 99, book: book(97.9, 98.1) })
    expect(pass([one]).of(one)?.fair).toBeCloseTo(elapsed * 99 + (1 - elapsed) * 98, 9)
    const alone = measured('uptime_swap', { soFar: 99.5 })
    expect(pass([alone]).of(alone)?.fair).toBeCloseTo(99.5, 9)
  })

  test('a bond is worth at least what is drawn', () => {
    const bond = measured('performance_bond', { soFar: 20, book: book(9.9, 10.1) })
    expect(pass([bond]).of(bond)?.fair).toBe(20)
    const feared = measured('performance_bond', { soFar: 20, book: book(29.9, 30.1) })
    expect(pass([feared]).of(feared)?.fair).toBeCloseTo(30, 12)
  })

  test('where nothing is known there is no mark', () => {
    expect(pass([measured('uptime_swap', {})])).toMatchObject({ surface: [], unmarked: ['UP-INFER.USE-01DEC26'] })
  })
})

describe('the forward curve', () => {
  const period = (month: number, price: number) => ({
    startMillis: Date.UTC(2026, month, 1),
    endMillis: Date.UTC(2026, month + 1, 1),
    price,
  })

  test('has the futures’ own prices, and what is between them between', () => {
    const curve = forwardCurve(now, 2, [period(10, 2.5), period(12, 3)])
    expect(forwardOf(curve, november, december)).toEqual({ price: 2.5, source: 'future' })
    const between = forwardOf(curve, december, Date.UTC(2027, 0, 1))
    expect(between?.source).toBe('interpolated')
    expect(between?.price).toBeCloseTo(Math.sqrt(2.5 * 3), 2)
    expect(forwardOf(curve, Date.UTC(2027, 5, 1), Date.UTC(2027, 6, 1))).toEqual({ price: 3, source: 'extrapolated' })
    expect(forwardOf(forwardCurve(now, undefined, []), november, december)).toBeUndefined()
  })

  test('a swap that reaches beyond the futures gives the months that only it reaches', () => {
    const months = [9, 10, 11, 12].map(month => Date.UTC(2026, month, 1))
    const swap = { boundariesMillis: months.slice(1), settledLegs: 0, rate: 2.75 }
    const answer = swapCurve(forwardCurve(now, 2.4, [period(10, 2.5)]), [swap], months, 0.05, undefined)
    if (!answer.priced) throw new Error(answer.code)
    const [october, ofNovember, ofDecember] = answer.value
    expect([ofNovember?.source, ofDecember?.source]).toEqual(['future', 'swap'])
    const [p1 = 0, p2 = 0] = [ofNovember?.discountFactor, ofDecember?.discountFactor]
    // The swap is worth nothing at its own rate.
    expect((p1 * (ofNovember?.forward ?? 0) + p2 * (ofDecember?.forward ?? 0)) / (p1 + p2)).toBeCloseTo(2.75, 12)
    expect(october?.parRate).toBeCloseTo(october?.forward ?? 0, 12)
  })
})

describe('effective time', () => {
  test('is what lies before the average and a third of it, continuous where the averaging begins', () => {
    const length = december - november
    expect(effectiveTime(now, november, december).years * 365 * day).toBeCloseTo(november - now + length / 3, 3)
    expect(effectiveTime(november, november, december).years).toBeCloseTo(
      effectiveTime(november + 1, november, december).years,
      8,
    )
    const half = effectiveTime(november + length / 2, november, december)
    expect(half.years * 365 * day).toBeCloseTo(length / 24, 3)
    expect(half.decay).toBeCloseTo(0.25, 9)
  })
})

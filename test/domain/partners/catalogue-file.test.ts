import { describe, expect, test } from '@jest/globals'
import { providers } from '#domain/partners/catalogue.ts'
import {
  formats,
  headerProblem,
  type ListedPrice,
  microsOfPrice,
  pricesOfRow,
  screenPrices,
} from '#domain/partners/catalogue-file.ts'
import { gcpMachine } from '#domain/partners/gcp-machines.ts'
import { priceInForce } from '#domain/partners/price-history.ts'

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`)
const today = day('2026-11-23')
const gcp = (...cells: readonly string[]) => pricesOfRow('gcp', { line: 7, cells }, today)
const row = ['2026-11-01', 'a2-highgpu-2g', 'us-central1', '7.34', '2.2', '5358.2', '3375', '1875']
const changed = (at: number, text: string) => row.with(at, text)

describe('a row', () => {
  test('has a price for each way in which it is sold; a month is divided to the nearest micro', () => {
    const prices = gcp(...row)
    expect(prices).toMatchObject([
      { line: 7, product: 'a2-highgpu-2g', resourceClass: 'A100-40GB', pricing: 'on_demand', micros: 7_340_000 },
      { pricing: 'spot', micros: 2_200_000 },
      { pricing: 'commitment_1y', micros: 4_623_288 },
      { pricing: 'commitment_3y', micros: 2_568_493 },
    ])
    expect(gcp(...changed(4, ''))).toHaveLength(3)
    expect([
      microsOfPrice('1', 3),
      microsOfPrice('2', 3),
      microsOfPrice('0.0000005', 1),
      microsOfPrice('52.2091007014795', 1),
    ]).toEqual([333_333, 666_667, 1, 52_209_101])
  })

  test.each([
    ['a price that is no number', changed(3, 'NaN'), 'hour_ondemand_usd "NaN" is no price'],
    ['a negative price', changed(4, '-2'), 'hour_spot_usd "-2" is no price'],
    ['an infinite price', changed(6, 'Infinity'), 'month_1y_commit_usd "Infinity" is no price'],
    ['an exponent', changed(3, '1e3'), 'hour_ondemand_usd "1e3" is no price'],
    ['no date', changed(0, '2026-02-30'), 'effective_date "2026-02-30" is no date such as 2026-11-27'],
    ['no region', changed(2, ''), 'region "" is none'],
    ['a machine that nobody knows', changed(1, 'z9-mega-1'), '"z9-mega-1" is no machine type that is known'],
    ['a cell too few', row.slice(1), 'has 7 cells, where the header has 8'],
  ])('%s is told with its line', (_, cells, problem) => {
    expect(gcp(...cells)).toEqual({ line: 7, problem })
  })

  test('every provider reads its own header, and tells what another one lacks', () => {
    for (const provider of providers) {
      expect(headerProblem(provider, formats[provider].header)).toBeUndefined()
      for (const other of providers)
        if (other !== provider) expect(headerProblem(provider, formats[other].header)).toMatchObject({ line: 1 })
    }
    expect(headerProblem('generic', ['provider', 'price'])?.problem).toMatch(
      /^this is no catalogue of generic: it lacks instance, .*; nobody knows "price"\. Expected: provider,instance/,
    )
    expect(headerProblem('gcp', formats.gcp.header.toReversed())?.problem).toContain('in another order')
  })

  test.each(['aws', 'azure', 'rackspace'] as const)('%s: by its own columns', provider => {
    const cells = ['2026-11-01', 'big.1x', 'us-east-1', 'H100', '8', '192', '2048', '3.8', '40', '18', '30', '']
    expect(pricesOfRow(provider, { line: 2, cells }, today)).toMatchObject([
      { product: 'big.1x', resourceClass: 'H100', vector: { gpus: 8, vcpus: 192, memoryGib: 2_048, storageTib: 3.8 } },
      { pricing: 'spot', micros: 18_000_000 },
      { pricing: 'commitment_1y', micros: 30_000_000 },
    ])
    expect(pricesOfRow(provider, { line: 2, cells: cells.with(4, 'many') }, today)).toMatchObject({ line: 2 })
  })

  test('machines of GCP by their names', () => {
    expect(gcpMachine('a3-highgpu-8g')).toEqual({
      resourceClass: 'H100',
      vector: { gpus: 8, vcpus: 208, memoryGib: 1_872, storageTib: 0 },
    })
    expect(gcpMachine('g2-standard-48')?.vector).toEqual({ gpus: 4, vcpus: 48, memoryGib: 192, storageTib: 0 })
    expect(gcpMachine('g4-standard-6')?.vector.gpus).toBe(0.125)
    expect(gcpMachine('n1-standard-8')).toMatchObject({ resourceClass: 'CPU', vector: { memoryGib: 30 } })
    expect([gcpMachine('g2-standard-5'), gcpMachine('a2-standard-8'), gcpMachine('a3-highgpu-0g')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('screening', () => {
  const price = (line: number, micros: number, more: Partial<ListedPrice> = {}): ListedPrice => ({
    line,
    product: 'm',
    resourceClass: 'H100',
    region: `r${line}`,
    vector: { gpus: 1, vcpus: 8, memoryGib: 64, storageTib: 0 },
    dayMillis: today,
    pricing: 'on_demand',
    text: String(micros),
    micros,
    ...more,
  })
  const six = [3, 3.1, 2.9, 3, 3, 3].map((usd, index) => price(index + 2, usd * 1_000_000))
  const reasons = (prices: readonly ListedPrice[]) =>
    screenPrices(prices).screened.map(({ line, pricing, reason }) => `${line} ${pricing}: ${reason}`)

  test('keeps what is near its peers, and nothing that is screened is in a product', () => {
    expect(reasons(six)).toEqual([])
    // A machine without its GPU, and all that its row says.
    const wrong = [price(9, 500_000), price(9, 400_000, { pricing: 'spot' })]
    const { products, screened } = screenPrices([...six, ...wrong])
    expect(screened.map(({ line, pricing, reason }) => [line, pricing, reason])).toEqual([
      [9, 'on_demand', 'is 6.0 times below the median of others of m, where 2 are allowed'],
      [9, 'spot', 'comes with a price on demand that is none'],
    ])
    expect(products).toHaveLength(6)
    expect(products.some(({ region }) => region === 'r9')).toBe(false)
  })

  test('nothing, too much, spot above on demand, and a second price for a day', () => {
    expect(
      reasons([
        ...six,
        price(9, 0),
        price(10, 20_000_000_000),
        price(2, 3_100_000, { pricing: 'spot', text: '3.1' }),
        price(11, 3_000_000, { region: 'r2' }),
      ]),
    ).toEqual([
      '9 on_demand: is no more than nothing',
      '10 on_demand: is more than 10000 USD for an hour',
      '2 spot: is above the price on demand, 3000000',
      '11 on_demand: is a second price for the same day',
    ])
  })

  test('of few of its own beside others of its class, by part', () => {
    const other = price(9, 2_000_000, { product: 'x', vector: { gpus: 8, vcpus: 64, memoryGib: 512, storageTib: 0 } })
    expect(reasons([...six, other])).toEqual([
      '9 on_demand: is 12.0 times below the median of others of H100, for each part, where 4 are allowed',
    ])
  })
})

describe('the price in force', () => {
  const none = { spot: null, commitment_1y: null, commitment_3y: null }
  const history = [
    { fromMillis: day('2024-11-23'), micros: { ...none, on_demand: 5 } },
    { fromMillis: day('2025-11-23'), micros: { ...none, on_demand: 5 } },
    { fromMillis: day('2026-06-01'), micros: { ...none, on_demand: 4 } },
    { fromMillis: day('2026-12-01'), micros: { ...none, on_demand: 3 } },
  ]
  test('is the last that holds by then, with how often it has changed: a later one is not looked at', () => {
    expect(priceInForce(history, 'on_demand', today)).toEqual({
      micros: 4,
      sinceMillis: day('2026-06-01'),
      changesPerYear: 0.5,
    })
    expect(priceInForce(history, 'on_demand', day('2024-01-01'))).toBeUndefined()
    expect(priceInForce(history, 'spot', today)).toBeUndefined()
  })
  test('is none once it is not sold so any more', () => {
    const over = [...history, { fromMillis: day('2026-07-01'), micros: { ...none, on_demand: null } }]
    expect(priceInForce(over, 'on_demand', today)).toBeUndefined()
  })
})

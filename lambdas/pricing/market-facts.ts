import { type BookRow, getBook } from '#adapters/tables/books.ts'
import { listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getMark, type MarkRow } from '#adapters/tables/marks.ts'
import { listMeasurements } from '#adapters/tables/measurements.ts'
import { listSurface, type SurfaceRow } from '#adapters/tables/surfaces.ts'
import type { PassFacts, StoredSlice } from '#domain/pricing/mark-pass.ts'
import { type BookFacts, type ContractFacts, type IndexFacts, unknownIndex } from '#domain/pricing/marking.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import type { ContractTerms } from '#domain/reference/contract-terms.ts'
import { settlementPrice } from '#domain/settlement/settlement-price.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { definitionOf, levelNow } from '../shell/index-level.ts'
import { fixingsOf } from './known-fixings.ts'
import { markingParametersOf, markingTermsAt } from './marking-terms.ts'

/** Reads at once; more would only queue. */
const mostAtOnce = 32

/** The same as mapping all at once, with at most so many under way. */
export const mapped = async <From, To>(
  from: readonly From[],
  map: (each: From) => Promise<To>,
): Promise<readonly To[]> => {
  const results: To[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (;;) {
      const position = next++
      const each = from[position]
      if (position >= from.length || each === undefined) return
      results[position] = await map(each)
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, from.length) }, work))
  return results
}

export interface GatheredContract extends ContractFacts {
  readonly row: InstrumentRow
  readonly bookRow: BookRow | undefined
  /** In ticks: what the mark is made from. */
  readonly quotes: { readonly bidTicks: number; readonly askTicks: number; readonly lastTicks: number }
}

export interface Gathered extends PassFacts {
  readonly contracts: readonly GatheredContract[]
}

const topOf = (book: BookRow | undefined): GatheredContract['quotes'] => {
  const market = book?.market
  return {
    bidTicks: market === undefined ? 0 : (bestLevels(market.bids, 1)[0]?.ticks ?? 0),
    askTicks: market === undefined ? 0 : (bestLevels(market.asks, 1)[0]?.ticks ?? 0),
    lastTicks: market?.lastTicks ?? 0,
  }
}

/** Only a book that trades continuously counts: in an auction bids and asks may cross, in a halt nobody can act on them. */
const bookFacts = (book: BookRow | undefined, tick: number): BookFacts => {
  const { bidTicks, askTicks, lastTicks } = topOf(book)
  const isOpen = book?.market.state === 'continuous'
  return {
    bid: isOpen ? bidTicks * tick : 0,
    ask: isOpen ? askTicks * tick : 0,
    last: lastTicks * tick,
    lastAtMillis: book?.market.lastAtMillis ?? 0,
  }
}

/** From when on the fixings of which index count for a contract. */
export const fixingNeeds = ({ instrument, listedAtMillis }: InstrumentRow): readonly (readonly [string, number])[] => {
  const { terms } = instrument
  switch (terms.kind) {
    case 'future':
      return [[terms.index, terms.averagingStartMillis]]
    case 'option':
      return [
        [
          terms.index,
          Math.min(terms.averagingStartMillis ?? Infinity, terms.barrier === undefined ? Infinity : listedAtMillis),
        ],
      ]
    case 'swap':
      return [[terms.index, terms.boundariesMillis[instrument.settledLegs] ?? Infinity]]
    case 'variance_swap':
      return [[terms.index, terms.observationStartMillis]]
    case 'structured_product':
      return payoffNeeds(terms.payoff)
    default:
      return []
  }
}

const payoffNeeds = (payoff: unknown): readonly (readonly [string, number])[] => {
  const tree = readPayoff(payoff)
  return tree.priced ? tree.value.observations.map(({ index, date }) => [index, Date.parse(date)] as const) : []
}

/** Level and fixings of indices, each from the earliest instant that anything needs. */
export const indexFactsOf = async (
  needs: readonly (readonly [index: string, fromMillis: number])[],
  nowMillis: number,
): Promise<ReadonlyMap<string, IndexFacts>> => {
  const from = new Map<string, number>()
  for (const [index, fromMillis] of needs) from.set(index, Math.min(from.get(index) ?? Infinity, fromMillis))
  const facts = await mapped([...from], async ([index, fromMillis]) => {
    const definition = await definitionOf(index, nowMillis)
    if (definition === undefined) return [index, unknownIndex] as const
    const [quotes, fixings] = await Promise.all([
      listIndexQuotes(index),
      fromMillis > nowMillis ? [] : fixingsOf(index, fromMillis, nowMillis),
    ])
    const { level } = await levelNow(definition, quotes, nowMillis)
    return [
      index,
      {
        level: level === undefined ? undefined : Number(level.level),
        fixings,
        intervalMillis: definition.fixingIntervalMillis,
      },
    ] as const
  })
  return new Map(facts)
}

/** Windows are many and may be corrected: what a period would settle at is worked out again this often. */
const measuredEveryMillis = 300_000
const measured = new Map<string, { readonly atMillis: number; readonly price: number | undefined }>()

/** For tests, whose tables come and go. */
export const forgetMeasured = (): void => measured.clear()

export const soFarOf = async (
  row: InstrumentRow,
  terms: ContractTerms,
  nowMillis: number,
): Promise<number | undefined> => {
  if (!('periodStartMillis' in terms) || terms.periodStartMillis >= nowMillis) return undefined
  const { instrument, lane, listedAtMillis } = row
  const key = `${lane}#${instrument.instrumentId}`
  const known = measured.get(key)
  if (known !== undefined && Math.abs(nowMillis - known.atMillis) < measuredEveryMillis) return known.price
  const windows = await listMeasurements(terms.series, terms.periodStartMillis, nowMillis)
  const settled = settlementPrice(
    {
      kind: 'final',
      number: 0,
      instrument,
      listedAtMillis,
      asOfMillis: nowMillis,
      isDelisted: false,
      distributedTicks: 0,
    },
    { fixings: [], windows, lastMarkTicks: 0 },
    true,
  )
  const price = settled.state === 'priced' ? settled.priceTicks * Number(instrument.specification.tickSize) : undefined
  measured.set(key, { atMillis: nowMillis, price })
  return price
}

export const sliceOf = ({ forward, timeYears, theta, rho, phi }: SurfaceRow) => ({
  forward,
  timeYears,
  theta,
  rho,
  phi,
})

/** The slices of before, by underlying and expiration. */
const storedSlices = async (underlyings: readonly string[], nowMillis: number): Promise<PassFacts['storedSlice']> => {
  const slices = new Map<string, StoredSlice>()
  await mapped(underlyings, async underlying => {
    for (const row of await listSurface(underlying, nowMillis))
      if (row.fittedAtMillis !== undefined)
        slices.set(`${underlying}#${row.expirationMillis}`, { slice: sliceOf(row), fittedAtMillis: row.fittedAtMillis })
  })
  return (underlying, expirationMillis) => slices.get(`${underlying}#${expirationMillis}`)
}

/** Reads all that the marks of these instruments follow from. */
export const gather = async (rows: readonly InstrumentRow[], nowMillis: number): Promise<Gathered> => {
  const underlyings = [...new Set(rows.map(({ instrument }) => instrument.specification.underlying))]
  const [termsOf, storedSlice, indices, contracts] = await Promise.all([
    markingTermsAt(nowMillis),
    storedSlices(underlyings, nowMillis),
    indexFactsOf(rows.flatMap(fixingNeeds), nowMillis),
    mapped(rows, async row => {
      const { instrument, lane, listedAtMillis } = row
      const [bookRow, mark, soFar] = await Promise.all([
        getBook(lane, instrument.instrumentId),
        getMark(lane, instrument.instrumentId),
        soFarOf(row, instrument.terms, nowMillis),
      ])
      const tick = Number(instrument.specification.tickSize)
      return {
        row,
        bookRow,
        instrument,
        listedAtMillis,
        book: bookFacts(bookRow, tick),
        quotes: topOf(bookRow),
        ...(soFar === undefined ? {} : { soFar }),
        ...previousOf(mark, tick),
      }
    }),
  ])
  return {
    nowMillis,
    contracts,
    indices,
    parametersOf: underlying => markingParametersOf(termsOf(underlying).terms),
    storedSlice,
  }
}

const previousOf = (mark: MarkRow | undefined, tick: number): Pick<ContractFacts, 'previous'> =>
  mark === undefined
    ? {}
    : {
        previous: {
          price: mark.markTicks * tick,
          atMillis: mark.atMillis,
          ...(mark.basis === undefined ? {} : { basis: mark.basis }),
        },
      }

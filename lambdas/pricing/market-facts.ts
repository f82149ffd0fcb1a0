import { type BookRow, getBook } from '#adapters/tables/books.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getMark, type MarkRow } from '#adapters/tables/marks.ts'
import { listSurface, type SurfaceRow } from '#adapters/tables/surfaces.ts'
import type { PassFacts, StoredSlice } from '#domain/pricing/mark-pass.ts'
import type { BookFacts, ContractFacts } from '#domain/pricing/marking.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { fixingNeeds, indexFactsOf, mapped, soFarOf } from './index-facts.ts'
import { markingParametersOf, markingTermsAt } from './marking-terms.ts'

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

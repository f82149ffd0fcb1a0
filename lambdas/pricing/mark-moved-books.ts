import { type BookRow, bookOfImage } from '#adapters/tables/books.ts'
import { getInstrumentById, type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import { getMark, type MarkRow } from '#adapters/tables/marks.ts'
import { observedBy } from '#domain/reference/contract-terms.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { type ItemChange, logger, metrics, serveTableStream } from '../shell/stream.ts'
import { mapped } from './index-facts.ts'
import { markPass } from './marking-pass.ts'
import { markingTermsAt } from './marking-terms.ts'

/** By lane and instrument: marks only grow younger, so that until then there is nothing to read. */
const restsUntilMillis = new Map<string, number>()
const mostRemembered = 10_000

/** Every change of every book asks for them, and they change by hand. */
const termsKeptMillis = 5_000
let kept: { readonly untilMillis: number; readonly termsOf: ReturnType<typeof markingTermsAt> } | undefined

const recentTerms = (nowMillis: number): ReturnType<typeof markingTermsAt> => {
  if (kept !== undefined && nowMillis < kept.untilMillis) return kept.termsOf
  const termsOf = markingTermsAt(nowMillis)
  kept = { untilMillis: nowMillis + termsKeptMillis, termsOf }
  termsOf.catch(() => {
    kept = undefined
  })
  return termsOf
}

/**
 * When a best price or a trade has moved far from what the last mark was made from, all of its underlying is marked again at
 * once, at most once in the declared interval. What comes too early for that is left to the next change, or the minute.
 */
export const handler = serveTableStream(async changes => {
  const nowMillis = Date.now()
  const latest = new Map<string, BookRow>()
  for (const change of changes) if (hasMoved(change)) note(latest, change)
  if (latest.size === 0) return
  for (const key of latest.keys()) if (nowMillis < (restsUntilMillis.get(key) ?? 0)) latest.delete(key)
  if (latest.size === 0) return
  const termsOf = await recentTerms(nowMillis)
  const moved = await mapped([...latest], async ([key, book]) => {
    const row = await getInstrumentById(book.lane, book.instrumentId)
    if (row === undefined || !row.isActive) return undefined
    const { terms } = termsOf(row.instrument.specification.underlying)
    const mark = await getMark(book.lane, book.instrumentId)
    if (mark !== undefined && nowMillis - mark.atMillis < terms.min_interval_ms) {
      if (restsUntilMillis.size >= mostRemembered) restsUntilMillis.clear()
      restsUntilMillis.set(key, mark.atMillis + terms.min_interval_ms)
      return undefined
    }
    return isFar(book, mark, Number(terms.move)) ? row : undefined
  })
  const underlyings = new Set(moved.flatMap(row => row?.instrument.specification.underlying ?? []))
  if (underlyings.size === 0) return
  const all = (await Promise.all(tenantLanes().map(instrumentsOf))).flat()
  for (const underlying of underlyings) {
    const { min_interval_ms: intervalMillis } = termsOf(underlying).terms
    const name = `moved#${underlying}#${Math.floor(nowMillis / intervalMillis)}`
    await markPass(connected(all, underlying), { name, nowMillis }, { logger, metrics })
  }
})

const note = (latest: Map<string, BookRow>, { now }: ItemChange): void => {
  if (now === undefined) return
  const book = bookOfImage(now)
  latest.set(`${book.lane}#${book.instrumentId}`, book)
}

interface Top {
  readonly bidTicks: number
  readonly askTicks: number
  readonly lastTicks: number
}

const topOf = ({ market }: BookRow): Top => ({
  bidTicks: bestLevels(market.bids, 1)[0]?.ticks ?? 0,
  askTicks: bestLevels(market.asks, 1)[0]?.ticks ?? 0,
  lastTicks: market.lastTicks,
})

/** Depth, state and the mark itself change books as well: those say nothing new. */
const hasMoved = ({ now, before }: ItemChange): boolean => {
  if (now === undefined) return false
  const [after, was] = [topOf(bookOfImage(now)), before === undefined ? undefined : topOf(bookOfImage(before))]
  return was === undefined || tops.some(side => after[side] !== was[side])
}

const tops = ['bidTicks', 'askTicks', 'lastTicks'] as const

/** From what the last mark was made of; a side that has come or gone is a move as well. */
const isFar = (book: BookRow, mark: MarkRow | undefined, move: number): boolean => {
  if (mark === undefined) return true
  const top = topOf(book)
  return tops.some(side => {
    const [now, then] = [top[side], mark[side]]
    return (now === 0) !== (then === 0) || Math.abs(now - then) > move * then
  })
}

/**
 * What is marked with an underlying: its own contracts, and the futures of the indices that they observe. A payoff may
 * observe any index, whose own surface would be needed too: those are left to the minute.
 */
const connected = (all: readonly InstrumentRow[], underlying: string): readonly InstrumentRow[] => {
  const own = all.filter(
    ({ instrument }) =>
      instrument.specification.underlying === underlying && instrument.terms.kind !== 'structured_product',
  )
  const indices = new Set(own.flatMap(({ instrument }) => observedBy(instrument.terms) ?? []))
  const others = all.filter(
    ({ instrument }) =>
      instrument.specification.underlying !== underlying &&
      instrument.terms.kind === 'future' &&
      indices.has(instrument.terms.index),
  )
  return [...own, ...others]
}

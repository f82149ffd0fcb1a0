import { type IndexQuoteRow, indexQuotePut, listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import { transact } from '#adapters/writes.ts'
import { type IndexDefinition, type IndexQuote, isQuotable, quotedAnew } from '#domain/reference/index-method.ts'
import { afterLoss, mostAttempts } from '../shell/contention.ts'
import { quoteLeadMillis } from '../shell/index-level.ts'

export interface QuoteFault {
  readonly code: 'unknown-source' | 'quote-out-of-date' | 'invalid-request'
  readonly field: 'source' | 'level' | 'timestamp'
  readonly detail: string
}

/** What is wrong with a quote as such; undefined where nothing is, or it is the last one of its source again. */
export const faultOf = (
  quote: IndexQuote,
  definition: IndexDefinition,
  last: IndexQuoteRow | undefined,
  nowMillis: number,
): QuoteFault | undefined => {
  const outOfDate = (detail: string): QuoteFault => ({ code: 'quote-out-of-date', field: 'timestamp', detail })
  if (!definition.sources.some(({ source }) => source === quote.source))
    return { code: 'unknown-source', field: 'source', detail: 'is no source of the index' }
  if (!isQuotable(quote.level, definition))
    return { code: 'invalid-request', field: 'level', detail: `is nothing in ${definition.decimals} decimals` }
  if (quote.quotedAtMillis > nowMillis + quoteLeadMillis) return outOfDate('lies ahead')
  if (isRepeat(quote, last)) return undefined
  if (last !== undefined && quote.quotedAtMillis <= last.quotedAtMillis)
    return outOfDate('is not after the last of the source')
  if (nowMillis - quote.quotedAtMillis > definition.staleAfterMillis) return outOfDate('is stale already')
  return undefined
}

const isRepeat = (quote: IndexQuote, last: IndexQuoteRow | undefined): boolean =>
  last?.quotedAtMillis === quote.quotedAtMillis && last.level === quote.level

/**
 * Stores the quotes that `choose` makes of what the sources have quoted before: all or none, at most one a source.
 * Undefined where others kept quoting in between.
 */
export const takeQuotes = async <Refusal>(
  index: string,
  choose: (
    before: ReadonlyMap<string, IndexQuoteRow>,
    nowMillis: number,
  ) => { readonly quotes: readonly IndexQuote[] } | { readonly refusal: Refusal },
): Promise<{ readonly rows: readonly IndexQuoteRow[] } | { readonly refusal: Refusal } | undefined> => {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const before = new Map((await listIndexQuotes(index)).map(row => [row.source, row]))
    const nowMillis = Date.now()
    const chosen = choose(before, nowMillis)
    if ('refusal' in chosen) return chosen
    const rows = chosen.quotes.map((quote): IndexQuoteRow => {
      const last = before.get(quote.source)
      if (last !== undefined && isRepeat(quote, last)) return last
      return { ...quotedAnew(last, quote), index, receivedAtMillis: nowMillis }
    })
    const writes = rows
      .filter(row => before.get(row.source) !== row)
      .map(row => indexQuotePut(row, before.get(row.source)))
    if (writes.length === 0 || (await transact(writes))) return { rows }
    await afterLoss(attempt)
  }
  return undefined
}

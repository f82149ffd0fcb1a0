import type { putIndexQuotes } from '#protocol/operations/indices.ts'
import { concurrentChange } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { faultOf, type QuoteFault, takeQuotes } from './quote-intake.ts'

export const handle: Handle<typeof putIndexQuotes> = async ({ path, body }) => {
  const definition = await definitionOf(path.index, Date.now())
  if (definition === undefined) return { code: 'unknown-index' }
  const quotes = body.quotes.map(({ source, level, timestamp }) => ({
    source,
    level,
    quotedAtMillis: Date.parse(timestamp),
  }))
  const taken = await takeQuotes(path.index, (before, nowMillis) => {
    const faults = quotes.flatMap((quote, at): { readonly at: number; readonly fault: QuoteFault }[] => {
      const fault = quotes.slice(0, at).some(({ source }) => source === quote.source)
        ? twice
        : faultOf(quote, definition, before.get(quote.source), nowMillis)
      return fault === undefined ? [] : [{ at, fault }]
    })
    return faults.length === 0 ? { quotes } : { refusal: faults }
  })
  if (taken === undefined) return concurrentChange
  if ('refusal' in taken) {
    const [first] = taken.refusal
    if (first === undefined) throw new Error('a refusal names a fault')
    return {
      code: first.fault.code,
      errors: taken.refusal
        .slice(0, mostErrors)
        .map(({ at, fault: { field, detail } }) => ({ pointer: `#/quotes/${at}/${field}`, detail })),
    }
  }
  return {
    status: 200,
    body: {
      data: taken.rows.map(({ source, level, quotedAtMillis }) => ({
        source,
        level,
        timestamp: new Date(quotedAtMillis).toISOString(),
      })),
    },
  }
}

const mostErrors = 20

const twice: QuoteFault = { code: 'invalid-request', field: 'source', detail: 'is named twice' }

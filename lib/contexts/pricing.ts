import type { ContextAccess, Grant } from '../context-access.ts'

/** What marks follow from, and what is kept of them. */
const marking: Grant = given =>
  given
    .table('parameters', 'Query')
    .table('indexQuotes', 'Query')
    .table('fixings', 'Query')
    .table('measurements', 'Query')
    .table('instruments', 'Query')
    .table('books', 'GetItem')
    .table('marks', 'GetItem', 'PutItem')
    .table('surfaces', 'Query', 'PutItem')
    .table('lanes', 'GetItem')
    .putOrders()

export const pricing: ContextAccess<'pricing'> = {
  http: given =>
    given
      .identifyKeys()
      .table('parameters', 'Query', 'PutItem')
      .table('indexQuotes', 'Query')
      .table('fixings', 'Query')
      .table('instruments', 'Query')
      .table('books', 'GetItem')
      .table('marks', 'GetItem')
      .table('surfaces', 'Query')
      // Listing a structured product is listing an instrument.
      .table('commands', 'GetItem', 'PutItem')
      .table('outcomes', 'GetItem')
      .table('lanes', 'GetItem')
      .putOrders(),
  'mark-moved-books': marking,
  'mark-instruments': marking,
}

import type { ContextAccess } from '../context-access.ts'

export const reference: ContextAccess<'reference'> = {
  http: given =>
    given
      .identifyKeys()
      .table('instruments', 'GetItem', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .table('outcomes', 'GetItem')
      .table('books', 'GetItem')
      .table('marks', 'GetItem')
      .table('marketTrades', 'Query')
      .table('candles', 'Query')
      .table('marketWindows', 'Query')
      .table('parameters', 'Query', 'PutItem')
      .table('lanes', 'GetItem')
      .putOrders(),
  'project-instruments': given =>
    given
      .table('instruments', 'Query', 'PutItem', 'UpdateItem')
      .table('outcomes', 'PutItem')
      .table('lanes', 'GetItem', 'PutItem')
      .table('riskLanes', 'UpdateItem')
      .readExecutions(),
  'project-market-data': given =>
    given
      .table('books', 'GetItem', 'PutItem')
      .table('marketTrades', 'PutItem', 'Query', 'UpdateItem')
      .table('candles', 'GetItem', 'PutItem', 'Query')
      .table('marketWindows', 'PutItem', 'Query', 'UpdateItem')
      .table('lanes', 'GetItem', 'PutItem')
      .readExecutions(),
  'sweep-due': given =>
    given
      .table('instruments', 'Query')
      .table('parameters', 'Query')
      .table('indexQuotes', 'Query')
      .table('fixings', 'Query')
      .table('lanes', 'GetItem')
      .putOrders(),
}

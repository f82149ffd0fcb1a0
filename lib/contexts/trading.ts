import type { ContextAccess } from '../context-access.ts'

export const trading: ContextAccess<'trading'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('instruments', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('orders', 'GetItem', 'Query')
      .index('orders', 'open-orders')
      .table('trades', 'Query')
      .table('lanes', 'GetItem')
      .putOrders(),
  'project-orders': given =>
    given
      .table('instruments', 'Query')
      .table('orders', 'PutItem', 'UpdateItem')
      .table('trades', 'GetItem', 'PutItem', 'UpdateItem')
      .table('outcomes', 'PutItem')
      .table('lanes', 'GetItem', 'PutItem')
      .readExecutions(),
  'announce-trades': given => given.putEvents(),
  'announce-orders': given => given.putEvents(),
}

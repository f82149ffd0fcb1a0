import type { ContextAccess } from '../context-access.ts'

export const reference: ContextAccess<'reference'> = {
  http: given =>
    given
      .table('instruments', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .table('outcomes', 'GetItem')
      .putOrders(),
  'project-instruments': given =>
    given
      .table('instruments', 'Query', 'PutItem', 'UpdateItem')
      .table('outcomes', 'PutItem')
      .table('lanes', 'GetItem', 'PutItem')
      .readExecutions(),
  'sweep-due': given => given.table('instruments', 'Query').putOrders(),
}

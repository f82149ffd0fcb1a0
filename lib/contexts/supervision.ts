import type { ContextAccess } from '../context-access.ts'

export const supervision: ContextAccess<'supervision'> = {
  http: given =>
    given
      .identifyKeys()
      .insuranceFund()
      .table('accounts', 'GetItem')
      .table('instruments', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('killSwitches', 'Query')
      .table('accountNumbers', 'GetItem')
      .table('trades', 'GetItem')
      .table('tradeBusts', 'GetItem', 'Query', 'PutItem')
      .table('lanes', 'GetItem', 'Query')
      .putOrders()
      .startWorkflow('lane-reopening'),
  'verify-replicas': given => given.table('lanes', 'GetItem', 'Query', 'PutItem'),
  'halt-markets': given =>
    given.table('lanes', 'GetItem', 'PutItem').table('instruments', 'Query').table('books', 'GetItem').putOrders(),
  'resume-lane': given => given.table('lanes', 'GetItem', 'PutItem', 'UpdateItem'),
  'confirm-halts': given => given.table('lanes', 'GetItem').table('outcomes', 'GetItem'),
  'call-auctions': given =>
    given.table('lanes', 'GetItem', 'PutItem').table('outcomes', 'GetItem').table('books', 'GetItem').putOrders(),
  'fail-reopening': given => given.table('lanes', 'GetItem', 'PutItem'),
}

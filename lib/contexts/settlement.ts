import type { Access } from '../access.ts'
import type { ContextAccess } from '../context-access.ts'

/** What a price follows from: terms, fixings with what they were to be, measured windows, the future's price, the mark. */
const inputs = (given: Access): Access =>
  given
    .table('instruments', 'Query')
    .table('parameters', 'Query')
    .table('fixings', 'Query')
    .table('measurements', 'Query')
    .table('books', 'GetItem')
    .table('settlements', 'GetItem', 'Query', 'PutItem')

export const settlement: ContextAccess<'settlement'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('instruments', 'Query')
      .table('settlements', 'GetItem', 'Query', 'PutItem')
      .table('commands', 'GetItem', 'PutItem')
      .table('outcomes', 'GetItem')
      .putOrders()
      .startWorkflow('cash-settlement'),
  'start-settlements': given =>
    given.table('lanes', 'GetItem').table('settlements', 'GetItem', 'PutItem').startWorkflow('cash-settlement'),
  'sweep-settlements': given =>
    given
      .table('lanes', 'GetItem')
      .table('instruments', 'Query')
      .table('settlements', 'GetItem', 'Query', 'PutItem')
      .table('parameters', 'Query')
      .table('fixings', 'Query')
      .table('books', 'GetItem')
      .table('outcomes', 'GetItem')
      .startWorkflow('cash-settlement')
      .putOrders(),
  'collect-inputs': inputs,
  'compute-settlement': inputs,
  'post-settlement': given => given.table('settlements', 'GetItem', 'PutItem').table('outcomes', 'GetItem').putOrders(),
  'confirm-settlement': given => given.table('settlements', 'GetItem', 'PutItem').table('outcomes', 'GetItem'),
  'announce-settlement': given => given.table('settlements', 'GetItem').putEvents(),
  'fail-settlement': given => given.table('settlements', 'GetItem', 'PutItem'),
}

import type { Access } from '../access.ts'
import type { ContextAccess } from '../context-access.ts'

const step = (given: Access): Access => given.table('dayAheadAuctions', 'GetItem', 'PutItem')

/** A step that has the engine do something, and waits for what came of it. */
const asking = (given: Access): Access => step(given).table('outcomes', 'BatchGetItem').putOrders()

export const dayAhead: ContextAccess<'day-ahead'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('parameters', 'Query', 'PutItem')
      .table('lanes', 'GetItem')
      .table('dayAheadAuctions', 'GetItem', 'Query', 'PutItem')
      .table('dayAheadBids', 'Query', 'PutItem', 'UpdateItem')
      .table('dayAheadResults', 'GetItem')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem', 'BatchGetItem')
      .putOrders()
      .startWorkflow('day-ahead-auction'),
  'sweep-auctions': given =>
    given
      .table('parameters', 'Query')
      .table('lanes', 'GetItem')
      .table('dayAheadAuctions', 'GetItem', 'Query', 'PutItem')
      .table('outcomes', 'GetItem')
      .putOrders()
      .startWorkflow('day-ahead-auction'),
  'close-gate': asking,
  'collect-bids': given =>
    given
      .table('dayAheadAuctions', 'GetItem')
      .table('dayAheadBids', 'Query', 'UpdateItem')
      .table('outcomes', 'BatchGetItem')
      .putOrders(),
  'clear-day': given =>
    step(given)
      .table('outcomes', 'BatchGetItem')
      .table('dayAheadBids', 'Query')
      .table('dayAheadResults', 'GetItem', 'PutItem'),
  'list-hours': given => asking(given).table('dayAheadResults', 'GetItem').table('instruments', 'GetItem'),
  'award-lots': given => asking(given).table('dayAheadResults', 'GetItem').table('instruments', 'Query'),
  'release-bids': given => asking(given).table('dayAheadBids', 'Query'),
  'announce-clearing': given => step(given).table('dayAheadResults', 'GetItem').putEvents(),
  'fail-auction': step,
}

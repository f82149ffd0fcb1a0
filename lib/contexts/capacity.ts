import type { Access } from '../access.ts'
import type { ContextAccess, Grant } from '../context-access.ts'

/** What units an account has, and what it can buy of partners. */
const sources = (given: Access): Access =>
  given
    .table('partnerContracts', 'Query')
    .table('partnerInventory', 'GetItem', 'Query')
    .index('partnerInventory', 'by-holder')
    .index('partnerInventory', 'offered')
    .table('partnerCatalogues', 'GetItem')
    .table('partnerOffers', 'Query')
    .askPartners()

/** What a bid of an account is, and what has become of it. */
const bids = (given: Access): Access =>
  given
    .table('dayAheadAuctions', 'GetItem')
    .table('dayAheadBids', 'Query')
    .table('outcomes', 'GetItem', 'BatchGetItem')
    .putOrders()

/** Reserves units of lots, begins purchases, whose own workflow does the rest, buys futures and bids; or gives back what it can. */
const booking = (given: Access): Access =>
  bids(given)
    .table('accounts', 'GetItem')
    .table('commands', 'GetItem', 'PutItem')
    .table('dayAheadBids', 'PutItem')
    .table('capacityAllocations', 'GetItem', 'PutItem')
    .table('capacityPlans', 'GetItem', 'Query', 'PutItem')
    .table('partnerContracts', 'GetItem')
    .table('partnerInventory', 'GetItem', 'Query', 'PutItem', 'UpdateItem')
    .table('partnerCatalogues', 'GetItem')
    .table('partnerOffers', 'GetItem')
    .table('partnerPurchases', 'GetItem', 'PutItem')
    .table('lanes', 'GetItem')
    // When the gate of a date opens.
    .table('parameters', 'Query')
    .table('instruments', 'Query')
    .table('orders', 'GetItem')
    .askPartners()
    .startWorkflow('partner-purchase')

const http: Grant = given => {
  sources(given)
  given
    .identifyKeys()
    .table('accounts', 'GetItem')
    .table('capacityAllocations', 'GetItem', 'PutItem')
    .index('capacityAllocations', 'by-account')
    .table('capacityPlans', 'GetItem', 'Query', 'PutItem')
    .table('partnerInventory', 'PutItem', 'UpdateItem')
    .startWorkflow('capacity-plan')
  bids(given).table('dayAheadBids', 'UpdateItem').index('commands', 'by-command-id')
  given.table('procurementPolicies', 'GetItem', 'Query', 'PutItem')
  histories(given).table('capacityObservations', 'UpdateItem').table('indexQuotes', 'Query')
}

/** What forecasts are made from. */
const histories = (given: Access): Access =>
  given
    .index('capacityAllocations', 'by-resource')
    .table('capacityObservations', 'Query')
    .table('parameters', 'Query')
    .table('fixings', 'Query')
    .table('instruments', 'Query')
    .table('candles', 'Query')

export const capacity: ContextAccess<'capacity'> = {
  http,
  'announce-allocations': given => given.putEvents(),
  'make-capacity-plan': given =>
    sources(given)
      .table('instruments', 'Query')
      .table('books', 'GetItem')
      .table('dayAheadAuctions', 'Query')
      .table('dayAheadResults', 'GetItem')
      .table('capacityAllocations', 'GetItem', 'PutItem')
      .index('capacityAllocations', 'by-pool')
      .table('capacityPlans', 'GetItem', 'Query', 'PutItem'),
  'reserve-capacity': booking,
  'fail-capacity-plan': given => given.table('capacityPlans', 'GetItem', 'PutItem'),
  'sweep-capacity': given =>
    booking(given)
      .index('capacityAllocations', 'by-pool')
      .table('dayAheadResults', 'GetItem')
      .table('instruments', 'GetItem')
      .startWorkflow('capacity-plan'),
  'procure-capacity': given =>
    histories(bids(given))
      .table('accounts', 'GetItem')
      .table('commands', 'GetItem', 'PutItem')
      .table('dayAheadAuctions', 'Query')
      .table('dayAheadBids', 'PutItem')
      .table('lanes', 'GetItem')
      .table('procurementPolicies', 'GetItem', 'PutItem')
      .index('procurementPolicies', 'by-activity'),
}

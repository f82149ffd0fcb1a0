import type { Access } from '../access.ts'
import type { ContextAccess, Grant } from '../context-access.ts'

/** One step of a purchase: how far it has come. */
const step = (given: Access): Access => given.table('partnerPurchases', 'GetItem', 'PutItem')

/** One that asks the engine, and what came of it. */
const engineStep = (given: Access): Access => step(given).table('outcomes', 'GetItem').putOrders()

/** Moves units of a lot. */
const moves = (given: Access): Access => given.table('partnerInventory', 'GetItem', 'PutItem', 'UpdateItem')

/** Everything that an account can buy, and the books that it can trade in: where opportunities are looked for. */
const opportunities: Grant = given =>
  given
    .table('instruments', 'Query')
    .table('books', 'GetItem')
    .table('positions', 'Query')
    .table('balances', 'GetItem')
    .table('arbitragePolicies', 'GetItem')
    .table('arbitrageExecutions', 'GetItem', 'Query', 'PutItem')
    .index('arbitrageExecutions', 'by-account')
    .table('partnerContracts', 'GetItem', 'Query')
    .table('partnerInventory', 'GetItem', 'Query')
    .index('partnerInventory', 'offered')
    .table('partnerCatalogues', 'GetItem')
    .table('partnerOffers', 'Query')
    .table('dayAheadResults', 'GetItem')
    .askPartners()
    .startWorkflow('arbitrage-execution')

/** One step of an execution: what was decided, and what came of it. */
const executionStep = (given: Access): Access => given.table('arbitrageExecutions', 'GetItem', 'PutItem')

/** An order, and what became of it. */
const orderStep: Grant = given => executionStep(given).table('orders', 'GetItem').putOrders()

/** Its purchase goes on by its own workflow. */
const purchaseStep = (given: Access): Access =>
  executionStep(given).table('partnerPurchases', 'GetItem', 'PutItem').startWorkflow('partner-purchase')

export const partners: ContextAccess<'partners'> = {
  http: given => {
    opportunities(given)
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('lanes', 'GetItem')
      .table('partnerContracts', 'GetItem', 'Query', 'PutItem')
      .table('partnerInventory', 'GetItem', 'Query', 'PutItem')
      .index('partnerInventory', 'by-holder')
      .index('partnerInventory', 'offered')
      .table('partnerCatalogues', 'GetItem', 'Query', 'PutItem')
      .table('partnerOffers', 'GetItem', 'Query', 'PutItem')
      .table('partnerPurchases', 'GetItem', 'Query', 'PutItem')
      .askPartners()
      .table('arbitragePolicies', 'PutItem')
      .startWorkflow('partner-purchase')
  },
  'announce-arbitrage': given => given.putEvents(),
  'announce-purchases': given => given.putEvents(),
  'announce-inventory': given => given.putEvents(),
  'sweep-partners': given =>
    given
      .table('partnerInventory', 'Query', 'UpdateItem')
      .index('partnerInventory', 'by-kind')
      .table('partnerPurchases', 'PutItem')
      .index('partnerPurchases', 'by-progress')
      .startWorkflow('partner-purchase'),
  'hold-purchase-money': engineStep,
  'reserve-with-partner': given => moves(step(given)).askPartners(),
  'book-purchase': given => step(given).table('partnerInventory', 'GetItem', 'PutItem'),
  'capture-purchase-money': engineStep,
  'undo-purchase': given => moves(engineStep(given)).askPartners(),
  'sweep-arbitrage': given => {
    opportunities(given)
    given.table('accounts', 'GetItem').index('arbitragePolicies', 'by-activity')
  },
  'reserve-arbitrage-capacity': given =>
    purchaseStep(given)
      .table('lanes', 'GetItem')
      .table('partnerContracts', 'GetItem')
      .table('partnerInventory', 'GetItem', 'Query')
      .table('partnerCatalogues', 'GetItem')
      .table('partnerOffers', 'GetItem')
      .askPartners(),
  'place-arbitrage-order': orderStep,
  'unwind-arbitrage': orderStep,
  'capture-arbitrage-purchase': purchaseStep,
  'release-arbitrage-capacity': purchaseStep,
  'end-arbitrage': executionStep,
  'fail-arbitrage': executionStep,
}

import type { Access } from '../access.ts'
import type { ContextAccess } from '../context-access.ts'

const step = (given: Access): Access => given.table('deliveries', 'GetItem', 'PutItem')

/** What a settlement price follows from, its row, and the command that it is paid by. */
const obligating = (given: Access): Access =>
  given
    .table('lanes', 'GetItem')
    .table('instruments', 'Query')
    .table('parameters', 'Query')
    .table('fixings', 'Query')
    .table('measurements', 'Query')
    .table('books', 'GetItem')
    .table('dayAheadResults', 'GetItem')
    .table('settlements', 'GetItem', 'Query', 'PutItem')
    .table('outcomes', 'GetItem')
    .putOrders()

/** What a seller can buy of partners and for how much, the purchase, and the units of its lot. */
const buyingIn = (given: Access): Access =>
  step(given)
    .table('accountNumbers', 'GetItem')
    .table('dayAheadResults', 'GetItem')
    .table('fixings', 'Query')
    .table('lanes', 'GetItem')
    .table('partnerContracts', 'GetItem', 'Query')
    .table('partnerInventory', 'GetItem', 'Query', 'PutItem', 'UpdateItem')
    .index('partnerInventory', 'offered')
    .table('partnerCatalogues', 'GetItem')
    .table('partnerOffers', 'GetItem', 'Query')
    .table('partnerPurchases', 'GetItem', 'PutItem')
    .askPartners()
    .startWorkflow('partner-purchase')

export const delivery: ContextAccess<'delivery'> = {
  http: given =>
    obligating(given)
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('deliveries', 'GetItem', 'Query', 'PutItem')
      .index('deliveries', 'by-buyer')
      .index('deliveries', 'by-seller')
      .answerWorkflow('physical-settlement', 'Success', 'Heartbeat'),
  'start-deliveries': given =>
    given.table('deliveries', 'GetItem', 'PutItem', 'UpdateItem').startWorkflow('physical-settlement'),
  'announce-deliveries': given => given.putEvents(),
  'sweep-deliveries': given =>
    obligating(given)
      .table('deliveries', 'GetItem', 'PutItem', 'UpdateItem')
      .index('deliveries', 'open')
      .startWorkflow('physical-settlement'),
  'nominate-delivery': step,
  'request-provisioning': given => step(given).putEvents().answerWorkflow('physical-settlement', 'Success'),
  'record-answer': given => step(given).table('partnerInventory', 'GetItem', 'PutItem', 'UpdateItem'),
  'cure-delivery': buyingIn,
  'post-delivery': given => step(given).table('dayAheadResults', 'GetItem').table('fixings', 'Query').putOrders(),
  'confirm-delivery': given => step(given).table('outcomes', 'GetItem'),
  'fail-delivery': step,
}

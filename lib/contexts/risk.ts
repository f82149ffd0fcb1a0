import type { Access } from '../access.ts'
import type { ContextAccess, Grant } from '../context-access.ts'

/** What an epoch of risk follows from, where it is kept, and how it comes into the lanes. */
const epochs: Grant = given =>
  given
    .table('parameters', 'Query')
    .table('indexQuotes', 'Query')
    .table('fixings', 'Query')
    .table('measurements', 'Query')
    .table('instruments', 'Query')
    .table('books', 'GetItem')
    .table('marks', 'GetItem')
    .table('lanes', 'GetItem')
    .table('outcomes', 'GetItem')
    .table('riskLanes', 'GetItem')
    .table('riskEpochs', 'GetItem', 'Query', 'PutItem', 'UpdateItem')
    .putOrders()

/** What an account in liquidation has, by what rules and with what its next step is decided. */
const liquidated: Grant = given =>
  given
    .table('parameters', 'Query')
    .table('instruments', 'Query')
    .table('positions', 'Query')
    .table('balances', 'GetItem')
    .table('marks', 'GetItem')
    .table('riskLanes', 'GetItem')
    .table('riskLimits', 'GetItem')
    .table('riskEpochs', 'GetItem', 'Query')
    .table('liquidations', 'GetItem', 'PutItem')
    // Where else it trades.
    .table('accountNumbers', 'GetItem')
    .table('accounts', 'GetItem')
    .table('lanes', 'GetItem')

/** One step: its rows, its command, and what came of it. */
const step = (given: Access): Access =>
  given.table('liquidations', 'GetItem', 'PutItem').table('outcomes', 'GetItem').putOrders()

/** A step that may be the last: with it the account's call is answered. */
const lastStep: Grant = given => step(given).table('marginCalls', 'PutItem')

export const risk: ContextAccess<'risk'> = {
  http: given =>
    given
      .identifyKeys()
      .insuranceFund()
      .table('parameters', 'Query', 'PutItem')
      .table('riskEpochs', 'GetItem', 'Query')
      .table('riskLanes', 'GetItem')
      .table('accounts', 'GetItem')
      .index('accounts', 'by-firm')
      .table('accountNumbers', 'GetItem', 'BatchGetItem')
      .table('positions', 'Query')
      .index('positions', 'open-positions')
      .table('balances', 'GetItem', 'BatchGetItem')
      .index('orders', 'open-orders')
      .table('books', 'GetItem')
      .table('killSwitches', 'GetItem')
      .table('instruments', 'Query')
      .table('liquidations', 'GetItem', 'Query', 'PutItem')
      .index('liquidations', 'by-account')
      .index('liquidations', 'by-lane')
      .table('backstopAuctions', 'GetItem', 'PutItem', 'UpdateItem')
      .index('backstopAuctions', 'by-lane')
      .table('riskLimits', 'GetItem')
      .table('limitRequests', 'GetItem', 'Query', 'PutItem')
      .table('approvalRequests', 'GetItem', 'Query', 'PutItem')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('lanes', 'GetItem')
      .putOrders()
      .startWorkflow('collateral-liquidation'),
  'scale-limits': given =>
    given
      .table('parameters', 'Query')
      .table('instruments', 'Query')
      .table('marketWindows', 'Query')
      .table('books', 'GetItem')
      .table('riskLimits', 'Query')
      .table('lanes', 'GetItem')
      .putOrders(),
  'relay-lane-budgets': given => given.putOrders(),
  'announce-limits': given => given.table('instruments', 'Query').putEvents(),
  'make-risk-epoch': epochs,
  'renew-risk-epoch': epochs,
  'start-liquidations': given =>
    given
      .table('marginCalls', 'GetItem', 'Query', 'PutItem')
      .table('liquidations', 'GetItem', 'PutItem')
      .table('parameters', 'Query')
      .startWorkflow('collateral-liquidation'),
  'announce-margin-calls': given => given.putEvents(),
  'announce-liquidations': given => given.putEvents(),
  'begin-liquidation': lastStep,
  'join-liquidation': step,
  'plan-liquidation': liquidated,
  'reduce-position': step,
  'move-cash': step,
  'open-backstop-auction': given => {
    liquidated(given)
    given.table('backstopAuctions', 'GetItem', 'PutItem')
  },
  'award-backstop-lots': given =>
    step(given)
      .insuranceFund()
      .table('backstopAuctions', 'GetItem', 'Query', 'UpdateItem')
      .table('accounts', 'GetItem'),
  'cover-loss': given =>
    step(given)
      .insuranceFund()
      .table('parameters', 'Query')
      .table('accounts', 'GetItem')
      .table('balances', 'GetItem')
      .table('ledgerEntries', 'Query'),
  'haircut-gains': given =>
    step(given)
      .insuranceFund()
      .table('accounts', 'GetItem')
      .table('balances', 'GetItem')
      .table('instruments', 'Query')
      .table('marks', 'GetItem')
      .table('riskLanes', 'GetItem')
      .table('riskEpochs', 'GetItem', 'Query')
      .index('positions', 'open-positions'),
  'end-liquidation': lastStep,
  'fail-liquidation': given => given.table('liquidations', 'GetItem', 'PutItem'),
}

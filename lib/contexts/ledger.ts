import type { ContextAccess } from '../context-access.ts'

export const ledger: ContextAccess<'ledger'> = {
  http: given =>
    given
      .identifyKeys()
      .insuranceFund()
      .table('accounts', 'GetItem')
      .index('accounts', 'by-firm')
      .table('accountNumbers', 'BatchGetItem')
      .table('balances', 'GetItem')
      .table('ledgerEntries', 'Query')
      .table('positions', 'Query')
      .index('orders', 'open-orders')
      .table('instruments', 'Query')
      .table('marks', 'GetItem')
      .table('books', 'GetItem')
      .table('lanes', 'GetItem')
      .table('riskLanes', 'GetItem')
      .table('riskEpochs', 'GetItem', 'Query')
      .table('riskLimits', 'GetItem')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('approvalRequests', 'GetItem', 'Query', 'PutItem')
      .putOrders()
      .startWorkflow('open-account'),
  'project-positions': given =>
    given
      .table('instruments', 'Query')
      .table('accounts', 'GetItem', 'PutItem')
      .table('commands', 'GetItem')
      .table('positions', 'PutItem')
      .table('balances', 'BatchGetItem', 'PutItem', 'UpdateItem')
      .table('ledgerEntries', 'PutItem')
      .table('marginCalls', 'PutItem')
      .table('liquidations', 'PutItem')
      .table('deliveries', 'PutItem')
      .table('riskLimits', 'UpdateItem')
      .table('outcomes', 'PutItem')
      .table('lanes', 'GetItem', 'PutItem')
      .readExecutions(),
  'announce-positions': given => given.putEvents(),
  'resume-account-opening': given => given.answerWorkflow('open-account'),
  'register-account': given => given.table('accounts', 'GetItem', 'PutItem').table('commands', 'GetItem', 'PutItem'),
  'submit-account': given => given.table('accounts', 'GetItem', 'PutItem').putOrders().answerWorkflow('open-account'),
  'announce-account': given => given.putEvents(),
  'fail-account': given => given.table('accounts', 'GetItem', 'PutItem'),
}

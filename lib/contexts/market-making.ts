import type { ContextAccess } from '../context-access.ts'

export const marketMaking: ContextAccess<'market-making'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('instruments', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('quoteOutcomes', 'GetItem')
      .index('orders', 'open-orders')
      .table('marketMakers', 'GetItem')
      .table('riskLimits', 'GetItem')
      .table('quotingDays', 'Query')
      .table('obligationTerms', 'GetItem', 'PutItem')
      .table('accountNumbers', 'GetItem')
      .table('lanes', 'GetItem')
      .putOrders(),
  'project-market-making': given =>
    given
      .table('outcomes', 'PutItem')
      .table('quoteOutcomes', 'UpdateItem')
      .table('marketMakers', 'UpdateItem')
      .table('quotingDays', 'Query', 'PutItem')
      .table('obligationTerms', 'GetItem')
      .table('killSwitches', 'PutItem')
      .table('riskLimits', 'PutItem')
      .table('accountNumbers', 'PutItem')
      .table('lanes', 'GetItem', 'PutItem')
      .readExecutions(),
}

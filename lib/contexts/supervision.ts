import type { ContextAccess } from '../context-access.ts'

export const supervision: ContextAccess<'supervision'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('instruments', 'Query')
      .table('commands', 'GetItem', 'PutItem')
      .index('commands', 'by-command-id')
      .table('outcomes', 'GetItem')
      .table('killSwitches', 'Query')
      .table('accountNumbers', 'GetItem')
      .table('trades', 'GetItem')
      .table('tradeBusts', 'GetItem', 'Query', 'PutItem')
      .putOrders(),
}

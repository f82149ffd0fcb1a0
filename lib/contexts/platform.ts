import type { ContextAccess } from '../context-access.ts'

export const platform: ContextAccess<'platform'> = {
  http: given =>
    // Readiness asks each of them for an item that is not there.
    (['accounts', 'instruments', 'commands', 'orders', 'outcomes', 'lanes'] as const)
      .reduce((each, table) => each.table(table, 'GetItem'), given)
      // Who leads each lane, and who stands by.
      .table('lanes', 'Query')
      .describeStreams(),
  authorize: given => given.table('apiKeys', 'GetItem').readPepper(),
}

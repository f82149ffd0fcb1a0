import type { ContextAccess } from '../context-access.ts'

export const indices: ContextAccess<'indices'> = {
  http: given =>
    given
      .identifyKeys()
      .table('parameters', 'Query', 'PutItem')
      .table('indexQuotes', 'Query', 'PutItem')
      .table('fixings', 'Query')
      .table('measurements', 'Query', 'PutItem'),
  'take-fixings': given =>
    given
      .askOracle()
      .table('parameters', 'Query')
      .table('indexQuotes', 'Query', 'PutItem')
      .table('fixings', 'Query', 'PutItem'),
}

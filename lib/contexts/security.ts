import type { ContextAccess } from '../context-access.ts'

export const security: ContextAccess<'security'> = {
  http: given =>
    given
      .identifyKeys()
      .table('apiKeys', 'PutItem')
      .table('apiKeyHolders', 'GetItem', 'PutItem')
      .readPepper()
      .index('audit', 'by-date'),
  'chain-audit-records': given => given.appendAudit(),
}

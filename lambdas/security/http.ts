import { securityOperations } from '#protocol/operations/security.ts'
import { serve } from '../shell/serve.ts'
import * as createApiKey from './create-api-key.ts'
import * as listApiKeys from './list-api-keys.ts'
import * as listAuditRecords from './list-audit-records.ts'
import * as revokeApiKey from './revoke-api-key.ts'
import * as rotateApiKey from './rotate-api-key.ts'

export const handler = serve('security', securityOperations, {
  'create-api-key': createApiKey.handle,
  'list-api-keys': listApiKeys.handle,
  'revoke-api-key': revokeApiKey.handle,
  'rotate-api-key': rotateApiKey.handle,
  'list-audit-records': listAuditRecords.handle,
})

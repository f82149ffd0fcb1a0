import type * as z from 'zod'
import type { ApiKeyRow } from '#adapters/tables/api-keys.ts'
import type { apiKey } from '#protocol/operations/security.ts'

type ApiKey = z.infer<typeof apiKey>

const instantOf = (atMillis: number): string => new Date(atMillis).toISOString()

export const apiKeyOf = (row: ApiKeyRow, nowMillis: number): ApiKey => ({
  key_id: row.keyId,
  name: row.name,
  key_type: row.keyType,
  key_state: row.revokedAtMillis !== undefined ? 'revoked' : row.expiresAtMillis <= nowMillis ? 'expired' : 'active',
  scopes: [...row.scopes],
  allowed_addresses: [...row.allowedAddresses],
  created_at: instantOf(row.createdAtMillis),
  expires_at: instantOf(row.expiresAtMillis),
  last_used_at: row.lastUsedAtMillis === undefined ? null : instantOf(row.lastUsedAtMillis),
  previous_valid_until:
    row.previousUntilMillis === undefined || row.previousUntilMillis <= nowMillis
      ? null
      : instantOf(row.previousUntilMillis),
})

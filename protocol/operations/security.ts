import * as z from 'zod'
import { operation } from '../operation.ts'
import { permissions } from '../permissions.ts'
import { instant, pageOf, pageQuery } from '../values.ts'

export const keyId = z.string().regex(/^[0-9a-f]{24}$/, 'must be the id of an API key: 24 hexadecimal digits')

/** What a key's owner calls it. */
const keyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._:@/-]{0,63}$/, 'must be 1 to 64 letters, digits, blanks and . _ : @ / -')

const scope = z.enum(permissions, 'must be one of the permissions of your own credential, such as orders:read')

/** One address or a network, of IPv4 or IPv6. */
const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an IP address or a network in CIDR form')

const publicKey = z
  .string()
  .min(1)
  .max(512)
  .meta({ description: 'Ed25519, as PEM or the base64 of its SPKI; the private key never leaves your machine' })

export const mostActiveKeys = 10
export const longestKeyLifeDays = 366
const mostNetworks = 20
const longestOverlapSeconds = 7 * 24 * 60 * 60

const distinct = <Value>(values: readonly Value[]) => new Set(values).size === values.length

const apiKeyFields = {
  key_id: z.string(),
  name: z.string(),
  key_type: z.enum(['secret', 'ed25519']).meta({ description: 'ed25519: its requests are signed' }),
  key_state: z.enum(['active', 'expired', 'revoked']),
  scopes: z.array(scope),
  allowed_addresses: z.array(z.string()).meta({ description: 'Empty: from anywhere' }),
  created_at: instant,
  expires_at: instant,
  last_used_at: instant.nullable().meta({ description: 'To the minute' }),
  previous_valid_until: instant
    .nullable()
    .meta({ description: 'Until when the secret or public key from before the last rotation is taken too' }),
}
export const apiKey = z.object(apiKeyFields).meta({ id: 'ApiKey' })
const createdKey = z
  .object({
    ...apiKeyFields,
    bearer: z.string().meta({
      description:
        'What goes after `Authorization: Bearer`. Of a secret key it holds the secret, and is shown here only',
    }),
  })
  .meta({ id: 'CreatedApiKey' })

export const createApiKey = operation({
  context: 'security',
  name: 'create-api-key',
  method: 'POST',
  path: '/api/v1/api-keys',
  permission: 'api-keys:write',
  summary: 'Make an API key',
  description:
    'For machines. Its scopes are permissions that your own credential has; a key that makes keys cannot make one that may do more, from elsewhere, or for longer. With `public_key` its requests are signed; without, it has a secret, which this answer shows and nothing else ever does. A name belongs to one active key: a repeat is refused, so that it never makes a second key.',
  idempotency: 'none',
  request: {
    body: z.strictObject({
      name: keyName,
      scopes: z.array(scope).min(1).max(permissions.length).refine(distinct, 'must not name one twice'),
      expires_at: z.iso
        .datetime('must be a time in UTC such as 2026-12-31T00:00:00Z')
        .optional()
        .meta({ description: `At most ${longestKeyLifeDays} days from now; in 90 days unless told` }),
      allowed_addresses: z
        .array(network)
        .max(mostNetworks)
        .refine(distinct, 'must not name one twice')
        .optional()
        .meta({ description: 'From where it may be used; anywhere unless told' }),
      public_key: publicKey.optional(),
    }),
  },
  responses: { 201: { description: 'Made', schema: createdKey } },
  rejections: ['key-limit', 'key-name-taken'],
})

export const listApiKeys = operation({
  context: 'security',
  name: 'list-api-keys',
  method: 'GET',
  path: '/api/v1/api-keys',
  permission: 'api-keys:read',
  summary: 'List the API keys of your account that are not revoked',
  request: {},
  responses: { 200: { description: 'All of them', schema: z.object({ data: z.array(apiKey) }) } },
  rejections: [],
})

export const revokeApiKey = operation({
  context: 'security',
  name: 'revoke-api-key',
  method: 'DELETE',
  path: '/api/v1/api-keys/{key_id}',
  permission: 'api-keys:write',
  summary: 'Revoke an API key of your account, at once',
  idempotency: 'none',
  request: { path: z.strictObject({ key_id: keyId }) },
  responses: { 200: { description: 'Revoked, now or before', schema: apiKey } },
  rejections: ['not-found'],
})

export const rotateApiKey = operation({
  context: 'security',
  name: 'rotate-api-key',
  method: 'POST',
  path: '/api/v1/api-keys/{key_id}/rotate',
  permission: 'api-keys:write',
  summary: 'Give an API key a new secret or public key',
  description:
    'Id, name, scopes and expiry stay. The secret or public key from before is taken for `overlap_seconds` more, one from before that no longer.',
  idempotency: 'none',
  request: {
    path: z.strictObject({ key_id: keyId }),
    body: z.strictObject({
      overlap_seconds: z
        .int('must be a whole number')
        .min(0)
        .max(longestOverlapSeconds)
        .optional()
        .meta({ description: 'A day unless told; 0 ends the one from before at once' }),
      public_key: publicKey.optional().meta({ description: 'For a key whose requests are signed, and only there' }),
    }),
  },
  responses: { 200: { description: 'With what to use from now on', schema: createdKey } },
  rejections: ['not-found'],
})

export const auditRecord = z
  .object({
    date: z.iso.date().meta({ description: 'The day, in UTC, on which it was chained' }),
    number: z.int().min(1).meta({ description: 'Within the day' }),
    id: z.string(),
    teller: z.string().nullable().meta({ description: 'The running function that told it; null: API Gateway did' }),
    line: z.int().nullable().meta({ description: 'How-manieth line of the teller: a gap is a lost line' }),
    time: instant,
    account: z.string().nullable(),
    role: z.string().nullable(),
    credential: z.string().nullable(),
    address: z.string().nullable(),
    request_id: z.string().nullable(),
    operation: z.string().nullable(),
    method: z.string().nullable(),
    path: z.string().nullable(),
    body_sha256: z.string().nullable().meta({ description: 'Of the bytes of the body; null where there was none' }),
    status: z.int().nullable(),
    code: z.string().nullable().meta({ description: 'Of the problem document, where it was a refusal' }),
    previous: z.string().meta({ description: 'The hash of the record before; of the very first one, 64 zeros' }),
    hash: z.string().meta({ description: 'SHA-256 of the record\u2019s line up to this member' }),
  })
  .meta({ id: 'AuditRecord' })

export const listAuditRecords = operation({
  context: 'security',
  name: 'list-audit-records',
  method: 'GET',
  path: '/api/v1/audit',
  permission: 'audit:read',
  summary: 'Read a day of the audit trail, in the order of its chain',
  description:
    'One record for each mutating call, whatever came of it, each refusal of a credential or permission, and each object that was asked for and is not there or not the caller\u2019s. A record follows its call by some seconds.',
  request: { query: z.strictObject({ ...pageQuery, date: z.iso.date().meta({ description: 'A day in UTC' }) }) },
  responses: { 200: { description: 'A page of records', schema: pageOf(auditRecord) } },
  rejections: ['invalid-cursor'],
})

export const securityOperations = [createApiKey, listApiKeys, revokeApiKey, rotateApiKey, listAuditRecords] as const

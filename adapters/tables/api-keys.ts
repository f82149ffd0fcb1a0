import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Permission, permissions, type Role, roles } from '#protocol/permissions.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, listOf, oneOf, optional, text } from '../items.ts'
import { store, type Write } from '../writes.ts'

export interface ApiKeyRow {
  readonly keyId: string
  readonly account: string
  /** Of the credential that it was made with. */
  readonly role: Role
  readonly name: string
  readonly keyType: KeyType
  readonly scopes: readonly Permission[]
  /** Empty: from anywhere. */
  readonly allowedAddresses: readonly string[]
  /** Counts the verifiers that it has had, from 1. */
  readonly version: number
  /** What a credential is held against: the keyed hash of the secret, or the public key. */
  readonly verifier: string
  /** The one of the version before, for as long as it is taken too. */
  readonly previousVerifier?: string
  readonly previousUntilMillis?: number
  readonly createdAtMillis: number
  readonly expiresAtMillis: number
  readonly revokedAtMillis?: number
  readonly lastUsedAtMillis?: number
}

const keyTypes = ['secret', 'ed25519'] as const
export type KeyType = (typeof keyTypes)[number]

const table = tables.apiKeys

/** A row outlives its key for a year, so that whoever reads the audit trail can tell whose it was. */
const keptSeconds = 366 * 24 * 60 * 60

/** Consistent: what was revoked is revoked at once. */
export const getApiKey = async (keyId: string): Promise<ApiKeyRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { key_id: keyId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

export const apiKeyPut = (row: ApiKeyRow): Write => ({
  kind: 'put',
  table,
  item: {
    key_id: row.keyId,
    account: row.account,
    role: row.role,
    name: row.name,
    key_type: row.keyType,
    scopes: row.scopes,
    allowed_addresses: row.allowedAddresses,
    version: row.version,
    verifier: row.verifier,
    previous_verifier: row.previousVerifier,
    previous_until_millis: row.previousUntilMillis,
    created_at_millis: row.createdAtMillis,
    expires_at_millis: row.expiresAtMillis,
    revoked_at_millis: row.revokedAtMillis,
    last_used_at_millis: row.lastUsedAtMillis,
    expires_at: Math.ceil(row.expiresAtMillis / 1_000) + keptSeconds,
  },
  onlyIf: { key_id: undefined },
})

/** Gives the key its next verifier; false where it was rotated or revoked in between. */
export const rotateVerifier = (read: ApiKeyRow, verifier: string, previousUntilMillis: number): Promise<boolean> =>
  store({
    kind: 'update',
    table,
    key: { key_id: read.keyId },
    set: {
      version: read.version + 1,
      verifier,
      previous_verifier: read.verifier,
      previous_until_millis: previousUntilMillis,
    },
    onlyIf: { version: read.version, revoked_at_millis: undefined },
  })

export const apiKeyRevocation = (keyId: string, atMillis: number): Write => ({
  kind: 'update',
  table,
  key: { key_id: keyId },
  set: { revoked_at_millis: atMillis },
  onlyIf: { key_id: keyId, revoked_at_millis: undefined },
})

/** False where somebody else has noted a use since the row was read. */
export const noteUse = ({ keyId, lastUsedAtMillis }: ApiKeyRow, atMillis: number): Promise<boolean> =>
  store({
    kind: 'update',
    table,
    key: { key_id: keyId },
    set: { last_used_at_millis: atMillis },
    onlyIf: { key_id: keyId, last_used_at_millis: lastUsedAtMillis },
  })

const permission = (value: unknown): Permission | undefined => permissions.find(known => known === value)

const rowOf = (item: Item): ApiKeyRow => ({
  keyId: text(item, 'key_id'),
  account: text(item, 'account'),
  role: oneOf(item, 'role', roles),
  name: text(item, 'name'),
  keyType: oneOf(item, 'key_type', keyTypes),
  // A permission that there is no more cannot be had.
  scopes: listOf(item, 'scopes').flatMap(value => permission(value) ?? []),
  allowedAddresses: listOf(item, 'allowed_addresses').map(String),
  version: integer(item, 'version'),
  verifier: text(item, 'verifier'),
  ...optional('previousVerifier', item, 'previous_verifier', text),
  ...optional('previousUntilMillis', item, 'previous_until_millis', integer),
  createdAtMillis: integer(item, 'created_at_millis'),
  expiresAtMillis: integer(item, 'expires_at_millis'),
  ...optional('revokedAtMillis', item, 'revoked_at_millis', integer),
  ...optional('lastUsedAtMillis', item, 'last_used_at_millis', integer),
})

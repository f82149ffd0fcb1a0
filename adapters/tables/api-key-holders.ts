import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, text } from '../items.ts'
import type { Write } from '../writes.ts'

/** The keys of an account that are not revoked. */
export interface ApiKeyHolderRow {
  readonly account: string
  /** Counts its changes: of two that set out from the same one is refused. */
  readonly revision: number
  readonly keys: readonly HeldKey[]
}

export interface HeldKey {
  readonly keyId: string
  readonly name: string
  readonly expiresAtMillis: number
}

const table = tables.apiKeyHolders

export const getHolder = async (account: string): Promise<ApiKeyHolderRow> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { account }, ConsistentRead: true }),
  )
  return Item === undefined ? { account, revision: 0, keys: [] } : rowOf(Item)
}

/** Holds only where nothing has changed since it was read. */
export const holderReplacement = (read: ApiKeyHolderRow, keys: readonly HeldKey[]): Write => ({
  kind: 'put',
  table,
  item: {
    account: read.account,
    revision: read.revision + 1,
    keys: keys.map(({ keyId, name, expiresAtMillis }) => ({
      key_id: keyId,
      name,
      expires_at_millis: expiresAtMillis,
    })),
  },
  onlyIf: { revision: read.revision === 0 ? undefined : read.revision },
})

const rowOf = (item: Item): ApiKeyHolderRow => ({
  account: text(item, 'account'),
  revision: integer(item, 'revision'),
  keys: itemsOf(item, 'keys').map(held => ({
    keyId: text(held, 'key_id'),
    name: text(held, 'name'),
    expiresAtMillis: integer(held, 'expires_at_millis'),
  })),
})

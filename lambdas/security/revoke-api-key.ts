import { getHolder, holderReplacement } from '#adapters/tables/api-key-holders.ts'
import { type ApiKeyRow, apiKeyRevocation, getApiKey } from '#adapters/tables/api-keys.ts'
import { transact } from '#adapters/writes.ts'
import type { revokeApiKey } from '#protocol/operations/security.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { apiKeyOf } from './api-key-view.ts'
import { ownedKey } from './owned-key.ts'

export const handle: Handle<typeof revokeApiKey> = async ({ path, principal }) => {
  const nowMillis = Date.now()
  const row = await ownedKey(principal, path.key_id)
  if ('code' in row) return row
  const revoked = await revoke(row, nowMillis)
  if (revoked === undefined) return concurrentChange
  return { status: 200, body: apiKeyOf(revoked, nowMillis) }
}

const revoke = async (read: ApiKeyRow, nowMillis: number): Promise<ApiKeyRow | undefined> => {
  let row: ApiKeyRow | undefined = read
  for (let attempt = 1; attempt <= mostAttempts && row !== undefined; attempt++) {
    if (row.revokedAtMillis !== undefined) return row
    const holder = await getHolder(row.account)
    const kept = holder.keys.filter(({ keyId }) => keyId !== read.keyId)
    if (await transact([apiKeyRevocation(row.keyId, nowMillis), holderReplacement(holder, kept)]))
      return { ...row, revokedAtMillis: nowMillis }
    await afterLoss(attempt)
    row = await getApiKey(read.keyId)
  }
  return undefined
}

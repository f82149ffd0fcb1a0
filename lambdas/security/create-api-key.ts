import { randomBytes } from 'node:crypto'
import { getHolder, holderReplacement } from '#adapters/tables/api-key-holders.ts'
import { type ApiKeyRow, apiKeyPut } from '#adapters/tables/api-keys.ts'
import { transact } from '#adapters/writes.ts'
import { type createApiKey, longestKeyLifeDays, mostActiveKeys } from '#protocol/operations/security.ts'
import { afterLoss, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { apiKeyOf } from './api-key-view.ts'
import { askingKey, excessOf } from './delegation.ts'
import { invalidPublicKey, newSecret, ofPublicKey, publicKeyOf } from './verifier.ts'

const dayMillis = 24 * 60 * 60 * 1_000
const usualLifeDays = 90

export const handle: Handle<typeof createApiKey> = async ({ body, principal }) => {
  const nowMillis = Date.now()
  const asking = await askingKey(principal)
  const latestMillis = nowMillis + longestKeyLifeDays * dayMillis
  const expiresAtMillis =
    body.expires_at === undefined
      ? Math.min(nowMillis + usualLifeDays * dayMillis, asking?.expiresAtMillis ?? latestMillis)
      : Date.parse(body.expires_at)
  if (expiresAtMillis <= nowMillis || expiresAtMillis > latestMillis) {
    const detail = `must be later than now, and at most ${longestKeyLifeDays} days from now`
    return { code: 'invalid-request', errors: [{ pointer: '#/expires_at', detail }] }
  }
  const publicKey = body.public_key === undefined ? undefined : publicKeyOf(body.public_key)
  if (body.public_key !== undefined && publicKey === undefined)
    return invalidPublicKey('must be an Ed25519 public key, as PEM or as the base64 of its SPKI')
  const reach = { scopes: body.scopes, allowedAddresses: body.allowed_addresses ?? [], expiresAtMillis }
  const errors = excessOf(principal, asking, reach)
  if (errors.length > 0) return { code: 'forbidden', errors }

  const keyId = randomBytes(12).toString('hex')
  const { bearer, ...verified } = publicKey === undefined ? await newSecret(keyId) : ofPublicKey(keyId, publicKey)
  const row: ApiKeyRow = {
    keyId,
    account: principal.account,
    role: principal.role,
    name: body.name,
    ...reach,
    ...verified,
    version: 1,
    createdAtMillis: nowMillis,
  }
  const refusal = await store(row, nowMillis)
  if (refusal !== undefined) return { code: refusal }
  return { status: 201, body: { ...apiKeyOf(row, nowMillis), bearer } }
}

/** Both rows or none: of many requests at once each goes through the account's one row, so that none slips past the limit. */
const store = async (
  row: ApiKeyRow,
  nowMillis: number,
): Promise<'key-limit' | 'key-name-taken' | 'concurrent-change' | undefined> => {
  const { account, keyId, name, expiresAtMillis } = row
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const holder = await getHolder(account)
    const active = holder.keys.filter(key => key.expiresAtMillis > nowMillis)
    if (active.some(key => key.name === name)) return 'key-name-taken'
    if (active.length >= mostActiveKeys) return 'key-limit'
    if (await transact([apiKeyPut(row), holderReplacement(holder, [...active, { keyId, name, expiresAtMillis }])]))
      return undefined
    await afterLoss(attempt)
  }
  return 'concurrent-change'
}

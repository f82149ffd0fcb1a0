import { type ApiKeyRow, getApiKey, rotateVerifier } from '#adapters/tables/api-keys.ts'
import type { rotateApiKey } from '#protocol/operations/security.ts'
import { concurrentChange } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { isActive, permissionsOfKey } from '../shell/key-state.ts'
import { apiKeyOf } from './api-key-view.ts'
import { askingKey, excessOf } from './delegation.ts'
import { ownedKey, strongerKey } from './owned-key.ts'
import { invalidPublicKey, newSecret, ofPublicKey, publicKeyOf } from './verifier.ts'

const usualOverlapSeconds = 24 * 60 * 60

const noKeyAnyMore = { code: 'not-found', detail: 'The key is revoked or expired.' } as const

export const handle: Handle<typeof rotateApiKey> = async ({ path, body, principal }) => {
  const nowMillis = Date.now()
  const row = await ownedKey(principal, path.key_id)
  if ('code' in row) return row
  if (!isActive(row, nowMillis)) return noKeyAnyMore
  // Whoever rotates a key comes to have it.
  const excess = excessOf(principal, await askingKey(principal), { ...row, scopes: permissionsOfKey(row) })
  if (excess.length > 0) return strongerKey
  const isSigned = row.keyType === 'ed25519'
  if (isSigned !== (body.public_key !== undefined))
    return invalidPublicKey(isSigned ? 'is required: the key’s requests are signed' : 'is not for a key with a secret')
  const publicKey = body.public_key === undefined ? undefined : publicKeyOf(body.public_key)
  if (isSigned && (publicKey === undefined || publicKey === row.verifier))
    return invalidPublicKey('must be another Ed25519 public key, as PEM or as the base64 of its SPKI')

  const { bearer, verifier } = publicKey === undefined ? await newSecret(row.keyId) : ofPublicKey(row.keyId, publicKey)
  const previousUntilMillis = nowMillis + (body.overlap_seconds ?? usualOverlapSeconds) * 1_000
  if (!(await rotateVerifier(row, verifier, previousUntilMillis))) {
    const now = await getApiKey(row.keyId)
    // Somebody else has rotated it in between: what they were given would be lost.
    return now !== undefined && isActive(now, nowMillis) ? concurrentChange : noKeyAnyMore
  }
  const rotated: ApiKeyRow = {
    ...row,
    version: row.version + 1,
    verifier,
    previousVerifier: row.verifier,
    previousUntilMillis,
  }
  return { status: 200, body: { ...apiKeyOf(rotated, nowMillis), bearer } }
}

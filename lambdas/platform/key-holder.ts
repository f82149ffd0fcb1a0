import { getApiKey } from '#adapters/tables/api-keys.ts'
import type { KeyCredential } from '#protocol/api-key-credential.ts'
import type { Role } from '#protocol/permissions.ts'
import { isActive, verifierOf, versionsOf } from '../shell/key-state.ts'
import { keyCredentialPrefix } from '../shell/principal.ts'
import { sameHash, secretHash } from '../shell/secret-hash.ts'

/** The authorizer's own words for a key, as the shell gets them with each request. */
export interface KeyHolder {
  readonly account: string
  readonly role: Role
  readonly credential: string
  readonly key_id: string
  /** Of the secret that was shown; absent where the request is signed. */
  readonly key_version?: string
}

/**
 * What the authorizer says of an API key: whose it is and which of its secrets was shown. Undefined where the key is none
 * of ours, or the secret not its own. Of a signed request no more can be said here: the shell verifies the signature.
 */
export const keyHolderOf = async ({ keyId, secret }: KeyCredential): Promise<KeyHolder | undefined> => {
  const nowMillis = Date.now()
  const [row, hash] = await Promise.all([
    getApiKey(keyId),
    secret === undefined ? undefined : secretHash(keyId, secret),
  ])
  if (row === undefined || !isActive(row, nowMillis)) return undefined
  if (row.keyType !== (hash === undefined ? 'ed25519' : 'secret')) return undefined
  const { account, role } = row
  const said = { account, role, credential: `${keyCredentialPrefix}${keyId}`, key_id: keyId }
  if (hash === undefined) return said
  const version = versionsOf(row, nowMillis).find(each => sameHash(verifierOf(row, each), hash))
  return version === undefined ? undefined : { ...said, key_version: String(version) }
}

import { type ApiKeyRow, getApiKey } from '#adapters/tables/api-keys.ts'
import { permissionsOfKey } from '../shell/key-state.ts'
import type { Principal } from '../shell/principal.ts'

/** The account's key of that id, where it may do no more than the credential that wants to change it. */
export const ownedKey = async (
  principal: Principal,
  keyId: string,
): Promise<ApiKeyRow | { readonly code: 'not-found' } | typeof strongerKey> => {
  const row = await getApiKey(keyId)
  if (row === undefined || row.account !== principal.account) return { code: 'not-found' }
  return permissionsOfKey(row).every(permission => principal.permissions.includes(permission)) ? row : strongerKey
}

export const strongerKey = { code: 'forbidden', detail: 'The key may do more than your own credential.' } as const

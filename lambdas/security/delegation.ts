import { type ApiKeyRow, getApiKey } from '#adapters/tables/api-keys.ts'
import type { Permission } from '#protocol/permissions.ts'
import { networkOf, networks } from '../shell/api-key.ts'
import { keyCredentialPrefix, type Principal } from '../shell/principal.ts'

/** What a key may do, from where and until when. */
export interface Reach {
  readonly scopes: readonly Permission[]
  readonly allowedAddresses: readonly string[]
  readonly expiresAtMillis: number
}

/** The key that asks; undefined where a person does, by a token. */
export const askingKey = async ({ credential }: Principal): Promise<ApiKeyRow | undefined> =>
  credential.startsWith(keyCredentialPrefix) ? getApiKey(credential.slice(keyCredentialPrefix.length)) : undefined

/**
 * Where a key would reach further than the credential that makes or rotates it, by field: nobody comes to more
 * by way of a key than they have. It also holds for tokens: an account's auditor is not its trader.
 */
export const excessOf = (
  principal: Principal,
  asking: ApiKeyRow | undefined,
  wanted: Reach,
): readonly { readonly pointer: string; readonly detail: string }[] => [
  ...wanted.scopes.flatMap((scope, index) =>
    principal.permissions.includes(scope)
      ? []
      : [{ pointer: `#/scopes/${index}`, detail: 'is not a permission of your credential' }],
  ),
  ...(asking === undefined || liesWithin(wanted.allowedAddresses, asking.allowedAddresses)
    ? []
    : [{ pointer: '#/allowed_addresses', detail: 'must lie within those of your own key' }]),
  ...(asking === undefined || wanted.expiresAtMillis <= asking.expiresAtMillis
    ? []
    : [{ pointer: '#/expires_at', detail: 'must not be after that of your own key' }]),
]

/** An empty list means everywhere. */
const liesWithin = (inner: readonly string[], outer: readonly string[]): boolean => {
  if (outer.length === 0) return true
  return (
    inner.length > 0 &&
    inner
      .map(networkOf)
      .every(({ address, family, prefix }) =>
        outer.some(text => networkOf(text).prefix <= prefix && networks([text]).check(address, family)),
      )
  )
}

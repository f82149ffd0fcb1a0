import type { Permission, Role } from '#protocol/permissions.ts'

/** Who asks: what the authorizer read from the credential, and the only source of an account. */
export interface Principal {
  readonly account: string
  readonly role: Role
  /** The token's subject, or `key:<key id>`. */
  readonly credential: string
  /** What may be done with this credential: of a token its role's, of an API key those of them that it was given. */
  readonly permissions: readonly Permission[]
  /** Where the request came from. */
  readonly address: string
}

export interface Identified {
  readonly principal: Principal
  /** What is noted about the credential's use, beside the request; never fails, to be waited for before the answer goes. */
  readonly noted?: Promise<void>
}

export interface Unidentified {
  readonly code: 'unauthorized' | 'address-not-allowed'
  readonly detail?: string
}

/** Credentials of API keys begin so; no token's subject may. */
export const keyCredentialPrefix = 'key:'

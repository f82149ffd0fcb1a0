import type { ApiKeyRow } from '#adapters/tables/api-keys.ts'
import { type Permission, permissionsOf } from '#protocol/permissions.ts'

/** What a key's row says at an instant. */
export const isActive = ({ revokedAtMillis, expiresAtMillis }: ApiKeyRow, nowMillis: number): boolean =>
  revokedAtMillis === undefined && nowMillis < expiresAtMillis

/** What a role has lost since, its keys have lost too. */
export const permissionsOfKey = ({ role, scopes }: ApiKeyRow): readonly Permission[] =>
  scopes.filter(scope => permissionsOf[role].includes(scope))

/** Which of its secrets or public keys are taken, newest first. */
export const versionsOf = ({ version, previousUntilMillis }: ApiKeyRow, nowMillis: number): readonly number[] =>
  previousUntilMillis !== undefined && nowMillis < previousUntilMillis ? [version, version - 1] : [version]

export const verifierOf = (row: ApiKeyRow, version: number): string =>
  version === row.version ? row.verifier : (row.previousVerifier ?? '')

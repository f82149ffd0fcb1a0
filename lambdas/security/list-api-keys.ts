import { getHolder } from '#adapters/tables/api-key-holders.ts'
import { getApiKey } from '#adapters/tables/api-keys.ts'
import type { listApiKeys } from '#protocol/operations/security.ts'
import type { Handle } from '../shell/http.ts'
import { apiKeyOf } from './api-key-view.ts'

export const handle: Handle<typeof listApiKeys> = async ({ principal }) => {
  const nowMillis = Date.now()
  const { keys } = await getHolder(principal.account)
  const rows = await Promise.all(keys.map(({ keyId }) => getApiKey(keyId)))
  return { status: 200, body: { data: rows.flatMap(row => (row === undefined ? [] : [apiKeyOf(row, nowMillis)])) } }
}

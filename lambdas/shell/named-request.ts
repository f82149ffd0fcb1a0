import { createHash } from 'node:crypto'
import type { CommandRow } from '#adapters/tables/commands.ts'

/** How long a name stays taken; its outcome is kept a little longer (adapters/tables/outcomes.ts). */
const rememberedSeconds = 30 * 24 * 60 * 60

/** What a request asks for, whatever the order of its keys. */
export const bodyHash = (body: unknown): string => createHash('sha256').update(canonicalJson(body)).digest('hex')

const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  )

/** The promise that is stored under the request's name before the stream hears of its command. */
export const namedRequest = (row: Omit<CommandRow, 'createdAtMillis' | 'expiresAtSeconds'>): CommandRow => {
  const createdAtMillis = Date.now()
  return {
    ...row,
    createdAtMillis,
    expiresAtSeconds: Math.floor(createdAtMillis / 1_000) + rememberedSeconds,
  }
}

import { hash } from 'node:crypto'
import type { CommandRow } from '#adapters/tables/commands.ts'

/** How long a name stays taken; its outcome is kept a little longer (adapters/tables/outcomes.ts). */
const rememberedSeconds = 30 * 24 * 60 * 60

/** What a request asks for, whatever the order of its keys. */
export const bodyHash = (body: unknown): string => hash('sha256', JSON.stringify(sorted(body)), 'hex')

/** Made of JSON, as it is: with the keys of its objects in order. */
const sorted = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  for (const member of members) member[1] = sorted(member[1])
  return Object.fromEntries(members)
}

/** The promise that is stored under the request's name before the stream hears of its command. */
export const namedRequest = (row: Omit<CommandRow, 'createdAtMillis' | 'expiresAtSeconds'>): CommandRow => {
  const createdAtMillis = Date.now()
  return {
    ...row,
    createdAtMillis,
    expiresAtSeconds: Math.floor(createdAtMillis / 1_000) + rememberedSeconds,
  }
}

import { listReplicas, type Replica } from '#adapters/tables/lanes.ts'

/** A replica tells of itself every five seconds. */
const mostSilenceMillis = 15_000

/**
 * Those that have spoken lately, newest first. A process that began again, as a standby, goes by its first name and
 * another number: what it said before it did counts no more.
 */
export const spokenReplicas = async (lane: number, nowMillis: number): Promise<readonly Replica[]> => {
  const newest = new Map<string, Replica>()
  for (const replica of await listReplicas(lane, nowMillis - mostSilenceMillis)) {
    const process = replica.owner.replace(/\/[0-9]+$/, '')
    if (!newest.has(process)) newest.set(process, replica)
  }
  return [...newest.values()]
}

import { listFixings } from '#adapters/tables/fixings.ts'
import type { Fixing } from '#domain/pricing/marking.ts'

/** A process's copy of an index's fixings from an instant on: a fixing never changes, so only what came since is read. */
interface Known {
  fromMillis: number
  readonly fixings: Fixing[]
}

const known = new Map<string, Known>()

/** A fixing may be stored a quarter of an hour late: behind one that is known already. */
const lateMillis = 3_600_000

/** For tests, whose tables come and go. */
export const forgetFixings = (): void => known.clear()

/** All within [fromMillis, toMillis], ascending. */
export const fixingsOf = async (index: string, fromMillis: number, toMillis: number): Promise<readonly Fixing[]> => {
  const copy = known.get(index)
  const isCovered = copy !== undefined && copy.fromMillis <= fromMillis
  const last = isCovered ? copy.fixings.at(-1)?.atMillis : undefined
  const readFrom = last === undefined ? fromMillis : Math.max(last - lateMillis, fromMillis)
  const read = (await listFixings(index, readFrom, toMillis)).map(({ fixingMillis, level }) => ({
    atMillis: fixingMillis,
    level: Number(level),
  }))
  const before = isCovered ? copy.fixings.filter(({ atMillis }) => atMillis < readFrom) : []
  const fixings = [...before, ...read]
  known.set(index, { fromMillis: isCovered ? copy.fromMillis : fromMillis, fixings })
  return fixings.filter(({ atMillis }) => atMillis >= fromMillis && atMillis <= toMillis)
}

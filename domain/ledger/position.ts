/**
 * What of an entry cost is closed with a part of a position: floor(cost × part / whole), exactly. Cost is that of the
 * whole position, without its sign.
 */
export const closedCost = (cost: number, part: number, whole: number): number => {
  const product = cost * part
  if (product <= maxSafe) return floor(product / whole)
  return Number((BigInt(cost) * BigInt(part)) / BigInt(whole))
}

/** Taken once: where globals are looked up slowly, as under jest, these are the hottest of them. */
const { floor } = Math
const maxSafe = Number.MAX_SAFE_INTEGER

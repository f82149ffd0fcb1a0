/**
 * The same, with all that it consists of, but nobody can change it any more: where an engine goes on changing what it gave
 * away as its state, it throws. A matcher writes a snapshot while it goes on matching.
 */
export const deepFrozen = <Value>(value: Value): Value => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const kind = Object.prototype.toString.call(value)
  if (kind !== '[object Object]' && kind !== '[object Array]') throw new Error(`a state has something live: ${kind}`)
  for (const member of Object.values(value)) deepFrozen(member)
  return Object.freeze(value)
}

/** What positions in one underlying come to, by the sensitivities of the epoch in force. */
export interface Exposure {
  /** Millionths of the underlying's unit; net over long and short. */
  readonly netDeltaMicroUnits: bigint
  /** … and each position's by itself, whatever its sign. */
  readonly grossDeltaMicroUnits: bigint
  /** USD micros for a point of volatility. */
  readonly netVegaMicros: bigint
  readonly grossVegaMicros: bigint
  /** Positions whose contract the epoch does not value: they count for nothing here. */
  readonly unvaluedPositions: number
}

export interface ExposedPosition {
  readonly underlying: string
  /** Signed. */
  readonly sizeLots: number
  /** Of a long lot; absent where the epoch has no value of the contract. */
  readonly sensitivities?: { readonly deltaMicroUnits: number; readonly vegaMicros: number }
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)

/** By underlying, in the order of their names. Exact: sums over a lane may leave the safe integers. */
export const exposuresOf = (positions: Iterable<ExposedPosition>): ReadonlyMap<string, Exposure> => {
  const sums = new Map<string, { -readonly [Name in keyof Exposure]: Exposure[Name] }>()
  for (const { underlying, sizeLots, sensitivities } of positions) {
    if (sizeLots === 0) continue
    let sum = sums.get(underlying)
    if (sum === undefined) {
      sum = {
        netDeltaMicroUnits: 0n,
        grossDeltaMicroUnits: 0n,
        netVegaMicros: 0n,
        grossVegaMicros: 0n,
        unvaluedPositions: 0,
      }
      sums.set(underlying, sum)
    }
    if (sensitivities === undefined) {
      sum.unvaluedPositions += 1
      continue
    }
    const delta = BigInt(sizeLots) * BigInt(sensitivities.deltaMicroUnits)
    const vega = BigInt(sizeLots) * BigInt(sensitivities.vegaMicros)
    sum.netDeltaMicroUnits += delta
    sum.grossDeltaMicroUnits += magnitude(delta)
    sum.netVegaMicros += vega
    sum.grossVegaMicros += magnitude(vega)
  }
  return new Map([...sums].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** How a market is named in the keys of what is kept of it. */
export const marketKeyOf = (lane: number, instrumentId: number): string => `${lane}#${instrumentId}`

/** The same on both sides; sorts by time within a lane. */
export const tradeIdOf = (lane: number, outSeq: number): string => `${lane}-${String(outSeq).padStart(16, '0')}`

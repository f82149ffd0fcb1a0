/** How a market is named in the keys of what is kept of it. */
export const marketKeyOf = (lane: number, instrumentId: number): string => `${lane}#${instrumentId}`

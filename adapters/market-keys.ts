/** How a market is named in the keys of what is kept of it. */
export const marketKeyOf = (lane: number, instrumentId: number): string => `${lane}#${instrumentId}`

/** The same on both sides; sorts by time within a lane. */
export const tradeIdOf = (lane: number, outSeq: number): string => `${lane}-${String(outSeq).padStart(16, '0')}`

/** The number of the event by which a trade of the lane was told; undefined where it is no id of such a trade. */
export const outSeqOfTrade = (lane: number, tradeId: string): number | undefined => {
  const outSeq = Number(tradeId.slice(tradeId.indexOf('-') + 1))
  return Number.isSafeInteger(outSeq) && tradeIdOf(lane, outSeq) === tradeId ? outSeq : undefined
}

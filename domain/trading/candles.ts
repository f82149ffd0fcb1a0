export const candleResolutions = ['1m', '5m', '15m', '1h', '1d'] as const
export type CandleResolution = (typeof candleResolutions)[number]

export const millisOfResolution: Readonly<Record<CandleResolution, number>> = {
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
}

/** The trades of a while. Where nothing traded there is none. */
export interface Candle {
  /** The whole minute, hour or day, UTC. */
  readonly startMillis: number
  readonly openTicks: number
  readonly highTicks: number
  readonly lowTicks: number
  readonly closeTicks: number
  /** Sums over trades know no bound that a double could hold. */
  readonly volumeLots: bigint
  readonly turnoverTickLots: bigint
  readonly trades: number
}

export const candleStart = (resolution: CandleResolution, atMillis: number): number => {
  const millis = millisOfResolution[resolution]
  return Math.floor(atMillis / millis) * millis
}

export const candleOfTrade = (startMillis: number, priceTicks: number, quantityLots: number): Candle => ({
  startMillis,
  openTicks: priceTicks,
  highTicks: priceTicks,
  lowTicks: priceTicks,
  closeTicks: priceTicks,
  volumeLots: BigInt(quantityLots),
  turnoverTickLots: BigInt(priceTicks) * BigInt(quantityLots),
  trades: 1,
})

/** Of no trades: what is left where all of them were reversed. */
export const emptyCandle = (startMillis: number): Candle => ({
  startMillis,
  openTicks: 0,
  highTicks: 0,
  lowTicks: 0,
  closeTicks: 0,
  volumeLots: 0n,
  turnoverTickLots: 0n,
  trades: 0,
})

/** Both as one; the earlier one gives the start and, unless it is empty, the opening price. */
export const joined = (earlier: Candle, later: Candle): Candle => {
  if (later.trades === 0) return earlier
  if (earlier.trades === 0) return { ...later, startMillis: earlier.startMillis }
  return {
    startMillis: earlier.startMillis,
    openTicks: earlier.openTicks,
    highTicks: Math.max(earlier.highTicks, later.highTicks),
    lowTicks: Math.min(earlier.lowTicks, later.lowTicks),
    closeTicks: later.closeTicks,
    volumeLots: earlier.volumeLots + later.volumeLots,
    turnoverTickLots: earlier.turnoverTickLots + later.turnoverTickLots,
    trades: earlier.trades + later.trades,
  }
}

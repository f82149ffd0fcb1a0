import { entries, i64, nested, u32 } from './fields.ts'
import type { LimitScale, LimitTerms } from './limit-terms.ts'

/** 80 bytes from an offset on. */
export const limitTerms = (offset: number) =>
  nested<LimitTerms>({
    maxOrderLots: i64(offset),
    maxOrderNotionalMicros: i64(offset + 8),
    maxPositionLots: i64(offset + 16),
    maxGrossDelta: i64(offset + 24),
    maxNetDelta: i64(offset + 32),
    maxVegaMicros: i64(offset + 40),
    maxDailyLossMicros: i64(offset + 48),
    concentrationFromLots: i64(offset + 56),
    maxOpenOrders: u32(offset + 64),
    maxConcentrationPpm: u32(offset + 68),
    maxMessagesPerSecond: u32(offset + 72),
    collarPpm: u32(offset + 76),
  })

/** Behind the fixed fields, 40 bytes each. */
export const limitScales = (offset: number) =>
  entries<LimitScale>(offset, 40, {
    instrumentId: u32(0),
    scalePpm: u32(4),
    volatilityPpm: i64(8),
    referenceVolatilityPpm: i64(16),
    depthLots: i64(24),
    referenceDepthLots: i64(32),
  })

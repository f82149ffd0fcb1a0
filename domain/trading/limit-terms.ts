import { feeMicros } from '../ledger/fees.ts'
import type { RejectionCode } from '../outcome.ts'

/** Whose limits they are. Of an instrument: what each account may do in it; its messages and prices are those of all. */
export const limitScopes = ['account', 'firm', 'instrument'] as const
export type LimitScope = (typeof limitScopes)[number]

/** 0 is no limit. Those that are scaled shrink with an instrument's scale. */
export interface LimitTerms {
  /** What is left to be filled of one order. Scaled. */
  readonly maxOrderLots: number
  /** The same times its price. Scaled. */
  readonly maxOrderNotionalMicros: number
  readonly maxOpenOrders: number
  /** Of either side of one instrument, if all that is open on it filled; of a firm, its accounts together. Scaled. */
  readonly maxPositionLots: number
  /** Sum over instruments of the larger side's delta, in millionths of the underlying's unit. */
  readonly maxGrossDelta: number
  /** Over all instruments, if all that is open on one side filled. */
  readonly maxNetDelta: number
  readonly maxVegaMicros: number
  /** Since the day's first moment in lane time, cash that came or went left out. */
  readonly maxDailyLossMicros: number
  /** Of an instrument's open interest, in millionths. */
  readonly maxConcentrationPpm: number
  /** Up to so many lots no share is too large: in a market that begins everybody has a large one. */
  readonly concentrationFromLots: number
  readonly maxMessagesPerSecond: number
  /** How far beyond the mark one may buy or sell, in millionths of it. Scaled. */
  readonly collarPpm: number
}

export type LimitName = keyof LimitTerms

export const noLimits: LimitTerms = {
  maxOrderLots: 0,
  maxOrderNotionalMicros: 0,
  maxOpenOrders: 0,
  maxPositionLots: 0,
  maxGrossDelta: 0,
  maxNetDelta: 0,
  maxVegaMicros: 0,
  maxDailyLossMicros: 0,
  maxConcentrationPpm: 0,
  concentrationFromLots: 0,
  maxMessagesPerSecond: 0,
  collarPpm: 0,
}

/** Object.keys of a literal: the order in which they are told everywhere. */
export const limitNames = Object.keys(noLimits) as readonly LimitName[]

export const isUnlimited = (terms: LimitTerms): boolean => limitNames.every(name => terms[name] === 0)

const million = 1_000_000
/** Tokens refill each millisecond, counted in thousandths. */
const mostMessagesPerSecond = 1_000_000

/** Why such limits cannot be, if they cannot. */
export const limitsRefusal = (scope: LimitScope, terms: LimitTerms): RejectionCode | undefined => {
  if (limitNames.some(name => !Number.isSafeInteger(terms[name]) || terms[name] < 0)) return 'amount-out-of-range'
  if (terms.maxConcentrationPpm > million || terms.collarPpm > million) return 'amount-out-of-range'
  if (terms.maxMessagesPerSecond > mostMessagesPerSecond) return 'amount-out-of-range'
  if (scope === 'instrument' && terms.maxDailyLossMicros !== 0) return 'limit-not-of-scope'
  return contradictionIn(terms) === undefined ? undefined : 'limits-contradict'
}

/** The two limits of which one makes the other meaningless. */
export const contradictionIn = (terms: LimitTerms): readonly [LimitName, LimitName] | undefined => {
  const isAbove = (one: LimitName, other: LimitName): boolean => terms[other] !== 0 && terms[one] > terms[other]
  // An order that no position could hold; a net that its gross never allows.
  if (isAbove('maxOrderLots', 'maxPositionLots')) return ['maxOrderLots', 'maxPositionLots']
  if (isAbove('maxNetDelta', 'maxGrossDelta')) return ['maxNetDelta', 'maxGrossDelta']
  if (isAbove('concentrationFromLots', 'maxPositionLots')) return ['concentrationFromLots', 'maxPositionLots']
  if (terms.concentrationFromLots !== 0 && terms.maxConcentrationPpm === 0)
    return ['concentrationFromLots', 'maxConcentrationPpm']
  return undefined
}

/** Whether some of these limits allow what those before did not: that takes a second person. */
export const isLooser = (terms: LimitTerms, before: LimitTerms): boolean =>
  limitNames.some(name => {
    // Where a share was limited, a larger threshold is looser, and none is the strictest.
    if (name === 'concentrationFromLots')
      return before.maxConcentrationPpm !== 0 && terms.maxConcentrationPpm !== 0 && terms[name] > before[name]
    return before[name] !== 0 && (terms[name] === 0 || terms[name] > before[name])
  })

/** The numbers that a scale follows from; the engine keeps them and decides by the scale alone. */
export interface LimitScale {
  readonly instrumentId: number
  /** From the floor to the ceiling of its command. */
  readonly scalePpm: number
  /** Realised, of a year; and the one at which limits hold in full. */
  readonly volatilityPpm: number
  readonly referenceVolatilityPpm: number
  /** Of both sides near the best prices; and the one at which limits hold in full. */
  readonly depthLots: number
  readonly referenceDepthLots: number
}

/** Of one command: what it leads to is projected in one transaction. */
export const maxScales = 80
/** No scale loosens what was approved. */
export const unscaledPpm = million

/** Why such scales cannot be; which instruments are listed the engine knows. */
export const scalesRefusal = (
  floorPpm: number,
  ceilingPpm: number,
  scales: readonly LimitScale[],
): RejectionCode | undefined => {
  if (!(floorPpm >= 1 && floorPpm <= ceilingPpm && ceilingPpm <= unscaledPpm)) return 'scale-out-of-range'
  if (scales.length === 0 || scales.length > maxScales) return 'scale-out-of-range'
  if (new Set(scales.map(({ instrumentId }) => instrumentId)).size < scales.length) return 'scale-out-of-range'
  const isWithin = ({ scalePpm }: LimitScale): boolean => scalePpm >= floorPpm && scalePpm <= ceilingPpm
  return scales.every(isWithin) ? undefined : 'scale-out-of-range'
}

/** Rounded down, and never to none. */
export const scaledLimit = (limit: number, scalePpm: number): number =>
  limit === 0 || scalePpm === unscaledPpm ? limit : Math.max(1, feeMicros(scalePpm, limit))

/** How far from a mark orders may go: rounded down to a tick. */
export const collarWidthTicks = (markTicks: number, collarPpm: number): number => feeMicros(collarPpm, markTicks)

export interface ScalingRule {
  readonly floorPpm: number
  readonly ceilingPpm: number
  readonly referenceVolatilityPpm: number
  /** 0: depth does not count. */
  readonly referenceDepthLots: number
}

/**
 * Limits shrink as volatility rises above its reference and as depth falls below its own, each in proportion, the smaller
 * of both: scale = min(reference volatility / volatility, depth / reference depth), within floor and ceiling.
 */
export const scaleOf = (
  rule: ScalingRule,
  measured: { readonly volatilityPpm: number; readonly depthLots: number },
): number => {
  const byVolatility =
    measured.volatilityPpm === 0 ? unscaledPpm : (rule.referenceVolatilityPpm / measured.volatilityPpm) * million
  const byDepth = rule.referenceDepthLots === 0 ? unscaledPpm : (measured.depthLots / rule.referenceDepthLots) * million
  return Math.max(rule.floorPpm, Math.min(rule.ceilingPpm, Math.floor(Math.min(byVolatility, byDepth))))
}

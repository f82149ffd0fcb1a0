import { partsPerMillion, wholeNumber } from './input-limits.ts'
import { type Priced, priced, refused } from './priced.ts'

/** Sums of quantity-weighted seconds of one service window, as probes and provider metrics were recorded. */
export interface AvailabilityWindow {
  readonly upSeconds: number
  readonly degradedSeconds: number
  readonly downSeconds: number
  /** Without telemetry: never counted as up. */
  readonly unknownSeconds: number
}

/** An exact fraction of a period: up/total. */
export interface Uptime {
  readonly up: bigint
  readonly total: bigint
}

const million = 1_000_000n
const mostSeconds = 1e15

/** top/bottom to the nearest integer, halves away from zero: what one side gets the other pays, to the micro. */
export const roundedRatio = (top: bigint, bottom: bigint): Priced<number> => {
  const [size, divisor] = [top < 0n ? -top : top, bottom]
  const magnitude = (2n * size + divisor) / (2n * divisor)
  if (magnitude > BigInt(Number.MAX_SAFE_INTEGER)) return refused('not-representable', 'value')
  return priced(Number(top < 0n && magnitude !== 0n ? -magnitude : magnitude))
}

/** Seconds of [0, periodSeconds) that lie in at least one outage [from, to); outages in any order, clipped to the period. */
export const downtimeSeconds = (
  outages: readonly (readonly [from: number, to: number])[],
  periodSeconds: number,
): Priced<number> => {
  const refusal = wholeNumber('periodSeconds', periodSeconds, 1, mostSeconds)
  if (refusal !== undefined) return refusal
  for (const [from, to] of outages) {
    const unfit =
      wholeNumber('outages', from, -mostSeconds, mostSeconds) ?? wholeNumber('outages', to, from, mostSeconds)
    if (unfit !== undefined) return unfit
  }
  let [down, covered] = [0, 0]
  for (const [from, to] of outages.toSorted((a, b) => a[0] - b[0])) {
    const end = Math.min(to, periodSeconds)
    const start = Math.max(from, covered)
    if (end <= start) continue
    down += end - start
    covered = end
  }
  return priced(down)
}

/** Uptime of a period from its outages. */
export const uptimeOfOutages = (
  outages: readonly (readonly [from: number, to: number])[],
  periodSeconds: number,
): Priced<Uptime> => {
  const down = downtimeSeconds(outages, periodSeconds)
  return down.priced ? priced({ up: BigInt(periodSeconds - down.value), total: BigInt(periodSeconds) }) : down
}

/** Uptime over window records; degraded time counts as up by the contract's weight in parts per million. */
export const uptimeOfWindows = (
  windows: readonly AvailabilityWindow[],
  degradedWeightPartsPerMillion: number,
): Priced<Uptime> => {
  const refusal = partsPerMillion('degradedWeightPartsPerMillion', degradedWeightPartsPerMillion)
  if (refusal !== undefined) return refusal
  let [up, total] = [0n, 0n]
  for (const { upSeconds, degradedSeconds, downSeconds, unknownSeconds } of windows) {
    const unfit =
      wholeNumber('upSeconds', upSeconds, 0, mostSeconds) ??
      wholeNumber('degradedSeconds', degradedSeconds, 0, mostSeconds) ??
      wholeNumber('downSeconds', downSeconds, 0, mostSeconds) ??
      wholeNumber('unknownSeconds', unknownSeconds, 0, mostSeconds)
    if (unfit !== undefined) return unfit
    up += BigInt(upSeconds) * million + BigInt(degradedSeconds) * BigInt(degradedWeightPartsPerMillion)
    total += BigInt(upSeconds + degradedSeconds) + BigInt(downSeconds + unknownSeconds)
  }
  return total === 0n ? refused('too-few', 'windows') : priced({ up, total: total * million })
}

export interface CreditTier {
  /** The tier is for uptime of at least this much. */
  readonly uptimePartsPerMillion: number
  readonly creditPartsPerMillion: number
}

/** The service credit, in parts per million of the fee, of the highest tier that the uptime reaches; the lowest tier is 0. */
export const serviceCreditPartsPerMillion = (uptime: Uptime, tiers: readonly CreditTier[]): Priced<number> => {
  let best: CreditTier | undefined
  for (const tier of tiers) {
    const refusal =
      partsPerMillion('uptimePartsPerMillion', tier.uptimePartsPerMillion) ??
      partsPerMillion('creditPartsPerMillion', tier.creditPartsPerMillion)
    if (refusal !== undefined) return refusal
    if (uptime.up * million < BigInt(tier.uptimePartsPerMillion) * uptime.total) continue
    if (best === undefined || tier.uptimePartsPerMillion > best.uptimePartsPerMillion) best = tier
  }
  return best === undefined ? refused('too-few', 'tiers') : priced(best.creditPartsPerMillion)
}

export interface UptimeSwapTerms {
  readonly strikePartsPerMillion: number
  readonly notionalMicrosPerBasisPoint: number
}

/** What the receiver of measured uptime gets: notional × (uptime − strike) in basis points; the payer loses as much. */
export const uptimeSwapSettlementMicros = (terms: UptimeSwapTerms, uptime: Uptime): Priced<number> => {
  const refusal =
    partsPerMillion('strikePartsPerMillion', terms.strikePartsPerMillion) ??
    wholeNumber('notionalMicrosPerBasisPoint', terms.notionalMicrosPerBasisPoint, 1, Number.MAX_SAFE_INTEGER) ??
    (uptime.total > 0n && uptime.up >= 0n && uptime.up <= uptime.total ? undefined : refused('out-of-range', 'uptime'))
  if (refusal !== undefined) return refusal
  const excess = uptime.up * million - BigInt(terms.strikePartsPerMillion) * uptime.total
  return roundedRatio(BigInt(terms.notionalMicrosPerBasisPoint) * excess, 100n * uptime.total)
}

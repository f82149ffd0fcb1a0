import { lognormalOption, type OptionType, signOf } from './european.ts'
import { impliedVolatility } from './implied-volatility.ts'
import { nonNegativePrice, positivePrice, rateLimit, timeLimit, volatilityLimit } from './input-limits.ts'
import { quickNormalCdfWithBell } from './normal.ts'
import { type Priced, priced, type Refused } from './priced.ts'

const { abs, exp, log, max, min, sqrt, tanh } = Math

/**
 * The volatilities of one expiration: SSVI, w(k) = θ/2 (1 + ρφk + √((φk + ρ)² + 1 − ρ²)) with k = ln(strike/forward) and w the
 * total variance, so that the Black-76 volatility of a strike is √(w/timeYears). J. Gatheral and A. Jacquier, "Arbitrage-free
 * SVI volatility surfaces", Quantitative Finance 14 (2014), § 4, one triple for each expiration (S. Hendriks and C. Martini,
 * "The extended SSVI volatility surface", 2017). θφ(1 + |ρ|) < 4 and θφ²(1 + |ρ|) ≤ 4 suffice that no strikes of the
 * slice allow arbitrage (their theorem 4.2), and every slice that `fitSlice` or `flatSlice` answers keeps both.
 */
export interface VolatilitySlice {
  /** In the price unit. */
  readonly forward: number
  /** Years as they vary: see `effectiveTime`. */
  readonly timeYears: number
  readonly theta: number
  readonly rho: number
  readonly phi: number
}

export const totalVariance = ({ theta, rho, phi }: VolatilitySlice, logMoneyness: number): number => {
  const x = phi * logMoneyness
  return (theta / 2) * (1 + rho * x + sqrt((x + rho) * (x + rho) + 1 - rho * rho))
}

/** Per √year: 0.65 is 65 %. */
export const sliceVolatility = (slice: VolatilitySlice, strike: number): number =>
  sqrt(totalVariance(slice, log(strike / slice.forward)) / slice.timeYears)

export const isFreeOfButterflies = ({ theta, rho, phi }: VolatilitySlice): boolean => {
  const steepest = theta * phi * (1 + abs(rho))
  return theta > 0 && abs(rho) < 1 && phi >= 0 && steepest < 4 && steepest * phi <= 4
}

/** The same volatility at every strike. */
export const flatSlice = (volatility: number, forward: number, timeYears: number): Priced<VolatilitySlice> =>
  volatilityLimit('volatility', volatility) ??
  positivePrice('forward', forward) ??
  timeLimit('timeYears', timeYears) ??
  priced({ forward, timeYears, theta: volatility * volatility * timeYears, rho: 0, phi: 0 })

/**
 * A slice of the past as it stands now: the same volatility at the money, the same smile by moneyness. Variance that grows
 * with the time left would break the no-arbitrage conditions, so the smile is flattened as far as they ask.
 */
export const movedSlice = (slice: VolatilitySlice, forward: number, timeYears: number): VolatilitySlice => {
  const theta = (slice.theta / slice.timeYears) * timeYears
  return { forward, timeYears, theta, rho: slice.rho, phi: min(slice.phi, mostPhi(theta, slice.rho)) }
}

/** The largest φ that both conditions allow. */
const mostPhi = (theta: number, rho: number): number => {
  const limit = 4 / (theta * (1 + abs(rho)))
  return min(limit, sqrt(limit)) * (1 - 1e-9)
}

/** Best prices of one European option, discounted as they are traded; 0: there is none. */
export interface OptionQuote {
  readonly optionType: OptionType
  readonly strike: number
  readonly bid: number
  readonly ask: number
}

export interface SliceInputs {
  readonly forward: number
  /** Years to the expiration, for discounting. */
  readonly timeYears: number
  readonly effectiveYears: number
  readonly rate: number
  readonly quotes: readonly OptionQuote[]
  /** What it leans on where quotes say little. */
  readonly previous?: VolatilitySlice
}

export const sliceFlags = [
  'stored-slice',
  'default-volatility',
  'few-quotes',
  'poor-fit',
  'quotes-vertical-arbitrage',
  'quotes-butterfly-arbitrage',
  'quotes-parity-arbitrage',
  'calendar-arbitrage',
] as const
export type SliceFlag = (typeof sliceFlags)[number]

export interface FittedSlice {
  readonly slice: VolatilitySlice
  /** The volatilities that it was fitted to, strikes ascending. */
  readonly market: readonly { readonly strike: number; readonly volatility: number }[]
  /** Root mean square of fitted less market volatility. */
  readonly fitError: number
  readonly flags: readonly SliceFlag[]
}

const inputLimits = ({ forward, timeYears, effectiveYears, rate, quotes }: SliceInputs): Refused | undefined => {
  const refusal =
    positivePrice('forward', forward) ??
    timeLimit('timeYears', timeYears) ??
    timeLimit('effectiveYears', effectiveYears) ??
    rateLimit('rate', rate)
  if (refusal !== undefined) return refusal
  for (const { strike, bid, ask } of quotes) {
    const unfit = positivePrice('quotes', strike) ?? nonNegativePrice('quotes', bid) ?? nonNegativePrice('quotes', ask)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

/**
 * Fits a slice to the mids of an expiration's options: at each strike the one that is out of the money (the other where it
 * has no two sides), each weighed by how far apart its sides are in volatility. Undefined where no mid has a volatility.
 * An input surface that is SSVI itself comes back to 1e-6 of volatility; another smile to what `fitError` says.
 * Microseconds to a millisecond.
 */
export const fitSlice = (inputs: SliceInputs): Priced<FittedSlice | undefined> => {
  const refusal = inputLimits(inputs)
  if (refusal !== undefined) return refusal
  const points = pointsOf(inputs)
  if (points.length === 0) return priced(undefined)
  const { forward, effectiveYears: timeYears } = inputs
  const parameters = leastSquares(points, timeYears, inputs.previous)
  const slice: VolatilitySlice = { forward, timeYears, ...parameters }
  let [squares, scaled] = [0, 0]
  for (const { logMoneyness, volatility, tolerance } of points) {
    const miss = sqrt(totalVariance(slice, logMoneyness) / timeYears) - volatility
    squares += miss * miss
    scaled += (miss / tolerance) ** 2
  }
  return priced({
    slice,
    market: points.map(({ strike, volatility }) => ({ strike, volatility })),
    fitError: sqrt(squares / points.length),
    flags: [
      ...(points.length < fewestForASmile ? (['few-quotes'] as const) : []),
      ...(scaled > 4 * points.length ? (['poor-fit'] as const) : []),
      ...quoteArbitrage(inputs),
    ],
  })
}

const fewestForASmile = 3

interface Point {
  readonly strike: number
  readonly logMoneyness: number
  readonly volatility: number
  /** Half the distance of its sides, in volatility. */
  readonly tolerance: number
}

/** Half a basis point of volatility: closer than that no side is. */
const leastTolerance = 5e-5
const mostTolerance = 2

const pointsOf = ({ forward, timeYears, effectiveYears, rate, quotes }: SliceInputs): readonly Point[] => {
  const discountFactor = exp(-rate * timeYears)
  const pointOf = ({ optionType, strike, bid, ask }: OptionQuote): Point | undefined => {
    if (!(bid > 0 && ask >= bid)) return undefined
    const implied = (price: number): number | undefined => {
      const found = impliedVolatility({ optionType, forward, strike, timeYears: effectiveYears, discountFactor, price })
      return found.priced && found.value > 0 ? found.value : undefined
    }
    const volatility = implied((bid + ask) / 2)
    if (volatility === undefined) return undefined
    const [low = 0, high = 2 * volatility] = [implied(bid), implied(ask)]
    const tolerance = min(max((high - low) / 2, leastTolerance), mostTolerance)
    return { strike, logMoneyness: log(strike / forward), volatility, tolerance }
  }
  const best = new Map<number, Point>()
  const isOut = ({ optionType, strike }: OptionQuote): boolean => (optionType === 'call') === strike >= forward
  for (const out of [true, false])
    for (const quote of quotes) {
      if (isOut(quote) !== out || best.has(quote.strike)) continue
      const point = pointOf(quote)
      if (point !== undefined) best.set(quote.strike, point)
    }
  return [...best.values()].sort((a, b) => a.strike - b.strike)
}

interface Smile {
  readonly theta: number
  readonly rho: number
  readonly phi: number
}

/** Free coordinates: whatever they are, the smile that they stand for is free of arbitrage. */
type Coordinates = readonly [logTheta: number, slope: number, curvature: number]

const mostRho = 0.999

const smileOf = ([logTheta, slope, curvature]: Coordinates): Smile => {
  const theta = exp(logTheta)
  const rho = mostRho * tanh(slope)
  return { theta, rho, phi: mostPhi(theta, rho) / (1 + exp(-curvature)) }
}

const coordinatesOf = ({ theta, rho, phi }: Smile): Coordinates => {
  const share = min(max(phi / mostPhi(theta, rho), 1e-6), 1 - 1e-6)
  return [log(theta), Math.atanh(min(max(rho / mostRho, -0.9999), 0.9999)), log(share / (1 - share))]
}

/** How much a unit of a coordinate's distance from where it leans counts beside a quote missed by its tolerance. */
const leaning = 1e-4
const mostSteps = 60

/** Levenberg–Marquardt (Press et al., Numerical Recipes, 3rd ed., § 15.5.2) from several starts. */
const leastSquares = (points: readonly Point[], timeYears: number, previous: VolatilitySlice | undefined): Smile => {
  const nearest = points.reduce((a, b) => (abs(a.logMoneyness) <= abs(b.logMoneyness) ? a : b))
  const theta = nearest.volatility * nearest.volatility * timeYears
  const before = previous === undefined ? undefined : movedSlice(previous, 1, timeYears)
  const lean = coordinatesOf(before ?? { theta, rho: 0, phi: 0.1 * mostPhi(theta, 0) })
  const starts: Coordinates[] = [
    lean,
    ...(points.length < fewestForASmile
      ? []
      : [-0.6, 0, 0.6].flatMap(rho =>
          [0.1, 0.6].map(share => coordinatesOf({ theta, rho, phi: share * mostPhi(theta, rho) })),
        )),
  ]
  let best: { readonly at: Coordinates; readonly cost: number } | undefined
  for (const [, slope, curvature] of starts) {
    const found = descend(points, timeYears, [log(theta), slope, curvature], lean)
    if (best === undefined || found.cost < best.cost) best = found
    if (best.cost < 1e-4 * points.length) break
  }
  return smileOf(best?.at ?? lean)
}

/** Residuals: of each point in tolerances, then of slope and curvature from where they lean. */
const residuals = (
  points: readonly Point[],
  timeYears: number,
  at: Coordinates,
  lean: Coordinates,
  into: Float64Array,
): number => {
  const smile = { ...smileOf(at), forward: 1, timeYears }
  let cost = 0
  for (const [index, { logMoneyness, volatility, tolerance }] of points.entries()) {
    const miss = (sqrt(totalVariance(smile, logMoneyness) / timeYears) - volatility) / tolerance
    into[index] = miss
    cost += miss * miss
  }
  const pull = sqrt(leaning)
  for (const [offset, coordinate] of [1, 2].entries()) {
    const miss = pull * ((at[coordinate] ?? 0) - (lean[coordinate] ?? 0))
    into[points.length + offset] = miss
    cost += miss * miss
  }
  return cost
}

const descend = (
  points: readonly Point[],
  timeYears: number,
  start: Coordinates,
  lean: Coordinates,
): { readonly at: Coordinates; readonly cost: number } => {
  const count = points.length + 2
  const [here, bumped] = [new Float64Array(count), new Float64Array(count)]
  const slopes = [0, 1, 2].map(() => new Float64Array(count))
  let at = start
  let cost = residuals(points, timeYears, at, lean, here)
  let damping = 1e-3
  for (let step = 0; step < mostSteps && damping < 1e12; step++) {
    for (const [coordinate, slope] of slopes.entries()) {
      const by = 1e-6
      residuals(points, timeYears, moved(at, coordinate, by), lean, bumped)
      for (let i = 0; i < count; i++) slope[i] = ((bumped[i] ?? 0) - (here[i] ?? 0)) / by
    }
    const normal = slopes.map(a => slopes.map(b => dot(a, b)))
    const gradient = slopes.map(slope => dot(slope, here))
    const gained = ((): number => {
      while (damping < 1e12) {
        const change = solveThree(
          normal.map((row, i) => row.map((entry, j) => (i === j ? entry * (1 + damping) + 1e-12 : entry))),
          gradient,
        )
        const next: Coordinates = [at[0] - change[0], at[1] - change[1], clip(at[2] - change[2])]
        const nextCost = residuals(points, timeYears, next, lean, bumped)
        if (nextCost < cost) {
          const gain = cost - nextCost
          at = next
          cost = nextCost
          here.set(bumped)
          damping = max(damping / 10, 1e-12)
          return gain
        }
        damping *= 10
      }
      return 0
    })()
    if (gained <= 1e-12 * cost) break
  }
  return { at, cost }
}

/** Beyond it nothing of the smile changes but digits. */
const clip = (curvature: number): number => min(max(curvature, -16), 16)

const moved = (at: Coordinates, coordinate: number, by: number): Coordinates => [
  at[0] + (coordinate === 0 ? by : 0),
  at[1] + (coordinate === 1 ? by : 0),
  at[2] + (coordinate === 2 ? by : 0),
]

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

/** By Cholesky: the matrix is symmetric and positive. */
const solveThree = (
  matrix: readonly (readonly number[])[],
  right: readonly number[],
): readonly [number, number, number] => {
  const at = (i: number, j: number): number => matrix[i]?.[j] ?? 0
  const a = sqrt(at(0, 0))
  const [b, c] = [at(1, 0) / a, at(2, 0) / a]
  const d = sqrt(max(at(1, 1) - b * b, 1e-300))
  const e = (at(2, 1) - c * b) / d
  const f = sqrt(max(at(2, 2) - c * c - e * e, 1e-300))
  const y0 = (right[0] ?? 0) / a
  const y1 = ((right[1] ?? 0) - b * y0) / d
  const y2 = ((right[2] ?? 0) - c * y0 - e * y1) / f
  const x2 = y2 / f
  const x1 = (y1 - e * x2) / d
  return [(y0 - b * x1 - c * x2) / a, x1, x2]
}

/**
 * Whether the quotes themselves can be traded for a sure gain: calls that cost less at a lower strike, or differ by more
 * than their strikes (and puts the other way round); a butterfly that pays its buyer; a call and a put of one strike that are
 * not worth the forward between them. At the prices that one would get: bought at the ask, sold at the bid.
 */
export const quoteArbitrage = ({
  forward,
  timeYears,
  rate,
  quotes,
}: Pick<SliceInputs, 'forward' | 'timeYears' | 'rate' | 'quotes'>): readonly SliceFlag[] => {
  const discount = exp(-rate * timeYears)
  const rounding = 1e-9 * forward
  const found = new Set<SliceFlag>()
  const sorted = quotes.toSorted((a, b) => a.strike - b.strike)
  const costOf = ({ ask }: OptionQuote): number => (ask > 0 ? ask : Infinity)
  for (const optionType of ['call', 'put'] as const) {
    const options = sorted.filter(quote => quote.optionType === optionType)
    for (const [index, low] of options.entries()) {
      const high = options[index + 1]
      if (high === undefined) continue
      const [dear, cheap] = optionType === 'call' ? [low, high] : [high, low]
      const apart = discount * (high.strike - low.strike)
      if (cheap.bid > costOf(dear) + rounding || dear.bid - costOf(cheap) > apart + rounding)
        found.add('quotes-vertical-arbitrage')
      const highest = options[index + 2]
      if (highest === undefined || highest.strike === high.strike) continue
      const share = (highest.strike - high.strike) / (highest.strike - low.strike)
      const wings = share * costOf(low) + (1 - share) * costOf(highest)
      if (high.bid > wings + rounding) found.add('quotes-butterfly-arbitrage')
    }
  }
  for (const call of sorted) {
    if (call.optionType !== 'call') continue
    const put = sorted.find(quote => quote.optionType === 'put' && quote.strike === call.strike)
    if (put === undefined) continue
    const worth = discount * (forward - call.strike)
    // Half the spreads may be the forward's own.
    const slack = 0.02 * forward
    const bought = costOf(call) - put.bid
    const sold = call.bid - costOf(put)
    if (bought < worth - slack || sold > worth + slack) found.add('quotes-parity-arbitrage')
  }
  return [...found]
}

/** Whether the farther expiration has less variance anywhere within three deviations: then a calendar spread is free. */
export const hasCalendarArbitrage = (near: VolatilitySlice, far: VolatilitySlice): boolean => {
  const reach = 3 * sqrt(near.theta)
  for (let step = -12; step <= 12; step++) {
    const logMoneyness = (reach * step) / 12
    if (totalVariance(far, logMoneyness) < totalVariance(near, logMoneyness) * (1 - 1e-9)) return true
  }
  return false
}

/** Undiscounted Black-76 value of the slice at a strike. */
export const sliceValue = (slice: VolatilitySlice, optionType: OptionType, strike: number): number =>
  lognormalOption(signOf(optionType), slice.forward, strike, sqrt(totalVariance(slice, log(strike / slice.forward))))

/** A slice with what marking needs beside it. */
export interface MarkedSlice extends VolatilitySlice {
  /** Years to the expiration: what is discounted over. */
  readonly discountYears: number
  readonly rate: number
  /** How fast effective time passes now: 1 before averaging begins. */
  readonly decay: number
}

/** European options by position: which slice, which strike, 1 for a call and 0 for a put. */
export interface SurfaceOptions {
  readonly sliceOf: Int32Array
  readonly strikes: Float64Array
  readonly isCall: Uint8Array
}

/** By the same positions. Greeks as in black76.ts: partial derivatives, vega by 1.00 of volatility, theta by a year. */
export interface RemarkedSurface {
  readonly prices: Float64Array
  readonly volatilities: Float64Array
  readonly delta: Float64Array
  readonly gamma: Float64Array
  readonly vega: Float64Array
  readonly theta: Float64Array
  readonly rho: Float64Array
}

const inverseSquareRootOfTwoPi = 0.3989422804014327

/**
 * Prices and greeks of every option of a surface in one pass: Black-76 at the slice's volatility, which is held fixed under
 * the greeks. NaN at the positions whose slice or strike is none; nothing is checked beyond that, the slices are fitted ones.
 */
export const remarkSurface = (slices: readonly MarkedSlice[], options: SurfaceOptions): RemarkedSurface => {
  const { sliceOf, strikes, isCall } = options
  const count = strikes.length
  const [prices, volatilities, delta, gamma, vega, theta, rho] = Array.from({ length: 7 }, () =>
    new Float64Array(count).fill(Number.NaN),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
  for (let i = 0; i < count; i++) {
    const slice = slices[sliceOf[i] as number]
    const strike = strikes[i] as number
    if (slice === undefined || !(strike > 0)) continue
    const { forward, timeYears, discountYears, rate, decay } = slice
    const moneyness = log(strike / forward)
    const variance = totalVariance(slice, moneyness)
    const deviation = sqrt(variance)
    const discount = exp(-rate * discountYears)
    const sign = isCall[i] === 1 ? 1 : -1
    const d1 = deviation / 2 - moneyness / deviation
    const d2 = d1 - deviation
    const bell = exp(-0.5 * d1 * d1)
    const within = quickNormalCdfWithBell(sign * d1, bell)
    // φ(d2) = φ(d1) F/K: one exponential fewer.
    const price =
      discount *
      max(sign * (forward * within - strike * quickNormalCdfWithBell(sign * d2, (bell * forward) / strike)), 0)
    const density = inverseSquareRootOfTwoPi * bell
    const volatility = sqrt(variance / timeYears)
    const vegaHere = discount * forward * density * sqrt(timeYears)
    prices[i] = price
    volatilities[i] = volatility
    delta[i] = discount * sign * within
    gamma[i] = (discount * density) / (forward * deviation)
    vega[i] = vegaHere
    theta[i] = rate * price - (vegaHere * volatility * decay) / (2 * timeYears)
    rho[i] = -discountYears * price
  }
  return { prices, volatilities, delta, gamma, vega, theta, rho }
}

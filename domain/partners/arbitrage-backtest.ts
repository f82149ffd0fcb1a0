import { feeOfQuantum } from './arbitrage.ts'
import { type ListedPrice, type ScreenedPrice, screenPrices } from './catalogue-file.ts'

/** What one unit cost for an hour from an instant on, USD micros; null where it was not offered. */
export interface PricePoint {
  readonly product: string
  readonly region: string
  readonly atMillis: number
  readonly onDemandMicros: number | null
  readonly spotMicros: number | null
  readonly commitment1yMicros: number | null
  readonly commitment3yMicros: number | null
}

/**
 * The prices of a dated list as points, without those that are none: screened as an import screens them, but each by what
 * was listed up to and with its own day, so that no later price decides about an earlier one. `onDay`: how many days of all
 * are done.
 */
export const screenedPoints = (
  prices: readonly ListedPrice[],
  onDay: (done: number, all: number) => void = () => undefined,
): { readonly points: readonly PricePoint[]; readonly screened: readonly ScreenedPrice[] } => {
  const days = [...Map.groupBy(prices, ({ dayMillis }) => dayMillis)].toSorted(([a], [b]) => a - b)
  const known: ListedPrice[] = []
  const points: PricePoint[] = []
  const screened: ScreenedPrice[] = []
  for (const [index, [atMillis, listed]] of days.entries()) {
    onDay(index, days.length)
    known.push(...listed)
    const found = screenPrices(known)
    screened.push(...found.screened.filter(({ dayMillis }) => dayMillis === atMillis))
    for (const { product, region, history } of found.products) {
      const last = history.at(-1)
      if (last?.fromMillis !== atMillis) continue
      const { on_demand, spot, commitment_1y, commitment_3y } = last.micros
      points.push({
        product,
        region,
        atMillis,
        onDemandMicros: on_demand,
        spotMicros: spot,
        commitment1yMicros: commitment_1y,
        commitment3yMicros: commitment_3y,
      })
    }
  }
  return { points, screened }
}

/** What the trade is assumed to cost beyond list prices. Parts in a million. */
export interface BacktestTerms {
  /** Below the list price, at which a month's unit-hours are sold ahead. */
  readonly discountPpm: number
  /** Of each sale. */
  readonly feePpm: number
  /** Of spot hours: taken away, and bought on demand instead. */
  readonly preemptionPpm: number
  /** Of committed hours: sold; all are paid for. */
  readonly utilisationPpm: number
  /** A year's interest on what each month costs, for that month. */
  readonly fundingPpmPerYear: number
  /** Of the price of sale: less is expected of no trade that is made. */
  readonly minimumNetPpm: number
}

/** `best`: whatever of the others promises most at that moment. */
export const backtestStrategies = ['on_demand', 'spot', 'commitment_1y', 'commitment_3y', 'best'] as const
export type BacktestStrategy = (typeof backtestStrategies)[number]
type Supply = Exclude<BacktestStrategy, 'best'>
const supplies = ['on_demand', 'spot', 'commitment_1y', 'commitment_3y'] as const

/** Made at the beginning of a month, of what was known by then and nothing else. */
export interface BacktestDecision {
  readonly strategy: BacktestStrategy
  readonly product: string
  readonly region: string
  readonly atMillis: number
  readonly supply: Supply
  readonly saleMicros: number
  readonly supplyMicros: number
  /** Of a unit-hour. */
  readonly expectedNetMicros: number
}

/** Sums over all products, USD micros; `net` is what is left of revenue after all else. */
export interface BacktestFigures {
  readonly unitHours: number
  readonly revenueMicros: number
  readonly supplyMicros: number
  readonly feeMicros: number
  /** Committed hours that were not sold. */
  readonly lockInMicros: number
  readonly preemptionMicros: number
  readonly fundingMicros: number
  readonly netMicros: number
}

export interface StrategyResult {
  readonly strategy: BacktestStrategy
  readonly decisions: number
  /** Months of one product each in which something was sold, and in which that lost money. */
  readonly productMonths: number
  readonly losingProductMonths: number
  readonly total: BacktestFigures
  /** What the same hours were expected to bring when they were decided on. */
  readonly expectedNetMicros: number
  /** The deepest fall of the sum of months from its highest. */
  readonly drawdownMicros: number
  /** Months of commitments that the history does not reach: at its last prices, a loss counts and is in `total`. */
  readonly openLossMicros: number
  /** A gain does not count, and is told only here. */
  readonly openGainMicros: number
  readonly openProductMonths: number
  readonly months: readonly {
    readonly atMillis: number
    readonly netMicros: number
    readonly cumulativeMicros: number
  }[]
}

export interface Backtest {
  readonly fromMillis: number
  readonly untilMillis: number
  readonly products: number
  readonly strategies: readonly StrategyResult[]
  readonly decisions: readonly BacktestDecision[]
}

const hourMillis = 3_600_000
const million = 1_000_000
const monthsOf = { commitment_1y: 12, commitment_3y: 36 } as const
const { ceil, floor, round } = Math

const monthStart = (millis: number, later: number): number => {
  const date = new Date(millis)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later)
}

type MutableFigures = { -readonly [Name in keyof BacktestFigures]: number }
const noFigures = (): MutableFigures => ({
  unitHours: 0,
  revenueMicros: 0,
  supplyMicros: 0,
  feeMicros: 0,
  lockInMicros: 0,
  preemptionMicros: 0,
  fundingMicros: 0,
  netMicros: 0,
})

const priceOf = (point: PricePoint, supply: Supply): number | null => {
  switch (supply) {
    case 'on_demand':
      return point.onDemandMicros
    case 'spot':
      return point.spotMicros
    case 'commitment_1y':
      return point.commitment1yMicros
    case 'commitment_3y':
      return point.commitment3yMicros
  }
}

const isCommitment = (supply: Supply): supply is keyof typeof monthsOf => supply in monthsOf

/** The list price less the discount, rounded down. */
const saleMicrosOf = (onDemandMicros: number, { discountPpm }: BacktestTerms): number =>
  onDemandMicros - feeOfQuantum(onDemandMicros, discountPpm)

/** A month's interest on what an hour costs. */
const fundingOf = (supplyMicros: number, { fundingPpmPerYear }: BacktestTerms): number =>
  ceil(feeOfQuantum(supplyMicros, fundingPpmPerYear) / 12)

/** Of a unit-hour that is paid for, at the prices of one moment; undefined where they do not tell. */
const expectedOf = (known: PricePoint, supply: Supply, terms: BacktestTerms): BacktestDecisionTerms | undefined => {
  const supplyMicros = priceOf(known, supply)
  const { onDemandMicros } = known
  if (supplyMicros === null || onDemandMicros === null) return undefined
  const saleMicros = saleMicrosOf(onDemandMicros, terms)
  const kept = saleMicros - feeOfQuantum(saleMicros, terms.feePpm)
  const sold = isCommitment(supply) ? kept - feeOfQuantum(kept, million - terms.utilisationPpm) : kept
  const preemption = supply === 'spot' ? feeOfQuantum(onDemandMicros, terms.preemptionPpm) : 0
  const expectedNetMicros = sold - supplyMicros - preemption - fundingOf(supplyMicros, terms)
  return { supply, saleMicros, supplyMicros, expectedNetMicros }
}
type BacktestDecisionTerms = Pick<BacktestDecision, 'supply' | 'saleMicros' | 'supplyMicros' | 'expectedNetMicros'>

/**
 * What a strategy does with what is known: it buys on demand as the control does, whether that pays or not; of all else
 * only what is expected to bring the least that is asked for.
 */
const decide = (
  strategy: BacktestStrategy,
  known: PricePoint,
  terms: BacktestTerms,
): BacktestDecisionTerms | undefined => {
  if (strategy === 'on_demand') return expectedOf(known, 'on_demand', terms)
  const choices = strategy === 'best' ? supplies : [strategy]
  return choices
    .flatMap(supply => expectedOf(known, supply, terms) ?? [])
    .filter(
      ({ saleMicros, expectedNetMicros }) =>
        expectedNetMicros > 0 && expectedNetMicros >= feeOfQuantum(saleMicros, terms.minimumNetPpm),
    )
    .toSorted((a, b) => b.expectedNetMicros - a.expectedNetMicros)[0]
}

/** The points of a product by time, and a cursor that never goes beyond the instant asked for. */
class History {
  private readonly points: readonly PricePoint[]

  constructor(points: readonly PricePoint[]) {
    this.points = points.toSorted((a, b) => a.atMillis - b.atMillis)
  }

  /** The last at or before it. */
  knownAt(atMillis: number): PricePoint | undefined {
    return this.points.findLast(point => point.atMillis <= atMillis)
  }

  /** What held in it, piece by piece: from its beginning, and from each change in it. */
  piecesIn(fromMillis: number, untilMillis: number): readonly { readonly point: PricePoint; readonly hours: number }[] {
    const first = this.knownAt(fromMillis)
    const changes = this.points.filter(({ atMillis }) => atMillis > fromMillis && atMillis < untilMillis)
    const held = first === undefined ? changes : [first, ...changes]
    return held.map((point, index) => {
      const from = Math.max(fromMillis, point.atMillis)
      const until = held[index + 1]?.atMillis ?? untilMillis
      return { point, hours: round((until - from) / hourMillis) }
    })
  }
}

interface Commitment {
  readonly decision: BacktestDecisionTerms
  readonly endsAtMillis: number
}

/** A month of one product as it came out. */
const realised = (
  { supply, saleMicros, supplyMicros }: BacktestDecisionTerms,
  history: History,
  fromMillis: number,
  untilMillis: number,
  terms: BacktestTerms,
): BacktestFigures => {
  const figures = noFigures()
  const hours = round((untilMillis - fromMillis) / hourMillis)
  const soldHours = isCommitment(supply) ? floor((hours * terms.utilisationPpm) / million) : hours
  figures.unitHours = soldHours
  figures.revenueMicros = soldHours * saleMicros
  figures.feeMicros = soldHours * feeOfQuantum(saleMicros, terms.feePpm)
  if (isCommitment(supply)) {
    figures.supplyMicros = soldHours * supplyMicros
    figures.lockInMicros = (hours - soldHours) * supplyMicros
  } else
    for (const { point, hours: pieceHours } of history.piecesIn(fromMillis, untilMillis)) {
      // What is not offered any more is bought on demand; where that is unknown too, at what was sold.
      const onDemand = point.onDemandMicros ?? saleMicros
      figures.supplyMicros += pieceHours * (priceOf(point, supply) ?? onDemand)
      if (supply === 'spot') figures.preemptionMicros += pieceHours * feeOfQuantum(onDemand, terms.preemptionPpm)
    }
  figures.fundingMicros = fundingOf(figures.supplyMicros + figures.lockInMicros, terms)
  figures.netMicros = netOf(figures)
  return figures
}

const netOf = (figures: BacktestFigures): number =>
  figures.revenueMicros -
  figures.supplyMicros -
  figures.feeMicros -
  figures.lockInMicros -
  figures.preemptionMicros -
  figures.fundingMicros

const add = (to: MutableFigures, more: BacktestFigures): void => {
  to.unitHours += more.unitHours
  to.revenueMicros += more.revenueMicros
  to.supplyMicros += more.supplyMicros
  to.feeMicros += more.feeMicros
  to.lockInMicros += more.lockInMicros
  to.preemptionMicros += more.preemptionMicros
  to.fundingMicros += more.fundingMicros
  to.netMicros += more.netMicros
}

/**
 * One unit of each product in each region, month by month: at its beginning a strategy sells the month's unit-hours
 * ahead, at a discount to the list price of that moment, where it expects to supply them for less; it supplies them at
 * the prices that then came. A commitment is kept to its end, sold or not, each month at the list price of its beginning.
 * Decisions see only points at or before their moment; supply is charged with all that came after. `onMonth`: how many
 * of all months are done.
 */
export const backtest = (
  points: readonly PricePoint[],
  terms: BacktestTerms,
  onMonth: (done: number, all: number) => void = () => undefined,
): Backtest => {
  const histories = new Map<string, { readonly first: PricePoint; readonly points: PricePoint[] }>()
  let [fromMillis, lastMillis] = [Infinity, -Infinity]
  for (const point of points) {
    const key = JSON.stringify([point.product, point.region])
    const known = histories.get(key)
    if (known === undefined) histories.set(key, { first: point, points: [point] })
    else known.points.push(point)
    fromMillis = Math.min(fromMillis, point.atMillis)
    lastMillis = Math.max(lastMillis, point.atMillis)
  }
  const products = [...histories.entries()]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { first, points: own }]) => ({
      product: first.product,
      region: first.region,
      history: new History(own),
    }))
  const months: number[] = []
  // Whole months only: of the last one not all prices are known.
  if (products.length > 0)
    for (let start = monthStart(fromMillis - 1, 1); monthStart(start, 1) <= lastMillis; start = monthStart(start, 1))
      months.push(start)
  const untilMillis = months.length === 0 ? fromMillis : monthStart(months.at(-1) ?? fromMillis, 1)
  const decisions: BacktestDecision[] = []
  const strategies = backtestStrategies.map((strategy, index) => {
    const commitments = new Map<History, Commitment>()
    const total = noFigures()
    const told: { atMillis: number; netMicros: number; cumulativeMicros: number }[] = []
    let [made, productMonths, losingProductMonths, expectedNetMicros] = [0, 0, 0, 0]
    for (const [done, start] of months.entries()) {
      onMonth(index * months.length + done, backtestStrategies.length * months.length)
      const end = monthStart(start, 1)
      let monthNet = 0
      for (const { product, region, history } of products) {
        const known = history.knownAt(start)
        if (known === undefined) continue
        const running = commitments.get(history)
        const isRunning = running !== undefined && running.endsAtMillis > start
        const decided = isRunning ? undefined : decide(strategy, known, terms)
        if (decided !== undefined) {
          made += 1
          decisions.push({ strategy, product, region, atMillis: start, ...decided })
          if (isCommitment(decided.supply))
            commitments.set(history, {
              decision: decided,
              endsAtMillis: monthStart(start, monthsOf[decided.supply]),
            })
        }
        const supplied = isRunning ? resold(running.decision, known, terms) : decided
        if (supplied === undefined) continue
        const figures = realised(supplied, history, start, end, terms)
        add(total, figures)
        productMonths += 1
        if (figures.netMicros < 0) losingProductMonths += 1
        expectedNetMicros += round((end - start) / hourMillis) * (running?.decision ?? supplied).expectedNetMicros
        monthNet += figures.netMicros
      }
      told.push({
        atMillis: start,
        netMicros: monthNet,
        cumulativeMicros: (told.at(-1)?.cumulativeMicros ?? 0) + monthNet,
      })
    }
    const open = openAt(untilMillis, commitments, terms)
    add(total, open.losses)
    return {
      strategy,
      decisions: made,
      productMonths,
      losingProductMonths,
      total,
      expectedNetMicros,
      drawdownMicros: drawdownOf(told.map(({ cumulativeMicros }) => cumulativeMicros)),
      openLossMicros: 0 - open.losses.netMicros,
      openGainMicros: open.gainMicros,
      openProductMonths: open.productMonths,
      months: told,
    }
  })
  return { fromMillis: months[0] ?? fromMillis, untilMillis, products: products.length, strategies, decisions }
}

/** What a commitment supplies in a later month is sold at that month's list price; unsold where there is none. */
const resold = (decision: BacktestDecisionTerms, known: PricePoint, terms: BacktestTerms): BacktestDecisionTerms => ({
  ...decision,
  saleMicros: known.onDemandMicros === null ? 0 : saleMicrosOf(known.onDemandMicros, terms),
})

/** Of commitments that go on: all their months at the last prices known. */
const openAt = (untilMillis: number, commitments: ReadonlyMap<History, Commitment>, terms: BacktestTerms) => {
  const losses = noFigures()
  let [gainMicros, productMonths] = [0, 0]
  for (const [history, { decision, endsAtMillis }] of commitments) {
    const known = history.knownAt(untilMillis)
    if (known === undefined || endsAtMillis <= untilMillis) continue
    const sold = resold(decision, known, terms)
    const left = noFigures()
    for (let start = untilMillis; start < endsAtMillis; start = monthStart(start, 1)) {
      add(left, realised(sold, history, start, monthStart(start, 1), terms))
      productMonths += 1
    }
    if (left.netMicros < 0) add(losses, left)
    else gainMicros += left.netMicros
  }
  return { losses, gainMicros, productMonths }
}

const drawdownOf = (sums: readonly number[]): number => {
  let [highest, deepest] = [0, 0]
  for (const sum of sums) {
    highest = Math.max(highest, sum)
    deepest = Math.max(deepest, highest - sum)
  }
  return deepest
}

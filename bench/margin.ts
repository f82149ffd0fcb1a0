import { MarginBook } from '#domain/margin/margin-book.ts'
import type { RiskEpoch, RiskInstrument } from '#domain/margin/risk-epoch.ts'
import { blocksOf, defaultScenarioSet, type ScenarioSet } from '#domain/margin/scenario-set.ts'
import { PlainLedger } from './margin-ledger.ts'
import { randomOf } from './random.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

export interface MarginResult {
  readonly accounts: number
  readonly instruments: number
  readonly underlyings: number
  readonly operations: number
  readonly sets: readonly MarginSetResult[]
  /** A switch to a new epoch of the last set while orders go on, in milliseconds. */
  readonly remark: {
    readonly accounts: number
    /** Holdings and orders that are marked after every hundred orders. */
    readonly work: number
    readonly ticks: number
    readonly switchMillis: Spread
    /** The longest pause among the orders: wall time, and CPU time, which others on the machine do not lengthen. */
    readonly longestTickMillis: Spread
    readonly longestTickCpuMillis: Spread
  }
}

interface MarginSetResult {
  readonly set: string
  readonly scenarios: number
  /** Orders checked and reserved a CPU-second, by accounts with equity to spare. */
  readonly reserved: Spread
  /** The same with half of the accounts within 5 % of their limit, where only the scan decides. */
  readonly nearLimit: Spread
  readonly refusedShare: number
  /** Placed, then filled or cancelled, with the ledger's and the order's own records: changes a CPU-second. */
  readonly mixed: Spread
}

export interface MarginBenchOptions {
  readonly rounds: number
  readonly operations: number
  readonly accounts?: number
  readonly progress: (line: string) => void
}

const instrumentCount = 200
const underlyingCount = 8
const holdingsOfAccount = 8
const ordersOfAccount = 4
const tickWork = 500
const seed = 12_345

/** Portfolio margin of 8 underlyings, 200 instruments and 10,000 accounts, accounts and instruments at random. */
export const benchMargin = ({ rounds, operations, accounts = 10_000, progress }: MarginBenchOptions): MarginResult => {
  const all = benchSet()
  const joint: ScenarioSet = { ...all, scenarios: all.scenarios.slice(0, 16) }
  const sets = [
    measureSet('16 moves of all underlyings together', joint),
    measureSet('the default set: together, by family, alone', all),
  ]
  const [swap, tick, cpu]: [number[], number[], number[]] = [[], [], []]
  let ticks = 0
  for (let round = 0; round < rounds; round += 1) {
    progress(`margin: a new epoch, round ${round + 1} of ${rounds}`)
    const market = new MarginMarket(all, accounts, seed + round)
    const times = market.switchEpoch(market.ordersAtRandom(operations), tickWork)
    swap.push(times.switchMillis)
    tick.push(times.longestTickMillis)
    cpu.push(times.longestTickCpuMillis)
    ticks = times.ticks
  }
  return {
    accounts,
    instruments: instrumentCount,
    underlyings: underlyingCount,
    operations,
    sets,
    remark: {
      accounts,
      work: tickWork,
      ticks,
      switchMillis: spreadOf(swap),
      longestTickMillis: spreadOf(tick),
      longestTickCpuMillis: spreadOf(cpu),
    },
  }

  function measureSet(name: string, set: ScenarioSet): MarginSetResult {
    const [reserved, nearLimit, mixed]: [number[], number[], number[]] = [[], [], []]
    let accepted = 0
    for (let round = 0; round < rounds; round += 1) {
      progress(`margin: ${name}, round ${round + 1} of ${rounds}`)
      const market = () => new MarginMarket(set, accounts, seed + round)
      const orders = market().ordersAtRandom(operations)
      const [far, near, closing] = [market(), market(), market()]
      near.tighten()
      reserved.push(operations / cpuSecondsOf(() => far.place(orders)))
      const work = (): void => {
        accepted = near.place(orders)
      }
      nearLimit.push(operations / cpuSecondsOf(work))
      mixed.push((2 * operations) / cpuSecondsOf(() => closing.placeAndClose(orders)))
    }
    return {
      set: name,
      scenarios: set.scenarios.length,
      reserved: spreadOf(reserved),
      nearLimit: spreadOf(nearLimit),
      refusedShare: 1 - accepted / operations,
      mixed: spreadOf(mixed),
    }
  }
}

const benchSet = (): ScenarioSet => {
  const set = defaultScenarioSet(
    Array.from({ length: underlyingCount }, (_, index) => ({
      name: `U${index}`,
      family: index < underlyingCount / 2 ? 'GPU' : 'CPU',
      priceScan: 0.2,
      volatilityScan: 0.1,
    })),
    { version: 1 },
  )
  if (!set.accepted) throw new Error(`${set.code} ${set.field}`)
  return set.value
}

/** Five words each: holding, whether it sells, ticks, lots, fee. */
type RandomOrders = Int32Array
const orderWords = 5

const markTicks = 10_000
const tickMicros = 10_000

class MarginMarket {
  private readonly ledger: PlainLedger
  private readonly book: MarginBook
  private readonly random: () => number
  private readonly accounts: number
  private readonly set: ScenarioSet
  private readonly holdings: Int32Array

  constructor(set: ScenarioSet, accounts: number, seedOfMarket: number) {
    this.set = set
    this.accounts = accounts
    this.random = randomOf(seedOfMarket)
    this.holdings = new Int32Array(accounts * holdingsOfAccount)
    this.ledger = new PlainLedger(accounts, accounts * holdingsOfAccount, accounts * ordersOfAccount + 1)
    this.book = new MarginBook(this.ledger)
    this.book.adopt(this.epochOf(1))
    for (let each = 0; each < accounts; each += 1) this.openAccount(each)
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** Arrays as revaluation makes them in shape: a slope and a curvature in the moves of the instrument's underlying. */
  private epochOf(version: number): RiskEpoch {
    const shape = randomOf(seed * version)
    const instruments: RiskInstrument[] = Array.from({ length: instrumentCount }, (_, index) => {
      const group = index % underlyingCount
      const isOption = index >= 2 * underlyingCount
      const [slope, bend] = isOption ? [shape() * 2 - 1, shape()] : [1, 0]
      const mark = markTicks * tickMicros
      const arrayMicros = this.set.scenarios.map(scenario => {
        const [price, volatility] = [scenario.priceShifts[group] ?? 0, scenario.volatilityShifts[group] ?? 0]
        if (price === 0 && volatility === 0) return isOption ? -5_000 : 0
        return Math.round(scenario.weight * mark * (slope * price + bend * (price * price + volatility)))
      })
      return {
        instrumentId: index + 1,
        instrumentName: `I${index}`,
        markMicros: mark,
        capMicros: mark * 10,
        microsPerTick: tickMicros,
        group,
        concentrationUnits: 1,
        shortMinimumMicros: isOption ? mark / 100 : 0,
        deltaMicroUnits: 0,
        vegaMicros: 0,
        risk: { kind: 'array', restMicros: isOption ? -5_000 : 0, arrayMicros },
      }
    })
    return {
      version,
      scenarioSetVersion: this.set.version,
      scenarioNames: this.set.scenarios.map(({ name }) => name),
      blocks: blocksOf(this.set),
      groups: this.set.underlyings.map(name => ({ name, thresholdUnits: 500, microsPerUnit: tickMicros })),
      instruments,
    }
  }

  private openAccount(index: number): void {
    const { ledger } = this
    const account = ledger.openAccount(1e14)
    const first = this.below(instrumentCount)
    const step = 1 + 2 * this.below(40)
    for (let each = 0; each < holdingsOfAccount; each += 1) {
      const holding = ledger.openHolding(account, 1 + ((first + each * step) % instrumentCount))
      this.holdings[index * holdingsOfAccount + each] = holding
      const size = this.below(41) - 20
      ledger.addPosition(holding, size, size * markTicks * tickMicros)
    }
    for (let each = 0; each < ordersOfAccount; each += 1) this.placeOne(this.orderOf(account))
  }

  private orderOf(account: number): readonly [number, boolean, number, number, number] {
    const holding = this.holdings[(account - 1) * holdingsOfAccount + this.below(holdingsOfAccount)] as number
    const ticks = markTicks + this.below(401) - 200
    const lots = 1 + this.below(10)
    return [holding, this.random() < 0.5, ticks, lots, ticks * lots]
  }

  private placeOne([holding, sells, ticks, lots, fee]: readonly [number, boolean, number, number, number]): void {
    if (this.book.place(this.ledger.account(holding), holding, sells, ticks, lots, fee) === undefined)
      this.ledger.openOrder(holding, sells, ticks, lots, fee)
  }

  ordersAtRandom(count: number): RandomOrders {
    const orders = new Int32Array(count * orderWords)
    for (let index = 0; index < count; index += 1) {
      const [holding, sells, ticks, lots, fee] = this.orderOf(1 + this.below(this.accounts))
      orders.set([holding, sells ? 1 : 0, ticks, lots, fee], index * orderWords)
    }
    return orders
  }

  /** Half of the accounts with hardly more equity than they need. */
  tighten(): void {
    for (let account = 1; account <= this.accounts; account += 2) {
      const { equityMicros, requirementMicros } = this.book.figures(account)
      const excess = equityMicros - Math.ceil(requirementMicros * 1.05)
      this.book.addCash(account, -excess)
      this.ledger.addCash(account, -excess)
    }
  }

  /** Checks and reserves each; answers how many were accepted. */
  place(orders: RandomOrders): number {
    const { book, ledger } = this
    let accepted = 0
    for (let at = 0; at < orders.length; at += orderWords) {
      const holding = orders[at] as number
      const sells = orders[at + 1] === 1
      const ticks = orders[at + 2] as number
      const lots = orders[at + 3] as number
      const fee = orders[at + 4] as number
      if (book.place(ledger.account(holding), holding, sells, ticks, lots, fee) !== undefined) continue
      ledger.addVolume(holding, sells, lots)
      accepted += 1
    }
    return accepted
  }

  /** Each order is filled, or every other one cancelled, at once. */
  placeAndClose(orders: RandomOrders): void {
    const { book, ledger } = this
    for (let at = 0; at < orders.length; at += orderWords) {
      const holding = orders[at] as number
      const account = ledger.account(holding)
      const sells = orders[at + 1] === 1
      const ticks = orders[at + 2] as number
      const lots = orders[at + 3] as number
      const fee = orders[at + 4] as number
      if (book.place(account, holding, sells, ticks, lots, fee) !== undefined) continue
      const order = ledger.openOrder(holding, sells, ticks, lots, fee)
      if (at % (2 * orderWords) === 0) book.cancel(account, holding, sells, ticks, lots, fee)
      else {
        book.fill(account, holding, sells, ticks, lots, ticks, fee, fee)
        const signed = sells ? -lots : lots
        ledger.addPosition(holding, signed, signed * ticks * tickMicros)
        ledger.addCash(account, -fee)
      }
      ledger.reduceOrder(order, lots, fee)
    }
  }

  /** A new epoch while orders go on: some of the other accounts are marked after every hundred of them. */
  switchEpoch(
    orders: RandomOrders,
    work: number,
  ): { switchMillis: number; longestTickMillis: number; longestTickCpuMillis: number; ticks: number } {
    // Once before, so that what is measured is compiled.
    this.book.adopt(this.epochOf(2))
    while (!this.book.remark(work)) this.book.takeDue()
    const next = this.epochOf(3)
    let from = performance.now()
    this.book.adopt(next)
    const switchMillis = performance.now() - from
    let [longestTickMillis, longestTickCpuMillis, ticks, at, isDone] = [0, 0, 0, 0, false]
    const tick = (): void => {
      isDone = this.book.remark(work)
    }
    while (!isDone) {
      this.place(orders.subarray(at, at + 100 * orderWords))
      at = (at + 100 * orderWords) % orders.length
      from = performance.now()
      const cpuMillis = 1_000 * cpuSecondsOf(tick)
      longestTickMillis = Math.max(longestTickMillis, performance.now() - from)
      longestTickCpuMillis = Math.max(longestTickCpuMillis, cpuMillis)
      ticks += 1
    }
    return { switchMillis, longestTickMillis, longestTickCpuMillis, ticks }
  }
}

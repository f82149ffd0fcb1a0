import { PlainLedger } from '#bench/margin-ledger.ts'
import { MarginBook } from '#domain/margin/margin-book.ts'
import { checkEpoch, type RiskEpoch, type RiskInstrument } from '#domain/margin/risk-epoch.ts'

/** The usual small generator (mulberry32). */
export const randomOf = (state: number) => {
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return { next, below: (limit: number): number => Math.floor(next() * limit) }
}
export type Random = ReturnType<typeof randomOf>

export const capTicks = 20

/** Blocks, instruments moved in some of them, instruments known by their bounds, add-ons of every kind. */
export const randomEpoch = (random: Random, version = 1, instruments = 4): RiskEpoch => {
  const blocks = Array.from({ length: 1 + random.below(3) }, () => 1 + random.below(3))
  const scenarios = blocks.reduce((sum, length) => sum + length, 0)
  const groups = Array.from({ length: 1 + random.below(2) }, (_, index) => ({
    name: `G${index}`,
    thresholdUnits: random.below(12),
    microsPerUnit: random.below(4),
  }))
  const epoch: RiskEpoch = {
    version,
    scenarioSetVersion: version,
    scenarioNames: Array.from({ length: scenarios }, (_, s) => `S${s}`),
    blocks,
    groups,
    instruments: Array.from({ length: instruments }, (_, index) =>
      randomInstrument(random, index + 1, blocks, groups.length),
    ),
  }
  const checked = checkEpoch(epoch)
  if (!checked.accepted) throw new Error(`${checked.code} ${checked.field}`)
  return checked.value
}

const randomInstrument = (
  random: Random,
  instrumentId: number,
  blocks: readonly number[],
  groups: number,
): RiskInstrument => {
  const microsPerTick = 5 + random.below(5)
  const capMicros = capTicks * microsPerTick
  const markMicros = random.below(capTicks + 1) * microsPerTick
  const gain = (): number => random.below(capMicros + 1) - markMicros
  const restMicros = random.below(2) === 0 ? 0 : gain()
  const common = {
    instrumentId,
    instrumentName: `I${instrumentId}`,
    markMicros,
    capMicros,
    microsPerTick,
    group: random.below(groups),
    concentrationUnits: random.below(4),
    shortMinimumMicros: random.below(3) === 0 ? random.below(10) : 0,
    deltaMicroUnits: 0,
    vegaMicros: 0,
  }
  if (random.below(4) === 0) {
    const [lowMicros, highMicros] = [
      random.below(markMicros + 1),
      markMicros + random.below(capMicros - markMicros + 1),
    ]
    return { ...common, risk: { kind: 'bounds', lowMicros, highMicros } }
  }
  const arrayMicros = blocks.flatMap(length => {
    const isMoved = random.below(3) > 0
    return Array.from({ length }, () => (isMoved ? gain() : restMicros))
  })
  return { ...common, risk: { kind: 'array', restMicros, arrayMicros } }
}

export interface OpenOrder {
  readonly order: number
  readonly holding: number
  readonly instrumentId: number
  readonly sells: boolean
  readonly ticks: number
}

/** One account whose ledger and margin book change together, as the engine changes them. */
export class TestAccount {
  readonly ledger: PlainLedger
  book: MarginBook
  readonly account: number
  readonly orders: OpenOrder[] = []
  private readonly holdings = new Map<number, number>()
  epoch: RiskEpoch

  constructor(epoch: RiskEpoch, cashMicros: number) {
    this.epoch = epoch
    this.ledger = new PlainLedger(1, 16, 64)
    this.account = this.ledger.openAccount(cashMicros)
    this.book = new MarginBook(this.ledger)
    this.book.adopt(epoch)
  }

  instrument(instrumentId: number): RiskInstrument {
    const found = this.epoch.instruments.find(each => each.instrumentId === instrumentId)
    if (found === undefined) throw new Error(`no instrument ${instrumentId}`)
    return found
  }

  holding(instrumentId: number): number {
    const known = this.holdings.get(instrumentId)
    if (known !== undefined) return known
    const holding = this.ledger.openHolding(this.account, instrumentId)
    this.holdings.set(instrumentId, holding)
    return holding
  }

  place(instrumentId: number, sells: boolean, ticks: number, lots: number, fee = 0) {
    const holding = this.holding(instrumentId)
    const refusal = this.book.place(this.account, holding, sells, ticks, lots, fee)
    if (refusal !== undefined) return refusal
    const order = this.ledger.openOrder(holding, sells, ticks, lots, fee)
    this.orders.push({ order, holding, instrumentId, sells, ticks })
    return undefined
  }

  amend(index: number, ticks: number, lots: number, fee: number) {
    const open = this.orders[index]
    if (open === undefined) throw new Error('no such order')
    const { order, holding, sells } = open
    const [before, reserved] = [this.ledger.openLots(order), this.ledger.feeMicros(order)]
    const refusal = this.book.amend(this.account, holding, sells, open.ticks, before, ticks, lots, fee - reserved)
    if (refusal !== undefined) return refusal
    this.ledger.reduceOrder(order, before, reserved)
    this.orders[index] = { ...open, ticks, order: this.ledger.openOrder(holding, sells, ticks, lots, fee) }
    return undefined
  }

  /** A part of the reserve is released, the rest of it with the last lot. */
  private released(order: number, lots: number): number {
    const [open, fee] = [this.ledger.openLots(order), this.ledger.feeMicros(order)]
    return lots === open ? fee : Math.floor((fee * lots) / open)
  }

  cancel(index: number, lots: number): void {
    const open = this.orders[index]
    if (open === undefined) throw new Error('no such order')
    const released = this.released(open.order, lots)
    this.book.cancel(this.account, open.holding, open.sells, open.ticks, lots, released)
    this.close(index, open, lots, released)
  }

  /** `fee` is at most what is released, as the ledger's reserve makes sure of. */
  fill(index: number, lots: number, tradeTicks: number, feeShare = 1): void {
    const open = this.orders[index]
    if (open === undefined) throw new Error('no such order')
    const released = this.released(open.order, lots)
    const fee = Math.floor(released * feeShare)
    this.book.fill(this.account, open.holding, open.sells, open.ticks, lots, tradeTicks, fee, released)
    const signed = open.sells ? -lots : lots
    this.ledger.addPosition(
      open.holding,
      signed,
      signed * tradeTicks * this.instrument(open.instrumentId).microsPerTick,
    )
    this.ledger.addCash(this.account, -fee)
    this.close(index, open, lots, released)
  }

  private close(index: number, { order }: OpenOrder, lots: number, released: number): void {
    const isLast = this.ledger.openLots(order) === lots
    this.ledger.reduceOrder(order, lots, released)
    if (isLast) this.orders.splice(index, 1)
  }

  adopt(epoch: RiskEpoch): void {
    this.epoch = epoch
    this.book.adopt(epoch)
  }

  /** Equity less requirement. */
  excess(): number {
    const { equityMicros, requirementMicros } = this.book.figures(this.account)
    return equityMicros - requirementMicros
  }

  /** The row of a book that has never seen anything but this ledger. */
  rebuilt(): readonly number[] {
    return MarginBook.restore(this.ledger, { ...this.book.capture(), marked: [] }).rowOfAccount(this.account)
  }
}

/** So many random operations; `each` is told what was done. */
export const randomHistory = (
  one: TestAccount,
  random: Random,
  operations: number,
  each: (done: 'placed' | 'amended' | 'cancelled' | 'filled') => void = () => undefined,
  feesBelow = 4,
): void => {
  const { ledger } = one
  for (let operation = 0; operation < operations; operation += 1) {
    const kind = random.below(10)
    const index = random.below(Math.max(1, one.orders.length))
    const open = one.orders[index]
    if (kind < 5 || open === undefined) {
      if (one.orders.length >= 6) continue
      const instrumentId = 1 + random.below(one.epoch.instruments.length)
      const refusal = one.place(
        instrumentId,
        random.below(2) === 0,
        1 + random.below(capTicks),
        1 + random.below(5),
        random.below(feesBelow),
      )
      if (refusal === undefined) each('placed')
    } else if (kind < 6) {
      const refusal = one.amend(index, 1 + random.below(capTicks), 1 + random.below(5), random.below(feesBelow))
      if (refusal === undefined) each('amended')
    } else {
      const lots = 1 + random.below(ledger.openLots(open.order))
      if (kind < 7) {
        one.cancel(index, lots)
        each('cancelled')
      } else {
        const room = open.sells ? capTicks - open.ticks : open.ticks - 1
        const better = random.below(room + 1)
        one.fill(index, lots, open.sells ? open.ticks + better : open.ticks - better, random.next())
        each('filled')
      }
    }
  }
}

/** Every subset of the open orders, every scenario: what the account can lose, one by one. */
export const worstByBruteForce = (one: TestAccount): { readonly scan: number; readonly bounded: number } => {
  const { epoch, ledger } = one
  const positions: { readonly instrument: RiskInstrument; readonly size: number }[] = []
  for (const instrument of epoch.instruments)
    positions.push({ instrument, size: ledger.sizeLots(one.holding(instrument.instrumentId)) })
  const worstOf = (
    orders: readonly OpenOrder[],
    held: typeof positions,
    gainOf: (instrument: RiskInstrument) => number,
  ): number => {
    const alone = held.reduce((sum, { instrument, size }) => sum + size * gainOf(instrument), 0)
    const results = orders.map(({ order, instrumentId, sells, ticks }) => {
      const instrument = one.instrument(instrumentId)
      const side = sells ? -1 : 1
      const perLot = gainOf(instrument) + instrument.markMicros - ticks * instrument.microsPerTick
      return ledger.openLots(order) * side * perLot
    })
    let worst = Number.POSITIVE_INFINITY
    for (let subset = 0; subset < 1 << results.length; subset += 1) {
      let sum = alone
      for (let index = 0; index < results.length; index += 1)
        if ((subset & (1 << index)) !== 0) sum += results[index] ?? 0
      if (sum < worst) worst = sum
    }
    return worst
  }
  const isArray = ({ risk }: RiskInstrument): boolean => risk.kind === 'array'
  const netted = positions.filter(({ instrument }) => isArray(instrument))
  const nettedOrders = one.orders.filter(({ instrumentId }) => isArray(one.instrument(instrumentId)))
  const states = epoch.scenarioNames.map((_, s) =>
    worstOf(nettedOrders, netted, ({ risk }) => (risk.kind === 'array' ? (risk.arrayMicros[s] ?? 0) : 0)),
  )
  const scan = -Math.min(
    worstOf(nettedOrders, netted, () => 0),
    ...states,
  )
  let bounded = 0
  for (const position of positions) {
    const { risk, markMicros, instrumentId } = position.instrument
    if (risk.kind !== 'bounds') continue
    const orders = one.orders.filter(order => order.instrumentId === instrumentId)
    const middle = Math.floor((risk.lowMicros + risk.highMicros) / 2)
    bounded -= Math.min(
      ...[risk.lowMicros, middle, risk.highMicros].map(end => worstOf(orders, [position], () => end - markMicros)),
    )
  }
  return { scan: scan + 0, bounded: bounded + 0 }
}

/** Random books after random histories; answers how many disagree with the brute force. */
export const disagreements = (books: number, seed: number): number => {
  const random = randomOf(seed)
  let wrong = 0
  for (let each = 0; each < books; each += 1) {
    const one = new TestAccount(randomEpoch(random), random.below(4_000))
    randomHistory(one, random, 4 + random.below(12))
    const { scanMicros, boundedMicros } = one.book.figures(one.account)
    const { scan, bounded } = worstByBruteForce(one)
    if (scan !== scanMicros || bounded !== boundedMicros) wrong += 1
  }
  return wrong
}

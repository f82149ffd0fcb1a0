import { increments } from '../units.ts'
import { fullAcceptanceBasisPoints, type Side } from './day-ahead-auction.ts'
import { type DayAheadMarket, hoursOfDay, marketUnits, poolOf } from './day-ahead-market.ts'

/** A bid or an offer as somebody asks for it: decimals as text, hours as they come. */
export interface AskedBid {
  readonly side: Side
  readonly curves: readonly AskedCurve[]
  readonly blocks: readonly AskedBlock[]
}

/** What is bought or sold in one hour, each step by itself and in any part. */
interface AskedCurve {
  readonly market: string
  readonly hour: number
  readonly steps: readonly { readonly price: string; readonly amount: string }[]
}

/** Taken in all its hours or in none. */
interface AskedBlock {
  readonly block: string
  readonly market: string
  readonly price: string
  readonly hours: readonly { readonly hour: number; readonly amount: string }[]
  /** Part of one, above zero, in ten-thousandths; all of it unless told. */
  readonly minimumAcceptanceRatio?: string | undefined
  /** Another block of the bid. */
  readonly parent?: string | undefined
  readonly exclusiveGroup?: string | undefined
}

/** The same in ticks and lots. */
export interface Bid {
  readonly side: Side
  readonly curves: readonly BidCurve[]
  readonly blocks: readonly BidBlock[]
}

export interface BidCurve {
  readonly market: string
  readonly hour: number
  readonly steps: readonly { readonly priceTicks: number; readonly lots: number }[]
}

export interface BidBlock {
  readonly block: string
  readonly market: string
  readonly priceTicks: number
  readonly hours: readonly { readonly hour: number; readonly lots: number }[]
  readonly minimumAcceptanceBasisPoints: number
  readonly parent: string | null
  readonly exclusiveGroup: string | null
}

export const bidFaultCodes = [
  'empty-bid',
  'unknown-day-ahead-market',
  'unknown-hour',
  'duplicate-hour',
  'price-off-tick',
  'price-out-of-range',
  'amount-off-lot',
  'amount-out-of-range',
  'empty-block',
  'duplicate-block',
  'unknown-parent',
  'cyclic-parents',
  'group-of-one',
  'grouped-child',
  'blocks-not-joinable',
  'notional-too-large',
] as const
export type BidFaultCode = (typeof bidFaultCodes)[number]

export interface BidFault {
  readonly code: BidFaultCode
  /** As a JSON pointer without `#`: `/blocks/2/parent`. */
  readonly at: string
  readonly detail: string
}

export type ReadBid =
  | {
      readonly ok: true
      readonly bid: Bid /** What it could need at most, in USD micros. */
      readonly holdMicros: number
    }
  | { readonly ok: false; readonly fault: BidFault }

/** Of one step or one hour of a block, and of all together: so that no few bids make an auction too large to be counted. */
const mostLots = 10_000_000
const mostLotsOfBid = 100_000_000

class Wrong extends Error {
  readonly fault: BidFault
  constructor(code: BidFaultCode, at: string, detail: string) {
    super(code)
    this.fault = { code, at, detail }
  }
}

/** Reads a bid against the markets of its auction; the first thing wrong with it otherwise. */
export const readBid = (asked: AskedBid, markets: readonly DayAheadMarket[]): ReadBid => {
  try {
    const known = new Map(markets.map(market => [market.market, market]))
    const bid: Bid = {
      side: asked.side,
      curves: asked.curves.map((curve, at) => curveOf(curve, `/curves/${at}`, known)),
      blocks: asked.blocks.map((block, at) => blockOf(block, `/blocks/${at}`, known)),
    }
    checkWhole(bid, known)
    return { ok: true, bid, holdMicros: holdMicros(bid, markets) }
  } catch (error) {
    if (error instanceof Wrong) return { ok: false, fault: error.fault }
    throw error
  }
}

type Known = ReadonlyMap<string, DayAheadMarket>

const curveOf = ({ market: name, hour, steps }: AskedCurve, at: string, known: Known): BidCurve => {
  const market = marketNamed(name, `${at}/market`, known)
  checkHour(hour, `${at}/hour`)
  if (steps.length === 0) throw new Wrong('empty-bid', `${at}/steps`, 'has no step')
  return {
    market: name,
    hour,
    steps: steps.map(({ price, amount }, step) => ({
      priceTicks: ticksOf(price, `${at}/steps/${step}/price`, market),
      lots: lotsOf(amount, `${at}/steps/${step}/amount`, market),
    })),
  }
}

const blockOf = (asked: AskedBlock, at: string, known: Known): BidBlock => {
  const market = marketNamed(asked.market, `${at}/market`, known)
  if (asked.hours.length === 0) throw new Wrong('empty-block', `${at}/hours`, 'has no hour')
  const hours = asked.hours.map(({ hour, amount }, index) => {
    checkHour(hour, `${at}/hours/${index}/hour`)
    return { hour, lots: lotsOf(amount, `${at}/hours/${index}/amount`, market) }
  })
  const twice = hours.findIndex(({ hour }, index) => hours.findIndex(each => each.hour === hour) < index)
  if (twice >= 0) throw new Wrong('duplicate-hour', `${at}/hours/${twice}/hour`, 'is in the block already')
  const { minimumAcceptanceRatio: ratio = '1' } = asked
  const basisPoints = increments(ratio, '0.0001')
  // The schema of the operation lets no other pass.
  if (basisPoints === undefined || basisPoints < 1 || basisPoints > fullAcceptanceBasisPoints)
    throw new RangeError(`${ratio} is no minimum acceptance ratio`)
  return {
    block: asked.block,
    market: asked.market,
    priceTicks: ticksOf(asked.price, `${at}/price`, market),
    hours,
    minimumAcceptanceBasisPoints: basisPoints,
    parent: asked.parent ?? null,
    exclusiveGroup: asked.exclusiveGroup ?? null,
  }
}

const marketNamed = (name: string, at: string, known: Known): DayAheadMarket => {
  const market = known.get(name)
  if (market === undefined) throw new Wrong('unknown-day-ahead-market', at, `${name} is no market of this auction`)
  return market
}

const checkHour = (hour: number, at: string): void => {
  if (!Number.isInteger(hour) || hour < 0 || hour >= hoursOfDay)
    throw new Wrong('unknown-hour', at, `a day has the hours 0 to ${hoursOfDay - 1}, by when they begin (UTC)`)
}

const ticksOf = (price: string, at: string, { tickSize, maxPrice }: DayAheadMarket): number => {
  const ticks = increments(price, tickSize)
  if (ticks === undefined) throw new Wrong('price-off-tick', at, `must be a multiple of ${tickSize}`)
  if (ticks > (increments(maxPrice, tickSize) ?? 0))
    throw new Wrong('price-out-of-range', at, `must be at most ${maxPrice}`)
  return ticks
}

const lotsOf = (amount: string, at: string, { minTradeAmount }: DayAheadMarket): number => {
  const lots = increments(amount, minTradeAmount)
  if (lots === undefined) throw new Wrong('amount-off-lot', at, `must be a multiple of ${minTradeAmount}`)
  if (lots < 1 || lots > mostLots)
    throw new Wrong(
      'amount-out-of-range',
      at,
      `must be at least ${minTradeAmount}, and at most ${mostLots} times as much`,
    )
  return lots
}

/** What no part of it can be asked by itself. */
const checkWhole = ({ curves, blocks }: Bid, known: Known): void => {
  if (curves.length === 0 && blocks.length === 0) throw new Wrong('empty-bid', '', 'names neither a curve nor a block')
  const hours = new Set<string>()
  for (const [at, { market, hour }] of curves.entries()) {
    const name = `${hour} ${market}`
    if (hours.has(name)) throw new Wrong('duplicate-hour', `/curves/${at}/hour`, 'has a curve in this bid already')
    hours.add(name)
  }
  const byName = new Map<string, BidBlock>()
  for (const [at, block] of blocks.entries()) {
    if (byName.has(block.block)) throw new Wrong('duplicate-block', `/blocks/${at}/block`, 'names another block, too')
    byName.set(block.block, block)
  }
  checkLinks(blocks, byName)
  checkGroups(blocks, byName, known)
  const lots =
    curves.reduce((sum, { steps }) => sum + steps.reduce((all, step) => all + step.lots, 0), 0) +
    blocks.reduce((sum, block) => sum + block.hours.reduce((all, each) => all + each.lots, 0), 0)
  if (lots > mostLotsOfBid)
    throw new Wrong('amount-out-of-range', '', `asks for more than ${mostLotsOfBid} times the least amount`)
}

const checkLinks = (blocks: readonly BidBlock[], byName: ReadonlyMap<string, BidBlock>): void => {
  for (const [at, { parent }] of blocks.entries())
    if (parent !== null && !byName.has(parent))
      throw new Wrong('unknown-parent', `/blocks/${at}/parent`, 'names no block of this bid')
  const settled = new Set<string>()
  for (const [at, { block }] of blocks.entries()) {
    const path = new Set<string>()
    for (
      let each: string | null = block;
      each !== null && !settled.has(each);
      each = byName.get(each)?.parent ?? null
    ) {
      if (path.has(each)) throw new Wrong('cyclic-parents', `/blocks/${at}/parent`, 'leads back to the block itself')
      path.add(each)
    }
    for (const each of path) settled.add(each)
  }
}

const checkGroups = (blocks: readonly BidBlock[], byName: ReadonlyMap<string, BidBlock>, known: Known): void => {
  const poolNamed = (market: string): string => {
    const found = known.get(market)
    return found === undefined ? '' : poolOf(found)
  }
  const groups = Map.groupBy(blocks, ({ exclusiveGroup }) => exclusiveGroup)
  for (const [at, { exclusiveGroup, parent, market }] of blocks.entries()) {
    const joined = parent === null ? undefined : byName.get(parent)
    const detail = 'joins markets whose tick_size, min_trade_amount or max_price differ'
    if (joined !== undefined && poolNamed(joined.market) !== poolNamed(market))
      throw new Wrong('blocks-not-joinable', `/blocks/${at}/parent`, detail)
    if (exclusiveGroup === null) continue
    const members = groups.get(exclusiveGroup) ?? []
    if (members.length < 2) throw new Wrong('group-of-one', `/blocks/${at}/exclusive_group`, 'has no other block')
    // Members are weighed against each other by themselves, which they could not be below a parent.
    if (parent !== null) throw new Wrong('grouped-child', `/blocks/${at}/parent`, 'cannot go with exclusive_group')
    if (members.some(each => poolNamed(each.market) !== poolNamed(market)))
      throw new Wrong('blocks-not-joinable', `/blocks/${at}/exclusive_group`, detail)
  }
}

/**
 * The most that what a bid buys or sells could need, by its bounds, in USD micros: a buyer its limit, a seller the highest
 * price less its limit, each for all lots, and the commission at the limit, rounded up. Commission and need together are
 * greatest at the limit: a tick of price is always more than the commission on it. Of an exclusive group the most of its
 * members, each with what hangs on it. Prices in ticks, quantities in lots.
 */
export const holdMicros = ({ side, curves, blocks }: Bid, markets: readonly DayAheadMarket[]): number => {
  const known = new Map(
    markets.map(market => {
      const units = marketUnits(market)
      if (!units.accepted) throw new RangeError(`${market.market} is no market: ${units.detail}`)
      return [market.market, { ...units.value, commissionPpm: market.makerCommissionPpm }] as const
    }),
  )
  const need = (market: string, priceTicks: number, lots: number): bigint => {
    const units = known.get(market)
    if (units === undefined) throw new RangeError(`${market} is not a market of the auction`)
    const { maxPriceTicks, microsPerTickLot, commissionPpm } = units
    const exposed = side === 'buy' ? priceTicks : maxPriceTicks - priceTicks
    const microsPerTick = BigInt(microsPerTickLot) * BigInt(lots)
    const commission = (microsPerTick * BigInt(priceTicks) * BigInt(commissionPpm) + 999_999n) / 1_000_000n
    return microsPerTick * BigInt(exposed) + commission
  }
  const children = Map.groupBy(blocks, ({ parent }) => parent)
  const needOfBlock = (block: BidBlock): bigint =>
    block.hours.reduce((sum, { lots }) => sum + need(block.market, block.priceTicks, lots), 0n) +
    (children.get(block.block) ?? []).reduce((sum, child) => sum + needOfBlock(child), 0n)
  let total = 0n
  for (const { market, steps } of curves)
    for (const { priceTicks, lots } of steps) total += need(market, priceTicks, lots)
  const roots = blocks.filter(({ parent }) => parent === null)
  for (const [group, members] of Map.groupBy(roots, ({ exclusiveGroup }) => exclusiveGroup)) {
    const needs = members.map(needOfBlock)
    total +=
      group === null
        ? needs.reduce((sum, each) => sum + each, 0n)
        : (needs.toSorted((a, b) => (a < b ? 1 : -1))[0] ?? 0n)
  }
  if (total > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Wrong('notional-too-large', '', 'could need more than can be counted')
  return Number(total)
}

import type { SolveProgramme } from '../integer-programme.ts'
import type { Bid, BidBlock } from './bids.ts'
import { type ClearingLimits, clearAuction } from './clear-auction.ts'
import type { BlockDecision, Certificate, Clearing } from './clearing.ts'
import {
  type AuctionProblemCode,
  type BlockOrder,
  byText,
  type DayAheadAuction,
  type Side,
  type StepOrder,
} from './day-ahead-auction.ts'
import { type DayAheadMarket, hoursOfDay, marketUnits, poolOf } from './day-ahead-market.ts'

/** A bid that takes part: its hold was accepted before the gate closed, and it was neither replaced nor withdrawn. */
export interface PlacedBid {
  readonly accountId: number
  /** The bidder's own name for it: with the account it decides between equals, so that the order of arrival never does. */
  readonly name: string
  readonly bid: Bid
}

/** What one market comes to in one hour. */
export interface ClearedHour {
  readonly market: string
  readonly hour: number
  /** Null where nothing trades and nothing bounds a price. */
  readonly priceTicks: number | null
  readonly boughtLots: number
  readonly soldLots: number
  /** What accounts buy from others: what one has both bought and sold is none of it. */
  readonly awardedLots: number
}

/** Markets of one tick, lot and highest price: what is welfare in one of them is so in all. */
export interface ClearedPool {
  readonly markets: readonly string[]
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly maxPrice: string
  /** Of one tick for one lot. */
  readonly microsPerTickLot: number
  readonly stepOrders: number
  readonly blockDecisions: Readonly<Record<BlockDecision, number>>
  readonly certificate: Certificate
}

/** Two accounts of one hour, of which one buys from the other. */
export interface LotAward {
  readonly market: string
  readonly hour: number
  readonly priceTicks: number
  readonly lots: number
  readonly buyAccountId: number
  readonly sellAccountId: number
}

/** Of one bid in one hour of a market. */
export interface BidAward {
  readonly name: string
  readonly market: string
  readonly hour: number
  readonly side: Side
  readonly lots: number
}

export interface BlockOutcome {
  readonly name: string
  readonly block: string
  readonly market: string
  readonly decision: BlockDecision
  readonly takenParts: number
  readonly parts: number
  /** At the prices, in ticks × lots: of what is taken, or, of a rejected block, of all of it. */
  readonly surplus: number
}

export interface AccountAwards {
  readonly accountId: number
  readonly awards: readonly BidAward[]
  readonly blocks: readonly BlockOutcome[]
}

export interface AuctionDay {
  readonly pools: readonly ClearedPool[]
  /** By market, then hour. */
  readonly hours: readonly ClearedHour[]
  /** By market, hour, buyer and seller: what the engine is to book. */
  readonly awards: readonly LotAward[]
  /** Of each account that bid, by number. */
  readonly accounts: readonly AccountAwards[]
}

export type ClearedDay =
  | { readonly isCleared: true; readonly day: AuctionDay }
  | { readonly isCleared: false; readonly code: AuctionProblemCode | 'unbalanced'; readonly at: string }

/** Clears all markets of a delivery date: the same answer for the same bids, in whatever order they stand. */
export const clearDay = (
  markets: readonly DayAheadMarket[],
  bids: readonly PlacedBid[],
  options: { readonly solve: SolveProgramme; readonly limits?: ClearingLimits },
): ClearedDay => {
  const sorted = bids.toSorted((a, b) => a.accountId - b.accountId || byText(a.name, b.name))
  const byName = markets.toSorted((a, b) => byText(a.market, b.market))
  const pools: ClearedPool[] = []
  const hours: Omit<ClearedHour, 'awardedLots'>[] = []
  const won = new Winnings()
  for (const bid of sorted) won.account(bid.accountId)
  for (const [, members] of [...Map.groupBy(byName, poolOf)].sort(([a], [b]) => byText(a, b))) {
    const orders = ordersOf(members, sorted)
    const answer = clearAuction(orders.auction, options)
    if (!answer.isCleared) return answer
    pools.push(poolOfClearing(members, orders, answer.clearing))
    for (const { area, period, ...result } of answer.clearing.markets)
      hours.push({ market: area, hour: period, ...result })
    won.add(orders, answer.clearing)
  }
  hours.sort((a, b) => byText(a.market, b.market) || a.hour - b.hour)
  const accounts = won.all()
  const awards = lotAwards(hours, accounts)
  const awarded = new Map<string, number>()
  for (const { market, hour, lots } of awards) {
    const key = `${hour} ${market}`
    awarded.set(key, (awarded.get(key) ?? 0) + lots)
  }
  return {
    isCleared: true,
    day: {
      pools,
      hours: hours.map(each => ({ ...each, awardedLots: awarded.get(`${each.hour} ${each.market}`) ?? 0 })),
      awards,
      accounts,
    },
  }
}

interface Orders {
  readonly auction: DayAheadAuction
  readonly steps: ReadonlyMap<string, { readonly bid: PlacedBid; readonly order: StepOrder }>
  readonly blocks: ReadonlyMap<string, { readonly bid: PlacedBid; readonly block: BidBlock }>
}

const accountDigits = 10
const stepDigits = 5

/** The orders of the markets of one pool, under ids that say whose they are and nothing of when they came. */
const ordersOf = (members: readonly DayAheadMarket[], bids: readonly PlacedBid[]): Orders => {
  const areas = new Set(members.map(({ market }) => market))
  const steps = new Map<string, { readonly bid: PlacedBid; readonly order: StepOrder }>()
  const blocks = new Map<string, { readonly bid: PlacedBid; readonly block: BidBlock }>()
  const blockOrders: BlockOrder[] = []
  for (const placed of bids) {
    const { accountId, name, bid } = placed
    const own = `${String(accountId).padStart(accountDigits, '0')} ${name}`
    let number = 0
    for (const { market, hour, steps: curve } of bid.curves)
      for (const { priceTicks, lots } of curve) {
        number += 1
        if (!areas.has(market)) continue
        const orderId = `${own} ${String(number).padStart(stepDigits, '0')}`
        steps.set(orderId, {
          bid: placed,
          order: { orderId, area: market, period: hour, side: bid.side, priceTicks, lots },
        })
      }
    for (const block of bid.blocks) {
      if (!areas.has(block.market)) continue
      const blockId = `${own} ${block.block}`
      blockOrders.push({
        blockId,
        side: bid.side,
        priceTicks: block.priceTicks,
        profile: block.hours.map(({ hour, lots }) => ({ area: block.market, period: hour, lots })),
        minimumAcceptanceBasisPoints: block.minimumAcceptanceBasisPoints,
        parentId: block.parent === null ? null : `${own} ${block.parent}`,
        exclusiveGroup: block.exclusiveGroup === null ? null : `${own} ${block.exclusiveGroup}`,
      })
      blocks.set(blockId, { bid: placed, block })
    }
  }
  return {
    steps,
    blocks,
    auction: {
      areas: [...areas],
      periods: hoursOfDay,
      leastPriceTicks: 0,
      mostPriceTicks: unitsOf(members).maxPriceTicks,
      steps: [...steps.values()].map(({ order }) => order),
      blocks: blockOrders,
      lines: [],
      injections: [],
    },
  }
}

const unitsOf = ([first]: readonly DayAheadMarket[]): { maxPriceTicks: number; microsPerTickLot: number } => {
  const units = first === undefined ? undefined : marketUnits(first)
  if (units?.accepted !== true) throw new RangeError(`${first?.market} is no market`)
  return units.value
}

const poolOfClearing = (members: readonly DayAheadMarket[], { steps }: Orders, clearing: Clearing): ClearedPool => {
  const [first] = members
  if (first === undefined) throw new RangeError('a pool without a market')
  const decided = (decision: BlockDecision): number =>
    clearing.blocks.filter(block => block.decision === decision).length
  return {
    markets: members.map(({ market }) => market),
    tickSize: first.tickSize,
    minTradeAmount: first.minTradeAmount,
    maxPrice: first.maxPrice,
    microsPerTickLot: unitsOf(members).microsPerTickLot,
    stepOrders: steps.size,
    blockDecisions: {
      accepted: decided('accepted'),
      'partially-accepted': decided('partially-accepted'),
      rejected: decided('rejected'),
      'paradoxically-rejected': decided('paradoxically-rejected'),
    },
    certificate: clearing.certificate,
  }
}

/** What each account has won, bid by bid and hour by hour. */
class Winnings {
  private readonly accounts = new Map<number, { awards: Map<string, BidAward>; blocks: BlockOutcome[] }>()

  account(accountId: number): { awards: Map<string, BidAward>; blocks: BlockOutcome[] } {
    const known = this.accounts.get(accountId)
    if (known !== undefined) return known
    const fresh = { awards: new Map<string, BidAward>(), blocks: [] }
    this.accounts.set(accountId, fresh)
    return fresh
  }

  add({ steps, blocks }: Orders, clearing: Clearing): void {
    for (const { orderId, lots } of clearing.awards) {
      const found = steps.get(orderId)
      if (found === undefined) throw new Error(`an award of ${orderId}, which did not bid`)
      this.award(found.bid, found.order.area, found.order.period, lots)
    }
    for (const { blockId, decision, takenParts, parts, surplus } of clearing.blocks) {
      const found = blocks.get(blockId)
      if (found === undefined) throw new Error(`a decision on ${blockId}, which did not bid`)
      const { bid, block } = found
      this.account(bid.accountId).blocks.push({
        name: bid.name,
        block: block.block,
        market: block.market,
        decision,
        takenParts,
        parts,
        surplus,
      })
      for (const { hour, lots } of block.hours) this.award(bid, block.market, hour, (lots / parts) * takenParts)
    }
  }

  private award({ accountId, name, bid }: PlacedBid, market: string, hour: number, lots: number): void {
    if (lots === 0) return
    const { awards } = this.account(accountId)
    const key = `${name} ${hour} ${market}`
    awards.set(key, { name, market, hour, side: bid.side, lots: (awards.get(key)?.lots ?? 0) + lots })
  }

  all(): readonly AccountAwards[] {
    return [...this.accounts]
      .sort(([a], [b]) => a - b)
      .map(([accountId, { awards, blocks }]) => ({
        accountId,
        awards: [...awards.values()].sort(
          (a, b) => byText(a.name, b.name) || byText(a.market, b.market) || a.hour - b.hour,
        ),
        blocks: blocks.toSorted((a, b) => byText(a.name, b.name) || byText(a.block, b.block)),
      }))
  }
}

/** Above zero what is bought, below what is sold, of accounts that have both in one hour what is left of them. */
export interface NetLots {
  readonly accountId: number
  readonly lots: number
}

/**
 * Who buys from whom: buyers and sellers by account number, each served in full before the next, so that of n accounts at
 * most n − 1 pairs are made, the same whatever the order in which they are told. Throws where the lots do not balance.
 */
export const pairLots = (
  accounts: readonly NetLots[],
): { readonly buyAccountId: number; readonly sellAccountId: number; readonly lots: number }[] => {
  const sorted = accounts.toSorted((a, b) => a.accountId - b.accountId)
  const side = (sign: 1 | -1): { accountId: number; lots: number }[] =>
    sorted.flatMap(({ accountId, lots }) => (sign * lots > 0 ? { accountId, lots: sign * lots } : []))
  const [buyers, sellers] = [side(1), side(-1)]
  const pairs: { buyAccountId: number; sellAccountId: number; lots: number }[] = []
  for (let [b, s] = [0, 0]; ; ) {
    const [buyer, seller] = [buyers[b], sellers[s]]
    if (buyer === undefined && seller === undefined) return pairs
    if (buyer === undefined || seller === undefined) throw new RangeError('what is bought is not what is sold')
    const lots = Math.min(buyer.lots, seller.lots)
    pairs.push({ buyAccountId: buyer.accountId, sellAccountId: seller.accountId, lots })
    buyer.lots -= lots
    seller.lots -= lots
    if (buyer.lots === 0) b += 1
    if (seller.lots === 0) s += 1
  }
}

const lotAwards = (
  hours: readonly Omit<ClearedHour, 'awardedLots'>[],
  accounts: readonly AccountAwards[],
): LotAward[] => {
  const net = new Map<string, Map<number, number>>()
  for (const { accountId, awards } of accounts)
    for (const { market, hour, side, lots } of awards) {
      const key = `${hour} ${market}`
      const of = net.get(key) ?? new Map<number, number>()
      net.set(key, of.set(accountId, (of.get(accountId) ?? 0) + (side === 'buy' ? lots : -lots)))
    }
  return hours.flatMap(({ market, hour, priceTicks }) => {
    const of = [...(net.get(`${hour} ${market}`) ?? [])].map(([accountId, lots]) => ({ accountId, lots }))
    if (of.length > 0 && priceTicks === null) throw new Error(`${market} trades in hour ${hour} without a price`)
    return pairLots(of).map(pair => ({ market, hour, priceTicks: priceTicks ?? 0, ...pair }))
  })
}

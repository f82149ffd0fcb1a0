import {
  type BeginLiquidation,
  type CoverLoss,
  type EndLiquidation,
  type HaircutGains,
  type LiquidatePosition,
  type PlaceOrder,
  plainInstructions,
  type TransferPosition,
} from '#domain/trading/commands.ts'
import type { CancelReason, Event } from '#domain/trading/events.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import type { NaiveMargin } from './naive-margin.ts'
import type { NaiveListing, NaiveMarket, NaiveOrder, Refusal } from './naive-market.ts'

type LiquidationCommand =
  | BeginLiquidation
  | LiquidatePosition
  | TransferPosition
  | CoverLoss
  | HaircutGains
  | EndLiquidation

/** What liquidations need of the exchange around them. */
interface Surroundings {
  tell(event: Event): void
  cancelAll(chosen: NaiveOrder[], reason: CancelReason, commandId: string): number
  stateRefusal(listing: NaiveListing, mayRest: boolean): Refusal
  isPrice(ticks: number, listing: NaiveListing): boolean
  isOutsideBand(listing: NaiveListing, direction: 'buy' | 'sell', ticks: number): boolean
  isKilled(accountId: number): boolean
  /** Trades what can be of an order that is among those of the market already. */
  work(order: NaiveOrder): void
}

const maxCashMicros = 2 ** 52

/** Step by step as docs/protocol/orders.md has it: liquidation. */
export const createNaiveLiquidations = (
  { accounts, listings, orders, history }: NaiveMarket,
  { positionOf, cashMicros, isTooLarge }: NaiveLedger,
  margin: NaiveMargin,
  surroundings: Surroundings,
) => {
  const { tell } = surroundings
  /** By account id: the command that began it. */
  const underWay = new Map<number, string>()
  const isUnderWay = (accountId: number): boolean => underWay.has(accountId)
  const figuresOf = (accountId: number) => {
    const { equity, requirement } = margin.figures(accountId)
    return { equityMicros: equity, requirementMicros: requirement }
  }

  const begin = ({ accountId, commandId }: BeginLiquidation): Refusal => {
    if (isUnderWay(accountId)) return 'liquidation-under-way'
    if (margin.isCovered(accountId)) return 'not-under-margin-call'
    const before = figuresOf(accountId)
    underWay.set(accountId, commandId)
    const own = orders.filter(({ placed }) => placed.accountId === accountId)
    const cancelledOrders = surroundings.cancelAll(own, 'liquidation', commandId)
    const afterRequirementMicros = figuresOf(accountId).requirementMicros
    const epochVersion = margin.epochVersion()
    tell({
      type: 'liquidation-begun',
      commandId,
      accountId,
      epochVersion,
      cancelledOrders,
      ...before,
      afterRequirementMicros,
    })
    return undefined
  }

  const reduce = (command: LiquidatePosition, listing: NaiveListing): Refusal => {
    const { accountId, commandId, liquidationId, instrumentId, direction, quantityLots, limitTicks } = command
    if (!surroundings.isPrice(limitTicks, listing)) return 'price-out-of-range'
    const inState = surroundings.stateRefusal(listing, false)
    if (inState !== undefined) return inState
    if (surroundings.isOutsideBand(listing, direction, limitTicks)) return 'price-outside-band'
    if (quantityLots < 1) return 'amount-out-of-range'
    const { sizeLots } = positionOf(accountId, listing)
    if (quantityLots > (direction === 'sell' ? sizeLots : -sizeLots)) return 'reduce-only-would-increase'
    if (orders.some(({ placed }) => placed.orderId === commandId)) return 'duplicate-order'
    const placed: PlaceOrder = {
      type: 'place-order',
      orderId: commandId,
      accountId,
      instrumentId,
      specificationVersion: listing.instrument.specificationVersion,
      direction,
      orderType: 'limit',
      timeInForce: 'immediate_or_cancel',
      priceTicks: limitTicks,
      quantityLots,
      clientOrderId: '',
      ...plainInstructions,
    }
    const nothing = { filledLots: 0, filledTickLots: 0, visibleLots: 0, arrival: 0, expiresAtMillis: 0 }
    const order: NaiveOrder = {
      ...nothing,
      placed,
      listing,
      group: undefined,
      place: 'taking',
      priceTicks: limitTicks,
      quantityLots,
    }
    orders.push(order)
    tell({ ...placed, type: 'order-accepted', quoteGroup: '', restingLots: 0, levelLots: 0 })
    surroundings.work(order)
    const lots = { direction, requestedLots: quantityLots, filledLots: order.filledLots }
    const after = figuresOf(accountId)
    tell({ type: 'liquidation-tranche', commandId, liquidationId, accountId, instrumentId, ...lots, ...after })
    return undefined
  }

  const transfer = (command: TransferPosition, listing: NaiveListing): Refusal => {
    const { accountId, toAccountId, commandId, liquidationId, instrumentId, signedLots, priceTicks } = command
    if (priceTicks < 0 || priceTicks > listing.instrument.maxPriceTicks) return 'price-out-of-range'
    if (signedLots === 0) return 'amount-out-of-range'
    if (isUnderWay(toAccountId) || surroundings.isKilled(toAccountId))
      return isUnderWay(toAccountId) ? 'account-in-liquidation' : 'kill-switch-on'
    const { sizeLots } = positionOf(accountId, listing)
    if (Math.sign(sizeLots) !== Math.sign(signedLots) || Math.abs(signedLots) > Math.abs(sizeLots))
      return 'reduce-only-would-increase'
    if (isBeyondLimit(listing, toAccountId, signedLots)) return 'position-limit'
    if (Math.abs(cashMicros(toAccountId)) > maxCashMicros) return 'exposure-too-large'
    // Collateral is held at no cost: what is paid for it is cash.
    const isCash = listing.instrument.terms.kind === 'collateral'
    const paidMicros = signedLots * priceTicks * listing.instrument.microsPerTickLot
    const grossBefore = margin.figures(toAccountId).gross
    const held = Math.abs(positionOf(toAccountId, listing).sizeLots)
    const before = history.length
    for (const [id, lots] of [
      [accountId, -signedLots],
      [toAccountId, signedLots],
    ] as const)
      history.push({ accountId: id, listing, signedLots: lots, priceTicks: isCash ? 0 : priceTicks, feeMicros: 0 })
    if (isCash) move(toAccountId, accountId, paidMicros)
    const isMore = Math.abs(positionOf(toAccountId, listing).sizeLots) > held
    const { gross } = margin.figures(toAccountId)
    const refusal: Refusal =
      isMore && gross > 2 ** 51 && gross > grossBefore
        ? 'exposure-too-large'
        : isTooLarge(toAccountId, listing)
          ? 'notional-too-large'
          : margin.isCovered(toAccountId)
            ? undefined
            : margin.shortCode()
    if (refusal !== undefined) {
      history.length = before
      if (isCash) move(accountId, toAccountId, paidMicros)
      return refusal
    }
    const leg = (id: number) => ({ position: positionOf(id, listing), cashMicros: cashMicros(id) })
    tell({
      type: 'position-transferred',
      commandId,
      liquidationId,
      accountId,
      instrumentId,
      toAccountId,
      signedLots,
      priceTicks,
      from: leg(accountId),
      to: leg(toAccountId),
      ...figuresOf(accountId),
    })
    return undefined
  }
  const isBeyondLimit = (listing: NaiveListing, accountId: number, signedLots: number): boolean => {
    const { positionLimit, minTradeAmount } = listing.instrument.specification
    const limitLots = Number(positionLimit) / Number(minTradeAmount)
    if (limitLots === 0) return false
    const direction = signedLots > 0 ? 'buy' : 'sell'
    const open = orders
      .filter(order => order.listing === listing && order.place !== 'waiting')
      .filter(({ placed }) => placed.accountId === accountId && placed.direction === direction)
      .reduce((sum, { quantityLots, filledLots }) => sum + quantityLots - filledLots, 0)
    const { sizeLots } = positionOf(accountId, listing)
    return (signedLots > 0 ? sizeLots : -sizeLots) + open + Math.abs(signedLots) > limitLots
  }

  /** Money from one account to another: as if the one had taken it out and the other paid it in. */
  const move = (fromId: number, toId: number, micros: number): void => {
    const [from, to] = [accounts[fromId - 1], accounts[toId - 1]]
    if (from === undefined || to === undefined) throw new Error('money of nobody')
    from.depositedMicros -= micros
    to.depositedMicros += micros
  }
  const lossRefusal = (accountId: number): Refusal => {
    if (listings.some(listing => positionOf(accountId, listing).sizeLots !== 0)) return 'liquidation-positions-left'
    return cashMicros(accountId) < 0 ? undefined : 'no-loss-to-cover'
  }
  const cover = ({ accountId, fundAccountId, commandId, liquidationId, amountMicros }: CoverLoss): Refusal => {
    const refusal = lossRefusal(accountId)
    if (refusal !== undefined) return refusal
    if (amountMicros < 1 || amountMicros > -cashMicros(accountId)) return 'amount-out-of-range'
    const short = margin.takeRefusal(fundAccountId, amountMicros)
    if (short !== undefined) return short
    move(fundAccountId, accountId, amountMicros)
    const cash = { cashMicros: cashMicros(accountId), fundCashMicros: cashMicros(fundAccountId) }
    tell({ type: 'loss-covered', commandId, liquidationId, accountId, fundAccountId, amountMicros, ...cash })
    return undefined
  }
  const haircut = ({ accountId, commandId, liquidationId, shares }: HaircutGains): Refusal => {
    const refusal = lossRefusal(accountId)
    if (refusal !== undefined) return refusal
    if (shares.length === 0) return 'haircut-invalid'
    let left = -cashMicros(accountId)
    for (const [index, share] of shares.entries()) {
      if (accounts[share.accountId - 1] === undefined) return 'unknown-account'
      const isAscending = shares.slice(0, index).every(before => before.accountId < share.accountId)
      if (!isAscending || share.accountId === accountId) return 'haircut-invalid'
      if (share.amountMicros < 1 || share.amountMicros > left) return 'amount-out-of-range'
      if (cashMicros(share.accountId) - share.amountMicros < -maxCashMicros) return 'exposure-too-large'
      left -= share.amountMicros
    }
    for (const share of shares) {
      move(share.accountId, accountId, share.amountMicros)
      margin.watch(share.accountId)
    }
    const paid = shares.map(share => ({ ...share, cashMicros: cashMicros(share.accountId) }))
    const cash = cashMicros(accountId)
    tell({ type: 'gains-haircut', commandId, liquidationId, accountId, cashMicros: cash, shares: paid })
    return undefined
  }

  const end = ({ accountId, commandId, liquidationId }: EndLiquidation): Refusal => {
    if (!margin.isCovered(accountId)) return 'still-under-margin-call'
    underWay.delete(accountId)
    tell({ type: 'liquidation-ended', commandId, liquidationId, accountId, ...figuresOf(accountId) })
    return undefined
  }

  const decide = (command: LiquidationCommand): Refusal => {
    const { accountId } = command
    const isKnown = (id: number): boolean => accounts[id - 1] !== undefined
    if (!isKnown(accountId)) return 'unknown-account'
    if (command.type === 'begin-liquidation') return begin(command)
    if (command.type === 'transfer-position' && !isKnown(command.toAccountId)) return 'unknown-account'
    if (command.type === 'cover-loss' && !isKnown(command.fundAccountId)) return 'unknown-account'
    const listing = 'instrumentId' in command ? listings[command.instrumentId - 1] : undefined
    if ('instrumentId' in command && listing === undefined) return 'unknown-instrument'
    if (underWay.get(accountId) !== command.liquidationId) return 'unknown-liquidation'
    switch (command.type) {
      case 'liquidate-position':
        return listing === undefined ? undefined : reduce(command, listing)
      case 'transfer-position':
        return listing === undefined ? undefined : transfer(command, listing)
      case 'cover-loss':
        return cover(command)
      case 'haircut-gains':
        return haircut(command)
      case 'end-liquidation':
        return end(command)
    }
  }

  return { decide, isUnderWay }
}

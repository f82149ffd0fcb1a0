import type {
  AwardLots,
  HoldBid,
  ObligateDeliveries,
  PostPayment,
  SetGate,
  SettleDelivery,
  WithdrawBid,
} from '#domain/trading/commands.ts'
import type { AwardLeg, Event } from '#domain/trading/events.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import type { NaiveMargin } from './naive-margin.ts'
import {
  isCollateral,
  type NaiveListing,
  type NaiveMarket,
  type NaiveObligation,
  naiveInvoice,
  naivePenalty,
  type Refusal,
} from './naive-market.ts'

type DeliveryCommand = SetGate | HoldBid | WithdrawBid | AwardLots | PostPayment | ObligateDeliveries | SettleDelivery

interface Surroundings {
  tell(event: Event): void
  isPast(listing: NaiveListing): boolean
  isKilled(accountId: number): boolean
  isUnderWay(accountId: number): boolean
  /** Pays all that hold it, tells more, and tells the end. */
  settleFinally(listing: NaiveListing, commandId: string, priceTicks: number, tellMore: () => void): Refusal
}

const maxCashMicros = 2 ** 52
const maxGrossMicros = 2 ** 51

/** Gates and bids, awards, payments that are owed, and deliveries: docs/protocol/orders.md. */
export const createNaiveDeliveries = (
  { accounts, listings, history, obligations }: NaiveMarket,
  { positionOf, cashMicros, feeOf, isTooLarge }: NaiveLedger,
  margin: NaiveMargin,
  surroundings: Surroundings,
) => {
  const { tell } = surroundings
  const gates = new Map<string, 'open' | 'closed'>()
  const isKnown = (accountId: number): boolean => accounts[accountId - 1] !== undefined
  const { heldMicros } = margin
  const freeMicros = (accountId: number): number => cashMicros(accountId) - heldMicros(accountId)

  const setGate = ({ commandId, gateName, state }: SetGate): Refusal => {
    if (state === 'closed' && !gates.has(gateName)) return 'unknown-gate'
    if (state === 'open' && gates.get(gateName) === 'closed') return 'gate-closed'
    gates.set(gateName, state)
    tell({ type: 'gate-set', commandId, gateName, state })
    return undefined
  }

  const holdBid = ({ commandId, accountId, gateName, amountMicros, replacesHoldId }: HoldBid): Refusal => {
    const account = accounts[accountId - 1]
    if (account === undefined) return 'unknown-account'
    if (!gates.has(gateName)) return 'unknown-gate'
    if (gates.get(gateName) === 'closed') return 'gate-closed'
    if (amountMicros < 0) return 'amount-out-of-range'
    if (surroundings.isUnderWay(accountId)) return 'account-in-liquidation'
    if (surroundings.isKilled(accountId)) return 'kill-switch-on'
    const replaced = account.holds.find(({ holdId }) => holdId === replacesHoldId)
    if (replacesHoldId !== '' && replaced?.gateName !== gateName) return 'unknown-hold'
    const added = amountMicros - (replaced?.micros ?? 0)
    const refusal = added > 0 ? margin.takeRefusal(accountId, added) : undefined
    if (refusal !== undefined) return refusal
    account.holds = [
      ...account.holds.filter(hold => hold !== replaced),
      { holdId: commandId, micros: amountMicros, gateName },
    ]
    const held = { replacesHoldId, heldMicros: heldMicros(accountId) }
    tell({ type: 'bid-held', commandId, accountId, gateName, amountMicros, ...held })
    return undefined
  }

  const withdrawBid = ({ commandId, accountId, holdId }: WithdrawBid): Refusal => {
    const account = accounts[accountId - 1]
    if (account === undefined) return 'unknown-account'
    const hold = account.holds.find(each => each.holdId === holdId)
    if (hold?.gateName === undefined) return 'unknown-hold'
    if (gates.get(hold.gateName) === 'closed') return 'gate-closed'
    account.holds = account.holds.filter(each => each !== hold)
    const releasedMicros = hold.micros
    const held = { releasedMicros, heldMicros: heldMicros(accountId) }
    tell({ type: 'hold-released', commandId, accountId, holdId, ...held })
    return undefined
  }

  /** Once none of its bids holds anything for the gate. */
  const watch = (accountId: number, gateName: string): void => {
    if (accounts[accountId - 1]?.holds.some(hold => hold.gateName === gateName) !== true) margin.watch(accountId)
  }
  const award = (command: AwardLots): Refusal => {
    const { commandId, gateName, instrumentId, priceTicks, lots, buyAccountId, sellAccountId } = command
    if (!gates.has(gateName)) return 'unknown-gate'
    if (gates.get(gateName) === 'open') return 'gate-open'
    if (!isKnown(buyAccountId) || !isKnown(sellAccountId)) return 'unknown-account'
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (isCollateral(listing)) return 'is-collateral'
    if (surroundings.isPast(listing) || listing.state === 'closed' || listing.state === 'expired')
      return 'instrument-not-open'
    const { maxPriceTicks, microsPerTickLot, specification } = listing.instrument
    if (priceTicks < 0 || priceTicks > maxPriceTicks) return 'price-out-of-range'
    if (lots < 1) return 'amount-out-of-range'
    for (const accountId of [buyAccountId, sellAccountId])
      if (freeMicros(accountId) < -maxCashMicros || cashMicros(accountId) > maxCashMicros) return 'exposure-too-large'
    const feeMicros = feeOf(specification.makerCommissionPpm, priceTicks * lots * microsPerTickLot)
    const before = history.length
    const take = (accountId: number, signedLots: number): AwardLeg | Refusal => {
      const [{ gross }, { sizeLots }] = [margin.figures(accountId), positionOf(accountId, listing)]
      history.push({ accountId, listing, signedLots, priceTicks, feeMicros })
      const after = margin.figures(accountId).gross
      const position = positionOf(accountId, listing)
      const isMore = Math.abs(position.sizeLots) > Math.abs(sizeLots)
      if (isMore && after > maxGrossMicros && after > gross) return 'exposure-too-large'
      if (isTooLarge(accountId, listing)) return 'notional-too-large'
      return { accountId, feeMicros, position, cashMicros: cashMicros(accountId) }
    }
    const buy = take(buyAccountId, lots)
    const sell = typeof buy === 'object' ? take(sellAccountId, -lots) : undefined
    if (typeof buy !== 'object' || typeof sell !== 'object') {
      history.length = before
      return typeof buy === 'object' ? (sell as Refusal) : buy
    }
    const houseFeesMicros = 2 * feeMicros
    tell({ type: 'lots-awarded', commandId, gateName, instrumentId, priceTicks, lots, houseFeesMicros, buy, sell })
    watch(buyAccountId, gateName)
    watch(sellAccountId, gateName)
    return undefined
  }

  /** Whatever the payer has, as long as it can be counted. */
  const payRefusal = (payerId: number, payeeId: number, fallsMicros: number, paidMicros: number): Refusal => {
    const isTooDeep = fallsMicros > 0 && freeMicros(payerId) - fallsMicros < -maxCashMicros
    return isTooDeep || cashMicros(payeeId) + paidMicros > maxCashMicros ? 'exposure-too-large' : undefined
  }
  const pay = (payerId: number, payeeId: number, micros: number): void => {
    const [payer, payee] = [accounts[payerId - 1], accounts[payeeId - 1]]
    if (payer === undefined || payee === undefined) throw new Error('money of nobody')
    payer.depositedMicros -= micros
    payee.depositedMicros += micros
    if (micros > 0) margin.watch(payerId)
  }

  const post = (command: PostPayment): Refusal => {
    const { commandId, accountId, toAccountId, amountMicros, purpose, reference } = command
    if (!isKnown(accountId) || !isKnown(toAccountId)) return 'unknown-account'
    if (accountId === toAccountId) return 'transfer-not-allowed'
    if (amountMicros < 1) return 'amount-out-of-range'
    const refusal = payRefusal(accountId, toAccountId, amountMicros, amountMicros)
    if (refusal !== undefined) return refusal
    pay(accountId, toAccountId, amountMicros)
    const left = { cashMicros: cashMicros(accountId), toCashMicros: cashMicros(toAccountId) }
    tell({ type: 'payment-posted', commandId, accountId, toAccountId, amountMicros, purpose, reference, ...left })
    return undefined
  }

  const obligate = ({ commandId, instrumentId, settlementTicks: priceTicks }: ObligateDeliveries): Refusal => {
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.instrument.specification.settlement !== 'physical') return 'not-physically-settled'
    if (history.some(each => each.listing === listing && 'kind' in each && each.kind === 'final'))
      return 'instrument-settled'
    if (listing.state !== 'expired') return 'instrument-not-open'
    if (priceTicks < 0 || priceTicks > listing.instrument.maxPriceTicks) return 'price-out-of-range'
    // Lot by lot would be plainest; lots in order of their holders come to the same.
    const sizes = accounts.map((_, index) => ({ accountId: index + 1, ...positionOf(index + 1, listing) }))
    const spans = (sign: number) => {
      let from = 0
      return sizes.flatMap(({ accountId, sizeLots }) => {
        if (sizeLots * sign <= 0) return []
        from += sizeLots * sign
        return [{ accountId, from: from - sizeLots * sign, to: from }]
      })
    }
    const pairs = spans(1).flatMap(long =>
      spans(-1).flatMap(short => {
        const lots = Math.min(long.to, short.to) - Math.max(long.from, short.from)
        return lots > 0 ? [{ buyId: long.accountId, sellId: short.accountId, lots }] : []
      }),
    )
    return surroundings.settleFinally(listing, commandId, priceTicks, () => {
      for (const [index, { buyId, sellId, lots }] of pairs.entries()) {
        const owed: NaiveObligation = { listing, number: index + 1, buyId, sellId, priceTicks, lots }
        obligations.push(owed)
        tell({
          type: 'delivery-obligated',
          commandId,
          instrumentId,
          deliveryNumber: owed.number,
          buyAccountId: buyId,
          sellAccountId: sellId,
          lots,
          priceTicks,
          invoiceMicros: naiveInvoice(owed),
          buyHeldMicros: heldMicros(buyId),
          sellHeldMicros: heldMicros(sellId),
        })
      }
    })
  }

  const settle = (command: SettleDelivery): Refusal => {
    const { commandId, instrumentId, deliveryNumber, lots, outcome, compensationMicros } = command
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    const owed = obligations.find(each => each.listing === listing && each.number === deliveryNumber)
    if (owed === undefined) return 'unknown-delivery'
    if (lots < 1 || lots > owed.lots) return 'amount-out-of-range'
    const { buyId, sellId } = owed
    const invoiceMicros = naiveInvoice({ ...owed, lots })
    const isDelivered = outcome === 'delivered'
    if (compensationMicros < 0 || compensationMicros > (isDelivered ? 0 : 10 * invoiceMicros))
      return 'amount-out-of-range'
    const remainingLots = owed.lots - lots
    const freedBySeller = naivePenalty(owed) - naivePenalty({ ...owed, lots: remainingLots })
    const [payerId, payeeId] = isDelivered ? [buyId, sellId] : [sellId, buyId]
    const paidMicros = isDelivered ? invoiceMicros : compensationMicros
    const freed = isDelivered ? invoiceMicros : freedBySeller
    const refusal = payRefusal(payerId, payeeId, paidMicros - freed, paidMicros)
    if (refusal !== undefined) return refusal
    owed.lots = remainingLots
    if (remainingLots === 0) obligations.splice(obligations.indexOf(owed), 1)
    pay(payerId, payeeId, paidMicros)
    tell({
      type: 'delivery-settled',
      commandId,
      instrumentId,
      deliveryNumber,
      buyAccountId: buyId,
      sellAccountId: sellId,
      lots,
      remainingLots,
      outcome,
      invoiceMicros,
      compensationMicros,
      buyCashMicros: cashMicros(buyId),
      sellCashMicros: cashMicros(sellId),
      buyHeldMicros: heldMicros(buyId),
      sellHeldMicros: heldMicros(sellId),
    })
    return undefined
  }

  const decide = (command: DeliveryCommand): Refusal => {
    switch (command.type) {
      case 'set-gate':
        return setGate(command)
      case 'hold-bid':
        return holdBid(command)
      case 'withdraw-bid':
        return withdrawBid(command)
      case 'award-lots':
        return award(command)
      case 'post-payment':
        return post(command)
      case 'obligate-deliveries':
        return obligate(command)
      case 'settle-delivery':
        return settle(command)
    }
  }

  return { decide, watch, isGateOpen: (gateName: string): boolean => gates.get(gateName) === 'open' }
}

import type { AllocationRow, AllocationShare, ShareOrder } from '#adapters/tables/capacity-allocations.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import type { OrderRow } from '#adapters/tables/orders.ts'
import { hourMillis } from '#domain/capacity/capacity-request.ts'
import { type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { orderEnded, toldOrder } from '../trading/order-ended.ts'
import { type BoughtShare, isToBeOrdered } from './bought-shares.ts'

/** What all orders of a plan for a request came to. */
interface BoughtFutures {
  /** In the place of the shares that were ordered; without those of which nothing was had. */
  readonly shares: readonly AllocationShare[]
  /** The first that was not had whole, in words. */
  readonly short?: string
  /** What refused them: another try would end the same way. */
  readonly refusedBy: readonly string[]
}

/** Of each try: the next one asks again. */
const answersWithinMillis = 1_000

/**
 * Buys what is planned of futures, at once and at the prices planned or better, the cheapest first, so that none takes what is
 * meant for another. Undefined while nobody can tell what came of it.
 */
export const buyFutures = async (row: AllocationRow): Promise<BoughtFutures | undefined> => {
  const ended = new Map<AllocationShare, OrderRow>()
  const ordered = row.shares.filter(isToBeOrdered)
  for (const share of ordered.toSorted((a, b) => (a.order?.limitTicks ?? 0) - (b.order?.limitTicks ?? 0))) {
    const order =
      share.order === undefined
        ? undefined
        : await orderEnded(row.lane, buyOrder(row, share, share.order), answersWithinMillis)
    if (order === undefined) return undefined
    ended.set(share, order)
  }
  const refusedBy: string[] = []
  let short: string | undefined
  const shares: AllocationShare[] = []
  for (const share of row.shares) {
    const order = ended.get(share)
    if (order === undefined || share.order === undefined) {
      shares.push(share)
      continue
    }
    const bought = await boughtOf(row, share, share.order, order)
    if (bought !== undefined) shares.push(bought)
    if (order.filledLots < share.units * share.order.lotsOfUnit) {
      short ??= `the order for ${share.units} units of ${share.sourceId} ended ${toldOrder(order)}`
      if (order.orderState === 'rejected' || order.cancelReason !== 'immediate-or-cancel')
        refusedBy.push(share.sourceId)
    }
  }
  return { shares, refusedBy, ...(short !== undefined && { short }) }
}

const buyOrder = ({ accountId }: AllocationRow, { units }: AllocationShare, order: ShareOrder): PlaceOrder => ({
  ...plainInstructions,
  type: 'place-order',
  orderId: order.orderId,
  accountId,
  instrumentId: order.instrumentId,
  specificationVersion: order.specificationVersion,
  direction: 'buy',
  orderType: 'limit',
  timeInForce: 'immediate_or_cancel',
  priceTicks: order.limitTicks,
  quantityLots: units * order.lotsOfUnit,
  clientOrderId: '',
  selfTradePrevention: 'cancel_newest',
})

/** Whole units only: lots that make up none stay in the account's position, and their price counts all the same. */
const boughtOf = async (
  { lane }: AllocationRow,
  share: AllocationShare,
  order: ShareOrder,
  { filledLots, filledTickLots }: OrderRow,
): Promise<BoughtShare | undefined> => {
  if (filledLots === 0) return undefined
  const row = await getInstrumentById(lane, order.instrumentId)
  if (row === undefined) throw new Error(`there is no instrument ${order.instrumentId} in lane ${lane}`)
  const { microsPerTickLot, specification, terms } = row.instrument
  const notional = BigInt(filledTickLots) * BigInt(microsPerTickLot)
  const paidMicros = Number(notional + (notional * BigInt(specification.takerCommissionPpm)) / 1_000_000n)
  const units = Math.floor(filledLots / order.lotsOfUnit)
  const { startMillis, endMillis } = (terms.kind === 'future' ? terms.delivery : undefined) ?? nothingDelivered
  const unitHours = (units * (endMillis - startMillis)) / hourMillis
  return {
    ...share,
    units,
    ...(unitHours > 0 && { priceMicrosPerUnitHour: Math.ceil(paidMicros / unitHours) }),
    order: { ...order, filledLots, paidMicros },
  }
}

const nothingDelivered = { startMillis: 0, endMillis: 0 }

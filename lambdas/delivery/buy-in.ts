import { accountNamed } from '#adapters/tables/account-numbers.ts'
import type { BuyIn, DeliveryRow } from '#adapters/tables/deliveries.ts'
import { moveUnits, withdrawReservation } from '#adapters/tables/partner-inventory.ts'
import { type PurchaseRow, purchaseOfRequest } from '#adapters/tables/partner-purchases.ts'
import { hourMillis } from '#domain/auction/day-ahead-market.ts'
import { cheapestBuyIn } from '#domain/partners/buy-in.ts'
import { lotsIn, mostBuyInMicros } from '#domain/settlement/physical-delivery.ts'
import { canBeBought, offersFor } from '../partners/offers.ts'
import { beginPurchase } from '../partners/purchase-intake.ts'
import { lotIdOf } from '../partners/purchase-step.ts'
import { logger } from '../shell/task.ts'
import { movedOf, unitsFor } from './bought-units.ts'
import { advanceDelivery } from './delivery-step.ts'
import { imbalanceOf } from './imbalance-price.ts'
import { nominate } from './nomination.ts'

/** `nominated`: what was bought is to be provisioned; else the row as it is, and why nothing comes of it. */
export type BoughtIn =
  | { readonly is: 'nominated' | 'waiting'; readonly row: DeliveryRow }
  | { readonly is: 'given-up'; readonly row: DeliveryRow; readonly reason: string }

/**
 * Buys what is missing of partners, for the seller and from its own money: once for each delivery, what is to be bought stored before it is
 * asked for. The purchase goes by its own workflow; once it is completed the units of its lot are reserved for the delivery.
 */
export const buyInFor = async (row: DeliveryRow, nowMillis: number): Promise<BoughtIn> => {
  const { buyIn } = row
  if (buyIn === undefined) {
    const chosen = await chosenFor(row, nowMillis)
    if (chosen === undefined) return { is: 'given-up', row, reason: 'attempts-used-up' }
    return purchased(await advanceDelivery(row, { buyIn: chosen }), chosen)
  }
  if (buyIn.state === 'buying') return purchased(row, buyIn)
  return { is: 'given-up', row, reason: buyIn.state === 'failed' ? 'buy-in-failed' : 'attempts-used-up' }
}

/** The period is over: whatever has been bought meanwhile stays in the seller's inventory. */
export const buyInOver = async (row: DeliveryRow): Promise<DeliveryRow> => {
  const { buyIn } = row
  if (buyIn?.state !== 'buying') return row
  const purchase = await purchaseOfRequest(buyIn.account, requestNameOf(row, buyIn))
  if (purchase?.state !== 'completed') return advanceDelivery(row, { buyIn: { ...buyIn, state: 'failed' } })
  const lotId = lotIdOf(purchase, 0)
  await withdrawReservation(await movedOf(row, { ...buyIn, lotId }, buyIn.units))
  return advanceDelivery(row, { buyIn: boughtOf(buyIn, purchase) })
}

const chosenFor = async (row: DeliveryRow, nowMillis: number): Promise<BuyIn | undefined> => {
  const { lane, sellAccountId, index, startMillis, endMillis } = row
  const dot = index.indexOf('.')
  if (dot < 1 || startMillis % hourMillis !== 0 || endMillis % hourMillis !== 0) return undefined
  const account = await accountNamed(lane, sellAccountId)
  if (account === undefined) throw new Error(`the account ${sellAccountId} of lane ${lane} has no name yet`)
  const [resourceClass, region] = [index.slice(0, dot), index.slice(dot + 1)]
  const window = { fromMillis: startMillis, untilMillis: endMillis }
  const lots = lotsIn(row.parts, 'open')
  const [{ offers }, { priceTicks: imbalanceTicks }] = await Promise.all([
    offersFor(account, [region], window, nowMillis),
    imbalanceOf(row, nowMillis),
  ])
  const { priceTicks, penaltyPpm, microsPerTickLot } = row
  const mostMicros = mostBuyInMicros({ lots, priceTicks, imbalanceTicks, penaltyPpm, microsPerTickLot })
  const parts = unitsFor(row, lots, 1)
  const need = { resourceClass, region, window, parts, mostMicros, atMillis: nowMillis }
  const found = cheapestBuyIn(need, offers.filter(canBeBought))
  if (found === undefined) return undefined
  const { offer, ...units } = found
  return {
    ...units,
    attempt: row.attempt + 1,
    state: 'buying',
    account,
    offerId: offer.offerId,
    provider: offer.provider,
    lots,
    priceMicrosPerUnitHour: offer.priceMicrosPerUnitHour,
    begunAtMillis: nowMillis,
  }
}

const purchased = async (row: DeliveryRow, buyIn: BuyIn): Promise<BoughtIn> => {
  const begun = await beginPurchase(
    { account: buyIn.account, accountId: row.sellAccountId, lane: row.lane },
    {
      parts: [
        {
          offerId: buyIn.offerId,
          units: buyIn.purchasedUnits,
          window: { fromMillis: row.startMillis, untilMillis: row.endMillis },
          priceMicrosPerUnitHour: buyIn.priceMicrosPerUnitHour,
        },
      ],
    },
    requestNameOf(row, buyIn),
  )
  if ('code' in begun) return failedBuyIn(row, buyIn, begun.code)
  const { purchase } = begun
  if (purchase.state === 'failed') return failedBuyIn(row, buyIn, purchase.failure ?? 'undone', purchase.purchaseId)
  if (purchase.state !== 'completed') return { is: 'waiting', row }
  const bought = boughtOf(buyIn, purchase)
  const lotId = lotIdOf(purchase, 0)
  if ((await moveUnits('reserve', await movedOf(row, { ...buyIn, lotId }, buyIn.units))) === 'short') {
    logger.warn('what was bought in was used otherwise meanwhile', { delivery_id: row.deliveryId, lot_id: lotId })
    return { is: 'given-up', row: await advanceDelivery(row, { buyIn: bought }), reason: 'buy-in-failed' }
  }
  const { change, told } = nominate(row)
  const nominated = { ...change, buyIn: { ...bought, lotId } }
  return { is: 'nominated', row: await advanceDelivery(row, nominated, [{ ...told, reason: 'bought-in' }]) }
}

const failedBuyIn = async (row: DeliveryRow, buyIn: BuyIn, why: string, purchaseId?: string): Promise<BoughtIn> => {
  logger.warn('nothing was bought in for a delivery', { delivery_id: row.deliveryId, offer_id: buyIn.offerId, why })
  const failed: BuyIn = { ...buyIn, state: 'failed', ...(purchaseId !== undefined && { purchaseId }) }
  return { is: 'given-up', row: await advanceDelivery(row, { buyIn: failed }), reason: 'buy-in-failed' }
}

const boughtOf = (buyIn: BuyIn, { purchaseId, costMicros }: PurchaseRow): BuyIn => ({
  ...buyIn,
  state: 'bought',
  purchaseId,
  costMicros,
})

const requestNameOf = ({ deliveryId }: DeliveryRow, { attempt }: BuyIn): string => `delivery:${deliveryId}:${attempt}`

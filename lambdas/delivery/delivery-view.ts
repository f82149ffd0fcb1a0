import type * as z from 'zod'
import type { BuyIn, DeliveryDetail, DeliveryRow } from '#adapters/tables/deliveries.ts'
import { boughtInTicks } from '#domain/settlement/physical-delivery.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { deliveryDetail, listDeliveries } from '#protocol/operations/delivery.ts'
import { instantOf } from '../shell/announce.ts'

type Told = z.infer<(typeof listDeliveries)['responses'][200]['schema']>['data'][number]

/** As one of its two sides sees it. */
export const deliveryOf = (row: DeliveryRow, side: 'buyer' | 'seller'): Told => ({
  delivery_id: row.deliveryId,
  instrument_name: row.instrumentName,
  delivery_number: row.deliveryNumber,
  side,
  amount: decimal(row.lots, row.minTradeAmount),
  price: decimal(row.priceTicks, row.tickSize),
  invoice: decimalOfMicros(row.invoiceMicros),
  delivery_state: row.state,
  attempt: row.attempt,
  delivery_start: instantOf(row.startMillis),
  delivery_end: instantOf(row.endMillis),
  obligated_at: instantOf(row.obligatedAtMillis),
  updated_at: instantOf(row.updatedAtMillis),
})

export const deliveryDetailOf = (
  { head, timeline, payments }: DeliveryDetail,
  side: 'buyer' | 'seller',
): z.infer<typeof deliveryDetail> => {
  const amountOf = (lots: number) => decimal(lots, head.minTradeAmount)
  return {
    ...deliveryOf(head, side),
    children:
      head.parts.length === 1
        ? []
        : head.parts.map(({ part, lots, state, attempt }) => ({
            child_id: `${head.deliveryId}#${part}`,
            amount: amountOf(lots),
            child_state: state,
            attempt,
          })),
    imbalance:
      head.imbalance === undefined
        ? null
        : { price: decimal(head.imbalance.priceTicks, head.tickSize), source: head.imbalance.source },
    buy_in: head.buyIn === undefined ? null : buyInOf(head, head.buyIn, side),
    payments: payments.map(({ commandId, outcome, lots, invoiceMicros, compensationMicros, atMillis }) => ({
      command_id: commandId,
      outcome,
      amount: amountOf(lots),
      invoice: decimalOfMicros(invoiceMicros),
      compensation: decimalOfMicros(compensationMicros),
      timestamp: instantOf(atMillis),
    })),
    timeline: timeline.map(({ sequence, state, attempt, lots, reason, atMillis }) => ({
      sequence,
      delivery_state: state,
      attempt,
      amount: amountOf(lots),
      reason: reason ?? null,
      timestamp: instantOf(atMillis),
    })),
  }
}

const buyInOf = (
  { minTradeAmount, tickSize, microsPerTickLot }: DeliveryRow,
  buyIn: BuyIn,
  side: 'buyer' | 'seller',
): z.infer<typeof deliveryDetail>['buy_in'] => ({
  buy_in_state: buyIn.state,
  attempt: buyIn.attempt,
  amount: decimal(buyIn.lots, minTradeAmount),
  price: decimal(boughtInTicks(buyIn, microsPerTickLot), tickSize),
  purchase_id: side === 'seller' ? (buyIn.purchaseId ?? null) : null,
})

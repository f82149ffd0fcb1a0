import { deliveryPaymentPut, obligationPut } from '#adapters/tables/deliveries.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { DeliveryObligated, DeliverySettled } from '#domain/trading/events.ts'
import { deliveryIdOf } from '../shell/delivery-id.ts'
import type { PlacedEvent } from '../shell/projection.ts'

/** An obligation to deliver, and what was paid of it, beside the balances that the same event tells of. */
export const deliveryWrites = (
  { lane, atMillis }: PlacedEvent,
  event: DeliveryObligated | DeliverySettled,
  instrument: Instrument,
): readonly Write[] => {
  const deliveryId = deliveryIdOf(lane, event)
  if (event.type === 'delivery-settled') {
    const { commandId, lots, outcome, invoiceMicros, compensationMicros } = event
    const isDelivered = outcome === 'delivered'
    return [
      deliveryPaymentPut({
        deliveryId,
        commandId,
        lots,
        outcome,
        invoiceMicros: isDelivered ? invoiceMicros : 0,
        compensationMicros: isDelivered ? 0 : compensationMicros,
        atMillis,
      }),
    ]
  }
  const { instrumentId, specification, terms, microsPerTickLot } = instrument
  if (terms.kind !== 'future' || terms.delivery === undefined)
    throw new Error(`${specification.instrumentName} is not delivered`)
  const { startMillis, endMillis, penaltyPpm } = terms.delivery
  return [
    obligationPut({
      deliveryId,
      lane,
      instrumentId,
      instrumentName: specification.instrumentName,
      tickSize: specification.tickSize,
      minTradeAmount: specification.minTradeAmount,
      microsPerTickLot,
      index: terms.index,
      deliveryNumber: event.deliveryNumber,
      buyAccountId: event.buyAccountId,
      sellAccountId: event.sellAccountId,
      lots: event.lots,
      priceTicks: event.priceTicks,
      invoiceMicros: event.invoiceMicros,
      penaltyPpm,
      startMillis,
      endMillis,
      obligatedAtMillis: atMillis,
    }),
  ]
}

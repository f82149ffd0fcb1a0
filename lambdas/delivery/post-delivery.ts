import { putCommands } from '#adapters/streams/orders.ts'
import type { DeliveryRow, Imbalance } from '#adapters/tables/deliveries.ts'
import { accept } from '#domain/outcome.ts'
import { boughtInTicks, type DeliveryPart, lotsIn, undeliveredMicros } from '#domain/settlement/physical-delivery.ts'
import type { SettleDelivery } from '#domain/trading/commands.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, deliveryRow, deliveryStep, nextStepOf } from './delivery-step.ts'
import { duePayments } from './due-payments.ts'
import { imbalanceOf } from './imbalance-price.ts'

/** Has the engine settle each part: under the same id however often it is asked, which it takes once. */
export const handler = serveTask(deliveryStep, async ({ delivery_id }) => {
  const row = await priced(await deliveryRow(delivery_id))
  const commands = duePayments(row).map(({ part, commandId }) => commandOf(row, part, commandId))
  if (commands.length > 0) await putCommands(row.lane, commands)
  return accept(nextStepOf(row))
})

/** What was missing is valued once: the first price that is stored is the only one that is ever used. */
const priced = async (row: DeliveryRow): Promise<DeliveryRow> =>
  row.imbalance !== undefined || lotsIn(row.parts, 'undelivered') === 0
    ? row
    : advanceDelivery(row, { imbalance: dearer(await imbalanceOf(row, Date.now()), row) })

/** What was bought in has shown what it costs. */
const dearer = (imbalance: Imbalance, { buyIn, microsPerTickLot }: DeliveryRow): Imbalance => {
  if (buyIn?.state !== 'bought') return imbalance
  const priceTicks = boughtInTicks(buyIn, microsPerTickLot)
  return priceTicks > imbalance.priceTicks ? { priceTicks, source: 'buy-in' } : imbalance
}

const commandOf = (row: DeliveryRow, part: DeliveryPart, commandId: string): SettleDelivery => ({
  type: 'settle-delivery',
  commandId,
  instrumentId: row.instrumentId,
  deliveryNumber: row.deliveryNumber,
  lots: part.lots,
  outcome: part.state === 'delivered' ? 'delivered' : 'undelivered',
  compensationMicros: part.state === 'delivered' ? 0 : compensationOf(row, part),
})

const compensationOf = (
  { imbalance, priceTicks, penaltyPpm, microsPerTickLot }: DeliveryRow,
  { lots }: DeliveryPart,
) => {
  if (imbalance === undefined) throw new Error('what was not delivered is not valued yet')
  return undeliveredMicros({ lots, priceTicks, imbalanceTicks: imbalance.priceTicks, penaltyPpm, microsPerTickLot })
}

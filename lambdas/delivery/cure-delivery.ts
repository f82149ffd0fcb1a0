import type { DeliveryRow } from '#adapters/tables/deliveries.ts'
import { accept } from '#domain/outcome.ts'
import { lotsIn, mostDeliveryAttempts, partsGivenUp } from '#domain/settlement/physical-delivery.ts'
import { serveTask } from '../shell/task.ts'
import { buyInFor, buyInOver } from './buy-in.ts'
import { advanceDelivery, deliveryRow, deliveryStep, nextOf, nextStepOf } from './delivery-step.ts'
import { nominate } from './nomination.ts'

/**
 * What becomes of what was not provisioned: another attempt, a bounded number of times and while there is anything left of the
 * period; then what partners have, once; else it is given up, and paid in cash.
 */
export const handler = serveTask(deliveryStep, async ({ delivery_id }) => {
  const row = await deliveryRow(delivery_id)
  if (nextOf(row) !== 'cure') return accept(curedOf(row))
  const nowMillis = Date.now()
  if (nowMillis >= row.endMillis) return accept(await givenUp(await buyInOver(row), 'period-over'))
  if (row.attempt < mostDeliveryAttempts) {
    const { change, told } = nominate(row)
    return accept(curedOf(await advanceDelivery(row, change, [told])))
  }
  const bought = await buyInFor(row, nowMillis)
  switch (bought.is) {
    case 'nominated':
      return accept(curedOf(bought.row))
    case 'waiting':
      return accept({ ...curedOf(bought.row), is_done: false, wait_seconds: pauseSeconds(bought.row, nowMillis) })
    case 'given-up':
      return accept(await givenUp(bought.row, bought.reason))
  }
})

const curedOf = (row: DeliveryRow) => ({ ...nextStepOf(row), is_done: true, wait_seconds: 0 })

const givenUp = async (row: DeliveryRow, reason: string) => {
  const lots = lotsIn(row.parts, 'open')
  return curedOf(await advanceDelivery(row, { parts: partsGivenUp(row.parts) }, [{ state: 'failed', lots, reason }]))
}

const [shortestPauseSeconds, longestPauseSeconds] = [1, 60]

/** Longer the longer it has taken. */
const pauseSeconds = ({ buyIn }: DeliveryRow, nowMillis: number): number => {
  const waitedSeconds = (nowMillis - (buyIn?.begunAtMillis ?? nowMillis)) / 1_000
  return Math.round(Math.min(longestPauseSeconds, Math.max(shortestPauseSeconds, waitedSeconds / 4)))
}

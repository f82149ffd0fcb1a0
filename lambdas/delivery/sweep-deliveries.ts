import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { closeObligation, type DeliveryRow, getDelivery, openDeliveries } from '#adapters/tables/deliveries.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { advanceDelivery, beginDelivery, startExecution } from './delivery-step.ts'
import { isToBeObligated, obligateDeliveries } from './obligated-settlement.ts'

const sideBySide = 16
/** The table's stream has had its time by then. */
const startedWithinMillis = 60_000
/** So long after its workflow broke a delivery goes on. */
const brokenForMillis = 15 * 60_000
/** So long after its period nothing of a delivery waits any more: its workflow ended without a word. */
const silentForMillis = 3 * 86_400_000

/**
 * Each minute: has the futures that have expired delivered, and finds deliveries that were never begun, or whose workflow
 * broke. What it does twice is done once.
 */
export const handler = serveSchedule(async () => {
  const failures: unknown[] = []
  let [open, broken] = [0, 0]
  for (const lane of tenantLanes()) {
    // To an engine of older rules such a command is poison.
    if ((await engineVersionMissing(lane, versionOfDelivery)) !== undefined) continue
    const nowMillis = Date.now()
    const due = (await listInstruments(lane)).filter(isToBeObligated)
    const { obligations, deliveries } = await openDeliveries(lane)
    open += deliveries.length
    broken += deliveries.filter(({ brokenAtMillis }) => brokenAtMillis !== undefined).length
    failures.push(
      ...(await eachOf(due, async market => void (await obligateDeliveries(market, nowMillis)))),
      ...(await eachOf(obligations, async obligation => {
        if (nowMillis - obligation.obligatedAtMillis < startedWithinMillis) return
        if ((await getDelivery(obligation.deliveryId)) === undefined) await beginDelivery(obligation)
        else await closeObligation(obligation)
      })),
      ...(await eachOf(deliveries, row => resume(row, nowMillis))),
    )
  }
  metrics.addMetric('DeliveriesOpen', MetricUnit.Count, open)
  metrics.addMetric('DeliveriesBroken', MetricUnit.Count, broken)
  metrics.addMetric('DeliveriesNotSwept', MetricUnit.Count, failures.length)
  for (const failure of failures)
    logger.error('a delivery could not be swept', failure instanceof Error ? failure : new Error(String(failure)))
  // The rest is done; the call is tried again, and whoever is on duty hears of it.
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} deliveries could not be swept`)
})

const resume = async (row: DeliveryRow, nowMillis: number): Promise<void> => {
  const { brokenAtMillis, state, updatedAtMillis, endMillis } = row
  const isSilent = nowMillis - Math.max(updatedAtMillis, endMillis) >= silentForMillis
  if (brokenAtMillis !== undefined || isSilent) {
    if (brokenAtMillis !== undefined && nowMillis - brokenAtMillis < brokenForMillis) return
    const { failure: _, brokenAtMillis: __, ...kept } = row
    await startExecution(await advanceDelivery(kept, { execution: row.execution + 1 }))
  } else if (state === 'matched' && nowMillis - updatedAtMillis >= startedWithinMillis) await startExecution(row)
}

/** A few at a time; what one of them fails by does not keep the others. */
const eachOf = async <Each>(all: readonly Each[], act: (each: Each) => Promise<void>): Promise<readonly unknown[]> => {
  const failures: unknown[] = []
  for (let at = 0; at < all.length; at += sideBySide) {
    const ended = await Promise.allSettled(all.slice(at, at + sideBySide).map(act))
    failures.push(...ended.flatMap(each => (each.status === 'rejected' ? [each.reason] : [])))
  }
  return failures
}

import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { flagExpiring, hoursOfLot, type LotRow, lotsEnding } from '#adapters/tables/partner-inventory.ts'
import {
  type PurchaseRow,
  purchasesUnderWay,
  replacePurchase,
  waitsAtGate,
} from '#adapters/tables/partner-purchases.ts'
import { expiringMillis, expiringPricePpm, standingAt, sumOfHours } from '#domain/partners/inventory.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { startPurchase } from './purchase-start.ts'

/** A workflow that says nothing for so long has ended, or was never started. */
const silenceMillis = 5 * 60_000
const mostPurchases = 1_000
const million = 1_000_000

/**
 * Each minute: lots that end soon with units left are flagged and so offered to everybody; purchases that have come to a stand go on.
 * Units of a contract that nobody has bought are not offered: its price is for its own accounts.
 */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  const failures: unknown[] = []
  const each = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act()
    } catch (error) {
      failures.push(error)
    }
  }
  const ending = await lotsEnding('purchase', { fromMillis: nowMillis, untilMillis: nowMillis + expiringMillis })
  for (const lot of ending) await each(() => flag(lot, nowMillis))
  const stuck = (await purchasesUnderWay(mostPurchases)).filter(
    row => row.updatedAtMillis + silenceMillis < nowMillis && !waitsAtGate(row),
  )
  for (const row of stuck) await each(() => goOn(row, nowMillis))
  metrics.addMetric('PurchasesStuck', MetricUnit.Count, stuck.length)
  metrics.addMetric('PartnerSweeps', MetricUnit.Count, 1)
  for (const failure of failures)
    logger.error(
      'something of the partners could not be swept',
      failure instanceof Error ? failure : new Error(String(failure)),
    )
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} things could not be swept`)
})

const flag = async (lot: LotRow, nowMillis: number): Promise<void> => {
  if (lot.expiring !== undefined) return
  const hours = (await hoursOfLot(lot, lot)).map(hour => standingAt(hour, nowMillis))
  if (sumOfHours(hours).available === 0) return
  await flagExpiring(lot, {
    sinceMillis: nowMillis,
    priceMicrosPerUnitHour: Math.max(1, Math.round((lot.priceMicrosPerUnitHour * expiringPricePpm) / million)),
  })
}

/** An execution of its own for each attempt; what was done is not done again. */
const goOn = async (row: PurchaseRow, nowMillis: number): Promise<void> => {
  const next = { ...row, attempt: row.attempt + 1, updatedAtMillis: nowMillis }
  if (await replacePurchase(next, row)) await startPurchase(next)
}

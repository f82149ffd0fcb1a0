import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { listInstruments } from '#adapters/tables/instruments.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { beginDueSettlements, beginFinalSettlement } from './due-settlements.ts'
import { delistDecided } from './early-ends.ts'
import { beginDistribution } from './structured-payments.ts'
import { settleDay } from './variation.ts'

const sideBySide = 16

/**
 * Each minute: begins what is due and was not begun, or whose beginning was lost; takes from trading what has decided
 * itself before its end; settles each day's gains and losses at the mark. What it does twice is done once.
 */
export const handler = serveSchedule(async () => {
  const failures: unknown[] = []
  for (const lane of tenantLanes()) {
    // To an engine of older rules such a command is poison.
    if ((await engineVersionMissing(lane)) !== undefined) continue
    const nowMillis = Date.now()
    const markets = await listInstruments(lane)
    const unsettled = markets.filter(({ lifecycle }) => lifecycle !== 'settled')
    failures.push(
      ...(await eachOf(unsettled, async market => {
        const { isActive, instrument } = market
        await beginDueSettlements(market, nowMillis)
        if (!isActive) await beginFinalSettlement(market)
        else if (instrument.terms.kind === 'structured_product') await beginDistribution(market, nowMillis)
        else if (instrument.terms.kind === 'option') await delistDecided(market, instrument.terms, nowMillis)
      })),
      ...(await eachOf([lane], () => settleDay(lane, markets, nowMillis))),
    )
  }
  metrics.addMetric('SettlementsNotBegun', MetricUnit.Count, failures.length)
  for (const failure of failures)
    logger.error('a market could not be swept', failure instanceof Error ? failure : new Error(String(failure)))
  // The rest is done; the call is tried again, and whoever is on duty hears of it.
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} markets could not be swept`)
})

/** A few at a time; what one of them fails by does not keep the others. */
const eachOf = async <Each>(all: readonly Each[], act: (each: Each) => Promise<void>): Promise<readonly unknown[]> => {
  const failures: unknown[] = []
  for (let at = 0; at < all.length; at += sideBySide) {
    const ended = await Promise.allSettled(all.slice(at, at + sideBySide).map(act))
    failures.push(...ended.flatMap(each => (each.status === 'rejected' ? [each.reason] : [])))
  }
  return failures
}

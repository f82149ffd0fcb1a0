import { setTimeout as sleep } from 'node:timers/promises'
import { instrumentsOf } from '#adapters/tables/instruments.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { markPass } from './marking-pass.ts'
import { markingTermsAt } from './marking-terms.ts'

/** The schedule calls once a minute; the last pass begins early enough to be over before the next call. */
const callMillis = 60_000
const mostOfCallMillis = 40_000

/**
 * Each minute: marks of all that trades, in every lane. Where the parameters ask for shorter intervals the call goes on
 * and marks again, as long as a pass takes less than a tenth of an interval.
 */
export const handler = serveSchedule(async () => {
  const startedMillis = performance.now()
  const intervalMillis = (await markingTermsAt(Date.now()))(undefined).terms.interval_ms
  for (let pass = 0; ; pass++) {
    const began = performance.now()
    const nowMillis = Date.now()
    const rows = (await Promise.all(tenantLanes().map(instrumentsOf))).flat()
    await markPass(rows, { name: `all#${Math.floor(nowMillis / intervalMillis)}`, nowMillis }, { logger, metrics })
    const tookMillis = performance.now() - began
    const nextMillis = (pass + 1) * intervalMillis
    if (intervalMillis >= callMillis || nextMillis > mostOfCallMillis || tookMillis > intervalMillis / 10) return
    await sleep(Math.max(nextMillis - (performance.now() - startedMillis), 0))
  }
})

import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { putCommands } from '#adapters/streams/orders.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import type { ExpireInstrument } from '#domain/trading/commands.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'

const mostCommandsOfFrame = 500

/** Each minute: what has expired is to leave trading. The engine judges by its own time; this only reminds it. */
export const handler = serveSchedule(async () => {
  for (const lane of tenantLanes()) {
    const commands = await dueExpiries(lane, Date.now())
    for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
      await putCommands(lane, commands.slice(at, at + mostCommandsOfFrame))
    metrics.addMetric('InstrumentsDue', MetricUnit.Count, commands.length)
    if (commands.length > 0) logger.info('instruments are due', { lane, instruments: commands.length })
  }
})

const dueExpiries = async (lane: number, nowMillis: number): Promise<readonly ExpireInstrument[]> =>
  (await listInstruments(lane))
    .filter(({ isActive, instrument }) => isActive && instrument.specification.expirationMillis <= nowMillis)
    .map(({ instrument: { instrumentId, specificationVersion, specification } }) => {
      // One id for each minute since: a repeat of this call is a duplicate, while a reminder that came a moment too
      // early for the engine's clock, and was refused, does not stand in the way of the next one.
      const minute = Math.floor((nowMillis - specification.expirationMillis) / 60_000)
      const name = ['expire', lane, specification.instrumentName, specificationVersion, minute].join('#')
      return { type: 'expire-instrument', commandId: nameBasedUuid(name), instrumentId }
    })

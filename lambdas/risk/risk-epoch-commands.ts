import type { MadeEpoch } from '#domain/margin/made-epoch.ts'
import { blocksOf } from '#domain/margin/scenario-set.ts'
import type { Command, InstrumentRisk } from '#domain/trading/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

/** A message carries 65,528 bytes: its header, and of each instrument 72 and 8 a scenario. */
const mostBytesOfChunk = 60_000
const headBytes = 72
const bytesOfScenario = 8

/** The command of an epoch in a lane: whoever sends it again asks under the same id. */
export const epochCommandId = (lane: number, version: number, part: 'begin' | 'commit' | number): string =>
  nameBasedUuid(['risk-epoch', lane, version, part].join('#'))

/** Begin, chunks and commit, a record each: of the lane's own instruments, all else as in every lane. */
export const epochCommands = (made: MadeEpoch, lane: number): readonly Command[] => {
  const { version: epochVersion, scenarioSet, groups, instruments } = made
  const perChunk = Math.max(
    1,
    Math.floor(mostBytesOfChunk / (headBytes + bytesOfScenario * scenarioSet.scenarios.length)),
  )
  const own = instruments.flatMap((each): readonly InstrumentRisk[] => {
    if (each.lane !== lane) return []
    const { instrumentId, markMicros, shortMinimumMicros, group, concentrationUnits, deltaMicroUnits, vegaMicros } =
      each.risk
    return [
      {
        instrumentId,
        specificationVersion: each.specificationVersion,
        markMicros,
        shortMinimumMicros,
        group,
        concentrationUnits,
        deltaMicroUnits,
        vegaMicros,
        risk: each.risk.risk,
      },
    ]
  })
  const chunks = Math.ceil(own.length / perChunk)
  return [
    {
      type: 'risk-epoch-begin',
      commandId: epochCommandId(lane, epochVersion, 'begin'),
      epochVersion,
      scenarioSetVersion: scenarioSet.version,
      groups: groups.map(({ thresholdUnits, microsPerUnit }) => ({ thresholdUnits, microsPerUnit })),
      blocks: blocksOf(scenarioSet).map(scenarios => ({ scenarios })),
    },
    ...Array.from(
      { length: chunks },
      (_, number): Command => ({
        type: 'risk-epoch-chunk',
        commandId: epochCommandId(lane, epochVersion, number),
        epochVersion,
        number,
        instruments: own.slice(number * perChunk, (number + 1) * perChunk),
      }),
    ),
    { type: 'risk-epoch-commit', commandId: epochCommandId(lane, epochVersion, 'commit'), epochVersion, chunks },
  ]
}

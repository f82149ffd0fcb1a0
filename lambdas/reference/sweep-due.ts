import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { putCommands } from '#adapters/streams/orders.ts'
import { type InstrumentRow, listInstruments } from '#adapters/tables/instruments.ts'
import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { type ParameterRow, parametersAt } from '#adapters/tables/parameters.ts'
import { completeSpecification, proposedName } from '#domain/reference/contract-listing.ts'
import { contractsOfGrid } from '#domain/reference/listing-grid.ts'
import type { ExpireInstrument, ListInstrument } from '#domain/trading/commands.ts'
import { firstEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import { currentLevel } from '../shell/index-level.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { gridOf, gridRuleOf } from './listing-grid-view.ts'

const mostCommandsOfFrame = 500
/** What is left over comes a minute later. */
const mostListingsOfRun = 200

/** Each minute: what has expired is to leave trading, and what the grids name and is not there is to be listed. */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  const grids = await parametersAt('grid', nowMillis)
  for (const lane of tenantLanes()) {
    const rows = await listInstruments(lane)
    const due = dueExpiries(lane, rows, nowMillis)
    for (let at = 0; at < due.length; at += mostCommandsOfFrame)
      await putCommands(lane, due.slice(at, at + mostCommandsOfFrame))
    const missing = await missingContracts(lane, rows, grids, nowMillis)
    if (missing.length > 0) await putCommands(lane, missing)
    metrics.addMetric('InstrumentsDue', MetricUnit.Count, due.length)
    metrics.addMetric('InstrumentsMissing', MetricUnit.Count, missing.length)
    if (due.length + missing.length > 0)
      logger.info('instruments are due', { lane, expiries: due.length, listings: missing.length })
  }
})

const dueExpiries = (lane: number, rows: readonly InstrumentRow[], nowMillis: number): readonly ExpireInstrument[] =>
  rows
    .filter(({ isActive, instrument }) => isActive && instrument.specification.expirationMillis <= nowMillis)
    .map(({ instrument: { instrumentId, specificationVersion, specification } }) => {
      // One id for each minute since: a repeat of this call is a duplicate, while a reminder that came a moment too
      // early for the engine's clock, and was refused, does not stand in the way of the next one.
      const minute = Math.floor((nowMillis - specification.expirationMillis) / 60_000)
      const name = ['expire', lane, specification.instrumentName, specificationVersion, minute].join('#')
      return { type: 'expire-instrument', commandId: nameBasedUuid(name), instrumentId }
    })

/** What the grids of the lane name and nobody has listed, nearest first, as much of it as fits a run. */
const missingContracts = async (
  lane: number,
  rows: readonly InstrumentRow[],
  grids: readonly ParameterRow[],
  nowMillis: number,
): Promise<readonly ListInstrument[]> => {
  const [home] = tenantLanes()
  const own = grids
    .map(row => ({ row, rule: gridRuleOf(row.value) }))
    .filter(({ rule }) => (rule.lane ?? home) === lane)
  if (own.length === 0) return []
  const version = (await getActivatedVersion(lane))?.version ?? firstEngineVersion
  if (version < versionOfContracts) {
    logger.warn('grids wait for a newer engine version', { lane, version, needed: versionOfContracts })
    return []
  }
  const named = new Set<string>()
  const listed = new Map(rows.map(row => [row.instrument.specification.instrumentName, row]))
  const commands: ListInstrument[] = []
  for (const { row, rule } of own) {
    const grid = gridOf(rule)
    const level = grid.kind === 'option' ? (await currentLevel(grid.index, nowMillis))?.level : undefined
    for (const proposal of contractsOfGrid(grid, nowMillis, level)) {
      const instrumentName = proposedName(proposal)
      if (commands.length >= mostListingsOfRun || listed.has(instrumentName) || named.has(instrumentName)) continue
      const { terms } = proposal
      const future = terms?.kind === 'option' ? listed.get(terms.underlyingInstrument ?? '') : undefined
      if (terms?.kind === 'option') {
        // The future of a grid of its own is listed a minute before.
        const isThere =
          future?.isActive === true && future.instrument.specification.expirationMillis === proposal.expirationMillis
        if (!isThere) continue
      }
      const specified = completeSpecification(proposal, {
        ...(future === undefined ? {} : { underlyingMaxPrice: future.instrument.specification.maxPrice }),
      })
      if (!specified.ok) {
        logger.warn('a grid names what cannot be listed', { grid: row.name, instrumentName, ...specified.fault })
        continue
      }
      // One id for each hour: a repeat is a duplicate, and what the engine refused (too many instruments, say) is asked
      // for again later.
      named.add(instrumentName)
      const hour = Math.floor(nowMillis / 3_600_000)
      const commandId = nameBasedUuid(['grid', lane, instrumentName, hour].join('#'))
      commands.push({ type: 'list-instrument', commandId, specification: specified.specification })
    }
  }
  return commands
}

import { putCommands } from '#adapters/streams/orders.ts'
import { getBook } from '#adapters/tables/books.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import type { ReopeningRow } from '#adapters/tables/lane-reopenings.ts'
import { accept } from '#domain/outcome.ts'
import type { SetTradingState } from '#domain/trading/commands.ts'
import { serveTask } from '../shell/task.ts'
import { advanceReopening, reopeningCommandId, reopeningRow, reopeningStep } from './reopening-step.ts'

const mostCommandsOfFrame = 500

/**
 * Has every market that trades halted, by commands that lie in the stream before anybody leads: behind all that was
 * acknowledged, before all that comes. What an operator has closed, halted or not opened yet stays so.
 */
export const handler = serveTask(reopeningStep, async ({ lane, reopening_id }) => {
  const row = await decided(await reopeningRow(lane, reopening_id))
  const commands = (row.instrumentIds ?? []).map(
    (instrumentId): SetTradingState => ({
      type: 'set-trading-state',
      commandId: reopeningCommandId(row, 'halt', instrumentId),
      instrumentId,
      state: 'halted',
      untilMillis: 0,
    }),
  )
  for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
    await putCommands(lane, commands.slice(at, at + mostCommandsOfFrame))
  return accept({ lane, reopening_id })
})

/** Once: tried again after they were halted, the step would find none that trades. */
const decided = async (row: ReopeningRow): Promise<ReopeningRow> => {
  if (row.instrumentIds !== undefined) return row
  const listed = (await listInstruments(row.lane)).filter(
    ({ isActive, instrument }) => isActive && instrument.terms.kind !== 'collateral',
  )
  const trading = await Promise.all(
    listed.map(async ({ instrument: { instrumentId } }) => {
      const state = (await getBook(row.lane, instrumentId))?.market.state ?? 'continuous'
      return state === 'continuous' || state === 'auction' ? [instrumentId] : []
    }),
  )
  return advanceReopening(row, { ...row, instrumentIds: trading.flat() })
}

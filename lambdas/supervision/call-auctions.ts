import { putCommands } from '#adapters/streams/orders.ts'
import { getBook } from '#adapters/tables/books.ts'
import type { ReopeningRow } from '#adapters/tables/lane-reopenings.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import type { SetTradingState } from '#domain/trading/commands.ts'
import { serveTask } from '../shell/task.ts'
import { advanceReopening, reopeningCommandId, reopeningRow, reopeningStep } from './reopening-step.ts'

/** Of a market whose controls name no length. */
const usualAuctionMillis = 60_000
const mostCommandsOfFrame = 500

/** Opens the auction of each market that a reopening has halted; the engine itself uncrosses them when they end. */
export const handler = serveTask(reopeningStep, async ({ lane, reopening_id }) => {
  const row = await reopeningRow(lane, reopening_id)
  if (row.state === 'reopened') return accept(endOf(row))
  const nowMillis = Date.now()
  const asked = [...new Set([...(row.instrumentIds ?? []), ...row.inheritedIds])]
  const commands = (await Promise.all(asked.map(instrumentId => auctionOf(row, instrumentId, nowMillis)))).flat()
  for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
    await putCommands(lane, commands.slice(at, at + mostCommandsOfFrame))
  const ends = commands.map(({ untilMillis }) => untilMillis)
  const auctionsEndAtMillis = ends.length === 0 ? {} : { auctionsEndAtMillis: Math.max(...ends) }
  return accept(endOf(await advanceReopening(row, { ...row, state: 'reopened', ...auctionsEndAtMillis })))
})

/** None where it was halted by somebody else, or was closed meanwhile. */
const auctionOf = async (
  row: ReopeningRow,
  instrumentId: number,
  nowMillis: number,
): Promise<readonly SetTradingState[]> => {
  const [halted, book] = await Promise.all([
    getOutcome(reopeningCommandId(row, 'halt', instrumentId)),
    getBook(row.lane, instrumentId),
  ])
  const isOurs = halted?.accepted === true || row.inheritedIds.includes(instrumentId)
  const state = book?.market.state
  if (!isOurs || state === 'closed' || state === 'expired') return []
  const auctionMillis = book?.market.controls.auctionMillis || usualAuctionMillis
  return [
    {
      type: 'set-trading-state',
      commandId: reopeningCommandId(row, 'auction', instrumentId),
      instrumentId,
      state: 'auction',
      untilMillis: nowMillis + auctionMillis,
    },
  ]
}

const endOf = ({ lane, reopeningId, auctionsEndAtMillis }: ReopeningRow) => ({
  lane,
  reopening_id: reopeningId,
  auctions_end_at_millis: auctionsEndAtMillis ?? null,
})

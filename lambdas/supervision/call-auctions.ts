import { putCommands } from '#adapters/streams/orders.ts'
import { getBook } from '#adapters/tables/books.ts'
import type { ReopeningRow } from '#adapters/tables/lane-reopenings.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import type { SetTradingState } from '#domain/trading/commands.ts'
import { serveTask } from '../shell/task.ts'
import { pollUntil } from '../shell/wait.ts'
import { advanceReopening, reopeningCommandId, reopeningRow, reopeningStep } from './reopening-step.ts'

/** Of a market whose controls name no length. */
const usualAuctionMillis = 60_000
/** An auction that was over before its command was applied is called again, longer by so much each time. */
const lateMillis = 5_000
const mostAttempts = 4
const answersWithinMillis = 8_000
const mostCommandsOfFrame = 500

interface Auction {
  readonly instrumentId: number
  readonly auctionMillis: number
}

/**
 * Opens the auction of each market that a reopening has halted; the engine itself uncrosses them when they end. It refuses
 * one that would end before it begins, as where a new leader still has much to apply: that market would stay halted for
 * good, so each is asked for until the engine has taken it.
 */
export const handler = serveTask(reopeningStep, async ({ lane, reopening_id }) => {
  const row = await reopeningRow(lane, reopening_id)
  if (row.state === 'reopened') return accept(endOf(row))
  const asked = [...new Set([...(row.instrumentIds ?? []), ...row.inheritedIds])]
  const untilMillis = performance.now() + answersWithinMillis
  let left = (await Promise.all(asked.map(instrumentId => auctionOf(row, instrumentId)))).flat()
  let auctionsEndAtMillis: number | undefined
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt >= mostAttempts) throw new Error(`auctions of lane ${lane} are over before they begin`)
    const { refused, lastEndMillis } = await call(row, left, attempt, untilMillis)
    if (refused.length < left.length) auctionsEndAtMillis = Math.max(auctionsEndAtMillis ?? 0, lastEndMillis)
    left = refused
  }
  const end = auctionsEndAtMillis === undefined ? {} : { auctionsEndAtMillis }
  return accept(endOf(await advanceReopening(row, { ...row, state: 'reopened', ...end })))
})

/** Puts the commands and waits for the answers; those that came too late are left. */
const call = async (row: ReopeningRow, auctions: readonly Auction[], attempt: number, untilMillis: number) => {
  const nowMillis = Date.now()
  const commands = auctions.map(
    ({ instrumentId, auctionMillis }): SetTradingState => ({
      type: 'set-trading-state',
      commandId: reopeningCommandId(row, attempt === 0 ? 'auction' : `auction-${attempt}`, instrumentId),
      instrumentId,
      state: 'auction',
      untilMillis: nowMillis + auctionMillis + attempt * lateMillis,
    }),
  )
  for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
    await putCommands(row.lane, commands.slice(at, at + mostCommandsOfFrame))
  const outcomes = await Promise.all(
    commands.map(({ commandId }) => pollUntil(() => getOutcome(commandId), untilMillis)),
  )
  if (outcomes.includes(undefined)) throw new Error(`not all markets of lane ${row.lane} have answered yet`)
  return {
    refused: auctions.filter((_, index) => outcomes[index]?.code === 'invalid-trading-state'),
    lastEndMillis: Math.max(...commands.map(command => command.untilMillis)),
  }
}

/** None where it was halted by somebody else, or was closed meanwhile. */
const auctionOf = async (row: ReopeningRow, instrumentId: number): Promise<readonly Auction[]> => {
  const [halted, book] = await Promise.all([
    getOutcome(reopeningCommandId(row, 'halt', instrumentId)),
    getBook(row.lane, instrumentId),
  ])
  const isOurs = halted?.accepted === true || row.inheritedIds.includes(instrumentId)
  const state = book?.market.state
  if (!isOurs || state === 'closed' || state === 'expired') return []
  return [{ instrumentId, auctionMillis: book?.market.controls.auctionMillis || usualAuctionMillis }]
}

const endOf = ({ lane, reopeningId, auctionsEndAtMillis }: ReopeningRow) => ({
  lane,
  reopening_id: reopeningId,
  auctions_end_at_millis: auctionsEndAtMillis ?? null,
})

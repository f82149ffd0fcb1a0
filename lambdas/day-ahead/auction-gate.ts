import { putCommands } from '#adapters/streams/orders.ts'
import { type AuctionRow, getAuction, replaceAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import { gateNameOf } from '#domain/auction/day-ahead-market.ts'
import type { GateState, SetGate } from '#domain/trading/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { laneRules } from './auction-rules.ts'
import { type AuctionStep, advanceAuction } from './auction-step.ts'

/** However often it is sent, the engine takes it once. */
export const setGateCommand = (lane: number, deliveryDate: string, state: GateState): SetGate => ({
  type: 'set-gate',
  commandId: nameBasedUuid(['day-ahead-gate', lane, deliveryDate, state].join('#')),
  gateName: gateNameOf(deliveryDate),
  state,
})

/** From here on there is an auction, by the rules of now, and its gate is asked to open; undefined where the lane has no market. */
export const openAuction = async (
  lane: number,
  deliveryDate: string,
  nowMillis: number,
): Promise<AuctionRow | undefined> => {
  const known = (await getAuction(lane, deliveryDate)) ?? (await makeAuction(lane, deliveryDate, nowMillis))
  if (known?.state === 'opening') await putCommands(lane, [setGateCommand(lane, deliveryDate, 'open')])
  return known
}

const makeAuction = async (lane: number, deliveryDate: string, nowMillis: number): Promise<AuctionRow | undefined> => {
  const { rules, times } = await laneRules(lane, nowMillis)
  const markets = rules.filter(({ isActive }) => isActive).map(({ market }) => market)
  if (times === undefined || markets.length === 0) return undefined
  const row: AuctionRow = {
    lane,
    deliveryDate,
    state: 'opening',
    markets,
    ...times,
    openedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    attempt: 0,
  }
  // Whoever was faster has made one.
  return (await replaceAuction(row, undefined)) ? row : getAuction(lane, deliveryDate)
}

/** Whether the engine has opened the gate by now; what it has not answered is asked again. */
export const confirmOpening = async (row: AuctionRow): Promise<AuctionRow> => {
  const command = setGateCommand(row.lane, row.deliveryDate, 'open')
  const outcome = await getOutcome(command.commandId)
  if (outcome === undefined) await putCommands(row.lane, [command])
  else if (!outcome.accepted) throw new Error(`the gate of ${row.deliveryDate} was not opened: ${outcome.code}`)
  return outcome === undefined ? row : advanceAuction(row, { state: 'open' })
}

/** The workflow closes the gate, and does what follows. */
export const beginClosing = async (row: AuctionRow, nowMillis: number): Promise<AuctionRow> => {
  const closing = await advanceAuction(row, { state: 'closing', attempt: 1, startedAtMillis: nowMillis })
  await startAuction(closing)
  return closing
}

/** Once for each attempt. */
export const startAuction = ({ lane, deliveryDate, attempt }: AuctionRow): Promise<boolean> => {
  const step: AuctionStep = { lane, delivery_date: deliveryDate, attempt }
  return startWorkflow('day-ahead-auction', `${deliveryDate}-lane-${lane}-${attempt}`, step)
}

/** Goes on from where it was: what was stored stays as it is. */
export const restartAuction = async (row: AuctionRow, nowMillis: number): Promise<void> => {
  const { failure: _, failedFrom, ...kept } = row
  const next: AuctionRow = {
    ...kept,
    state: failedFrom ?? row.state,
    attempt: row.attempt + 1,
    startedAtMillis: nowMillis,
    updatedAtMillis: Math.max(nowMillis, row.updatedAtMillis + 1),
  }
  // Whoever was faster has begun the same.
  if (await replaceAuction(next, row)) await startAuction(next)
}

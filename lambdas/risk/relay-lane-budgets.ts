import { putCommands } from '#adapters/streams/orders.ts'
import type { Command } from '#domain/trading/commands.ts'
import type { Event } from '#domain/trading/events.ts'
import { decodeExecutionsFrame, eventId } from '#protocol/executions-frame.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, RecordFailure, type StreamedRecord, serveStream } from '../shell/stream.ts'

/** A message has at most 33 kB, a record of the order stream 1 MB. */
const mostCommandsOfFrame = 20

/**
 * Hands on what lanes have for each other of the accounts that trade in several. A record that is delivered twice puts the
 * same commands again, under the same ids; one that is given up is no loss: the lanes say again what was not answered.
 */
export const relayBudgets = async (records: readonly StreamedRecord[]): Promise<void> => {
  const lanes: readonly number[] = tenantLanes()
  for (const { sequenceNumber, data } of records) {
    try {
      for (const [lane, commands] of messagesIn(data)) {
        if (!lanes.includes(lane)) {
          logger.warn('a budget is for a lane that is not the tenant’s', { lane })
          continue
        }
        for (let at = 0; at < commands.length; at += mostCommandsOfFrame)
          await putCommands(lane, commands.slice(at, at + mostCommandsOfFrame))
      }
    } catch (error) {
      throw new RecordFailure(sequenceNumber, error)
    }
  }
}

export const handler = serveStream(relayBudgets)

/** By the lane that each is for. */
const messagesIn = (data: Uint8Array): ReadonlyMap<number, readonly Command[]> => {
  const { lane: fromLane, sections } = decodeExecutionsFrame(data)
  const byLane = new Map<number, Command[]>()
  for (const { inputSequence, firstIndex, events } of sections)
    for (const [index, event] of events.entries()) {
      if (!isForOtherLane(event)) continue
      // The same whoever publishes it, and however often.
      const commandId = nameBasedUuid(`relay#${eventId(fromLane, inputSequence, firstIndex + index)}`)
      const commands = byLane.get(event.toLane) ?? []
      commands.push(commandOf(event, fromLane, commandId))
      byLane.set(event.toLane, commands)
    }
  return byLane
}

type Message = Extract<Event, { readonly toLane: number }>

const isForOtherLane = (event: Event): event is Message => 'toLane' in event

const commandOf = (event: Message, fromLane: number, commandId: string): Command => {
  const { toAccountId: accountId } = event
  const common = { commandId, accountId, fromLane }
  switch (event.type) {
    case 'budget-granted': {
      const { setVersion, grant, budgetMicros } = event
      return { type: 'grant-budget', ...common, setVersion, grant, budgetMicros }
    }
    case 'budget-held': {
      const { setVersion, grant, number, budgetMicros } = event
      return { type: 'tell-budget', ...common, setVersion, grant, number, budgetMicros }
    }
    case 'budget-asked':
      return { type: 'ask-budget', ...common, setVersion: event.setVersion, wantedMicros: event.wantedMicros }
    case 'budget-needed':
      return { type: 'need-budget', ...common, setVersion: event.setVersion, neededMicros: event.neededMicros }
    case 'cash-sent':
      return { type: 'receive-cash', ...common, number: event.number, amountMicros: event.amountMicros }
    case 'cash-received':
      return { type: 'confirm-cash', ...common, number: event.number }
  }
}

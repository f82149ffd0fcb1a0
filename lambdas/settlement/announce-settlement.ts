import { putEvents } from '#adapters/bus.ts'
import { accept } from '#domain/outcome.ts'
import { settlementText } from '#domain/settlement/settlement-name.ts'
import { decimal } from '#domain/units.ts'
import { instantOf } from '../shell/announce.ts'
import { serveTask } from '../shell/task.ts'
import { settlementRow, settlementStep } from './settlement-step.ts'

/** Tells the bus of the price, at least once. */
export const handler = serveTask(settlementStep, async step => {
  const row = await settlementRow(step)
  const { lane, instrumentId, instrumentName, commandId, priceTicks } = row
  if (row.state !== 'settled' || priceTicks === undefined || commandId === undefined)
    throw new Error(`${instrumentName} is not settled`)
  const refused = await putEvents([
    {
      name: 'InstrumentSettled.v1',
      detail: {
        event_id: `${lane}:${instrumentId}:${settlementText(row)}`,
        lane,
        timestamp: instantOf(row.updatedAtMillis),
        instrument_name: instrumentName,
        settlement_kind: row.kind,
        number: row.number,
        price: decimal(priceTicks, row.tickSize),
        command_id: commandId,
      },
    },
  ])
  if (refused.length > 0) throw new Error(`the bus refused InstrumentSettled.v1 of ${instrumentName}`)
  return accept(step)
})

import type { BusEvent } from '#adapters/bus.ts'
import { type LiquidationStepRow, liquidationStepOf } from '#adapters/tables/liquidations.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'
import { numberIn, toldNumbers } from './step-numbers.ts'

/** Each step as it was done; the first and the last also as what they are to the account. */
const eventsOf = ({ now, before }: ItemChange): readonly BusEvent[] => {
  const row = now === undefined ? undefined : liquidationStepOf(now)
  if (row?.state !== 'done' || before?.['step_state'] === 'done') return []
  return [...startedOf(row), stepOf(row), ...endedOf(row)]
}

export const handler = serveAnnouncements(eventsOf)

const envelopeOf = (
  { liquidationId, lane, accountId, step, doneAtMillis = 0 }: LiquidationStepRow,
  what: '' | ':started' | ':ended',
) => ({
  event_id: `${liquidationId}:${step}${what}`,
  lane,
  timestamp: instantOf(doneAtMillis),
  liquidation_id: liquidationId,
  account_id: accountId,
})

const stepOf = (row: LiquidationStepRow): BusEvent => ({
  name: 'LiquidationStep.v1',
  detail: {
    ...envelopeOf(row, ''),
    step: row.step,
    step_kind: row.kind,
    command_id: row.command?.commandId ?? null,
    reject_reason: row.code ?? null,
    numbers: toldNumbers(row.numbers),
    result: row.result === undefined ? null : toldNumbers(row.result),
  },
})

const startedOf = (row: LiquidationStepRow): readonly BusEvent[] => {
  const { kind, code, result } = row
  if (kind !== 'begin' || code !== undefined || result === undefined) return []
  return [
    {
      name: 'LiquidationStarted.v1',
      detail: {
        ...envelopeOf(row, ':started'),
        epoch_version: numberIn(result, 'epochVersion'),
        cancelled_orders: numberIn(result, 'cancelledOrders'),
        equity: decimalOfMicros(numberIn(result, 'equityMicros')),
        requirement: decimalOfMicros(numberIn(result, 'requirementMicros')),
        requirement_without_orders: decimalOfMicros(numberIn(result, 'afterRequirementMicros')),
      },
    },
  ]
}

const endedOf = (row: LiquidationStepRow): readonly BusEvent[] => {
  const { kind, code, result, at } = row
  // Its other lanes end before its home.
  if (kind !== 'end' || at !== undefined || code !== undefined || result === undefined) return []
  return [
    {
      name: 'LiquidationEnded.v1',
      detail: {
        ...envelopeOf(row, ':ended'),
        equity: decimalOfMicros(numberIn(result, 'equityMicros')),
        requirement: decimalOfMicros(numberIn(result, 'requirementMicros')),
      },
    },
  ]
}

import { type BusEvent, putEvents } from '#adapters/bus.ts'
import { entriesOfMonth } from '#adapters/tables/sla-penalties.ts'
import { accept } from '#domain/outcome.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf } from '../shell/announce.ts'
import { serveTask } from '../shell/task.ts'
import { breachOf } from './breach-view.ts'
import { advance, type Enforcement, enforcementOf, enforcementStep } from './enforcement-step.ts'
import { entryId } from './entry-id.ts'

/** Tells the bus of a breach and of a changed penalty, at least once. */
export const handler = serveTask(enforcementStep, async step => {
  const enforcement = await enforcementOf(step)
  const events = [...breached(enforcement), ...(await applied(enforcement))]
  const refused = await putEvents(events)
  if (refused.length > 0) throw new Error(`the bus refused events of ${enforcement.row.contractId}`)
  if (enforcement.row.state !== 'done') await advance(enforcement.row, { state: 'done' })
  return accept(step)
})

const envelopeOf = ({ contract, row }: Enforcement, about: string) => ({
  event_id: `${row.contractId}:${row.month}:${row.version}:${about}`,
  timestamp: instantOf(row.updatedAtMillis),
  contract_id: row.contractId,
  series: contract.series,
  provider_account: contract.providerAccount,
  buyer_account: contract.buyerAccount,
  month: row.month,
  version: row.version,
})

const breached = (enforcement: Enforcement): readonly BusEvent[] => {
  const { contract, row } = enforcement
  if (row.breach === undefined) return []
  const { breach_id, metric, breach_state, uptime_percent, promised_percent, up_s, degraded_s, down_s, unknown_s } =
    breachOf(contract, row)
  return [
    {
      name: 'SlaBreached.v1',
      detail: {
        ...envelopeOf(enforcement, 'breach'),
        breach_id,
        metric,
        breach_state,
        uptime_percent,
        promised_percent,
        up_s,
        degraded_s,
        down_s,
        unknown_s,
      },
    },
  ]
}

const applied = async (enforcement: Enforcement): Promise<readonly BusEvent[]> => {
  const { contractId, month, version, due, previousPenaltyMicros, paymentState } = enforcement.row
  if (due === undefined || previousPenaltyMicros === undefined || paymentState === undefined)
    throw new Error(`${contractId} ${month} is not credited`)
  if (paymentState === 'none') return []
  const entries = (await entriesOfMonth(contractId, month)).filter(entry => entry.version === version)
  return [
    {
      name: 'PenaltyApplied.v1',
      detail: {
        ...envelopeOf(enforcement, 'penalty'),
        penalty: decimalOfMicros(due.penaltyMicros),
        previous_penalty: decimalOfMicros(previousPenaltyMicros),
        payable: decimalOfMicros(due.penaltyMicros - previousPenaltyMicros),
        payment_state: paymentState,
        entries: entries.map(entry => ({
          entry_id: entryId(contractId, entry),
          entry_kind: entry.kind,
          account: entry.account,
          amount: decimalOfMicros(entry.amountMicros),
        })),
      },
    },
  ]
}

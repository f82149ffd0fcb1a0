import { getInstrument } from '#adapters/tables/instruments.ts'
import { noHash } from '#domain/trading/commands.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { cancelOrders } from '#protocol/operations/trading.ts'
import { takeIn } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { cancellationOf, cancellationOutcome, type PromisedCancellation } from './cancellation-view.ts'
import { traderFor } from './instrument-trader.ts'
import { traderIn } from './trader.ts'

export const handle: Handle<typeof cancelOrders> = async ({ body, principal, headers, idempotencyKey, admitted }) => {
  const asked = await traderIn(principal, body.lane, '#/lane')
  if ('code' in asked) return asked
  const named = body.instrument_name
  const trader = body.lane !== undefined || named === undefined ? asked : ((await traderFor(principal, named)) ?? asked)
  const { accountId, lane } = trader
  const instrument = body.instrument_name === undefined ? undefined : await getInstrument(lane, body.instrument_name)
  if (body.instrument_name !== undefined && instrument === undefined)
    return {
      code: 'unknown-instrument',
      errors: [{ pointer: '#/instrument_name', detail: 'is not listed in the lane of the account' }],
    }
  if (!(await admitted())) return { code: 'rate-limited' }

  const kept: Omit<PromisedCancellation, 'command'> = {
    instrumentName: body.instrument_name ?? null,
    label: body.label ?? null,
  }
  const instrumentId = instrument?.instrument.instrumentId ?? 0
  const labelHash = body.label === undefined ? noHash : nameHash(body.label)
  const taken = await takeIn(
    {
      principal,
      operation: 'cancel-orders',
      asked: body,
      idempotencyKey,
      headers,
      lane,
      accountId,
      command: commandId => ({ type: 'cancel-orders', commandId, accountId, instrumentId, labelHash }),
      kept,
    },
    cancellationOutcome,
  )
  if ('code' in taken) return taken
  const { promised, outcome, waited } = taken
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: cancellationOf(promised, outcome),
    headers: { location: `/api/v1/orders/cancel-all/${promised.commandId}`, ...taken.headers },
  }
}

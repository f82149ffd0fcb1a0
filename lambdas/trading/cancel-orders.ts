import { v7 as uuidv7 } from 'uuid'
import { type CommandRow, promise } from '#adapters/tables/commands.ts'
import { getInstrument } from '#adapters/tables/instruments.ts'
import { noHash } from '#domain/trading/commands.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { cancelOrders } from '#protocol/operations/trading.ts'
import { deliver } from '../shell/command-intake.ts'
import type { Answer, Handle, Request } from '../shell/http.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import {
  cancellationOf,
  cancellationOutcome,
  type PromisedCancellation,
  promisedCancellationOf,
} from './cancellation-view.ts'
import { traderOf } from './trader.ts'

type Headers = Request<typeof cancelOrders>['headers']

export const handle: Handle<typeof cancelOrders> = async ({ body, principal, headers, idempotencyKey, admitted }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { account, accountId, lane } = trader
  const instrument = body.instrument_name === undefined ? undefined : await getInstrument(lane, body.instrument_name)
  if (body.instrument_name !== undefined && instrument === undefined)
    return {
      code: 'unknown-instrument',
      errors: [{ pointer: '#/instrument_name', detail: 'is not listed in the lane of the account' }],
    }
  if (!(await admitted())) return { code: 'rate-limited' }

  const commandId = uuidv7()
  const request: PromisedCancellation = {
    command: {
      type: 'cancel-orders',
      commandId,
      accountId,
      instrumentId: instrument?.instrument.instrumentId ?? 0,
      labelHash: body.label === undefined ? noHash : nameHash(body.label),
    },
    instrumentName: body.instrument_name ?? null,
    label: body.label ?? null,
  }
  // One without a name is kept too: it is read again by its id.
  const promised = namedRequest({
    principal: account,
    requestName: `cancel-orders#${idempotencyKey ?? `#${commandId}`}`,
    commandId,
    operation: 'cancel-orders',
    bodyHash: bodyHash(body),
    lane,
    accountId,
    requestJson: JSON.stringify(request),
  })
  const stored = await promise(promised)
  if (stored.first) return put(promised, headers, false)
  return stored.row.bodyHash === promised.bodyHash ? put(stored.row, headers, true) : { code: 'idempotency-conflict' }
}

const put = async (promised: CommandRow, headers: Headers, repeated: boolean): Promise<Answer<typeof cancelOrders>> => {
  const { command } = promisedCancellationOf(promised)
  const delivered = await deliver(promised.lane, command, repeated, headers, cancellationOutcome)
  const { outcome, waited, headers: applied } = delivered
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: cancellationOf(promised, outcome),
    headers: { location: `/api/v1/orders/cancel-all/${command.commandId}`, ...applied },
  }
}

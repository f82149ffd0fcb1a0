import type { setMarketState } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { knownMarket } from './known-market.ts'

export const handle: Handle<typeof setMarketState> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const market = await knownMarket(path.instrument_name)
  if ('code' in market) return market
  const { lane, instrument } = market
  const untilMillis = body.until === undefined ? 0 : Date.parse(body.until)
  const mayEnd = body.state === 'auction' || body.state === 'halted'
  if (body.until !== undefined && !mayEnd) return wrongUntil('goes with an auction or a halt only')
  // Kept apart from 0, which is no instant; how far ahead it is, the engine judges by its own time.
  if (body.until !== undefined && !(untilMillis > Date.now())) return wrongUntil('must be in the future')
  return takeCommand({
    principal,
    operation: 'set-market-state',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({
      type: 'set-trading-state',
      commandId,
      instrumentId: instrument.instrumentId,
      state: body.state,
      untilMillis,
    }),
  })
}

const wrongUntil = (detail: string) => ({ code: 'invalid-request', errors: [{ pointer: '#/until', detail }] }) as const

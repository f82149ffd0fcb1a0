import { countTicks } from '#domain/trading/terms.ts'
import type { setMarkPrice } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { knownMarket } from './known-market.ts'

export const handle: Handle<typeof setMarkPrice> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const market = await knownMarket(path.instrument_name)
  if ('code' in market) return market
  const { lane, instrument } = market
  const ticks = countTicks(body.price, instrument)
  if (!ticks.ok) {
    const code = ticks.code === 'price-off-tick' ? ticks.code : 'price-out-of-range'
    return { code, errors: [{ pointer: '#/price', detail: ticks.detail }] }
  }
  return takeCommand({
    principal,
    operation: 'set-mark-price',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({
      type: 'set-mark-price',
      commandId,
      instrumentId: instrument.instrumentId,
      markTicks: ticks.count,
    }),
  })
}

import { increments } from '#domain/units.ts'
import type { setMarketControls } from '#protocol/operations/supervision.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { knownMarket } from './known-market.ts'

export const handle: Handle<typeof setMarketControls> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const market = await knownMarket(path.instrument_name)
  if ('code' in market) return market
  const { lane, instrument } = market
  const bandPpm = partsPerMillion(body.price_band)
  const velocityPpm = partsPerMillion(body.velocity)
  if ((velocityPpm === 0) !== (body.velocity_interval_ms === 0))
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/velocity_interval_ms', detail: 'goes with velocity: both or neither' }],
    }
  return takeCommand({
    principal,
    operation: 'set-market-controls',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({
      type: 'set-market-controls',
      commandId,
      instrumentId: instrument.instrumentId,
      bandPpm,
      velocityPpm,
      velocityMillis: body.velocity_interval_ms,
      haltMillis: body.halt_ms,
      auctionMillis: body.auction_ms,
    }),
  })
}

const partsPerMillion = (part: string): number => {
  const ppm = increments(part, '0.000001')
  if (ppm === undefined) throw new Error(`the schema has let the part ${part} pass`)
  return ppm
}

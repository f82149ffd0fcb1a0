import { getSettlement } from '#adapters/tables/settlements.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { initiateSettlement } from '#protocol/operations/delivery.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { findMarket } from '../reference/find-market.ts'
import { settlementOf } from '../settlement/settlement-view.ts'
import type { Handle } from '../shell/http.ts'
import { isDelivered, obligateDeliveries, retriedSettlement } from './obligated-settlement.ts'

export const handle: Handle<typeof initiateSettlement> = async ({ body }) => {
  const pointer = '#/instrument_name'
  const market = await findMarket(body.instrument_name)
  if (market === undefined) return { code: 'unknown-instrument', errors: [{ pointer, detail: 'is not listed' }] }
  if (!isDelivered(market))
    return { code: 'not-physically-settled', errors: [{ pointer, detail: 'is settled in cash' }] }
  if (market.isActive) return { code: 'instrument-not-expired' }
  const { lane, instrument } = market
  const missing = await engineVersionMissing(lane, versionOfDelivery)
  if (missing !== undefined) return missing
  const known = await getSettlement(lane, instrument.instrumentId, finalSettlement)
  if (known?.state === 'failed') await retriedSettlement(known)
  const row = known?.state === 'settled' ? known : await obligateDeliveries(market, Date.now())
  return {
    status: 202,
    body: settlementOf(row),
    headers: { location: `/api/v1/markets/${body.instrument_name}/settlements` },
  }
}

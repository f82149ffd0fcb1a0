import { getSettlement } from '#adapters/tables/settlements.ts'
import type { startSettlement } from '#protocol/operations/settlement.ts'
import type { Handle } from '../shell/http.ts'
import { knownMarket } from '../supervision/known-market.ts'
import { restartSettlement } from './settlement-step.ts'
import { settlementOf } from './settlement-view.ts'

export const handle: Handle<typeof startSettlement> = async ({ path, body }) => {
  const market = await knownMarket(path.instrument_name)
  if ('code' in market) return market
  if (market.instrument.specification.settlement === 'physical') return { code: 'not-cash-settled' }
  const { settlement_kind: kind, number } = body
  const row = await getSettlement(market.lane, market.instrument.instrumentId, { kind, number })
  if (row === undefined) return { code: 'not-found', detail: 'The market has no such settlement, or not yet.' }
  if (row.state === 'settled') return { code: 'instrument-settled' }
  if (row.state !== 'failed') return { code: 'settlement-under-way' }
  return {
    status: 202,
    body: settlementOf(await restartSettlement(row)),
    headers: { location: `/api/v1/markets/${path.instrument_name}/settlements` },
  }
}

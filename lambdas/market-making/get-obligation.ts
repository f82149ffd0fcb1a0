import { getObligationTerms } from '#adapters/tables/obligation-terms.ts'
import type { getObligation } from '#protocol/operations/market-making.ts'
import { findMarket } from '../reference/find-market.ts'
import type { Handle } from '../shell/http.ts'
import { termsOf } from './obligation-view.ts'

export const handle: Handle<typeof getObligation> = async ({ path }) => {
  const market = await findMarket(path.instrument_name)
  if (market === undefined)
    return { code: 'unknown-instrument', errors: [{ pointer: '#/path/instrument_name', detail: 'is not listed' }] }
  const { versions } = await getObligationTerms(market.lane, market.instrument.instrumentId)
  const newest = versions.at(-1)
  if (newest === undefined) return { code: 'not-found', detail: 'Nobody is obliged to quote it.' }
  return { status: 200, body: termsOf(market.instrument, versions.length, newest) }
}

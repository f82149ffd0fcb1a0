import { addTermsVersion, getObligationTerms, type TermsVersion } from '#adapters/tables/obligation-terms.ts'
import { countLots } from '#domain/trading/terms.ts'
import { increments } from '#domain/units.ts'
import type { setObligation } from '#protocol/operations/market-making.ts'
import { findMarket } from '../reference/find-market.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { termsOf } from './obligation-view.ts'

/** More than whoever measures may be behind in reading terms: none is measured before its terms are known. */
const noticeMillis = 5_000

export const handle: Handle<typeof setObligation> = async ({ path, body, principal }) => {
  const market = await findMarket(path.instrument_name)
  if (market === undefined)
    return { code: 'unknown-instrument', errors: [{ pointer: '#/path/instrument_name', detail: 'is not listed' }] }
  const { lane, instrument } = market
  const lots = countLots(body.min_amount, instrument)
  if (!lots.ok) {
    const code = lots.code === 'amount-off-lot' ? lots.code : 'amount-out-of-range'
    return { code, errors: [{ pointer: '#/min_amount', detail: lots.detail }] }
  }
  const maxSpreadPpm = increments(body.max_spread, '0.000001')
  if (maxSpreadPpm === undefined) throw new Error(`the schema has let the spread ${body.max_spread} pass`)
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const row = await getObligationTerms(lane, instrument.instrumentId)
    const newest = row.versions.at(-1)
    if (newest !== undefined && newest.maxSpreadPpm === maxSpreadPpm && newest.minLots === lots.count)
      return { status: 200, body: termsOf(instrument, row.versions.length, newest) }
    const setAtMillis = Date.now()
    const version: TermsVersion = {
      // Versions hold one after the other, however quickly they are set and whichever clock told the time.
      fromMillis: Math.max(setAtMillis + noticeMillis, (newest?.fromMillis ?? 0) + 1),
      maxSpreadPpm,
      minLots: lots.count,
      setBy: principal.account,
      setAtMillis,
    }
    if (await addTermsVersion(row, version))
      return { status: 200, body: termsOf(instrument, row.versions.length + 1, version) }
    await afterLoss(attempt)
  }
  return concurrentChange
}

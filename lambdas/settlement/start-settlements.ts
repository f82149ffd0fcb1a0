import { type InstrumentRow, instrumentRowOf } from '#adapters/tables/instruments.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { type ItemChange, RecordFailure, serveTableStream } from '../shell/stream.ts'
import { beginDueSettlements, beginFinalSettlement } from './due-settlements.ts'

/** Has settled what has just expired, or was taken from trading. What it misses the sweep finds. */
export const handler = serveTableStream(async changes => {
  for (const change of changes) {
    const market = justClosed(change)
    try {
      if (market === undefined || (await engineVersionMissing(market.lane)) !== undefined) continue
      await beginDueSettlements(market, Date.now())
      await beginFinalSettlement(market)
    } catch (error) {
      throw new RecordFailure(change.sequenceNumber, error)
    }
  }
})

const justClosed = ({ now, before }: ItemChange): InstrumentRow | undefined => {
  if (now === undefined || now['is_active'] === before?.['is_active'] || now['is_active'] !== false) return undefined
  return instrumentRowOf(now)
}

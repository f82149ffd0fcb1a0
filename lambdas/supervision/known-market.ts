import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { findMarket } from '../reference/find-market.ts'
import type { Rejection } from '../shell/http.ts'

/** A market that an operator names in the path. */
export const knownMarket = async (instrumentName: string): Promise<InstrumentRow | Rejection<'unknown-instrument'>> =>
  (await findMarket(instrumentName)) ?? {
    code: 'unknown-instrument',
    errors: [{ pointer: '#/path/instrument_name', detail: 'is not listed' }],
  }

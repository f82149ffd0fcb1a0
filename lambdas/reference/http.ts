import { referenceOperations } from '#protocol/operations/reference.ts'
import { serve } from '../shell/http.ts'
import * as getMarket from './get-market.ts'
import * as listInstrument from './list-instrument.ts'
import * as listMarkets from './list-markets.ts'

export const handler = serve('reference', referenceOperations, {
  'list-markets': listMarkets.handle,
  'get-market': getMarket.handle,
  'list-instrument': listInstrument.handle,
})

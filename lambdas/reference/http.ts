import { referenceOperations } from '#protocol/operations/reference.ts'
import { serve } from '../shell/serve.ts'
import * as getBook from './get-book.ts'
import * as getMarket from './get-market.ts'
import * as getTicker from './get-ticker.ts'
import * as listCandles from './list-candles.ts'
import * as listInstrument from './list-instrument.ts'
import * as listMarketTrades from './list-market-trades.ts'
import * as listMarkets from './list-markets.ts'

export const handler = serve('reference', referenceOperations, {
  'list-markets': listMarkets.handle,
  'get-market': getMarket.handle,
  'list-instrument': listInstrument.handle,
  'get-book': getBook.handle,
  'list-market-trades': listMarketTrades.handle,
  'get-ticker': getTicker.handle,
  'list-candles': listCandles.handle,
})

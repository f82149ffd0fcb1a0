import { referenceOperations } from '#protocol/operations/reference.ts'
import { serve } from '../shell/serve.ts'
import * as delistInstrument from './delist-instrument.ts'
import * as getBook from './get-book.ts'
import * as getListingGrid from './get-listing-grid.ts'
import * as getMarket from './get-market.ts'
import * as getTicker from './get-ticker.ts'
import * as listCandles from './list-candles.ts'
import * as listInstrument from './list-instrument.ts'
import * as listListingGrids from './list-listing-grids.ts'
import * as listMarketTrades from './list-market-trades.ts'
import * as listMarketWindows from './list-market-windows.ts'
import * as listMarkets from './list-markets.ts'
import * as setListingGrid from './set-listing-grid.ts'

export const handler = serve('reference', referenceOperations, {
  'list-markets': listMarkets.handle,
  'get-market': getMarket.handle,
  'list-instrument': listInstrument.handle,
  'delist-instrument': delistInstrument.handle,
  'get-book': getBook.handle,
  'list-market-trades': listMarketTrades.handle,
  'get-ticker': getTicker.handle,
  'list-candles': listCandles.handle,
  'list-market-windows': listMarketWindows.handle,
  'set-listing-grid': setListingGrid.handle,
  'get-listing-grid': getListingGrid.handle,
  'list-listing-grids': listListingGrids.handle,
})

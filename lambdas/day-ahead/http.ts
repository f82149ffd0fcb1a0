import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { serve } from '../shell/serve.ts'
import * as getBid from './get-bid.ts'
import * as getDayAheadAwards from './get-day-ahead-awards.ts'
import * as getDayAheadPrices from './get-day-ahead-prices.ts'
import * as listBids from './list-bids.ts'
import * as listComputeMarkets from './list-compute-markets.ts'
import * as setComputeMarket from './set-compute-market.ts'
import * as setDayAheadGate from './set-day-ahead-gate.ts'
import * as submitBid from './submit-bid.ts'
import * as submitOffer from './submit-offer.ts'
import * as withdrawBid from './withdraw-bid.ts'

export const handler = serve('day-ahead', dayAheadOperations, {
  'list-compute-markets': listComputeMarkets.handle,
  'set-compute-market': setComputeMarket.handle,
  'set-day-ahead-gate': setDayAheadGate.handle,
  'submit-bid': submitBid.handle,
  'submit-offer': submitOffer.handle,
  'list-bids': listBids.handle,
  'get-bid': getBid.handle,
  'withdraw-bid': withdrawBid.handle,
  'get-day-ahead-prices': getDayAheadPrices.handle,
  'get-day-ahead-awards': getDayAheadAwards.handle,
})

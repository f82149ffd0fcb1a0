import { type BusEvent, putEvents } from '#adapters/bus.ts'
import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import { getClearedPrices } from '#adapters/tables/day-ahead-results.ts'
import { accept } from '#domain/outcome.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { instantOf } from '../shell/announce.ts'
import { serveTask } from '../shell/task.ts'
import { advanceAuction, auctionOf, auctionStep } from './auction-step.ts'
import { hourName } from './prices-view.ts'

/** Tells the bus of each market's prices, at least once. */
export const handler = serveTask(auctionStep, async step => {
  const row = await auctionOf(step)
  if (row.state === 'cancelled') return accept(step)
  const refused = await putEvents(await cleared(row))
  if (refused.length > 0) throw new Error(`the bus refused the prices of ${row.deliveryDate}`)
  if (row.state === 'released') await advanceAuction(row, { state: 'done' })
  return accept(step)
})

const cleared = async (row: AuctionRow): Promise<readonly BusEvent[]> => {
  const { lane, deliveryDate, clearedAtMillis } = row
  const prices = await getClearedPrices(lane, deliveryDate)
  if (prices === undefined || clearedAtMillis === undefined) throw new Error(`${deliveryDate} is not cleared`)
  return prices.pools.flatMap(({ markets, tickSize, minTradeAmount, microsPerTickLot, certificate }) =>
    markets.map(
      (market): BusEvent => ({
        name: 'DayAheadCleared.v1',
        detail: {
          event_id: [lane, deliveryDate, market].join(':'),
          lane,
          timestamp: instantOf(clearedAtMillis),
          delivery_date: deliveryDate,
          market,
          hours: prices.hours
            .filter(each => each.market === market)
            .map(({ hour, priceTicks, boughtLots, awardedLots }) => ({
              hour,
              price: priceTicks === null ? null : decimal(priceTicks, tickSize),
              amount: decimal(boughtLots, minTradeAmount),
              instrument_name: awardedLots === 0 ? null : hourName(row, market, hour),
            })),
          welfare: decimalOfMicros(BigInt(certificate.welfare) * BigInt(microsPerTickLot)),
          gap_ppm: certificate.gapPartsPerMillion,
        },
      }),
    ),
  )
}

import type { Maker, Quote, QuotingDay } from '#domain/trading/quoting-obligations.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, itemsOf, optional, text, truth } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface QuotingDayRow {
  readonly lane: number
  readonly instrumentId: number
  readonly day: QuotingDay
  /** Of the last event that changed it. */
  readonly outSeq: number
}

const table = tables.quotingDays

/** The newest day up to that one on which anything changed: from there on, all stayed as it was. */
export const latestQuotingDay = async (
  lane: number,
  instrumentId: number,
  upToMillis = Number.MAX_SAFE_INTEGER,
): Promise<QuotingDayRow | undefined> => {
  const { rows } = await page(
    {
      table,
      partition: { name: 'market', value: marketKeyOf(lane, instrumentId) },
      sortKeyName: 'day_millis',
      between: [0, upToMillis],
      newestFirst: true,
      limit: 1,
    },
    rowOf,
  )
  return rows[0]
}

export const quotingDayPut = ({ lane, instrumentId, day, outSeq }: QuotingDayRow): Write => ({
  kind: 'put',
  table,
  item: {
    market: marketKeyOf(lane, instrumentId),
    day_millis: day.dayMillis,
    lane,
    instrument_id: instrumentId,
    at_millis: day.atMillis,
    is_continuous: day.isContinuous,
    measured_millis: day.measuredMillis,
    makers: day.makers.map(makerItem),
    out_seq: outSeq,
  },
})

const makerItem = ({ accountId, compliantMillis, bid, ask }: Maker): Item => ({
  account_id: accountId,
  compliant_millis: compliantMillis,
  ...(bid === undefined ? {} : sideItem('bid', bid)),
  ...(ask === undefined ? {} : sideItem('ask', ask)),
})

const sideItem = (side: 'bid' | 'ask', { orderId, priceTicks, lots }: Quote): Item => ({
  [`${side}_order_id`]: orderId,
  [`${side}_price_ticks`]: priceTicks,
  [`${side}_lots`]: lots,
})

const rowOf = (item: Item): QuotingDayRow => ({
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  day: {
    dayMillis: integer(item, 'day_millis'),
    atMillis: integer(item, 'at_millis'),
    isContinuous: truth(item, 'is_continuous'),
    measuredMillis: integer(item, 'measured_millis'),
    makers: itemsOf(item, 'makers').map(makerOf),
  },
  outSeq: integer(item, 'out_seq'),
})

const makerOf = (item: Item): Maker => ({
  accountId: integer(item, 'account_id'),
  compliantMillis: integer(item, 'compliant_millis'),
  ...optional('bid', item, 'bid_order_id', () => sideOf(item, 'bid')),
  ...optional('ask', item, 'ask_order_id', () => sideOf(item, 'ask')),
})

const sideOf = (item: Item, side: 'bid' | 'ask'): Quote => ({
  orderId: text(item, `${side}_order_id`),
  priceTicks: integer(item, `${side}_price_ticks`),
  lots: integer(item, `${side}_lots`),
})

import { gunzipSync } from 'node:zlib'
import * as z from 'zod'
import { type BlockOrder, type DayAheadAuction, fullAcceptanceBasisPoints } from '#domain/auction/day-ahead-auction.ts'

/**
 * A day of a zonal day-ahead market in JSON, gzipped or not: curves [hour, zone, d or s, price, quantity], blocks [id,
 * hour, zone, d or s, quantity, price, published decision], links [hour, from, to, least, most flow], exchanges with
 * neighbours [hour, from, to, volume], expected prices. Hours from 1; money and quantity with at most two and three decimals.
 */
export interface Fixture {
  readonly day: string
  /** All that clearing gets to see: no published decision, no expected price. */
  readonly auction: DayAheadAuction
  readonly expected: Expected
}

export interface Expected {
  /** By zone and period, in units of money. */
  readonly prices: readonly { readonly area: string; readonly period: number; readonly price: number }[]
  /** By block id. */
  readonly isAccepted: ReadonlyMap<string, boolean>
}

export class BadFixture extends Error {}

export const ticksPerMoney = 100
export const lotsPerQuantity = 1000

const hour = z.int().min(1).max(25)
const side = z.enum(['d', 's'])
const amount = z.number().positive().max(1e6)
const price = z.number().min(-1e5).max(1e5)
const name = z.string().min(1).max(200)

const fixtureSchema = z.object({
  day: name,
  zones: z.array(name).min(1).max(1000),
  curves: z.array(z.tuple([hour, name, side, price, amount])),
  blocks: z.array(z.tuple([name, hour, name, side, amount, price, name])),
  links: z.array(z.tuple([hour, name, name, z.number(), z.number()])),
  exchanges: z.array(z.tuple([hour, name, name, z.number()])),
  expectedPrices: z.array(z.tuple([hour, name, price])).default([]),
})

type Day = z.infer<typeof fixtureSchema>

export const readFixture = (bytes: Buffer): Fixture => {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
  let json: unknown
  try {
    json = JSON.parse((isGzip ? gunzipSync(bytes) : bytes).toString('utf8'))
  } catch (error) {
    throw new BadFixture(`it is no JSON: ${error instanceof Error ? error.message : error}`)
  }
  const parsed = fixtureSchema.safeParse(json)
  if (!parsed.success) throw new BadFixture(z.prettifyError(parsed.error))
  const day = parsed.data
  return { day: day.day, auction: auctionOf(day), expected: expectedOf(day) }
}

const ticks = (value: number): number => Math.round(value * ticksPerMoney)
const lots = (value: number): number => Math.round(value * lotsPerQuantity)

const auctionOf = (day: Day): DayAheadAuction => {
  const zones = new Set(day.zones)
  const prices = [...day.curves.map(step => step[3]), ...day.blocks.map(block => block[5])]
  const hours = [...day.curves.map(step => step[0]), ...day.links.map(link => link[0])]
  return {
    areas: day.zones,
    periods: hours.reduce((most, each) => Math.max(most, each), 1),
    leastPriceTicks: prices.reduce((least, each) => Math.min(least, ticks(each)), 0),
    mostPriceTicks: prices.reduce((most, each) => Math.max(most, ticks(each)), 0),
    steps: day.curves.flatMap(([hour, area, side, price, quantity], i) =>
      // Noise below the smallest quantity.
      lots(quantity) === 0
        ? []
        : {
            orderId: String(i).padStart(7, '0'),
            area,
            period: hour - 1,
            side: side === 'd' ? 'buy' : 'sell',
            priceTicks: ticks(price),
            lots: lots(quantity),
          },
    ),
    blocks: blocksOf(day),
    lines: day.links.flatMap(([hour, from, to, least, most]) =>
      zones.has(from) && zones.has(to)
        ? { from, to, period: hour - 1, leastLots: lots(least), mostLots: lots(most) }
        : [],
    ),
    // Neighbours are fixed volumes: what flows to one leaves the zone.
    injections: day.exchanges.flatMap(([hour, from, to, volume]) => [
      ...(zones.has(from) ? [{ area: from, period: hour - 1, lots: -lots(volume) }] : []),
      ...(zones.has(to) ? [{ area: to, period: hour - 1, lots: lots(volume) }] : []),
    ]),
  }
}

const blocksOf = (day: Day): BlockOrder[] =>
  [...Map.groupBy(day.blocks, ([id]) => id)].map(([blockId, rows]) => {
    const [first] = rows
    if (first === undefined || rows.some(row => row[5] !== first[5] || row[3] !== first[3]))
      throw new BadFixture(`block ${blockId} has more than one price or side`)
    return {
      blockId,
      side: first[3] === 'd' ? 'buy' : 'sell',
      priceTicks: ticks(first[5]),
      profile: rows.map(([, hour, area, , quantity]) => ({ area, period: hour - 1, lots: lots(quantity) })),
      minimumAcceptanceBasisPoints: fullAcceptanceBasisPoints,
      parentId: null,
      exclusiveGroup: null,
    }
  })

const expectedOf = (day: Day): Expected => ({
  prices: day.expectedPrices.map(([hour, area, price]) => ({ area, period: hour - 1, price })),
  isAccepted: new Map(day.blocks.map(([id, , , , , , decision]) => [id, decision === 'ACC'])),
})

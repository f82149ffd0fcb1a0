import * as z from 'zod'
import { instrumentsOf } from '#adapters/tables/instruments.ts'
import type { listMarkets } from '#protocol/operations/reference.ts'
import { instrumentName } from '#protocol/values.ts'
import { decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { marketOf } from './market-view.ts'

const defaultLimit = 100

/** Of the last on the page; two lanes may know the same name. */
const marketKey = z.tuple([instrumentName, z.number().int()])

export const handle: Handle<typeof listMarkets> = async ({ query, principal }) => {
  const scope = { operation: 'list-markets', account: principal.account }
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, marketKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const lanes = await Promise.all(tenantLanes().map(instrumentsOf))
  const markets = lanes
    .flat()
    .map(marketOf)
    .filter(
      ({ underlying, is_active }) =>
        (query.underlying === undefined || underlying === query.underlying) &&
        (query.is_active === undefined || String(is_active) === query.is_active),
    )
    .sort((one, other) => compare([one.instrument_name, one.lane], [other.instrument_name, other.lane]))
    .filter(({ instrument_name, lane }) => after === undefined || compare([instrument_name, lane], after) > 0)
  const data = markets.slice(0, query.limit ?? defaultLimit)
  const last = data.at(-1)
  return {
    status: 200,
    body: {
      data,
      next_cursor:
        last === undefined || data.length === markets.length
          ? null
          : encodeCursor(scope, [last.instrument_name, last.lane]),
    },
  }
}

type Key = readonly [instrumentName: string, lane: number]

const compare = ([name, lane]: Key, [otherName, otherLane]: Key): number =>
  name === otherName ? lane - otherLane : name < otherName ? -1 : 1

import * as z from 'zod'
import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import type { listMarkets } from '#protocol/operations/reference.ts'
import { instrumentName } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { isTrading, marketOf } from './market-view.ts'

const defaultLimit = 100

/** Of the last on the page; two lanes may know the same name. */
const marketKey = z.tuple([instrumentName, z.number().int()])

export const handle: Handle<typeof listMarkets> = async ({ query, principal }) => {
  const scope = cursorScope('list-markets', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, marketKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const lanes = await Promise.all(tenantLanes().map(instrumentsOf))
  const rows = lanes
    .flat()
    .filter(row => isAskedFor(row, query) && (after === undefined || compare(keyOf(row), after) > 0))
    .sort((one, other) => compare(keyOf(one), keyOf(other)))
  const page = rows.slice(0, query.limit ?? defaultLimit)
  const last = page.at(-1)
  return {
    status: 200,
    body: {
      data: page.map(marketOf),
      next_cursor: last === undefined || page.length === rows.length ? null : encodeCursor(scope, keyOf(last)),
    },
  }
}

const isAskedFor = (row: InstrumentRow, query: Request<typeof listMarkets>['query']): boolean => {
  const { specification, terms } = row.instrument
  const { expirationMillis } = specification
  const holds = (asked: string | undefined, actual: string | undefined): boolean =>
    asked === undefined || asked === actual
  return (
    holds(query.kind, specification.kind) &&
    holds(query.underlying, specification.underlying) &&
    holds(query.index, 'index' in terms ? terms.index : undefined) &&
    holds(query.option_type, terms.kind === 'option' ? terms.optionType : undefined) &&
    holds(query.lifecycle, row.lifecycle) &&
    holds(query.is_active, String(isTrading(row))) &&
    (query.expiration_from === undefined || expirationMillis >= Date.parse(query.expiration_from)) &&
    (query.expiration_to === undefined || expirationMillis < Date.parse(query.expiration_to))
  )
}

type Key = readonly [instrumentName: string, lane: number]

const keyOf = ({ lane, instrument }: InstrumentRow): Key => [instrument.specification.instrumentName, lane]

const compare = ([name, lane]: Key, [otherName, otherLane]: Key): number =>
  name === otherName ? lane - otherLane : name < otherName ? -1 : 1

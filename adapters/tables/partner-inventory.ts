import { GetCommand, TransactWriteCommand, type TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb'
import { hourMillis, type Provider, providers, type ResourceVector } from '#domain/partners/catalogue.ts'
import { type HourUnits, type HourWindow, mostDaysAtOnce } from '#domain/partners/inventory.ts'
import { tables } from '#protocol/tables.ts'
import { type Backoff, failedConditions } from '../backoff.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { vectorOfText, vectorText } from '../resource-vector.ts'
import { store, transact, type Write } from '../writes.ts'

/** What a lot came from: the units of a wholesale contract, or a purchase. */
export const lotKinds = ['contract', 'purchase'] as const
export type LotKind = (typeof lotKinds)[number]

/** `void`: of a purchase that was undone; it never had any units. */
export const lotStates = ['open', 'void'] as const
export type LotState = (typeof lotStates)[number]

/** So many units of one kind in each hour from one instant to another. */
export interface LotRow {
  readonly lotId: string
  readonly kind: LotKind
  readonly state: LotState
  /** Whose it is. */
  readonly account: string
  readonly accountId: number
  readonly lane: number
  readonly provider: Provider
  readonly resourceClass: string
  readonly region: string
  readonly vector: ResourceVector
  readonly units: number
  readonly fromMillis: number
  readonly untilMillis: number
  readonly priceMicrosPerUnitHour: number
  /** The contract or the purchase. */
  readonly reference: string
  readonly createdAtMillis: number
  /** Since when it ends soon with units left, and at what price they are offered to everybody. */
  readonly expiring?: { readonly sinceMillis: number; readonly priceMicrosPerUnitHour: number }
}

const table = tables.partnerInventory
const headRow = 'head'
const dayMillis = 24 * hourMillis
const dayRow = (dayStart: number): string => `day#${new Date(dayStart).toISOString().slice(0, 10)}`
const endsKey = (untilMillis: number, lotId: string): string => `${new Date(untilMillis).toISOString()}#${lotId}`

/** Consistent. */
export const getLot = async (lotId: string): Promise<LotRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lot_id: lotId, row: headRow },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : lotOf(Item)
}

export const lotPut = (row: LotRow): Write => ({
  kind: 'put',
  table,
  item: itemOfLot(row),
  onlyIf: { kind: undefined },
})

/** All or none. What was put first stays: false where one of them was, or was voided before it came. */
export const putLots = (rows: readonly LotRow[]): Promise<boolean> => transact(rows.map(lotPut))

/** Makes a lot of none: whoever comes to put it finds it there. False where somebody uses its units. */
export const voidLot = async (row: LotRow): Promise<boolean> => {
  if (await store(lotPut({ ...row, state: 'void' }))) return true
  const known = await getLot(row.lotId)
  if (known?.state === 'void') return true
  return transact([
    {
      kind: 'update',
      table,
      key: { lot_id: row.lotId, row: headRow },
      set: { lot_state: 'void' },
      remove: ['holder', 'offered_region'],
      // Every change of its hours writes it.
      onlyIf: { lot_state: 'open', changes: 0 },
    },
  ])
}

/** What ends first comes first; from an index, so that a new one may be missing for a moment. */
export const lotsOfHolder = (
  account: string,
  options: { readonly limit: number; readonly after?: string; readonly endsAfterMillis?: number },
): Promise<Page<LotRow>> =>
  page(
    {
      table,
      index: 'by-holder',
      partition: { name: 'holder', value: account },
      sortKeyName: 'ends_key',
      limit: options.limit,
      ...(options.endsAfterMillis === undefined
        ? {}
        : { between: [new Date(options.endsAfterMillis).toISOString(), '~'] }),
      ...(options.after === undefined ? {} : { after: lotKeyAfter({ holder: account }, options.after) }),
    },
    lotOf,
  )

const lotKeyAfter = (partition: Item, after: string): Item => ({
  ...partition,
  ends_key: after,
  lot_id: after.slice(after.indexOf('#') + 1),
  row: headRow,
})

/** Those of a kind that end within a time, the last excluded. */
export const lotsEnding = (kind: LotKind, { fromMillis, untilMillis }: HourWindow): Promise<readonly LotRow[]> =>
  allPages(after =>
    page(
      {
        table,
        index: 'by-kind',
        partition: { name: 'kind', value: kind },
        sortKeyName: 'ends_key',
        between: [after ?? new Date(fromMillis).toISOString(), new Date(untilMillis).toISOString()],
        matching: { lot_state: 'open' },
        limit: lotsOfRead,
      },
      lotOf,
    ),
  )

/** Those that are offered to everybody in a region. */
export const offeredLots = (region: string, afterMillis: number): Promise<readonly LotRow[]> =>
  allPages(after =>
    page(
      {
        table,
        index: 'offered',
        partition: { name: 'offered_region', value: region },
        sortKeyName: 'ends_key',
        between: [after ?? new Date(afterMillis).toISOString(), '~'],
        limit: lotsOfRead,
      },
      lotOf,
    ),
  )

const lotsOfRead = 100

const allPages = async (read: (after: string | undefined) => Promise<Page<LotRow>>): Promise<readonly LotRow[]> => {
  const found: LotRow[] = []
  for (let after: string | undefined; ; ) {
    const { rows, next } = await read(after)
    found.push(...rows)
    if (next === undefined) return found
    after = `${next}~`
  }
}

/** Flags it, once: false where it was flagged, or is void. */
export const flagExpiring = (
  { lotId, region }: LotRow,
  { sinceMillis, priceMicrosPerUnitHour }: NonNullable<LotRow['expiring']>,
): Promise<boolean> =>
  store({
    kind: 'update',
    table,
    key: { lot_id: lotId, row: headRow },
    set: {
      offered_region: region,
      expiring_since_millis: sinceMillis,
      expiring_price_micros: priceMicrosPerUnitHour,
    },
    onlyIf: { lot_state: 'open', expiring_since_millis: undefined },
  })

/** Every hour of the lot within the window, in order; consistent. What is over is told as it was left. */
export const hoursOfLot = async (lot: LotRow, window: HourWindow): Promise<readonly HourUnits[]> => {
  const fromMillis = Math.max(lot.fromMillis, window.fromMillis)
  const untilMillis = Math.min(lot.untilMillis, window.untilMillis)
  if (fromMillis >= untilMillis) return []
  const days = new Map<string, Item>()
  for (let after = dayRow(fromMillis); ; ) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'lot_id', value: lot.lotId },
        sortKeyName: 'row',
        between: [after, dayRow(untilMillis)],
        limit: daysOfRead,
      },
      item => item,
    )
    for (const item of rows) days.set(text(item, 'row'), item)
    if (next === undefined) break
    after = `${next}~`
  }
  const hours: HourUnits[] = []
  for (let at = fromMillis; at < untilMillis; at += hourMillis) {
    const day = days.get(dayRow(at)) ?? {}
    const count = (state: CountedState, otherwise: number): number => {
      const name = attribute(state, at)
      return day[name] === undefined ? otherwise : integer(day, name)
    }
    hours.push({
      hourMillis: at,
      available: count('available', lot.units),
      reserved: count('reserved', 0),
      delivered: count('delivered', 0),
      expired: count('expired', 0),
    })
  }
  return hours
}

const daysOfRead = 100

type CountedState = 'available' | 'reserved' | 'delivered' | 'expired'
const letters = { available: 'a', reserved: 'r', delivered: 'd', expired: 'x' } as const
const attribute = (state: CountedState, at: number): string =>
  `${letters[state]}${String(new Date(at).getUTCHours()).padStart(2, '0')}`

/** From which state into which units go. */
const directions = {
  reserve: ['available', 'reserved'],
  release: ['reserved', 'available'],
  deliver: ['reserved', 'delivered'],
  /** Whoever provides them has taken them back. */
  lose: ['reserved', 'expired'],
} as const
export type UnitMove = keyof typeof directions

export interface MovedUnits {
  readonly lot: LotRow
  readonly window: HourWindow
  readonly units: number
  /** Names the reservation: each of its moves is done once, however often it is asked for. */
  readonly reservationId: string
}

/**
 * Moves units of all hours of a window or of none, once for each reservation. `short`: an hour has not so many, the
 * lot is void or does not reach over the window, or the reservation was withdrawn before. Units are never fewer than none: each hour is
 * changed only where it has as many, in one transaction.
 */
export const moveUnits = async (
  move: UnitMove,
  { lot, window, units, reservationId }: MovedUnits,
): Promise<'moved' | 'moved before' | 'short'> => {
  const { fromMillis, untilMillis } = window
  if (fromMillis < lot.fromMillis || untilMillis > lot.untilMillis || fromMillis >= untilMillis) return 'short'
  if (!Number.isSafeInteger(units) || units < 1 || units > lot.units) return 'short'
  if (daysOf(window).length > mostDaysAtOnce) throw new RangeError(`a move of more than ${mostDaysAtOnce} days`)
  const [from, to] = directions[move]
  const tableName = required(table.environmentVariable)
  const items: NonNullable<TransactWriteCommandInput['TransactItems']> = [
    {
      Put: {
        TableName: tableName,
        Item: { lot_id: lot.lotId, row: moveRow(move, reservationId), units, from: fromMillis, until: untilMillis },
        ConditionExpression: 'attribute_not_exists(lot_id)',
      },
    },
    {
      Update: {
        TableName: tableName,
        Key: { lot_id: lot.lotId, row: headRow },
        UpdateExpression: 'SET changes = changes + :one',
        ConditionExpression: 'lot_state = :open',
        ExpressionAttributeValues: { ':one': 1, ':open': 'open' },
      },
    },
    ...daysOf(window).map(day => ({
      Update: { TableName: tableName, ...dayUpdate(lot, day, window, units, from, to) },
    })),
  ]
  const failed = await failedConditions(
    () => dynamodb().send(new TransactWriteCommand({ TransactItems: items })),
    backoff,
  )
  if (failed === undefined) return 'moved'
  if (failed[0] !== true) return 'short'
  return (await wasWithdrawn(lot.lotId, move, reservationId)) ? 'short' : 'moved before'
}

/** Many want the same hours: whoever comes upon another's transaction tries again for some seconds. */
const backoff: Backoff = { mostAttempts: 25, firstPauseMillis: 15, longestPauseMillis: 400 }

/** Undoes a reservation whether or not it was made; one that was not cannot be made any more. */
export const withdrawReservation = async (moved: MovedUnits): Promise<void> => {
  const { lot, reservationId } = moved
  const isFirst = await store({
    kind: 'put',
    table,
    item: { lot_id: lot.lotId, row: moveRow('reserve', reservationId), withdrawn: true },
    onlyIf: { lot_id: undefined },
  })
  if (isFirst || (await wasWithdrawn(lot.lotId, 'reserve', reservationId))) return
  if ((await moveUnits('release', moved)) === 'short')
    throw new Error(`what ${reservationId} has reserved of ${lot.lotId} is not there to be released`)
}

const moveRow = (move: UnitMove, reservationId: string): string => `move#${reservationId}#${move}`

const wasWithdrawn = async (lotId: string, move: UnitMove, reservationId: string): Promise<boolean> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lot_id: lotId, row: moveRow(move, reservationId) },
      ConsistentRead: true,
    }),
  )
  return Item?.['withdrawn'] === true
}

const daysOf = ({ fromMillis, untilMillis }: HourWindow): readonly number[] => {
  const days: number[] = []
  for (let day = Math.floor(fromMillis / dayMillis) * dayMillis; day < untilMillis; day += dayMillis) days.push(day)
  return days
}

/** An hour that nobody has touched has no attributes: all of the lot's units are to be had in it. */
const dayUpdate = (
  lot: LotRow,
  day: number,
  { fromMillis, untilMillis }: HourWindow,
  units: number,
  from: CountedState,
  to: CountedState,
) => {
  const sets: string[] = []
  const conditions: string[] = []
  const untouched = (state: CountedState): string => (state === 'available' ? ':all' : ':none')
  const first = Math.max(day, fromMillis)
  const last = Math.min(day + dayMillis, untilMillis)
  for (let at = first; at < last; at += hourMillis) {
    const [source, target] = [attribute(from, at), attribute(to, at)]
    sets.push(`${source} = if_not_exists(${source}, ${untouched(from)}) - :units`)
    sets.push(`${target} = if_not_exists(${target}, ${untouched(to)}) + :units`)
    conditions.push(
      from === 'available' ? `(attribute_not_exists(${source}) OR ${source} >= :units)` : `${source} >= :units`,
    )
  }
  const usesAll = from === 'available' || to === 'available'
  const usesNone = from !== 'available' || to !== 'available'
  return {
    Key: { lot_id: lot.lotId, row: dayRow(day) },
    UpdateExpression: `SET ${sets.join(', ')}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeValues: {
      ':units': units,
      ...(usesAll ? { ':all': lot.units } : {}),
      ...(usesNone ? { ':none': 0 } : {}),
    },
  }
}

const itemOfLot = (row: LotRow): Item => ({
  lot_id: row.lotId,
  row: headRow,
  kind: row.kind,
  lot_state: row.state,
  ...(row.state === 'open' && { holder: row.account }),
  ends_key: endsKey(row.untilMillis, row.lotId),
  account: row.account,
  account_id: row.accountId,
  lane: row.lane,
  provider: row.provider,
  resource_class: row.resourceClass,
  region: row.region,
  vector: vectorText(row.vector),
  units: row.units,
  from_millis: row.fromMillis,
  until_millis: row.untilMillis,
  price_micros: row.priceMicrosPerUnitHour,
  reference: row.reference,
  created_at_millis: row.createdAtMillis,
  /** How often its hours were changed. */
  changes: 0,
  ...(row.expiring !== undefined && {
    expiring_since_millis: row.expiring.sinceMillis,
    expiring_price_micros: row.expiring.priceMicrosPerUnitHour,
  }),
})

/** Undefined where the item is no lot's head. */
export const lotOfChange = (item: Item): LotRow | undefined => (item['row'] === headRow ? lotOf(item) : undefined)

const lotOf = (item: Item): LotRow => {
  const since = optional('sinceMillis', item, 'expiring_since_millis', integer)
  return {
    lotId: text(item, 'lot_id'),
    kind: oneOf(item, 'kind', lotKinds),
    state: oneOf(item, 'lot_state', lotStates),
    account: text(item, 'account'),
    accountId: integer(item, 'account_id'),
    lane: integer(item, 'lane'),
    provider: oneOf(item, 'provider', providers),
    resourceClass: text(item, 'resource_class'),
    region: text(item, 'region'),
    vector: vectorOfText(text(item, 'vector')),
    units: integer(item, 'units'),
    fromMillis: integer(item, 'from_millis'),
    untilMillis: integer(item, 'until_millis'),
    priceMicrosPerUnitHour: integer(item, 'price_micros'),
    reference: text(item, 'reference'),
    createdAtMillis: integer(item, 'created_at_millis'),
    ...(since.sinceMillis !== undefined && {
      expiring: {
        sinceMillis: since.sinceMillis,
        priceMicrosPerUnitHour: integer(item, 'expiring_price_micros'),
      },
    }),
  }
}

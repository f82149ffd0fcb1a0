import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Instrument } from '#domain/reference/instrument.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, text, truth } from '../items.ts'
import type { Write } from '../writes.ts'

export interface InstrumentRow {
  readonly lane: number
  readonly instrument: Instrument
  readonly isActive: boolean
  readonly listedAtMillis: number
}

const table = tables.instruments

/** All of a lane, by name; consistent. */
export const listInstruments = async (lane: number): Promise<readonly InstrumentRow[]> => {
  const rows: InstrumentRow[] = []
  let from: Item | undefined
  do {
    const { Items = [], LastEvaluatedKey } = await dynamodb().send(
      new QueryCommand({
        TableName: required(table.environmentVariable),
        ConsistentRead: true,
        KeyConditionExpression: 'lane = :lane',
        ExpressionAttributeValues: { ':lane': String(lane) },
        ...(from === undefined ? {} : { ExclusiveStartKey: { ...from } }),
      }),
    )
    rows.push(...Items.map(rowOf))
    from = LastEvaluatedKey
  } while (from !== undefined)
  return rows
}

/** As in the process's copy, which is at most two seconds old; a name that it lacks is looked for in the table at once. */
export const getInstrument = (lane: number, instrumentName: string): Promise<InstrumentRow | undefined> =>
  find(lane, ({ byName }) => byName.get(instrumentName))

/** As getInstrument, by the number that events and commands carry. */
export const getInstrumentById = (lane: number, instrumentId: number): Promise<InstrumentRow | undefined> =>
  find(lane, ({ byId }) => byId.get(instrumentId))

/** All of a lane, by name, as they were at most two seconds ago. */
export const instrumentsOf = async (lane: number): Promise<readonly InstrumentRow[]> => (await fresh(lane)).rows

interface Copy {
  readonly rows: readonly InstrumentRow[]
  readonly byName: ReadonlyMap<string, InstrumentRow>
  readonly byId: ReadonlyMap<number, InstrumentRow>
  readonly readAtMillis: number
}

const mostAgeMillis = 2_000
const copies = new Map<number, Copy>()
/** For each lane the read under way, and the one that begins after it. */
const reads = new Map<number, { readonly underWay: Promise<Copy>; next?: Promise<Copy> }>()

/** For tests, whose tables come and go. */
export const forgetInstruments = (): void => {
  copies.clear()
  reads.clear()
}

const fresh = async (lane: number): Promise<Copy> => {
  const copy = copies.get(lane)
  if (copy !== undefined && performance.now() - copy.readAtMillis < mostAgeMillis) return copy
  return reads.get(lane)?.underWay ?? read(lane)
}

const find = async (
  lane: number,
  inside: (copy: Copy) => InstrumentRow | undefined,
): Promise<InstrumentRow | undefined> => inside(await fresh(lane)) ?? inside(await readAnew(lane))

/** A read that begins after the call, so that it sees what was there then; all who ask meanwhile share it. */
const readAnew = (lane: number): Promise<Copy> => {
  const current = reads.get(lane)
  if (current === undefined) return read(lane)
  current.next ??= current.underWay.then(
    () => read(lane),
    () => read(lane),
  )
  return current.next
}

const read = async (lane: number): Promise<Copy> => {
  const underWay = listInstruments(lane).then(copyOf)
  const current = { underWay }
  reads.set(lane, current)
  try {
    const copy = await underWay
    copies.set(lane, copy)
    return copy
  } finally {
    if (reads.get(lane) === current) reads.delete(lane)
  }
}

const copyOf = (rows: readonly InstrumentRow[]): Copy => ({
  rows,
  byName: new Map(rows.map(row => [row.instrument.specification.instrumentName, row])),
  byId: new Map(rows.map(row => [row.instrument.instrumentId, row])),
  readAtMillis: performance.now(),
})

export const instrumentPut = ({ lane, instrument, isActive, listedAtMillis }: InstrumentRow): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(lane),
    instrument_name: instrument.specification.instrumentName,
    instrument_id: instrument.instrumentId,
    specification_version: instrument.specificationVersion,
    kind: instrument.specification.kind,
    underlying: instrument.specification.underlying,
    quote_currency: instrument.specification.quoteCurrency,
    tick_size: instrument.specification.tickSize,
    min_trade_amount: instrument.specification.minTradeAmount,
    contract_size: instrument.specification.contractSize,
    max_price: instrument.specification.maxPrice,
    max_price_ticks: instrument.maxPriceTicks,
    micros_per_tick_lot: instrument.microsPerTickLot,
    maker_commission_ppm: instrument.specification.makerCommissionPpm,
    taker_commission_ppm: instrument.specification.takerCommissionPpm,
    expiration_millis: instrument.specification.expirationMillis,
    is_active: isActive,
    listed_at_millis: listedAtMillis,
  },
})

export const instrumentExpiry = (lane: number, instrumentName: string): Write => ({
  kind: 'update',
  table,
  key: { lane: String(lane), instrument_name: instrumentName },
  set: { is_active: false },
})

const rowOf = (item: Item): InstrumentRow => ({
  lane: Number(text(item, 'lane')),
  instrument: {
    instrumentId: integer(item, 'instrument_id'),
    specificationVersion: integer(item, 'specification_version'),
    specification: {
      instrumentName: text(item, 'instrument_name'),
      kind: oneOf(item, 'kind', ['future']),
      underlying: text(item, 'underlying'),
      quoteCurrency: oneOf(item, 'quote_currency', ['USD']),
      tickSize: text(item, 'tick_size'),
      minTradeAmount: text(item, 'min_trade_amount'),
      contractSize: text(item, 'contract_size'),
      maxPrice: text(item, 'max_price'),
      expirationMillis: integer(item, 'expiration_millis'),
      makerCommissionPpm: integer(item, 'maker_commission_ppm'),
      takerCommissionPpm: integer(item, 'taker_commission_ppm'),
    },
    microsPerTickLot: integer(item, 'micros_per_tick_lot'),
    maxPriceTicks: integer(item, 'max_price_ticks'),
    maxCommissionPpm: Math.max(integer(item, 'maker_commission_ppm'), integer(item, 'taker_commission_ppm')),
  },
  isActive: truth(item, 'is_active'),
  listedAtMillis: integer(item, 'listed_at_millis'),
})

import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { contractKinds, readContractTerms } from '#domain/reference/contract-terms.ts'
import {
  type ContractSpecification,
  type Instrument,
  noPositionLimit,
  plainFuture,
  type Settlement,
  settlements,
} from '#domain/reference/instrument.ts'
import { type Lifecycle, lifecycles } from '#domain/reference/lifecycle.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import type { Write } from '../writes.ts'

export interface InstrumentRow {
  readonly lane: number
  readonly instrument: Instrument
  /** False once it expired or was delisted. */
  readonly isActive: boolean
  readonly lifecycle: Lifecycle
  readonly listedAtMillis: number
  /** When it expired or was delisted. */
  readonly closedAtMillis?: number
  /** When its final settlement was made. */
  readonly settledAtMillis?: number
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
    rows.push(...Items.map(instrumentRowOf))
    from = LastEvaluatedKey
  } while (from !== undefined)
  return rows
}

/** As it is in the table: for whoever was just told that it has changed. */
export const readInstrument = async (lane: number, instrumentName: string): Promise<InstrumentRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lane: String(lane), instrument_name: instrumentName },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : instrumentRowOf(Item)
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

/** As it is listed, unless told how far it has come. */
export const instrumentPut = ({
  lane,
  instrument,
  isActive,
  lifecycle = isActive ? 'active' : 'expired',
  listedAtMillis,
  closedAtMillis,
  settledAtMillis,
}: Omit<InstrumentRow, 'lifecycle'> & Partial<Pick<InstrumentRow, 'lifecycle'>>): Write => {
  const { specification } = instrument
  return {
    kind: 'put',
    table,
    item: {
      lane: String(lane),
      instrument_name: specification.instrumentName,
      instrument_id: instrument.instrumentId,
      kind: specification.kind,
      underlying: specification.underlying,
      quote_currency: specification.quoteCurrency,
      settlement: specification.settlement,
      tick_size: specification.tickSize,
      min_trade_amount: specification.minTradeAmount,
      contract_size: specification.contractSize,
      max_price: specification.maxPrice,
      maker_commission_ppm: specification.makerCommissionPpm,
      taker_commission_ppm: specification.takerCommissionPpm,
      position_limit: specification.positionLimit,
      position_limit_lots: instrument.positionLimitLots,
      terms: specification.terms,
      expiration_millis: specification.expirationMillis,
      ...adjusted(instrument),
      is_active: isActive,
      lifecycle,
      listed_at_millis: listedAtMillis,
      ...(closedAtMillis === undefined ? {} : { closed_at_millis: closedAtMillis }),
      ...(settledAtMillis === undefined ? {} : { settled_at_millis: settledAtMillis }),
    },
  }
}

/** What changes of an instrument when a leg of it is settled, or a distribution paid. */
const adjusted = (instrument: Instrument): Item => ({
  specification_version: instrument.specificationVersion,
  max_price_ticks: instrument.maxPriceTicks,
  micros_per_tick_lot: instrument.microsPerTickLot,
  settled_legs: instrument.settledLegs,
  distributed_ticks: instrument.distributedTicks,
})

const update = (lane: number, instrumentName: string, set: Item): Write => ({
  kind: 'update',
  table,
  key: { lane: String(lane), instrument_name: instrumentName },
  set,
})

/** The instrument is this one from now on. */
export const instrumentAdjustment = (lane: number, instrument: Instrument): Write =>
  update(lane, instrument.specification.instrumentName, adjusted(instrument))

export const instrumentClosed = (
  lane: number,
  instrumentName: string,
  lifecycle: 'expired' | 'delisted',
  atMillis: number,
): Write => update(lane, instrumentName, { is_active: false, lifecycle, closed_at_millis: atMillis })

/** Its final settlement is made. */
export const instrumentSettled = (lane: number, instrumentName: string, atMillis: number): Write =>
  update(lane, instrumentName, { is_active: false, lifecycle: 'settled', settled_at_millis: atMillis })

/** Also for images of the table's stream. Rows of the first version lack what only later contracts have. */
export const instrumentRowOf = (item: Item): InstrumentRow => {
  const specification = specificationOf(item)
  const terms = readContractTerms(specification.kind, specification.terms, specification)
  if (!terms.accepted) throw new Error(`the terms of ${specification.instrumentName} cannot be read: ${terms.detail}`)
  const isActive = truth(item, 'is_active')
  return {
    lane: Number(text(item, 'lane')),
    instrument: {
      instrumentId: integer(item, 'instrument_id'),
      specificationVersion: integer(item, 'specification_version'),
      specification,
      terms: terms.value,
      microsPerTickLot: integer(item, 'micros_per_tick_lot'),
      maxPriceTicks: integer(item, 'max_price_ticks'),
      positionLimitLots: known(item, 'position_limit_lots', noPositionLimit, integer),
      settledLegs: known(item, 'settled_legs', 0, integer),
      distributedTicks: known(item, 'distributed_ticks', 0, integer),
      maxCommissionPpm: Math.max(specification.makerCommissionPpm, specification.takerCommissionPpm),
    },
    isActive,
    lifecycle: known(item, 'lifecycle', isActive ? 'active' : 'expired', lifecycleOf),
    listedAtMillis: integer(item, 'listed_at_millis'),
    ...optional('closedAtMillis', item, 'closed_at_millis', integer),
    ...optional('settledAtMillis', item, 'settled_at_millis', integer),
  }
}

const specificationOf = (item: Item): ContractSpecification => ({
  instrumentName: text(item, 'instrument_name'),
  kind: oneOf(item, 'kind', contractKinds),
  underlying: text(item, 'underlying'),
  quoteCurrency: oneOf(item, 'quote_currency', ['USD']),
  settlement: known<Settlement>(item, 'settlement', plainFuture.settlement, (from, name) =>
    oneOf(from, name, settlements),
  ),
  tickSize: text(item, 'tick_size'),
  minTradeAmount: text(item, 'min_trade_amount'),
  contractSize: text(item, 'contract_size'),
  maxPrice: text(item, 'max_price'),
  expirationMillis: integer(item, 'expiration_millis'),
  makerCommissionPpm: integer(item, 'maker_commission_ppm'),
  takerCommissionPpm: integer(item, 'taker_commission_ppm'),
  positionLimit: known(item, 'position_limit', plainFuture.positionLimit, text),
  terms: known(item, 'terms', plainFuture.terms, text),
})

const lifecycleOf = (item: Item, name: string): Lifecycle => oneOf(item, name, lifecycles)

const known = <Value>(item: Item, name: string, otherwise: Value, read: (item: Item, name: string) => Value): Value =>
  item[name] === undefined ? otherwise : read(item, name)

import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Provider, providers } from '#domain/partners/catalogue.ts'
import {
  type BuyInState,
  buyInStates,
  type DeliveryClaim,
  type DeliveryPart,
  type DeliveryProgress,
  type DeliveryState,
  deliveryEnds,
  deliveryStates,
  partStates,
} from '#domain/settlement/physical-delivery.ts'
import { type DeliveryOutcome, deliveryOutcomes } from '#domain/trading/commands.ts'
import {
  type ProvisioningOutcome,
  type ProvisioningStep,
  provisioningOutcomes,
  provisioningSteps,
} from '#protocol/provisioning.ts'
import { tables } from '#protocol/tables.ts'
import { accountNumberOf } from '../account-keys.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemIn, itemsOf, listOf, oneOf, optional, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

/** What the engine said, and the contract's terms: never changed. */
export interface Obligation {
  readonly deliveryId: string
  readonly lane: number
  readonly instrumentId: number
  readonly instrumentName: string
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly microsPerTickLot: number
  readonly index: string
  readonly deliveryNumber: number
  readonly buyAccountId: number
  readonly sellAccountId: number
  readonly lots: number
  readonly priceTicks: number
  readonly invoiceMicros: number
  readonly penaltyPpm: number
  readonly startMillis: number
  readonly endMillis: number
  readonly obligatedAtMillis: number
}

export interface Imbalance {
  readonly priceTicks: number
  readonly source: string
}

/** What is bought of partners for what the seller could not have provisioned: stored before it is asked for. */
export interface BuyIn {
  /** By which it is provisioned. */
  readonly attempt: number
  readonly state: BuyInState
  /** The seller's. */
  readonly account: string
  readonly offerId: string
  readonly provider: Provider
  readonly lots: number
  /** As many as these lots need, of what is purchased. */
  readonly units: number
  readonly purchasedUnits: number
  readonly partsPerUnit: number
  readonly priceMicrosPerUnitHour: number
  /** Of all that is purchased; of what was bought, what was paid. */
  readonly costMicros: number
  readonly begunAtMillis: number
  /** Once it is known. */
  readonly purchaseId?: string
  /** Of the seller's inventory, once its units are reserved for the delivery. */
  readonly lotId?: string
}

/** An obligation, and how far it has come. */
export interface DeliveryRow extends Obligation, DeliveryProgress {
  /** Counts its changes, from 1; that of the last one in its timeline. */
  readonly revision: number
  /** How often something was asked to be released. */
  readonly releases: number
  /** Counts how often its workflow was started, from 1. */
  readonly execution: number
  readonly updatedAtMillis: number
  /** Stored before anything follows from it, and never changed again. */
  readonly imbalance?: Imbalance
  readonly buyIn?: BuyIn
  /** Why its workflow broke, and when; it is started again. */
  readonly failure?: string
  readonly brokenAtMillis?: number
}

export interface TimelineRow {
  readonly deliveryId: string
  readonly sequence: number
  readonly state: DeliveryState
  readonly attempt: number
  readonly lots: number
  readonly reason?: string
  readonly atMillis: number
  /** For whoever announces it. */
  readonly lane: number
  readonly instrumentName: string
  readonly minTradeAmount: string
  readonly buyAccountId: number
  readonly sellAccountId: number
}

/** What the provisioning service was asked and what it said, stored before it is asked: one for each delivery#step#attempt. */
export interface RequestRow {
  readonly deliveryId: string
  readonly step: ProvisioningStep
  readonly attempt: number
  readonly lots: number
  /** `closed`: nobody waits for an answer any more. */
  readonly state: 'requested' | 'answered' | 'closed'
  readonly callbackToken: string
  readonly taskToken: string
  readonly requestedAtMillis: number
  /** Of a release: what is to be given back. */
  readonly attempts: readonly number[]
  readonly answer?: Answer
  readonly answeredAtMillis?: number
}

export interface Answer {
  readonly outcome: ProvisioningOutcome
  readonly lots: number
  readonly reason?: string
}

/** What the engine has settled of it. */
export interface DeliveryPayment {
  readonly deliveryId: string
  readonly commandId: string
  readonly lots: number
  readonly outcome: DeliveryOutcome
  readonly invoiceMicros: number
  readonly compensationMicros: number
  readonly atMillis: number
}

const table = tables.deliveries
const headRow = 'head'
const obligationRow = 'obligation'
const timelineRow = (sequence: number): string => `timeline#${String(sequence).padStart(6, '0')}`
const requestRow = (step: ProvisioningStep, attempt: number): string =>
  `request#${step}#${String(attempt).padStart(4, '0')}`
const paymentRow = (commandId: string): string => `payment#${commandId}`

/** Sorts by time; with the id it names one delivery. */
const obligatedKeyOf = ({ obligatedAtMillis, deliveryId }: Obligation): string =>
  `${new Date(obligatedAtMillis).toISOString()}#${deliveryId}`

const get = async (deliveryId: string, row: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { delivery_id: deliveryId, row },
      ConsistentRead: true,
    }),
  )
  return Item
}

// ——— What the engine said

/** By the projector, in the transaction in which what both sides hold changes. */
export const obligationPut = (obligation: Obligation): Write => ({
  kind: 'put',
  table,
  item: {
    ...obligationItem(obligation),
    row: obligationRow,
    open_lane: String(obligation.lane),
    obligated_key: obligatedKeyOf(obligation),
  },
})

/** The same of a payment. */
export const deliveryPaymentPut = (payment: DeliveryPayment): Write => ({
  kind: 'put',
  table,
  item: {
    delivery_id: payment.deliveryId,
    row: paymentRow(payment.commandId),
    command_id: payment.commandId,
    lots: payment.lots,
    outcome: payment.outcome,
    invoice_micros: payment.invoiceMicros,
    compensation_micros: payment.compensationMicros,
    at_millis: payment.atMillis,
  },
})

/** Undefined where the image of the table's stream is of another row. */
export const obligationOfItem = (item: Item): Obligation | undefined =>
  text(item, 'row') === obligationRow ? obligationOf(item) : undefined

/** The same of a change of state. */
export const timelineOfItem = (item: Item): TimelineRow | undefined =>
  text(item, 'row').startsWith('timeline#') ? timelineOf(item) : undefined

// ——— Heads and timelines

/** Consistent. */
export const getDelivery = async (deliveryId: string): Promise<DeliveryRow | undefined> => {
  const item = await get(deliveryId, headRow)
  return item === undefined ? undefined : headOf(item)
}

/** With the first row of its timeline; false where there is one already. From then on the head tells that it is open. */
export const createDelivery = (row: DeliveryRow, first: TimelineRow): Promise<boolean> =>
  transact([headPut(row, undefined), timelinePut(first), obligationClosed(row.deliveryId)])

/** Where a replay of the engine's word has opened it again beside its head. */
export const closeObligation = async ({ deliveryId }: Obligation): Promise<void> => {
  await store(obligationClosed(deliveryId))
}

const obligationClosed = (deliveryId: string): Write => ({
  kind: 'update',
  table,
  key: { delivery_id: deliveryId, row: obligationRow },
  set: {},
  remove: ['open_lane'],
})

/** Only where it is as it was read, with what is added to its timeline and what else goes with it; false where it is not. */
export const replaceDelivery = (
  row: DeliveryRow,
  read: DeliveryRow,
  more: { readonly timeline: readonly TimelineRow[]; readonly request?: RequestChange } = { timeline: [] },
): Promise<boolean> =>
  transact([
    headPut(row, read),
    ...more.timeline.map(timelinePut),
    ...(more.request === undefined ? [] : [requestPut(more.request.row, more.request.read)]),
  ])

const headPut = (row: DeliveryRow, read: DeliveryRow | undefined): Write => ({
  kind: 'put',
  table,
  item: {
    ...obligationItem(row),
    row: headRow,
    obligated_key: obligatedKeyOf(row),
    buyer_number: accountNumberOf(row.lane, row.buyAccountId),
    seller_number: accountNumberOf(row.lane, row.sellAccountId),
    open_lane: isOver(row) ? undefined : String(row.lane),
    delivery_state: row.state,
    attempt: row.attempt,
    parts: row.parts,
    claims: row.claims.map(({ attempt, isReleased }) => ({ attempt, is_released: isReleased })),
    revision: row.revision,
    releases: row.releases,
    execution: row.execution,
    updated_at_millis: row.updatedAtMillis,
    imbalance_ticks: row.imbalance?.priceTicks,
    imbalance_source: row.imbalance?.source,
    buy_in: row.buyIn === undefined ? undefined : buyInItem(row.buyIn),
    failure: row.failure,
    broken_at_millis: row.brokenAtMillis,
  },
  onlyIf: { updated_at_millis: read?.updatedAtMillis, revision: read?.revision },
})

/** Paid, and nothing is left behind. */
const isOver = ({ state, claims }: DeliveryRow): boolean =>
  deliveryEnds.has(state) && claims.every(({ isReleased }) => isReleased)

/** A change of state, in the transaction in which it happens. */
export const timelinePut = (row: TimelineRow): Write => ({
  kind: 'put',
  table,
  item: {
    delivery_id: row.deliveryId,
    row: timelineRow(row.sequence),
    sequence: row.sequence,
    delivery_state: row.state,
    attempt: row.attempt,
    lots: row.lots,
    reason: row.reason,
    at_millis: row.atMillis,
    lane: row.lane,
    instrument_name: row.instrumentName,
    min_trade_amount: row.minTradeAmount,
    buy_account_id: row.buyAccountId,
    sell_account_id: row.sellAccountId,
  },
})

const obligationItem = (row: Obligation): Item => ({
  delivery_id: row.deliveryId,
  lane: row.lane,
  instrument_id: row.instrumentId,
  instrument_name: row.instrumentName,
  tick_size: row.tickSize,
  min_trade_amount: row.minTradeAmount,
  micros_per_tick_lot: row.microsPerTickLot,
  index: row.index,
  delivery_number: row.deliveryNumber,
  buy_account_id: row.buyAccountId,
  sell_account_id: row.sellAccountId,
  lots: row.lots,
  price_ticks: row.priceTicks,
  invoice_micros: row.invoiceMicros,
  penalty_ppm: row.penaltyPpm,
  start_millis: row.startMillis,
  end_millis: row.endMillis,
  obligated_at_millis: row.obligatedAtMillis,
})

const obligationOf = (item: Item): Obligation => ({
  deliveryId: text(item, 'delivery_id'),
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  instrumentName: text(item, 'instrument_name'),
  tickSize: text(item, 'tick_size'),
  minTradeAmount: text(item, 'min_trade_amount'),
  microsPerTickLot: integer(item, 'micros_per_tick_lot'),
  index: text(item, 'index'),
  deliveryNumber: integer(item, 'delivery_number'),
  buyAccountId: integer(item, 'buy_account_id'),
  sellAccountId: integer(item, 'sell_account_id'),
  lots: integer(item, 'lots'),
  priceTicks: integer(item, 'price_ticks'),
  invoiceMicros: integer(item, 'invoice_micros'),
  penaltyPpm: integer(item, 'penalty_ppm'),
  startMillis: integer(item, 'start_millis'),
  endMillis: integer(item, 'end_millis'),
  obligatedAtMillis: integer(item, 'obligated_at_millis'),
})

const headOf = (item: Item): DeliveryRow => ({
  ...obligationOf(item),
  state: oneOf(item, 'delivery_state', deliveryStates),
  attempt: integer(item, 'attempt'),
  parts: itemsOf(item, 'parts').map(partOf),
  claims: itemsOf(item, 'claims').map(claimOf),
  revision: integer(item, 'revision'),
  releases: integer(item, 'releases'),
  execution: integer(item, 'execution'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...(item['imbalance_ticks'] === undefined
    ? {}
    : { imbalance: { priceTicks: integer(item, 'imbalance_ticks'), source: text(item, 'imbalance_source') } }),
  ...optional('buyIn', item, 'buy_in', buyInOf),
  ...optional('failure', item, 'failure', text),
  ...optional('brokenAtMillis', item, 'broken_at_millis', integer),
})

const buyInItem = (row: BuyIn): Item => ({
  attempt: row.attempt,
  buy_in_state: row.state,
  account: row.account,
  offer_id: row.offerId,
  provider: row.provider,
  lots: row.lots,
  units: row.units,
  purchased_units: row.purchasedUnits,
  parts_per_unit: row.partsPerUnit,
  price_micros: row.priceMicrosPerUnitHour,
  cost_micros: row.costMicros,
  begun_at_millis: row.begunAtMillis,
  purchase_id: row.purchaseId,
  lot_id: row.lotId,
})

const buyInOf = (head: Item, name: string): BuyIn => {
  const item = itemIn(head, name)
  return {
    attempt: integer(item, 'attempt'),
    state: oneOf(item, 'buy_in_state', buyInStates),
    account: text(item, 'account'),
    offerId: text(item, 'offer_id'),
    provider: oneOf(item, 'provider', providers),
    lots: integer(item, 'lots'),
    units: integer(item, 'units'),
    purchasedUnits: integer(item, 'purchased_units'),
    partsPerUnit: integer(item, 'parts_per_unit'),
    priceMicrosPerUnitHour: integer(item, 'price_micros'),
    costMicros: integer(item, 'cost_micros'),
    begunAtMillis: integer(item, 'begun_at_millis'),
    ...optional('purchaseId', item, 'purchase_id', text),
    ...optional('lotId', item, 'lot_id', text),
  }
}

const partOf = (item: Item): DeliveryPart => ({
  part: integer(item, 'part'),
  lots: integer(item, 'lots'),
  state: oneOf(item, 'state', partStates),
  attempt: integer(item, 'attempt'),
})

const claimOf = (item: Item): DeliveryClaim => ({
  attempt: integer(item, 'attempt'),
  isReleased: truth(item, 'is_released'),
})

const timelineOf = (item: Item): TimelineRow => ({
  deliveryId: text(item, 'delivery_id'),
  sequence: integer(item, 'sequence'),
  state: oneOf(item, 'delivery_state', deliveryStates),
  attempt: integer(item, 'attempt'),
  lots: integer(item, 'lots'),
  ...optional('reason', item, 'reason', text),
  atMillis: integer(item, 'at_millis'),
  lane: integer(item, 'lane'),
  instrumentName: text(item, 'instrument_name'),
  minTradeAmount: text(item, 'min_trade_amount'),
  buyAccountId: integer(item, 'buy_account_id'),
  sellAccountId: integer(item, 'sell_account_id'),
})

// ——— Requests to the provisioning service

interface RequestChange {
  readonly row: RequestRow
  readonly read: RequestRow | undefined
}

/** Consistent. */
export const getRequest = async (
  deliveryId: string,
  step: ProvisioningStep,
  attempt: number,
): Promise<RequestRow | undefined> => {
  const item = await get(deliveryId, requestRow(step, attempt))
  return item === undefined ? undefined : requestOf(item)
}

/** Only where it is as it was read; false where it is not. */
export const replaceRequest = (row: RequestRow, read: RequestRow | undefined): Promise<boolean> =>
  store(requestPut(row, read))

const requestPut = (row: RequestRow, read: RequestRow | undefined): Write => ({
  kind: 'put',
  table,
  item: {
    delivery_id: row.deliveryId,
    row: requestRow(row.step, row.attempt),
    step: row.step,
    attempt: row.attempt,
    lots: row.lots,
    request_state: row.state,
    callback_token: row.callbackToken,
    task_token: row.taskToken,
    requested_at_millis: row.requestedAtMillis,
    attempts: row.attempts,
    outcome: row.answer?.outcome,
    answered_lots: row.answer?.lots,
    reason: row.answer?.reason,
    answered_at_millis: row.answeredAtMillis,
  },
  onlyIf: { request_state: read?.state, callback_token: read?.callbackToken },
})

const requestOf = (item: Item): RequestRow => ({
  deliveryId: text(item, 'delivery_id'),
  step: oneOf(item, 'step', provisioningSteps),
  attempt: integer(item, 'attempt'),
  lots: integer(item, 'lots'),
  state: oneOf(item, 'request_state', ['requested', 'answered', 'closed']),
  callbackToken: text(item, 'callback_token'),
  taskToken: text(item, 'task_token'),
  requestedAtMillis: integer(item, 'requested_at_millis'),
  attempts: listOf(item, 'attempts').map(Number),
  ...(item['outcome'] === undefined ? {} : { answer: answerOf(item) }),
  ...optional('answeredAtMillis', item, 'answered_at_millis', integer),
})

const answerOf = (item: Item): Answer => ({
  outcome: oneOf(item, 'outcome', provisioningOutcomes),
  lots: integer(item, 'answered_lots'),
  ...optional('reason', item, 'reason', text),
})

// ——— Reading

export interface DeliveryDetail {
  readonly head: DeliveryRow
  readonly timeline: readonly TimelineRow[]
  readonly payments: readonly DeliveryPayment[]
}

const rowsOfRead = 200

/** All of it but the requests; consistent. */
export const getDeliveryDetail = async (deliveryId: string): Promise<DeliveryDetail | undefined> => {
  const head = await getDelivery(deliveryId)
  if (head === undefined) return undefined
  const between = (prefix: string): readonly [string, string] => [`${prefix}#`, `${prefix}#~`]
  const partition = { name: 'delivery_id', value: deliveryId }
  const [timeline, payments] = await Promise.all([
    page({ table, partition, sortKeyName: 'row', between: between('timeline'), limit: rowsOfRead }, timelineOf),
    page({ table, partition, sortKeyName: 'row', between: between('payment'), limit: rowsOfRead }, paymentOf),
  ])
  return { head, timeline: timeline.rows, payments: payments.rows }
}

const paymentOf = (item: Item): DeliveryPayment => ({
  deliveryId: text(item, 'delivery_id'),
  commandId: text(item, 'command_id'),
  lots: integer(item, 'lots'),
  outcome: oneOf(item, 'outcome', deliveryOutcomes),
  invoiceMicros: integer(item, 'invoice_micros'),
  compensationMicros: integer(item, 'compensation_micros'),
  atMillis: integer(item, 'at_millis'),
})

export interface DeliveryFilter {
  readonly instrumentName?: string | undefined
  readonly state?: DeliveryState | undefined
}

/** Of an account on one of the sides, newest first, by an index: a new one may be missing for a moment. */
export const deliveriesOfAccount = (
  side: 'buyer' | 'seller',
  { lane, accountId }: { readonly lane: number; readonly accountId: number },
  { instrumentName, state }: DeliveryFilter,
  options: { readonly limit: number; readonly after?: string | undefined },
): Promise<Page<DeliveryRow>> => {
  const name = `${side}_number`
  const value = accountNumberOf(lane, accountId)
  const { limit, after } = options
  return page(
    {
      table,
      index: `by-${side}`,
      partition: { name, value },
      sortKeyName: 'obligated_key',
      newestFirst: true,
      matching: { instrument_name: instrumentName, delivery_state: state },
      limit,
      ...(after === undefined ? {} : { after: wholeKey(name, value, after) }),
    },
    headOf,
  )
}

/** Where a row of that name begins in an index, whether or not the row is there. */
const wholeKey = (name: string, value: string, obligatedKey: string): Item => ({
  [name]: value,
  obligated_key: obligatedKey,
  delivery_id: obligatedKey.slice(obligatedKey.indexOf('#') + 1),
  row: headRow,
})

/** Where a list of deliveries goes on. */
export const obligatedKeyOfDelivery = (row: DeliveryRow): string => obligatedKeyOf(row)

export interface OpenDeliveries {
  /** That have no head yet, as far as the index knows. */
  readonly obligations: readonly Obligation[]
  readonly deliveries: readonly DeliveryRow[]
}

/** All of a lane that have not ended, or have left something behind; by an index. */
export const openDeliveries = async (lane: number): Promise<OpenDeliveries> => {
  const obligations: Obligation[] = []
  const deliveries: DeliveryRow[] = []
  let after: Item | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        index: 'open',
        partition: { name: 'open_lane', value: String(lane) },
        sortKeyName: 'obligated_key',
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after }),
      },
      (item): { readonly item: Item } => ({ item }),
    )
    for (const { item } of rows) {
      if (text(item, 'row') === headRow) deliveries.push(headOf(item))
      else obligations.push(obligationOf(item))
    }
    const last = rows.at(-1)?.item
    after =
      next === undefined || last === undefined
        ? undefined
        : {
            open_lane: String(lane),
            obligated_key: text(last, 'obligated_key'),
            delivery_id: text(last, 'delivery_id'),
            row: text(last, 'row'),
          }
  } while (after !== undefined)
  return { obligations, deliveries }
}

import { v7 as uuidv7 } from 'uuid'
import type { CommandRow } from '#adapters/tables/commands.ts'
import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import { type Instructions, mostIcebergParts, noHash, plainInstructions } from '#domain/trading/commands.ts'
import { type Counted, countLots, countTicks } from '#domain/trading/terms.ts'
import { nameHash, selfTradeGroupOf } from '#protocol/name-hash.ts'
import type { placeOrder } from '#protocol/operations/trading.ts'
import { type OrderRequest, timeInForceOf } from '#protocol/order-request.ts'
import type { Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { namedRequest } from '../shell/named-request.ts'
import type { Placement } from './order-view.ts'
import type { Trader } from './trader.ts'

/** What a request is refused for by itself: not for its name, nor for what its lane is in. */
type Code =
  | Exclude<
      (typeof placeOrder)['rejections'][number],
      'idempotency-key-required' | 'idempotency-conflict' | 'lane-behind' | 'lane-halted'
    >
  | 'invalid-request'

interface Refusal extends Rejection<Code> {
  /** It could have been taken at another time, and perhaps was. */
  readonly isLate?: true
}

/** The command that a request asks for, or the first reason why not. */
export const place = async (trader: Trader, request: OrderRequest): Promise<Placement | Refusal> => {
  const row = await listed(trader.lane, request.instrument_name)
  if ('code' in row) return row
  const { instrument } = row
  const ticks = request.price === undefined ? nothing : countTicks(request.price, instrument)
  if (!ticks.ok) return refusal('price', ticks)
  const lots = countLots(request.amount, instrument)
  if (!lots.ok) return refusal('amount', lots)
  const instructions = isPlain(request) ? plainInstructions : instructionsOf(request, instrument, lots.count)
  if ('code' in instructions) return instructions
  if (!row.isActive || instrument.specification.expirationMillis <= Date.now())
    return { code: 'instrument-not-open', isLate: true }
  return {
    command: {
      type: 'place-order',
      orderId: uuidv7(),
      accountId: trader.accountId,
      instrumentId: instrument.instrumentId,
      specificationVersion: instrument.specificationVersion,
      direction: request.direction,
      orderType: request.order_type,
      timeInForce: timeInForceOf(request),
      priceTicks: ticks.count,
      quantityLots: lots.count,
      clientOrderId: request.client_order_id ?? '',
      ...instructions,
    },
    instrumentName: request.instrument_name,
    tickSize: instrument.specification.tickSize,
    minTradeAmount: instrument.specification.minTradeAmount,
  }
}

/** What is stored before the stream hears of it. */
export const promiseOf = (
  { account, accountId, lane }: Trader,
  requestName: string,
  bodyHash: string,
  placement: Placement,
): CommandRow =>
  namedRequest({
    principal: account,
    requestName,
    commandId: placement.command.orderId,
    operation: 'place-order',
    bodyHash,
    lane,
    accountId,
    requestJson: JSON.stringify(placement),
  })

const nothing: Counted = { ok: true, count: 0 }

const refusal = (field: keyof OrderRequest, { code, detail }: Extract<Counted, { ok: false }>): Refusal => ({
  code,
  errors: [{ pointer: `#/${field}`, detail }],
})

/** Most are. What time_in_force asks for beside it needs no instruction, but for a date. */
const isPlain = (request: OrderRequest): boolean =>
  request.display_amount === undefined &&
  request.trigger_price === undefined &&
  request.expires_at === undefined &&
  request.label === undefined &&
  request.self_trade_group === undefined &&
  request.self_trade_prevention === 'none' &&
  !request.post_only &&
  !request.reduce_only

const instructionsOf = (
  request: OrderRequest,
  instrument: Instrument,
  quantityLots: number,
): Instructions | Refusal => {
  const display = request.display_amount === undefined ? nothing : countLots(request.display_amount, instrument)
  if (!display.ok) return refusal('display_amount', display)
  if (display.count > quantityLots)
    return { code: 'invalid-request', errors: [{ pointer: '#/display_amount', detail: 'must not be above amount' }] }
  if (display.count !== 0 && display.count * mostIcebergParts < quantityLots) {
    const detail = `must be at least amount / ${mostIcebergParts}`
    return { code: 'invalid-request', errors: [{ pointer: '#/display_amount', detail }] }
  }
  const trigger = request.trigger_price === undefined ? nothing : countTicks(request.trigger_price, instrument)
  if (!trigger.ok) return refusal('trigger_price', trigger)
  const expiresAtMillis = request.expires_at === undefined ? 0 : Date.parse(request.expires_at)
  if (request.expires_at !== undefined && expiresAtMillis <= Date.now())
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/expires_at', detail: 'must lie in the future' }],
      isLate: true,
    }
  return {
    displayLots: display.count,
    triggerTicks: trigger.count,
    trigger: request.trigger ?? 'last_price',
    expiresAtMillis,
    label: request.label ?? '',
    labelHash: request.label === undefined ? noHash : nameHash(request.label),
    selfTradeGroup: request.self_trade_group === undefined ? 0 : selfTradeGroupOf(request.self_trade_group),
    postOnly: request.post_only ? (request.reject_post_only ? 'reject' : 'slide') : 'no',
    reduceOnly: request.reduce_only,
    selfTradePrevention: request.self_trade_prevention,
  }
}

const listed = async (lane: number, instrumentName: string): Promise<InstrumentRow | Refusal> => {
  const row = await getInstrument(lane, instrumentName)
  if (row !== undefined) return row
  const errors = [{ pointer: '#/instrument_name', detail: 'is not listed in the lane of the account' }]
  for (const other of tenantLanes())
    if (other !== lane && (await getInstrument(other, instrumentName)) !== undefined)
      return { code: 'instrument-in-other-lane', errors }
  return { code: 'unknown-instrument', errors }
}

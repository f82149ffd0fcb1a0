import * as z from 'zod'
import { allocationStates } from '#domain/capacity/allocation.ts'
import { deliveryStates } from '#domain/settlement/physical-delivery.ts'
import { settlementKinds } from '#domain/trading/commands.ts'
import { breachedLimits, paymentKinds } from '#domain/trading/events.ts'
import { arbitrageOrigins } from './arbitrage.ts'
import { capacitySourceKinds } from './capacity.ts'
import { liquidationStepKinds } from './liquidation.ts'
import { provisioningSteps } from './provisioning.ts'
import { commandId, decimalText, instant, orderId, signedDecimalText } from './values.ts'

/**
 * What consuming services hear on the tenant's event bus. The detail-type carries the version; a field is added, never
 * changed. JSON schemas: docs/protocol/events/. Delivery is at least once and unordered: event_id is what to drop
 * repeats by, and sequence tells the older of two.
 */
export const eventSource = 'compute-exchange'

const envelope = {
  event_id: z.string().meta({
    description:
      'lane:input sequence:index, and what it is about where one event changes several; the same for every repeat',
  }),
  lane: z.number().int(),
  sequence: z.number().int().meta({ description: 'Dense number of the event in its lane' }),
  timestamp: instant,
}

export const tradeExecuted = z
  .object({
    ...envelope,
    trade_id: z.string(),
    instrument_name: z.string(),
    price: decimalText,
    amount: decimalText,
    direction: z.enum(['buy', 'sell']).meta({ description: "The taker's" }),
    is_auction: z.boolean().meta({ description: 'Nobody made or took: the buyer stands as the maker' }),
    maker: z.object({ account_id: z.number().int(), order_id: orderId, fee: decimalText }),
    taker: z.object({ account_id: z.number().int(), order_id: orderId, fee: decimalText }),
  })
  .meta({ id: 'TradeExecuted.v1' })

export const positionChanged = z
  .object({
    ...envelope,
    account_id: z.number().int(),
    instrument_name: z.string(),
    size: signedDecimalText,
    average_price: decimalText.nullable(),
    realized_profit_loss: signedDecimalText,
  })
  .meta({ id: 'PositionChanged.v1' })

/** Only where the tenant asks for it: there are many. */
export const orderStateChanged = z
  .object({
    ...envelope,
    account_id: z.number().int(),
    order_id: orderId,
    client_order_id: z.string().nullable(),
    instrument_name: z.string(),
    order_state: z.enum(['untriggered', 'open', 'filled', 'rejected', 'cancelled']),
    filled_amount: decimalText,
    reject_reason: z.string().nullable(),
  })
  .meta({ id: 'OrderStateChanged.v1' })

export const accountOpened = z
  .object({ account: z.string(), account_id: z.number().int(), lane: z.number().int(), timestamp: instant })
  .meta({ id: 'AccountOpened.v1' })

/** A market has settled: for each unit held the price was paid, or for a leg or a variation the difference to it. */
export const instrumentSettled = z
  .object({
    event_id: z.string().meta({ description: 'lane:instrument:settlement; the same for every repeat' }),
    lane: z.number().int(),
    timestamp: instant,
    instrument_name: z.string(),
    settlement_kind: z.enum(settlementKinds),
    number: z.number().int().meta({ description: 'Of a leg or a distribution from 1 on; 0 of the final settlement' }),
    price: decimalText,
    command_id: commandId,
  })
  .meta({ id: 'InstrumentSettled.v1' })

export const positionSettled = z
  .object({
    ...envelope,
    account_id: z.number().int(),
    instrument_name: z.string(),
    settlement_kind: z.enum(paymentKinds),
    price: decimalText,
    settled_amount: signedDecimalText.meta({
      description: 'What was held; of an exercise or assignment what of it was closed',
    }),
    paid: signedDecimalText.meta({ description: 'USD: what cash and realised result have changed by' }),
    command_id: commandId,
  })
  .meta({ id: 'PositionSettled.v1' })

/** An account needs more than it has, and is liquidated where it still does when its grace is over. */
export const marginCalled = z
  .object({
    ...envelope,
    account_id: z.number().int(),
    epoch_version: z.number().int().meta({ description: 'Of the risk by which it was found' }),
    equity: signedDecimalText,
    requirement: signedDecimalText,
  })
  .meta({ id: 'MarginCalled.v1' })

/** What all that tells of a liquidation begins with. */
const ofLiquidation = {
  event_id: z.string().meta({ description: 'Names what is told of it; the same for every repeat' }),
  lane: z.number().int(),
  timestamp: instant,
  liquidation_id: commandId,
  account_id: z.number().int(),
}

/** From now on the account may not trade; all that it had open is cancelled. */
export const liquidationStarted = z
  .object({
    ...ofLiquidation,
    epoch_version: z.number().int(),
    cancelled_orders: z.number().int(),
    equity: signedDecimalText,
    requirement: signedDecimalText.meta({ description: 'With its orders' }),
    requirement_without_orders: signedDecimalText,
  })
  .meta({ id: 'LiquidationStarted.v1' })

export const liquidationStepped = z
  .object({
    ...ofLiquidation,
    step: z.number().int().meta({ description: 'Dense, from 1' }),
    step_kind: z.enum(liquidationStepKinds),
    command_id: commandId.nullable().meta({ description: 'Of the command that did it' }),
    reject_reason: z.string().nullable().meta({ description: "The engine's no" }),
    numbers: z.record(z.string(), z.unknown()).meta({ description: 'What justifies it: USD as decimals' }),
    result: z.record(z.string(), z.unknown()).nullable().meta({ description: 'What came of it' }),
  })
  .meta({ id: 'LiquidationStep.v1' })

export const liquidationEnded = z
  .object({ ...ofLiquidation, equity: signedDecimalText, requirement: signedDecimalText })
  .meta({ id: 'LiquidationEnded.v1' })

/** What an account or a firm has is beyond its limit, by other than an order: that would have been refused. */
export const limitBreached = z
  .object({
    ...envelope,
    account_id: z.number().int().nullable().meta({ description: "Null where it is a firm's limit" }),
    firm: z.string().nullable(),
    instrument_name: z.string().nullable().meta({ description: 'Of a position' }),
    limit: z.enum(breachedLimits),
    measured: decimalText.meta({ description: 'Of a position in units, of a loss in USD' }),
    allowed: decimalText,
  })
  .meta({ id: 'LimitBreached.v1' })
const slaEnvelope = {
  event_id: z.string().meta({ description: 'The same for every repeat' }),
  timestamp: instant,
  contract_id: z.string(),
  series: z.string(),
  provider_account: z.string(),
  buyer_account: z.string(),
  month: z.string().meta({ description: 'Calendar month, UTC, such as 2026-11' }),
  version: z
    .number()
    .int()
    .meta({ description: 'Of the month’s assessment, from 1; after corrections the next: the highest holds' }),
}

/** A contract’s month fell short of what was promised, or by corrections did not after all. */
export const slaBreached = z
  .object({
    ...slaEnvelope,
    breach_id: z.string().meta({ description: 'contract:month:metric:version' }),
    metric: z.enum(['uptime']),
    breach_state: z.enum(['breached', 'withdrawn']),
    uptime_percent: decimalText,
    promised_percent: decimalText,
    up_s: z.number().int(),
    degraded_s: z.number().int(),
    down_s: z.number().int(),
    unknown_s: z.number().int(),
  })
  .meta({ id: 'SlaBreached.v1' })

/** The penalty of a contract’s month has changed: from nothing, or by a correction that reversed what stood. */
export const penaltyApplied = z
  .object({
    ...slaEnvelope,
    penalty: decimalText.meta({ description: 'USD: what stands for the month from now on' }),
    previous_penalty: decimalText,
    payable: signedDecimalText.meta({
      description: 'USD that the provider owes the buyer by this change; negative: the buyer the provider',
    }),
    payment_state: z.enum(['paid']),
    entries: z.array(
      z.object({
        entry_id: z.string(),
        entry_kind: z.enum(['penalty', 'reversal']),
        account: z.string(),
        amount: signedDecimalText,
      }),
    ),
  })
  .meta({ id: 'PenaltyApplied.v1' })

/** What all that tells of a delivery begins with. */
const deliveryEnvelope = {
  event_id: z.string().meta({ description: 'The same for every repeat' }),
  timestamp: instant,
  delivery_id: z.string().meta({ description: 'A UUID' }),
  lane: z.number().int(),
  instrument_name: z.string(),
  buyer_account_id: z.number().int(),
  seller_account_id: z.number().int(),
}

export const deliveryStateChanged = z
  .object({
    ...deliveryEnvelope,
    sequence: z.number().int().meta({ description: 'Dense number of the change within its delivery, from 1' }),
    delivery_state: z.enum(deliveryStates),
    attempt: z.number().int().meta({ description: 'Of provisioning, from 1; 0 before the first' }),
    amount: decimalText.meta({ description: 'Units that the change is about' }),
    reason: z.string().nullable(),
  })
  .meta({ id: 'DeliveryStateChanged.v1' })

const provisioningRequest = {
  ...deliveryEnvelope,
  request_id: z.string().meta({
    description:
      'delivery#step#attempt; asked again under the same id, with a new callback_token, where an answer is late',
  }),
  step: z.enum(provisioningSteps),
  attempt: z.number().int(),
  callback_path: z.string().meta({ description: 'Of the HTTP API, to be answered by POST' }),
  callback_token: z.string().meta({ description: 'To be sent along; only the last one of a request is taken' }),
  answer_within_s: z.number().int(),
  heartbeat_s: z.number().int().nullable().meta({
    description:
      'Whoever answers nothing for so long, not even a heartbeat, has failed; null: no heartbeat is asked for',
  }),
}

/** To the provisioning service: reserve, provision, or tell what was there in the end. */
export const provisioningRequested = z
  .object({
    ...provisioningRequest,
    amount: decimalText.meta({ description: 'Units' }),
    index: z.string().meta({ description: 'Resource class and region' }),
    delivery_start: instant,
    delivery_end: instant,
    partner_lot: z
      .object({
        lot_id: z.string().meta({ description: "Of the seller's partner inventory" }),
        provider: z.string(),
        units: z.number().int().meta({ description: 'Of the lot, reserved for this attempt in each hour' }),
      })
      .nullable()
      .meta({ description: "What it is to be provisioned from; null: the seller's own, or to be metered" }),
  })
  .meta({ id: 'ProvisioningRequested.v1' })

/** To the provisioning service: give back whatever is reserved or provisioned for these attempts. */
export const provisioningReleaseRequested = z
  .object({ ...provisioningRequest, attempts: z.array(z.number().int()) })
  .meta({ id: 'ProvisioningReleaseRequested.v1' })

/** The auction of a delivery date is cleared, for one of its markets; its awards are booked. */
export const dayAheadCleared = z
  .object({
    event_id: z.string().meta({ description: 'lane:delivery date:market; the same for every repeat' }),
    lane: z.number().int(),
    timestamp: instant,
    delivery_date: z.string().meta({ examples: ['2026-11-25'] }),
    market: z.string(),
    hours: z.array(
      z.object({
        hour: z.number().int().meta({ description: 'UTC, from 0' }),
        price: decimalText.nullable().meta({ description: 'null: nothing traded, and nothing bounded a price' }),
        amount: decimalText.meta({ description: 'Units bought, which is as many as were sold' }),
        instrument_name: z
          .string()
          .nullable()
          .meta({ description: 'Of the future that was awarded; null: nothing was' }),
      }),
    ),
    welfare: signedDecimalText.meta({ description: 'USD, of all markets that were cleared together' }),
    gap_ppm: z.number().meta({ description: 'What of the welfare was not proved to be the most, in millionths' }),
  })
  .meta({ id: 'DayAheadCleared.v1' })

const ofPurchase = {
  event_id: z.string().meta({ description: 'part of a purchase and what became of it; the same for every repeat' }),
  lane: z.number().int(),
  timestamp: instant,
  purchase_id: commandId,
  account_id: z.number().int(),
  parts: z.number().int().meta({ description: 'How many the purchase has: as many events tell of it' }),
  offer_id: z.string(),
  provider: z.string(),
  resource_class: z.string(),
  region: z.string(),
  pricing: z.string(),
  units: z.number().int(),
  starts_at: instant,
  ends_at: instant,
  cost: decimalText,
}

/** Of each part: the units are in the account's inventory, and it has paid for them. */
export const partnerPurchaseCompleted = z
  .object({ ...ofPurchase, lot_id: commandId })
  .meta({ id: 'PartnerPurchaseCompleted.v1' })

/** Of each part: nothing was bought, and nothing is held or paid. */
export const partnerPurchaseFailed = z
  .object({ ...ofPurchase, reason: z.string() })
  .meta({ id: 'PartnerPurchaseFailed.v1' })

/** A lot ends soon and has units left, which are offered to everybody. */
export const inventoryExpiring = z
  .object({
    event_id: z.string().meta({ description: 'Of the lot; the same for every repeat' }),
    lane: z.number().int(),
    timestamp: instant,
    lot_id: commandId,
    account_id: z.number().int(),
    provider: z.string(),
    resource_class: z.string(),
    region: z.string(),
    units: z.number().int().meta({ description: 'Of the lot' }),
    starts_at: instant,
    ends_at: instant,
    offered_price: decimalText.meta({ description: 'USD for a unit and hour' }),
  })
  .meta({ id: 'InventoryExpiring.v1' })

/** An execution of an arbitrage is over, however it has ended. */
export const arbitrageExecuted = z
  .object({
    event_id: z.string().meta({ description: 'Of the execution; the same for every repeat' }),
    lane: z.number().int(),
    timestamp: instant,
    execution_id: commandId,
    account_id: z.number().int(),
    execution_state: z.enum(['completed', 'missed', 'unwound', 'residual']),
    origin: z.enum(arbitrageOrigins),
    opportunity_id: commandId,
    resource_class: z.string(),
    region: z.string(),
    starts_at: instant,
    ends_at: instant,
    unit_hours: decimalText,
    expected_net: decimalText.meta({ description: 'USD, as the opportunity promised' }),
    realised_net: signedDecimalText.meta({ description: 'USD, as it came out' }),
    residuals: z.array(
      z.object({ instrument_name: z.string(), direction: z.enum(['buy', 'sell']), amount: decimalText }),
    ),
  })
  .meta({ id: 'ArbitrageExecuted.v1' })

/** A request for capacity has gone on to another state, or a plan could not serve it. */
export const capacityAllocationChanged = z
  .object({
    event_id: z.string().meta({ description: 'Names the change; the same for every repeat' }),
    lane: z.number().int(),
    timestamp: instant,
    allocation_id: commandId,
    account_id: z.number().int(),
    service: z.string().meta({ description: 'Who asked: mlops, simulation, digital-asset, provisioning…' }),
    allocation_state: z.enum(allocationStates),
    previous_state: z.enum(allocationStates).nullable(),
    is_final: z.boolean().meta({ description: 'Nothing more will become of it' }),
    plan_id: commandId.nullable(),
    explanation: z.string().nullable(),
    start: instant.nullable(),
    end: instant.nullable(),
    cost: decimalText.nullable(),
    shares: z.array(
      z.object({
        source_kind: z.enum(capacitySourceKinds),
        source_id: z.string(),
        lot_id: z.string().nullable().meta({ description: 'Where its units lie, once they are booked' }),
        resource_class: z.string(),
        region: z.string(),
        units: z.number().int(),
      }),
    ),
  })
  .meta({ id: 'CapacityAllocationChanged.v1' })

export const busEvents = {
  'TradeExecuted.v1': tradeExecuted,
  'PositionChanged.v1': positionChanged,
  'OrderStateChanged.v1': orderStateChanged,
  'AccountOpened.v1': accountOpened,
  'InstrumentSettled.v1': instrumentSettled,
  'PositionSettled.v1': positionSettled,
  'MarginCalled.v1': marginCalled,
  'LiquidationStarted.v1': liquidationStarted,
  'LiquidationStep.v1': liquidationStepped,
  'LiquidationEnded.v1': liquidationEnded,
  'LimitBreached.v1': limitBreached,
  'SlaBreached.v1': slaBreached,
  'PenaltyApplied.v1': penaltyApplied,
  'DayAheadCleared.v1': dayAheadCleared,
  'DeliveryStateChanged.v1': deliveryStateChanged,
  'ProvisioningRequested.v1': provisioningRequested,
  'ProvisioningReleaseRequested.v1': provisioningReleaseRequested,
  'PartnerPurchaseCompleted.v1': partnerPurchaseCompleted,
  'PartnerPurchaseFailed.v1': partnerPurchaseFailed,
  'InventoryExpiring.v1': inventoryExpiring,
  'ArbitrageExecuted.v1': arbitrageExecuted,
  'CapacityAllocationChanged.v1': capacityAllocationChanged,
} as const
export type BusEventName = keyof typeof busEvents

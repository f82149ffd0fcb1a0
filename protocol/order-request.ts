import * as z from 'zod'
import {
  directions,
  type OrderType,
  orderTypes,
  selfTradePreventions,
  type TimeInForce,
  timesInForce,
  triggers,
} from '#domain/trading/commands.ts'
import { instrumentName, positiveDecimalText, requestName } from './values.ts'

/** What an order may ask for, wherever it is placed: alone or in a batch. */
export const orderRequestFields = {
  instrument_name: instrumentName,
  direction: z.enum(directions),
  amount: positiveDecimalText,
  order_type: z.enum(orderTypes).default('limit'),
  price: positiveDecimalText.optional().meta({
    description: 'Of a limit and a stop_limit order; the others are bounded by the engine’s protection',
  }),
  time_in_force: z.enum(timesInForce).optional().meta({
    description:
      'good_til_cancelled unless told; of a market order immediate_or_cancel. `day` ends with the day in UTC, good_til_date at expires_at',
  }),
  expires_at: z.iso.datetime().optional().meta({ description: 'Of good_til_date' }),
  display_amount: positiveDecimalText.optional().meta({
    description:
      'Of an iceberg: so much is seen of it at a time, and shown anew when that is filled; at least a hundredth of what is left of the order',
  }),
  trigger_price: positiveDecimalText.optional().meta({
    description: 'Of a stop: it becomes an order when the trigger reaches it, a buy from below, a sell from above',
  }),
  trigger: z.enum(triggers).optional().meta({ description: 'Of a stop; last_price unless told' }),
  post_only: z.boolean().default(false).meta({
    description: 'Never takes: where it would, its price slides to one tick short of the other side',
  }),
  reject_post_only: z.boolean().default(false).meta({
    description: 'With post_only: where it would take, it is rejected instead (post-only-would-trade)',
  }),
  reduce_only: z.boolean().default(false).meta({ description: 'Only makes the position smaller' }),
  label: requestName.optional().meta({ description: 'Orders of one label can be listed and cancelled together' }),
  self_trade_prevention: z.enum(selfTradePreventions).default('none').meta({
    description:
      'What is cancelled instead, where the order would trade against one of the same account (or self_trade_group): the incoming order, the resting one, or both',
  }),
  self_trade_group: requestName.optional().meta({
    description: 'Extends self_trade_prevention to the orders of all accounts of the firm that name the same group',
  }),
  client_order_id: requestName.optional(),
}

export type OrderRequest = z.infer<z.ZodObject<typeof orderRequestFields>>

export const timeInForceOf = ({ order_type, time_in_force }: OrderRequest): TimeInForce =>
  time_in_force ?? (order_type === 'market' ? 'immediate_or_cancel' : 'good_til_cancelled')

export const isStop = (orderType: OrderType): boolean => orderType === 'stop_limit' || orderType === 'stop_market'
/** Its limit is the engine's protection: nobody has asked for a price. */
export const isAtMarket = (orderType: OrderType): boolean => orderType === 'market' || orderType === 'stop_market'

/** Which fields go together: whatever needs no more than the request to be known. */
export const checkOrderRequest = (order: OrderRequest, context: z.RefinementCtx): void => {
  const refuse = (field: keyof OrderRequest, message: string): void =>
    context.addIssue({ code: 'custom', path: [field], message })
  const { order_type, price, trigger_price, expires_at } = order
  const atMarket = isAtMarket(order_type)
  if (atMarket && price !== undefined) refuse('price', `a ${order_type} order takes none`)
  if (!atMarket && price === undefined) refuse('price', `is required for a ${order_type} order`)

  const stops = isStop(order_type)
  if (stops && trigger_price === undefined) refuse('trigger_price', `is required for a ${order_type} order`)
  if (!stops && trigger_price !== undefined) refuse('trigger_price', `a ${order_type} order takes none`)
  if (!stops && order.trigger !== undefined) refuse('trigger', `a ${order_type} order takes none`)

  const timeInForce = timeInForceOf(order)
  const isImmediate = timeInForce === 'immediate_or_cancel' || timeInForce === 'fill_or_kill'
  if (order_type === 'market' && !isImmediate)
    refuse('time_in_force', 'a market order is immediate_or_cancel or fill_or_kill')
  const hasDate = timeInForce === 'good_til_date'
  if (hasDate && expires_at === undefined) refuse('expires_at', 'is required for good_til_date')
  if (!hasDate && expires_at !== undefined) refuse('expires_at', 'goes with the time_in_force good_til_date only')

  const mayRest = !(atMarket || isImmediate)
  if (order.display_amount !== undefined && !mayRest)
    refuse('display_amount', 'goes with an order that may rest in the book only')
  if (order.post_only && !(mayRest && order_type === 'limit'))
    refuse('post_only', 'goes with a limit order that may rest in the book only')
  if (order.reject_post_only && !order.post_only) refuse('reject_post_only', 'goes with post_only only')
}

import * as z from 'zod'
import { operation } from '../operation.ts'
import { decimalText, instant, instrumentName, lane, pageOf, pageQuery, positiveDecimalText } from '../values.ts'

export const market = z
  .object({
    instrument_name: z.string(),
    lane,
    kind: z.literal('future'),
    underlying: z.string(),
    quote_currency: z.literal('USD'),
    tick_size: decimalText,
    min_trade_amount: decimalText,
    contract_size: decimalText,
    max_price: decimalText,
    maker_commission: decimalText,
    taker_commission: decimalText,
    expiration_timestamp: instant,
    creation_timestamp: instant,
    is_active: z.boolean(),
  })
  .meta({ id: 'Market' })

const commission = decimalText.meta({ description: 'Part of notional, at most six digits', examples: ['0.0005'] })

export const listMarkets = operation({
  context: 'reference',
  name: 'list-markets',
  method: 'GET',
  path: '/api/v1/markets',
  permission: 'markets:read',
  summary: 'List the instruments',
  request: {
    query: z.strictObject({
      ...pageQuery,
      underlying: z.string().min(1).max(64).optional(),
      is_active: z.enum(['true', 'false']).optional(),
    }),
  },
  responses: { 200: { description: 'A page of instruments, by name', schema: pageOf(market) } },
  rejections: ['invalid-cursor'],
})

export const getMarket = operation({
  context: 'reference',
  name: 'get-market',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}',
  permission: 'markets:read',
  summary: 'Read one instrument',
  request: { path: z.strictObject({ instrument_name: instrumentName }) },
  responses: { 200: { description: 'The instrument', schema: market } },
  rejections: ['not-found'],
})

export const listInstrument = operation({
  context: 'reference',
  name: 'list-instrument',
  method: 'POST',
  path: '/api/v1/markets',
  permission: 'markets:write',
  summary: 'List a new instrument',
  description: 'Named by instrument_name: repeating the same listing gives the same answer, another one 409.',
  request: {
    body: z.strictObject({
      instrument_name: instrumentName,
      kind: z.literal('future').default('future'),
      underlying: z.string().regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/),
      quote_currency: z.literal('USD').default('USD'),
      tick_size: positiveDecimalText,
      min_trade_amount: positiveDecimalText,
      contract_size: positiveDecimalText.default('1'),
      max_price: positiveDecimalText,
      maker_commission: commission.default('0'),
      taker_commission: commission.default('0.0005'),
      expiration_timestamp: z.iso.datetime(),
      lane: lane.optional(),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: z.object({ instrument_name: z.string() }) },
    200: { description: 'The instrument (with Prefer: wait=<seconds>)', schema: market },
  },
  rejections: ['invalid-specification', 'instrument-exists', 'instrument-limit', 'idempotency-conflict'],
})

export const referenceOperations = [listMarkets, getMarket, listInstrument] as const

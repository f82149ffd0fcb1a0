import * as z from 'zod'
import { longestHorizon } from '#domain/capacity/forecast.ts'
import { forecastModels, hoursOfDay } from '#domain/capacity/forecast-models.ts'
import { procurementModes, procurementResults } from '#domain/capacity/procurement.ts'
import type { substituteAspects } from '#domain/capacity/substitutes.ts'
import { micros } from '#domain/units.ts'
import { forecastMeasures, forecastSources } from '../capacity-forecasts.ts'
import { operation } from '../operation.ts'
import { commandId, decimalText, instant, pageOf, pageQuery, positiveDecimalText, usdText } from '../values.ts'
import { marketName } from './day-ahead.ts'

const resourceClass = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,47}$/, 'must be a resource class such as H100')
  .meta({ examples: ['H100'] })
const region = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,31}$/, 'must be a region such as USE')
  .meta({ examples: ['USE'] })
const measure = z.enum(forecastMeasures).meta({
  description: 'demand: units an hour; price: USD a unit and hour',
  examples: ['price'],
})

const wholeText = (least: number, most: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9][0-9]{0,5})$/, `must be a whole number from ${least} to ${most}`)
    .transform(Number)
    .pipe(z.int().min(least, `must be from ${least} to ${most}`).max(most, `must be from ${least} to ${most}`))

const modelError = z.object({
  model: z.enum(forecastModels),
  mean_absolute_error: decimalText,
  mase: z.number().nullable(),
})

const madeFrom = {
  source: z.enum(forecastSources).meta({ description: 'What its history was taken from' }),
  history_start: instant,
  history_hours: z.int(),
}
const chosen = {
  model: z.enum(forecastModels),
  mase: z.number().nullable().meta({
    description:
      'Mean absolute error of the model from the origins of the last days against that of seasonal-naive within the history; null where nothing changes from day to day',
  }),
  seasonal_naive_mase: z.number().nullable().meta({ description: 'The same of seasonal-naive, a day back' }),
  origins: z.int().meta({ description: 'From how many each model was tried' }),
}

export const capacityForecast = z
  .object({
    resource_class: z.string(),
    region: z.string(),
    measure,
    unit: z.string(),
    ...madeFrom,
    ...chosen,
    models: z.array(modelError).meta({ description: 'Every model that was tried, the best first' }),
    data: z
      .array(
        z.object({
          start: instant,
          forecast: decimalText,
          lower_80: decimalText,
          upper_80: decimalText,
          lower_95: decimalText,
          upper_95: decimalText,
        }),
      )
      .meta({ description: 'By hour, from the one under way on' }),
  })
  .meta({ id: 'CapacityForecast' })

export const getCapacityForecast = operation({
  context: 'capacity',
  name: 'get-capacity-forecast',
  method: 'GET',
  path: '/api/v1/capacity/forecast',
  permission: 'capacity:read',
  summary: 'Forecast the hourly demand or price of a resource, with intervals and the error of the model',
  description:
    'Price: hourly means of the fixings of the index <resource_class>.<region>. Demand: observations that were told, or else units that requests for capacity asked for, or else units traded in the futures on that index. Seasonal-naive, Theta, ETS/MSTL and their averages are tried from the hours of the last seven days, and the best is taken.',
  weight: 5,
  request: {
    query: z.strictObject({
      resource_class: resourceClass,
      region,
      measure,
      horizon: wholeText(1, longestHorizon)
        .optional()
        .meta({ description: `Hours, ${hoursOfDay} unless told`, examples: ['24'] }),
    }),
  },
  responses: { 200: { description: 'The forecast', schema: capacityForecast } },
  rejections: ['unknown-resource', 'forecast-history-too-short'],
})

const mostObservations = 1_000

export const recordCapacityObservations = operation({
  context: 'capacity',
  name: 'record-capacity-observations',
  method: 'POST',
  path: '/api/v1/capacity/observations',
  permission: 'partners:manage',
  summary: 'Tell what was observed in the past: hourly demand or price of a resource',
  description:
    'The history that forecasts need before the exchange has one of its own. Each hour is told over again by telling it again; null takes it back.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      resource_class: resourceClass,
      region,
      measure,
      start: z.iso
        .datetime()
        .refine(text => !(Date.parse(text) % 3_600_000 !== 0), 'must be the beginning of an hour')
        .meta({ description: 'Of the first hour, ISO 8601, UTC' }),
      values: z
        .array(
          decimalText
            .refine(text => micros(text) !== undefined, 'must have at most 6 digits after the point')
            .nullable(),
        )
        .min(1)
        .max(mostObservations)
        .meta({ description: 'By hour; null where there is none' }),
    }),
  },
  responses: {
    200: {
      description: 'They are stored',
      schema: z.object({
        resource_class: z.string(),
        region: z.string(),
        measure,
        start: instant,
        end: instant,
        hours: z.int(),
      }),
    },
  },
  rejections: ['observation-not-over'],
})

const weight = decimalText
  .refine(
    text => /^[0-9]{1,3}(?:\.[0-9]{1,3})?$/.test(text),
    'must be below 1000, with at most 3 digits after the point',
  )
  .optional()
  .meta({ description: 'Of the squared difference; 1 unless told', examples: ['1'] })

const part = z.number().meta({ description: 'Of the squared distance' })

export const substitute = z
  .object({
    product_id: z.string(),
    provider: z.string().meta({ description: 'Or market, of what trades here' }),
    resource_class: z.string(),
    region: z.string(),
    pricing: z.string(),
    distance: z.number(),
    parts: z.object({
      performance: part,
      memory: part,
      interconnect: part,
      region_latency: part,
      price: part,
      reliability: part,
    }),
    performance_tflops: z.number().meta({ description: 'Dense, 16-bit; per accelerator, or per vCPU without one' }),
    memory_gib: z.number(),
    interconnect_gbytes_per_s: z.number(),
    region_latency_ms: z.number().meta({ description: 'There and back, estimated from the places of the regions' }),
    price: decimalText.meta({ description: 'USD an hour, per accelerator or vCPU' }),
    reliability: z.number().meta({ description: 'Part of the time; assumed by how it is sold' }),
  })
  .meta({ id: 'Substitute' })

export const listSubstitutes = operation({
  context: 'capacity',
  name: 'list-substitutes',
  method: 'GET',
  path: '/api/v1/capacity/substitutes',
  permission: 'capacity:read',
  summary: 'Find what comes nearest to a resource among all offers and markets',
  description:
    'Distance is the square root of the weighted sum of squared differences: a doubling of performance, memory, interconnect or price, a tenth of the failures, or 50 ms of latency are one step each.',
  weight: 2,
  request: {
    query: z.strictObject({
      resource_class: resourceClass,
      region,
      price: positiveDecimalText
        .refine(text => micros(text) !== undefined, 'must have at most 6 digits after the point')
        .optional()
        .meta({ description: 'USD an hour that it costs; what it costs here unless told', examples: ['2.5'] }),
      reliability: decimalText
        .refine(text => /^0(?:\.[0-9]{1,9})?$/.test(text), 'must be below 1, with at most 9 digits after the point')
        .optional()
        .meta({ description: '0.995 unless told', examples: ['0.995'] }),
      limit: wholeText(1, 100)
        .optional()
        .meta({ description: '10 unless told', examples: ['10'] }),
      differences: z
        .enum(['both', 'worse'])
        .optional()
        .meta({ description: 'worse: what is better than asked for counts as equal to it; both unless told' }),
      weight_performance: weight,
      weight_memory: weight,
      weight_interconnect: weight,
      weight_region_latency: weight,
      weight_price: weight,
      weight_reliability: weight,
    } satisfies Readonly<Record<string, z.ZodType>> &
      Readonly<Record<`weight_${(typeof substituteAspects)[number]}`, z.ZodType>>),
  },
  responses: {
    200: {
      description: 'The nearest first',
      schema: z.object({
        resource_class: z.string(),
        region: z.string(),
        price: decimalText,
        searched: z.int().meta({ description: 'Products that were compared' }),
        not_comparable: z.int().meta({ description: 'Products of classes that nobody has said the traits of' }),
        data: z.array(substitute),
      }),
    },
  },
  rejections: ['unknown-resource'],
})

const bidPrice = usdText.refine(text => /[1-9]/.test(text), 'must be greater than zero')

export const previewProcurement = operation({
  context: 'capacity',
  name: 'preview-procurement',
  method: 'POST',
  path: '/api/v1/capacity/procurement/preview',
  permission: 'capacity:read',
  summary: 'Show the day-ahead bids that a procurement policy would place for tomorrow',
  description:
    'From the forecasts of demand and price: for what is needed almost certainly at a price that is almost certainly not exceeded, for what is hardly needed only at a low one. All of it filled at its own prices costs no more than the budget. Nothing is placed.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      resource_class: resourceClass,
      region,
      budget: usdText.meta({ description: 'USD for the whole day', examples: ['2000'] }),
      max_price: bidPrice.optional().meta({ description: 'USD a unit and hour that no bid exceeds', examples: ['4'] }),
      price_increment: bidPrice
        .optional()
        .meta({ description: 'Of the prices; 0.001 unless told', examples: ['0.001'] }),
      covered_units: z
        .int()
        .min(0)
        .max(1_000_000)
        .optional()
        .meta({ description: 'There already in every hour, and not bid for', examples: [0] }),
      max_units: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .meta({ description: 'Bid for in an hour at most', examples: [64] }),
    }),
  },
  responses: {
    200: {
      description: 'The bids',
      schema: z
        .object({
          resource_class: z.string(),
          region: z.string(),
          delivery_date: z.iso.date(),
          budget: decimalText,
          cost: decimalText.meta({ description: 'If every step is filled at its own price' }),
          units: z.int(),
          units_beyond_budget: z.int().meta({ description: 'That it would have bid for with more' }),
          demand: z.object({ ...madeFrom, ...chosen }),
          price: z.object({ ...madeFrom, ...chosen }),
          bids: z.array(
            z.object({
              start: instant,
              steps: z
                .array(z.object({ price: decimalText, amount: z.int() }))
                .meta({ description: 'The dearest first' }),
            }),
          ),
        })
        .meta({ id: 'ProcurementPreview' }),
    },
  },
  rejections: ['unknown-resource', 'forecast-history-too-short'],
})

const mostUnits = z.int().min(1).max(1_000_000)
const coveredUnits = z.int().min(0).max(1_000_000)
const procurementMode = z.enum(procurementModes).meta({
  description: 'dry_run: bids are worked out and told, and not placed',
  examples: ['live'],
})

export const procurementPolicy = z
  .object({
    market: marketName,
    mode: procurementMode,
    budget: decimalText,
    max_price: decimalText.nullable(),
    covered_units: z.int(),
    max_units: z.int().nullable(),
    version: z.int().meta({ description: 'How often it was set' }),
    set_at: instant,
    last_run: z
      .object({
        delivery_date: z.iso.date(),
        result: z.enum(procurementResults).meta({
          description:
            'waiting: there is no forecast yet; bidding: its bid is on its way; nothing: no hour is worth a bid within the limits; refused: as reason says',
        }),
        bid_id: commandId.nullable(),
        cost: decimalText.meta({ description: 'USD, commission left out, if every step is filled at its own price' }),
        units: z.int().meta({ description: 'Unit-hours of all steps' }),
        reason: z.string().nullable(),
        at: instant,
      })
      .nullable()
      .meta({ description: 'What it came to for the last delivery date that it was asked about' }),
  })
  .meta({ id: 'ProcurementPolicy' })

export const listProcurementPolicies = operation({
  context: 'capacity',
  name: 'list-procurement-policies',
  method: 'GET',
  path: '/api/v1/capacity/procurement/policies',
  permission: 'capacity:read',
  summary: 'List the procurement policies of your account, and what each came to last',
  request: { query: z.strictObject({ ...pageQuery }) },
  responses: { 200: { description: 'The policies, by market', schema: pageOf(procurementPolicy) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const setProcurementPolicy = operation({
  context: 'capacity',
  name: 'set-procurement-policy',
  method: 'PUT',
  path: '/api/v1/capacity/procurement/policies/{market}',
  permission: 'capacity:write',
  summary: 'Have day-ahead bids placed from forecasts of demand and price',
  description:
    'Off unless told. While it is live, one bid is placed for each delivery date within a minute of its gate opening, or as soon as there are forecasts: that of POST /api/v1/capacity/procurement/preview, in ticks and lots of the market. It is a bid of the account like any other: its money is held, it can be replaced and withdrawn until the gate closes, and it is not placed again.',
  weight: 5,
  idempotency: 'none',
  request: {
    path: z.strictObject({ market: marketName }),
    body: z.strictObject({
      mode: procurementMode,
      budget: usdText.meta({ description: 'USD for each delivery date, commission included', examples: ['2000'] }),
      max_price: bidPrice.optional().meta({ description: 'USD a unit and hour that no bid exceeds', examples: ['4'] }),
      covered_units: coveredUnits.optional().meta({ description: 'There already in every hour', examples: [0] }),
      max_units: mostUnits.optional().meta({ description: 'Bid for in an hour at most', examples: [64] }),
    }),
  },
  responses: { 200: { description: 'The policy', schema: procurementPolicy } },
  rejections: ['account-not-open', 'not-found'],
})

export const capacityForecastOperations = [
  getCapacityForecast,
  recordCapacityObservations,
  listSubstitutes,
  previewProcurement,
  listProcurementPolicies,
  setProcurementPolicy,
] as const

import * as z from 'zod'
import {
  indexFallbacks,
  largestLevel,
  levelUnits,
  longestWaitMillis,
  quoteUses,
} from '#domain/reference/index-method.ts'
import { micros } from '#domain/units.ts'
import { operation } from '../operation.ts'
import { decimalText, instant, pageOf, pageQuery, positiveDecimalText } from '../values.ts'

const dayMillis = 24 * 60 * 60 * 1_000

const nameOf = (what: string) =>
  z.string().regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, `must be ${what}: 1 to 64 upper-case letters, digits and . _ -`)

export const indexName = nameOf('the name of an index, such as H100.USE')
export const seriesName = nameOf('the name of a series, such as LAT-INFER.USE')

/** Of whoever quotes an index, or attests a measurement. */
export const sourceName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ @ -')

const level = positiveDecimalText
  .refine(
    text => levelUnits(text) !== undefined,
    `must be at most ${largestLevel}, with at most 8 digits after the point`,
  )
  .meta({ description: 'Decimal as text', examples: ['2.55'] })

/** A part of one, in millionths. */
const share = (example: string, isFit: (millionths: number) => boolean, says: string) =>
  decimalText
    .refine(text => isFit(micros(text) ?? -1), says)
    .meta({ description: 'Part of one as decimal text', examples: [example] })

const whole = (least: number, most: number, example: number, description?: string) =>
  z
    .int()
    .min(least)
    .max(most)
    .meta({ examples: [example], ...(description === undefined ? {} : { description }) })

const freeText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\p{L}\p{N}\p{P}\p{S} ]*$/u, 'must be printable text in one line')
    .refine(text => text.trim() !== '' && text.isWellFormed(), 'must say something')

const method = {
  unit: freeText(64).meta({ examples: ['USD per GPU-hour'] }),
  description: freeText(500).meta({ examples: ['H100 by the hour, on demand, US East'] }),
  sources: z
    .array(
      z.strictObject({
        source: sourceName,
        weight: positiveDecimalText
          .refine(text => (micros(text) ?? Infinity) <= 1_000_000_000, 'must be at most 1000, to the millionth')
          .meta({ description: 'Against the other weights', examples: ['1'] }),
      }),
    )
    .min(1)
    .max(100)
    .refine(
      sources => new Set(sources.map(({ source }) => source)).size === sources.length,
      'must name each source once',
    ),
  fixing_interval_ms: whole(60_000, dayMillis, 3_600_000, 'Whole minutes that divide a day').refine(
    millis => millis % 60_000 === 0 && dayMillis % millis === 0,
    'must be whole minutes that divide a day',
  ),
  stale_after_ms: whole(1_000, 31 * dayMillis, 300_000, 'The oldest that a quote may be'),
  outlier: share('0.1', ppm => ppm > 0 && ppm <= 1_000_000, 'must be above 0 and at most 1, to the millionth').describe(
    'The farthest from the weighted median that counts, as part of the median',
  ),
  trim: share('0.1', ppm => ppm >= 0 && ppm < 500_000, 'must be from 0 to below 0.5, to the millionth').describe(
    'Part of the weight that is cut at each end',
  ),
  least_sources: whole(1, 100, 1, 'So many sources must be neither stale nor outliers'),
  decimals: whole(0, 8, 4, 'Digits after the point of a level'),
  fallback: z
    .enum(indexFallbacks)
    .describe('What stands in where too few sources are left: the last fixing that they made, or nothing'),
  fallback_after_ms: whole(0, longestWaitMillis, 120_000, 'How long a fixing waits for quotes of its time'),
  fallback_max_age_ms: whole(0, 366 * dayMillis, 7 * dayMillis, 'The greatest age of the fixing that stands in'),
}

const indexDefinition = z
  .strictObject({
    ...method,
    effective_from: z.iso
      .datetime()
      .optional()
      .meta({ description: 'From when on it holds; now unless told. Only a first version may hold from before now.' }),
  })
  .refine(({ sources, least_sources }) => least_sources <= sources.length, {
    path: ['least_sources'],
    error: 'must be no more than there are sources',
  })

export const indexVersion = z
  .object({
    index: z.string(),
    version: z.int(),
    effective_from: instant,
    ...method,
    set_by: z.string(),
    set_at: instant,
  })
  .meta({ id: 'IndexVersion' })

const input = z.object({
  source: z.string(),
  level: decimalText,
  weight: decimalText,
  timestamp: instant,
  use: z.enum(quoteUses),
})

export const fixing = z
  .object({
    timestamp: instant,
    level: decimalText,
    is_fallback: z.boolean(),
    fallback_timestamp: instant.nullable().meta({ description: 'Of the fixing whose level stands in' }),
    method_version: z.int(),
    inputs: z.array(input),
  })
  .meta({ id: 'Fixing' })

const levelNow = {
  level: decimalText.nullable(),
  level_timestamp: instant
    .nullable()
    .meta({ description: 'Of the newest quote in it, or of the fixing that stands in' }),
  is_fallback: z.boolean(),
  unavailable_reason: z
    .enum(['not-effective', 'too-few-sources'])
    .nullable()
    .meta({ description: 'Why there is no level' }),
}

const indexSummary = z
  .object({
    index: z.string(),
    unit: z.string(),
    description: z.string(),
    version: z.int(),
    fixing_interval_ms: z.int(),
    ...levelNow,
  })
  .meta({ id: 'IndexSummary' })

export const indexDetail = z
  .object({
    index: z.string(),
    ...levelNow,
    inputs: z.array(input).meta({ description: 'What the sources quote, and what becomes of it now' }),
    method: indexVersion.nullable().meta({ description: 'That holds now' }),
    versions: z.array(indexVersion).meta({ description: 'By the time from which they hold' }),
    last_fixing: fixing.nullable(),
  })
  .meta({ id: 'Index' })

const indexPath = z.strictObject({ index: indexName })

const span = {
  from: z.iso.datetime().optional().meta({ description: 'From this instant on' }),
  to: z.iso.datetime().optional().meta({ description: 'Before this instant' }),
}

export const listIndices = operation({
  context: 'indices',
  name: 'list-indices',
  method: 'GET',
  path: '/api/v1/indices',
  permission: 'indices:read',
  summary: 'List the indices that hold now, with their levels',
  weight: 2,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: { description: 'A page of indices, by name', schema: pageOf(indexSummary) } },
  rejections: ['invalid-cursor'],
})

export const getIndex = operation({
  context: 'indices',
  name: 'get-index',
  method: 'GET',
  path: '/api/v1/indices/{index}',
  permission: 'indices:read',
  summary: 'Read an index: its level with what it is made of, its method, and the history of it',
  description:
    'Quotes that are stale or farther than `outlier` from the weighted median are left out; of the weight that is left `trim` is cut at each end; the rest is averaged by weight. With fewer than `least_sources` left, what the fallback declares stands in, or there is no level.',
  request: { path: indexPath },
  responses: { 200: { description: 'The index', schema: indexDetail } },
  rejections: ['unknown-index'],
})

export const setIndex = operation({
  context: 'indices',
  name: 'set-index',
  method: 'PUT',
  path: '/api/v1/indices/{index}',
  permission: 'indices:write',
  summary: 'Define an index, or add a version of its method',
  description: 'Versions are never changed. A request that is repeated under its Idempotency-Key is told its version.',
  idempotency: 'header',
  request: { path: indexPath, body: indexDefinition },
  responses: { 200: { description: 'The version', schema: indexVersion } },
  rejections: ['idempotency-key-required', 'idempotency-conflict'],
})

export const putIndexQuotes = operation({
  context: 'indices',
  name: 'put-index-quotes',
  method: 'POST',
  path: '/api/v1/indices/{index}/quotes',
  permission: 'index-quotes:write',
  summary: 'Quote an index for its sources',
  description:
    'All of the quotes are stored, or none. A quote must be no older than the index lets quotes be, no more than five seconds ahead, and newer than the last of its source; the very last one may be repeated.',
  idempotency: 'none',
  request: {
    path: indexPath,
    body: z.strictObject({
      quotes: z
        .array(
          z.strictObject({
            source: sourceName,
            level,
            timestamp: z.iso.datetime().meta({ description: 'When the source quoted it' }),
          }),
        )
        .min(1)
        .max(100),
    }),
  },
  responses: {
    200: {
      description: 'The last quotes of these sources',
      schema: z.object({
        data: z.array(z.object({ source: z.string(), level: decimalText, timestamp: instant })),
      }),
    },
  },
  rejections: ['unknown-index', 'unknown-source', 'quote-out-of-date'],
})

export const listFixings = operation({
  context: 'indices',
  name: 'list-fixings',
  method: 'GET',
  path: '/api/v1/indices/{index}/fixings',
  permission: 'indices:read',
  summary: 'List the fixings of an index with their inputs, newest first',
  description: 'What each level was made of, so that anyone can make it again by the method of its version.',
  weight: 2,
  request: { path: indexPath, query: z.strictObject({ ...pageQuery, ...span }) },
  responses: { 200: { description: 'A page of fixings', schema: pageOf(fixing) } },
  rejections: ['unknown-index', 'invalid-cursor'],
})

const count = z.int().min(0).max(1_000_000_000_000_000)
const usd = decimalText
  .refine(text => micros(text) !== undefined, 'must be USD to the millionth, at most 9007199254')
  .meta({ description: 'USD as decimal text', examples: ['2.55'] })

const measured = {
  source: sourceName,
  latency: z
    .strictObject({
      upper_ns: z.array(z.int().min(1).max(Number.MAX_SAFE_INTEGER)).min(1).max(200),
      counts: z.array(count).min(1).max(200),
    })
    .refine(({ upper_ns, counts }) => upper_ns.length === counts.length, {
      path: ['counts'],
      error: 'must be as many as upper_ns',
    })
    .refine(({ upper_ns }) => upper_ns.every((bound, at) => at === 0 || bound > (upper_ns[at - 1] ?? 0)), {
      path: ['upper_ns'],
      error: 'must ascend',
    })
    .meta({ description: 'How many samples were at most so long, and longer than the bound before' })
    .optional(),
  availability: z
    .strictObject({ up_s: count, degraded_s: count, down_s: count, unknown_s: count })
    .meta({ description: 'Seconds, weighted by quantity' })
    .optional(),
  penalty: usd.optional(),
  accuracy: share('0.987', ppm => ppm >= 0 && ppm <= 1_000_000, 'must be from 0 to 1, to the millionth').optional(),
  job: z
    .strictObject({ contracted_units: count, delivered_units: count, imbalance_price: usd })
    .meta({ description: 'Units of the job that were contracted and delivered, and what one costs elsewhere' })
    .optional(),
}
const measurements = ['latency', 'availability', 'penalty', 'accuracy', 'job'] as const

const time = z.iso.datetime()
const longestWindowMillis = 31 * dayMillis

export const measurementWindow = z
  .object({ ...measured, start: instant, end: instant, version: z.int(), recorded_at: instant })
  .meta({ id: 'MeasurementWindow' })

const seriesPath = z.strictObject({ series: seriesName })

export const putMeasurements = operation({
  context: 'indices',
  name: 'put-measurements',
  method: 'POST',
  path: '/api/v1/measurements/{series}/windows',
  permission: 'measurements:write',
  summary: 'Attest windows of a measured service',
  description:
    'A window is known by its source and its beginning. The same content again changes nothing; other content is a correction, with the next version. A request that is refused stores nothing.',
  idempotency: 'none',
  request: {
    path: seriesPath,
    body: z.strictObject({
      windows: z
        .array(
          z
            .strictObject({ ...measured, start: time, end: time })
            .refine(({ start, end }) => !(Date.parse(end) <= Date.parse(start)), {
              path: ['end'],
              error: 'must be after the start',
            })
            .refine(({ start, end }) => !(Date.parse(end) - Date.parse(start) > longestWindowMillis), {
              path: ['end'],
              error: 'must be at most 31 days after the start',
            })
            .refine(({ start }) => !(Date.parse(start) <= 0), { path: ['start'], error: 'must be after 1970' })
            .refine(window => measurements.some(name => window[name] !== undefined), {
              error: `must have one of ${measurements.join(', ')}`,
            }),
        )
        .min(1)
        .max(500)
        .refine(
          windows =>
            new Set(windows.map(({ source, start }) => `${Date.parse(start)} ${source}`)).size === windows.length,
          'must tell each window of a source once',
        ),
    }),
  },
  responses: {
    200: { description: 'The windows as they stand', schema: z.object({ data: z.array(measurementWindow) }) },
  },
  rejections: [],
})

export const listMeasurements = operation({
  context: 'indices',
  name: 'list-measurements',
  method: 'GET',
  path: '/api/v1/measurements/{series}/windows',
  permission: 'measurements:read',
  summary: 'List the windows of a measured service, oldest first',
  weight: 2,
  request: { path: seriesPath, query: z.strictObject({ ...pageQuery, ...span }) },
  responses: {
    200: { description: 'A page of windows, by beginning, then by source', schema: pageOf(measurementWindow) },
  },
  rejections: ['invalid-cursor'],
})

export const indicesOperations = [
  listIndices,
  getIndex,
  setIndex,
  putIndexQuotes,
  listFixings,
  putMeasurements,
  listMeasurements,
] as const

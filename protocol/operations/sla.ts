import * as z from 'zod'
import { maxDepositedMicros } from '#domain/ledger/accounts.ts'
import { latencyUpperNanos, mostHoldsSeconds } from '#domain/sla/readings.ts'
import { micros } from '#domain/units.ts'
import { operation } from '../operation.ts'
import {
  accountName,
  decimalText,
  instant,
  pageOf,
  pageQuery,
  positiveDecimalText,
  signedDecimalText,
} from '../values.ts'
import { seriesName, sourceName } from './indices.ts'

/** Of one request: it must fit into 64 KiB. */
const mostReadings = 500
const mostUnits = 1_000_000
const mostTiers = 10
const mostSamples = 50
const longestLatencyNanos = latencyUpperNanos.at(-1) ?? 0
const longestPeriodMillis = 5 * 366 * 86_400_000

const units = (least: number, description: string) =>
  z
    .int()
    .min(least)
    .max(mostUnits)
    .meta({ examples: [8], description })

/** A part of one, in millionths. */
const share = (example: string, isFit: (millionths: number) => boolean, says: string) =>
  decimalText
    .refine(text => isFit(micros(text) ?? -1), says)
    .meta({ description: 'Part of one as decimal text', examples: [example] })

const tier = z.strictObject({
  below_uptime: share('0.9999', ppm => ppm > 0 && ppm <= 1_000_000, 'must be above 0 and at most 1, to the millionth'),
  credit: share('0.1', ppm => ppm > 0 && ppm <= 1_000_000, 'must be above 0 and at most 1, to the millionth'),
})

const wholeMinute = z.iso
  .datetime()
  .refine(text => !(Date.parse(text) % 60_000 !== 0), 'must be a whole minute')
  .refine(text => !(Date.parse(text) <= 0), 'must be after 1970')

const wholeSecond = z.iso
  .datetime()
  .refine(text => !(Date.parse(text) % 1_000 !== 0), 'must be a whole second')
  .refine(text => !(Date.parse(text) <= 0), 'must be after 1970')

const fee = positiveDecimalText
  // No account ever has more to pay it with.
  .refine(text => (micros(text) ?? Infinity) <= maxDepositedMicros, 'must be USD to the millionth, at most 4000000000')
  .meta({ description: 'USD for each calendar month, or part of one, of the period', examples: ['1000'] })

const promised = {
  series: seriesName,
  quantity: units(1, 'Units that are to be available'),
  fee,
  provider_account: accountName,
  buyer_account: accountName,
}

const contractRequest = z
  .strictObject({
    ...promised,
    tiers: z.array(tier).min(1).max(mostTiers).optional().meta({
      description:
        'From the highest uptime to the lowest, with growing credits: below so much uptime in a month so much of its fee is credited. Unless told: below 0.9999 a tenth, below 0.99 three tenths, below 0.95 all of it.',
    }),
    degraded_weight: share('0.5', ppm => ppm >= 0 && ppm <= 1_000_000, 'must be from 0 to 1, to the millionth')
      .optional()
      .meta({ description: 'What degraded time counts as up; 0 unless told', examples: ['0.5'] }),
    period_start: wholeMinute,
    period_end: wholeMinute,
  })
  .refine(({ period_start, period_end }) => !(Date.parse(period_end) <= Date.parse(period_start)), {
    path: ['period_end'],
    error: 'must be after period_start',
  })
  .refine(
    ({ period_start, period_end }) => !(Date.parse(period_end) - Date.parse(period_start) > longestPeriodMillis),
    {
      path: ['period_end'],
      error: 'must be at most five years after period_start',
    },
  )
  .refine(({ provider_account, buyer_account }) => provider_account !== buyer_account, {
    path: ['buyer_account'],
    error: 'must be another account than provider_account',
  })

const contractId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')

export const slaContract = z
  .object({
    contract_id: z.string().meta({ description: 'Also the source of its windows among the measurements' }),
    ...promised,
    tiers: z.array(z.object({ below_uptime: decimalText, credit: decimalText })),
    degraded_weight: decimalText,
    period_start: instant,
    period_end: instant,
    created_by: z.string(),
    created_at: instant,
  })
  .meta({ id: 'SlaContract' })

const seconds = z.int().meta({ description: 'Unit-seconds' })
const measuredSeconds = { up_s: seconds, degraded_s: seconds, down_s: seconds, unknown_s: seconds }
const month = z.string().meta({ description: 'Calendar month, UTC', examples: ['2026-11'] })
const percent = decimalText.meta({
  description: 'Percent with up to six digits, rounded down; degraded time by its weight, unknown time is not up',
})

export const uptime = z
  .object({
    month,
    from: instant,
    to: instant.meta({ description: 'End of the month, or of the period in it' }),
    ...measuredSeconds,
    windows: z.int().meta({ description: 'Minutes that are closed' }),
    uptime_percent: percent,
    is_over: z.boolean().meta({ description: 'All of its windows are closed; corrections may still come' }),
    assessed_version: z.int().nullable().meta({ description: 'Of the last assessment that has come to its end' }),
  })
  .meta({ id: 'SlaUptime' })

export const slaBreach = z
  .object({
    breach_id: z.string().meta({ description: 'contract:month:metric:version' }),
    contract_id: z.string(),
    month,
    metric: z.enum(['uptime']),
    version: z.int().meta({ description: 'Of the month’s assessment; the highest of a month is the one that holds' }),
    breach_state: z
      .enum(['breached', 'withdrawn'])
      .meta({ description: 'withdrawn: by corrections there was none, against the version before' }),
    ...measuredSeconds,
    uptime_percent: percent,
    promised_percent: decimalText,
    credit: decimalText.meta({ description: 'Part of the fee' }),
    penalty: decimalText.meta({ description: 'USD, for the month' }),
    timestamp: instant,
  })
  .meta({ id: 'SlaBreach' })

export const penaltyEntry = z
  .object({
    entry_id: z.string().meta({ description: 'contract:month:version:leg' }),
    contract_id: z.string(),
    month,
    version: z.int(),
    leg: z.int(),
    entry_kind: z.enum(['penalty', 'reversal']),
    reverses_version: z.int().nullable(),
    account: z.string(),
    amount: signedDecimalText.meta({ description: 'USD that the account is to get; negative: to pay' }),
    timestamp: instant,
  })
  .meta({ id: 'PenaltyEntry' })

const reading = z.strictObject({
  series: seriesName,
  probe: sourceName,
  at: wholeSecond.meta({
    description: 'When it was measured, a whole second; with the probe it names the measurement',
  }),
  available: units(0, 'Units that were available'),
  degraded: units(0, 'Units that worked, but not as promised, beside those; 0 unless told').optional(),
  holds_s: z.int().min(1).max(mostHoldsSeconds).optional().meta({
    description: 'For how long it says so unless the probe speaks before; a minute unless told. After that: unknown',
  }),
  latency_ns: z
    .array(z.int().min(1).max(longestLatencyNanos))
    .max(mostSamples)
    .optional()
    .meta({ description: 'Of single requests since the probe spoke last' }),
  revision: z.int().min(0).max(1_000_000).optional().meta({
    description: 'Of a correction: higher than what it corrects; 0 unless told',
  }),
})

export const createSlaContract = operation({
  context: 'sla',
  name: 'create-sla-contract',
  method: 'POST',
  path: '/api/v1/sla/contracts',
  permission: 'sla:write',
  summary: 'Register what a provider promises a buyer',
  description:
    'From period_start on each minute is recorded two minutes after it has passed, from what probes measure of the series; each calendar month is assessed when it is over. A contract is never changed.',
  idempotency: 'header',
  request: { body: contractRequest },
  responses: { 201: { description: 'The contract', schema: slaContract } },
  rejections: ['idempotency-key-required', 'idempotency-conflict', 'unknown-account'],
})

export const putSlaMeasurements = operation({
  context: 'sla',
  name: 'put-sla-measurements',
  method: 'POST',
  path: '/api/v1/sla/measurements',
  permission: 'measurements:write',
  summary: 'Tell what probes measure',
  description:
    'All are taken or none. A measurement is known by its series, probe and time: the same again changes nothing, a higher revision corrects it, a lower one is passed over. What comes more than two minutes late corrects windows that are closed. At most five seconds ahead, and 62 days old; what one says may reach a minute beyond that, so whoever speaks less often says so afterwards.',
  idempotency: 'none',
  request: { body: z.strictObject({ measurements: z.array(reading).min(1).max(mostReadings) }) },
  responses: {
    200: {
      description: 'What became of them',
      schema: z.object({
        taken: z.int(),
        known: z.int().meta({ description: 'Told before, or overtaken by a higher revision' }),
      }),
    },
  },
  rejections: ['unknown-series', 'reading-conflict'],
})

const contractPath = z.strictObject({ contract_id: contractId })

export const listSlaContracts = operation({
  context: 'sla',
  name: 'list-sla-contracts',
  method: 'GET',
  path: '/api/v1/sla/contracts',
  permission: 'sla:read',
  summary: 'List the contracts in which you are provider or buyer',
  description: 'Whoever watches over all accounts sees all contracts.',
  weight: 2,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: { description: 'A page of contracts, by id', schema: pageOf(slaContract) } },
  rejections: ['invalid-cursor'],
})

export const getSlaContract = operation({
  context: 'sla',
  name: 'get-sla-contract',
  method: 'GET',
  path: '/api/v1/sla/contracts/{contract_id}',
  permission: 'sla:read',
  summary: 'Read a contract',
  request: { path: contractPath },
  responses: { 200: { description: 'The contract', schema: slaContract } },
  rejections: ['not-found'],
})

const listOf = <const Name extends string, const Tail extends string, Item extends z.ZodType>(
  name: Name,
  tail: Tail,
  texts: { readonly summary: string; readonly description: string; readonly page: string },
  item: Item,
) =>
  operation({
    context: 'sla',
    name,
    method: 'GET',
    path: `/api/v1/sla/contracts/{contract_id}/${tail}`,
    permission: 'sla:read',
    summary: texts.summary,
    description: texts.description,
    weight: 2,
    request: { path: contractPath, query: z.strictObject(pageQuery) },
    responses: { 200: { description: texts.page, schema: pageOf(item) } },
    rejections: ['not-found', 'invalid-cursor'],
  })

export const listUptimes = listOf(
  'list-uptimes',
  'uptime',
  {
    summary: 'Read the uptime of a contract, month by month',
    description:
      'The newest month first, with the unit-seconds that it is made of. The windows themselves are among the measurements of the series, their source is contract_id: GET /api/v1/measurements/{series}/windows.',
    page: 'A page of months',
  },
  uptime,
)

export const listBreaches = listOf(
  'list-breaches',
  'breaches',
  {
    summary: 'List the breaches of a contract',
    description: 'The newest month first, of a month the newest version first: that one holds.',
    page: 'A page of breaches',
  },
  slaBreach,
)

export const listPenalties = listOf(
  'list-penalties',
  'penalties',
  {
    summary: 'List the penalty ledger of a contract',
    description:
      'The newest first. Entries are only added: a correction takes back what stood by reversing entries. The entries of each version sum to zero.',
    page: 'A page of entries',
  },
  penaltyEntry,
)

export const slaOperations = [
  createSlaContract,
  putSlaMeasurements,
  listSlaContracts,
  getSlaContract,
  listUptimes,
  listBreaches,
  listPenalties,
] as const

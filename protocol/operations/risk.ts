import * as z from 'zod'
import { micros } from '#domain/units.ts'
import { operation } from '../operation.ts'
import { decimalText, instant, usdText } from '../values.ts'
import { liquidationOperations } from './liquidation.ts'
import { marginOperations } from './margin.ts'
import { parameterRequestOperations } from './parameter-requests.ts'
import { effectiveFrom, parameterRequest, readAt, versionByUnderlying } from './parameters.ts'
import { limitOperations } from './risk-limits.ts'

const factorName = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 upper-case letters, digits and . _ -, such as H100.USE')
  .meta({ examples: ['H100.USE'] })

const between = (low: number, high: number) =>
  z
    .number()
    .int()
    .min(low)
    .max(high)
    .meta({ examples: [high] })

const dayMillis = 86_400_000

/** Of one underlying: an index, a measured series, or what a collateral asset is priced by. */
const underlyingRisk = z.object({
  price_scan_ppm: between(1_000, 5_000_000).meta({
    description: 'How far scenarios move the price, as part of it: 200000 is a fifth, up and down',
  }),
  volatility_scan: decimalText
    .refine(
      text => (micros(text) ?? Infinity) <= 1_000_000_000,
      'must be at most 1000, with at most 6 digits after the point',
    )
    .meta({ description: 'How far they move its volatility, in points: 15 from 80 % to 95 % and to 65 %' }),
  family: z
    .string()
    .regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/, 'must be 1 to 31 upper-case letters, digits and . _, such as H100')
    .nullable()
    .meta({
      description:
        'Those of a family are also moved together; null: what its name has before the first point, H100 of H100.USE',
    }),
  short_option_minimum_ppm: between(0, 1_000_000).meta({
    description:
      'The least that each unit of an option that may be short needs, as part of the price of its underlying',
  }),
  concentration_threshold: usdText.meta({
    description: 'USD at the price of the underlying: what is or may be open on one side beyond it is charged for',
  }),
  concentration_charge_ppm: between(0, 1_000_000).meta({
    description: 'For each unit beyond, as part of the price of the underlying',
  }),
  haircut_ppm: between(0, 1_000_000).meta({
    description: 'What of a collateral asset priced by it does not count: 200000 is a fifth, 1000000 all',
  }),
})

/** Of the whole exchange: its epochs. */
const epochTerms = z.object({
  look_ahead_ms: between(0, 30 * dayMillis).meta({
    description: 'In scenarios options have so much less time left',
  }),
  max_age_ms: between(60_000, 7 * dayMillis).meta({ description: 'An epoch that is older is made anew' }),
  move_ppm: between(1_000, 1_000_000).meta({
    description: 'A mark that has moved by this part of what its scenarios reach makes a new epoch',
  }),
})

export const riskTerms = z.object({ ...underlyingRisk.shape, ...epochTerms.shape })
export type RiskTerms = z.infer<typeof riskTerms>
export type EpochTerms = z.infer<typeof epochTerms>
/** What is set for all underlyings at once only. */
export const epochTermNames = epochTerms.keyof().options

export const riskParameters = z
  .object({
    ...versionByUnderlying,
    ...riskTerms.shape,
  })
  .meta({ id: 'RiskParameters' })

export const getRiskParameters = operation({
  context: 'risk',
  name: 'get-risk-parameters',
  method: 'GET',
  path: '/api/v1/risk/parameters',
  permission: 'risk:read',
  summary: 'Read what margin is computed with',
  request: {
    query: z.strictObject({
      underlying: factorName.optional().meta({ description: 'Of this one, or what stands for it' }),
      at: readAt,
    }),
  },
  responses: { 200: { description: 'The parameters that hold', schema: riskParameters } },
  rejections: [],
})

export const setRiskParameters = operation({
  context: 'risk',
  name: 'set-risk-parameters',
  method: 'PUT',
  path: '/api/v1/risk/parameters',
  permission: 'risk:write',
  summary: 'Set what margin is computed with, from an instant on',
  description:
    'What is not named stays as it holds at that instant, and later versions keep what they name themselves: a change is also in those that begin after it and do not name it. Of two that name the same, the one that took effect last holds, of two of one instant the later. An underlying’s first version begins with what holds for all at that instant. An epoch of risk with them is made within a minute of that instant. Whatever asks for less margin then or at any later instant, or moves an underlying to another family, waits for another person, with another account and credential: the answer is the request (201). What a version that is already set would undo later is refused (undone-by-later-version): set that for its instant first.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      underlying: factorName.optional().meta({
        description: 'Unless told, of all that have none of their own; look_ahead_ms, max_age_ms and move_ppm only so',
      }),
      effective_from: effectiveFrom,
      ...riskTerms.partial().shape,
    }),
  },
  responses: {
    200: { description: 'The new version', schema: riskParameters },
    201: { description: 'Waits for approval', schema: parameterRequest },
  },
  rejections: ['unknown-underlying', 'undone-by-later-version'],
})

export const scenarioSet = z
  .object({
    scenario_set_version: z.number().int(),
    epoch_version: z.number().int().meta({ description: 'Of the risk arrays that are in force with it' }),
    made_at: instant,
    reasons: z.array(z.string()).meta({ description: 'Why it was made' }),
    lanes: z
      .array(z.object({ lane: z.number().int(), epoch_version: z.number().int(), adopted_at: instant }))
      .meta({ description: 'Which epoch decides in which lane, and since when' }),
    look_ahead_ms: z.number().int(),
    underlyings: z.array(
      z.object({
        name: z.string(),
        family: z.string(),
        level: decimalText.nullable().meta({ description: 'Its price when the epoch was made; null: unknown' }),
        price_scan_ppm: z.number().int(),
        volatility_scan: decimalText,
        concentration_threshold_units: z.number().int(),
        concentration_charge_micros: z.number().int().meta({ description: 'USD micros for each unit beyond' }),
      }),
    ),
    scenarios: z.array(
      z.object({
        name: z.string(),
        weight: z.number().meta({ description: 'What part of a loss counts' }),
        moves: z
          .array(
            z.object({
              underlying: z.string(),
              price: z.number().meta({ description: 'As part of its price: -0.2 is a fall by a fifth' }),
              volatility: z.number().meta({ description: '0.1 is ten points more' }),
              reach: z.number().meta({ description: 'How far it went on the way, which is what touches a barrier' }),
            }),
          )
          .meta({ description: 'Underlyings that are not named stay where they are' }),
      }),
    ),
    instruments: z.number().int(),
    bounded_instruments: z
      .array(z.object({ instrument_name: z.string(), reason: z.string() }))
      .meta({ description: 'Those without a value: covered for whatever they may settle at' }),
  })
  .meta({ id: 'ScenarioSet' })

export const getCurrentScenarioSet = operation({
  context: 'risk',
  name: 'get-current-scenario-set',
  method: 'GET',
  path: '/api/v1/risk/scenario-sets/current',
  permission: 'risk:read',
  summary: 'Read the scenarios that margin is computed over now',
  weight: 2,
  request: {},
  responses: { 200: { description: 'The set of the epoch in force', schema: scenarioSet } },
  rejections: ['not-found'],
})

export const riskOperations = [
  getCurrentScenarioSet,
  getRiskParameters,
  setRiskParameters,
  ...parameterRequestOperations,
  ...liquidationOperations,
  ...marginOperations,
  ...limitOperations,
] as const

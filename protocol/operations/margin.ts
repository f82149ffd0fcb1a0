import * as z from 'zod'
import { mostRevaluations, mostStressScenarios } from '#domain/margin/stress.ts'
import { directions } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import { checkOrderRequest, orderRequestFields } from '../order-request.ts'
import { accountName, decimalText, instant, lane, signedDecimalText } from '../values.ts'

/** What an account's margin is, what it follows from, and what it would be; among the operations of risk. */

const askedAccount = accountName.optional().meta({
  description:
    'Your own unless told; the owner of a firm may name its sub-accounts, and who answers for risk any account',
})

const asOf = z
  .object({
    positions_sequence: z.number().int().meta({ description: 'Event of the lane up to which positions and cash are' }),
    orders_sequence: z.number().int().meta({ description: '… and open orders' }),
    is_one_moment: z.boolean().meta({
      description: 'Whether both are of one moment; where not, an event in between may count twice or not at all',
    }),
  })
  .meta({ id: 'AsOf' })

const epochFields = {
  epoch_version: z.number().int().meta({
    description:
      'Epoch of risk that decides in the lane; 0 before the first: everything is covered for whatever it may settle at',
  }),
  covered_by_bounds: z.array(z.string()).meta({
    description:
      'Instruments without scenarios: covered for whatever they may settle at; where no epoch values them they count in equity as if they were worth nothing, which the requirement allows for',
  }),
  as_of: asOf,
}

const amounts = z
  .object({
    equity: signedDecimalText.meta({ description: 'Cash less what is held, and what positions have gained' }),
    requirement: signedDecimalText.meta({
      description: 'Below zero only where other lanes add more than all of it: see lane_credit',
    }),
    excess: signedDecimalText.meta({ description: 'Equity less requirement; below zero is a margin call' }),
  })
  .meta({ id: 'MarginAmounts' })

const components = z.object({
  scan: signedDecimalText.meta({ description: 'The worst of the joint scenarios, over every subset of open orders' }),
  bounded: decimalText.meta({ description: 'The worse end of each instrument that is covered by bounds' }),
  short_option_minimum: decimalText,
  concentration: decimalText,
  fee_reserve: decimalText.meta({ description: 'For the fees of open orders' }),
  quote_reserve: decimalText.meta({ description: 'Put by for quotes under protection' }),
})

export const margin = z
  .object({
    account: z.string(),
    currency: z.literal('USD'),
    ...epochFields,
    cash: signedDecimalText,
    held: decimalText,
    unrealized_profit_loss: signedDecimalText.meta({ description: 'At the marks of the epoch' }),
    ...amounts.shape,
    withdrawable: decimalText,
    requirement_parts: components,
    underlyings: z
      .array(z.object({ underlying: z.string(), requirement: decimalText, requirement_parts: components }))
      .meta({ description: 'Each by itself: they add up to more than the whole, by what is netted between them' }),
    lane_credit: signedDecimalText.nullable().meta({
      description:
        'What other lanes of the account add in that scenario, or, at home, what it has granted them, below zero; null for an account of one lane. The drivers and it add up to minus the scan',
    }),
    worst_scenario: z
      .string()
      .nullable()
      .meta({ description: 'null: nothing moves, and what hurts is open orders away from the mark' }),
    drivers: z
      .array(
        z.object({
          instrument_name: z.string(),
          basis: z.enum(['scenario', 'bounds']),
          position_profit_loss: signedDecimalText.meta({ description: 'There, or at the worse end of the bounds' }),
          orders_profit_loss: signedDecimalText.meta({ description: 'Of those open orders that would lose if filled' }),
        }),
      )
      .meta({ description: 'What the worst scenario does to each instrument, the worst first' }),
  })
  .meta({ id: 'Margin' })

export const getMargin = operation({
  context: 'risk',
  name: 'get-margin',
  method: 'GET',
  path: '/api/v1/margin',
  permission: 'risk:read',
  summary: 'Read an account’s equity and requirement, and what drives it',
  weight: 2,
  request: { query: z.strictObject({ account: askedAccount }) },
  responses: { 200: { description: 'The margin', schema: margin } },
  rejections: ['account-not-open', 'not-found'],
})

const previewedOrder = z
  .strictObject({ ...orderRequestFields })
  .superRefine(checkOrderRequest)
  .meta({ description: 'As it would be placed' })

export const orderPreview = z
  .object({
    instrument_name: z.string(),
    direction: z.enum(directions),
    amount: decimalText,
    outcome: z.enum(['accepted', 'refused']),
    reject_reason: z.string().nullable().meta({ description: 'The code that placing it would be answered with' }),
    filled_amount: decimalText.meta({ description: 'What would trade at once with what the book shows' }),
    average_price: decimalText.nullable(),
    fee: decimalText,
    cancel_reason: z
      .string()
      .nullable()
      .meta({ description: 'Why the rest of it would not stay open, where it would not' }),
    after: amounts,
  })
  .meta({ id: 'OrderPreview' })

export const previewMargin = operation({
  context: 'risk',
  name: 'preview-margin',
  method: 'POST',
  path: '/api/v1/margin/preview',
  permission: 'risk:read',
  summary: 'See what orders would be answered, and what they would need',
  description:
    'Decided by the engine’s own code over the account as it is projected, with nothing placed: one order after the other, each as those before it would leave the account. What is then charged is the same to the micro as long as nothing happens in between; hidden parts of other orders may fill more of one, which never raises what is needed. Orders are of one lane: that of the account, or one that it has joined, where they are previewed as its account there, which the answer names. What has not the form of an order, or names no market, is refused as a whole. Limits of the account, its firm and the markets are looked at, but for message rates; a day’s loss counts once it was told to be beyond its limit.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      account: askedAccount,
      orders: z
        .array(previewedOrder)
        .min(1, 'must name at least one order')
        .max(100, 'must not name more than 100')
        .meta({ examples: [[{ instrument_name: 'H100.USE-27NOV26', direction: 'buy', amount: '10', price: '2.5' }]] }),
    }),
  },
  responses: {
    200: {
      description: 'What would become of each, and of the account',
      schema: z.object({
        account: z.string(),
        ...epochFields,
        quote_budget: z
          .object({
            kept: decimalText.meta({ description: 'Put by for quotes, however many stand: part of the requirement' }),
            needed: decimalText.meta({ description: 'What those that stand would need if they were orders' }),
          })
          .nullable(),
        before: amounts,
        orders: z.array(orderPreview),
        after: amounts,
      }),
    },
  },
  rejections: [
    'account-not-open',
    'not-found',
    'engine-version-needed',
    'unknown-instrument',
    'instrument-in-other-lane',
    'instrument-not-open',
    'price-off-tick',
    'amount-off-lot',
    'price-out-of-range',
    'amount-out-of-range',
  ],
})

export const getMarginStatement = operation({
  context: 'risk',
  name: 'get-margin-statement',
  method: 'GET',
  path: '/api/v1/margin/statement',
  permission: 'risk:read',
  summary: 'Read all that an account’s requirement follows from, in one file',
  description: 'Nothing is left to look up: `npm run verify-margin -- <file>` computes it again to the last micro.',
  weight: 5,
  request: { query: z.strictObject({ account: askedAccount }) },
  responses: {
    200: {
      description: 'The statement, format margin-statement/1',
      schema: z.looseObject({ format: z.literal('margin-statement/1') }).meta({ id: 'MarginStatement' }),
    },
  },
  rejections: ['account-not-open', 'not-found'],
})

const exposures = z.array(
  z.object({
    underlying: z.string(),
    net_delta: signedDecimalText.meta({ description: 'In units of the underlying' }),
    gross_delta: decimalText,
    net_vega: signedDecimalText.meta({ description: 'USD for a point of volatility' }),
    gross_vega: decimalText,
    unvalued_positions: z.number().int().meta({ description: 'That the epoch does not value: not counted' }),
  }),
)

/** Of exposures and stress, which may be of several lanes. */
export const countedLanes = z.object({
  epoch_version: z.number().int().meta({
    description: 'Epoch of risk in force; 0 before the first. Of several lanes that of the one that is furthest behind',
  }),
  lanes: z.array(lane).meta({ description: 'Which are counted; of an account its home first' }),
  lane_epochs: z
    .array(
      z.object({
        lane,
        epoch_version: z.number().int(),
        epoch_timestamp: instant.nullable().meta({ description: 'When what it is valued from was read' }),
      }),
    )
    .meta({ description: 'What is held in each is valued by the epoch that is in force there' }),
})

export const getExposures = operation({
  context: 'risk',
  name: 'get-exposures',
  method: 'GET',
  path: '/api/v1/risk/exposures',
  permission: 'risk:read',
  summary: 'Read deltas and vegas by underlying: of an account, a firm or the whole lane',
  description:
    'By the sensitivities of the epoch of risk in force, as the limits of a lane count them; of an account or a firm all lanes are added up, and net_delta is what is left of legs that hedge each other. A satellite that is named is counted by itself. A firm for who answers for risk or owns it, the lane for who answers for risk.',
  weight: 5,
  request: {
    query: z.strictObject({
      scope: z.enum(['account', 'firm', 'lane']).optional().meta({ description: 'account unless told' }),
      subject: accountName.optional().meta({
        description: 'The account or firm; your own unless told. Of a firm its owner may name its accounts',
      }),
      lane: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
        .transform(Number)
        .pipe(lane)
        .optional()
        .meta({
          description:
            'That lane alone. Unless told all that the account trades in, or all of the tenant’s for a firm; of scope lane that of your account, or the first',
        }),
    }),
  },
  responses: {
    200: {
      description: 'The exposures',
      schema: z.object({
        scope: z.enum(['account', 'firm', 'lane']),
        ...countedLanes.shape,
        underlyings: exposures,
        parts: z.array(z.object({ name: z.string(), underlyings: exposures })).meta({
          description:
            'Of a firm its accounts, satellites by their own names, of a lane its firms; by name, at most 1,000',
        }),
        timestamp: instant,
      }),
    },
  },
  rejections: ['account-not-open', 'not-found'],
})

const shiftPpm = (lowest: number) =>
  z
    .number()
    .int()
    .min(lowest)
    .max(10_000_000)
    .meta({ examples: [-200_000] })

const stressShift = z.strictObject({
  underlying: z
    .string()
    .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 upper-case letters, digits and . _ -, such as H100.USE'),
  price_ppm: shiftPpm(-1_000_000)
    .optional()
    .meta({ description: 'In millionths of its price: -200000 is a fall by a fifth' }),
  volatility_ppm: shiftPpm(-10_000_000).optional().meta({ description: 'Added to it: 100000 is ten points' }),
  reach_ppm: shiftPpm(-1_000_000).optional().meta({
    description: 'How far the price went on its way, which is what touches a barrier; as far as price unless told',
  }),
})

const stressedAccount = z.object({
  account: z.string(),
  profit_loss: signedDecimalText,
  equity_after: signedDecimalText,
})

export const stressed = z
  .object({
    name: z.string(),
    profit_loss: signedDecimalText,
    underlyings: z.array(z.object({ underlying: z.string(), profit_loss: signedDecimalText })),
    /** Of an account. */
    equity_after: signedDecimalText.nullable().meta({ description: 'Of scope account' }),
    positions: z
      .array(z.object({ lane, instrument_name: z.string(), profit_loss: signedDecimalText }))
      .meta({ description: 'Of scope account, the worst first' }),
    accounts_short: z.number().int().nullable().meta({ description: 'Of scope lane: left with less than nothing' }),
    shortfall: decimalText.nullable().meta({ description: '… and what they would owe together' }),
    worst_accounts: z
      .array(stressedAccount)
      .meta({ description: 'Of scope lane: the twenty that are left with least' }),
  })
  .meta({ id: 'StressedScenario' })

export const stressRisk = operation({
  context: 'risk',
  name: 'stress-risk',
  method: 'POST',
  path: '/api/v1/risk/stress',
  permission: 'risk:read',
  summary: 'Revalue an account, or the whole lane, in scenarios of your own',
  description: `Full revaluation of each contract from what the epoch of risk in force was made of; open orders are left out. At most ${mostStressScenarios} scenarios, as many shifts as a body of 64 KiB holds, and ${mostRevaluations} values in all. An account is revalued in all lanes that it trades in, each by its own epoch, and its equity there is added up: what lanes have granted each other is nobody’s gain. A satellite that is named is revalued by itself. The lane is for who answers for risk.`,
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      scope: z.enum(['account', 'lane']).default('account'),
      account: askedAccount,
      lane: lane.optional().meta({
        description:
          'That lane alone. Unless told all that the account trades in; of scope lane that of your account, or the first',
      }),
      days_ahead: z
        .number()
        .int()
        .min(0)
        .max(365)
        .meta({ examples: [1] })
        .default(0)
        .meta({ description: 'How much later it is: options lose what time is worth' }),
      scenarios: z
        .array(
          z.strictObject({
            name: z
              .string()
              .regex(
                /^[\x21-\x7e]{1,64}(?: [\x21-\x7e]{1,64}){0,7}$/,
                'must be words of printable ASCII, one space apart',
              ),
            shifts: z.array(stressShift).max(256),
          }),
        )
        .max(mostStressScenarios)
        .meta({ examples: [[{ name: 'crash', shifts: [{ underlying: 'H100.USE', price_ppm: -400_000 }] }]] }),
    }),
  },
  responses: {
    200: {
      description: 'What each scenario does',
      schema: z.object({
        scope: z.enum(['account', 'lane']),
        ...countedLanes.shape,
        epoch_timestamp: instant
          .nullable()
          .meta({ description: 'When what it is valued from was read, of the epoch of epoch_version' }),
        covered_by_bounds: z.array(z.string()).meta({
          description: 'Instruments without a value: at the worse end of what they may settle at in every scenario',
        }),
        scenarios: z.array(stressed),
      }),
    },
  },
  rejections: ['account-not-open', 'not-found', 'unknown-underlying', 'too-many-scenarios', 'scenario-refused'],
})

export const marginOperations = [getMargin, previewMargin, getMarginStatement, getExposures, stressRisk] as const

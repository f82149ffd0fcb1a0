import * as z from 'zod'
import { settlementStates } from '#domain/settlement/settlement-name.ts'
import { settlementKinds } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import {
  commandId,
  commandOutcome,
  decimalText,
  instant,
  instrumentName,
  pageOf,
  positiveDecimalText,
} from '../values.ts'

const marketPath = z.strictObject({ instrument_name: instrumentName })

/** A page of settlements carries all that each was computed from, so it is short. */
export const mostSettlementsOfPage = 50
export const settlementsOfPage = 20

const number = z.int().min(0).max(999_999).meta({
  description:
    'Of a leg or a distribution from 1 on; of a variation the UTC day since 1970; 0 for the final settlement',
})

export const settlement = z
  .object({
    instrument_name: z.string(),
    settlement_kind: z.enum(settlementKinds),
    number,
    settlement_state: z.enum(settlementStates),
    price: decimalText.nullable().meta({ description: 'What each unit settled at; null before it is computed' }),
    inputs: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'All that the price follows from, by which anyone can recompute it; null before' }),
    missing: z.array(z.string()).meta({ description: 'What it waits for' }),
    due_at: instant,
    updated_at: instant,
    attempt: z.int().meta({ description: 'Counts how often it was begun' }),
    command_id: commandId.nullable(),
    failure: z.string().nullable().meta({ description: 'Why it failed: see docs/runbooks/settlement-failed.md' }),
  })
  .meta({ id: 'Settlement' })

export const listSettlements = operation({
  context: 'settlement',
  name: 'list-settlements',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/settlements',
  permission: 'settlements:read',
  summary: 'List what a market has settled at, with all that each price follows from',
  description:
    'Final settlement, legs of a swap, distributions of a structured product and daily variation settlements, by kind and number, the newest of each kind first. `inputs` names the fixings, measured windows, settlement prices or marks that were used, what was left out and why: the price can be computed again from them.',
  weight: 2,
  request: {
    path: marketPath,
    query: z.strictObject({
      limit: z
        .string()
        .regex(/^[1-9][0-9]?$/, `must be a whole number from 1 to ${mostSettlementsOfPage}`)
        .transform(Number)
        .pipe(z.number().int().max(mostSettlementsOfPage, `must be from 1 to ${mostSettlementsOfPage}`))
        .optional()
        .meta({ description: `How many at most on a page; ${settlementsOfPage} unless told` }),
      cursor: z.string().min(1).max(1024).optional().meta({ description: 'next_cursor of the previous page' }),
    }),
  },
  responses: { 200: { description: 'A page of settlements', schema: pageOf(settlement) } },
  rejections: ['not-found', 'invalid-cursor'],
})

export const startSettlement = operation({
  context: 'settlement',
  name: 'start-settlement',
  method: 'POST',
  path: '/api/v1/markets/{instrument_name}/settlements',
  permission: 'settlements:operate',
  summary: 'Start a settlement again that failed',
  description:
    'The next attempt of a settlement whose last one failed. A price that was computed stays the price. Whoever asks twice is told of the same attempt; what is settled is not settled again.',
  idempotency: 'none',
  weight: 5,
  request: {
    path: marketPath,
    body: z.strictObject({
      settlement_kind: z.enum(['final', 'leg', 'distribution']).default('final'),
      number: number.default(0),
    }),
  },
  responses: { 202: { description: 'Begun; follow it by the list', schema: settlement } },
  rejections: ['unknown-instrument', 'not-found', 'not-cash-settled', 'settlement-under-way', 'instrument-settled'],
})

export const exerciseOption = operation({
  context: 'settlement',
  name: 'exercise-option',
  method: 'POST',
  path: '/api/v1/positions/{instrument_name}/exercise',
  permission: 'options:exercise',
  summary: 'Exercise your long position in an American option',
  description:
    'Pays for each unit what the option is worth at the mark price of its future, and closes so much of the position. Whoever is short is assigned in proportion to their position, by largest remainder.',
  request: { path: marketPath, body: z.strictObject({ amount: positiveDecimalText }) },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
  },
  rejections: [
    'account-not-open',
    'unknown-instrument',
    'instrument-in-other-lane',
    'not-exercisable',
    'amount-off-lot',
    'amount-out-of-range',
    'insufficient-funds',
    'insufficient-margin',
    'idempotency-conflict',
  ],
})

export const settlementOperations = [listSettlements, startSettlement, exerciseOption] as const

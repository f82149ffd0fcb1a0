import * as z from 'zod'
import { killScopes } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import { reopeningStates } from '../reopening.ts'
import {
  accountName,
  commandId,
  commandOutcome,
  decimalText,
  instant,
  instrumentName,
  pageOf,
  pageQuery,
  positiveDecimalText,
} from '../values.ts'

const maxMillis = 7 * 24 * 60 * 60 * 1_000

const accepted = {
  202: { description: 'Taken by the order stream', schema: commandOutcome },
  200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
} as const

export const getCommand = operation({
  context: 'supervision',
  name: 'get-command',
  method: 'GET',
  path: '/api/v1/commands/{command_id}',
  permission: 'commands:read',
  summary: 'Read what became of a command of yours that answered with a command_id',
  request: { path: z.strictObject({ command_id: commandId }) },
  responses: { 200: { description: 'The outcome', schema: commandOutcome } },
  rejections: ['not-found'],
})

export const killOwnAccount = operation({
  context: 'supervision',
  name: 'kill-own-account',
  method: 'PUT',
  path: '/api/v1/kill-switch',
  permission: 'kill:own',
  summary: 'Stop your own account: all its orders are cancelled and none is taken',
  description: 'Whoever may operate every kill switch releases it; you may not.',
  usesReserve: true,
  weight: 0.1,
  request: {
    body: z.strictObject({
      is_on: z.boolean().refine(isOn => isOn, 'must be true: who operates every kill switch releases it'),
    }),
  },
  responses: accepted,
  rejections: ['account-not-open', 'idempotency-conflict'],
})

const subject = accountName.meta({ description: 'Name of the account or firm, or number of the lane' })

export const setKillSwitch = operation({
  context: 'supervision',
  name: 'set-kill-switch',
  method: 'PUT',
  path: '/api/v1/kill-switches/{scope}/{subject}',
  permission: 'kill:write',
  summary: 'Stop or release an account, a firm or a lane',
  description:
    'Stopped, all its orders are cancelled and none is taken until it is released. A firm is stopped in one lane (`lane`; unless told the first): its accounts in other lanes take a command of their own.',
  usesReserve: true,
  weight: 0.1,
  request: {
    path: z.strictObject({ scope: z.enum(killScopes), subject }),
    body: z.strictObject({
      is_on: z.boolean(),
      lane: z
        .int()
        .min(1)
        .max(65_535)
        .optional()
        .meta({ description: 'Of a firm only', examples: [1] }),
    }),
  },
  responses: accepted,
  rejections: ['unknown-account', 'unknown-firm', 'not-found', 'idempotency-conflict'],
})

export const killSwitch = z
  .object({
    scope: z.enum(killScopes),
    subject: z.string(),
    lane: z.int(),
    is_on: z.boolean(),
    cancelled_orders: z.int().meta({ description: 'By the last change' }),
    changed_at: instant,
  })
  .meta({ id: 'KillSwitch' })

export const listKillSwitches = operation({
  context: 'supervision',
  name: 'list-kill-switches',
  method: 'GET',
  path: '/api/v1/kill-switches',
  permission: 'kill:read',
  summary: 'List the kill switches of a lane that were ever used',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      lane: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
        .optional()
        .meta({ description: 'The first unless told', examples: ['1'] }),
    }),
  },
  responses: { 200: { description: 'A page of switches', schema: pageOf(killSwitch) } },
  rejections: ['invalid-cursor'],
})

const instrumentPath = z.strictObject({ instrument_name: instrumentName })

export const setMarketState = operation({
  context: 'supervision',
  name: 'set-market-state',
  method: 'PUT',
  path: '/api/v1/markets/{instrument_name}/state',
  permission: 'markets:operate',
  summary: 'Open, halt, auction or close a market',
  description: 'With `until`, an auction uncrosses by itself then, and a halt becomes the reopening auction.',
  request: {
    path: instrumentPath,
    body: z.strictObject({
      state: z.enum(['pre_open', 'auction', 'continuous', 'halted', 'closed']),
      until: z.iso.datetime().optional().meta({ description: 'Of an auction or a halt only' }),
    }),
  },
  responses: accepted,
  rejections: ['unknown-instrument', 'idempotency-conflict'],
})

const fraction = z
  .string()
  .regex(
    /^(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,6})?$/,
    'must be a part such as "0.05", of at most six digits after the point',
  )
  .meta({ examples: ['0.05'] })

export const setMarketControls = operation({
  context: 'supervision',
  name: 'set-market-controls',
  method: 'PUT',
  path: '/api/v1/markets/{instrument_name}/controls',
  permission: 'markets:operate',
  summary: 'Set price band and velocity logic of a market',
  description:
    'What is left out is off. `price_band`: how far beyond the reference price orders may buy or sell. A move of `velocity` within `velocity_interval_ms` halts for `halt_ms` (0: until told), and reopens after an auction of `auction_ms`.',
  request: {
    path: instrumentPath,
    body: z.strictObject({
      price_band: fraction.default('0'),
      velocity: fraction.default('0'),
      velocity_interval_ms: z.int().min(0).max(maxMillis).default(0),
      halt_ms: z.int().min(0).max(maxMillis).default(0),
      auction_ms: z.int().min(0).max(maxMillis).default(0),
    }),
  },
  responses: accepted,
  rejections: ['unknown-instrument', 'idempotency-conflict'],
})

export const setMarkPrice = operation({
  context: 'supervision',
  name: 'set-mark-price',
  method: 'PUT',
  path: '/api/v1/markets/{instrument_name}/mark-price',
  permission: 'marks:write',
  summary: 'Set the mark price of a market',
  request: { path: instrumentPath, body: z.strictObject({ price: positiveDecimalText }) },
  responses: accepted,
  rejections: ['unknown-instrument', 'price-off-tick', 'price-out-of-range', 'idempotency-conflict'],
})

export const tradeId = z
  .string()
  .regex(/^[1-9][0-9]{0,4}-[0-9]{16}$/, 'must be the id of a trade, such as 1-0000000000000042')

export const bustWindowMillis = 60 * 60 * 1_000

export const tradeBust = z
  .object({
    bust_id: tradeId.meta({ description: 'The id of its trade' }),
    instrument_name: z.string(),
    price: decimalText,
    amount: decimalText,
    buyer: z.string(),
    seller: z.string(),
    trade_timestamp: instant,
    reason: z.string(),
    bust_state: z.enum(['awaiting_approval', 'lapsed', 'submitted', 'busted', 'rejected']),
    reject_reason: z.string().nullable(),
    requested_by: z.string(),
    requested_at: instant,
    approved_by: z.string().nullable(),
    approved_at: instant.nullable(),
    approve_before: instant,
  })
  .meta({ id: 'TradeBust' })

export const requestTradeBust = operation({
  context: 'supervision',
  name: 'request-trade-bust',
  method: 'POST',
  path: '/api/v1/trade-busts',
  permission: 'busts:write',
  summary: 'Ask for a trade to be reversed',
  description:
    'Within an hour of the trade. Nothing happens before somebody else approves it, with another account and credential. A request that lapsed or that the engine refused may be made again.',
  idempotency: 'none',
  weight: 2,
  request: {
    body: z.strictObject({
      trade_id: tradeId,
      account: accountName.meta({ description: 'One of its two sides' }),
      reason: z
        .string()
        .min(1)
        .max(200)
        .regex(/^[\p{L}\p{N}\p{P}\p{Sc}\p{Sm} ]+$/u, 'must be letters, digits, blanks and punctuation')
        .meta({ examples: ['fat finger'] }),
    }),
  },
  responses: { 201: { description: 'Waits for approval', schema: tradeBust } },
  rejections: ['unknown-trade', 'bust-window-over', 'bust-under-way'],
})

const bustPath = z.strictObject({ bust_id: tradeId })

export const approveTradeBust = operation({
  context: 'supervision',
  name: 'approve-trade-bust',
  method: 'POST',
  path: '/api/v1/trade-busts/{bust_id}/approve',
  permission: 'busts:approve',
  summary: 'Approve that a trade is reversed',
  description: 'By another account and another credential than asked for it. A repeat changes nothing.',
  idempotency: 'none',
  weight: 2,
  request: { path: bustPath },
  responses: {
    202: { description: 'Taken by the order stream', schema: tradeBust },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: tradeBust },
  },
  rejections: ['not-found', 'second-person-required', 'bust-window-over', 'bust-under-way'],
})

export const listTradeBusts = operation({
  context: 'supervision',
  name: 'list-trade-busts',
  method: 'GET',
  path: '/api/v1/trade-busts',
  permission: 'busts:read',
  summary: 'List the trades of a lane that somebody asked to be reversed, newest trade first',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      lane: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
        .optional()
        .meta({ description: 'The first unless told', examples: ['1'] }),
    }),
  },
  responses: { 200: { description: 'A page of them', schema: pageOf(tradeBust) } },
  rejections: ['invalid-cursor'],
})

const lanePath = z.strictObject({
  lane: z
    .string()
    .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
    .refine(digits => Number(digits) <= 65_535, 'must be the number of a lane')
    .meta({ examples: ['1'] }),
})

export const laneReopening = z
  .object({
    reopening_id: z.string(),
    reopening_state: z.enum(reopeningStates),
    requested_by: z.string(),
    started_at: instant,
    updated_at: instant,
    failure: z.string().nullable().meta({ description: 'The error that it ended with: see docs/operations.md' }),
    auctions_end_at: instant.nullable().meta({ description: 'When the last of its auctions uncrosses' }),
  })
  .meta({ id: 'LaneReopening' })

export const laneView = z
  .object({
    lane: z.int(),
    epoch: z.int().meta({ description: 'Grows by one with each leader; 0 before the first' }),
    leader: z.string().nullable(),
    halted: z.string().nullable().meta({ description: 'Why nobody leads' }),
    behind_ms: z.int(),
    last_written_at: instant.nullable().meta({ description: 'By a leader' }),
    engine_version: z.int().meta({ description: 'Whose rules the lane follows' }),
    engine_version_since: instant.nullable(),
    started_epoch: z
      .object({ epoch: z.int(), state_hash: z.string(), timestamp: instant })
      .nullable()
      .meta({ description: 'The last leader’s beginning, and the SHA-256 of the engine’s state there' }),
    replicas: z.array(
      z.object({
        owner: z.string(),
        role: z.string(),
        engine_versions: z.array(z.int()),
        is_verified: z.boolean().meta({ description: 'It has come to the state that was published' }),
        out_seq: z.int(),
        chain: z.string(),
        behind_ms: z.int(),
        spoken_at: instant,
      }),
    ),
    reopening: laneReopening.nullable(),
  })
  .meta({ id: 'Lane' })

export const getLane = operation({
  context: 'supervision',
  name: 'get-lane',
  method: 'GET',
  path: '/api/v1/lanes/{lane}',
  permission: 'lanes:read',
  summary: 'Read who leads a lane, who stands by, whose rules it follows, and how it was last reopened',
  description: 'Replicas are those that have spoken within 15 seconds.',
  request: { path: lanePath },
  responses: { 200: { description: 'The lane', schema: laneView } },
  rejections: ['not-found'],
})

export const activateEngineVersion = operation({
  context: 'supervision',
  name: 'activate-engine-version',
  method: 'POST',
  path: '/api/v1/lanes/{lane}/engine-version',
  permission: 'lanes:operate',
  summary: 'Have a lane follow the rules of a newer version of the engine',
  description:
    'All its matchers change at the same command. Refused unless two at least have spoken within 15 seconds and all of those have the version. There is no way back.',
  idempotency: 'header',
  request: { path: lanePath, body: z.strictObject({ version: z.int().min(1).max(65_535) }) },
  responses: accepted,
  rejections: ['not-found', 'replicas-not-ready', 'idempotency-key-required', 'idempotency-conflict'],
})

export const reopenLane = operation({
  context: 'supervision',
  name: 'reopen-lane',
  method: 'POST',
  path: '/api/v1/lanes/{lane}/reopening',
  permission: 'lanes:operate',
  summary: 'Reopen a halted lane in stages',
  description:
    'Compares its matchers with what was published, has the lane led again with its markets halted (cancels only), calls an auction in each, and ends in continuous trading. Where matchers disagree the lane stays halted: `reopening` of the lane says so.',
  idempotency: 'header',
  request: { path: lanePath },
  responses: { 202: { description: 'Begun; follow it by the lane', schema: laneReopening } },
  rejections: [
    'not-found',
    'lane-not-halted',
    'reopening-under-way',
    'idempotency-key-required',
    'idempotency-conflict',
  ],
})

export const supervisionOperations = [
  getCommand,
  killOwnAccount,
  setKillSwitch,
  listKillSwitches,
  setMarketState,
  setMarketControls,
  setMarkPrice,
  requestTradeBust,
  approveTradeBust,
  listTradeBusts,
  getLane,
  activateEngineVersion,
  reopenLane,
] as const

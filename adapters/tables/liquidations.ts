import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import type { Command, Direction } from '#domain/trading/commands.ts'
import { type LiquidationStepKind, liquidationStates, liquidationStepKinds } from '#protocol/liquidation.ts'
import { tables } from '#protocol/tables.ts'
import { accountNumberOf } from '../account-keys.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

/** One margin call and what was done about it: its head, beside which lie its steps and what the engine said. */
export interface LiquidationRow {
  readonly liquidationId: string
  readonly lane: number
  readonly accountId: number
  readonly state: (typeof liquidationStates)[number]
  /** Counts how often its workflow was started, from 1. */
  readonly attempt: number
  /** Of the call. */
  readonly calledAtMillis: number
  readonly callEventId: string
  readonly epochVersion: number
  readonly callEquityMicros: number
  readonly callRequirementMicros: number
  readonly graceEndsAtMillis: number
  /** As the engine last told them. */
  readonly equityMicros: number
  readonly requirementMicros: number
  readonly startedAtMillis: number
  readonly updatedAtMillis: number
  readonly begunAtMillis?: number
  readonly endedAtMillis?: number
  /** What the last attempt failed by. */
  readonly failure?: string
}

/** Whole numbers and texts, as they are told to people: what justifies a step, and what came of it. */
export type Numbers = Readonly<Record<string, unknown>>

/** An account in one of the lanes that it trades in. */
export interface LaneAccount {
  readonly lane: number
  readonly accountId: number
}

/** What later steps need to know of those before. Positions are named by their keys: see lambdas/risk/liquidated-account.ts. */
export interface LiquidationProgress {
  /** Where the step after the plan acts; in the account's home unless told. */
  readonly at?: LaneAccount
  /** Of an account that trades in several lanes: where it is liquidated with its home. */
  readonly joined?: readonly LaneAccount[]
  /** What its home has said to its end, while other lanes are still to be let go. */
  readonly ended?: { readonly eventId: string; readonly atMillis: number }
  /** Cash that goes from `at` to another lane of the account. */
  readonly move?: { readonly toLane: number; readonly amountMicros: number }
  /** How often that was refused. */
  readonly moveTries?: number
  /** Whose loss is being paid: what follows of fund and winners is of that lane. */
  readonly lossLane?: number
  /** By position: how often in a row its book gave nothing. */
  readonly dryTries: Readonly<Record<string, number>>
  /** Reduced or transferred by this liquidation. */
  readonly instrumentIds: readonly number[]
  readonly auctionsHeld: number
  /** By lane, of an account that trades in several. */
  readonly auctionsIn?: Readonly<Record<number, number>>
  /** How often a satellite that is liquidated by itself has waited for its home before it asked others to pay. */
  readonly settleTries?: number
  /** Where the last auction stands. */
  readonly awards: readonly AuctionAward[]
  readonly coverTries: number
  /** The attempt in which the insurance fund last paid what it may; 0: in none. */
  readonly fundSpentAttempt: number
  readonly lossTries: number
  /** The attempt in which all that winners can pay was last asked of them; 0: in none. */
  readonly lossAllocatedAttempt: number
  /** The allocation whose shares are being paid. */
  readonly loss?: {
    readonly name: string
    readonly batches: number
    readonly paidBatches: number
    /** Winners pay all of it: of a loss that comes later they are asked again. */
    readonly isWhole?: boolean
  }
  readonly endTries: number
  /** The auction that was held last. */
  readonly auctionId?: string
  /** The order that was planned last. */
  readonly planned?: PlannedOrder
}

export interface PlannedOrder {
  /** Of the position; at home, and in rows that are older than it, the instrument's number. */
  readonly key?: number
  readonly instrumentId: number
  readonly direction: Direction
  readonly quantityLots: number
  readonly limitTicks: number
  /** For people. */
  readonly instrumentName: string
  readonly amount: string
  readonly limit: string
}

export interface AuctionAward {
  readonly instrumentId: number
  readonly accountId: number
  readonly priceTicks: number
  /** Signed as the position is. */
  readonly lots: number
  /** The engine's no: passed over. */
  readonly code?: RejectionCode
}

export const noProgress: LiquidationProgress = {
  dryTries: {},
  instrumentIds: [],
  auctionsHeld: 0,
  awards: [],
  coverTries: 0,
  fundSpentAttempt: 0,
  lossTries: 0,
  lossAllocatedAttempt: 0,
  endTries: 0,
}

export interface LiquidationStepRow {
  readonly liquidationId: string
  readonly lane: number
  readonly accountId: number
  /** Dense, from 1. */
  readonly step: number
  readonly kind: LiquidationStepKind
  readonly state: 'decided' | 'done'
  readonly decidedAtMillis: number
  /** What it was decided by. */
  readonly numbers: Numbers
  /** Where it acts, if not in the account's home. */
  readonly at?: LaneAccount
  /** That does it, exactly as it goes out. */
  readonly command?: Exclude<Command, { readonly type: 'place-order' }>
  readonly progress: LiquidationProgress
  /** From here on where it is done. */
  readonly doneAtMillis?: number
  readonly code?: RejectionCode
  /** What came of it. */
  readonly result?: Numbers
  readonly next?: string
  /** Not before then. */
  readonly nextAtMillis?: number
}

/** What the engine said of a command of a liquidation. */
export interface LiquidationEventRow {
  readonly eventId: string
  readonly atMillis: number
  readonly numbers: Numbers
}

const table = tables.liquidations
const headRow = 'head'
const stepRow = (step: number): string => `step#${String(step).padStart(6, '0')}`
const eventRow = (commandId: string): string => `event#${commandId}`
const sharesRow = (name: string, batch: number): string => `shares#${name}#${String(batch).padStart(6, '0')}`
/** How heads are listed. */
const startedKey = ({ startedAtMillis, liquidationId }: Pick<LiquidationRow, 'startedAtMillis' | 'liquidationId'>) =>
  `${new Date(startedAtMillis).toISOString()}#${liquidationId}`

const get = async (liquidationId: string, row: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { liquidation_id: liquidationId, row },
      ConsistentRead: true,
    }),
  )
  return Item
}

// ——— Heads

/** Consistent. */
export const getLiquidation = async (liquidationId: string): Promise<LiquidationRow | undefined> => {
  const item = await get(liquidationId, headRow)
  return item === undefined ? undefined : headOf(item)
}

/** Only where there is none, or it is as it was read; false where not. */
export const replaceLiquidation = (row: LiquidationRow, read: LiquidationRow | undefined): Promise<boolean> =>
  store({ ...headPut(row), onlyIf: onlyIfAsRead(read) })

const onlyIfAsRead = (read: LiquidationRow | undefined): Item => ({
  liquidation_state: read?.state,
  attempt: read?.attempt,
  updated_at_millis: read?.updatedAtMillis,
})

const headPut = (row: LiquidationRow): Extract<Write, { readonly kind: 'put' }> => ({
  kind: 'put',
  table,
  item: {
    liquidation_id: row.liquidationId,
    row: headRow,
    account_number: accountNumberOf(row.lane, row.accountId),
    lane_number: String(row.lane),
    started_key: startedKey(row),
    lane: row.lane,
    account_id: row.accountId,
    liquidation_state: row.state,
    attempt: row.attempt,
    called_at_millis: row.calledAtMillis,
    call_event_id: row.callEventId,
    epoch_version: row.epochVersion,
    call_equity_micros: row.callEquityMicros,
    call_requirement_micros: row.callRequirementMicros,
    grace_ends_at_millis: row.graceEndsAtMillis,
    equity_micros: row.equityMicros,
    requirement_micros: row.requirementMicros,
    started_at_millis: row.startedAtMillis,
    updated_at_millis: row.updatedAtMillis,
    begun_at_millis: row.begunAtMillis,
    ended_at_millis: row.endedAtMillis,
    failure: row.failure,
  },
})

interface ListOptions {
  readonly limit: number
  /** `next` of the page before. */
  readonly after?: string
}

/** Newest first; from an index, so that a new one may be missing for a moment. */
export const liquidationsOfAccount = (
  lane: number,
  accountId: number,
  options: ListOptions,
): Promise<Page<LiquidationRow>> => listed('by-account', 'account_number', accountNumberOf(lane, accountId), options)

/** The same, of a lane. */
export const liquidationsOfLane = (lane: number, options: ListOptions): Promise<Page<LiquidationRow>> =>
  listed('by-lane', 'lane_number', String(lane), options)

const listed = (
  index: 'by-account' | 'by-lane',
  name: string,
  value: string,
  { limit, after }: ListOptions,
): Promise<Page<LiquidationRow>> =>
  page(
    {
      table,
      index,
      partition: { name, value },
      sortKeyName: 'started_key',
      newestFirst: true,
      limit,
      ...(after === undefined
        ? {}
        : {
            after: {
              [name]: value,
              started_key: after,
              liquidation_id: after.slice(after.indexOf('#') + 1),
              row: headRow,
            },
          }),
    },
    headOf,
  )

const headOf = (item: Item): LiquidationRow => ({
  liquidationId: text(item, 'liquidation_id'),
  lane: integer(item, 'lane'),
  accountId: integer(item, 'account_id'),
  state: oneOf(item, 'liquidation_state', liquidationStates),
  attempt: integer(item, 'attempt'),
  calledAtMillis: integer(item, 'called_at_millis'),
  callEventId: text(item, 'call_event_id'),
  epochVersion: integer(item, 'epoch_version'),
  callEquityMicros: integer(item, 'call_equity_micros'),
  callRequirementMicros: integer(item, 'call_requirement_micros'),
  graceEndsAtMillis: integer(item, 'grace_ends_at_millis'),
  equityMicros: integer(item, 'equity_micros'),
  requirementMicros: integer(item, 'requirement_micros'),
  startedAtMillis: integer(item, 'started_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  ...optional('begunAtMillis', item, 'begun_at_millis', integer),
  ...optional('endedAtMillis', item, 'ended_at_millis', integer),
  ...optional('failure', item, 'failure', text),
})

// ——— Steps

/** Consistent. */
export const getLiquidationStep = async (
  liquidationId: string,
  step: number,
): Promise<LiquidationStepRow | undefined> => {
  const item = await get(liquidationId, stepRow(step))
  return item === undefined ? undefined : stepOf(item)
}

/** What was decided first stays decided: false where something was. */
export const decideLiquidationStep = (row: LiquidationStepRow): Promise<boolean> =>
  store({ ...stepPut(row), onlyIf: { step: undefined } })

/** With what the head is from then on, and what else goes with it; false where it was done before. */
export const finishLiquidationStep = (
  row: LiquidationStepRow,
  head: { readonly row: LiquidationRow; readonly read: LiquidationRow },
  more: readonly Write[] = [],
): Promise<boolean> =>
  transact([
    { ...stepPut(row), onlyIf: { step_state: 'decided' } },
    { ...headPut(head.row), onlyIf: onlyIfAsRead(head.read) },
    ...more,
  ])

/** By number; consistent. */
export const listLiquidationSteps = (
  liquidationId: string,
  options: { readonly limit: number; readonly after?: number },
): Promise<Page<LiquidationStepRow>> =>
  page(
    {
      table,
      partition: { name: 'liquidation_id', value: liquidationId },
      sortKeyName: 'row',
      between: [stepRow((options.after ?? 0) + 1), stepRow(999_999)],
      limit: options.limit,
    },
    stepOf,
  )

const stepPut = (row: LiquidationStepRow): Extract<Write, { readonly kind: 'put' }> => ({
  kind: 'put',
  table,
  item: {
    liquidation_id: row.liquidationId,
    row: stepRow(row.step),
    lane: row.lane,
    account_id: row.accountId,
    step: row.step,
    step_kind: row.kind,
    step_state: row.state,
    decided_at_millis: row.decidedAtMillis,
    numbers: JSON.stringify(row.numbers),
    at: row.at === undefined ? undefined : JSON.stringify(row.at),
    command: row.command === undefined ? undefined : JSON.stringify(row.command),
    progress: JSON.stringify(row.progress),
    done_at_millis: row.doneAtMillis,
    code: row.code,
    result: row.result === undefined ? undefined : JSON.stringify(row.result),
    next: row.next,
    next_at_millis: row.nextAtMillis,
  },
})

/** Undefined where the image of the table's stream is of another row. */
export const liquidationStepOf = (item: Item): LiquidationStepRow | undefined =>
  text(item, 'row').startsWith('step#') ? stepOf(item) : undefined

const stepOf = (item: Item): LiquidationStepRow => ({
  liquidationId: text(item, 'liquidation_id'),
  lane: integer(item, 'lane'),
  accountId: integer(item, 'account_id'),
  step: integer(item, 'step'),
  kind: oneOf(item, 'step_kind', liquidationStepKinds),
  state: oneOf(item, 'step_state', ['decided', 'done']),
  decidedAtMillis: integer(item, 'decided_at_millis'),
  numbers: numbersIn(item, 'numbers'),
  ...optional('at', item, 'at', (from, name): LaneAccount => JSON.parse(text(from, name))),
  // Only ours are there: they were commands when they were written.
  ...optional(
    'command',
    item,
    'command',
    (from, name): NonNullable<LiquidationStepRow['command']> => JSON.parse(text(from, name)),
  ),
  progress: progressOf(item),
  ...optional('doneAtMillis', item, 'done_at_millis', integer),
  ...optional('code', item, 'code', (from, name) => oneOf(from, name, rejectionCodes)),
  ...optional('result', item, 'result', numbersIn),
  ...optional('next', item, 'next', text),
  ...optional('nextAtMillis', item, 'next_at_millis', integer),
})

const numbersIn = (item: Item, name: string): Numbers => JSON.parse(text(item, name))
const progressOf = (item: Item): LiquidationProgress => JSON.parse(text(item, 'progress'))

// ——— What the engine said

/** By the projector, in the transaction in which the command's outcome is told. */
export const liquidationEventPut = (
  liquidationId: string,
  commandId: string,
  { eventId, atMillis, numbers }: LiquidationEventRow,
): Write => ({
  kind: 'put',
  table,
  item: {
    liquidation_id: liquidationId,
    row: eventRow(commandId),
    event_id: eventId,
    at_millis: atMillis,
    numbers: JSON.stringify(numbers),
  },
})

/** Consistent. */
export const getLiquidationEvent = async (
  liquidationId: string,
  commandId: string,
): Promise<LiquidationEventRow | undefined> => {
  const item = await get(liquidationId, eventRow(commandId))
  if (item === undefined) return undefined
  return { eventId: text(item, 'event_id'), atMillis: integer(item, 'at_millis'), numbers: numbersIn(item, 'numbers') }
}

// ——— Shares of a haircut

export type Shares = readonly (readonly [accountId: number, micros: number])[]

/** Under the allocation's own name: another one never mixes with it. */
export const putLossShares = async (
  liquidationId: string,
  name: string,
  batch: number,
  shares: Shares,
): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: { liquidation_id: liquidationId, row: sharesRow(name, batch), shares: JSON.stringify(shares) },
  })
}

export const getLossShares = async (liquidationId: string, name: string, batch: number): Promise<Shares> => {
  const item = await get(liquidationId, sharesRow(name, batch))
  if (item === undefined) throw new Error(`batch ${batch} of the allocation ${name} was not stored`)
  return JSON.parse(text(item, 'shares'))
}

// ——— Whose turn it is

/** Longer than a step waits for the engine: who has it by then has ended, one way or the other, or waits for a person. */
const longestTurnMillis = 10 * 60_000

const turnOf = (name: string): string => `turn#${name}`
const turnRow = 'turn'

/** Of what only one liquidation may do at a time. False: another one has it. Asked again by who has it, it is his from then on. */
export const takeTurn = async (name: string, liquidationId: string, nowMillis: number): Promise<boolean> => {
  const item = await get(turnOf(name), turnRow)
  const holder = item === undefined ? '' : text(item, 'holder')
  const sinceMillis = item === undefined ? 0 : integer(item, 'at_millis')
  if (holder !== '' && holder !== liquidationId && nowMillis - sinceMillis < longestTurnMillis) return false
  return store({
    ...turnPut(name, liquidationId, nowMillis),
    onlyIf: item === undefined ? { holder: undefined } : { holder, at_millis: sinceMillis },
  })
}

/** Gives it back; nothing where it is another's by now. */
export const turnBack = async (name: string, liquidationId: string, nowMillis: number): Promise<readonly Write[]> => {
  const item = await get(turnOf(name), turnRow)
  if (item === undefined || text(item, 'holder') !== liquidationId) return []
  const onlyIf = { holder: liquidationId, at_millis: integer(item, 'at_millis') }
  return [{ ...turnPut(name, '', nowMillis), onlyIf }]
}

const turnPut = (name: string, holder: string, atMillis: number) =>
  ({
    kind: 'put',
    table,
    item: { liquidation_id: turnOf(name), row: turnRow, holder, at_millis: atMillis },
  }) as const

// ——— What winners have paid

const haircutsOf = (lane: number): string => `haircuts#${lane}`
const haircutRow = (atMillis: number, outSeq: number): string =>
  `${new Date(atMillis).toISOString()}#${String(outSeq).padStart(16, '0')}`
const haircutsOfRead = 100

/** By the projector, in the transaction in which their cash changes. */
export const haircutPut = (lane: number, outSeq: number, atMillis: number, shares: Shares): Write => ({
  kind: 'put',
  table,
  item: { liquidation_id: haircutsOf(lane), row: haircutRow(atMillis, outSeq), shares: JSON.stringify(shares) },
})

/** By account, in all liquidations of the lane since then; consistent. */
export const haircutsSince = async (lane: number, sinceMillis: number): Promise<ReadonlyMap<number, number>> => {
  const paid = new Map<number, number>()
  let from = haircutRow(sinceMillis, 0)
  for (;;) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'liquidation_id', value: haircutsOf(lane) },
        sortKeyName: 'row',
        between: [from, '~'],
        limit: haircutsOfRead,
      },
      (item): Shares => JSON.parse(text(item, 'shares')),
    )
    for (const [accountId, micros] of rows.flat()) paid.set(accountId, (paid.get(accountId) ?? 0) + micros)
    if (next === undefined) return paid
    from = `${next}~`
  }
}

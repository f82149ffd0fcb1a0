import * as z from 'zod'
import {
  decideLiquidationStep,
  finishLiquidationStep,
  getLiquidation,
  getLiquidationStep,
  type LaneAccount,
  type LiquidationProgress,
  type LiquidationRow,
  type LiquidationStepRow,
  type Numbers,
  noProgress,
  takeTurn,
  turnBack,
} from '#adapters/tables/liquidations.ts'
import type { Write } from '#adapters/writes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { LiquidationStepKind } from '#protocol/liquidation.ts'
import { commandId } from '#protocol/values.ts'
import { tradesInSeveralLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

/** What every step of the workflow is given; all else is in the liquidation's rows. */
export const liquidationStep = z.object({
  liquidation_id: commandId,
  /** How many steps are done: the task does the one after. */
  step: z.int().min(0),
  polls: z.int().min(0).default(0),
  /** For its turn. */
  waits: z.int().min(0).default(0),
})

/** To which of the workflow's tasks it goes from here. */
export type NextTask =
  | 'begin'
  | 'join'
  | 'plan'
  | 'reduce'
  | 'open-auction'
  | 'award'
  | 'move-cash'
  | 'cover-loss'
  | 'haircut'
  | 'end'
  | 'done'

export interface StepAnswer {
  readonly liquidation_id: string
  readonly step: number
  readonly polls: number
  readonly waits?: number
  readonly next: NextTask
  readonly wait_seconds: number
}

/** Ends a step by a name that the workflow knows: see stepfunctions/collateral-liquidation.asl.json. */
export class LiquidationError extends Error {
  constructor(
    name: 'LiquidationUnknown' | 'LiquidationRejected' | 'LiquidationUnanswered' | 'LiquidationStuck',
    message: string,
  ) {
    super(message)
    this.name = name
  }
}

export type Sent = NonNullable<LiquidationStepRow['command']>

export interface Decided {
  readonly numbers: Numbers
  /** Where, if not in the account's home. */
  readonly at?: LaneAccount
  /** That does it; without one nothing is asked of the engine. */
  readonly command?: Sent
  /** What is known once it is decided, whatever comes of it. */
  readonly progress?: LiquidationProgress
}

/** What the engine said: its event, or why not. */
export type Answer =
  | { readonly accepted: true; readonly numbers: Numbers; readonly eventId: string; readonly atMillis: number }
  | { readonly accepted: false; readonly code: RejectionCode; readonly eventId: string; readonly atMillis: number }

export interface Concluded {
  readonly next: NextTask
  /** Not before then. */
  readonly nextAtMillis?: number
  readonly progress: LiquidationProgress
  readonly result?: Numbers
  /** What becomes of the liquidation as a whole. */
  readonly head?: Partial<Omit<LiquidationRow, 'liquidationId' | 'updatedAtMillis'>>
  /** In the same transaction. */
  readonly more?: readonly Write[]
}

/** Sends a command unless its outcome is known, and waits a moment for what the engine says. */
export type Ask = (lane: number, command: Sent, liquidationId: string, polls: number) => Promise<Answer | undefined>

export interface StepRules {
  readonly kind: LiquidationStepKind
  /** Of a step that sends a command. */
  readonly ask?: Ask
  /**
   * What only one liquidation may decide and have done at a time, as its numbers are those of what the others have done: it
   * waits for its turn, and gives it back with what it says follows, if that is another kind of step.
   */
  turn?(head: LiquidationRow, before: LiquidationProgress): string
  /** `id`: of the command, the same for each repeat. Asked once: what it says first is what is done. */
  decide(head: LiquidationRow, before: LiquidationProgress, id: string): Promise<Decided>
  conclude(head: LiquidationRow, row: LiquidationStepRow, answer: Answer | undefined): Concluded | Promise<Concluded>
}

/** Who pays for losses of a lane. */
export const lossTurn = ({ lane }: LiquidationRow, { at }: LiquidationProgress): string => `losses#${at?.lane ?? lane}`

/** A satellite's own liquidation was taken over by that of its home: all that is left is to end it. */
export const isTakenOver = (said: Answer | undefined): boolean =>
  said?.accepted === false && said.code === 'unknown-liquidation' && tradesInSeveralLanes()

/** With the pauses between them six minutes. */
const mostPolls = 40
const longestPauseSeconds = 10
/** With the pauses between them an hour: as many as are called at once wait for one another. */
const mostWaits = 720
const longestWaitSeconds = 5

/**
 * One step of a liquidation, once: what was decided first is stored before anything is sent, its command goes out under
 * the step's own id however often it is asked, and what came of it is stored with what follows. Asked again, a step answers
 * what it answered; so an execution that is begun anew passes through all that was done, and goes on where it stopped.
 */
export const takeStep = async (
  input: z.infer<typeof liquidationStep>,
  { kind, ask, turn, decide, conclude }: StepRules,
): Promise<StepAnswer> => {
  const { liquidation_id: liquidationId, polls, waits } = input
  const step = input.step + 1
  const head = await getLiquidation(liquidationId)
  if (head === undefined) throw new LiquidationError('LiquidationUnknown', `${liquidationId} was never called`)
  const { lane, accountId } = head
  let row = await getLiquidationStep(liquidationId, step)
  if (row === undefined) {
    const before = input.step === 0 ? noProgress : (await stepBefore(liquidationId, input.step)).progress
    if (turn !== undefined && !(await takeTurn(turn(head, before), liquidationId, Date.now()))) {
      if (waits >= mostWaits)
        throw new LiquidationError('LiquidationUnanswered', `step ${step}: others have their turn`)
      const wait = Math.min(waits + 1, longestWaitSeconds)
      return {
        liquidation_id: liquidationId,
        step: input.step,
        polls,
        waits: waits + 1,
        next: kind,
        wait_seconds: wait,
      }
    }
    const { numbers, at, command, progress = before } = await decide(head, before, commandIdOfStep(liquidationId, step))
    const fresh: LiquidationStepRow = {
      liquidationId,
      lane,
      accountId,
      step,
      kind,
      state: 'decided',
      decidedAtMillis: Date.now(),
      numbers,
      progress,
      ...(at !== undefined && at.lane !== lane && { at }),
      ...(command !== undefined && { command }),
    }
    row = (await decideLiquidationStep(fresh)) ? fresh : await stepBefore(liquidationId, step)
  }
  if (row.kind !== kind) throw new Error(`step ${step} of ${liquidationId} is ${row.kind}, not ${kind}`)
  if (row.state === 'done') return answerOf(row)
  const answer =
    row.command === undefined ? undefined : await insisted(ask)(row.at?.lane ?? lane, row.command, liquidationId, polls)
  if (row.command !== undefined && answer === undefined) {
    if (polls >= mostPolls)
      throw new LiquidationError('LiquidationUnanswered', `step ${step}: the engine has not answered`)
    const pause = Math.min(polls + 1, longestPauseSeconds)
    return { liquidation_id: liquidationId, step: input.step, polls: polls + 1, next: kind, wait_seconds: pause }
  }
  const { head: change, more, result, ...concluded } = await conclude(head, row, answer)
  const doneAtMillis = Date.now()
  const given =
    turn === undefined || concluded.next === kind
      ? []
      : await turnBack(turn(head, row.progress), liquidationId, doneAtMillis)
  const done: LiquidationStepRow = {
    ...row,
    ...concluded,
    state: 'done',
    doneAtMillis,
    ...(answer?.accepted === false && { code: answer.code }),
    result: { ...(answer?.accepted === true && answer.numbers), ...result },
  }
  // What another lane says is only a part of it.
  const changed = { ...head, ...(row.at === undefined && figuresOf(answer)), ...change }
  const after = { ...changed, updatedAtMillis: Math.max(doneAtMillis, head.updatedAtMillis + 1) }
  if (!(await finishLiquidationStep(done, { row: after, read: head }, [...(more ?? []), ...given])))
    throw new Error(`step ${step} of ${liquidationId} was done by somebody else meanwhile`)
  return answerOf(done)
}

const insisted = (ask: Ask | undefined): Ask => {
  if (ask === undefined) throw new Error('a step has a command that nobody sends')
  return ask
}

const stepBefore = async (liquidationId: string, step: number): Promise<LiquidationStepRow> => {
  const row = await getLiquidationStep(liquidationId, step)
  if (row === undefined) throw new Error(`step ${step} of ${liquidationId} was never decided`)
  return row
}

const answerOf = ({ liquidationId, step, next, nextAtMillis }: LiquidationStepRow): StepAnswer => {
  const leftMillis = (nextAtMillis ?? 0) - Date.now()
  return {
    liquidation_id: liquidationId,
    step,
    polls: 0,
    next: nextTaskOf(next),
    wait_seconds: Math.max(0, Math.ceil(leftMillis / 1_000)),
  }
}

const nextTasks: readonly NextTask[] = [
  'begin',
  'join',
  'plan',
  'reduce',
  'open-auction',
  'award',
  'move-cash',
  'cover-loss',
  'haircut',
  'end',
  'done',
]
const nextTaskOf = (text: string | undefined): NextTask => {
  const found = nextTasks.find(each => each === text)
  if (found === undefined) throw new Error(`nothing follows as ${text}`)
  return found
}

/** The beginning names the liquidation. */
const commandIdOfStep = (liquidationId: string, step: number): string =>
  step === 1 ? liquidationId : nameBasedUuid(`liquidation#${liquidationId}#${step}`)

/** As the engine told them last. */
const figuresOf = (answer: Answer | undefined): Partial<Pick<LiquidationRow, 'equityMicros' | 'requirementMicros'>> => {
  if (answer?.accepted !== true) return {}
  const { equityMicros, requirementMicros, afterRequirementMicros } = answer.numbers
  const requirement = afterRequirementMicros ?? requirementMicros
  if (typeof equityMicros !== 'number' || typeof requirement !== 'number') return {}
  return { equityMicros, requirementMicros: requirement }
}

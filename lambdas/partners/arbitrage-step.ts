import * as z from 'zod'
import {
  decideExecutionStep,
  type ExecutionRow,
  type ExecutionStepRow,
  finishExecutionStep,
  getExecution,
  getExecutionStep,
  type OrderLeg,
} from '#adapters/tables/arbitrage-executions.ts'
import {
  type ExecutionPlan,
  type ExecutionProgress,
  type NextExecutionStep,
  nextExecutionStep,
  noProgress,
} from '#domain/partners/arbitrage-execution.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import type { ArbitrageStepKind } from '#protocol/arbitrage.ts'
import { commandId } from '#protocol/values.ts'

/** What every step of the workflow is given; all else is in the execution's rows. */
export const arbitrageStep = z.object({
  execution_id: commandId,
  /** How many steps are done: the task does the one after. */
  step: z.int().min(0),
  polls: z.int().min(0).default(0),
})

export interface ArbitrageStepAnswer {
  readonly execution_id: string
  readonly step: number
  readonly polls: number
  readonly next: ArbitrageStepKind | 'done'
  readonly wait_seconds: number
}

/** Ends a step by a name that the workflow knows: see stepfunctions/arbitrage-execution.asl.json. */
export class ArbitrageError extends Error {
  constructor(name: 'ArbitrageUnknown' | 'ArbitrageUnanswered', message: string) {
    super(message)
    this.name = name
  }
}

export const planOf = ({ orders, purchase }: ExecutionRow): ExecutionPlan => ({
  hasPurchase: purchase !== undefined,
  orders: orders.map(({ leg }) => leg),
})

export const orderLegOf = ({ executionId, orders }: ExecutionRow, leg: 'buy' | 'sell' | undefined): OrderLeg => {
  const found = orders.find(each => each.leg === leg)
  if (found === undefined) throw new Error(`${executionId} has no order to ${leg}`)
  return found
}

/** Done, and with what; or not yet. */
export interface ArbitrageStepDone {
  readonly progress: ExecutionProgress
  readonly result: string
  readonly head?: Partial<ExecutionRow>
}

interface StepRules {
  readonly kind: ArbitrageStepKind
  /** The order that does it, decided once; without it the step does something else. */
  decide?(head: ExecutionRow, progress: ExecutionProgress, leg: 'buy' | 'sell'): Promise<PlaceOrder>
  /** However often it is called it does the same thing; undefined: nobody can tell yet. */
  perform(head: ExecutionRow, row: ExecutionStepRow, polls: number): Promise<ArbitrageStepDone | undefined>
}

/** With the pauses between them six minutes. */
const mostPolls = 40
const longestPauseSeconds = 10

/**
 * One step of an execution, once: that it is about to be done is stored before it is, an order under the id that it goes out
 * with however often the step is asked, and what came of it is stored with what follows. Asked again, a step answers what it
 * answered; so an execution that is begun anew passes through all that was done, and goes on where it stopped.
 */
export const takeArbitrageStep = async (
  input: z.infer<typeof arbitrageStep>,
  { kind, decide, perform }: StepRules,
): Promise<ArbitrageStepAnswer> => {
  const { execution_id: executionId, polls } = input
  const step = input.step + 1
  const head = await getExecution(executionId)
  if (head === undefined) throw new ArbitrageError('ArbitrageUnknown', `${executionId} was never begun`)
  let row = await getExecutionStep(executionId, step)
  if (row === undefined) {
    const progress = input.step === 0 ? noProgress : (await stepBefore(executionId, input.step)).progress
    const due = nextExecutionStep(planOf(head), progress)
    // A workflow begins where it may have to pass through what was done: with its first step, whichever that is.
    if (due.kind !== kind) return answerOf(executionId, input.step, due)
    const leg = 'leg' in due ? due.leg : undefined
    const fresh: ExecutionStepRow = {
      executionId,
      step,
      kind,
      state: 'decided',
      progress,
      decidedAtMillis: Date.now(),
      ...(leg !== undefined && { leg }),
      ...(leg !== undefined && decide !== undefined && { command: await decide(head, progress, leg) }),
    }
    row = (await decideExecutionStep(fresh)) ? fresh : await stepBefore(executionId, step)
  }
  if (row.state === 'done' || row.kind !== kind) return passed(head, row)
  const done = await perform(head, row, polls)
  if (done === undefined) {
    if (polls >= mostPolls)
      throw new ArbitrageError('ArbitrageUnanswered', `step ${step}: nobody can tell what came of it`)
    const wait_seconds = Math.min(polls + 1, longestPauseSeconds)
    return { execution_id: executionId, step: input.step, polls: polls + 1, next: kind, wait_seconds }
  }
  const doneAtMillis = Date.now()
  const { progress, result } = done
  const finished: ExecutionStepRow = { ...row, state: 'done', progress, result, doneAtMillis }
  const after = { ...head, ...done.head, updatedAtMillis: Math.max(doneAtMillis, head.updatedAtMillis + 1) }
  if (!(await finishExecutionStep(finished, { row: after, read: head })))
    throw new Error(`step ${step} of ${executionId} was done by somebody else meanwhile`)
  return passed(after, finished)
}

const stepBefore = async (executionId: string, step: number): Promise<ExecutionStepRow> => {
  const row = await getExecutionStep(executionId, step)
  if (row === undefined) throw new Error(`step ${step} of ${executionId} was never decided`)
  return row
}

/** What follows a step that is stored; one that is decided and not done is asked of its own task. */
const passed = (head: ExecutionRow, row: ExecutionStepRow): ArbitrageStepAnswer => {
  if (row.state === 'decided') return answerOf(row.executionId, row.step - 1, { kind: row.kind })
  if (row.kind === 'end') return answerOf(row.executionId, row.step, undefined)
  const next = nextExecutionStep(planOf(head), row.progress)
  return answerOf(row.executionId, row.step, next, next.kind === 'unwind' && row.kind === 'unwind' ? 1 : 0)
}

const answerOf = (
  executionId: string,
  step: number,
  next: NextExecutionStep | { readonly kind: ArbitrageStepKind } | undefined,
  waitSeconds = 0,
): ArbitrageStepAnswer => ({
  execution_id: executionId,
  step,
  polls: 0,
  next: next?.kind ?? 'done',
  wait_seconds: waitSeconds,
})

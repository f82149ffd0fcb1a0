import * as z from 'zod'
import {
  getPurchase,
  type PurchasePart,
  type PurchaseRow,
  type PurchaseState,
  replacePurchase,
  waitsAtGate,
} from '#adapters/tables/partner-purchases.ts'
import { commandId } from '#protocol/values.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'

/** What every step of the workflow is given; all else is in the purchase's row. */
export const purchaseStep = z.object({
  account: z.string(),
  purchase_id: commandId,
  polls: z.int().min(0).default(0),
  failure: caughtFailure.optional(),
})

type Task = 'hold' | 'reserve' | 'book' | 'capture' | 'undo'

export interface StepAnswer {
  readonly account: string
  readonly purchase_id: string
  readonly polls: number
  readonly next: Task | 'done'
  readonly wait_seconds: number
}

const taskOfState: Readonly<Record<PurchaseState, Task | 'done'>> = {
  requested: 'hold',
  holding: 'hold',
  held: 'reserve',
  reserving: 'reserve',
  reserved: 'book',
  booking: 'book',
  booked: 'capture',
  capturing: 'capture',
  captured: 'capture',
  undoing: 'undo',
  completed: 'done',
  failed: 'done',
}

const taskOf = (row: PurchaseRow): Task | 'done' => (waitsAtGate(row) ? 'done' : taskOfState[row.state])

/** Ends a step by a name that the workflow knows: see stepfunctions/partner-purchase.asl.json. */
export class PurchaseError extends Error {
  constructor(name: 'PurchaseUnknown' | 'PurchaseUnanswered', message: string) {
    super(message)
    this.name = name
  }
}

/** What came of a step. */
export type Did =
  /** All of it, so that another state begins. */
  | { readonly state: PurchaseState; readonly parts?: readonly PurchasePart[] }
  /** One more part, and there are others. */
  | { readonly partsDone: number; readonly parts?: readonly PurchasePart[] }
  | { readonly undo: string }
  /** The engine has not answered yet. */
  | 'waiting'

/** With the pauses between them two minutes. */
const mostPolls = 20
const longestPauseSeconds = 8

/**
 * One step of a purchase: what is about to be done is stored, then done, then what came of it is stored. Asked again, or
 * asked by two executions at once, it does what is not done; each of its acts has the same id each time.
 */
export const takeStep = async (
  input: z.infer<typeof purchaseStep>,
  task: Task,
  about: PurchaseState,
  act: (row: PurchaseRow) => Promise<Did>,
): Promise<StepAnswer> => {
  const { account, purchase_id: purchaseId, polls } = input
  const found = await getPurchase(account, purchaseId)
  if (found === undefined) throw new PurchaseError('PurchaseUnknown', `${purchaseId} was never asked for`)
  const isOurs = task === 'undo' ? mayBeUndone(found.state) : taskOf(found) === task
  if (!isOurs) return answerOf(found)
  const doing = aboutTo(found, about) ? await change(found, { state: about, ...undoing(found, input, about) }) : found
  const did = await act(doing)
  if (did === 'waiting') {
    if (polls >= mostPolls)
      throw new PurchaseError('PurchaseUnanswered', `${purchaseId}: the engine has not answered to ${doing.state}`)
    return { ...answerOf(doing), polls: polls + 1, wait_seconds: Math.min(polls + 1, longestPauseSeconds) }
  }
  if ('undo' in did)
    return answerOf(await change(doing, { state: 'undoing', failure: did.undo, undoneFrom: doing.state }))
  return answerOf(await change(doing, did))
}

/** Once it is paid nothing is undone any more; what was undone is over. */
const mayBeUndone = (state: PurchaseState): boolean =>
  state === 'undoing' || (taskOfState[state] !== 'done' && state !== 'captured' && state !== 'capturing')

/** Capturing goes on as captured: then only the seller is to be paid. */
const aboutTo = (row: PurchaseRow, about: PurchaseState): boolean => row.state !== about && row.state !== 'captured'

const undoing = (
  row: PurchaseRow,
  { failure }: z.infer<typeof purchaseStep>,
  about: PurchaseState,
): Partial<Pick<PurchaseRow, 'failure' | 'undoneFrom'>> =>
  about === 'undoing' ? { failure: failure === undefined ? 'undone' : toldFailure(failure), undoneFrom: row.state } : {}

const change = async (row: PurchaseRow, changes: Partial<PurchaseRow>): Promise<PurchaseRow> => {
  const partsDone = changes.state === undefined ? row.partsDone : 0
  const changed = { ...row, partsDone, ...changes, updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1) }
  if (!(await replacePurchase(changed, row))) throw new Error(`${row.purchaseId} was moved on by another execution`)
  return changed
}

const answerOf = (row: PurchaseRow): StepAnswer => ({
  account: row.account,
  purchase_id: row.purchaseId,
  polls: 0,
  next: taskOf(row),
  wait_seconds: 0,
})

/** The part whose turn it is, and what follows once it is done. */
export const partDue = (row: PurchaseRow, state: PurchaseState) => {
  const part = row.parts[row.partsDone]
  if (part === undefined) throw new Error(`${row.purchaseId} has no part ${row.partsDone}`)
  const partsDone = row.partsDone + 1
  const then: { readonly state: PurchaseState } | { readonly partsDone: number } =
    partsDone < row.parts.length ? { partsDone } : { state }
  return { part, index: row.partsDone, then }
}

export const holdIdOf = ({ purchaseId }: PurchaseRow): string => nameBasedUuid(`purchase#${purchaseId}#hold`)
/** Of what a part comes to in the inventory; its reservation, before, goes by the same id. */
export const lotIdOf = ({ purchaseId }: PurchaseRow, part: number): string =>
  nameBasedUuid(`purchase#${purchaseId}#lot#${part}`)
export const commandIdOf = (
  { purchaseId }: PurchaseRow,
  what: 'capture' | 'release' | `pay-seller#${number}`,
): string => nameBasedUuid(`purchase#${purchaseId}#${what}`)

import * as z from 'zod'
import {
  createDelivery,
  type DeliveryRow,
  getDelivery,
  type Obligation,
  type RequestRow,
  replaceDelivery,
  type TimelineRow,
} from '#adapters/tables/deliveries.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import { type DeliveryState, type DeliveryStep, nextDeliveryStep } from '#domain/settlement/physical-delivery.ts'
import type { ProvisioningStep } from '#protocol/provisioning.ts'

/** What every step of the workflow is given; all else is in the delivery's rows. */
export const deliveryStep = z.object({ delivery_id: z.string() })

/** Ends a step by a name that the workflow knows: see stepfunctions/physical-settlement.asl.json. */
export class DeliveryError extends Error {
  constructor(name: 'DeliveryRejected' | 'DeliveryUnanswered', message: string) {
    super(message)
    this.name = name
  }
}

/** Before its period, so that it is there when that begins. */
const leadMillis = 15 * 60_000

/** What every step answers: what is to be done next, by what is stored, and the instants that are waited for. */
export interface NextStep {
  readonly delivery_id: string
  readonly next: DeliveryStep
  readonly provision_at: string
  readonly delivery_end: string
}

export const nextStepOf = (row: DeliveryRow): NextStep => ({
  delivery_id: row.deliveryId,
  next: nextOf(row),
  provision_at: new Date(row.startMillis - leadMillis).toISOString(),
  delivery_end: new Date(row.endMillis).toISOString(),
})

export const nextOf = (row: DeliveryRow): DeliveryStep => nextDeliveryStep(row, Date.now() >= row.endMillis)

export const deliveryRow = async (deliveryId: string): Promise<DeliveryRow> => {
  const row = await getDelivery(deliveryId)
  if (row === undefined) throw new Error(`the delivery ${deliveryId} was never begun`)
  return row
}

/** What a change of state tells beside the state: how many lots it is about, and why. */
export interface Told {
  readonly state: DeliveryState
  readonly lots: number
  readonly reason?: string
}

export type DeliveryChange = Partial<Omit<DeliveryRow, keyof Obligation | 'state' | 'revision' | 'updatedAtMillis'>>

/**
 * The row as it is from then on: changes of state go into its timeline in the same transaction, and so does what became of
 * a request. Throws where somebody else was faster: whoever tries again finds it as it is.
 */
export const advanceDelivery = async (
  before: DeliveryRow,
  change: DeliveryChange,
  told: readonly Told[] = [],
  request?: { readonly row: RequestRow; readonly read: RequestRow | undefined },
): Promise<DeliveryRow> => {
  const row: DeliveryRow = {
    ...before,
    ...change,
    state: told.at(-1)?.state ?? before.state,
    revision: before.revision + told.length,
    updatedAtMillis: Math.max(Date.now(), before.updatedAtMillis + 1),
  }
  const timeline = told.map((each, at) => timelineOf(row, before.revision + at + 1, each))
  if (!(await replaceDelivery(row, before, { timeline, ...(request === undefined ? {} : { request }) })))
    throw new Error(`the delivery ${before.deliveryId} has changed meanwhile`)
  return row
}

const timelineOf = (row: DeliveryRow, sequence: number, { state, lots, reason }: Told): TimelineRow => ({
  deliveryId: row.deliveryId,
  sequence,
  state,
  attempt: row.attempt,
  lots,
  ...(reason === undefined ? {} : { reason }),
  atMillis: row.updatedAtMillis,
  lane: row.lane,
  instrumentName: row.instrumentName,
  minTradeAmount: row.minTradeAmount,
  buyAccountId: row.buyAccountId,
  sellAccountId: row.sellAccountId,
})

/** Has a delivery under way, once, however often and by whomever it is asked. */
export const beginDelivery = async (obligation: Obligation): Promise<void> => {
  const known = await getDelivery(obligation.deliveryId)
  const row = known ?? freshDelivery(obligation)
  if (known === undefined) {
    const first = timelineOf(row, 1, { state: 'matched', lots: row.lots })
    // Somebody else who begins it at this moment begins the same.
    await createDelivery(row, first)
  }
  await startExecution(row)
}

const freshDelivery = (obligation: Obligation): DeliveryRow => ({
  ...obligation,
  state: 'matched',
  attempt: 0,
  parts: [{ part: 1, lots: obligation.lots, state: 'open', attempt: 0 }],
  claims: [],
  revision: 1,
  releases: 0,
  execution: 1,
  updatedAtMillis: Date.now(),
})

/** The execution has the delivery's name; one that is started after another broke has its number behind it. */
export const startExecution = ({ deliveryId, execution }: DeliveryRow): Promise<boolean> =>
  startWorkflow('physical-settlement', execution === 1 ? deliveryId : `${deliveryId}-${execution}`, {
    delivery_id: deliveryId,
  })

/** Metering is asked for once; what is released has numbers of its own. */
export const requestNumber = ({ attempt, releases }: DeliveryRow, step: ProvisioningStep): number =>
  step === 'release' ? releases + 1 : step === 'meter' ? 1 : attempt

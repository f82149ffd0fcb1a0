import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getSettlement, replaceSettlement, type SettlementRow } from '#adapters/tables/settlements.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import { type SettlementName, settlementText } from '#domain/settlement/settlement-name.ts'
import { settlementKinds } from '#domain/trading/commands.ts'
import { lane } from '#protocol/values.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

/** What every step of the workflow is given; all else is in the settlement's row. */
export const settlementStep = z.object({
  lane,
  instrument_id: z.int().min(1),
  settlement_kind: z.enum(settlementKinds),
  number: z.int().min(0),
  attempt: z.int().min(1),
})
export type SettlementStep = z.infer<typeof settlementStep>

/** An execution that is older has ended, whatever became of it: TimeoutSeconds of the workflow, and some more. */
const longestAttemptMillis = 10_800_000 + 300_000

/** Ends a step by a name that the workflow knows: see stepfunctions/cash-settlement.asl.json. */
export class SettlementError extends Error {
  constructor(
    name: 'SettlementReplaced' | 'NoSettlementPrice' | 'SettlementRejected' | 'SettlementUnanswered',
    message: string,
  ) {
    super(message)
    this.name = name
  }
}

/** Of this attempt, or of one that has come to the same end. */
export const settlementRow = async (step: SettlementStep): Promise<SettlementRow> => {
  const { lane: laneNumber, instrument_id, settlement_kind: kind, number, attempt } = step
  const row = await getSettlement(laneNumber, instrument_id, { kind, number })
  if (row === undefined) throw new Error(`${settlementText({ kind, number })} of ${instrument_id} was never begun`)
  if (row.attempt !== attempt && row.state !== 'settled')
    throw new SettlementError('SettlementReplaced', `${settlementText(row)} is at attempt ${row.attempt}`)
  if (row.state === 'failed')
    throw new SettlementError('SettlementReplaced', `attempt ${row.attempt} of ${settlementText(row)} has ended`)
  return row
}

/** The row as it is from then on. */
export const advanceSettlement = async (
  before: SettlementRow,
  change: Partial<Omit<SettlementRow, 'updatedAtMillis'>>,
): Promise<SettlementRow> => {
  const row = { ...before, ...change, updatedAtMillis: Math.max(Date.now(), before.updatedAtMillis + 1) }
  if (!(await replaceSettlement(row, before)))
    throw new SettlementChanged(`${settlementText(before)} of ${before.instrumentName} has changed meanwhile`)
  return row
}

/** Somebody else was faster. */
export class SettlementChanged extends Error {
  override readonly name = 'SettlementChanged'
}

export interface DueSettlement extends SettlementName {
  readonly market: InstrumentRow
  readonly dueAtMillis: number
}

/**
 * Has a settlement under way, once, however often and by whomever it is asked: its row names the attempt, and the attempt
 * the execution. One whose execution has ended without a word is begun again; one that failed waits for a person.
 */
export const beginSettlement = async (due: DueSettlement): Promise<SettlementRow> => {
  const { market, kind, number, dueAtMillis } = due
  const { instrument } = market
  const { instrumentId, specification } = instrument
  const nowMillis = Date.now()
  const fresh: SettlementRow = {
    kind,
    number,
    lane: market.lane,
    instrumentId,
    instrumentName: specification.instrumentName,
    tickSize: specification.tickSize,
    state: 'collecting',
    attempt: 1,
    dueAtMillis,
    startedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    missing: [],
  }
  const known = await getSettlement(market.lane, instrumentId, { kind, number })
  if (known?.state === 'settled' || known?.state === 'failed') return known
  if (known !== undefined && nowMillis - known.startedAtMillis > longestAttemptMillis) return restartSettlement(known)
  const row = known ?? fresh
  // Somebody else who begins it at this moment begins the same.
  if (known === undefined && !(await replaceSettlement(fresh, undefined))) return row
  await startExecution(row)
  return row
}

/** The next attempt: a price that was computed stays the price. */
export const restartSettlement = async (known: SettlementRow): Promise<SettlementRow> => {
  const { failure: _, waitingSinceMillis: __, ...kept } = known
  const row: SettlementRow = {
    ...kept,
    state: known.priceTicks === undefined ? 'collecting' : 'computed',
    attempt: known.attempt + 1,
    startedAtMillis: Date.now(),
    updatedAtMillis: Math.max(Date.now(), known.updatedAtMillis + 1),
    missing: [],
  }
  if (!(await replaceSettlement(row, known))) return (await getSettlement(known.lane, known.instrumentId, known)) ?? row
  await startExecution(row)
  return row
}

const startExecution = (row: SettlementRow): Promise<boolean> => {
  const step: SettlementStep = {
    lane: row.lane,
    instrument_id: row.instrumentId,
    settlement_kind: row.kind,
    number: row.number,
    attempt: row.attempt,
  }
  return startWorkflow('cash-settlement', executionName(row), step)
}

/** The same for each repeat, so that it is started once; 40 of the 80 characters that a name may have. */
const executionName = ({ lane: laneNumber, instrumentId, attempt, ...name }: SettlementRow): string =>
  createHash('sha256')
    .update(JSON.stringify([laneNumber, instrumentId, settlementText(name), attempt]))
    .digest('hex')
    .slice(0, 40)

/** Of the command that pays it; `attempt`: after the engine has refused those before. */
export const settlementCommandId = (row: SettlementRow, attempt?: number): string =>
  nameBasedUuid(
    ['settle', row.lane, row.instrumentId, settlementText(row), ...(attempt === undefined ? [] : [attempt])].join('#'),
  )

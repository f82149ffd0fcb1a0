import { getLiquidation, type LiquidationRow, replaceLiquidation } from '#adapters/tables/liquidations.ts'
import { getAnsweredCall, type MarginCallRow, replaceAnsweredCall } from '#adapters/tables/margin-calls.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { startLiquidation } from './liquidation-execution.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'

/** The same for each repeat of the call; the engine takes it as the id of the command that begins the liquidation. */
export const liquidationIdOf = ({ lane, accountId, eventId }: MarginCallRow): string =>
  nameBasedUuid(`margin-call#${lane}#${accountId}#${eventId}`)

/**
 * Has a margin call answered, once, however often and by whomever it is told. Of the calls that come while one is being
 * answered none leads to anything: what is done about that one goes by what the account then needs.
 */
export const answerCall = async (call: MarginCallRow): Promise<void> => {
  const { lane, accountId } = call
  const liquidationId = liquidationIdOf(call)
  const before = await getAnsweredCall(lane, accountId)
  const isOurs = before?.liquidationId === liquidationId
  if (before !== undefined && !isOurs) {
    if (!before.isOver || !isAfter(call.eventId, before.overEventId)) return
  }
  if (isOurs && before.isOver) return
  if (!isOurs) {
    const answered = { lane, accountId, liquidationId, isOver: false, overEventId: '' }
    if (!(await replaceAnsweredCall(answered, before))) throw new Error('another call of the account was just answered')
  }
  await startLiquidation((await getLiquidation(liquidationId)) ?? (await calledLiquidation(call, liquidationId)))
}

const calledLiquidation = async (call: MarginCallRow, liquidationId: string): Promise<LiquidationRow> => {
  const { lane, accountId, eventId, epochVersion, equityMicros, requirementMicros, calledAtMillis } = call
  const { terms } = await liquidationTermsAt(calledAtMillis)
  const row: LiquidationRow = {
    liquidationId,
    lane,
    accountId,
    state: 'called',
    attempt: 1,
    calledAtMillis,
    callEventId: eventId,
    epochVersion,
    callEquityMicros: equityMicros,
    callRequirementMicros: requirementMicros,
    graceEndsAtMillis: calledAtMillis + terms.grace_ms,
    equityMicros,
    requirementMicros,
    startedAtMillis: calledAtMillis,
    updatedAtMillis: calledAtMillis,
  }
  if (await replaceLiquidation(row, undefined)) return row
  const known = await getLiquidation(liquidationId)
  if (known === undefined) throw new Error(`the liquidation ${liquidationId} was there and is gone`)
  return known
}

/** Of two events of a lane: `lane:input sequence:index`. */
const isAfter = (eventId: string, other: string): boolean => {
  const [one, two] = [placeOf(eventId), placeOf(other)]
  return one.sequence === two.sequence ? one.index > two.index : one.sequence > two.sequence
}

const placeOf = (eventId: string) => {
  const [, sequence = '', index = ''] = eventId.split(':')
  if (!/^[0-9]+$/.test(sequence) || !/^[0-9]+$/.test(index)) throw new Error(`${eventId} is the id of no event`)
  return { sequence: BigInt(sequence), index: Number(index) }
}

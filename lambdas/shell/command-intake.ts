import { v7 as uuidv7 } from 'uuid'
import { putCommands } from '#adapters/streams/orders.ts'
import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { Command } from '#domain/trading/commands.ts'
import type { ProblemCode } from '#protocol/problems.ts'
import type { CommandOutcome } from '#protocol/values.ts'
import type { Principal, Rejection } from './http.ts'
import { bodyHash, namedRequest } from './named-request.ts'
import { pollUntil, preferWait } from './wait.ts'

type Rare = Exclude<Command, { readonly type: 'place-order' }>

interface Asking {
  readonly principal: Principal
  readonly operation: string
  /** What was asked for: another one under the same name is a conflict. */
  readonly asked: unknown
  /** Its name among those of its operation. Without one a repeat is another command. */
  readonly idempotencyKey: string | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
}

export interface Decided {
  readonly lane: number
  readonly accountId?: number
  /** By its id. */
  readonly command: (commandId: string) => Rare
  /** What is promised besides the command, for whoever reads the request again. */
  readonly kept?: object
}

export interface Intake<Code extends ProblemCode = never> extends Asking, Decided {
  /** Why nothing new is taken now; a repeat of what was taken is told all the same. */
  readonly refusal?: () => Promise<Rejection<Code> | undefined>
}

export interface TakenIn<Outcome> extends Delivered<Outcome> {
  readonly promised: CommandRow
}

type OutcomeOf<Outcome> = (commandId: string) => Promise<Outcome | undefined>

/** Promises the command under the request's name and delivers it. */
export const takeIn = async <Outcome, Code extends ProblemCode = never>(
  intake: Intake<Code>,
  outcomeOf: OutcomeOf<Outcome>,
): Promise<TakenIn<Outcome> | Rejection<Code | 'idempotency-conflict'>> => {
  const { principal, operation, asked, idempotencyKey, lane, accountId, command, kept } = intake
  const refused = await intake.refusal?.()
  if (refused !== undefined) {
    const before =
      idempotencyKey === undefined
        ? undefined
        : await findByRequestName(principal.account, `${operation}#${idempotencyKey}`)
    return before === undefined ? refused : repeated(before, intake, outcomeOf)
  }
  const commandId = uuidv7()
  const own = namedRequest({
    principal: principal.account,
    requestName: `${operation}#${idempotencyKey ?? commandId}`,
    commandId,
    operation,
    bodyHash: bodyHash(asked),
    lane,
    ...(accountId === undefined ? {} : { accountId }),
    requestJson: JSON.stringify({ ...kept, command: command(commandId) }),
  })
  const stored = await promise(own)
  return stored.first ? delivered(own, false, intake, outcomeOf) : repeated(stored.row, intake, outcomeOf)
}

/** The same where what decides may no longer hold once it was done: a repeat is told before it is asked. */
export const takeInOnce = async <Outcome, Code extends ProblemCode>(
  asking: Asking & { readonly idempotencyKey: string },
  decide: () => Promise<Decided | Rejection<Code>>,
  outcomeOf: OutcomeOf<Outcome>,
): Promise<TakenIn<Outcome> | Rejection<Code | 'idempotency-conflict'>> => {
  const { principal, operation, idempotencyKey } = asking
  const before = await findByRequestName(principal.account, `${operation}#${idempotencyKey}`)
  if (before !== undefined) return repeated(before, asking, outcomeOf)
  const decided = await decide()
  return 'code' in decided ? decided : takeIn({ ...asking, ...decided }, outcomeOf)
}

const repeated = async <Outcome>(
  promised: CommandRow,
  asking: Asking,
  outcomeOf: OutcomeOf<Outcome>,
): Promise<TakenIn<Outcome> | Rejection<'idempotency-conflict'>> =>
  promised.bodyHash === bodyHash(asking.asked)
    ? delivered(promised, true, asking, outcomeOf)
    : { code: 'idempotency-conflict' }

const delivered = async <Outcome>(
  promised: CommandRow,
  isRepeated: boolean,
  { headers }: Asking,
  outcomeOf: OutcomeOf<Outcome>,
): Promise<TakenIn<Outcome>> => {
  const { command }: { readonly command: Rare } = JSON.parse(promised.requestJson)
  return { promised, ...(await deliver(promised.lane, command, isRepeated, headers, outcomeOf)) }
}

export interface Delivered<Outcome> {
  /** Where it was waited for, or is known of the first request of that name. */
  readonly outcome: Outcome | undefined
  readonly waited: boolean
  /** Where it was waited for: that it was. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Puts a promised command, and waits for its outcome where that is preferred. A repeat puts the same command again for
 * as long as nobody can tell that it has arrived: the engine takes it once.
 */
export const deliver = async <Outcome>(
  lane: number,
  command: Rare,
  isRepeated: boolean,
  headers: Intake['headers'],
  outcomeOf: OutcomeOf<Outcome>,
): Promise<Delivered<Outcome>> => {
  const wait = preferWait(headers)
  let outcome = isRepeated ? await outcomeOf(command.commandId) : undefined
  if (outcome === undefined) {
    await putCommands(lane, [command])
    outcome = wait && (await pollUntil(() => outcomeOf(command.commandId), wait.untilMillis))
  }
  return { outcome, waited: wait !== undefined, headers: wait?.headers ?? {} }
}

export interface CommandAnswer {
  readonly status: 200 | 202
  readonly body: CommandOutcome
  readonly headers: Readonly<Record<string, string>>
}

/** The same, for a command whose outcome is that it was done or refused: what the engine refuses is a problem then. */
export const takeCommand = async (
  intake: Intake,
): Promise<CommandAnswer | Rejection<'idempotency-conflict' | RejectionCode>> => {
  const taken = await takeIn(intake, getOutcome)
  return 'code' in taken ? taken : commandAnswer(taken)
}

/** Done or refused, or on its way. */
export const commandAnswer = (taken: TakenIn<OutcomeRow>): CommandAnswer | Rejection<RejectionCode> => {
  const { promised, outcome, waited } = taken
  if (waited && outcome?.code !== undefined) return { code: outcome.code, headers: taken.headers }
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: commandOutcomeOf(promised, outcome),
    headers: { location: `/api/v1/commands/${promised.commandId}`, ...taken.headers },
  }
}

export const commandOutcomeOf = (
  { commandId, operation }: Pick<CommandRow, 'commandId' | 'operation'>,
  outcome: OutcomeRow | undefined,
): CommandOutcome => ({
  command_id: commandId,
  operation,
  command_state: outcome === undefined ? 'pending' : outcome.accepted ? 'accepted' : 'rejected',
  reject_reason: outcome?.code ?? null,
  timestamp: outcome === undefined ? null : new Date(outcome.atMillis).toISOString(),
})

import { v7 as uuidv7 } from 'uuid'
import { putCommands } from '#adapters/streams/orders.ts'
import { type CommandRow, promise } from '#adapters/tables/commands.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { Command } from '#domain/trading/commands.ts'
import type { CommandOutcome } from '#protocol/values.ts'
import type { Principal, Rejection } from './http.ts'
import { bodyHash, namedRequest } from './named-request.ts'
import { pollUntil, preferWait } from './wait.ts'

type Rare = Exclude<Command, { readonly type: 'place-order' }>

export interface Intake {
  readonly principal: Principal
  readonly operation: string
  /** What was asked for: another one under the same name is a conflict. */
  readonly asked: unknown
  /** Without one it has no name, and a repeat is another command. */
  readonly idempotencyKey: string | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly lane: number
  readonly accountId?: number
  /** By its id. */
  readonly command: (commandId: string) => Rare
}

export interface TakenIn<Outcome> extends Delivered<Outcome> {
  readonly promised: CommandRow
}

/** Promises the command under the request's name and delivers it. */
export const takeIn = async <Outcome>(
  { principal, operation, asked, idempotencyKey, headers, lane, accountId, command }: Intake,
  outcomeOf: (commandId: string) => Promise<Outcome | undefined>,
): Promise<TakenIn<Outcome> | Rejection<'idempotency-conflict'>> => {
  const commandId = uuidv7()
  const own = namedRequest({
    principal: principal.account,
    requestName: `${operation}#${idempotencyKey ?? commandId}`,
    commandId,
    operation,
    bodyHash: bodyHash(asked),
    lane,
    ...(accountId === undefined ? {} : { accountId }),
    requestJson: JSON.stringify(command(commandId)),
  })
  const stored = await promise(own)
  const promised = stored.first ? own : stored.row
  if (promised.bodyHash !== own.bodyHash) return { code: 'idempotency-conflict' }
  const taken: Rare = JSON.parse(promised.requestJson)
  return { promised, ...(await deliver(promised.lane, taken, !stored.first, headers, outcomeOf)) }
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
  repeated: boolean,
  headers: Intake['headers'],
  outcomeOf: (commandId: string) => Promise<Outcome | undefined>,
): Promise<Delivered<Outcome>> => {
  const wait = preferWait(headers)
  let outcome = repeated ? await outcomeOf(command.commandId) : undefined
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
  if ('code' in taken) return taken
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

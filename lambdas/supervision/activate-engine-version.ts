import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { activateEngineVersion } from '#protocol/operations/supervision.ts'
import { commandAnswer, type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { laneOfPath } from './lane-of-path.ts'
import { spokenReplicas } from './replicas.ts'

/** One of them must be able to go on when another ends. */
const fewestReplicas = 2

export const handle: Handle<typeof activateEngineVersion> = async ({
  path,
  body,
  principal,
  idempotencyKey,
  headers,
}) => {
  const asked = laneOfPath(path.lane)
  if ('code' in asked) return asked
  const { lane } = asked
  const { version } = body
  const taken = await takeInOnce(
    { principal, operation: 'activate-engine-version', asked: { lane, version }, idempotencyKey, headers },
    () => decide(lane, version),
    getOutcome,
  )
  return 'code' in taken ? taken : commandAnswer(taken)
}

/** A replica that lacks the version halts at the command: nobody would lead if all did. */
const decide = async (lane: number, version: number): Promise<Decided | Rejection<'replicas-not-ready'>> => {
  const replicas = await spokenReplicas(lane, Date.now())
  const lacking = replicas.filter(({ engineVersions }) => !engineVersions.includes(version))
  if (replicas.length < fewestReplicas)
    return { code: 'replicas-not-ready', detail: `${replicas.length} of them have spoken lately.` }
  if (lacking.length > 0)
    return {
      code: 'replicas-not-ready',
      detail: `The version ${version} is not known to ${lacking.map(({ owner }) => owner).join(', ')}.`,
    }
  return { lane, command: commandId => ({ type: 'activate-engine-version', commandId, version }) }
}

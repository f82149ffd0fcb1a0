import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { type ContractProposal, proposedName } from '#domain/reference/contract-listing.ts'
import type { ListingRequest, listInstrument } from '#protocol/operations/reference.ts'
import { type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Answer, Handle, Principal, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { proposalOf, specifyContract } from './contract-request.ts'
import { marketOf } from './market-view.ts'

type Refusal = Rejection<(typeof listInstrument)['rejections'][number] | 'invalid-request'>

export const handle: Handle<typeof listInstrument> = ({ body, principal, headers }) =>
  listContract(body, principal, headers)

/**
 * The request is named by the instrument. What two operators list at once, or one in two lanes, the lanes' engines
 * decide: the lookup before is there to say no early, and to whoever does not wait.
 */
export const listContract = async (
  body: ListingRequest,
  principal: Principal,
  headers: Readonly<Record<string, string | undefined>>,
): ReturnType<Handle<typeof listInstrument>> => {
  const lanes = tenantLanes()
  const lane = body.lane ?? lanes[0]
  if (!lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }] }
  const proposed = proposalOf(body)
  if ('code' in proposed) return proposed
  const instrumentName = proposedName(proposed.proposal)
  const asking = {
    principal,
    operation: 'list-instrument',
    asked: { ...body, lane },
    idempotencyKey: instrumentName,
    headers,
  }
  const taken = await takeInOnce(asking, () => decide(body, proposed.proposal, lane), getOutcome)
  if ('code' in taken) return taken.code === 'idempotency-conflict' ? conflict : taken
  const { promised, outcome, headers: applied } = taken
  const pending: Answer<typeof listInstrument> = {
    status: 202,
    body: { instrument_name: instrumentName },
    headers: { location: `/api/v1/markets/${instrumentName}`, ...applied },
  }
  if (outcome === undefined) return pending
  if (!outcome.accepted) {
    if (outcome.code === undefined) throw new Error(`the outcome of ${promised.commandId} says no without a code`)
    return { code: outcome.code, headers: applied }
  }
  // Another projector writes the instrument's row.
  const wait = preferWait(headers)
  const listed = (): Promise<InstrumentRow | undefined> => getInstrument(promised.lane, instrumentName)
  const row = (await listed()) ?? (wait && (await pollUntil(listed, wait.untilMillis)))
  return row === undefined ? pending : { status: 200, body: marketOf(row), headers: applied }
}

const conflict: Refusal = { code: 'idempotency-conflict', detail: 'You have listed it with other terms.' }

const decide = async (body: ListingRequest, proposal: ContractProposal, lane: number): Promise<Decided | Refusal> => {
  const specified = await specifyContract(body, proposal, lane)
  if ('code' in specified) return specified
  const { specification } = specified
  for (const listedIn of tenantLanes())
    if ((await getInstrument(listedIn, specification.instrumentName)) !== undefined)
      return {
        code: 'instrument-exists',
        errors: [{ pointer: '#/instrument_name', detail: `trades in lane ${listedIn}` }],
      }
  return { lane, command: commandId => ({ type: 'list-instrument', commandId, specification }) }
}

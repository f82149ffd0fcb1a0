import * as z from 'zod'
import { getReopening, type ReopeningRow } from '#adapters/tables/lane-reopenings.ts'
import { getLease, type Lease, type Replica } from '#adapters/tables/lanes.ts'
import { accept } from '#domain/outcome.ts'
import { accountName } from '#protocol/values.ts'
import { serveTask } from '../shell/task.ts'
import { advanceReopening, ReopeningError, reopeningStep } from './reopening-step.ts'
import { isUnderWay } from './reopening-view.ts'
import { spokenReplicas } from './replicas.ts'

const input = z.object({ ...reopeningStep.shape, requested_by: accountName })

/** Takes the lane for this reopening, and holds the matchers against what was published and against each other. */
export const handler = serveTask(input, async ({ lane, reopening_id, requested_by }) => {
  const [lease, before] = await Promise.all([getLease(lane), getReopening(lane)])
  const row = await begun(lane, reopening_id, requested_by, lease, before)
  // A workflow that began anew has come further before.
  if (row.state === 'verifying') {
    if (lease.halted === undefined) throw new ReopeningError('LaneNotHalted', `lane ${lane} is not halted`)
    verify(lease, await spokenReplicas(lane, Date.now()))
    await advanceReopening(row, { ...row, state: 'halting', epoch: lease.epoch })
  }
  return accept({ lane, reopening_id })
})

const begun = async (
  lane: number,
  reopeningId: string,
  requestedBy: string,
  { epoch }: Lease,
  before: ReopeningRow | undefined,
): Promise<ReopeningRow> => {
  if (before?.reopeningId === reopeningId) {
    if (before.state === 'failed')
      throw new ReopeningError('ReopeningUnderWay', `the reopening has failed before: ${before.failure}`)
    return before
  }
  const startedAtMillis = Date.now()
  if (before !== undefined && isUnderWay(before, startedAtMillis))
    throw new ReopeningError('ReopeningUnderWay', `lane ${lane} is being reopened by ${before.reopeningId}`)
  const inheritedIds =
    before === undefined || before.state === 'reopened'
      ? []
      : [...new Set([...before.inheritedIds, ...(before.instrumentIds ?? [])])]
  const row = { lane, reopeningId, state: 'verifying', requestedBy, startedAtMillis, epoch, inheritedIds } as const
  return advanceReopening(before, row)
}

/** A chain covers every byte that was ever told up to its number: two that are the same come from the same events. */
const verify = (lease: Lease, replicas: readonly Replica[]): void => {
  if (replicas.length === 0) throw new ReopeningError('ReplicasNotReady', 'no matcher has spoken lately')
  const late = replicas.filter(({ isVerified }) => !isVerified)
  if (late.length > 0)
    throw new ReopeningError('ReplicasNotReady', `not at the checkpoint yet: ${late.map(ownerOf).join(', ')}`)
  const chains = new Map([[lease.outSeq, { owner: 'the checkpoint', chain: lease.chain }]])
  for (const { owner, outSeq, chain } of replicas) {
    if (outSeq === 0) continue
    const other = chains.get(outSeq)
    if (other !== undefined && other.chain !== chain)
      throw new ReopeningError('ReplicasDisagree', `${owner} and ${other.owner} differ at ${outSeq}`)
    chains.set(outSeq, { owner, chain })
  }
}

const ownerOf = ({ owner }: Replica): string => owner

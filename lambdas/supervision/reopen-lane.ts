import { createHash } from 'node:crypto'
import { getReopening } from '#adapters/tables/lane-reopenings.ts'
import { getLease } from '#adapters/tables/lanes.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import type { reopenLane } from '#protocol/operations/supervision.ts'
import type { Handle } from '../shell/http.ts'
import { laneOfPath } from './lane-of-path.ts'
import { isUnderWay, reopeningOf } from './reopening-view.ts'

export const handle: Handle<typeof reopenLane> = async ({ path, principal, idempotencyKey }) => {
  const asked = laneOfPath(path.lane)
  if ('code' in asked) return asked
  const { lane } = asked
  const { account } = principal
  const reopeningId = reopeningIdOf(lane, account, idempotencyKey)
  const headers = { location: `/api/v1/lanes/${lane}` }
  const [lease, row] = await Promise.all([getLease(lane), getReopening(lane)])
  if (row?.reopeningId === reopeningId) return { status: 202, body: reopeningOf(row), headers }
  if (lease.halted === undefined) return { code: 'lane-not-halted' }
  const nowMillis = Date.now()
  if (row !== undefined && isUnderWay(row, nowMillis)) return { code: 'reopening-under-way' }
  const input = { lane, reopening_id: reopeningId, requested_by: account }
  // The same name and input while it runs: it is the same one. Another time a name cannot be used.
  if (!(await startWorkflow('lane-reopening', reopeningId, input))) return { code: 'idempotency-conflict' }
  return { status: 202, body: reopeningOf({ reopeningId, requestedBy: account, startedAtMillis: nowMillis }), headers }
}

/** Names the workflow execution too: the same request starts it once. */
const reopeningIdOf = (lane: number, account: string, idempotencyKey: string): string =>
  createHash('sha256')
    .update(JSON.stringify([lane, account, idempotencyKey]))
    .digest('hex')
    .slice(0, 40)

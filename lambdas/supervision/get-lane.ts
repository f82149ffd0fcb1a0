import { getActivatedVersion, getStartedEpoch } from '#adapters/tables/lane-events.ts'
import { getReopening } from '#adapters/tables/lane-reopenings.ts'
import { getLease } from '#adapters/tables/lanes.ts'
import { firstEngineVersion } from '#domain/trading/engine-version.ts'
import type { getLane } from '#protocol/operations/supervision.ts'
import type { Handle } from '../shell/http.ts'
import { laneOfPath } from './lane-of-path.ts'
import { reopeningOf } from './reopening-view.ts'
import { spokenReplicas } from './replicas.ts'

/** Of a leader, which writes several times a second. */
const usualSilenceMillis = 1_000

export const handle: Handle<typeof getLane> = async ({ path }) => {
  const asked = laneOfPath(path.lane)
  if ('code' in asked) return asked
  const { lane } = asked
  const [lease, replicas, activated, started, reopening] = await Promise.all([
    getLease(lane),
    spokenReplicas(lane, Date.now()),
    getActivatedVersion(lane),
    getStartedEpoch(lane),
    getReopening(lane),
  ])
  const { epoch, owner, halted, health } = lease
  // What the leader wrote last grows old where it is frozen, or nobody leads.
  const silentMillis = epoch === 0 ? 0 : Date.now() - health.atMillis - usualSilenceMillis
  return {
    status: 200,
    body: {
      lane,
      epoch,
      leader: owner === '' || halted !== undefined ? null : owner,
      halted: halted ?? null,
      behind_ms: Math.round(Math.max(health.behindMillis, silentMillis)),
      last_written_at: epoch === 0 ? null : instantOf(health.atMillis),
      engine_version: activated?.version ?? firstEngineVersion,
      engine_version_since: activated === undefined ? null : instantOf(activated.atMillis),
      started_epoch:
        started === undefined
          ? null
          : { epoch: started.epoch, state_hash: started.stateHash, timestamp: instantOf(started.atMillis) },
      replicas: replicas.map(replica => ({
        owner: replica.owner,
        role: replica.role,
        engine_versions: [...replica.engineVersions],
        is_verified: replica.isVerified,
        out_seq: replica.outSeq,
        chain: replica.chain,
        behind_ms: Math.round(replica.behindMillis),
        spoken_at: instantOf(replica.atMillis),
      })),
      reopening: reopening === undefined ? null : reopeningOf(reopening),
    },
  }
}

const instantOf = (millis: number): string => new Date(millis).toISOString()

import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { firstEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import type { Rejection } from '../shell/http.ts'

/** Lanes that were seen to know contracts: a version is never given up again. */
const knowing = new Set<number>()

/**
 * Why a lane cannot be sent what only the rules for contracts of every kind know: to older ones the command is unknown,
 * and nobody would be answered. Undefined where it can.
 */
export const engineVersionMissing = async (lane: number): Promise<Rejection<'engine-version-needed'> | undefined> => {
  if (knowing.has(lane)) return undefined
  const version = (await getActivatedVersion(lane))?.version ?? firstEngineVersion
  if (version < versionOfContracts)
    return {
      code: 'engine-version-needed',
      detail: `Lane ${lane} follows version ${version}; version ${versionOfContracts} is needed.`,
    }
  knowing.add(lane)
  return undefined
}

/** For tests, whose lanes come and go. */
export const forgetEngineVersions = (): void => knowing.clear()

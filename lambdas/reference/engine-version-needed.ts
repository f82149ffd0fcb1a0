import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { firstEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import type { Rejection } from '../shell/http.ts'

/** The version that a lane was seen to follow: it is never given up again. */
const knowing = new Map<number, number>()

/**
 * Why a lane cannot be sent what only the rules of a version know, those for contracts of every kind unless told: to older ones the command is unknown,
 * and nobody would be answered. Undefined where it can.
 */
export const engineVersionMissing = async (
  lane: number,
  needed: number = versionOfContracts,
): Promise<Rejection<'engine-version-needed'> | undefined> => {
  if ((knowing.get(lane) ?? 0) >= needed) return undefined
  const version = (await getActivatedVersion(lane))?.version ?? firstEngineVersion
  if (version < needed)
    return {
      code: 'engine-version-needed',
      detail: `Lane ${lane} follows version ${version}; version ${needed} is needed.`,
    }
  knowing.set(lane, version)
  return undefined
}

/** For tests, whose lanes come and go. */
export const forgetEngineVersions = (): void => knowing.clear()

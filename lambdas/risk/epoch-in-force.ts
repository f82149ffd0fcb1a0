import { getRiskEpoch } from '#adapters/tables/risk-epochs.ts'
import { getRiskLane } from '#adapters/tables/risk-lanes.ts'
import type { EpochInForce } from '#domain/margin/account-risk.ts'
import { type MadeEpoch, type MadeInstrument, riskEpochOf } from '#domain/margin/made-epoch.ts'

/** With all that it was made of. */
export interface StoredEpoch extends EpochInForce {
  readonly made: MadeEpoch
  /** Of the lane, by id: with what each was valued from. */
  readonly instruments: ReadonlyMap<number, MadeInstrument>
}

/** By which the lane's margin is computed, as its events have told; undefined before the first one. */
export const epochInForce = async (lane: number): Promise<StoredEpoch | undefined> => {
  const { adoptedVersion } = await getRiskLane(lane)
  return adoptedVersion === undefined ? undefined : storedEpoch(lane, adoptedVersion)
}

const storedEpoch = async (lane: number, version: number): Promise<StoredEpoch> => {
  const made = await getRiskEpoch(version)
  if (made === undefined) throw new Error(`the epoch ${version} decides in lane ${lane} and is not stored`)
  const own = made.instruments.filter(each => each.lane === lane)
  return {
    made,
    epoch: riskEpochOf(made, lane),
    instruments: new Map(own.map(each => [each.risk.instrumentId, each])),
    specificationVersions: new Map(own.map(each => [each.risk.instrumentId, each.specificationVersion])),
  }
}

/** An epoch never changes, and is large: for who is asked often it is read once a process. */
const remembered = new Map<string, Promise<StoredEpoch>>()
const mostRemembered = 4

/** The same. */
export const rememberedEpochInForce = async (lane: number): Promise<StoredEpoch | undefined> => {
  const { adoptedVersion } = await getRiskLane(lane)
  if (adoptedVersion === undefined) return undefined
  const key = `${lane}#${adoptedVersion}`
  const known = remembered.get(key)
  if (known !== undefined) return known
  const read = storedEpoch(lane, adoptedVersion)
  for (const oldest of remembered.keys()) {
    if (remembered.size < mostRemembered) break
    remembered.delete(oldest)
  }
  remembered.set(key, read)
  try {
    return await read
  } catch (error) {
    remembered.delete(key)
    throw error
  }
}

/** For tests, whose tables come and go. */
export const forgetEpochs = (): void => remembered.clear()

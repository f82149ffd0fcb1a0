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
  return adoptedVersion === undefined ? undefined : epochIn(lane, await storedEpoch(lane, adoptedVersion))
}

const storedEpoch = async (lane: number, version: number): Promise<MadeEpoch> => {
  const made = await getRiskEpoch(version)
  if (made === undefined) throw new Error(`the epoch ${version} decides in lane ${lane} and is not stored`)
  return made
}

const epochIn = (lane: number, made: MadeEpoch): StoredEpoch => {
  const own = made.instruments.filter(each => each.lane === lane)
  return {
    made,
    epoch: riskEpochOf(made, lane),
    instruments: new Map(own.map(each => [each.risk.instrumentId, each])),
    specificationVersions: new Map(own.map(each => [each.risk.instrumentId, each.specificationVersion])),
  }
}

/** An epoch never changes, and is large: for who is asked often it is read once a process, for all lanes that go by it. */
interface Remembered {
  readonly made: Promise<MadeEpoch>
  readonly lanes: Map<number, StoredEpoch>
}

/** By version. */
const remembered = new Map<number, Remembered>()
const mostRemembered = 4

/** The same. */
export const rememberedEpochInForce = async (lane: number): Promise<StoredEpoch | undefined> => {
  const { adoptedVersion } = await getRiskLane(lane)
  if (adoptedVersion === undefined) return undefined
  const { made, lanes } = remembered.get(adoptedVersion) ?? remember(lane, adoptedVersion)
  const known = lanes.get(lane)
  if (known !== undefined) return known
  try {
    const found = epochIn(lane, await made)
    lanes.set(lane, found)
    return found
  } catch (error) {
    remembered.delete(adoptedVersion)
    throw error
  }
}

const remember = (lane: number, version: number): Remembered => {
  for (const oldest of remembered.keys()) {
    if (remembered.size < mostRemembered) break
    remembered.delete(oldest)
  }
  const read = { made: storedEpoch(lane, version), lanes: new Map<number, StoredEpoch>() }
  remembered.set(version, read)
  return read
}

/** For tests, whose tables come and go. */
export const forgetEpochs = (): void => remembered.clear()

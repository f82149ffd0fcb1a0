/**
 * Rules that an engine can follow. Replicas run different code while it is rolled out, so a rule changes for all of them
 * at the same command, `activate-engine-version`, and a record always leads to what it led to when it was first applied.
 *
 * 1: as first deployed.
 * 2: a reduce-only stop whose trigger is reached when the position is smaller than it is says so by `order-amended`.
 * 3: contracts other than plain futures, delisting, lists of marks, settlement and exercise. Before it each of these
 *    commands is an unknown message, as it is to older code: the record that it lies in is poison.
 * 4: margin by the book of domain/margin in place of the fully funded check, epochs of risk, withdrawals, holds, liquidation.
 * 5: gates and bids, awards, payments across firms, futures that are delivered.
 * 6: accounts that trade in several lanes on budgets that their home lane grants.
 * 7: what such an account lacks anywhere is lacking at home, where it is liquidated in all its lanes; cash between lanes.
 */
export const engineVersions = [1, 2, 3, 4, 5, 6, 7] as const

export const firstEngineVersion = 1
export const versionOfToldClips = 2
export const versionOfContracts = 3
export const versionOfMargin = 4
export const versionOfDelivery = 5
export const versionOfLaneBudgets = 6
export const versionOfJointMargin = 7
export const newestEngineVersion = 7

/** A version that this code does not have: another replica may. */
export class EngineVersionUnknown extends Error {
  readonly version: number
  constructor(version: number) {
    super(`engine version ${version} is not known here, which has ${engineVersions.join(', ')}`)
    this.name = 'EngineVersionUnknown'
    this.version = version
  }
}

/** Throws EngineVersionUnknown. */
export const requireEngineVersion = (version: number): void => {
  if (!engineVersions.some(known => known === version)) throw new EngineVersionUnknown(version)
}

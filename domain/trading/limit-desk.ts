import type { Accounts } from '../ledger/accounts.ts'
import type { ScaleRiskLimits, SetRiskLimits } from './commands.ts'
import type { Refusal } from './contract-life.ts'
import { versionOfJointMargin } from './engine-version.ts'
import { writeEvent } from './event-messages.ts'
import type { LaneMargin } from './lane-margin.ts'
import { isLooser, isUnlimited, limitsRefusal, noLimits, scalesRefusal } from './limit-terms.ts'
import type { Listing } from './listing.ts'
import { none, type Orders } from './orders.ts'
import { RiskLimits, type RiskLimitsState } from './risk-limits.ts'
import type { Tape } from './tape.ts'

interface Surroundings {
  readonly accounts: Accounts
  readonly orders: Orders
  readonly listings: readonly (Listing | undefined)[]
  readonly firmNames: readonly string[]
  readonly firmIds: ReadonlyMap<string, number>
  readonly told: Tape
  readonly margin: () => LaneMargin
  readonly laneMillis: () => number
  readonly engineVersion: () => number
}

/** Where limits are set and scaled by command, and what is beyond them is told. */
export class LimitDesk {
  /** None before the first limit or scale. */
  private known: RiskLimits | undefined
  private readonly around: Surroundings

  constructor(around: Surroundings) {
    this.around = around
  }

  /** Those to be asked: none where there is no limit. */
  get limits(): RiskLimits | undefined {
    return this.known?.isOn === true ? this.known : undefined
  }

  set({ type: _, ...asked }: SetRiskLimits): Refusal {
    const { scope, accountId, firm, instrumentId, terms } = asked
    const { accounts, listings, firmIds, told, laneMillis, engineVersion } = this.around
    const id =
      scope === 'account' ? accounts.find(accountId) : scope === 'firm' ? (firmIds.get(firm) ?? none) : instrumentId
    if (scope === 'account' && id === none) return 'unknown-account'
    if (scope === 'firm' && id === none) return 'unknown-firm'
    if (scope === 'instrument' && listings[id] === undefined) return 'unknown-instrument'
    const refusal = limitsRefusal(scope, terms)
    if (refusal !== undefined) return refusal
    if (!asked.isApproved && isLooser(terms, this.known?.terms(scope, id) ?? noLimits))
      return 'loosening-needs-approval'
    if (this.known !== undefined || !isUnlimited(terms))
      // Before version 7 whoever's limits were set: what was told of others was told anew.
      this.made().set(scope, id, terms, laneMillis(), engineVersion() >= versionOfJointMargin ? 'own' : 'all')
    writeEvent(told, { type: 'risk-limits-set', ...asked })
    return undefined
  }

  scale({ type: _, ...asked }: ScaleRiskLimits): Refusal {
    const { listings, told } = this.around
    const refusal = scalesRefusal(asked.floorPpm, asked.ceilingPpm, asked.scales)
    if (refusal !== undefined) return refusal
    if (asked.scales.some(({ instrumentId }) => listings[instrumentId] === undefined)) return 'unknown-instrument'
    this.made().scale(asked.scales)
    writeEvent(told, { type: 'risk-limits-scaled', ...asked })
    return undefined
  }

  enrol(account: number): void {
    this.known?.enrol(account)
  }
  advance(atMillis: number): void {
    this.known?.advance(atMillis)
  }
  /** A mark has moved. */
  sweep(): void {
    this.limits?.sweep()
  }
  /** A mark may have moved, or its contract become another one. */
  marked(instrumentId: number): void {
    this.limits?.marked(instrumentId)
  }

  /** At the end of a command: nothing else is being told then. */
  tellBreaches(): void {
    const { limits } = this
    if (limits?.hasDue !== true) return
    for (const breach of limits.takeBreaches()) writeEvent(this.around.told, breach)
  }

  private made(): RiskLimits {
    const { accounts, orders, listings, firmNames, margin, laneMillis } = this.around
    this.known ??= new RiskLimits(accounts, orders, listings, firmNames, margin(), laneMillis())
    return this.known
  }

  capture(): RiskLimitsState | undefined {
    return this.known?.capture()
  }
  /** Once ledger, orders and margin are as they were. */
  restore(state: RiskLimitsState): void {
    this.made().restore(state, this.around.firmIds)
  }
}

import type { AccountRecord, Accounts } from '../ledger/accounts.ts'
import { HomeBudgets, type HomeBudgetsState, LaneBudget, type LaneBudgetState } from '../margin/lane-budgets.ts'
import { maxBudgetMicros } from '../margin/margin-book.ts'
import type { Refused } from '../margin/refused.ts'
import type { RejectionCode } from '../outcome.ts'
import type { AskBudget, GrantBudget, JoinLane, NeedBudget, TellBudget } from './commands.ts'
import { writeEvent } from './event-messages.ts'
import { noId } from './identifiers.ts'
import type { LaneMargin } from './lane-margin.ts'
import { none } from './orders.ts'
import type { Tape } from './tape.ts'

type Refusal = RejectionCode | undefined

/** Of one account, its home not counted. */
const mostOtherLanes = 7
/** Of one lane: so that all that are granted together are within what a budget may be. */
export const maxGrantedMicros = maxBudgetMicros / (mostOtherLanes + 1)

/** Seconds of the lane's time. */
const repeatsAfter = 3
const asksAgainAfter = 10
/** Where the account is short. */
const asksSoonAfter = 2
/** So long what was granted is kept, though it is not needed: for the order that was refused for the lack of it. */
const keepsFor = 60
/** So long a short account waits for other lanes before it is called. */
const calledAfter = 10
/** So long it waits for lanes that do not answer. */
const abandonedAfter = 60
/** So long a home goes by what another lane has said it lacks, which says so again as often as it asks. */
const carriesFor = 8
/** So long nobody is called after another scenario set, which the other lanes may not have yet. */
const settlesFor = 60
/** Accounts that are looked at in a second, and components of budgets that are told by it; at least one account's. */
const visitsOfSecond = 64
const componentsOfSecond = 16_384

/** In place of since when an account is short. */
const called = -1

interface Home {
  readonly role: 'home'
  readonly account: AccountRecord
  readonly budgets: HomeBudgets
  /** Its ids in the other lanes. */
  readonly others: Map<number, number>
  /** When each of them last told what it holds; from engine version 7 on. */
  readonly heard: Map<number, number>
  sentSecond: number
}

interface Satellite {
  readonly role: 'satellite'
  readonly account: AccountRecord
  readonly budget: LaneBudget
  readonly homeLane: number
  readonly homeAccountId: number
  readonly reserveMicros: number
  askedSecond: number
  keepsUntilSecond: number
  /** When its home last answered; from engine version 7 on. */
  heardSecond: number
}

type Member = Home | Satellite

type MemberState =
  | {
      readonly role: 'home'
      readonly accountId: number
      readonly budgets: HomeBudgetsState
      readonly others: readonly (readonly [lane: number, accountId: number])[]
      readonly sentSecond: number
      readonly heard?: readonly (readonly [lane: number, second: number])[]
    }
  | {
      readonly role: 'satellite'
      readonly accountId: number
      readonly budget: LaneBudgetState
      readonly homeLane: number
      readonly homeAccountId: number
      readonly reserveMicros: number
      readonly askedSecond: number
      readonly keepsUntilSecond: number
      readonly heardSecond?: number
    }

export interface LaneCreditState {
  readonly second: number
  readonly settlesUntil: number
  readonly cursor: number
  /** In the order in which they joined. */
  readonly members: readonly MemberState[]
  /** In the order in which they were found. */
  readonly short: readonly (readonly [accountId: number, sinceSecond: number])[]
}

interface Surroundings {
  readonly lane: number
  readonly accounts: Accounts
  readonly told: Tape
  margin(): LaneMargin
  laneMillis(): number
  callMargin(account: AccountRecord): void
  /** From engine version 7 on: what is lacking anywhere is lacking at home. */
  isJoint(): boolean
  isInLiquidation(account: AccountRecord): boolean
}

/**
 * Accounts that trade in several lanes, from engine version 6 on: what this lane grants of theirs to others, or goes by
 * here. The rules are those of domain/margin/lane-budgets.ts; here is when they are followed. Messages leave as events and
 * arrive as commands, and may be lost, late and repeated.
 */
export class LaneCredit {
  private readonly members = new Map<AccountRecord, Member>()
  /** The same, in their order. */
  private readonly order: Member[] = []
  /** What they lack for what was refused by the command at hand: in each state, come to what they have already. */
  private readonly lacking = new Map<AccountRecord, number[]>()
  /** Accounts that need more than they have here, since when; −1 once they are called. */
  private readonly short = new Map<AccountRecord, number>()
  private second = 0
  private settlesUntil = 0
  private cursor = 0
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  // ——— Commands

  join(command: JoinLane): Refusal {
    const { accounts, lane, told } = this.surroundings
    const { accountId, role, otherLane, otherAccountId, reserveMicros } = command
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const known = this.members.get(account)
    if (otherLane === lane || (known !== undefined && (known.role === 'satellite' || role === 'satellite')))
      return 'lane-already-joined'
    if (reserveMicros < 0 || reserveMicros > maxGrantedMicros) return 'amount-out-of-range'
    if (known?.role === 'home') {
      if (known.others.has(otherLane)) return 'lane-already-joined'
      if (known.others.size >= mostOtherLanes) return 'lane-limit'
    }
    if (this.order.length === 0) this.second = this.secondNow()
    const { scenarioSetVersion, states } = this.surroundings.margin()
    if (role === 'satellite') {
      const budget = new LaneBudget(lane, scenarioSetVersion, states)
      const home = { homeLane: otherLane, homeAccountId: otherAccountId }
      this.add({ role, account, budget, ...home, reserveMicros, askedSecond: 0, keepsUntilSecond: 0, heardSecond: 0 })
    } else {
      const budgets = new HomeBudgets([], scenarioSetVersion, states)
      const home = known ?? this.add({ role, account, budgets, others: new Map(), heard: new Map(), sentSecond: 0 })
      if (home.role === 'home') {
        home.others.set(otherLane, otherAccountId)
        home.budgets.addLane(otherLane)
      }
    }
    writeEvent(told, { ...command, type: 'lane-joined' })
    return undefined
  }

  /** In a satellite. */
  grant({ commandId, accountId, fromLane, setVersion, grant, budgetMicros }: GrantBudget): Refusal {
    const { accounts, lane } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const member = this.members.get(account)
    if (member?.role !== 'satellite' || member.homeLane !== fromLane) return 'lane-not-joined'
    const message = { kind: 'grant', lane, setVersion, grant, budgetMicros } as const
    const { changed, held } = member.budget.onGrant(message, this.neededMicros(account))
    if (held === undefined) return 'budget-outdated'
    if (this.surroundings.isJoint()) member.heardSecond = this.secondNow()
    if (changed) {
      this.surroundings.margin().setLaneBudget(account, member.budget.budgetMicros)
      member.keepsUntilSecond = this.secondNow() + keepsFor
    }
    this.tellHeld(member, held, commandId)
    return undefined
  }

  /** In the home lane. */
  hear({ commandId, accountId, fromLane, ...told }: TellBudget): Refusal {
    const home = this.homeOf(accountId, fromLane)
    if (typeof home === 'string') return home
    const { setVersion, grant, number, budgetMicros } = told
    const message = { kind: 'held', lane: fromLane, setVersion, grant, number, budgetMicros } as const
    const refused = home.budgets.onHeld(message)
    if (refused !== undefined) return codeOf(refused)
    if (this.surroundings.isJoint()) home.heard.set(fromLane, this.secondNow())
    this.grantFrom(home, commandId)
    return undefined
  }

  /** In the home lane: granted as far as there is surplus, and lacking here beyond that. */
  need({ commandId, accountId, fromLane, setVersion, neededMicros }: NeedBudget): Refusal {
    const home = this.homeOf(accountId, fromLane)
    if (typeof home === 'string') return home
    const needed = neededMicros.map(micros => Math.min(micros, maxGrantedMicros))
    const message = { kind: 'need', lane: fromLane, setVersion, neededMicros: needed } as const
    const refused = home.budgets.onNeed(message, this.secondNow() + carriesFor)
    if (refused !== undefined) return codeOf(refused)
    this.grantFrom(home, commandId)
    return undefined
  }

  /** In the home lane. */
  ask({ commandId, accountId, fromLane, setVersion, wantedMicros }: AskBudget): Refusal {
    const home = this.homeOf(accountId, fromLane)
    if (typeof home === 'string') return home
    const wanted = wantedMicros.map(micros => Math.min(micros, maxGrantedMicros))
    const refused = home.budgets.onAsk({ kind: 'ask', lane: fromLane, setVersion, wantedMicros: wanted })
    if (refused !== undefined) return codeOf(refused)
    this.grantFrom(home, commandId)
    return undefined
  }

  private homeOf(accountId: number, fromLane: number): Home | RejectionCode {
    const account = this.surroundings.accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const member = this.members.get(account)
    return member?.role === 'home' && member.others.has(fromLane) ? member : 'lane-not-joined'
  }

  /** Undefined where it does not trade in that lane. */
  accountIn(account: AccountRecord, lane: number): number | undefined {
    const member = this.members.get(account)
    if (member?.role === 'home') return member.others.get(lane)
    return member?.homeLane === lane ? member.homeAccountId : undefined
  }

  isSatellite(account: AccountRecord): boolean {
    return this.members.get(account)?.role === 'satellite'
  }

  // ——— What follows from other commands

  /** Something was refused since the account lacks so much for it. */
  lacks(account: AccountRecord, lossMicros: () => readonly number[]): void {
    if (!this.members.has(account)) return
    const before = this.lacking.get(account)
    this.lacking.set(
      account,
      lossMicros().map((micros, state) => Math.max(micros, before?.[state] ?? 0)),
    )
  }

  get isAsking(): boolean {
    return this.lacking.size > 0
  }

  /** Once the command at hand is done: what was lacking is asked for, by a satellite of its home, by a home of the others. */
  flush(): void {
    const second = this.secondNow()
    for (const [account, lossMicros] of this.lacking) {
      const member = this.members.get(account)
      if (member === undefined) continue
      const needed = this.neededMicros(account)
      const after = needed.map((micros, state) => micros + (lossMicros[state] as number))
      if (member.role === 'satellite') {
        // Once a second: whoever is refused again asks again.
        if (second > member.askedSecond) this.demand(member, after, second)
        continue
      }
      const credit = member.budgets.creditMicros()
      const short = after.map((micros, state) => micros - (credit[state] as number))
      if (!short.some(micros => micros > 0)) continue
      member.budgets.recall(short)
      this.grantFrom(member, noId)
    }
    this.lacking.clear()
  }

  /**
   * Whether a short account is not called yet, since the other lanes may still help: a home takes back what it has granted,
   * a satellite asks its home.
   */
  asksFirst(account: AccountRecord): boolean {
    if (!this.members.has(account)) return false
    const since = this.short.get(account)
    if (since === undefined) this.findShort(account)
    return since !== called
  }

  private findShort(account: AccountRecord): void {
    this.short.set(account, this.secondNow())
    this.lacks(account, () => new Array<number>(this.surroundings.margin().states).fill(0))
  }

  /** Scenarios mean something else from here on; in other lanes at another time. */
  changeSet(): void {
    if (this.order.length === 0) return
    const margin = this.surroundings.margin()
    this.settlesUntil = this.secondNow() + settlesFor
    const { scenarioSetVersion, states } = margin
    for (const member of this.order) {
      if (member.role === 'home') {
        member.budgets.changeSet(scenarioSetVersion, states)
        this.setCredit(member)
      } else {
        member.budget.changeSet(scenarioSetVersion, this.neededMicros(member.account))
        margin.setLaneBudget(member.account, member.budget.budgetMicros)
      }
    }
  }

  // ——— By and by

  /** Once in each second of the lane's time, before the first command in it: some of the accounts, in turn. */
  turn(): void {
    const second = this.secondNow()
    if (this.order.length === 0 || second <= this.second) return
    this.second = second
    let visits = Math.min(visitsOfSecond, this.order.length)
    const { told } = this.surroundings
    const end = told.length + componentsOfSecond * 2
    for (; visits > 0 && told.length < end; visits -= 1) {
      const member = this.order[this.cursor % this.order.length]
      this.cursor = (this.cursor + 1) % this.order.length
      if (member?.role === 'home') this.visitHome(member, second)
      else if (member !== undefined) this.visitSatellite(member, second)
    }
    for (const [account, since] of this.short) {
      if (since === called || second < Math.max(since + this.callsAfter(account, since), this.settlesUntil)) continue
      if (this.surroundings.margin().isCovered(account)) {
        this.short.delete(account)
        continue
      }
      this.short.set(account, called)
      this.surroundings.callMargin(account)
    }
  }

  /**
   * Of a satellite from its home's last word on: while that answers, what is short is short there. Of a home once all others have
   * given back what they can.
   */
  private callsAfter(account: AccountRecord, since: number): number {
    const member = this.members.get(account)
    if (member === undefined || !this.surroundings.isJoint()) return calledAfter
    if (member.role === 'satellite') return Math.max(0, member.heardSecond - since) + abandonedAfter
    return [...member.others.keys()].every(lane => (member.heard.get(lane) ?? 0) > since) ? calledAfter : abandonedAfter
  }

  private visitHome(home: Home, second: number): void {
    if (home.budgets.forgetNeeds(second)) this.setCredit(home)
    // Who needs says so more often than grants are told again.
    if (
      this.surroundings.isJoint() &&
      !this.short.has(home.account) &&
      !this.surroundings.margin().isCovered(home.account)
    )
      this.findShort(home.account)
    if (second < home.sentSecond + repeatsAfter) return
    const { account, budgets } = home
    for (const message of budgets.underWay()) {
      home.sentSecond = second
      this.tellGrant(home, message)
    }
    if (this.surroundings.margin().isCovered(account)) this.short.delete(account)
    else if (!this.short.has(account)) this.findShort(account)
    else this.lacks(account, () => new Array<number>(this.surroundings.margin().states).fill(0))
  }

  private visitSatellite(satellite: Satellite, second: number): void {
    const { account, budget, reserveMicros } = satellite
    const margin = this.surroundings.margin()
    const needed = this.neededMicros(account)
    const isCovered = margin.isCovered(account)
    if (!isCovered && !this.short.has(account)) this.findShort(account)
    // It needs no more than it has: said once, and else found out by home when it hears nothing more.
    if (isCovered && this.short.delete(account) && this.surroundings.isJoint()) this.tellNeed(satellite)
    const left = budget.budgetMicros.reduce(
      (least, micros, state) => Math.min(least, micros - (needed[state] as number)),
      Number.MAX_SAFE_INTEGER,
    )
    // What it has belongs to all lanes then.
    const isLiquidated = this.surroundings.isJoint() && this.surroundings.isInLiquidation(account)
    if (!isCovered || (left * 2 < reserveMicros && !isLiquidated)) {
      if (second >= satellite.askedSecond + (isCovered ? asksAgainAfter : asksSoonAfter))
        this.demand(satellite, needed, second)
      return
    }
    if (second < satellite.keepsUntilSecond && !isLiquidated) return
    const kept = isLiquidated ? 0 : reserveMicros
    // Twice the reserve, so that it is not given back and asked for in turn.
    if (!budget.budgetMicros.some((micros, state) => micros > (needed[state] as number) + 2 * kept)) return
    const { held } = budget.release(needed, kept)
    margin.setLaneBudget(account, budget.budgetMicros)
    this.tellHeld(satellite, held, noId)
  }

  /** What is lacking for what is there already is lacking at home; all else is a wish. */
  private demand(satellite: Satellite, afterMicros: readonly number[], second: number): void {
    const { account } = satellite
    if (!this.surroundings.isJoint() || this.surroundings.margin().isCovered(account)) {
      this.askFor(satellite, afterMicros, second)
      return
    }
    satellite.askedSecond = second
    this.tellNeed(satellite)
  }

  private tellNeed({ account, budget, homeLane: toLane, homeAccountId: toAccountId }: Satellite): void {
    const { setVersion, wantedMicros: neededMicros } = budget.ask(this.neededMicros(account))
    const accountId = this.surroundings.accounts.idOfRecord(account)
    writeEvent(this.surroundings.told, {
      type: 'budget-needed',
      accountId,
      toLane,
      toAccountId,
      setVersion,
      neededMicros,
    })
  }

  private askFor(satellite: Satellite, afterMicros: readonly number[], second: number): void {
    const { account, budget, homeLane, homeAccountId, reserveMicros } = satellite
    satellite.askedSecond = second
    const { setVersion, wantedMicros } = budget.ask(afterMicros.map(micros => micros + reserveMicros))
    const accountId = this.surroundings.accounts.idOfRecord(account)
    writeEvent(this.surroundings.told, {
      type: 'budget-asked',
      accountId,
      toLane: homeLane,
      toAccountId: homeAccountId,
      setVersion,
      wantedMicros,
    })
  }

  /** What is wished for, as far as there is surplus; told even where nothing comes of it, where a command has asked. */
  private grantFrom(home: Home, commandId: string): void {
    const { accounts, told } = this.surroundings
    const margin = this.surroundings.margin()
    const capacity = margin.surplusByScenario(home.account).map(micros => Math.min(micros, maxBudgetMicros))
    const messages = home.budgets.grants(capacity)
    if (commandId === noId && messages.length === 0) return
    const creditMicros = this.setCredit(home)
    const { scenarioSetVersion: setVersion } = margin
    const accountId = accounts.idOfRecord(home.account)
    writeEvent(told, { type: 'budget-counted', accountId, commandId, setVersion, creditMicros })
    for (const message of messages) {
      home.sentSecond = this.secondNow()
      this.tellGrant(home, message)
    }
  }

  private setCredit(home: Home): readonly number[] {
    // What others give above what can be counted is not counted.
    const credit = home.budgets.creditMicros().map(micros => Math.min(micros, maxBudgetMicros))
    this.surroundings.margin().setLaneBudget(home.account, credit)
    return credit
  }

  private tellGrant(
    home: Home,
    {
      lane,
      setVersion,
      grant,
      budgetMicros,
    }: {
      readonly lane: number
      readonly setVersion: number
      readonly grant: number
      readonly budgetMicros: readonly number[]
    },
  ): void {
    writeEvent(this.surroundings.told, {
      type: 'budget-granted',
      accountId: this.surroundings.accounts.idOfRecord(home.account),
      toLane: lane,
      toAccountId: home.others.get(lane) ?? 0,
      setVersion,
      grant,
      budgetMicros,
    })
  }

  private tellHeld(
    { account, homeLane, homeAccountId }: Satellite,
    {
      setVersion,
      grant,
      number,
      budgetMicros,
    }: {
      readonly setVersion: number
      readonly grant: number
      readonly number: number
      readonly budgetMicros: readonly number[]
    },
    commandId: string,
  ): void {
    writeEvent(this.surroundings.told, {
      type: 'budget-held',
      accountId: this.surroundings.accounts.idOfRecord(account),
      commandId,
      toLane: homeLane,
      toAccountId: homeAccountId,
      setVersion,
      grant,
      number,
      budgetMicros,
    })
  }

  /** Without budgets: what the account's own cash and positions in this lane lack in each state. */
  private neededMicros(account: AccountRecord): number[] {
    return this.surroundings
      .margin()
      .surplusByScenario(account)
      .map(micros => 0 - micros)
  }

  private secondNow(): number {
    return Math.floor(this.surroundings.laneMillis() / 1000)
  }

  private add<Added extends Member>(member: Added): Added {
    const zeros = new Array<number>(this.surroundings.margin().states).fill(0)
    this.surroundings.margin().setLaneBudget(member.account, zeros)
    this.members.set(member.account, member)
    this.order.push(member)
    return member
  }

  // ——— Snapshots

  /** Undefined before an account has joined. */
  capture(): LaneCreditState | undefined {
    if (this.order.length === 0) return undefined
    const { accounts } = this.surroundings
    return {
      second: this.second,
      settlesUntil: this.settlesUntil,
      cursor: this.cursor,
      members: this.order.map((member): MemberState => {
        const accountId = accounts.idOfRecord(member.account)
        // In the order in which version 6 had its members: their text is hashed.
        if (member.role === 'satellite') {
          const { account: _, heardSecond, ...rest } = member
          const told = heardSecond === 0 ? {} : { heardSecond }
          return { ...rest, accountId, budget: rest.budget.capture(), ...told }
        }
        const { account: _, heard, ...rest } = member
        const told = heard.size === 0 ? {} : { heard: [...heard] }
        return { ...rest, accountId, budgets: rest.budgets.capture(), others: [...rest.others], ...told }
      }),
      short: [...this.short].map(([account, since]) => [accounts.idOfRecord(account), since]),
    }
  }

  /** Once the margin book is as it was: it has the budgets. */
  restore({ second, settlesUntil, cursor, members, short }: LaneCreditState): void {
    const { accounts } = this.surroundings
    this.second = second
    this.settlesUntil = settlesUntil
    this.cursor = cursor
    for (const { accountId, ...state } of members) {
      const account = accounts.recordOf(accountId)
      const member: Member =
        state.role === 'home'
          ? {
              ...state,
              account,
              budgets: HomeBudgets.restore(state.budgets),
              others: new Map(state.others),
              heard: new Map(state.heard),
            }
          : { ...state, account, budget: LaneBudget.restore(state.budget), heardSecond: state.heardSecond ?? 0 }
      this.members.set(account, member)
      this.order.push(member)
    }
    for (const [accountId, since] of short) this.short.set(accounts.recordOf(accountId), since)
  }
}

const codeOf = ({ code }: Refused): RejectionCode =>
  code === 'unknown-scenario-set' || code === 'length-mismatch' ? 'budget-outdated' : 'amount-out-of-range'

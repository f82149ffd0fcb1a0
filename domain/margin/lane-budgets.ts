import { maxBudgetMicros } from './margin-book.ts'
import { integer, type Refused, refused } from './refused.ts'

const { max, min } = Math

/**
 * One account that trades in several lanes nets across them without a hop: its home lane, which holds the cash, gives each
 * other lane p a budget b_p[s] for every joint scenario, and each lane lets the account do whatever keeps
 *
 *   equity_p + P_p[s] + O_p[s] − add-ons_p + b_p[s] ≥ 0        (home: with −Σ of what it has given)
 *
 * in all of them. A budget may be negative: the lane then secures others. Summed over the lanes the budgets cancel, so no
 * joint scenario is ever uncovered, as long as home never counts a lane at less than what the lane goes by. That is the
 * one invariant here: `outstanding` ≥ the lane's own budget in every component, whatever is lost, late or repeated.
 *
 *   home  → lane  grant  the budget to go by from now on; repeated until it is answered
 *   lane  → home  held   what the lane does go by, after a grant or after it gave something back
 *   lane  → home  ask    what it would like
 *   lane  → home  need   what it lacks for what is there already
 *
 * Home counts the larger of old and new while a grant is under way, so nothing is granted twice: what one lane is to give
 * up is granted to another only once it is known to be given up (release before grant). A lost message wastes credit until
 * it is repeated, and does no more. What a lane needs for what is there already is granted as any wish, as far as there is
 * surplus; what is not is carried by home, which counts it as lacking, until the lane says otherwise or is silent for a while.
 * So who is short is short at home, where all lanes are known, and nobody goes by more than there is.
 *
 * Vectors have one component for each scenario and a last one for the state in which nothing moves.
 */
export type Budget = readonly number[]

export interface GrantMessage {
  readonly kind: 'grant'
  readonly lane: number
  readonly setVersion: number
  /** Grows by one with each grant to the lane. */
  readonly grant: number
  readonly budgetMicros: Budget
}

export interface HeldMessage {
  readonly kind: 'held'
  readonly lane: number
  readonly setVersion: number
  /** The last grant that the lane has taken. */
  readonly grant: number
  /** How often the lane has told of that grant; a later one holds less or the same. */
  readonly number: number
  readonly budgetMicros: Budget
}

export interface AskMessage {
  readonly kind: 'ask'
  readonly lane: number
  readonly setVersion: number
  readonly wantedMicros: Budget
}

export interface NeedMessage {
  readonly kind: 'need'
  readonly lane: number
  readonly setVersion: number
  readonly neededMicros: Budget
}

export type BudgetMessage = GrantMessage | HeldMessage | AskMessage | NeedMessage

const largest = (budget: Budget): number => budget.reduce((most, micros) => max(most, micros), -maxBudgetMicros)
const least = (budget: Budget): number => budget.reduce((most, micros) => min(most, micros), maxBudgetMicros)

const vectorRefusal = (vector: Budget, states: number): Refused | undefined => {
  if (!Array.isArray(vector) || vector.length !== states) return refused('length-mismatch', 'budgetMicros')
  for (const [index, micros] of vector.entries()) {
    const unfit = integer(`budgetMicros/${index}`, micros, -maxBudgetMicros, maxBudgetMicros)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

export interface LaneBudgetState {
  readonly lane: number
  readonly setVersion: number
  readonly grant: number
  readonly told: number
  readonly budgetMicros: Budget
}

/** One account's budget as a lane that is not its home keeps it. */
export class LaneBudget {
  private readonly lane: number
  private setVersion: number
  private grant = 0
  private told = 0
  private budget: number[]

  constructor(lane: number, setVersion: number, states: number) {
    this.lane = lane
    this.setVersion = setVersion
    this.budget = new Array<number>(states).fill(0)
  }

  /** For `MarginBook.setLaneBudget`, whenever a call here answers that it has changed. */
  get budgetMicros(): Budget {
    return this.budget
  }

  /**
   * Takes a grant: as far as what the account needs here allows, and where it needs more, so much of the old one is kept.
   * Older and repeated ones are answered and change nothing. `neededMicros` is minus the book's surplus.
   */
  onGrant(message: GrantMessage, neededMicros: Budget): { readonly changed: boolean; readonly held?: HeldMessage } {
    const { budgetMicros } = message
    if (message.lane !== this.lane || message.setVersion !== this.setVersion) return { changed: false }
    if (vectorRefusal(budgetMicros, this.budget.length) !== undefined) return { changed: false }
    if (message.grant < this.grant) return { changed: false }
    if (message.grant === this.grant) return { changed: false, held: this.tell() }
    this.grant = message.grant
    this.told = 0
    this.budget = this.budget.map((had, state) => {
      const given = budgetMicros[state] as number
      return given >= had ? given : max(given, min(had, neededMicros[state] as number))
    })
    return { changed: true, held: this.tell() }
  }

  /** Gives back all that is above what is needed and a reserve. */
  release(neededMicros: Budget, reserveMicros: number): { readonly changed: boolean; readonly held: HeldMessage } {
    let changed = false
    this.budget = this.budget.map((had, state) => {
      const kept = min(had, (neededMicros[state] as number) + reserveMicros)
      changed ||= kept < had
      return kept
    })
    return { changed, held: this.tell() }
  }

  ask(wantedMicros: Budget): AskMessage {
    return { kind: 'ask', lane: this.lane, setVersion: this.setVersion, wantedMicros: wantedMicros.map(clamped) }
  }

  /**
   * Under another scenario set, whichever lane comes to it first: the least component, which holds whatever the scenarios
   * were, and above it what the account needs as it is, up to the largest. So nothing new is opened on the old budget.
   */
  changeSet(setVersion: number, neededMicros: Budget): void {
    const [low, high] = [least(this.budget), largest(this.budget)]
    this.setVersion = setVersion
    this.budget = neededMicros.map(micros => min(high, max(low, micros)))
  }

  private tell(): HeldMessage {
    this.told += 1
    return {
      kind: 'held',
      lane: this.lane,
      setVersion: this.setVersion,
      grant: this.grant,
      number: this.told,
      budgetMicros: [...this.budget],
    }
  }

  capture(): LaneBudgetState {
    const { lane, setVersion, grant, told, budget } = this
    return { lane, setVersion, grant, told, budgetMicros: [...budget] }
  }
  static restore(state: LaneBudgetState): LaneBudget {
    const budget = new LaneBudget(state.lane, state.setVersion, state.budgetMicros.length)
    budget.grant = state.grant
    budget.told = state.told
    budget.budget = [...state.budgetMicros]
    return budget
  }
}

const clamped = (micros: number): number => min(max(micros, -maxBudgetMicros), maxBudgetMicros)

interface Granted {
  /** Never less than what the lane goes by. */
  outstanding: number[]
  grant: number
  /** How often the lane has told of this grant. */
  told: number
  /** Under way until the lane has told that it took it. */
  pending: GrantMessage | undefined
  /** What it would like, until that is granted. */
  wanted: Budget | undefined
  /** What it says it has to have, and until when that counts. */
  needed: { readonly budgetMicros: Budget; readonly untilSecond: number } | undefined
}

export interface HomeBudgetsState {
  readonly setVersion: number
  readonly states: number
  readonly shortAtHome: Budget | null
  readonly lanes: readonly (readonly [
    lane: number,
    granted: {
      readonly outstanding: Budget
      readonly grant: number
      readonly told: number
      readonly pending: GrantMessage | null
      readonly wanted: Budget | null
      readonly needed?: { readonly budgetMicros: Budget; readonly untilSecond: number }
    },
  ])[]
}

/** The same account's budgets as its home lane grants them. `capacityMicros` is the home book's surplus by scenario. */
export class HomeBudgets {
  private setVersion: number
  private states: number
  private readonly lanes = new Map<number, Granted>()
  private shortAtHome: Budget | undefined

  constructor(lanes: readonly number[], setVersion: number, states: number) {
    this.setVersion = setVersion
    this.states = states
    for (const lane of [...new Set(lanes)].sort((a, b) => a - b)) this.addLane(lane)
  }

  has(lane: number): boolean {
    return this.lanes.has(lane)
  }
  get laneCount(): number {
    return this.lanes.size
  }

  /** Another lane, which has been granted nothing. */
  addLane(lane: number): void {
    const none = { grant: 0, told: 0, pending: undefined, wanted: undefined, needed: undefined }
    this.lanes.set(lane, { outstanding: new Array<number>(this.states).fill(0), ...none })
  }

  /** Grants that have not been answered. */
  underWay(): readonly GrantMessage[] {
    return [...this.lanes.values()].flatMap(({ pending }) => (pending === undefined ? [] : [pending]))
  }

  /** Minus the sum of what is granted, and of what lanes lack beyond it: for the home lane's own `MarginBook.setLaneBudget`. */
  creditMicros(but?: Granted): number[] {
    const credit = new Array<number>(this.states).fill(0)
    for (const granted of this.lanes.values())
      for (let state = 0; state < this.states; state += 1) {
        const outstanding = granted.outstanding[state] as number
        const needed = granted === but ? undefined : granted.needed?.budgetMicros[state]
        credit[state] = (credit[state] as number) - (needed === undefined ? outstanding : max(outstanding, needed))
      }
    return credit
  }

  onHeld(message: HeldMessage): Refused | undefined {
    const refusal = this.refusalOf(message, message.budgetMicros)
    if (refusal !== undefined) return refusal
    const granted = this.lanes.get(message.lane)
    // A lane that tells of an earlier grant may since have taken the one under way.
    if (granted === undefined || message.grant !== granted.grant || message.number <= granted.told) return undefined
    granted.told = message.number
    granted.outstanding = granted.outstanding.map((counted, state) =>
      min(counted, message.budgetMicros[state] as number),
    )
    granted.pending = undefined
    return undefined
  }

  onAsk(message: AskMessage): Refused | undefined {
    const refusal = this.refusalOf(message, message.wantedMicros)
    if (refusal !== undefined) return refusal
    const granted = this.lanes.get(message.lane)
    if (granted !== undefined) granted.wanted = message.wantedMicros
    return undefined
  }

  /** Carried until then, unless the lane says something else before. */
  onNeed(message: NeedMessage, untilSecond: number): Refused | undefined {
    const refusal = this.refusalOf(message, message.neededMicros)
    if (refusal !== undefined) return refusal
    const granted = this.lanes.get(message.lane)
    if (granted === undefined) return undefined
    granted.needed = { budgetMicros: message.neededMicros, untilSecond }
    granted.wanted = message.neededMicros
    return undefined
  }

  /** Whether a lane has been silent for so long that what it needed counts no more. */
  forgetNeeds(second: number): boolean {
    let changed = false
    for (const granted of this.lanes.values()) {
      if (granted.needed === undefined || granted.needed.untilSecond > second) continue
      granted.needed = undefined
      changed = true
    }
    return changed
  }

  /** What the home lane itself lacks for an order is asked of the others like any lane's wish. */
  recall(shortMicros: Budget): void {
    this.shortAtHome = shortMicros.map(micros => max(0, micros))
  }
  /**
   * What to send now: for each lane to which no grant is under way, in the order in which they joined, what it wants as far
   * as there is surplus; where that is not enough, the others are asked to give up what they do not need. What is under way
   * is to be sent again now and then (`underWay`): that is what gets lost messages through.
   */
  grants(capacityMicros: Budget): GrantMessage[] {
    const messages: GrantMessage[] = []
    let short: number[] | undefined = this.shortAtHome === undefined ? undefined : [...this.shortAtHome]
    this.shortAtHome = undefined
    let asker = 0
    for (const [lane, granted] of this.lanes) {
      const { wanted } = granted
      if (wanted === undefined || granted.pending !== undefined) continue
      // What it lacks itself is not in its own way.
      const free = this.free(capacityMicros, granted)
      // Never more than is there; where home itself is short, what the lane has already is no more than wished for.
      const budget = wanted.map((micros, state) =>
        min(micros, (granted.outstanding[state] as number) + max(0, free[state] as number)),
      )
      const lacking = wanted.map((micros, state) => micros - (budget[state] as number))
      granted.wanted = undefined
      // Even where it is what is counted already: the lane may go by less, and its word of it be lost.
      messages.push(this.grantTo(lane, granted, budget))
      if (lacking.some(micros => micros > 0)) {
        short = lacking.map((micros, state) => max(micros, short?.[state] ?? 0))
        asker = lane
      }
    }
    if (short !== undefined) {
      for (const [lane, granted] of this.lanes) {
        if (lane === asker || granted.pending !== undefined) continue
        const lacking = short
        const budget = granted.outstanding.map((counted, state) => clamped(counted - (lacking[state] as number)))
        messages.push(this.grantTo(lane, granted, budget))
      }
    }
    return messages
  }

  private free(capacityMicros: Budget, but: Granted): number[] {
    const credit = this.creditMicros(but)
    return credit.map((micros, state) => micros + (capacityMicros[state] as number))
  }

  private grantTo(lane: number, granted: Granted, budget: readonly number[]): GrantMessage {
    granted.grant += 1
    granted.told = 0
    granted.outstanding = granted.outstanding.map((counted, state) => max(counted, budget[state] as number))
    granted.pending = { kind: 'grant', lane, setVersion: this.setVersion, grant: granted.grant, budgetMicros: budget }
    return granted.pending
  }

  private refusalOf(message: BudgetMessage, vector: Budget): Refused | undefined {
    if (!this.lanes.has(message.lane)) return refused('out-of-range', 'lane')
    if (message.setVersion !== this.setVersion) return refused('unknown-scenario-set', 'setVersion')
    return vectorRefusal(vector, this.states)
  }

  /**
   * What was granted is its largest component in every state: a lane goes by no more, under which set ever. What is under way
   * is of the old set, which the lane will no longer take: it is asked for anew.
   */
  changeSet(setVersion: number, states: number): void {
    this.setVersion = setVersion
    this.states = states
    for (const granted of this.lanes.values()) {
      granted.outstanding = new Array<number>(states).fill(largest(granted.outstanding))
      granted.pending = undefined
      granted.wanted = undefined
      granted.needed = undefined
    }
  }

  capture(): HomeBudgetsState {
    return {
      setVersion: this.setVersion,
      states: this.states,
      shortAtHome: this.shortAtHome ?? null,
      lanes: [...this.lanes].map(([lane, { outstanding, grant, told, pending, wanted, needed }]) => [
        lane,
        {
          outstanding: [...outstanding],
          grant,
          told,
          pending: pending ?? null,
          wanted: wanted ?? null,
          ...(needed === undefined ? {} : { needed }),
        },
      ]),
    }
  }
  static restore({ setVersion, states, shortAtHome, lanes }: HomeBudgetsState): HomeBudgets {
    const home = new HomeBudgets([], setVersion, states)
    home.shortAtHome = shortAtHome ?? undefined
    for (const [lane, { outstanding, grant, told, pending, wanted, needed }] of lanes)
      home.lanes.set(lane, {
        outstanding: [...outstanding],
        grant,
        told,
        pending: pending ?? undefined,
        wanted: wanted ?? undefined,
        needed,
      })
    return home
  }
}

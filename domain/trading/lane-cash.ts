import type { AccountRecord, Accounts } from '../ledger/accounts.ts'
import type { RejectionCode } from '../outcome.ts'
import type { ConfirmCash, ReceiveCash, SendCash } from './commands.ts'
import { writeEvent } from './event-messages.ts'
import { noId } from './identifiers.ts'
import { type LaneMargin, maxCashMicros } from './lane-margin.ts'
import { none } from './orders.ts'
import type { Tape } from './tape.ts'

type Refusal = RejectionCode | undefined

/** Seconds of the lane's time. */
const repeatsAfter = 3

/** Between an account and itself in another lane. */
interface Route {
  readonly account: AccountRecord
  readonly lane: number
  /** How often cash was sent there, and has come from there. */
  sent: number
  received: number
  /** What was sent last, while nobody has said that it is there; 0 otherwise. */
  onItsWayMicros: number
  toldSecond: number
}

export type LaneCashState = readonly (Omit<Route, 'account'> & { readonly accountId: number })[]

interface Surroundings {
  readonly accounts: Accounts
  readonly told: Tape
  margin(): LaneMargin
  laneMillis(): number
  /** The account's id in another lane that it trades in; undefined where it does not. */
  accountIn(account: AccountRecord, lane: number): number | undefined
  /** The liquidation that it is in. */
  liquidationOf(account: AccountRecord): string | undefined
  /** Takes part in, or out of, what was deposited in this lane; false where that would be more than can be counted. */
  deposit(micros: number): boolean
}

/**
 * Cash between the lanes of an account, from engine version 7 on. What was sent is told until the other lane has confirmed
 * it, and the next is sent only then: so each is counted there once, however often it is told, and what is on its way is what
 * the one has sent and the other not received.
 */
export class LaneCash {
  /** In the order in which cash first went there, or came. */
  private readonly routes = new Map<number, Route>()
  private second = 0
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  send({ commandId, accountId, toLane, amountMicros, liquidationId }: SendCash): Refusal {
    const { accounts } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const toAccountId = this.surroundings.accountIn(account, toLane)
    if (toAccountId === undefined) return 'lane-not-joined'
    if (amountMicros < 1 || amountMicros > maxCashMicros) return 'amount-out-of-range'
    if ((this.find(account, toLane)?.onItsWayMicros ?? 0) !== 0) return 'cash-on-its-way'
    const refusal = this.take(account, amountMicros, liquidationId)
    if (refusal !== undefined) return refusal
    this.surroundings.deposit(-amountMicros)
    accounts.addCash(account, -amountMicros)
    const route = this.routeOf(account, toLane)
    route.sent += 1
    route.onItsWayMicros = amountMicros
    this.tell(route, commandId, amountMicros)
    return undefined
  }

  /** In a liquidation what all lanes have is one: it goes whatever is short here. */
  private take(account: AccountRecord, amountMicros: number, liquidationId: string): Refusal {
    const { accounts } = this.surroundings
    const margin = this.surroundings.margin()
    const underWay = this.surroundings.liquidationOf(account)
    if (liquidationId === noId)
      return underWay === undefined ? margin.takeCash(account, amountMicros) : 'account-in-liquidation'
    if (underWay !== liquidationId) return 'unknown-liquidation'
    if (amountMicros > accounts.cashMicros(account) - accounts.heldMicros(account)) return 'insufficient-funds'
    margin.addCash(account, -amountMicros)
    return undefined
  }

  receive({ commandId, accountId, fromLane, number, amountMicros }: ReceiveCash): Refusal {
    const { accounts, told } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const toAccountId = this.surroundings.accountIn(account, fromLane)
    if (toAccountId === undefined) return 'lane-not-joined'
    if (amountMicros < 1 || amountMicros > maxCashMicros) return 'amount-out-of-range'
    const received = this.find(account, fromLane)?.received ?? 0
    if (number < 1 || number > received + 1) return 'cash-out-of-turn'
    const creditedMicros = number > received ? amountMicros : 0
    if (creditedMicros > 0) {
      // Told again, and taken once there is room for it.
      if (accounts.cashMicros(account) > maxCashMicros - amountMicros || !this.surroundings.deposit(amountMicros))
        return 'amount-out-of-range'
      this.routeOf(account, fromLane).received = number
      this.surroundings.margin().addCash(account, amountMicros)
      accounts.addCash(account, amountMicros)
    }
    writeEvent(told, {
      type: 'cash-received',
      accountId,
      commandId,
      toLane: fromLane,
      toAccountId,
      number,
      creditedMicros,
      cashMicros: accounts.cashMicros(account),
    })
    return undefined
  }

  confirm({ commandId, accountId, fromLane, number }: ConfirmCash): Refusal {
    const { accounts, told } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const route = this.find(account, fromLane)
    if (route === undefined || number < 1 || number > route.sent) return 'cash-out-of-turn'
    if (number === route.sent) route.onItsWayMicros = 0
    writeEvent(told, { type: 'cash-confirmed', accountId, commandId, fromLane, number })
    return undefined
  }

  /** Once in each second of the lane's time: what nobody has confirmed is told again. */
  turn(): void {
    const second = this.secondNow()
    if (this.routes.size === 0 || second <= this.second) return
    this.second = second
    for (const route of this.routes.values())
      if (route.onItsWayMicros > 0 && second >= route.toldSecond + repeatsAfter) this.tell(route, noId, 0)
  }

  private tell(route: Route, commandId: string, debitedMicros: number): void {
    const { accounts, told } = this.surroundings
    route.toldSecond = this.secondNow()
    writeEvent(told, {
      type: 'cash-sent',
      accountId: accounts.idOfRecord(route.account),
      commandId,
      toLane: route.lane,
      toAccountId: this.surroundings.accountIn(route.account, route.lane) ?? 0,
      number: route.sent,
      amountMicros: route.onItsWayMicros,
      debitedMicros,
      cashMicros: accounts.cashMicros(route.account),
    })
  }

  private find(account: AccountRecord, lane: number): Route | undefined {
    return this.routes.get(keyOf(account, lane))
  }

  private routeOf(account: AccountRecord, lane: number): Route {
    const known = this.find(account, lane)
    if (known !== undefined) return known
    const route = { account, lane, sent: 0, received: 0, onItsWayMicros: 0, toldSecond: 0 }
    this.routes.set(keyOf(account, lane), route)
    return route
  }

  private secondNow(): number {
    return Math.floor(this.surroundings.laneMillis() / 1000)
  }

  /** Undefined before any cash went between lanes. */
  capture(): LaneCashState | undefined {
    if (this.routes.size === 0) return undefined
    const { accounts } = this.surroundings
    return [...this.routes.values()].map(({ account, ...route }) => ({
      accountId: accounts.idOfRecord(account),
      ...route,
    }))
  }

  restore(state: LaneCashState, laneMillis: number): void {
    const { accounts } = this.surroundings
    for (const { accountId, ...route } of state) {
      const account = accounts.recordOf(accountId)
      this.routes.set(keyOf(account, route.lane), { account, ...route })
    }
    this.second = Math.floor(laneMillis / 1000)
  }
}

/** Lanes are numbered up to 4,096. */
const keyOf = (account: AccountRecord, lane: number): number => account * 8_192 + lane

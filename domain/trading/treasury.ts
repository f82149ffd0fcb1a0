import type { Accounts } from '../ledger/accounts.ts'
import type { DepositCollateral, PostPayment, Transfer, WithdrawCollateral } from './commands.ts'
import type { Refusal } from './contract-life.ts'
import { writeEvent } from './event-messages.ts'
import { type LaneMargin, maxCashMicros } from './lane-margin.ts'
import type { Listing } from './listing.ts'
import { none } from './orders.ts'
import { isBeyondPaying, pay } from './owed-payment.ts'
import type { Tape } from './tape.ts'

interface Surroundings {
  readonly accounts: Accounts
  readonly listings: readonly (Listing | undefined)[]
  readonly told: Tape
  margin(): LaneMargin
}

/** Cash between accounts, and assets that secure what an account trades: from engine version 4 on, payments across firms from 5. */
export class Treasury {
  private readonly surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings
  }

  transfer({ accountId, toAccountId, amountMicros, commandId }: Transfer): Refusal {
    const { accounts, told } = this.surroundings
    const margin = this.surroundings.margin()
    const from = accounts.find(accountId)
    const to = accounts.find(toAccountId)
    if (from === none || to === none) return 'unknown-account'
    if (from === to || accounts.firm(from) !== accounts.firm(to)) return 'transfer-not-allowed'
    if (amountMicros < 1 || accounts.cashMicros(to) > maxCashMicros - amountMicros) return 'amount-out-of-range'
    const refusal = margin.takeCash(from, amountMicros)
    if (refusal !== undefined) return refusal
    margin.addCash(to, amountMicros)
    accounts.addCash(from, -amountMicros)
    accounts.addCash(to, amountMicros)
    const left = { cashMicros: accounts.cashMicros(from), toCashMicros: accounts.cashMicros(to) }
    writeEvent(told, { type: 'transferred', commandId, accountId, toAccountId, amountMicros, ...left })
    return undefined
  }

  /** Of what is owed: whoever it is between, and whatever the payer has. */
  post(command: PostPayment): Refusal {
    const { accountId, toAccountId, amountMicros, commandId, purpose, reference } = command
    const { accounts, told } = this.surroundings
    const from = accounts.find(accountId)
    const to = accounts.find(toAccountId)
    if (from === none || to === none) return 'unknown-account'
    if (from === to) return 'transfer-not-allowed'
    if (amountMicros < 1) return 'amount-out-of-range'
    if (isBeyondPaying(accounts, from, to, amountMicros, amountMicros)) return 'exposure-too-large'
    pay(accounts, this.surroundings.margin(), from, to, amountMicros)
    const left = { cashMicros: accounts.cashMicros(from), toCashMicros: accounts.cashMicros(to) }
    const paid = { accountId, toAccountId, amountMicros, purpose, reference }
    writeEvent(told, { type: 'payment-posted', commandId, ...paid, ...left })
    return undefined
  }

  depositCollateral({ accountId, instrumentId, quantityLots, commandId }: DepositCollateral): Refusal {
    const { accounts, told } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const refusal = this.assetRefusal(instrumentId)
    if (refusal !== undefined) return refusal
    if (quantityLots < 1) return 'amount-out-of-range'
    const holding = accounts.holdingOf(account, instrumentId)
    const tooLarge = this.surroundings.margin().depositCollateral(holding, quantityLots)
    if (tooLarge !== undefined) return tooLarge
    accounts.addLots(holding, quantityLots)
    const sizeLots = accounts.sizeLots(holding)
    writeEvent(told, { type: 'collateral-deposited', commandId, accountId, instrumentId, quantityLots, sizeLots })
    return undefined
  }

  withdrawCollateral({ accountId, instrumentId, quantityLots, commandId }: WithdrawCollateral): Refusal {
    const { accounts, told } = this.surroundings
    const account = accounts.find(accountId)
    if (account === none) return 'unknown-account'
    const refusal = this.assetRefusal(instrumentId)
    if (refusal !== undefined) return refusal
    if (quantityLots < 1) return 'amount-out-of-range'
    const holding = accounts.holdingOf(account, instrumentId)
    if (quantityLots > accounts.sizeLots(holding)) return 'insufficient-collateral'
    const short = this.surroundings.margin().withdrawCollateral(holding, quantityLots)
    if (short !== undefined) return short
    accounts.addLots(holding, -quantityLots)
    const sizeLots = accounts.sizeLots(holding)
    writeEvent(told, { type: 'collateral-withdrawn', commandId, accountId, instrumentId, quantityLots, sizeLots })
    return undefined
  }

  private assetRefusal(instrumentId: number): Refusal {
    const listing = this.surroundings.listings[instrumentId]
    if (listing === undefined) return 'unknown-instrument'
    return listing.instrument.terms.kind === 'collateral' ? undefined : 'not-collateral'
  }
}

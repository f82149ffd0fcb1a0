import type { MarginLedger } from '#domain/margin/margin-ledger.ts'

// As the ledger keeps its own: one line of the cache for a holding, one for an order.
const recordLength = 8
const sizeAt = 0
const entryAt = 1
const buysAt = 2
const sellsAt = 3
const instrumentAt = 4
const accountAt = 5
const firstOrderAt = 6
const nextHoldingAt = 7

const holdingAt = 0
const isSellAt = 1
const priceAt = 2
const lotsAt = 3
const feeAt = 4
const nextOrderAt = 5
const previousOrderAt = 6
const isBudgetedAt = 7

const cashAt = 0
const holdsAt = 1
const firstHoldingAt = 2

/** A plain ledger with its open orders for measuring and testing the margin book: no matching, no rules. */
export class PlainLedger implements MarginLedger {
  accountCount = 0
  private readonly accounts: Float64Array
  private readonly holdings: Float64Array
  private readonly orders: Float64Array
  private holdingCount = 0
  private freeOrder = 0
  private orderCount = 0

  constructor(accounts: number, holdings: number, orders: number) {
    this.accounts = new Float64Array((accounts + 1) * recordLength)
    this.holdings = new Float64Array((holdings + 1) * recordLength)
    this.orders = new Float64Array((orders + 1) * recordLength)
  }

  openAccount(cashMicros: number): number {
    this.accountCount += 1
    this.accounts[this.accountCount * recordLength + cashAt] = cashMicros
    return this.accountCount
  }
  openHolding(account: number, instrumentId: number): number {
    this.holdingCount += 1
    const at = this.holdingCount * recordLength
    this.holdings[at + accountAt] = account
    this.holdings[at + instrumentAt] = instrumentId
    this.holdings[at + nextHoldingAt] = this.firstHolding(account)
    this.accounts[account * recordLength + firstHoldingAt] = this.holdingCount
    return this.holdingCount
  }

  addCash(account: number, micros: number): void {
    this.accounts[account * recordLength + cashAt] = this.cashMicros(account) + micros
  }
  addHolds(account: number, micros: number): void {
    this.accounts[account * recordLength + holdsAt] = this.holdsMicros(account) + micros
  }
  /** Lots that come, and the cost that is entered for them. */
  addPosition(holding: number, lots: number, entryMicros: number): void {
    const at = holding * recordLength
    this.holdings[at + sizeAt] = (this.holdings[at + sizeAt] as number) + lots
    this.holdings[at + entryAt] = (this.holdings[at + entryAt] as number) + entryMicros
  }

  openOrder(
    holding: number,
    isSell: boolean,
    priceTicks: number,
    lots: number,
    feeMicros: number,
    isBudgeted = false,
  ): number {
    const { orders } = this
    let order = this.freeOrder
    if (order === 0) {
      this.orderCount += 1
      order = this.orderCount
    } else this.freeOrder = this.nextOrder(order)
    const at = order * recordLength
    const head = this.firstOrder(holding)
    orders[at + holdingAt] = holding
    orders[at + isSellAt] = isSell ? 1 : 0
    orders[at + priceAt] = priceTicks
    orders[at + lotsAt] = lots
    orders[at + feeAt] = feeMicros
    orders[at + nextOrderAt] = head
    orders[at + previousOrderAt] = 0
    orders[at + isBudgetedAt] = isBudgeted ? 1 : 0
    if (head !== 0) orders[head * recordLength + previousOrderAt] = order
    this.holdings[holding * recordLength + firstOrderAt] = order
    if (!isBudgeted) this.addVolume(holding, isSell, lots)
    return order
  }
  /** Takes lots and a part of its reserve off an order, which is gone with its last lot. */
  reduceOrder(order: number, lots: number, feeMicros: number): void {
    const { orders } = this
    const at = order * recordLength
    if (!this.isBudgeted(order)) this.addVolume(this.holding(order), this.isSell(order), -lots)
    orders[at + lotsAt] = this.openLots(order) - lots
    orders[at + feeAt] = this.feeMicros(order) - feeMicros
    if (orders[at + lotsAt] !== 0) return
    const next = orders[at + nextOrderAt] as number
    const previous = orders[at + previousOrderAt] as number
    if (next !== 0) orders[next * recordLength + previousOrderAt] = previous
    if (previous !== 0) orders[previous * recordLength + nextOrderAt] = next
    else this.holdings[this.holding(order) * recordLength + firstOrderAt] = next
    orders[at + nextOrderAt] = this.freeOrder
    this.freeOrder = order
  }
  /** What is open on one side, without the order itself. */
  addVolume(holding: number, isSell: boolean, lots: number): void {
    const at = holding * recordLength + (isSell ? sellsAt : buysAt)
    this.holdings[at] = (this.holdings[at] as number) + lots
  }

  account(holding: number): number {
    return this.holdings[holding * recordLength + accountAt] as number
  }
  holding(order: number): number {
    return this.orders[order * recordLength + holdingAt] as number
  }

  cashMicros(account: number): number {
    return this.accounts[account * recordLength + cashAt] as number
  }
  holdsMicros(account: number): number {
    return this.accounts[account * recordLength + holdsAt] as number
  }
  firstHolding(account: number): number {
    return this.accounts[account * recordLength + firstHoldingAt] as number
  }
  nextHolding(holding: number): number {
    return this.holdings[holding * recordLength + nextHoldingAt] as number
  }
  instrumentId(holding: number): number {
    return this.holdings[holding * recordLength + instrumentAt] as number
  }
  sizeLots(holding: number): number {
    return this.holdings[holding * recordLength + sizeAt] as number
  }
  entryMicros(holding: number): number {
    return this.holdings[holding * recordLength + entryAt] as number
  }
  buyLots(holding: number): number {
    return this.holdings[holding * recordLength + buysAt] as number
  }
  sellLots(holding: number): number {
    return this.holdings[holding * recordLength + sellsAt] as number
  }
  firstOrder(holding: number): number {
    return this.holdings[holding * recordLength + firstOrderAt] as number
  }
  nextOrder(order: number): number {
    return this.orders[order * recordLength + nextOrderAt] as number
  }
  isSell(order: number): boolean {
    return this.orders[order * recordLength + isSellAt] === 1
  }
  priceTicks(order: number): number {
    return this.orders[order * recordLength + priceAt] as number
  }
  openLots(order: number): number {
    return this.orders[order * recordLength + lotsAt] as number
  }
  feeMicros(order: number): number {
    return this.orders[order * recordLength + feeAt] as number
  }
  isBudgeted(order: number): boolean {
    return this.orders[order * recordLength + isBudgetedAt] === 1
  }
}

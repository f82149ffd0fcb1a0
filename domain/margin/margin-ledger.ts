/**
 * What the margin book reads of the ledger and of the open orders; it keeps no copy of either. Accounts are numbered from
 * 1 on, holdings (what one account has in one instrument, a collateral asset too) from 1 on over all accounts, orders
 * anyhow; 0 is none. Nothing here may allocate.
 */
export interface MarginLedger {
  /** The highest number of an account. */
  readonly accountCount: number
  cashMicros(account: number): number
  /** What is put by of the cash. */
  holdsMicros(account: number): number
  firstHolding(account: number): number
  nextHolding(holding: number): number
  instrumentId(holding: number): number
  /** Signed. */
  sizeLots(holding: number): number
  /** Signed cost of what is open, in micros: cash already paid is not in it. 0 for collateral. */
  entryMicros(holding: number): number
  /** Sums over the open orders, without the quotes that a budget stands for. */
  buyLots(holding: number): number
  sellLots(holding: number): number
  firstOrder(holding: number): number
  nextOrder(order: number): number
  isSell(order: number): boolean
  priceTicks(order: number): number
  /** What is still open of it. */
  openLots(order: number): number
  /** What is kept for its fees. */
  feeMicros(order: number): number
  /** Whether its account's quote budget stands for it, and not the order itself. */
  isBudgeted(order: number): boolean
}

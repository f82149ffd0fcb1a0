/** What a market maker sets for a group of quotes; limits of 0 are off. */
export interface ProtectionTerms {
  readonly intervalMillis: number
  /** How long the group stays out after a breach; 0 until it is reset. */
  readonly frozenMillis: number
  readonly amountLimitLots: number
  readonly deltaLimitLots: number
}

export interface QuoteFill {
  readonly atMillis: number
  /** Bought positive. */
  readonly signedLots: number
}

/** A group of one account's quotes, and the fills that count against its limits. */
export class QuoteGroup {
  readonly accountId: number
  /** 16 hex digits. */
  readonly group: string
  name = ''
  terms: ProtectionTerms | undefined
  /** Until when it is frozen: 0 it is not, infinite until reset. */
  frozenUntilMillis = 0
  fills: QuoteFill[] = []
  /** The orders that its quotes are. */
  readonly orders = new Set<number>()

  constructor(accountId: number, group: string) {
    this.accountId = accountId
    this.group = group
  }

  /** Nothing of it need be remembered: without terms no fill is counted and nothing freezes it. */
  get isForgettable(): boolean {
    return this.terms === undefined && this.orders.size === 0
  }

  isFrozen(atMillis: number): boolean {
    return atMillis < this.frozenUntilMillis
  }

  /** Counts a fill; true where it breaches a limit. */
  isBreachedBy(fill: QuoteFill): boolean {
    const { terms } = this
    if (terms === undefined) return false
    this.fills = this.fills.filter(({ atMillis }) => atMillis > fill.atMillis - terms.intervalMillis)
    this.fills.push(fill)
    let amount = 0
    let delta = 0
    for (const { signedLots } of this.fills) {
      amount += Math.abs(signedLots)
      delta += signedLots
    }
    return (
      (terms.amountLimitLots > 0 && amount >= terms.amountLimitLots) ||
      (terms.deltaLimitLots > 0 && Math.abs(delta) >= terms.deltaLimitLots)
    )
  }
}

/** Those that have terms or quotes. */
export class QuoteGroups {
  private readonly known = new Map<string, QuoteGroup>()

  find(accountId: number, groupHash: string): QuoteGroup | undefined {
    return this.known.get(keyOf(accountId, groupHash))
  }

  /** Forgotten again, unless `settle` finds something to be remembered. */
  take(accountId: number, groupHash: string): QuoteGroup {
    return this.find(accountId, groupHash) ?? new QuoteGroup(accountId, groupHash)
  }

  /** Whenever terms or quotes of a group have come or gone. */
  settle(group: QuoteGroup): void {
    const key = keyOf(group.accountId, group.group)
    if (group.isForgettable) this.known.delete(key)
    else this.known.set(key, group)
  }

  all(): QuoteGroup[] {
    return [...this.known.values()]
  }
}

const keyOf = (accountId: number, groupHash: string): string => `${accountId}:${groupHash}`

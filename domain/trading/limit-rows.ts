import { isUnlimited, type LimitScope, type LimitTerms, limitNames, noLimits } from './limit-terms.ts'

/** In the order of `limitNames`. */
export const orderLotsAt = 0
export const orderNotionalAt = 1
export const openOrdersAt = 2
export const positionLotsAt = 3
export const grossDeltaAt = 4
export const netDeltaAt = 5
export const vegaAt = 6
export const dailyLossAt = 7
export const concentrationAt = 8
export const concentrationFromAt = 9
export const messagesAt = 10
export const collarAt = 11
/** What is left of the messages, in thousandths of one, and when it was so. */
const tokensAt = 12
const refilledAt = 13

const rowLength = 16
/** Of whoever has no limits: all of it is 0. */
export const unlimited = 0

/** One message, in thousandths of a token: a rate a second refills as much each millisecond. */
const messageTokens = 1_000

/** Limits of accounts, firms and instruments, and their messages, as an order reads them: no object is made or looked for. */
export class LimitRows {
  values = new Float64Array(rowLength << 6)
  private end = rowLength
  private readonly rows: Record<LimitScope, Int32Array> = {
    account: new Int32Array(64),
    firm: new Int32Array(64),
    instrument: new Int32Array(64),
  }
  private readonly known: Record<LimitScope, Map<number, LimitTerms>> = {
    account: new Map(),
    firm: new Map(),
    instrument: new Map(),
  }

  /** Where the limits begin of an account by its number, a firm or an instrument. */
  account(number: number): number {
    const { account } = this.rows
    return number < account.length ? (account[number] as number) : unlimited
  }
  firm(firm: number): number {
    const rows = this.rows.firm
    return firm < rows.length ? (rows[firm] as number) : unlimited
  }
  instrument(instrumentId: number): number {
    const { instrument } = this.rows
    return instrumentId < instrument.length ? (instrument[instrumentId] as number) : unlimited
  }

  /** Those who have any. */
  of(scope: LimitScope): ReadonlyMap<number, LimitTerms> {
    return this.known[scope]
  }
  terms(scope: LimitScope, id: number): LimitTerms {
    return this.known[scope].get(id) ?? noLimits
  }
  get isEmpty(): boolean {
    return this.known.account.size + this.known.firm.size + this.known.instrument.size === 0
  }

  /** What is left of messages stays, as far as it may; where they were not limited all are there. */
  set(scope: LimitScope, id: number, terms: LimitTerms, atMillis: number): void {
    if (isUnlimited(terms)) this.known[scope].delete(id)
    else this.known[scope].set(id, terms)
    const row = this.rowOf(scope, id)
    const { values } = this
    const wasCounted = values[row + messagesAt] !== 0
    for (const [index, name] of limitNames.entries()) values[row + index] = terms[name]
    const full = terms.maxMessagesPerSecond * messageTokens
    values[row + tokensAt] = wasCounted ? Math.min(values[row + tokensAt] as number, full) : full
    values[row + refilledAt] = atMillis
  }

  private rowOf(scope: LimitScope, id: number): number {
    const known = this.rows[scope]
    if (id < known.length && known[id] !== unlimited) return known[id] as number
    const row = this.end
    this.end += rowLength
    if (this.end > this.values.length) {
      const values = new Float64Array(this.values.length * 2)
      values.set(this.values)
      this.values = values
    }
    let rows = known
    if (id >= rows.length) {
      rows = new Int32Array(Math.max(rows.length * 2, id + 1))
      rows.set(known)
      this.rows[scope] = rows
    }
    rows[id] = row
    return row
  }

  // ——— Messages

  /** Whether there is one in each of the rows that count them. */
  hasMessage(one: number, two: number, three: number, atMillis: number): boolean {
    const isInOne = this.refill(one, atMillis)
    const isInTwo = this.refill(two, atMillis)
    return this.refill(three, atMillis) && isInOne && isInTwo
  }

  private refill(row: number, atMillis: number): boolean {
    const { values } = this
    const rate = values[row + messagesAt] as number
    if (rate === 0) return true
    const passedMillis = Math.min(atMillis - (values[row + refilledAt] as number), 1_000)
    const tokens = Math.min(rate * messageTokens, (values[row + tokensAt] as number) + passedMillis * rate)
    values[row + tokensAt] = tokens
    values[row + refilledAt] = atMillis
    return tokens >= messageTokens
  }

  takeMessage(row: number): void {
    const { values } = this
    if (values[row + messagesAt] !== 0) values[row + tokensAt] = (values[row + tokensAt] as number) - messageTokens
  }

  /** By id: of those whose messages are limited. */
  buckets(scope: LimitScope): (readonly [id: number, tokens: number, atMillis: number])[] {
    const { values } = this
    return [...this.known[scope]]
      .filter(([, { maxMessagesPerSecond }]) => maxMessagesPerSecond !== 0)
      .map(([id]) => id)
      .sort((a, b) => a - b)
      .map(id => {
        const row = this.rowOf(scope, id)
        return [id, values[row + tokensAt] as number, values[row + refilledAt] as number]
      })
  }
  restoreBucket(scope: LimitScope, id: number, tokens: number, atMillis: number): void {
    const row = this.rowOf(scope, id)
    this.values[row + tokensAt] = tokens
    this.values[row + refilledAt] = atMillis
  }
}

/**
 * Payoff documents, as `readPayoff` takes them, of the products that are written most often. Levels are in the unit of the
 * index, amounts per unit of notional; dates ascend. The reader checks what they are filled with.
 */
export type PayoffDocument = Readonly<Record<string, unknown>>

const constant = (value: number): PayoffDocument => ({ op: 'constant', value })
const observe = (index: string, date: string): PayoffDocument => ({ op: 'observe', index, date })
const pay = (amount: PayoffDocument, date: string): PayoffDocument => ({ op: 'pay', amount, date })

export interface AutocallableTerms {
  readonly index: string
  readonly initialLevel: number
  readonly dates: readonly string[]
  /** At or above this level on a date the note is redeemed with all coupons so far. */
  readonly autocallLevel: number
  readonly couponPerPeriod: number
  /** Below this level on the last date the holder bears the loss from the initial level. */
  readonly knockInLevel: number
}

/** Redeemed early with coupon at or above the autocall level; else on the last date at par, or at level/initial if knocked in. */
export const autocallable = (terms: AutocallableTerms): PayoffDocument => {
  const { index, initialLevel, dates, autocallLevel, couponPerPeriod, knockInLevel } = terms
  const last = dates.at(-1) ?? ''
  const loss = pay({ op: 'divide', term: observe(index, last), by: initialLevel }, last)
  let rest: PayoffDocument = {
    op: 'if',
    condition: { op: 'below', left: observe(index, last), right: constant(knockInLevel) },
    if_true: loss,
    if_false: pay(constant(1), last),
  }
  for (const [position, date] of [...dates.entries()].toReversed()) {
    rest = {
      op: 'if',
      condition: { op: 'at_or_above', left: observe(index, date), right: constant(autocallLevel) },
      if_true: pay(constant(1 + couponPerPeriod * (position + 1)), date),
      if_false: rest,
    }
  }
  return rest
}

/** Par and a fixed coupon, less what the index has fallen below the strike level, as a share of it. */
export const reverseConvertible = (terms: {
  readonly index: string
  readonly strikeLevel: number
  readonly coupon: number
  readonly date: string
}): PayoffDocument => {
  const share = { op: 'divide', term: observe(terms.index, terms.date), by: terms.strikeLevel }
  const redeemed = { op: 'min', terms: [constant(1), share] }
  return pay({ op: 'add', terms: [redeemed, constant(terms.coupon)] }, terms.date)
}

/** The coupon times the share of dates on which the level is within [low, high]. */
export const rangeAccrual = (terms: {
  readonly index: string
  readonly dates: readonly string[]
  readonly low: number
  readonly high: number
  readonly coupon: number
}): PayoffDocument => {
  const { index, dates, low, high, coupon } = terms
  return pay({ op: 'multiply', term: { op: 'accrual', index, dates, low, high }, by: coupon }, dates.at(-1) ?? '')
}

/** The sum of the periods' returns, each kept within [floor, cap], paid on the last date. */
export const cliquet = (terms: {
  readonly index: string
  readonly start: string
  readonly dates: readonly string[]
  readonly floor: number
  readonly cap: number
}): PayoffDocument => {
  const { index, start, dates, floor, cap } = terms
  const change = { op: 'return', index, from: 'previous', to: 'each' }
  const kept = { op: 'max', terms: [constant(floor), { op: 'min', terms: [constant(cap), change] }] }
  return pay({ op: 'sum', dates, start, of: kept }, dates.at(-1) ?? '')
}

/** What compute costs above the cap level, averaged over the dates, up to `mostPaid` per unit-hour. */
export const computeCostCap = (terms: {
  readonly index: string
  readonly dates: readonly string[]
  readonly capLevel: number
  readonly mostPaid: number
}): PayoffDocument => {
  const { index, dates, capLevel, mostPaid } = terms
  const excess = { op: 'subtract', left: { op: 'observe', index, date: 'each' }, right: constant(capLevel) }
  const paid = { op: 'min', terms: [constant(mostPaid), { op: 'max', terms: [constant(0), excess] }] }
  return pay({ op: 'average', dates, of: paid }, dates.at(-1) ?? '')
}

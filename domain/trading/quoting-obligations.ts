import type { Direction } from './commands.ts'
import type { Event } from './events.ts'

/**
 * For how long market makers have quoted both sides of a market at the spread and size that they are obliged to: what
 * one UTC day of one market's events says of it. Quotes alone count: an account has at most one on each side of a
 * market, so that a day is as small as its makers are few, and orders of everybody else cost nothing.
 */
export interface QuotingDay {
  /** Its first millisecond, UTC. */
  readonly dayMillis: number
  /** Until when it is measured. */
  readonly atMillis: number
  readonly isContinuous: boolean
  /** Continuous trading under an obligation. */
  readonly measuredMillis: number
  /** By number of the account. */
  readonly makers: readonly Maker[]
}

export interface Maker {
  readonly accountId: number
  readonly bid?: Quote
  readonly ask?: Quote
  /** Of what was measured. */
  readonly compliantMillis: number
}

export interface Quote {
  readonly orderId: string
  readonly priceTicks: number
  readonly lots: number
}

/** What holds from an instant on, until other terms do. */
export interface ObligationTerms {
  readonly fromMillis: number
  /** Ask less bid, of the middle between them; at 2,000,000 the bid would be zero, and beyond it sums are not exact. */
  readonly maxSpreadPpm: number
  readonly minLots: number
}

/** Makers of a market beyond so many on one day are not measured: their quotes stand, their time does not count. */
export const mostMakers = 500
const dayLengthMillis = 24 * 60 * 60 * 1_000

export const dayOf = (millis: number): number => Math.floor(millis / dayLengthMillis) * dayLengthMillis
export const endOfDay = (dayMillis: number): number => dayMillis + dayLengthMillis

/** As an instrument is listed: without quotes, in continuous trading. */
export const newQuotingDay = (atMillis: number): QuotingDay => ({
  dayMillis: dayOf(atMillis),
  atMillis,
  isContinuous: true,
  measuredMillis: 0,
  makers: [],
})

export const isCompliant = ({ bid, ask }: Maker, { maxSpreadPpm, minLots }: ObligationTerms): boolean =>
  bid !== undefined &&
  ask !== undefined &&
  bid.lots >= minLots &&
  ask.lots >= minLots &&
  2_000_000 * (ask.priceTicks - bid.priceTicks) <= maxSpreadPpm * (ask.priceTicks + bid.priceTicks)

/** Measured on until then, over midnights: the day of that instant. Terms are in the order of their instants. */
export const measuredUntil = (day: QuotingDay, untilMillis: number, terms: readonly ObligationTerms[]): QuotingDay => {
  if (untilMillis <= day.atMillis) return day
  const end = endOfDay(day.dayMillis)
  if (untilMillis < end) return within(day, untilMillis, terms)
  const { isContinuous, makers } = day
  const next: QuotingDay = {
    dayMillis: dayOf(untilMillis),
    atMillis: dayOf(untilMillis),
    isContinuous,
    measuredMillis: 0,
    makers: makers.filter(hasQuote).map(maker => ({ ...maker, compliantMillis: 0 })),
  }
  return within(next, untilMillis, terms)
}

/** The whole of the day, as far as it is over by then. */
export const wholeDay = (day: QuotingDay, nowMillis: number, terms: readonly ObligationTerms[]): QuotingDay =>
  within(day, Math.max(day.atMillis, Math.min(nowMillis, endOfDay(day.dayMillis))), terms)

const within = (day: QuotingDay, untilMillis: number, terms: readonly ObligationTerms[]): QuotingDay => {
  if (!day.isContinuous) return { ...day, atMillis: untilMillis }
  let measured = 0
  const compliant = new Map<Maker, number>()
  for (const [index, each] of terms.entries()) {
    const from = Math.max(each.fromMillis, day.atMillis)
    const to = Math.min(terms[index + 1]?.fromMillis ?? Number.POSITIVE_INFINITY, untilMillis)
    if (to <= from) continue
    measured += to - from
    for (const maker of day.makers)
      if (isCompliant(maker, each)) compliant.set(maker, (compliant.get(maker) ?? 0) + to - from)
  }
  return {
    ...day,
    atMillis: untilMillis,
    measuredMillis: day.measuredMillis + measured,
    makers: day.makers.map(maker => {
      const more = compliant.get(maker)
      return more === undefined ? maker : { ...maker, compliantMillis: maker.compliantMillis + more }
    }),
  }
}

/** The market whose quoting an event may change; undefined: none. */
export const quotedMarketOf = (event: Event): number | undefined => {
  switch (event.type) {
    case 'instrument-listed':
      return event.instrument.instrumentId
    case 'order-accepted':
      return event.quoteGroup === '' ? undefined : event.instrumentId
    case 'trade-executed':
    case 'order-cancelled':
    case 'order-amended':
    case 'trading-state-changed':
    case 'instrument-expired':
      return event.instrumentId
    default:
      return undefined
  }
}

/** The day after an event of its market; the very same where nothing has changed that is measured. */
export const quotingAfter = (
  day: QuotingDay,
  event: Event,
  atMillis: number,
  terms: readonly ObligationTerms[],
): QuotingDay => {
  const change = changeBy(day, event)
  return change === undefined ? day : change(measuredUntil(day, atMillis, terms))
}

type Change = (day: QuotingDay) => QuotingDay

const changeBy = (day: QuotingDay, event: Event): Change | undefined => {
  switch (event.type) {
    case 'instrument-listed':
      return sameDay => sameDay
    case 'trading-state-changed':
      return stateChange(day, event.state === 'continuous')
    case 'instrument-expired':
      return stateChange(day, false)
    case 'order-accepted': {
      if (event.quoteGroup === '' || event.restingLots === 0) return undefined
      const { accountId, direction, orderId, priceTicks, restingLots } = event
      return withQuote(accountId, direction, { orderId, priceTicks, lots: restingLots })
    }
    case 'order-amended': {
      const { accountId, direction, orderId, priceTicks, quantityLots, filledLots } = event
      if (!isQuoted(day, accountId, direction, orderId)) return undefined
      return withQuote(accountId, direction, { orderId, priceTicks, lots: quantityLots - filledLots })
    }
    case 'order-cancelled': {
      const { accountId, direction, orderId } = event
      return isQuoted(day, accountId, direction, orderId) ? withQuote(accountId, direction, undefined) : undefined
    }
    case 'trade-executed': {
      const filled = [event.maker, event.taker].flatMap(({ accountId, direction, orderId, remainingLots }) => {
        const quote = quoteOf(day, accountId, direction)
        if (quote?.orderId !== orderId) return []
        return [withQuote(accountId, direction, remainingLots === 0 ? undefined : { ...quote, lots: remainingLots })]
      })
      return filled.length === 0 ? undefined : sameDay => filled.reduce((each, fill) => fill(each), sameDay)
    }
    default:
      return undefined
  }
}

const stateChange = (day: QuotingDay, isContinuous: boolean): Change | undefined =>
  day.isContinuous === isContinuous ? undefined : sameDay => ({ ...sameDay, isContinuous })

const sideOf = (direction: Direction): 'bid' | 'ask' => (direction === 'buy' ? 'bid' : 'ask')
const hasQuote = ({ bid, ask }: Maker): boolean => bid !== undefined || ask !== undefined

const quoteOf = ({ makers }: QuotingDay, accountId: number, direction: Direction): Quote | undefined =>
  makers.find(maker => maker.accountId === accountId)?.[sideOf(direction)]

const isQuoted = (day: QuotingDay, accountId: number, direction: Direction, orderId: string): boolean =>
  quoteOf(day, accountId, direction)?.orderId === orderId

const withQuote =
  (accountId: number, direction: Direction, quote: Quote | undefined): Change =>
  day => {
    const before = day.makers.find(maker => maker.accountId === accountId)
    if (before === undefined && day.makers.length >= mostMakers) return day
    const { [sideOf(direction)]: _, ...rest } = before ?? { accountId, compliantMillis: 0 }
    const maker: Maker = quote === undefined ? rest : { ...rest, [sideOf(direction)]: quote }
    const others = day.makers.filter(each => each.accountId !== accountId)
    return { ...day, makers: [...others, maker].sort((one, other) => one.accountId - other.accountId) }
  }

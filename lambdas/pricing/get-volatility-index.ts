import type * as z from 'zod'
import { getBook } from '#adapters/tables/books.ts'
import { type InstrumentRow, instrumentsOf } from '#adapters/tables/instruments.ts'
import { yearMillis } from '#domain/pricing/effective-time.ts'
import {
  type StrikeQuotes,
  type TermVariance,
  termVariance,
  volatilityIndex,
} from '#domain/pricing/volatility-index.ts'
import type { OptionTerms } from '#domain/reference/contract-terms.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import type { getVolatilityIndex, volatilityIndex as indexSchema } from '#protocol/operations/pricing.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { decimalTextOf } from './decimal-text.ts'
import { mapped } from './index-facts.ts'
import { markingTermsAt } from './marking-terms.ts'

const targetMinutes = 43_200
const minuteMillis = 60_000

interface Option {
  readonly row: InstrumentRow
  readonly terms: OptionTerms
}

interface Term {
  readonly expirationMillis: number
  readonly minutes: number
  readonly variance: TermVariance
}

export const handle: Handle<typeof getVolatilityIndex> = async ({ path: { underlying } }) => {
  const nowMillis = Date.now()
  const options = await optionsOf(underlying, nowMillis)
  if (options.length === 0) return { code: 'not-found', detail: `${underlying} has no options.` }
  const rate = Number((await markingTermsAt(nowMillis))(underlying).terms.rate)
  const byExpiration = Map.groupBy(options, ({ row }) => row.instrument.specification.expirationMillis)
  const terms: Term[] = []
  const errors: { readonly pointer: string; readonly detail: string }[] = []
  for (const [expirationMillis, listed] of [...byExpiration].sort(([one], [other]) => one - other)) {
    const answer = termVariance(await strikesOf(listed), (expirationMillis - nowMillis) / yearMillis, rate)
    if (answer.priced)
      terms.push({ expirationMillis, minutes: (expirationMillis - nowMillis) / minuteMillis, variance: answer.value })
    else
      errors.push({
        pointer: `#/expirations/${new Date(expirationMillis).toISOString()}/${answer.field}`,
        detail: why[answer.code] ?? answer.code,
      })
  }
  const pair = around(terms)
  if (pair === undefined)
    return notPriceable([
      { pointer: '#/expirations', detail: `two are needed, ${terms.length} can be used` },
      ...errors,
    ])
  const [near, next] = pair
  const value = volatilityIndex(
    { minutes: near.minutes, variance: near.variance.variance },
    { minutes: next.minutes, variance: next.variance.variance },
  )
  if (!value.priced) return notPriceable([{ pointer: `#/${value.field}`, detail: why[value.code] ?? value.code }])
  return {
    status: 200,
    body: {
      underlying,
      value: decimalTextOf(value.value, 4),
      target_days: targetMinutes / 1_440,
      rate,
      near: termOf(near),
      next: termOf(next),
      timestamp: new Date(nowMillis).toISOString(),
    },
  }
}

const notPriceable = (errors: NonNullable<Rejection['errors']>): Rejection<'not-priceable'> => ({
  code: 'not-priceable',
  errors: errors.slice(0, 20),
})

const why: Readonly<Record<string, string>> = {
  'too-few':
    'has too few options with bids around the forward: at least three strikes, a put below and a call above it',
  'too-many': 'has more strikes than the method is computed for',
  'no-central-strike': 'has no strike at or below its forward',
  'not-representable': 'has quotes of no positive variance',
}

/** The plain European ones: what the method is defined for. */
const optionsOf = async (underlying: string, nowMillis: number): Promise<readonly Option[]> =>
  (await Promise.all(tenantLanes().map(instrumentsOf))).flat().flatMap(row => {
    const { terms, specification } = row.instrument
    const isPlain =
      terms.kind === 'option' &&
      terms.exercise === 'european' &&
      terms.underlyingInstrument !== undefined &&
      terms.cash === undefined &&
      terms.barrier === undefined
    return isPlain &&
      row.isActive &&
      specification.underlying === underlying &&
      specification.expirationMillis > nowMillis
      ? [{ row, terms }]
      : []
  })

/** Strikes at which both a call and a put are listed, ascending. */
const strikesOf = async (options: readonly Option[]): Promise<readonly StrikeQuotes[]> => {
  const quotes = await mapped(options, async ({ row, terms }) => {
    const book = await getBook(row.lane, row.instrument.instrumentId)
    const tick = Number(row.instrument.specification.tickSize)
    const isOpen = book?.market.state === 'continuous'
    const bid = isOpen ? (bestLevels(book.market.bids, 1)[0]?.ticks ?? 0) * tick : 0
    const ask = isOpen ? (bestLevels(book.market.asks, 1)[0]?.ticks ?? 0) * tick : 0
    // One side alone is no quote to take a middle of.
    const isQuoted = bid > 0 && ask > 0
    return {
      optionType: terms.optionType,
      strike: Number(terms.strike),
      bid: isQuoted ? bid : 0,
      ask: isQuoted ? ask : 0,
    }
  })
  const find = (strike: number, optionType: 'call' | 'put') =>
    quotes.find(quote => quote.strike === strike && quote.optionType === optionType)
  return [...new Set(quotes.map(({ strike }) => strike))]
    .sort((one, other) => one - other)
    .flatMap(strike => {
      const [call, put] = [find(strike, 'call'), find(strike, 'put')]
      return call === undefined || put === undefined
        ? []
        : [{ strike, callBid: call.bid, callAsk: call.ask, putBid: put.bid, putAsk: put.ask }]
    })
}

/** The last term within 30 days and the first beyond, or the two that are nearest on one side. */
const around = (terms: readonly Term[]): readonly [Term, Term] | undefined => {
  const beyond = terms.findIndex(({ minutes }) => minutes > targetMinutes)
  const second = beyond < 0 ? terms.length - 1 : Math.max(beyond, 1)
  const [near, next] = [terms[second - 1], terms[second]]
  return near === undefined || next === undefined ? undefined : [near, next]
}

const termOf = ({ expirationMillis, minutes, variance }: Term): z.infer<typeof indexSchema>['near'] => ({
  expiration_timestamp: new Date(expirationMillis).toISOString(),
  minutes,
  forward: variance.forward,
  central_strike: variance.centralStrike,
  variance: variance.variance,
  strikes: variance.strikes.map(strike => ({ ...strike })),
})

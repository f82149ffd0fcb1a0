import { getInstrument } from '#adapters/tables/instruments.ts'
import { getQuoteOutcome } from '#adapters/tables/quote-outcomes.ts'
import type { InstrumentQuote } from '#domain/trading/commands.ts'
import { countLots, countTicks } from '#domain/trading/terms.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { putQuotes } from '#protocol/operations/market-making.ts'
import { type PressureNow, underBackpressure } from '../shell/backpressure.ts'
import { takeIn } from '../shell/command-intake.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { type Trader, traderOf } from '../trading/trader.ts'
import { quoteOutcomeOf } from './quote-outcome-view.ts'

type Body = Request<typeof putQuotes>['body']
type Asked = Body['quotes'][number]
type Refusal = Rejection<(typeof putQuotes)['rejections'][number] | 'invalid-request'>

type Asking = Request<typeof putQuotes>
type Answered = ReturnType<Handle<typeof putQuotes>>

export const handle: Handle<typeof putQuotes> = async request => {
  const trader = await traderOf(request.principal)
  if (trader === undefined) return { code: 'account-not-open' }
  return underBackpressure(trader.lane, pressureNow => quote(trader, request, pressureNow))
}

const quote = async (
  { lane, accountId }: Trader,
  { body, principal, idempotencyKey, headers, admitted }: Asking,
  pressureNow: PressureNow,
): Answered => {
  const quotes: InstrumentQuote[] = []
  for (const [index, asked] of body.quotes.entries()) {
    const quote = await count(lane, asked, `#/quotes/${index}`)
    if ('code' in quote) return quote
    quotes.push(quote)
  }
  if (!(await admitted())) return { code: 'rate-limited' }
  const groupHash = nameHash(body.group)
  // One that only takes sides away makes risk smaller.
  const isNew = quotes.some(({ bidLots, askLots }) => bidLots > 0 || askLots > 0)
  const taken = await takeIn(
    {
      principal,
      operation: 'put-quotes',
      asked: body,
      idempotencyKey,
      headers,
      lane,
      accountId,
      ...(isNew && { refusal: pressureNow }),
      command: commandId => ({ type: 'quote', commandId, accountId, groupHash, groupName: body.group, quotes }),
    },
    getQuoteOutcome,
  )
  if ('code' in taken) return taken
  const { promised, outcome, waited } = taken
  if (waited && outcome?.code !== undefined) return { code: outcome.code, headers: taken.headers }
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: await quoteOutcomeOf(promised, outcome),
    headers: { location: `/api/v1/market-making/quotes/${promised.commandId}`, ...taken.headers },
  }
}

/** In the engine's increments, or the first reason why not. */
const count = async (lane: number, asked: Asked, at: string): Promise<InstrumentQuote | Refusal> => {
  const row = await getInstrument(lane, asked.instrument_name)
  if (row === undefined) return unlisted(lane, asked.instrument_name, `${at}/instrument_name`)
  const { instrument } = row
  const { instrumentId, specificationVersion } = instrument
  const sides = { bidTicks: 0, bidLots: 0, askTicks: 0, askLots: 0 }
  for (const side of ['bid', 'ask'] as const) {
    const { [side]: given } = asked
    if (given === undefined) continue
    const ticks = countTicks(given.price, instrument)
    if (!ticks.ok) return { code: ticks.code, errors: [{ pointer: `${at}/${side}/price`, detail: ticks.detail }] }
    const lots = countLots(given.amount, instrument)
    if (!lots.ok) return { code: lots.code, errors: [{ pointer: `${at}/${side}/amount`, detail: lots.detail }] }
    sides[`${side}Ticks`] = ticks.count
    sides[`${side}Lots`] = lots.count
  }
  if (sides.bidLots > 0 && sides.askLots > 0 && sides.bidTicks >= sides.askTicks)
    return {
      code: 'invalid-request',
      errors: [{ pointer: `${at}/ask/price`, detail: 'must be above that of the bid' }],
    }
  return { instrumentId, specificationVersion, ...sides }
}

const unlisted = async (lane: number, instrumentName: string, pointer: string): Promise<Refusal> => {
  const errors = [{ pointer, detail: 'is not listed in the lane of the account' }]
  for (const other of tenantLanes())
    if (other !== lane && (await getInstrument(other, instrumentName)) !== undefined)
      return { code: 'instrument-in-other-lane', errors }
  return { code: 'unknown-instrument', errors }
}

import { getInstrument } from '#adapters/tables/instruments.ts'
import { provePayoffBounds } from '#domain/pricing/payoff-bounds.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import { type ContractProposal, completeSpecification, type KnownBounds } from '#domain/reference/contract-listing.ts'
import { type OptionTerms, readContractTerms } from '#domain/reference/contract-terms.ts'
import { type ContractSpecification, isPlainFuture } from '#domain/reference/instrument.ts'
import { versionOfContracts, versionOfDelivery, versionOfMargin } from '#domain/trading/engine-version.ts'
import { increments } from '#domain/units.ts'
import type { ListingRequest } from '#protocol/operations/reference.ts'
import type { Rejection } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { engineVersionMissing } from './engine-version-needed.ts'

export type ListingRefusal = Rejection<
  'invalid-specification' | 'payoff-refused' | 'unknown-index' | 'engine-version-needed'
>

const wrong = (field: string, detail: string): ListingRefusal => ({
  code: 'invalid-specification',
  errors: [{ pointer: `#/${field}`, detail }],
})

/** What is asked for, its terms read; or the field that is wrong. Nothing is looked up. */
export const proposalOf = (body: ListingRequest): { readonly proposal: ContractProposal } | ListingRefusal => {
  const makerCommissionPpm = partsPerMillion(body.maker_commission)
  if (makerCommissionPpm === undefined) return wrong('maker_commission', 'must have at most six digits')
  const takerCommissionPpm = partsPerMillion(body.taker_commission)
  if (takerCommissionPpm === undefined) return wrong('taker_commission', 'must have at most six digits')
  const { kind = 'future', underlying } = body
  const expirationMillis = Date.parse(body.expiration_timestamp)
  const given = { underlying, expirationMillis }
  const terms = body.terms === undefined ? undefined : readContractTerms(kind, JSON.stringify(body.terms), given)
  // What has passed is wrong before its terms are, which must lie before it.
  if (terms?.accepted === false)
    return wrongField(expirationMillis <= Date.now() ? 'expiration_timestamp' : (terms.detail ?? ''))
  return {
    proposal: {
      ...(body.instrument_name === undefined ? {} : { instrumentName: body.instrument_name }),
      kind,
      underlying,
      ...(terms === undefined ? {} : { terms: terms.value }),
      expirationMillis,
      tickSize: body.tick_size,
      minTradeAmount: body.min_trade_amount,
      ...(body.contract_size === undefined ? {} : { contractSize: body.contract_size }),
      ...(body.max_price === undefined ? {} : { maxPrice: body.max_price }),
      makerCommissionPpm,
      takerCommissionPpm,
      positionLimit: body.position_limit,
    },
  }
}

/** As for an SLA contract. */
const longestDeliveryYears = 5
const longestDeliveryMillis = longestDeliveryYears * 366 * 86_400_000

/** The contract in the engine's terms, complete, as the lane can list it; or why it cannot. */
export const specifyContract = async (
  body: ListingRequest,
  proposal: ContractProposal,
  lane: number,
): Promise<{ readonly specification: ContractSpecification } | ListingRefusal> => {
  // Before anything is looked up: what has passed cannot be listed, whatever else it is.
  const nowMillis = Date.now()
  const { expirationMillis, terms } = proposal
  if (expirationMillis <= nowMillis) return wrongField('expiration_timestamp')
  // A leg whose month is over has no fixings that anybody could still make.
  if (terms?.kind === 'swap' && (terms.boundariesMillis[1] ?? 0) <= nowMillis)
    return wrong('terms/first_month', 'must not be over')
  if (terms?.kind === 'future' && (terms.delivery?.endMillis ?? 0) > expirationMillis + longestDeliveryMillis)
    return wrong('terms/delivery/end', `must be within ${longestDeliveryYears} years of the expiration`)
  const bounds = await boundsOf(body, proposal, lane)
  if ('code' in bounds) return bounds
  const specified = completeSpecification(proposal, bounds)
  if (!specified.ok) return wrongField(specified.fault.field, specified.fault.reason)
  const { specification } = specified
  const missing = isPlainFuture(specification) ? undefined : await engineVersionMissing(lane, versionOf(specification))
  return missing ?? { specification }
}

const versionOf = ({ kind, settlement }: ContractSpecification): number => {
  if (settlement === 'physical') return versionOfDelivery
  return kind === 'collateral' ? versionOfMargin : versionOfContracts
}

/** What the bounds follow from: the option's future, the payoff's proof. Everything that is observed must exist. */
const boundsOf = async (
  body: ListingRequest,
  proposal: ContractProposal,
  lane: number,
): Promise<KnownBounds | ListingRefusal> => {
  const { terms } = proposal
  if (terms === undefined) return {}
  // As it was sent: what a number is in JSON (-0) is lost where the terms are written again.
  if (body.kind === 'structured_product') return payoffBounds(body.terms.payoff, proposal)
  if ('index' in terms && (await definitionOf(terms.index, Date.now())) === undefined)
    return { code: 'unknown-index', errors: [{ pointer: '#/terms/index', detail: `${terms.index} is no index` }] }
  return terms.kind === 'option' ? futureBounds(terms, proposal, lane) : {}
}

/** An option settles on what its future settles on: so that is one, trades in the same lane, and expires with it. */
const futureBounds = async (
  { underlyingInstrument, index }: OptionTerms,
  { underlying, expirationMillis }: ContractProposal,
  lane: number,
): Promise<KnownBounds | ListingRefusal> => {
  if (underlyingInstrument === undefined) return {}
  const future = await getInstrument(lane, underlyingInstrument)
  const field = 'terms/underlying_instrument'
  if (future === undefined) return wrong(field, `is not listed in lane ${lane}`)
  const { specification } = future.instrument
  if (specification.kind !== 'future') return wrong(field, 'must be a future')
  if (specification.settlement !== 'cash') return wrong(field, 'must be settled in cash')
  if (!future.isActive) return wrong(field, 'does not trade any more')
  if (specification.expirationMillis !== expirationMillis)
    return wrong(
      'expiration_timestamp',
      `must be that of its future: ${new Date(specification.expirationMillis).toISOString()}`,
    )
  if (specification.underlying !== underlying)
    return wrong('underlying', `must be that of its future: ${specification.underlying}`)
  const { terms } = future.instrument
  if (terms.kind === 'future' && terms.index !== index)
    return wrong('terms/index', `must be that of its future: ${terms.index}`)
  return { underlyingMaxPrice: specification.maxPrice }
}

const payoffBounds = async (
  payoff: unknown,
  { expirationMillis }: ContractProposal,
): Promise<KnownBounds | ListingRefusal> => {
  const refused = (place: string, detail: string): ListingRefusal => ({
    code: 'payoff-refused',
    errors: [{ pointer: `#/terms/payoff${place}`, detail }],
  })
  const tree = readPayoff(payoff)
  if (!tree.priced) return refused(tree.field, payoffFaults[tree.code] ?? tree.code)
  const { observations, paymentDates } = tree.value
  const proved = provePayoffBounds(tree.value)
  if (!proved.priced) return refused('', payoffFaults[proved.code] ?? proved.code)
  const { lowest, highest } = proved.value
  if (lowest < 0)
    return refused(
      '',
      `may cost its holder up to ${Number((-lowest).toPrecision(6))} for each unit: it must never pay less than 0`,
    )
  const [today, lastDay] = [dayOf(Date.now()), dayOf(expirationMillis)]
  const last = [...paymentDates].sort().at(-1)
  if (last === undefined || highest === 0) return refused('', 'never pays anything')
  if (last !== lastDay) return wrong('expiration_timestamp', `must be on the day of the last payment, ${last}`)
  const past = observations.find(({ date }) => date < today)
  if (past !== undefined) return refused('', `observes ${past.index} at ${past.date}, which has passed`)
  const overdue = paymentDates.find(date => date < today)
  if (overdue !== undefined) return refused('', `pays at ${overdue}, which has passed`)
  for (const index of new Set(observations.map(observation => observation.index)))
    if ((await definitionOf(index, Date.now())) === undefined)
      return {
        code: 'unknown-index',
        errors: [{ pointer: '#/terms/payoff', detail: `observes ${index}, which is no index` }],
      }
  return { highestPayment: highest }
}

const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10)

const partsPerMillion = (part: string): number | undefined => increments(part, '0.000001')

const wrongField = (field: string, reason?: string): ListingRefusal => {
  const rule =
    reason ?? ruleOf[field] ?? (field.startsWith('terms') ? 'is not what this kind of contract takes' : undefined)
  if (rule === undefined) throw new Error(`no rule is known that the field ${field} could break`)
  return wrong(field, rule)
}

/** Which rule a field has broken, in words. */
const ruleOf: Readonly<Record<string, string>> = {
  instrument_name:
    'must be an underlying of at most 31 characters and 1 to 4 parts of at most 16, such as H100.USE-27NOV26',
  tick_size:
    'must have at most six digits after the point, and times min_trade_amount times contract_size be whole micros (0.000001 USD), at most 2147.483647 USD',
  min_trade_amount: 'must have at most six digits after the point, and be less than 2^53 millionths',
  contract_size:
    'must have at most six digits after the point, and be less than 2^53 millionths; of a swap, all legs together must be worth at most 2147.483647 USD for a tick of a lot',
  max_price: 'must be a multiple of tick_size, of at most 2147483647 ticks',
  expiration_timestamp: 'must be in the future',
  maker_commission: 'must be less than 1',
  taker_commission: 'must be less than 1',
  position_limit: 'must be a multiple of min_trade_amount, of less than 2147483647 of them; 0 is none',
  'terms/first_month': 'must begin before the expiration, which must be the end of the last of at most 60 months',
  'terms/exercise': 'must be european where the option is on an average, pays a fixed amount or has a barrier',
  'terms/barrier': 'cannot be joined with cash',
  'terms/underlying_instrument': 'is needed, except for an average-price option, which has none',
  'terms/averaging_start': 'must be an instant before the expiration',
  'terms/delivery/start': 'must be on the hour, and not before the expiration',
  'terms/delivery/end': 'must be on the hour, and after the start',
  'terms/observation_start': 'must be an instant before the expiration',
  'terms/period_start': 'must be an instant before the expiration',
  'terms/strike': 'must have at most six digits after the point, and be above zero',
  'terms/cash': 'must have at most six digits after the point, and be above zero',
  'terms/barrier/level': 'must have at most six digits after the point, and be above zero',
  'terms/barrier/rebate': 'must have at most six digits after the point',
  'terms/strike_volatility': 'must have at most six digits after the point, and be above zero',
  'terms/vega_notional': 'must have at most six digits after the point, and be above zero',
  'terms/unit_price': 'must have at most six digits after the point',
}

export const payoffFaults: Readonly<Record<string, string>> = {
  malformed: 'is not what belongs here',
  'not-finite': 'must be a finite number',
  'out-of-range': 'must be a number within 1e9 of zero, and not -0; a divisor at least 1e-9',
  'unknown-choice': 'is no node of this language',
  'too-deep': 'is nested too deeply',
  'too-many': 'is more than a payoff may have',
  'too-few': 'must have at least one item',
  'not-ascending': 'must come after the one before it',
  'nested-schedule': 'cannot hold a schedule within a schedule',
  'not-a-constant': 'must be a number: nothing that is observed can divide or multiply',
  'missing-observation': 'has no date before the first',
  'observed-after-payment': 'must not be before what the payment depends on is known',
  'unbounded-loss': 'may cost its holder without bound',
  'unbounded-gain': 'may pay without bound: cap it by min',
}

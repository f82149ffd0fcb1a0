import { createHash } from 'node:crypto'
import { listSurface } from '#adapters/tables/surfaces.ts'
import { forwardOf } from '#domain/pricing/forward-curve.ts'
import { payoffMarket } from '#domain/pricing/mark-pass.ts'
import { unknownIndex } from '#domain/pricing/marking.ts'
import { type PayoffBounds, provePayoffBounds } from '#domain/pricing/payoff-bounds.ts'
import { type PayoffTree, readPayoff } from '#domain/pricing/payoff-tree.ts'
import { type PayoffValue, payoffValue } from '#domain/pricing/payoff-value.ts'
import { sliceVolatility } from '#domain/pricing/surface.ts'
import { decimal, micros } from '#domain/units.ts'
import { payoffTemplate } from '#protocol/operations/pricing.ts'
import { payoffFaults } from '../reference/contract-request.ts'
import type { Rejection } from '../shell/http.ts'
import { definitionOf } from '../shell/index-level.ts'
import { indexCurveOf } from './index-curve.ts'
import { indexFactsOf, mapped } from './index-facts.ts'
import { sliceOf } from './market-facts.ts'
import { markingParametersOf, markingTermsAt } from './marking-terms.ts'
import { payoffOf } from './payoff-templates.ts'

type Refusal = Rejection<'payoff-refused' | 'unknown-index' | 'index-unavailable' | 'not-priceable' | 'invalid-request'>

export interface GivenPayoff {
  readonly document: Readonly<Record<string, unknown>>
  readonly tree: PayoffTree
  readonly bounds: PayoffBounds
}

const pointer = '#/payoff'

const refused = (place: string, detail: string): Refusal => ({
  code: 'payoff-refused',
  errors: [{ pointer: `${pointer}${place}`, detail }],
})

/** The tree as it was given, or as the template that is named makes it of its terms. */
const documentOf = (given: Readonly<Record<string, unknown>>): GivenPayoff['document'] | Refusal => {
  if (given['template'] === undefined) return given
  const named = payoffTemplate.safeParse(given)
  if (named.success) return payoffOf(named.data)
  const errors = named.error.issues.slice(0, mostErrors).map(({ path, message, ...issue }) => ({
    pointer: [pointer, ...path, ...('keys' in issue ? issue.keys.slice(0, 1) : [])].map(String).join('/'),
    detail: message,
  }))
  return { code: 'invalid-request', errors }
}

const mostErrors = 20

/** The checked and bounded payoff of a request, or why there is none. */
export const givenPayoff = (given: Readonly<Record<string, unknown>>): GivenPayoff | Refusal => {
  const document = documentOf(given)
  if (isRefusal(document)) return document
  const isTemplate = given['template'] !== undefined
  const read = readPayoff(document)
  if (!read.priced) return refused(isTemplate ? '' : read.field, payoffFaults[read.code] ?? read.code)
  const tree = read.value
  const bounds = provePayoffBounds(tree)
  if (!bounds.priced) return refused('', payoffFaults[bounds.code] ?? bounds.code)
  const { lowest, highest } = bounds.value
  if (lowest < 0)
    return refused('', `may cost its holder up to ${-lowest} for each unit: it must never pay less than 0`)
  if (highest === 0) return refused('', 'never pays anything')
  return { document, tree, bounds: bounds.value }
}

/** A payoff has no code. */
const isRefusal = (answer: GivenPayoff['document'] | Refusal): answer is Refusal =>
  'errors' in answer && 'code' in answer

/** As a listing takes it: rounded up to a tick, less what the proof itself gives away to rounding. */
export const highestPrice = ({ highest }: PayoffBounds, tickSize: string): string | undefined => {
  const tick = micros(tickSize)
  if (tick === undefined || tick === 0) return undefined
  const ticks = Math.ceil((highest * (1 - 2e-9) * 1_000_000) / tick)
  return Number.isSafeInteger(ticks) ? decimal(ticks, tickSize) : undefined
}

export interface Appraisal extends PayoffValue {
  readonly indices: readonly {
    readonly name: string
    readonly level: number
    readonly volatility: number
    readonly isDefault: boolean
  }[]
}

export interface Assumptions {
  readonly levels?: Readonly<Record<string, string>> | undefined
  readonly volatilities?: Readonly<Record<string, string>> | undefined
}

const dayMillis = 86_400_000

/** What a unit is worth by the market as it stands, or by what is assumed instead. */
export const appraise = async (
  { tree, document }: GivenPayoff,
  pairs: number,
  assumed: Assumptions = {},
): Promise<Appraisal | Refusal> => {
  const nowMillis = Date.now()
  const names = [...new Set(tree.observations.map(({ index }) => index))]
  for (const name of names)
    if ((await definitionOf(name, nowMillis)) === undefined)
      return { code: 'unknown-index', errors: [{ pointer, detail: `observes ${name}, which is no index` }] }
  for (const field of ['levels', 'volatilities'] as const)
    for (const name of Object.keys(assumed[field] ?? {}))
      if (!names.includes(name) && (await definitionOf(name, nowMillis)) === undefined)
        return { code: 'unknown-index', errors: [{ pointer: `#/${field}`, detail: `${name} is no index` }] }
  const until = Math.max(nowMillis, ...tree.paymentDates.map(date => Date.parse(date) + dayMillis))
  const facts = await indexFactsOf(
    tree.observations.map(({ index, date }) => [index, Date.parse(date)] as const),
    nowMillis,
  )
  const parameters = markingParametersOf((await markingTermsAt(nowMillis))(undefined).terms)
  const indices = await mapped(names, async name => {
    const own = facts.get(name) ?? unknownIndex
    const given = assumed.levels?.[name]
    const { curve } = await indexCurveOf(name, nowMillis)
    const forward = given === undefined ? forwardOf(curve, until - dayMillis, until)?.price : undefined
    const told = assumed.volatilities?.[name]
    const surface = await listSurface(name, nowMillis)
    const [nearest] = surface.toSorted(
      (one, other) => Math.abs(one.expirationMillis - until) - Math.abs(other.expirationMillis - until),
    )
    const volatility =
      told === undefined
        ? nearest === undefined
          ? parameters.defaultVolatility
          : sliceVolatility(sliceOf(nearest), nearest.forward)
        : Number(told) / 100
    return {
      name,
      facts: given === undefined ? own : { ...own, level: Number(given) },
      volatility,
      isDefault: told === undefined && (nearest === undefined || nearest.flags.includes('default-volatility')),
      ...(forward === undefined ? {} : { forward }),
    }
  })
  const without = indices.find(each => each.facts.level === undefined)
  if (without !== undefined)
    return { code: 'index-unavailable', errors: [{ pointer, detail: `${without.name} has no level now` }] }
  const market = payoffMarket(indices, parameters, nowMillis, until)
  const value = payoffValue(tree, market, pairs, seedOf(document))
  if (!value.priced) return { code: 'not-priceable', errors: [{ pointer, detail: `${value.field}: ${value.code}` }] }
  return {
    ...value.value,
    indices: indices.map(({ name, facts: { level = 0 }, volatility, isDefault }) => ({
      name,
      level,
      volatility,
      isDefault,
    })),
  }
}

/** The same document gives the same paths. */
const seedOf = (document: object): number =>
  createHash('sha256').update(JSON.stringify(document)).digest().readUInt32BE()

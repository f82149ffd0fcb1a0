import { listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { listMeasurements } from '#adapters/tables/measurements.ts'
import { type IndexFacts, unknownIndex } from '#domain/pricing/marking.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import type { ContractTerms } from '#domain/reference/contract-terms.ts'
import { settlementPrice } from '#domain/settlement/settlement-price.ts'
import { definitionOf, levelNow } from '../shell/index-level.ts'
import { fixingsOf } from './known-fixings.ts'

/** Reads at once; more would only queue. */
const mostAtOnce = 32

/** The same as mapping all at once, with at most so many under way. */
export const mapped = async <From, To>(
  from: readonly From[],
  map: (each: From) => Promise<To>,
): Promise<readonly To[]> => {
  const results: To[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (;;) {
      const position = next++
      const each = from[position]
      if (position >= from.length || each === undefined) return
      results[position] = await map(each)
    }
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, from.length) }, work))
  return results
}

/** From when on the fixings of which index count for a contract. */
export const fixingNeeds = ({ instrument, listedAtMillis }: InstrumentRow): readonly (readonly [string, number])[] => {
  const { terms } = instrument
  switch (terms.kind) {
    case 'future':
      return [[terms.index, terms.averagingStartMillis]]
    case 'option':
      return [
        [
          terms.index,
          Math.min(terms.averagingStartMillis ?? Infinity, terms.barrier === undefined ? Infinity : listedAtMillis),
        ],
      ]
    case 'swap':
      return [[terms.index, terms.boundariesMillis[instrument.settledLegs] ?? Infinity]]
    case 'variance_swap':
      return [[terms.index, terms.observationStartMillis]]
    case 'structured_product':
      return payoffNeeds(terms.payoff)
    default:
      return []
  }
}

const payoffNeeds = (payoff: unknown): readonly (readonly [string, number])[] => {
  const tree = readPayoff(payoff)
  return tree.priced ? tree.value.observations.map(({ index, date }) => [index, Date.parse(date)] as const) : []
}

/** Level and fixings of indices, each from the earliest instant that anything needs. */
export const indexFactsOf = async (
  needs: readonly (readonly [index: string, fromMillis: number])[],
  nowMillis: number,
): Promise<ReadonlyMap<string, IndexFacts>> => {
  const from = new Map<string, number>()
  for (const [index, fromMillis] of needs) from.set(index, Math.min(from.get(index) ?? Infinity, fromMillis))
  const facts = await mapped([...from], async ([index, fromMillis]) => {
    const definition = await definitionOf(index, nowMillis)
    if (definition === undefined) return [index, unknownIndex] as const
    const [quotes, fixings] = await Promise.all([
      listIndexQuotes(index),
      fromMillis > nowMillis ? [] : fixingsOf(index, fromMillis, nowMillis),
    ])
    const { level } = await levelNow(definition, quotes, nowMillis)
    return [
      index,
      {
        level: level === undefined ? undefined : Number(level.level),
        fixings,
        intervalMillis: definition.fixingIntervalMillis,
      },
    ] as const
  })
  return new Map(facts)
}

/** Windows are many and may be corrected: what a period would settle at is worked out again this often. */
const measuredEveryMillis = 300_000
const measured = new Map<string, { readonly atMillis: number; readonly price: number | undefined }>()

/** For tests, whose tables come and go. */
export const forgetMeasured = (): void => measured.clear()

export const soFarOf = async (
  row: InstrumentRow,
  terms: ContractTerms,
  nowMillis: number,
): Promise<number | undefined> => {
  if (!('periodStartMillis' in terms) || terms.periodStartMillis >= nowMillis) return undefined
  const { instrument, lane, listedAtMillis } = row
  const key = `${lane}#${instrument.instrumentId}`
  const known = measured.get(key)
  if (known !== undefined && Math.abs(nowMillis - known.atMillis) < measuredEveryMillis) return known.price
  const windows = await listMeasurements(terms.series, terms.periodStartMillis, nowMillis)
  const settled = settlementPrice(
    {
      kind: 'final',
      number: 0,
      instrument,
      listedAtMillis,
      asOfMillis: nowMillis,
      isDelisted: false,
      distributedTicks: 0,
    },
    { fixings: [], windows, lastMarkTicks: 0 },
    true,
  )
  const price = settled.state === 'priced' ? settled.priceTicks * Number(instrument.specification.tickSize) : undefined
  measured.set(key, { atMillis: nowMillis, price })
  return price
}

import { instrumentsOf } from '#adapters/tables/instruments.ts'
import { getMark } from '#adapters/tables/marks.ts'
import { type ForwardCurve, forwardCurve, type MarkedSwap } from '#domain/pricing/forward-curve.ts'
import { forwardPeriodOf } from '#domain/pricing/linear-marks.ts'
import { type IndexFacts, unknownIndex } from '#domain/pricing/marking.ts'
import { monthStart } from '#domain/reference/contract-terms.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { indexFactsOf, mapped } from './index-facts.ts'

export interface IndexCurve {
  readonly facts: IndexFacts
  readonly curve: ForwardCurve
  readonly swaps: readonly MarkedSwap[]
  /** When the last future or swap ends; undefined where there is none. */
  readonly lastMillis: number | undefined
}

/** The forwards of an index as the marks of its futures and swaps have them. */
export const indexCurveOf = async (index: string, nowMillis: number): Promise<IndexCurve> => {
  const rows = (await Promise.all(tenantLanes().map(instrumentsOf))).flat().filter(({ isActive, instrument }) => {
    const { terms, specification } = instrument
    const isLinear = terms.kind === 'future' || terms.kind === 'swap'
    return isLinear && terms.index === index && isActive && specification.expirationMillis > nowMillis
  })
  const starts = rows.flatMap(({ instrument: { terms } }) =>
    terms.kind === 'future' ? [terms.averagingStartMillis] : [],
  )
  const needs = [...starts, monthStart(nowMillis)].map(start => [index, start] as const)
  const [facts = unknownIndex] = (await indexFactsOf(needs, nowMillis)).values()
  const marked = await mapped(rows, async ({ lane, instrument }) => {
    const mark = await getMark(lane, instrument.instrumentId)
    return { instrument, price: (mark?.markTicks ?? 0) * Number(instrument.specification.tickSize) }
  })
  const periods = marked.flatMap(({ instrument: { terms, specification }, price }) =>
    terms.kind === 'future' && price > 0
      ? (forwardPeriodOf(price, terms, specification.expirationMillis, facts, nowMillis) ?? [])
      : [],
  )
  return {
    facts,
    curve: forwardCurve(nowMillis, facts.level, periods),
    swaps: marked.flatMap(({ instrument: { terms, settledLegs }, price }) =>
      terms.kind === 'swap' && price > 0
        ? [{ boundariesMillis: terms.boundariesMillis, settledLegs, rate: price }]
        : [],
    ),
    lastMillis:
      rows.length === 0
        ? undefined
        : Math.max(...rows.map(({ instrument }) => instrument.specification.expirationMillis)),
  }
}

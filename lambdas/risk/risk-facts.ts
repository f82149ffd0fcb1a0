import { getBook } from '#adapters/tables/books.ts'
import { type InstrumentRow, listInstruments } from '#adapters/tables/instruments.ts'
import { getMark, type MarkRow } from '#adapters/tables/marks.ts'
import { contractMarketOf } from '#domain/margin/contract-market.ts'
import type { ContractMarket } from '#domain/margin/contract-values.ts'
import {
  type EpochAsset,
  type EpochContract,
  type EpochInputs,
  type EpochUnderlying,
  riskContractOf,
  underlyingOf,
} from '#domain/margin/made-epoch.ts'
import { capMicrosOf, isCountable } from '#domain/margin/unvalued-instrument.ts'
import { type ForwardCurve, type ForwardPeriod, forwardCurve } from '#domain/pricing/forward-curve.ts'
import { forwardPeriodOf } from '#domain/pricing/linear-marks.ts'
import { type IndexFacts, unknownIndex } from '#domain/pricing/marking.ts'
import type { ContractTerms } from '#domain/reference/contract-terms.ts'
import type { RiskTerms } from '#protocol/operations/risk.ts'
import { fixingNeeds, indexFactsOf, mapped, soFarOf } from '../pricing/index-facts.ts'
import { markingTermsAt } from '../pricing/marking-terms.ts'
import { riskTermsAt } from './risk-terms.ts'

interface Gathered {
  readonly row: InstrumentRow
  readonly mark: MarkRow | undefined
  readonly soFar: number | undefined
  /** By which the engine marks it, where no pass has marked it: an operator may have. */
  readonly engineTicks: number
}

type Kind<Name extends ContractTerms['kind']> = Extract<ContractTerms, { readonly kind: Name }>

export interface GatheredRisk {
  readonly inputs: EpochInputs
  /** What holds for epochs. */
  readonly terms: RiskTerms
}

/**
 * Reads all that the risk of what is listed follows from, in these lanes: instruments that are active, or have ended and
 * are not settled yet, their marks, indices with their fixings, and the parameters.
 */
export const gatherRisk = async (lanes: readonly number[], nowMillis: number): Promise<GatheredRisk> => {
  const [listed, riskTermsOf, markingTermsOf] = await Promise.all([
    Promise.all(lanes.map(listInstruments)),
    riskTermsAt(nowMillis),
    markingTermsAt(nowMillis),
  ])
  // One that nobody can hold a lot of is not in any epoch.
  const rows = listed.flat().filter(row => isHeld(row) && isCountable(row.instrument))
  const names = [...new Set(rows.map(({ instrument }) => underlyingOf(instrument)))].sort()
  const [indices, gathered] = await Promise.all([
    indexFactsOf([...rows.flatMap(fixingNeeds), ...names.map(name => [name, Infinity] as const)], nowMillis),
    mapped(rows, async (row): Promise<Gathered> => {
      const [mark, soFar] = await Promise.all([
        getMark(row.lane, row.instrument.instrumentId),
        soFarOf(row, row.instrument.terms, nowMillis),
      ])
      const book = mark === undefined ? await getBook(row.lane, row.instrument.instrumentId) : undefined
      return { row, mark, soFar, engineTicks: book?.market.markTicks ?? 0 }
    }),
  ])
  const indexOf = (name: string): IndexFacts => indices.get(name) ?? unknownIndex
  const underlyings = names.map(name => underlyingWith(name, indexOf(name).level, riskTermsOf(name).terms))
  const byName = new Map(underlyings.map(each => [each.name, each]))
  const futures = new Map(gathered.map(each => [`${each.row.lane}#${nameOf(each)}`, each]))
  const curveOf = curves(gathered, indexOf, nowMillis)

  const marketOf = ({ row, mark, soFar }: Gathered): ContractMarket | undefined => {
    const { instrument, lane, listedAtMillis } = row
    const { terms, specification } = instrument
    if (mark === undefined) return undefined
    // Nothing says how far a service can fail, unless a scan range was set for it by name.
    if ('series' in terms && riskTermsOf(terms.series).row?.name !== terms.series) return undefined
    const future = terms.kind === 'option' ? futures.get(`${lane}#${terms.underlyingInstrument}`) : undefined
    const onFuture = future === undefined ? undefined : futureOf(future)
    const index = 'index' in terms ? terms.index : underlyingOf(instrument)
    return contractMarketOf({
      instrument,
      listedAtMillis,
      markPrice: mark.markTicks * Number(specification.tickSize),
      fairPrice: Number(mark.fair),
      ...(mark.markIv === undefined ? {} : { markVolatility: Number(mark.markIv) / pointsOfOne }),
      ...(onFuture === undefined ? {} : { future: onFuture }),
      index: indexOf(index),
      curve: curveOf(index),
      ...(soFar === undefined ? {} : { soFar }),
      rate: Number(markingTermsOf(specification.underlying).terms.rate),
      nowMillis,
    })
  }

  const contracts: EpochContract[] = []
  const assets: EpochAsset[] = []
  for (const each of gathered) {
    const { instrument, lane } = each.row
    const { instrumentId, specificationVersion, specification } = instrument
    const underlying = byName.get(underlyingOf(instrument))
    if (underlying === undefined) throw new Error(`${nameOf(each)} has an underlying that was not read`)
    if (instrument.terms.kind === 'collateral') {
      const price = underlying.level ?? 0
      const lotMicros = Math.floor((price * instrument.microsPerTickLot) / Number(specification.tickSize))
      const { haircut_ppm: haircut } = riskTermsOf(underlying.name).terms
      assets.push({
        lane,
        specificationVersion,
        asset: {
          instrumentId,
          instrumentName: specification.instrumentName,
          underlying: underlying.name,
          // Without a price it counts for nothing.
          unitMicros: Math.max(lotMicros, 1),
          haircutPpm: lotMicros < 1 ? wholePpm : haircut,
          capMicros: capMicrosOf(instrument),
        },
      })
      continue
    }
    const market = marketOf(each)
    const contract = riskContractOf(instrument, underlying, {
      markTicks: each.mark?.markTicks ?? each.engineTicks,
      nowMillis,
      ...(market === undefined ? {} : { market }),
    })
    contracts.push({ lane, specificationVersion, contract })
  }
  const { terms } = riskTermsOf(undefined)
  return { inputs: { underlyings, lookAheadMillis: terms.look_ahead_ms, contracts, assets }, terms }
}

const pointsOfOne = 100
const wholePpm = 1_000_000

/** Until all of it is paid: an epoch without it would cover its holders for whatever it may settle at. */
const isHeld = ({ isActive, lifecycle }: InstrumentRow): boolean =>
  isActive || lifecycle === 'expired' || lifecycle === 'delisted'

const nameOf = ({ row }: Gathered): string => row.instrument.specification.instrumentName

const underlyingWith = (name: string, level: number | undefined, terms: RiskTerms): EpochUnderlying => ({
  name,
  family: terms.family ?? name.split('.')[0] ?? name,
  priceScan: terms.price_scan_ppm / wholePpm,
  volatilityScan: Number(terms.volatility_scan) / pointsOfOne,
  level: level ?? null,
  shortOptionMinimumPpm: terms.short_option_minimum_ppm,
  concentrationThreshold: Number(terms.concentration_threshold),
  concentrationChargePpm: terms.concentration_charge_ppm,
})

const futureOf = ({ row, mark }: Gathered): { readonly terms: Kind<'future'>; readonly price: number } | undefined => {
  const { terms, specification } = row.instrument
  if (terms.kind !== 'future' || mark === undefined) return undefined
  return { terms, price: mark.markTicks * Number(specification.tickSize) }
}

/** The forwards of each index, as the marks of the futures on it have them. */
const curves = (
  gathered: readonly Gathered[],
  indexOf: (name: string) => IndexFacts,
  nowMillis: number,
): ((index: string) => ForwardCurve) => {
  const periods = new Map<string, ForwardPeriod[]>()
  for (const each of gathered) {
    const future = futureOf(each)
    const { expirationMillis } = each.row.instrument.specification
    if (future === undefined || !(future.price > 0) || expirationMillis <= nowMillis) continue
    const { index } = future.terms
    const period = forwardPeriodOf(future.price, future.terms, expirationMillis, indexOf(index), nowMillis)
    if (period !== undefined) periods.set(index, [...(periods.get(index) ?? []), period])
  }
  const made = new Map<string, ForwardCurve>()
  return index => {
    const known = made.get(index) ?? forwardCurve(nowMillis, indexOf(index).level, periods.get(index) ?? [])
    made.set(index, known)
    return known
  }
}

import type { MarginBook } from './margin-book.ts'
import type { MarginLedger } from './margin-ledger.ts'
import type { ConcentrationGroup, RiskEpoch, RiskInstrument } from './risk-epoch.ts'
import type { ScenarioSet } from './scenario-set.ts'

/**
 * All that one account's requirement follows from, in one document, for anyone to compute it again: whole micros for each
 * lot, nothing rounded, nothing left to look up. docs: `bin/verify-margin.ts` is the arithmetic.
 */
export interface MarginStatement {
  readonly format: 'margin-statement/1'
  readonly account_id: number
  readonly at: string
  readonly epoch_version: number
  readonly scenario_set: {
    readonly version: number
    readonly look_ahead_years: number
    readonly underlyings: readonly string[]
    readonly scenarios: readonly {
      readonly name: string
      readonly weight: number
      readonly price_shifts: readonly number[]
      readonly volatility_shifts: readonly number[]
      readonly reach_shifts: readonly number[]
    }[]
  }
  readonly concentration_groups: readonly {
    readonly name: string
    readonly threshold_units: number
    readonly micros_per_unit: number
  }[]
  readonly instruments: readonly StatedInstrument[]
  /** Collateral is a position of its asset: its mark is what a unit counts for after the haircut, its entry 0. */
  readonly positions: readonly {
    readonly instrument_id: number
    readonly size_lots: number
    readonly entry_micros: number
  }[]
  readonly orders: readonly StatedOrder[]
  readonly cash_micros: number
  readonly holds_micros: number
  readonly quote_reserve_micros: number
  /** Credit of other lanes in each scenario and, last, where nothing moves; absent for an account of one lane. */
  readonly lane_credit_micros?: readonly number[]
  readonly result: StatedResult
}

export interface StatedInstrument {
  readonly instrument_id: number
  readonly instrument_name: string
  readonly mark_micros: number
  readonly micros_per_tick: number
  readonly concentration_group: string
  readonly concentration_units: number
  readonly short_minimum_micros: number
  readonly array_micros?: readonly number[]
  /** In place of an array: lowest and highest that it can settle at. */
  readonly bounds_micros?: readonly [number, number]
}

export interface StatedOrder {
  readonly instrument_id: number
  readonly direction: 'buy' | 'sell'
  readonly price_ticks: number
  readonly lots: number
  readonly fee_reserve_micros: number
}

export interface StatedResult {
  readonly equity_micros: number
  readonly scan_micros: number
  /** Null: the state in which nothing moves. */
  readonly worst_scenario: string | null
  readonly bounded_micros: number
  readonly short_minimum_micros: number
  readonly concentration_micros: number
  readonly fee_reserve_micros: number
  readonly quote_reserve_micros: number
  readonly requirement_micros: number
}

export interface StatementSource {
  readonly accountId: number
  /** The account's number in the ledger. */
  readonly account: number
  readonly at: string
  readonly ledger: MarginLedger
  readonly book: MarginBook
  readonly epoch: RiskEpoch
  readonly scenarioSet: ScenarioSet
  /** Listed or revised since the epoch. */
  readonly revised?: readonly RiskInstrument[]
  readonly laneCreditMicros?: readonly number[]
}

/** What the book says of an account, with everything that it says it of. */
export const marginStatement = (source: StatementSource): MarginStatement => {
  const { account, ledger, book, epoch, scenarioSet, laneCreditMicros } = source
  const known = new Map([...epoch.instruments, ...(source.revised ?? [])].map(each => [each.instrumentId, each]))
  const instruments: StatedInstrument[] = []
  const positions: MarginStatement['positions'][number][] = []
  const orders: StatedOrder[] = []
  for (let holding = ledger.firstHolding(account); holding !== 0; holding = ledger.nextHolding(holding)) {
    const instrument = known.get(ledger.instrumentId(holding))
    if (instrument === undefined) continue
    instruments.push(statedInstrument(instrument, epoch.groups))
    positions.push({
      instrument_id: instrument.instrumentId,
      size_lots: ledger.sizeLots(holding),
      entry_micros: ledger.entryMicros(holding),
    })
    for (let order = ledger.firstOrder(holding); order !== 0; order = ledger.nextOrder(order))
      if (!ledger.isBudgeted(order))
        orders.push({
          instrument_id: instrument.instrumentId,
          direction: ledger.isSell(order) ? 'sell' : 'buy',
          price_ticks: ledger.priceTicks(order),
          lots: ledger.openLots(order),
          fee_reserve_micros: ledger.feeMicros(order),
        })
  }
  const byId = (a: { readonly instrument_id: number }, b: { readonly instrument_id: number }): number =>
    a.instrument_id - b.instrument_id
  const figures = book.figures(account)
  return {
    format: 'margin-statement/1',
    account_id: source.accountId,
    at: source.at,
    epoch_version: epoch.version,
    scenario_set: {
      version: scenarioSet.version,
      look_ahead_years: scenarioSet.lookAheadYears,
      underlyings: scenarioSet.underlyings,
      scenarios: scenarioSet.scenarios.map(scenario => ({
        name: scenario.name,
        weight: scenario.weight,
        price_shifts: scenario.priceShifts,
        volatility_shifts: scenario.volatilityShifts,
        reach_shifts: scenario.reachShifts,
      })),
    },
    concentration_groups: epoch.groups.map(({ name, thresholdUnits, microsPerUnit }) => ({
      name,
      threshold_units: thresholdUnits,
      micros_per_unit: microsPerUnit,
    })),
    instruments: instruments.toSorted(byId),
    positions: positions.toSorted(byId),
    orders: orders.toSorted(byId),
    cash_micros: ledger.cashMicros(account),
    holds_micros: ledger.holdsMicros(account),
    quote_reserve_micros: figures.quoteReserveMicros,
    ...(laneCreditMicros === undefined ? {} : { lane_credit_micros: laneCreditMicros }),
    result: {
      equity_micros: figures.equityMicros,
      scan_micros: figures.scanMicros,
      worst_scenario: figures.worstScenario < 0 ? null : (epoch.scenarioNames[figures.worstScenario] ?? null),
      bounded_micros: figures.boundedMicros,
      short_minimum_micros: figures.shortMinimumMicros,
      concentration_micros: figures.concentrationMicros,
      fee_reserve_micros: figures.feeReserveMicros,
      quote_reserve_micros: figures.quoteReserveMicros,
      requirement_micros: figures.requirementMicros,
    },
  }
}

const statedInstrument = (instrument: RiskInstrument, groups: readonly ConcentrationGroup[]): StatedInstrument => ({
  instrument_id: instrument.instrumentId,
  instrument_name: instrument.instrumentName,
  mark_micros: instrument.markMicros,
  micros_per_tick: instrument.microsPerTick,
  concentration_group: groups[instrument.group]?.name ?? '',
  concentration_units: instrument.concentrationUnits,
  short_minimum_micros: instrument.shortMinimumMicros,
  ...(instrument.risk.kind === 'array'
    ? { array_micros: instrument.risk.arrayMicros }
    : { bounds_micros: [instrument.risk.lowMicros, instrument.risk.highMicros] as const }),
})

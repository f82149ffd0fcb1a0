import type { ContractMarket } from '#domain/margin/contract-values.ts'
import { fundLimitMicros } from '#domain/margin/loss-allocation.ts'
import { concentrationGroupOf } from '#domain/margin/made-epoch.ts'
import type { Checked } from '#domain/margin/refused.ts'
import { type RiskContract, riskInstrument } from '#domain/margin/risk-arrays.ts'
import { checkScenarioSet, type Scenario, type ScenarioSet, spanMoves } from '#domain/margin/scenario-set.ts'
import { priced } from '#domain/pricing/priced.ts'
import type { ContractTerms } from '#domain/reference/contract-terms.ts'
import { collarWidthTicks } from '#domain/trading/limit-terms.ts'
import { increments } from '#domain/units.ts'
import type { Answer } from './answer.ts'
import type { CaseInputs } from './case-inputs.ts'

/** What margin and limits say to known values: scans over scenarios, the insurance fund's share of a loss, collars. */

const million = 1_000_000
const underlying = 'X'

/** Prices in hundred-millionths of a dollar, so that whole numbers lose nothing that a published value can show. */
const ticksOfDollar = 1e8
const contract = (terms: ContractTerms, market: ContractMarket, timeYears: number): RiskContract => ({
  instrumentId: 1,
  instrumentName: 'I',
  terms,
  underlying,
  timeYears,
  tickSize: '0.00000001',
  microsPerTickLot: 1,
  maxPriceTicks: 2_000_000_000,
  // Any mark will do that leaves room: gains are from the model's value now.
  markTicks: 10 * ticksOfDollar,
  market,
  shortMinimumMicros: 0,
  concentrationUnits: 0,
})

const future: ContractTerms = { kind: 'future', index: underlying, averagingStartMillis: 0 }

const shifted = (name: string, weight: number, price: number, volatility: number): Scenario => ({
  name,
  weight,
  priceShifts: [price],
  volatilityShifts: [volatility],
  reachShifts: [price],
})

const setOf = (scenarios: readonly Scenario[], lookAheadYears: number): ScenarioSet =>
  acceptedOf(checkScenarioSet({ version: 1, underlyings: [underlying], lookAheadYears, scenarios }))

const acceptedOf = <Value>(checked: Checked<Value>): Value => {
  if (!checked.accepted) throw new RangeError(`${checked.code} ${checked.field}`)
  return checked.value
}

/** Of one lot, long, in dollars. */
const gainsOf = (set: ScenarioSet, of: RiskContract): readonly number[] => {
  const { risk } = acceptedOf(riskInstrument(set, of))
  if (risk.kind !== 'array') throw new RangeError('has no array')
  return risk.arrayMicros.map(gain => gain / ticksOfDollar)
}

interface Held {
  readonly size: number
  readonly gains: readonly number[]
}

/** What the worst scenario loses of all that is held together. */
const scanOf = (held: readonly Held[]): number => {
  const scenarios = Math.max(0, ...held.map(({ gains }) => gains.length))
  const results = Array.from({ length: scenarios }, (_, scenario) =>
    held.reduce((sum, { size, gains }) => sum + size * (gains[scenario] ?? Number.NaN), 0),
  )
  return Math.max(0, -Math.min(...results))
}

export const span = (inputs: CaseInputs): Answer => {
  switch (inputs.text('kind')) {
    case 'scan_from_arrays': {
      const [arrays, positions] = [inputs.within('arrays'), inputs.within('positions')]
      const names = Object.keys(positions.values)
      return priced(scanOf(names.map(name => ({ size: positions.number(name), gains: arrays.list(name) }))))
    }
    case 'scan_black76':
      return scanOfLegs(inputs)
    default:
      return { skipped: `margin has no scan of the kind ${JSON.stringify(inputs.values['kind'])}` }
  }
}

const scanOfLegs = (inputs: CaseInputs): Answer => {
  const [level, range] = [inputs.number('F'), inputs.number('price_scan_range')]
  const multiple = inputs.number('extreme_multiple')
  if (level - multiple * range < 0)
    return { skipped: 'its future falls below zero in a scenario, where no price here can' }
  const scenarios = spanMoves.map(({ name, weight, price, volatility }) => {
    const isExtreme = weight < 1
    const shift = (isExtreme ? Math.sign(price) * multiple : price) * (range / level)
    return shifted(
      name,
      isExtreme ? inputs.number('extreme_weight') : 1,
      shift,
      volatility * inputs.number('vol_scan_range'),
    )
  })
  const set = setOf(scenarios, inputs.number('look_ahead_years'))
  const held = inputs.records('legs').map(leg => {
    const isOption = leg.text('kind') === 'option'
    const market = { level, rate: inputs.number('rate'), ...(isOption ? { volatility: leg.number('vol') } : {}) }
    const terms: ContractTerms = isOption
      ? {
          kind: 'option',
          optionType: leg.optionType,
          strike: String(leg.number('K')),
          exercise: 'european',
          underlyingInstrument: 'F',
          index: underlying,
        }
      : future
    const gains = gainsOf(set, contract(terms, market, isOption ? leg.number('T') : 1))
    return { size: leg.number('qty') * inputs.number('multiplier'), gains }
  })
  return priced(scanOf(held))
}

export const riskControls = (inputs: CaseInputs): Answer => {
  switch (inputs.text('kind')) {
    case 'adl_pnl_drawdown_trigger': {
      const highest = inputs.number('insurance_balance_8h_max')
      const loss = inputs.number('symbol_loss')
      const limitPpm = Math.round(-inputs.number('insurancePnlRatio') * million)
      const left = loss - fundLimitMicros(Math.round(highest * million), limitPpm) / million
      return priced({
        pnlRatio: -loss / highest,
        adl_triggered: left > 0,
        loss_borne_by_profitable_traders: Math.max(0, left),
      })
    }
    case 'dynamic_circuit_breaker_variant': {
      const tick = inputs.number('tick')
      const ticks = increments(String(inputs.number('previous_settle')), String(tick))
      if (ticks === undefined) return { skipped: 'its price is no multiple of its tick' }
      return priced(collarWidthTicks(ticks, Math.round(inputs.number('percent') * million)) * tick)
    }
    case 'futures_contingency': {
      // A concentration charge from the first unit on.
      const charge = { concentrationThreshold: 0, concentrationChargePpm: inputs.number('factor') * million }
      const { microsPerUnit } = concentrationGroupOf({ name: underlying, level: inputs.number('index'), ...charge })
      return priced((microsPerUnit * inputs.number('abs_qty')) / million)
    }
    case 'future_scenario_pnl': {
      const shocks = inputs.list('shocks')
      const set = setOf(
        shocks.map((shock, index) => shifted(`shock ${index}`, 1, shock, 0)),
        0,
      )
      // In thousandths, so that its price has room beside the highest.
      const gains = gainsOf(set, contract(future, { level: inputs.number('F') / 1_000 }, 1))
      return priced(gains.map(gain => gain * 1_000 * inputs.number('qty')))
    }
    default:
      return { skipped: `there is no limit of the kind ${JSON.stringify(inputs.values['kind'])}` }
  }
}

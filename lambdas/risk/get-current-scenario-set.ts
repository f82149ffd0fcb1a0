import type * as z from 'zod'
import { type EpochHead, getRiskEpochHead } from '#adapters/tables/risk-epochs.ts'
import { getRiskLane, type RiskLaneRow } from '#adapters/tables/risk-lanes.ts'
import type { Scenario } from '#domain/margin/scenario-set.ts'
import type { getCurrentScenarioSet, scenarioSet } from '#protocol/operations/risk.ts'
import { decimalTextOf } from '../pricing/decimal-text.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

export const handle: Handle<typeof getCurrentScenarioSet> = async () => {
  const lanes = await Promise.all(tenantLanes().map(getRiskLane))
  const version = Math.max(...lanes.map(({ adoptedVersion = 0 }) => adoptedVersion))
  const head = version === 0 ? undefined : await getRiskEpochHead(version)
  if (head === undefined) return { code: 'not-found', detail: 'No epoch of risk is in force yet.' }
  return { status: 200, body: scenarioSetView(head, lanes) }
}

const pointsOfOne = 100
const million = 1_000_000

const scenarioSetView = (head: EpochHead, lanes: readonly RiskLaneRow[]): z.infer<typeof scenarioSet> => ({
  scenario_set_version: head.scenarioSet.version,
  epoch_version: head.version,
  made_at: new Date(head.madeAtMillis).toISOString(),
  reasons: [...head.reasons],
  lanes: lanes.flatMap(({ lane, adoptedVersion, adoptedAtMillis }) =>
    adoptedVersion === undefined || adoptedAtMillis === undefined
      ? []
      : [{ lane, epoch_version: adoptedVersion, adopted_at: new Date(adoptedAtMillis).toISOString() }],
  ),
  look_ahead_ms: head.lookAheadMillis,
  underlyings: head.underlyings.map(({ name, family, level, priceScan, volatilityScan }, position) => ({
    name,
    family,
    level: level === null ? null : decimalTextOf(level, 12),
    price_scan_ppm: Math.round(priceScan * million),
    volatility_scan: decimalTextOf(volatilityScan * pointsOfOne, 8),
    concentration_threshold_units: head.groups[position]?.thresholdUnits ?? 0,
    concentration_charge_micros: head.groups[position]?.microsPerUnit ?? 0,
  })),
  scenarios: head.scenarioSet.scenarios.map(scenario => ({
    name: scenario.name,
    weight: scenario.weight,
    moves: movesOf(scenario, head.scenarioSet.underlyings),
  })),
  instruments: head.instruments,
  bounded_instruments: head.bounded.map(({ instrumentName, reason }) => ({ instrument_name: instrumentName, reason })),
})

const movesOf = ({ priceShifts, volatilityShifts, reachShifts }: Scenario, underlyings: readonly string[]) =>
  underlyings.flatMap((underlying, position) => {
    const [price = 0, volatility = 0, reach = 0] = [
      priceShifts[position],
      volatilityShifts[position],
      reachShifts[position],
    ]
    return price === 0 && volatility === 0 && reach === 0 ? [] : [{ underlying, price, volatility, reach }]
  })

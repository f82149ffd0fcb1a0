import {
  type InstrumentOutcome,
  outcomesIn,
  requirementsByPart,
  valueAccount,
  withdrawableMicros,
} from '#domain/margin/account-risk.ts'
import { underlyingOf } from '#domain/margin/made-epoch.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { getMargin } from '#protocol/operations/margin.ts'
import type { Handle } from '../shell/http.ts'
import { readAccountState } from './account-state.ts'
import { askedAccount } from './asked-account.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'
import { amountsOf, basisOf, partsOf } from './margin-view.ts'

export const handle: Handle<typeof getMargin> = async ({ query, principal }) => {
  const asked = await askedAccount(principal, query.account)
  if ('code' in asked) return asked
  const [state, inForce] = await Promise.all([
    readAccountState(asked.lane, asked.accountId),
    rememberedEpochInForce(asked.lane),
  ])
  const valued = valueAccount(state.rows, inForce)
  const { figures, epoch, instruments, rows } = valued
  return {
    status: 200,
    body: {
      account: asked.account,
      currency: 'USD',
      ...basisOf(valued, state.asOf),
      cash: decimalOfMicros(rows.cashMicros),
      held: decimalOfMicros(rows.heldMicros),
      unrealized_profit_loss: decimalOfMicros(figures.equityMicros - rows.cashMicros + rows.heldMicros),
      ...amountsOf(figures),
      withdrawable: decimalOfMicros(withdrawableMicros(valued)),
      requirement_parts: partsOf(figures),
      underlyings: [...requirementsByPart(valued, underlyingOf)].map(([underlying, alone]) => ({
        underlying,
        requirement: decimalOfMicros(alone.requirementMicros),
        requirement_parts: partsOf(alone),
      })),
      lane_credit:
        valued.laneCreditMicros === undefined
          ? null
          : decimalOfMicros(valued.laneCreditMicros.at(figures.worstScenario) ?? 0),
      worst_scenario: epoch.scenarioNames[figures.worstScenario] ?? null,
      drivers: outcomesIn(valued, figures.worstScenario)
        .filter(outcome => sumOf(outcome) !== 0)
        .sort((a, b) => sumOf(a) - sumOf(b) || a.instrumentId - b.instrumentId)
        .map(outcome => {
          const instrument = instruments.get(outcome.instrumentId)
          return {
            instrument_name: instrument?.instrumentName ?? String(outcome.instrumentId),
            basis: instrument?.risk.kind === 'array' ? ('scenario' as const) : ('bounds' as const),
            position_profit_loss: decimalOfMicros(outcome.positionMicros),
            orders_profit_loss: decimalOfMicros(outcome.ordersMicros),
          }
        }),
    },
  }
}

const sumOf = ({ positionMicros, ordersMicros }: InstrumentOutcome): number => positionMicros + ordersMicros

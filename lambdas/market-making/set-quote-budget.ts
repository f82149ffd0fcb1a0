import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { micros } from '#domain/units.ts'
import type { setQuoteBudget } from '#protocol/operations/market-making.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof setQuoteBudget> = async ({ body, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  const missing = await engineVersionMissing(lane, versionOfMargin)
  if (missing !== undefined) return missing
  const { lots = 0, largest_quote_lots: largestQuoteLots = 0, lot_loss = '0', lot_cap = '0' } = body.terms ?? {}
  const [lotLossMicros, lotCapMicros] = [micros(lot_loss), micros(lot_cap)]
  if (lotLossMicros === undefined || lotCapMicros === undefined) {
    const name = lotLossMicros === undefined ? 'lot_loss' : 'lot_cap'
    return { code: 'invalid-request', errors: [{ pointer: `#/terms/${name}`, detail: 'is too fine or too large' }] }
  }
  const terms = { lots, largestQuoteLots, lotLossMicros, lotCapMicros }
  return takeCommand({
    principal,
    operation: 'set-quote-budget',
    asked: body,
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({ type: 'set-quote-budget', commandId, accountId, ...terms }),
  })
}

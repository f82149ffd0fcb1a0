import { getPurchase } from '#adapters/tables/partner-purchases.ts'
import { micros } from '#domain/units.ts'
import type { purchaseCapacity } from '#protocol/operations/partners.ts'
import type { Handle } from '../shell/http.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { traderOf } from '../trading/trader.ts'
import { purchaseView } from './partner-views.ts'
import { beginPurchase } from './purchase-intake.ts'

export const handle: Handle<typeof purchaseCapacity> = async ({ body, principal, headers, idempotencyKey = '' }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const begun = await beginPurchase(
    trader,
    {
      parts: body.parts.map(({ offer_id, units, starts_at, ends_at, price }) => ({
        offerId: offer_id,
        units,
        window: { fromMillis: Date.parse(starts_at), untilMillis: Date.parse(ends_at) },
        priceMicrosPerUnitHour: micros(price) ?? 0,
      })),
    },
    idempotencyKey,
  )
  if ('code' in begun) return begun
  const wait = preferWait(headers)
  const { purchaseId } = begun.purchase
  const ended =
    wait &&
    (await pollUntil(async () => {
      const row = await getPurchase(trader.account, purchaseId)
      return row?.state === 'completed' || row?.state === 'failed' ? row : undefined
    }, wait.untilMillis))
  return {
    status: ended === undefined ? 202 : 200,
    body: purchaseView(ended ?? begun.purchase),
    headers: { location: `/api/v1/partners/purchases/${purchaseId}`, ...wait?.headers },
  }
}

import { bestPrice, type PlanLeg } from '#domain/partners/best-price.ts'
import { hoursIn } from '#domain/partners/inventory.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { type findBestPrice, mostPurchaseParts } from '#protocol/operations/partners.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { canBeBought, offersFor } from './offers.ts'
import { instantOf, offerView } from './partner-views.ts'
import { windowProblem } from './purchase-intake.ts'

const mostHours = 366 * 24

export const handle: Handle<typeof findBestPrice> = async ({ query, principal }) => {
  const nowMillis = Date.now()
  const window = { fromMillis: Date.parse(query.starts_at), untilMillis: Date.parse(query.ends_at) }
  const wrong = windowProblem(window, nowMillis, mostHours)
  if (wrong !== undefined) return wrong
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { quantity, region: regions, resource_class: resourceClass, pricing } = query
  const { offers: all, sources } = await offersFor(trader.account, regions, window, nowMillis)
  const offers = all.filter(
    offer =>
      (pricing === undefined || pricing.includes(offer.pricing)) &&
      (query.purchasable !== 'true' || canBeBought(offer)),
  )
  const plan = bestPrice(
    {
      quantity,
      vector: {
        gpus: query.gpus ?? 0,
        vcpus: query.vcpus ?? 0,
        memoryGib: query.memory_gib ?? 0,
        storageTib: query.storage_tib ?? 0,
      },
      ...window,
      regions,
      ...(resourceClass !== undefined && { resourceClass }),
      atMillis: nowMillis,
    },
    offers,
  )
  return {
    status: 200,
    body: {
      timestamp: instantOf(nowMillis),
      quantity,
      starts_at: instantOf(window.fromMillis),
      ends_at: instantOf(window.untilMillis),
      cost: decimalOfMicros(plan.costMicros),
      price:
        plan.coveredPlaceHours === 0
          ? null
          : decimalOfMicros((plan.costMicros + BigInt(plan.coveredPlaceHours) - 1n) / BigInt(plan.coveredPlaceHours)),
      is_covered: plan.coveredPlaceHours === quantity * hoursIn(window),
      legs: plan.legs.map(leg => ({
        offer: offerView(leg.offer),
        units: leg.units,
        starts_at: instantOf(leg.fromMillis),
        ends_at: instantOf(leg.untilMillis),
        paid_hours: leg.paidHours,
        cost: decimalOfMicros(leg.costMicros),
      })),
      purchase: purchaseOf(plan.legs),
      uncovered: plan.uncovered.map(each => ({
        starts_at: instantOf(each.fromMillis),
        ends_at: instantOf(each.untilMillis),
        quantity: each.quantity,
      })),
      valid_until: plan.validUntilMillis === undefined ? null : instantOf(plan.validUntilMillis),
      confidence: plan.confidencePpm / 1_000_000,
      sources: sources.map(({ source, offers: count, problem }) => ({
        source,
        offers: count,
        problem: problem ?? null,
      })),
    },
  }
}

const purchaseOf = (legs: readonly PlanLeg[]) =>
  legs.length === 0 || legs.length > mostPurchaseParts
    ? null
    : {
        parts: legs.map(({ offer, units, fromMillis, untilMillis }) => ({
          offer_id: offer.offerId,
          units,
          starts_at: instantOf(fromMillis),
          ends_at: instantOf(untilMillis),
          price: decimalOfMicros(offer.priceMicrosPerUnitHour),
        })),
      }

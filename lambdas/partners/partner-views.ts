import type * as z from 'zod'
import type { ContractRow } from '#adapters/tables/partner-contracts.ts'
import type { PurchaseRow } from '#adapters/tables/partner-purchases.ts'
import { takenUntilMillis } from '#domain/partners/best-price.ts'
import type { Offer, ResourceVector } from '#domain/partners/catalogue.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { partnerContract, partnerOffer, partnerPurchase } from '#protocol/operations/partners.ts'
import { contractOfferId } from './offers.ts'
import { purchasePartView } from './purchase-part-view.ts'
import { lotIdOf } from './purchase-step.ts'

export const instantOf = (millis: number): string => new Date(millis).toISOString()

/** At most four digits after the point, so that none is written with an exponent. */
export const vectorView = ({ gpus, vcpus, memoryGib, storageTib }: ResourceVector) => ({
  gpus: String(gpus),
  vcpus: String(vcpus),
  memory_gib: String(memoryGib),
  storage_tib: String(storageTib),
})

export const offerView = (offer: Offer): z.infer<typeof partnerOffer> => ({
  offer_id: offer.offerId,
  provider: offer.provider,
  resource_class: offer.resourceClass,
  region: offer.region,
  pricing: offer.pricing,
  source: offer.source,
  price: decimalOfMicros(offer.priceMicrosPerUnitHour),
  available_units: offer.availableUnits === 'unlimited' ? null : offer.availableUnits,
  minimum_units: offer.minimumUnits,
  vector: vectorView(offer.vector),
  valid_until: instantOf(takenUntilMillis(offer)),
})

export const contractView = (row: ContractRow): z.infer<typeof partnerContract> => ({
  contract_id: row.contractId,
  offer_id: contractOfferId(row.contractId),
  account: row.account,
  is_shared: row.isShared,
  provider: row.provider,
  resource_class: row.resourceClass,
  region: row.region,
  vector: vectorView(row.vector),
  units: row.units,
  price: decimalOfMicros(row.priceMicrosPerUnitHour),
  starts_at: instantOf(row.fromMillis),
  ends_at: instantOf(row.untilMillis),
  minimum_units: row.minimumUnits,
  tiers: row.tiers.map(tier => ({ from_units: tier.fromUnits, price: decimalOfMicros(tier.priceMicrosPerUnitHour) })),
  accept_until: instantOf(row.acceptUntilMillis),
  created_at: instantOf(row.createdAtMillis),
})

export const purchaseView = (row: PurchaseRow): z.infer<typeof partnerPurchase> => ({
  purchase_id: row.purchaseId,
  purchase_state: row.state === 'completed' || row.state === 'failed' ? row.state : 'pending',
  step: row.state,
  cost: decimalOfMicros(row.costMicros),
  parts: row.parts.map((part, index) => ({
    ...purchasePartView(part),
    lot_id: row.state === 'completed' ? lotIdOf(row, index) : null,
    partner_reference: part.partnerReference ?? null,
  })),
  failure: row.failure ?? null,
  created_at: instantOf(row.createdAtMillis),
  updated_at: instantOf(row.updatedAtMillis),
})

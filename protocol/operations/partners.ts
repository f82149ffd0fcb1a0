import * as z from 'zod'
import { offerSources, pricings, providers } from '#domain/partners/catalogue.ts'
import type { unitStates } from '#domain/partners/inventory.ts'
import { operation } from '../operation.ts'
import { commandId, decimalText, instant, lane, pageOf, pageQuery, positiveDecimalText, usdText } from '../values.ts'
import { arbitrageOperations } from './arbitrage.ts'
import { catalogueOperations } from './partner-catalogues.ts'

const provider = z.enum(providers)
export const resourceClass = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,39}$/, 'must be 1 to 40 upper-case letters, digits and . _ -, such as H100')
  .meta({ examples: ['H100'] })
export const region = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be 1 to 40 letters, digits and . _ -, such as us-central1')
  .meta({ examples: ['us-central1'] })

const hourMillis = 3_600_000
/** A whole hour: capacity is had by the hour. */
const hour = z.iso
  .datetime()
  .refine(text => Date.parse(text) % hourMillis === 0, 'must be a whole hour, such as 2026-11-27T08:00:00Z')
  .meta({ description: 'A whole hour, UTC', examples: ['2026-11-27T08:00:00Z'] })

const units = z
  .number()
  .int()
  .min(1)
  .max(10_000)
  .meta({ examples: [10] })

/** Shared GPUs, memory and storage come in fractions. */
export const amountOfResource = (most: number, description: string) =>
  decimalText
    .refine(
      text => Number(text) <= most && (text.split('.')[1] ?? '').length <= 4,
      `must be at most ${most}, with at most 4 digits after the point`,
    )
    .meta({ description, examples: ['8'] })

/** Of one unit. */
export const resourceVector = z
  .strictObject({
    gpus: amountOfResource(1_024, 'GPUs; shared ones in fractions'),
    vcpus: amountOfResource(10_000, 'Virtual processors'),
    memory_gib: amountOfResource(100_000, 'Memory in GiB'),
    storage_tib: amountOfResource(100_000, 'Storage in TiB'),
  })
  .meta({ id: 'ResourceVector' })

const unitHourPrice = usdText
  .refine(text => Number(text) <= 10_000, 'must be at most 10000 USD for a unit and hour')
  .meta({ description: 'USD for a unit and hour', examples: ['1.9'] })

const tier = z.strictObject({
  from_units: units.meta({ description: 'Units beyond so many cost that', examples: [50] }),
  price: unitHourPrice,
})

const contractTerms = {
  provider,
  resource_class: resourceClass,
  region,
  vector: resourceVector,
  units: units.meta({ description: 'That the partner has promised for every hour of the term' }),
  price: unitHourPrice,
  starts_at: hour,
  ends_at: hour,
}

export const partnerContract = z
  .object({
    contract_id: commandId,
    offer_id: z.string().meta({ description: 'By which it is bought from' }),
    account: z.string(),
    is_shared: z.boolean(),
    ...contractTerms,
    starts_at: instant,
    ends_at: instant,
    minimum_units: z.number().int(),
    tiers: z.array(tier),
    accept_until: instant,
    created_at: instant,
  })
  .meta({ id: 'PartnerContract' })

export const createPartnerContract = operation({
  context: 'partners',
  name: 'create-partner-contract',
  method: 'POST',
  path: '/api/v1/partners/contracts',
  permission: 'partners:write',
  summary: 'Register a wholesale contract with a partner',
  description:
    'Its units become a lot of the inventory from which the account buys at the contract’s price, hour by hour; with is_shared every account does, for which partners:manage is needed.',
  idempotency: 'header',
  request: {
    body: z.strictObject({
      ...contractTerms,
      minimum_units: units.optional().meta({ description: 'Fewer are not sold; one unless told', examples: [1] }),
      tiers: z.array(tier).max(10).optional().meta({
        description: 'What units beyond a number cost, in rising order, each cheaper than the one before',
      }),
      accept_until: z.iso
        .datetime()
        .optional()
        .meta({ description: 'Until when it can be bought from; its end unless told' }),
      is_shared: z.boolean().optional().meta({ description: 'Every account may buy from it' }),
    }),
  },
  responses: { 201: { description: 'The contract', schema: partnerContract } },
  rejections: [
    'account-not-open',
    'idempotency-key-required',
    'idempotency-conflict',
    'capacity-window-invalid',
    'contract-terms-invalid',
  ],
})

export const listPartnerContracts = operation({
  context: 'partners',
  name: 'list-partner-contracts',
  method: 'GET',
  path: '/api/v1/partners/contracts',
  permission: 'partners:read',
  summary: 'List wholesale contracts of the account, or those that every account may buy from',
  request: {
    query: z.strictObject({
      holder: z.enum(['own', 'shared']).optional().meta({ description: 'own unless told' }),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'Contracts, the newest first', schema: pageOf(partnerContract) } },
  rejections: ['invalid-cursor'],
})

export const getPartnerContract = operation({
  context: 'partners',
  name: 'get-partner-contract',
  method: 'GET',
  path: '/api/v1/partners/contracts/{contract_id}',
  permission: 'partners:read',
  summary: 'Read a wholesale contract',
  request: { path: z.strictObject({ contract_id: commandId }) },
  responses: { 200: { description: 'The contract', schema: partnerContract } },
  rejections: ['not-found'],
})

const offerId = z
  .string()
  .regex(/^[a-z]{2,9}:[A-Za-z0-9._:-]{1,160}$/, 'must be an offer_id of best-price or of a contract')
  .meta({ examples: ['gcp:us-central1:a3-highgpu-8g:on_demand'] })

export const partnerOffer = z.object({
  offer_id: z.string(),
  provider,
  resource_class: resourceClass,
  region,
  pricing: z.enum(pricings),
  source: z.enum(offerSources),
  price: decimalText.meta({ description: 'USD for a unit and hour, of the first tier' }),
  available_units: z.number().int().nullable().meta({ description: 'null: no end of them is known' }),
  minimum_units: z.number().int(),
  vector: resourceVector,
  valid_until: instant.meta({ description: 'Until when it can be taken at this price' }),
})

/** More lots than that are no purchase of one piece. */
export const mostPurchaseParts = 50

const purchaseBody = z.strictObject({
  parts: z
    .array(
      z.strictObject({
        offer_id: offerId,
        units,
        starts_at: hour,
        ends_at: hour.meta({ description: 'Of a commitment at most; its term is paid for' }),
        price: positiveDecimalText.pipe(unitHourPrice).meta({
          description: 'As the offer was quoted: USD for a unit and hour, of the first tier',
          examples: ['1.9'],
        }),
      }),
    )
    .min(1)
    .max(mostPurchaseParts)
    .meta({ description: 'What to buy of which offer; an offer may have several' }),
})

const planLeg = z.object({
  offer: partnerOffer,
  units: z.number().int(),
  starts_at: instant,
  ends_at: instant,
  paid_hours: z.number().int().meta({ description: 'Of a commitment its whole term, used or not' }),
  cost: decimalText,
})

export const bestPrice = z
  .object({
    timestamp: instant,
    quantity: z.number().int(),
    starts_at: instant,
    ends_at: instant,
    cost: decimalText.meta({ description: 'USD for all legs' }),
    price: decimalText.nullable().meta({ description: 'USD for each covered place and hour' }),
    is_covered: z.boolean(),
    legs: z.array(planLeg),
    purchase: purchaseBody.nullable().meta({
      description: `What to send to POST /api/v1/partners/purchase to have the legs; null where there are none, or more than ${mostPurchaseParts}`,
    }),
    uncovered: z
      .array(z.object({ starts_at: instant, ends_at: instant, quantity: z.number().int() }))
      .meta({ description: 'What nobody offers: places, and in which hours' }),
    valid_until: instant.nullable().meta({ description: 'Until when every leg can be taken at its price' }),
    confidence: z.number().meta({
      description:
        'What part of the unit-hours is to be expected to stay at its price until the end: contracts and commitments do; on demand and spot prices change as often as they did, and a tenth of spot is taken back (declared, not measured)',
    }),
    sources: z
      .array(
        z.object({
          source: z.string(),
          offers: z.number().int(),
          problem: z.string().nullable().meta({ description: 'Why it has told nothing' }),
        }),
      )
      .meta({ description: 'Who was asked' }),
  })
  .meta({ id: 'BestPrice' })

const whole = (most: number) =>
  z
    .string()
    .regex(/^[1-9][0-9]{0,5}$/, `must be a whole number from 1 to ${most}`)
    .transform(Number)
    .pipe(z.number().int().max(most, `must be from 1 to ${most}`))

const resourceText = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,4})?$/, 'must be a plain decimal such as 8 or 3.75')
  .transform(Number)
  .pipe(z.number().max(100_000))

const listText = <Each extends z.ZodType<unknown, string>>(each: Each, most: number) =>
  z
    .string()
    .max(1_000)
    .transform(text => text.split(','))
    .pipe(z.array(each).min(1).max(most))

export const findBestPrice = operation({
  context: 'partners',
  name: 'find-best-price',
  method: 'GET',
  path: '/api/v1/partners/best-price',
  permission: 'partners:read',
  summary: 'Find the cheapest way to cover a quantity over a window',
  description:
    'Over the account’s and shared contracts, expiring lots, catalogues in force and live quotes of partners; split over offers and hours where that is cheaper. Each place fits whole into one unit of an offer; a unit may hold several. Covering more comes before costing less.',
  weight: 5,
  request: {
    query: z.strictObject({
      quantity: whole(10_000).meta({ description: 'Places, in every hour', examples: ['16'] }),
      region: listText(region, 20).meta({
        description: 'Any of these, separated by commas',
        examples: ['us-central1'],
      }),
      starts_at: hour,
      ends_at: hour,
      resource_class: resourceClass.optional().meta({ description: 'Of that class only; whatever fits unless told' }),
      gpus: resourceText.optional().meta({ description: 'What a place needs at least', examples: ['1'] }),
      vcpus: resourceText.optional().meta({ examples: ['8'] }),
      memory_gib: resourceText.optional().meta({ examples: ['64'] }),
      storage_tib: resourceText.optional().meta({ examples: ['0'] }),
      purchasable: z.enum(['true', 'false']).optional().meta({
        description: 'true: only what can be bought here, without list prices of partners that have no service here',
      }),
      pricing: listText(z.enum(pricings), pricings.length)
        .optional()
        .meta({ description: 'Of these only, separated by commas', examples: ['contract,on_demand'] }),
    }),
  },
  responses: { 200: { description: 'The plan', schema: bestPrice } },
  rejections: ['account-not-open', 'capacity-window-invalid'],
})

const purchasePart = z.object({
  offer_id: z.string(),
  provider,
  resource_class: resourceClass,
  region,
  pricing: z.enum(pricings),
  units: z.number().int(),
  starts_at: instant,
  ends_at: instant,
  cost: decimalText,
  lot_id: commandId.nullable().meta({ description: 'What was bought, in the inventory; null until it is completed' }),
  partner_reference: z.string().nullable().meta({ description: 'What the partner calls its reservation' }),
})

export const partnerPurchase = z
  .object({
    purchase_id: commandId,
    purchase_state: z.enum(['pending', 'completed', 'failed']),
    step: z.string().meta({ description: 'How far the purchase has come' }),
    cost: decimalText.meta({ description: 'USD for all parts: held at first, paid once it is completed' }),
    parts: z.array(purchasePart),
    failure: z.string().nullable().meta({ description: 'Why nothing was bought, and nothing paid' }),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'PartnerPurchase' })

export const purchaseCapacity = operation({
  context: 'partners',
  name: 'purchase-capacity',
  method: 'POST',
  path: '/api/v1/partners/purchase',
  permission: 'partners:write',
  summary: 'Buy units of one or several offers, all of them or none',
  description:
    'Holds the money for all parts, has the partner or the contract reserve each, books them into the inventory and pays; or undoes all of it. `purchase` of GET /api/v1/partners/best-price is such a body. The price is the most that is paid: an offer that costs more by now is quote-expired. What is bought is in GET /api/v1/partners/inventory.',
  weight: 5,
  idempotency: 'header',
  request: { body: purchaseBody },
  responses: {
    202: { description: 'It is under way', schema: partnerPurchase },
    200: { description: 'With Prefer: wait, what became of it', schema: partnerPurchase },
  },
  rejections: [
    'account-not-open',
    'idempotency-key-required',
    'idempotency-conflict',
    'not-found',
    'capacity-window-invalid',
    'quote-expired',
    'purchase-above-offer',
    'partner-not-connected',
    'partner-unavailable',
    'engine-version-needed',
  ],
})

export const listPartnerPurchases = operation({
  context: 'partners',
  name: 'list-partner-purchases',
  method: 'GET',
  path: '/api/v1/partners/purchases',
  permission: 'partners:read',
  summary: 'List the account’s purchases',
  request: { query: z.strictObject({ ...pageQuery }) },
  responses: { 200: { description: 'Purchases, the newest first', schema: pageOf(partnerPurchase) } },
  rejections: ['invalid-cursor'],
})

export const getPartnerPurchase = operation({
  context: 'partners',
  name: 'get-partner-purchase',
  method: 'GET',
  path: '/api/v1/partners/purchases/{purchase_id}',
  permission: 'partners:read',
  summary: 'Read a purchase',
  request: { path: z.strictObject({ purchase_id: commandId }) },
  responses: { 200: { description: 'The purchase', schema: partnerPurchase } },
  rejections: ['not-found'],
})

const unitHours = z.object({
  available: z.number().int(),
  reserved: z.number().int(),
  delivered: z.number().int(),
  expired: z.number().int(),
} satisfies Record<(typeof unitStates)[number], z.ZodType>)

export const inventoryLot = z
  .object({
    lot_id: commandId,
    kind: z.enum(['contract', 'purchase']).meta({
      description: 'contract: what can still be bought from it is available; purchase: what is the account’s to use',
    }),
    reference: commandId.meta({ description: 'The contract or the purchase that it came from' }),
    provider,
    resource_class: resourceClass,
    region,
    vector: resourceVector,
    lane,
    units: z.number().int().meta({ description: 'In every hour' }),
    starts_at: instant,
    ends_at: instant,
    price: decimalText.meta({ description: 'USD for a unit and hour, as it has cost' }),
    unit_hours: unitHours.meta({ description: 'Over the window that was asked for; they add up to all of it' }),
    hours: z
      .array(z.object({ starts_at: instant, ...unitHours.shape }))
      .meta({ description: 'Hour by hour, at most 336 of them' }),
    is_expiring: z
      .boolean()
      .meta({ description: 'It ends within 48 hours with units left, which are offered to everybody' }),
    offered_price: decimalText.nullable(),
  })
  .meta({ id: 'InventoryLot' })

export const listPartnerInventory = operation({
  context: 'partners',
  name: 'list-partner-inventory',
  method: 'GET',
  path: '/api/v1/partners/inventory',
  permission: 'partners:read',
  summary: 'List the account’s capacity by lot and hour',
  weight: 2,
  request: {
    query: z.strictObject({
      starts_at: hour.optional().meta({ description: 'Of the hours that are told; this hour unless told' }),
      ends_at: hour.optional().meta({ description: 'At most 336 hours later; 24 unless told' }),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'Lots, what ends first comes first', schema: pageOf(inventoryLot) } },
  rejections: ['invalid-cursor', 'capacity-window-invalid'],
})

export const partnersOperations = [
  createPartnerContract,
  listPartnerContracts,
  getPartnerContract,
  findBestPrice,
  purchaseCapacity,
  listPartnerPurchases,
  getPartnerPurchase,
  listPartnerInventory,
  ...catalogueOperations,
  ...arbitrageOperations,
] as const

import { type PartnerService, partnerServices } from '#adapters/clients/partner.ts'
import { getCatalogueInForce } from '#adapters/tables/partner-catalogues.ts'
import { type ContractRow, contractsFor, getContract } from '#adapters/tables/partner-contracts.ts'
import { getLot, hoursOfLot, type LotRow, offeredLots } from '#adapters/tables/partner-inventory.ts'
import { catalogueDays, getProduct, type ProductRow, productsIn } from '#adapters/tables/partner-offers.ts'
import { hourMillis, type Offer, type Provider, providers } from '#domain/partners/catalogue.ts'
import { availableRuns, type HourWindow } from '#domain/partners/inventory.ts'
import { type ListPricing, listPricings, priceInForce } from '#domain/partners/price-history.ts'
import { logger } from '../shell/task.ts'

/** What an account can buy, and who was asked. */
export interface OffersFound {
  readonly offers: readonly Offer[]
  readonly sources: readonly OfferSourceAnswer[]
}

export interface OfferSourceAnswer {
  readonly source: string
  readonly offers: number
  /** Why it has told nothing, or what of it was left out. */
  readonly problem?: string
}

/**
 * Everything that an account can buy in some regions for a window: its own and shared contracts, lots of others that expire,
 * the catalogues in force, and what the services of partners quote now. A service that does not answer is told as such, and
 * the others are taken without it.
 */
export const offersFor = async (
  account: string,
  regions: readonly string[],
  window: HourWindow,
  nowMillis: number,
): Promise<OffersFound> => {
  const found = await Promise.all([
    told('contracts', () => contractOffers(account, regions, window, nowMillis)),
    told('expiring lots', () => expiringOffers(account, regions, window, nowMillis)),
    ...providers.map(provider => told(`${provider}: catalogue`, () => catalogueOffers(provider, regions, nowMillis))),
    ...[...partnerServices()].map(([provider, service]) => quotedOffers(provider, service, regions, window)),
  ])
  return {
    offers: found.flatMap(({ offers }) => offers),
    sources: found.map(({ offers, source, problem }) => ({
      source,
      offers: offers.length,
      ...(problem !== undefined && { problem }),
    })),
  }
}

interface Told {
  readonly source: string
  readonly offers: readonly Offer[]
  readonly problem?: string
}

const told = async (source: string, find: () => Promise<readonly Offer[]>): Promise<Told> => ({
  source,
  offers: await find(),
})

const quotedOffers = async (
  provider: Provider,
  service: PartnerService,
  regions: readonly string[],
  window: HourWindow,
): Promise<Told> => {
  const source = `${provider}: quotes`
  try {
    const quoted = await Promise.all(regions.map(region => service.quotesFor(region, window)))
    const leftOut = [...new Set(quoted.flatMap(each => each.leftOut))]
    const offers = quoted.flatMap(each => each.offers)
    if (leftOut.length === 0) return { source, offers }
    logger.warn('a service of a partner told what is no quote', { provider, left_out: leftOut.slice(0, 10) })
    return { source, offers, problem: `left out: ${leftOut.join('; ')}`.slice(0, 200) }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    logger.warn('a service of a partner told no quotes', { provider, problem })
    return { source, offers: [], problem: problem.slice(0, 200) }
  }
}

const contractOffers = async (
  account: string,
  regions: readonly string[],
  window: HourWindow,
  nowMillis: number,
): Promise<readonly Offer[]> => {
  const contracts = await contractsFor(account, regions)
  const serving = contracts.filter(
    row =>
      row.acceptUntilMillis > nowMillis && row.fromMillis < window.untilMillis && row.untilMillis > window.fromMillis,
  )
  return (await Promise.all(serving.map(row => offersOfContract(row, window, nowMillis)))).flat()
}

const offersOfContract = async (row: ContractRow, window: HourWindow, nowMillis: number): Promise<readonly Offer[]> => {
  const lot = await getLot(row.contractId)
  if (lot === undefined) throw new Error(`the contract ${row.contractId} has no lot`)
  return (await runsOf(lot, window, nowMillis)).map(({ fromMillis, untilMillis, units }) => ({
    offerId: contractOfferId(row.contractId),
    provider: row.provider,
    resourceClass: row.resourceClass,
    region: row.region,
    pricing: 'contract',
    priceMicrosPerUnitHour: row.priceMicrosPerUnitHour,
    availableUnits: units,
    minimumUnits: row.minimumUnits,
    vector: row.vector,
    validFromMillis: fromMillis,
    validUntilMillis: untilMillis,
    source: 'contract',
    acceptUntilMillis: row.acceptUntilMillis,
    lotId: row.contractId,
    ...(row.tiers.length > 0 && { tiers: row.tiers }),
  }))
}

/** Out of a lot, or of a partner whose service takes orders here. */
export const canBeBought = ({ lotId, provider }: Offer): boolean =>
  lotId !== undefined || partnerServices().has(provider)

export const contractOfferId = (contractId: string): string => `contract:${contractId}`
const lotOfferId = (lotId: string): string => `lot:${lotId}`

/** Of the hours that are not over. */
const runsOf = async (lot: LotRow, window: HourWindow, nowMillis: number) => {
  const fromMillis = Math.max(window.fromMillis, Math.floor(nowMillis / hourMillis) * hourMillis)
  return availableRuns(await hoursOfLot(lot, { fromMillis, untilMillis: window.untilMillis }))
}

const expiringOffers = async (
  account: string,
  regions: readonly string[],
  window: HourWindow,
  nowMillis: number,
): Promise<readonly Offer[]> => {
  const lots = (await Promise.all(regions.map(region => offeredLots(region, nowMillis)))).flat()
  // Its own it has: it need not buy them.
  const others = lots.filter(lot => lot.account !== account)
  return (await Promise.all(others.map(lot => offersOfLot(lot, window, nowMillis)))).flat()
}

const offersOfLot = async (lot: LotRow, window: HourWindow, nowMillis: number): Promise<readonly Offer[]> => {
  const { expiring } = lot
  if (expiring === undefined || lot.state !== 'open') return []
  return (await runsOf(lot, window, nowMillis)).map(({ fromMillis, untilMillis, units }) => ({
    offerId: lotOfferId(lot.lotId),
    provider: lot.provider,
    resourceClass: lot.resourceClass,
    region: lot.region,
    pricing: 'contract',
    priceMicrosPerUnitHour: expiring.priceMicrosPerUnitHour,
    availableUnits: units,
    minimumUnits: 1,
    vector: lot.vector,
    validFromMillis: fromMillis,
    validUntilMillis: untilMillis,
    source: 'inventory',
    lotId: lot.lotId,
  }))
}

const catalogueOffers = async (
  provider: Provider,
  regions: readonly string[],
  nowMillis: number,
): Promise<readonly Offer[]> => {
  const inForce = await getCatalogueInForce(provider)
  if (inForce === undefined) return []
  const products = await Promise.all(regions.map(region => productsIn(inForce.importId, region)))
  return products
    .flat()
    .flatMap(product =>
      listPricings.flatMap(pricing => listOffer(provider, product, pricing, inForce.sinceMillis, nowMillis)),
    )
}

/** A list price is taken to hold from its import on, for as long as the catalogue is not out of date. */
const listOffer = (
  provider: Provider,
  { product, resourceClass, region, vector, history }: ProductRow,
  pricing: ListPricing,
  sinceMillis: number,
  nowMillis: number,
): readonly Offer[] => {
  const price = priceInForce(history, pricing, nowMillis)
  if (price === undefined) return []
  return [
    {
      offerId: `${provider}:${region}:${product}:${pricing}`,
      provider,
      resourceClass,
      region,
      pricing,
      priceMicrosPerUnitHour: price.micros,
      availableUnits: 'unlimited',
      minimumUnits: 1,
      vector,
      validFromMillis: Math.floor(sinceMillis / hourMillis) * hourMillis,
      validUntilMillis: sinceMillis + catalogueDays * 24 * hourMillis,
      source: 'catalogue',
      changesPerYear: price.changesPerYear,
    },
  ]
}

/** An offer by its id, as it is now. */
export interface NamedOffer {
  /** By hours: those of a lot have each their own number of units. */
  readonly offers: readonly Offer[]
  /** Whose units they are, where another account is paid for them. */
  readonly seller?: LotRow
}

/** Undefined where there is none, or none that is the account's business. */
export const offerNamed = async (
  account: string,
  offerId: string,
  window: HourWindow,
  nowMillis: number,
): Promise<NamedOffer | undefined> => {
  const [kind = '', ...rest] = offerId.split(':')
  const [first = '', product = '', pricingText = ''] = rest
  if (kind === 'contract') {
    const row = uuid.test(first) ? await getContract(account, first) : undefined
    return row === undefined ? undefined : { offers: await offersOfContract(row, window, nowMillis) }
  }
  if (kind === 'lot') {
    const lot = uuid.test(first) ? await getLot(first) : undefined
    if (lot?.expiring === undefined || lot.account === account) return undefined
    return { offers: await offersOfLot(lot, window, nowMillis), seller: lot }
  }
  const provider = providers.find(each => each === kind)
  if (provider === undefined) return undefined
  if (first === 'quote' && rest.length === 2) {
    const quoted = await partnerServices().get(provider)?.quoteNamed(product)
    return quoted === undefined ? undefined : { offers: [quoted] }
  }
  const pricing = listPricings.find(each => each === pricingText)
  const inForce = rest.length === 3 && pricing !== undefined ? await getCatalogueInForce(provider) : undefined
  if (inForce === undefined || pricing === undefined) return undefined
  const row = await getProduct(inForce.importId, first, product)
  const offers = row === undefined ? [] : listOffer(provider, row, pricing, inForce.sinceMillis, nowMillis)
  return offers.length === 0 ? undefined : { offers }
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

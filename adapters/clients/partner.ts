import * as z from 'zod'
import { type Offer, type Provider, providers } from '#domain/partners/catalogue.ts'
import type { HourWindow } from '#domain/partners/inventory.ts'
import { micros } from '#domain/units.ts'
import { partnerServicesEnvironmentVariable, partnerServiceUrls } from '#protocol/partner-service.ts'
import { type OutsideAnswer, outsideService, type Patience } from './outside-service.ts'
import { once } from './transport.ts'

const amount = z.number().min(0).max(100_000)
const count = z.int().min(1).max(1_000_000)

const priceMicros = (text: string, context: z.RefinementCtx<string>): number => {
  const price = micros(text)
  if (price !== undefined && price > 0) return price
  context.addIssue('must be USD above 0 with at most 6 decimals')
  return z.NEVER
}

/** A quote as a partner's service tells it. */
const quote = z.object({
  quote_id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/),
  resource_class: z.string().regex(/^[A-Z0-9][A-Z0-9._-]{0,39}$/),
  region: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/),
  pricing: z.enum(['on_demand', 'spot']),
  price: z.string().max(28).transform(priceMicros),
  available_units: z.int().min(0).max(1_000_000).nullable(),
  minimum_units: count,
  vector: z.object({ gpus: amount, vcpus: amount, memory_gib: amount, storage_tib: amount }),
  starts_at: z.iso.datetime(),
  ends_at: z.iso.datetime(),
  accept_until: z.iso.datetime(),
})
const quotes = z.object({ quotes: z.array(z.unknown()).max(500) })
const named = z.object({ quote_id: z.string() })
const reserved = z.object({ reference: z.string().min(1).max(120) })
const refused = z.object({ reason: z.string().max(300) })

const mostBytes = 512 * 1024
/** So that three attempts and their pauses fit into the 20 seconds of a task. */
const usualPatience: Patience = { timeoutMillis: 4_000, mostRetries: 2, firstPauseMillis: 200, openMillis: 30_000 }

export interface Reservation {
  /** Ours: however often it is asked for, it is one. */
  readonly reservationId: string
  readonly offerId: string
  readonly units: number
  readonly window: HourWindow
  readonly priceMicrosPerUnitHour: number
}

export type ReservationAnswer =
  | { readonly accepted: true; readonly reference: string }
  | { readonly accepted: false; readonly reason: string }

export interface QuotesTold {
  readonly offers: readonly Offer[]
  /** What it told that is no quote, and why: left out. */
  readonly leftOut: readonly string[]
}

export interface PartnerService {
  /** What it offers in a region for a window. Rejects where it does not answer in time, or with something else than a list. */
  quotesFor(region: string, window: HourWindow): Promise<QuotesTold>
  /** Undefined where it cannot be had any more. */
  quoteNamed(quoteId: string): Promise<Offer | undefined>
  reserve(reservation: Reservation): Promise<ReservationAnswer>
  /** Also of one that was never made, or of which nobody knows whether it was. */
  release(reservationId: string): Promise<void>
}

export const partnerServiceAt = (
  provider: Provider,
  url: string,
  patience: Patience = usualPatience,
): PartnerService => {
  const { ask } = outsideService({ name: `the service of ${provider}`, url, mostBytes, patience })
  return {
    quotesFor: async (region, { fromMillis, untilMillis }) => {
      const query = new URLSearchParams({
        region,
        starts_at: new Date(fromMillis).toISOString(),
        ends_at: new Date(untilMillis).toISOString(),
      })
      const { text } = await ask({ method: 'GET', path: `/quotes?${query}`, expected: [200] }, asItIs)
      const told = answerIn(quotes, text).quotes.map(each => ({ each, read: quote.safeParse(each) }))
      const leftOut = told.flatMap(({ each, read }) =>
        read.success ? [] : `${named.safeParse(each).data?.quote_id ?? 'a quote'}: ${faultIn(read.error)}`,
      )
      // What it tells of others beside is asked for there; of what is sold out there is nothing to tell.
      const offers = told.flatMap(({ read: { data } }) =>
        data === undefined || data.region !== region || data.available_units === 0 ? [] : offerOf(provider, data),
      )
      return { offers, leftOut }
    },
    quoteNamed: async quoteId => {
      const path = `/quotes/${encodeURIComponent(quoteId)}`
      const { status, text } = await ask({ method: 'GET', path, expected: [200, 404, 410] }, asItIs)
      return status === 200 ? offerOf(provider, answerIn(quote, text)) : undefined
    },
    reserve: async ({ reservationId, offerId, units, window, priceMicrosPerUnitHour }) => {
      const { status, text } = await ask(
        {
          method: 'PUT',
          path: `/reservations/${reservationId}`,
          expected: [200, 201, 409, 410, 422],
          body: {
            offer_id: offerId,
            units,
            starts_at: new Date(window.fromMillis).toISOString(),
            ends_at: new Date(window.untilMillis).toISOString(),
            price_micros: priceMicrosPerUnitHour,
          },
        },
        asItIs,
      )
      return status < 300
        ? { accepted: true, reference: answerIn(reserved, text).reference }
        : { accepted: false, reason: answerIn(refused, text).reason }
    },
    release: async reservationId => {
      await ask({ method: 'DELETE', path: `/reservations/${reservationId}`, expected: [200, 204, 404] }, asItIs)
    },
  }
}

/** An answer that says something else than it should is not asked for again. */
const asItIs = (answer: OutsideAnswer): OutsideAnswer => answer

/** In the words that customers are shown. */
const faultIn = ({ issues: [first] }: z.ZodError): string =>
  first === undefined ? 'is not understood' : `${first.path.join('.')} ${first.message}`.trim()

const answerIn = <Told extends z.ZodType>(told: Told, text: string): z.infer<Told> => {
  const read = told.safeParse(JSON.parse(text))
  if (!read.success) throw new Error(`tells what is not understood: ${faultIn(read.error)}`)
  return read.data
}

const offerOf = (provider: Provider, told: z.infer<typeof quote>): Offer => ({
  offerId: quoteOfferId(provider, told.quote_id),
  provider,
  resourceClass: told.resource_class,
  region: told.region,
  pricing: told.pricing,
  priceMicrosPerUnitHour: told.price,
  availableUnits: told.available_units ?? 'unlimited',
  minimumUnits: told.minimum_units,
  vector: {
    gpus: told.vector.gpus,
    vcpus: told.vector.vcpus,
    memoryGib: told.vector.memory_gib,
    storageTib: told.vector.storage_tib,
  },
  validFromMillis: Date.parse(told.starts_at),
  validUntilMillis: Date.parse(told.ends_at),
  source: 'quote',
  acceptUntilMillis: Date.parse(told.accept_until),
})

export const quoteOfferId = (provider: Provider, quoteId: string): string => `${provider}:quote:${quoteId}`

/** The services of the tenant's partners, by provider. */
export const partnerServices = once((): ReadonlyMap<Provider, PartnerService> => {
  const urls = partnerServiceUrls(process.env[partnerServicesEnvironmentVariable])
  return new Map(
    providers.flatMap(provider => {
      const url = urls[provider]
      return url === undefined ? [] : [[provider, partnerServiceAt(provider, url)] as const]
    }),
  )
})

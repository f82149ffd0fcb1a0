import * as z from 'zod'
import { type Provider, providers } from '#domain/partners/catalogue.ts'

/**
 * Where the services of partners are: JSON, an address by provider; empty or `{}` where there is none. What such a service
 * answers, the same for every provider (docs/protocol/partner-service.md):
 *
 *     GET    <url>/quotes?region=…&starts_at=…&ends_at=…   {"quotes": [quote]}
 *     GET    <url>/quotes/<quote_id>                         quote, or 404 once it cannot be had
 *     PUT    <url>/reservations/<reservation_id>             {"reference"}; 409 where it cannot be had
 *     DELETE <url>/reservations/<reservation_id>             204, also where there is none: then none can be made under that id
 */
export const partnerServicesEnvironmentVariable = 'PARTNER_SERVICE_URLS'

const addresses = z.partialRecord(z.enum(providers), z.url({ protocol: /^https?$/ }))

/** Throws where it is no such JSON. */
export const partnerServiceUrls = (text: string | undefined): Readonly<Partial<Record<Provider, string>>> =>
  text === undefined || text === '' ? {} : addresses.parse(JSON.parse(text))

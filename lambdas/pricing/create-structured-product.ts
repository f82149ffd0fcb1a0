import type { createStructuredProduct } from '#protocol/operations/pricing.ts'
import { listContract } from '../reference/list-instrument.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { decimalTextOf } from './decimal-text.ts'
import { appraise, givenPayoff, highestPrice } from './payoff-appraisal.ts'

const pairs = 10_000

/** Checked and priced here, then listed as POST /api/v1/markets lists it. */
export const handle: Handle<typeof createStructuredProduct> = async ({ body, principal, headers }) => {
  const given = givenPayoff(body.payoff)
  if ('code' in given) return given
  const appraised = await appraise(given, pairs)
  if ('code' in appraised) return appraised
  const { payoff: _, ...asked } = body
  const listed = await listContract(
    { ...asked, kind: 'structured_product', quote_currency: 'USD', terms: { payoff: given.document } },
    principal,
    headers,
  )
  if ('code' in listed) return pointed(listed)
  return {
    status: listed.status,
    body: {
      instrument_name: listed.body.instrument_name,
      max_price: body.max_price ?? highestPrice(given.bounds, body.tick_size) ?? '0',
      value: decimalTextOf(appraised.value, 8),
      standard_error: decimalTextOf(appraised.standardError, 8),
    },
    ...(listed.headers === undefined ? {} : { headers: listed.headers }),
  }
}

/** A fault of the terms, told of where they stand in this request. */
const pointed = <Refusal extends Rejection>(refusal: Refusal): Refusal =>
  refusal.errors === undefined
    ? refusal
    : {
        ...refusal,
        errors: refusal.errors.map(({ pointer, detail }) => ({
          pointer: pointer.replace(/^#\/terms\/payoff/, '#/payoff'),
          detail,
        })),
      }

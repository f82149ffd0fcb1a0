import type { previewStructuredProduct } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { decimalTextOf } from './decimal-text.ts'
import { appraise, givenPayoff, highestPrice } from './payoff-appraisal.ts'

export const handle: Handle<typeof previewStructuredProduct> = async ({ body }) => {
  const given = givenPayoff(body.payoff)
  if ('code' in given) return given
  const { document, tree, bounds } = given
  const maxPrice = highestPrice(bounds, body.tick_size)
  if (maxPrice === undefined)
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/tick_size', detail: 'must have at most six digits after the point' }],
    }
  const appraised = await appraise(given, Math.floor(body.paths / 2), body)
  if ('code' in appraised) return appraised
  return {
    status: 200,
    body: {
      payoff: { ...document },
      lowest: decimalTextOf(bounds.lowest, 12),
      highest: decimalTextOf(bounds.highest, 12),
      max_price: maxPrice,
      value: decimalTextOf(appraised.value, 8),
      standard_error: decimalTextOf(appraised.standardError, 8),
      method: appraised.method,
      paths: appraised.paths,
      indices: appraised.indices.map(({ name, level, volatility, isDefault }) => ({
        index: name,
        level: decimalTextOf(level, 8),
        iv: decimalTextOf(volatility * 100, 4),
        is_default_iv: isDefault,
      })),
      payment_dates: [...tree.paymentDates].sort(),
    },
  }
}

import { type Instrument, maxInt32 } from '../reference/instrument.ts'
import { decimal, increments } from '../units.ts'

/** An order's price and amount as its instrument counts them: converted exactly or refused, never rounded. */
export type Counted =
  | { readonly ok: true; readonly count: number }
  | {
      readonly ok: false
      readonly code: 'price-off-tick' | 'price-out-of-range' | 'amount-off-lot' | 'amount-out-of-range'
      readonly detail: string
    }

export const countTicks = (price: string, { specification, maxPriceTicks }: Instrument): Counted => {
  const { tickSize } = specification
  const most = decimal(maxPriceTicks, tickSize)
  if (exceeds(price, most)) return { ok: false, code: 'price-out-of-range', detail: `must not be above ${most}` }
  const ticks = increments(price, tickSize)
  if (ticks === undefined) return { ok: false, code: 'price-off-tick', detail: `must be a multiple of ${tickSize}` }
  if (ticks < 1) return { ok: false, code: 'price-out-of-range', detail: 'must be greater than zero' }
  return { ok: true, count: ticks }
}

export const countLots = (amount: string, { specification }: Instrument): Counted => {
  const { minTradeAmount } = specification
  const most = decimal(maxInt32, minTradeAmount)
  if (exceeds(amount, most)) return { ok: false, code: 'amount-out-of-range', detail: `must not be above ${most}` }
  const lots = increments(amount, minTradeAmount)
  if (lots === undefined)
    return { ok: false, code: 'amount-off-lot', detail: `must be a multiple of ${minTradeAmount}` }
  if (lots < 1) return { ok: false, code: 'amount-out-of-range', detail: 'must be greater than zero' }
  return { ok: true, count: lots }
}

/** Of two plain decimals, whether the first is the larger: by digits, since neither may fit a float. */
const exceeds = (decimalText: string, bound: string): boolean => aligned(decimalText) > aligned(bound)

const aligned = (decimalText: string): string => {
  const [whole = '', fraction = ''] = decimalText.split('.')
  return whole.padStart(32, '0') + fraction.padEnd(12, '0')
}

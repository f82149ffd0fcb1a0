import { decimalPattern } from '../units.ts'

/** A price as a fraction of integers: `top / bottom`, in units of the price. Never rounded before it is counted in ticks. */
export interface ExactPrice {
  readonly top: bigint
  readonly bottom: bigint
}

const digits = 12
const scale = 10n ** BigInt(digits)

/** A plain decimal exactly. Throws where the text is none. */
export const exactPrice = (text: string): ExactPrice => {
  if (!decimalPattern.test(text)) throw new RangeError(`not a decimal: ${text}`)
  const [whole = '0', fraction = ''] = text.split('.')
  return { top: BigInt(whole) * scale + BigInt(fraction.padEnd(digits, '0')), bottom: scale }
}

export const exactMicros = (micros: bigint): ExactPrice => ({ top: micros, bottom: 1_000_000n })

/** Arithmetic mean of decimals; undefined where there are none. */
export const exactMean = (levels: readonly string[]): ExactPrice | undefined =>
  levels.length === 0
    ? undefined
    : { top: levels.reduce((sum, level) => sum + exactPrice(level).top, 0n), bottom: scale * BigInt(levels.length) }

export const isAbove = (one: ExactPrice, other: ExactPrice): boolean => one.top * other.bottom > other.top * one.bottom

/** What the first exceeds the second by; zero where it does not. */
export const excess = (one: ExactPrice, other: ExactPrice): ExactPrice =>
  isAbove(one, other)
    ? { top: one.top * other.bottom - other.top * one.bottom, bottom: one.bottom * other.bottom }
    : { top: 0n, bottom: 1n }

/** In ticks, to the nearest, halves up. The price is not negative. */
export const exactTicks = ({ top, bottom }: ExactPrice, tickSize: string): bigint => {
  const tick = exactPrice(tickSize)
  const [count, of] = [top * tick.bottom, bottom * tick.top]
  return (2n * count + of) / (2n * of)
}

/** As decimal text to twelve digits, halves up: for reading, never for computing on. */
export const toldPrice = ({ top, bottom }: ExactPrice): string => {
  const scaled = (2n * top * scale + bottom) / (2n * bottom)
  const fraction = (scaled % scale).toString().padStart(digits, '0').replace(/0+$/, '')
  return fraction === '' ? `${scaled / scale}` : `${scaled / scale}.${fraction}`
}

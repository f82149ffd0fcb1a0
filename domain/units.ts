/**
 * Exact conversion between the decimal strings that travel on the HTTP API and the integers used inside.
 * No amount ever passes through a float: strings are cut by digits and scaled as BigInt, and leave as safe integers.
 */

/** A plain decimal: no sign, no exponent, no leading zeros, at most 15 digits before and 12 after the point. */
export const decimalPattern = /^(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?$/

const scaleDigits = 12
const scale = 10n ** BigInt(scaleDigits)

/** The decimal times 10^12, or undefined where the text is no plain decimal. */
const scaled = (text: string): bigint | undefined => {
  if (!decimalPattern.test(text)) return undefined
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole) * scale + BigInt(fraction.padEnd(scaleDigits, '0'))
}

/**
 * How many whole increments a decimal is, both as text: `increments('2.55', '0.05')` is 51.
 * Undefined where either is no decimal, the increment is zero, it does not divide exactly, or the result is unsafe.
 */
export const increments = (text: string, increment: string): number | undefined => {
  const value = scaled(text)
  const step = scaled(increment)
  if (value === undefined || step === undefined || step === 0n || value % step !== 0n) return undefined
  const count = value / step
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : undefined
}

/** A decimal as micros (millionths), or undefined where it is finer than that or too large. */
export const micros = (text: string): number | undefined => increments(text, '0.000001')

/** `count` increments as the shortest decimal text: `decimal(51, '0.05')` is '2.55'. Throws where `increment` is none. */
export const decimal = (count: number | bigint, increment: string): string => {
  const step = scaled(increment)
  if (step === undefined) throw new RangeError(`not a decimal increment: ${increment}`)
  return unscaled(BigInt(count) * step)
}

/** Micros as decimal text, negative with a leading minus: `decimalOfMicros(-2_500_000)` is '-2.5'. */
export const decimalOfMicros = (amountMicros: number | bigint): string => decimal(amountMicros, '0.000001')

/**
 * An average price as decimal text, rounded half up to 12 digits: `numerator / denominator` increments.
 * Undefined where there is nothing to divide by.
 */
export const decimalRatio = (numerator: number, denominator: number, increment: string): string | undefined => {
  const step = scaled(increment)
  if (step === undefined) throw new RangeError(`not a decimal increment: ${increment}`)
  if (denominator === 0) return undefined
  const top = BigInt(numerator) * step
  const bottom = BigInt(denominator)
  const negative = top < 0n !== bottom < 0n && top !== 0n
  const [high, low] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom]
  const rounded = (high * 2n + low) / (low * 2n)
  return unscaled(negative ? -rounded : rounded)
}

const unscaled = (value: bigint): string => {
  const magnitude = value < 0n ? -value : value
  const fraction = (magnitude % scale).toString().padStart(scaleDigits, '0').replace(/0+$/, '')
  const text = fraction === '' ? `${magnitude / scale}` : `${magnitude / scale}.${fraction}`
  return value < 0n ? `-${text}` : text
}

/** A number as decimal text of so many digits, without trailing zeros; never an exponent. */
export const decimalTextOf = (value: number, digits: number): string => {
  const text = value.toFixed(digits)
  const short = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
  return short === '-0' ? '0' : short
}

import type { Numbers } from '#adapters/tables/liquidations.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'

/** A number that a step of ours has stored. */
export const numberIn = (numbers: Numbers, name: string): number => {
  const value = numbers[name]
  if (typeof value !== 'number') throw new Error(`${name} is no number of the step`)
  return value
}

/** As people are told them: names in snake_case, micros as USD. */
export const toldNumbers = (numbers: Numbers): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]) =>
      name.endsWith('Micros') && (typeof value === 'number' || typeof value === 'string')
        ? [snakeCase(name.slice(0, -'Micros'.length)), decimalOfMicros(BigInt(value))]
        : [snakeCase(name), told(value)],
    ),
  )

const told = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(told)
  return typeof value === 'object' && value !== null ? toldNumbers({ ...value }) : value
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** A signed number of increments as decimal text. */
export const signedText = (count: number, increment: string): string =>
  count < 0 ? `-${decimal(-count, increment)}` : decimal(count, increment)

import type { Numbers } from '#adapters/tables/liquidations.ts'

/** A number that a step of ours has stored. */
export const numberIn = (numbers: Numbers, name: string): number => {
  const value = numbers[name]
  if (typeof value !== 'number') throw new Error(`${name} is no number of the step`)
  return value
}

/** Instruments and lanes are numbered below it. */
const mostNumbers = 2 ** 21

/**
 * Tells an account's positions of several lanes apart, whose instruments have the same numbers: 0 stands for its home, where a
 * position is named by its instrument.
 */
export const keyOf = (lane: number, instrumentId: number): number => lane * mostNumbers + instrumentId

/** Of the positions that lie in that lane. */
export const instrumentsOfLane = (keys: readonly number[], lane: number): readonly number[] =>
  keys.filter(key => Math.floor(key / mostNumbers) === lane).map(key => key % mostNumbers)

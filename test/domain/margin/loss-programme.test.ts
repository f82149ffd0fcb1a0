import { expect, test } from '@jest/globals'
import { loadSolver } from '#adapters/highs.ts'
import { type IntegerProgramme, ProgrammeBuilder } from '#domain/integer-programme.ts'
import { allocateLoss, type Winner } from '#domain/margin/loss-allocation.ts'
import { randomOf } from './random-books.ts'

/** Gains and the loss as shares of all gains, of which the solver's tolerances, some 1e-7, are parts. */
const programmeOf = (winners: readonly Winner[], lossMicros: number, gains: number): IntegerProgramme => {
  const programme = new ProgrammeBuilder()
  const largestShare = programme.column(0, Number.POSITIVE_INFINITY, -1)
  const shares = winners.map(({ gainMicros }) => gainMicros / gains)
  const haircuts = shares.map(share => programme.column(0, share))
  programme.row(
    lossMicros / gains,
    lossMicros / gains,
    haircuts.flatMap(column => [column, 1]),
  )
  for (const [at, column] of haircuts.entries())
    programme.row(Number.NEGATIVE_INFINITY, 0, [column, 1, largestShare, -(shares[at] ?? 0)])
  return programme.build({ absoluteGap: 0, mostNodes: 1, mostIterations: 100_000 })
}

test('the certificate of a haircut is what a solver of linear programmes finds: value and multiplier of the loss', async () => {
  const solve = await loadSolver()
  const { below } = randomOf(41)
  for (let round = 0; round < 400; round++) {
    const winners = Array.from({ length: 1 + below(12) }, (_, at) => ({
      accountId: at + 1,
      gainMicros: 1 + below(10 ** (1 + below(12))),
    }))
    const gains = winners.reduce((sum, { gainMicros }) => sum + gainMicros, 0)
    const lossMicros = 1 + below(gains)
    const answer = allocateLoss({ lossMicros, fundMicros: 0, fundLimitMicros: 0, winners })
    if (!answer.accepted) throw new Error(answer.code)
    const { primal, lossMultiplier } = answer.value.certificate
    const solved = solve(programmeOf(winners, lossMicros, gains))
    expect(solved.status).toBe('optimal')
    expect(-solved.bound).toBeCloseTo(Number(primal[0]) / Number(primal[1]), 7)
    // Of shares, where a micro is 1 / gains; an end of the interval has a dual on each side.
    if (lossMicros < gains)
      expect(-(solved.rowDuals[0] ?? 0)).toBeCloseTo((Number(lossMultiplier[0]) / Number(lossMultiplier[1])) * gains, 5)
  }
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  allocateLoss,
  faultsOf,
  fundLimitMicros,
  type LossAllocation,
  type LossInputs,
} from '#domain/margin/loss-allocation.ts'

const allocation = (inputs: LossInputs): LossAllocation => {
  const answer = allocateLoss(inputs)
  if (!answer.accepted) throw new Error(`${answer.code} ${answer.field}`)
  return answer.value
}
const inputs: LossInputs = {
  lossMicros: 110,
  fundMicros: 50,
  fundLimitMicros: 10,
  winners: [
    { accountId: 7, gainMicros: 100 },
    { accountId: 3, gainMicros: 100 },
    { accountId: 5, gainMicros: 101 },
  ],
}

describe('a loss', () => {
  test('is paid by the fund to its limit, then pro rata by largest remainder, to the micro', () => {
    expect(allocation(inputs)).toEqual({
      fundPaysMicros: 10,
      // 100/301, 100/301 and 101/301 of 100: 33.22, 33.22, 33.55.
      haircuts: [
        { accountId: 7, haircutMicros: 33 },
        { accountId: 3, haircutMicros: 33 },
        { accountId: 5, haircutMicros: 34 },
      ],
      uncoveredMicros: 0,
      certificate: { primal: ['100', '301'], lossMultiplier: ['1', '301'], dual: ['100', '301'] },
    })
    // A tie goes to the lower account.
    const tie = { ...inputs, lossMicros: 11, winners: inputs.winners.slice(0, 2) }
    expect(allocation(tie).haircuts).toEqual([
      { accountId: 7, haircutMicros: 0 },
      { accountId: 3, haircutMicros: 1 },
    ])
  })

  test('beyond all gains is said to be uncovered; without winners all of it', () => {
    const all = allocation({ ...inputs, lossMicros: 1_000 })
    expect(all.haircuts.map(({ haircutMicros }) => haircutMicros)).toEqual([100, 100, 101])
    expect(all.uncoveredMicros).toBe(1_000 - 10 - 301)
    expect(allocation({ ...inputs, winners: [] })).toMatchObject({ haircuts: [], uncoveredMicros: 100 })
    expect(faultsOf({ ...inputs, winners: [] }, allocation({ ...inputs, winners: [] }))).toEqual([])
  })

  const some = fc.record({
    lossMicros: fc.nat(2_000_000_000_000),
    fundMicros: fc.nat(1_000_000_000),
    fundLimitMicros: fc.nat(1_000_000_000),
    winners: fc.uniqueArray(
      fc.record({ accountId: fc.integer({ min: 1, max: 999 }), gainMicros: fc.nat(1_000_000_000_000) }),
      {
        selector: ({ accountId }) => accountId,
        maxLength: 12,
      },
    ),
  })

  test('sums to itself, and the certificate proves that nobody could do better', () => {
    fc.assert(
      fc.property(some, given => {
        const answer = allocation(given)
        expect(faultsOf(given, answer)).toEqual([])
        const paid = answer.haircuts.reduce((sum, { haircutMicros }) => sum + haircutMicros, 0)
        expect(answer.fundPaysMicros + paid + answer.uncoveredMicros).toBe(given.lossMicros)
      }),
    )
  })

  test('shared in any other way has a larger largest share, or a fault that is found', () => {
    fc.assert(
      fc.property(some, fc.nat(), fc.nat(), fc.integer({ min: 2, max: 1_000_000 }), (given, from, to, moved) => {
        const answer = allocation(given)
        const { haircuts } = answer
        fc.pre(haircuts.length > 1)
        const [giver, taker] = [from % haircuts.length, to % haircuts.length]
        fc.pre(giver !== taker)
        const shifted = haircuts.map((each, index) => ({
          ...each,
          haircutMicros: each.haircutMicros + (index === giver ? -moved : index === taker ? moved : 0),
        }))
        expect(faultsOf(given, { ...answer, haircuts: shifted })).not.toEqual([])
      }),
    )
  })

  test('a certificate that does not prove it is found', () => {
    const answer = allocation(inputs)
    const { certificate } = answer
    const faults = (change: object) => faultsOf(inputs, { ...answer, ...change })
    expect(faults({ certificate: { ...certificate, primal: ['101', '301'] } })).toContain(
      'primal and dual differ: not proved optimal',
    )
    expect(faults({ certificate: { ...certificate, lossMultiplier: ['1', '300'] } })).toContain(
      'the dual is not feasible',
    )
    expect(faults({ certificate: { ...certificate, dual: ['99', '301'] } })).toContain('the dual has another value')
    expect(faults({ certificate: { ...certificate, dual: ['1', '0'] } })).toEqual(['no certificate'])
    expect(faults({ fundPaysMicros: 9 })).toContain('the fund does not pay first')
    expect(faults({ haircuts: answer.haircuts.slice(1) })).toContain('not every winner is told of')
  })

  test('hostile inputs, by name', () => {
    const refusal = (change: Partial<LossInputs>) => allocateLoss({ ...inputs, ...change })
    expect(refusal({ lossMicros: -1 })).toMatchObject({ code: 'out-of-range', field: 'lossMicros' })
    expect(refusal({ fundMicros: 0.5 })).toMatchObject({ code: 'not-an-integer', field: 'fundMicros' })
    expect(refusal({ winners: [{ accountId: 1, gainMicros: -1 }] })).toMatchObject({ field: 'winners/1/gainMicros' })
    expect(refusal({ winners: [...inputs.winners, { accountId: 3, gainMicros: 1 }] })).toMatchObject({
      field: 'winners/3',
    })
    expect(fundLimitMicros(1_000_000, 300_000)).toBe(300_000)
    expect(fundLimitMicros(Number.MAX_SAFE_INTEGER, 999_999)).toBe(9_007_190_247_541_736)
  })
})

import { describe, expect, test } from '@jest/globals'
import { type LiquidationState, nextMove } from '#domain/margin/liquidation-move.ts'

const tranche = {
  steps: [],
  isRestored: false,
  equityBeforeMicros: 5,
  requirementBeforeMicros: 9,
  equityAfterMicros: 5,
  requirementAfterMicros: 9,
}
const step = { instrumentId: 1, lots: -1, limitMicros: 1, excessBeforeMicros: -4, excessAfterMicros: 0 }
const move = (change: Partial<LiquidationState> = {}) =>
  nextMove({
    tranche,
    openPositions: 1,
    expiredPositions: 0,
    cashMicros: 5,
    auctionsHeld: 0,
    mostAuctions: 2,
    isFundSpent: false,
    isLossAllocated: false,
    ...change,
  })
const owing = {
  openPositions: 0,
  cashMicros: -5,
  tranche: { ...tranche, equityBeforeMicros: -5, requirementBeforeMicros: 0 },
}

describe('the waterfall', () => {
  test('reduces while the books help, also where that restores; ends once nothing is left to do', () => {
    expect(move({ tranche: { ...tranche, steps: [step] } })).toBe('reduce')
    expect(move({ tranche: { ...tranche, steps: [step], isRestored: true } })).toBe('reduce')
    expect(move({ tranche: { ...tranche, isRestored: true } })).toBe('end')
    // Without the buffer, where the books do nothing more.
    expect(move({ tranche: { ...tranche, equityBeforeMicros: 9 } })).toBe('end')
  })

  test('auctions what the books leave, so many times', () => {
    expect([move(), move({ auctionsHeld: 1 }), move({ auctionsHeld: 2 })]).toEqual(['auction', 'auction', 'stuck'])
    expect(move({ openPositions: 0, expiredPositions: 1, cashMicros: -5 })).toBe('wait')
    expect(move({ expiredPositions: 1 })).toBe('auction')
  })

  test('has the fund pay before the winners, and then nobody', () => {
    expect(move(owing)).toBe('cover')
    expect(move({ ...owing, isFundSpent: true })).toBe('haircut')
    expect(move({ ...owing, isFundSpent: true, isLossAllocated: true })).toBe('stuck')
    expect(move({ openPositions: 0 })).toBe('stuck')
  })
})

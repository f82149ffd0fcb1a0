import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { feeMicros } from '#domain/ledger/fees.ts'
import { fillPosition, type Position } from '#domain/ledger/position.ts'

const flat = (): Position => ({ sizeLots: 0, entryTickLots: 0, realisedMicros: 0 })

/** Fills as [signed lots, price] on a flat position; one tick of one lot is one micro. */
const positionAfter = (...fills: readonly (readonly [number, number])[]): Position => {
  const position = flat()
  for (const [signedLots, priceTicks] of fills) fillPosition(position, signedLots, priceTicks, 1)
  return position
}

describe('a position', () => {
  test.each<[string, readonly (readonly [number, number])[], Position]>([
    ['opens long', [[5, 10]], { sizeLots: 5, entryTickLots: 50, realisedMicros: 0 }],
    ['opens short', [[-5, 10]], { sizeLots: -5, entryTickLots: -50, realisedMicros: 0 }],
    [
      'grows',
      [
        [5, 10],
        [5, 12],
      ],
      { sizeLots: 10, entryTickLots: 110, realisedMicros: 0 },
    ],
    [
      'closes with a profit',
      [
        [5, 10],
        [-5, 12],
      ],
      { sizeLots: 0, entryTickLots: 0, realisedMicros: 10 },
    ],
    [
      'closes short with a loss',
      [
        [-5, 10],
        [5, 12],
      ],
      { sizeLots: 0, entryTickLots: 0, realisedMicros: -10 },
    ],
    [
      'closes a part at its average, rounded down',
      [
        [2, 10],
        [1, 11],
        [-1, 10],
      ],
      { sizeLots: 2, entryTickLots: 21, realisedMicros: 0 },
    ],
    [
      'closes a part of a short likewise',
      [
        [-2, 10],
        [-1, 11],
        [1, 10],
      ],
      { sizeLots: -2, entryTickLots: -21, realisedMicros: 0 },
    ],
    [
      'turns: closes all of it, then opens',
      [
        [5, 10],
        [-8, 12],
      ],
      { sizeLots: -3, entryTickLots: -36, realisedMicros: 10 },
    ],
    [
      'turns from short to long',
      [
        [-5, 10],
        [8, 9],
      ],
      { sizeLots: 3, entryTickLots: 27, realisedMicros: 5 },
    ],
  ])('%s', (_, fills, position) => {
    expect(positionAfter(...fills)).toEqual(position)
  })

  test('keeps what was paid: entry cost is what all fills cost, and the result on top', () => {
    const fill = fc.tuple(
      fc.integer({ min: -9, max: 9 }).filter(lots => lots !== 0),
      fc.integer({ min: 1, max: 99 }),
    )
    fc.assert(
      fc.property(fc.array(fill, { maxLength: 30 }), fills => {
        const position = positionAfter(...fills)
        const paid = fills.reduce((sum, [lots, price]) => sum + lots * price, 0)
        expect(position.sizeLots).toBe(fills.reduce((sum, [lots]) => sum + lots, 0))
        expect(position.entryTickLots).toBe(paid + position.realisedMicros)
        if (position.sizeLots === 0) expect(position.entryTickLots).toBe(0)
        else expect(Math.sign(position.entryTickLots)).toBe(Math.sign(position.sizeLots))
        expect(Math.abs(position.entryTickLots)).toBeLessThanOrEqual(Math.abs(position.sizeLots) * 99)
      }),
    )
  })

  test('divides exactly where the product leaves the safe integers', () => {
    const position: Position = { sizeLots: 3_000_001, entryTickLots: 6_000_000_000_000_001, realisedMicros: 0 }
    fillPosition(position, -2_999_999, 1, 1)

    const removed = Number((6_000_000_000_000_001n * 2_999_999n) / 3_000_001n)
    expect(position.entryTickLots).toBe(6_000_000_000_000_001 - removed)
    expect(position.realisedMicros).toBe(2_999_999 - removed)
  })
})

describe('a fee', () => {
  const notional = fc.integer({ min: 0, max: 2 ** 51 })
  const ppm = fc.integer({ min: 0, max: 999_999 })

  test('is parts in a million, rounded down, exactly', () => {
    fc.assert(
      fc.property(ppm, notional, (ppm, notional) => {
        expect(feeMicros(ppm, notional)).toBe(Number((BigInt(ppm) * BigInt(notional)) / 1_000_000n))
      }),
    )
  })

  test('of the parts is never more than of the whole', () => {
    fc.assert(
      fc.property(ppm, notional, notional, (ppm, one, other) => {
        expect(feeMicros(ppm, one) + feeMicros(ppm, other)).toBeLessThanOrEqual(feeMicros(ppm, one + other))
      }),
    )
  })
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Accounts } from '#domain/ledger/accounts.ts'
import { feeMicros } from '#domain/ledger/fees.ts'
import { closedCost } from '#domain/ledger/position.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import type { PositionState } from '#domain/trading/events.ts'
import { testSpecification } from '#test/support/tape.ts'

/** One tick of one lot is one micro. */
const defined = defineInstrument({ ...testSpecification, tickSize: '0.000001', maxPrice: '0.0001' }, 1, 1)
if (!defined.accepted) throw new Error(defined.detail)
const instrument = defined.value

/** Fills as [signed lots, price] on a flat position. */
const positionAfter = (...fills: readonly (readonly [number, number])[]): PositionState => {
  const accounts = new Accounts(1)
  const account = accounts.open(1)
  accounts.addCash(account, 1_000_000_000)
  const holding = accounts.holdingOf(account, 1)
  for (const [signedLots, ticks] of fills) {
    const [sells, lots] = [signedLots < 0, Math.abs(signedLots)]
    expect(accounts.openVolume(holding, instrument, sells, ticks, lots, 0)).toBeUndefined()
    accounts.fillVolume(holding, instrument, sells, ticks, lots, ticks, 0, 0)
  }
  return {
    sizeLots: accounts.sizeLots(holding),
    entryTickLots: accounts.entryTickLots(holding),
    realisedMicros: accounts.realisedMicros(holding),
  }
}

describe('a position', () => {
  test.each<[string, readonly (readonly [number, number])[], PositionState]>([
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
    const cost = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
    const lots = fc.integer({ min: 1, max: 2 ** 40 })
    fc.assert(
      fc.property(cost, lots, lots, (cost, one, other) => {
        const [part, whole] = [Math.min(one, other), Math.max(one, other)]
        expect(closedCost(cost, part, whole)).toBe(Number((BigInt(cost) * BigInt(part)) / BigInt(whole)))
      }),
    )
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

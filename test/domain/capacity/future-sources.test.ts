import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { deliveredUnit, futureSources } from '#domain/capacity/future-sources.ts'
import { type ContractSpecification, defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import { contractSpecification } from '#test/support/settled-contracts.ts'

const hourMillis = 3_600_000
const start = Date.parse('2026-11-05T00:00:00Z')
const now = start - 12 * hourMillis
const instant = (millis: number): string => new Date(millis).toISOString()

const future = (hours: number, change: Partial<ContractSpecification> = {}, index = 'H100.USE'): Instrument => {
  const defined = defineInstrument(
    contractSpecification(
      'future',
      {
        index,
        averaging_start: instant(start - 2 * hourMillis),
        delivery: { start: instant(start), end: instant(start + hours * hourMillis), penalty_ppm: 0 },
      },
      { settlement: 'physical', expirationMillis: start - hourMillis, minTradeAmount: '1', ...change },
    ),
    7,
    3,
  )
  if (!defined.accepted) throw new Error(`no future: ${defined.detail}`)
  return defined.value
}
const unitOf = (instrument: Instrument) => {
  const unit = deliveredUnit(instrument, now)
  if (unit === undefined) throw new Error('delivers nothing')
  return unit
}

describe('what a future delivers', () => {
  test('is units through all of its hours, of so many lots each', () => {
    expect(unitOf(future(4))).toEqual({
      resourceClass: 'H100',
      region: 'USE',
      vector: { gpus: 1, vcpus: 0, memoryGib: 0, storageTib: 0 },
      firstHour: start / hourMillis,
      endHour: start / hourMillis + 4,
      lotsOfUnit: 4,
    })
    expect(unitOf(future(4, { minTradeAmount: '0.5' })).lotsOfUnit).toBe(8)
    expect(unitOf(future(4, { contractSize: '4' })).lotsOfUnit).toBe(1)
    expect(unitOf(future(1, {}, 'CPU-STD.USE')).vector).toMatchObject({ gpus: 0, vcpus: 1 })
  })

  test('is nothing where it is settled in cash, over, or where units are not whole', () => {
    expect(deliveredUnit(future(4, { contractSize: '3' }), now)).toBeUndefined()
    expect(deliveredUnit(future(4), start - hourMillis)).toBeUndefined()
    expect(deliveredUnit(future(4, {}, 'H100'), now)).toBeUndefined()
    const cash = contractSpecification('future', { index: 'H100.USE', averaging_start: instant(start) })
    const defined = defineInstrument({ ...cash, expirationMillis: start + hourMillis }, 1, 1)
    expect(defined.accepted && deliveredUnit(defined.value, now)).toBeUndefined()
  })
})

describe('its asks', () => {
  test('are sources level by level, each unit at its dearest lot and with its commission', () => {
    const instrument = future(4, { takerCommissionPpm: 500 })
    const sources = futureSources(
      instrument,
      unitOf(instrument),
      [
        { ticks: 150, lots: 6 },
        { ticks: 160, lots: 1 },
        { ticks: 170, lots: 10 },
      ],
      ['acme'],
    )
    expect(sources.map(({ units, priceMicrosPerUnitHour, order }) => [units, priceMicrosPerUnitHour, order])).toEqual([
      [[1, 1, 1, 1], 1_500_750, { instrumentId: 7, specificationVersion: 3, limitTicks: 150, lotsOfUnit: 4 }],
      // The second unit takes two lots at 1.50, one at 1.60 and one at 1.70.
      [[3, 3, 3, 3], 1_700_850, { instrumentId: 7, specificationVersion: 3, limitTicks: 170, lotsOfUnit: 4 }],
    ])
    expect(sources[0]).toMatchObject({ kind: 'future', accounts: ['acme'], hoursPaid: 4, isPreemptible: false })
  })

  test('never promise more than stands there, nor at less than it costs', () => {
    const instrument = future(3, { takerCommissionPpm: 777 })
    const unit = unitOf(instrument)
    const level = fc.record({ step: fc.integer({ min: 1, max: 50 }), lots: fc.integer({ min: 1, max: 20 }) })
    fc.assert(
      fc.property(fc.array(level, { maxLength: 8 }), steps => {
        let ticks = 0
        const asks = steps.map(({ step, lots }) => {
          ticks += step
          return { ticks, lots }
        })
        let [units, lotsLeft] = [0, asks.reduce((sum, { lots }) => sum + lots, 0)]
        const left = asks.map(ask => ({ ...ask }))
        for (const source of futureSources(instrument, unit, asks, ['acme'])) {
          const count = source.units[0] ?? 0
          units += count
          lotsLeft -= count * unit.lotsOfUnit
          let [toBuy, notional] = [count * unit.lotsOfUnit, 0]
          for (const each of left) {
            if (each.ticks > (source.order?.limitTicks ?? 0)) break
            const taken = Math.min(each.lots, toBuy)
            each.lots -= taken
            toBuy -= taken
            notional += taken * each.ticks * instrument.microsPerTickLot
          }
          expect(toBuy).toBe(0)
          const paid = notional + Math.floor((notional * 777) / 1_000_000)
          expect(paid).toBeLessThanOrEqual(source.priceMicrosPerUnitHour * count * 3)
        }
        expect(lotsLeft).toBeGreaterThanOrEqual(0)
        expect(lotsLeft).toBeLessThan(unit.lotsOfUnit)
        expect(units).toBe(Math.floor(asks.reduce((sum, { lots }) => sum + lots, 0) / unit.lotsOfUnit))
      }),
    )
  })
})

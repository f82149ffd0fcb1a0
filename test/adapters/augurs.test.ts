import { expect, test } from '@jest/globals'
import { loadForecaster } from '#adapters/augurs.ts'

const continueSeasons = loadForecaster()
const wave = (at: number): number => 10 + 3 * Math.sin((2 * Math.PI * at) / 24) + (Math.floor(at / 24) % 7 > 4 ? -4 : 0)
const series = (hours: number, value = wave) => Float64Array.from({ length: hours }, (_, at) => value(at))

test('seasons of a day and a week are continued', () => {
  const ahead = continueSeasons(series(24 * 28), [24, 168], 48) ?? []
  expect(ahead).toHaveLength(48)
  for (const [hour, value] of ahead.entries()) expect(value).toBeCloseTo(wave(24 * 28 + hour), 0)
})

test('without a season the level goes on', () => {
  const ahead = continueSeasons(
    series(200, () => 7),
    [],
    5,
  )
  for (const value of ahead ?? []) expect(value).toBeCloseTo(7, 6)
})

test('the same history is continued in the same way, to the bit', () => {
  const one = continueSeasons(series(400), [24], 24)
  expect(continueSeasons(series(400), [24], 24)).toEqual(one)
  expect(loadForecaster()(series(400), [24], 24)).toEqual(one)
})

test('where the history does not hold a season twice there is nothing, and the next history is none the worse', () => {
  expect(continueSeasons(series(30), [24], 24)).toBeUndefined()
  expect(continueSeasons(new Float64Array(0), [], 24)).toBeUndefined()
  expect(continueSeasons(series(400), [24], 24)).toHaveLength(24)
})

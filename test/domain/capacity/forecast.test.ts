import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loadForecaster } from '#adapters/augurs.ts'
import {
  backTest,
  forecasterOf,
  hoursNeeded,
  hoursNeededToTest,
  longestHorizon,
  type SeriesForecast,
} from '#domain/capacity/forecast.ts'
import {
  type ContinueSeasons,
  forecastModels,
  forecastsOf,
  seasonalNaive,
  theta,
} from '#domain/capacity/forecast-models.ts'
import { type HourlySeries, hourlySeries } from '#domain/capacity/forecast-series.ts'

const continueSeasons = loadForecaster()
const continueNothing: ContinueSeasons = () => undefined

const seriesOf = (observed: readonly (number | null)[]): HourlySeries => {
  const series = hourlySeries(observed)
  if ('code' in series) throw new Error(series.code)
  return series
}

/** A season of a day, weekends half of it, and noise by a little generator of its own. */
const demand = (hours: number, seed = 1): number[] => {
  let state = seed
  return Array.from({ length: hours }, (_, hour) => {
    state = (state * 48_271) % 2_147_483_647
    const ofDay = 100 + 80 * Math.sin((2 * Math.PI * hour) / 24)
    const ofWeek = Math.floor(hour / 24) % 7 > 4 ? 0.5 : 1
    return Math.max(0, ofDay * ofWeek + 20 * (state / 2_147_483_647 - 0.5))
  })
}

const forecastOf = (observed: readonly (number | null)[], horizon = 24): SeriesForecast => {
  const forecast = forecasterOf(seriesOf(observed), horizon, continueSeasons).forecastAt(observed.length)
  if (forecast === undefined) throw new Error('no forecast')
  return forecast
}

describe('a series', () => {
  test('is refused where it is none', () => {
    expect(hourlySeries([])).toEqual({ code: 'empty' })
    expect(hourlySeries([null, null])).toEqual({ code: 'empty' })
    expect(hourlySeries([1, Number.NaN])).toEqual({ code: 'not-a-number', hour: 1 })
    expect(hourlySeries([1, Number.POSITIVE_INFINITY])).toEqual({ code: 'not-a-number', hour: 1 })
    expect(hourlySeries([1, 2, -1])).toEqual({ code: 'negative', hour: 2 })
    expect(hourlySeries(Array.from({ length: 100_001 }, () => 1))).toEqual({ code: 'too-long', hours: 100_001 })
  })

  test('gaps are filled from the day before, never from what comes after', () => {
    const observed = Array.from({ length: 60 }, (_, hour) => (hour >= 50 && hour < 55 ? null : hour))
    const series = seriesOf(observed)
    expect([...series.values.subarray(48, 57)]).toEqual([48, 49, 26, 27, 28, 29, 30, 55, 56])
    expect([...series.isKnown.subarray(48, 57)]).toEqual([1, 1, 0, 0, 0, 0, 0, 1, 1])
    expect([...seriesOf([null, null, 3, null, 5, 6, 7, 8]).values]).toEqual([3, 3, 5, 6, 7, 8])
  })

  test('is refused where too much of it is missing', () => {
    const long = Array.from({ length: 400 }, (_, hour) => (hour >= 100 && hour < 150 ? null : 1))
    expect(hourlySeries(long)).toEqual({ code: 'gap-too-long', hour: 100, hours: 50 })
    const often = Array.from({ length: 400 }, (_, hour) => (hour % 4 === 1 ? null : 1))
    expect(hourlySeries(often)).toMatchObject({ code: 'too-many-gaps' })
  })
})

describe('models', () => {
  test('seasonal-naive repeats the last period, also beyond one', () => {
    expect([...(seasonalNaive(Float64Array.from([9, 1, 2, 3]), 3, 5) ?? [])]).toEqual([1, 2, 3, 1, 2])
    expect(seasonalNaive(Float64Array.from([1]), 3, 5)).toBeUndefined()
  })

  test('Theta continues a pure season exactly, and half of a trend', () => {
    const season = Float64Array.from({ length: 240 }, (_, hour) => 10 + (hour % 24))
    const continued = theta(season, 24, 48) ?? []
    for (const [hour, value] of continued.entries()) expect(value).toBeCloseTo(10 + (hour % 24), 6)
    const line = Float64Array.from({ length: 240 }, (_, hour) => 100 + 2 * hour)
    const ahead = theta(line, 24, 24) ?? new Float64Array(0)
    expect((ahead[23] ?? 0) - (ahead[0] ?? 0)).toBeCloseTo(23, 1)
    expect(theta(season.subarray(0, 47), 24, 24)).toBeUndefined()
  })

  test('averages are of their models, and stand where all of them do', () => {
    const all = forecastsOf(Float64Array.from(demand(400)), 24, continueSeasons)
    expect([...all.keys()]).toEqual([...forecastModels])
    const [day, week, average] = [all.get('theta-day'), all.get('theta-week'), all.get('average-theta')]
    for (const [hour, value] of (average ?? []).entries())
      expect(value).toBeCloseTo(((day?.[hour] ?? 0) + (week?.[hour] ?? 0)) / 2, 9)
    expect([...forecastsOf(Float64Array.from(demand(100)), 24, continueSeasons).keys()]).toEqual([
      'seasonal-naive-day',
      'theta-day',
      'ets-mstl',
    ])
    expect(forecastsOf(Float64Array.from(demand(400)), 24, continueNothing).has('average-all')).toBe(false)
  })
})

describe('a forecast', () => {
  test('beats seasonal-naive on a series with a season and a week', () => {
    const series = seriesOf(demand(24 * 35))
    const test7 = backTest(series, { horizon: 24, origins: 7, forecaster: forecasterOf(series, 24, continueSeasons) })
    expect(test7.origins).toHaveLength(7)
    expect(test7.mase ?? 1).toBeLessThan(0.6 * (test7.seasonalNaiveMase ?? 0))
    expect(test7.relativeError ?? 1).toBeLessThan(0.6)
    for (const level of [80, 95] as const) expect(Math.abs(100 * test7.coverage[level] - level)).toBeLessThan(8)
  })

  test('intervals hold the point, the wider the narrower one', () => {
    const { point, intervals } = forecastOf(demand(500), 48)
    const [narrow, wide] = intervals
    expect([narrow?.level, wide?.level, point.length]).toEqual([80, 95, 48])
    for (const [step, value] of point.entries()) {
      const bounds = [0, wide?.lower[step], narrow?.lower[step], value, narrow?.upper[step], wide?.upper[step]]
      expect(bounds).toEqual(bounds.toSorted((a, b) => (a ?? 0) - (b ?? 0)))
    }
  })

  test('nothing after its origin changes it: not a bit, whatever comes', () => {
    const past = demand(430)
    const expected = forecastOf(past)
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant(null)), {
          minLength: 30,
          maxLength: 48,
        }),
        fc.integer({ min: 0, max: 24 }),
        (future, alreadyFitted) => {
          const observed = [...past, ...future]
          const series = hourlySeries(observed)
          fc.pre(!('code' in series))
          if ('code' in series) return
          const forecaster = forecasterOf(series, 24, continueSeasons)
          // What it has remembered of later origins is of no influence either.
          forecaster.forecastAt(past.length + alreadyFitted)
          expect(forecaster.forecastAt(past.length)).toEqual(expected)
        },
      ),
      { numRuns: 6 },
    )
  })

  test('a back-test changes only from where its future was changed', () => {
    const observed = demand(600)
    const changed = observed.map((value, hour) => (hour >= 600 - 48 ? value * 7 + 3 : value))
    const outcome = (values: readonly number[]) => {
      const series = seriesOf(values)
      return backTest(series, { horizon: 24, origins: 4, forecaster: forecasterOf(series, 24, continueSeasons) })
        .origins
    }
    const [before, after] = [outcome(observed), outcome(changed)]
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2))
    expect(after[2]?.model).toBe(before[2]?.model)
    expect(after[2]?.meanAbsoluteError).not.toBe(before[2]?.meanAbsoluteError)
  })

  test('a constant series stays, and has no error to be measured against', () => {
    const { point, intervals, errors } = forecastOf(Array.from({ length: 200 }, () => 42))
    for (const value of [...point, ...intervals.flatMap(({ lower, upper }) => [...lower, ...upper])])
      expect(value).toBeCloseTo(42, 6)
    expect(errors.map(({ mase }) => mase)).toEqual(errors.map(() => null))
  })

  test('zeros stay zero, and single peaks make no negative forecast', () => {
    expect(forecastOf(Array.from({ length: 200 }, () => 0)).point).toEqual(Array.from({ length: 24 }, () => 0))
    const peaks = forecastOf(Array.from({ length: 400 }, (_, hour) => (hour % 97 === 0 ? 500 : 0)))
    expect(Math.min(...peaks.point, ...peaks.intervals.flatMap(({ lower }) => lower))).toBeGreaterThanOrEqual(0)
  })

  test('hours that were not observed count in no error', () => {
    const whole = demand(500)
    const gappy = whole.map((value, hour) => (hour > 480 && hour < 490 ? null : value))
    const series = seriesOf(gappy)
    const { origins } = backTest(series, {
      horizon: 24,
      origins: 1,
      forecaster: forecasterOf(series, 24, continueSeasons),
    })
    expect(origins.map(({ observed }) => observed)).toEqual([15])
  })

  test.each([1, 24, 72, longestHorizon])(
    '%i hours ahead from just enough history, and not from an hour less',
    horizon => {
      const hours = hoursNeeded(horizon)
      const forecaster = forecasterOf(seriesOf(demand(hours)), horizon, continueSeasons)
      expect(forecaster.forecastAt(hours)?.point).toHaveLength(horizon)
      expect(forecaster.forecastAt(hours - 1)).toBeUndefined()
      const least = seriesOf(demand(hoursNeededToTest(horizon, 2)))
      expect(
        backTest(least, { horizon, origins: 2, forecaster: forecasterOf(least, horizon, continueSeasons) }).origins,
      ).toHaveLength(2)
    },
  )

  test('does without models that answer nothing', () => {
    const { model } = forecasterOf(seriesOf(demand(500)), 24, continueNothing).forecastAt(500) ?? {}
    expect(model).toBeDefined()
  })
})

import { describe, expect, test } from '@jest/globals'
import { type AskedWindow, hourMillis, readWindow } from '#domain/capacity/capacity-request.ts'

const asked = (more: Partial<AskedWindow> = {}): AskedWindow => ({
  earliestStartMillis: 10 * hourMillis,
  endMillis: 20 * hourMillis,
  durationHours: 4,
  isFlexible: true,
  ...more,
})

describe('the window of a request', () => {
  test('lets it begin as late as its end allows, unless told, or not at all later', () => {
    expect(readWindow(asked(), 0)).toEqual({ earliestHour: 10, latestHour: 16, endHour: 20 })
    expect(readWindow(asked({ latestStartMillis: 12 * hourMillis }), 0)).toMatchObject({ latestHour: 12 })
    expect(readWindow(asked({ isFlexible: false }), 0)).toMatchObject({ earliestHour: 10, latestHour: 10 })
  })

  test.each([
    [{ earliestStartMillis: 10 * hourMillis + 1 }, 'earliest-not-an-hour'],
    [{ latestStartMillis: 12 * hourMillis + 1 }, 'latest-not-an-hour'],
    [{ endMillis: 20 * hourMillis + 1 }, 'end-not-an-hour'],
    [{ earliestStartMillis: 0 }, 'earliest-past'],
    [{ endMillis: 9 * hourMillis }, 'end-before-start'],
    [{ endMillis: 10 * hourMillis }, 'end-before-start'],
    [{ latestStartMillis: 9 * hourMillis }, 'latest-before-earliest'],
    [{ isFlexible: false, latestStartMillis: 12 * hourMillis }, 'latest-not-flexible'],
    [{ durationHours: 11 }, 'too-short'],
    [{ latestStartMillis: 17 * hourMillis }, 'latest-too-late'],
    [{ endMillis: 2_000 * hourMillis }, 'too-long'],
  ] as const)('%j is refused: %s', (more, fault) => {
    expect(readWindow(asked(more), hourMillis)).toBe(fault)
  })
})

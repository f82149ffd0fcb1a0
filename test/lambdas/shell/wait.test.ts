import { describe, expect, test } from '@jest/globals'
import { pollUntil, preferWait } from '#lambdas/shell/wait.ts'

describe('preferWait', () => {
  test.each([
    ['wait=2', 2],
    ['Wait = 2', 2],
    ['wait="3"', 3],
    ['respond-async, wait=4', 4],
    ['wait=5; foo=bar, return=minimal', 5],
    ['wait=1, wait=7', 1],
    ['wait=10', 10],
    ['wait=11', 10],
    ['wait=999999999', 10],
  ])('%j waits %d s', (prefer, seconds) => {
    const before = performance.now()
    const wait = preferWait({ prefer })
    expect(wait?.headers).toEqual({ 'preference-applied': `wait=${seconds}` })
    expect(wait?.untilMillis).toBeGreaterThanOrEqual(before + seconds * 1_000)
    expect(wait?.untilMillis).toBeLessThan(before + seconds * 1_000 + 500)
  })

  test.each([
    undefined,
    '',
    'wait',
    'wait=',
    'wait=0',
    'wait=-1',
    'wait=1.5',
    'wait=1e3',
    'wait=0x10',
    'wait=２',
    'wait=9999999999',
    'waiting=2',
    'return=minimal',
  ])('%j does not wait', prefer => {
    expect(preferWait({ prefer })).toBeUndefined()
  })
})

describe('pollUntil', () => {
  test('gives the first value that there is', async () => {
    let reads = 0
    expect(await pollUntil(async () => (++reads === 3 ? 'there' : undefined), performance.now() + 2_000)).toBe('there')
    expect(reads).toBe(3)
  })

  test('gives up when the time is up, after a last read', async () => {
    const start = performance.now()
    let reads = 0
    const value = await pollUntil(async () => {
      reads++
      return undefined
    }, start + 120)
    const tookMillis = performance.now() - start
    expect(value).toBeUndefined()
    expect(tookMillis).toBeGreaterThanOrEqual(118)
    expect(tookMillis).toBeLessThan(2_000)
    expect(reads).toBeGreaterThanOrEqual(2)
    expect(reads).toBeLessThanOrEqual(6)
  })

  test('lets an error through', async () => {
    await expect(pollUntil(() => Promise.reject(new Error('no')), performance.now() + 1_000)).rejects.toThrow('no')
  })
})

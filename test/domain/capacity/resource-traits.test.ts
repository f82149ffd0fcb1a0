import { describe, expect, test } from '@jest/globals'
import { knownRegions, latencyMillisBetween, traitsOfClass } from '#domain/capacity/resource-traits.ts'

describe('what resources are like', () => {
  test('classes are known with and without the size of their memory, in any case', () => {
    expect(traitsOfClass('h100')).toMatchObject({ performanceTflops: 989, memoryGib: 80 })
    expect(traitsOfClass('H100-80GB')).toEqual(traitsOfClass('H100'))
    expect(traitsOfClass('A100-80GB')?.memoryGib).toBe(80)
    expect(traitsOfClass('A100')?.memoryGib).toBe(40)
    expect(traitsOfClass('VCPU')?.performanceTflops).toBeLessThan(1)
    expect(traitsOfClass('TAPE')).toBeUndefined()
  })

  test('latency grows with the way, both ways alike, and is nothing at home', () => {
    expect(latencyMillisBetween('us-east4', 'us-east4')).toBe(0)
    expect(latencyMillisBetween('USE', 'us-east-1')).toBe(1)
    const [coast, ocean, world] = ['us-west1', 'europe-west1', 'australia-southeast1'].map(region =>
      latencyMillisBetween('us-east4', region),
    )
    expect(coast).toBeGreaterThan(40)
    expect(coast).toBeLessThan(75)
    expect(ocean).toBeGreaterThan(80)
    expect(ocean).toBeLessThan(110)
    expect(world).toBeGreaterThan(200)
    expect(latencyMillisBetween('nowhere', 'us-east4')).toBe(250)
    for (const one of knownRegions)
      for (const other of knownRegions) expect(latencyMillisBetween(one, other)).toBe(latencyMillisBetween(other, one))
  })
})

import { expect, test } from '@jest/globals'
import { tenantLanes } from '#lambdas/shell/lanes.ts'

test('lanes come from the environment, home first', () => {
  process.env['LANES'] = '2,1'
  expect(tenantLanes()).toEqual([2, 1])
})

test.each(['', 'a', '1,', '0', '1;2', '-1'])('%j is no list of lanes', text => {
  process.env['LANES'] = text
  expect(tenantLanes).toThrow()
})

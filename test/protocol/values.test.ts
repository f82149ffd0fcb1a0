import { expect, test } from '@jest/globals'
import * as z from 'zod'
import { decimalText, pageQuery, positiveDecimalText } from '#protocol/values.ts'

test.each([
  ['0.30', '0.3'],
  ['2.000', '2'],
  ['100', '100'],
  ['0', '0'],
  ['0.0', '0'],
  ['10.010', '10.01'],
  ['0.000000000001', '0.000000000001'],
])('the decimal %s is read as %s: a repeat in another spelling is the same request', (spelled, shortest) => {
  expect(decimalText.parse(spelled)).toBe(shortest)
})

test('a decimal is described as the text that it is', () => {
  for (const io of ['input', 'output'] as const)
    expect(z.toJSONSchema(positiveDecimalText, { io })).toMatchObject({
      type: 'string',
      maxLength: 28,
      pattern: expect.stringContaining('[0-9]'),
    })
})

test.each(['0', '01', '501', '1e2', '１', '-1', '+1', ' 1', '1 ', '', '1000'])('%j is no limit of a page', limit => {
  expect(pageQuery.limit.safeParse(limit).success).toBe(false)
})

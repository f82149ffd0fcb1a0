import { expect, test } from '@jest/globals'
import { findings, synthesized } from './synthesized.ts'

/** AwsSolutions and CloudFormation's own rules: a finding that nobody has given a reason for ends synthesis. */
test.each(['frugal', 'swift'] as const)('the templates of %s break no rule without a reason', async tenant => {
  expect((await findings())[tenant]).toBeNull()
  expect((await synthesized(tenant)).stacks.size).toBe(23)
})

test('a finding does end synthesis', async () => {
  expect((await findings())['planted']).toMatch(/AwsSolutions-SNS3/)
})

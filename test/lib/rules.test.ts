import { expect, test } from '@jest/globals'
import { synthesized } from './synthesized.ts'

/** AwsSolutions and CloudFormation's own rules: a finding that nobody has given a reason for ends synthesis. */
test.each(['frugal', 'swift'])('the templates of %s break no rule without a reason', async tenant => {
  const { stacks, remove } = await synthesized({ tenant, validate: true, context: { rules: true } })
  expect(stacks.size).toBe(9)
  await remove()
})

test('a finding would end synthesis', async () => {
  // Without this flag API Gateway's role would be missing from the reasons: any flag that adds a resource will do.
  const planted = synthesized({
    tenant: 'frugal',
    validate: true,
    context: { rules: true, '@aws-cdk/aws-s3:createDefaultLoggingPolicy': false },
  })
  await expect(planted).rejects.toThrow(/Validation failed/)
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { App, Stack, Validations } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { AwsSolutionsChecks } from 'cdk-nag'
import { synthesized } from './synthesized.ts'

/** AwsSolutions and CloudFormation's own rules: a finding that nobody has given a reason for ends synthesis. */
test.each(['frugal', 'swift'])('the templates of %s break no rule without a reason', async tenant => {
  const { stacks, remove } = await synthesized({ tenant, validate: true, context: { rules: true } })
  expect(stacks.size).toBe(9)
  await remove()
})

test('a finding does end synthesis', async () => {
  const outdir = await mkdtemp(join(tmpdir(), 'planted-'))
  const app = new App({ outdir, autoSynth: false })
  new Topic(new Stack(app, 'Planted'), 'TakesPlainText')
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  expect(() => app.synth()).toThrow(/AwsSolutions-SNS3/)
  await rm(outdir, { recursive: true })
})

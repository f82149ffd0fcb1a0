/**
 * `synthesize.ts <folder>`: each tenant's assembly under its name, held to the rules; in `findings.json` what the rules
 * found. In a process of its own: under jest the CDK takes twice as long.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { App, Stack, Validations } from 'aws-cdk-lib'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { AwsSolutionsChecks } from 'cdk-nag'
import { synthesize } from '#bin/exchange.ts'
import { standInBundles } from '#bin/preflight/stand-in-bundles.ts'

const foundBy = async (act: () => unknown): Promise<string | null> => {
  try {
    await act()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const [folder = ''] = process.argv.slice(2)
const bundles = await standInBundles(join(folder, 'dist'))
const findings: Record<string, string | null> = {}
for (const tenant of ['frugal', 'swift']) {
  const outdir = join(folder, tenant, 'cdk.out')
  const heldToRules = { tenant, outdir, bundles, validate: true, context: { rules: true } }
  findings[tenant] = await foundBy(() => synthesize(heldToRules))
  // The templates can be looked at all the same.
  if (findings[tenant] !== null) await synthesize({ tenant, outdir, bundles, validate: false })
}
await synthesize({ tenant: 'frugal', outdir: join(folder, 'frugal-again', 'cdk.out'), bundles, validate: false })

findings['planted'] = await foundBy(() => {
  const app = new App({ outdir: join(folder, 'planted'), autoSynth: false })
  new Topic(new Stack(app, 'Planted'), 'TakesPlainText')
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  app.synth()
})
await writeFile(join(folder, 'findings.json'), JSON.stringify(findings))

import { readdir, readFile, rm } from 'node:fs/promises'
import { enableCompileCache } from 'node:module'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { type Bundles, bundle } from '#lib/bundles.ts'
import { parseTenant } from '#lib/tenant.ts'
import { documentationPage } from '#protocol/documentation.ts'
import { openapiDocument } from '#protocol/openapi.ts'

const root = resolve(import.meta.dirname, '..')

export interface SynthesisOptions {
  /** By default the context's defaultTenant. */
  readonly tenant?: string
  /** Emptied first: old assets pile up otherwise. */
  readonly outdir?: string
  /** On top of cdk.json's. `rules: true` holds the templates to AwsSolutions: a finding without a reason ends synthesis. */
  readonly context?: Readonly<Record<string, unknown>>
  /** false: without CloudFormation's own rules and AwsSolutions, which take most of the time. */
  readonly validate?: boolean
  /** Made before; otherwise they are made now. */
  readonly bundles?: Bundles
}

/** Writes the cloud assembly of one tenant and gives back its folder. Needs no network, no Docker and no account. */
export const synthesize = async (options: SynthesisOptions = {}): Promise<string> => {
  const outdir = resolve(options.outdir ?? join(root, 'cdk.out'))
  // The CDK takes as long to load as the bundles to be made: both at once.
  const [{ App, Validations }, { TenantStage }, context, bundles] = await Promise.all([
    // Not the whole library, which loads each of its services to know their names.
    import('aws-cdk-lib/core'),
    import('#lib/tenant-stage.ts'),
    contextOfCdkJson(),
    options.bundles ?? makeBundles(join(outdir, '..', 'dist')),
    empty(outdir),
  ])
  // What the CLI was given by -c wins over both.
  const app = new App({ outdir, context: { ...context, ...options.context }, autoSynth: false })
  const asked = (name: string): unknown => app.node.tryGetContext(name)
  const name = options.tenant ?? asked('tenant') ?? asked('defaultTenant')
  const tenant = parseTenant(asked('tenants'), z.string('the context of cdk.json has no "defaultTenant"').parse(name))
  new TenantStage(app, { tenant, bundles, definitions: join(root, 'stepfunctions') })
  if (String(asked('rules')) === 'true') {
    const { AwsSolutionsChecks } = await import('cdk-nag')
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  }
  return withoutValidation(options.validate === false, () => app.synth().directory)
}

export const contextOfCdkJson = async (): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readFile(join(root, 'cdk.json'), 'utf8')
  return z.object({ context: z.record(z.string(), z.unknown()) }).parse(JSON.parse(text)).context
}

/** The CDK asks this variable and nothing else. */
const withoutValidation = <Result>(isOff: boolean, act: () => Result): Result => {
  if (!isOff) return act()
  const before = process.env['CDK_VALIDATION']
  process.env['CDK_VALIDATION'] = 'false'
  try {
    return act()
  } finally {
    if (before === undefined) delete process.env['CDK_VALIDATION']
    else process.env['CDK_VALIDATION'] = before
  }
}

/** Of all but the lock by which the CLI holds the folder. */
const empty = async (folder: string): Promise<void> => {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  await Promise.all(
    names.filter(name => !name.endsWith('.lock')).map(name => rm(join(folder, name), { recursive: true, force: true })),
  )
}

/** Beside the assembly, so that two syntheses at once do not write the same files. */
const makeBundles = async (outdir: string): Promise<Bundles> => {
  const pages = { openapi: JSON.stringify(openapiDocument()), documentation: documentationPage() }
  return bundle({ root, outdir, pages })
}

/** The CLI says where to write and what it was asked for by `-c` in these two variables. */
if (import.meta.main) {
  // For the CDK, which is imported when all of this file's own imports are there.
  enableCompileCache()
  try {
    await synthesize({ ...(process.env['CDK_OUTDIR'] === undefined ? {} : { outdir: process.env['CDK_OUTDIR'] }) })
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

import { readdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { App, Validations } from 'aws-cdk-lib'
import * as z from 'zod'
import { type Bundles, bundle, type Pages } from '#lib/bundles.ts'
import { parseTenant } from '#lib/tenant.ts'
import { TenantStage } from '#lib/tenant-stage.ts'

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
  const outdir = options.outdir ?? join(root, 'cdk.out')
  const context = { ...(await contextOfCdkJson()), ...options.context }
  // What the CLI was given by -c wins over both.
  const app = new App({ outdir, context, autoSynth: false })
  const named = options.tenant ?? app.node.tryGetContext('tenant') ?? app.node.tryGetContext('defaultTenant')
  const tenant = parseTenant(app.node.tryGetContext('tenants'), z.string().parse(named))
  const [bundles] = await Promise.all([
    options.bundles ?? bundle({ root, outdir: join(root, 'dist'), pages: await pages() }),
    empty(outdir),
  ])
  new TenantStage(app, { tenant, bundles, definitions: join(root, 'stepfunctions') })
  if (isOn(app.node.tryGetContext('rules'))) {
    const { AwsSolutionsChecks } = await import('cdk-nag')
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  }
  if (options.validate === false) process.env['CDK_VALIDATION'] = 'false'
  return app.synth().directory
}

const contextOfCdkJson = async (): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readFile(join(root, 'cdk.json'), 'utf8')
  return z.object({ context: z.record(z.string(), z.unknown()) }).parse(JSON.parse(text)).context
}

const isOn = (value: unknown): boolean => value === true || value === 'true'

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

const pages = async (): Promise<Pages> => {
  const [{ openapiDocument }, { documentationPage }] = await Promise.all([
    import('#protocol/openapi.ts'),
    import('#protocol/documentation.ts'),
  ])
  return { openapi: JSON.stringify(openapiDocument()), documentation: documentationPage() }
}

/** The CLI says where to write and what it was asked for by `-c` in these two variables. */
if (import.meta.main) {
  try {
    await synthesize({ ...(process.env['CDK_OUTDIR'] === undefined ? {} : { outdir: process.env['CDK_OUTDIR'] }) })
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}

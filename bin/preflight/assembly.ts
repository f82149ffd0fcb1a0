import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { synthesize } from '../exchange.ts'
import { standInBundles } from './stand-in-bundles.ts'

export interface Resource {
  readonly stack: string
  readonly logicalId: string
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** What CloudFormation would be asked to make. */
export interface Assembly {
  readonly resources: readonly Resource[]
  /** The oldest bootstrap that the assets can be uploaded through. */
  readonly bootstrapVersion: number
}

const template = z.object({
  Resources: z.record(
    z.string(),
    z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).optional() }),
  ),
})
const manifest = z.object({
  artifacts: z.record(
    z.string(),
    z.object({ properties: z.object({ requiresBootstrapStackVersion: z.number().optional() }).optional() }),
  ),
})

/** Reads the one stage of a synthesized tenant. */
export const readAssembly = async (folder: string): Promise<Assembly> => {
  const stage = (await readdir(folder)).find(name => name.startsWith('assembly-'))
  if (stage === undefined) throw new Error(`${folder} holds no stage`)
  const read = async <Shape extends z.ZodType>(name: string, shape: Shape): Promise<z.infer<Shape>> =>
    shape.parse(JSON.parse(await readFile(join(folder, stage, name), 'utf8')))
  const names = (await readdir(join(folder, stage))).filter(name => name.endsWith('.template.json'))
  const resources = await Promise.all(
    names.map(async name =>
      Object.entries((await read(name, template)).Resources).map(([logicalId, { Type, Properties }]) => ({
        stack: name.replace('.template.json', ''),
        logicalId,
        type: Type,
        properties: Properties ?? {},
      })),
    ),
  )
  const versions = Object.values((await read('manifest.json', manifest)).artifacts).map(
    ({ properties }) => properties?.requiresBootstrapStackVersion ?? 0,
  )
  return { resources: resources.flat(), bootstrapVersion: Math.max(...versions) }
}

/** Of a tenant of cdk.json, synthesized aside and forgotten. */
export const assemblyOf = async (tenant: string): Promise<Assembly> => {
  const folder = await mkdtemp(join(tmpdir(), 'assembly-'))
  try {
    const bundles = await standInBundles(join(folder, 'dist'))
    return await readAssembly(await synthesize({ tenant, outdir: join(folder, 'cdk.out'), validate: false, bundles }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

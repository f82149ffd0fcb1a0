import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export interface TemplateResource {
  readonly Type: string
  readonly Properties?: JsonObject
  readonly Condition?: string
}

export interface Template {
  readonly Resources?: Readonly<Record<string, TemplateResource>>
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: string | number }>>
  readonly Conditions?: JsonObject
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json; readonly Export?: { readonly Name: Json } }>>
}

/** One stack of the cloud assembly, as `cdk deploy` would see it. */
export interface Stack {
  readonly name: string
  readonly account: string
  readonly region: string
  readonly template: Template
  /** Absolute path of each asset by its hash: a folder (functions, images) or a file. */
  readonly assets: ReadonlyMap<string, string>
}

interface Artifact {
  readonly type: string
  readonly environment?: string
  readonly properties?: {
    readonly directoryName?: string
    readonly templateFile?: string
    readonly stackName?: string
    readonly file?: string
  }
}

interface AssetManifest {
  readonly files?: Readonly<Record<string, { readonly source: { readonly path?: string } }>>
  readonly dockerImages?: Readonly<Record<string, { readonly source: { readonly directory?: string } }>>
}

/** Every stack of a cloud assembly, those of its stages (nested assemblies) included. */
export async function readAssembly(folder: string): Promise<readonly Stack[]> {
  const manifest = await readJson<{ artifacts?: Record<string, Artifact> }>(join(folder, 'manifest.json'))
  const artifacts = Object.entries(manifest.artifacts ?? {})
  const assets = new Map<string, string>()
  for (const [, { type, properties }] of artifacts) {
    if (type !== 'cdk:asset-manifest' || properties?.file === undefined) continue
    const listed = await readJson<AssetManifest>(join(folder, properties.file))
    for (const [hash, { source }] of Object.entries(listed.files ?? {})) {
      if (source.path !== undefined) assets.set(hash, join(folder, source.path))
    }
    for (const [hash, { source }] of Object.entries(listed.dockerImages ?? {})) {
      if (source.directory !== undefined) assets.set(hash, join(folder, source.directory))
    }
  }
  const stacks: Stack[] = []
  for (const [id, { type, environment, properties }] of artifacts) {
    if (type === 'cdk:cloud-assembly' && properties?.directoryName !== undefined) {
      stacks.push(...(await readAssembly(join(folder, properties.directoryName))))
    }
    if (type === 'aws:cloudformation:stack' && properties?.templateFile !== undefined) {
      const [account, region] = (environment ?? '').replace('aws://', '').split('/')
      stacks.push({
        name: properties.stackName ?? id,
        account: account === undefined || !/^\d{12}$/.test(account) ? '000000000000' : account,
        region: region === undefined || region === 'unknown-region' ? 'us-east-1' : region,
        template: await readJson<Template>(join(folder, properties.templateFile)),
        assets,
      })
    }
  }
  return stacks
}

/** The folder or file of an asset; a hash with the extension of its object key is accepted. */
export function assetPathIn(stacks: readonly Stack[], stackName: string, assetHash: string): string {
  const path = stacks.find(stack => stack.name === stackName)?.assets.get(assetHash.replace(/\..*$/, ''))
  if (path === undefined) throw new Error(`${stackName} has no asset ${assetHash} in its asset manifest`)
  return path
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8'))
}

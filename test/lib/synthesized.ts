import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Template } from 'aws-cdk-lib/assertions'
import { synthesize } from '#bin/exchange.ts'
import { type Bundles, bundlesIn, functionEntries } from '#lib/bundles.ts'

/** Templates of one tenant, with stand-ins for the bundles: what is in them does not matter here. */
export interface Synthesized {
  readonly folder: string
  /** By the stack's name within its stage: Data, Api, Trading… */
  stack(name: string): Template
  readonly stacks: ReadonlyMap<string, Template>
  /** Each template's file as it was written. */
  readonly texts: ReadonlyMap<string, string>
  remove(): Promise<void>
}

export const standInBundles = async (folder: string): Promise<Bundles> => {
  const bundles = bundlesIn(folder)
  for (const { bundle } of functionEntries) {
    await mkdir(bundles.functionFolder(bundle), { recursive: true })
    await writeFile(join(bundles.functionFolder(bundle), 'index.mjs'), 'export const handler = async () => ({})\n')
  }
  await mkdir(bundles.matcherFolder, { recursive: true })
  await writeFile(join(bundles.matcherFolder, 'Dockerfile'), 'FROM scratch\n')
  return bundles
}

export const synthesized = async (options: {
  readonly tenant?: string
  readonly context?: Readonly<Record<string, unknown>>
  readonly validate?: boolean
}): Promise<Synthesized> => {
  const folder = await mkdtemp(join(tmpdir(), 'synthesized-'))
  const bundles = await standInBundles(join(folder, 'dist'))
  const assembly = await synthesize({ validate: false, ...options, outdir: join(folder, 'cdk.out'), bundles })
  const stage = (await readdir(assembly)).find(name => name.startsWith('assembly-'))
  if (stage === undefined) throw new Error('the assembly holds no stage')
  const stageName = stage.replace('assembly-', '')
  const texts = new Map<string, string>()
  for (const file of await readdir(join(assembly, stage))) {
    const [, name] = new RegExp(`^${stageName}([A-Za-z]+?)[0-9A-F]{8}\\.template\\.json$`).exec(file) ?? []
    if (name !== undefined) texts.set(name, await readFile(join(assembly, stage, file), 'utf8'))
  }
  const stacks = new Map([...texts].map(([name, text]) => [name, Template.fromJSON(JSON.parse(text))]))
  return {
    folder,
    stacks,
    texts,
    stack: name => {
      const template = stacks.get(name)
      if (template === undefined) throw new Error(`no stack ${name} among ${[...stacks.keys()].join(', ')}`)
      return template
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Template } from 'aws-cdk-lib/assertions'
import * as z from 'zod'
import { ask } from '#test/support/services/ask.ts'

/** Templates of one tenant of cdk.json, synthesized once for all tests, with stand-ins for the bundles. */
export interface Synthesized {
  readonly folder: string
  /** By the stack's name within its stage: Data, Api, Trading… */
  stack(name: string): Template
  readonly stacks: ReadonlyMap<string, Template>
  /** Each template's file as it was written. */
  readonly texts: ReadonlyMap<string, string>
}

const synthesis = async (): Promise<string> => z.object({ folder: z.string() }).parse(await ask('templates')).folder

/** `frugal-again` is a second synthesis of the same. */
export const synthesized = async (tenant: 'frugal' | 'swift' | 'frugal-again'): Promise<Synthesized> => {
  const folder = join(await synthesis(), tenant)
  const assembly = join(folder, 'cdk.out')
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
  }
}

/** What AwsSolutions and CloudFormation's own rules have against the templates; null is nothing. */
export const findings = async (): Promise<Readonly<Record<string, string | null>>> =>
  z
    .record(z.string(), z.string().nullable())
    .parse(JSON.parse(await readFile(join(await synthesis(), 'findings.json'), 'utf8')))

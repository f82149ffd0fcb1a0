import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { pascalCase, schedules, streamConsumers, tasks, workflows } from '#protocol/functions.ts'
import { operations } from '#protocol/operations/registry.ts'
import { permissions } from '#protocol/permissions.ts'
import { tables } from '#protocol/tables.ts'

/** The rules of the house (docs/ARCHITECTURE.md), each as a check that can fail. */

const root = join(import.meta.dirname, '..')

const allowed: Readonly<Record<string, { readonly folders: readonly string[]; readonly packages: readonly RegExp[] }>> =
  {
    bin: {
      // test: the fuzz holds the engine against the naive second book. adapters: a solver is loaded like anything from outside.
      folders: ['lib', 'local', 'domain', 'protocol', 'adapters', 'bench', 'test'],
      packages: [
        /^aws-cdk-lib/,
        /^cdk-nag$/,
        /^csv-parse$/,
        /^zod$/,
        /^@aws-sdk\/client-/,
        /^@smithy\/node-http-handler$/,
      ],
    },
    lib: { folders: ['protocol'], packages: [/^aws-cdk-lib/, /^constructs$/, /^esbuild$/, /^zod$/] },
    lambdas: {
      folders: ['domain', 'protocol', 'adapters'],
      packages: [
        /^@middy\//,
        /^@aws-lambda-powertools\//,
        /^aws-jwt-verify/,
        /^uuid$/,
        /^prom-client$/,
        /^zod$/,
        /^aws-lambda$/,
      ],
    },
    matcher: { folders: ['domain', 'protocol', 'adapters'], packages: [/^@aws-lambda-powertools\/logger/] },
    domain: { folders: [], packages: [/^@stdlib\//] },
    protocol: { folders: ['domain'], packages: [/^zod$/] },
    adapters: {
      folders: ['domain', 'protocol'],
      packages: [/^@aws-sdk\//, /^@bsull\/augurs\//, /^@smithy\//, /^cockatiel$/, /^highs$/, /^zod$/],
    },
    local: {
      folders: [],
      packages: [
        /^@aws-sdk\//,
        /^@smithy\//,
        /^aws-local-stepfunctions$/,
        /^jose$/,
        /^kinesalite$/,
        /^kinesis-local$/,
        /^zod$/,
      ],
    },
    // The peer that the engine is measured beside.
    bench: { folders: ['domain', 'matcher', 'protocol'], packages: [/^nodejs-order-book$/] },
  }

/** Inside domain/: a folder imports only from a lower floor. */
const floors = [
  ['units.ts', 'outcome.ts', 'integer-programme.ts'],
  ['reference', 'compliance'],
  ['ledger', 'pricing', 'auction'],
  ['margin'],
  ['trading'],
  ['capacity', 'partners', 'settlement'],
  ['lending', 'sla'],
]

const sourceFiles = (folder: string): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
        .map(entry => relative(root, join(entry.parentPath, entry.name)))
    : []

const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/g)]
    .concat([...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)])
    .flatMap(match => (match[1] === undefined ? [] : [match[1]]))

/** What is wrong with one file's imports, in words. */
const strayImports = (file: string, text: string): string[] => {
  const folder = file.split('/')[0] ?? ''
  const rule = allowed[folder]
  if (rule === undefined) return []
  return importsOf(text).flatMap(specifier => {
    if (specifier.startsWith('node:')) {
      const pure = folder === 'domain' || folder === 'protocol'
      return pure && !['node:zlib', 'node:crypto', 'node:buffer'].includes(specifier) ? [`${file}: ${specifier}`] : []
    }
    if (folder === 'domain' && specifier.startsWith('node:')) return [`${file}: ${specifier}`]
    if (specifier.startsWith('#')) {
      const target = specifier.slice(1).split('/')[0] ?? ''
      return target === folder || !rule.folders.includes(target) ? [`${file}: ${specifier}`] : []
    }
    if (specifier.startsWith('.')) {
      const target = relative(root, join(root, dirname(file), specifier))
      if (target.split('/')[0] !== folder) return [`${file}: ${specifier} leaves its folder by a relative path`]
      return folder === 'domain' ? strayFloor(file, target) : []
    }
    return rule.packages.some(pattern => pattern.test(specifier)) ? [] : [`${file}: package ${specifier}`]
  })
}

const floorOf = (file: string): number => floors.findIndex(floor => floor.includes(file.split('/')[1] ?? ''))

const strayFloor = (file: string, target: string): string[] => {
  const [from, to] = [floorOf(file), floorOf(target)]
  if (from < 0) return [`${file} stands on no floor of domain/`]
  if (to < 0) return [`${target} stands on no floor of domain/`]
  const sameFolder = file.split('/')[1] === target.split('/')[1]
  return to < from || sameFolder || from === 0 ? [] : [`${file} imports ${target} from a floor that is not lower`]
}

const clocks = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bhrtime\b|\bsetTimeout\(|\bfetch\(/

describe('borders', () => {
  const files = Object.keys(allowed).flatMap(sourceFiles)

  test('there are sources to check', () => {
    for (const folder of Object.keys(allowed)) expect([folder, sourceFiles(folder).length > 0]).toEqual([folder, true])
  })

  test('imports cross borders only where the table allows it', () => {
    expect(files.flatMap(file => strayImports(file, readFileSync(join(root, file), 'utf8')))).toEqual([])
  })

  test('a planted violation is found', () => {
    expect(strayImports('domain/trading/x.ts', "import { kinesis } from '#adapters/clients/kinesis.ts'")).toHaveLength(
      1,
    )
    expect(strayImports('domain/trading/x.ts', "import { readFile } from 'node:fs'")).toHaveLength(1)
    expect(strayImports('domain/reference/x.ts', "import { a } from '../trading/engine.ts'")).toHaveLength(1)
    expect(strayImports('lambdas/trading/x.ts', "import { a } from '../../matcher/lane.ts'")).toHaveLength(1)
    expect(strayImports('lib/x.ts', "import { a } from '#lambdas/trading/http.ts'")).toHaveLength(1)
    expect(strayImports('matcher/x.ts', "import express from 'express'")).toHaveLength(1)
    expect(strayImports('adapters/x.ts', "const a = await import('#lambdas/shell/http.ts')")).toHaveLength(1)
    expect(
      strayImports('domain/trading/x.ts', "import { a } from '../units.ts'\nexport type { B } from './b.ts'"),
    ).toEqual([])
  })

  test('no clock, no randomness and no input or output in domain/', () => {
    expect(sourceFiles('domain').filter(file => clocks.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
    expect(clocks.test('const at = Date.now()')).toBe(true)
  })

  test('no folder or file that collects leftovers', () => {
    const unwanted = /(^|\/)(ports|shared|common|utils|helpers)\/|(^|\/)(types|index|utils|helpers)\.ts$/
    expect(files.filter(file => unwanted.test(file))).toEqual([])
  })

  test('the local runtime stays within 6,080 lines', () => {
    const lines = sourceFiles('local').map(file => readFileSync(join(root, file), 'utf8').split('\n').length - 1)
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(6080)
  })
})

describe('named once, found everywhere', () => {
  const functions = [...streamConsumers, ...tasks, ...schedules]

  test('every operation has its handler file and its test, and is named only once', () => {
    const missing = operations.flatMap(({ context, name }) =>
      [`lambdas/${context}/${name}.ts`, `test/lambdas/${context}/${name}.test.ts`].filter(
        file => !existsSync(join(root, file)),
      ),
    )
    expect(missing).toEqual([])
    expect(new Set(operations.map(({ name }) => name)).size).toBe(operations.length)
    expect(new Set(operations.map(({ method, path }) => `${method} ${path}`)).size).toBe(operations.length)
  })

  test('every other function has its handler file', () => {
    expect(
      functions
        .map(({ context, name }) => `lambdas/${context}/${name}.ts`)
        .filter(file => !existsSync(join(root, file))),
    ).toEqual([])
  })

  test('no handler file without a name in the registry', () => {
    const known = new Set([
      ...[...operations, ...functions].map(({ context, name }) => `lambdas/${context}/${name}.ts`),
      ...[...new Set(operations.map(({ context }) => context))].map(context => `lambdas/${context}/http.ts`),
      'lambdas/platform/authorize.ts',
    ])
    const strays = sourceFiles('lambdas').filter(
      file => !file.startsWith('lambdas/shell/') && !known.has(file) && exportsHandler(file),
    )
    expect(strays).toEqual([])
  })

  test('every table has its adapter', () => {
    expect(
      Object.values(tables)
        .map(({ name }) => `adapters/tables/${name}.ts`)
        .filter(file => !existsSync(join(root, file))),
    ).toEqual([])
  })

  test('workflow documents and tasks name each other', () => {
    for (const { name } of workflows) {
      const document = readFileSync(join(root, `stepfunctions/${name}.asl.json`), 'utf8')
      const placeholders = new Set([...document.matchAll(/\$\{(\w+)\}/g)].map(match => match[1]))
      const named = tasks.filter(({ workflow }) => workflow === name).map(task => pascalCase(task.name))
      expect([name, [...placeholders].sort()]).toEqual([name, named.sort()])
    }
    const documents = readdirSync(join(root, 'stepfunctions')).filter(file => file.endsWith('.asl.json'))
    expect(documents.map(file => file.replace('.asl.json', '')).sort()).toEqual(
      workflows.map(({ name }) => name as string).sort(),
    )
  })

  test('every operation declares a permission that exists', () => {
    const known = new Set<string>(['public', ...permissions])
    expect(operations.filter(({ permission }) => !known.has(permission)).map(({ name }) => name)).toEqual([])
    // Only what says nothing about anyone may be public.
    expect(operations.filter(o => o.permission === 'public').every(o => o.context === 'platform')).toBe(true)
  })
})

const exportsHandler = (file: string): boolean =>
  /export const (handler|handle)\b/.test(readFileSync(join(root, file), 'utf8'))

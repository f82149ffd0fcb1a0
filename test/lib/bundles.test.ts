import { spawn } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Bundles, bundle, functionEntries, httpBundle } from '#lib/bundles.ts'

let folder: string
let bundles: Bundles
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundles-'))
  const root = join(folder, 'root')
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  await mkdir(root)
  await symlink(join(import.meta.dirname, '../../node_modules'), join(root, 'node_modules'))
  for (const { source } of functionEntries) {
    await write(
      source,
      "import { named } from '../name.ts'\nclass Refused extends Error { readonly name = 'Refused' }\nexport const handler = async () => named + new Refused().name\n",
    )
  }
  await appendFile(
    join(root, 'lambdas/ledger/submit-account.ts'),
    "import { S3 } from '@aws-sdk/client-s3'\nexport const signs = async () => (await new S3({ region: 'us-east-1' }).config.credentials()).accessKeyId\n",
  )
  await write('lambdas/name.ts', "export const named: string = 'stand-in'\n")
  await write(
    'matcher/main.ts',
    "import { S3 } from '@aws-sdk/client-s3'\nglobalThis.client = S3\nconst { join } = require('node:path')\nprocess.stdout.write(join('matcher', 'runs'))\n",
  )
  await write('matcher/Dockerfile', 'FROM scratch\nCOPY main.mjs ./\n')
  bundles = await bundle({
    root,
    outdir: join(folder, 'dist'),
    pages: { openapi: '{"openapi":"3.1.0"}', documentation: '<html>' },
    tellsContents: true,
  })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (file: string, environment: NodeJS.ProcessEnv = {}): Promise<string> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment }
    const child = spawn('node', [file], { stdio: ['ignore', 'pipe', 'inherit'], env })
    let text = ''
    child.stdout.on('data', chunk => {
      text += String(chunk)
    })
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })

describe('bundles', () => {
  test('each function is one module', async () => {
    for (const { bundle: name } of functionEntries) {
      const code = await readFile(join(bundles.functionFolder(name), 'index.mjs'), 'utf8')
      expect(code).not.toContain('sourceMappingURL')
    }
    const probe = join(folder, 'probe.mjs')
    const file = pathToFileURL(join(bundles.functionFolder('submit-account'), 'index.mjs')).href
    await writeFile(probe, `import { handler } from '${file}'\nprocess.stdout.write(await handler())\n`)
    expect(await run(probe)).toBe('stand-inRefused')
  })

  test('the matcher\u2019s build context holds its program and its Dockerfile; require works in it', async () => {
    expect(await readFile(join(bundles.matcherFolder, 'Dockerfile'), 'utf8')).toContain('COPY main.mjs')
    expect(await run(join(bundles.matcherFolder, 'main.mjs'))).toBe('matcher/runs')
  })

  test('the pages lie next to the function that serves them', async () => {
    const platform = bundles.functionFolder(httpBundle('platform'))
    expect(await readFile(join(platform, 'openapi.json'), 'utf8')).toBe('{"openapi":"3.1.0"}')
    expect(await readFile(join(platform, 'docs.html'), 'utf8')).toBe('<html>')
  })

  test('the solver lies next to the function that clears auctions', async () => {
    const wasm = await readFile(join(bundles.functionFolder('clear-day'), 'highs.wasm'))
    expect(wasm.subarray(0, 4).toString('latin1')).toBe('\0asm')
  })

  test('a function signs with what its environment says, and has nothing that looks elsewhere; the matcher has all providers', async () => {
    const probe = join(folder, 'signs.mjs')
    const file = pathToFileURL(join(bundles.functionFolder('submit-account'), 'index.mjs')).href
    await writeFile(probe, `import { signs } from '${file}'\nprocess.stdout.write(await signs())\n`)
    expect(await run(probe, { AWS_ACCESS_KEY_ID: 'of-the-role', AWS_SECRET_ACCESS_KEY: 'secret' })).toBe('of-the-role')
    const { outputs } = JSON.parse(await readFile(join(folder, 'dist', 'meta.json'), 'utf8'))
    const providersOf = (name: string): string[] => {
      const [, output] = Object.entries<{ inputs: object }>(outputs).find(([path]) => path.endsWith(name)) ?? []
      const files = Object.keys(output?.inputs ?? {}).flatMap(path => /credential-provider-(\w+)/.exec(path)?.[1] ?? [])
      return [...new Set(files)].sort()
    }
    expect(providersOf('submit-account/index.mjs')).toEqual(['env'])
    expect(providersOf('matcher/main.mjs')).toEqual(expect.arrayContaining(['env', 'http', 'imds', 'node']))
  })

  test('what went into them is told', async () => {
    const { outputs } = JSON.parse(await readFile(join(folder, 'dist', 'meta.json'), 'utf8'))
    expect(Object.keys(outputs).filter(name => name.endsWith('.mjs'))).toHaveLength(functionEntries.length + 1)
  })
})

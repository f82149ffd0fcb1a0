import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
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
  for (const { source } of functionEntries) {
    await write(
      source,
      "import { named } from '../name.ts'\nclass Refused extends Error { readonly name = 'Refused' }\nexport const handler = async () => named + new Refused().name\n",
    )
  }
  await write('lambdas/name.ts', "export const named: string = 'stand-in'\n")
  await write(
    'matcher/main.ts',
    "const { join } = require('node:path')\nprocess.stdout.write(join('matcher', 'runs'))\n",
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

const run = (file: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn('node', [file], { stdio: ['ignore', 'pipe', 'inherit'] })
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

  test('what went into them is told', async () => {
    const { outputs } = JSON.parse(await readFile(join(folder, 'dist', 'meta.json'), 'utf8'))
    expect(Object.keys(outputs).filter(name => name.endsWith('.mjs'))).toHaveLength(functionEntries.length + 1)
  })
})

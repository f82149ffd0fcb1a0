import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { documentationPage } from '#protocol/documentation.ts'
import { openapiDocument } from '#protocol/openapi.ts'
import type { HttpHandler } from './http-requests.ts'

/** The platform's function as it is deployed: a bundle, with the pages beside it that were made when it was bundled. */
export const bundledPlatform = async (): Promise<{
  readonly handler: HttpHandler
  readonly remove: () => Promise<void>
}> => {
  const folder = await mkdtemp(join(tmpdir(), 'platform-'))
  const outfile = join(folder, 'index.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, '../../lambdas/platform/http.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module';const require = makeRequire(import.meta.url);",
    },
    logLevel: 'silent',
  })
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(openapiDocument()))
  await writeFile(join(folder, 'docs.html'), documentationPage())
  const { handler }: { handler: HttpHandler } = await import(pathToFileURL(outfile).href)
  return { handler, remove: () => rm(folder, { recursive: true, force: true }) }
}

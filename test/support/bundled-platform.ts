import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { functionBundling } from '#lib/bundles.ts'
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
    ...functionBundling,
    entryPoints: [join(import.meta.dirname, '../../lambdas/platform/http.ts')],
    outfile,
  })
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(openapiDocument()))
  await writeFile(join(folder, 'docs.html'), documentationPage())
  const { handler }: { handler: HttpHandler } = await import(pathToFileURL(outfile).href)
  return { handler, remove: () => rm(folder, { recursive: true, force: true }) }
}

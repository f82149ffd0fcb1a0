import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type BuildOptions, build, type Metafile, type Plugin, stop } from 'esbuild'
import { schedules, streamConsumers, tasks } from '#protocol/functions.ts'
import { contexts } from '#protocol/operation.ts'

/** Folders that become assets: one for each function, one as the matcher's build context. */
export interface Bundles {
  functionFolder(bundleName: string): string
  readonly matcherFolder: string
}

export const httpBundle = (context: string): string => `${context}-http`
export const authorizerBundle = 'authorize'
const packages = join(import.meta.dirname, '..', 'node_modules')

/** Next to the platform function's code, which serves them. */
export interface Pages {
  readonly openapi: string
  readonly documentation: string
}

interface Entry {
  readonly bundle: string
  readonly source: string
}

/** Every function of the exchange by the file that it is made from. */
export const functionEntries: readonly Entry[] = [
  ...contexts.map(context => ({ bundle: httpBundle(context), source: `lambdas/${context}/http.ts` })),
  { bundle: authorizerBundle, source: 'lambdas/platform/authorize.ts' },
  ...[...streamConsumers, ...tasks, ...schedules].map(({ context, name }) => ({
    bundle: name,
    source: `lambdas/${context}/${name}.ts`,
  })),
]

export const bundlesIn = (folder: string): Bundles => ({
  functionFolder: bundleName => join(folder, 'lambdas', bundleName),
  matcherFolder: join(folder, 'matcher'),
})

/** WebAssembly that a bundle's code reads from its own folder, by the package's name and the files in it. */
const filesBeside: readonly { readonly bundle: string; readonly package: string; readonly files: readonly string[] }[] =
  [
    { bundle: httpBundle('capacity'), package: '@bsull/augurs', files: ['ets_bg.wasm', 'mstl_bg.wasm'] },
    { bundle: 'procure-capacity', package: '@bsull/augurs', files: ['ets_bg.wasm', 'mstl_bg.wasm'] },
    { bundle: 'clear-day', package: 'highs', files: ['build/highs.wasm'] },
    { bundle: 'make-capacity-plan', package: 'highs', files: ['build/highs.wasm'] },
  ]

/**
 * Each schema of zod can describe itself as JSON Schema, which takes 17 kB of each bundle; only synthesis asks
 * (protocol/openapi.ts). In a bundle asking is an error.
 */
const withoutJsonSchema: Plugin = {
  name: 'without-json-schema',
  setup: ({ onLoad }) =>
    onLoad(
      { filter: /[\\/]zod[\\/]v4[\\/]core[\\/](?:json-schema-processors|to-json-schema)\.js$/ },
      async ({ path }) => {
        const exported = (await readFile(path, 'utf8')).matchAll(/^export (?:const|function) (\w+)/gm)
        // A schema makes its methods when it is asked for any of them.
        const absences = [...exported].map(
          ([, name = '']) => `${name.startsWith('create') ? 'made' : 'absent'} as ${name}`,
        )
        return {
          contents: `const absent = () => { throw new Error('bundles hold no JSON Schema (lib/bundles.ts)') }
const made = () => absent
export { ${absences.join(', ')} }`,
        }
      },
    ),
}

/** How each function is made of its sources. */
export const functionBundling: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  alias: {
    '@aws-sdk/credential-provider-node': join(
      import.meta.dirname,
      '..',
      'adapters',
      'clients',
      'function-credentials.ts',
    ),
  },
  // Packages are CommonJS in part: what esbuild leaves of `require` needs one.
  banner: {
    js: "import { createRequire as makeRequire } from 'node:module';const require = makeRequire(import.meta.url);",
  },
  plugins: [withoutJsonSchema],
  minify: true,
  legalComments: 'none',
  logLevel: 'silent',
}

/** esbuild keeps a copy of the whole graph for each entry: of all at once it needs 3 GB, or within less collects for most of its time. */
const entriesAtOnce = 20

/**
 * Bundles each function and the matcher into one file each, the AWS SDK included, so that what runs is what was tested.
 * Source maps stay beside the bundles and out of the assets.
 */
export const bundle = async (options: {
  /** Where `lambdas/` and `matcher/` are. */
  readonly root: string
  readonly outdir: string
  readonly pages: Pages
  /** Also writes `meta.json`: what went into each bundle, by esbuild's own account. */
  readonly tellsContents?: boolean
}): Promise<Bundles> => {
  const { root, outdir, pages, tellsContents = false } = options
  const bundles = bundlesIn(outdir)
  spareCollections()
  const metafile: Metafile = { inputs: {}, outputs: {} }
  const make = async (entryPoints: { in: string; out: string }[], others: BuildOptions = {}) => {
    const built = await build({
      ...functionBundling,
      ...others,
      absWorkingDir: root,
      entryPoints,
      outdir,
      outExtension: { '.js': '.mjs' },
      metafile: tellsContents,
    })
    Object.assign(metafile.inputs, built.metafile?.inputs)
    Object.assign(metafile.outputs, built.metafile?.outputs)
  }
  const functions = functionEntries.map(({ bundle: name, source }) => ({ in: source, out: `lambdas/${name}/index` }))
  for (let first = 0; first < functions.length; first += entriesAtOnce)
    await make(functions.slice(first, first + entriesAtOnce))
  // A task asks another endpoint for its credentials, and so has the whole chain.
  await make([{ in: 'matcher/main.ts', out: 'matcher/main' }], { alias: {} })
  // Its process would stay beside ours, and keep what it has read.
  await stop()
  const platform = bundles.functionFolder(httpBundle('platform'))
  await mkdir(platform, { recursive: true })
  await Promise.all([
    copyFile(join(root, 'matcher', 'Dockerfile'), join(bundles.matcherFolder, 'Dockerfile')),
    ...filesBeside.flatMap(({ bundle: name, package: packageName, files }) =>
      files.map(file =>
        copyFile(join(packages, packageName, file), join(bundles.functionFolder(name), basename(file))),
      ),
    ),
    ...(tellsContents ? [writeFile(join(outdir, 'meta.json'), JSON.stringify(metafile))] : []),
    writeFile(join(platform, 'openapi.json'), pages.openapi),
    writeFile(join(platform, 'docs.html'), pages.documentation),
  ])
  return bundles
}

/**
 * esbuild lives for seconds and takes its settings from our environment: collecting its garbage before there is much of
 * it takes a third of its processor time.
 */
const spareCollections = (): void => {
  process.env['GOGC'] ??= 'off'
  process.env['GOMEMLIMIT'] ??= '800MiB'
}

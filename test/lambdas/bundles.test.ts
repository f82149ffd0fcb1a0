import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { contexts } from '#protocol/operation.ts'

const mostBytes = 250_000
/** The AWS SDK and what only it brings along; Lambda's own copy would do. */
const sdk =
  /^node_modules\/(?:@aws-sdk|@smithy|@aws-crypto|tslib|fast-xml-parser|strnum|bowser|mnemonist|obliterator)\//

test('a context’s function stays under 250 kB of JavaScript without the AWS SDK', async () => {
  const { metafile } = await build({
    absWorkingDir: join(import.meta.dirname, '../..'),
    entryPoints: [...contexts.map(context => `lambdas/${context}/http.ts`), 'lambdas/platform/authorize.ts'],
    outdir: 'unwritten',
    write: false,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    metafile: true,
    logLevel: 'silent',
  })
  const sizes = Object.values(metafile.outputs).map(({ entryPoint, inputs }) => {
    const own = Object.entries(inputs).filter(([file]) => !sdk.test(file))
    return { entryPoint, bytes: own.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) }
  })
  expect(sizes).toHaveLength(contexts.length + 1)
  expect(sizes.filter(({ bytes }) => bytes > mostBytes || bytes < 50_000)).toEqual([])
})

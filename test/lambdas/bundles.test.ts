import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { contexts } from '#protocol/operation.ts'

const mostBytes = 250_000
/** zod and the shell are 200 kB of each: what these two need beside it is more than what is left. */
const mostBytesOf: Readonly<Record<string, number>> = {
  'lambdas/reference/http.ts': 290_000,
  'lambdas/pricing/http.ts': 350_000,
}
/** The AWS SDK and what only it brings along; Lambda's own copy would do. */
const sdk =
  /^node_modules\/(?:@aws-sdk|@smithy|@aws-crypto|tslib|fast-xml-parser|strnum|bowser|mnemonist|obliterator)\//

test('a context’s function, bundled as it is deployed, stays under 250 kB of JavaScript without the AWS SDK', async () => {
  const { metafile } = await build({
    absWorkingDir: join(import.meta.dirname, '../..'),
    entryPoints: [...contexts.map(context => `lambdas/${context}/http.ts`), 'lambdas/platform/authorize.ts'],
    outdir: 'unwritten',
    write: false,
    bundle: true,
    minify: true,
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
  const isOff = ({ entryPoint = '', bytes }: (typeof sizes)[number]): boolean =>
    bytes > (mostBytesOf[entryPoint] ?? mostBytes) || bytes < 50_000
  expect(sizes.filter(isOff)).toEqual([])
})

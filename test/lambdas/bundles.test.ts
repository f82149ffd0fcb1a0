import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { functionBundling } from '#lib/bundles.ts'
import { contexts } from '#protocol/operation.ts'

/** zod, the shell and the words of every code are 190 kB of each. */
const mostBytes = 256_000
/** Beside it: contracts and their names; margin over rows, and budgets between lanes; the pricers; the engine that decides a preview, and the pricers again; what a settlement price follows from; offers and opportunities; models of series, and the bids and orders of requests. */
const mostBytesOf: Readonly<Record<string, number>> = {
  'lambdas/reference/http.ts': 288_000,
  'lambdas/day-ahead/http.ts': 270_000,
  'lambdas/ledger/http.ts': 294_000,
  'lambdas/pricing/http.ts': 352_000,
  'lambdas/risk/http.ts': 592_000,
  'lambdas/delivery/http.ts': 271_000,
  'lambdas/partners/http.ts': 309_000,
  'lambdas/capacity/http.ts': 358_000,
}
/** The AWS SDK and what only it brings along; Lambda's own copy would do. */
const sdk =
  /^node_modules\/(?:@aws-sdk|@smithy|@aws-crypto|tslib|fast-xml-parser|strnum|bowser|mnemonist|obliterator)\//

test('a context’s function, bundled as it is deployed, stays under its bound of JavaScript without the AWS SDK', async () => {
  const { metafile } = await build({
    ...functionBundling,
    absWorkingDir: join(import.meta.dirname, '../..'),
    entryPoints: [...contexts.map(context => `lambdas/${context}/http.ts`), 'lambdas/platform/authorize.ts'],
    outdir: 'unwritten',
    write: false,
    metafile: true,
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

/**
 * `npm run import-catalog -- <provider> <csv> [--dry-run] [--json]`: imports a partner's catalogue into the running exchange. The
 * file (.csv or .csv.gz) is read and checked as a whole first: one wrong row, and nothing is sent. Prices that are none are kept
 * out, counted and listed. Exit code 0 where it is in force, 1 where the file or the exchange refuses it, 2 where it cannot run.
 */
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { type Provider, providers } from '#domain/partners/catalogue.ts'
import { type ScreenedPrice, screenPrices } from '#domain/partners/catalogue-file.ts'
import { signIn } from './client.ts'
import { readCatalogueFile } from './import-catalog/file.ts'
import { ImportRefused, sendCatalogue } from './import-catalog/send.ts'
import { createProgress } from './replay/progress.ts'
import { exchangeUrl } from './running.ts'

const usage = `usage: npm run import-catalog -- <${providers.join('|')}> <csv> [--dry-run] [--json]`
const listedScreened = 10

class BadUsage extends Error {}

const readArguments = () => {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { 'dry-run': { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
    })
    const [name, path, ...more] = positionals
    const provider = providers.find(each => each === name)
    if (provider === undefined || path === undefined || more.length > 0) throw new BadUsage(usage)
    return { provider, path, isDryRun: values['dry-run'], isJson: values.json }
  } catch (cause) {
    throw cause instanceof BadUsage ? cause : new BadUsage(usage, { cause })
  }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

const screenedLines = (screened: readonly ScreenedPrice[]): readonly string[] => [
  ...screened
    .slice(0, listedScreened)
    .map(
      ({ line, product, region, pricing, text, reason }) =>
        `    line ${line}: ${product} in ${region}, ${pricing} ${text}: ${reason}`,
    ),
  ...(screened.length > listedScreened ? [`    and ${screened.length - listedScreened} more`] : []),
]

const byPricing = (screened: readonly ScreenedPrice[]): string =>
  [...Map.groupBy(screened, ({ pricing }) => pricing)]
    .map(([pricing, prices]) => `${prices.length} ${pricing}`)
    .join(', ')

const run = async (): Promise<number> => {
  const { provider, path, isDryRun, isJson } = readArguments()
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000
  const read = await readCatalogueFile(provider, path, today)
  if ('problems' in read) {
    for (const { line, problem } of read.problems) complain(`${path}, line ${line}: ${problem}`)
    complain(`${read.isCutShort ? 'Read no further. ' : ''}Nothing was imported.`)
    return 1
  }
  const catalogue = screenPrices(read.prices)
  const { products, screened } = catalogue
  const figures = {
    provider,
    file: basename(path),
    rows: read.rows,
    prices: read.prices.length,
    kept: read.prices.length - screened.length,
    screened: screened.length,
    products: products.length,
  }
  const url = isDryRun ? undefined : exchangeUrl()
  const sent = url === undefined ? undefined : await send(url, provider, basename(path), catalogue)
  if (isJson) {
    say(JSON.stringify({ ...figures, import_id: sent?.importId ?? null }))
    return 0
  }
  say(`${figures.file}: ${read.rows} rows, ${figures.prices} prices of ${products.length} products in their regions`)
  say(`  kept      ${figures.kept}`)
  say(
    `  screened  ${screened.length}${screened.length > 0 ? ` (${byPricing(screened)}), kept out of all prices:` : ''}`,
  )
  for (const line of screenedLines(screened)) say(line)
  if (sent === undefined) say('Nothing was sent: --dry-run.')
  else {
    say(`In force as import ${sent.importId}, in ${sent.batches} pieces.`)
    if (screened.length > 0)
      say(`All that was screened: GET /api/v1/partners/catalogues/${provider}/${sent.importId}/screened`)
  }
  return 0
}

const send = async (
  url: string,
  provider: Provider,
  fileName: string,
  catalogue: Parameters<typeof sendCatalogue>[3],
) => {
  const exchange = await signIn(url, 'operator', 'market_operator')
  const progress = createProgress(`importing ${fileName}`, process.stderr)
  const sent = await sendCatalogue(exchange, provider, fileName, catalogue, part => progress.at(part))
  progress.done()
  return sent
}

try {
  process.exitCode = await run()
} catch (error) {
  const isRefused = error instanceof ImportRefused
  const told = error instanceof Error ? error.message : String(error)
  complain(isRefused ? `The exchange refuses the import: ${told}. What was in force still is.` : told)
  process.exitCode = isRefused ? 1 : 2
}

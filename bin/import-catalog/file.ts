import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { CsvError, parse } from 'csv-parse'
import type { Provider } from '#domain/partners/catalogue.ts'
import {
  type FileProblem,
  headerProblem,
  type ListedPrice,
  mostRows,
  pricesOfRow,
} from '#domain/partners/catalogue-file.ts'

/** A file whose every row can be read, or what is wrong with it: never a part of it. */
export type ReadFile =
  | { readonly prices: readonly ListedPrice[]; readonly rows: number }
  | { readonly problems: readonly FileProblem[]; readonly isCutShort: boolean }

const mostProblems = 20
const mostRowBytes = 64 * 1024

interface Parsed {
  readonly record: readonly string[]
  readonly info: { readonly lines: number }
}

/** Row by row, so that a file that is no catalogue is known as such before all of it was read. */
export const readCatalogueFile = async (
  provider: Provider,
  path: string,
  importDayMillis: number,
): Promise<ReadFile> => {
  const source = createReadStream(path)
  const plain = path.endsWith('.gz') ? source.pipe(createGunzip()) : source
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: mostRowBytes,
  })
  for (const stream of [source, plain]) stream.once('error', (error: Error) => parser.destroy(error))
  plain.pipe(parser)
  const prices: ListedPrice[] = []
  const problems: FileProblem[] = []
  const cutShort = (): ReadFile => {
    source.destroy()
    return { problems, isCutShort: true }
  }
  let rows = -1
  try {
    for await (const parsed of parser as AsyncIterable<Parsed>) {
      const { record, info } = parsed
      rows += 1
      if (rows === 0) {
        const wrong = headerProblem(provider, record)
        if (wrong === undefined) continue
        problems.push(wrong)
        return cutShort()
      }
      if (rows > mostRows) {
        problems.push({ line: info.lines, problem: `is row ${rows}: no catalogue may have more than ${mostRows}` })
        return cutShort()
      }
      const found = pricesOfRow(provider, { line: info.lines, cells: record }, importDayMillis)
      if ('problem' in found) problems.push(found)
      else prices.push(...found)
      if (problems.length >= mostProblems) return cutShort()
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    problems.push({ line: Number(error['lines'] ?? 0), problem: `is no CSV: ${error.message}` })
    return cutShort()
  }
  if (rows < 1)
    problems.push({ line: 1, problem: rows < 0 ? 'the file is empty' : 'there is a header and nothing else' })
  return problems.length > 0 ? { problems, isCutShort: false } : { prices, rows }
}

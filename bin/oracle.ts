/**
 * `npm run oracle -- <folder> [--json]`: known values of others, a file each kind of contract, against the pricers: passed,
 * failed and skipped (with the reason) of each file, and its worst case. Exit code 0 where nothing failed, 1 where anything
 * did, 2 where it cannot run.
 */
import { parseArgs } from 'node:util'
import { BadFolder, type FileResult, type FolderResult, judgeFolder } from './oracle/folder.ts'
import { createProgress } from './replay/progress.ts'

const usage = 'usage: npm run oracle -- <folder> [--json]'

const readArguments = (): { readonly folder: string; readonly json: boolean } | undefined => {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
    const [folder, ...others] = positionals
    return folder === undefined || others.length > 0 ? undefined : { folder, json: values.json }
  } catch {
    return undefined
  }
}

const mostLines = 10

/** What comes out of a file is data: no control character of it reaches a terminal. */
const printable = (text: string): string => text.replace(/\p{C}/gu, character => JSON.stringify(character).slice(1, -1))

const linesOf = (each: FileResult): readonly string[] => {
  const { worst } = each
  const farthest =
    worst === null
      ? ''
      : `worst ${printable(worst.id)}: error ${worst.error.toExponential(1)} of ${worst.tolerance.toExponential(1)}`
  const numbers = [each.passed, each.failed, each.skipped].map(count => String(count).padStart(7)).join(' ')
  return [
    `  ${printable(each.file).padEnd(32)} ${numbers}  ${farthest}`.trimEnd(),
    ...(each.problem === null ? [] : [`      ${printable(each.problem)}`]),
    ...(each.declared === null || each.declared === each.cases
      ? []
      : [`      says that it has ${each.declared} cases, and has ${each.cases}`]),
    ...Object.entries(each.reasons).map(
      ([reason, count]) => `      ${count === 0 ? '' : `${count} `}skipped: ${printable(reason)}`,
    ),
    ...each.failures.slice(0, mostLines).map(({ id, reason }) => `      FAILED ${printable(id)}: ${printable(reason)}`),
    ...(each.failed > mostLines ? [`      and ${each.failed - mostLines} more`] : []),
  ]
}

const table = (result: FolderResult): string =>
  [
    `  ${'file'.padEnd(32)}  passed  failed skipped`,
    ...result.files.flatMap(linesOf),
    `  ${'all'.padEnd(32)} ${[result.passed, result.failed, result.skipped].map(count => String(count).padStart(7)).join(' ')}`,
  ].join('\n')

const options = readArguments()
if (options === undefined) {
  console.error(usage)
  process.exit(2)
}
try {
  const progress = createProgress('cases', process.stderr)
  const result = judgeFolder(options.folder, (done, all) => progress.at(done / all))
  progress.done()
  console.log(options.json ? JSON.stringify(result, undefined, 2) : table(result))
  process.exitCode = result.failed === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof BadFolder)) throw error
  console.error(error.message)
  process.exitCode = 2
}

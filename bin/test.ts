/**
 * `npm test [-- <jest arguments>]`: runs the tests and ends with a plain line that counts them. A test file that could
 * not run at all counts as one failure, so that the line can never be green by running nothing.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

interface JestSummary {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numRuntimeErrorTestSuites: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** One line for each failure, so that the end of a long output tells them all. */
const failuresOf = ({ testResults }: JestSummary): readonly string[] =>
  testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(process.cwd(), name)
      const failed = assertionResults.filter(({ status }) => status === 'failed')
      if (failed.length === 0) return [`FAILED ${file}: ${firstLineOf(message)}`]
      return failed.map(
        ({ fullName, failureMessages: [first = ''] }) => `FAILED ${file} › ${fullName}: ${firstLineOf(first)}`,
      )
    })

const longestLine = 300

const firstLineOf = (message: string): string =>
  (
    stripVTControlCharacters(message)
      .split('\n')
      .find(line => line.trim() !== '') ?? ''
  )
    .trim()
    .slice(0, longestLine)

const folder = mkdtempSync(join(tmpdir(), 'exchange-test-'))
const summaryFile = join(folder, 'summary.json')
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${summaryFile}`,
    ...process.argv.slice(2),
  ],
  // Jest writes the JSON to standard output too: what people read is on standard error.
  {
    stdio: ['ignore', 'ignore', 'inherit'],
    // esbuild by itself collects garbage so often that it takes a third of its processor time.
    env: {
      GOGC: '400',
      ...process.env,
      POWERTOOLS_DEV: 'true',
      AWS_REGION: 'eu-west-1',
      TEST_FOLDER: folder,
      INSURANCE_FUND: 'insurance-fund',
    },
  },
)
const stop = (signal: NodeJS.Signals) => jest.kill(signal)
process.on('SIGINT', stop)
process.on('SIGTERM', stop)

jest.on('close', code => {
  let exitCode = code ?? 1
  try {
    const summary: JestSummary = JSON.parse(readFileSync(summaryFile, 'utf8'))
    const failed = summary.numFailedTests + summary.numRuntimeErrorTestSuites
    const skipped = summary.numPendingTests === 0 ? '' : `, ${summary.numPendingTests} skipped`
    if (failed > 0 || summary.numPassedTests === 0) exitCode = exitCode === 0 ? 1 : exitCode
    for (const line of failuresOf(summary)) console.error(line)
    console.log(`${summary.numPassedTests} passed, ${failed} failed${skipped}`)
  } catch (error) {
    console.error(`the tests did not finish: ${error instanceof Error ? error.message : String(error)}`)
    console.log('0 passed, 1 failed')
    exitCode = 1
  }
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = exitCode
})

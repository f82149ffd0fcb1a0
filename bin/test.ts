/**
 * `npm test [-- <jest arguments>]`: runs the tests and ends with a plain line that counts them. A test file that could
 * not run at all counts as one failure, so that the line can never be green by running nothing.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface JestSummary {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numRuntimeErrorTestSuites: number
}

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
    console.log(`${summary.numPassedTests} passed, ${failed} failed${skipped}`)
  } catch (error) {
    console.error(`the tests did not finish: ${error instanceof Error ? error.message : String(error)}`)
    console.log('0 passed, 1 failed')
    exitCode = 1
  }
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = exitCode
})

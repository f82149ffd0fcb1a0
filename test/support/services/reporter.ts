import { relative } from 'node:path'
import { hasEnded } from './turns.ts'

interface Config {
  readonly rootDir: string
  readonly testNamePattern?: string
}

interface Result {
  readonly numFailingTests: number
  readonly testExecError?: unknown
}

/** A jest reporter that says nothing: it notes which journeys have ended, also those that could not run. */
export default class JourneyReporter {
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  onTestFileResult({ path }: { readonly path: string }, { numFailingTests, testExecError }: Result): void {
    const { rootDir, testNamePattern = '' } = this.#config
    // With a pattern only part of it has run.
    hasEnded(relative(rootDir, path), numFailingTests > 0 || testExecError != null || testNamePattern !== '')
  }
}

import { relative } from 'node:path'
import { plan } from './turns.ts'

interface Test {
  readonly path: string
  readonly context: { readonly config: { readonly rootDir: string } }
}

/** Jest's testSequencer. */
export default class Sequencer {
  sort(tests: readonly Test[]): Test[] {
    const byFile = new Map(tests.map(test => [relative(test.context.config.rootDir, test.path), test]))
    return plan([...byFile.keys()]).flatMap(file => byFile.get(file) ?? [])
  }

  /** Jest calls it at the end; the order follows from the names of the files alone. */
  cacheResults(): void {
    // Nothing to keep.
  }
}

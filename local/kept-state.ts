import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import type * as z from 'zod'

/** Whole or not at all: a crash leaves the former content. */
export function writeAtomically(path: string, content: string): void {
  const draft = `${path}.draft`
  writeFileSync(draft, content)
  renameSync(draft, path)
}

export interface AppendLog<Entry> {
  /** What the file held when it was opened. */
  readonly entries: readonly Entry[]
  append(entry: Entry): void
  /** Replaces the file by what still matters. */
  rewrite(entries: readonly Entry[]): void
  close(): void
}

/** One JSON document a line. The last line may be torn by a crash and is then dropped; any other must be readable. */
export function openAppendLog<Entry>(path: string, schema: z.ZodType<Entry>): AppendLog<Entry> {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  const torn = lines.pop() ?? ''
  const entries = lines.map((line, index) => {
    try {
      return schema.parse(JSON.parse(line))
    } catch (cause) {
      throw new Error(`${path}: line ${index + 1} is damaged`, { cause })
    }
  })
  if (torn !== '') writeAtomically(path, lines.map(line => `${line}\n`).join(''))
  let file = openSync(path, 'a')
  return {
    entries,
    append(entry) {
      writeSync(file, `${JSON.stringify(entry)}\n`)
    },
    rewrite(kept) {
      closeSync(file)
      writeAtomically(path, kept.map(entry => `${JSON.stringify(entry)}\n`).join(''))
      file = openSync(path, 'a')
    },
    close() {
      closeSync(file)
    },
  }
}

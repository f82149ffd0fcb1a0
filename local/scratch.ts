import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from './children.ts'

/**
 * Makes a folder of this process in `parent`, by the name of what it is for, and first removes those that processes which
 * were killed (an assembly is 120 MB) left there for the same. Whoever asks removes his own when he ends.
 */
export function scratchFolder(parent: string, purpose: string): string {
  removeLeftOvers(parent, purpose)
  return mkdtempSync(join(parent, `exchange-${purpose}-${process.pid}-`))
}

/** Another user's are not ours to remove, and what cannot be removed keeps nobody from starting. */
export function removeLeftOvers(parent: string, purpose: string): void {
  const start = `exchange-${purpose}-`
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(start)) continue
    const [, pid] = /^(\d+)-/.exec(name.slice(start.length)) ?? []
    if (pid === undefined || isAlive(Number(pid))) continue
    const path = join(parent, name)
    try {
      if (lstatSync(path).uid === process.getuid?.()) rmSync(path, { recursive: true, force: true })
    } catch {
      // Somebody else removes it at this moment, or it is not to be removed.
    }
  }
}

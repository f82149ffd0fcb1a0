import { readFile } from 'node:fs/promises'

/** A file that was made when the function was bundled, and lies next to it; read once. */
export const page = (name: 'openapi.json' | 'docs.html'): (() => Promise<string>) => {
  let read: Promise<string> | undefined
  return () => {
    read ??= readFile(new URL(`./${name}`, import.meta.url), 'utf8')
    return read
  }
}

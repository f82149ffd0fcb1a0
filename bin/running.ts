import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** What a started exchange says of itself to the other programs; that of a test run says it elsewhere. */
export const runFile = process.env['EXCHANGE_RUN_FILE'] ?? join(import.meta.dirname, '..', '.local', 'run.json')

/** Where the exchange runs: EXCHANGE_URL or PORT where they are set, else the one that was started last from here. */
export const exchangeUrl = (): string => {
  const { EXCHANGE_URL, PORT } = process.env
  if (EXCHANGE_URL) return EXCHANGE_URL.replace(/\/$/, '')
  if (PORT) return `http://127.0.0.1:${PORT}`
  try {
    return z.object({ url: z.url() }).parse(JSON.parse(readFileSync(runFile, 'utf8'))).url
  } catch (cause) {
    throw new Error('no exchange is running here: start one with `npm start`, or name it by EXCHANGE_URL', { cause })
  }
}

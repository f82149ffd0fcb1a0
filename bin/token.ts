/** `npm run -s token -- --account alice --role trader`: prints a bearer token of the running local exchange's issuer. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { localIssuerPath } from '#local/oidc-issuer.ts'

const usage = 'usage: npm run -s token -- --account <name> --role <role> [--expires-in <seconds>]'
const runFile = join(import.meta.dirname, '..', '.local', 'run.json')
const tokenAnswer = z.union([z.object({ access_token: z.string() }), z.object({ error_description: z.string() })])

try {
  console.log(await requestToken())
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function requestToken(): Promise<string> {
  const { account, role, expiresInSeconds } = readArguments()
  const url = await exchangeUrl()
  const response = await post(`${url}${localIssuerPath}/token`, { account, role, expires_in: expiresInSeconds })
  const read = tokenAnswer.safeParse(await response.json())
  if (!read.success) throw new Error(`${url} answered ${response.status}, which is no token`)
  if ('error_description' in read.data) throw new Error(read.data.error_description)
  return read.data.access_token
}

function readArguments(): { account: string; role: string; expiresInSeconds: number } {
  const { values } = parseArguments()
  const expiresInSeconds = Number(values['expires-in'])
  if (!values.account || !values.role || !(Number.isInteger(expiresInSeconds) && expiresInSeconds > 0)) {
    throw new Error(usage)
  }
  return { account: values.account, role: values.role, expiresInSeconds }
}

function parseArguments() {
  try {
    return parseArgs({
      options: {
        account: { type: 'string' },
        role: { type: 'string' },
        'expires-in': { type: 'string', default: '3600' },
      },
    })
  } catch (error) {
    throw new Error(usage, { cause: error })
  }
}

async function exchangeUrl(): Promise<string> {
  const { EXCHANGE_URL, PORT } = process.env
  if (EXCHANGE_URL) return EXCHANGE_URL.replace(/\/$/, '')
  if (PORT) return `http://127.0.0.1:${PORT}`
  try {
    return z.object({ url: z.url() }).parse(JSON.parse(await readFile(runFile, 'utf8'))).url
  } catch (error) {
    throw new Error('no exchange is running here: start one with `npm start`, or name it by EXCHANGE_URL', {
      cause: error,
    })
  }
}

async function post(url: string, body: object): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    })
  } catch (error) {
    throw new Error(`no exchange answers at ${new URL(url).origin}: start one with \`npm start\``, { cause: error })
  }
}

/** `npm run -s token -- --account alice --role trader`: prints a bearer token of the running local exchange's issuer. */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { localIssuerPath } from '#local/oidc-issuer.ts'
import { isRole, roles } from '#protocol/permissions.ts'
import { exchangeUrl } from './running.ts'

const usage = 'usage: npm run -s token -- --account <name> --role <role> [--expires-in <seconds>]'
const tokenAnswer = z.union([z.object({ access_token: z.string() }), z.object({ error_description: z.string() })])

try {
  console.log(await requestToken())
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function requestToken(): Promise<string> {
  const { account, role, expiresInSeconds } = readArguments()
  const url = exchangeUrl()
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
  if (!isRole(values.role)) throw new Error(`there is no role ${values.role}, but ${roles.join(', ')}`)
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

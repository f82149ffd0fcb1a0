/**
 * `npm run -s sign -- --key <key id> --private-key <pem file> GET /api/v1/positions`: sends a request that is signed by an
 * API key to the running exchange, and prints what it answers.
 */
import { createPrivateKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { bearerOfSigned } from '#protocol/api-key-credential.ts'
import { signatureHeaders, signedText } from '#protocol/request-signature.ts'
import { exchangeUrl } from './running.ts'

const usage = "usage: npm run -s sign -- --key <key id> --private-key <pem file> <method> <path> [--body '<json>']"

try {
  const { key, privateKey, method, path, body } = readArguments()
  const url = exchangeUrl()
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearerOfSigned(key)}`,
      ...(body === '' ? {} : { 'content-type': 'application/json' }),
      ...signatureOf(privateKey, { method, path, body, atMillis: await nowOf(url) }),
    },
    ...(body === '' ? {} : { body }),
    signal: AbortSignal.timeout(30_000),
  })
  console.error(`${response.status} ${response.statusText}`)
  console.log(await response.text())
  process.exitCode = response.ok ? 0 : 1
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

function readArguments(): { key: string; privateKey: KeyObject; method: string; path: string; body: string } {
  const { values, positionals } = parseArguments()
  const [method = '', path = '', ...more] = positionals
  const file = values['private-key']
  if (!values.key || !file || !/^[A-Za-z]+$/.test(method) || !path.startsWith('/') || more.length > 0)
    throw new Error(usage)
  const privateKey = createPrivateKey(readFileSync(file))
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`${file} is not an Ed25519 key`)
  return { key: values.key, privateKey, method: method.toUpperCase(), path, body: values.body }
}

function parseArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        'private-key': { type: 'string' },
        body: { type: 'string', default: '' },
      },
    })
  } catch (error) {
    throw new Error(usage, { cause: error })
  }
}

function signatureOf(
  privateKey: KeyObject,
  request: { readonly method: string; readonly path: string; readonly body: string; readonly atMillis: number },
): Readonly<Record<string, string>> {
  const { pathname, searchParams } = new URL(request.path, 'http://exchange')
  const timestamp = String(request.atMillis)
  const nonce = randomUUID()
  const text = signedText({
    timestamp,
    nonce,
    method: request.method,
    path: pathname,
    query: searchParams,
    body: Buffer.from(request.body),
  })
  return {
    [signatureHeaders.timestamp]: timestamp,
    [signatureHeaders.nonce]: nonce,
    [signatureHeaders.signature]: sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

/** A local exchange's clock may have been moved; one on AWS has ours. */
async function nowOf(url: string): Promise<number> {
  const response = await fetch(`${url}/_local/status`).catch((cause: unknown) => {
    throw new Error(`no exchange answers at ${url}: start one with \`npm start\``, { cause })
  })
  if (!response.ok) return Date.now()
  return Date.parse(z.object({ now: z.string() }).parse(await response.json()).now)
}

/**
 * The issuer of tokens on this machine. It answers loopback peers only and lives only in the local runtime: nothing that
 * is deployed imports it, and its keys die with the process.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import * as z from 'zod'
import type { Clock } from './component.ts'

/** Where the local runtime puts the issuer, below the URL of the API. */
export const localIssuerPath = '/oidc'
const audience = 'compute-exchange'
const algorithm = 'RS256'
const largestFormBytes = 16_384

const tokenRequest = z.object({
  grant_type: z.literal('client_credentials').optional(),
  account: z.string().trim().min(1).max(128),
  role: z.string().trim().min(1).max(128),
  expires_in: z.coerce.number().int().min(1).max(2_592_000).default(3_600),
})

type Reply = { readonly status: number; readonly body: unknown }

export async function createOidcIssuer(options: {
  issuerUrl: string
  clock: Clock
}): Promise<{ route: (request: IncomingMessage, response: ServerResponse) => boolean; jwksUri: string }> {
  const { issuerUrl, clock } = options
  const issuer = new URL(issuerUrl)
  if (!isLoopbackHost(issuer.host)) throw new Error(`the local issuer cannot be ${issuerUrl}: not a loopback address`)
  const base = issuerUrl.replace(/\/$/, '')
  const basePath = issuer.pathname.replace(/\/$/, '')
  const jwksUri = `${base}/jwks.json`
  const kid = randomUUID()
  const { publicKey, privateKey } = await generateKeyPair(algorithm)
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig', alg: algorithm }] }
  const discovery = {
    issuer: issuerUrl,
    jwks_uri: jwksUri,
    token_endpoint: `${base}/token`,
    grant_types_supported: ['client_credentials'],
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
  }

  const issueToken = async (request: IncomingMessage): Promise<Reply> => {
    const read = tokenRequest.safeParse(await readForm(request))
    if (!read.success) return refusal(400, 'invalid_request', z.prettifyError(read.error))
    const { account, role, expires_in } = read.data
    const issuedAtSeconds = Math.floor(clock.now() / 1_000)
    const token = await new SignJWT({ account, role })
      .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
      .setIssuer(issuerUrl)
      .setAudience(audience)
      .setSubject(account)
      .setIssuedAt(issuedAtSeconds)
      .setNotBefore(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + expires_in)
      .setJti(randomUUID())
      .sign(privateKey)
    return { status: 200, body: { access_token: token, token_type: 'Bearer', expires_in } }
  }

  const documents: Readonly<Record<string, unknown>> = {
    [`${basePath}/.well-known/openid-configuration`]: discovery,
    [`${basePath}/jwks.json`]: jwks,
    // Where aws-jwt-verify looks when it is told nothing but the issuer.
    [`${basePath}/.well-known/jwks.json`]: jwks,
  }
  const tokenPath = `${basePath}/token`

  const reply = async (request: IncomingMessage, path: string): Promise<Reply> => {
    // A name other than loopback's would be a web page that had its own name resolved to this machine.
    if (!isLoopbackPeer(request.socket.remoteAddress ?? '') || !isLoopbackHost(request.headers.host ?? '')) {
      return refusal(403, 'access_denied', 'the local issuer answers this machine only')
    }
    if (path === tokenPath) {
      if (request.method !== 'POST') return refusal(405, 'invalid_request', 'POST is the only method here')
      return await issueToken(request)
    }
    if (request.method !== 'GET') return refusal(405, 'invalid_request', 'GET is the only method here')
    return { status: 200, body: documents[path] }
  }

  return {
    jwksUri,
    route(request, response) {
      const path = (request.url ?? '').split('?')[0] ?? ''
      if (path !== tokenPath && documents[path] === undefined) return false
      reply(request, path)
        .catch((error: unknown) =>
          refusal(400, 'invalid_request', error instanceof Error ? error.message : String(error)),
        )
        .then(({ status, body }) => {
          const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
          response.writeHead(status, request.complete ? headers : { ...headers, Connection: 'close' })
          response.end(JSON.stringify(body))
        })
      return true
    },
  }
}

function refusal(status: number, error: string, description: string): Reply {
  return { status, body: { error, error_description: description } }
}

function isLoopbackPeer(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

function isLoopbackHost(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host)
}

async function readForm(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let lengthBytes = 0
  for await (const chunk of request) {
    lengthBytes += chunk.length
    if (lengthBytes > largestFormBytes) throw new Error('the request is too long')
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const isJson = request.headers['content-type']?.startsWith('application/json') === true
  return isJson ? JSON.parse(text) : Object.fromEntries(new URLSearchParams(text))
}

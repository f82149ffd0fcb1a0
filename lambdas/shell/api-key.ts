import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import { Logger } from '@aws-lambda-powertools/logger'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import { type ApiKeyRow, getApiKey, noteUse } from '#adapters/tables/api-keys.ts'
import { takeNonce } from '#adapters/tables/nonces.ts'
import {
  nonceForm,
  signatureHeaders,
  signatureWindowMillis,
  signedText,
  timestampForm,
} from '#protocol/request-signature.ts'
import { isActive, permissionsOfKey, verifierOf, versionsOf } from './key-state.ts'
import { type Identified, keyCredentialPrefix, type Unidentified } from './principal.ts'

const logger = new Logger()

/**
 * The authorizer has said which key it is and, of a secret, that it is the key's; its answer may be five minutes old. So
 * everything else is looked at here, for each request: whether the key is revoked or expired, where the request comes
 * from, and the signature, which covers the body that an authorizer never sees.
 */
export const identifyKey = async (
  event: APIGatewayProxyEvent,
  keyId: string,
  secretVersion: unknown,
): Promise<Identified | Unidentified> => {
  const nowMillis = Date.now()
  const signed = secretVersion === undefined ? signedRequestOf(event, nowMillis) : undefined
  if (typeof signed === 'string') return { code: 'unauthorized', detail: signed }
  const row = await getApiKey(keyId)
  if (row === undefined || !isActive(row, nowMillis)) return { code: 'unauthorized' }
  const { sourceIp } = event.requestContext.identity
  if (signed === undefined) {
    if (row.keyType !== 'secret' || !versionsOf(row, nowMillis).includes(Number(secretVersion)))
      return { code: 'unauthorized' }
    if (!isAllowed(row, sourceIp)) return { code: 'address-not-allowed' }
  } else {
    const publicKey = row.keyType === 'ed25519' ? signerOf(row, signed, nowMillis) : undefined
    if (publicKey === undefined)
      return { code: 'unauthorized', detail: 'The signature is not one of this key over this request.' }
    if (!isAllowed(row, sourceIp)) return { code: 'address-not-allowed' }
    // Last, so that only the key's owner ever takes one; by public key, so that no other key of the same pair takes it.
    const signer = createHash('sha256').update(publicKey).digest('hex')
    if (!(await takeNonce(`${signer}#${signed.nonce}`, signed.expiresAtSeconds)))
      return { code: 'unauthorized', detail: 'The nonce was used before.' }
  }
  const { account, role } = row
  const noted = note(row, nowMillis)
  return {
    principal: {
      account,
      role,
      credential: `${keyCredentialPrefix}${keyId}`,
      permissions: permissionsOfKey(row),
      address: sourceIp,
    },
    ...(noted === undefined ? {} : { noted }),
  }
}

const isAllowed = ({ allowedAddresses }: ApiKeyRow, address: string): boolean =>
  allowedAddresses.length === 0 || networks(allowedAddresses).check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

export const networks = (given: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const text of given) {
    const { address, family, prefix } = networkOf(text)
    list.addSubnet(address, prefix, family)
  }
  return list
}

/** A bare address is a network of one. */
export const networkOf = (
  text: string,
): { readonly address: string; readonly family: 'ipv4' | 'ipv6'; readonly prefix: number } => {
  const [address = '', prefix] = text.split('/')
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  return { address, family, prefix: prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix) }
}

interface Signed {
  readonly nonce: string
  readonly signature: Buffer
  readonly text: Buffer
  readonly expiresAtSeconds: number
}

/** What is signed and by what, or what is wrong with it. */
const signedRequestOf = (event: APIGatewayProxyEvent, nowMillis: number): Signed | string => {
  const timestamp = soleHeader(event, signatureHeaders.timestamp)
  const nonce = soleHeader(event, signatureHeaders.nonce)
  const signature = Buffer.from(soleHeader(event, signatureHeaders.signature), 'base64')
  if (signature.byteLength !== 64 || signature.toString('base64') !== soleHeader(event, signatureHeaders.signature))
    return 'X-Signature must be the base64 of an Ed25519 signature.'
  if (!nonceForm.test(nonce)) return 'X-Nonce must be 16 to 64 letters, digits, - and _.'
  if (!timestampForm.test(timestamp)) return 'X-Timestamp must be the milliseconds since 1970.'
  if (Math.abs(nowMillis - Number(timestamp)) > signatureWindowMillis)
    return `X-Timestamp must be within ${signatureWindowMillis / 1_000} seconds of now.`
  const text = signedText({
    timestamp,
    nonce,
    method: event.httpMethod,
    path: event.path,
    query: Object.entries(event.multiValueQueryStringParameters ?? {}).flatMap(([name, values]) =>
      (values ?? []).map((value): [string, string] => [name, value]),
    ),
    body: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
  })
  return {
    nonce,
    signature,
    text: Buffer.from(text),
    // Not before the last moment at which the same request would be in time.
    expiresAtSeconds: Math.ceil((Number(timestamp) + 2 * signatureWindowMillis) / 1_000),
  }
}

/** Empty unless it is there once. */
const soleHeader = (event: APIGatewayProxyEvent, name: string): string => {
  const values = Object.entries(event.multiValueHeaders ?? {})
    .filter(([given]) => given.toLowerCase() === name)
    .flatMap(([, all]) => all ?? [])
  return values.length === 1 ? (values[0] ?? '') : ''
}

/** With which of the key's public keys the request is signed. */
const signerOf = (row: ApiKeyRow, { text, signature }: Signed, nowMillis: number): string | undefined =>
  versionsOf(row, nowMillis)
    .map(version => verifierOf(row, version))
    .find(publicKey => verify(null, text, keyObject(publicKey), signature))

const keyObjects = new Map<string, KeyObject>()
const mostKeyObjects = 1_000

const keyObject = (publicKey: string): KeyObject => {
  const known = keyObjects.get(publicKey)
  if (known !== undefined) return known
  const made = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
  if (keyObjects.size >= mostKeyObjects) keyObjects.clear()
  keyObjects.set(publicKey, made)
  return made
}

const noteEveryMillis = 60_000

/** When a key was last used is worth a write a minute, and no request's failure. */
const note = (row: ApiKeyRow, nowMillis: number): Promise<void> | undefined => {
  if (nowMillis - (row.lastUsedAtMillis ?? 0) < noteEveryMillis) return undefined
  return noteUse(row, nowMillis).then(
    () => undefined,
    (error: unknown) => logger.warn('the use of an API key could not be noted', { key_id: row.keyId, error }),
  )
}

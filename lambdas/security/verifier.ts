import { randomBytes } from 'node:crypto'
import type { KeyType } from '#adapters/tables/api-keys.ts'
import { bearerOfSecret, bearerOfSigned } from '#protocol/api-key-credential.ts'
import { secretHash } from '../shell/secret-hash.ts'

/** What a key's credential is held against, and what its owner sends. */
export interface Verifier {
  readonly keyType: KeyType
  readonly verifier: string
  readonly bearer: string
}

const secretBytes = 32

export const newSecret = async (keyId: string): Promise<Verifier> => {
  const secret = randomBytes(secretBytes).toString('base64url')
  return { keyType: 'secret', verifier: await secretHash(keyId, secret), bearer: bearerOfSecret(keyId, secret) }
}

export const ofPublicKey = (keyId: string, publicKey: string): Verifier => ({
  keyType: 'ed25519',
  verifier: publicKey,
  bearer: bearerOfSigned(keyId),
})

const pem = /^\s*-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/

/** What comes before the 32 bytes of an Ed25519 public key in its SPKI (RFC 8410). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
const publicKeyBytes = 32

/** The base64 of the key's SPKI, or undefined where it is not an Ed25519 public key. */
export const publicKeyOf = (text: string): string | undefined => {
  const base64 = (pem.exec(text)?.[1] ?? text).replace(/\s/g, '')
  const der = Buffer.from(base64, 'base64')
  const isSpki =
    der.byteLength === spkiPrefix.byteLength + publicKeyBytes &&
    der.subarray(0, spkiPrefix.byteLength).equals(spkiPrefix)
  return isSpki && der.toString('base64') === base64 ? base64 : undefined
}

export const invalidPublicKey = (detail: string) =>
  ({ code: 'invalid-request', errors: [{ pointer: '#/public_key', detail }] }) as const

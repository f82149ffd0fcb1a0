import { createHmac, timingSafeEqual } from 'node:crypto'
import { apiKeyPepper } from '#adapters/api-key-pepper.ts'

/** What is kept of a secret. A secret is 256 random bits: a slow hash would add nothing, the key that it is keyed by does. */
export const secretHash = async (keyId: string, secret: string): Promise<string> =>
  createHmac('sha256', await apiKeyPepper())
    .update(`${keyId}:${secret}`)
    .digest('hex')

export const sameHash = (one: string, other: string): boolean => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.byteLength === right.byteLength && timingSafeEqual(left, right)
}

import { createHash } from 'node:crypto'

/** What a signed request carries beside `Authorization: Bearer cxs_<key id>`. docs/security.md has an example. */
export const signatureHeaders = { timestamp: 'x-timestamp', nonce: 'x-nonce', signature: 'x-signature' } as const

/** How far a request's time may be from ours, either way. */
export const signatureWindowMillis = 30_000

export const timestampForm = /^[0-9]{13}$/
export const nonceForm = /^[A-Za-z0-9_-]{16,64}$/

export interface SignedRequest {
  readonly timestamp: string
  readonly nonce: string
  readonly method: string
  /** Without host and stage. Percent-encoded or not is the same, see `canonicalPath`. */
  readonly path: string
  /** Names and values as they are meant, not as they are encoded. */
  readonly query: Iterable<readonly [name: string, value: string]>
  readonly body: Uint8Array
}

/** The text whose UTF-8 bytes are signed. */
export const signedText = ({ timestamp, nonce, method, path, query, body }: SignedRequest): string => {
  const pairs = canonicalQuery(query)
  return [
    timestamp,
    nonce,
    method,
    pairs === '' ? canonicalPath(path) : `${canonicalPath(path)}?${pairs}`,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n')
}

/** RFC 3986: only letters, digits and - . _ ~ stay as they are. */
const encoded = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** What lies between a client and the function may decode the path or not: it is brought to one spelling. */
const canonicalPath = (path: string): string =>
  path
    .split('/')
    .map(segment => encoded(decoded(segment)))
    .join('/')

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    // A percent sign that begins nothing stands for itself.
    if (error instanceof URIError) return segment
    throw error
  }
}

/** Sorted by name and then by value, since what arrives at a function has lost the order of its names. */
const canonicalQuery = (query: SignedRequest['query']): string =>
  [...query]
    .map(([name, value]): [string, string] => [encoded(name), encoded(value)])
    .sort(([name, value], [other, otherValue]) => compare(name, other) || compare(value, otherValue))
    .map(pair => pair.join('='))
    .join('&')

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

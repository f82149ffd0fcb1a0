import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { bearerOfSecret, bearerOfSigned, keyCredentialOf, looksLikeKey } from '#protocol/api-key-credential.ts'
import { signedText } from '#protocol/request-signature.ts'

const of = (path: string, query: readonly (readonly [string, string])[] = []) =>
  signedText({ timestamp: '1', nonce: 'n', method: 'GET', path, query, body: Buffer.from('') }).split('\n')[3]

describe('the signed text', () => {
  test('has one spelling of a path, whether or not it came decoded', () => {
    expect(of('/api/v1/accounts/ann@acme')).toBe('/api/v1/accounts/ann%40acme')
    expect(of('/api/v1/accounts/ann%40acme')).toBe('/api/v1/accounts/ann%40acme')
    expect(of('/a b/%C3%BC/ü/~-._')).toBe('/a%20b/%C3%BC/%C3%BC/~-._')
    expect(of("/!'()*%2f/%zz")).toBe('/%21%27%28%29%2A%2F/%25zz')
  })

  test('has one order of a query', () => {
    const pairs = [
      ['b', '2'],
      ['a', 'z'],
      ['a', 'a b'],
      ['a-', '='],
    ] as const
    expect(of('/', pairs)).toBe('/?a=a%20b&a=z&a-=%3D&b=2')
    expect(of('/', pairs.toReversed())).toBe(of('/', pairs))
  })

  test('tells apart what is a name and what is a value', () => {
    expect(of('/', [['a', 'b&c=d']])).not.toBe(
      of('/', [
        ['a', 'b'],
        ['c', 'd'],
      ]),
    )
  })
})

describe('docs/security.md', () => {
  const page = readFileSync('docs/security.md', 'utf8')
  const publicKey = createPublicKey({
    key: Buffer.from(/uploaded\s+`([^`]+)`/.exec(page)?.[1] ?? '', 'base64'),
    format: 'der',
    type: 'spki',
  })
  const examples = [
    ...page.matchAll(/```\n(GET|POST) (\S+)\n(.*?)```\n\nsigns\n\n```\n(.+?)\n```\n\nwith `([^`]+)`/gs),
  ].map(([, method = '', url = '', body = '', text = '', signature = '']) => ({ method, url, body, text, signature }))

  test('has examples', () => {
    expect(examples.map(({ method }) => method)).toEqual(['POST', 'GET'])
  })

  test.each(examples)('its $method is what we sign', ({ method, url, body, text, signature }) => {
    const [timestamp = '', nonce = ''] = text.split('\n')
    const { pathname, searchParams } = new URL(url, 'http://exchange')
    const bytes = Buffer.from(body.trim())
    expect(signedText({ timestamp, nonce, method, path: pathname, query: searchParams, body: bytes })).toBe(text)
    expect(text).toContain(createHash('sha256').update(bytes).digest('hex'))
    expect(verify(null, Buffer.from(text), publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  })
})

describe('how a key is presented', () => {
  const keyId = '0a'.repeat(12)
  const secret = 'A-_z'.repeat(11).slice(1)

  test('comes back as it was, underscores in the secret too', () => {
    expect(keyCredentialOf(bearerOfSecret(keyId, secret))).toEqual({ keyId, secret })
    expect(keyCredentialOf(bearerOfSigned(keyId))).toEqual({ keyId, secret: undefined })
  })

  test.each(['cxk_', `cxk_${keyId}`, `cxs_${keyId}_${secret}`, `cxk_${keyId.toUpperCase()}_${secret}`, 'a.b.c', ''])(
    '%j is none',
    bearer => {
      expect(keyCredentialOf(bearer)).toBeUndefined()
      expect(looksLikeKey(bearer)).toBe(/^cx/.test(bearer))
    },
  )
})

import { isUtf8 } from 'node:buffer'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import * as z from 'zod'
import { expiries } from '#bin/seed.ts'
import type { Operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { permits, roles } from '#protocol/permissions.ts'
import { consistentValues, hostileRequests, type Parts, validRequest } from '#test/support/hostile-requests.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

const instrument = `A100.USE-${expiries(Date.now(), 2).at(-1)?.code}`
const fitting = consistentValues(instrument, new Date(Date.now() + 30 * 24 * 60 * 60 * 1_000).toISOString())

/** What no client should send, over the wire: part of what test/lambdas/hostile.test.ts tries, and what only a wire can carry. */

let exchange: RunningExchange

beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** The path goes out as it is: no client of higher manners would send some of them. */
const send = (
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Buffer | string,
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(exchange.url)
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const sent = httpRequest({ hostname, port, method, path, headers: { ...headers, ...length } }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() })
    })
    sent.setTimeout(20_000, () => sent.destroy(new Error(`${method} ${path.slice(0, 80)} hangs`)))
    sent.on('error', reject)
    sent.end(body)
  })

/** Bytes as they are, and then no more. */
const raw = (bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ port: Number(new URL(exchange.url).port), host: '127.0.0.1', allowHalfOpen: true }, () =>
      socket.end(bytes),
    )
    socket.setTimeout(20_000, () => socket.destroy(new Error(`hangs: ${String(bytes).slice(0, 80)}`)))
    socket.on('data', data => {
      text += String(data)
    })
    socket.on('end', () => {
      socket.destroy()
      resolve(text)
    })
    socket.on('error', reject)
  })

const problem = z.object({
  type: z.string(),
  status: z.number(),
  code: z.string(),
  request_id: z.string().min(8),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/** What is wrong with a refusal, in words. */
const faultsOf = ({ status, headers, text }: Reply, codes: readonly string[], pointer?: string): readonly string[] => {
  if (headers['content-type'] !== 'application/problem+json' || status < 400 || status >= 500)
    return [`${status} ${headers['content-type']} ${text.slice(0, 200)}`]
  const document = problem.parse(JSON.parse(text))
  const at = document.errors?.some(error => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))
  return [
    ...(codes.includes(document.code) ? [] : [`code ${document.code}`]),
    ...(document.type === `/docs#${document.code}` && document.status === status ? [] : ['type or status differ']),
    ...(pointer === undefined || at === true ? [] : [`errors ${JSON.stringify(document.errors)}`]),
    ...(headers['location'] === undefined ? [] : ['a redirect']),
  ]
}

const replyOf = (text: string): Reply => {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    text: rest.join('\r\n\r\n'),
  }
}

const tokenOf = async (account: string, role: string, seconds = 3_600): Promise<string> => {
  const form = JSON.stringify({ account, role, expires_in: seconds })
  const { text } = await send('POST', '/oidc/token', { 'content-type': 'application/json' }, form)
  return z.object({ access_token: z.string() }).parse(JSON.parse(text)).access_token
}

const roleFor = ({ permission }: Operation): string =>
  roles.find(role => permission === 'public' || permits(role, permission)) ?? 'trader'

const pathOf = (operation: Operation, { path = {}, query = {} }: Parts): string => {
  const filled = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''))
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map(value => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  )
  return pairs.length === 0 ? filled : `${filled}?${pairs.join('&')}`
}

/** Fits the gateway's headers and what HTTP calls a header; bytes that are no UTF-8 the gateway itself replaces. */
const canBeSent = ({ path = {}, query = {}, headers = {}, body }: Parts): boolean =>
  (body === undefined || isUtf8(body) || headers['content-encoding'] !== undefined) &&
  [...Object.values(path), ...Object.entries(query).flat(2)].every(text => text.isWellFormed()) &&
  JSON.stringify([path, query, headers]).length < 3_000 &&
  Object.values(headers).every(value => /^[\x20-\x7e]*$/.test(value) && value === value.trim()) &&
  !Object.values(path).includes('')

const perOperation = 3
const guarded = operations.filter(({ permission }) => permission !== 'public')

describe('every operation', () => {
  test('refuses what it may not take, and nothing is stored', async () => {
    const trader = await exchange.trader('h-victim', '1000')
    // A quick machine has used up what the account may ask for at once.
    const read = async () => {
      const paths = ['orders', 'trades', 'positions', 'accounts/h-victim', 'api-keys']
      const replies = await eventually(
        () => Promise.all(paths.map(each => trader.call('GET', `/api/v1/${each}`))),
        all => all.every(({ status }) => status !== 429),
      )
      return replies.map(({ body }) => body)
    }
    await eventually(
      () => trader.call('GET', '/api/v1/accounts/h-victim'),
      ({ body }) => body['balance'] === '1000',
    )
    const order = { instrument_name: instrument, direction: 'buy', amount: '1', price: '0.1', client_order_id: 'h-1' }
    const placed = await trader.call('POST', '/api/v1/orders', order, { prefer: 'wait=10' })
    const key = await trader.call('POST', '/api/v1/api-keys', { name: 'robot', scopes: ['markets:read'] })
    expect([placed.body['order_state'], key.status]).toEqual(['open', 201])
    const known = {
      ...order,
      account: 'h-victim',
      order_id: placed.body['order_id'],
      key_id: key.body['key_id'],
      lane: 1,
      scopes: ['markets:read'],
    }
    const before = await read()
    const faults: string[] = []
    let count = 0
    for (const operation of operations) {
      const authorization = `Bearer ${await tokenOf('h-victim', roleFor(operation))}`
      const requests = hostileRequests(operation, { ...known, ...fitting[operation.name] }).filter(canBeSent)
      const step = Math.max(Math.floor(requests.length / perOperation), 1)
      // Each operation begins at another one, so that together they try most kinds.
      const offset = operations.indexOf(operation) % step
      const tried = requests.filter((_, index) => index % step === offset)
      const replies = tried.map(async ({ name, codes, pointer, headers, body, ...parts }) => {
        const attempt = () => send(operation.method, pathOf(operation, parts), { ...headers, authorization }, body)
        let reply = await attempt()
        // All of them are more than one account may ask for at once.
        for (let again = 0; reply.status === 429 && again < 20; again += 1) {
          await new Promise(resume => setTimeout(resume, 500))
          reply = await attempt()
        }
        for (const fault of faultsOf(reply, codes, pointer)) faults.push(`${operation.name} ${name}: ${fault}`)
      })
      await Promise.all(replies)
      count += tried.length
    }
    expect(faults).toEqual([])
    expect(count).toBeGreaterThanOrEqual(operations.length * perOperation)
    expect(await read()).toEqual(before)
  })

  test('is closed to tokens that are none of ours', async () => {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    const ours = await tokenOf('h-victim', 'admin')
    const shortLived = await tokenOf('h-victim', 'admin', 1)
    const [header = '', payload = '', signature = ''] = ours.split('.')
    const claims: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const { kid }: { kid: string } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const signed = (more: object, head: object = {}) =>
      new SignJWT({ ...claims, ...more }).setProtectedHeader({ alg: 'RS256', kid, ...head }).sign(privateKey)
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const tokens: Readonly<Record<string, string | undefined>> = {
      missing: undefined,
      empty: '',
      'no scheme': ours,
      'another scheme': `Basic ${ours}`,
      'no algorithm': `Bearer ${new UnsecuredJWT(claims).encode()}`,
      'no signature': `Bearer ${header}.${payload}.`,
      'algorithm changed to none': `Bearer ${encoded({ alg: 'none', kid })}.${payload}.${signature}`,
      'algorithm changed to HS256': `Bearer ${encoded({ alg: 'HS256', kid })}.${payload}.${signature}`,
      'claims changed': `Bearer ${header}.${encoded({ ...claims, account: 'operator' })}.${signature}`,
      'a stranger’s signature': `Bearer ${await signed({})}`,
      'a foreign issuer': `Bearer ${await signed({ iss: 'https://issuer.example' })}`,
      'another audience': `Bearer ${await signed({ aud: 'somebody else' })}`,
      'another kid': `Bearer ${await signed({}, { kid: 'no-such-key' })}`,
      'a key of its own': `Bearer ${await signed({}, { jwk: await exportJWK(publicKey) })}`,
      'a key from elsewhere': `Bearer ${await signed({}, { jku: 'http://127.0.0.1:1/jwks.json' })}`,
      'an unknown API key': `Bearer cxk_${'0'.repeat(24)}_${'a'.repeat(43)}`,
    }
    const faults: string[] = []
    const tryWith = async (what: string, authorization: string | undefined, operation: Operation) => {
      const { headers = {}, body, ...parts } = validRequest(operation, { ...fitting[operation.name] })
      const reply = await send(
        operation.method,
        pathOf(operation, parts),
        { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        body,
      )
      for (const fault of [
        ...faultsOf(reply, ['unauthorized']),
        ...(reply.headers['www-authenticate'] === 'Bearer' ? [] : ['no challenge']),
      ])
        faults.push(`${operation.name} ${what}: ${fault}`)
    }
    // Each operation with some of them, so that all are tried: with all, test/lambdas/hostile-tokens.test.ts does.
    const all = Object.entries(tokens)
    for (const [index, operation] of guarded.entries())
      for (const shift of [0, 5, 10]) {
        const [what, token] = all[(index + shift) % all.length] ?? ['missing', undefined]
        await tryWith(what, token, operation)
      }
    // Used only now: an answer of the authorizer is remembered.
    await new Promise(resume => setTimeout(resume, Math.max(0, Number(claims['iat']) * 1_000 + 3_000 - Date.now())))
    for (const operation of guarded) await tryWith('expired', `Bearer ${shortLived}`, operation)
    expect(faults).toEqual([])
  })

  test('answers methods that it is not, by those that there are', async () => {
    for (const [path, known] of Map.groupBy(operations, operation => operation.path)) {
      const allowed = known.map(({ method }) => method)
      const spelled = path.replace(/\{\w+\}/g, 'x')
      for (const method of ['GET', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS', 'TRACE'].filter(
        each => !allowed.some(own => own === each),
      )) {
        const reply = await send(method, spelled)
        expect([method, path, faultsOf(reply, ['method-not-allowed']), reply.headers['allow']]).toEqual([
          method,
          path,
          [],
          allowed.join(', '),
        ])
      }
      const head = await send('HEAD', spelled)
      expect([path, head.status, head.text, head.headers['allow']]).toEqual([path, 405, '', allowed.join(', ')])
    }
  })
})

describe('a path', () => {
  test.each([
    '/',
    '/api',
    '/api/v1',
    '/api/v1/nothing',
    '/api/v2/orders',
    '/API/V1/ORDERS',
    '/api//v1/orders',
    '//other.example/api/v1/orders',
    '/api/v1/orders;a=b',
    '/api/v1/orders/x/y/z',
    '/api/v1/../../etc/passwd',
    '/api/v1/orders%3flimit=1',
    '/api/v1%2forders',
    '/.env',
    '/.git/config',
    '*',
    `/${'a/'.repeat(60)}`,
  ])('%s is nobody’s', async path => {
    for (const method of ['GET', 'POST'])
      expect([method, faultsOf(await send(method, path), ['not-found'])]).toEqual([method, []])
  })

  test.each(['%', '%z', '%zz', '%ff', '%c0%ae', '%u0041', 'a%00%ff'])('with %s is refused', async part => {
    expect(faultsOf(await send('GET', `/api/v1/orders/${part}`), ['invalid-request'])).toEqual([])
  })

  test.each(['..%2f..%2fmarkets', '%2e%2e%2fmarkets', '%00', 'a%00b', '%0d%0ax-own:1', '..', '%252e%252e', '%5c..'])(
    'with the id %s has no such field',
    async part => {
      const authorization = `Bearer ${await tokenOf('h-victim', 'trader')}`
      expect(faultsOf(await send('GET', `/api/v1/orders/${part}`), ['unauthorized'])).toEqual([])
      const reply = await send('GET', `/api/v1/orders/${part}`, { authorization })
      expect(faultsOf(reply, ['invalid-request'], '#/path/order_id')).toEqual([])
    },
  )

  test('of another host in the request line is ours all the same', async () => {
    const text = await raw('GET http://other.example/api/v1/orders HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(faultsOf(replyOf(text), ['unauthorized'])).toEqual([])
  })

  test('whose parameters are repeated or broken is refused', async () => {
    const authorization = `Bearer ${await tokenOf('h-victim', 'trader')}`
    for (const [query, pointer] of [
      ['limit=1&limit=1', '#/query/limit'],
      ['limit=%zz', '#/query/limit'],
      ['limit=1;limit=2', '#/query/limit'],
      ['limit', '#/query/limit'],
      ['%00=1', '#/query/%00'],
      ['__proto__=1', '#/query/__proto__'],
      ['limit[]=1', '#/query/limit%5B%5D'],
      ['=1', '#/query/'],
    ] as const)
      expect([
        query,
        faultsOf(await send('GET', `/api/v1/orders?${query}`, { authorization }), ['invalid-request'], pointer),
      ]).toEqual([query, []])
  })
})

describe('what is hardly HTTP', () => {
  const post = 'POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
  test.each<[string, string | Buffer]>([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['an unknown verb', 'BREW /api/v1/orders HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a verb in lower case', 'get /api/v1/orders HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['headers of 20,000 bytes', `GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    [
      'a thousand headers',
      `GET /api/v1/orders HTTP/1.1\r\nHost: a\r\n${'X: a long enough header\r\n'.repeat(1_000)}\r\n`,
    ],
    ['a path of 20,000 bytes', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['a header without a colon', 'GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
    ['a header name with a blank', 'GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n'],
    ['NUL in a header', 'GET /api/v1/orders HTTP/1.1\r\nHost: a\r\nX: a\u0000b\r\n\r\n'],
    ['NUL in a path', 'GET /api/v1/\u0000orders HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no host', 'GET /api/v1/orders HTTP/1.1\r\n\r\n'],
    ['an old protocol', 'GET /api/v1/orders\r\n\r\n'],
    ['a protocol to come', 'GET /api/v1/orders HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['the start of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', Buffer.from('16030100050100000100', 'hex')],
    ['CONNECT', 'CONNECT other.example:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a negative length', `${post}Content-Length: -1\r\n\r\n{}`],
    ['a length that is no number', `${post}Content-Length: 0x2\r\n\r\n{}`],
    ['a length and chunks', `${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an unknown transfer encoding', `${post}Transfer-Encoding: gzip\r\n\r\n{}`],
    ['a chunk of no size', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['a body cut in the middle', `${post}Content-Length: 100\r\n\r\n{"a":`],
    ['a chunk cut in the middle', `${post}Transfer-Encoding: chunked\r\n\r\n40\r\n{"a":`],
  ])('%s is refused', async (_, bytes) => {
    expect(faultsOf(replyOf(await raw(bytes)), ['invalid-request'])).toEqual([])
  })

  test('a client that leaves in the middle of a body harms nobody', async () => {
    for (const framing of ['Content-Length: 100\r\n\r\n{', 'Transfer-Encoding: chunked\r\n\r\n40\r\n{']) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(Number(new URL(exchange.url).port), '127.0.0.1', () => {
          socket.write(`${post}${framing}`, () => socket.resetAndDestroy())
        })
        socket.on('close', () => resolve()).on('error', reject)
      })
    }
    expect((await send('GET', '/health')).status).toBe(200)
  })

  test('what comes after a good request on its connection is refused like the first', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      let received = ''
      const socket = connect(Number(new URL(exchange.url).port), '127.0.0.1', () =>
        socket.write('GET /health HTTP/1.1\r\nHost: a\r\n\r\n'),
      )
      socket.on('data', data => {
        received += String(data)
        if (received.endsWith('{"healthy":true}')) socket.write('nonsense\r\n\r\n')
      })
      socket.on('end', () => resolve(received)).on('error', reject)
    })
    const [, second = ''] = text.split('{"healthy":true}')
    expect(faultsOf(replyOf(second), ['invalid-request'])).toEqual([])
  })

  test('an expectation that nobody knows changes nothing', async () => {
    expect((await send('GET', '/health', { expect: 'the unexpected' })).status).toBe(200)
    expect(faultsOf(await send('GET', '/api/v1/orders', { expect: 'the unexpected' }), ['unauthorized'])).toEqual([])
  })

  test('a body beyond what the gateway takes is refused', async () => {
    const authorization = `Bearer ${await tokenOf('h-victim', 'trader')}`
    const headers = { authorization, 'content-type': 'application/json' }
    for (const bytes of [70_000, 1_000_000])
      expect(
        faultsOf(await send('POST', '/api/v1/orders', headers, Buffer.alloc(bytes, ' ')), ['payload-too-large']),
      ).toEqual([])
  })
})

import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import type { Clock, Component } from './component.ts'

/** What is known of an object beside its bytes: kept as the first line of its file, so that one rename stores both. */
interface ObjectHeader {
  readonly size: number
  readonly etag: string
  readonly lastModifiedMillis: number
  /** Returned as they were put: content-type, x-amz-meta-*, x-amz-checksum-*… */
  readonly headers: Readonly<Record<string, string>>
}

export interface S3Options {
  readonly port: number
  readonly dataDir: string
  readonly region: string
  readonly buckets: readonly string[]
  /** Those with Object Lock, which is taken to last for ever here. */
  readonly locked?: readonly string[]
  readonly clock: Clock
  complain(where: string, error: unknown): void
}

class S3Error extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const keptHeaders =
  /^(content-(type|encoding|language|disposition)|cache-control|expires|x-amz-meta-.*|x-amz-checksum-.*)$/
const listParameters = ['list-type', 'prefix', 'start-after', 'continuation-token', 'max-keys', 'x-id']
const unknownHeaders = ['range', 'if-match', 'x-amz-copy-source']
const pageLimit = 1_000
/** Marks a file, so that the object `a` and the folder of `a/b` never meet: an encoded name holds no bare percent. */
export const objectMark = '%object'

/** S3 over plain HTTP, path style, its objects files under the data folder: six operations, any other is refused. */
export async function startS3(options: S3Options): Promise<Component & { readonly endpoint: string }> {
  const root = join(options.dataDir, 's3')
  const incoming = join(root, '%incoming')
  await Promise.all(
    [incoming, ...options.buckets.map(each => join(root, each))].map(each => mkdir(each, { recursive: true })),
  )
  /** There are no versions here: what on AWS would stay as an earlier one, stays by refusing. */
  const refuseLocked = (bucket: string, file: string) => {
    if (options.locked?.includes(bucket) && existsSync(file)) throw new S3Error(403, 'AccessDenied', 'it is locked')
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!(error instanceof S3Error)) options.complain('s3', error)
      const { status, code, message } =
        error instanceof S3Error ? error : new S3Error(500, 'InternalError', 'internal error')
      if (response.headersSent) response.destroy()
      else
        sendXml(
          response,
          status,
          request.method === 'HEAD'
            ? ''
            : `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`,
        )
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3')
    const [bucket = '', ...rest] = url.pathname.slice(1).split('/')
    const key = decodeURIComponent(rest.join('/'))
    if (!options.buckets.includes(bucket)) throw new S3Error(404, 'NoSuchBucket', `there is no bucket ${bucket}`)
    const known = key === '' && request.method === 'GET' ? listParameters : ['x-id']
    const unknown = [
      ...[...url.searchParams.keys()].filter(name => !known.includes(name)),
      ...unknownHeaders.filter(name => request.headers[name] !== undefined),
    ]
    const operation = unknown.length === 0 ? `${request.method} ${key === '' ? 'bucket' : 'object'}` : unknown.join(' ')
    const file = fileOf(join(root, bucket), key)
    switch (operation) {
      case 'HEAD bucket':
        return void response.writeHead(200, { 'x-amz-bucket-region': options.region }).end()
      case 'GET bucket':
        return sendXml(response, 200, await list(bucket, url.searchParams))
      case 'PUT object':
        if (request.headers['if-none-match'] === undefined) refuseLocked(bucket, file)
        return put(request, response, file)
      case 'DELETE object':
        refuseLocked(bucket, file)
        await rm(file, { force: true })
        return void response.writeHead(204).end()
      case 'GET object':
      case 'HEAD object': {
        const { header, body } = await read(file)
        const time = { 'last-modified': new Date(header.lastModifiedMillis).toUTCString() }
        response.writeHead(200, { ...header.headers, ...time, etag: header.etag, 'content-length': header.size })
        return void response.end(request.method === 'GET' ? body : undefined)
      }
      default:
        throw new S3Error(501, 'NotImplemented', `${operation} is not known to the local runtime`)
    }
  }

  async function put(request: IncomingMessage, response: ServerResponse, file: string): Promise<void> {
    const onlyNew = request.headers['if-none-match']
    if (onlyNew !== undefined && onlyNew !== '*') {
      throw new S3Error(501, 'NotImplemented', 'the only condition known to the local runtime is If-None-Match: *')
    }
    const { body, trailers } = decodeBody(request, await buffer(request))
    const given = Object.entries({ ...request.headers, ...trailers }).flatMap(([name, value]) =>
      keptHeaders.test(name) && typeof value === 'string' ? [[name, value] as const] : [],
    )
    const headers = Object.fromEntries(given.map(([name, value]) => [name, value.replace(/^aws-chunked,?\s*/, '')]))
    if (headers['content-encoding'] === '') delete headers['content-encoding']
    checkSums(body, headers)
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    const header: ObjectHeader = { size: body.length, etag, lastModifiedMillis: options.clock.now(), headers }
    const written = join(incoming, randomUUID())
    await writeFile(written, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]))
    await mkdir(dirname(file), { recursive: true })
    if (onlyNew === undefined) await rename(written, file)
    else {
      await link(written, file)
        .catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error
          throw new S3Error(412, 'PreconditionFailed', 'the object exists already')
        })
        .finally(() => rm(written))
    }
    response.writeHead(200, { etag }).end()
  }

  async function list(bucket: string, query: URLSearchParams): Promise<string> {
    const folder = join(root, bucket)
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
    const keys = (await readdir(folder, { recursive: true }))
      .filter(file => file.endsWith(objectMark))
      .map(keyOf)
      .filter(key => key.startsWith(prefix) && key > after)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const page = keys.slice(0, Math.min(Number(query.get('max-keys') ?? pageLimit), pageLimit))
    const contents = await Promise.all(
      page.map(async key => {
        const { header } = await read(fileOf(folder, key))
        const time = new Date(header.lastModifiedMillis).toISOString()
        return `<Contents><Key>${escapeXml(key)}</Key><LastModified>${time}</LastModified><ETag>${escapeXml(header.etag)}</ETag><Size>${header.size}</Size></Contents>`
      }),
    )
    const isTruncated = page.length < keys.length
    const next = isTruncated ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>` : ''
    return `<ListBucketResult><Name>${bucket}</Name><Prefix>${escapeXml(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    endpoint: `http://127.0.0.1:${options.port}`,
    async stop() {
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function fileOf(folder: string, key: string): string {
  if (Buffer.byteLength(key) > 1_024) throw new S3Error(400, 'KeyTooLongError', 'a key has at most 1024 bytes')
  const parts = key.split('/').map(part => encodeURIComponent(part).replace(/^\.+$/, dots => '%2E'.repeat(dots.length)))
  // An empty part would vanish from the path.
  return `${join(folder, ...parts.map(part => part || '%'))}${objectMark}`
}

function keyOf(file: string): string {
  const parts = file.slice(0, -objectMark.length).split(/[\\/]/)
  return parts.map(part => (part === '%' ? '' : decodeURIComponent(part))).join('/')
}

/** What was put, out of a file of the data folder. */
export async function read(file: string): Promise<{ header: ObjectHeader; body: Buffer }> {
  const whole = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new S3Error(404, 'NoSuchKey', 'there is no such object')
  })
  const end = whole.indexOf('\n')
  return { header: JSON.parse(whole.toString('utf8', 0, end)), body: whole.subarray(end + 1) }
}

/** Streams come as aws-chunked: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n` … `0\r\n` and then trailing headers. */
function decodeBody(request: IncomingMessage, sent: Buffer): { body: Buffer; trailers: Record<string, string> } {
  if (!String(request.headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-'))
    return { body: sent, trailers: {} }
  const chunks: Buffer[] = []
  let at = 0
  const nextLine = () => {
    const end = sent.indexOf('\r\n', at)
    if (end === -1) throw new S3Error(400, 'IncompleteBody', 'the chunked body ends too early')
    const line = sent.toString('latin1', at, end)
    at = end + 2
    return line
  }
  for (;;) {
    const size = Number.parseInt(nextLine(), 16)
    if (!(size >= 0) || at + size > sent.length) throw new S3Error(400, 'IncompleteBody', 'a chunk is not whole')
    if (size === 0) break
    chunks.push(sent.subarray(at, at + size))
    at += size + 2
  }
  const trailers: Record<string, string> = {}
  while (at < sent.length) {
    const [name = '', value = ''] = nextLine().split(/:(.*)/s)
    if (name !== '') trailers[name.toLowerCase()] = value.trim()
  }
  const body = Buffer.concat(chunks)
  const declared = request.headers['x-amz-decoded-content-length']
  if (declared !== undefined && Number(declared) !== body.length) {
    throw new S3Error(400, 'IncompleteBody', 'the body has another length than declared')
  }
  return { body, trailers }
}

function checkSums(body: Buffer, headers: Readonly<Record<string, string>>): void {
  for (const [name, given] of Object.entries(headers)) {
    const [, algorithm] = /^x-amz-checksum-(?!type$)(.*)$/.exec(name) ?? []
    if (algorithm === undefined) continue
    const bytes = Buffer.alloc(4)
    if (algorithm === 'crc32') bytes.writeUInt32BE(crc32(body))
    else if (algorithm !== 'sha256' && algorithm !== 'sha1') {
      throw new S3Error(501, 'NotImplemented', `the checksum ${algorithm} is not known to the local runtime`)
    }
    const computed = algorithm === 'crc32' ? bytes : createHash(algorithm).update(body).digest()
    if (computed.toString('base64') !== given) throw new S3Error(400, 'BadDigest', `the ${algorithm} does not match`)
  }
}

function sendXml(response: ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(xml === '' ? '' : `<?xml version="1.0" encoding="UTF-8"?>${xml}`)
}

function escapeXml(value: string): string {
  return value.replaceAll(/[<>&"']/g, character => `&#${character.charCodeAt(0)};`)
}

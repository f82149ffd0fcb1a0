import { createServer, type IncomingMessage } from 'node:http'

/** A service of a partner as protocol/partner-service.ts says: what it quotes, what is reserved, and how it misbehaves. */
export interface FakePartner {
  readonly url: string
  /** What it is asked for, in order: `PUT /reservations/…`. */
  readonly asked: string[]
  quotes: Record<string, unknown>[]
  readonly reservations: Map<string, unknown>
  /** Says no to reservations with that. */
  refusal: string | undefined
  /** From now on: answers with that status, never answers, or answers but has done it. */
  fault:
    | { readonly kind: 'status'; readonly status: number }
    | { readonly kind: 'silence' | 'done-but-silent' }
    | undefined
  reset(): void
  stop(): Promise<void>
}

export const startFakePartner = async (): Promise<FakePartner> => {
  const withdrawn = new Set<string>()
  const answer = (request: IncomingMessage, body: string): readonly [number, unknown] => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const [, what, id] = pathname.split('/')
    if (what === 'quotes' && id === undefined) return [200, { quotes: partner.quotes }]
    if (what === 'quotes') {
      const found = partner.quotes.find(each => each['quote_id'] === id)
      return found === undefined ? [404, {}] : [200, found]
    }
    if (what !== 'reservations' || id === undefined) return [404, {}]
    if (request.method === 'DELETE') {
      withdrawn.add(id)
      partner.reservations.delete(id)
      return [204, undefined]
    }
    if (partner.refusal !== undefined || withdrawn.has(id))
      return [409, { reason: partner.refusal ?? 'it was withdrawn' }]
    partner.reservations.set(id, JSON.parse(body))
    return [201, { reference: `R-${id.slice(0, 8)}` }]
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += String(chunk)
    })
    request.on('end', () => {
      partner.asked.push(`${request.method} ${request.url}`)
      const { fault } = partner
      if (fault?.kind === 'silence') return
      const [status, told] = fault?.kind === 'status' ? [fault.status, {}] : answer(request, body)
      if (fault?.kind === 'done-but-silent') return
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(told === undefined ? undefined : JSON.stringify(told))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the partner has no port')
  const partner: FakePartner = {
    url: `http://127.0.0.1:${address.port}`,
    asked: [],
    quotes: [],
    reservations: new Map(),
    refusal: undefined,
    fault: undefined,
    reset() {
      partner.asked.length = 0
      partner.quotes = []
      partner.reservations.clear()
      withdrawn.clear()
      partner.refusal = undefined
      partner.fault = undefined
    },
    stop: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return partner
}

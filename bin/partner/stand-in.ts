import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { hourMillis } from '#domain/partners/catalogue.ts'
import { micros } from '#domain/units.ts'

/**
 * A partner that has nothing to sell: it quotes and reserves by HTTP, as a real one does (docs/protocol/partner-service.md),
 * promises no unit twice, and does whatever it is told to go wrong.
 */
export const behaviours = [
  'succeed',
  /** Answers late, and in time. */
  'slow',
  /** Does it, and answers when nobody waits any more. */
  'late',
  /** Breaks, before it has done anything. */
  'fail',
  /** Says no: has nothing to quote or to reserve. */
  'decline',
  /** Does it, and never says so. */
  'die',
  /** Neither does it nor says anything. */
  'ignore',
  /** Answers twice. */
  'repeat',
] as const
/** A number is a status to answer with, where nothing is done. */
export type Behaviour = (typeof behaviours)[number] | number

/** `GET /quotes…`, `PUT` and `DELETE /reservations/…`. */
export const acts = ['quotes', 'reserve', 'release'] as const
export type Act = (typeof acts)[number]

/** As it is told: see the protocol. */
export interface StandInQuote {
  readonly quote_id: string
  readonly resource_class: string
  readonly region: string
  readonly pricing: string
  readonly price: string
  readonly available_units: number | null
  readonly minimum_units: number
  readonly vector: Readonly<Record<'gpus' | 'vcpus' | 'memory_gib' | 'storage_tib', number>>
  readonly starts_at: string
  readonly ends_at: string
  readonly accept_until: string
}

const reservation = z.object({
  offer_id: z.string().max(200),
  units: z.int().min(1),
  starts_at: z.iso.datetime(),
  ends_at: z.iso.datetime(),
  price_micros: z.int().min(1),
})

/** What it remembers, in the order in which it came about: with `reserved` null it was withdrawn, for good. */
export const remembered = z.object({ reservation_id: z.string(), reserved: reservation.nullable() })
type Remembered = z.infer<typeof remembered>

export interface StandInSurroundings {
  readonly now: () => number
  readonly quotes: () => readonly StandInQuote[]
  /** `name`: of the quote or reservation; nothing where all quotes are asked for. */
  readonly behaviourOf: (act: Act, name: string) => Behaviour
  /** Before it says so. */
  readonly remember?: (fact: Remembered) => void
  readonly recalled?: readonly Remembered[]
}

interface Answer {
  readonly status: number
  readonly told?: object
}

const slowMillis = 1_500
/** The exchange waits for four seconds. */
const lateMillis = 6_000

export class PartnerStandIn {
  private readonly surroundings: StandInSurroundings
  private readonly known = new Map<string, Remembered['reserved']>()

  constructor(surroundings: StandInSurroundings) {
    this.surroundings = surroundings
    for (const fact of surroundings.recalled ?? []) this.known.set(fact.reservation_id, fact.reserved)
  }

  /** What is reserved, by the exchange's own ids. */
  reserved(): ReadonlyMap<string, z.infer<typeof reservation>> {
    return new Map([...this.known].flatMap(([id, each]) => (each === null ? [] : [[id, each] as const])))
  }

  /** Undefined where nobody is told. */
  async take(method: string, url: URL, body: string): Promise<(Answer & { readonly times: number }) | undefined> {
    const [, what, name = ''] = url.pathname.split('/').map(decodeURIComponent)
    const act = actOf(method, what, name)
    if (act === undefined) return { status: 404, told: {}, times: 1 }
    const behaviour = this.surroundings.behaviourOf(act, name)
    if (typeof behaviour === 'number') return { status: behaviour, told: {}, times: 1 }
    if (behaviour === 'fail') return { status: 500, told: {}, times: 1 }
    if (behaviour === 'ignore') return undefined
    if (behaviour === 'slow') await sleep(slowMillis)
    const answer =
      behaviour === 'decline'
        ? (declined(act, name) ?? this.answer(act, name, url, body))
        : this.answer(act, name, url, body)
    if (behaviour === 'die') return undefined
    if (behaviour === 'late') await sleep(lateMillis)
    return { ...answer, times: behaviour === 'repeat' ? 2 : 1 }
  }

  private answer(act: Act, name: string, { searchParams }: URL, body: string): Answer {
    if (act === 'quotes') {
      const quotes = this.surroundings.quotes()
      if (name === '') {
        const [from, until] = [searchParams.get('starts_at'), searchParams.get('ends_at')]
        // Also those of other regions: whoever asks takes what it has asked for.
        const left = quotes.flatMap(each => this.left(each, from ?? each.starts_at, until ?? each.ends_at))
        return { status: 200, told: { quotes: left } }
      }
      const [quote] = quotes
        .filter(each => each.quote_id === name)
        .flatMap(each => this.left(each, each.starts_at, each.ends_at, 'any hour'))
      return quote === undefined ? { status: 404, told: {} } : { status: 200, told: quote }
    }
    if (act === 'release') {
      this.remember(name, null)
      return { status: 204 }
    }
    const asked = reservation.safeParse(parsed(body))
    if (!asked.success) return { status: 400, told: { reason: z.prettifyError(asked.error) } }
    return this.reserve(name, asked.data)
  }

  private reserve(id: string, asked: z.infer<typeof reservation>): Answer {
    const before = this.known.get(id)
    if (before === null) return { status: 409, told: { reason: 'it was withdrawn' } }
    if (before === undefined) {
      const refused = this.refusal(asked)
      if (refused !== undefined) return refused
      this.remember(id, asked)
    } else if (JSON.stringify(before) !== JSON.stringify(asked))
      return { status: 422, told: { reason: 'something else is reserved under this id' } }
    return { status: before === undefined ? 201 : 200, told: { reference: `R-${id.slice(0, 8)}` } }
  }

  /** List prices have no end. */
  private refusal({
    offer_id,
    units,
    starts_at,
    ends_at,
    price_micros,
  }: z.infer<typeof reservation>): Answer | undefined {
    const [, kind, name] = offer_id.split(':')
    if (kind !== 'quote') return undefined
    const quote = this.surroundings.quotes().find(each => each.quote_id === name)
    const refused = (status: number, reason: string): Answer => ({ status, told: { reason } })
    if (quote === undefined || Date.parse(quote.accept_until) <= this.surroundings.now())
      return refused(410, 'this is not quoted any more')
    if (Date.parse(starts_at) < Date.parse(quote.starts_at) || Date.parse(ends_at) > Date.parse(quote.ends_at))
      return refused(422, 'not in these hours')
    if (units < quote.minimum_units) return refused(422, `${quote.minimum_units} units at least`)
    if (price_micros < (micros(quote.price) ?? 0))
      return refused(422, `it costs ${quote.price} USD for a unit and hour`)
    const left = this.unitsLeft(quote, starts_at, ends_at, 'every hour')
    return left !== null && left < units ? refused(409, `sold out: ${Math.max(0, left)} units are left`) : undefined
  }

  /** With the units that nobody has reserved yet; without them it is no quote. */
  private left(
    quote: StandInQuote,
    from: string,
    until: string,
    within: Within = 'every hour',
  ): readonly StandInQuote[] {
    const available_units = this.unitsLeft(quote, from, until, within)
    return available_units !== null && available_units <= 0 ? [] : [{ ...quote, available_units }]
  }

  private unitsLeft(
    { quote_id, available_units, ...quote }: StandInQuote,
    from: string,
    until: string,
    within: Within,
  ): number | null {
    if (available_units === null) return null
    const taken = [...this.reserved().values()].filter(each => each.offer_id.endsWith(`:quote:${quote_id}`))
    const first = Math.max(Date.parse(from), Date.parse(quote.starts_at))
    const last = Math.min(Date.parse(until), Date.parse(quote.ends_at))
    const left: number[] = []
    for (let at = first; at < last; at += hourMillis) {
      const during = taken.filter(each => Date.parse(each.starts_at) <= at && at < Date.parse(each.ends_at))
      left.push(available_units - during.reduce((sum, { units }) => sum + units, 0))
    }
    if (left.length === 0) return 0
    return within === 'every hour' ? Math.min(...left) : Math.max(...left)
  }

  private remember(reservation_id: string, reserved: Remembered['reserved']): void {
    this.surroundings.remember?.({ reservation_id, reserved })
    this.known.set(reservation_id, reserved)
  }
}

type Within = 'every hour' | 'any hour'

const actOf = (method: string, what: string | undefined, name: string): Act | undefined => {
  if (what === 'quotes' && method === 'GET') return 'quotes'
  if (what !== 'reservations' || name === '') return undefined
  return method === 'PUT' ? 'reserve' : method === 'DELETE' ? 'release' : undefined
}

/** Whatever was reserved is taken back in the end. */
const declined = (act: Act, name: string): Answer | undefined => {
  if (act === 'reserve') return { status: 409, told: { reason: 'sold out' } }
  if (act === 'release') return undefined
  return name === '' ? { status: 200, told: { quotes: [] } } : { status: 404, told: {} }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface ListeningPartner {
  readonly url: string
  stop(): Promise<void>
}

/** On a free port of this machine. What is asked before there is a stand-in waits for it. */
export const listen = async (
  standIn: () => PartnerStandIn | Promise<PartnerStandIn>,
  heard: (request: string) => void = () => undefined,
): Promise<ListeningPartner> => {
  const server = createServer((request, response) => {
    const { method = '', url = '/' } = request
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      heard(`${method} ${url}`)
      try {
        const taken = await (await standIn()).take(
          method,
          new URL(url, 'http://127.0.0.1'),
          Buffer.concat(chunks).toString(),
        )
        if (taken !== undefined) answer(response, taken)
      } catch {
        answer(response, { status: 500, told: {}, times: 1 })
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the partner has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

const answer = (response: ServerResponse, { status, told, times }: Answer & { readonly times: number }): void => {
  const body = told === undefined ? '' : JSON.stringify(told)
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(told !== undefined && { 'content-length': Buffer.byteLength(body) }),
  })
  const { socket } = response
  response.end(body)
  // Nobody has asked for what comes then.
  for (let time = 1; time < times; time += 1)
    socket?.write(
      `HTTP/1.1 ${status} Again\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
}

import * as z from 'zod'

/**
 * A provisioning service that provisions nothing: it hears the requests on the bus and answers them by HTTP, as a real one
 * does (docs/protocol/provisioning.md), and does whatever it is told to go wrong.
 */
export const behaviours = [
  'succeed',
  /** Works for several heartbeats first. */
  'slow',
  /** Cannot provision. */
  'fail',
  /** Has nothing to reserve. */
  'decline',
  /** Says nothing any more, while it keeps what it has. */
  'die',
  /** Answers twice. */
  'repeat',
  /** Answers when nobody waits any more. */
  'late',
  /** Provisions half. */
  'partial',
  /** Provisions all, of which half is gone before the end. */
  'short',
] as const
export type Behaviour = (typeof behaviours)[number]

const asked = {
  delivery_id: z.string(),
  request_id: z.string(),
  instrument_name: z.string(),
  step: z.enum(['reserve', 'provision', 'meter', 'release']),
  attempt: z.number().int(),
  callback_path: z.string(),
  callback_token: z.string(),
  answer_within_s: z.number(),
  heartbeat_s: z.number().nullable(),
}
export const provisioningRequest = z.union([
  z.object({ ...asked, attempts: z.array(z.number().int()) }),
  z.object({ ...asked, amount: z.string() }),
])
export type ProvisioningRequest = z.infer<typeof provisioningRequest>

export interface StandInSurroundings {
  /** Answers status and problem code. */
  readonly callBack: (path: string, body: object) => Promise<{ readonly status: number; readonly code?: string }>
  /** On the exchange's clock. */
  readonly wait: (seconds: number) => Promise<void>
  readonly behaviourOf: (request: ProvisioningRequest) => Behaviour
}

/** What is there for an attempt, in units. */
interface Claim {
  reserved: string
  provisioned: string
}

const slowBeats = 3

export class ProvisioningStandIn {
  private readonly surroundings: StandInSurroundings
  private readonly claims = new Map<string, Claim>()
  /** Of each request the token that counts: that of the last time it was asked. */
  private readonly tokens = new Map<string, string>()
  /** What is not to be provisioned any more, whoever still works on it. */
  private readonly released = new Set<string>()

  constructor(surroundings: StandInSurroundings) {
    this.surroundings = surroundings
  }

  /** What is reserved or provisioned, by delivery and attempt. */
  held(): readonly string[] {
    return [...this.claims.keys()]
  }

  /** Until it is answered, or will not be. */
  async take(request: ProvisioningRequest): Promise<void> {
    this.tokens.set(request.request_id, request.callback_token)
    const behaviour = this.surroundings.behaviourOf(request)
    if ('attempts' in request) {
      if (behaviour === 'die') return
      if (behaviour === 'slow') await this.surroundings.wait(slowBeats)
      for (const attempt of request.attempts) this.release(`${request.delivery_id}#${attempt}`)
      return this.answer(request, { outcome: 'released' }, behaviour)
    }
    switch (request.step) {
      case 'reserve':
        return this.reserve(request, behaviour)
      case 'provision':
        return this.provision(request, behaviour)
      default:
        return this.meter(request, behaviour)
    }
  }

  private async reserve(request: Reserving, behaviour: Behaviour): Promise<void> {
    if (behaviour === 'decline') return this.answer(request, { outcome: 'failed', reason: 'no-capacity' }, behaviour)
    if (this.released.has(claimOf(request))) return
    this.claims.set(claimOf(request), { reserved: request.amount, provisioned: '0' })
    await this.answer(request, { outcome: 'succeeded', amount: request.amount }, behaviour)
  }

  private async provision(request: Reserving, behaviour: Behaviour): Promise<void> {
    const { wait } = this.surroundings
    const { heartbeat_s: heartbeatSeconds, amount } = request
    if (behaviour === 'fail') return this.answer(request, { outcome: 'failed', reason: 'boot-failed' }, behaviour)
    if (behaviour === 'slow' && heartbeatSeconds !== null)
      for (let beat = 0; beat < slowBeats; beat++) {
        await wait(heartbeatSeconds / 2)
        await this.callBack(request, { outcome: 'heartbeat' })
      }
    // Whoever is late works on in silence.
    if (behaviour === 'late') await wait(2 * (heartbeatSeconds ?? request.answer_within_s))
    if (this.released.has(claimOf(request))) return
    const provisioned = behaviour === 'partial' ? halfOf(amount) : amount
    this.claims.set(claimOf(request), { reserved: amount, provisioned })
    if (behaviour === 'die') return
    await this.answer(
      request,
      { outcome: 'succeeded', amount: provisioned },
      behaviour === 'late' ? 'succeed' : behaviour,
    )
  }

  private meter(request: Reserving, behaviour: Behaviour): Promise<void> {
    const metered = behaviour === 'short' ? halfOf(request.amount) : request.amount
    return this.answer(request, { outcome: 'metered', amount: metered }, behaviour)
  }

  private async answer(request: ProvisioningRequest, body: object, behaviour: Behaviour): Promise<void> {
    const { wait } = this.surroundings
    if (behaviour === 'die' && request.step !== 'provision') return
    if (behaviour === 'late' && request.step !== 'provision') await wait(2 * request.answer_within_s)
    const times = behaviour === 'repeat' ? 2 : 1
    for (let time = 0; time < times; time++) {
      const { code } = await this.callBack(request, body)
      const isLast = this.tokens.get(request.request_id) === request.callback_token
      // Nobody waits for it any more: what is there for it is given back.
      if (code === 'callback-stale' && isLast && isClaiming(request)) this.release(claimOf(request))
    }
  }

  private callBack({ callback_path, step, attempt, callback_token }: ProvisioningRequest, body: object) {
    return this.surroundings.callBack(callback_path, { step, attempt, callback_token, ...body })
  }

  private release(claim: string): void {
    this.released.add(claim)
    this.claims.delete(claim)
  }
}

type Reserving = Extract<ProvisioningRequest, { readonly amount: string }>

const isClaiming = ({ step }: ProvisioningRequest): boolean => step === 'reserve' || step === 'provision'

const claimOf = ({ delivery_id, attempt }: ProvisioningRequest): string => `${delivery_id}#${attempt}`

/** Of whole units the smaller half; of one or less all of it. */
const halfOf = (amount: string): string => (Number(amount) >= 2 ? String(Math.floor(Number(amount) / 2)) : amount)

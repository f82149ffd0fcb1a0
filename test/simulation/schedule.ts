/**
 * One schedule: two replicas of the matcher, clients through the product's own intake, and its projectors, all of the
 * product itself, over simulated stores; faults as the seed draws them; then calm, and what must hold whatever happened.
 */
import './world/quiet.ts'
import { type Command, commandIdOf, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import type { Principal } from '#lambdas/shell/principal.ts'
import type { Log } from '#matcher/log.ts'
import { idOf, opening } from '#test/matcher/commands.ts'
import { drain, judge, watch } from './invariants.ts'
import { asset, delivered, MoneyCommands } from './money-commands.ts'
import { plots } from './plots.ts'
import type { CallFault, DeliveryFault, FaultCounts, FaultRates } from './world/faults.ts'
import type { Random } from './world/random.ts'
import type { SimProcess } from './world/scheduler.ts'
import { inWorld, type World } from './world/world.ts'

const { runReplica } = await import('#matcher/replica.ts')
const { putCommands } = await import('#adapters/streams/orders.ts')
const { pause } = await import('#adapters/streams/reader.ts')
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { handle: placeOrder } = await import('#lambdas/trading/place-order.ts')
const { handle: cancelOrder } = await import('#lambdas/trading/cancel-order.ts')
const { instrumentPut, forgetInstruments } = await import('#adapters/tables/instruments.ts')
const { forgetLeases } = await import('#lambdas/shell/backpressure.ts')
const { accountReplacement } = await import('#adapters/tables/accounts.ts')
const { defineInstrument } = await import('#domain/reference/instrument.ts')
const { Engine } = await import('#domain/trading/engine.ts')
const { encodeOrdersFrame } = await import('#protocol/orders-frame.ts')

export interface ScheduleResult {
  readonly seed: number
  readonly violations: readonly string[]
  /** Requests that were acknowledged, and commands that the engine took. */
  readonly acknowledged: number
  readonly commands: number
  readonly events: number
  readonly duplicates: number
  readonly poison: number
  readonly leaders: number
  readonly snapshots: number
  readonly faults: FaultCounts
  readonly virtualMillis: number
  readonly hash: number
}

export interface ScheduleOptions {
  /** Hears what happens. */
  readonly tell?: (line: string) => void
}

const lane = 1
/** Of each client: through the product's intake, and in frames of many as a fast participant sends them. */
const requestsOfClient = 8
const framesOfClient = 4
const commandsOfFrame = 16
/** Of them: withdrawals, holds, transfers, collateral. */
const moneyCommandsOfFrame = 5
/** Of frames: that end with an epoch of risk. */
const epochRate = 0.4
const leaseMillis = 500
/** Short against a schedule, which is over in seconds: or else few would start from a snapshot. */
const snapshotIntervalsMillis = [50, 100, 200, 400] as const
/** Of a client: in a hurry all is said within one lease, else over several leaders. */
const mostPausesMillis = [40, 160] as const
const leastFaults = 3
/** Schedules with a plot among them. */
const plotRate = 0.3
const accounts = ['alice', 'bob', 'carol'] as const

/** A call or delivery of the kind that can meet it. */
const usualRates: Required<FaultRates> = {
  throttled: 0.015,
  failed: 0.015,
  'answer-lost': 0.02,
  unanswered: 0.005,
  slow: 0.015,
  'done-twice': 0.025,
  'done-late': 0.01,
  conflict: 0.025,
  'iterator-expired': 0.01,
  'records-repeated': 0.025,
  'stamp-back': 0.025,
  'disk-full': 0.05,
  'stored-flipped': 0.1,
  'stored-cut': 0.1,
  'stored-altered': 0.1,
  'read-damaged': 0.1,
  'delivery-repeated': 0.075,
  'delivery-skipped': 0.0375,
  'delivery-abandoned': 0.0375,
  'delivery-frozen': 0.0375,
  'delivery-killed': 0.0375,
  'delivery-cold': 0.05,
}

/** Each seed has its own mix: some kinds never, some often. */
const mixOf = (random: Random): FaultRates =>
  Object.fromEntries(
    Object.entries(usualRates).map(([fault, rate]) => [fault, rate * random.pick([0, 0, 0.5, 1, 1, 3])]),
  ) satisfies Partial<Record<CallFault | DeliveryFault, number>>

/** Money that nobody has: the engine is made to throw on it, as on a bug of its own. */
const bombMicros = 666_666_666

/** Calls at which a replica is killed or frozen; the rest is drawn by time. */
const steps = [
  'PutRecord executions-1',
  'PutRecord orders-1',
  'GetRecords orders-1',
  'UpdateItem lanes',
  'GetItem lanes',
  'PutObject snapshots',
  'GetObject snapshots',
  'ListObjectsV2 snapshots',
  'PutItem lanes',
] as const

export const runSchedule = async (seed: number, { tell }: ScheduleOptions = {}): Promise<ScheduleResult> => {
  forgetInstruments()
  forgetLeases()
  plantBomb()
  return inWorld(
    {
      seed,
      // What a process of the product keeps for all its requests: here many processes share one module.
      isAtOnce: ({ operation, target, caller }) =>
        (operation === 'Query' && target === 'instruments') ||
        (operation === 'GetItem' && (target === 'accounts' || (target === 'lanes' && caller?.kind === 'intake'))),
    },
    world => direct(world, seed, tell),
    600_000,
  )
}

const direct = async (world: World, seed: number, tell: ScheduleOptions['tell']): Promise<ScheduleResult> => {
  const { random } = world
  world.faults.change(mixOf(random))
  seedTables(world)
  const say = tell === undefined ? undefined : (line: string) => tell(`${world.scheduler.nowMillis} ms: ${line}`)
  const replicas = startReplicas(world, say)
  const story = watch(world)
  // Both, or mostly one: they do not know of each other, and each costs as much as a replica.
  const projections = random.pick([
    [projectOrders, projectPositions],
    [projectOrders],
    [projectOrders],
    [projectPositions],
    [projectPositions],
  ])
  const mappings = projections.map(projection =>
    world.mapping({
      name: projection.name,
      stream: world.executions(lane),
      makeHandler() {
        const project = projectorOf(projection)
        return async records => {
          try {
            await project(records)
          } catch (error) {
            const cause = error instanceof Error ? error.cause : undefined
            say?.(`${projection.name} failed: ${String(error)}, ${String(cause)}`)
            throw error
          }
        }
      },
    }),
  )
  const acknowledged = new Set<string>()
  disturb(world, replicas, say)
  const lull = { isOn: false }
  if (random.chance(plotRate))
    random.pick(plots)({ world, mappings, running: replicas.running, lull, bomb: () => hostile(bomb, random), say })
  await openMarket()
  const mostPauseMillis = random.pick(mostPausesMillis)
  const clients = accounts.map(account => startClient(world, account, { acknowledged, mostPauseMillis, lull }, say))
  await Promise.all(clients)
  while (world.faults.counts.total() < leastFaults) {
    const [victim] = replicas.running()
    if (victim !== undefined) {
      world.faults.counts.hit('killed', 'matcher, at any time')
      world.kill(victim)
    }
    await pause(200)
  }
  world.calm()
  say?.('calm')
  for (const process of world.scheduler.all) world.resume(process)
  const undrained = await drain(
    world,
    story,
    projections.map(({ name }) => name),
    replicas.bothStand,
  )
  // Nothing moves any more while it is judged.
  story.end()
  replicas.end()
  for (const process of world.scheduler.all) if (process.kind !== 'director') world.kill(process)
  const violations = [...undrained, ...(await judge(world, story, acknowledged))]
  return {
    seed,
    violations,
    acknowledged: acknowledged.size,
    commands: story.commands(),
    events: story.events().length,
    duplicates: story.events().filter(({ event }) => event.type === 'command-duplicated').length,
    poison: story.events().filter(({ event }) => event.type === 'frame-poisoned').length,
    leaders: Number(world.tables.item('lanes', checkpointKey)?.['epoch'] ?? 0),
    snapshots: story.snapshots.size,
    faults: world.faults.counts,
    virtualMillis: world.scheduler.nowMillis,
    hash: world.scheduler.traceHash,
  }
}

const checkpointKey = { lane: String(lane), row: 'checkpoint' }

const seedTables = (world: World): void => {
  for (const [index, command] of [...opening, asset, delivered]
    .filter(({ type }) => type === 'list-instrument')
    .entries())
    if (command.type === 'list-instrument') {
      const made = defineInstrument(command.specification, index + 1, 1)
      if (!made.accepted) throw new Error(`the market cannot be made: ${made.detail ?? made.code}`)
      const put = instrumentPut({ lane, instrument: made.value, isActive: true, listedAtMillis: 0 })
      if (put.kind === 'put') world.tables.set('instruments', put.item, put.item)
    }
  for (const [index, account] of accounts.entries()) {
    const row = {
      account,
      accountState: 'open' as const,
      accountId: index + 1,
      lane,
      commandId: '',
      attempt: 1,
      createdAtMillis: 0,
    }
    const put = accountReplacement(row, undefined)
    if (put.kind === 'put') world.tables.set('accounts', put.item, { ...put.item })
  }
}

type Say = ((line: string) => void) | undefined

interface Replicas {
  running(): readonly SimProcess[]
  /** Both are there, and have come to where the stream ends. */
  bothStand(): boolean
  /** None is started any more. */
  end(): void
}

const startReplicas = (world: World, say: Say): Replicas => {
  const { random } = world
  const snapshotIntervalMillis = random.pick(snapshotIntervalsMillis)
  const running = new Map<string, SimProcess>()
  const standing = new Set<string>()
  let starts = 0
  let isOver = false
  const start = (slot: string) => {
    const name = `${slot}${++starts}`
    const process = world.spawn(
      {
        name,
        kind: 'matcher',
        skewMillis: random.between(-3_000, 3_000),
        clockRate: 1 + random.between(-2, 2) / 1_000,
      },
      () =>
        runReplica(
          {
            lane,
            owner: name,
            orderStream: 'orders-1',
            executionStream: 'executions-1',
            read: { transport: 'polling', intervalMillis: 60 },
            standbyPollMillis: 120,
            snapshotIntervalMillis,
            leaseMillis,
            eventLoop: { read: () => ({ p50: 0, p99: 0, max: 0 }), stop: () => undefined },
          },
          logOf(name, say, message => {
            if (message === 'the lane is up to date') standing.add(name)
            else if (message.startsWith('lane stopped')) standing.delete(name)
          }),
          new AbortController().signal,
        ),
    )
    running.set(slot, process)
    process.whenEnded(ending => {
      say?.(`${name} ${ending.how}${ending.how === 'threw' ? `: ${String(ending.error)}` : ''}`)
      if (!isOver) world.after(random.between(100, 600), () => start(slot))
    })
  }
  start('a')
  start('b')
  return {
    running: () => [...running.values()].filter(({ state }) => state !== 'ended'),
    bothStand: () => [...running.values()].every(({ name, state }) => state === 'running' && standing.has(name)),
    end() {
      isOver = true
    },
  }
}

const logOf = (name: string, say: Say, hear: (message: string) => void): Log => {
  const line = (level: string) => (message: string, details: Record<string, unknown>) => {
    hear(message)
    if (say === undefined || message === 'figures' || message === 'standing by') return
    const { _aws, ...rest } = details
    say(`${name} ${level}: ${message} ${JSON.stringify(rest)}`)
  }
  return { info: line('info'), warn: line('warn'), error: line('error') }
}

/** At least three misfortunes of processes and records, besides what calls and deliveries meet. */
const disturb = (world: World, { running }: Replicas, say: Say): void => {
  const { random } = world
  const misfortunes = random.between(3, 7)
  for (let count = 0; count < misfortunes; count++) {
    const how = random.chance(0.6) ? 'killed' : 'frozen'
    const forMillis = random.between(50, 2_000)
    if (random.chance(0.6)) {
      const step = random.pick(steps)
      const nth = random.between(1, 12)
      const moment = random.pick(['before', 'done', 'after'] as const)
      world.crashAt({
        moment,
        how,
        forMillis,
        nth,
        matches: ({ caller, operation, target }) => caller?.kind === 'matcher' && `${operation} ${target}` === step,
        afterwards: ({ caller }) => say?.(`${caller?.name} is ${how} ${moment} ${step}`),
      })
    } else
      world.after(random.between(20, 900), () => {
        if (world.faults.calmed) return
        const victims = running()
        if (victims.length === 0) return
        const victim = random.pick(victims)
        say?.(`${victim.name} is ${how}${how === 'frozen' ? ` for ${forMillis} ms` : ''}`)
        world.faults.counts.hit(how, 'matcher, at any time')
        if (how === 'killed') world.kill(victim)
        else world.freeze(victim, forMillis)
      })
  }
  if (random.chance(0.1))
    world.after(random.between(100, 800), () => {
      for (const victim of running()) world.kill(victim)
      world.faults.counts.hit('killed', 'matcher, both at once')
      say?.('both replicas are killed at once')
    })
  const records = random.below(4)
  for (let count = 0; count < records; count++)
    world.after(random.between(20, 700), () => {
      const kind = random.below(4)
      say?.(`a hostile record of kind ${kind}`)
      world.orders(lane).append(hostile(kind, random), undefined)
    })
}

const bomb = 3

/** Garbage, a flipped bit, one that is far too long, and one at which the engine throws. */
const hostile = (kind: number, random: Random): Uint8Array => {
  const whole = encodeOrdersFrame(lane, [
    { type: 'deposit', commandId: random.uuid(), accountId: 1, amountMicros: bombMicros },
  ])
  if (kind === 0) return Uint8Array.from({ length: random.below(80) }, () => random.below(256))
  if (kind === 1) {
    const at = random.below(whole.length)
    whole[at] = (whole[at] ?? 0) ^ (1 << random.below(8))
    return whole
  }
  if (kind === 2) return new Uint8Array(20_000)
  return whole
}

let isPlanted = false

/** Once and for all that follow: a method that changes makes V8 throw away what it has compiled of its class. */
const plantBomb = (): void => {
  if (isPlanted) return
  isPlanted = true
  const { applyAll } = Engine.prototype
  Engine.prototype.applyAll = function (words: Int32Array, from: number, count: number): number {
    const next = applyAll.call(this, words, from, count)
    // After it has changed what it is: a state that nobody may go on from.
    if (count === 1 && words.subarray(from, next).includes(bombMicros)) throw new Error('the engine fails, on purpose')
    return next
  }
}

const openMarket = async (): Promise<void> => {
  const [first, second, ...rest] = opening
  if (first === undefined || second === undefined) throw new Error('nothing opens the market')
  const carol = {
    ...first,
    account: 'carol',
    // Cash goes between the two.
    firm: 'alice',
    commandId: first.type === 'open-account' ? `${first.commandId.slice(0, -2)}99` : '',
  }
  const deposits = rest.flatMap(command =>
    command.type === 'deposit' && command.accountId === 1
      ? [{ ...command, accountId: 3, commandId: `${command.commandId.slice(0, -2)}98` }]
      : [],
  )
  const newest = { type: 'activate-engine-version', commandId: idOf(97), version: newestEngineVersion } as const
  await putCommands(lane, [first, second, carol as typeof first, ...rest, ...deposits, newest])
  // Of the rules that the frame before it has brought.
  await putCommands(lane, [asset, delivered])
}

interface Single {
  readonly kind: 'order' | 'cancel'
  readonly name: string
  readonly orderId?: string
  readonly number: number
}

type Asked = Single | { readonly kind: 'frame'; readonly commands: readonly Command[] }

interface ClientSettings {
  readonly acknowledged: Set<string>
  /** Between two requests. */
  readonly mostPauseMillis: number
  readonly lull: { readonly isOn: boolean }
}

/** Sends its requests one after the other, each again until it is answered for good, whoever of us dies meanwhile. */
const startClient = async (
  world: World,
  account: (typeof accounts)[number],
  { acknowledged, mostPauseMillis, lull }: ClientSettings,
  say: Say,
): Promise<void> => {
  const random = world.random.fork(account)
  const own: string[] = []
  const money = new MoneyCommands(random, 1 + accounts.indexOf(account))
  let done = 0
  let asked: Asked | undefined
  const principal: Principal = { account, role: 'trader', credential: account, permissions: [], address: '' }
  const ask = async (): Promise<void> => {
    while (done < requestsOfClient + framesOfClient) {
      asked ??= next(random, account, done, own, money)
      const request = asked
      if (request.kind === 'frame') await acknowledge(request.commands)
      const order = request.kind === 'frame' ? undefined : await answered(request)
      if (order !== undefined && request.kind === 'order') {
        acknowledged.add(order)
        own.push(order)
      }
      // As somebody who did not hear the answer.
      if (request.kind !== 'frame' && random.chance(0.05)) await answered(request)
      asked = undefined
      done++
      await pause(random.below(mostPauseMillis))
      while (lull.isOn) await pause(40)
    }
  }
  const acknowledge = async (commands: readonly Command[]): Promise<void> => {
    for (;;)
      try {
        await putCommands(lane, commands)
        for (const command of commands) acknowledged.add(commandIdOf(command))
        return
      } catch (error) {
        say?.(`${account}: a frame is not acknowledged: ${String(error)}`)
        await pause(random.between(10, 100))
      }
  }
  const answered = async (request: Single): Promise<string | undefined> => {
    for (;;) {
      try {
        const answer = await send(request)
        if ('status' in answer) return answer.body.order_id
        if (answer.code !== 'lane-behind' && answer.code !== 'lane-halted') return undefined
      } catch (error) {
        say?.(`${account}: ${request.name} failed: ${String(error)}`)
      }
      await pause(random.between(10, 100))
    }
  }
  const send = (request: Single) => {
    const common = { principal, headers: {}, requestId: request.name, admitted: async () => true }
    return request.kind === 'order'
      ? placeOrder({ ...common, path: undefined, query: undefined, idempotencyKey: undefined, body: bodyOf(request) })
      : cancelOrder({
          ...common,
          path: { order_id: request.orderId ?? '' },
          query: undefined,
          idempotencyKey: request.name,
          body: undefined,
        })
  }
  while (done < requestsOfClient + framesOfClient) {
    const intake = world.spawn({ name: `intake of ${account}`, kind: 'intake' }, ask)
    if (random.chance(0.1))
      world.after(random.between(50, 1_500), () => {
        if (world.faults.calmed || intake.state === 'ended') return
        world.faults.counts.hit('killed', 'intake, at any time')
        world.kill(intake)
      })
    const ending = await intake.ended
    if (ending.how === 'threw') throw ending.error
  }
}

const next = (
  random: Random,
  account: (typeof accounts)[number],
  number: number,
  own: readonly string[],
  money: MoneyCommands,
): Asked => {
  if (number % 3 === 2)
    return {
      kind: 'frame',
      commands: [
        ...Array.from({ length: commandsOfFrame - moneyCommandsOfFrame }, () => drawnOrder(random, account)),
        ...Array.from({ length: moneyCommandsOfFrame }, () => money.next()),
        ...(random.chance(epochRate) ? money.epoch() : []),
      ],
    }
  const name = `${account}-${number}`
  if (own.length > 0 && random.chance(0.2))
    return { kind: 'cancel', name, orderId: random.pick(own), number: random.bits() >>> 0 }
  return { kind: 'order', name, number: random.bits() >>> 0 }
}

const drawnOrder = (random: Random, account: (typeof accounts)[number]): PlaceOrder => {
  const isBuy = random.chance(0.5)
  return {
    type: 'place-order',
    orderId: random.uuid(),
    accountId: 1 + accounts.indexOf(account),
    instrumentId: 1,
    specificationVersion: 1,
    direction: isBuy ? 'buy' : 'sell',
    orderType: 'limit',
    timeInForce: random.chance(0.2) ? 'immediate_or_cancel' : 'good_til_cancelled',
    priceTicks: 200 + random.below(11) - (isBuy ? 2 : 0),
    quantityLots: 1 + random.below(5),
    clientOrderId: '',
    ...plainInstructions,
  }
}

const bodyOf = ({ name, number }: Single) => {
  const isBuy = (number & 1) === 0
  return {
    instrument_name: 'H100.USE-27NOV36',
    direction: isBuy ? ('buy' as const) : ('sell' as const),
    order_type: 'limit' as const,
    amount: String(1 + ((number >>> 1) % 5)),
    price: ((200 + ((number >>> 4) % 11) - (isBuy ? 2 : 0)) / 100).toFixed(2),
    client_order_id: name,
    time_in_force: 'good_til_cancelled' as const,
    post_only: false,
    reject_post_only: false,
    reduce_only: false,
    self_trade_prevention: 'none' as const,
  }
}

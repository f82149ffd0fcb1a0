/** What must hold after every schedule: the invariants of the matcher's protocol, by their numbers. */
import type { Snapshot } from '#adapters/snapshots.ts'
import type { Batch, StreamReader, StreamRecord } from '#adapters/streams/reader.ts'
import type { EngineState } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Start } from '#matcher/lane.ts'
import type { Position } from '#matcher/position.ts'
import type { Item } from './world/table.ts'
import type { World } from './world/world.ts'

const { readInstrument } = await import('#domain/trading/saved-contract.ts')
const { createLane } = await import('#matcher/lane.ts')
const { createOutbox } = await import('#matcher/outbox.ts')
const { createEngine, restoreEngine } = await import('#domain/trading/engine.ts')
const { noId } = await import('#domain/trading/identifiers.ts')
const { getLease, listSkips } = await import('#adapters/tables/lanes.ts')
const { archivedOrders, readSnapshot, listSnapshots } = await import('#adapters/snapshots.ts')
const { pause } = await import('#adapters/streams/reader.ts')
const { frameHeaderBytes } = await import('#protocol/frames.ts')
const { decodeExecutionsFrame, firstChain } = await import('#protocol/executions-frame.ts')

const lane = 1
const drainMillis = 30_000
const microsPerTickLot = 10_000

const nothing = (): void => undefined

export interface Told {
  readonly outSeq: number
  readonly inputSequence: string
  readonly event: Event
}

export interface Story {
  /** Nothing that is said from now on belongs to it. */
  end(): void
  events(): readonly Told[]
  /** Disposed of, first time or not. */
  commands(): number
  /** Chain of the last section. */
  chain(): string
  /** Keys of the snapshots that were ever stored. */
  readonly snapshots: Set<string>
  /** What was seen to be wrong while it happened. */
  readonly violations: string[]
  /** After each transaction of the projector of positions. */
  readonly balances: { readonly outSeq: number; readonly cashMicros: number; readonly sizeLots: number }[]
}

/** Looks on from the beginning. */
export const watch = (world: World): Story => {
  const violations: string[] = []
  const events: Told[] = []
  const sections = new Map<number, string>()
  const balances: { outSeq: number; cashMicros: number; sizeLots: number }[] = []
  const snapshots = new Set<string>()
  let chain = firstChain
  let commands = 0
  let atMillis = 0
  let epoch = 0
  let isOver = false
  const wrong = (invariant: string, what: string) => {
    if (violations.length < 20) violations.push(`${invariant}: ${what}`)
  }

  world.executions(lane).watch(({ data }) => {
    if (isOver) return
    const frame = decodeExecutionsFrame(data)
    let outSeq = frame.firstOutSeq
    for (const section of frame.sections) {
      // All that it says is in it, and all that was said before.
      const written = `${section.inputSequence} ${section.chain} ${section.events.length}`
      const before = sections.get(outSeq)
      if (before !== undefined && before !== written) wrong('I5', `two things were said as number ${outSeq}`)
      if (before === undefined && outSeq !== events.length + 1)
        wrong('I5', `number ${outSeq} was said after ${events.length}`)
      if (before === undefined) {
        sections.set(outSeq, written)
        chain = section.chain
        if (section.atMillis < atMillis) wrong('I9', `lane time went from ${atMillis} to ${section.atMillis}`)
        atMillis = section.atMillis
        for (const [index, event] of section.events.entries()) {
          if (event.type === 'epoch-started') {
            if (event.epoch <= epoch) wrong('I6', `epoch ${event.epoch} began after ${epoch}`)
            epoch = event.epoch
          }
          events.push({ outSeq: outSeq + index, inputSequence: section.inputSequence, event })
          if (dispositionOf(event) !== undefined || event.type === 'command-duplicated') commands++
        }
      }
      outSeq += section.events.length
    }
  })

  let lease: Item | undefined
  let cashMicros = 0
  let sizeLots = 0
  const watermarks = new Map<string, number>()
  world.tables.watch(changes => {
    for (const { table, before, after } of changes) {
      if (table === 'lanes' && after?.['row'] === 'checkpoint') {
        for (const name of ['epoch', 'out_seq', 'sequence_number', 'version'] as const)
          if (isLess(after[name], lease?.[name])) wrong('I6', `${name} went from ${lease?.[name]} to ${after[name]}`)
        if (Number(after['epoch']) > Number(lease?.['epoch'] ?? 0) + 1) wrong('I6', 'an epoch was left out')
        if (lease !== undefined && after['owner'] !== lease['owner'] && !isLess(lease['epoch'], after['epoch']))
          wrong('I6', `${String(after['owner'])} leads in the epoch of ${String(lease['owner'])}`)
        lease = { ...after }
      }
      if (table === 'positions' && after?.['is_collateral'] !== true) {
        sizeLots += Number(after?.['size_lots'] ?? 0) - Number(before?.['size_lots'] ?? 0)
        cashMicros -=
          (Number(after?.['entry_tick_lots'] ?? 0) - Number(before?.['entry_tick_lots'] ?? 0)) * microsPerTickLot
      }
      if (table === 'balances') cashMicros += Number(after?.['cash_micros'] ?? 0) - Number(before?.['cash_micros'] ?? 0)
      const row = String(after?.['row'] ?? '')
      if (table !== 'lanes' || !row.startsWith('projector#')) continue
      const outSeq = Number(after?.['out_seq'])
      if (outSeq <= (watermarks.get(row) ?? 0)) wrong('I7', `the watermark of ${row} went to ${outSeq}`)
      watermarks.set(row, outSeq)
      if (row === 'projector#project-positions') balances.push({ outSeq, cashMicros, sizeLots })
    }
  })
  world.objects.watch(key => {
    if (key.includes('/snapshots/')) snapshots.add(key)
  })
  const end = () => {
    isOver = true
  }
  return { end, events: () => events, commands: () => commands, chain: () => chain, snapshots, violations, balances }
}

const isLess = (after: unknown, before: unknown): boolean =>
  before !== undefined &&
  (after === undefined || (typeof after === 'number' ? after < Number(before) : String(after) < String(before)))

/** The command whose end an event tells. */
const dispositionOf = (event: Event): string | undefined => {
  switch (event.type) {
    case 'order-accepted':
    case 'order-rejected':
      return event.orderId
    case 'command-rejected':
    case 'account-opened':
    case 'deposited':
    case 'instrument-listed':
    case 'engine-version-activated':
    case 'withdrawn':
    case 'hold-placed':
    case 'hold-captured':
    case 'hold-released':
    case 'transferred':
    case 'collateral-deposited':
    case 'collateral-withdrawn':
    case 'risk-epoch-begun':
    case 'risk-epoch-chunk-taken':
    case 'risk-epoch-adopted':
    case 'liquidation-begun':
    // A tranche is told by its order too, which has the same id.
    case 'position-transferred':
    case 'loss-covered':
    case 'gains-haircut':
    case 'liquidation-ended':
    case 'gate-set':
    case 'bid-held':
    case 'lots-awarded':
    case 'payment-posted':
    case 'delivery-settled':
    case 'instrument-delisted':
    case 'instrument-settled':
    case 'lane-joined':
    case 'cash-received':
    case 'cash-confirmed':
    case 'liquidation-joined':
      return event.commandId
    case 'budget-counted':
    case 'budget-held':
    case 'cash-sent':
      // What is given back unasked, or taken back, or told again, names no command.
      return event.commandId === noId ? undefined : event.commandId
    case 'order-cancelled':
      return event.reason === 'user-request' ? event.commandId : undefined
    default:
      return undefined
  }
}

/** I8: once faults have stopped, everything comes to its end, and the lane has its leader and its standby again. */
export const drain = async (
  world: World,
  story: Story,
  projectors: readonly string[],
  bothStand: () => boolean,
): Promise<readonly string[]> => {
  const orders = world.orders(lane)
  const last = orders.records.findLast(({ data }) => data.length !== frameHeaderBytes)?.sequenceNumber ?? ''
  for (const until = world.scheduler.nowMillis + drainMillis; world.scheduler.nowMillis < until; await pause(50)) {
    const row = world.tables.item('lanes', { lane: String(lane), row: 'checkpoint' })
    if (row?.['halted'] !== undefined) return [`I8: the lane is halted: ${String(row['halted'])}`]
    const checkpointed = String(row?.['sequence_number'] ?? '')
    const watermarks = projectors.map(name =>
      Number(world.tables.item('lanes', { lane: String(lane), row: `projector#${name}` })?.['out_seq'] ?? 0),
    )
    const said = story.events().length
    const isDone = checkpointed >= last && row?.['out_seq'] === said && watermarks.every(each => each === said)
    if (isDone && bothStand()) return []
  }
  if (!bothStand()) return [`I8: a replica does not stand ${drainMillis} ms after the last fault`]
  return [
    `I8: not drained ${drainMillis} ms after the last fault: ${JSON.stringify(progressOf(world, story, projectors, last))}`,
  ]
}

const progressOf = (world: World, story: Story, projectors: readonly string[], last: string) => ({
  last,
  checkpoint: world.tables.item('lanes', { lane: String(lane), row: 'checkpoint' }),
  projectors: projectors.map(name => world.tables.item('lanes', { lane: String(lane), row: `projector#${name}` })),
  events: story.events().length,
})

export const judge = async (
  world: World,
  story: Story,
  acknowledged: ReadonlySet<string>,
): Promise<readonly string[]> => {
  // What still happens (ticks) does not belong to the question.
  const records = [...world.orders(lane).records]
  const lease = await getLease(lane)
  const said = story.events()
  return [
    ...story.violations,
    ...dispositions(said, acknowledged),
    ...totality(world, records, lease.sequenceNumber ?? '', said),
    ...conservation(story),
    ...(await replays(world, records, lease, story)),
  ]
}

/** I1 and I13: each acknowledged command has one disposition; none has two. */
const dispositions = (said: readonly Told[], acknowledged: ReadonlySet<string>): readonly string[] => {
  const counts = new Map<string, number>()
  for (const { event } of said) {
    const command = dispositionOf(event)
    if (command !== undefined) counts.set(command, (counts.get(command) ?? 0) + 1)
  }
  return [
    ...[...acknowledged].filter(id => !counts.has(id)).map(id => `I1: ${id} was acknowledged and is lost`),
    ...twiceNamed(said),
    ...[...counts].filter(([, count]) => count > 1).map(([id, count]) => `I13: ${id} was done ${count} times`),
  ]
}

/** Of one name that a client gave there is one order. */
const twiceNamed = (said: readonly Told[]): readonly string[] => {
  const names = new Map<string, number>()
  for (const { event } of said)
    if ((event.type === 'order-accepted' || event.type === 'order-rejected') && event.clientOrderId !== '')
      names.set(event.clientOrderId, (names.get(event.clientOrderId) ?? 0) + 1)
  return [...names].filter(([, count]) => count > 1).map(([name, count]) => `I13: ${name} became ${count} orders`)
}

/** I1: each record that is more than a tick has led to something, and what could not be applied is kept. */
const totality = (
  world: World,
  records: readonly StreamRecord[],
  end: string,
  said: readonly Told[],
): readonly string[] => {
  const answered = new Set(said.map(({ inputSequence }) => inputSequence))
  const poison = said.filter(({ event }) => event.type === 'frame-poisoned')
  const kept = new Set([...world.objects.objects.keys()].filter(key => key.includes('/quarantine/')))
  return [
    ...records
      .filter(({ sequenceNumber, data }) => data.length !== frameHeaderBytes && sequenceNumber <= end)
      .filter(({ sequenceNumber }) => !answered.has(sequenceNumber))
      .map(({ sequenceNumber }) => `I1: the record ${sequenceNumber} has led to nothing`),
    ...poison
      .filter(({ inputSequence }) => !kept.has(`${lane}/quarantine/${inputSequence}`))
      .map(({ inputSequence }) => `I1: the bytes of ${inputSequence} are not in quarantine`),
  ]
}

/** I2: at each transaction positions sum to zero, and what was deposited is there, in cash, in entries and in fees. */
const conservation = ({ balances, events }: Story): readonly string[] => {
  const netMicros = [0]
  /** What is settled holder by holder sums to nothing again with the last one. */
  const netLots = [0]
  for (const { event, outSeq } of events()) {
    const before = netMicros[outSeq - 1] ?? 0
    netMicros[outSeq] = before + paidInMicros(event)
    netLots[outSeq] = (netLots[outSeq - 1] ?? 0) - (event.type === 'position-settled' ? event.settledLots : 0)
    if (event.type === 'instrument-settled' && netLots[outSeq] !== 0)
      return [`I2: positions of ${netLots[outSeq]} are settled at ${outSeq}`]
  }
  return balances.flatMap(({ outSeq, cashMicros, sizeLots }) => [
    ...(sizeLots === netLots[outSeq] ? [] : [`I2: positions sum to ${sizeLots} at ${outSeq}`]),
    ...(cashMicros === netMicros[outSeq]
      ? []
      : [`I2: ${cashMicros} micros are accounted for at ${outSeq}, where ${netMicros[outSeq]} must be`]),
  ])
}

/** By customers, from outside; negative where it leaves them, to the house or for good. */
const paidInMicros = (event: Event): number => {
  switch (event.type) {
    case 'deposited':
      return event.amountMicros
    case 'withdrawn':
    case 'hold-captured':
      return -event.amountMicros
    case 'cash-sent':
      return -event.debitedMicros
    case 'cash-received':
      return event.creditedMicros
    case 'trade-executed':
      return -event.maker.feeMicros - event.taker.feeMicros
    case 'lots-awarded':
      return -event.houseFeesMicros
    case 'position-settled':
      return event.settledLots * event.priceTicks * microsPerTickLot
    default:
      return 0
  }
}

/** I3, I4, I10: an engine that has never crashed comes to the same events, state and tables; so does one from a snapshot. */
const replays = async (
  world: World,
  records: readonly StreamRecord[],
  lease: Awaited<ReturnType<typeof getLease>>,
  story: Story,
): Promise<readonly string[]> => {
  const skips = await listSkips(lane)
  const snapshots: Snapshot<EngineState>[] = []
  for (const key of await listSnapshots(lane)) {
    const snapshot = await wholeSnapshot(key)
    if (snapshot !== undefined) snapshots.push(snapshot)
  }
  // A snapshot may lie behind the checkpoint, with ticks in between that said nothing.
  const end = [lease.sequenceNumber ?? '', ...snapshots.map(({ inputSequence }) => inputSequence)].toSorted().at(-1)
  const upTo = records.filter(({ sequenceNumber }) => sequenceNumber <= (end ?? ''))
  const replay = async (
    start: Start,
    applied: (position: Position, sequence: string) => void = nothing,
  ): Promise<{ readonly outSeq: number; readonly chain: string; readonly state: EngineState }> => {
    const theLane = createLane({
      lane,
      start,
      checkpoint: lease,
      retentionMillis: Number.POSITIVE_INFINITY,
      skips,
      outbox: createOutbox(),
      observer: {
        heard: nothing,
        applied: ({ sequence }) => applied(theLane.position(), sequence),
        verified: nothing,
        engineTook: nothing,
      },
      log: { info: nothing, warn: nothing, error: nothing },
      now: Date.now,
      stopped: new AbortController().signal,
    })
    await theLane.run(readerOf(upTo, start.position?.sequence), new AbortController().signal)
    const { outSeq, chain } = theLane.position()
    return { outSeq, chain, state: start.engine.snapshot() }
  }
  try {
    const wrong: string[] = []
    const engine = createEngine(lane)
    const met = new Set<Snapshot<EngineState>>()
    const whole = await replay({ engine, position: undefined, laneMillis: 0, key: undefined }, (position, sequence) => {
      for (const cut of snapshots) {
        if (cut.inputSequence !== sequence) continue
        met.add(cut)
        const { outSeq, chain, epoch } = position
        if (cut.outSeq !== outSeq || cut.chain !== chain || cut.epoch !== epoch)
          wrong.push(`I10: the snapshot at ${cut.outSeq} is of another place in the stream`)
        if (textOf(cut.state) !== textOf(engine.snapshot()))
          wrong.push(`I10: the snapshot at ${cut.outSeq} holds another state than the replay`)
      }
    })
    for (const { outSeq } of snapshots.filter(each => !met.has(each)))
      wrong.push(`I10: the snapshot at ${outSeq} is of no record`)
    if (whole.outSeq !== lease.outSeq || whole.chain !== lease.chain) wrong.push('I4: a replay ends elsewhere')
    wrong.push(...tablesAgainst(world, whole.state, lease.outSeq, story))
    if (snapshots.length > 0) {
      const snapshot = world.random.pick(snapshots)
      wrong.push(...(await fromSnapshot(snapshot, replay, whole.state)))
      if (world.random.chance(0.25)) wrong.push(...(await archivedUpTo(snapshot.inputSequence, records)))
    }
    return wrong
  } catch (error) {
    return [`I4: the stream cannot be replayed: ${String(error)}`]
  }
}

/** Undefined where it is damaged: nobody uses it. */
const wholeSnapshot = async (key: string): Promise<Snapshot<EngineState> | undefined> => {
  try {
    return await readSnapshot<EngineState>(key, lane)
  } catch {
    return undefined
  }
}

const fromSnapshot = async (
  { inputSequence: sequence, outSeq, chain, epoch, state }: Snapshot<EngineState>,
  replay: (start: Start) => Promise<{ readonly state: EngineState }>,
  whole: EngineState,
): Promise<readonly string[]> => {
  const engine = restoreEngine(state)
  const position = { sequence, outSeq, chain, epoch }
  const { state: reached } = await replay({ engine, position, laneMillis: engine.laneMillis, key: undefined })
  return textOf(reached) === textOf(whole)
    ? []
    : [`I10: from the snapshot at ${outSeq} the replay comes to another state`]
}

/** I10: what a start from the snapshot does not see any more is in the archive, to the byte. */
const archivedUpTo = async (end: string, records: readonly StreamRecord[]): Promise<readonly string[]> => {
  const [first] = records
  if (first === undefined) return []
  try {
    const archived: StreamRecord[] = []
    for await (const part of archivedOrders(lane, first.sequenceNumber, end)) archived.push(...part)
    const streamed = records.filter(({ sequenceNumber }) => sequenceNumber <= end)
    const texts = (of: readonly StreamRecord[]) =>
      of.map(({ sequenceNumber, data }) => `${sequenceNumber} ${Buffer.from(data).toString('base64')}`).join('\n')
    return texts(archived) === texts(streamed) ? [] : [`I10: the archive up to ${end} is not what the stream was`]
  } catch (error) {
    return [`I10: the archive cannot be read up to ${end}: ${String(error)}`]
  }
}

const textOf = (state: EngineState): string => JSON.stringify(state)

const readerOf = (records: readonly StreamRecord[], from: string | undefined): StreamReader => ({
  async *read(): AsyncIterable<Batch> {
    yield { records: records.filter(({ sequenceNumber }) => sequenceNumber >= (from ?? '')), millisBehindLatest: 0 }
  },
})

/** I3: what the projectors have stored is what the engine holds. */
const tablesAgainst = (world: World, state: EngineState, outSeq: number, story: Story): readonly string[] => {
  // Projected further already: compared by the events up to there instead.
  const idle = ['time-advanced', 'epoch-started']
  const beyond = story
    .events()
    .slice(outSeq)
    .filter(({ event }) => !idle.includes(event.type))
  if (beyond.length > 0) return [`I8: published after the end: ${beyond.map(({ event }) => event.type).join(', ')}`]
  const wrong: string[] = []
  const same = (what: string, stored: unknown, held: unknown) => {
    if (stored !== held && wrong.length < 5)
      wrong.push(`I3: ${what} is ${String(stored)} in its table, ${String(held)} in the engine`)
  }
  const open = new Map(
    state.books.flatMap(({ buy, sell }) => [...buy, ...sell].map(order => [order.orderId, order] as const)),
  )
  const isProjected = (name: string): boolean =>
    world.tables.item('lanes', { lane: String(lane), row: `projector#${name}` }) !== undefined
  const rows = world.tables.items('orders')
  for (const row of rows) {
    const order = open.get(String(row['order_id']))
    same(`the state of ${row['order_id']}`, row['order_state'] === 'open', order !== undefined)
    if (order !== undefined) same(`what is filled of ${row['order_id']}`, row['filled_lots'], order.filledLots)
    open.delete(String(row['order_id']))
  }
  if (!isProjected('project-orders')) open.clear()
  for (const id of open.keys()) wrong.push(`I3: the order ${id} rests in the book and is in no table`)
  if (!isProjected('project-positions')) return wrong
  for (const [index, { cashMicros, positions }] of state.accounts.entries()) {
    const accountId = index + 1
    const balance = world.tables.item('balances', { account_id: accountId, currency: 'USD' })
    const held = state.margin?.holds.filter(([, holder]) => holder === accountId) ?? []
    same(`the cash of ${accountId}`, balance?.['cash_micros'], cashMicros)
    same(
      `what is held of ${accountId}`,
      balance?.['held_micros'],
      held.reduce((sum, [, , micros]) => sum + micros, 0) + heldForDeliveries(state, accountId),
    )
    wrong.push(...brokenEntries(world, accountId, cashMicros))
    for (const { instrumentId, sizeLots, entryTickLots, realisedMicros } of positions) {
      const row = world.tables
        .items('positions')
        .find(each => each['account_id'] === accountId && each['instrument_id'] === instrumentId)
      same(`the size of ${accountId}`, row?.['size_lots'], sizeLots)
      same(`the entry of ${accountId}`, row?.['entry_tick_lots'], entryTickLots)
      same(`the result of ${accountId}`, row?.['realised_micros'], realisedMicros)
    }
  }
  return wrong
}

/** The invoice of whoever is to receive, the penalty of whoever is to deliver: of what is left of each obligation. */
const heldForDeliveries = ({ deliveries = [], books }: EngineState, accountId: number): number =>
  deliveries.reduce((sum, { instrumentId, buyAccountId, sellAccountId, priceTicks, remainingLots }) => {
    const saved = books.find(({ instrument }) => instrument.instrumentId === instrumentId)
    if (saved === undefined) throw new Error(`the instrument ${instrumentId} is owed and not listed`)
    const { terms, microsPerTickLot: ofTickLot } = readInstrument(saved.instrument)
    const invoice = remainingLots * priceTicks * ofTickLot
    const penaltyPpm = terms.kind === 'future' ? (terms.delivery?.penaltyPpm ?? 0) : 0
    const penalty = Number((BigInt(penaltyPpm) * BigInt(invoice)) / 1_000_000n)
    return sum + (buyAccountId === accountId ? invoice : 0) + (sellAccountId === accountId ? penalty : 0)
  }, 0)

/** What has moved the cash adds up to it, entry by entry. */
const brokenEntries = (world: World, accountId: number, cashMicros: number): readonly string[] => {
  const entries = world.tables
    .items('ledger-entries')
    .filter(each => each['account_id'] === accountId)
    .sort((one, other) => (String(one['entry_id']) < String(other['entry_id']) ? -1 : 1))
  let sum = 0
  for (const entry of entries) {
    sum += Number(entry['amount_micros'])
    if (entry['balance_micros'] !== sum)
      return [`I3: the entry ${String(entry['entry_id'])} of ${accountId} tells ${entry['balance_micros']}, not ${sum}`]
  }
  return sum === cashMicros ? [] : [`I3: the entries of ${accountId} add up to ${sum}, not to ${cashMicros}`]
}

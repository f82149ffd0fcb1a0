/** Whether what the exchange has acknowledged, published and stored is one and the same history. */
import { type Command, commandIdOf } from '#domain/trading/commands.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Acknowledged, Row, StreamedRecord, Tables } from './evidence.ts'
import { type ExpectedTables, expectedTables, keyOf } from './expected.ts'
import { type Published, readPublished } from './published.ts'
import { commandCounts, type Replay, replay } from './replay.ts'

export interface Evidence {
  readonly lane: number
  readonly acknowledged: readonly Acknowledged[]
  /** Requests that were refused at once, by account and request name: nothing may be stored of them. */
  readonly refused: readonly { readonly account: string; readonly requestName: string }[]
  /** All records of both streams. */
  readonly orders: readonly StreamedRecord[]
  readonly executions: readonly StreamedRecord[]
  readonly tables: Tables
}

export interface Comparison {
  readonly violations: readonly string[]
  readonly acknowledged: number
  /** Of the order stream; a tick has none. */
  readonly records: number
  readonly commands: number
  readonly events: number
  readonly trades: number
  /** Commands that arrived again, and that the engine took once. */
  readonly duplicatesDropped: number
  /** Events that were published again, and that the projectors took once. */
  readonly republishedEvents: number
  readonly poison: number
  readonly epochs: number
  /** Events published with other bytes than the replay comes to, or twice with different ones. */
  readonly divergences: number
  readonly naiveCommands: number
  readonly rows: number
}

export const compare = async (evidence: Evidence, onProgress?: (part: number) => void): Promise<Comparison> => {
  const { lane, orders, executions, tables } = evidence
  const published = readPublished(lane, executions)
  const own = await replay(lane, orders, onProgress)
  const diverging = divergences(own, published)
  const events = own.records.flatMap(record => record.events)
  const count = (type: Event['type']) => events.filter(event => event.type === type).length
  const expected = expectedTables(lane, own.records)
  return {
    violations: [
      ...published.violations,
      ...own.violations,
      ...diverging,
      ...doubledOrLost(own, published),
      ...promisesBroken(evidence, own, published),
      ...rowsApart(expected, tables),
      ...moneyApart(tables, events),
    ],
    acknowledged: evidence.acknowledged.length,
    records: own.records.length,
    commands: own.records.reduce((sum, { commands }) => sum + commands.length, 0),
    events: own.outSeq,
    trades: count('trade-executed'),
    duplicatesDropped: count('command-duplicated'),
    republishedEvents: published.repeatedEvents,
    poison: count('frame-poisoned'),
    epochs: own.epochs,
    divergences: diverging.length + published.violations.filter(each => each.includes('different bytes')).length,
    naiveCommands: own.naiveCommands,
    rows: Object.values(expected).reduce((sum, rows) => sum + rows.size, 0),
  }
}

/** What was published of each record is what the replay says of it, byte by byte. */
const divergences = ({ records, outSeq }: Replay, published: Published): readonly string[] => {
  const violations: string[] = []
  const sections = Map.groupBy(published.sections, ({ inputSequence }) => inputSequence)
  for (const { sequence, atMillis, events, bytes, firstOutSeq } of records) {
    const own = (sections.get(sequence) ?? []).sort((a, b) => a.firstIndex - b.firstIndex)
    sections.delete(sequence)
    if (events.length === 0) {
      if (own.length > 0) violations.push(`record ${sequence} says nothing, but events of it were published`)
      continue
    }
    if (own.length === 0) {
      violations.push(`the events of record ${sequence} (${events.map(({ type }) => type).join(', ')}) are missing`)
      continue
    }
    if (own[0]?.firstOutSeq !== firstOutSeq)
      violations.push(`the events of ${sequence} have the numbers from ${own[0]?.firstOutSeq}, not ${firstOutSeq}`)
    if (own.some(section => section.atMillis !== atMillis))
      violations.push(`the events of record ${sequence} have another time than ${atMillis}`)
    const said = Buffer.concat(
      own.map(section => section.bytes.subarray(section.bytes.length - eventBytes(section.bytes))),
    )
    if (!said.equals(bytes)) violations.push(`the events of record ${sequence} are others than those of the replay`)
  }
  const last = records.at(-1)?.sequence ?? ''
  for (const [sequence, [first]] of sections)
    if (sequence <= last)
      violations.push(`events were published of ${sequence}, which is no record of the order stream`)
    else if ((first?.firstOutSeq ?? 0) <= outSeq)
      violations.push(`the events of ${sequence} have numbers of events before it`)
  return violations
}

const eventBytes = (section: Buffer): number => section.readUInt32LE(48)

/** How the engine tells that it has carried out a command. Each may be refused instead. */
const doneBy: Readonly<Record<Command['type'], Event['type']>> = {
  'place-order': 'order-accepted',
  'cancel-order': 'order-cancelled',
  'amend-order': 'order-amended',
  'cancel-orders': 'orders-cancelled',
  'open-account': 'account-opened',
  deposit: 'deposited',
  'list-instrument': 'instrument-listed',
  'expire-instrument': 'instrument-expired',
  'set-trading-state': 'trading-state-changed',
  'set-market-controls': 'market-controls-set',
  'set-mark-price': 'mark-price-set',
  quote: 'quoted',
  'set-market-maker-protection': 'protection-set',
  'reset-market-maker-protection': 'protection-reset',
  'set-dead-man': 'dead-man-set',
  'set-kill-switch': 'kill-switch-set',
  'bust-trade': 'trade-busted',
  'activate-engine-version': 'engine-version-activated',
  'delist-instrument': 'instrument-delisted',
  'set-mark-prices': 'mark-price-set',
  'settle-instrument': 'instrument-settled',
  'exercise-option': 'option-exercised',
  'risk-epoch-begin': 'risk-epoch-begun',
  'risk-epoch-chunk': 'risk-epoch-chunk-taken',
  'risk-epoch-commit': 'risk-epoch-adopted',
  withdraw: 'withdrawn',
  'place-hold': 'hold-placed',
  'capture-hold': 'hold-captured',
  'release-hold': 'hold-released',
  transfer: 'transferred',
  'deposit-collateral': 'collateral-deposited',
  'withdraw-collateral': 'collateral-withdrawn',
  'begin-liquidation': 'liquidation-begun',
  'liquidate-position': 'liquidation-tranche',
  'transfer-position': 'position-transferred',
  'cover-loss': 'loss-covered',
  'haircut-gains': 'gains-haircut',
  'end-liquidation': 'liquidation-ended',
  'set-risk-limits': 'risk-limits-set',
  'scale-risk-limits': 'risk-limits-scaled',
  'set-quote-budget': 'quote-budget-set',
  'set-gate': 'gate-set',
  'hold-bid': 'bid-held',
  'withdraw-bid': 'hold-released',
  'award-lots': 'lots-awarded',
  'post-payment': 'payment-posted',
  'obligate-deliveries': 'instrument-settled',
  'settle-delivery': 'delivery-settled',
  'join-lane': 'lane-joined',
  'grant-budget': 'budget-held',
  'tell-budget': 'budget-counted',
  'ask-budget': 'budget-counted',
  'need-budget': 'budget-counted',
  'send-cash': 'cash-sent',
  'receive-cash': 'cash-received',
  'confirm-cash': 'cash-confirmed',
  'join-liquidation': 'liquidation-joined',
}

const idOf = (event: Event): string | undefined => {
  if (event.type === 'order-accepted' || event.type === 'order-rejected') return event.orderId
  return 'commandId' in event ? event.commandId : undefined
}

/** How often each command was carried out or refused, as published. */
const dispositionsOf = ({ records }: Replay, { sections }: Published): ReadonlyMap<string, number> => {
  const types = new Map(
    records.flatMap(({ commands }) => commands.map(each => [commandIdOf(each), each.type] as const)),
  )
  const counts = new Map<string, number>()
  /** A list of marks is carried out once a market. */
  const marks = new Map<string, number>()
  for (const { events } of sections)
    for (const event of events) {
      const id = idOf(event)
      const type = id === undefined ? undefined : types.get(id)
      if (id === undefined || type === undefined) continue
      const isRefusal = event.type === (type === 'place-order' ? 'order-rejected' : 'command-rejected')
      if (event.type === 'mark-price-set' && type === 'set-mark-prices') {
        const market = `${id}#${event.instrumentId}`
        const times = (marks.get(market) ?? 0) + 1
        marks.set(market, times)
        counts.set(id, Math.max(counts.get(id) ?? 0, times))
      } else if (isRefusal || event.type === doneBy[type]) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  return counts
}

/** Acknowledged to somebody or not: what the stream holds is carried out or refused once, however often it holds it. */
const doubledOrLost = (own: Replay, published: Published): readonly string[] => {
  const dispositions = dispositionsOf(own, published)
  return [...commandCounts(own.records).keys()].flatMap(id => {
    const count = dispositions.get(id) ?? 0
    return count === 1 ? [] : [`the command ${id} has ${count} dispositions`]
  })
}

const promisesBroken = (
  { acknowledged, refused, tables }: Evidence,
  own: Replay,
  published: Published,
): readonly string[] => {
  const inStream = commandCounts(own.records)
  const dispositions = dispositionsOf(own, published)
  const promised = new Map(
    tables.commands.map(row => [`${row['principal']}/${row['request_name']}`, String(row['command_id'])]),
  )
  const outcomes = new Set(tables.outcomes.map(row => String(row['command_id'])))
  const ordersById = Map.groupBy(tables.orders, row => String(row['order_id']))
  const accountIds = new Map(
    own.records.flatMap(({ events }) =>
      events.flatMap(event => (event.type === 'account-opened' ? [[event.account, event.accountId] as const] : [])),
    ),
  )
  const ordersByName = Map.groupBy(tables.orders, row => `${row['account_id']}/${row['client_order_id']}`)
  const broken: string[] = []
  for (const { operation, account, name, orderId } of acknowledged) {
    const what = `the acknowledged ${operation} ${name} of ${account}`
    const commandId = promised.get(`${account}/${operation}#${name}`)
    if (commandId === undefined) broken.push(`${what} is not promised in the table of commands`)
    else if (!inStream.has(commandId)) broken.push(`${what} is not in the order stream`)
    else if (dispositions.get(commandId) !== 1)
      broken.push(`${what} has ${dispositions.get(commandId) ?? 0} dispositions`)
    if (operation !== 'place-order') {
      if (commandId !== undefined && !outcomes.has(commandId)) broken.push(`${what} has no outcome`)
      continue
    }
    if (commandId !== undefined && commandId !== orderId) broken.push(`${what} was answered another order: ${orderId}`)
    const rows = ordersById.get(orderId) ?? []
    if (rows.length !== 1 && !outcomes.has(orderId)) broken.push(`${what} has ${rows.length} rows`)
    const named = ordersByName.get(`${accountIds.get(account)}/${name}`) ?? []
    if (named.length > 1) broken.push(`${what} is there ${named.length} times`)
  }
  for (const { account, requestName } of refused)
    if (promised.has(`${account}/${requestName}`)) broken.push(`${requestName} of ${account} was refused, and promised`)
  return broken
}

const rowsApart = (expected: ExpectedTables, tables: Tables): readonly string[] =>
  (['orders', 'trades', 'positions', 'balances', 'ledgerEntries', 'outcomes'] as const).flatMap(table => {
    const stored = new Map(tables[table].map(row => [keyOf[table](row), row]))
    const violations: string[] = []
    for (const [key, row] of expected[table]) {
      const found = stored.get(key)
      if (found === undefined) violations.push(`the row ${key} of ${table} is missing`)
      else violations.push(...fieldsApart(table, key, row, found))
    }
    // Outcomes are stored of other commands too.
    if (table !== 'outcomes')
      for (const key of stored.keys())
        if (!expected[table].has(key)) violations.push(`the row ${key} of ${table} comes from nowhere`)
    return violations
  })

const fieldsApart = (table: string, key: string, expected: Row, found: Row): readonly string[] =>
  Object.entries(expected).flatMap(([name, value]) =>
    found[name] === value ? [] : [`the row ${key} of ${table} has ${name} ${found[name]}, not ${value}`],
  )

/** Of the tables alone: what one has, another lacks, and all the cash is what was paid in. */
const moneyApart = ({ positions, balances, trades }: Tables, events: readonly Event[]): readonly string[] => {
  const sum = (rows: readonly Row[], name: string) => rows.reduce((total, row) => total + Number(row[name]), 0)
  const contracts = positions.filter(row => row['is_collateral'] !== true)
  const open = [...Map.groupBy(contracts, row => String(row['instrument_name']))].flatMap(([instrument, rows]) => {
    const lots = sum(rows, 'size_lots')
    return lots === 0 ? [] : [`the positions in ${instrument} sum to ${lots}`]
  })
  const assetLots = sum(positions, 'size_lots') - sum(contracts, 'size_lots')
  const broughtLots = events.reduce((total, event) => total + broughtIn(event), 0)
  if (assetLots !== broughtLots) open.push(`${assetLots} lots of collateral, where ${broughtLots} were brought`)
  const deposited = events.reduce((total, event) => total + paidInMicros(event), 0)
  const tradeFees = sum(
    trades.filter(row => row['is_busted'] !== true),
    'fee_micros',
  )
  // Awards of auctions are no trades of the tape.
  const fees = events.reduce(
    (total, event) => (event.type === 'lots-awarded' ? total + event.buy.feeMicros + event.sell.feeMicros : total),
    tradeFees,
  )
  // What is realised of a position that is still open has not been paid by anybody yet.
  const cash = sum(balances, 'cash_micros') - sum(positions, 'realised_micros')
  return cash + fees === deposited
    ? open
    : [...open, `cash of ${cash} and fees of ${fees} micros, where ${deposited} were paid in`]
}

const broughtIn = (event: Event): number => {
  if (event.type === 'collateral-deposited') return event.quantityLots
  return event.type === 'collateral-withdrawn' ? -event.quantityLots : 0
}

/** From outside; negative where it leaves. */
const paidInMicros = (event: Event): number => {
  if (event.type === 'deposited') return event.amountMicros
  return event.type === 'withdrawn' || event.type === 'hold-captured' ? -event.amountMicros : 0
}

import { type CommandRow, findByRequestName, promiseAll } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import type { BatchItem, Order } from '#protocol/operations/trading.ts'
import type { Backpressure, PressureNow } from '../shell/backpressure.ts'
import type { Rejection } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { amendmentOf } from './amendment.ts'
import {
  type Change,
  cancellingOf,
  changeHash,
  changeName,
  changeOf,
  changePromise,
  isClosed,
  refusalIn,
} from './change-order.ts'
import {
  type KnownOrder,
  knownOrder,
  orderOfClient,
  pendingOrder,
  placementOf,
  placeOrderName,
  projectedOrder,
} from './order-view.ts'
import { place, promiseOf } from './placement.ts'
import type { Trader } from './trader.ts'

/** What an item of a batch comes to: a no at once, or a command. */
export type Prepared = Rejection | Taken

export interface Taken {
  readonly command: PlaceOrder | Change
  /** The order, as it is known while the command is on its way. */
  readonly order: Order
  /** Somebody has asked for it before, and may have put it into the stream. */
  readonly isRepeated: boolean
  /** Undefined while nobody can tell. */
  outcome(): Promise<Order | Rejection | undefined>
}

type ItemOf<Action extends BatchItem['action']> = Extract<BatchItem, { readonly action: Action }>

/** An item that is to be promised under its name. */
interface Named {
  readonly position: number
  readonly row: CommandRow
}

const conflict: Rejection = { code: 'idempotency-conflict' }

/**
 * Each item's, in their order. Orders are promised before amendments and cancels are looked at, which may speak of
 * orders of the same batch by their client_order_id. Nothing is stored where the lane takes no new orders and one is.
 */
export const prepareBatch = async (
  trader: Trader,
  items: readonly BatchItem[],
  idempotencyKey: string | undefined,
  pressureNow: PressureNow,
): Promise<{ readonly prepared: readonly Prepared[] } | { readonly pressure: Backpressure }> => {
  const nameAt = (position: number) => (idempotencyKey === undefined ? undefined : `${idempotencyKey}#${position}`)
  const { placed, named } = await placements(trader, items, nameAt)
  if (named.length > 0) {
    const pressure = await pressureNow()
    if (pressure !== undefined && !(await areRepeats(named))) return { pressure }
  }
  for (const [position, each] of await promisedPlacements(trader, named)) placed.set(position, each)
  const changed = await changes(trader, items, nameAt, placed)
  const prepared = items.map((_, position) => {
    const each = placed.get(position)?.prepared ?? changed.get(position)
    if (each === undefined) throw new Error(`the item ${position} of a batch came to nothing`)
    return each
  })
  return { prepared }
}

const areRepeats = async (named: readonly Named[]): Promise<boolean> => {
  const before = await Promise.all(named.map(({ row }) => findByRequestName(row.principal, row.requestName)))
  return !before.includes(undefined)
}

type NameAt = (position: number) => string | undefined

interface Placed {
  readonly prepared: Prepared
  /** Where it was promised, now or before. */
  readonly row?: CommandRow
}

/** What is said at once of orders, and what is to be promised. */
const placements = async (
  trader: Trader,
  items: readonly BatchItem[],
  nameAt: NameAt,
): Promise<{ readonly placed: Map<number, Placed>; readonly named: readonly Named[] }> => {
  const placed = new Map<number, Placed>()
  const named: Named[] = []
  const ask = async (position: number, { action: _, ...request }: ItemOf<'place'>): Promise<Placed | Named> => {
    const name = request.client_order_id ?? nameAt(position)
    if (name === undefined) return { prepared: { code: 'idempotency-key-required' } }
    const requestName = placeOrderName(name)
    const hash = bodyHash(request)
    const placement = await place(trader, request)
    if (!('code' in placement)) return { position, row: promiseOf(trader, requestName, hash, placement) }
    const { isLate, ...refusal } = placement
    // What was taken in time stays taken.
    const before = isLate ? await findByRequestName(trader.account, requestName) : undefined
    return before?.bodyHash === hash
      ? { prepared: takenOrder(trader, before, true), row: before }
      : { prepared: refusal }
  }
  const asked = await Promise.all(
    items
      .flatMap((item, position) => (item.action === 'place' ? [[position, ask(position, item)] as const] : []))
      .map(async ([position, asking]) => [position, await asking] as const),
  )
  for (const [position, each] of asked)
    if ('prepared' in each) placed.set(position, each)
    else named.push(each)
  return { placed, named }
}

const promisedPlacements = async (
  trader: Trader,
  named: readonly Named[],
): Promise<readonly (readonly [number, Placed])[]> =>
  [...(await promiseNamed(named))].map(([position, promised]) => [
    position,
    promised === undefined
      ? { prepared: conflict }
      : { prepared: takenOrder(trader, promised.row, promised.isRepeated), row: promised.row },
  ])

const changes = async (
  trader: Trader,
  items: readonly BatchItem[],
  nameAt: NameAt,
  placed: ReadonlyMap<number, Placed>,
): Promise<ReadonlyMap<number, Prepared>> => {
  const prepared = new Map<number, Prepared>()
  const named: (Named & { readonly known: KnownOrder })[] = []
  const find = async (item: ItemOf<'amend' | 'cancel'>, position: number): Promise<KnownOrder | undefined> => {
    const { order_id, client_order_id } = item
    if (order_id !== undefined) return knownOrder(trader, order_id)
    if (client_order_id === undefined) return undefined
    for (const [at, { row }] of placed)
      if (at < position && row !== undefined && placementOf(row).command.clientOrderId === client_order_id)
        return (await projectedOrder(trader, row.commandId)) ?? pendingOrder(row)
    return orderOfClient(trader, client_order_id)
  }
  const ask = async (position: number, item: ItemOf<'amend' | 'cancel'>): Promise<void> => {
    const known = await find(item, position)
    if (known === undefined) {
      prepared.set(position, { code: 'unknown-order' })
      return
    }
    const terms = item.action === 'amend' ? termsOf(item) : null
    const name = nameAt(position)
    const requestName = name === undefined ? undefined : changeName(`${item.action}-order`, name)
    const hash = changeHash(known, terms)
    // A repeat is told from a new request before anything else is: the first may have closed the order.
    const before = requestName === undefined ? undefined : await findByRequestName(trader.account, requestName)
    if (before !== undefined) {
      prepared.set(position, before.bodyHash === hash ? takenChange(trader, known, changeOf(before), true) : conflict)
      return
    }
    if (isClosed(known)) {
      prepared.set(position, { code: 'order-closed' })
      return
    }
    const decided = terms === null ? await cancellingOf(known, trader) : await amendmentOf(trader, known, terms)
    if ('code' in decided) prepared.set(position, decided)
    else if (requestName === undefined) prepared.set(position, takenChange(trader, known, decided, false))
    else named.push({ position, known, row: changePromise(trader, requestName, hash, decided) })
  }
  await Promise.all(items.flatMap((item, position) => (item.action === 'place' ? [] : [ask(position, item)])))
  const promised = await promiseNamed(named)
  for (const { position, known } of named) {
    const each = promised.get(position)
    prepared.set(
      position,
      each === undefined ? conflict : takenChange(trader, known, changeOf(each.row), each.isRepeated),
    )
  }
  return prepared
}

/** As the body of a request of its own. */
const termsOf = ({ amount, price }: ItemOf<'amend'>) => ({
  ...(amount === undefined ? {} : { amount }),
  ...(price === undefined ? {} : { price }),
})

/** By position; undefined where the name is another request's, of another batch or of this one. */
const promiseNamed = async (
  named: readonly Named[],
): Promise<ReadonlyMap<number, { readonly row: CommandRow; readonly isRepeated: boolean } | undefined>> => {
  const firsts = new Map<string, CommandRow>()
  for (const { row } of named.toSorted((one, other) => one.position - other.position))
    if (!firsts.has(row.requestName)) firsts.set(row.requestName, row)
  const rows = [...firsts.values()]
  const promised = await promiseAll(rows)
  const stored = new Map(
    rows.map((row, index) => {
      const each = promised[index]
      return [row.requestName, each === undefined || each.first ? row : each.row] as const
    }),
  )
  return new Map(
    named.map(({ position, row }) => {
      const kept = stored.get(row.requestName)
      return [position, kept?.bodyHash === row.bodyHash ? { row: kept, isRepeated: kept !== row } : undefined]
    }),
  )
}

const takenOrder = (trader: Trader, row: CommandRow, isRepeated: boolean): Taken => ({
  command: placementOf(row).command,
  order: pendingOrder(row).order,
  isRepeated,
  outcome: async () => (await projectedOrder(trader, row.commandId))?.order,
})

const takenChange = (trader: Trader, known: KnownOrder, command: Change, isRepeated: boolean): Taken => ({
  command,
  order: known.order,
  isRepeated,
  async outcome() {
    const outcome = await getOutcome(command.commandId)
    if (outcome === undefined) return undefined
    const code = refusalIn(outcome)
    if (code !== undefined) return { code }
    return ((await projectedOrder(trader, command.orderId)) ?? known).order
  },
})

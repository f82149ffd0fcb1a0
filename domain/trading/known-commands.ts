import type { Order } from './book.ts'

/** How many command ids are remembered, rejected ones among them. */
export const rememberedCommands = 100_000

/** A command's id, and the account whose order it placed; 0 where it was no order. */
export type RecentCommand = readonly [commandId: string, placedBy: number]

/**
 * The last commands, so that one that arrives twice is told from two, and every live order, however old. A hash table
 * of its own: with a Map of long strings the look-ups alone cost more than all the matching.
 */
export interface KnownCommands {
  /** Remembers an id in place of the oldest one and answers its entry; `none` where the id is known already. */
  add(commandId: string, placedBy: number): number
  /** The entry of an id, or `none`. */
  find(commandId: string): number
  /** The live order of an entry. */
  orderOf(entry: number): Order | undefined
  /** The account whose order it placed; 0 where it was no order. */
  placedBy(entry: number): number
  setLive(entry: number, order: Order): void
  /** The order is closed; its id stays as long as it is recent. */
  setClosed(entry: number): void
  /** For the id of a live order that is no longer recent. */
  addOld(orderId: string): number
  recentOldestFirst(): readonly RecentCommand[]
}

export const none = -1

export const createKnownCommands = (recentOldestFirst: readonly RecentCommand[]): KnownCommands => {
  /**
   * Open addressing: two numbers a slot, the hash and the entry + 1 (0 is an empty slot), so that a look-up touches one
   * line of the cache. At most half full.
   */
  let slots = new Int32Array(2 << 12)
  let mask = (1 << 12) - 1
  const ids: string[] = []
  const hashes: number[] = []
  const accounts: number[] = []
  const orders: (Order | undefined)[] = []
  const isRecent: boolean[] = []
  const free: number[] = []
  /** Entries of the recent ids; in a full ring the oldest lies at `oldest`. */
  const ring: number[] = []
  let oldest = 0

  const entryAt = (slot: number): number => (slots[2 * slot + 1] ?? 0) - 1

  const seek = (commandId: string, hash: number): number => {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = entryAt(slot)
      if (entry === none || (slots[2 * slot] === hash && ids[entry] === commandId)) return entry
    }
  }

  const link = (entry: number, hash: number): void => {
    let slot = hash & mask
    while (entryAt(slot) !== none) slot = (slot + 1) & mask
    slots[2 * slot] = hash
    slots[2 * slot + 1] = entry + 1
  }

  /** Closes the gap, so that no search ends too early: what lies behind it moves up, unless it is at home there. */
  const unlink = (entry: number): void => {
    let gap = (hashes[entry] ?? 0) & mask
    while (entryAt(gap) !== entry) gap = (gap + 1) & mask
    for (let slot = (gap + 1) & mask; entryAt(slot) !== none; slot = (slot + 1) & mask) {
      const hash = slots[2 * slot] ?? 0
      if (((slot - hash) & mask) < ((slot - gap) & mask)) continue
      slots[2 * gap] = hash
      slots[2 * gap + 1] = entryAt(slot) + 1
      gap = slot
    }
    slots[2 * gap + 1] = 0
  }

  const insert = (commandId: string, hash: number, placedBy: number, recent: boolean): number => {
    const entry = free.pop() ?? ids.length
    ids[entry] = commandId
    hashes[entry] = hash
    accounts[entry] = placedBy
    orders[entry] = undefined
    isRecent[entry] = recent
    link(entry, hash)
    if (ids.length * 2 > mask) grow()
    return entry
  }

  const forget = (entry: number): void => {
    unlink(entry)
    ids[entry] = ''
    free.push(entry)
  }

  const forgetOldest = (): void => {
    const entry = ring[oldest] ?? none
    if (orders[entry] === undefined) forget(entry)
    else isRecent[entry] = false
  }

  const grow = (): void => {
    const linked = slots.filter((held, index) => index % 2 === 1 && held > 0)
    slots = new Int32Array(slots.length * 2)
    mask = slots.length / 2 - 1
    for (const entry of linked) link(entry - 1, hashes[entry - 1] ?? 0)
  }

  const add = (commandId: string, placedBy: number): number => {
    const hash = hashOf(commandId)
    if (seek(commandId, hash) !== none) return none
    if (ring.length < rememberedCommands) {
      const entry = insert(commandId, hash, placedBy, true)
      ring.push(entry)
      return entry
    }
    forgetOldest()
    const entry = insert(commandId, hash, placedBy, true)
    ring[oldest] = entry
    oldest = oldest + 1 === rememberedCommands ? 0 : oldest + 1
    return entry
  }

  for (const [commandId, placedBy] of recentOldestFirst) add(commandId, placedBy)

  return {
    add,
    find: commandId => seek(commandId, hashOf(commandId)),
    orderOf: entry => (entry === none ? undefined : orders[entry]),
    placedBy: entry => (entry === none ? 0 : (accounts[entry] ?? 0)),
    setLive: (entry, order) => {
      orders[entry] = order
    },
    setClosed: entry => {
      orders[entry] = undefined
      if (isRecent[entry] === false) forget(entry)
    },
    addOld: orderId => insert(orderId, hashOf(orderId), 0, false),
    recentOldestFirst: () =>
      [...ring.slice(oldest), ...ring.slice(0, oldest)].map(entry => [ids[entry] ?? '', accounts[entry] ?? 0]),
  }
}

/** Taken once: where globals are looked up slowly, as under jest, this is the hottest of them. */
const { imul } = Math

/** FNV-1a over the end of the id, where a UUIDv7 is random. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = Math.max(0, text.length - 18); i < text.length; i += 1)
    hash = imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

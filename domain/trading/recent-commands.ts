import { hashOf, isSameId } from './identifiers.ts'
import { copyId } from './tape.ts'

/** At least so many commands are remembered, at most twice as many. */
export const rememberedCommands = 1 << 16

/**
 * The ids of the last commands, rejected ones among them, so that one that arrives twice is told from two; and with
 * each the account whose order it placed. Two generations: the younger fills up, and then takes the place of the older,
 * which is forgotten as a whole; so nothing is ever removed one by one.
 */
export class RecentCommands {
  private younger = new Generation()
  private older = new Generation()

  /** Remembers an id; false where it is known already. */
  add(words: Int32Array, at: number, placedBy: number): boolean {
    const hash = hashOf(words, at)
    if (this.younger.find(hash, words, at) !== 0 || this.older.find(hash, words, at) !== 0) return false
    if (this.younger.count === rememberedCommands) {
      const emptied = this.older
      this.older = this.younger
      this.younger = emptied
      emptied.clear()
    }
    this.younger.add(hash, words, at, placedBy)
    return true
  }

  /** The account whose order it placed; 0 where it placed none, or is not known. */
  placedBy(words: Int32Array, at: number): number {
    const hash = hashOf(words, at)
    const entry = this.younger.find(hash, words, at)
    if (entry !== 0) return this.younger.placedBy(entry)
    return this.older.placedBy(this.older.find(hash, words, at))
  }

  /** Older and younger generation: see Generation.entries. */
  generations(): { readonly older: Int32Array; readonly younger: Int32Array } {
    return { older: this.older.entries(), younger: this.younger.entries() }
  }

  restore({ older, younger }: { readonly older: Int32Array; readonly younger: Int32Array }): void {
    for (const [generation, entries] of [
      [this.older, older],
      [this.younger, younger],
    ] as const)
      for (let at = 0; at < entries.length; at += 5)
        generation.add(hashOf(entries, at), entries, at, entries[at + 4] as number)
  }
}

const tagBits = 14
const entryBits = 18
/** Of bits that say little about the slot. */
const tagOf = (words: Int32Array, at: number): number =>
  imul((words[at + 2] as number) ^ (words[at + 3] as number), 0x9e3779b1) >>> (32 - tagBits)

const { imul } = Math

/** A slot holds the number of an entry and a tag of its id: where that differs the id need not be looked at. */
class Generation {
  count = 0
  private slots = new Int32Array(1 << 9)
  private mask = (1 << 9) - 1
  /** From the first entry on: 0 is none. */
  private ids = new Int32Array(4 << 8)
  private accounts = new Int32Array(1 << 8)

  /** The entry of an id; 0 where there is none. */
  find(hash: number, words: Int32Array, at: number): number {
    const { slots, mask } = this
    let slot = hash & mask
    if (slots[slot] === 0) return 0
    const tag = tagOf(words, at)
    for (; ; slot = (slot + 1) & mask) {
      const held = slots[slot] as number
      if (held === 0) return 0
      if (held >>> entryBits === tag) {
        const entry = held & ((1 << entryBits) - 1)
        if (isSameId(this.ids, entry * 4, words, at)) return entry
      }
    }
  }

  placedBy(entry: number): number {
    return this.accounts[entry] as number
  }

  add(hash: number, words: Int32Array, at: number, placedBy: number): void {
    const entry = this.count + 1
    this.count = entry
    if (entry === this.accounts.length) this.growEntries()
    if (entry * 2 > this.mask + 1) this.growSlots()
    copyId(this.ids, entry * 4, words, at)
    this.accounts[entry] = placedBy
    this.link(hash, tagOf(words, at), entry)
  }

  private link(hash: number, tag: number, entry: number): void {
    const { slots, mask } = this
    let slot = hash & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = (tag << entryBits) | entry
  }

  private growEntries(): void {
    const ids = new Int32Array(this.ids.length * 2)
    ids.set(this.ids)
    this.ids = ids
    const accounts = new Int32Array(this.accounts.length * 2)
    accounts.set(this.accounts)
    this.accounts = accounts
  }

  private growSlots(): void {
    this.slots = new Int32Array(this.slots.length * 2)
    this.mask = this.slots.length - 1
    for (let entry = 1; entry < this.count; entry += 1)
      this.link(hashOf(this.ids, entry * 4), tagOf(this.ids, entry * 4), entry)
  }

  clear(): void {
    this.slots.fill(0)
    this.count = 0
  }

  /** Ids and accounts as words, five an entry, in the order in which they came. */
  entries(): Int32Array {
    const all = new Int32Array(this.count * 5)
    for (let entry = 1; entry <= this.count; entry += 1) {
      copyId(all, (entry - 1) * 5, this.ids, entry * 4)
      all[(entry - 1) * 5 + 4] = this.accounts[entry] as number
    }
    return all
  }
}

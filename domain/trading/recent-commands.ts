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

const { imul } = Math

/** Of bits that say little about the place. */
const tagOf = (words: Int32Array, at: number): number =>
  imul((words[at + 2] as number) ^ (words[at + 3] as number), 0x9e3779b1)

/** Two of 32 bits, which most other ids do not share. */
const maskOf = (tag: number): number => (1 << (tag >>> 27)) | (1 << ((tag >>> 22) & 31))

/**
 * Ids in chains by their hash. Nearly every id that is asked for is new, and the chains lie further away than the
 * processor's own caches: so a filter is asked first, of two bits an id, small enough to stay near; only what it may
 * hold is looked for. Adding to the head of a chain waits for nothing that is read.
 */
class Generation {
  count = 0
  /** A word for every two ids at most. */
  private filter = new Int32Array(1 << 7)
  /** The youngest entry of each chain; two for every id at least. */
  private heads = new Int32Array(1 << 9)
  /** From the first entry on: 0 is none. */
  private older = new Int32Array(1 << 8)
  private ids = new Int32Array(4 << 8)
  private accounts = new Int32Array(1 << 8)

  /** The entry of an id; 0 where there is none. */
  find(hash: number, words: Int32Array, at: number): number {
    const { filter } = this
    const mask = maskOf(tagOf(words, at))
    return ((filter[hash & (filter.length - 1)] as number) & mask) === mask ? this.search(hash, words, at) : 0
  }

  private search(hash: number, words: Int32Array, at: number): number {
    const { heads, older, ids } = this
    let entry = heads[hash & (heads.length - 1)] as number
    while (entry !== 0 && !isSameId(ids, entry * 4, words, at)) entry = older[entry] as number
    return entry
  }

  placedBy(entry: number): number {
    return this.accounts[entry] as number
  }

  add(hash: number, words: Int32Array, at: number, placedBy: number): void {
    const entry = this.count + 1
    this.count = entry
    if (entry === this.accounts.length) this.grow()
    copyId(this.ids, entry * 4, words, at)
    this.accounts[entry] = placedBy
    this.link(hash, maskOf(tagOf(words, at)), entry)
  }

  private link(hash: number, mask: number, entry: number): void {
    const { filter, heads, older } = this
    const head = hash & (heads.length - 1)
    older[entry] = heads[head] as number
    heads[head] = entry
    const place = hash & (filter.length - 1)
    filter[place] = (filter[place] as number) | mask
  }

  private grow(): void {
    const entries = this.accounts.length * 2
    this.ids = longer(this.ids, entries * 4)
    this.accounts = longer(this.accounts, entries)
    this.older = new Int32Array(entries)
    this.heads = new Int32Array(entries * 2)
    this.filter = new Int32Array(entries / 2)
    for (let entry = 1; entry < this.count; entry += 1)
      this.link(hashOf(this.ids, entry * 4), maskOf(tagOf(this.ids, entry * 4)), entry)
  }

  clear(): void {
    this.heads.fill(0)
    this.filter.fill(0)
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

const longer = (words: Int32Array, length: number): Int32Array<ArrayBuffer> => {
  const copy = new Int32Array(length)
  copy.set(words)
  return copy
}

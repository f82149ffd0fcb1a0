/** What falls due at a time of the lane. Whether it still does is for whoever asked to say: nothing is ever taken back. */
export type Due =
  | { readonly atMillis: number; readonly kind: 'order'; readonly key: string }
  | { readonly atMillis: number; readonly kind: 'dead-man' | 'state'; readonly key: number }

/** A heap, earliest first; of the same time by kind and key, so that the order is the same however it was filled. */
export class Timers {
  private readonly heap: Due[] = []
  /** Of the earliest; infinite where there is none. A cell, since a number that is a double would be boxed. */
  private readonly earliest = new Float64Array([Number.POSITIVE_INFINITY])

  isDue(atMillis: number): boolean {
    return (this.earliest[0] as number) <= atMillis
  }

  add(due: Due): void {
    const { heap } = this
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Due
      if (!isBefore(due, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = due
    this.note()
  }

  take(): Due | undefined {
    const { heap } = this
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined) return undefined
    if (heap.length > 0) {
      let at = 0
      for (;;) {
        let child = 2 * at + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child += 1
        if (!isBefore(heap[child] as Due, last)) break
        heap[at] = heap[child] as Due
        at = child
      }
      heap[at] = last
    }
    this.note()
    return first
  }

  private note(): void {
    this.earliest[0] = this.heap[0]?.atMillis ?? Number.POSITIVE_INFINITY
  }
}

const isBefore = (a: Due, b: Due): boolean => {
  if (a.atMillis !== b.atMillis) return a.atMillis < b.atMillis
  if (a.kind !== b.kind) return a.kind < b.kind
  return a.key < b.key
}

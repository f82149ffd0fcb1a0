import type { ExecutionPublisher, Publishable, RecordEnd } from './execution-publisher.ts'

/** Where what the engine has said waits: kept by a standby until it is known to be published, published by a leader. */
export interface Outbox {
  offer(sections: readonly Publishable[]): void
  /** Events that nobody is known to have published. */
  unpublishedEvents(): number
  /** Resolves once no more than so many events wait; rejects when publishing has ended for good. */
  untilBelow(events: number): Promise<void>
  /** The end of that record, where its events are still kept. */
  endOf(sequence: string): RecordEnd | undefined
  /** Published up to here: forgotten. */
  forget(outSeq: number): void
  /** Publishes what is kept, and from now on all that is offered. */
  publishBy(publisher: ExecutionPublisher): void
}

export const createOutbox = (): Outbox => {
  let kept: Publishable[] = []
  let keptEvents = 0
  let publisher: ExecutionPublisher | undefined
  let waiters: { readonly events: number; resolve(): void }[] = []

  const settleWaiters = () => {
    const due = waiters.filter(({ events }) => publisher !== undefined || keptEvents <= events)
    waiters = waiters.filter(each => !due.includes(each))
    for (const { resolve } of due) resolve()
  }

  return {
    offer(sections) {
      if (publisher !== undefined) return publisher.offer(sections)
      for (const each of sections) {
        kept.push(each)
        keptEvents += each.count
      }
    },
    unpublishedEvents: () => publisher?.unpublishedEvents() ?? keptEvents,
    async untilBelow(events) {
      if (publisher === undefined)
        await new Promise<void>(resolve => {
          waiters.push({ events, resolve })
          settleWaiters()
        })
      // Whoever waited while it was kept goes on waiting for what publishes it.
      await publisher?.untilBelow(events)
    },
    endOf(sequence) {
      for (const { end } of kept) if (end?.sequence === sequence) return end
      return undefined
    },
    forget(outSeq) {
      let count = 0
      for (const each of kept) {
        if (each.firstOutSeq + each.count - 1 > outSeq) break
        keptEvents -= each.count
        count += 1
      }
      if (count > 0) kept = kept.slice(count)
      settleWaiters()
    },
    publishBy(by) {
      publisher = by
      by.offer(kept)
      kept = []
      keptEvents = 0
      settleWaiters()
    },
  }
}

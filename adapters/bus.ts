import { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import type { BusEventName, busEvents, eventSource } from '#protocol/events.ts'
import { busEnvironmentVariable } from '#protocol/streams.ts'
import { type Backoff, pauseAfter } from './backoff.ts'
import { eventbridge } from './clients/eventbridge.ts'
import { required } from './environment.ts'

/** One of the events that protocol/events.ts declares. */
export type BusEvent = {
  readonly [Name in BusEventName]: {
    readonly name: Name
    readonly detail: Readonly<ReturnType<(typeof busEvents)[Name]['parse']>>
  }
}[BusEventName]

/** Spelled again and held to the declaration by its type: loading that would build every schema at each cold start. */
const source: typeof eventSource = 'compute-exchange'
/** EventBridge's own bound. */
const mostEntries = 10
const backoff: Backoff = { mostAttempts: 4, firstPauseMillis: 50 }

/** Puts all events; answers the positions of those that the bus has not taken after several attempts. */
export const putEvents = async (events: readonly BusEvent[]): Promise<readonly number[]> => {
  let waiting = events.map((_, position) => position)
  for (let attempt = 1; attempt <= backoff.mostAttempts && waiting.length > 0; attempt++) {
    if (attempt > 1) await pauseAfter(attempt - 1, backoff)
    const refused: number[] = []
    for (let at = 0; at < waiting.length; at += mostEntries) {
      const positions = waiting.slice(at, at + mostEntries)
      refused.push(...(await putFew(positions, events)))
    }
    waiting = refused
  }
  return waiting
}

const putFew = async (positions: readonly number[], events: readonly BusEvent[]): Promise<readonly number[]> => {
  const bus = required(busEnvironmentVariable)
  const { Entries = [] } = await eventbridge().send(
    new PutEventsCommand({
      Entries: positions.flatMap(position => {
        const event = events[position]
        return event === undefined
          ? []
          : [{ EventBusName: bus, Source: source, DetailType: event.name, Detail: JSON.stringify(event.detail) }]
      }),
    }),
  )
  return positions.filter((_, entry) => Entries[entry]?.EventId === undefined)
}

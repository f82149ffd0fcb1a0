import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { type BusEvent, putEvents } from '#adapters/bus.ts'
import { type ItemChange, metrics, RecordFailure, serveTableStream } from './stream.ts'

type Announced = BusEvent | readonly BusEvent[] | undefined

/** The Lambda handler of an announcer: what changes of a table's items mean to others, onto the tenant's bus. */
export const serveAnnouncements = (eventsOf: (change: ItemChange) => Announced | Promise<Announced>) =>
  serveTableStream(async changes => {
    const told = await Promise.all(
      changes.map(async change => ({ sequenceNumber: change.sequenceNumber, events: await eventsOf(change) })),
    )
    const announced = told.flatMap(({ sequenceNumber, events }) =>
      [events ?? []].flat().map(event => ({ sequenceNumber, event })),
    )
    const [refused] = await putEvents(announced.map(({ event }) => event))
    metrics.addMetric('EventsAnnounced', MetricUnit.Count, announced.length)
    // The earliest: all after it are announced again, which whoever listens must bear with.
    const failed = refused === undefined ? undefined : announced[refused]
    if (failed !== undefined)
      throw new RecordFailure(failed.sequenceNumber, new Error(`the bus refused ${failed.event.name}`))
  })

export const instantOf = (atMillis: number): string => new Date(atMillis).toISOString()

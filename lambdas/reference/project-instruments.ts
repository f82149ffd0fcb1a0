import { instrumentExpiry, instrumentPut } from '#adapters/tables/instruments.ts'
import { activatedVersionPut, startedEpochPut } from '#adapters/tables/lane-events.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'

/** Instruments, what became of listings and expiries, and what a lane tells of itself. */
export const projectInstruments: Projection = {
  name: 'project-instruments',
  async load(lane, events) {
    const own = events.filter(({ event }) => event.type === 'instrument-listed' || event.type === 'instrument-expired')
    const instrumentOf = await namedInstruments(lane, own)
    return placed => writesOf(placed, instrumentOf)
  },
}

export const handler = serveProjection(projectInstruments)

const writesOf = (placed: PlacedEvent, instrumentOf: (instrumentId: number) => Instrument): readonly Write[] => {
  const { event, lane, atMillis } = placed
  switch (event.type) {
    case 'instrument-listed':
      return [
        instrumentPut({ lane, instrument: event.instrument, isActive: true, listedAtMillis: atMillis }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'instrument-expired':
      return [
        instrumentExpiry(lane, instrumentOf(event.instrumentId).specification.instrumentName),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'engine-version-activated':
      return [activatedVersionPut(lane, { version: event.version, atMillis })]
    case 'epoch-started':
      return [startedEpochPut(lane, { epoch: event.epoch, stateHash: event.stateHash, atMillis })]
    case 'command-rejected':
      return event.commandType === 'list-instrument' || event.commandType === 'expire-instrument'
        ? [rejectedOutcome(placed, event.commandId, event.code)]
        : []
    default:
      return []
  }
}

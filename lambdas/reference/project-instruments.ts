import {
  instrumentAdjustment,
  instrumentClosed,
  instrumentPut,
  instrumentSettled,
} from '#adapters/tables/instruments.ts'
import { activatedVersionPut, startedEpochPut } from '#adapters/tables/lane-events.ts'
import { riskLaneUpdate } from '#adapters/tables/risk-lanes.ts'
import type { Write } from '#adapters/writes.ts'
import { defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import type { CommandRejected, Event, InstrumentSettled } from '#domain/trading/events.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'

/**
 * Instruments and how far they have come, what became of the commands about them (listing, delisting, expiry,
 * settlement, exercise, epochs of risk), and what a lane tells of itself.
 */
export const projectInstruments: Projection = {
  name: 'project-instruments',
  async load(lane, events) {
    const instrumentOf = await namedInstruments(
      lane,
      events.filter(({ event }) => aboutInstruments.has(event.type)),
    )
    return placed => writesOf(placed, instrumentOf)
  },
}

export const handler = serveProjection(projectInstruments)

const aboutInstruments: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'instrument-listed',
  'instrument-expired',
  'instrument-delisted',
  'instrument-settled',
])

const ownCommands: ReadonlySet<string> = new Set<CommandRejected['commandType']>([
  'list-instrument',
  'expire-instrument',
  'delist-instrument',
  'settle-instrument',
  'obligate-deliveries',
  'exercise-option',
  'risk-epoch-begin',
  'risk-epoch-chunk',
  'risk-epoch-commit',
])

const writesOf = (placed: PlacedEvent, instrumentOf: (instrumentId: number) => Instrument): readonly Write[] => {
  const { event, lane, atMillis } = placed
  const nameOf = (instrumentId: number): string => instrumentOf(instrumentId).specification.instrumentName
  switch (event.type) {
    case 'instrument-listed':
      return [
        instrumentPut({ lane, instrument: event.instrument, isActive: true, listedAtMillis: atMillis }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'instrument-expired':
      return [
        instrumentClosed(lane, nameOf(event.instrumentId), 'expired', atMillis),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'instrument-delisted':
      return [
        instrumentClosed(lane, nameOf(event.instrumentId), 'delisted', atMillis),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'instrument-settled':
      return [...settlementWrites(placed, event, instrumentOf), acceptedOutcome(placed, event.commandId)]
    case 'option-exercised':
      return [acceptedOutcome(placed, event.commandId)]
    case 'engine-version-activated':
      return [activatedVersionPut(lane, { version: event.version, atMillis })]
    case 'epoch-started':
      return [startedEpochPut(lane, { epoch: event.epoch, stateHash: event.stateHash, atMillis })]
    case 'risk-epoch-begun':
      return [riskLaneUpdate(lane, { begunVersion: event.epochVersion, begunAtMillis: atMillis })]
    case 'risk-epoch-adopted':
      return [
        riskLaneUpdate(lane, {
          adoptedVersion: event.epochVersion,
          adoptedSetVersion: event.scenarioSetVersion,
          adoptedInstruments: event.instruments,
          adoptedAtMillis: atMillis,
        }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'risk-epoch-due':
      return [
        riskLaneUpdate(lane, {
          dueVersion: event.epochVersion,
          dueInstrumentId: event.instrumentId,
          dueAtMillis: atMillis,
        }),
      ]
    case 'command-rejected':
      return ownCommands.has(event.commandType) ? [rejectedOutcome(placed, event.commandId, event.code)] : []
    default:
      return []
  }
}

const settlementWrites = (
  { lane, atMillis }: PlacedEvent,
  event: InstrumentSettled,
  instrumentOf: (instrumentId: number) => Instrument,
): readonly Write[] => {
  const { specification } = instrumentOf(event.instrumentId)
  switch (event.settlementKind) {
    // The day's gains leave the contract as it is.
    case 'variation':
      return []
    case 'final':
      return [instrumentSettled(lane, specification.instrumentName, atMillis)]
    case 'leg':
    case 'distribution': {
      const { instrumentId, specificationVersion, settledLegs, distributedTicks } = event
      const adjusted = defineInstrument(specification, instrumentId, specificationVersion, {
        settledLegs,
        distributedTicks,
      })
      if (!adjusted.accepted)
        throw new Error(`${specification.instrumentName} was settled and cannot be adjusted: ${adjusted.detail}`)
      return [instrumentAdjustment(lane, adjusted.value)]
    }
  }
}

import { getInstrumentById } from '#adapters/tables/instruments.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { PlacedEvent } from './projection.ts'

/**
 * The instruments that events name by number: out of the events themselves where they list them, else as listed. Throws
 * for one that is not there yet: the batch comes again, and project-instruments gets there.
 */
export const namedInstruments = async (
  lane: number,
  events: readonly PlacedEvent[],
): Promise<(instrumentId: number) => Instrument> => {
  const instruments = new Map<number, Instrument>()
  const wanted = new Set<number>()
  for (const { event } of events) {
    if (event.type === 'instrument-listed') instruments.set(event.instrument.instrumentId, event.instrument)
    else if (
      (event.type === 'order-rejected' || event.type === 'quote-rejected') &&
      event.code === 'unknown-instrument'
    )
      continue
    // 0: about an account or a firm.
    else if ('instrumentId' in event && event.instrumentId !== 0) wanted.add(event.instrumentId)
  }
  for (const instrumentId of wanted) {
    if (instruments.has(instrumentId)) continue
    const row = await getInstrumentById(lane, instrumentId)
    if (row === undefined) throw new Error(`the instrument ${instrumentId} of lane ${lane} is not in its table yet`)
    instruments.set(instrumentId, row.instrument)
  }
  return instrumentId => {
    const instrument = instruments.get(instrumentId)
    if (instrument === undefined) throw new Error(`the instrument ${instrumentId} of lane ${lane} was not loaded`)
    return instrument
  }
}

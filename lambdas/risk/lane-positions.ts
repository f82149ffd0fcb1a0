import { instrumentsOf } from '#adapters/tables/instruments.ts'
import { listOpenPositions } from '#adapters/tables/positions.ts'
import type { HeldPosition } from '#domain/margin/account-risk.ts'

/** Reads of one instrument each that are under way at a time. */
const mostAtOnce = 16

export interface LanePosition extends HeldPosition {
  readonly accountId: number
}

/** All open positions of a lane: instrument by instrument of those that are not settled yet. */
export const lanePositions = async (lane: number): Promise<readonly LanePosition[]> => {
  const instruments = (await instrumentsOf(lane)).filter(({ lifecycle }) => lifecycle !== 'settled')
  const found: LanePosition[][] = []
  let next = 0
  const readOn = async (): Promise<void> => {
    for (let index = next++; index < instruments.length; index = next++) {
      const instrument = instruments[index]?.instrument
      if (instrument === undefined) return
      const rows = await listOpenPositions(lane, instrument.instrumentId)
      found[index] = rows.map(({ accountId, sizeLots, entryTickLots }) => ({
        accountId,
        instrument,
        sizeLots,
        entryTickLots,
      }))
    }
  }
  await Promise.all(Array.from({ length: mostAtOnce }, readOn))
  return found.flat()
}

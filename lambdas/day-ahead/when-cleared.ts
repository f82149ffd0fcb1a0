import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import type { GateTimes } from '#domain/auction/day-ahead-market.ts'
import type { Rejection } from '../shell/http.ts'
import { dayMillisOf } from './auction-dates.ts'
import { laneRules } from './auction-rules.ts'

const timeOf = (millis: number): string => new Date(millis).toISOString()

export const gateOf = (deliveryDate: string, { opensBeforeMillis, closesBeforeMillis }: GateTimes) => ({
  gate_opens: timeOf(dayMillisOf(deliveryDate) - opensBeforeMillis),
  gate_closes: timeOf(dayMillisOf(deliveryDate) - closesBeforeMillis),
})

/** Of a date that has no auction yet. */
export const whenGate = async (lane: number, deliveryDate: string, nowMillis: number): Promise<string> => {
  const { times } = await laneRules(lane, nowMillis)
  if (times === undefined) return `Lane ${lane} has no market of the day-ahead auction.`
  const { gate_opens, gate_closes } = gateOf(deliveryDate, times)
  return `The gate of ${deliveryDate} opens at ${gate_opens} and closes at ${gate_closes}.`
}

/** When a date that has no prices has them, or why it never will. */
export const notCleared = async (
  lane: number,
  deliveryDate: string,
): Promise<Rejection<'not-cleared' | 'never-cleared'>> => {
  const nowMillis = Date.now()
  const auction = await getAuction(lane, deliveryDate)
  const told = (detail: string): Rejection<'not-cleared'> => ({ code: 'not-cleared', detail })
  if (auction === undefined)
    return dayMillisOf(deliveryDate) <= nowMillis
      ? { code: 'never-cleared', detail: `There was no auction of ${deliveryDate}.` }
      : told(await whenGate(lane, deliveryDate, nowMillis))
  switch (auction.state) {
    case 'opening':
    case 'open':
      return told(`Its gate closes at ${gateOf(deliveryDate, auction).gate_closes}; prices follow within minutes.`)
    case 'cancelling':
    case 'cancelled':
      return { code: 'never-cleared', detail: `It was cancelled: ${auction.failure ?? 'it was too late'}.` }
    case 'failed':
      return told('It could not be cleared yet, and is tried again within a quarter of an hour.')
    default:
      return told('Its gate is closed, and it is being cleared.')
  }
}

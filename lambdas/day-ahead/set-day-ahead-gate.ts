import { type AuctionRow, getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { hourMillis } from '#domain/auction/day-ahead-market.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { setDayAheadGate } from '#protocol/operations/day-ahead.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import type { Handle, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { dayMillisOf } from './auction-dates.ts'
import { beginClosing, openAuction, setGateCommand, startAuction } from './auction-gate.ts'
import { advanceAuction } from './auction-step.ts'
import { auctionView } from './market-view.ts'
import { whenGate } from './when-cleared.ts'

/** Names of hourly futures tell two digits of a year: further ahead two dates would share theirs. */
const furthestYears = 50
const furthestMillis = furthestYears * 365 * 24 * hourMillis

type Asked = Request<typeof setDayAheadGate>

export const handle: Handle<typeof setDayAheadGate> = async ({ path, body, headers }) => {
  const lanes = tenantLanes()
  const lane = body.lane ?? lanes[0]
  if (!lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }] }
  const missing = await engineVersionMissing(lane, versionOfDelivery)
  if (missing !== undefined) return missing
  return body.gate_state === 'open' ? open(lane, path.delivery_date, headers) : close(lane, path.delivery_date, headers)
}

const open = async (lane: number, deliveryDate: string, headers: Asked['headers']) => {
  const nowMillis = Date.now()
  if (dayMillisOf(deliveryDate) <= nowMillis) return { code: 'delivery-date-past' } as const
  if (dayMillisOf(deliveryDate) > nowMillis + furthestMillis)
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/delivery_date', detail: `must be within ${furthestYears} years` }],
    } as const
  const auction = await openAuction(lane, deliveryDate, nowMillis)
  if (auction === undefined)
    return { code: 'unknown-day-ahead-market', detail: await whenGate(lane, deliveryDate, nowMillis) } as const
  if (auction.state === 'open') return { status: 200, body: auctionView(auction) } as const
  if (auction.state !== 'opening') return { code: 'gate-closed' } as const
  const wait = preferWait(headers)
  const { commandId } = setGateCommand(lane, deliveryDate, 'open')
  const outcome = wait && (await pollUntil(() => getOutcome(commandId), wait.untilMillis))
  if (outcome?.code !== undefined) return { code: outcome.code, headers: wait?.headers ?? {} }
  if (outcome === undefined) return { status: 202, body: auctionView(auction), headers: wait?.headers ?? {} } as const
  return { status: 200, body: auctionView(await opened(auction)), headers: wait?.headers ?? {} } as const
}

/** The sweep may have noted it first. */
const opened = async (auction: AuctionRow): Promise<AuctionRow> => {
  const now = (await getAuction(auction.lane, auction.deliveryDate)) ?? auction
  return now.state === 'opening' ? advanceAuction(now, { state: 'open' }) : now
}

const close = async (lane: number, deliveryDate: string, headers: Asked['headers']) => {
  const nowMillis = Date.now()
  const auction = await getAuction(lane, deliveryDate)
  if (auction === undefined)
    return { code: 'unknown-gate', detail: await whenGate(lane, deliveryDate, nowMillis) } as const
  const isOpen = auction.state === 'opening' || auction.state === 'open'
  const closing = isOpen ? await beginClosing(auction, nowMillis) : auction
  if (!isOpen && auction.state === 'closing') await startAuction(auction)
  const wait = preferWait(headers)
  const isClosed = ({ state, closedAtMillis }: AuctionRow): boolean =>
    state !== 'closing' || closedAtMillis !== undefined
  const read = async (): Promise<AuctionRow | undefined> => {
    const now = await getAuction(lane, deliveryDate)
    return now !== undefined && isClosed(now) ? now : undefined
  }
  const closed = isClosed(closing) ? closing : wait && (await pollUntil(read, wait.untilMillis))
  return closed === undefined
    ? ({ status: 202, body: auctionView(closing), headers: wait?.headers ?? {} } as const)
    : ({ status: 200, body: auctionView(closed), headers: wait?.headers ?? {} } as const)
}

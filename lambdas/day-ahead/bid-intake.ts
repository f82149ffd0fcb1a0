import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import { type AuctionRow, getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { addBid, type BidRow, bidsOfAccount } from '#adapters/tables/day-ahead-bids.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { readBid } from '#domain/auction/bids.ts'
import type { Side } from '#domain/auction/day-ahead-auction.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { submitBid, submitOffer } from '#protocol/operations/day-ahead.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { deliver } from '../shell/command-intake.ts'
import type { Answer, Handle, Principal, Rejection, Request } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import { type Trader, traderOf } from '../trading/trader.ts'
import { dayMillisOf } from './auction-dates.ts'
import { bidView } from './bid-view.ts'
import { bidOperations, promisedRow, storedBid } from './known-bid.ts'
import { bidStates, holdCommand } from './placed-bids.ts'
import { whenGate } from './when-cleared.ts'

type Submission = typeof submitBid | typeof submitOffer
type Refusal = Rejection<Submission['rejections'][number]>
interface Asked extends Pick<Request<Submission>, 'body' | 'headers' | 'idempotencyKey'> {
  readonly principal: Pick<Principal, 'account'>
}

/** Rejected ones among them: what an account may make us keep. */
const mostBidsOfAccount = 200

/**
 * Stores the bid, then has the engine put by what it may need: with that it takes part. The bid is stored before the engine
 * hears of it, so that whoever reads the bids once the gate is closed finds every one that the engine took.
 */
export const takeBid = async (
  side: Side,
  { body, principal, headers, idempotencyKey }: Asked,
): ReturnType<Handle<typeof submitBid>> => {
  const hash = bodyHash({ side, ...body })
  const requestName = `day-ahead-bid#${idempotencyKey}`
  const before = await findByRequestName(principal.account, requestName)
  if (before !== undefined) return repeated(before, hash, headers)
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const decided = await decide(side, body, trader, idempotencyKey)
  if ('code' in decided) return decided
  const promised = namedRequest({
    principal: principal.account,
    requestName,
    commandId: decided.bidId,
    operation: side === 'buy' ? 'submit-bid' : 'submit-offer',
    bodyHash: hash,
    lane: trader.lane,
    accountId: trader.accountId,
    requestJson: JSON.stringify({ bid: decided }),
  })
  const stored = await promise(promised)
  return stored.first ? put(decided, false, headers) : repeated(stored.row, hash, headers)
}

/** Between our look at it and the engine's turn. */
const replacedMeanwhile: Refusal = {
  code: 'bid-not-open',
  errors: [{ pointer: '#/replaces', detail: 'was replaced or withdrawn meanwhile' }],
}

const repeated = async (promised: CommandRow, hash: string, headers: Asked['headers']) =>
  promised.bodyHash === hash && bidOperations.includes(promised.operation)
    ? put(promisedRow(promised.requestJson), true, headers)
    : ({ code: 'idempotency-conflict' } as const)

const put = async (
  row: BidRow,
  isRepeated: boolean,
  headers: Asked['headers'],
): Promise<Answer<typeof submitBid> | Rejection<never> | Refusal> => {
  await addBid(row)
  const delivered = await deliver(row.lane, holdCommand(row), isRepeated, headers, getOutcome)
  const { outcome, waited } = delivered
  if (waited && outcome?.code === 'unknown-hold') return { ...replacedMeanwhile, headers: delivered.headers }
  if (waited && outcome?.code !== undefined)
    return { code: outcome.code as Refusal['code'], headers: delivered.headers }
  const found = await storedBid(row)
  if (found === undefined) throw new Error(`the bid ${row.bidId} is not stored`)
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: bidView(found.known, found.auction),
    headers: { location: `/api/v1/compute-futures/day-ahead/bids/${row.bidId}`, ...delivered.headers },
  }
}

const decide = async (
  side: Side,
  body: Asked['body'],
  { lane, accountId, account }: Trader,
  name: string,
): Promise<BidRow | Refusal> => {
  const missing = await engineVersionMissing(lane, versionOfDelivery)
  if (missing !== undefined) return missing
  const { delivery_date: deliveryDate } = body
  const nowMillis = Date.now()
  const auction = await getAuction(lane, deliveryDate)
  if (auction === undefined || !isOpen(auction)) return notOpen(auction, lane, deliveryDate, nowMillis)
  const read = readBid(
    {
      side,
      curves: body.curves ?? [],
      blocks: (body.blocks ?? []).map(block => ({
        ...block,
        minimumAcceptanceRatio: block.minimum_acceptance_ratio,
        exclusiveGroup: block.exclusive_group,
      })),
    },
    auction.markets,
  )
  if (!read.ok) {
    const { code, at, detail } = read.fault
    return { code, errors: [{ pointer: `#${at}`, detail }] }
  }
  const own = await bidsOfAccount(lane, deliveryDate, accountId)
  if (body.replaces !== undefined) {
    const replaced = (await bidStates(own)).find(({ row }) => row.bidId === body.replaces)
    if (replaced === undefined)
      return { code: 'unknown-bid', errors: [{ pointer: '#/replaces', detail: 'is no bid of yours for this date' }] }
    if (replaced.state !== 'accepted' && replaced.state !== 'pending')
      return { code: 'bid-not-open', errors: [{ pointer: '#/replaces', detail: `was ${replaced.state}` }] }
  }
  if (own.length >= mostBidsOfAccount) return { code: 'bid-limit' }
  return {
    lane,
    deliveryDate,
    accountId,
    bidId: nameBasedUuid(['day-ahead-bid', account, name].join('#')),
    name,
    bid: read.bid,
    holdMicros: read.holdMicros,
    ...(body.replaces === undefined ? {} : { replacesBidId: body.replaces }),
    createdAtMillis: nowMillis,
  }
}

/** Until the engine has said otherwise: nobody's clock decides. */
const isOpen = ({ state }: AuctionRow): boolean => state === 'opening' || state === 'open' || state === 'closing'

const notOpen = async (
  auction: AuctionRow | undefined,
  lane: number,
  deliveryDate: string,
  nowMillis: number,
): Promise<Refusal> => {
  if (auction !== undefined) return { code: 'gate-closed', detail: `The gate of ${deliveryDate} is closed.` }
  const errors = [{ pointer: '#/delivery_date', detail: 'has begun' }]
  if (dayMillisOf(deliveryDate) <= nowMillis) return { code: 'delivery-date-past', errors }
  return { code: 'unknown-gate', detail: await whenGate(lane, deliveryDate, nowMillis) }
}

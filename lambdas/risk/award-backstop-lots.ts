import {
  type AuctionBidRow,
  type AuctionRow,
  bidsOfAuction,
  getAuction,
  moveAuction,
} from '#adapters/tables/backstop-auctions.ts'
import type { AuctionAward, LiquidationProgress } from '#adapters/tables/liquidations.ts'
import { awardLots } from '#domain/margin/backstop-auction.ts'
import { accept } from '#domain/outcome.ts'
import { decimal } from '#domain/units.ts'
import { insuranceFund } from '../shell/insurance-fund.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { isTakenOver, liquidationStep, takeStep } from './liquidation-step.ts'
import { keyOf } from './position-key.ts'
import { signedText } from './step-numbers.ts'

/** Transfers one award at a time, best prices first; whom the engine refuses is passed over, and what it leaves awarded anew. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'award',
      ask: askEngine,
      decide: async (head, before, id) => {
        const { liquidationId } = head
        const { lane, accountId } = before.at ?? head
        const auction = await closedAuction(before)
        const [bids, fund] = await Promise.all([bidsOfAuction(auction.auctionId), insuranceFund(lane)])
        const others = bids.filter(bid => bid.accountId !== accountId && bid.accountId !== fund?.accountId)
        const award = nextAward(auction, others, before.awards, fund?.accountId)
        if (award === undefined) {
          await moveAuction(auction.auctionId, 'closed', 'awarded')
          return { numbers: { auctionId: auction.auctionId, ...outcomeOf(auction, before.awards) } }
        }
        const { accountId: toAccountId, instrumentId, lots: signedLots, priceTicks } = award
        const lot = auction.lots.find(each => each.instrumentId === instrumentId)
        if (lot === undefined) throw new Error(`${instrumentId} is awarded and was not auctioned`)
        return {
          numbers: {
            lane,
            auctionId: auction.auctionId,
            instrumentName: lot.instrumentName,
            amount: signedText(signedLots, lot.minTradeAmount),
            price: decimal(priceTicks, lot.tickSize),
            toInsuranceFund: toAccountId === fund?.accountId,
            bids: others.length,
          },
          at: { lane, accountId },
          command: {
            type: 'transfer-position',
            commandId: id,
            liquidationId,
            accountId,
            toAccountId,
            instrumentId,
            signedLots,
            priceTicks,
          },
          progress: { ...before, awards: [...before.awards, award] },
        }
      },
      conclude: (_, { command, progress, at }, said) => {
        if (command === undefined || said === undefined) return { next: 'plan', progress }
        if (isTakenOver(said)) return { next: 'end', progress }
        const awards = progress.awards.map((award, index) =>
          index === progress.awards.length - 1 && !said.accepted ? { ...award, code: said.code } : award,
        )
        const [instrumentId] = awards.slice(-1).map(award => award.instrumentId)
        const instrumentIds =
          said.accepted && instrumentId !== undefined
            ? [...new Set([...progress.instrumentIds, keyOf(at === undefined ? 0 : at.lane, instrumentId)])]
            : progress.instrumentIds
        return { next: 'award', progress: { ...progress, awards, instrumentIds } }
      },
    }),
  ),
)

/** From when it is closed on no bid is added: what is awarded follows from what is stored. */
const closedAuction = async ({ auctionId }: LiquidationProgress): Promise<AuctionRow> => {
  const auction = auctionId === undefined ? undefined : await getAuction(auctionId)
  if (auction === undefined) throw new Error(`there is no auction ${auctionId}`)
  if (auction.state === 'open') await moveAuction(auction.auctionId, 'open', 'closed')
  return auction
}

/**
 * The next transfer. What was transferred counts against what its bidder is awarded once those who were refused are left
 * out; the insurance fund takes what nobody else does, at the reserve.
 */
const nextAward = (
  { lots }: AuctionRow,
  bids: readonly AuctionBidRow[],
  made: readonly AuctionAward[],
  fundId: number | undefined,
): AuctionAward | undefined => {
  for (const { instrumentId, signedLots, reserveTicks } of lots) {
    const own = made.filter(award => award.instrumentId === instrumentId)
    const refused = new Set(own.filter(({ code }) => code !== undefined).map(({ accountId }) => accountId))
    const taken = new Map<number, number>()
    for (const award of own)
      if (award.code === undefined) taken.set(award.accountId, (taken.get(award.accountId) ?? 0) + Math.abs(award.lots))
    const left = Math.abs(signedLots) - [...taken.values()].reduce((sum, each) => sum + each, 0)
    if (left <= 0) continue
    const offers = bids.flatMap(({ accountId, bids: all }) =>
      refused.has(accountId)
        ? []
        : all.filter(bid => bid.instrumentId === instrumentId).map(bid => ({ ...bid, accountId })),
    )
    const awarded = (accountId: number, priceTicks: number, count: number): AuctionAward => ({
      instrumentId,
      accountId,
      priceTicks,
      lots: Math.sign(signedLots) * Math.min(left, count),
    })
    for (const { accountId, priceTicks, lots: count } of awardLots(signedLots, reserveTicks, offers)) {
      const open = count - (taken.get(accountId) ?? 0)
      if (open > 0) return awarded(accountId, priceTicks, open)
    }
    if (fundId !== undefined && !refused.has(fundId)) return awarded(fundId, reserveTicks, left)
  }
  return undefined
}

const outcomeOf = ({ lots }: AuctionRow, made: readonly AuctionAward[]) => ({
  awarded: lots.map(({ instrumentId, instrumentName, signedLots, minTradeAmount }) => {
    const own = made.filter(award => award.instrumentId === instrumentId && award.code === undefined)
    const taken = own.reduce((sum, award) => sum + award.lots, 0)
    return {
      instrumentName,
      amount: signedText(taken, minTradeAmount),
      left: signedText(signedLots - taken, minTradeAmount),
    }
  }),
  passedOver: made.flatMap(({ accountId, code }) => (code === undefined ? [] : [{ accountId, code }])),
})

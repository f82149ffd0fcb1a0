import { type AuctionedLots, type AuctionRow, getAuction, openAuction } from '#adapters/tables/backstop-auctions.ts'
import { accept } from '#domain/outcome.ts'
import { decimal } from '#domain/units.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { serveTask } from '../shell/task.ts'
import { auctionedLots, auctionsHeldIn } from './auction-lots.ts'
import { type LiquidatedAccount, readLiquidatedAccount, worstTicks } from './liquidated-account.ts'
import { liquidationStep, takeStep } from './liquidation-step.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'
import { signedText } from './step-numbers.ts'

/** So that a bid of the last moment is there when bids are read. */
const afterDeadlineMillis = 1_000

/** Offers market makers what `auctionedLots` says of one lane. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'open-auction',
      decide: async (head, before, auctionId) => {
        const { liquidationId } = head
        const { lane, accountId } = before.at ?? head
        const nowMillis = Date.now()
        const [account, { terms }] = await Promise.all([
          readLiquidatedAccount(head.lane, head.accountId),
          liquidationTermsAt(nowMillis),
        ])
        const fresh: AuctionRow = {
          auctionId,
          lane,
          liquidationId,
          state: 'open',
          openedAtMillis: nowMillis,
          deadlineMillis: nowMillis + terms.auction_ms,
          lots: lotsOffered(account, lane, terms),
        }
        const { deadlineMillis, lots } = fresh.lots.length === 0 ? fresh : await opened(fresh)
        return {
          at: { lane, accountId },
          numbers: {
            lane,
            auctionId,
            deadline: new Date(deadlineMillis).toISOString(),
            equityMicros: account.equityMicros,
            lots: lots.map(({ instrumentName, tickSize, minTradeAmount, signedLots, markTicks, reserveTicks }) => ({
              instrumentName,
              amount: signedText(signedLots, minTradeAmount),
              mark: decimal(markTicks, tickSize),
              reserve: decimal(reserveTicks, tickSize),
            })),
          },
          // What the books have refused may be tried again afterwards.
          progress: {
            ...before,
            dryTries: {},
            awards: [],
            auctionsHeld: before.auctionsHeld + 1,
            auctionsIn: { ...before.auctionsIn, [lane]: auctionsHeldIn(before, lane) + 1 },
            auctionId,
          },
        }
      },
      conclude: (_, { numbers, progress }) => {
        const { deadline, lots } = numbers
        const nextAtMillis = Date.parse(String(deadline)) + afterDeadlineMillis
        return Array.isArray(lots) && lots.length > 0
          ? { next: 'award', nextAtMillis, progress }
          : { next: 'plan', progress }
      },
    }),
  ),
)

/** It is told to market makers before it is stored as a step: who decides again finds what was opened. */
const opened = async (fresh: AuctionRow): Promise<AuctionRow> => {
  if (await openAuction(fresh)) return fresh
  const known = await getAuction(fresh.auctionId)
  if (known === undefined) throw new Error(`the auction ${fresh.auctionId} was there and is gone`)
  return known
}

const lotsOffered = (account: LiquidatedAccount, lane: number, terms: LiquidationTerms): readonly AuctionedLots[] => {
  const auctioned = auctionedLots(account, terms)
  return account.positions.flatMap(position => {
    const { key, at, market, risk, sizeLots, markTicks } = position
    const { instrumentName, tickSize, minTradeAmount } = market.instrument.specification
    const signedLots = at.lane === lane ? (auctioned.get(key) ?? 0) : 0
    if (signedLots === 0) return []
    const reserveTicks =
      markTicks > 0
        ? worstTicks(position, terms.auction_reserve_ppm)
        : // Nobody knows what it is worth: any price that it may trade at.
          sizeLots > 0
          ? 1
          : market.instrument.maxPriceTicks
    const { instrumentId } = risk
    return [{ instrumentId, instrumentName, tickSize, minTradeAmount, signedLots, markTicks, reserveTicks }]
  })
}

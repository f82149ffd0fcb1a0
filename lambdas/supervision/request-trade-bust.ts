import { getAccount } from '#adapters/tables/accounts.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getTradeBust, replaceTradeBust, type TradeBustRow } from '#adapters/tables/trade-busts.ts'
import { getTrade, type TradeRow } from '#adapters/tables/trades.ts'
import type { requestTradeBust } from '#protocol/operations/supervision.ts'
import type { Handle } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { approveBeforeMillis, stateOf, tradeBustOf } from './trade-bust-view.ts'

export const handle: Handle<typeof requestTradeBust> = async ({ body, principal }) => {
  const nowMillis = Date.now()
  const account = await getAccount(body.account)
  const trade = account?.accountId === undefined ? undefined : await tradeOf(account.accountId, body.trade_id)
  if (trade === undefined || trade.lane !== account?.lane) return { code: 'unknown-trade' }
  const before = await getTradeBust(body.trade_id)
  if (before !== undefined) {
    const outcome = before.approvedAtMillis === undefined ? undefined : await getOutcome(before.commandId)
    const state = stateOf(before, outcome, nowMillis)
    if (state === 'busted') return { code: 'trade-already-busted' }
    if (state === 'awaiting_approval' || state === 'submitted') return { code: 'bust-under-way' }
  }
  const attempt = (before?.attempt ?? 0) + 1
  const { account: requester, credential } = principal
  const row: TradeBustRow = {
    ...bustOf(trade),
    attempt,
    commandId: nameBasedUuid(`bust-trade#${trade.tradeId}#${attempt}`),
    reason: body.reason,
    requestedBy: { account: requester, credential },
    requestedAtMillis: nowMillis,
  }
  if (approveBeforeMillis(row) <= nowMillis) return { code: 'bust-window-over' }
  if (!(await replaceTradeBust(row, before))) return { code: 'bust-under-way' }
  return { status: 201, body: await tradeBustOf(row, undefined, nowMillis) }
}

const tradeOf = async (accountId: number, tradeId: string): Promise<TradeRow | undefined> =>
  (await getTrade({ accountId, tradeId, direction: 'buy' })) ?? getTrade({ accountId, tradeId, direction: 'sell' })

/** Either side's row tells the whole of it. */
const bustOf = (trade: TradeRow) => {
  const own = { accountId: trade.accountId, feeMicros: trade.feeMicros }
  const other = { accountId: trade.counterpartyAccountId, feeMicros: trade.counterpartyFeeMicros }
  const [buyer, seller] = trade.direction === 'buy' ? [own, other] : [other, own]
  const { lane, tradeId, instrumentId, instrumentName, tickSize, minTradeAmount, priceTicks, quantityLots } = trade
  return {
    lane,
    tradeId,
    instrumentId,
    instrumentName,
    tickSize,
    minTradeAmount,
    priceTicks,
    quantityLots,
    buyerId: buyer.accountId,
    sellerId: seller.accountId,
    buyerFeeMicros: buyer.feeMicros,
    sellerFeeMicros: seller.feeMicros,
    tradedAtMillis: trade.atMillis,
  }
}

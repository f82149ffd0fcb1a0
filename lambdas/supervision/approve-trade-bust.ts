import { putCommands } from '#adapters/streams/orders.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getTradeBust, replaceTradeBust, type TradeBustRow } from '#adapters/tables/trade-busts.ts'
import { isSamePerson } from '#adapters/two-persons.ts'
import type { BustTrade } from '#domain/trading/commands.ts'
import type { approveTradeBust } from '#protocol/operations/supervision.ts'
import type { Answer, Handle, Request } from '../shell/http.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { stateOf, tradeBustOf } from './trade-bust-view.ts'

type Headers = Request<typeof approveTradeBust>['headers']

export const handle: Handle<typeof approveTradeBust> = async ({ path, principal, headers }) => {
  const nowMillis = Date.now()
  const row = await getTradeBust(path.bust_id)
  if (row === undefined) return { code: 'not-found' }
  const { account, credential } = principal
  if (isSamePerson(row.requestedBy, { account, credential })) return { code: 'second-person-required' }
  // Whoever approved it may have died before the stream heard of it: a repeat puts the same command again.
  if (row.approvedBy !== undefined)
    return isSamePerson(row.approvedBy, { account, credential }) ? put(row, headers, true) : { code: 'bust-under-way' }
  if (stateOf(row, undefined, nowMillis) === 'lapsed') return { code: 'bust-window-over' }
  const approved = { ...row, approvedBy: { account, credential }, approvedAtMillis: nowMillis }
  return (await replaceTradeBust(approved, row)) ? put(approved, headers, false) : { code: 'bust-under-way' }
}

const put = async (
  row: TradeBustRow,
  headers: Headers,
  repeated: boolean,
): Promise<Answer<typeof approveTradeBust>> => {
  const wait = preferWait(headers)
  let outcome = repeated ? await getOutcome(row.commandId) : undefined
  if (outcome === undefined) {
    await putCommands(row.lane, [commandOf(row)])
    outcome = wait && (await pollUntil(() => getOutcome(row.commandId), wait.untilMillis))
  }
  return {
    status: wait !== undefined && outcome !== undefined ? 200 : 202,
    body: await tradeBustOf(row, outcome, Date.now()),
    headers: { location: '/api/v1/trade-busts', ...wait?.headers },
  }
}

const commandOf = (row: TradeBustRow): BustTrade => ({
  type: 'bust-trade',
  commandId: row.commandId,
  instrumentId: row.instrumentId,
  priceTicks: row.priceTicks,
  quantityLots: row.quantityLots,
  buyerId: row.buyerId,
  sellerId: row.sellerId,
  tradeId: row.tradeId,
  buyerFeeMicros: row.buyerFeeMicros,
  sellerFeeMicros: row.sellerFeeMicros,
  tradedAtMillis: row.tradedAtMillis,
})

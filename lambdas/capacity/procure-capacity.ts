import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { type AuctionRow, auctionsFrom } from '#adapters/tables/day-ahead-auctions.ts'
import {
  activeProcurementPolicies,
  getProcurementPolicy,
  type ProcurementPolicyRow,
  type ProcurementRun,
  putProcurementPolicy,
} from '#adapters/tables/procurement-policies.ts'
import { type DayAheadMarket, deliveryDateOf, deliveryDayMillis, hourMillis } from '#domain/auction/day-ahead-market.ts'
import { longestHorizon } from '#domain/capacity/forecast.ts'
import { decimal, decimalOfMicros, micros } from '#domain/units.ts'
import { takeBid } from '../day-ahead/bid-intake.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { traderOf } from '../trading/trader.ts'
import { procurementOf } from './procurement-plan.ts'

const microsOfUnit = 1_000_000
const dayMillis = 24 * hourMillis
const mostUnitsOfHour = 1_000_000

/** Bids for accounts as their policies say, once for each delivery date; one that cannot keeps none of the others waiting. */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  let stuck = 0
  for (const { account, market } of await activeProcurementPolicies()) {
    try {
      // An index lags: only the table says what is.
      const row = await getProcurementPolicy(account, market)
      if (row !== undefined && row.mode !== 'off') await procure(row, nowMillis)
    } catch (error) {
      stuck += 1
      logger.error('a procurement policy cannot be followed', { account, market, error: String(error) })
    }
  }
  metrics.addMetric('ProcurementsStuck', MetricUnit.Count, stuck)
})

const procure = async (row: ProcurementPolicyRow, nowMillis: number): Promise<void> => {
  const { lastRun } = row
  if (lastRun?.result === 'bidding') {
    if (row.mode === 'live') return bid(row, lastRun, nowMillis)
    // Whether it had been sent by then, the account's bids tell.
    await noted(row, {
      ...lastRun,
      result: 'refused',
      reason: 'The policy places no bids any more.',
      atMillis: nowMillis,
    })
    return
  }
  const trader = await traderOf(row)
  if (trader === undefined) throw new Error(`the account ${row.account} is not open`)
  for (const auction of await auctionsFrom(trader.lane, deliveryDateOf(nowMillis))) {
    const market = auction.markets.find(each => each.market === row.market)
    if (auction.state !== 'open' || market === undefined || !isDue(lastRun, auction.deliveryDate)) continue
    // No forecast reaches so far, nor to any date after it.
    if ((deliveryDayMillis(auction.deliveryDate) ?? Infinity) + dayMillis - nowMillis > longestHorizon * hourMillis)
      return
    const run = await plannedFor(row, market, auction, nowMillis)
    const isTold =
      run.result === 'waiting' && lastRun?.deliveryDate === run.deliveryDate && lastRun.reason === run.reason
    const planned = isTold ? undefined : await noted(row, run)
    if (planned !== undefined && run.result === 'bidding') await bid(planned, run, nowMillis)
    // The next date has its turn in a minute: after this one, whatever becomes of it.
    return
  }
}

/** Dates one after the other; one without a forecast is asked about until its gate closes. */
const isDue = (lastRun: ProcurementRun | undefined, deliveryDate: string): boolean =>
  lastRun === undefined ||
  deliveryDate > lastRun.deliveryDate ||
  (deliveryDate === lastRun.deliveryDate && lastRun.result === 'waiting')

const plannedFor = async (
  row: ProcurementPolicyRow,
  market: DayAheadMarket,
  { deliveryDate }: AuctionRow,
  nowMillis: number,
): Promise<ProcurementRun> => {
  const run = { deliveryDate, steps: [], costMicros: 0, units: 0, atMillis: nowMillis }
  const dot = row.market.indexOf('.')
  const [tickMicros, lotMicros, marketMicros] = [market.tickSize, market.minTradeAmount, market.maxPrice].map(micros)
  const deliveryMillis = deliveryDayMillis(deliveryDate)
  if (tickMicros === undefined || lotMicros === undefined || marketMicros === undefined || deliveryMillis === undefined)
    throw new Error(`the market ${row.market} of ${deliveryDate} has terms that are no amounts`)
  const planned = await procurementOf(
    {
      resourceClass: row.market.slice(0, dot),
      region: row.market.slice(dot + 1),
      deliveryMillis,
      coveredUnits: row.coveredUnits,
      policy: {
        // What an award costs beside its price is part of the budget.
        budgetMicros: Number(
          (BigInt(row.budgetMicros) * BigInt(microsOfUnit)) / BigInt(microsOfUnit + market.makerCommissionPpm),
        ),
        tickMicros,
        mostPriceMicros: Math.min(row.mostPriceMicros ?? marketMicros, marketMicros),
        mostUnits: row.mostUnits ?? mostUnitsOfHour,
      },
    },
    nowMillis,
  )
  if ('code' in planned) return { ...run, result: 'waiting', reason: planned.detail ?? planned.code }
  const steps = planned.plan.bids.flatMap(({ startMillis, steps: ofHour }) =>
    ofHour.flatMap(({ priceMicros, units }) => {
      // Whole lots only, never more than planned.
      const lots = Number((BigInt(units) * BigInt(microsOfUnit)) / BigInt(lotMicros))
      return lots === 0 ? [] : { hour: new Date(startMillis).getUTCHours(), priceMicros, lots }
    }),
  )
  const unitMicros = steps.reduce((sum, { lots }) => sum + lots * lotMicros, 0)
  const costMicros = steps.reduce(
    (sum, { lots, priceMicros }) =>
      sum + (BigInt(priceMicros) * BigInt(lots) * BigInt(lotMicros)) / BigInt(microsOfUnit),
    0n,
  )
  return {
    ...run,
    result: steps.length === 0 ? 'nothing' : row.mode === 'dry_run' ? 'dry_run' : 'bidding',
    steps,
    costMicros: Number(costMicros),
    units: Math.floor(unitMicros / microsOfUnit),
  }
}

/** As the account would place it, under a name that follows from market and date: however often it is tried, it is one bid. */
const bid = async (row: ProcurementPolicyRow, run: ProcurementRun, nowMillis: number): Promise<void> => {
  const trader = await traderOf(row)
  if (trader === undefined) throw new Error(`the account ${row.account} is not open`)
  const auction = (await auctionsFrom(trader.lane, run.deliveryDate)).find(
    each => each.deliveryDate === run.deliveryDate,
  )
  const market = auction?.markets.find(each => each.market === row.market)
  if (market === undefined) {
    await noted(row, { ...run, result: 'refused', reason: 'The market is auctioned no more.', atMillis: nowMillis })
    return
  }
  const answer = await takeBid('buy', {
    principal: row,
    // Nobody waits: the next minute asks what has come of it.
    headers: {},
    idempotencyKey: `procurement-${row.market}-${run.deliveryDate}`,
    body: {
      delivery_date: run.deliveryDate,
      curves: [...Map.groupBy(run.steps, ({ hour }) => hour)].map(([hour, steps]) => ({
        market: row.market,
        hour,
        steps: steps.map(({ priceMicros, lots }) => ({
          price: decimalOfMicros(priceMicros),
          amount: decimal(lots, market.minTradeAmount),
        })),
      })),
    },
  })
  if ('code' in answer) {
    await noted(row, { ...run, result: 'refused', reason: answer.detail ?? answer.code, atMillis: nowMillis })
    return
  }
  const { bid_state: state, bid_id: bidId, reject_reason: reason } = answer.body
  if (state === 'pending') return
  if (state === 'rejected') {
    await noted(row, { ...run, result: 'refused', reason: reason ?? state, atMillis: nowMillis })
    return
  }
  await noted(row, { ...run, result: 'placed', bidId, atMillis: nowMillis })
}

/** Undefined where the account has set another policy meanwhile: the next minute goes by that. */
const noted = async (row: ProcurementPolicyRow, lastRun: ProcurementRun): Promise<ProcurementPolicyRow | undefined> => {
  const next = { ...row, revision: row.revision + 1, lastRun }
  return (await putProcurementPolicy(next)) ? next : undefined
}

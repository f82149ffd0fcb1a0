import type { Page } from '#adapters/pages.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { listOrders, type OrderRow } from '#adapters/tables/orders.ts'
import { listPositions, type PositionRow } from '#adapters/tables/positions.ts'
import { getLaneBudget, getQuoteBudget } from '#adapters/tables/risk-limits.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import type { AccountRisk, RestingOrder } from '#domain/margin/account-risk.ts'
import type { Instrument } from '#domain/reference/instrument.ts'

/** What the tables say of an account, and up to which event of its lane. */
export interface AccountState {
  /** What is open. */
  readonly rows: AccountRisk
  /** Closed ones among them. */
  readonly positions: readonly PositionRow[]
  readonly asOf: AsOf
}

/** The last event of the lane that is in the account's positions and cash, and in its orders. */
export interface AsOf {
  readonly positionsSequence: number
  readonly ordersSequence: number
  /** Whether both are of one moment, so that what follows from them is what the engine had then. */
  readonly isOneMoment: boolean
}

const rowsOfPage = 500
const mostAttempts = 3

/** Read again a few times where the projectors moved on meanwhile; in a lane that is never still it may be of two moments. */
export const readAccountState = async (lane: number, accountId: number): Promise<AccountState> => {
  for (let attempt = 1; ; attempt += 1) {
    const before = await watermarks(lane)
    const [balance, budget, laneBudget, positions, orders] = await Promise.all([
      getBalance(accountId, 'USD'),
      getQuoteBudget(lane, accountId),
      getLaneBudget(lane, accountId),
      allOf(after => listPositions(accountId, { limit: rowsOfPage, ...after })),
      allOf(after => listOrders(accountId, { limit: rowsOfPage, orderState: 'open', ...after })),
    ])
    const after = await watermarks(lane)
    const isOneMoment =
      before.positions === before.orders && before.positions === after.positions && before.orders === after.orders
    if (!isOneMoment && attempt < mostAttempts) continue
    const open = positions.filter(({ sizeLots }) => sizeLots !== 0)
    const instrumentOf = await instrumentsIn(lane, [...open, ...orders])
    return {
      positions,
      rows: {
        cashMicros: balance?.cashMicros ?? 0,
        heldMicros: balance?.heldMicros ?? 0,
        positions: open.map(row => ({
          instrument: instrumentOf(row.instrumentId),
          sizeLots: row.sizeLots,
          entryTickLots: row.entryTickLots,
        })),
        orders: orders.map(row => restingOrder(row, instrumentOf(row.instrumentId), budget !== undefined)),
        // In full: how much of it fills have used since it was filled up last only the engine knows.
        ...(budget === undefined ? {} : { quoteBudget: { terms: budget, remainingLots: budget.lots } }),
        ...(laneBudget === undefined ? {} : { laneBudget }),
      },
      asOf: { positionsSequence: before.positions, ordersSequence: before.orders, isOneMoment },
    }
  }
}

const watermarks = async (lane: number): Promise<{ readonly positions: number; readonly orders: number }> => {
  const [positions, orders] = await Promise.all([
    getWatermark('project-positions', lane),
    getWatermark('project-orders', lane),
  ])
  return { positions: positions.outSeq, orders: orders.outSeq }
}

const allOf = async <Row>(
  read: (after: { readonly after?: string }) => Promise<Page<Row>>,
): Promise<readonly Row[]> => {
  const rows: Row[] = []
  for (let after: { readonly after?: string } = {}; ; ) {
    const page = await read(after)
    rows.push(...page.rows)
    if (page.next === undefined) return rows
    after = { after: page.next }
  }
}

const instrumentsIn = async (
  lane: number,
  rows: readonly { readonly instrumentId: number }[],
): Promise<(instrumentId: number) => Instrument> => {
  const instruments = new Map<number, Instrument>()
  await Promise.all(
    [...new Set(rows.map(({ instrumentId }) => instrumentId))].map(async instrumentId => {
      const row = await getInstrumentById(lane, instrumentId)
      if (row !== undefined) instruments.set(instrumentId, row.instrument)
    }),
  )
  return instrumentId => {
    const instrument = instruments.get(instrumentId)
    if (instrument === undefined) throw new Error(`the instrument ${instrumentId} of lane ${lane} is not projected`)
    return instrument
  }
}

const restingOrder = (row: OrderRow, instrument: Instrument, hasBudget: boolean): RestingOrder => ({
  instrument,
  isSell: row.direction === 'sell',
  priceTicks: row.priceTicks,
  lots: row.quantityLots - row.filledLots,
  ...(hasBudget && row.quoteGroup !== undefined ? { isBudgeted: true } : {}),
})

import {
  type MarketWindow,
  type WindowKey,
  type WindowResolution,
  windowResolutions,
  windowStates,
} from '#domain/trading/market-windows.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, itemsOf, oneOf, whole } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface MarketWindowRow {
  readonly lane: number
  readonly instrumentId: number
  readonly resolution: WindowResolution
  readonly window: MarketWindow
  /** Of the last event that changed it. */
  readonly outSeq: number
}

export interface OpenWindowsRow {
  readonly lane: number
  readonly instrumentId: number
  readonly windows: readonly WindowKey[]
  readonly outSeq: number
}

const table = tables.marketWindows

const seriesOf = (lane: number, instrumentId: number, resolution: WindowResolution): string =>
  `${marketKeyOf(lane, instrumentId)}#${resolution}`

/** Beside the series of windows: a row a market under its number, of the windows that are open. */
const openSeriesOf = (lane: number): string => `${lane}#open`

const mostOfRead = 1_000

/** Newest first: those that begin from one instant on and before another. */
export const listMarketWindows = (
  lane: number,
  instrumentId: number,
  resolution: WindowResolution,
  options: { readonly limit: number; readonly startMillis?: number; readonly endMillis?: number },
): Promise<Page<MarketWindowRow>> => {
  const { limit, startMillis = 0, endMillis = Number.MAX_SAFE_INTEGER } = options
  if (startMillis >= endMillis) return Promise.resolve({ rows: [] })
  return page(
    {
      table,
      partition: { name: 'series', value: seriesOf(lane, instrumentId, resolution) },
      sortKeyName: 'start_millis',
      between: [startMillis, endMillis - 1],
      newestFirst: true,
      limit,
    },
    item => ({ lane, instrumentId, resolution, window: windowOf(item), outSeq: integer(item, 'out_seq') }),
  )
}

/** All that begin at an instant or later. */
export const marketWindowsFrom = async (
  lane: number,
  instrumentId: number,
  resolution: WindowResolution,
  startMillis: number,
): Promise<readonly MarketWindowRow[]> => {
  const found: MarketWindowRow[] = []
  for (;;) {
    const last = found.at(-1)
    const { rows, next } = await listMarketWindows(lane, instrumentId, resolution, {
      limit: mostOfRead,
      startMillis,
      ...(last === undefined ? {} : { endMillis: last.window.startMillis }),
    })
    found.push(...rows)
    if (next === undefined) return found
  }
}

/** The windows of a lane that are not closed, a row for each market that ever traded. */
export const openWindowsOf = async (lane: number): Promise<readonly OpenWindowsRow[]> => {
  const found: OpenWindowsRow[] = []
  for (;;) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'series', value: openSeriesOf(lane) },
        sortKeyName: 'start_millis',
        between: [(found.at(-1)?.instrumentId ?? -1) + 1, Number.MAX_SAFE_INTEGER],
        limit: mostOfRead,
      },
      item => openRowOf(lane, item),
    )
    found.push(...rows)
    if (next === undefined) return found
  }
}

export const marketWindowPut = ({ lane, instrumentId, resolution, window, outSeq }: MarketWindowRow): Write => ({
  kind: 'put',
  table,
  item: {
    series: seriesOf(lane, instrumentId, resolution),
    start_millis: window.startMillis,
    trades: window.trades,
    // As text: no bound of a double for what is added up.
    volume_lots: String(window.volumeLots),
    turnover_tick_lots: String(window.turnoverTickLots),
    buyer_lots: String(window.buyerLots),
    seller_lots: String(window.sellerLots),
    open_ticks: window.openTicks,
    close_ticks: window.closeTicks,
    previous_ticks: window.previousTicks,
    squared_returns: String(window.squaredReturns),
    state: window.state,
    version: window.version,
    out_seq: outSeq,
  },
})

/** Of a window that is there. */
export const marketWindowClose = (lane: number, key: WindowKey, outSeq: number): Write => ({
  kind: 'update',
  table,
  key: { series: seriesOf(lane, key.instrumentId, key.resolution), start_millis: key.startMillis },
  set: { state: 'closed', out_seq: outSeq },
})

export const openWindowsPut = ({ lane, instrumentId, windows, outSeq }: OpenWindowsRow): Write => ({
  kind: 'put',
  table,
  item: {
    series: openSeriesOf(lane),
    start_millis: instrumentId,
    windows: windows.map(({ resolution, startMillis }) => ({ resolution, start_millis: startMillis })),
    out_seq: outSeq,
  },
})

const openRowOf = (lane: number, item: Item): OpenWindowsRow => {
  const instrumentId = integer(item, 'start_millis')
  return {
    lane,
    instrumentId,
    windows: itemsOf(item, 'windows').map(each => ({
      instrumentId,
      resolution: oneOf(each, 'resolution', windowResolutions),
      startMillis: integer(each, 'start_millis'),
    })),
    outSeq: integer(item, 'out_seq'),
  }
}

const windowOf = (item: Item): MarketWindow => ({
  startMillis: integer(item, 'start_millis'),
  trades: integer(item, 'trades'),
  volumeLots: whole(item, 'volume_lots'),
  turnoverTickLots: whole(item, 'turnover_tick_lots'),
  buyerLots: whole(item, 'buyer_lots'),
  sellerLots: whole(item, 'seller_lots'),
  openTicks: integer(item, 'open_ticks'),
  closeTicks: integer(item, 'close_ticks'),
  previousTicks: integer(item, 'previous_ticks'),
  squaredReturns: whole(item, 'squared_returns'),
  state: oneOf(item, 'state', windowStates),
  version: integer(item, 'version'),
})

import { eventType, typeOf, wordsOf } from '#domain/trading/messages.ts'
import { EngineRun } from './engine-run.ts'
import { type Flow, operations, recordWords } from './flow-file.ts'
import { randomOf } from './random.ts'

/**
 * Two mixes on one or many symbols, the same for the same seed. `xc`, as exchange-core measures itself: 9 % new orders,
 * 3 % immediate ones, 6 % cancels, 82 % moves, prices up to 2,500 ticks away. `nq`, as on NASDAQ: 55 % new, 3.5 %
 * immediate, 35 % cancels, 7 % moves, close to the middle; one command in eight trades. Books stay 1,000 orders deep on
 * each side; of many symbols the first ones are the busiest.
 */
export type Mix = 'xc' | 'nq'

const startTicks = 50_000
const highestTicks = 131_072
const ordersOfSide = 1_000
const accounts = 1_000

interface Live {
  readonly id: number
  readonly side: number
  ticks: number
  lots: number
  place: number
}

interface Market {
  readonly live: Live[]
  readonly count: [number, number]
  lastTicks: number
  middle: number
}

export const makeFlow = (mix: Mix, symbols: number, commands: number, seed: number): Flow => {
  const random = randomOf(seed)
  const below = (bound: number): number => Math.floor(random() * bound)
  const markets = Array.from(
    { length: symbols },
    (): Market => ({ live: [], count: [0, 0], lastTicks: startTicks, middle: startTicks }),
  )
  const byId = new Map<number, { readonly live: Live; readonly market: Market }>()
  const run = new EngineRun({ symbols, highestTicks, accounts })
  const records: number[] = []
  let lastId = 0

  const forget = (id: number): void => {
    const known = byId.get(id)
    if (known === undefined) return
    const { live, market } = known
    const last = market.live.pop()
    if (last !== undefined && last !== live) {
      market.live[live.place] = last
      last.place = live.place
    }
    market.count[live.side] = (market.count[live.side] ?? 0) - 1
    byId.delete(id)
  }

  const emit = (
    operation: number,
    symbol: number,
    id: number,
    side: number,
    ticks: number,
    lots: number,
    account: number,
  ) => {
    const at = records.push(operation, symbol, id, side, ticks, lots, account, 0) - recordWords
    const market = markets[symbol] as Market
    run.applyRecord(records, at)
    const { words, length } = run.engine.told
    let remaining = lots
    for (let event = 0; event < length; event += wordsOf(words[event] as number)) {
      if (typeOf(words[event] as number) !== eventType['trade-executed']) continue
      market.lastTicks = words[event + 2] as number
      remaining = words[event + 28 + 6] as number
      const maker = run.orderIdAt(event + 8)
      const left = words[event + 8 + 6] as number
      const known = byId.get(maker)
      if (known !== undefined) known.live.lots = left
      if (left === 0) forget(maker)
    }
    run.engine.told.clear()
    if (operation === operations.cancel || (operation === operations.move && remaining === 0)) forget(id)
    if (operation === operations.move) {
      const known = byId.get(id)
      if (known !== undefined) Object.assign(known.live, { ticks, lots: remaining })
    }
    if (operation !== operations.place || remaining === 0) return
    const live = { id, side, ticks, lots: remaining, place: market.live.length }
    market.live.push(live)
    market.count[side] = (market.count[side] ?? 0) + 1
    byId.set(id, { live, market })
  }

  const size = (): number => 1 + below(6) * below(6) * below(6)
  const within = (ticks: number): number => Math.min(highestTicks - 1, Math.max(1, ticks))
  const newTicks = (market: Market, side: number): number => {
    if (mix === 'nq') {
      const distance = 1 + Math.floor(random() ** 3 * 64)
      return within(market.middle + (side === 0 ? -distance : distance))
    }
    const width = 1 + Math.floor(random() ** 2 * 2_500)
    const mean = Math.trunc((below(width) + below(width) + below(width) + below(width)) / 4)
    const distance = Math.abs(2 * mean - width)
    return within(market.lastTicks + (side === 0 ? -distance : distance))
  }
  const place = (symbol: number, operation: number, side: number, ticks: number): void => {
    lastId += 1
    emit(operation, symbol, lastId, side, ticks, size(), below(accounts))
  }
  const chosen = (market: Market): Live => market.live[below(market.live.length)] as Live
  const cancel = (symbol: number, { id, side }: Live): void => emit(operations.cancel, symbol, id, side, 0, 0, 0)
  const move = (symbol: number, { id, side, lots }: Live, ticks: number): void =>
    emit(operations.move, symbol, id, side, within(ticks), lots, 0)

  const stepXc = (symbol: number, market: Market): void => {
    const kind = below(100)
    if (kind < 12 || market.live.length === 0) {
      const side = below(2)
      if ((market.count[side] ?? 0) < ordersOfSide) place(symbol, operations.place, side, newTicks(market, side))
      else place(symbol, operations.take, 1 - side, side === 1 ? highestTicks - 1 : 1)
      return
    }
    const live = chosen(market)
    if (kind < 18) {
      cancel(symbol, live)
      return
    }
    const away = market.lastTicks - live.ticks
    const step = away === 0 ? below(2) * 2 - 1 : Math.sign(away) * Math.ceil(Math.abs(away) / 100)
    move(symbol, live, live.ticks + step)
  }
  const bestOf = (market: Market, side: number): number =>
    market.live.reduce(
      (best, live) =>
        live.side !== side ? best : side === 0 ? Math.max(best, live.ticks) : Math.min(best, live.ticks),
      side === 0 ? 0 : highestTicks,
    )
  const stepNq = (symbol: number, market: Market): void => {
    if (below(64) === 0) market.middle = within(market.middle + below(2) * 2 - 1)
    const side = below(2)
    const kind = below(1000)
    const isShallow = market.live.length < 1.8 * ordersOfSide
    if (kind < 70) {
      const best = bestOf(market, 1 - side)
      const reach = below(3)
      const operation = below(2) === 0 ? operations.take : operations.place
      place(symbol, operation, side, within(side === 0 ? best + reach : best - reach))
    } else if (isShallow || (kind < 520 && (market.count[side] ?? 0) <= 1.1 * ordersOfSide))
      place(symbol, operations.place, side, newTicks(market, side))
    else if (kind < 920) cancel(symbol, chosen(market))
    else {
      const live = chosen(market)
      const step = (1 + below(3)) * (below(2) * 2 - 1)
      move(symbol, live, live.ticks + step)
    }
  }

  for (const [symbol, market] of markets.entries())
    while (market.count[0] < ordersOfSide || market.count[1] < ordersOfSide) {
      const side = market.count[0] >= ordersOfSide ? 1 : market.count[1] >= ordersOfSide ? 0 : below(2)
      place(symbol, operations.place, side, newTicks(market, side))
    }
  const prefill = records.length / recordWords
  for (let command = 0; command < commands; command += 1) {
    const symbol = symbols === 1 ? 0 : Math.floor(random() ** 2 * symbols)
    const market = markets[symbol] as Market
    if (mix === 'xc') stepXc(symbol, market)
    else stepNq(symbol, market)
  }
  const name = `${mix}, ${symbols} ${symbols === 1 ? 'symbol' : 'symbols'}`
  return { name, symbols, prefill, commands, highestTicks, records: Int32Array.from(records) }
}

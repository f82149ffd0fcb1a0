import { describe, expect, test } from '@jest/globals'
import { type AccountRisk, type EpochInForce, valueAccount } from '#domain/margin/account-risk.ts'
import { type BookSide, emptySide, withLevel } from '#domain/trading/book-side.ts'
import {
  type Command,
  type InstrumentRisk,
  type PlaceOrder,
  plainInstructions,
  type TimeInForce,
} from '#domain/trading/commands.ts'
import { createEngine, type Engine, type EngineState } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { previewOrders } from '#domain/trading/order-preview.ts'
import { readInstrument } from '#domain/trading/saved-contract.ts'
import { createRandom, type Random } from '#test/support/random-commands.ts'
import { idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const accountIds = [1, 2, 3]
const scenarios = [3, 2]
const groups = [
  { thresholdUnits: 40, microsPerUnit: 3 * usd },
  { thresholdUnits: 10, microsPerUnit: usd / 2 },
]

/** Fees that differ, and a limit on positions in one of them. */
const specifications = [
  { ...testSpecification, makerCommissionPpm: 100, takerCommissionPpm: 500 },
  { ...testSpecification, instrumentName: 'H100.EUW-27NOV26', maxPrice: '300', takerCommissionPpm: 7_000 },
  { ...testSpecification, instrumentName: 'A100.USE-27NOV26', maxPrice: '50', positionLimit: '60' },
]
const listedLater = { ...testSpecification, instrumentName: 'B200.USE-27NOV26', maxPrice: '90' }

class Floor {
  readonly engine: Engine = createEngine(1)
  readonly random: Random
  inForce: EpochInForce | undefined
  private orders = 0

  constructor(seed: number) {
    this.random = createRandom(seed)
    this.enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
    for (const accountId of accountIds) {
      this.enter({ type: 'open-account', commandId: nextCommandId(), account: `account-${accountId}`, firm: '' })
      const amountMicros = this.random.between(500, 9_000) * usd
      this.enter({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros })
    }
    for (const specification of specifications) this.list(specification)
  }

  enter(command: Command): Event[] {
    return this.engine.enter(command, marketMillis)
  }

  list(specification: typeof testSpecification): void {
    this.enter({ type: 'list-instrument', commandId: nextCommandId(), specification })
  }

  /** Arrays, and bounds here and there. */
  adoptEpoch(): void {
    const { random } = this
    const version = (this.inForce?.epoch.version ?? 0) + 1
    const instruments = this.engine.snapshot().books.map((book): InstrumentRisk => {
      const { instrumentId, specificationVersion, maxPriceTicks } = book.instrument
      const markTicks = random.between(0, Math.min(maxPriceTicks, 60))
      const gain = () => Math.min(random.between(-markTicks, 20), maxPriceTicks - markTicks) * usd
      const restMicros = random.chance(0.5) ? 0 : gain()
      const isBounded = random.chance(0.2)
      return {
        instrumentId,
        specificationVersion,
        markMicros: markTicks * usd,
        shortMinimumMicros: random.chance(0.3) ? usd : 0,
        group: random.below(2),
        concentrationUnits: random.below(2),
        deltaMicroUnits: 1_000_000,
        vegaMicros: 0,
        risk: isBounded
          ? { kind: 'bounds', lowMicros: (markTicks >> 1) * usd, highMicros: maxPriceTicks * usd }
          : {
              kind: 'array',
              restMicros,
              arrayMicros: scenarios.flatMap(length => {
                const isMoved = random.chance(0.7)
                return Array.from({ length }, () => (isMoved ? gain() : restMicros))
              }),
            },
      }
    })
    const epochVersion = version
    const blocks = scenarios.map(length => ({ scenarios: length }))
    const told = [
      { type: 'risk-epoch-begin' as const, epochVersion, scenarioSetVersion: 1, groups, blocks },
      { type: 'risk-epoch-chunk' as const, epochVersion, number: 0, instruments },
      { type: 'risk-epoch-commit' as const, epochVersion, chunks: 1 },
    ].flatMap(command => this.enter({ ...command, commandId: nextCommandId() }))
    expect(told.map(({ type }) => type)).toContain('risk-epoch-adopted')
    const books = new Map(this.engine.snapshot().books.map(({ instrument }) => [instrument.instrumentId, instrument]))
    this.inForce = {
      epoch: {
        version,
        scenarioSetVersion: 1,
        scenarioNames: Array.from({ length: 5 }, (_, index) => `S${index}`),
        blocks: scenarios,
        groups: groups.map((group, index) => ({ name: `G${index}`, ...group })),
        instruments: instruments.map(({ specificationVersion: _, ...risk }) => {
          const contract = books.get(risk.instrumentId)
          const { maxPriceTicks = 0, microsPerTickLot = 0 } = contract ?? {}
          return {
            ...risk,
            instrumentName: contract?.specification.instrumentName ?? '',
            capMicros: maxPriceTicks * microsPerTickLot,
            microsPerTick: microsPerTickLot,
          }
        }),
      },
      specificationVersions: new Map(instruments.map(each => [each.instrumentId, each.specificationVersion])),
    }
  }

  randomOrder(accountId: number): PlaceOrder {
    const { random } = this
    this.orders += 1
    const books = this.engine.snapshot().books
    const { instrument } = random.pick(books)
    const isMarket = random.chance(0.1)
    const times: readonly TimeInForce[] = [
      'good_til_cancelled',
      'good_til_cancelled',
      'immediate_or_cancel',
      'fill_or_kill',
    ]
    const timeInForce = isMarket ? 'immediate_or_cancel' : random.pick(times)
    const rests = timeInForce === 'good_til_cancelled'
    return {
      type: 'place-order',
      orderId: idOf(this.orders.toString(16)),
      accountId,
      instrumentId: instrument.instrumentId,
      specificationVersion: random.chance(0.02) ? 9 : instrument.specificationVersion,
      direction: random.pick(['buy', 'sell']),
      orderType: isMarket ? 'market' : 'limit',
      timeInForce,
      priceTicks: isMarket ? 0 : random.chance(0.03) ? instrument.maxPriceTicks + 1 : random.between(1, 50),
      quantityLots: random.chance(0.1) ? random.between(100, 5_000) : random.between(1, 40),
      clientOrderId: '',
      ...plainInstructions,
      postOnly: rests && random.chance(0.2) ? random.pick(['slide', 'reject']) : 'no',
      // One that rests may fill less than it shows.
      reduceOnly: !rests && random.chance(0.3),
      selfTradePrevention: random.chance(0.2) ? 'cancel_newest' : 'none',
    }
  }
}

type Book = EngineState['books'][number]
type Order = Book['buy'][number]

const sideOf = (orders: readonly Order[], sells: boolean): BookSide => {
  const levels = new Map<number, number>()
  for (const { priceTicks, quantityLots, filledLots } of orders)
    levels.set(priceTicks, (levels.get(priceTicks) ?? 0) + quantityLots - filledLots)
  let side = emptySide
  for (const [ticks, lots] of levels) side = withLevel(side, sells, ticks, lots)
  return side
}

/** What projectors make of the engine's state: an account's rows, and the markets' books. */
const projected = (state: EngineState, accountId: number) => {
  const account = state.accounts[accountId - 1]
  if (account === undefined) throw new Error('no such account')
  const instruments = new Map(state.books.map(book => [book.instrument.instrumentId, readInstrument(book.instrument)]))
  const instrumentOf = (instrumentId: number) => {
    const instrument = instruments.get(instrumentId)
    if (instrument === undefined) throw new Error('no such instrument')
    return instrument
  }
  const rows: AccountRisk = {
    cashMicros: account.cashMicros,
    heldMicros: (state.margin?.holds ?? []).reduce((sum, [, id, micros]) => (id === accountId ? sum + micros : sum), 0),
    positions: account.positions.map(position => ({ ...position, instrument: instrumentOf(position.instrumentId) })),
    orders: state.books.flatMap(({ instrument, buy, sell }) =>
      [buy, sell].flatMap((side, index) =>
        side
          .filter(order => order.accountId === accountId)
          .map(order => ({
            instrument: instrumentOf(instrument.instrumentId),
            isSell: index === 1,
            priceTicks: order.priceTicks,
            lots: order.quantityLots - order.filledLots,
          })),
      ),
    ),
  }
  const markets = state.books.map(book => ({
    instrument: instrumentOf(book.instrument.instrumentId),
    market: {
      bids: sideOf(book.buy, false),
      asks: sideOf(book.sell, true),
      state: book.state,
      untilMillis: book.untilMillis,
      controls: book.controls,
      markTicks: book.markTicks,
      lastTicks: book.lastTicks,
      lastAtMillis: 0,
      openInterestLots: 0,
    },
  }))
  const realisedMicros = new Map(account.positions.map(position => [position.instrumentId, position.realisedMicros]))
  return { rows, markets, account: { ...rows, realisedMicros, isKilled: account.isKilled, isInLiquidation: false } }
}

/** Which of two orders of one price stands first nobody is shown: an account that trades with itself may see another outcome. */
const meetsOwn = (order: PlaceOrder, rows: AccountRisk, basket: readonly PlaceOrder[]): boolean =>
  [
    ...rows.orders.map(({ instrument, isSell }) => ({ ...instrument, direction: isSell ? 'sell' : 'buy' })),
    ...basket,
  ].some(other => other.instrumentId === order.instrumentId && other.direction !== order.direction)

const rejectionOf = (events: readonly Event[]): string | undefined => {
  const [first] = events
  return first?.type === 'order-rejected' ? first.code : undefined
}

const filledOf = (events: readonly Event[], orderId: string): number =>
  events.reduce((filled, event) => {
    if (event.type !== 'trade-executed') return filled
    return [event.maker, event.taker].reduce((sum, leg) => (leg.orderId === orderId ? leg.filledLots : sum), filled)
  }, 0)

describe('a preview', () => {
  test('is what the engine then charges, to the unit, over random books', () => {
    const codes = new Map<string, number>()
    for (let seed = 1; seed <= 12; seed += 1) {
      const floor = new Floor(seed)
      const { engine, random } = floor
      for (let step = 0; step < 60; step += 1) {
        if (random.chance(0.04)) floor.adoptEpoch()
        if (step === 40) floor.list(listedLater)
        if (random.chance(0.05)) {
          const amountMicros = random.between(1, 50) * usd
          floor.enter({
            type: 'place-hold',
            commandId: nextCommandId(),
            accountId: random.pick(accountIds),
            amountMicros,
          })
        }
        const accountId = random.pick(accountIds)
        const { account, markets, rows } = projected(engine.snapshot(), accountId)
        expect(valueAccount(rows, floor.inForce).figures).toEqual(engine.marginOf(accountId))
        const basket: PlaceOrder[] = []
        for (let length = random.between(1, 3); basket.length < length; ) {
          const order = floor.randomOrder(accountId)
          if (!meetsOwn(order, rows, basket)) basket.push(order)
        }
        const preview = previewOrders({ account, markets, epoch: floor.inForce, atMillis: marketMillis }, basket)
        expect(preview.before).toEqual(engine.marginOf(accountId))
        for (const [index, order] of basket.entries()) {
          const events = floor.enter(order)
          const previewed = preview.orders[index]
          const code = rejectionOf(events)
          codes.set(code ?? 'accepted', (codes.get(code ?? 'accepted') ?? 0) + 1)
          expect([previewed?.code, previewed?.filledLots]).toEqual([code, filledOf(events, order.orderId)])
          expect(previewed?.figures).toEqual(engine.marginOf(accountId))
        }
        expect(preview.after).toEqual(engine.marginOf(accountId))
      }
    }
    // Enough of each kind was there to tell.
    for (const code of [
      'accepted',
      'insufficient-margin',
      'insufficient-funds',
      'position-limit',
      'price-out-of-range',
    ])
      expect([code, codes.get(code) ?? 0]).toEqual([code, expect.any(Number)])
    expect(codes.get('accepted')).toBeGreaterThan(300)
    expect(codes.get('insufficient-margin')).toBeGreaterThan(20)
    expect(codes.get('insufficient-funds')).toBeGreaterThan(5)
  }, 120_000)
})

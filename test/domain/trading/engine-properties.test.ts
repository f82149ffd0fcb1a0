import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { createEngine, type Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import type { Event, TradeExecuted } from '#domain/trading/events.ts'
import { createNaiveBook } from '#test/support/naive-book.ts'
import {
  commandSequence,
  commandsMillis,
  depositsMicros,
  instruments,
  openingCommands,
} from '#test/support/random-commands.ts'

const openEngine = (): Engine => {
  const engine = createEngine(1)
  for (const command of openingCommands) engine.enter(command, commandsMillis)
  return engine
}

/** As the naive book says it. */
const naiveLine = (event: Event): string => {
  switch (event.type) {
    case 'order-accepted':
      return `${event.orderId} accepted @ ${event.priceTicks}`
    case 'order-rejected':
      return `${event.orderId} rejected ${event.code}`
    case 'trade-executed':
      return `${event.taker.orderId} takes ${event.quantityLots} @ ${event.priceTicks} from ${event.maker.orderId}, leaving ${event.maker.remainingLots}`
    case 'order-cancelled':
      return `${event.orderId} cancelled ${event.cancelledLots}`
    case 'order-amended':
      return `${event.orderId} amended to ${event.quantityLots} @ ${event.priceTicks} ${event.keptPriority ? 'in place' : 'anew'}`
    case 'command-rejected':
      return `rejected ${event.code}`
    default:
      return event.type
  }
}

const trades = (events: readonly Event[]): TradeExecuted[] =>
  events.filter((event): event is TradeExecuted => event.type === 'trade-executed')

const positionsOf = (state: EngineState) => state.accounts.flatMap(({ positions }) => positions)

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

describe('the engine, whatever comes', () => {
  test('trades, refuses and keeps in its book exactly what the naive book does', () => {
    fc.assert(
      fc.property(commandSequence(120), commands => {
        const engine = openEngine()
        const naive = createNaiveBook(instruments, depositsMicros)
        const told = commands.map(command => engine.enter(command, commandsMillis).map(naiveLine))
        expect(told).toEqual(commands.map(command => naive.apply(command)))
        const books = engine
          .snapshot()
          .books.map(({ buy, sell }) =>
            [...buy, ...sell].map(
              o => `${o.orderId} ${o.quantityLots - o.filledLots} of ${o.quantityLots} @ ${o.priceTicks}`,
            ),
          )
        expect(books).toEqual(
          instruments.map(({ instrumentId }) => [
            ...naive.resting(instrumentId, 'buy'),
            ...naive.resting(instrumentId, 'sell'),
          ]),
        )
      }),
      { numRuns: 150 },
    )
  })

  test('makes no money and no positions, and loses none', () => {
    fc.assert(
      fc.property(commandSequence(120), commands => {
        const engine = openEngine()
        const cash = new Map(depositsMicros.map((micros, index) => [index + 1, micros]))
        const realised = new Map<string, number>()
        const changes = (trade: TradeExecuted): { cash: number; realised: number; fee: number }[] =>
          [trade.maker, trade.taker].map(leg => {
            const holding = `${leg.accountId} ${trade.instrumentId}`
            const change = {
              cash: leg.cashMicros - (cash.get(leg.accountId) ?? 0),
              realised: leg.position.realisedMicros - (realised.get(holding) ?? 0),
              fee: leg.feeMicros,
            }
            cash.set(leg.accountId, leg.cashMicros)
            realised.set(holding, leg.position.realisedMicros)
            return change
          })
        for (const trade of trades(commands.flatMap(command => engine.enter(command, commandsMillis)))) {
          const legs = changes(trade)
          expect(legs.map(({ cash }) => cash)).toEqual(legs.map(({ realised, fee }) => realised - fee))
          expect(sum(legs.map(leg => leg.cash)) + trade.houseFeesMicros).toBe(sum(legs.map(leg => leg.realised)))
        }
        const state = engine.snapshot()
        expect(state.accounts.map(({ cashMicros }) => cashMicros)).toEqual([...cash.values()])
        for (const { instrumentId, microsPerTickLot } of instruments) {
          const positions = positionsOf(state).filter(position => position.instrumentId === instrumentId)
          expect(sum(positions.map(({ sizeLots }) => sizeLots))).toBe(0)
          // What one side paid the other received, so results differ from zero only by what is still open.
          const open = sum(positions.map(({ entryTickLots }) => entryTickLots)) * microsPerTickLot
          expect(sum(positions.map(({ realisedMicros }) => realisedMicros))).toBe(open)
        }
        const results = sum(positionsOf(state).map(({ realisedMicros }) => realisedMicros))
        const owned = sum(state.accounts.map(({ cashMicros }) => cashMicros))
        expect(owned + state.houseMicros - results).toBe(sum(depositsMicros))
      }),
      { numRuns: 60 },
    )
  })

  test('never lets an account owe more than its cash, whatever fills and wherever it settles', () => {
    fc.assert(
      fc.property(commandSequence(80), commands => {
        const engine = openEngine()
        const naive = createNaiveBook(instruments, depositsMicros)
        const owing = commands.filter(command => {
          naive.apply(command)
          const legs = trades(engine.enter(command, commandsMillis)).flatMap(({ maker, taker }) => [maker, taker])
          return (
            legs.some(leg => leg.cashMicros < 0) || depositsMicros.some((_, index) => naive.spareMicros(index + 1) < 0)
          )
        })
        expect(owing).toEqual([])
      }),
      { numRuns: 40 },
    )
  })

  test('continues after a snapshot, wherever it is taken, as if nothing had happened', () => {
    fc.assert(
      fc.property(commandSequence(80), fc.nat(), (commands, seed) => {
        const engine = openEngine()
        const cut = seed % (commands.length + 1)
        for (const command of commands.slice(0, cut)) engine.enter(command, commandsMillis)
        const text = JSON.stringify(engine.snapshot())
        const restored = restoreEngine(JSON.parse(text))
        expect(JSON.stringify(restored.snapshot())).toBe(text)
        const tail = commands.slice(cut)
        expect(tail.map(command => restored.apply(command, commandsMillis))).toEqual(
          tail.map(command => engine.enter(command, commandsMillis)),
        )
        expect(JSON.stringify(restored.snapshot())).toBe(JSON.stringify(engine.snapshot()))
      }),
      { numRuns: 60 },
    )
  })

  test('takes each command once', () => {
    fc.assert(
      fc.property(commandSequence(60), commands => {
        const engine = openEngine()
        for (const command of commands) engine.enter(command, commandsMillis)
        const before = JSON.stringify(engine.snapshot())
        const types = commands.flatMap(command => engine.enter(command, commandsMillis).map(event => event.type))
        expect(types).toEqual(commands.map(() => 'command-duplicated'))
        expect(JSON.stringify(engine.snapshot())).toBe(before)
      }),
      { numRuns: 30 },
    )
  })
})

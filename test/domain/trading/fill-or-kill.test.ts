import { expect, test } from '@jest/globals'
import { reserveMicrosOf } from '#domain/ledger/accounts.ts'
import { type Command, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { Engine } from '#domain/trading/engine.ts'
import { fillableLots } from '#domain/trading/fill-or-kill.ts'
import { putIdText } from '#domain/trading/identifiers.ts'
import { noExtras, traits } from '#domain/trading/orders.ts'
import { createRandom, type Random } from '#test/support/random-commands.ts'
import { marketMillis, nextCommandId, testSpecification } from '#test/support/tape.ts'

/** An engine that may be asked how much would fill, and then be made to do it. */
class OpenEngine extends Engine {
  fillableAndFilled(accountId: number, sells: boolean, ticks: number, lots: number, all: number, group: number) {
    const { accounts, orders, levels } = this
    const listing = this.listingOf(1)
    const holding = accounts.holdingOf(accounts.find(accountId), 1)
    const reserve = reserveMicrosOf(listing.instrument, ticks, lots)
    const refusal = accounts.openVolume(holding, listing.instrument, sells, ticks, lots, reserve)
    if (refusal !== undefined) throw new Error(refusal)
    const id = new Int32Array(4)
    putIdText(id, 0, nextCommandId())
    const taker = this.create(id, 0, holding, lots, all | traits.hasExtras | (sells ? traits.sells : 0), reserve)
    orders.extras.set(taker, { ...noExtras, selfTradeGroup: group })
    const isOwn = (maker: number): boolean => this.isOwn(taker, maker)
    const fillable = fillableLots(taker, listing.book, sells, ticks, { orders, levels, accounts, isOwn })
    this.match(taker, listing, sells, ticks)
    return { fillable, filled: orders.filledLots(taker) }
  }
}

const accountsOf = 4
const openEngine = (random: Random): OpenEngine => {
  const engine = new OpenEngine(1)
  const enter = (command: Command): void => {
    engine.enter(command, marketMillis)
  }
  for (let accountId = 1; accountId <= accountsOf; accountId += 1) {
    const firm = accountId <= 2 ? 'alpha' : ''
    enter({ type: 'open-account', commandId: nextCommandId(), account: `account-${accountId}`, firm })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros: 900_000_000_000 })
  }
  enter({ type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification })
  const order = (change: Partial<PlaceOrder>): void =>
    enter({
      type: 'place-order',
      orderId: nextCommandId(),
      accountId: random.between(1, accountsOf),
      instrumentId: 1,
      specificationVersion: 1,
      direction: random.pick(['buy', 'sell']),
      orderType: 'limit',
      timeInForce: 'good_til_cancelled',
      priceTicks: random.between(100, 106),
      quantityLots: random.between(1, 9),
      clientOrderId: '',
      ...plainInstructions,
      ...change,
    })
  // Positions first; then a book that does not cross, with icebergs, and many that may only reduce.
  for (let n = 0; n < 12; n += 1) order({})
  for (let n = 0; n < 14; n += 1) {
    const direction = random.pick(['buy', 'sell'] as const)
    const instructions = {
      displayLots: random.chance(0.4) ? 1 : 0,
      reduceOnly: random.chance(0.5),
      selfTradeGroup: random.pick([0, 1]),
    }
    order({ direction, priceTicks: (direction === 'buy' ? 96 : 107) + random.below(4), ...instructions })
  }
  return engine
}

test('what is found fillable is what matching then fills, in all circumstances', () => {
  const random = createRandom(4)
  let partly = 0
  for (let n = 0; n < 1_500; n += 1) {
    const engine = openEngine(random)
    const sells = random.chance(0.5)
    const all = random.pick([
      0,
      traits.preventsNewest,
      traits.preventsOldest,
      traits.preventsNewest | traits.preventsOldest,
    ])
    const reduces = random.chance(0.3) ? traits.reducesOnly : 0
    const ticks = sells ? random.between(94, 100) : random.between(106, 112)
    const lots = random.between(1, 60)
    const { fillable, filled } = engine.fillableAndFilled(
      random.between(1, accountsOf),
      sells,
      ticks,
      lots,
      all | reduces,
      random.pick([0, 1]),
    )
    expect(fillable).toBe(filled)
    if (filled > 0 && filled < lots) partly += 1
  }
  expect(partly).toBeGreaterThan(100)
})

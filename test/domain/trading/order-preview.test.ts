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
import { type LimitScale, type LimitScope, type LimitTerms, noLimits } from '#domain/trading/limit-terms.ts'
import { type PreviewLimits, previewOrders } from '#domain/trading/order-preview.ts'
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

  constructor(seed: number, firms: readonly string[] = []) {
    this.random = createRandom(seed)
    this.enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
    for (const accountId of accountIds) {
      this.enter({
        type: 'open-account',
        commandId: nextCommandId(),
        account: `account-${accountId}`,
        firm: firms[accountId - 1] ?? '',
      })
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

const groupHash = '00000000000000aa'

/** Two accounts of a firm and one of another, with limits of all kinds but message rates, and a maker of quotes. */
class LimitedFloor extends Floor {
  private readonly terms = new Map<string, LimitTerms>()
  private readonly losses = new Map<string, number>()
  private readonly scales = new Map<number, LimitScale>()

  constructor(seed: number) {
    super(seed, ['desk', 'desk', 'other'])
    const { random } = this
    this.mark(1)
    const isLossLimited = random.chance(0.5)
    const some = (scope: LimitScope): LimitTerms => ({
      ...noLimits,
      ...(random.chance(0.2) ? { maxOrderLots: random.between(30, 60) } : {}),
      ...(random.chance(0.2) ? { maxOrderNotionalMicros: random.between(500, 1_500) * usd } : {}),
      ...(random.chance(0.3) ? { maxOpenOrders: random.between(2, 9) } : {}),
      ...(random.chance(0.4) ? { maxPositionLots: random.between(60, 120) } : {}),
      ...(random.chance(0.2)
        ? { maxConcentrationPpm: random.between(200_000, 900_000), concentrationFromLots: 20 }
        : {}),
      ...(random.chance(0.3) ? { maxNetDelta: random.between(40, 80) * 1_000_000 } : {}),
      ...(random.chance(0.3) ? { maxGrossDelta: random.between(80, 110) * 1_000_000 } : {}),
      ...(random.chance(0.2) ? { collarPpm: random.between(200_000, 900_000) } : {}),
      ...(isLossLimited && scope !== 'instrument' ? { maxDailyLossMicros: random.between(1, 300) * usd } : {}),
    })
    for (const accountId of accountIds) if (random.chance(0.5)) this.limit({ scope: 'account', accountId }, some)
    if (random.chance(0.8)) this.limit({ scope: 'firm', firm: 'desk' }, some)
    for (const instrumentId of [1, 2]) if (random.chance(0.4)) this.limit({ scope: 'instrument', instrumentId }, some)
    const commandId = nextCommandId()
    const budget = { lots: 40, largestQuoteLots: 10, lotLossMicros: 40 * usd, lotCapMicros: 300 * usd }
    this.enter({ type: 'set-quote-budget', commandId, accountId: 2, ...budget })
    const protection = { intervalMillis: 1_000, frozenMillis: 1, amountLimitLots: 20, deltaLimitLots: 0 }
    const group = { accountId: 2, groupHash, name: 'group' }
    this.enter({ type: 'set-market-maker-protection', commandId: nextCommandId(), ...group, ...protection })
  }

  override enter(command: Command): Event[] {
    const events = super.enter(command)
    // As it is projected.
    for (const event of events)
      if (event.type === 'limit-breached' && event.limit === 'daily-loss')
        this.losses.set(event.accountId === 0 ? event.firm : String(event.accountId), event.measured)
    return events
  }

  private limit(
    asked: {
      readonly scope: LimitScope
      readonly accountId?: number
      readonly firm?: string
      readonly instrumentId?: number
    },
    some: (scope: LimitScope) => LimitTerms,
  ): void {
    const terms = some(asked.scope)
    const { accountId = 0, firm = '', instrumentId = 0 } = asked
    const subject = { scope: asked.scope, accountId, firm, instrumentId }
    const commandId = nextCommandId()
    const [told] = this.enter({ type: 'set-risk-limits', commandId, ...subject, isApproved: true, terms })
    if (told?.type === 'risk-limits-set') this.terms.set(`${asked.scope} ${accountId}${firm}${instrumentId}`, terms)
  }

  mark(instrumentId = this.random.between(1, 3)): void {
    const markTicks = this.random.between(5, 50)
    this.enter({ type: 'set-mark-price', commandId: nextCommandId(), instrumentId, markTicks })
  }

  scale(): void {
    const scale = {
      instrumentId: this.random.between(1, 3),
      scalePpm: this.random.between(300_000, 1_000_000),
      ...{ volatilityPpm: 1, referenceVolatilityPpm: 1, depthLots: 0, referenceDepthLots: 0 },
    }
    const commandId = nextCommandId()
    this.enter({ type: 'scale-risk-limits', commandId, floorPpm: 1, ceilingPpm: 1_000_000, scales: [scale] })
    this.scales.set(scale.instrumentId, scale)
  }

  /** Of one account, under its budget where margin allowed one. */
  quote(): void {
    const { random } = this
    const instrumentId = random.between(1, 3)
    const bidTicks = random.between(1, 49)
    const sides = { bidTicks, bidLots: random.between(0, 10), askTicks: bidTicks + 1, askLots: random.between(0, 10) }
    const quotes = [{ instrumentId, specificationVersion: 1, ...sides }]
    if (this.engine.snapshot().margin?.book.quoteBudgets.length === 0) return
    this.enter({ type: 'quote', commandId: nextCommandId(), accountId: 2, groupHash, groupName: 'group', quotes })
  }

  limitsOf(accountId: number): PreviewLimits {
    const state = this.engine.snapshot()
    const isBeyondLoss = (terms: LimitTerms, name: string): boolean =>
      terms.maxDailyLossMicros !== 0 && (this.losses.get(name) ?? 0) > terms.maxDailyLossMicros
    const account = this.terms.get(`account ${accountId}0`)
    const firm = accountId === 3 ? undefined : this.terms.get('firm 0desk0')
    return {
      ...(account === undefined ? {} : { account, isBeyondLoss: isBeyondLoss(account, String(accountId)) }),
      ...(firm === undefined
        ? {}
        : {
            firm: {
              terms: firm,
              members: [projected(state, 3 - accountId).rows],
              isBeyondLoss: isBeyondLoss(firm, 'desk'),
            },
          }),
      instruments: new Map(
        [1, 2].flatMap(instrumentId => {
          const terms = this.terms.get(`instrument 0${instrumentId}`)
          return terms === undefined ? [] : [[instrumentId, terms] as const]
        }),
      ),
      scales: [...this.scales.values()],
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
  const budget = state.margin?.book.quoteBudgets.find(([id]) => id === accountId)
  const rows: AccountRisk = {
    ...(budget === undefined ? {} : { quoteBudget: { terms: budget[1], remainingLots: budget[2] } }),
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
            ...(order.instructions?.groupHash === undefined ? {} : { isBudgeted: true }),
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
      openInterestLots: state.accounts
        .flatMap(({ positions }) => positions)
        .reduce((sum, { instrumentId, sizeLots }) => {
          return instrumentId === book.instrument.instrumentId ? sum + Math.max(0, sizeLots) : sum
        }, 0),
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

  test('knows the limits of account, firm and market, a day’s loss that was told, and quotes under a budget', () => {
    const codes = new Map<string, number>()
    let quotes = 0
    for (let seed = 1; seed <= 30; seed += 1) {
      const floor = new LimitedFloor(seed)
      const { engine, random } = floor
      for (let step = 0; step < 40; step += 1) {
        if (step === 5 || random.chance(0.04)) floor.adoptEpoch()
        if (random.chance(0.1)) floor.scale()
        if (random.chance(0.3)) floor.mark()
        if (random.chance(0.3)) floor.quote()
        const accountId = random.pick(accountIds)
        const state = engine.snapshot()
        const { account, markets, rows } = projected(state, accountId)
        expect(valueAccount(rows, floor.inForce).figures).toEqual(engine.marginOf(accountId))
        const order = floor.randomOrder(accountId)
        if (meetsOwn(order, rows, [])) continue
        quotes += rows.orders.filter(({ isBudgeted }) => isBudgeted === true).length
        const limits = floor.limitsOf(accountId)
        const preview = previewOrders({ account, markets, epoch: floor.inForce, limits, atMillis: marketMillis }, [
          order,
        ])
        const events = floor.enter(order)
        const [previewed] = preview.orders
        const code = rejectionOf(events)
        codes.set(code ?? 'accepted', (codes.get(code ?? 'accepted') ?? 0) + 1)
        expect([seed, step, previewed?.code, previewed?.filledLots]).toEqual([
          seed,
          step,
          code,
          filledOf(events, order.orderId),
        ])
        expect(previewed?.figures).toEqual(engine.marginOf(accountId))
      }
    }
    expect(quotes).toBeGreaterThan(100)
    const seen = [
      'accepted',
      'open-order-limit',
      'position-limit',
      'concentration-limit',
      'order-size-limit',
      'order-notional-limit',
      'net-delta-limit',
      'gross-delta-limit',
      'price-outside-collar',
      'daily-loss-limit',
    ]
    for (const code of seen) expect([code, (codes.get(code) ?? 0) > 4]).toEqual([code, true])
  }, 120_000)
})

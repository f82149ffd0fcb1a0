import { type ContractKind, neverMillis } from '#domain/reference/contract-terms.ts'
import { type ContractSpecification, type Instrument, legsOf } from '#domain/reference/instrument.ts'
import {
  type AmendOrder,
  type BustTrade,
  type Command,
  directions,
  type InstrumentRisk,
  noHash,
  type OrderType,
  type PlaceOrder,
  plainInstructions,
  type Quote,
  selfTradePreventions,
  settlementKinds,
  type TimeInForce,
  triggers,
} from '#domain/trading/commands.ts'
import type { Event, TradeExecuted } from '#domain/trading/events.ts'
import { type TradingState, tradingStates } from '#domain/trading/market-controls.ts'
import { quoteOrderId } from './naive-book.ts'
import { createRandomDeliveries } from './random-deliveries.ts'
import { createRandomLimits } from './random-limits.ts'
import { createRandomLiquidations } from './random-liquidations.ts'
import { marketMillis, testSpecification } from './tape.ts'

/** Numbers that follow from a seed alone (sfc32). */
export interface Random {
  /** From 0 to below n. */
  below(n: number): number
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
}

export const createRandom = (seed: number): Random => {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i += 1) next()
  const below = (n: number): number => Math.floor((next() / 4_294_967_296) * n)
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: probability => next() < probability * 4_294_967_296,
    pick: items => {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}

export interface TimedCommand {
  readonly command: Command
  readonly atMillis: number
}

/** A small exchange's day: few accounts, instruments and prices, so that commands of all kinds meet. */
export interface CommandSource {
  next(): TimedCommand
  /** What came of it: trades may be busted, orders of quotes changed. */
  heard(events: readonly Event[]): void
}

interface Market {
  readonly specification: Partial<ContractSpecification>
  /** Where most orders lie, from and to. */
  readonly near: readonly [number, number]
  /** Where some lie, and prices that are none. */
  readonly far: readonly number[]
  /** Of an option on it that pays something at most of these prices. */
  readonly strike: string
}

const hour = 3_600_000
const day = 24 * hour
const tenth = 100
const groupHashes = ['1111111111111111', '22222222aaaaaaaa'] as const
/** What they are called makes no difference. */
const groupNames = ['a', 'name of eight', 'ünï', 'x'.repeat(256)] as const
const labels = [
  ['', noHash],
  ['', noHash],
  ['', noHash],
  ['left', '00000000deadbeef'],
  ['right', 'ffffffff00000001'],
] as const

/** Near prices and high fees; a wide book whose far prices no window holds; one so wide that notional is bounded. */
const markets: readonly Market[] = [
  {
    specification: {
      tickSize: '0.000001',
      maxPrice: '0.000012',
      makerCommissionPpm: 20_000,
      takerCommissionPpm: 50_000,
    },
    near: [3, 10],
    far: [1, 2, 11, 12],
    strike: '0.000006',
  },
  {
    // A maker's fee above the taker's, and so high that better prices and rounding matter.
    specification: { tickSize: '0.000003', maxPrice: '0.000036', makerCommissionPpm: 300_000, takerCommissionPpm: 0 },
    near: [2, 9],
    far: [1, 10, 12],
    strike: '0.000017',
  },
  {
    specification: { tickSize: '0.000001', maxPrice: '2000', makerCommissionPpm: 100, takerCommissionPpm: 500 },
    near: [100_000, 100_040],
    far: [1, 90_000, 99_000, 101_500, 107_000, 150_000, 40_000_000, 1_999_999_999, 2_000_000_000],
    strike: '0.10002',
  },
]

/** Near prices, and a limit that is met. */
const contract = (kind: ContractKind, terms: object, tickSize = '0.000001'): Market => ({
  specification: {
    kind,
    terms: JSON.stringify(terms),
    tickSize,
    maxPrice: '0.000012',
    makerCommissionPpm: 20_000,
    takerCommissionPpm: 50_000,
  },
  near: [2, 6],
  far: [1, 8, 11, 12],
  strike: '0',
})
/** The end of a month, with which swaps end. */
const monthEnd = Date.UTC(2027, 1, 1)

export const createCommandSource = (random: Random): CommandSource => {
  const { below, between, chance, pick } = random
  /** Of the rules of engine version 3, with contracts of other kinds. */
  const hasContracts = chance(0.75)
  /** Accounts have little, and epochs often turn against them. */
  const isThin = hasContracts && chance(0.4)
  const future = pick(markets)
  const contracts = [
    contract(
      'option',
      {
        option_type: pick(['call', 'put']),
        strike: future.strike,
        exercise: chance(0.9) ? 'american' : 'european',
        underlying_instrument: chance(0.98) ? 'MARKET-1' : 'MARKET-9',
      },
      pick(['0.000001', '0.000002']),
    ),
    contract('swap', { first_month: pick(['2027-01', '2026-12', '2026-11']) }),
    contract('structured_product', { payoff: { constant: 1 } }),
  ].filter(() => hasContracts && chance(0.7))
  const openingVersion = isThin ? pick([4, 5]) : pick([3, 4, 4, 5, 5])
  /** Older rules know none. */
  const assets = [contract('collateral', {})].filter(() => hasContracts && openingVersion >= 4 && chance(0.6))
  /** Older rules know none. Its hours follow from its expiration. */
  const delivered = [contract('future', {})].filter(() => hasContracts && openingVersion === 5 && chance(0.8))
  const penaltyPpm = pick([0, 100_000, 333_333, 1_000_000])
  // Assets last: see moveAsset.
  const chosen = [future, pick(markets), ...contracts, ...delivered, ...assets]
  const positionLimits = chosen.map(({ specification: { kind } }) =>
    hasContracts && kind !== 'collateral' ? pick(['0', '0', '0', '6', '25']) : '0',
  )
  const deposits = isThin
    ? [1e12, pick([3_000, 700]), pick([600, 250]), pick([400, 120])]
    : [1e12, 1e11, pick([1e12, 5_000]), pick([400, 90])]
  const placed: { readonly orderId: string; readonly accountId: number }[] = []
  const trades: TradeExecuted[] = []
  const busted: BustTrade[] = []
  const past: Command[] = []
  let repeated: Command | undefined
  /** To come after so many other commands: what ends a halt, releases a switch. */
  let pending: { readonly command: () => Command; after: number }[] = []
  /** All times and intervals are multiples of a tenth of a second, so that they meet exactly. */
  const isSwap = ({ specification: { kind } }: Market): boolean => kind === 'swap'
  let atMillis = chosen.some(isSwap)
    ? monthEnd - between(10, (30 * hour) / tenth) * tenth
    : marketMillis + below(day / tenth) * tenth
  const expirations: number[] = []
  /** By instrument id, as far as something of it was settled or has ended. */
  const adjustments = new Map<number, { version: number; legs: number; distributions: number; day: number }>()
  const adjustmentOf = (instrument: number) =>
    adjustments.get(instrument) ?? { version: 1, legs: 0, distributions: 0, day: 0 }
  const ended = new Set<number>()
  /** As they are now. */
  const instruments = new Map<number, Instrument>()
  const holds: { readonly holdId: string; readonly accountId: number }[] = []
  let epochVersion = 0
  /** Under the epoch that is made now much may be lost. */
  let isStorm = false
  /** Who holds what of options, by account and instrument. */
  const longs = new Map<string, { readonly accountId: number; readonly instrumentId: number; readonly lots: number }>()
  const isOption = (instrument: number): boolean => chosen[instrument - 1]?.specification.kind === 'option'
  const noteHolding = (accountId: number, instrumentId: number, lots: number): void => {
    if (isOption(instrumentId)) longs.set(`${accountId} ${instrumentId}`, { accountId, instrumentId, lots })
  }
  let version = 1
  const limitsWeight = chance(0.4) ? 0 : pick([10, 60, 120])
  const deliveryWeight = pick([30, 150, 700])
  /** In some worlds much happens at one time. */
  const pace = pick([1, 1, 0.2])
  let count = 0

  const nextId = (): string => {
    count += 1
    // In no order of time, so that what is sorted by id is not sorted by arrival.
    const last = (below(0x10000) * 0x10000 + count).toString(16).padStart(12, '0')
    return `01900000-0000-7000-8000-${last}`
  }

  const accountId = (): number => (chance(0.02) ? pick([5, 5, 6, 9]) : between(1, deposits.length))
  /** Most quotes are those of two. */
  const quoterId = (): number => (chance(0.9) ? between(1, 2) : accountId())
  const instrumentId = (): number => (chance(0.005) ? pick([0, 7]) : between(1, chosen.length))
  const ticks = (instrument: number): number => {
    const market = chosen[instrument - 1] ?? chosen[0]
    if (market === undefined || chance(0.01)) return pick([-1, 0, 2_000_000_001, 13])
    return chance(0.08) ? pick(market.far) : between(market.near[0], market.near[1])
  }
  const lots = (): number => (chance(0.01) ? pick([-1, 0, 2_147_483_647]) : between(1, 12))
  const direction = () => pick(directions)

  const order = (): PlaceOrder => {
    const instrument = instrumentId()
    const orderType: OrderType = chance(0.7) ? 'limit' : pick(['market', 'stop_limit', 'stop_market'] as const)
    const isMarket = orderType === 'market' || orderType === 'stop_market'
    const isStop = orderType === 'stop_limit' || orderType === 'stop_market'
    const timeInForce: TimeInForce =
      orderType === 'market'
        ? pick(['immediate_or_cancel', 'immediate_or_cancel', 'fill_or_kill'])
        : chance(0.65)
          ? 'good_til_cancelled'
          : pick(['immediate_or_cancel', 'fill_or_kill', 'good_til_date', 'day'])
    const isDated = chance(0.98) ? timeInForce === 'good_til_date' : chance(0.5)
    const quantityLots = lots()
    const [label, labelHash] = pick(labels)
    const command: PlaceOrder = {
      type: 'place-order',
      orderId: nextId(),
      accountId: accountId(),
      instrumentId: instrument,
      specificationVersion: adjustmentOf(instrument).version + (chance(0.003) ? 1 : 0),
      direction: direction(),
      orderType,
      timeInForce,
      priceTicks: isMarket && chance(0.99) ? 0 : ticks(instrument),
      quantityLots,
      clientOrderId: chance(0.1) ? `mine-${count}` : '',
      displayLots: timeInForce === 'good_til_cancelled' && chance(0.2) ? between(1, 5) : 0,
      triggerTicks: (isStop ? chance(0.99) : chance(0.003)) ? ticks(instrument) : 0,
      trigger: pick(triggers),
      expiresAtMillis: isDated ? atMillis + pick([-tenth, tenth, 200, 3_000, hour, 2 * day]) : 0,
      label,
      labelHash,
      selfTradeGroup: pick([0, 0, 1, 2]),
      postOnly: orderType === 'limit' && chance(0.15) ? pick(['reject', 'slide'] as const) : 'no',
      reduceOnly: chance(0.15),
      selfTradePrevention: chance(0.3) ? pick(selfTradePreventions) : 'none',
    }
    placed.push(command)
    // Half of them without any instruction, as most orders are.
    const isPlain = orderType === 'limit' && chance(0.5) && timeInForce !== 'good_til_date'
    return isPlain ? { ...command, ...plainInstructions } : command
  }

  const target = (): { readonly orderId: string; readonly accountId: number } => {
    const one = placed[placed.length - 1 - below(Math.min(placed.length, chance(0.8) ? 15 : 100))]
    if (one === undefined || chance(0.01)) return { orderId: nextId(), accountId: accountId() }
    return { orderId: one.orderId, accountId: chance(0.05) ? accountId() : one.accountId }
  }

  const amend = (): AmendOrder => {
    const { orderId, accountId } = target()
    const priceTicks = chance(0.4) ? 0 : ticks(between(1, chosen.length))
    const quantityLots = chance(0.3) ? 0 : lots()
    return { type: 'amend-order', commandId: nextId(), accountId, orderId, priceTicks, quantityLots }
  }

  const quote = (): Quote => ({
    type: 'quote',
    commandId: nextId(),
    accountId: quoterId(),
    groupHash: pick(groupHashes),
    groupName: pick(groupNames),
    quotes: Array.from({ length: between(1, 3) }, () => {
      const instrument = instrumentId()
      const [one, other] = [ticks(instrument), ticks(instrument)]
      const isCrossing = chance(0.1)
      return {
        instrumentId: instrument,
        specificationVersion: adjustmentOf(instrument).version + (chance(0.005) ? 1 : 0),
        bidTicks: isCrossing ? Math.max(one, other) : Math.min(one, other),
        bidLots: chance(0.1) ? 0 : lots(),
        askTicks: isCrossing ? Math.min(one, other) : Math.max(one, other),
        askLots: chance(0.1) ? 0 : lots(),
      }
    }),
  })

  /** An order that has the id of an order which a quote is to make. */
  const orderInTheWay = (): Command => {
    const next = quote()
    pending.push({ command: () => next, after: 0 })
    return { ...order(), orderId: quoteOrderId(next.commandId, between(1, 2)) }
  }

  /** When the next market expires. */
  const soonest = (): number => Math.min(...expirations.filter(millis => millis > atMillis), atMillis + 4 * hour)

  const setState = (): Command => {
    const instrument = instrumentId()
    const state: TradingState = pick([...tradingStates, 'pre_open', 'auction'] as const)
    const mayEnd = state === 'auction' || state === 'halted'
    const isTimed = mayEnd ? chance(0.5) : chance(0.02)
    const untilMillis = isTimed ? pick([atMillis + pick([-tenth, tenth, 500, 4_000]), soonest() + tenth]) : 0
    const back = (): Command => ({
      type: 'set-trading-state',
      commandId: nextId(),
      instrumentId: instrument,
      state: 'continuous',
      untilMillis: 0,
    })
    pending.push({ command: back, after: between(4, 20) })
    return { type: 'set-trading-state', commandId: nextId(), instrumentId: instrument, state, untilMillis }
  }

  const setControls = (): Command => {
    const velocityPpm = chance(0.6) ? pick([100, 150_000, 400_000, 900_000, 3_000_000]) : 0
    return {
      type: 'set-market-controls',
      commandId: nextId(),
      instrumentId: instrumentId(),
      bandPpm: chance(0.4) ? pick([200, 300_000, 600_000]) : 0,
      velocityPpm,
      velocityMillis: velocityPpm === 0 ? (chance(0.02) ? 5 : 0) : pick([tenth, 300, 10_000]),
      haltMillis: pick([0, tenth, 700, 5_000]),
      auctionMillis: pick([0, tenth, 700, 5_000]),
    }
  }

  const setKillSwitch = (): Command => {
    const scope = pick(['account', 'account', 'firm', 'firm', 'lane'] as const)
    const on = {
      type: 'set-kill-switch' as const,
      accountId: scope === 'account' ? accountId() : 0,
      scope,
      firm: scope === 'firm' ? pick(['alpha', 'alpha', 'account-4', 'nobody']) : '',
    }
    if (chance(0.3)) {
      // An account that is opened meanwhile finds it on.
      pending.push({ command: () => open(5), after: 0 })
      pending.push({ command: () => ({ ...order(), accountId: 5 }), after: 0 })
    }
    pending.push({ command: () => ({ ...on, commandId: nextId(), isOn: false }), after: between(1, 6) })
    return { ...on, commandId: nextId(), isOn: chance(0.9) }
  }

  const bust = (): Command => {
    const trade = trades.length === 0 ? undefined : pick(trades)
    const before = busted.length === 0 || chance(0.8) ? undefined : pick(busted)
    if (before !== undefined) return { ...before, commandId: nextId() }
    if (trade === undefined) return deposit()
    const [buyer, seller] = trade.maker.direction === 'buy' ? [trade.maker, trade.taker] : [trade.taker, trade.maker]
    const command: BustTrade = {
      type: 'bust-trade',
      commandId: nextId(),
      instrumentId: chance(0.03) ? 7 : trade.instrumentId,
      priceTicks: chance(0.03) ? pick([0, 2_100_000_000]) : trade.priceTicks,
      quantityLots: chance(0.1) ? pick([0, 900, 2_147_483_647]) : trade.quantityLots,
      buyerId: chance(0.02) ? 9 : buyer.accountId,
      sellerId: seller.accountId,
      tradeId: `1:${trade.maker.orderId}:${trade.maker.filledLots}`,
      buyerFeeMicros: chance(0.02) ? pick([-1, 9_000_000_000_000_000]) : buyer.feeMicros,
      sellerFeeMicros: seller.feeMicros,
      tradedAtMillis: atMillis - between(0, 3) * tenth,
    }
    busted.push(command)
    return command
  }

  const deposit = (): Command => ({
    type: 'deposit',
    commandId: nextId(),
    accountId: accountId(),
    amountMicros: chance(0.1) ? pick([0, -5, 4_000_000_000_000_000]) : between(1, 300),
  })

  const deliveryTerms = (expirationMillis: number): string => {
    const from = Math.ceil(expirationMillis / hour) * hour
    const [start, end] = [from, from + hour * between(1, 3)].map(millis => new Date(millis).toISOString())
    return JSON.stringify({ delivery: { start, end, penalty_ppm: penaltyPpm } })
  }
  const list = (index: number): Command => {
    const market = chosen[index - 1]
    const kind = market?.specification.kind
    const isWithFuture = kind === 'option' && chance(0.98)
    const expirationMillis =
      kind === 'swap'
        ? monthEnd
        : kind === 'collateral'
          ? neverMillis
          : ((isWithFuture ? expirations[0] : undefined) ?? atMillis + (chance(0.15) ? 90_000 : between(5, 40) * hour))
    expirations.push(expirationMillis)
    const instrumentName = `MARKET-${index}`
    const positionLimit = positionLimits[index - 1] ?? '0'
    const specification = { ...testSpecification, instrumentName, expirationMillis, positionLimit }
    const isDelivered = market !== undefined && delivered.includes(market)
    return {
      type: 'list-instrument',
      commandId: nextId(),
      specification: {
        ...specification,
        ...market?.specification,
        ...(isDelivered
          ? { settlement: chance(0.97) ? 'physical' : 'cash', terms: deliveryTerms(expirationMillis) }
          : {}),
      },
    }
  }
  const listAgain = (): Command => {
    const again = list(pick([1, 3]))
    if (again.type !== 'list-instrument' || chance(0.5)) return again
    return { ...again, specification: { ...again.specification, tickSize: '0' } }
  }
  const open = (number: number): Command => ({
    type: 'open-account',
    commandId: nextId(),
    account: `account-${number}`,
    firm: number <= 2 || number === 5 ? 'alpha' : '',
  })

  const opening: Command[] = [
    ...deposits.map((_, index) => open(index + 1)),
    ...deposits.map(
      (amountMicros, index): Command => ({ type: 'deposit', commandId: nextId(), accountId: index + 1, amountMicros }),
    ),
    ...(hasContracts
      ? [{ type: 'activate-engine-version' as const, commandId: nextId(), version: openingVersion }]
      : []),
    ...chosen.map((_, index) => list(index + 1)),
  ]

  /** Most are the next of what the contract knows. */
  const settle = (): Command => {
    const instrument = ended.size > 0 && chance(0.3) ? pick([...ended]) : instrumentId()
    const { kind = 'future' } = chosen[instrument - 1]?.specification ?? {}
    const { legs, distributions, day: last } = adjustmentOf(instrument)
    const own = kind === 'swap' ? 'leg' : kind === 'structured_product' ? 'distribution' : 'variation'
    const usual = ended.has(instrument) && chance(0.7) ? 'final' : pick(['variation', own] as const)
    const settlementKind = chance(0.94) ? usual : pick(settlementKinds)
    const next = { variation: last + between(1, 2), leg: legs + 1, distribution: distributions + 1, final: 0 }
    const isSmall = settlementKind === 'distribution' && chance(0.7)
    return {
      type: 'settle-instrument',
      commandId: nextId(),
      instrumentId: instrument,
      settlementKind,
      number: chance(0.93) ? next[settlementKind] : below(4),
      priceTicks: isSmall ? between(0, 2) : chance(0.1) ? pick([0, 12]) : ticks(instrument),
    }
  }
  const exercise = (): Command => {
    const held = [...longs.values()].filter(({ lots }) => lots > 0)
    const long = held.length === 0 || chance(0.1) ? undefined : pick(held)
    const command: Command = {
      type: 'exercise-option',
      commandId: nextId(),
      accountId: long?.accountId ?? accountId(),
      instrumentId: long?.instrumentId ?? instrumentId(),
      quantityLots: long === undefined || chance(0.1) ? lots() : between(1, long.lots),
    }
    if (chance(0.4)) return command
    // With a mark of the future that is of now.
    pending.push({ command: () => command, after: 0 })
    return { type: 'set-mark-price', commandId: nextId(), instrumentId: 1, markTicks: ticks(1) }
  }
  const setMarks = (): Command => ({
    type: 'set-mark-prices',
    commandId: nextId(),
    marks: Array.from({ length: below(4) }, () => {
      const instrument = instrumentId()
      return { instrumentId: instrument, markTicks: ticks(instrument) }
    }),
  })
  const riskOf = (instrument: Instrument, scenarios: number, groups: number): InstrumentRisk => {
    const { instrumentId, specificationVersion, microsPerTickLot } = instrument
    const capMicros = Math.max(1, instrument.maxPriceTicks) * microsPerTickLot
    const near = ticks(instrumentId) * microsPerTickLot + (chance(0.2) ? between(-1, 1) : 0)
    const markMicros = chance(0.005) ? capMicros + 1 : Math.max(0, Math.min(near, capMicros))
    const common = {
      instrumentId,
      specificationVersion: specificationVersion + (chance(0.005) ? 1 : 0),
      markMicros,
      group: chance(0.995) ? below(groups) : groups,
      concentrationUnits: pick([0, 0, 1, 2]),
      shortMinimumMicros: pick([0, 0, 0, 1]),
      deltaMicroUnits: pick([0, 1_000_000, -400_000, between(-2_000_000, 2_000_000)]),
      vegaMicros: pick([0, 0, between(-50, 50)]),
    }
    if (chance(0.2)) {
      const lowMicros = chance(0.5) ? 0 : below(markMicros + 1)
      return { ...common, risk: { kind: 'bounds', lowMicros, highMicros: chance(0.5) ? capMicros : markMicros } }
    }
    // Most moves are of a few ticks: some accounts have little.
    const widest = (isThin ? isStorm : chance(0.2)) ? capMicros : (isThin ? 1 : 3) * microsPerTickLot
    const gain = (): number => Math.max(-markMicros, Math.min(between(-widest, widest), capMicros - markMicros))
    const restMicros = chance(0.7) ? 0 : gain()
    const isStill = chance(0.3)
    const arrayMicros = Array.from({ length: scenarios }, () => (isStill ? restMicros : gain()))
    return { ...common, risk: { kind: 'array', restMicros, arrayMicros } }
  }
  /** Begins one, and sends what follows some commands later: most of it in order and whole. */
  const epoch = (): Command => {
    isStorm = isThin && epochVersion > 0 && chance(0.5)
    epochVersion += pick([1, 1, 1, 1, 2, 0])
    const own = epochVersion
    const blocks = Array.from({ length: between(1, 3) }, () => ({ scenarios: between(1, 3) }))
    const scenarios = blocks.reduce((sum, block) => sum + block.scenarios, 0) + (chance(0.01) ? 1 : 0)
    const groups = Array.from({ length: between(1, 2) }, () => ({
      thresholdUnits: pick([0, 5, 1_000]),
      microsPerUnit: pick([0, 0, 1]),
    }))
    const count = between(1, 2)
    const isShort = chance(0.05)
    const chunk =
      (number: number): (() => Command) =>
      () => ({
        type: 'risk-epoch-chunk',
        commandId: nextId(),
        epochVersion: own,
        number: chance(0.01) ? number + 1 : number,
        instruments: [...instruments.values()]
          .filter(({ instrumentId }) => instrumentId % count === number)
          .filter(() => !isShort || chance(0.7))
          .flatMap(instrument => {
            const risk = riskOf(instrument, scenarios, groups.length)
            return chance(0.005) ? [risk, risk] : chance(0.003) ? [{ ...risk, instrumentId: 9 }] : [risk]
          }),
      })
    for (let number = 0; number < count; number += 1) pending.push({ command: chunk(number), after: between(0, 2) })
    const last: Command = {
      type: 'risk-epoch-commit',
      commandId: nextId(),
      epochVersion: own,
      chunks: chance(0.02) ? count + 1 : count,
    }
    pending.push({ command: () => last, after: between(2, 6) })
    const isBad = chance(0.03)
    return {
      type: 'risk-epoch-begin',
      commandId: nextId(),
      epochVersion: own,
      scenarioSetVersion: between(isBad ? 0 : 1, 2),
      groups,
      blocks: isBad && chance(0.5) ? [] : blocks,
    }
  }
  const liquidations = createRandomLiquidations({
    random,
    nextId,
    accountId,
    ticks,
    knownId: () => target().orderId,
  })
  const limits = createRandomLimits({
    random,
    nextId,
    accountId,
    quoterId,
    instrumentId,
    quote,
    order,
    ticks,
    soon: draw => pending.push({ command: draw, after: 0 }),
  })
  const deliveries = createRandomDeliveries({
    random,
    nextId,
    accountId,
    instrumentId,
    deliveredId: () => chosen.findIndex(market => delivered.includes(market)) + 1 || instrumentId(),
    ticks,
    isEnded: instrument => ended.has(instrument),
  })
  const liquidation = (): Command => liquidations.next() ?? order()
  const cashMicros = (): number => (chance(0.1) ? pick([0, -5, 1e12]) : chance(0.3) ? between(1, 40) : between(1, 400))
  const withdraw = (): Command => ({
    type: 'withdraw',
    commandId: nextId(),
    accountId: accountId(),
    amountMicros: cashMicros(),
  })
  const hold = (): Command => {
    const one = holds.length === 0 || chance(0.4) ? undefined : pick(holds)
    if (one === undefined)
      return { type: 'place-hold', commandId: nextId(), accountId: accountId(), amountMicros: cashMicros() }
    const named = { commandId: nextId(), accountId: chance(0.95) ? one.accountId : accountId(), holdId: one.holdId }
    return chance(0.5)
      ? { type: 'release-hold', ...named }
      : { type: 'capture-hold', ...named, amountMicros: cashMicros() }
  }
  const transfer = (): Command => ({
    type: 'transfer',
    commandId: nextId(),
    // The first two are of one firm.
    accountId: chance(0.8) ? between(1, 2) : accountId(),
    toAccountId: chance(0.8) ? between(1, 2) : accountId(),
    amountMicros: cashMicros(),
  })
  const moveAsset = (): Command => ({
    type: chance(0.5) ? 'deposit-collateral' : 'withdraw-collateral',
    commandId: nextId(),
    accountId: accountId(),
    instrumentId: assets.length > 0 && chance(0.95) ? chosen.length : instrumentId(),
    quantityLots: chance(0.05) ? pick([0, -3, 2 ** 52, 2 ** 49]) : between(1, chance(0.3) ? 60 : 6),
  })
  /** What older rules do not know is an order there. */
  const ofContracts = (draw: () => Command) => (): Command => (version < 3 ? order() : draw())
  const ofMargin = (draw: () => Command) => (): Command => (version < 4 ? order() : draw())
  const ofDelivery = (draw: () => Command) => (): Command => (version < 5 ? order() : draw())

  /** One that has come before, as a producer repeats it that heard no answer. */
  const again = (): Command => {
    repeated = past.length === 0 ? undefined : pick(past)
    return repeated ?? deposit()
  }

  const kinds: readonly (readonly [number, () => Command])[] = [
    [560, order],
    [60, () => ({ type: 'cancel-order', commandId: nextId(), ...target() })],
    [100, amend],
    [90, quote],
    [4, orderInTheWay],
    [
      8,
      () => ({
        type: 'cancel-orders',
        commandId: nextId(),
        accountId: accountId(),
        instrumentId: chance(0.5) ? 0 : instrumentId(),
        labelHash: pick(labels)[1],
      }),
    ],
    [26, setState],
    [16, setControls],
    [
      30,
      () => {
        const instrument = instrumentId()
        const markTicks = ticks(instrument)
        return { type: 'set-mark-price', commandId: nextId(), instrumentId: instrument, markTicks }
      },
    ],
    [
      14,
      () => ({
        type: 'set-market-maker-protection',
        commandId: nextId(),
        accountId: quoterId(),
        groupHash: pick(groupHashes),
        name: 'group',
        intervalMillis: pick([tenth, 500, 10_000, 4 * hour]),
        frozenMillis: pick([0, tenth, 800]),
        amountLimitLots: pick([0, 5, 15, chance(0.1) ? -1 : 30]),
        deltaLimitLots: pick([0, 4, 10]),
      }),
    ],
    [
      12,
      () => ({
        type: 'reset-market-maker-protection',
        commandId: nextId(),
        accountId: quoterId(),
        groupHash: chance(0.1) ? '3333333333333333' : pick(groupHashes),
      }),
    ],
    [
      12,
      () => ({
        type: 'set-dead-man',
        commandId: nextId(),
        accountId: accountId(),
        timeoutMillis: pick([0, 0, tenth, 600, 40_000]),
      }),
    ],
    [4, setKillSwitch],
    [16, bust],
    [8, deposit],
    [3, listAgain],
    [4, () => open(pick([1, 5, 6]))],
    [8, () => ({ type: 'expire-instrument', commandId: nextId(), instrumentId: instrumentId() })],
    [3, () => ({ type: 'activate-engine-version', commandId: nextId(), version: pick([1, 2, 2, 3, 4, 5, 6, 7]) })],
    [32, ofContracts(settle)],
    [30, ofContracts(() => (chosen.some((_, index) => isOption(index + 1)) ? exercise() : order()))],
    [20, ofContracts(setMarks)],
    [5, ofContracts(() => ({ type: 'delist-instrument', commandId: nextId(), instrumentId: instrumentId() }))],
    [isThin ? 60 : 14, ofMargin(epoch)],
    [isThin ? 400 : 40, ofMargin(liquidation)],
    [12, ofMargin(withdraw)],
    [24, ofMargin(hold)],
    [12, ofMargin(transfer)],
    [30, ofMargin(moveAsset)],
    // In some worlds only: what is limited does not trade.
    [limitsWeight, ofMargin(limits.next)],
    [deliveryWeight, ofDelivery(deliveries.next)],
    [10, again],
  ]
  const weights = kinds.reduce((sum, [weight]) => sum + weight, 0)

  const draw = (): Command => {
    const due = pending.find(({ after }) => after <= 0)
    pending = pending.filter(other => other !== due)
    for (const other of pending) other.after -= 1
    if (due !== undefined) return due.command()
    let left = below(weights)
    const kind = kinds.find(([weight]) => {
      left -= weight
      return left < 0
    })
    return (kind?.[1] ?? order)()
  }

  return {
    next() {
      const opened = opening.shift()
      if (opened === undefined) {
        const step = chance(pace) ? below(1000) : 1000
        if (step < 1) atMillis += between(1, 30) * hour
        else if (step < 4) atMillis = soonest() + pick([-tenth, 0, 2 * tenth])
        else if (step < 12) atMillis += between(1, 900) * tenth
        else if (step < 80) atMillis += between(1, 50) * tenth
        else if (step < 350) atMillis += between(1, 3) * tenth
        // Records may bear an earlier stamp than those before them.
        else if (step < 355) return { command: draw(), atMillis: atMillis - 2_000 }
      }
      const command = opened ?? draw()
      if (command !== repeated) past.push(command)
      return { command, atMillis }
    },
    heard(events) {
      for (const event of events) {
        liquidations.heard(event)
        deliveries.heard(event)
        if (event.type === 'trade-executed') {
          trades.push(event)
          for (const { accountId, position } of [event.maker, event.taker])
            noteHolding(accountId, event.instrumentId, position.sizeLots)
        } else if (event.type === 'position-settled')
          noteHolding(event.accountId, event.instrumentId, event.position.sizeLots)
        else if (event.type === 'order-accepted' && event.quoteGroup !== '') placed.push(event)
        else if (event.type === 'engine-version-activated') version = event.version
        else if (event.type === 'hold-placed') holds.push({ holdId: event.commandId, accountId: event.accountId })
        else if (event.type === 'instrument-listed') instruments.set(event.instrument.instrumentId, event.instrument)
        else if (event.type === 'instrument-expired' || event.type === 'instrument-delisted')
          ended.add(event.instrumentId)
        else if (event.type === 'instrument-settled') {
          const { instrumentId, settlementKind, number, specificationVersion, settledLegs, distributedTicks } = event
          const before = adjustmentOf(instrumentId)
          const instrument = instruments.get(instrumentId)
          if (instrument !== undefined) {
            const legs = legsOf(instrument.terms)
            const legMicros = instrument.microsPerTickLot / (legs - instrument.settledLegs)
            instruments.set(instrumentId, {
              ...instrument,
              specificationVersion,
              settledLegs,
              distributedTicks,
              microsPerTickLot: (legs - settledLegs) * legMicros,
              maxPriceTicks: instrument.maxPriceTicks - (distributedTicks - instrument.distributedTicks),
            })
          }
          adjustments.set(instrumentId, {
            version: specificationVersion,
            legs: settledLegs,
            distributions: settlementKind === 'distribution' ? number : before.distributions,
            day: settlementKind === 'variation' ? number : before.day,
          })
        }
      }
      if (trades.length > 12) trades.splice(0, trades.length - 12)
    },
  }
}

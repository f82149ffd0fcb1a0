import { type Command, noHash, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { type LimitTerms, limitScopes, noLimits } from '#domain/trading/limit-terms.ts'

interface Random {
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<Item>(items: readonly Item[]): Item
}

interface Surroundings {
  readonly random: Random
  readonly nextId: () => string
  readonly accountId: () => number
  readonly quoterId: () => number
  readonly instrumentId: () => number
  readonly quote: () => Command
  readonly order: () => PlaceOrder
  readonly ticks: (instrument: number) => number
  /** To come next. */
  readonly soon: (draw: () => Command) => void
}

/** Limits that are met, some that contradict each other, scales within and beyond their bounds, budgets of quotes. */
export const createRandomLimits = (surroundings: Surroundings) => {
  const { random, nextId, accountId, quoterId, instrumentId, quote, order, ticks, soon } = surroundings
  const { between, chance, pick } = random

  const strict: readonly Partial<LimitTerms>[] = [
    { maxOrderLots: 2 },
    { maxOrderNotionalMicros: 6 },
    { maxPositionLots: 3 },
    { maxGrossDelta: 2_000_000 },
    { maxNetDelta: 1_000_000 },
    { maxVegaMicros: 1 },
    { maxDailyLossMicros: 1 },
    { maxConcentrationPpm: 1 },
    { collarPpm: 1 },
    { collarPpm: 100_000 },
  ]
  const some = (values: readonly number[]): number => (chance(0.6) ? 0 : pick(values))
  const terms = (): LimitTerms => {
    if (chance(0.25)) return noLimits
    // One alone that is met soon: orders that wait for their trigger were taken without it.
    if (chance(0.35)) return { ...noLimits, ...pick(strict) }
    return {
      maxOrderLots: some([1, 4, 8, 200]),
      maxOrderNotionalMicros: some([20, 60, 900, 400_000]),
      maxOpenOrders: some([1, 3, 6]),
      maxPositionLots: some([8, 12, 20, 300]),
      maxGrossDelta: some([5_000_000, 40_000_000]),
      maxNetDelta: some([3_000_000, 20_000_000, 50_000_000]),
      maxVegaMicros: some([3, 30, 400]),
      maxDailyLossMicros: chance(0.4) ? 0 : pick([1, 1, 5, 20, 80, 100_000]),
      maxConcentrationPpm: some([100_000, 400_000, 1_000_000, 1_000_001]),
      concentrationFromLots: chance(0.9) ? 0 : pick([2, 9]),
      maxMessagesPerSecond: some([1, 2, 5]),
      collarPpm: some([1, 200_000, 500_000]),
    }
  }
  const set = (): Command => {
    const scope = pick(limitScopes)
    const asked = terms()
    return {
      type: 'set-risk-limits',
      commandId: nextId(),
      scope,
      accountId: scope === 'account' ? accountId() : 0,
      firm: scope === 'firm' ? pick(['alpha', 'alpha', 'account-4', 'nobody']) : '',
      instrumentId: scope === 'instrument' ? instrumentId() : 0,
      isApproved: chance(0.8),
      terms: scope === 'instrument' && chance(0.95) ? { ...asked, maxDailyLossMicros: 0 } : asked,
    }
  }
  const scale = (): Command => {
    const floorPpm = chance(0.05) ? 0 : pick([50_000, 300_000])
    const ceilingPpm = chance(0.05) ? 1_000_001 : 1_000_000
    const one = (): number => pick([floorPpm, ceilingPpm, 400_000, 700_000, chance(0.1) ? 10_000 : 500_000])
    return {
      type: 'scale-risk-limits',
      commandId: nextId(),
      floorPpm,
      ceilingPpm,
      scales: Array.from({ length: between(0, 2) }, () => ({
        instrumentId: instrumentId(),
        scalePpm: one(),
        volatilityPpm: between(0, 3_000_000),
        referenceVolatilityPpm: 800_000,
        depthLots: between(0, 90),
        referenceDepthLots: 50,
      })),
    }
  }
  const setBudget = (): Command => {
    const isNone = chance(0.2)
    const largestQuoteLots = isNone ? 0 : pick([4, 8, 12])
    return {
      type: 'set-quote-budget',
      commandId: nextId(),
      accountId: quoterId(),
      lots: isNone ? 0 : chance(0.05) ? pick([-1, 1]) : largestQuoteLots * pick([2, 4, 9, 12]),
      largestQuoteLots,
      lotLossMicros: isNone ? 0 : pick([8, 14, 40, 2_100_000_000]),
      lotCapMicros: isNone ? 0 : pick([12, 36, 40, 2_000_000_000]),
    }
  }

  /** A budget that the first fill leaves with too little, behind a protection that fits it. */
  const startQuoting = (): Command => {
    const maker = between(1, 2)
    const groupHash = '1111111111111111'
    const limits = { intervalMillis: 10_000, frozenMillis: 0, amountLimitLots: 12, deltaLimitLots: 0 }
    soon(() => ({
      type: 'set-market-maker-protection',
      commandId: nextId(),
      accountId: maker,
      groupHash,
      name: 'group',
      ...limits,
    }))
    soon(() => ({
      type: 'set-quote-budget',
      commandId: nextId(),
      accountId: maker,
      lots: pick([24, 24, 48]),
      largestQuoteLots: 12,
      lotLossMicros: pick([40, 40, 2_100_000_000]),
      lotCapMicros: pick([36, 40, 2_000_000_000]),
    }))
    for (let quotes = between(1, 3); quotes > 0; quotes -= 1)
      soon(() => {
        const drawn = quote()
        return drawn.type === 'quote' ? { ...drawn, accountId: maker, groupHash } : drawn
      })
    return { type: 'cancel-orders', commandId: nextId(), accountId: maker, instrumentId: 0, labelHash: noHash }
  }

  /** An order that waits when its account is limited, and is triggered then. */
  const limitWaiting = (): Command => {
    const drawn = order()
    const triggerTicks = Math.max(1, ticks(drawn.instrumentId))
    const priceTicks = Math.max(1, triggerTicks + pick([0, 0, 1, 3]) * (drawn.direction === 'buy' ? 1 : -1))
    soon(() => ({
      type: 'set-risk-limits',
      commandId: nextId(),
      scope: 'account',
      accountId: drawn.accountId,
      firm: '',
      instrumentId: 0,
      isApproved: true,
      terms: { ...noLimits, ...pick(strict) },
    }))
    soon(() => ({
      type: 'set-mark-price',
      commandId: nextId(),
      instrumentId: drawn.instrumentId,
      markTicks: triggerTicks,
    }))
    const waits = { ...plainInstructions, trigger: 'mark_price', triggerTicks, displayLots: 0 } as const
    return { ...drawn, ...waits, orderType: 'stop_limit', timeInForce: 'good_til_cancelled', priceTicks }
  }

  return {
    next: (): Command => pick([set, set, set, scale, scale, setBudget, startQuoting, limitWaiting, limitWaiting])(),
  }
}

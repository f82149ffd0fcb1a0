import type { Command, GateState, HoldBid } from '#domain/trading/commands.ts'
import type { DeliveryObligated, Event } from '#domain/trading/events.ts'

/** What the source of all commands lends. */
interface Lent {
  readonly random: {
    between(least: number, most: number): number
    chance(probability: number): boolean
    pick<Item>(items: readonly Item[]): Item
  }
  nextId(): string
  accountId(): number
  instrumentId(): number
  /** Of what is delivered; mostly one that there is. */
  deliveredId(): number
  ticks(instrumentId: number): number
  /** Whether it trades no more. */
  isEnded(instrumentId: number): boolean
}

interface RandomDeliveries {
  next(): Command
  heard(event: Event): void
}

/** Gates that open and close, bids that come and go, what is awarded behind them, and what is owed in the end. */
export const createRandomDeliveries = (lent: Lent): RandomDeliveries => {
  const { random, nextId, accountId, instrumentId, deliveredId, ticks, isEnded } = lent
  const { between, chance, pick } = random
  const gates = new Map<string, GateState>()
  const bids = new Map<string, Pick<HoldBid, 'accountId' | 'gateName'>>()
  const owed = new Map<string, DeliveryObligated>()

  let awards = 0
  const oddName = 'x'.repeat(64)
  const gatesIn = (state: GateState): readonly string[] =>
    [...gates].flatMap(([name, each]) => (each === state ? [name] : []))
  const gateIn = (state: GateState): string => {
    const fit = gatesIn(state)
    return fit.length === 0 || chance(0.03) ? pick([oddName, ...gates.keys()]) : pick(fit)
  }
  const amount = (): number =>
    chance(0.05) ? pick([-1, 1e12, 2 ** 52]) : chance(0.5) ? between(0, 30) : between(0, 300)

  const setGate = (): Command => {
    const open = gatesIn('open')
    const state = open.length < 2 ? 'open' : 'closed'
    if (chance(0.1)) return { type: 'set-gate', commandId: nextId(), gateName: pick([oddName, ...gates.keys()]), state }
    const gateName = open.length < 2 ? `day-ahead/${gates.size}` : pick(open)
    return { type: 'set-gate', commandId: nextId(), gateName, state }
  }
  const holdBid = (): Command => {
    const [replacesHoldId, standing] = (bids.size > 0 && chance(0.4) ? pick([...bids]) : undefined) ?? ['', undefined]
    return {
      type: 'hold-bid',
      commandId: nextId(),
      accountId: standing === undefined || chance(0.05) ? accountId() : standing.accountId,
      gateName: standing === undefined || chance(0.05) ? gateIn('open') : standing.gateName,
      amountMicros: amount(),
      replacesHoldId: chance(0.02) ? nextId() : replacesHoldId,
    }
  }
  const freeBid = (): Command => {
    const [holdId, { accountId: owner }] = bids.size === 0 ? [nextId(), { accountId: accountId() }] : pick([...bids])
    const named = { commandId: nextId(), accountId: chance(0.05) ? accountId() : owner, holdId }
    if (chance(0.6)) return { type: 'withdraw-bid', ...named }
    return chance(0.9) ? { type: 'release-hold', ...named } : { type: 'capture-hold', ...named, amountMicros: 1 }
  }
  const award = (): Command => {
    const instrument = chance(0.7) ? deliveredId() : instrumentId()
    return {
      type: 'award-lots',
      commandId: nextId(),
      gateName: gateIn('closed'),
      instrumentId: instrument,
      priceTicks: chance(0.1) ? pick([0, -1, 11]) : ticks(instrument),
      lots: chance(0.02) ? pick([0, -1, 2_147_483_647]) : between(1, 15),
      buyAccountId: accountId(),
      sellAccountId: accountId(),
    }
  }
  const post = (): Command => ({
    type: 'post-payment',
    commandId: nextId(),
    accountId: accountId(),
    toAccountId: accountId(),
    amountMicros: chance(0.04) ? pick([0, -4, 2 ** 52, 2 ** 51]) : between(1, 200),
    purpose: pick(['sla-penalty', 'sla-reversal', 'partner']),
    reference: pick(['', 'contract-7/2026-11', 'ü'.repeat(32)]),
  })
  const obligate = (): Command => {
    const instrument = chance(0.95) ? deliveredId() : instrumentId()
    if (!isEnded(instrument) && chance(0.5))
      return { type: 'delist-instrument', commandId: nextId(), instrumentId: instrument }
    const settlementTicks = chance(0.1) ? pick([-1, 0, 13]) : ticks(instrument)
    return { type: 'obligate-deliveries', commandId: nextId(), instrumentId: instrument, settlementTicks }
  }
  const settle = (): Command => {
    const one = owed.size === 0 ? undefined : pick([...owed.values()])
    if (one === undefined) return chance(0.5) ? obligate() : award()
    const { instrumentId, deliveryNumber, lots, priceTicks } = one
    const outcome = pick(['delivered', 'undelivered'] as const)
    const isPaid = outcome === 'undelivered' ? chance(0.8) : chance(0.02)
    return {
      type: 'settle-delivery',
      commandId: nextId(),
      instrumentId: chance(0.02) ? 7 : instrumentId,
      deliveryNumber: chance(0.08) ? deliveryNumber + 5 : deliveryNumber,
      lots: chance(0.05) ? pick([0, lots + 1]) : chance(0.4) ? lots : between(1, lots),
      outcome,
      compensationMicros: isPaid ? between(0, (chance(0.05) ? 11 : 2) * lots * priceTicks) : 0,
    }
  }

  return {
    next() {
      if (gatesIn('open').length < 2 || gatesIn('closed').length === 0 || chance(0.05)) return setGate()
      if (owed.size > 0 && chance(0.4)) return settle()
      if (isEnded(deliveredId()) && owed.size === 0 && chance(0.1)) return obligate()
      if (awards > 4 && chance(0.05)) return obligate()
      const drawn = between(0, 99)
      if (drawn < 22) return holdBid()
      if (drawn < 34) return freeBid()
      if (drawn < 58) return award()
      if (drawn < 68) return post()
      return drawn < 74 ? obligate() : settle()
    },
    heard(event) {
      switch (event.type) {
        case 'gate-set':
          gates.set(event.gateName, event.state)
          break
        case 'lots-awarded':
          awards += 1
          break
        case 'bid-held':
          bids.delete(event.replacesHoldId)
          bids.set(event.commandId, event)
          break
        case 'hold-released':
          bids.delete(event.holdId)
          break
        case 'delivery-obligated':
          owed.set(`${event.instrumentId} ${event.deliveryNumber}`, event)
          break
        case 'delivery-settled': {
          const key = `${event.instrumentId} ${event.deliveryNumber}`
          const before = owed.get(key)
          if (before === undefined || event.remainingLots === 0) owed.delete(key)
          else owed.set(key, { ...before, lots: event.remainingLots })
        }
      }
    },
  }
}

import type { Command } from '#domain/trading/commands.ts'
import type { Event, PositionState } from '#domain/trading/events.ts'

/** What the source of all commands lends. */
interface Lent {
  readonly random: {
    between(least: number, most: number): number
    chance(probability: number): boolean
    pick<Item>(items: readonly Item[]): Item
  }
  nextId(): string
  /** Mostly one that there is. */
  accountId(): number
  ticks(instrumentId: number): number
  /** Of an order that may be open. */
  knownId(): string
}

interface RandomLiquidations {
  /** The next step of one, or the first; undefined where there is nobody to be liquidated. */
  next(): Command | undefined
  heard(event: Event): void
}

interface Held {
  readonly accountId: number
  readonly instrumentId: number
  readonly lots: number
}

/** Accounts that were called are liquidated: most steps are such as may follow, at prices near and far. */
export const createRandomLiquidations = ({ random, nextId, accountId, ticks, knownId }: Lent): RandomLiquidations => {
  const { between, chance, pick } = random
  let called: number[] = []
  const underWay = new Map<number, string>()
  const held = new Map<string, Held>()
  const cash = new Map<number, number>()

  const note = (accountId: number, instrumentId: number, { sizeLots: lots }: PositionState): void =>
    void held.set(`${accountId} ${instrumentId}`, { accountId, instrumentId, lots })
  const heard = (event: Event): void => {
    if ('accountId' in event && 'cashMicros' in event) cash.set(event.accountId, event.cashMicros)
    switch (event.type) {
      case 'margin-called':
        called.push(event.accountId)
        break
      case 'liquidation-begun':
        called = called.filter(each => each !== event.accountId)
        underWay.set(event.accountId, event.commandId)
        break
      case 'command-rejected':
        if (event.code === 'not-under-margin-call') called = called.filter(each => each !== event.accountId)
        break
      case 'liquidation-ended':
        underWay.delete(event.accountId)
        break
      case 'trade-executed':
        for (const leg of [event.maker, event.taker]) {
          note(leg.accountId, event.instrumentId, leg.position)
          cash.set(leg.accountId, leg.cashMicros)
        }
        break
      case 'trade-busted':
        for (const leg of [event.buyer, event.seller]) {
          note(leg.accountId, event.instrumentId, leg.position)
          cash.set(leg.accountId, leg.cashMicros)
        }
        break
      case 'position-settled':
        note(event.accountId, event.instrumentId, event.position)
        break
      case 'position-transferred':
        note(event.accountId, event.instrumentId, event.from.position)
        note(event.toAccountId, event.instrumentId, event.to.position)
        cash.set(event.accountId, event.from.cashMicros)
        cash.set(event.toAccountId, event.to.cashMicros)
        break
      case 'loss-covered':
        cash.set(event.fundAccountId, event.fundCashMicros)
        break
      case 'gains-haircut':
        for (const share of event.shares) cash.set(share.accountId, share.cashMicros)
    }
  }

  const amountOf = (owed: number): number =>
    chance(0.06) ? pick([0, -1, owed + 1]) : chance(0.6) ? Math.max(owed, 1) : between(1, Math.max(owed, 1))
  const step = (liquidated: number, liquidationId: string): Command => {
    const named = { commandId: nextId(), liquidationId, accountId: liquidated }
    const owed = Math.max(0, -(cash.get(liquidated) ?? 0))
    const positions = [...held.values()].filter(each => each.accountId === liquidated && each.lots !== 0)
    const cover = (): Command => ({
      type: 'cover-loss',
      ...named,
      fundAccountId: chance(0.9) ? between(1, 3) : accountId(),
      amountMicros: amountOf(owed),
    })
    const haircut = (): Command => {
      const all = [1, 2, 3, 4].filter(each => (chance(0.6) ? each !== liquidated : true) && chance(0.6))
      let left = owed
      const shares = all.map(each => {
        const amountMicros = chance(0.05) ? amountOf(left) : between(1, Math.max(1, Math.floor(left / 2)))
        left -= amountMicros
        return { accountId: chance(0.97) ? each : accountId(), amountMicros }
      })
      return { type: 'haircut-gains', ...named, shares: chance(0.08) ? [] : shares }
    }
    const end = (): Command => ({ type: 'end-liquidation', ...named })
    const position = positions.length === 0 ? undefined : pick(positions)
    if (position === undefined || chance(0.04)) {
      if (owed > 0 || chance(0.25)) return chance(0.35) ? cover() : chance(0.85) ? haircut() : end()
      return end()
    }
    if (chance(0.06)) return end()
    const { instrumentId, lots } = position
    const most = Math.abs(lots)
    if (chance(0.4)) {
      const isOdd = chance(0.04)
      return {
        type: 'liquidate-position',
        ...named,
        commandId: chance(0.02) ? knownId() : named.commandId,
        instrumentId: chance(0.02) ? 7 : instrumentId,
        direction: lots > 0 !== isOdd ? 'sell' : 'buy',
        quantityLots: chance(0.04) ? pick([0, -1, most + 1]) : between(1, most),
        limitTicks: ticks(instrumentId),
      }
    }
    const isOdd = chance(0.04)
    const signedLots = (lots > 0 !== isOdd ? 1 : -1) * (chance(0.04) ? pick([0, most + 1]) : chance(0.7) ? most : 1)
    return {
      type: 'transfer-position',
      ...named,
      toAccountId: chance(0.6) ? 1 : chance(0.7) ? between(1, 3) : accountId(),
      instrumentId: chance(0.02) ? 7 : instrumentId,
      signedLots: signedLots + 0,
      // Far from the mark, so that more is lost than there was.
      priceTicks: chance(0.6) ? pick(lots > 0 ? [0, 1] : [11, 12]) : chance(0.05) ? -1 : ticks(instrumentId),
    }
  }

  return {
    heard,
    next() {
      const last = called.at(-1)
      if (last !== undefined && chance(0.6))
        return { type: 'begin-liquidation', commandId: nextId(), accountId: chance(0.95) ? last : accountId() }
      const one = underWay.size === 0 ? undefined : pick([...underWay])
      if (one === undefined || chance(0.02)) {
        if (chance(0.9)) return undefined
        return chance(0.5)
          ? { type: 'begin-liquidation', commandId: nextId(), accountId: accountId() }
          : step(accountId(), nextId())
      }
      const [accountInIt, liquidationId] = one
      if (chance(0.02)) return { type: 'begin-liquidation', commandId: nextId(), accountId: accountInIt }
      return step(accountInIt, liquidationId)
    },
  }
}

/** What moves cash and collateral, and changes what margin is computed from: accepted mostly, refused at times. */
import { neverMillis } from '#domain/reference/contract-terms.ts'
import { plainFuture } from '#domain/reference/instrument.ts'
import type { Command, GateState, ListInstrument } from '#domain/trading/commands.ts'
import { noId } from '#domain/trading/identifiers.ts'
import { idOf } from '#test/matcher/commands.ts'
import type { Random } from './world/random.ts'

/** The second instrument. */
export const asset: ListInstrument = {
  type: 'list-instrument',
  commandId: idOf(96),
  specification: {
    instrumentName: 'COLL-TBILL3M',
    ...plainFuture,
    kind: 'collateral',
    terms: '{}',
    underlying: 'TBILL3M',
    quoteCurrency: 'USD',
    tickSize: '0.01',
    minTradeAmount: '1',
    contractSize: '1',
    maxPrice: '100',
    expirationMillis: neverMillis,
    makerCommissionPpm: 0,
    takerCommissionPpm: 0,
  },
}

/** The third: it is delivered. */
export const delivered: ListInstrument = {
  type: 'list-instrument',
  commandId: idOf(95),
  specification: {
    ...asset.specification,
    instrumentName: 'H100.USE-27NOV36-H00',
    kind: 'future',
    settlement: 'physical',
    terms: JSON.stringify({
      index: 'H100.USE',
      averaging_start: '2036-11-26T00:00:00.000Z',
      delivery: { start: '2036-11-27T00:00:00.000Z', end: '2036-11-27T01:00:00.000Z', penalty_ppm: 100_000 },
    }),
    underlying: 'H100.USE',
    expirationMillis: Date.UTC(2036, 10, 27),
    makerCommissionPpm: 100,
    takerCommissionPpm: 300,
  },
}

const microsPerTick = 10_000
const capMicros = 100_000_000

export class MoneyCommands {
  private readonly random: Random
  private readonly accountId: number
  private readonly holds: string[] = []
  private readonly bids: string[] = []
  private epochs = 0

  constructor(random: Random, accountId: number) {
    this.random = random
    this.accountId = accountId
  }

  next(): Command {
    const { random, accountId } = this
    const commandId = random.uuid()
    const own = { commandId, accountId }
    // Ten times in a hundred more than there is.
    const amountMicros = random.chance(0.1) ? 2_000_000_000_000 : 1 + random.below(1_000_000)
    if (random.chance(0.15)) return this.ofLanes(commandId)
    if (random.chance(0.5)) return this.ofDelivery(commandId)
    const kind = random.below(10)
    if (kind < 2) return { type: 'withdraw', ...own, amountMicros }
    if (kind < 4) {
      this.holds.push(commandId)
      return { type: 'place-hold', ...own, amountMicros }
    }
    if (kind < 6 && this.holds.length > 0) {
      const holdId = random.pick(this.holds)
      return random.chance(0.5)
        ? { type: 'release-hold', ...own, holdId }
        : { type: 'capture-hold', ...own, holdId, amountMicros: 1 + random.below(1_000_000) }
    }
    // The first and the third are of one firm.
    if (kind < 8) return { type: 'transfer', ...own, toAccountId: random.pick([1, 3]), amountMicros }
    const quantityLots = 1 + random.below(9)
    return { type: kind === 8 ? 'deposit-collateral' : 'withdraw-collateral', ...own, instrumentId: 2, quantityLots }
  }

  /** Alice's home is this lane, bob's another one; what comes from there is anything, so that much of it is outdated. */
  private ofLanes(commandId: string): Command {
    const { random, accountId } = this
    const own = { commandId, accountId }
    const [otherLane, setVersion] = [2, 1]
    const micros = Array.from({ length: 4 }, () => random.below(2_000_000_000) - 500_000_000)
    const grant = 1 + random.below(6)
    const kind = random.below(8)
    if (kind < 2) {
      const role = accountId === 2 ? 'satellite' : 'home'
      return {
        type: 'join-lane',
        ...own,
        role,
        otherLane,
        otherAccountId: 1_048_577,
        reserveMicros: random.below(1_000),
      }
    }
    const from = { ...own, fromLane: otherLane, setVersion }
    if (random.chance(0.3)) return this.ofLaneCash(own, otherLane)
    if (random.chance(0.2)) return { type: 'need-budget', ...from, neededMicros: micros }
    if (accountId === 2) return { type: 'grant-budget', ...from, grant, budgetMicros: micros }
    return kind < 5
      ? { type: 'ask-budget', ...from, wantedMicros: micros }
      : { type: 'tell-budget', ...from, grant, number: 1 + random.below(3), budgetMicros: micros }
  }

  /** What comes from the other lane, and says that it is there, is made up too. */
  private ofLaneCash(own: { readonly commandId: string; readonly accountId: number }, otherLane: number): Command {
    const { random } = this
    const amountMicros = 1 + random.below(1_000_000)
    const number = 1 + random.below(4)
    const kind = random.below(4)
    if (kind === 0) return { type: 'send-cash', ...own, toLane: otherLane, amountMicros, liquidationId: noId }
    if (kind === 1) return { type: 'receive-cash', ...own, fromLane: otherLane, number, amountMicros }
    if (kind === 2) return { type: 'confirm-cash', ...own, fromLane: otherLane, number }
    return { type: 'join-liquidation', ...own, liquidationId: random.uuid() }
  }

  /** Gates, bids and awards, payments across firms, and deliveries: in any order, so that many are refused. */
  private ofDelivery(commandId: string): Command {
    const { random, accountId } = this
    const own = { commandId, accountId }
    const gateName = random.pick(['day-ahead/2036-11-27', 'day-ahead/2036-11-28'])
    const otherId = random.pick([1, 2, 3])
    const lots = 1 + random.below(5)
    const holdId = this.bids.length === 0 ? '' : random.pick(this.bids)
    const kind = random.below(12)
    if (kind === 0) {
      const state: GateState = random.chance(0.7) ? 'open' : 'closed'
      return { type: 'set-gate', commandId, gateName, state }
    }
    if (kind < 4) {
      this.bids.push(commandId)
      const replacesHoldId = random.chance(0.3) ? holdId : ''
      return { type: 'hold-bid', ...own, gateName, amountMicros: random.below(1_000_000), replacesHoldId }
    }
    if (kind === 4 && holdId !== '')
      return { type: random.chance(0.6) ? 'withdraw-bid' : 'release-hold', ...own, holdId }
    const instrumentId = 3
    if (kind < 7) {
      const [buyAccountId, sellAccountId] = random.chance(0.5) ? [accountId, otherId] : [otherId, accountId]
      const priceTicks = 195 + random.below(10)
      return { type: 'award-lots', commandId, gateName, instrumentId, priceTicks, lots, buyAccountId, sellAccountId }
    }
    if (kind < 9) {
      const amountMicros = 1 + random.below(1_000_000)
      const purpose = 'sla-penalty'
      return { type: 'post-payment', ...own, toAccountId: otherId, amountMicros, purpose, reference: `of ${accountId}` }
    }
    if (kind === 9)
      return random.chance(0.3)
        ? { type: 'delist-instrument', commandId, instrumentId }
        : { type: 'obligate-deliveries', commandId, instrumentId, settlementTicks: 190 + random.below(20) }
    const outcome = random.pick(['delivered', 'undelivered'] as const)
    const compensationMicros = outcome === 'delivered' ? 0 : random.below(1_000_000)
    const deliveryNumber = 1 + random.below(2)
    return { type: 'settle-delivery', commandId, instrumentId, deliveryNumber, lots, outcome, compensationMicros }
  }

  /** All of one: another client's may be newer. */
  epoch(): readonly Command[] {
    const { random } = this
    this.epochs += 1
    const epochVersion = 10 * this.epochs + this.accountId
    const gain = (): number => random.below(40 * microsPerTick) - 20 * microsPerTick
    const riskOf = (instrumentId: number) => ({
      instrumentId,
      specificationVersion: 1,
      markMicros: (195 + random.below(10)) * microsPerTick,
      shortMinimumMicros: random.below(microsPerTick),
      group: 0,
      concentrationUnits: random.below(2),
      deltaMicroUnits: 1_000_000,
      vegaMicros: 0,
      risk: random.chance(0.2)
        ? ({ kind: 'bounds', lowMicros: 0, highMicros: capMicros } as const)
        : ({ kind: 'array', restMicros: 0, arrayMicros: [gain(), gain(), gain()] } as const),
    })
    return [
      {
        type: 'risk-epoch-begin',
        commandId: random.uuid(),
        epochVersion,
        scenarioSetVersion: 1,
        groups: [{ thresholdUnits: 10, microsPerUnit: 5 }],
        blocks: [{ scenarios: 1 }, { scenarios: 2 }],
      },
      {
        type: 'risk-epoch-chunk',
        commandId: random.uuid(),
        epochVersion,
        number: 0,
        instruments: [riskOf(1), riskOf(2), riskOf(3)],
      },
      { type: 'risk-epoch-commit', commandId: random.uuid(), epochVersion, chunks: 1 },
    ]
  }
}

/** What moves cash and collateral, and changes what margin is computed from: accepted mostly, refused at times. */
import { neverMillis } from '#domain/reference/contract-terms.ts'
import { plainFuture } from '#domain/reference/instrument.ts'
import type { Command, ListInstrument } from '#domain/trading/commands.ts'
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

const microsPerTick = 10_000
const capMicros = 100_000_000

export class MoneyCommands {
  private readonly random: Random
  private readonly accountId: number
  private readonly holds: string[] = []
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
        instruments: [riskOf(1), riskOf(2)],
      },
      { type: 'risk-epoch-commit', commandId: random.uuid(), epochVersion, chunks: 1 },
    ]
  }
}

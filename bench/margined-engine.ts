import { spanMoves } from '#domain/margin/scenario-set.ts'
import type { Command } from '#domain/trading/commands.ts'
import { Engine, type EngineState } from '#domain/trading/engine.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import type { LimitScope, LimitTerms } from '#domain/trading/limit-terms.ts'
import { flowMillis } from './engine-run.ts'
import { threadMillis } from './rounds.ts'

const priceScan = 0.2
/** What half of the accounts are left with above what they need. */
const spareShare = 0.05

let commandCount = 0
const commandId = (): string => {
  commandCount += 1
  return `0181${commandCount.toString(16).padStart(4, '0')}-0000-7000-8000-000000000000`
}

/** An engine that goes on from a state with portfolio margin on: SPAN's 16 moves of all symbols together. */
export class MarginedEngine extends Engine {
  static from(state: EngineState): MarginedEngine {
    const engine = new MarginedEngine(state.lane)
    engine.restore(state)
    engine.do({ type: 'activate-engine-version', commandId: commandId(), version: versionOfMargin })
    engine.takeEpoch()
    return engine
  }

  private do(command: Command): void {
    const refused = this.enter(command, flowMillis).find(event => event.type === 'command-rejected')
    if (refused !== undefined) throw new Error(`the bench's own ${command.type} is refused: ${JSON.stringify(refused)}`)
    this.told.clear()
  }

  private takeEpoch(): void {
    for (const command of this.epochCommands(1)) this.do(command)
  }

  /** A new epoch of all instruments, marked at what their books say now; CPU of its longest command. */
  switchEpoch(): number {
    let longestMillis = 0
    for (const command of this.epochCommands((this.margin?.epochVersion ?? 0) + 1)) {
      const from = threadMillis()
      this.do(command)
      longestMillis = Math.max(longestMillis, threadMillis() - from)
    }
    return longestMillis
  }

  private epochCommands(epochVersion: number): Command[] {
    const open = { epochVersion, scenarioSetVersion: 1, groups: [{ thresholdUnits: 0, microsPerUnit: 0 }] }
    const blocks = [{ scenarios: spanMoves.length }]
    const instruments = this.listings.flatMap(listing => {
      if (listing === undefined) return []
      const { instrumentId, specificationVersion, microsPerTickLot } = listing.instrument
      const markMicros = listing.referenceTicks() * microsPerTickLot
      const common = { instrumentId, specificationVersion, markMicros, group: 0 }
      const nothing = { shortMinimumMicros: 0, concentrationUnits: 0, deltaMicroUnits: 0, vegaMicros: 0 }
      const arrayMicros = spanMoves.map(({ weight, price }) => Math.round(weight * price * priceScan * markMicros))
      return [{ ...common, ...nothing, risk: { kind: 'array' as const, restMicros: 0, arrayMicros } }]
    })
    return [
      { type: 'risk-epoch-begin', commandId: commandId(), ...open, blocks },
      { type: 'risk-epoch-chunk', commandId: commandId(), epochVersion, number: 0, instruments },
      { type: 'risk-epoch-commit', commandId: commandId(), epochVersion, chunks: 1 },
    ]
  }

  /** Every limit, so far away that nothing meets it. Messages of an instrument are those of all: they have none. */
  limit(): void {
    const far = 2 ** 52
    const terms = {
      maxOrderLots: 2 ** 30,
      maxOrderNotionalMicros: far,
      maxOpenOrders: 1_000_000,
      maxPositionLots: 2 ** 40,
      maxGrossDelta: far,
      maxNetDelta: far,
      maxVegaMicros: far,
      maxDailyLossMicros: far,
      maxConcentrationPpm: 1_000_000,
      concentrationFromLots: 0,
      maxMessagesPerSecond: 1_000_000,
      collarPpm: 1_000_000,
    }
    const nobody = { accountId: 0, firm: '', instrumentId: 0 }
    const set = (of: { readonly scope: LimitScope } & Partial<typeof nobody>, given: LimitTerms) =>
      this.do({ type: 'set-risk-limits', commandId: commandId(), ...nobody, isApproved: true, ...of, terms: given })
    for (let accountId = 1; accountId <= this.accounts.count; accountId += 1)
      set({ scope: 'account', accountId }, terms)
    for (const listing of this.listings)
      if (listing !== undefined)
        set(
          { scope: 'instrument', instrumentId: listing.instrument.instrumentId },
          { ...terms, maxDailyLossMicros: 0, maxMessagesPerSecond: 0 },
        )
  }

  /** Leaves every other account with little more than it needs, so that no cheap bound decides. */
  tighten(): void {
    const { margin, accounts } = this
    if (margin === undefined) throw new Error('the engine has no margin')
    for (let accountId = 1; accountId <= accounts.count; accountId += 2) {
      const { equityMicros, requirementMicros } = margin.figures(accounts.recordOf(accountId))
      const amountMicros = Math.floor(equityMicros - requirementMicros * (1 + spareShare))
      if (amountMicros > 0) this.do({ type: 'withdraw', commandId: commandId(), accountId, amountMicros })
    }
  }
}

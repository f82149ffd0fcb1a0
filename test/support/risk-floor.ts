import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { store } from '#adapters/writes.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { plainFuture } from '#domain/reference/instrument.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { projectInstruments } from '#lambdas/reference/project-instruments.ts'
import { forgetRiskEpochs } from '#lambdas/risk/risk-epoch-making.ts'
import { futureName, openPricingFloor, type PricingFloor, underlying } from './pricing-floor.ts'
import { nextCommandId } from './tape.ts'

/** A pricing floor whose lanes are played by the engine itself, and whose instruments are what its projector makes of them. */
export interface RiskFloor extends PricingFloor {
  engine(lane: number): Engine
  /** Enters a command as if it had come down the stream; answers what was told of it. */
  enter(lane: number, command: Command): readonly Event[]
  list(
    lane: number,
    change?: Partial<Omit<ContractSpecification, 'terms'>> & { readonly terms?: object },
  ): Promise<number>
  listFuture(lane: number, name?: string): Promise<number>
  /** All that was told and not projected yet, to the tables. */
  project(): Promise<void>
  /** What was put is entered and projected before the put is acknowledged; false: until then nothing is. */
  runs(isRunning: boolean): void
}

export const openRiskFloor = (lanes: readonly number[] = [1, 2]): RiskFloor => {
  const floor = openPricingFloor()
  const engines = new Map<number, Engine>()
  const told: { lane: number; event: Event }[] = []
  let outSeq = 0

  const engine = (lane: number): Engine => {
    const found = engines.get(lane)
    if (found === undefined) throw new Error(`lane ${lane} has no engine`)
    return found
  }
  const enter = (lane: number, command: Command): readonly Event[] => {
    const events = [...engine(lane).enter(command, Date.now())]
    for (const event of events) told.push({ lane, event })
    return events
  }
  const project = async (): Promise<void> => {
    for (const { lane, event } of told.splice(0)) {
      outSeq += 1
      forgetInstruments()
      const placed = { lane, outSeq, eventId: `${lane}:${outSeq}:0`, atMillis: Date.now(), event }
      const writesOf = await projectInstruments.load(lane, [placed])
      for (const write of writesOf(placed)) await store(write)
    }
    forgetInstruments()
  }
  const risk: RiskFloor = {
    ...floor,
    engine,
    enter,
    project,
    runs(isRunning) {
      floor.streams.onPut((command, lane) => {
        if (!isRunning) return
        enter(lane, command)
        // The mock's answers are there in the same turn of the loop, before anybody polls.
        void project()
      })
    },
    reset() {
      floor.reset()
      forgetRiskEpochs()
      told.length = 0
      engines.clear()
      for (const lane of lanes) engines.set(lane, createEngine(lane))
      risk.runs(true)
    },
    async list(lane, { terms, ...change } = {}) {
      const specification: ContractSpecification = {
        instrumentName: futureName,
        ...plainFuture,
        underlying,
        quoteCurrency: 'USD',
        tickSize: '0.001',
        minTradeAmount: '1',
        contractSize: '1',
        maxPrice: '10',
        expirationMillis: Date.UTC(2026, 11, 1),
        makerCommissionPpm: 0,
        takerCommissionPpm: 0,
        ...change,
        terms: terms === undefined ? '' : JSON.stringify(terms),
      }
      const [listed] = enter(lane, { type: 'list-instrument', commandId: nextCommandId(), specification })
      if (listed?.type !== 'instrument-listed') throw new Error(`not listed: ${JSON.stringify(listed)}`)
      await project()
      return listed.instrument.instrumentId
    },
    listFuture: (lane, name = futureName) =>
      risk.list(lane, {
        instrumentName: name,
        terms: { index: underlying, averaging_start: '2026-11-01T00:00:00Z' },
      }),
    activate(lane) {
      enter(lane, { type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
    },
  }
  return risk
}

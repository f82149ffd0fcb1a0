import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { mockClient } from 'aws-sdk-client-mock'
import { forgetAccountNumbers } from '#adapters/tables/account-numbers.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { putRiskEpoch } from '#adapters/tables/risk-epochs.ts'
import { epochScenarioSet, makeEpoch, riskContractOf } from '#domain/margin/made-epoch.ts'
import { type ContractSpecification, plainFuture } from '#domain/reference/instrument.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import { readInstrument } from '#domain/trading/saved-contract.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { executionsRecord } from './executions.ts'
import { mockStreams } from './mocked-streams.ts'
import { mockTables } from './mocked-tables.ts'
import { nextCommandId } from './tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] ??= 'true'

const lanes = [1, 2] as const
type LaneNumber = (typeof lanes)[number]

/** A future on the same index in each lane: one hedges the other. A tick of a lot is a thousandth of a USD. */
export const futureIn = (lane: LaneNumber): string => `H100.USE-${lane}`
export const usdMicros = 1_000_000
/** The account that stands opposite of everybody, in each lane. */
const bobIn = (lane: LaneNumber): number => (lane - 1) * 2 ** 20 + 1

const h100 = {
  name: 'H100.USE',
  family: 'gpu',
  priceScan: 0.2,
  volatilityScan: 0.15,
  level: 2.5,
  shortOptionMinimumPpm: 0,
  concentrationThreshold: 1_000_000,
  concentrationChargePpm: 0,
}

/** Two lanes with their engines, the tables as the projectors make them, and the relay between the lanes. */
export const openTwoLanes = async () => {
  const tables = mockTables()
  const streams = mockStreams(lanes)
  const workflows = mockClient(SFNClient)
  process.env[lanesEnvironmentVariable] = lanes.join(',')
  process.env[workflowEnvironmentVariable('open-account')] = 'test-arn'
  const { projectorOf } = await import('#lambdas/shell/projection.ts')
  const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
  const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
  const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
  const { projectMarketMaking } = await import('#lambdas/market-making/project-market-making.ts')
  const { epochCommands } = await import('#lambdas/risk/risk-epoch-commands.ts')
  const { forgetEpochs } = await import('#lambdas/risk/epoch-in-force.ts')
  const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')
  const { relayBudgets } = await import('#lambdas/risk/relay-lane-budgets.ts')
  const projections = [projectInstruments, projectOrders, projectPositions, projectMarketMaking]

  let projectors = projections.map(projectorOf)
  let engines = new Map<number, Engine>()
  let reached = new Map<number, { outSeq: number; records: number }>()
  let isRelaying = true
  let aheadMillis = 0
  let last: Promise<unknown> = Promise.resolve()

  const engine = (lane: number): Engine => {
    const found = engines.get(lane)
    if (found === undefined) throw new Error(`no lane ${lane}`)
    return found
  }
  /** What the matcher, the projectors and the relay make of a command. */
  const apply = async (lane: number, command: Command): Promise<readonly Event[]> => {
    const events = engine(lane).enter(command, Date.now() + aheadMillis)
    if (events.length === 0) return events
    const { outSeq, records } = reached.get(lane) ?? { outSeq: 0, records: 0 }
    reached.set(lane, { outSeq: outSeq + events.length, records: records + 1 })
    const record = executionsRecord(records + 1, outSeq + 1, events, lane)
    forgetInstruments()
    for (const projector of projectors) await projector([record])
    forgetInstruments()
    if (isRelaying) await relayBudgets([record])
    return events
  }
  /** One after the other, each once all before it are done. */
  const enter = <Lane extends number>(lane: Lane, command: Command): Promise<readonly Event[]> => {
    const next = last.then(() => apply(lane, command))
    last = next.catch(() => undefined)
    return next
  }

  const floor = {
    tables,
    streams,
    engine,
    enter,
    /** Until nothing is under way any more. */
    async settle(): Promise<void> {
      for (let before: unknown; before !== last; ) {
        before = last
        await last
      }
    },
    relay(isOn: boolean): void {
      isRelaying = isOn
    },
    /** So much later, in both lanes. */
    async wait(millis: number): Promise<void> {
      aheadMillis += millis
      for (const lane of lanes)
        await enter(lane, { type: 'deposit', commandId: nextCommandId(), accountId: bobIn(lane), amountMicros: 1 })
      await floor.settle()
    },
    /** Bob offers (or bids for, where negative) so many lots at 2.5. */
    async offer(lane: LaneNumber, lots: number): Promise<void> {
      await enter(lane, {
        type: 'place-order',
        orderId: nextCommandId(),
        accountId: bobIn(lane),
        instrumentId: 1,
        specificationVersion: 1,
        direction: lots > 0 ? 'sell' : 'buy',
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks: 2_500,
        quantityLots: Math.abs(lots),
        clientOrderId: '',
        ...plainInstructions,
      })
    },
    /** Makes an epoch of all futures that are listed, at so many ticks, and has these lanes adopt it. */
    async adoptEpoch(version: number, adopting: readonly LaneNumber[], markTicks = 2_500): Promise<void> {
      const nowMillis = Date.now()
      const contracts = lanes.flatMap(lane =>
        engine(lane)
          .snapshot()
          .books.map(book => {
            const market = { markTicks, market: { level: markTicks / 1_000 }, nowMillis }
            const contract = riskContractOf(readInstrument(book.instrument), h100, market)
            return { lane, specificationVersion: 1, contract }
          }),
      )
      const inputs = { underlyings: [h100], lookAheadMillis: 86_400_000, contracts, assets: [] }
      const set = epochScenarioSet(inputs, 1)
      if (!set.accepted) throw new Error(set.code)
      const made = makeEpoch(inputs, set.value, { version, madeAtMillis: nowMillis, reasons: [] })
      if (!made.accepted) throw new Error(`${made.code} ${made.field}`)
      await putRiskEpoch(made.value)
      for (const lane of adopting) for (const command of epochCommands(made.value, lane)) await enter(lane, command)
      await floor.settle()
    },
    /** A future on the same index unless told. */
    async list(lane: LaneNumber, change: Partial<ContractSpecification> = {}): Promise<void> {
      await enter(lane, {
        type: 'list-instrument',
        commandId: nextCommandId(),
        specification: {
          ...plainFuture,
          instrumentName: futureIn(lane),
          underlying: h100.name,
          quoteCurrency: 'USD',
          tickSize: '0.001',
          minTradeAmount: '1',
          contractSize: '1',
          maxPrice: '10',
          expirationMillis: Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 30 * 86_400_000,
          makerCommissionPpm: 0,
          takerCommissionPpm: 0,
          ...change,
        },
      })
    },
    /** Both lanes open, with Bob in each, and acme with so many USD in the first; these lanes have an epoch. */
    async reset(dollars = 1_000, adopting: readonly LaneNumber[] = lanes): Promise<void> {
      tables.reset()
      streams.reset()
      forgetInstruments()
      forgetAccountNumbers()
      forgetEpochs()
      forgetEngineVersions()
      engines = new Map(lanes.map(lane => [lane, createEngine(lane)]))
      reached = new Map()
      projectors = projections.map(projectorOf)
      ;[isRelaying, aheadMillis, last] = [true, 0, Promise.resolve()]
      streams.onPut((command, lane) => void enter(lane, command))
      workflows.reset()
      workflows.on(StartExecutionCommand).callsFake(({ input }) => {
        const { account, lane, firm }: { account?: string; lane: number; firm: string } = JSON.parse(input)
        // Of liquidations a test takes the steps itself.
        if (account === undefined) return {}
        void enter(lane, { type: 'open-account', commandId: nextCommandId(), account, firm })
        return {}
      })
      for (const lane of lanes) {
        await enter(lane, { type: 'activate-engine-version', commandId: nextCommandId(), version: newestEngineVersion })
        await enter(lane, { type: 'open-account', commandId: nextCommandId(), account: `bob-${lane}`, firm: '' })
        const amountMicros = 1_000_000 * usdMicros
        await enter(lane, { type: 'deposit', commandId: nextCommandId(), accountId: bobIn(lane), amountMicros })
        await floor.list(lane)
      }
      await enter(1, { type: 'open-account', commandId: nextCommandId(), account: 'acme', firm: '' })
      await enter(1, { type: 'deposit', commandId: nextCommandId(), accountId: 2, amountMicros: dollars * usdMicros })
      await floor.adoptEpoch(1, adopting)
    },
  }
  await floor.reset()
  return floor
}

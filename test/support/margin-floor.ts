import { expect } from '@jest/globals'
import { forgetAccountNumbers } from '#adapters/tables/account-numbers.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { putMark } from '#adapters/tables/marks.ts'
import { putRiskEpoch } from '#adapters/tables/risk-epochs.ts'
import { type EpochUnderlying, epochScenarioSet, makeEpoch, riskContractOf } from '#domain/margin/made-epoch.ts'
import { type ContractSpecification, type Instrument, plainFuture } from '#domain/reference/instrument.ts'
import { type Command, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { readInstrument } from '#domain/trading/saved-contract.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { executionsRecord } from './executions.ts'
import { type MockedTables, mockTables } from './mocked-tables.ts'
import { nextCommandId } from './tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] ??= 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] ??= 'true'

export const h100 = 'H100.USE-1'
export const a100 = 'A100.USE-1'
export const h100Call = 'H100.USE-1-2.5-C'
export const usdMicros = 1_000_000

/** The account of a request, one of its firm, and two of others. */
export const marginAccounts = ['acme', 'acme.desk', 'bob', 'cid'] as const
type MarginAccount = (typeof marginAccounts)[number]

/**
 * Lane 1 with its engine and the tables as the projectors themselves make them: what HTTP answers can be held against what
 * the engine has. Two futures of 1 USD a 1,000 ticks, highest price 10 USD, and a call on the first.
 */
export interface MarginFloor {
  readonly tables: MockedTables
  engine(): Engine
  /** Enters a command, and projects all that it leads to. */
  enter(command: Command): Promise<readonly Event[]>
  /** A limit order that stays: positive lots buy. Answers its events. */
  place(account: MarginAccount, instrument: string, lots: number, ticks: number): Promise<readonly Event[]>
  /** Between an account and bob. */
  trade(account: MarginAccount, instrument: string, lots: number, ticks: number): Promise<void>
  list(specification: Partial<ContractSpecification>): Promise<void>
  instrument(name: string): Instrument
  accountId(account: MarginAccount): number
  /** Makes the next epoch at these marks in ticks, stores it, and has the lane adopt it. Answers its version. */
  adoptEpoch(marks?: Readonly<Record<string, number>>): Promise<number>
  mark(name: string, markTicks: number, greeks?: { readonly delta: string }): Promise<void>
  reset(): Promise<void>
}

const underlyings: readonly EpochUnderlying[] = ['A100.USE', 'H100.USE'].map(name => ({
  name,
  family: 'gpu',
  priceScan: 0.2,
  volatilityScan: 0.15,
  level: name === 'H100.USE' ? 2.5 : 1.5,
  shortOptionMinimumPpm: 10_000,
  concentrationThreshold: 1_000,
  concentrationChargePpm: 50_000,
}))

/** Of the asset that may be listed as collateral. */
const bills: EpochUnderlying = {
  name: 'TBILL3M',
  family: 'bonds',
  priceScan: 0.02,
  volatilityScan: 0.05,
  level: 100,
  shortOptionMinimumPpm: 0,
  concentrationThreshold: 1_000_000,
  concentrationChargePpm: 0,
}

export const openMarginFloor = async (): Promise<MarginFloor> => {
  const tables = mockTables()
  process.env[lanesEnvironmentVariable] = '1,2'
  const { projectorOf } = await import('#lambdas/shell/projection.ts')
  const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
  const { projectMarketData } = await import('#lambdas/reference/project-market-data.ts')
  const { projectOrders } = await import('#lambdas/trading/project-orders.ts')
  const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
  const { projectMarketMaking } = await import('#lambdas/market-making/project-market-making.ts')
  const { epochCommands } = await import('#lambdas/risk/risk-epoch-commands.ts')
  const { forgetEpochs } = await import('#lambdas/risk/epoch-in-force.ts')
  const projections = [projectInstruments, projectMarketData, projectOrders, projectPositions, projectMarketMaking]

  let engine = createEngine(1)
  let [outSeq, records, version, orders] = [0, 0, 0, 0]
  let projectors = projections.map(projectorOf)

  const enter = async (command: Command): Promise<readonly Event[]> => {
    const events = engine.enter(command, Date.now())
    if (events.length === 0) return events
    records += 1
    forgetInstruments()
    const record = executionsRecord(records, outSeq + 1, events, 1, () => Date.now())
    for (const projector of projectors) await projector([record])
    outSeq += events.length
    forgetInstruments()
    return events
  }
  const instruments = (): readonly Instrument[] => engine.snapshot().books.map(book => readInstrument(book.instrument))
  const instrument = (name: string): Instrument => {
    const found = instruments().find(({ specification }) => specification.instrumentName === name)
    if (found === undefined) throw new Error(`${name} is not listed`)
    return found
  }
  const accountId = (account: MarginAccount): number => marginAccounts.indexOf(account) + 1

  const floor: MarginFloor = {
    tables,
    engine: () => engine,
    enter,
    instrument,
    accountId,
    async place(account, name, lots, priceTicks) {
      orders += 1
      const { instrumentId, specificationVersion } = instrument(name)
      const order: PlaceOrder = {
        type: 'place-order',
        orderId: `01900000-0000-7000-9000-${orders.toString(16).padStart(12, '0')}`,
        accountId: accountId(account),
        instrumentId,
        specificationVersion,
        direction: lots > 0 ? 'buy' : 'sell',
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks,
        quantityLots: Math.abs(lots),
        clientOrderId: '',
        ...plainInstructions,
      }
      return enter(order)
    },
    async trade(account, name, lots, ticks) {
      await floor.place('bob', name, -lots, ticks)
      const events = await floor.place(account, name, lots, ticks)
      expect(events.map(({ type }) => type)).toContain('trade-executed')
    },
    async list(change) {
      const specification: ContractSpecification = {
        ...plainFuture,
        instrumentName: h100,
        underlying: 'H100.USE',
        quoteCurrency: 'USD',
        tickSize: '0.001',
        minTradeAmount: '1',
        contractSize: '1',
        maxPrice: '10',
        expirationMillis: Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 30 * 86_400_000,
        makerCommissionPpm: 100,
        takerCommissionPpm: 500,
        ...change,
      }
      const [listed] = await enter({ type: 'list-instrument', commandId: nextCommandId(), specification })
      if (listed?.type !== 'instrument-listed') throw new Error(`not listed: ${JSON.stringify(listed)}`)
    },
    async adoptEpoch(marks = {}) {
      version += 1
      const nowMillis = Date.now()
      const assets = instruments().flatMap(({ instrumentId, specification, specificationVersion, terms }) => {
        if (terms.kind !== 'collateral') return []
        const { instrumentName, underlying } = specification
        // A lot is a unit of 100 USD, of which 5 % do not count.
        const asset = { instrumentId, instrumentName, underlying, unitMicros: 100 * usdMicros, haircutPpm: 50_000 }
        return [{ lane: 1, specificationVersion, asset }]
      })
      const listed = instruments().filter(({ terms }) => terms.kind !== 'collateral')
      const contracts = listed.map(contract => {
        const { underlying } = contract.specification
        const own = underlyings.find(({ name }) => name === underlying)
        if (own === undefined) throw new Error(`the epoch has no underlying ${underlying}`)
        const isOption = contract.terms.kind === 'option'
        return {
          lane: 1,
          specificationVersion: contract.specificationVersion,
          contract: riskContractOf(contract, own, {
            markTicks: marks[contract.specification.instrumentName] ?? (isOption ? 200 : (own.level ?? 0) * 1_000),
            market: { level: own.level ?? 0, ...(isOption ? { volatility: 0.8 } : {}) },
            nowMillis,
          }),
        }
      })
      const all = assets.length === 0 ? underlyings : [...underlyings, bills]
      const inputs = { underlyings: all, lookAheadMillis: 86_400_000, contracts, assets }
      const set = epochScenarioSet(inputs, 1)
      if (!set.accepted) throw new Error(set.code)
      const made = makeEpoch(inputs, set.value, { version, madeAtMillis: nowMillis, reasons: [] })
      if (!made.accepted) throw new Error(`${made.code} ${made.field}`)
      await putRiskEpoch(made.value)
      const told: Event[] = []
      for (const command of epochCommands(made.value, 1)) told.push(...(await enter(command)))
      expect(told.map(({ type }) => type)).toContain('risk-epoch-adopted')
      return version
    },
    async mark(name, markTicks, greeks) {
      const { instrumentId } = instrument(name)
      await putMark({
        lane: 1,
        instrumentId,
        instrumentName: name,
        markTicks,
        fair: '1',
        method: 'test',
        ...(greeks === undefined
          ? {}
          : { greeks: { gamma: '0.5', vega: '0.01', theta: '-0.02', rho: '0', ...greeks } }),
        bidTicks: 0,
        askTicks: 0,
        lastTicks: 0,
        atMillis: Date.now(),
        flags: [],
      })
    },
    async reset() {
      tables.reset()
      forgetInstruments()
      forgetAccountNumbers()
      forgetEpochs()
      engine = createEngine(1)
      ;[outSeq, records, version, orders] = [0, 0, 0, 0]
      projectors = projections.map(projectorOf)
      await enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
      for (const account of marginAccounts) {
        const firm = account === 'acme.desk' ? 'acme' : ''
        await enter({ type: 'open-account', commandId: nextCommandId(), account, firm })
        const amountMicros = (account === 'bob' ? 1_000_000 : 1_000) * usdMicros
        await enter({ type: 'deposit', commandId: nextCommandId(), accountId: accountId(account), amountMicros })
      }
      await floor.list({})
      await floor.list({ instrumentName: a100, underlying: 'A100.USE' })
      await floor.list({
        instrumentName: h100Call,
        kind: 'option',
        terms: JSON.stringify({
          option_type: 'call',
          strike: '2.5',
          exercise: 'european',
          underlying_instrument: h100,
        }),
      })
    },
  }
  await floor.reset()
  return floor
}

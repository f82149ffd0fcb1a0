import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import type { DynamoDBStreamEvent } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { forgetInstruments, getInstrumentById } from '#adapters/tables/instruments.ts'
import { listLiquidationSteps } from '#adapters/tables/liquidations.ts'
import { putMark } from '#adapters/tables/marks.ts'
import { putParameter } from '#adapters/tables/parameters.ts'
import { putRiskEpoch } from '#adapters/tables/risk-epochs.ts'
import { type EpochUnderlying, riskContractOf } from '#domain/margin/made-epoch.ts'
import type { RiskInstrument } from '#domain/margin/risk-epoch.ts'
import { blocksOf, type ScenarioSet } from '#domain/margin/scenario-set.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import { type Command, type Direction, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { insuranceFundEnvironmentVariable } from '#protocol/liquidation.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus, tableChanges } from './announced.ts'
import { type Item, type LocalTables, startTables } from './dynamodb-local.ts'
import { recordsOf } from './executions.ts'
import { lambdaContext } from './http-requests.ts'
import { mockStreams } from './mocked-streams.ts'
import { contractSpecification } from './settled-contracts.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

const machineArn = arnOf('states', 'stateMachine:CollateralLiquidation')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
/** In the order of their numbers, from 1 on. */
const accounts = ['alice', 'bob', 'carol', 'dave', 'erin', 'insurance-fund-1'] as const
export type Account = (typeof accounts)[number]
export const numberOf = (account: Account): number => accounts.indexOf(account) + 1

const dayMillis = 86_400_000
/** Up and down. */
const scenarioSet: ScenarioSet = {
  version: 1,
  underlyings: ['I'],
  lookAheadYears: 0,
  scenarios: [
    { name: 'up', weight: 1, priceShifts: [0.2], volatilityShifts: [0], reachShifts: [0.2] },
    { name: 'down', weight: 1, priceShifts: [-0.2], volatilityShifts: [0], reachShifts: [-0.2] },
  ],
}
const underlying: EpochUnderlying = {
  name: 'I',
  family: 'I',
  priceScan: 0.2,
  volatilityScan: 0.1,
  level: 2,
  shortOptionMinimumPpm: 0,
  concentrationThreshold: 1e9,
  concentrationChargePpm: 0,
}

/**
 * A lane of its own: the engine itself behind the order stream, the projectors, the tables and the workflow's document
 * interpreted as on the laptop. One clock, which goes on by itself where nothing else moves.
 */
export const openLiquidationFloor = async () => {
  process.env[lanesEnvironmentVariable] = '1'
  process.env[workflowEnvironmentVariable('collateral-liquidation')] = machineArn
  process.env[insuranceFundEnvironmentVariable] = 'insurance-fund'
  const streams = mockStreams([1])
  const bus = mockBus()
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [{ projectInstruments }, { projectPositions }, { projectMarketMaking }, { projectorOf }, starting] =
    await Promise.all([
      import('#lambdas/reference/project-instruments.ts'),
      import('#lambdas/ledger/project-positions.ts'),
      import('#lambdas/market-making/project-market-making.ts'),
      import('#lambdas/shell/projection.ts'),
      import('#lambdas/risk/start-liquidations.ts'),
    ])
  const steps = tasks.filter(({ workflow }) => workflow === 'collateral-liquidation')
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/risk/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machine = resourceOf('AWS::StepFunctions::StateMachine', 'CollateralLiquidation', machineArn, {
    DefinitionString: readFileSync(
      join(import.meta.dirname, '../../stepfunctions/collateral-liquidation.asl.json'),
      'utf8',
    ),
    DefinitionSubstitutions: Object.fromEntries(steps.map(({ name }) => [pascalCase(name), functionArn(name)])),
  })

  let engine = createEngine(1)
  let events: { readonly event: Event; readonly atMillis: number }[] = []
  let ids = 0
  let epochs = 0
  let interfere: Interference = () => undefined
  let called: string[] = []
  let inFlight = 0
  /** Of processes: what an earlier one left running counts no more. */
  let generation = 0
  let surroundings = testSurroundings([machine])
  let stepFunctions: Awaited<ReturnType<typeof startStepFunctions>> | undefined
  let started: { readonly name: string; readonly input: string }[] = []
  let projectors: readonly ReturnType<typeof projectorOf>[] = []
  let projected = 0
  /** Calls that the table's stream has told of. */
  let told = new Set<string>()

  const now = () => surroundings.clock.now()
  const nextId = () => {
    ids += 1
    return `01900000-0000-7eee-8000-${ids.toString(16).padStart(12, '0')}`
  }
  const enter = (command: Command): readonly Event[] => {
    const atMillis = now()
    const said = [...engine.enter(command, atMillis)]
    events.push(...said.map(event => ({ event, atMillis })))
    return said
  }
  const accepted = (command: Command): readonly Event[] => {
    const said = enter(command)
    if (said.some(({ type }) => type === 'command-rejected' || type === 'order-rejected'))
      throw new Error(`refused: ${JSON.stringify(said)}`)
    return said
  }
  const project = async (): Promise<void> => {
    const all = [...events]
    if (all.length === projected) return
    const records = recordsOf(
      all.map(({ event }) => event),
      [20],
      outSeq => all[outSeq - 1]?.atMillis ?? 0,
    )
    for (const projector of projectors) await projector(records)
    projected = all.length
    forgetInstruments()
  }
  const ended = () => {
    const lines = readFileSync(join(surroundings.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.flatMap(line => (line === '' ? [] : [JSON.parse(line)])).filter(({ status }) => status !== undefined)
  }
  /** What the table's stream would tell. */
  const callChanges = async (all = false): Promise<DynamoDBStreamEvent> => {
    const items = (await tables.items('marginCalls')).filter(item => item['event_id'] !== undefined)
    const fresh = items.filter(item => all || !told.has(String(item['event_id'])))
    for (const item of fresh) told.add(String(item['event_id']))
    const table = await import('#protocol/tables.ts')
    return tableChanges(
      ...fresh.map(item => ({ now: { kind: 'put' as const, table: table.tables.marginCalls, item } })),
    )
  }
  /** That a call is answered for good goes over the same stream. */
  const tellAnswered = async (): Promise<void> => {
    const { tables: declared } = await import('#protocol/tables.ts')
    const over = (await tables.items('marginCalls')).filter(
      item => item['is_over'] === true && !told.has(String(item['liquidation_id'])),
    )
    for (const item of over) told.add(String(item['liquidation_id']))
    const changes = over.map(item => ({ now: { kind: 'put' as const, table: declared.marginCalls, item } }))
    const { batchItemFailures } = await starting.handler(tableChanges(...changes), lambdaContext)
    if (batchItemFailures.length > 0) throw new Error('a newer call was not answered')
  }
  const instrumentNumbered = async (instrumentId: number): Promise<Instrument> => {
    const row = await getInstrumentById(1, instrumentId)
    if (row === undefined) throw new Error(`there is no instrument ${instrumentId}`)
    return row.instrument
  }

  const runTask = async (arn: string, event: unknown): Promise<Invocation> => {
    const name = arn.split(':').at(-1) ?? ''
    const own = generation
    called.push(name)
    inFlight += 1
    const run = async (): Promise<Invocation> => {
      try {
        return { ok: true, payload: await handlers.get(name)?.(event, lambdaContext) }
      } catch (error) {
        const [errorType, errorMessage] = error instanceof Error ? [error.name, error.message] : ['Error', '']
        return { ok: false, kind: 'Unhandled', error: { errorType, errorMessage } }
      }
    }
    return (interfere(name, run) ?? run()).finally(() => {
      if (own === generation) inFlight -= 1
    })
  }

  const floor = {
    tables,
    bus,
    streams,
    /** Of each task that was called, in order. */
    called: () => called,
    started: () => started,
    now,
    /** A lane of the rules of margin with nothing in it but funded accounts. */
    async reset(cash: Partial<Readonly<Record<Account, number>>> = {}): Promise<void> {
      await tables.renew()
      streams.reset()
      bus.reset()
      streams.onPut(command => void enter(command))
      engine = createEngine(1)
      ;[events, called, started, projected, inFlight, epochs] = [[], [], [], 0, 0, 0]
      told = new Set()
      interfere = () => undefined
      projectors = [projectInstruments, projectPositions, projectMarketMaking].map(projectorOf)
      surroundings = testSurroundings([machine])
      jest.spyOn(Date, 'now').mockImplementation(now)
      stepFunctions = await startStepFunctions(surroundings, runTask)
      sfn.reset()
      sfn.on(StartExecutionCommand).callsFake(async ({ input, name }) => {
        try {
          await stepFunctions?.startExecution(machineArn, input, name)
          if (!started.some(each => each.name === name)) started.push({ name, input })
          return {}
        } catch {
          throw new ExecutionAlreadyExists({ message: 'it was started', $metadata: {} })
        }
      })
      accepted({ type: 'activate-engine-version', commandId: nextId(), version: versionOfMargin })
      for (const account of accounts) {
        accepted({ type: 'open-account', commandId: nextId(), account, firm: '' })
        const amountMicros = cash[account] ?? 1_000_000_000
        if (amountMicros > 0) floor.deposit(account, amountMicros)
      }
      await project()
    },
    async end(): Promise<void> {
      await stepFunctions?.stop()
      stepFunctions = undefined
      // A task that still waits is not to write into the next test's tables.
      streams.onPut(() => undefined)
      while (inFlight > 0) await new Promise(resolve => setTimeout(resolve, 20))
      generation += 1
      surroundings.remove()
      jest.restoreAllMocks()
    },
    /** The process that ran the executions dies, and another one begins those anew that had not ended. */
    async crash(): Promise<void> {
      await stepFunctions?.stop()
      generation += 1
      inFlight = 0
      const dataDir = surroundings.dataDir
      surroundings = { ...surroundings.again([machine]), clock: surroundings.clock, dataDir }
      stepFunctions = await startStepFunctions(surroundings, runTask)
    },
    interfere(next: Interference): void {
      interfere = next
    },
    deposit(account: Account, amountMicros: number): void {
      accepted({ type: 'deposit', commandId: nextId(), accountId: numberOf(account), amountMicros })
    },
    /** A future: a tick of a lot is a thousand micros. */
    async list(instrumentName = 'I-1DEC99'): Promise<number> {
      const expirationMillis = now() + 90 * dayMillis
      const specification = contractSpecification(
        'future',
        { index: 'I', averaging_start: new Date(now() + 80 * dayMillis).toISOString() },
        { instrumentName, expirationMillis, maxPrice: '100' },
      )
      const listed = accepted({ type: 'list-instrument', commandId: nextId(), specification }).find(
        event => event.type === 'instrument-listed',
      )
      if (listed?.type !== 'instrument-listed') throw new Error(`${instrumentName} is not listed`)
      await project()
      return listed.instrument.instrumentId
    },
    order(
      account: Account,
      instrumentId: number,
      direction: Direction,
      priceTicks: number,
      quantityLots: number,
    ): void {
      accepted({
        type: 'place-order',
        orderId: nextId(),
        accountId: numberOf(account),
        instrumentId,
        specificationVersion: 1,
        direction,
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks,
        quantityLots,
        clientOrderId: '',
        ...plainInstructions,
      })
    },
    /** The first buys so many lots of the second. */
    trade(instrumentId: number, priceTicks: number, lots: number, buyer: Account, seller: Account): void {
      floor.order(seller, instrumentId, 'sell', priceTicks, lots)
      floor.order(buyer, instrumentId, 'buy', priceTicks, lots)
    },
    /** Marks, and an epoch by which each lot may gain or lose a fifth of 200 ticks. */
    async epoch(marks: Readonly<Record<number, number>>): Promise<void> {
      await project()
      epochs += 1
      const made = await Promise.all(
        Object.entries(marks).map(async ([id, markTicks]) => {
          const instrument = await instrumentNumbered(Number(id))
          await putMark({
            lane: 1,
            instrumentId: instrument.instrumentId,
            instrumentName: instrument.specification.instrumentName,
            markTicks,
            fair: '1',
            method: 'test',
            bidTicks: 0,
            askTicks: 0,
            lastTicks: 0,
            atMillis: now(),
            flags: [],
          })
          const { microsPerTickLot } = instrument
          const contract = riskContractOf(instrument, underlying, { markTicks, nowMillis: now() })
          const risk: RiskInstrument = {
            instrumentId: instrument.instrumentId,
            instrumentName: instrument.specification.instrumentName,
            markMicros: markTicks * microsPerTickLot,
            capMicros: instrument.maxPriceTicks * microsPerTickLot,
            microsPerTick: microsPerTickLot,
            group: 0,
            concentrationUnits: 1,
            shortMinimumMicros: 0,
            deltaMicroUnits: 0,
            vegaMicros: 0,
            risk: { kind: 'array', restMicros: 0, arrayMicros: [40 * microsPerTickLot, -40 * microsPerTickLot] },
          }
          return { lane: 1, specificationVersion: instrument.specificationVersion, contract, risk }
        }),
      )
      const groups = [{ name: 'I', thresholdUnits: 1_000_000_000, microsPerUnit: 0 }]
      await putRiskEpoch({
        version: epochs,
        madeAtMillis: now(),
        reasons: [],
        scenarioSet,
        underlyings: [underlying],
        lookAheadMillis: 0,
        groups,
        instruments: made,
      })
      accepted({
        type: 'risk-epoch-begin',
        commandId: nextId(),
        epochVersion: epochs,
        scenarioSetVersion: 1,
        groups: groups.map(({ thresholdUnits, microsPerUnit }) => ({ thresholdUnits, microsPerUnit })),
        blocks: blocksOf(scenarioSet).map(scenarios => ({ scenarios })),
      })
      accepted({
        type: 'risk-epoch-chunk',
        commandId: nextId(),
        epochVersion: epochs,
        number: 0,
        instruments: made.map(({ specificationVersion, risk }) => {
          const { instrumentName: _, capMicros: __, microsPerTick: ___, ...told } = risk
          return { ...told, specificationVersion }
        }),
      })
      accepted({ type: 'risk-epoch-commit', commandId: nextId(), epochVersion: epochs, chunks: 1 })
      await project()
    },
    async terms(value: Partial<LiquidationTerms>): Promise<void> {
      const row = { kind: 'liquidation' as const, name: '*', effectiveMillis: now() - 1_000, version: 1, value }
      if (!(await putParameter({ ...row, setBy: 'founder', setAtMillis: now() }))) throw new Error('the terms are set')
    },
    project,
    /** What the stream of margin calls tells of new ones; with `all`, of all of them again. */
    async tellCalls(all = false): Promise<void> {
      await project()
      const { batchItemFailures } = await starting.handler(await callChanges(all), lambdaContext)
      if (batchItemFailures.length > 0) throw new Error('a call was not answered')
    },
    /** Until every execution has ended, or nothing moves for `mostWaits` waits of a minute. */
    async settle(mostWaits = 60, millis = 60_000): Promise<void> {
      let [idle, waits, over] = [0, 0, ended().length]
      while (ended().length < started.length && waits <= mostWaits) {
        const before = called.length
        await new Promise(resolve => setTimeout(resolve, 5))
        await project()
        if (ended().length > over) {
          over = ended().length
          await tellAnswered()
        }
        idle = called.length === before && inFlight === 0 ? idle + 1 : 0
        if (idle < 4) continue
        waits += 1
        idle = 0
        surroundings.clock.forward(millis)
      }
      await project()
    },
    ends: () => ended().map(({ status, error }) => (error === undefined ? status : `${status} ${error}`)),
    handlerOf(name: string): Step {
      const handler = handlers.get(name)
      if (handler === undefined) throw new Error(`there is no task ${name}`)
      return handler
    },
    heads: async (): Promise<readonly Item[]> =>
      (await tables.items('liquidations')).filter(({ row }) => row === 'head'),
    async steps(liquidationId?: string) {
      const [head] = await floor.heads()
      const { rows } = await listLiquidationSteps(liquidationId ?? String(head?.['liquidation_id']), { limit: 500 })
      return rows
    },
    cash: (account: Account): number => engine.snapshot().accounts[numberOf(account) - 1]?.cashMicros ?? 0,
    total: (): number => engine.snapshot().accounts.reduce((sum, { cashMicros }) => sum + cashMicros, 0),
    lots: (account: Account, instrumentId: number): number =>
      engine.snapshot().accounts[numberOf(account) - 1]?.positions.find(each => each.instrumentId === instrumentId)
        ?.sizeLots ?? 0,
    enter,
    nextId,
    events: () => events.map(({ event }) => event),
    eventsOf: <Type extends Event['type']>(type: Type) =>
      events.flatMap(({ event }) => (event.type === type ? [event as Extract<Event, { readonly type: Type }>] : [])),
  }
  return floor
}

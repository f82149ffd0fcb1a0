import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { putFixing } from '#adapters/tables/fixings.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { putParameter } from '#adapters/tables/parameters.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfContracts } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus } from './announced.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { recordsOf } from './executions.ts'
import { lambdaContext } from './http-requests.ts'
import { testMethod } from './index-desk.ts'
import { mockStreams } from './mocked-streams.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

const machineArn = arnOf('states', 'stateMachine:CashSettlement')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
const traders = ['alice', 'bob', 'carol'] as const

/**
 * A lane of its own: the engine itself behind the order stream, the projectors and the tables, the functions of settlement,
 * and the workflow's document interpreted as on the laptop. Time is what the test says; the workflow's waits pass at once.
 */
export const openSettlementFloor = async (startMillis: number) => {
  process.env[lanesEnvironmentVariable] = '1'
  process.env[workflowEnvironmentVariable('cash-settlement')] = machineArn
  const streams = mockStreams([1])
  const bus = mockBus()
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [{ projectInstruments }, { projectPositions }, { projectMarketData }, { projectorOf }] = await Promise.all([
    import('#lambdas/reference/project-instruments.ts'),
    import('#lambdas/ledger/project-positions.ts'),
    import('#lambdas/reference/project-market-data.ts'),
    import('#lambdas/shell/projection.ts'),
  ])
  const { handler: sweepHandler } = await import('#lambdas/settlement/sweep-settlements.ts')
  const steps = tasks.filter(({ workflow }) => workflow === 'cash-settlement')
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/settlement/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machine = resourceOf('AWS::StepFunctions::StateMachine', 'CashSettlement', machineArn, {
    DefinitionString: readFileSync(join(import.meta.dirname, '../../stepfunctions/cash-settlement.asl.json'), 'utf8'),
    DefinitionSubstitutions: Object.fromEntries(steps.map(({ name }) => [pascalCase(name), functionArn(name)])),
  })

  let engine = createEngine(1)
  let events: { readonly event: Event; readonly atMillis: number }[] = []
  let nowMillis = startMillis
  let ids = 0
  let interfere: Interference = () => undefined
  let called: string[] = []
  let inFlight = 0
  let surroundings = testSurroundings([machine])
  let stepFunctions: Awaited<ReturnType<typeof startStepFunctions>> | undefined
  let started: { readonly name: string; readonly input: string }[] = []

  const nextId = () => {
    ids += 1
    return `01900000-0000-7eee-8000-${ids.toString(16).padStart(12, '0')}`
  }
  const enter = (command: Command): readonly Event[] => {
    const told = [...engine.enter(command, nowMillis)]
    events.push(...told.map(event => ({ event, atMillis: nowMillis })))
    return told
  }
  let projectors: readonly ReturnType<typeof projectorOf>[] = []
  let projected = 0
  const project = async (): Promise<void> => {
    const told = [...events]
    if (told.length === projected) return
    const records = recordsOf(
      told.map(({ event }) => event),
      [20],
      outSeq => told[outSeq - 1]?.atMillis ?? 0,
    )
    for (const projector of projectors) await projector(records)
    projected = told.length
    forgetInstruments()
  }
  const ended = () => {
    const lines = readFileSync(join(surroundings.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.flatMap(line => (line === '' ? [] : [JSON.parse(line)])).filter(({ status }) => status !== undefined)
  }

  const floor = {
    tables,
    bus,
    streams,
    /** Of each step that was called, in order. */
    called: () => called,
    started: () => started,
    /** A lane with nothing in it, which follows the rules of contracts, and three traders with so much cash. */
    async reset(cashMicros = 1_000_000_000_000): Promise<void> {
      nowMillis = startMillis
      jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
      await tables.renew()
      const forgetting = await Promise.all([
        import('#lambdas/reference/engine-version-needed.ts'),
        import('#lambdas/settlement/early-ends.ts'),
        import('#lambdas/settlement/structured-payments.ts'),
      ])
      forgetting[0].forgetEngineVersions()
      forgetting[1].forgetBarriers()
      forgetting[2].forgetPayments()
      streams.reset()
      bus.reset()
      streams.onPut(command => void enter(command))
      engine = createEngine(1)
      ;[events, called, started, projected, inFlight] = [[], [], [], 0, 0]
      interfere = () => undefined
      projectors = [projectInstruments, projectPositions, projectMarketData].map(projectorOf)
      surroundings = testSurroundings([machine])
      stepFunctions = await startStepFunctions(surroundings, async (arn, event) => {
        const name = arn.split(':').at(-1) ?? ''
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
          inFlight -= 1
        })
      })
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
      enter({ type: 'activate-engine-version', commandId: nextId(), version: versionOfContracts })
      for (const [index, account] of traders.entries()) {
        enter({ type: 'open-account', commandId: nextId(), account, firm: '' })
        enter({ type: 'deposit', commandId: nextId(), accountId: index + 1, amountMicros: cashMicros })
      }
      await project()
    },
    async end(): Promise<void> {
      await stepFunctions?.stop()
      stepFunctions = undefined
      surroundings.remove()
      jest.restoreAllMocks()
    },
    now: () => nowMillis,
    at(millis: number): void {
      nowMillis = millis
    },
    interfere(next: Interference): void {
      interfere = next
    },
    /** Its number. */
    async list(specification: ContractSpecification): Promise<number> {
      const told = enter({ type: 'list-instrument', commandId: nextId(), specification })
      const listed = told.find(event => event.type === 'instrument-listed')
      if (listed?.type !== 'instrument-listed') throw new Error(`not listed: ${JSON.stringify(told)}`)
      await project()
      return listed.instrument.instrumentId
    },
    /** The first buys so many lots of the second. */
    async trade(
      instrumentId: number,
      priceTicks: number,
      quantityLots: number,
      buyerId = 1,
      sellerId = 2,
    ): Promise<void> {
      const version = engine.snapshot().books[instrumentId - 1]?.instrument.specificationVersion ?? 1
      for (const [accountId, direction] of [
        [sellerId, 'sell'],
        [buyerId, 'buy'],
      ] as const)
        enter({
          type: 'place-order',
          orderId: nextId(),
          accountId,
          instrumentId,
          specificationVersion: version,
          direction,
          orderType: 'limit',
          timeInForce: 'good_til_cancelled',
          priceTicks,
          quantityLots,
          clientOrderId: '',
          ...plainInstructions,
        })
      await project()
    },
    async mark(instrumentId: number, markTicks: number): Promise<void> {
      enter({ type: 'set-mark-prices', commandId: nextId(), marks: [{ instrumentId, markTicks }] })
      await project()
    },
    async expire(instrumentId: number): Promise<void> {
      enter({ type: 'expire-instrument', commandId: nextId(), instrumentId })
      await project()
    },
    async delist(instrumentId: number): Promise<void> {
      enter({ type: 'delist-instrument', commandId: nextId(), instrumentId })
      await project()
    },
    /** An index that is fixed at that interval, from an instant on. */
    async index(name: string, fixingIntervalMillis: number, effectiveMillis: number): Promise<void> {
      const { indexValueOf } = await import('#lambdas/shell/index-level.ts')
      await putParameter({
        kind: 'index',
        name,
        effectiveMillis,
        version: 1,
        value: indexValueOf({ ...testMethod, fixingIntervalMillis }),
        setBy: 'founder',
        setAtMillis: effectiveMillis,
      })
    },
    async fix(index: string, fixingMillis: number, level: string): Promise<void> {
      await putFixing({ index, fixingMillis, level, isFallback: false, methodVersion: 1, inputs: [] })
    },
    project,
    /** One minute's sweep, and what follows from it, to its end. */
    async sweep(): Promise<void> {
      await sweepHandler({}, lambdaContext)
      await floor.settle()
    },
    /** Until every execution has ended, or nothing moves for `mostWaits` waits of a minute. */
    async settle(mostWaits = 40): Promise<void> {
      let [idle, waits] = [0, 0]
      while (ended().length < started.length && waits <= mostWaits) {
        const before = called.length
        await new Promise(resolve => setTimeout(resolve, 10))
        await project()
        // A step that runs is not to time out by a clock that only waits are to see.
        idle = called.length === before && inFlight === 0 ? idle + 1 : 0
        if (idle < 4) continue
        waits += 1
        idle = 0
        nowMillis += 60_000
        surroundings.clock.forward(60_000)
      }
      await project()
    },
    /** How each execution ended, in order. */
    ends: () => ended().map(({ status, error }) => (error === undefined ? status : `${status} ${error}`)),
    handlerOf(name: string): Step {
      const handler = handlers.get(name)
      if (handler === undefined) throw new Error(`there is no step ${name}`)
      return handler
    },
    /** Cash of the traders, and all that was ever deposited less fees. */
    cash: (): readonly number[] => engine.snapshot().accounts.map(({ cashMicros }) => cashMicros),
    position: (accountId: number, instrumentId: number) =>
      engine.snapshot().accounts[accountId - 1]?.positions.find(each => each.instrumentId === instrumentId),
    events: () => events.map(({ event }) => event),
  }
  return floor
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { replaceAccount } from '#adapters/tables/accounts.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { putParameter } from '#adapters/tables/parameters.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus } from './announced.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { recordsOf } from './executions.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { testMethod } from './index-desk.ts'
import { mockStreams } from './mocked-streams.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

const machineArn = arnOf('states', 'stateMachine:DayAheadAuction')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
export const bidders = ['alice', 'bob', 'carol', 'dave'] as const
export type Bidder = (typeof bidders)[number]

/** Of a market of the day-ahead auction, as an operator sets it. */
export const marketTerms = {
  tick_size: '0.01',
  min_trade_amount: '1',
  max_price: '10',
  maker_commission: '0.001',
  taker_commission: '0.002',
  penalty_ppm: 100_000,
  expires_before_ms: 900_000,
  gate_opens_before_ms: 3 * 86_400_000,
  gate_closes_before_ms: 12 * 3_600_000,
}

/**
 * A lane of its own: the engine itself behind the order stream, the projectors and the tables, the functions of the day-ahead
 * auction, and the workflow's document interpreted as on the laptop. Time is what the test says; waits pass at once.
 */
export const openDayAheadFloor = async (startMillis: number) => {
  process.env[lanesEnvironmentVariable] = '1'
  process.env[workflowEnvironmentVariable('day-ahead-auction')] = machineArn
  const streams = mockStreams([1])
  const bus = mockBus()
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [{ projectInstruments }, { projectPositions }, { projectorOf }, versions] = await Promise.all([
    import('#lambdas/reference/project-instruments.ts'),
    import('#lambdas/ledger/project-positions.ts'),
    import('#lambdas/shell/projection.ts'),
    import('#lambdas/reference/engine-version-needed.ts'),
  ])
  const { handler: httpHandler } = await import('#lambdas/day-ahead/http.ts')
  const { handler: sweepHandler } = await import('#lambdas/day-ahead/sweep-auctions.ts')
  const { indexValueOf } = await import('#lambdas/shell/index-level.ts')
  const steps = tasks.filter(({ workflow }) => workflow === 'day-ahead-auction')
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/day-ahead/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machine = resourceOf('AWS::StepFunctions::StateMachine', 'DayAheadAuction', machineArn, {
    DefinitionString: readFileSync(join(import.meta.dirname, '../../stepfunctions/day-ahead-auction.asl.json'), 'utf8'),
    DefinitionSubstitutions: Object.fromEntries(steps.map(({ name }) => [pascalCase(name), functionArn(name)])),
  })

  let engine = createEngine(1)
  let events: { readonly event: Event; readonly atMillis: number }[] = []
  let nowMillis = startMillis
  let ids = 0
  let distort: (command: Command) => Command | undefined = command => command
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
  let projecting = Promise.resolve()
  /** One after the other, whoever asks. */
  const project = (): Promise<void> => {
    projecting = projecting.then(async () => {
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
    })
    return projecting
  }
  const ended = () => {
    const lines = readFileSync(join(surroundings.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.flatMap(line => (line === '' ? [] : [JSON.parse(line)])).filter(({ status }) => status !== undefined)
  }
  const send = requests(httpHandler, dayAheadOperations)

  const floor = {
    tables,
    bus,
    streams,
    called: () => called,
    started: () => started,
    /** A lane that follows the newest rules, four bidders with so much cash, two markets. */
    async reset(cashMicros = 1_000_000_000): Promise<void> {
      nowMillis = startMillis
      jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
      await tables.renew()
      versions.forgetEngineVersions()
      streams.reset()
      bus.reset()
      distort = command => command
      streams.onPut(command => {
        const heard = distort(command)
        if (heard !== undefined) enter(heard)
      })
      engine = createEngine(1)
      ;[events, called, started, projected, inFlight] = [[], [], [], 0, 0]
      interfere = () => undefined
      projectors = [projectInstruments, projectPositions].map(projectorOf)
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
      enter({ type: 'activate-engine-version', commandId: nextId(), version: versionOfDelivery })
      for (const [index, account] of bidders.entries()) {
        const commandId = nextId()
        await replaceAccount(
          {
            account,
            accountState: 'open',
            accountId: index + 1,
            lane: 1,
            commandId,
            attempt: 1,
            createdAtMillis: 1,
          },
          undefined,
        )
        enter({ type: 'open-account', commandId: nextId(), account, firm: '' })
        enter({ type: 'deposit', commandId: nextId(), accountId: index + 1, amountMicros: cashMicros })
      }
      await project()
      for (const market of ['H100.USE', 'H100.EUW']) {
        await putParameter({
          kind: 'index',
          name: market,
          effectiveMillis: 1,
          version: 1,
          value: indexValueOf({ ...testMethod, fixingIntervalMillis: 3_600_000 }),
          setBy: 'founder',
          setAtMillis: 1,
        })
        const { status, body } = await floor.setMarket(market)
        if (status !== 200) throw new Error(JSON.stringify(body))
      }
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
    /** Commands are acknowledged, and the engine hears this of them. */
    distort(next: (command: Command) => Command | undefined): void {
      distort = next
    },
    interfere(next: Interference): void {
      interfere = next
    },
    project,
    setMarket: (market: string, change: object = {}) =>
      send('set-compute-market', {
        as: { account: 'operator', role: 'market_operator' },
        path: { market },
        body: { ...marketTerms, ...change },
      }),
    setGate: (deliveryDate: string, state: 'open' | 'closed') =>
      send('set-day-ahead-gate', {
        as: { account: 'operator', role: 'market_operator' },
        path: { delivery_date: deliveryDate },
        body: { gate_state: state },
      }),
    send,
    /** As that account: an answer once everything is projected, as though it had waited. */
    async ask(account: Bidder, operation: string, given: Readonly<Record<string, object>>, key?: string) {
      const answer = await send(operation, {
        as: { account, role: 'trader' },
        ...given,
        ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
      })
      await project()
      return answer
    },
    /** Its id. */
    async bid(account: Bidder, side: 'bid' | 'offer', body: object, key = 'first'): Promise<string> {
      const { status, body: told } = await floor.ask(account, `submit-${side}`, { body }, key)
      if (status !== 202) throw new Error(JSON.stringify(told))
      return String(told['bid_id'])
    },
    async sweep(): Promise<void> {
      await sweepHandler({}, lambdaContext)
      await floor.settle()
    },
    /** Until every execution has ended, or nothing moves for so many waits of a minute. */
    async settle(mostWaits = 20): Promise<void> {
      let [idle, waits] = [0, 0]
      while (ended().length < started.length && waits <= mostWaits) {
        const before = called.length
        await new Promise(resolve => setTimeout(resolve, 10))
        await project()
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
    cash: () => engine.snapshot().accounts.map(({ cashMicros }) => cashMicros),
    events: () => events.map(({ event }) => event),
  }
  return floor
}

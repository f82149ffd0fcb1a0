import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import type { DynamoDBRecord } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { replaceAccount } from '#adapters/tables/accounts.ts'
import { balancePut } from '#adapters/tables/balances.ts'
import { listMeasurements, type MeasurementRow } from '#adapters/tables/measurements.ts'
import { outcomePut } from '#adapters/tables/outcomes.ts'
import { type ReadingRow, readingPut, readingsWithin } from '#adapters/tables/sla-readings.ts'
import { store } from '#adapters/writes.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { slaOperations } from '#protocol/operations/sla.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus } from './announced.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { mockStreams } from './mocked-streams.ts'
import { idOf } from './tape.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

const machineArn = arnOf('states', 'stateMachine:SlaEnforcement')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
const minuteMillis = 60_000
const parties = ['provider', 'buyer'] as const

/**
 * Real tables, the engine behind the order stream, the functions of SLA contracts, the changes of the readings table handed on as its stream does, and the
 * workflow's document interpreted as on the laptop. Time is what the test says; the workflow's waits pass at once.
 */
export const openSlaFloor = async (startMillis: number) => {
  process.env[workflowEnvironmentVariable('sla-enforcement')] = machineArn
  const bus = mockBus()
  const streams = mockStreams([1])
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const { handler: httpHandler } = await import('#lambdas/sla/http.ts')
  const { handler: sweepHandler } = await import('#lambdas/sla/sweep-sla.ts')
  const { handler: correctHandler } = await import('#lambdas/sla/correct-windows.ts')
  const steps = tasks.filter(({ workflow }) => workflow === 'sla-enforcement')
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/sla/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machine = resourceOf('AWS::StepFunctions::StateMachine', 'SlaEnforcement', machineArn, {
    DefinitionString: readFileSync(join(import.meta.dirname, '../../stepfunctions/sla-enforcement.asl.json'), 'utf8'),
    DefinitionSubstitutions: Object.fromEntries(steps.map(({ name }) => [pascalCase(name), functionArn(name)])),
  })
  let nowMillis = startMillis
  let engine: Engine = createEngine(1)
  let interfere: Interference = () => undefined
  let called: string[] = []
  let deposits = 0
  let inFlight = 0
  let surroundings = testSurroundings([machine])
  let stepFunctions: Awaited<ReturnType<typeof startStepFunctions>> | undefined
  let started: { readonly name: string; readonly input: string }[] = []
  const ended = () => {
    const lines = readFileSync(join(surroundings.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.flatMap(line => (line === '' ? [] : [JSON.parse(line)])).filter(({ status }) => status !== undefined)
  }
  let projected = Promise.resolve()
  /** As the matcher and the projectors do it, of which the latter come a little later. */
  const enter = (command: Command): void => {
    const said = engine.enter(command, nowMillis)
    const balances = engine.snapshot().accounts.map(({ cashMicros }) => cashMicros)
    const stamp = { atMillis: nowMillis, eventId: `1-${streams.put.length}` }
    projected = projected.then(async () => {
      for (const [at, cashMicros] of balances.entries())
        await store(
          balancePut({
            accountId: at + 1,
            currency: 'USD',
            cashMicros,
            heldMicros: 0,
            updatedAtMillis: stamp.atMillis,
            eventId: stamp.eventId,
            outSeq: 1,
          }),
        )
      if (command.type !== 'post-payment') return
      const rejected = said.find(event => event.type === 'command-rejected')
      const { commandId } = command
      await store(
        outcomePut({
          commandId,
          accepted: rejected === undefined,
          ...(rejected?.type === 'command-rejected' ? { code: rejected.code } : {}),
          ...stamp,
        }),
      )
    })
  }
  const floor = {
    tables,
    bus,
    /** What the order stream was given. */
    payments: () => streams.put.map(({ command }) => command),
    cash: (): readonly number[] => engine.snapshot().accounts.map(({ cashMicros }) => cashMicros),
    /** USD, or so many back where they are below zero. */
    deposit(account: (typeof parties)[number], amount: number): void {
      deposits += 1
      enter({
        type: amount < 0 ? 'withdraw' : 'deposit',
        commandId: idOf(`d${deposits}`),
        accountId: parties.indexOf(account) + 1,
        amountMicros: Math.round(Math.abs(amount) * 1_000_000),
      })
    },
    send: requests(httpHandler, slaOperations),
    started: () => started,
    called: () => called,
    async reset(): Promise<void> {
      nowMillis = startMillis
      jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
      await tables.renew()
      bus.reset()
      streams.reset()
      streams.onPut(enter)
      engine = createEngine(1)
      enter({ type: 'activate-engine-version', commandId: idOf('f1'), version: newestEngineVersion })
      for (const [at, account] of parties.entries())
        enter({ type: 'open-account', commandId: idOf(`a${at + 1}`), account, firm: account })
      floor.deposit('provider', 5_000)
      await projected
      ;[called, started, inFlight] = [[], [], 0]
      interfere = () => undefined
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
      for (const [at, account] of parties.entries())
        await replaceAccount(
          {
            account,
            accountState: 'open',
            accountId: at + 1,
            lane: 1,
            commandId: '01900000-0000-7aaa-8000-000000000001',
            attempt: 1,
            createdAtMillis: 1,
          },
          undefined,
        )
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
    /** Its id. */
    async contract(change: object = {}, key = 'first'): Promise<string> {
      const { status, body } = await floor.send('create-sla-contract', {
        as: { account: 'operator', role: 'market_operator' },
        headers: { 'idempotency-key': key },
        body: {
          series: 'UP-TRAIN.USE',
          quantity: 2,
          fee: '1000',
          provider_account: 'provider',
          buyer_account: 'buyer',
          period_start: new Date(startMillis).toISOString(),
          period_end: new Date(startMillis + 20 * minuteMillis).toISOString(),
          ...change,
        },
      })
      if (status !== 201) throw new Error(JSON.stringify(body))
      return String(body['contract_id'])
    },
    measure: (...measurements: readonly object[]) =>
      floor.send('put-sla-measurements', { as: { account: 'prober', role: 'service' }, body: { measurements } }),
    /** One reading a minute of both units, those in `down` with none. */
    measureMinutes(from: number, to: number, down: readonly number[] = []) {
      return floor.measure(
        ...Array.from({ length: to - from }, (_, at) => ({
          series: 'UP-TRAIN.USE',
          probe: 'p',
          at: new Date(startMillis + (from + at) * minuteMillis).toISOString(),
          available: down.includes(from + at) ? 0 : 2,
        })),
      )
    },
    /** Stored, and not yet handed on. */
    storeReading: (row: ReadingRow) => store(readingPut(row, undefined)),
    /** All readings so far, as the table's stream tells of them. */
    async handOn(): Promise<void> {
      const rows = await readingsWithin('UP-TRAIN.USE', { fromMillis: 0, toMillis: 99_999_999_999_999 })
      const Records = rows.map(
        (row, at): DynamoDBRecord => ({ dynamodb: { SequenceNumber: String(at), NewImage: imageOf(row) } }),
      )
      const { batchItemFailures } = await correctHandler({ Records }, lambdaContext)
      if (batchItemFailures.length > 0) throw new Error('the batch failed')
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
        idle = called.length === before && inFlight === 0 ? idle + 1 : 0
        if (idle < 4) continue
        waits += 1
        idle = 0
        nowMillis += minuteMillis
        surroundings.clock.forward(minuteMillis)
      }
    },
    /** How each execution ended, in order. */
    ends: () => ended().map(({ status, error }) => (error === undefined ? status : `${status} ${error}`)),
    handlerOf(name: string): Step {
      const handler = handlers.get(name)
      if (handler === undefined) throw new Error(`there is no step ${name}`)
      return handler
    },
    windows: (): Promise<readonly MeasurementRow[]> => listMeasurements('UP-TRAIN.USE', 0, 99_999_999_999_999),
    async list(name: string, contractId: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
      const { status, body } = await floor.send(name, {
        as: { account: 'buyer', role: 'trader' },
        path: { contract_id: contractId },
      })
      if (status !== 200 || !Array.isArray(body['data'])) throw new Error(JSON.stringify(body))
      return body['data']
    },
  }
  return floor
}

const imageOf = (row: ReadingRow): NonNullable<NonNullable<DynamoDBRecord['dynamodb']>['NewImage']> => ({
  series: { S: row.series },
  probe: { S: row.probe },
  at_millis: { N: String(row.atMillis) },
  holds_seconds: { N: String(row.holdsSeconds) },
  available_units: { N: String(row.availableUnits) },
  degraded_units: { N: String(row.degradedUnits) },
  latency_nanos: { L: row.latencyNanos.map(nanos => ({ N: String(nanos) })) },
  revision: { N: String(row.revision) },
  received_at_millis: { N: String(row.receivedAtMillis) },
})

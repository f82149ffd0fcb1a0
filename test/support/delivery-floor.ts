import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ExecutionAlreadyExists,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskTimedOut,
} from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { loadSolver } from '#adapters/highs.ts'
import { accountNumberPut, forgetAccountNumbers } from '#adapters/tables/account-numbers.ts'
import { storeFirstResult } from '#adapters/tables/day-ahead-results.ts'
import { obligationPut, openDeliveries } from '#adapters/tables/deliveries.ts'
import { putFixing } from '#adapters/tables/fixings.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { putParameter } from '#adapters/tables/parameters.ts'
import { store } from '#adapters/writes.ts'
import { ProvisioningStandIn, provisioningRequest, type StandInSurroundings } from '#bin/provisioning/stand-in.ts'
import { clearDay } from '#domain/auction/auction-day.ts'
import { deliveryDateOf } from '#domain/auction/day-ahead-market.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { deliveryOperations } from '#protocol/operations/delivery.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus, tableChanges } from './announced.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { executionsRecord } from './executions.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { testMethod } from './index-desk.ts'
import { mockStreams } from './mocked-streams.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined
type BehaviourOf = StandInSurroundings['behaviourOf']

/** What is bought in is bought by a workflow of its own. */
const workflows = ['physical-settlement', 'partner-purchase'] as const
const machineArnOf = (workflow: string) => arnOf('states', `stateMachine:${pascalCase(workflow)}`)
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
const minuteMillis = 60_000
const hourMillis = 3_600_000
const index = 'H100.USE'
const dayAheadMarket = {
  market: index,
  tickSize: '0.01',
  minTradeAmount: '1',
  maxPrice: '10',
  makerCommissionPpm: 0,
  takerCommissionPpm: 0,
  penaltyPpm: 100_000,
  expiresBeforeMillis: 900_000,
}
/** The store is one process. */
const mostAtOnce = 24
const eventsOfRecord = 20

/**
 * A lane of its own: the engine behind the order stream, the projectors and the tables, the functions of deliveries, the stand-in
 * of the provisioning service on the bus, and the workflow's document interpreted as on the laptop. Time is what the test says;
 * whatever waits is over at once.
 */
export const openDeliveryFloor = async (startMillis: number) => {
  process.env[lanesEnvironmentVariable] = '1'
  for (const workflow of workflows) process.env[workflowEnvironmentVariable(workflow)] = machineArnOf(workflow)
  const streams = mockStreams([1])
  const bus = mockBus()
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [{ projectInstruments }, { projectPositions }, { projectorOf }] = await Promise.all([
    import('#lambdas/reference/project-instruments.ts'),
    import('#lambdas/ledger/project-positions.ts'),
    import('#lambdas/shell/projection.ts'),
  ])
  const [{ handler: httpHandler }, { handler: sweepHandler }, { handler: startHandler }] = await Promise.all([
    import('#lambdas/delivery/http.ts'),
    import('#lambdas/delivery/sweep-deliveries.ts'),
    import('#lambdas/delivery/start-deliveries.ts'),
  ])
  const { handler: partnersHandler } = await import('#lambdas/partners/http.ts')
  const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')
  const steps = tasks.filter(({ workflow }) => workflows.some(each => each === workflow))
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ context, name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/${context}/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machines = workflows.map(workflow =>
    resourceOf('AWS::StepFunctions::StateMachine', pascalCase(workflow), machineArnOf(workflow), {
      DefinitionString: readFileSync(join(import.meta.dirname, `../../stepfunctions/${workflow}.asl.json`), 'utf8'),
      DefinitionSubstitutions: Object.fromEntries(
        steps.filter(step => step.workflow === workflow).map(({ name }) => [pascalCase(name), functionArn(name)]),
      ),
    }),
  )

  let engine = createEngine(1)
  let names: readonly string[] = []
  let events: { readonly event: Event; readonly atMillis: number }[] = []
  let nowMillis = startMillis
  let ids = 0
  let interfere: Interference = () => undefined
  let inFlight = 0
  let moves = 0
  let surroundings = testSurroundings(machines)
  let stepFunctions: Awaited<ReturnType<typeof startStepFunctions>> | undefined
  let started: string[] = []
  let projectors: readonly ReturnType<typeof projectorOf>[] = []
  let projected = 0
  let records = 0
  let heard = 0
  let isStreamed = true
  let waiting: { readonly untilMillis: number; readonly go: () => void }[] = []
  let behaviourOf: BehaviourOf = () => 'succeed'
  let refusals: string[] = []
  const failures: unknown[] = []

  let turns = mostAtOnce
  const queue: (() => void)[] = []
  const mayRun = async (): Promise<void> => {
    if (turns > 0) turns -= 1
    else await new Promise<void>(go => queue.push(go))
  }
  const hasRun = (): void => {
    const next = queue.shift()
    if (next === undefined) turns += 1
    else next()
  }
  const nextId = () => {
    ids += 1
    return `01900000-0000-7eee-8000-${ids.toString(16).padStart(12, '0')}`
  }
  /** That of the functions, and that by which the workflow waits. */
  const moveTo = (millis: number): void => {
    surroundings.clock.forward(millis - nowMillis)
    nowMillis = millis
  }
  const enter = (command: Command): readonly Event[] => {
    moves += 1
    const told = [...engine.enter(command, nowMillis)]
    events.push(...told.map(event => ({ event, atMillis: nowMillis })))
    return told
  }
  const project = async (): Promise<void> => {
    const fresh = events.slice(projected)
    if (fresh.length === 0) return
    for (let at = 0; at < fresh.length; at += eventsOfRecord) {
      const told = fresh.slice(at, at + eventsOfRecord)
      const firstOutSeq = projected + 1
      records += 1
      const record = executionsRecord(
        records,
        firstOutSeq,
        told.map(({ event }) => event),
        1,
        outSeq => told[outSeq - firstOutSeq]?.atMillis ?? 0,
      )
      for (const projector of projectors) await projector([record])
      projected += told.length
    }
    forgetInstruments()
    if (isStreamed && fresh.some(({ event }) => event.type === 'delivery-obligated')) await handOn()
  }
  /** The new obligations, as the table's stream tells of them. */
  const handOn = async (): Promise<void> => {
    const { obligations } = await openDeliveries(1)
    for (let at = 0; at < obligations.length; at += 10) {
      const changes = obligations.slice(at, at + 10).map(obligation => ({ now: obligationPut(obligation) }))
      const { batchItemFailures } = await startHandler(tableChanges(...changes), lambdaContext)
      if (batchItemFailures.length > 0) throw new Error('the batch failed')
    }
  }
  const send = requests(httpHandler, deliveryOperations)
  const sendToPartners = requests(partnersHandler, partnersOperations)
  const newStandIn = () =>
    new ProvisioningStandIn({
      callBack: async (path, body) => {
        inFlight += 1
        moves += 1
        await mayRun()
        try {
          const [deliveryId = ''] = /[0-9a-f-]{36}/.exec(path) ?? []
          const answered = await send('answer-provisioning', {
            as: { account: 'provisioning', role: 'service' },
            path: { delivery_id: deliveryId },
            body,
          })
          const { code } = answered.body
          if (typeof code === 'string') refusals.push(code)
          return { status: answered.status, ...(typeof code === 'string' && { code }) }
        } finally {
          hasRun()
          inFlight -= 1
        }
      },
      wait: seconds =>
        new Promise<void>(go => {
          waiting.push({ untilMillis: nowMillis + seconds * 1_000, go })
        }),
      behaviourOf: request => behaviourOf(request),
    })
  let standIn = newStandIn()
  /** What the bus has told since, to the provisioning service. */
  const hear = (): void => {
    for (; heard < bus.announced.length; heard++) {
      const { name, detail } = bus.announced[heard] ?? {}
      if (name !== 'ProvisioningRequested.v1' && name !== 'ProvisioningReleaseRequested.v1') continue
      moves += 1
      standIn.take(provisioningRequest.parse(detail)).catch(error => failures.push(error))
    }
  }
  const ended = (): readonly { readonly arn: string; readonly status: string; readonly error?: string }[] => {
    const lines = readFileSync(join(surroundings.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.flatMap(line => (line === '' ? [] : [JSON.parse(line)])).filter(({ status }) => status !== undefined)
  }
  const startInterpreter = async (): Promise<void> => {
    stepFunctions = await startStepFunctions(surroundings, async (arn, event) => {
      const name = arn.split(':').at(-1) ?? ''
      inFlight += 1
      moves += 1
      await mayRun()
      const run = async (): Promise<Invocation> => {
        try {
          return { ok: true, payload: await handlers.get(name)?.(event, lambdaContext) }
        } catch (error) {
          const [errorType, errorMessage] = error instanceof Error ? [error.name, error.message] : ['Error', '']
          return { ok: false, kind: 'Unhandled', error: { errorType, errorMessage } }
        }
      }
      return (interfere(name, run) ?? run()).finally(() => {
        hasRun()
        inFlight -= 1
      })
    })
  }

  const floor = {
    tables,
    bus,
    streams,
    send,
    failures,
    /** The problem codes that the provisioning service was answered. */
    refusals: (): readonly string[] => refusals,
    /** Names of the executions, in order. */
    started: (): readonly string[] => started,
    held: (): readonly string[] => standIn.held(),
    async reset(accounts: readonly string[] = ['alice', 'bob'], cashMicros = 1_000_000_000_000): Promise<void> {
      names = accounts
      nowMillis = startMillis
      jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
      await tables.renew()
      forgetEngineVersions()
      forgetAccountNumbers()
      streams.reset()
      bus.reset()
      streams.onPut(command => void enter(command))
      engine = createEngine(1)
      ;[events, started, waiting, refusals] = [[], [], [], []]
      ;[projected, records, inFlight, heard, isStreamed] = [0, 0, 0, 0, true]
      failures.length = 0
      interfere = () => undefined
      behaviourOf = () => 'succeed'
      standIn = newStandIn()
      projectors = [projectInstruments, projectPositions].map(projectorOf)
      surroundings = testSurroundings(machines)
      surroundings.clock.forward(startMillis - surroundings.clock.now())
      await startInterpreter()
      sfn.reset()
      sfn.on(StartExecutionCommand).callsFake(async ({ input, name, stateMachineArn }) => {
        moves += 1
        try {
          await stepFunctions?.startExecution(stateMachineArn, input, name)
          if (!started.includes(name)) started.push(name)
          return {}
        } catch {
          throw new ExecutionAlreadyExists({ message: 'it was started', $metadata: {} })
        }
      })
      const answer = (action: string) => async (input: Record<string, unknown>) => {
        try {
          return (await stepFunctions?.route.handle(action, input)) ?? {}
        } catch {
          throw new TaskTimedOut({ message: 'nobody waits', $metadata: {} })
        }
      }
      sfn.on(SendTaskSuccessCommand).callsFake(answer('SendTaskSuccess'))
      sfn.on(SendTaskHeartbeatCommand).callsFake(answer('SendTaskHeartbeat'))
      enter({ type: 'activate-engine-version', commandId: nextId(), version: versionOfDelivery })
      await putParameter({
        kind: 'index',
        name: index,
        effectiveMillis: startMillis - hourMillis,
        version: 1,
        value: (await import('#lambdas/shell/index-level.ts')).indexValueOf({
          ...testMethod,
          fixingIntervalMillis: hourMillis,
        }),
        setBy: 'founder',
        setAtMillis: startMillis - hourMillis,
      })
      const { replaceAccount } = await import('#adapters/tables/accounts.ts')
      for (const [at, account] of accounts.entries()) {
        const commandId = nextId()
        enter({ type: 'open-account', commandId, account, firm: '' })
        enter({ type: 'deposit', commandId: nextId(), accountId: at + 1, amountMicros: cashMicros })
        const row = { account, accountState: 'open', accountId: at + 1, lane: 1, commandId } as const
        await replaceAccount({ ...row, attempt: 1, createdAtMillis: 1 }, undefined)
        await store(accountNumberPut({ lane: 1, accountId: at + 1, account, firm: '' }))
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
    at: (millis: number): void => moveTo(millis),
    interfere(next: Interference): void {
      interfere = next
    },
    behave(next: BehaviourOf): void {
      behaviourOf = next
    },
    /** From now on the table's stream tells nothing. */
    loseStream(): void {
      isStreamed = false
    },
    /** Clears the auction of this date as that of the hours in which one lot is bought and sold at a price, and stores it. */
    async clearDayAhead(prices: Readonly<Record<number, number>>): Promise<void> {
      const bids = Object.entries(prices).flatMap(([hour, priceTicks]) =>
        (['buy', 'sell'] as const).map((side, at) => ({
          accountId: at + 1,
          name: `${side}-${hour}`,
          bid: {
            side,
            curves: [{ market: index, hour: Number(hour), steps: [{ priceTicks, lots: 1 }] }],
            blocks: [],
          },
        })),
      )
      const cleared = clearDay([dayAheadMarket], bids, { solve: await loadSolver() })
      if (!cleared.isCleared) throw new Error(cleared.code)
      await storeFirstResult(1, deliveryDateOf(startMillis), cleared.day, nowMillis)
    },
    /** A future that expires in an hour and is delivered for so many from then on; its number. */
    async list(instrumentName = 'H100.USE-PHYS', penaltyPpm = 100_000, hours = 1): Promise<number> {
      const expirationMillis = startMillis + hourMillis
      const told = enter({
        type: 'list-instrument',
        commandId: nextId(),
        specification: {
          instrumentName,
          kind: 'future',
          underlying: index,
          quoteCurrency: 'USD',
          settlement: 'physical',
          tickSize: '0.01',
          minTradeAmount: '1',
          contractSize: '1',
          maxPrice: '10',
          expirationMillis,
          makerCommissionPpm: 0,
          takerCommissionPpm: 0,
          positionLimit: '0',
          terms: JSON.stringify({
            index,
            averaging_start: new Date(startMillis).toISOString(),
            delivery: {
              start: new Date(expirationMillis).toISOString(),
              end: new Date(expirationMillis + hours * hourMillis).toISOString(),
              penalty_ppm: penaltyPpm,
            },
          }),
        },
      })
      const listed = told.find(event => event.type === 'instrument-listed')
      if (listed?.type !== 'instrument-listed') throw new Error(`not listed: ${JSON.stringify(told)}`)
      await project()
      return listed.instrument.instrumentId
    },
    /** The one buys so many lots of the other. */
    trade(instrumentId: number, priceTicks: number, quantityLots: number, buyerId = 1, sellerId = 2): void {
      for (const [accountId, direction] of [
        [sellerId, 'sell'],
        [buyerId, 'buy'],
      ] as const)
        enter({
          type: 'place-order',
          orderId: nextId(),
          accountId,
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
    withdraw(accountId: number, amountMicros: number): void {
      enter({ type: 'withdraw', commandId: nextId(), accountId, amountMicros })
    },
    /** At the end of the hour in which it trades, its two fixings known. */
    async expire(instrumentId: number, level = '2'): Promise<void> {
      moveTo(startMillis + hourMillis)
      for (const fixingMillis of [startMillis, nowMillis])
        await putFixing({ index, fixingMillis, level, isFallback: false, methodVersion: 1, inputs: [] })
      await floor.expireOnly(instrumentId)
    },
    /** Whatever is fixed. */
    async expireOnly(instrumentId: number): Promise<void> {
      enter({ type: 'expire-instrument', commandId: nextId(), instrumentId })
      await project()
    },
    /** Units of a partner from this hour on, for everybody; its number is that of its lot. */
    async contract(units: number, price: string, more: object = {}): Promise<string> {
      const answered = await sendToPartners('create-partner-contract', {
        as: { account: names[0] ?? '', role: 'market_operator' },
        headers: { 'idempotency-key': `contract-${price}-${units}` },
        body: {
          provider: 'generic',
          resource_class: 'H100',
          region: 'USE',
          vector: { gpus: '1', vcpus: '8', memory_gib: '64', storage_tib: '0' },
          units,
          price,
          starts_at: new Date(startMillis).toISOString(),
          ends_at: new Date(startMillis + 240 * hourMillis).toISOString(),
          is_shared: true,
          ...more,
        },
      })
      if (answered.status !== 201) throw new Error(JSON.stringify(answered.body))
      return String(answered.body['contract_id'])
    },
    /** What an account has bought of partners. */
    async purchases(account: string): Promise<readonly Record<string, unknown>[]> {
      const { status, body } = await sendToPartners('list-partner-purchases', { as: { account, role: 'trader' } })
      if (status !== 200 || !Array.isArray(body['data'])) throw new Error(JSON.stringify(body))
      return body['data']
    },
    fix: (level: string) =>
      putFixing({ index, fixingMillis: nowMillis, level, isFallback: false, methodVersion: 1, inputs: [] }),
    project,
    /** Before anything is projected. */
    async sweepOnly(): Promise<undefined> {
      await sweepHandler({}, lambdaContext)
      return undefined
    },
    async sweep(): Promise<void> {
      await sweepHandler({}, lambdaContext)
      await project()
    },
    /** The runtime ends and starts again: each execution that has not ended begins anew. */
    async restart(): Promise<void> {
      await stepFunctions?.stop()
      await startInterpreter()
    },
    /** Until every execution has ended, or nothing moves for so many minutes. */
    async settle(mostMinutes = 600): Promise<void> {
      for (let [idle, minutes] = [0, 0]; ended().length < started.length && minutes <= mostMinutes; ) {
        const before = moves
        hear()
        await new Promise(resolve => setTimeout(resolve, 5))
        await project()
        // A step that runs is not to time out by a clock that only waits are to see.
        idle = moves === before && inFlight === 0 ? idle + 1 : 0
        if (idle < 4) continue
        ;[idle, minutes] = [0, minutes + 1]
        // Where nobody works, nothing is missed by a longer step.
        const stepMillis = waiting.length === 0 ? 5 * minuteMillis : minuteMillis
        moveTo(nowMillis + stepMillis)
        const due = waiting.filter(({ untilMillis }) => untilMillis <= nowMillis)
        waiting = waiting.filter(({ untilMillis }) => untilMillis > nowMillis)
        for (const { go } of due) go()
      }
      await project()
    },
    /** How the executions ended, by name. */
    ends: () =>
      Object.fromEntries(
        ended().map(({ arn, status, error }) => [
          arn.split(':').at(-1) ?? '',
          error === undefined ? status : `${status} ${error}`,
        ]),
      ),
    complaints: () => surroundings.complaints,
    handlerOf(name: string): Step {
      const handler = handlers.get(name)
      if (handler === undefined) throw new Error(`there is no step ${name}`)
      return handler
    },
    snapshot: () => engine.snapshot(),
    events: (): readonly Event[] => events.map(({ event }) => event),
    /** Of the trader's own deliveries, newest first. */
    async deliveries(
      account = 'alice',
      query: Record<string, string> = {},
    ): Promise<readonly Record<string, unknown>[]> {
      const { status, body } = await send('list-deliveries', { as: { account, role: 'trader' }, query })
      if (status !== 200 || !Array.isArray(body['data'])) throw new Error(JSON.stringify(body))
      return body['data']
    },
    async delivery(deliveryId: unknown, account = 'alice'): Promise<Readonly<Record<string, unknown>>> {
      const { status, body } = await send('get-delivery', {
        as: { account, role: 'trader' },
        path: { delivery_id: String(deliveryId) },
      })
      if (status !== 200) throw new Error(JSON.stringify(body))
      return body
    },
  }
  return floor
}

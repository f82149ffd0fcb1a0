import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { jest } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { accountReplacement } from '#adapters/tables/accounts.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { store } from '#adapters/writes.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, type Direction, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { partnerServicesEnvironmentVariable } from '#protocol/partner-service.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { recordsOf } from './executions.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { mockStreams } from './mocked-streams.ts'
import { contractSpecification } from './settled-contracts.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

const flows = ['partner-purchase', 'arbitrage-execution'] as const
const machineArnOf = (flow: string): string => arnOf('states', `stateMachine:${pascalCase(flow)}`)
const functionArn = (name: string): string => arnOf('lambda', `function:${name}`)

/** In the order of their numbers, from 1 on. */
const traders = ['alice', 'bob', 'carol'] as const
export type Arbitrageur = (typeof traders)[number]
const numberOf = (trader: Arbitrageur): number => traders.indexOf(trader) + 1

export const hourMillis = 3_600_000
const cashAtFirst = 1_000_000_000_000

/**
 * A lane with the engine itself behind the order stream, the projectors and the tables, and the documents of both workflows, that
 * of the arbitrage and that of its purchase, interpreted as on the laptop.
 */
export const openArbitrageFloor = async () => {
  process.env[partnerServicesEnvironmentVariable] = '{}'
  process.env[lanesEnvironmentVariable] = '1'
  for (const flow of flows) process.env[workflowEnvironmentVariable(flow)] = machineArnOf(flow)
  const streams = mockStreams([1])
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [instruments, positions, orders, marketData, { projectorOf }, http, sweeping, versions] = await Promise.all([
    import('#lambdas/reference/project-instruments.ts'),
    import('#lambdas/ledger/project-positions.ts'),
    import('#lambdas/trading/project-orders.ts'),
    import('#lambdas/reference/project-market-data.ts'),
    import('#lambdas/shell/projection.ts'),
    import('#lambdas/partners/http.ts'),
    import('#lambdas/partners/sweep-arbitrage.ts'),
    import('#lambdas/reference/engine-version-needed.ts'),
  ])
  const steps = tasks.filter(({ workflow }) => flows.some(flow => flow === workflow))
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/partners/${name}.ts`)
        return [name, handler] as const
      }),
    ),
  )
  const machines = flows.map(flow =>
    resourceOf('AWS::StepFunctions::StateMachine', pascalCase(flow), machineArnOf(flow), {
      DefinitionString: readFileSync(join(import.meta.dirname, `../../stepfunctions/${flow}.asl.json`), 'utf8'),
      DefinitionSubstitutions: Object.fromEntries(
        steps.filter(({ workflow }) => workflow === flow).map(({ name }) => [pascalCase(name), functionArn(name)]),
      ),
    }),
  )

  let engine = createEngine(1)
  let events: { readonly event: Event; readonly atMillis: number }[] = []
  let ids = 0
  let interfere: Interference = () => undefined
  let called: string[] = []
  let inFlight = 0
  let surroundings = testSurroundings(machines)
  let stepFunctions: Awaited<ReturnType<typeof startStepFunctions>> | undefined
  let started: string[] = []
  let projectors: readonly ReturnType<typeof projectorOf>[] = []
  let projected = 0

  const now = (): number => surroundings.clock.now()
  const nextId = (): string => {
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
  const runTask = async (arn: string, event: unknown): Promise<Invocation> => {
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
  }

  const floor = {
    tables,
    streams,
    now,
    called: () => called,
    /** How many executions of both workflows there were. */
    started: () => started.length,
    request: requests(http.handler, partnersOperations),
    /** The first whole hour that begins in two days. */
    firstHour: () => Math.ceil((now() + 48 * hourMillis) / hourMillis) * hourMillis,
    async reset(): Promise<void> {
      await tables.renew()
      versions.forgetEngineVersions()
      streams.reset()
      streams.onPut(command => void enter(command))
      engine = createEngine(1)
      ;[events, called, started, projected, inFlight] = [[], [], [], 0, 0]
      interfere = () => undefined
      projectors = [
        instruments.projectInstruments,
        positions.projectPositions,
        orders.projectOrders,
        marketData.projectMarketData,
      ].map(projectorOf)
      surroundings = testSurroundings(machines)
      jest.spyOn(Date, 'now').mockImplementation(now)
      stepFunctions = await startStepFunctions(surroundings, runTask)
      sfn.reset()
      sfn.on(StartExecutionCommand).callsFake(async ({ stateMachineArn, input, name }) => {
        try {
          await stepFunctions?.startExecution(stateMachineArn, input, name)
          if (!started.includes(name)) started.push(name)
          return {}
        } catch {
          throw new ExecutionAlreadyExists({ message: 'it was started', $metadata: {} })
        }
      })
      accepted({ type: 'activate-engine-version', commandId: nextId(), version: versionOfMargin })
      for (const [index, account] of traders.entries()) {
        accepted({ type: 'open-account', commandId: nextId(), account, firm: '' })
        accepted({ type: 'deposit', commandId: nextId(), accountId: index + 1, amountMicros: cashAtFirst })
        const row = {
          account,
          accountState: 'open' as const,
          accountId: index + 1,
          lane: 1,
          commandId: nextId(),
          attempt: 1,
          createdAtMillis: now(),
        }
        await store(accountReplacement(row, undefined))
      }
      await project()
    },
    async end(): Promise<void> {
      await stepFunctions?.stop()
      stepFunctions = undefined
      streams.onPut(() => undefined)
      while (inFlight > 0) await new Promise(resolve => setTimeout(resolve, 20))
      surroundings.remove()
      jest.restoreAllMocks()
    },
    interfere(next: Interference): void {
      interfere = next
    },
    project,
    /** A future on H100.USE over a day from `firstHour` on, of an amount of a GPU-hour. */
    async list(instrumentName: string, change: Partial<ContractSpecification> = {}): Promise<number> {
      const startMillis = floor.firstHour()
      const specification = contractSpecification(
        'future',
        { index: 'H100.USE', averaging_start: new Date(startMillis).toISOString() },
        {
          instrumentName,
          underlying: 'H100.USE',
          minTradeAmount: '1',
          maxPrice: '20',
          takerCommissionPpm: 500,
          expirationMillis: startMillis + 24 * hourMillis,
          ...change,
        },
      )
      const listed = accepted({ type: 'list-instrument', commandId: nextId(), specification }).find(
        event => event.type === 'instrument-listed',
      )
      if (listed?.type !== 'instrument-listed') throw new Error(`${instrumentName} is not listed`)
      await project()
      return listed.instrument.instrumentId
    },
    order(
      account: Arbitrageur,
      instrumentId: number,
      direction: Direction,
      priceTicks: number,
      quantityLots: number,
    ): string {
      const orderId = nextId()
      accepted({
        ...plainInstructions,
        type: 'place-order',
        orderId,
        accountId: numberOf(account),
        instrumentId,
        specificationVersion: 1,
        direction,
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks,
        quantityLots,
        clientOrderId: '',
      })
      return orderId
    },
    cancel(account: Arbitrageur, orderId: string): void {
      accepted({ type: 'cancel-order', commandId: nextId(), accountId: numberOf(account), orderId })
    },
    /** Units of a GPU each, for the hours of the future, that an account may buy. */
    async contract(account: Arbitrageur, price: string, units: number): Promise<string> {
      const startMillis = floor.firstHour()
      const { status, body } = await floor.request('create-partner-contract', {
        as: { account },
        headers: { 'idempotency-key': nextId() },
        body: {
          provider: 'generic',
          resource_class: 'H100',
          region: 'USE',
          vector: { gpus: '1', vcpus: '8', memory_gib: '64', storage_tib: '1' },
          units,
          price,
          starts_at: new Date(startMillis).toISOString(),
          ends_at: new Date(startMillis + 24 * hourMillis).toISOString(),
        },
      })
      if (status !== 201) throw new Error(`no contract: ${JSON.stringify(body)}`)
      return String(body['contract_id'])
    },
    /** Until every execution has ended, or nothing moves for so many waits. */
    async settle(mostWaits = 60): Promise<void> {
      let [idle, waits] = [0, 0]
      while (ended().length < started.length && waits <= mostWaits) {
        const before = called.length
        await new Promise(resolve => setTimeout(resolve, 10))
        await project()
        idle = called.length === before && inFlight === 0 ? idle + 1 : 0
        if (idle < 4) continue
        waits += 1
        idle = 0
        surroundings.clock.forward(1_000)
      }
      await project()
    },
    /** One minute's sweep. */
    sweep: () => sweeping.handler({}, lambdaContext),
    /** How each execution of the arbitrage ended, in order. */
    lots: (account: Arbitrageur, instrumentId: number): number =>
      engine.snapshot().accounts[numberOf(account) - 1]?.positions.find(each => each.instrumentId === instrumentId)
        ?.sizeLots ?? 0,
    /** What an account has, and what of it is held, as its balance says. */
    async money(account: Arbitrageur) {
      await project()
      const found = await getBalance(numberOf(account), 'USD')
      if (found === undefined) throw new Error(`there is no account ${account}`)
      return { cashMicros: found.cashMicros, heldMicros: found.heldMicros }
    },
  }
  return floor
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { expect, jest } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import * as z from 'zod'
import { accountReplacement } from '#adapters/tables/accounts.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import { forgetInstruments } from '#adapters/tables/instruments.ts'
import { store } from '#adapters/writes.ts'
import type { StandInQuote } from '#bin/partner/stand-in.ts'
import { hourMillis } from '#domain/partners/catalogue.ts'
import type { Command, ListInstrument, PlaceOrder, Withdraw } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import type { Event } from '#domain/trading/events.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { partnerServicesEnvironmentVariable } from '#protocol/partner-service.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { arnOf, resourceOf, testSurroundings } from '#test/local/surroundings.ts'
import { mockBus } from './announced.ts'
import { type LocalTables, startTables } from './dynamodb-local.ts'
import { recordsOf } from './executions.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { mockStreams } from './mocked-streams.ts'
import { startFakePartner } from './partner-service.ts'

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
type Unnamed = Omit<PlaceOrder, 'orderId'> | Omit<ListInstrument, 'commandId'> | Omit<Withdraw, 'commandId'>
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

type Flow = 'partner-purchase' | 'day-ahead-auction'
const machineArnOf = (flow: string): string => arnOf('states', `stateMachine:${pascalCase(flow)}`)
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
/** In the order of their numbers, from 1 on. */
const traders = ['alice', 'bob', 'carol', 'house'] as const
export type Trader = (typeof traders)[number]
export const numberOf = (trader: Trader): number => traders.indexOf(trader) + 1
export const cashAtFirst = 1_000_000_000_000

const vector = { gpus: '1', vcpus: '8', memory_gib: '64', storage_tib: '0' }
/** As a service of a partner tells it. */
const quotedVector = { gpus: 1, vcpus: 8, memory_gib: 64, storage_tib: 0 }
export const catalogueProduct = (prices: readonly unknown[]) => ({
  product: 'a3-highgpu-1g',
  resource_class: 'H100',
  region: 'us-central1',
  gpus: '1',
  vcpus: '26',
  memory_gib: '234',
  storage_tib: '0',
  rows: 3,
  prices,
})
export const screenedPrice = {
  line: 7,
  product: 'a2-highgpu-1g',
  region: 'us-central1',
  pricing: 'on_demand',
  price: '0.69',
  reason: 'is 6.3 times below the median',
}

/**
 * Partners with everything behind them but AWS: the HTTP operations over real tables, the engine itself behind the order
 * stream, the workflow's document interpreted as on the laptop, and the service of one partner (gcp) over HTTP.
 */
export const openPartnerFloor = async (...others: readonly Flow[]) => {
  const flows: readonly Flow[] = ['partner-purchase', ...others]
  const partner = await startFakePartner()
  process.env[partnerServicesEnvironmentVariable] = JSON.stringify({ gcp: partner.url })
  process.env[lanesEnvironmentVariable] = '1'
  for (const flow of flows) process.env[workflowEnvironmentVariable(flow)] = machineArnOf(flow)
  process.env[workflowEnvironmentVariable('arbitrage-execution')] = arnOf('states', 'stateMachine:ArbitrageExecution')
  const streams = mockStreams([1])
  const bus = mockBus()
  const sfn = mockClient(SFNClient)
  const tables: LocalTables = await startTables()
  const [instruments, positions, orders, marketData, { projectorOf }, http, sweep, versions] = await Promise.all([
    import('#lambdas/reference/project-instruments.ts'),
    import('#lambdas/ledger/project-positions.ts'),
    import('#lambdas/trading/project-orders.ts'),
    import('#lambdas/reference/project-market-data.ts'),
    import('#lambdas/shell/projection.ts'),
    import('#lambdas/partners/http.ts'),
    import('#lambdas/partners/sweep-partners.ts'),
    import('#lambdas/reference/engine-version-needed.ts'),
  ])
  const steps = tasks.filter(({ workflow }) => flows.some(flow => flow === workflow))
  const handlers = new Map<string, Step>(
    await Promise.all(
      steps.map(async ({ name, context }) => {
        const { handler }: { handler: Step } = await import(`#lambdas/${context}/${name}.ts`)
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
  let started: { readonly name: string }[] = []
  let projectors: readonly ReturnType<typeof projectorOf>[] = []
  let projected = 0

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

  let contracts = 0
  const listed = async (account: Trader, operation: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
    const { body } = await floor.request(operation, { as: { account, role: 'trader' } })
    return z.array(z.record(z.string(), z.unknown())).parse(body['data'])
  }

  const floor = {
    tables,
    bus,
    streams,
    partner,
    now,
    /** Of each task that was called, in order. */
    called: () => called,
    request: requests(http.handler, partnersOperations),
    async reset(): Promise<void> {
      await tables.renew()
      versions.forgetEngineVersions()
      partner.reset()
      streams.reset()
      bus.reset()
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
      // What is told in hours is not to end in another one than it began in.
      const intoHourMillis = now() % hourMillis
      if (intoHourMillis > hourMillis / 2) surroundings.clock.forward(hourMillis + 60_000 - intoHourMillis)
      jest.spyOn(Date, 'now').mockImplementation(now)
      stepFunctions = await startStepFunctions(surroundings, runTask)
      sfn.reset()
      sfn.on(StartExecutionCommand).callsFake(async ({ input, name, stateMachineArn }) => {
        // Of others it is enough that they are started.
        if (!flows.some(flow => machineArnOf(flow) === stateMachineArn)) return {}
        try {
          await stepFunctions?.startExecution(stateMachineArn, input, name)
          if (!started.some(each => each.name === name)) started.push({ name })
          return {}
        } catch {
          throw new ExecutionAlreadyExists({ message: 'it was started', $metadata: {} })
        }
      })
      enter({ type: 'activate-engine-version', commandId: nextId(), version: versionOfDelivery })
      for (const [index, account] of traders.entries()) {
        enter({ type: 'open-account', commandId: nextId(), account, firm: '' })
        enter({ type: 'deposit', commandId: nextId(), accountId: index + 1, amountMicros: cashAtFirst })
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
    async stop(): Promise<void> {
      tables.stop()
      await partner.stop()
    },
    interfere(next: Interference): void {
      interfere = next
    },
    project,
    /** A command from elsewhere, which the engine takes. */
    async command(command: Unnamed): Promise<readonly Event[]> {
      const id = nextId()
      const said = enter(command.type === 'place-order' ? { ...command, orderId: id } : { ...command, commandId: id })
      if (said.some(({ type }) => type === 'command-rejected' || type === 'order-rejected'))
        throw new Error(`refused: ${JSON.stringify(said)}`)
      await project()
      return said
    },
    lots: (account: Trader, instrumentId: number): number =>
      engine.snapshot().accounts[numberOf(account) - 1]?.positions.find(each => each.instrumentId === instrumentId)
        ?.sizeLots ?? 0,
    forward(millis: number): void {
      surroundings.clock.forward(millis)
    },
    /** Until every execution has ended, or nothing moves for `mostWaits` waits of a minute. */
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
        surroundings.clock.forward(10_000)
      }
      await project()
    },
    /** One minute's sweep. */
    sweep: () => sweep.handler({}, lambdaContext),
    /** How each execution ended, in order. */
    ends: () => ended().map(({ status, error }) => (error === undefined ? status : `${status} ${error}`)),
    /** What an account has, and what of it is held. */
    /** A whole hour from now on. */
    hour: (count: number): string => new Date((Math.floor(now() / hourMillis) + count) * hourMillis).toISOString(),
    /** Of ten days from this hour on, at 2 USD, shared: what it is called. */
    async contract(units: number, more: object = {}, account: Trader = 'house'): Promise<string> {
      contracts += 1
      const answered = await floor.request('create-partner-contract', {
        as: { account, role: 'market_operator' },
        headers: { 'idempotency-key': `contract-${contracts}` },
        body: { ...floor.contractTerms(units), ...more },
      })
      expect(answered.status).toBe(201)
      return String(answered.body['contract_id'])
    },
    contractTerms: (units: number) => ({
      provider: 'generic',
      resource_class: 'H100',
      region: 'USE',
      vector,
      units,
      price: '2',
      starts_at: floor.hour(0),
      ends_at: floor.hour(240),
      is_shared: true,
    }),
    /** For the four hours after this one, at 2 USD. */
    buy: (account: Trader, offerId: string, units: number, more: object = {}, key = 'k') =>
      floor.buyAll(account, [floor.part(offerId, units, more)], key),
    /** All or nothing. */
    buyAll: (account: Trader, parts: readonly object[], key = 'k') =>
      floor.request('purchase-capacity', {
        as: { account, role: 'trader' },
        headers: { 'idempotency-key': key },
        body: { parts },
      }),
    part: (offerId: string, units: number, more: object = {}) => ({
      offer_id: offerId,
      units,
      starts_at: floor.hour(1),
      ends_at: floor.hour(5),
      price: '2',
      ...more,
    }),
    purchases: (account: Trader) => listed(account, 'list-partner-purchases'),
    inventory: (account: Trader) => listed(account, 'list-partner-inventory'),
    /** As the partner's service tells it. */
    quote: (more: Partial<StandInQuote> = {}): StandInQuote => ({
      quote_id: 'q1',
      resource_class: 'H100',
      region: 'USE',
      pricing: 'on_demand',
      price: '2',
      available_units: 50,
      minimum_units: 1,
      vector: quotedVector,
      starts_at: floor.hour(0),
      ends_at: floor.hour(240),
      accept_until: new Date(now() + 600_000).toISOString(),
      ...more,
    }),
    /** An import of one product and one screened price, completed: what it is called. */
    async catalogue(provider: 'gcp' | 'aws', prices: readonly unknown[]): Promise<string> {
      contracts += 1
      const operator = { as: { account: 'house', role: 'market_operator' as const } }
      const begun = await floor.request('begin-catalogue-import', {
        ...operator,
        headers: { 'idempotency-key': `import-${contracts}` },
        body: { provider, file_name: 'prices.csv', products: 1, rows: 3, screened: 1 },
      })
      const importId = String(begun.body['import_id'])
      const path = { provider, import_id: importId }
      const added = await floor.request('add-catalogue-products', {
        ...operator,
        path,
        body: { batch: 0, products: [catalogueProduct(prices)], screened: [screenedPrice] },
      })
      const completed = await floor.request('complete-catalogue-import', { ...operator, path })
      expect([begun.status, added.status, completed.status]).toEqual([201, 200, 200])
      return importId
    },
    async money(account: Trader): Promise<readonly [cashMicros: number, heldMicros: number]> {
      await project()
      const balance = await getBalance(numberOf(account), 'USD')
      return [balance?.cashMicros ?? 0, balance?.heldMicros ?? 0]
    },
  }
  return floor
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { bookPut } from '#adapters/tables/books.ts'
import { instrumentPut } from '#adapters/tables/instruments.ts'
import { getReopening } from '#adapters/tables/lane-reopenings.ts'
import { claimLane, getLease, haltLane, moveCheckpoint, putReplica, type Replica } from '#adapters/tables/lanes.ts'
import { outcomePut } from '#adapters/tables/outcomes.ts'
import { store } from '#adapters/writes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { noControls, type TradingState } from '#domain/trading/market-controls.ts'
import type { Invocation } from '#local/component.ts'
import { startStepFunctions } from '#local/step-functions.ts'
import { pascalCase, tasks } from '#protocol/functions.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'
import { testSpecification } from '#test/support/tape.ts'
import { arnOf, eventually, resourceOf, testSurroundings } from '../../local/surroundings.ts'

/** The workflow's own document, interpreted as on the laptop, over its own steps and real tables. */

const streams = mockStreams([1])
const steps = tasks.filter(({ workflow }) => workflow === 'lane-reopening')
type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
const handlers = new Map<string, Step>(
  await Promise.all(
    steps.map(async ({ name }) => {
      const { handler }: { handler: Step } = await import(`#lambdas/supervision/${name}.ts`)
      return [name, handler] as const
    }),
  ),
)

const machineArn = arnOf('states', 'stateMachine:LaneReopening')
const functionArn = (name: string) => arnOf('lambda', `function:${name}`)
const document = readFileSync(join(import.meta.dirname, '../../../stepfunctions/lane-reopening.asl.json'), 'utf8')
const machine = resourceOf('AWS::StepFunctions::StateMachine', 'LaneReopening', machineArn, {
  DefinitionString: document,
  DefinitionSubstitutions: Object.fromEntries(steps.map(({ name }) => [pascalCase(name), functionArn(name)])),
})

const stops: (() => Promise<unknown> | undefined)[] = []
let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(async () => {
  await tables.renew('lanes', 'instruments', 'books', 'outcomes')
  streams.reset()
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** What a step is to do instead of running, by its name; undefined: it runs. */
type Interference = (name: string, run: () => Promise<Invocation>) => Promise<Invocation> | undefined

/** Plays the leader for as long as auctions are called: answers each command once. */
const answerAuctions = (isTooLate: () => boolean) => {
  const answered = new Set<string>()
  const timer = setInterval(() => {
    for (const { command } of streams.put) {
      if (command.type !== 'set-trading-state' || command.state !== 'auction' || answered.has(command.commandId))
        continue
      answered.add(command.commandId)
      const refusal = isTooLate() ? ({ accepted: false, code: 'invalid-trading-state' } as const) : { accepted: true }
      void store(outcomePut({ commandId: command.commandId, ...refusal, atMillis: 1, eventId: '1:0:0' }))
    }
  }, 5)
  return () => clearInterval(timer)
}

/** Runs the workflow to its end; the clock is moved for as long as it waits. */
const reopen = async (
  reopeningId: string,
  interfere: Interference = () => undefined,
  isTooLate: () => boolean = () => false,
) => {
  const s = testSurroundings([machine])
  const called: string[] = []
  let inFlight = 0
  const stepFunctions = await startStepFunctions(s, async (arn, event) => {
    const name = arn.split(':').at(-1) ?? ''
    called.push(name)
    const run = async (): Promise<Invocation> => {
      const end = name === 'call-auctions' ? answerAuctions(isTooLate) : () => undefined
      try {
        return { ok: true, payload: await handlers.get(name)?.(event, lambdaContext) }
      } catch (error) {
        const [errorType, errorMessage] = error instanceof Error ? [error.name, error.message] : ['Error', '']
        return { ok: false, kind: 'Unhandled', error: { errorType, errorMessage } }
      } finally {
        end()
      }
    }
    inFlight += 1
    return (interfere(name, run) ?? run()).finally(() => {
      inFlight -= 1
    })
  })
  stops.push(async () => s.remove(), stepFunctions.stop)
  const input = { lane: 1, reopening_id: reopeningId, requested_by: 'desk' }
  await stepFunctions.startExecution(machineArn, JSON.stringify(input), reopeningId)
  const ended = () => {
    const lines = readFileSync(join(s.dataDir, 'executions.jsonl'), 'utf8').split('\n')
    return lines.map(line => (line === '' ? {} : JSON.parse(line))).find(({ status }) => status !== undefined)
  }
  let idle = 0
  await eventually(async () => {
    const before = called.length
    await new Promise(resolve => setTimeout(resolve, 20))
    // A task that takes long on a busy machine is not to be timed out.
    idle = called.length === before && inFlight === 0 ? idle + 1 : 0
    if (idle > 2 && ended() === undefined) s.clock.forward(2_000)
    return ended() !== undefined
  })
  return { end: ended(), called }
}

const market = async (instrumentId: number, state: TradingState, auctionMillis = 0, isActive = true) => {
  const instrumentName = `M${instrumentId}.USE-27NOV46`
  const defined = defineInstrument({ ...testSpecification, instrumentName }, instrumentId, 1)
  if (!defined.accepted) throw new Error('not a valid instrument')
  await store(instrumentPut({ lane: 1, instrument: defined.value, isActive, listedAtMillis: 1 }))
  const side = { levels: new Uint8Array(), cutTicks: 0 }
  await store(
    bookPut({
      lane: 1,
      instrumentId,
      market: {
        bids: side,
        asks: side,
        state,
        untilMillis: 0,
        controls: { ...noControls, auctionMillis },
        markTicks: 0,
        lastTicks: 0,
        lastAtMillis: 0,
        openInterestLots: 0,
      },
      updatedAtMillis: 1,
      outSeq: 1,
    }),
  )
}

const sequence = '7'.padStart(56, '0')
const health = { atMillis: Date.now(), behindMillis: 0 }

/** A lane that was led, published up to 5, and was halted then. */
const halted = async () => {
  await claimLane(1, 'host/1/a/0', await getLease(1), Date.now())
  const step = { epoch: 1, sequenceNumber: sequence, outSeq: 5, chain: 'five', firstSequenceNumber: sequence }
  await moveCheckpoint(1, step, health)
  await haltLane(1, 'divergence')
}

const replica = (owner: string, change: Partial<Replica> = {}) =>
  putReplica(1, {
    owner,
    role: 'standby',
    atMillis: Date.now(),
    engineVersions: [1, 2],
    inputSequence: sequence,
    outSeq: 5,
    chain: 'five',
    isVerified: true,
    behindMillis: 0,
    snapshot: undefined,
    ...change,
  })

const commands = () =>
  streams.put.map(({ command }) =>
    command.type === 'set-trading-state' ? `${command.state} ${command.instrumentId}` : command.type,
  )

/** Plays the next leader, once the lane may be led: it answers what lies in the stream. */
const leads = async (codeOf: (instrumentId: number) => RejectionCode | undefined = () => undefined) => {
  const lease = await getLease(1)
  if (lease.halted !== undefined) return
  await claimLane(1, 'host/2/b/0', lease, Date.now())
  for (const { command } of streams.put) {
    if (command.type !== 'set-trading-state') continue
    const code = codeOf(command.instrumentId)
    const said = { commandId: command.commandId, accepted: code === undefined, atMillis: 1, eventId: '1:0:0' }
    await store(outcomePut({ ...said, ...(code === undefined ? {} : { code }) }))
  }
}

const beforeConfirming =
  (play: () => Promise<unknown>, at = 1): Interference =>
  (name, run) =>
    name === 'confirm-halts' && --at === 0 ? play().then(run) : undefined

describe('a halted lane', () => {
  test('is reopened: halted markets, a leader, auctions of each market’s own length', async () => {
    await halted()
    await market(1, 'continuous', 5_000)
    await market(2, 'auction')
    await market(3, 'closed')
    await market(4, 'halted')
    await market(5, 'continuous', 0, false)
    await replica('host/1/a/1')
    await replica('host/2/b/0')
    const startedMillis = Date.now()
    const haltedWhileHalting: unknown[] = []
    const third = beforeConfirming(leads, 3)
    const { end, called } = await reopen('first', (name, run) => {
      if (name !== 'halt-markets') return third(name, run)
      return getLease(1).then(lease => {
        haltedWhileHalting.push(lease.halted)
        return run()
      })
    })
    expect(haltedWhileHalting).toEqual(['divergence'])
    expect(end).toMatchObject({ status: 'SUCCEEDED' })
    // How often it asks depends on how fast the machine is.
    expect(called.filter((name, index) => name !== called[index - 1])).toEqual([
      'verify-replicas',
      'halt-markets',
      'resume-lane',
      'confirm-halts',
      'call-auctions',
    ])
    expect(commands()).toEqual(['halted 1', 'halted 2', 'auction 1', 'auction 2'])
    const [one = 0, two = 0] = streams.put.flatMap(({ command }) =>
      command.type === 'set-trading-state' && command.state === 'auction' ? [command.untilMillis - startedMillis] : [],
    )
    expect(two - one).toBe(55_000)
    expect(one).toBeGreaterThanOrEqual(5_000)
    expect(await getReopening(1)).toMatchObject({ state: 'reopened', epoch: 1, requestedBy: 'desk' })
    expect((await getReopening(1))?.auctionsEndAtMillis).toBe(two + startedMillis)
  })
  test('stays halted where its matchers disagree with what was published, or with each other', async () => {
    await halted()
    await market(1, 'continuous')
    await replica('host/1/a/1', { chain: 'other' })
    expect((await reopen('first')).end).toMatchObject({ status: 'FAILED', error: 'LaneNotReopened' })
    expect(await getReopening(1)).toMatchObject({ state: 'failed', failure: 'ReplicasDisagree' })
    await replica('host/1/a/1', { outSeq: 6, chain: 'six' })
    await replica('host/2/b/0', { outSeq: 6, chain: 'another six' })
    await reopen('second')
    expect(await getReopening(1)).toMatchObject({ reopeningId: 'second', failure: 'ReplicasDisagree' })
    expect(await getLease(1)).toMatchObject({ halted: 'divergence', epoch: 1 })
    expect(commands()).toEqual([])
  })

  test('waits for a matcher to come to what was published, and not for ever', async () => {
    await halted()
    await replica('host/1/a/1', { isVerified: false })
    let asked = 0
    const { called } = await reopen('first', (name, run) => {
      if (name === 'verify-replicas' && ++asked === 3) return replica('host/1/a/1').then(run)
      return beforeConfirming(leads)(name, run)
    })
    expect(called.filter(name => name === 'verify-replicas')).toHaveLength(3)
    expect(await getReopening(1)).toMatchObject({ state: 'reopened' })
    await haltLane(1, 'again')
    await replica('host/1/a/1', { atMillis: Date.now() - 60_000 })
    await reopen('second')
    expect(await getReopening(1)).toMatchObject({ state: 'failed', failure: 'ReplicasNotReady' })
  })

  test('that halts again is not resumed twice, and the next reopening calls the auctions that are owed', async () => {
    await halted()
    await market(1, 'continuous')
    await replica('host/1/a/1')
    await reopen(
      'first',
      beforeConfirming(async () => {
        await leads()
        await haltLane(1, 'divergence again')
      }),
    )
    expect(await getReopening(1)).toMatchObject({ state: 'failed', failure: 'LaneHaltedAgain' })
    await handlers.get('resume-lane')?.({ lane: 1, reopening_id: 'first' }, lambdaContext)
    expect(await getLease(1)).toMatchObject({ halted: 'divergence again' })

    await market(1, 'halted')
    await market(2, 'continuous')
    streams.put.length = 0
    await reopen('second', beforeConfirming(leads))
    expect(commands()).toEqual(['halted 2', 'auction 2', 'auction 1'])
  })

  test('that nobody leads fails in the end', async () => {
    await halted()
    await replica('host/1/a/1')
    const failed: Interference = name =>
      name === 'confirm-halts'
        ? Promise.resolve({ ok: true, payload: { lane: 1, reopening_id: 'first', polls: 150, is_done: false } })
        : undefined
    let polls = 0
    await reopen('first', (name, run) => (name === 'confirm-halts' && ++polls > 1 ? undefined : failed(name, run)))
    expect(await getReopening(1)).toMatchObject({ state: 'failed', failure: 'LaneNotLed' })
  })

  test('has an auction called again that was over before the engine came to it', async () => {
    await halted()
    await market(1, 'continuous', 1_000)
    await replica('host/1/a/1')
    let late = 2
    await reopen('first', beforeConfirming(leads), () => late-- > 0)
    // Where the machine is slow, others are over before the engine is asked at all.
    const [halt, ...called] = commands()
    expect([halt, ...new Set(called)]).toEqual(['halted 1', 'auction 1'])
    expect(called.length).toBeGreaterThanOrEqual(3)
    const auctions = streams.put.flatMap(({ command }) =>
      command.type === 'set-trading-state' && command.state === 'auction' ? [command] : [],
    )
    expect(new Set(auctions.map(({ commandId }) => commandId)).size).toBe(called.length)
    const untilMillis = auctions.map(auction => auction.untilMillis)
    const [first = 0, last = 0] = [untilMillis.at(0), untilMillis.at(-1)]
    expect(last - first).toBeGreaterThanOrEqual(10_000)
    expect(await getReopening(1)).toMatchObject({ state: 'reopened', auctionsEndAtMillis: last })
  })

  test('leaves a market alone that somebody else had halted meanwhile', async () => {
    await halted()
    await market(1, 'continuous')
    await market(2, 'continuous')
    await replica('host/1/a/1')
    await reopen(
      'first',
      beforeConfirming(() => leads(id => (id === 2 ? 'invalid-trading-state' : undefined))),
    )
    expect(commands()).toEqual(['halted 1', 'halted 2', 'auction 1'])
  })
})

describe('a reopening', () => {
  test('of a lane that is not halted, or that is being reopened, fails at once', async () => {
    await claimLane(1, 'host/1/a/0', await getLease(1), Date.now())
    await replica('host/1/a/0')
    const { called } = await reopen('first')
    expect(called).toEqual(['verify-replicas', 'fail-reopening'])
    expect(await getReopening(1)).toMatchObject({ failure: 'LaneNotHalted' })
    await haltLane(1, 'divergence')
    await replica('host/1/a/0', { isVerified: false })
    const step = { lane: 1, reopening_id: 'second', requested_by: 'desk' }
    await expect(handlers.get('verify-replicas')?.(step, lambdaContext)).rejects.toMatchObject({
      name: 'ReplicasNotReady',
    })
    expect((await reopen('third')).called).toEqual(['verify-replicas', 'fail-reopening'])
    expect(await getReopening(1)).toMatchObject({ reopeningId: 'second', state: 'verifying' })
  })

  test('of which every step runs twice puts the same commands', async () => {
    await halted()
    await market(1, 'continuous')
    await replica('host/1/a/1')
    await reopen('first', (name, run) => {
      const play = name === 'confirm-halts' ? leads() : Promise.resolve()
      return play.then(run).then(run)
    })
    expect(await getReopening(1)).toMatchObject({ state: 'reopened' })
    const ids = streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    expect(new Set(ids).size).toBe(2)
    expect(commands()).toEqual(['halted 1', 'halted 1', 'auction 1'])
  })
})

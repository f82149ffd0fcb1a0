import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { getLiquidation, type LiquidationStepRow, listLiquidationSteps } from '#adapters/tables/liquidations.ts'
import { marginCallOf } from '#adapters/tables/margin-calls.ts'
import type { Command } from '#domain/trading/commands.ts'
import { pascalCase, tasks, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { insuranceFundEnvironmentVariable } from '#protocol/liquidation.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { laneBudgetsEnvironmentVariable } from '#protocol/streams.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { nextCommandId } from '#test/support/tape.ts'
import { futureIn, openTwoLanes, usdMicros } from '#test/support/two-lanes.ts'

/** An account in two lanes is one when it is liquidated: two engines, the relay, the projectors, and the workflow's own document. */

process.env[workflowEnvironmentVariable('collateral-liquidation')] = 'test-liquidation'
process.env[insuranceFundEnvironmentVariable] = 'insurance-fund'
const floor = await openTwoLanes()
const ledger = requests((await import('#lambdas/ledger/http.ts')).handler, ledgerOperations)
const trading = requests((await import('#lambdas/trading/http.ts')).handler, tradingOperations)
const { answerCall } = await import('#lambdas/risk/answered-call.ts')
const { putBid } = await import('#adapters/tables/backstop-auctions.ts')

type Step = (event: unknown, context: typeof lambdaContext) => Promise<unknown>
const steps = tasks.filter(({ workflow }) => workflow === 'collateral-liquidation')
/** By the name that the document calls its function. */
const handlers = new Map(
  await Promise.all(
    steps.map(async ({ name }): Promise<[string, Step]> => {
      const { handler }: { handler: Step } = await import(`#lambdas/risk/${name}.ts`)
      return [pascalCase(name), handler]
    }),
  ),
)
const choice = z.object({ Variable: z.string(), StringEquals: z.string(), Next: z.string() })
const task = z.object({ Type: z.literal('Task'), Parameters: z.object({ FunctionName: z.string() }) })
const document = z
  .object({ States: z.looseObject({ WhatNext: z.object({ Choices: z.array(choice) }) }) })
  .parse(
    JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../stepfunctions/collateral-liquidation.asl.json'), 'utf8'),
    ),
  )
const stepAnswer = z.looseObject({ liquidation_id: z.string(), step: z.int(), next: z.string(), wait_seconds: z.int() })
type StepAnswer = z.infer<typeof stepAnswer>

const home = { lane: 1, accountId: 2 } as const
const abroad = { lane: 2, accountId: 2 ** 20 + 2 } as const
/** Opened after Bob and Acme at home, after Bob alone abroad. */
const funds = { 1: 3, 2: 2 ** 20 + 3 } as const
const wait = { headers: { prefer: 'wait=5' } }
let orders = 0

beforeEach(() => {
  process.env[laneBudgetsEnvironmentVariable] = 'true'
})
afterEach(async () => {
  await floor.settle()
  delete process.env[laneBudgetsEnvironmentVariable]
})
afterAll(() => floor.settle())

/** Acme in both lanes, each with its insurance fund, and Bob on the other side of everything. */
const open = async (dollars: number, fundDollars = 0): Promise<void> => {
  await floor.reset(dollars)
  expect(await ledger('join-lane', { body: { lane: 2 }, ...wait })).toMatchObject({ status: 200 })
  await floor.settle()
  for (const lane of [1, 2] as const) {
    await accepted(lane, {
      type: 'open-account',
      commandId: nextCommandId(),
      account: `insurance-fund-${lane}`,
      firm: '',
    })
    if (fundDollars > 0)
      await accepted(lane, {
        type: 'deposit',
        commandId: nextCommandId(),
        accountId: funds[lane],
        amountMicros: fundDollars * usdMicros,
      })
  }
}
const accepted = async (lane: 1 | 2, command: Command): Promise<void> => {
  const told = await floor.enter(lane, command)
  const refused = told.find(event => event.type === 'command-rejected' || event.type === 'order-rejected')
  if (refused !== undefined) throw new Error(JSON.stringify(refused))
  await floor.settle()
}
/** At 2.5, against Bob; abroad it may have to come again. */
const trade = async (lane: 1 | 2, lots: number): Promise<void> => {
  await floor.offer(lane, lots)
  for (let tries = 0; tries < 3; tries += 1) {
    orders += 1
    const { body } = await trading('place-order', {
      body: {
        instrument_name: futureIn(lane),
        direction: lots > 0 ? 'buy' : 'sell',
        amount: String(Math.abs(lots)),
        price: '2.5',
        client_order_id: `joint-${orders}`,
      },
      ...wait,
    })
    await floor.settle()
    if (body['order_state'] === 'filled') return
    await floor.wait(1_000)
  }
  throw new Error(`nobody trades ${lots} in lane ${lane}`)
}
const pay = (lane: 1 | 2, accountId: number, toAccountId: number, dollars: number) =>
  accepted(lane, {
    type: 'post-payment',
    commandId: nextCommandId(),
    accountId,
    toAccountId,
    amountMicros: dollars * usdMicros,
    purpose: 'sla-penalty',
    reference: 'r',
  })
const bobOf = (lane: 1 | 2): number => (lane - 1) * 2 ** 20 + 1
const calls = () => floor.tables.items('marginCalls').flatMap(item => marginCallOf(item) ?? [])
/** Until somebody is called, and who that is. */
const called = async () => {
  for (let second = 0; second < 30 && calls().length === 0; second += 1) await floor.wait(1_000)
  return calls().map(({ lane, accountId }) => ({ lane, accountId }))
}

/** The workflow by its own document, from the only call there is until it is over; pauses only move the lanes' time. */
const liquidate = async (isTurned: (next: string) => Promise<void> = async () => undefined, ofLane = 1) => {
  const call = calls().find(({ lane }) => lane === ofLane)
  if (call === undefined) throw new Error('nobody is called')
  await answerCall(call)
  const row = floor.tables.items('liquidations').find(item => item['row'] === 'head' && item['lane'] === ofLane)
  const liquidationId = String(row?.['liquidation_id'])
  const { Choices } = document.States.WhatNext
  let answer: StepAnswer = { liquidation_id: liquidationId, step: 0, polls: 0, next: 'begin', wait_seconds: 0 }
  for (let turns = 0; turns < 400; turns += 1) {
    const state = Choices.find(({ StringEquals }) => StringEquals === answer.next)?.Next
    if (state === undefined) break
    await isTurned(answer.next)
    const { FunctionName } = task.parse(document.States[state]).Parameters
    const handler = handlers.get(FunctionName.replaceAll(/[${}]/g, ''))
    if (handler === undefined) throw new Error(`no function for ${state}`)
    const asked = answer
    answer = stepAnswer.parse(await handler(asked, lambdaContext))
    await floor.settle()
    // Begun anew, an execution passes through what was done.
    const { wait_seconds: _, ...again } = stepAnswer.parse(await handler(asked, lambdaContext))
    if (answer.step > asked.step) expect(answer).toMatchObject(again)
    await floor.wait(Math.max(1, answer.wait_seconds) * 1_000)
  }
  const { rows } = await listLiquidationSteps(liquidationId, { limit: 400 })
  const head = await getLiquidation(liquidationId)
  return { steps: rows, head, next: answer.next }
}
const kinds = (rows: readonly LiquidationStepRow[]): string[] =>
  rows
    .filter(({ kind }) => kind !== 'plan')
    .map(({ kind, at, code }) => [kind, at?.lane, code].filter(Boolean).join(' '))

const sizeOf = ({ lane, accountId }: typeof home | typeof abroad): number =>
  floor
    .engine(lane)
    .snapshot()
    .accounts[accountId - (lane - 1) * 2 ** 20 - 1]?.positions.find(({ instrumentId }) => instrumentId === 1)
    ?.sizeLots ?? 0
const cashOf = (lane: 1 | 2, accountId: number): number =>
  (floor.engine(lane).snapshot().accounts[accountId - (lane - 1) * 2 ** 20 - 1]?.cashMicros ?? Number.NaN) / usdMicros

describe('an account in two lanes that needs more than it has', () => {
  test('is called at home and reduced where that helps: a hedge abroad stays', async () => {
    await open(1_000)
    await trade(1, 1_000)
    await trade(2, -600)
    // 400 more long than short may lose 0.5 each.
    await pay(2, abroad.accountId, bobOf(2), 850)
    expect(await called()).toEqual([home])
    await floor.offer(1, -1_000)
    await floor.offer(2, 1_000)
    const { steps, head } = await liquidate()
    expect(head).toMatchObject({ state: 'ended', lane: 1, accountId: 2 })
    expect(kinds(steps)[0]).toBe('begin')
    expect(kinds(steps)[1]).toBe('join 2')
    expect(kinds(steps).slice(-2)).toEqual(['end', 'end 2'])
    expect(new Set(kinds(steps).slice(2, -2))).toEqual(new Set(['reduce']))
    expect(sizeOf(abroad)).toBe(-600)
    // 150 less a tenth to spare cover 270 more long than short; what is sold is sized for a worse price than it then brings.
    expect(sizeOf(home)).toBeLessThanOrEqual(870)
    expect(sizeOf(home)).toBeGreaterThan(800)
    expect(steps.find(({ kind }) => kind === 'plan')?.numbers).toMatchObject({
      move: 'join',
      cashMicros: 150 * usdMicros,
    })
    // Both lanes are its again.
    const { body } = await trading('place-order', {
      body: { instrument_name: futureIn(2), direction: 'buy', amount: '1', price: '1', client_order_id: 'again' },
      ...wait,
    })
    expect(body['reject_reason']).not.toBe('account-in-liquidation')
  }, 60_000)

  test('is reduced abroad where all of it lies there; orders there go, and new ones wait', async () => {
    await open(1_000)
    await trade(2, -1_000)
    await pay(1, home.accountId, bobOf(1), 700)
    expect(await called()).toEqual([home])
    await floor.offer(2, 2_000)
    let refused: unknown
    const { steps, head } = await liquidate(async next => {
      if (next !== 'reduce' || refused !== undefined) return
      const { body } = await trading('place-order', {
        body: { instrument_name: futureIn(2), direction: 'buy', amount: '1', price: '1', client_order_id: 'while' },
        ...wait,
      })
      refused = body['reject_reason'] ?? body['code']
    })
    expect(head?.state).toBe('ended')
    expect(refused).toBe('account-in-liquidation')
    expect(new Set(kinds(steps).slice(2, -2))).toEqual(new Set(['reduce 2']))
    // 300 less a tenth cover 540.
    expect(sizeOf(abroad)).toBeGreaterThanOrEqual(-540)
    expect(sizeOf(abroad)).toBeLessThan(-350)
    expect(sizeOf(home)).toBe(0)
  }, 60_000)

  test('pays what it owes abroad from its cash at home before any fund does', async () => {
    await open(500, 1_000)
    await trade(2, -800)
    await pay(2, abroad.accountId, bobOf(2), 700)
    // At home 500, abroad −700 and 800 lots short.
    expect(await called()).toEqual([home])
    await floor.offer(2, 2_000)
    const { steps, head } = await liquidate()
    expect(head?.state).toBe('ended')
    expect(sizeOf(abroad)).toBe(0)
    // Its home hears a moment later that nothing is lacking there any more.
    const told = kinds(steps).filter(kind => !/^reduce|still-under-margin-call/.test(kind))
    expect(told).toEqual(['begin', 'join 2', 'move-cash', 'cover-loss 2', 'end', 'end 2'])
    expect([cashOf(1, home.accountId), cashOf(2, abroad.accountId)]).toEqual([0, 0])
    expect([cashOf(1, funds[1]), cashOf(2, funds[2])]).toEqual([1_000, 800])
    const { body } = await ledger('list-ledger-entries')
    expect(z.array(z.looseObject({})).parse(body['data'])[0]).toMatchObject({ kind: 'lane-transfer', amount: '-500' })
  }, 60_000)

  test('what it owes at home is paid from abroad, and by the fund of its home', async () => {
    await open(500, 1_000)
    await trade(1, 900)
    // It is paid 200 abroad, where it has nothing else.
    await pay(2, bobOf(2), abroad.accountId, 200)
    await pay(1, home.accountId, bobOf(1), 1_000)
    expect(await called()).toEqual([home])
    await floor.offer(1, -2_000)
    const { steps, head } = await liquidate()
    expect(head?.state).toBe('ended')
    expect(kinds(steps).filter(kind => !/^reduce|still-under-margin-call/.test(kind))).toEqual([
      'begin',
      'join 2',
      'move-cash 2',
      'cover-loss',
      'end',
      'end 2',
    ])
    expect([cashOf(1, funds[1]), cashOf(2, funds[2])]).toEqual([700, 1_000])
    expect([cashOf(1, home.accountId), cashOf(2, abroad.accountId)]).toEqual([0, 0])
  }, 60_000)

  test('asks the fund for each loss anew', async () => {
    await open(500, 2_000)
    await trade(1, 900)
    await pay(1, home.accountId, bobOf(1), 700)
    expect(await called()).toEqual([home])
    await floor.offer(1, -2_000)
    let isPaid = false
    const { steps, head } = await liquidate(async next => {
      if (next !== 'end' || isPaid) return
      isPaid = true
      await pay(1, home.accountId, bobOf(1), 50)
    })
    expect(head?.state).toBe('ended')
    expect(kinds(steps).filter(kind => !kind.startsWith('reduce'))).toEqual([
      'begin',
      'join 2',
      'cover-loss',
      'end still-under-margin-call',
      'cover-loss',
      'end',
      'end 2',
    ])
    expect(cashOf(1, funds[1])).toBe(1_750)
  }, 60_000)

  test('what no book takes is auctioned in the lane where it lies', async () => {
    await open(500, 1_000)
    await trade(2, -800)
    await pay(1, home.accountId, bobOf(1), 350)
    expect(await called()).toEqual([home])
    const { steps, head } = await liquidate()
    expect(head?.state).toBe('ended')
    // Nobody bids: the fund of that lane takes at the reserve what is enough.
    expect(kinds(steps).filter(kind => !kind.startsWith('reduce'))).toContain('open-auction 2')
    expect(kinds(steps)).toContain('award 2')
    expect(sizeOf(abroad)).toBeGreaterThan(-800)
    expect(sizeOf(abroad)).toBeLessThanOrEqual(0)
  }, 60_000)

  test('of what no book takes what it may lose by is auctioned, and not the hedge between its lanes', async () => {
    await open(1_000)
    await trade(1, 500)
    await trade(2, -1_100)
    // 600 more short than long may lose 300; 290 are left.
    await pay(1, home.accountId, bobOf(1), 710)
    expect(await called()).toEqual([home])
    const { steps, head } = await liquidate(async next => {
      const [auction] = floor.tables.items('backstopAuctions')
      if (next !== 'award' || auction === undefined) return
      const bids = [{ instrumentId: 1, priceTicks: 2_500, lots: 600 }]
      await putBid({ auctionId: String(auction['auction_id']), accountId: bobOf(2), bidAtMillis: Date.now(), bids })
    })
    expect(head?.state).toBe('ended')
    expect(
      steps.filter(({ kind }) => kind === 'open-auction').map(({ at, numbers }) => [at?.lane, numbers['lots']]),
    ).toEqual([[2, [expect.objectContaining({ instrumentName: futureIn(2), amount: '-600' })]]])
    expect([sizeOf(home), sizeOf(abroad)]).toEqual([500, -500])
  }, 60_000)

  test('that owes more than its hedge can carry is closed in both lanes, each by auctions of its own', async () => {
    await open(1_000, 10_000)
    await trade(1, 500)
    await trade(2, -1_100)
    await pay(1, home.accountId, bobOf(1), 710)
    expect(await called()).toEqual([home])
    // No book takes anything, and nobody bids but the funds, at the reserve.
    const { steps, head } = await liquidate()
    expect(head?.state).toBe('ended')
    expect(
      steps.filter(({ kind }) => kind === 'open-auction').map(({ at, numbers }) => [at?.lane ?? 1, numbers['lots']]),
    ).toMatchObject([
      [2, [{ amount: '-600' }]],
      [1, [{ amount: '500' }]],
      [2, [{ amount: '-500' }]],
    ])
    expect([sizeOf(home), sizeOf(abroad)]).toEqual([0, 0])
    expect([cashOf(1, home.accountId), cashOf(2, abroad.accountId)]).toEqual([0, 0])
  }, 60_000)

  test('is paid for by its home where that is heard of again before its fund has paid', async () => {
    await open(2_000, 1_000)
    await trade(2, -1_000)
    floor.relay(false)
    await pay(2, abroad.accountId, bobOf(2), 700)
    for (let second = 0; second < 70; second += 1) await floor.wait(1_000)
    expect(await called()).toEqual([abroad])
    const { steps, head } = await liquidate(
      async next => floor.relay(next === 'award' || next === 'plan' || next === 'end'),
      2,
    )
    expect(head?.state).toBe('ended')
    expect(kinds(steps)).not.toContain('cover-loss')
    expect(cashOf(2, abroad.accountId)).toBeLessThan(0)
    expect(cashOf(1, home.accountId)).toBe(2_000)
    expect(calls()).toHaveLength(1)
  }, 60_000)

  test('by its home alone where the other lane follows older rules', async () => {
    await open(1_000)
    await trade(1, 1_500)
    await pay(1, home.accountId, bobOf(1), 600)
    expect(await called()).toEqual([home])
    await floor.offer(1, -1_500)
    const { forgetEngineVersions } = await import('#lambdas/reference/engine-version-needed.ts')
    forgetEngineVersions()
    floor.tables.seed('lanes', { lane: '2', row: 'engine-version', engine_version: 6, at_millis: 0 })
    const { steps, head } = await liquidate()
    expect(head?.state).toBe('ended')
    expect(kinds(steps)).not.toContain('join 2')
  }, 60_000)

  test('takes over what was begun abroad while its home did not answer', async () => {
    await open(1_000)
    await trade(2, -1_000)
    await trade(1, 900)
    floor.relay(false)
    await pay(2, abroad.accountId, bobOf(2), 980)
    for (let second = 0; second < 70; second += 1) await floor.wait(1_000)
    expect(await called()).toEqual([abroad])
    await floor.offer(1, -1_000)
    await floor.offer(2, 1_000)
    // Its own liquidation abroad gets as far as its first auction: alone there, reducing does not help it.
    const own = liquidate(async next => {
      if (next !== 'award') return
      floor.relay(true)
      for (let second = 0; second < 30 && calls().length < 2; second += 1) await floor.wait(1_000)
      const { steps, head } = await liquidate(undefined, 1)
      expect(head?.state).toBe('ended')
      expect(kinds(steps).slice(0, 2)).toEqual(['begin', 'join 2'])
    }, 2)
    const { steps, head } = await own
    expect(kinds(steps).slice(-2)).toEqual(['award unknown-liquidation', 'end unknown-liquidation'])
    expect(head?.state).toBe('ended')
  }, 60_000)
})

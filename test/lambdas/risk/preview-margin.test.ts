import { beforeEach, describe, expect, test } from '@jest/globals'
import { killSwitchPut } from '#adapters/tables/kill-switches.ts'
import { store } from '#adapters/writes.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor, usdMicros } from '#test/support/margin-floor.ts'
import { createRandom } from '#test/support/random-commands.ts'
import { nextCommandId } from '#test/support/tape.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const order = (instrument_name: string, lots: number, price: string, more: object = {}) => ({
  instrument_name,
  direction: lots > 0 ? 'buy' : 'sell',
  amount: String(Math.abs(lots)),
  price,
  ...more,
})
const preview = (orders: readonly object[], given: object = {}, more: object = {}) =>
  send('preview-margin', { body: { orders, ...more }, ...given })

interface Amounts {
  readonly equity: string
  readonly requirement: string
}
const noSides = { bidTicks: 0, bidLots: 0, askTicks: 0, askLots: 0 }
const micros = (text: string): number => Math.round(Number(text) * usdMicros)
const engineHas = () => {
  const figures = floor.engine().marginOf(floor.accountId('acme'))
  return { equity: figures?.equityMicros, requirement: figures?.requirementMicros }
}
const told = (amounts: unknown) => {
  const { equity, requirement } = amounts as Amounts
  return { equity: micros(equity), requirement: micros(requirement) }
}

beforeEach(() => floor.reset())

describe('a preview', () => {
  test('is what the engine then answers and charges, over rows as projectors make them', async () => {
    const random = createRandom(7)
    let refused = 0
    for (let step = 0; step < 60; step += 1) {
      if (step === 15 || step === 40) await floor.adoptEpoch()
      const name = random.pick([h100, a100, h100Call])
      const around = name === h100Call ? 200 : name === h100 ? 2_500 : 1_500
      // Bob on the one side and acme on the other never meet their own orders.
      const sells = name === a100
      if (random.chance(0.5)) {
        await floor.place('bob', name, (sells ? 1 : -1) * random.between(1, 60), around + random.between(-30, 30))
        continue
      }
      const lots = (sells ? -1 : 1) * (random.chance(0.15) ? 5_000 : random.between(1, 80))
      const ticks = around + random.between(-30, 30)
      const { status, body } = await preview([order(name, lots, String(ticks / 1_000))])
      expect(status).toBe(200)
      expect(told(body['before'])).toEqual(engineHas())
      const events = await floor.place('acme', name, lots, ticks)
      const [first] = events
      const [previewed] = body['orders'] as { outcome: string; reject_reason: string | null; filled_amount: string }[]
      const isRefused = first?.type === 'order-rejected'
      expect(previewed).toMatchObject({
        outcome: isRefused ? 'refused' : 'accepted',
        reject_reason: isRefused ? first.code : null,
      })
      refused += isRefused ? 1 : 0
      expect(told(body['after'])).toEqual(engineHas())
    }
    expect(refused).toBeGreaterThan(2)
  })

  test('of a basket takes each as those before it leave the account, and refuses none for another', async () => {
    await floor.adoptEpoch()
    await floor.trade('acme', h100, 1_300, 2_500)
    const bet = order(h100, 600, '2.5')
    const { body } = await preview([bet])
    expect(body).toMatchObject({
      epoch_version: 1,
      orders: [{ outcome: 'refused', reject_reason: 'insufficient-margin' }],
      after: body['before'],
    })
    // A hedge is taken, and leaves room.
    const basket = await preview([order(a100, -2_000, '1.5'), bet, order(h100Call, -1, '0.2')])
    expect(basket.body).toMatchObject({
      orders: [
        { outcome: 'accepted', filled_amount: '0', average_price: null, cancel_reason: null },
        { reject_reason: 'insufficient-margin' },
        { instrument_name: h100Call, direction: 'sell', amount: '1' },
      ],
    })
    const orders = basket.body['orders'] as { after: Amounts }[]
    expect(orders[2]?.after).toEqual(basket.body['after'])
  })

  test('tells what would trade at once, and what would be cancelled of it', async () => {
    await floor.place('bob', h100, -10, 2_500)
    await floor.place('bob', h100, -10, 2_510)
    const [taken] = (await preview([order(h100, 30, '2.6', { time_in_force: 'immediate_or_cancel' })])).body[
      'orders'
    ] as object[]
    expect(taken).toMatchObject({
      outcome: 'accepted',
      filled_amount: '20',
      average_price: '2.505',
      fee: '0.02505',
      cancel_reason: 'immediate-or-cancel',
    })
    const market = { instrument_name: h100, direction: 'buy', amount: '5', order_type: 'market' }
    expect((await preview([market])).body).toMatchObject({ orders: [{ filled_amount: '5', average_price: '2.5' }] })
    expect((await preview([{ ...market, instrument_name: a100 }])).body).toMatchObject({
      orders: [{ outcome: 'refused', reject_reason: 'no-liquidity' }],
    })
    expect((await preview([order(h100, -1, '2', { reduce_only: true })])).body).toMatchObject({
      orders: [{ reject_reason: 'reduce-only-would-increase' }],
    })
  })

  test('before the first epoch is fully funded, and says so', async () => {
    const { body } = await preview([order(h100, 1_000, '2.5')])
    expect(body).toMatchObject({
      epoch_version: 0,
      covered_by_bounds: [h100],
      orders: [{ reject_reason: 'insufficient-funds' }],
      after: { equity: '1000', requirement: '0', excess: '1000' },
    })
    // Its price, and what is kept for its fee.
    expect((await preview([order(h100, 100, '2.5')])).body).toMatchObject({ after: { requirement: '250.125' } })
  })

  test('knows kill switches and limits', async () => {
    const terms = { ...noLimits, maxOrderLots: 10 }
    const set = { scope: 'account' as const, accountId: floor.accountId('acme'), firm: '', instrumentId: 0 }
    await floor.enter({ type: 'set-risk-limits', commandId: nextCommandId(), ...set, isApproved: true, terms })
    const [first] = await floor.place('acme', h100, 11, 2_500)
    const code = first?.type === 'order-rejected' ? first.code : undefined
    const { limitsPut } = await import('#adapters/tables/risk-limits.ts')
    await store(limitsPut(1, { ...set, terms, setAtMillis: 1 }))
    expect((await preview([order(h100, 11, '2.5'), order(h100, 10, '2.5')])).body).toMatchObject({
      orders: [{ reject_reason: code }, { outcome: 'accepted' }],
    })
    await store(
      killSwitchPut({
        lane: 1,
        scope: 'firm',
        accountId: 0,
        firm: 'acme',
        isOn: true,
        cancelledOrders: 0,
        changedAtMillis: 1,
      }),
    )
    expect((await preview([order(h100, 1, '2.5')])).body).toMatchObject({
      orders: [{ reject_reason: 'kill-switch-on' }],
    })
  })

  test('knows what a firm’s accounts have together, and who was told to have lost too much', async () => {
    const enter = async (subject: object, terms: object) =>
      floor.enter({
        type: 'set-risk-limits',
        commandId: nextCommandId(),
        ...{ scope: 'account', accountId: 0, firm: '', instrumentId: 0, isApproved: true },
        ...subject,
        terms: { ...noLimits, ...terms },
      })
    await enter({ scope: 'firm', firm: 'acme' }, { maxPositionLots: 100, maxOpenOrders: 3 })
    await floor.trade('acme.desk', h100, 50, 2_500)
    await floor.place('acme.desk', h100, 20, 2_000)
    const orders = [order(h100, 31, '2.1'), order(h100, 30, '2.1'), order(h100, -1, '3'), order(h100, -1, '3')]
    expect((await preview(orders)).body).toMatchObject({
      orders: [
        { reject_reason: 'position-limit' },
        { outcome: 'accepted' },
        { outcome: 'accepted' },
        { reject_reason: 'open-order-limit' },
      ],
    })
    // Another firm is not limited by it.
    expect((await preview([order(h100, 31, '2.1')], { as: { account: 'cid' } })).body).toMatchObject({
      orders: [{ outcome: 'accepted' }],
    })
    const codes = async (ticks: number) =>
      (await floor.place('acme', h100, 1, ticks)).flatMap(event => ('code' in event ? [event.code] : []))
    expect(await codes(2_100)).toEqual([])
    await enter({ scope: 'firm', firm: 'acme' }, { maxDailyLossMicros: 10 * usdMicros })
    const { instrumentId } = floor.instrument(h100)
    const mark = (markTicks: number) =>
      floor.enter({ type: 'set-mark-price', commandId: nextCommandId(), instrumentId, markTicks })
    await mark(2_500)
    await mark(2_450)
    expect((await preview([order(h100, 1, '2.1')])).body).toMatchObject({ orders: [{ outcome: 'accepted' }] })
    await mark(2_000)
    const [more, less] = [order(h100, 1, '2.1'), order(a100, -1, '2.1')]
    expect((await preview([more, less])).body).toMatchObject({
      orders: [{ reject_reason: 'daily-loss-limit' }, { reject_reason: 'daily-loss-limit' }],
    })
    expect(await codes(2_100)).toEqual(['daily-loss-limit'])
    // What reduces passes.
    expect((await preview([order(h100, -1, '2.1')], {}, { account: 'acme.desk' })).body).toMatchObject({
      orders: [{ outcome: 'accepted' }],
    })
    // On the next day it is as if it had not been.
    const yesterday = { measuredMicros: 1_000 * usdMicros, atMillis: Date.now() - 86_400_000 }
    const { lossBreachPut } = await import('#adapters/tables/risk-limits.ts')
    await store(lossBreachPut(1, { scope: 'firm', accountId: 0, firm: 'acme', instrumentId: 0 }, yesterday))
    expect((await preview([more])).body).toMatchObject({ orders: [{ outcome: 'accepted' }] })
  })

  test('shows what quotes under a budget would need beside what is kept for them', async () => {
    await floor.adoptEpoch()
    expect((await preview([order(h100, 1, '2.5')])).body).toMatchObject({ quote_budget: null })
    const accountId = floor.accountId('acme')
    const terms = { lots: 40, largestQuoteLots: 10, lotLossMicros: 2 * usdMicros, lotCapMicros: 10 * usdMicros }
    await floor.enter({ type: 'set-quote-budget', commandId: nextCommandId(), accountId, ...terms })
    const { instrumentId, specificationVersion } = floor.instrument(h100)
    const group = { accountId, groupHash: '00000000000000aa', name: 'g' }
    const protection = { intervalMillis: 1_000, frozenMillis: 0, amountLimitLots: 20, deltaLimitLots: 0 }
    await floor.enter({ type: 'set-market-maker-protection', commandId: nextCommandId(), ...group, ...protection })
    const sides = { bidTicks: 2_490, bidLots: 10, askTicks: 2_510, askLots: 4 }
    const quotes = [{ instrumentId, specificationVersion, ...sides }]
    const quote = { type: 'quote' as const, accountId, groupHash: '00000000000000aa', groupName: 'g', quotes }
    const told = await floor.enter({ ...quote, commandId: nextCommandId() })
    expect(told.at(-1)).toMatchObject({ type: 'quoted', acceptedSides: 2 })
    const { body } = await preview([order(a100, 1, '1.5')])
    const { needed, kept } = body['quote_budget'] as { needed: string; kept: string }
    expect(kept).toBe('80')
    expect((body['before'] as Amounts).requirement).toBe('80')
    // Ten bought at 2.49, in the worst scenario a fifth below 2.5, and their fees.
    expect(Number(needed)).toBeGreaterThan(4.9)
    expect(Number(needed)).toBeLessThan(6)
    // Released, nothing is kept.
    await floor.enter({ ...quote, commandId: nextCommandId(), quotes: [{ ...quotes[0], ...noSides }] as typeof quotes })
    const none = { lots: 0, largestQuoteLots: 0, lotLossMicros: 0, lotCapMicros: 0 }
    const [released] = await floor.enter({ type: 'set-quote-budget', commandId: nextCommandId(), accountId, ...none })
    expect(released?.type).toBe('quote-budget-set')
    expect((await preview([order(h100, 1, '2.5')])).body).toMatchObject({ quote_budget: null })
  })

  test('places nothing, and takes nothing that is no order', async () => {
    const before = floor.tables.writes().length
    await preview([order(h100, 1, '2.5')])
    expect(
      floor.tables
        .writes()
        .slice(before)
        .filter(write => !/rate-limits|audit|nonces/.test(write)),
    ).toEqual([])
    expect(await preview([])).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await preview(Array.from({ length: 101 }, () => order(h100, 1, '2.5')))).toMatchObject({ status: 400 })
    expect(await preview([order(h100, 1, '-2.5')])).toMatchObject({ status: 400 })
    expect(await preview([{ ...order(h100, 1, '2.5'), order_type: 'market' }])).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/orders/0/price' }] },
    })
    expect(await preview([order(h100, 1, '1e5')])).toMatchObject({ status: 400 })
    expect(await preview([order(h100, 1, '2.5'), order(h100, 1, '2.50005')])).toMatchObject({
      status: 422,
      body: { code: 'price-off-tick', errors: [{ pointer: '#/orders/1/price' }] },
    })
    expect(await preview([order('NONE-1', 1, '1')])).toMatchObject({
      status: 422,
      body: { code: 'unknown-instrument', errors: [{ pointer: '#/orders/0/instrument_name' }] },
    })
    expect(await preview([order(h100, 1, '2.5')], {}, { account: 'bob' })).toMatchObject({ status: 404 })
    expect(await preview([order(h100, 1, '2.5')], {}, { account: 'acme.desk' })).toMatchObject({ status: 200 })
    expect(await preview([order(h100, 1, '2.5')], { as: { account: 'eve' } })).toMatchObject({ status: 403 })
  })

  test('needs the rules of margin in the lane', async () => {
    floor.tables.seed('lanes', { lane: '1', row: 'engine-version', engine_version: 3, at_millis: 1 })
    expect(await preview([order(h100, 1, '2.5')])).toMatchObject({
      status: 409,
      body: { code: 'engine-version-needed' },
    })
  })
})

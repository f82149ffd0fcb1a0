import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { listSettlements } from '#adapters/tables/settlements.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { at, contractSpecification, dayMillis, endMillis, startMillis } from '#test/support/settled-contracts.ts'
import { openSettlementFloor } from '#test/support/settlement-floor.ts'

/** The workflow's own document over its own steps, real tables and the real engine. */

const floor = await openSettlementFloor(startMillis)
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.tables.stop())

const futureTerms = { index: 'I', averaging_start: '2026-11-01T00:00:00Z' }
const futureName = 'I-4NOV26'
const future = () => contractSpecification('future', futureTerms, { instrumentName: futureName })
const call = (change: object = {}) =>
  contractSpecification(
    'option',
    { option_type: 'call', strike: '2', underlying_instrument: futureName, ...change },
    { instrumentName: 'I-4NOV26-2-C' },
  )
const rows = async (instrumentId: number) => (await listSettlements(1, instrumentId, { limit: 50 })).rows
const total = () => floor.cash().reduce((sum, each) => sum + each, 0)
const cashAtFirst = 1_000_000_000_000
const gains = () => floor.cash().map(each => each - cashAtFirst)
const fixDaily = async (...levels: readonly string[]) => {
  for (const [day, level] of levels.entries()) await floor.fix('I', startMillis + day * dayMillis, level)
}

describe('a final settlement', () => {
  test('of a future and an option on it: collected, computed, paid, announced, once', async () => {
    await floor.index('I', dayMillis, startMillis)
    const [futureId, callId] = [await floor.list(future()), await floor.list(call())]
    await floor.trade(futureId, 210, 10)
    await floor.trade(callId, 15, 20, 2, 1)
    await fixDaily('2', '2.1', '2.2', '2.5')
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    await floor.expire(callId)
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED', 'SUCCEEDED'])
    // 8.8 / 4 is 2.2; alice gains 0.10 × 1 on the future; bob pays 0.15 for what is worth 0.20, 2 units of it.
    expect(gains()).toEqual([100_000 - 100_000, -100_000 + 100_000, 0])
    expect(floor.position(1, futureId)).toMatchObject({ sizeLots: 0, realisedMicros: 100_000 })
    expect(floor.position(2, callId)).toMatchObject({ sizeLots: 0, realisedMicros: 100_000 })
    expect(await rows(futureId)).toMatchObject([
      { state: 'settled', priceTicks: 220, attempt: 1, inputs: { rule: 'mean-of-fixings', fixings_count: 4 } },
    ])
    expect(await rows(callId)).toMatchObject([
      { state: 'settled', priceTicks: 20, inputs: { rule: 'option-on-future', underlying_price: '2.2' } },
    ])
    expect(floor.bus.announced.map(({ detail }) => [detail['instrument_name'], detail['price']]).sort()).toEqual([
      ['I-4NOV26', '2.2'],
      ['I-4NOV26-2-C', '0.2'],
    ])

    const commands = floor.streams.put.length
    await floor.sweep()
    await floor.sweep()
    expect([floor.started().length, floor.streams.put.length]).toEqual([2, commands])
  })

  test('every step run twice, and the whole again, pays nobody twice', async () => {
    await floor.index('I', dayMillis, startMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await fixDaily('2', '2.1', '2.2', '2.5')
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    floor.interfere(async (_, run) => {
      await run()
      await floor.project()
      return run()
    })
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    const step = JSON.parse(floor.started()[0]?.input ?? '{}')
    for (const name of [
      'collect-inputs',
      'compute-settlement',
      'post-settlement',
      'confirm-settlement',
      'announce-settlement',
    ])
      await floor.handlerOf(name)(step, lambdaContext)
    await floor.project()
    expect(gains()).toEqual([100_000, -100_000, 0])
    expect(floor.events().filter(({ type }) => type === 'instrument-settled')).toHaveLength(1)
    expect(total()).toBe(3 * cashAtFirst)
  })

  test('a price that is stored is never computed again, whatever is fixed later', async () => {
    await floor.index('I', dayMillis, startMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await fixDaily('2', '2.1', '2.2')
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    let isLate = true
    floor.interfere(name => {
      if (name !== 'post-settlement' || !isLate) return undefined
      isLate = false
      // Died after the price was stored; the fixing comes before the step is tried again.
      return floor.fix('I', endMillis, '9').then(() => ({
        ok: false,
        kind: 'Unhandled',
        error: { errorType: 'Error', errorMessage: 'as the test wants it' },
      }))
    })
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    // 6.3 / 3: the fourth did not come within fifteen minutes.
    expect(await rows(futureId)).toMatchObject([
      { state: 'settled', priceTicks: 210, inputs: { left_out: ['I@2026-11-04T00:00:00.000Z'] } },
    ])
  })

  test('a fixing that is late is waited for', async () => {
    await floor.index('I', dayMillis, startMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await fixDaily('2', '2.1', '2.2')
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    let polls = 0
    floor.interfere(name => {
      if (name === 'collect-inputs' && ++polls === 3) void floor.fix('I', endMillis, '2.5')
      return undefined
    })
    await floor.sweep()
    expect(await rows(futureId)).toMatchObject([{ state: 'settled', priceTicks: 220, inputs: { fixings_count: 4 } }])
    expect(polls).toBeLessThan(8)
  })

  test('without observations and without a mark it fails, says why, and is paid once a person has seen to it', async () => {
    await floor.index('I', dayMillis, endMillis + dayMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotSettled'])
    expect(await rows(futureId)).toMatchObject([
      { state: 'failed', failure: 'NoSettlementPrice: there are no observations and there is no mark' },
    ])
    await floor.sweep()
    expect(floor.ends()).toHaveLength(1)
    expect(gains()).toEqual([0, 0, 0])

    await floor.fix('I', at('11-02T00:00:00'), '2.3')
    const { restartSettlement } = await import('#lambdas/settlement/settlement-step.ts')
    const [failed] = await rows(futureId)
    if (failed === undefined) throw new Error('it failed')
    await restartSettlement(failed)
    await floor.settle()
    expect(floor.ends()).toEqual(['FAILED NotSettled', 'SUCCEEDED'])
    expect(await rows(futureId)).toMatchObject([{ state: 'settled', priceTicks: 230, attempt: 2 }])
    expect(gains()).toEqual([200_000, -200_000, 0])
  })

  test('the engine’s no is told; the next attempt goes out under another id, a lost answer under the same', async () => {
    await floor.index('I', dayMillis, startMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await fixDaily('2', '2.1', '2.2', '2.5')
    floor.at(endMillis + 1_000)
    // The row says that it has ended, the engine knows nothing of it yet.
    const { beginFinalSettlement } = await import('#lambdas/settlement/due-settlements.ts')
    const { getInstrumentById } = await import('#adapters/tables/instruments.ts')
    const market = await getInstrumentById(1, futureId)
    if (market === undefined) throw new Error('it is listed')
    await beginFinalSettlement({ ...market, lifecycle: 'expired' })
    await floor.settle()
    const [refused] = await rows(futureId)
    expect(refused).toMatchObject({ state: 'failed', failure: 'SettlementRejected: instrument-not-open' })
    await floor.expire(futureId)
    const { restartSettlement } = await import('#lambdas/settlement/settlement-step.ts')
    if (refused === undefined) throw new Error('it was begun')
    floor.streams.onPut(() => undefined)
    await restartSettlement(refused)
    await floor.settle(80)
    const [unanswered] = await rows(futureId)
    expect(unanswered).toMatchObject({ state: 'failed', failure: 'SettlementUnanswered: the engine has not answered' })
    expect(unanswered?.commandId).not.toBe(refused.commandId)
    if (unanswered === undefined) throw new Error('it was begun')
    await restartSettlement(unanswered)
    await floor.settle(2)
    expect((await rows(futureId))[0]?.commandId).toBe(unanswered.commandId)
  })

  test('settled before by somebody else is settled', async () => {
    await floor.index('I', dayMillis, startMillis)
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await fixDaily('2', '2.1', '2.2', '2.5')
    floor.at(endMillis + 1_000)
    await floor.expire(futureId)
    const { putCommands } = await import('#adapters/streams/orders.ts')
    await putCommands(1, [
      {
        type: 'settle-instrument',
        commandId: '01900000-0000-7aaa-8000-000000000001',
        instrumentId: futureId,
        settlementKind: 'final',
        number: 0,
        priceTicks: 220,
      },
    ])
    // Nobody has projected it yet.
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await rows(futureId)).toMatchObject([{ state: 'settled' }])
    expect(gains()).toEqual([100_000, -100_000, 0])
  })
})

describe('in order', () => {
  test('legs of a swap, then its end, after the clock has jumped over all of them', async () => {
    await floor.index('I', dayMillis, startMillis)
    const specification = contractSpecification(
      'swap',
      { first_month: '2026-11' },
      { instrumentName: 'I-NOV26-JAN27', expirationMillis: Date.UTC(2027, 1, 1) },
    )
    const swapId = await floor.list(specification)
    await floor.trade(swapId, 200, 10)
    for (const [month, level] of ['2.1', '2.2', '2.3'].entries())
      for (let day = 0; day < 28; day++) await floor.fix('I', Date.UTC(2026, 10 + month, 1 + day), level)
    floor.at(Date.UTC(2026, 11, 11))
    await floor.sweep()
    floor.at(Date.UTC(2027, 1, 5))
    await floor.expire(swapId)
    await floor.sweep()
    expect(floor.ends()).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED'])
    expect((await rows(swapId)).map(({ kind, number, priceTicks }) => [kind, number, priceTicks])).toEqual([
      ['leg', 2, 220],
      ['leg', 1, 210],
      ['final', 0, 230],
    ])
    const settled = floor.events().flatMap(event => (event.type === 'instrument-settled' ? [event.settlementKind] : []))
    expect(settled).toEqual(['leg', 'leg', 'final'])
    // 0.1 + 0.2 + 0.3, each on one unit.
    expect(gains()).toEqual([600_000, -600_000, 0])
  })

  test('a product pays when the day of a payment is over, then the rest', async () => {
    await floor.index('I', dayMillis, startMillis)
    const pay = (date: string, index: string) => ({
      op: 'pay',
      date,
      amount: {
        op: 'min',
        terms: [
          { op: 'constant', value: 5 },
          { op: 'observe', index, date },
        ],
      },
    })
    const productId = await floor.list(
      contractSpecification(
        'structured_product',
        { payoff: { op: 'all', flows: [pay('2026-11-01', 'I'), pay('2026-11-04', 'I')] } },
        { maxPrice: '10' },
      ),
    )
    await floor.trade(productId, 400, 10)
    await fixDaily('2')
    floor.at(at('11-01T23:00:00'))
    await floor.sweep()
    expect(await rows(productId)).toEqual([])
    floor.at(at('11-02T00:01:00'))
    await floor.sweep()
    await floor.sweep()
    expect(await rows(productId)).toMatchObject([
      { kind: 'distribution', number: 1, priceTicks: 200, state: 'settled' },
    ])
    await floor.fix('I', endMillis, '2.5')
    floor.at(endMillis + 1_000)
    await floor.expire(productId)
    await floor.sweep()
    expect(await rows(productId)).toMatchObject([
      { kind: 'final', priceTicks: 250, inputs: { distributed_ticks: 200 } },
      { kind: 'distribution', priceTicks: 200 },
    ])
    // 2 + 2.5 for what cost 4.
    expect(gains()).toEqual([500_000, -500_000, 0])
  })
})

describe('early ends', () => {
  test('an option that is knocked out is taken from trading and pays its rebate', async () => {
    await floor.index('I', 3_600_000, startMillis)
    await floor.list(future())
    const barrier = { direction: 'up-out', level: '2.5', rebate: '0.1' }
    const callId = await floor.list(call({ barrier }))
    await floor.trade(callId, 15, 20)
    await floor.fix('I', at('11-01T01:00:00'), '2.4')
    floor.at(at('11-01T01:01:00'))
    await floor.sweep()
    expect(floor.started()).toEqual([])
    await floor.fix('I', at('11-01T02:00:00'), '2.5')
    floor.at(at('11-01T02:01:00'))
    await floor.sweep()
    await floor.sweep()
    expect(await rows(callId)).toMatchObject([
      { state: 'settled', priceTicks: 10, inputs: { rule: 'rebate', knocked_by: { level: '2.5' } } },
    ])
    expect(gains()).toEqual([-100_000, 100_000, 0])
  })

  test('what an operator takes from trading settles at its last mark', async () => {
    const futureId = await floor.list(future())
    await floor.trade(futureId, 210, 10)
    await floor.mark(futureId, 205)
    await floor.delist(futureId)
    await floor.sweep()
    expect(await rows(futureId)).toMatchObject([
      { state: 'settled', priceTicks: 205, inputs: { rule: 'last-mark', is_delisted: true } },
    ])
    expect(gains()).toEqual([-50_000, 50_000, 0])
  })
})

describe('daily variation', () => {
  const day = startMillis / dayMillis

  test('pays the difference to the mark once a day, to those that have a mark and are held', async () => {
    const [futureId, otherId] = [
      await floor.list(future()),
      await floor.list({ ...future(), instrumentName: 'J-4NOV26', underlying: 'J' }),
    ]
    await floor.trade(futureId, 210, 10)
    await floor.mark(futureId, 215)
    await floor.mark(otherId, 300)
    floor.at(at('11-01T08:00:30'))
    await floor.sweep()
    expect(await rows(futureId)).toMatchObject([{ kind: 'variation', number: day, state: 'posted', priceTicks: 215 }])
    await floor.mark(futureId, 230)
    await floor.sweep()
    await floor.sweep()
    expect(await rows(futureId)).toMatchObject([{ state: 'settled', priceTicks: 215 }])
    expect(await rows(otherId)).toEqual([])
    expect(gains()).toEqual([50_000, -50_000, 0])
    const commands = floor.streams.put.length
    floor.at(at('11-02T07:59:00'))
    await floor.sweep()
    expect(floor.streams.put).toHaveLength(commands)
    // Two days were missed: the next one pays the sum.
    floor.at(at('11-03T09:00:00'))
    await floor.sweep()
    await floor.sweep()
    expect((await rows(futureId)).map(({ number, state }) => [number, state])).toEqual([
      [day + 2, 'settled'],
      [day, 'settled'],
    ])
    expect(gains()).toEqual([200_000, -200_000, 0])
    expect(total()).toBe(3 * cashAtFirst)
  })
})

import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { getBalance } from '#adapters/tables/balances.ts'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { busEvents } from '#protocol/events.ts'
import { type Bidder, openDayAheadFloor } from '#test/support/day-ahead-floor.ts'
import { lambdaContext } from '#test/support/http-requests.ts'

/** The workflow's own document over its own steps, real tables and the real engine. */

const startMillis = Date.parse('2026-11-23T13:00:00Z')
const date = '2026-11-25'
/** The gate of the date, twelve hours before it. */
const closesMillis = Date.parse('2026-11-24T12:00:00Z')
const minute = 60_000
const floor = await openDayAheadFloor(startMillis)
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.tables.stop())

const curve = (price: string, amount: string, hour = 18, market = 'H100.USE') => ({
  market,
  hour,
  steps: [{ price, amount }],
})
const body = (...curves: readonly object[]) => ({ delivery_date: date, curves })
/** Opened by the schedule, and by the engine's word. */
const open = async () => {
  await floor.sweep()
  await floor.project()
  await floor.sweep()
}
const close = async () => {
  floor.at(Math.max(floor.now(), closesMillis))
  await floor.sweep()
}
const state = async () => (await getAuction(1, date))?.state
const held = () => Promise.all([1, 2, 3, 4].map(async each => (await getBalance(each, 'USD'))?.heldMicros))
const bidState = async (account: Bidder, bidId: string) =>
  (await floor.ask(account, 'get-bid', { path: { bid_id: bidId } })).body['bid_state']

describe('an auction', () => {
  test('from bids to prices, awards and positions; once', async () => {
    await open()
    expect(await state()).toBe('open')
    await floor.bid('alice', 'bid', body(curve('3', '10'), curve('3', '4', 19)))
    await floor.bid('bob', 'offer', body(curve('2', '6'), curve('3.5', '4', 19)))
    await floor.bid('carol', 'offer', body(curve('2.5', '6')))
    expect(await held()).toEqual([42_042_000, 48_012_000 + 26_014_000, 45_015_000, 0])

    const before = await floor.ask('alice', 'get-day-ahead-prices', { path: { delivery_date: date } })
    expect([before.status, before.body['code'], before.body['detail']]).toEqual([
      404,
      'not-cleared',
      'Its gate closes at 2026-11-24T12:00:00.000Z; prices follow within minutes.',
    ])

    await close()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(floor.started().map(({ name }) => name)).toEqual(['2026-11-25-lane-1-1'])
    expect(await state()).toBe('done')

    const prices = await floor.ask('dave', 'get-day-ahead-prices', { path: { delivery_date: date } })
    expect(prices.status).toBe(200)
    expect(prices.body['prices']).toContainEqual({
      market: 'H100.USE',
      hour: 18,
      price: '2.5',
      bought: '10',
      sold: '10',
      instrument_name: 'H100.USE-25NOV26-H18',
    })
    expect(prices.body['certificates']).toMatchObject([
      { markets: ['H100.EUW', 'H100.USE'], welfare: '8', gap_ppm: 0, is_limit_hit: false, step_orders: 5 },
    ])
    const awards = await floor.ask('alice', 'get-day-ahead-awards', { path: { delivery_date: date } })
    expect(awards.body).toMatchObject({
      auction_state: 'done',
      positions: [
        { instrument_name: 'H100.USE-25NOV26-H18', direction: 'buy', amount: '10', price: '2.5', market: 'H100.USE' },
      ],
      bids: [{ name: 'first', hour: 18, amount: '10', direction: 'buy' }],
    })
    const nothing = await floor.ask('dave', 'get-day-ahead-awards', { path: { delivery_date: date } })
    expect(nothing.body).toMatchObject({ positions: [], bids: [], blocks: [] })

    // Holds are free, positions sum to zero, and each side has paid the commission.
    expect(await held()).toEqual([0, 0, 0, 0])
    const positions = await Promise.all([1, 2, 3].map(each => listPositions(each, { limit: 10 })))
    expect(positions.map(({ rows }) => rows.map(({ instrumentName, sizeLots }) => [instrumentName, sizeLots]))).toEqual(
      [[['H100.USE-25NOV26-H18', 10]], [['H100.USE-25NOV26-H18', -6]], [['H100.USE-25NOV26-H18', -4]]],
    )
    expect(floor.cash().map(cashMicros => 1_000_000_000 - cashMicros)).toEqual([25_000, 15_000, 10_000, 0])

    expect(floor.bus.announced.map(({ name, detail }) => [name, detail['market']])).toEqual([
      ['DayAheadCleared.v1', 'H100.EUW'],
      ['DayAheadCleared.v1', 'H100.USE'],
    ])
    for (const { detail } of floor.bus.announced) expect(busEvents['DayAheadCleared.v1'].parse(detail)).toEqual(detail)

    const [commands, calls] = [floor.streams.put.length, floor.called().length]
    floor.at(floor.now() + 30 * minute)
    await floor.sweep()
    const gates = floor.streams.put.slice(commands).filter(({ command }) => command.type !== 'set-gate')
    expect([gates, floor.called().length]).toEqual([[], calls])
  })

  test('every step run twice, and the whole again, books nothing twice', async () => {
    await open()
    await floor.bid('alice', 'bid', body(curve('3', '10')))
    await floor.bid('bob', 'offer', body(curve('2', '10')))
    floor.interfere(async (_, run) => {
      await run()
      await floor.project()
      return run()
    })
    await close()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    const step = JSON.parse(floor.started()[0]?.input ?? '{}')
    for (const name of ['close-gate', 'collect-bids', 'clear-day', 'list-hours', 'award-lots', 'release-bids'])
      await floor.handlerOf(name)(step, lambdaContext)
    await floor.handlerOf('announce-clearing')(step, lambdaContext)
    await floor.project()
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toHaveLength(1)
    expect(floor.events().filter(({ type }) => type === 'instrument-listed')).toHaveLength(1)
    const told = new Set(floor.bus.announced.map(({ detail }) => detail['event_id']))
    expect([...told].sort()).toEqual(['1:2026-11-25:H100.EUW', '1:2026-11-25:H100.USE'])
  })

  test('the same whatever the order in which bids arrived', async () => {
    const bids: readonly (readonly [Bidder, 'bid' | 'offer', object])[] = [
      ['alice', 'bid', body(curve('3', '7'), curve('2.9', '3', 19))],
      ['dave', 'bid', body(curve('2.5', '7'))],
      ['bob', 'offer', body(curve('2.5', '5'), curve('2', '9', 19))],
      [
        'carol',
        'offer',
        {
          delivery_date: date,
          curves: [curve('2.5', '5')],
          blocks: [
            {
              block: 'both',
              market: 'H100.USE',
              price: '2.2',
              hours: [
                { hour: 18, amount: '2' },
                { hour: 19, amount: '2' },
              ],
            },
          ],
        },
      ],
    ]
    const outcomes: unknown[] = []
    for (const order of [bids, bids.toReversed()]) {
      await floor.end()
      await floor.reset()
      await open()
      for (const [account, side, asked] of order) await floor.bid(account, side, asked)
      await close()
      expect(floor.ends()).toEqual(['SUCCEEDED'])
      const { body: prices } = await floor.ask('alice', 'get-day-ahead-prices', { path: { delivery_date: date } })
      const awarded = floor.events().filter(({ type }) => type === 'lots-awarded')
      outcomes.push([prices['prices'], prices['certificates'], awarded])
    }
    expect(outcomes[0]).toEqual(outcomes[1])
  })

  test('without a bid has no prices to speak of, and ends', async () => {
    await open()
    await close()
    expect([floor.ends(), await state()]).toEqual([['SUCCEEDED'], 'done'])
    expect(floor.events().filter(({ type }) => type === 'instrument-listed')).toEqual([])
  })
})

describe('bids', () => {
  test('are replaced and withdrawn before the gate, and only what is left takes part', async () => {
    await open()
    const first = await floor.bid('alice', 'bid', body(curve('3', '10')), 'a')
    const second = await floor.bid('alice', 'bid', { ...body(curve('3', '2')), replaces: first }, 'b')
    const third = await floor.bid('alice', 'bid', body(curve('9', '50')), 'c')
    expect((await held())[0]).toBe(6_006_000 + 450_450_000)
    await floor.ask('alice', 'withdraw-bid', { path: { bid_id: third } })
    expect((await held())[0]).toBe(6_006_000)
    expect(await Promise.all([first, second, third].map(id => bidState('alice', id)))).toEqual([
      'replaced',
      'accepted',
      'withdrawn',
    ])
    const again = await floor.ask('alice', 'withdraw-bid', { path: { bid_id: third } })
    expect([again.status, again.body['bid_state']]).toEqual([200, 'withdrawn'])
    const gone = await floor.ask('alice', 'withdraw-bid', { path: { bid_id: first } })
    expect([gone.status, gone.body['code']]).toEqual([409, 'bid-not-open'])
    await floor.bid('bob', 'offer', body(curve('1', '100')))
    await close()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toMatchObject([{ lots: 2 }])
    expect(await held()).toEqual([0, 0, 0, 0])
    // What became of each outlasts the engine's answers.
    const kept = (await floor.tables.items('dayAheadBids')).map(({ bid_id, bid_state }) => [bid_id, bid_state])
    expect(kept).toHaveLength(4)
    expect(kept).toEqual(
      expect.arrayContaining([
        [first, 'replaced'],
        [second, 'accepted'],
        [third, 'withdrawn'],
      ]),
    )
  })

  test('one that the engine refuses takes no part, and says why', async () => {
    await open()
    const id = await floor.bid('alice', 'bid', body(curve('10', '1000000')))
    expect(await bidState('alice', id)).toBe('rejected')
    const { body: told } = await floor.ask('alice', 'get-bid', { path: { bid_id: id } })
    expect(told['reject_reason']).toBe('insufficient-funds')
    await close()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toEqual([])
  })

  test('one whose command was lost is asked again once the gate is closed, and refused then', async () => {
    await open()
    await floor.bid('bob', 'offer', body(curve('2', '10')))
    floor.distort(() => undefined)
    const lost = await floor.bid('alice', 'bid', body(curve('3', '10')))
    floor.distort(command => command)
    expect(await bidState('alice', lost)).toBe('pending')
    await close()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    const { body: told } = await floor.ask('alice', 'get-bid', { path: { bid_id: lost } })
    expect([told['bid_state'], told['reject_reason']]).toEqual(['rejected', 'gate-closed'])
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toEqual([])
  })

  test('past the gate, by the engine’s word, are refused with nothing stored', async () => {
    await open()
    await close()
    const late = await floor.ask('alice', 'submit-bid', { body: body(curve('3', '10')) }, 'late')
    expect([late.status, late.body['code']]).toEqual([409, 'gate-closed'])
    const own = await floor.ask('alice', 'list-bids', { query: { delivery_date: date } })
    expect(own.body['data']).toEqual([])
  })
})

describe('gates', () => {
  test('an operator closes one early, and it stays so', async () => {
    await open()
    await floor.bid('alice', 'bid', body(curve('3', '10')))
    await floor.bid('bob', 'offer', body(curve('2', '10')))
    const closing = await floor.setGate(date, 'closed')
    expect([closing.status, closing.body['auction_state']]).toEqual([202, 'closing'])
    await floor.settle()
    expect([floor.ends(), await state()]).toEqual([['SUCCEEDED'], 'done'])
    const reopened = await floor.setGate(date, 'open')
    expect([reopened.status, reopened.body['code']]).toEqual([409, 'gate-closed'])
  })

  test('an operator opens one early', async () => {
    const opening = await floor.setGate('2026-12-24', 'open')
    expect([opening.status, opening.body['auction_state']]).toEqual([202, 'opening'])
    await floor.project()
    await floor.bid('alice', 'bid', { ...body(curve('3', '10')), delivery_date: '2026-12-24' })
    expect((await held())[0]).toBe(30_030_000)
  })

  test('one that closes too late for delivery is cancelled, and all holds are free', async () => {
    await open()
    const id = await floor.bid('alice', 'bid', body(curve('3', '10')))
    floor.at(Date.parse(`${date}T00:00:00Z`))
    await floor.sweep()
    expect([floor.ends(), await state(), (await held())[0]]).toEqual([['SUCCEEDED'], 'cancelled', 0])
    expect(await bidState('alice', id)).toBe('accepted')
    const prices = await floor.ask('dave', 'get-day-ahead-prices', { path: { delivery_date: date } })
    expect(prices.body['detail']).toContain('It was cancelled')
  })

  test('a market that is set while a gate is open is in later auctions only', async () => {
    await open()
    expect((await floor.setMarket('H100.USE', { max_price: '5' })).status).toBe(200)
    await floor.bid('alice', 'bid', body(curve('9', '1')))
    floor.at(startMillis + 86_400_000)
    await open()
    const later = { ...body(curve('9', '1')), delivery_date: '2026-11-27' }
    const refused = await floor.ask('alice', 'submit-bid', { body: later }, 'later')
    expect([refused.status, refused.body['code']]).toEqual([422, 'price-out-of-range'])
  })
})

describe('failures', () => {
  test.each(['clear-day', 'list-hours', 'award-lots', 'release-bids', 'announce-clearing'])(
    'where %s fails, the attempt ends, and another one goes on from there',
    async broken => {
      await open()
      await floor.bid('alice', 'bid', body(curve('3', '10')))
      await floor.bid('bob', 'offer', body(curve('2', '10')))
      let isBroken = true
      floor.interfere(name =>
        name === broken && isBroken
          ? Promise.resolve({
              ok: false,
              kind: 'Unhandled',
              error: { errorType: 'Error', errorMessage: 'as the test wants' },
            })
          : undefined,
      )
      await close()
      expect(floor.ends()).toEqual(['FAILED NotBooked'])
      expect(await state()).toBe('failed')
      await floor.sweep()
      expect(floor.started()).toHaveLength(1)
      isBroken = false
      floor.at(floor.now() + 16 * minute)
      await floor.sweep()
      expect(floor.ends()).toEqual(['FAILED NotBooked', 'SUCCEEDED'])
      expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toHaveLength(1)
      expect([await state(), await held()]).toEqual(['done', [0, 0, 0, 0]])
    },
  )

  test('awards that the engine refused are asked for again under other ids by the next attempt', async () => {
    await open()
    await floor.bid('alice', 'bid', body(curve('3', '10'), curve('3', '10', 19)))
    await floor.bid('bob', 'offer', body(curve('2', '10'), curve('2', '10', 19)))
    // Of two awards the first is refused.
    let refusals = 0
    floor.distort(command => {
      if (command.type !== 'award-lots' || refusals > 0) return command
      refusals += 1
      return { ...command, lots: 0 }
    })
    await close()
    expect(floor.ends()).toEqual(['FAILED NotBooked'])
    expect((await getAuction(1, date))?.failure).toContain('amount-out-of-range')
    floor.at(floor.now() + 16 * minute)
    await floor.sweep()
    expect(floor.ends()).toEqual(['FAILED NotBooked', 'SUCCEEDED'])
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toHaveLength(2)
    expect(await held()).toEqual([0, 0, 0, 0])
  })

  test('what an attempt has booked before its hour was over is not void by the next one', async () => {
    await open()
    await floor.bid('alice', 'bid', body(curve('3', '10'), curve('3', '10', 22)))
    await floor.bid('bob', 'offer', body(curve('2', '10'), curve('2', '10', 22)))
    let awarded = 0
    floor.distort(command => {
      if (command.type !== 'award-lots') return command
      awarded += 1
      return awarded === 2 ? { ...command, lots: 0 } : command
    })
    await close()
    expect(floor.ends()).toEqual(['FAILED NotBooked'])
    floor.at(Date.parse(`${date}T18:30:00Z`))
    await floor.sweep()
    expect([floor.ends().at(-1), await state(), await held()]).toEqual(['SUCCEEDED', 'done', [0, 0, 0, 0]])
    const { body: told } = await floor.ask('alice', 'get-day-ahead-awards', { path: { delivery_date: date } })
    expect(told['positions']).toMatchObject([{ hour: 18 }, { hour: 22 }])
    expect(told['void_instruments']).toEqual([])
  })

  test('a future of another make under the name of an hour fails it until the hour is over; then its awards are void, the rest is booked, and nothing is held', async () => {
    await open()
    const id = await floor.bid('alice', 'bid', body(curve('3', '10'), curve('3', '10', 22)))
    await floor.bid('bob', 'offer', body(curve('2', '10'), curve('2', '10', 22)))
    floor.distort(command =>
      command.type === 'list-instrument' && command.specification.instrumentName.endsWith('-H18')
        ? { ...command, specification: { ...command.specification, maxPrice: '11' } }
        : command,
    )
    const awards = async () =>
      (await floor.ask('alice', 'get-day-ahead-awards', { path: { delivery_date: date } })).body
    await close()
    expect(floor.ends()).toEqual(['FAILED NotBooked'])
    expect((await getAuction(1, date))?.failure).toContain('is listed with other terms')
    expect(await awards()).toMatchObject({ auction_state: 'failed', positions: [], void_instruments: [] })
    expect((await floor.ask('alice', 'get-bid', { path: { bid_id: id } })).body['held']).not.toBe('0')
    floor.at(Date.parse(`${date}T18:30:00Z`))
    await floor.sweep()
    expect([floor.ends().at(-1), await state(), await held()]).toEqual(['SUCCEEDED', 'done', [0, 0, 0, 0]])
    expect(floor.events().filter(({ type }) => type === 'lots-awarded')).toHaveLength(1)
    const told = await awards()
    expect(told['positions']).toMatchObject([{ hour: 22 }])
    expect(told['void_instruments']).toEqual([expect.stringMatching(/-H18$/)])
    expect((await floor.ask('alice', 'get-bid', { path: { bid_id: id } })).body).toMatchObject({
      bid_state: 'accepted',
      held: '0',
    })
  })
})

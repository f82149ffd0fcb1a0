import { beforeEach, expect, test } from '@jest/globals'
import { noControls } from '#domain/trading/market-controls.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { marketDataOn } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)
const get = (name: string, given: object = {}) => send('get-market', { path: { instrument_name: name }, ...given })

beforeEach(() => {
  floor.reset()
})

test('is found in whichever lane it trades', async () => {
  floor.instrument(2, { instrumentName: 'VCPU.EUW-31DEC46' })
  expect(await get(instrumentName)).toMatchObject({ status: 200, body: { instrument_name: instrumentName, lane: 1 } })
  expect(await get('VCPU.EUW-31DEC46')).toMatchObject({ status: 200, body: { lane: 2 } })
})

test('just listed is found at once, whatever the cache says', async () => {
  expect(await get('VCPU.EUW-31DEC46')).toMatchObject({ status: 404 })
  floor.instrument(1, { instrumentName: 'VCPU.EUW-31DEC46' })
  expect(await get('VCPU.EUW-31DEC46')).toMatchObject({ status: 200 })
})

test('that nobody listed is not found; what is no name is refused', async () => {
  expect(await get('NO.SUCH-27NOV46')).toMatchObject({ status: 404, body: { code: 'not-found' } })
  expect(await get('no such')).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/path/instrument_name' }] } })
})

test('is for whoever has a role', async () => {
  expect(await get(instrumentName, { as: { role: 'auditor' } })).toMatchObject({ status: 200 })
  expect(await get(instrumentName, { as: null })).toMatchObject({ status: 401 })
})

test('tells its trading state, mark price and controls; just listed it is continuous', async () => {
  const nothing = {
    price_band: null,
    velocity: null,
    velocity_interval_ms: null,
    halt_ms: null,
    auction_ms: null,
  }
  expect((await get(instrumentName)).body).toMatchObject({
    trading_state: 'continuous',
    trading_state_until: null,
    mark_price: null,
    controls: nothing,
  })
  marketDataOn(floor).book({ state: 'auction', markTicks: 52, controls: { ...noControls, bandPpm: 50_000 } })
  expect((await get(instrumentName)).body).toMatchObject({
    trading_state: 'auction',
    mark_price: '2.6',
    controls: { ...nothing, price_band: '0.05' },
  })
})

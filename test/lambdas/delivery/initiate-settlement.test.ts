import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { getSettlement, replaceSettlement } from '#adapters/tables/settlements.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import { openDeliveryFloor } from '#test/support/delivery-floor.ts'

const start = Date.parse('2030-11-25T10:00:00Z')
let floor: Awaited<ReturnType<typeof openDeliveryFloor>>

beforeAll(async () => {
  floor = await openDeliveryFloor(start)
}, 60_000)
beforeEach(() => floor.reset(), 30_000)
afterEach(() => floor.end())

const initiate = (instrument_name = 'H100.USE-PHYS', role: 'market_operator' | 'trader' = 'market_operator') =>
  floor.send('initiate-settlement', { as: { account: 'operator', role }, body: { instrument_name } })

describe('the settlement of a future that is delivered', () => {
  test('is begun once it has expired, and obligates once however often it is asked', async () => {
    const instrumentId = await floor.list()
    floor.trade(instrumentId, 210, 4)
    expect(await initiate()).toMatchObject({ status: 409, body: { code: 'instrument-not-expired' } })
    await floor.expire(instrumentId)
    expect(await initiate()).toMatchObject({ status: 202, body: { settlement_state: 'posted', price: '2' } })
    await floor.project()
    expect((await initiate()).body).toMatchObject({ settlement_state: 'settled', inputs: { rule: 'mean-of-fixings' } })
    expect((await initiate()).body).toMatchObject({ settlement_state: 'settled' })
    await floor.sweep()
    expect(floor.streams.put.map(({ command }) => command.type)).toEqual(['obligate-deliveries'])
    expect(await floor.deliveries('bob')).toMatchObject([{ side: 'seller', amount: '4', price: '2', invoice: '8' }])
    await floor.settle()
  }, 60_000)

  test('that the sweep takes further at the same moment is done once, and neither fails', async () => {
    const instrumentId = await floor.list()
    floor.trade(instrumentId, 210, 4)
    await floor.expire(instrumentId)
    const asked = await Promise.all([initiate(), floor.sweepOnly(), initiate(), floor.sweepOnly(), initiate()])
    for (const answer of asked) if (answer !== undefined) expect(answer.status).toBe(202)
    await floor.project()
    expect((await initiate()).body).toMatchObject({ settlement_state: 'settled', price: '2' })
    const commands = floor.streams.put.map(({ command }) => command)
    expect(new Set(commands.map(command => ('commandId' in command ? command.commandId : ''))).size).toBe(1)
    expect(await floor.deliveries('bob')).toHaveLength(1)
    await floor.settle()
  }, 60_000)

  test('waits for its fixings, and takes the first price that is stored', async () => {
    const instrumentId = await floor.list()
    floor.trade(instrumentId, 210, 4)
    floor.at(start + 3_600_000)
    await floor.expireOnly(instrumentId)
    expect((await initiate()).body).toMatchObject({ settlement_state: 'collecting', price: null })
    await floor.fix('3')
    floor.at(floor.now() + 16 * 60_000)
    expect((await initiate()).body).toMatchObject({ settlement_state: 'posted', price: '3' })
  }, 60_000)

  test('is tried again after it failed, at the price that was computed', async () => {
    const instrumentId = await floor.list()
    floor.trade(instrumentId, 210, 4)
    await floor.expire(instrumentId)
    await initiate()
    await floor.project()
    const row = await getSettlement(1, instrumentId, finalSettlement)
    if (row === undefined) throw new Error('it was begun')
    await replaceSettlement({ ...row, state: 'failed', failure: 'as the test wants it' }, row)
    // The engine has settled it under the first command, which is what was wanted.
    await initiate()
    await floor.project()
    expect((await initiate()).body).toMatchObject({ settlement_state: 'settled', price: '2', attempt: 2 })
    await floor.settle()
  }, 60_000)

  test('is for an operator, and of what is delivered', async () => {
    await floor.list()
    expect((await initiate('H100.USE-NONE')).body['code']).toBe('unknown-instrument')
    expect((await initiate('H100.USE-PHYS', 'trader')).status).toBe(403)
  }, 60_000)
})

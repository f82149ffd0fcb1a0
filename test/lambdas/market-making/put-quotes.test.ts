import { beforeEach, describe, expect, test } from '@jest/globals'
import { quoteEnd, quoteRejection } from '#adapters/tables/quote-outcomes.ts'
import type { Write } from '#adapters/writes.ts'
import { nameHash } from '#protocol/name-hash.ts'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { instrumentName } from '#test/support/trading-floor.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)
const as = { role: 'market_maker' } as const

beforeEach(() => floor.reset())

const side = (price: string, amount = '2') => ({ price, amount })
const quote = { instrument_name: instrumentName, bid: side('2.5'), ask: side('2.6') }
const put = (quotes: readonly object[], headers: Readonly<Record<string, string>> = {}) =>
  send('put-quotes', { as, body: { group: 'futures', quotes }, headers })

describe('a mass quote', () => {
  test('is one command, in ticks and lots; a side that is left out is none', async () => {
    floor.instrument(1, { instrumentName: 'A100.USE-27NOV46' })
    const answer = await put([quote, { instrument_name: 'A100.USE-27NOV46', ask: side('5') }])
    expect(answer).toMatchObject({ status: 202, body: { quote_state: 'pending', accepted_sides: null } })
    expect(answer.headers['location']).toBe(`/api/v1/market-making/quotes/${answer.body['command_id']}`)
    expect(floor.put()).toEqual([
      {
        type: 'quote',
        commandId: answer.body['command_id'],
        accountId: 7,
        groupHash: nameHash('futures'),
        groupName: 'futures',
        quotes: [
          { instrumentId: 1, specificationVersion: 1, bidTicks: 50, bidLots: 20, askTicks: 52, askLots: 20 },
          { instrumentId: 2, specificationVersion: 1, bidTicks: 0, bidLots: 0, askTicks: 100, askLots: 20 },
        ],
      },
    ])
    expect(nameHash('futures')).toMatch(/^[0-9a-f]{16}$/)
  })

  test('is answered side by side for whoever waits, or refused as a whole', async () => {
    const seed = (write: Write) => {
      if (write.kind !== 'update') throw new Error('an outcome is put together')
      const [before] = floor.tables.items('quoteOutcomes')
      floor.tables.seed('quoteOutcomes', { ...before, ...write.key, ...write.set })
    }
    floor.streams.onPut(command => {
      if (command.type !== 'quote') return
      seed(quoteRejection(command.commandId, { instrumentId: 1, direction: 'sell', code: 'insufficient-funds' }, 5))
      seed(quoteEnd(command.commandId, { acceptedSides: 1 }, 5))
    })
    expect(await put([quote], { prefer: 'wait=2' })).toMatchObject({
      status: 200,
      body: {
        quote_state: 'quoted',
        accepted_sides: 1,
        rejected_sides: [{ instrument_name: instrumentName, direction: 'sell', code: 'insufficient-funds' }],
      },
    })
    floor.reset()
    floor.streams.onPut(command => {
      if (command.type === 'quote') seed(quoteEnd(command.commandId, { acceptedSides: 0, code: 'kill-switch-on' }, 5))
    })
    expect(await put([quote], { prefer: 'wait=2' })).toMatchObject({ status: 403, body: { code: 'kill-switch-on' } })
  })

  test('under the same name is put again unchanged, and another one is a conflict', async () => {
    const named = { 'idempotency-key': 'q1' }
    const first = await put([quote], named)
    expect((await put([quote], named)).body).toEqual(first.body)
    expect(floor.put()[1]).toEqual(floor.put()[0])
    expect(await put([{ ...quote, bid: side('2.4') }], named)).toMatchObject({
      status: 409,
      body: { code: 'idempotency-conflict' },
    })
    expect(floor.put()).toHaveLength(2)
  })
})

describe('nothing is put', () => {
  test.each([
    ['a price off the tick', { ...quote, bid: side('2.52') }, 'price-off-tick', '#/quotes/0/bid/price'],
    ['an amount off the lot', { ...quote, ask: side('2.6', '0.25') }, 'amount-off-lot', '#/quotes/0/ask/amount'],
    ['a price beyond the highest', { ...quote, ask: side('101') }, 'price-out-of-range', '#/quotes/0/ask/price'],
    ['sides that cross', { ...quote, bid: side('2.6') }, 'invalid-request', '#/quotes/0/ask/price'],
    [
      'an instrument of no lane',
      { ...quote, instrument_name: 'X-Y' },
      'unknown-instrument',
      '#/quotes/0/instrument_name',
    ],
  ])('for %s', async (_, each, code, pointer) => {
    expect(await put([each])).toMatchObject({ body: { code, errors: [{ pointer }] } })
    expect([floor.put(), floor.tables.items('commands')]).toEqual([[], []])
  })

  test('for an instrument of another lane, one twice, too many, or an account that is not open', async () => {
    floor.instrument(2, { instrumentName: 'A100.USE-27NOV46' })
    expect(await put([{ ...quote, instrument_name: 'A100.USE-27NOV46' }])).toMatchObject({
      body: { code: 'instrument-in-other-lane' },
    })
    expect(await put([quote, quote])).toMatchObject({ status: 400 })
    const many = Array.from({ length: 101 }, (_, index) => ({ ...quote, instrument_name: `X${index}-Y` }))
    expect(await put(many)).toMatchObject({ status: 400 })
    const body = { group: 'futures', quotes: [quote] }
    expect(await send('put-quotes', { as: { ...as, account: 'nobody' }, body })).toMatchObject({
      status: 403,
      body: { code: 'account-not-open' },
    })
    expect(floor.put()).toEqual([])
  })
})

import { describe, expect, test } from '@jest/globals'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { commission, openHall } from '#test/support/delivery-hall.ts'
import { usd } from '#test/support/tape.ts'

const gate = 'day-ahead/2026-11-28'
const other = 'day-ahead/2026-11-29'

describe('a gate', () => {
  test('opens, closes and stays closed; the state that it has already is told again', () => {
    const { enter, said } = openHall()
    const set = (gateName: string, state: 'open' | 'closed') => said(enter({ type: 'set-gate', gateName, state }))
    expect(set(gate, 'closed')).toBe('unknown-gate')
    expect(set(gate, 'open')).toBe('gate-set')
    expect(set(gate, 'open')).toBe('gate-set')
    expect(set(gate, 'closed')).toBe('gate-set')
    expect(set(gate, 'closed')).toBe('gate-set')
    expect(set(gate, 'open')).toBe('gate-closed')
    expect(set(other, 'closed')).toBe('unknown-gate')
  })
})

describe('a bid', () => {
  const open = () => {
    const hall = openHall()
    hall.enter({ type: 'set-gate', gateName: gate, state: 'open' })
    hall.enter({ type: 'set-gate', gateName: other, state: 'open' })
    const bid = (amountMicros: number, replacesHoldId = '', accountId = 1, gateName = gate) =>
      hall.enter({ type: 'hold-bid', accountId, gateName, amountMicros, replacesHoldId })
    const idOf = (events: ReturnType<typeof bid>): string => {
      const [event] = events
      return event?.type === 'bid-held' ? event.commandId : ''
    }
    const withdraw = (holdId: string, accountId = 1) => hall.enter({ type: 'withdraw-bid', accountId, holdId })
    const release = (holdId: string, accountId = 1) => hall.enter({ type: 'release-hold', accountId, holdId })
    return { ...hall, bid, idOf, withdraw, release }
  }

  test('holds cash of its account while the gate is open', () => {
    const { bid, said, enter, figuresOf, close } = open()
    expect(bid(300 * usd)).toMatchObject([{ amountMicros: 300 * usd, replacesHoldId: '', heldMicros: 300 * usd }])
    expect(bid(0)).toMatchObject([{ amountMicros: 0, heldMicros: 300 * usd }])
    expect(figuresOf(1)?.equityMicros).toBe(700 * usd)
    expect(said(bid(-1))).toBe('amount-out-of-range')
    expect(said(bid(701 * usd))).toBe('insufficient-funds')
    expect(said(bid(1, '', 9))).toBe('unknown-account')
    expect(said(bid(1, '', 1, 'day-ahead/never'))).toBe('unknown-gate')
    enter({ type: 'set-kill-switch', accountId: 1, scope: 'account', isOn: true, firm: '' })
    expect(said(bid(1))).toBe('kill-switch-on')
    close(gate)
    expect(said(bid(1, '', 2))).toBe('gate-closed')
    expect(said(bid(1, '', 2, other))).toBe('bid-held')
  })

  test('takes the place of another as a whole or not at all', () => {
    const { bid, idOf, said, snapshot } = open()
    const first = idOf(bid(900 * usd))
    // Both at once would be more than there is.
    const second = idOf(bid(1_000 * usd, first))
    expect(snapshot().margin?.holds).toEqual([[second, 1, 1_000 * usd]])
    const before = snapshot().margin
    expect(said(bid(1_001 * usd, second))).toBe('insufficient-funds')
    expect(said(bid(1, first))).toBe('unknown-hold')
    expect(said(bid(1, second, 2))).toBe('unknown-hold')
    expect(said(bid(1, second, 1, other))).toBe('unknown-hold')
    expect(snapshot().margin).toEqual(before)
    expect(bid(10 * usd, second)).toMatchObject([{ replacesHoldId: second, heldMicros: 10 * usd }])
  })

  test('that holds less than the one before is taken even of who has nothing left', () => {
    const { bid, idOf, said, enter } = open()
    const first = idOf(bid(900 * usd))
    enter({
      type: 'post-payment',
      accountId: 1,
      toAccountId: 2,
      amountMicros: 500 * usd,
      purpose: 'partner',
      reference: '',
    })
    expect(said(bid(901 * usd, first))).toBe('insufficient-funds')
    expect(bid(899 * usd, first)).toMatchObject([{ heldMicros: 899 * usd }])
  })

  test('is withdrawn before the gate by its account, and freed after it by the house', () => {
    const { bid, idOf, withdraw, release, said, close, enter } = open()
    const [one, two] = [idOf(bid(100 * usd)), idOf(bid(200 * usd))]
    expect(said(withdraw(one, 2))).toBe('unknown-hold')
    expect(said(release(one))).toBe('gate-open')
    const capture = () => enter({ type: 'capture-hold', accountId: 1, holdId: two, amountMicros: 1 })
    expect(said(capture())).toBe('unknown-hold')
    expect(withdraw(one)).toMatchObject([{ type: 'hold-released', releasedMicros: 100 * usd, heldMicros: 200 * usd }])
    expect(said(withdraw(one))).toBe('unknown-hold')
    close(gate)
    expect(said(withdraw(two))).toBe('gate-closed')
    expect(said(capture())).toBe('unknown-hold')
    expect(release(two)).toMatchObject([{ releasedMicros: 200 * usd, heldMicros: 0 }])
    expect(said(release(two))).toBe('unknown-hold')
  })

  test('a payment’s hold is none of a bid', () => {
    const { enter, withdraw, bid, said } = open()
    const [placed] = enter({ type: 'place-hold', accountId: 1, amountMicros: usd })
    const holdId = placed?.type === 'hold-placed' ? placed.commandId : ''
    expect(said(withdraw(holdId))).toBe('unknown-hold')
    expect(said(bid(1, holdId))).toBe('unknown-hold')
  })

  test('is one of a thousand holds at most', () => {
    const { bid, idOf, said } = open()
    const first = idOf(bid(1))
    for (let n = 1; n < 1_000; n += 1) bid(1)
    expect(said(bid(1))).toBe('hold-limit')
    expect(said(bid(2, first))).toBe('bid-held')
  })
})

describe('an award', () => {
  const open = (more: Partial<ContractSpecification> = {}) => {
    const hall = openHall({
      makerCommissionPpm: commission,
      takerCommissionPpm: 3 * commission,
      maxPrice: '100',
      ...more,
    })
    hall.enter({ type: 'set-gate', gateName: gate, state: 'open' })
    const award = (lots: number, priceTicks: number, buyAccountId = 1, sellAccountId = 2, instrumentId = 1) =>
      hall.enter({
        type: 'award-lots',
        gateName: gate,
        instrumentId,
        priceTicks,
        lots,
        buyAccountId,
        sellAccountId,
      })
    return { ...hall, award }
  }

  test('makes one long and the other short at the price; each pays the maker’s commission', () => {
    const { award, said, close, snapshot } = open()
    expect(said(award(5, 20))).toBe('gate-open')
    close(gate)
    const fee = 5 * 20 * usd * (commission / 1_000_000)
    expect(award(5, 20)).toEqual([
      expect.objectContaining({
        type: 'lots-awarded',
        houseFeesMicros: 2 * fee,
        buy: {
          accountId: 1,
          feeMicros: fee,
          position: { sizeLots: 5, entryTickLots: 100, realisedMicros: 0 },
          cashMicros: 1_000 * usd - fee,
        },
        sell: {
          accountId: 2,
          feeMicros: fee,
          position: { sizeLots: -5, entryTickLots: -100, realisedMicros: 0 },
          cashMicros: 1_000 * usd - fee,
        },
      }),
    ])
    // No trade of the market.
    expect(snapshot().books[0]).toMatchObject({ lastTicks: 0, recentPrices: [] })
    expect(snapshot().houseMicros).toBe(2 * fee)
  })

  test('closes what was held the other way', () => {
    const { award, close } = open()
    close(gate)
    award(5, 20)
    expect(award(2, 30, 2, 1)).toMatchObject([
      {
        buy: { accountId: 2, position: { sizeLots: -3, entryTickLots: -60, realisedMicros: -20 * usd } },
        sell: { accountId: 1, position: { sizeLots: 3, entryTickLots: 60, realisedMicros: 20 * usd } },
      },
    ])
  })

  test('to an account of its own lots leaves it with its fees paid, no more', () => {
    const { award, close } = open()
    close(gate)
    expect(award(5, 20, 1, 1)).toMatchObject([
      { buy: { position: { sizeLots: 5 } }, sell: { position: { sizeLots: 0, entryTickLots: 0, realisedMicros: 0 } } },
    ])
  })

  test('asks nobody’s margin, and calls who is short by it', () => {
    const { award, close } = open()
    close(gate)
    const told = award(100, 90, 1, 2)
    expect(told.map(({ type }) => type)).toEqual(['lots-awarded', 'margin-called', 'margin-called'])
  })

  test('whose bids still hold cash is called once the last of them is free', () => {
    const { award, close, enter } = open()
    const bid = () => enter({ type: 'hold-bid', accountId: 2, gateName: gate, amountMicros: usd, replacesHoldId: '' })
    const holds = [bid(), bid()].flatMap(told =>
      told.flatMap(each => (each.type === 'bid-held' ? [each.commandId] : [])),
    )
    close(gate)
    // 80 dollars a lot that may be lost.
    expect(award(13, 20, 1, 2).map(({ type }) => type)).toEqual(['lots-awarded'])
    const released = holds.map(holdId => enter({ type: 'release-hold', accountId: 2, holdId }).map(({ type }) => type))
    expect(released).toEqual([['hold-released'], ['hold-released', 'margin-called']])
  })

  test('is refused by name', () => {
    const { award, said, close, enter, expire, advance } = open()
    expect(said(enter({ ...awardOf, gateName: 'never' }))).toBe('unknown-gate')
    close(gate)
    expect(said(award(5, 20, 1, 9))).toBe('unknown-account')
    expect(said(award(5, 20, 1, 2, 9))).toBe('unknown-instrument')
    expect(said(award(0, 20))).toBe('amount-out-of-range')
    expect(said(award(5, -1))).toBe('price-out-of-range')
    expect(said(award(5, 101))).toBe('price-out-of-range')
    expect(said(award(2_147_483_647, 100))).toBe('exposure-too-large')
    expect(said(award(5, 0))).toBe('lots-awarded')
    enter({ type: 'set-trading-state', instrumentId: 1, state: 'halted', untilMillis: 0 })
    expect(said(award(5, 20))).toBe('lots-awarded')
    enter({ type: 'set-trading-state', instrumentId: 1, state: 'closed', untilMillis: 0 })
    expect(said(award(5, 20))).toBe('instrument-not-open')
    enter({ type: 'set-trading-state', instrumentId: 1, state: 'continuous', untilMillis: 0 })
    advance()
    expect(said(award(5, 20))).toBe('instrument-not-open')
    expire(1)
    expect(said(award(5, 20))).toBe('instrument-not-open')
  })
  const awardOf = {
    type: 'award-lots',
    gateName: gate,
    instrumentId: 1,
    priceTicks: 1,
    lots: 1,
    buyAccountId: 1,
    sellAccountId: 2,
  } as const
})

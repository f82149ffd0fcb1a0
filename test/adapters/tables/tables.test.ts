import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { accountNumberPut, accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { type AccountRow, getAccount, replaceAccount } from '#adapters/tables/accounts.ts'
import { getHolder, holderReplacement } from '#adapters/tables/api-key-holders.ts'
import {
  type ApiKeyRow,
  apiKeyPut,
  apiKeyRevocation,
  getApiKey,
  noteUse,
  rotateVerifier,
} from '#adapters/tables/api-keys.ts'
import { balanceChange, balancePut, getBalance, getBalances } from '#adapters/tables/balances.ts'
import { bookPut, getBook } from '#adapters/tables/books.ts'
import { candlePut, getCandle, listCandles } from '#adapters/tables/candles.ts'
import { type CommandRow, findByCommandId, findByRequestName, promise } from '#adapters/tables/commands.ts'
import {
  getInstrument,
  getInstrumentById,
  instrumentAdjustment,
  instrumentClosed,
  instrumentPut,
  instrumentSettled,
  instrumentsOf,
  listInstruments,
  readInstrument,
} from '#adapters/tables/instruments.ts'
import { isKilled, killSwitchPut } from '#adapters/tables/kill-switches.ts'
import { entryIdOf, type LedgerEntry, ledgerEntryPut, listLedgerEntries } from '#adapters/tables/ledger-entries.ts'
import { listMarketTrades, type MarketTradeRow, marketTradePut } from '#adapters/tables/market-trades.ts'
import { takeNonce } from '#adapters/tables/nonces.ts'
import { getOrder, listOrders, orderPut, orderUpdate } from '#adapters/tables/orders.ts'
import { getOutcome, outcomePut } from '#adapters/tables/outcomes.ts'
import { listOpenPositions, listPositions, positionPut } from '#adapters/tables/positions.ts'
import { type TakeFromBucket, takeFromBucket } from '#adapters/tables/rate-limits.ts'
import { listTrades, tradePut } from '#adapters/tables/trades.ts'
import { getWatermark, watermarkMove } from '#adapters/tables/watermarks.ts'
import { coalesce, store, transact, type Write } from '#adapters/writes.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { sideOf } from '#test/support/market-data.ts'
import { orderRow, positionRow, tradeRow } from '#test/support/rows.ts'
import { idOf, testSpecification } from '#test/support/tape.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

const write = async (...writes: readonly Write[]): Promise<void> => {
  expect(await transact(writes)).toBe(true)
}

describe('commands', () => {
  const row: CommandRow = {
    principal: 'acme',
    requestName: 'place-order#1',
    commandId: idOf('1'),
    operation: 'place-order',
    bodyHash: 'hash',
    lane: 1,
    accountId: 7,
    requestJson: '{}',
    createdAtMillis: 5,
    expiresAtSeconds: 6,
  }

  test('a name is given once, and the row that has it is told', async () => {
    expect(await promise(row)).toEqual({ first: true })
    expect(await promise({ ...row, commandId: idOf('2'), bodyHash: 'other' })).toEqual({ first: false, row })
    expect(await promise({ ...row, principal: 'other' })).toEqual({ first: true })
  })

  test('of many at once one is first', async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5].map(n => promise({ ...row, commandId: idOf(String(n)) })))
    expect(answers.filter(({ first }) => first)).toHaveLength(1)
  })

  test('is found by its name and by its id, by its principal only', async () => {
    const { accountId: _, ...nameless } = row
    await promise(nameless)
    expect(await findByRequestName('acme', 'place-order#1')).toEqual(nameless)
    expect(await findByCommandId('acme', row.commandId)).toEqual(nameless)
    expect(await findByCommandId('other', row.commandId)).toBeUndefined()
    expect(await findByRequestName('acme', 'place-order#2')).toBeUndefined()
  })
})

describe('market data', () => {
  test('a book comes back as it was, its bytes too, and an empty side', async () => {
    const row = {
      lane: 1,
      instrumentId: 7,
      market: { ...newMarket, bids: sideOf(false, [50, 1], [51, 5_000_000_000]), markTicks: 3 },
      updatedAtMillis: 5,
      outSeq: 6,
    }
    await write(bookPut(row))
    expect(await getBook(1, 7)).toEqual(row)
    expect(await getBook(2, 7)).toBeUndefined()
  })

  test('trades by time and number, newest first, of one market', async () => {
    const trade = (outSeq: number, atMillis: number, instrumentId = 7): MarketTradeRow => ({
      lane: 1,
      instrumentId,
      tradeId: `1-${outSeq}`,
      priceTicks: 51,
      quantityLots: 2,
      direction: 'sell',
      isAuction: true,
      atMillis,
      outSeq,
    })
    await write(...[trade(9, 5), trade(10, 5), trade(11, 40), trade(12, 40, 8)].map(marketTradePut))
    const numbers = async (options: Omit<Parameters<typeof listMarketTrades>[2], 'limit'>, limit = 10) =>
      (await listMarketTrades(1, 7, { limit, ...options })).rows.map(({ outSeq }) => outSeq)
    expect((await listMarketTrades(1, 7, { limit: 1 })).rows).toEqual([trade(11, 40)])
    expect(await numbers({})).toEqual([11, 10, 9])
    expect(await numbers({ after: { atMillis: 40, outSeq: 11 } }, 1)).toEqual([10])
    expect(await numbers({ after: { atMillis: 5, outSeq: 10 }, endMillis: 100 })).toEqual([9])
    expect(await numbers({ startMillis: 5, endMillis: 40 })).toEqual([10, 9])
    expect(await numbers({ startMillis: 6 })).toEqual([11])
    expect(await numbers({ startMillis: 50, endMillis: 40 })).toEqual([])
    expect(await numbers({ startMillis: -5, endMillis: 253_402_300_799_999 })).toEqual([11, 10, 9])
  })

  test('candles of one resolution by time, with sums of any size', async () => {
    const candle = (startMillis: number) => ({
      startMillis,
      openTicks: 1,
      highTicks: 4,
      lowTicks: 1,
      closeTicks: 2,
      volumeLots: 2n ** 70n,
      turnoverTickLots: 2n ** 90n,
      trades: 3,
    })
    const row = (startMillis: number, resolution: '1m' | '1h') =>
      candlePut({ lane: 1, instrumentId: 7, resolution, candle: candle(startMillis), outSeq: 9 })
    await write(row(60_000, '1m'), row(120_000, '1m'), row(0, '1h'))
    expect(await getCandle(1, 7, '1m', 60_000)).toEqual({ candle: candle(60_000), outSeq: 9 })
    expect(await getCandle(1, 7, '1m', 0)).toBeUndefined()
    const starts = async (options: { readonly startMillis?: number; readonly endMillis?: number }) =>
      (await listCandles(1, 7, '1m', { limit: 10, ...options })).rows.map(({ startMillis }) => startMillis)
    expect(await starts({})).toEqual([120_000, 60_000])
    expect(await starts({ startMillis: 60_000, endMillis: 120_000 })).toEqual([60_000])
    expect(await starts({ startMillis: 5, endMillis: 5 })).toEqual([])
  })
})

describe('API keys', () => {
  const key: ApiKeyRow = {
    keyId: 'a1',
    account: 'acme',
    role: 'trader',
    name: 'robot',
    keyType: 'secret',
    scopes: ['orders:read', 'orders:write'],
    allowedAddresses: [],
    version: 1,
    verifier: 'one',
    createdAtMillis: 1,
    expiresAtMillis: 1_800_000_000_000,
  }
  const held = (keyId: string) => ({ keyId, name: `name of ${keyId}`, expiresAtMillis: 2 })

  test('come back as they were; an id is given once', async () => {
    await write(apiKeyPut(key))
    expect(await getApiKey('a1')).toEqual(key)
    expect(await getApiKey('b2')).toBeUndefined()
    expect(await transact([apiKeyPut({ ...key, account: 'other' })])).toBe(false)
    expect((await tables.items('apiKeys'))[0]?.['expires_at']).toBe(1_800_000_000 + 366 * 86_400)
  })

  test('are rotated and noted only as they were read, and revoked once', async () => {
    await write(apiKeyPut(key))
    expect(await rotateVerifier(key, 'two', 9)).toBe(true)
    expect(await rotateVerifier(key, 'three', 9)).toBe(false)
    const rotated = { ...key, version: 2, verifier: 'two', previousVerifier: 'one', previousUntilMillis: 9 }
    expect(await getApiKey('a1')).toEqual(rotated)
    expect(await noteUse(rotated, 5)).toBe(true)
    expect(await noteUse(rotated, 6)).toBe(false)
    expect(await transact([apiKeyRevocation('a1', 7)])).toBe(true)
    expect(await transact([apiKeyRevocation('a1', 8)])).toBe(false)
    expect(await rotateVerifier(rotated, 'three', 9)).toBe(false)
    expect(await getApiKey('a1')).toEqual({ ...rotated, lastUsedAtMillis: 5, revokedAtMillis: 7 })
    // Nothing comes into being by being revoked or used.
    expect(await transact([apiKeyRevocation('none', 7)])).toBe(false)
    expect(await noteUse({ ...key, keyId: 'none' }, 7)).toBe(false)
  })

  test('are listed by their account’s row, which changes only from what was read, with the key’s row or not at all', async () => {
    const nobody = await getHolder('acme')
    expect(nobody).toEqual({ account: 'acme', revision: 0, keys: [] })
    await write(apiKeyPut(key), holderReplacement(nobody, [held('a1')]))
    expect(await getHolder('acme')).toEqual({ account: 'acme', revision: 1, keys: [held('a1')] })
    expect(await transact([apiKeyPut({ ...key, keyId: 'b2' }), holderReplacement(nobody, [held('b2')])])).toBe(false)
    expect(await getApiKey('b2')).toBeUndefined()
  })

  test('a nonce is taken once', async () => {
    expect(await Promise.all([1, 2, 3].map(() => takeNonce('n', 5))).then(all => all.filter(Boolean))).toHaveLength(1)
    expect(await takeNonce('m', 5)).toBe(true)
  })
})

describe('outcomes', () => {
  test('come back as they were, and go some day', async () => {
    const yes = { commandId: idOf('1'), accepted: true, atMillis: 1_800_000_000_000, eventId: '1:1:0' }
    const no = { ...yes, commandId: idOf('2'), accepted: false, code: 'order-closed' } as const
    await write(outcomePut(yes), outcomePut(no))
    expect(await getOutcome(yes.commandId)).toEqual(yes)
    expect(await getOutcome(no.commandId)).toEqual(no)
    expect(await getOutcome(idOf('3'))).toBeUndefined()
    expect((await tables.items('outcomes'))[0]).toMatchObject({ expires_at: 1_800_000_000 + 31 * 24 * 60 * 60 })
  })
})

describe('orders', () => {
  const filled = {
    accountId: 7,
    orderId: idOf('1'),
    orderState: 'filled',
    filledLots: 10,
    filledTickLots: 510,
    updatedAtMillis: 2,
    eventId: '1:2:0',
    outSeq: 2,
  } as const

  test('come back as they were, as the account’s own', async () => {
    const rejected = orderRow('2', { orderState: 'rejected', rejectReason: 'no-liquidity', clientOrderId: 'mine' })
    await write(orderPut(orderRow('1')), orderPut(rejected))
    expect(await getOrder(7, idOf('1'))).toEqual(orderRow('1'))
    expect(await getOrder(7, idOf('2'))).toEqual(rejected)
    expect(await getOrder(8, idOf('1'))).toBeUndefined()
  })

  test('a change leaves the rest as it is, and a filled order is not among the open ones', async () => {
    await write(orderPut(orderRow('1')))
    await write(orderUpdate(filled))
    const { orderId: _, ...changes } = filled
    expect(await getOrder(7, idOf('1'))).toEqual(orderRow('1', changes))
    expect((await tables.items('orders'))[0]).not.toHaveProperty('open_account_id')
  })

  test('put and changes made one write give what they give one by one', async () => {
    const cancelled = {
      ...filled,
      orderState: 'cancelled',
      filledLots: 3,
      filledTickLots: 153,
      cancelReason: 'user-request',
    } as const
    const amended = {
      ...filled,
      orderState: 'open',
      priceTicks: 60,
      quantityLots: 8,
      filledLots: 3,
      filledTickLots: 153,
    } as const
    const steps = [orderPut(orderRow('1')), orderUpdate(amended), orderUpdate(cancelled)]
    for (const step of steps) await write(step)
    const oneByOne = await tables.items('orders')
    for (const cut of [0, 1]) {
      await tables.renew('orders')
      if (cut === 1) await write(orderPut(orderRow('1')))
      await write(steps.slice(cut).reduce(coalesce))
      expect(await tables.items('orders')).toEqual(oneByOne)
    }
  })

  test('are listed newest first, page by page, with and without a filter', async () => {
    const names = ['1', '2', '3', '4', '5', '6', '7']
    await write(
      ...names.map((name, index) =>
        orderPut(orderRow(name, index % 2 === 0 ? {} : { orderState: 'cancelled', instrumentName: 'C-D' })),
      ),
      orderPut(orderRow('8', { accountId: 8 })),
    )
    const walk = async (options: Omit<Parameters<typeof listOrders>[1], 'limit' | 'after'>, limit: number) => {
      const pages: string[][] = []
      let after: string | undefined
      do {
        const { rows, next } = await listOrders(7, { ...options, limit, ...(after === undefined ? {} : { after }) })
        pages.push(rows.map(({ orderId }) => orderId.slice(-1)))
        after = next
      } while (after !== undefined)
      return pages
    }
    expect(await walk({}, 3)).toEqual([['7', '6', '5'], ['4', '3', '2'], ['1']])
    expect(await walk({}, 7)).toEqual([['7', '6', '5', '4', '3', '2', '1']])
    expect(await walk({ orderState: 'cancelled' }, 2)).toEqual([['6', '4'], ['2']])
    expect(await walk({ orderState: 'open' }, 3)).toEqual([['7', '5', '3'], ['1']])
    expect(await walk({ orderState: 'open', instrumentName: 'C-D' }, 3)).toEqual([[]])
    expect(await walk({ orderState: 'closed' }, 2)).toEqual([['6', '4'], ['2']])
    await write(orderPut(orderRow('9', { orderState: 'untriggered', label: 'x', direction: 'sell' })))
    expect(await walk({ orderState: 'untriggered' }, 3)).toEqual([['9']])
    expect(await walk({ orderState: 'open' }, 7)).toEqual([['7', '5', '3', '1']])
    expect(await walk({ label: 'x' }, 3)).toEqual([['9']])
    expect(await walk({ direction: 'sell' }, 3)).toEqual([['9']])
    expect(await walk({ instrumentName: 'C-D' }, 1)).toEqual([['6'], ['4'], ['2']])
    expect(await walk({ orderState: 'rejected' }, 1)).toEqual([[]])
  })

  test('a page ends where a filter would read too much, and says where to go on', async () => {
    for (let at = 0; at < 900; at += 90)
      await write(
        ...Array.from({ length: 90 }, (_, index) =>
          orderPut(orderRow(String(100_000 + at + index), { orderState: at + index === 0 ? 'filled' : 'cancelled' })),
        ),
      )
    const first = await listOrders(7, { limit: 1, orderState: 'filled' })
    expect(first.rows).toEqual([])
    const second = await listOrders(7, { limit: 1, orderState: 'filled', after: first.next ?? '' })
    expect(second.rows.map(({ orderId }) => orderId)).toEqual([idOf('100000')])
    expect(second.next).toBeUndefined()
  })
})

describe('trades', () => {
  test('are listed newest first, both sides of one’s own trade too', async () => {
    const sold = tradeRow(10, { liquidity: 'maker', direction: 'sell', orderId: idOf('3') })
    const rows = [tradeRow(9), sold, tradeRow(10), tradeRow(100)]
    await write(...rows.map(tradePut), tradePut(tradeRow(11, { accountId: 8 })))
    expect((await listTrades(7, { limit: 9 })).rows).toEqual([tradeRow(100), sold, tradeRow(10), tradeRow(9)])
    const first = await listTrades(7, { limit: 2 })
    expect((await listTrades(7, { limit: 2, after: first.next ?? '' })).rows.map(({ outSeq }) => outSeq)).toEqual([
      10, 9,
    ])
    expect((await listTrades(7, { limit: 2, orderId: idOf('3') })).rows).toHaveLength(1)
    expect((await listTrades(7, { limit: 2, instrumentName: 'X-Y' })).rows).toEqual([])
  })
})

describe('what is open in a market', () => {
  test('is found by an index that closed positions are not in', async () => {
    const open = { accountId: 7, instrumentId: 3, sizeLots: -2 }
    await store(positionPut(positionRow('A-1', { ...open, accountId: 9 })))
    await store(positionPut(positionRow('A-1', open)))
    await store(positionPut(positionRow('A-1', { ...open, accountId: 8, sizeLots: 0 })))
    await store(positionPut(positionRow('A-1', { ...open, accountId: 6, lane: 2 })))
    await store(positionPut(positionRow('B-1', { ...open, instrumentId: 4 })))
    const held = async () => (await listOpenPositions(1, 3)).map(({ accountId }) => accountId)
    expect(await held()).toEqual([7, 9])
    await store(positionPut(positionRow('A-1', { ...open, sizeLots: 0 })))
    expect(await held()).toEqual([9])
  })

  test('is held by accounts whose names and firms are read many at once', async () => {
    const ids = Array.from({ length: 130 }, (_, index) => index + 1)
    for (const accountId of ids.slice(0, 120))
      await store(accountNumberPut({ lane: 1, accountId, account: `a${accountId}`, firm: 'f' }))
    const found = await accountsNumbered(1, ids)
    expect(found.size).toBe(120)
    expect(found.get(115)).toEqual({ lane: 1, accountId: 115, account: 'a115', firm: 'f' })
    expect((await accountsNumbered(2, ids)).size).toBe(0)
  })

  test('may be stopped by a switch of the account, its firm or the lane', async () => {
    const off = { lane: 1, accountId: 0, firm: '', isOn: false, cancelledOrders: 0, changedAtMillis: 1 }
    const set = (change: Partial<Parameters<typeof killSwitchPut>[0]>) =>
      store(killSwitchPut({ ...off, scope: 'lane', ...change }))
    expect(await isKilled(1, 7, 'f')).toBe(false)
    await set({ isOn: true, scope: 'firm', firm: 'g' })
    await set({ isOn: true, scope: 'account', accountId: 8 })
    expect(await isKilled(1, 7, 'f')).toBe(false)
    expect([await isKilled(1, 7, 'g'), await isKilled(1, 8, 'f')]).toEqual([true, true])
    await set({ isOn: true })
    expect(await isKilled(1, 7, 'f')).toBe(true)
    await set({})
    expect(await isKilled(1, 7, 'f')).toBe(false)
  })
})

describe('positions and balances', () => {
  test('positions are listed by instrument', async () => {
    const names = ['A-1', 'B-1', 'C-1']
    await write(...names.map(name => positionPut(positionRow(name))))
    expect(await listPositions(7, { limit: 5 })).toEqual({ rows: names.map(name => positionRow(name)) })
    const { rows, next = '' } = await listPositions(7, { limit: 2 })
    expect(rows).toHaveLength(2)
    expect((await listPositions(7, { limit: 2, after: next })).rows).toEqual([positionRow('C-1')])
    expect((await listPositions(7, { limit: 2, instrumentName: 'B-1' })).rows).toEqual([positionRow('B-1')])
    // A cursor of another list: DynamoDB itself would call it an error.
    expect((await listPositions(7, { limit: 2, instrumentName: 'B-1', after: 'C-1' })).rows).toEqual([])
    expect((await listPositions(7, { limit: 2, instrumentName: 'B-1', after: 'A-1' })).rows).toEqual([
      positionRow('B-1'),
    ])
  })

  test('a balance comes back to the micro', async () => {
    const row = {
      accountId: 7,
      currency: 'USD',
      cashMicros: Number.MAX_SAFE_INTEGER,
      heldMicros: 0,
      updatedAtMillis: 1,
      eventId: 'e',
      outSeq: 1,
    } as const
    await write(balancePut(row))
    expect(await getBalance(7, 'USD')).toEqual(row)
    expect(await getBalance(8, 'USD')).toBeUndefined()
    const others = Array.from({ length: 120 }, (_, index) => ({
      ...row,
      accountId: 100 + index,
      cashMicros: -1 - index,
    }))
    for (const other of others) await write(balancePut(other))
    const found = await getBalances([8, 7, 7, ...others.map(({ accountId }) => accountId)], 'USD')
    expect([...found.values()].sort((one, other) => one.accountId - other.accountId)).toEqual([row, ...others])
    expect(await getBalances([], 'USD')).toEqual(new Map())
  })

  test('a balance is what events say of its cash and of what is held, each by itself', async () => {
    const stamp = { accountId: 7, currency: 'USD', updatedAtMillis: 2, eventId: 'f', outSeq: 2 } as const
    await write(balancePut({ ...stamp, cashMicros: 5, heldMicros: 0 }))
    await write(balanceChange({ ...stamp, heldMicros: 3 }))
    await write(balanceChange({ ...stamp, cashMicros: 4 }))
    expect(await getBalance(7, 'USD')).toEqual({ ...stamp, cashMicros: 4, heldMicros: 3 })
    // As rows were before there were holds.
    await write(balanceChange({ ...stamp, accountId: 8, cashMicros: 4 }))
    expect(await getBalance(8, 'USD')).toMatchObject({ cashMicros: 4, heldMicros: 0 })
  })

  test('ledger entries of an account come newest first, page by page', async () => {
    const entry: LedgerEntry = {
      accountId: 7,
      lane: 1,
      outSeq: 9,
      leg: 0,
      kind: 'trade',
      reference: '1-0000000000000009',
      amountMicros: -3,
      feeMicros: 3,
      balanceMicros: 97,
      instrumentName: 'A-B',
      atMillis: 1,
      eventId: '1:1:0',
    }
    const transfer: LedgerEntry = {
      accountId: 7,
      lane: 1,
      outSeq: 10,
      leg: 0,
      kind: 'transfer',
      reference: 'c',
      amountMicros: 5,
      feeMicros: 0,
      balanceMicros: 102,
      counterAccountId: 8,
      atMillis: 2,
      eventId: '1:2:0',
    }
    for (const each of [entry, { ...entry, leg: 1 }, transfer, { ...entry, accountId: 8 }])
      await write(ledgerEntryPut(each))
    const first = await listLedgerEntries(7, { limit: 2 })
    expect(first).toEqual({ rows: [transfer, { ...entry, leg: 1 }], next: entryIdOf({ ...entry, leg: 1 }) })
    expect(await listLedgerEntries(7, { limit: 2, after: first.next ?? '' })).toEqual({ rows: [entry] })
  })

  test('an amount that is no safe integer does not come in', async () => {
    const put = balancePut({
      accountId: 7,
      currency: 'USD',
      cashMicros: 0.5,
      heldMicros: 0,
      updatedAtMillis: 1,
      eventId: 'e',
      outSeq: 1,
    })
    await write(put)
    await expect(getBalance(7, 'USD')).rejects.toThrow('cash_micros is not a safe integer')
  })
})

describe('accounts', () => {
  test('a row is replaced only as it was read', async () => {
    const opening: AccountRow = {
      account: 'acme',
      accountState: 'opening',
      lane: 1,
      commandId: idOf('1'),
      attempt: 1,
      createdAtMillis: 1,
    }
    expect(await replaceAccount(opening, undefined)).toBe(true)
    expect(await replaceAccount(opening, undefined)).toBe(false)
    expect(await getAccount('acme')).toEqual(opening)
    const waiting: AccountRow = { ...opening, taskToken: 'token' }
    expect(await replaceAccount(waiting, opening)).toBe(true)
    // Read before the token was there: it would be lost.
    expect(await replaceAccount({ ...opening, accountState: 'failed', failure: 'x' }, opening)).toBe(false)
    const open: AccountRow = { ...waiting, accountState: 'open', accountId: 3, openedAtMillis: 2 }
    expect(await replaceAccount(open, waiting)).toBe(true)
    expect(await getAccount('acme')).toEqual(open)
    expect(await getAccount('other')).toBeUndefined()
  })
})

describe('instruments', () => {
  const row = (instrumentName: string, instrumentId: number) => {
    const defined = defineInstrument({ ...testSpecification, instrumentName }, instrumentId, 1)
    if (!defined.accepted) throw new Error('the specification is valid')
    return { lane: 1, instrument: defined.value, isActive: true, lifecycle: 'active' as const, listedAtMillis: 4 }
  }

  test('come back as they were, by name, by number and all', async () => {
    const [one, two] = [row('A-1', 2), row('B-1', 1)]
    await write(instrumentPut(two), instrumentPut(one), instrumentPut({ ...row('C-1', 1), lane: 2 }))
    expect(await listInstruments(1)).toEqual([one, two])
    expect(await getInstrument(1, 'A-1')).toEqual(one)
    expect(await getInstrumentById(1, 1)).toEqual(two)
    expect(await getInstrumentById(2, 2)).toBeUndefined()
  })

  test('the process’s copy serves for a while, but what it lacks is looked for at once', async () => {
    await write(instrumentPut(row('A-1', 1)))
    expect(await instrumentsOf(1)).toHaveLength(1)
    await write(instrumentPut(row('B-1', 2)), instrumentClosed(1, 'A-1', 'expired', 5))
    expect(await instrumentsOf(1)).toHaveLength(1)
    expect(await getInstrument(1, 'A-1')).toMatchObject({ isActive: true })
    expect(await Promise.all([getInstrument(1, 'B-1'), getInstrumentById(1, 2), getInstrument(1, 'none')])).toEqual([
      row('B-1', 2),
      row('B-1', 2),
      undefined,
    ])
    expect(await getInstrument(1, 'A-1')).toMatchObject({ isActive: false })
  })

  test('tell how far they have come: adjusted, closed and settled', async () => {
    const terms = JSON.stringify({ first_month: '2026-11' })
    const specification = {
      ...testSpecification,
      instrumentName: 'H100.USE-SWAP-NOV26-DEC26',
      kind: 'swap' as const,
      terms,
      positionLimit: '100',
      expirationMillis: Date.UTC(2027, 0, 1),
    }
    const [whole, adjusted] = [0, 1].map(settledLegs => {
      const defined = defineInstrument(specification, 3, 1 + settledLegs, { settledLegs, distributedTicks: 0 })
      if (!defined.accepted) throw new Error(`the specification is valid: ${defined.detail}`)
      return defined.value
    })
    if (whole === undefined || adjusted === undefined) throw new Error('both are there')
    const listed = { lane: 1, instrument: whole, isActive: true, listedAtMillis: 4 }
    await write(instrumentPut(listed))
    const name = specification.instrumentName
    expect(await readInstrument(1, name)).toEqual({ ...listed, lifecycle: 'active' })
    await write(instrumentAdjustment(1, adjusted))
    expect(await readInstrument(1, name)).toEqual({ ...listed, lifecycle: 'active', instrument: adjusted })
    expect(adjusted.microsPerTickLot * 2).toBe(whole.microsPerTickLot)
    await write(instrumentClosed(1, name, 'delisted', 5))
    const closed = { ...listed, instrument: adjusted, isActive: false, closedAtMillis: 5 }
    expect(await readInstrument(1, name)).toEqual({ ...closed, lifecycle: 'delisted' })
    await write(instrumentSettled(1, name, 6))
    expect(await readInstrument(1, name)).toEqual({ ...closed, lifecycle: 'settled', settledAtMillis: 6 })
    expect(await readInstrument(1, 'NO-ONE')).toBeUndefined()
  })

  test('of the first version, which knew futures only, are read', async () => {
    const put = instrumentPut(row('A-1', 1))
    if (put.kind !== 'put') throw new Error('it is put')
    const later = ['settlement', 'position_limit', 'position_limit_lots', 'terms', 'settled_legs', 'distributed_ticks']
    const item = Object.fromEntries(
      Object.entries(put.item).filter(([name]) => ![...later, 'lifecycle'].includes(name)),
    )
    await write({ ...put, item })
    expect(await listInstruments(1)).toEqual([row('A-1', 1)])
    await write({ ...put, item: { ...item, is_active: false } })
    expect(await listInstruments(1)).toEqual([{ ...row('A-1', 1), isActive: false, lifecycle: 'expired' }])
  })
})

describe('watermarks', () => {
  test('move only from where they are known to be', async () => {
    expect(await getWatermark('p', 1)).toEqual({ outSeq: 0 })
    expect(await store(watermarkMove('p', 1, { outSeq: 0 }, { outSeq: 3, recordSequence: '1' }))).toBe(true)
    expect(await store(watermarkMove('p', 1, { outSeq: 0 }, { outSeq: 9 }))).toBe(false)
    expect(await store(watermarkMove('p', 1, { outSeq: 2 }, { outSeq: 9 }))).toBe(false)
    expect(await getWatermark('p', 1)).toEqual({ outSeq: 3, recordSequence: '1' })
    expect(await getWatermark('p', 2)).toEqual({ outSeq: 0 })
    expect(await getWatermark('q', 1)).toEqual({ outSeq: 0 })
  })

  test('take what goes with them along, or nothing', async () => {
    const balance = balancePut({
      accountId: 7,
      currency: 'USD',
      cashMicros: 1,
      heldMicros: 0,
      updatedAtMillis: 1,
      eventId: 'e',
      outSeq: 1,
    })
    expect(await transact([balance, watermarkMove('p', 1, { outSeq: 5 }, { outSeq: 6 })])).toBe(false)
    expect(await tables.items('balances')).toEqual([])
    expect(await transact([balance, watermarkMove('p', 1, { outSeq: 0 }, { outSeq: 6 })])).toBe(true)
    expect(await tables.items('balances')).toHaveLength(1)
  })
})

describe('rate limits', () => {
  const now = 1_700_000_000_000_000
  const take = (more: Partial<TakeFromBucket>) =>
    takeFromBucket({
      credential: 'acme',
      takeMicros: 4_000,
      depthMicros: 10_000,
      nowMicros: now,
      knownSpentUntilMicros: 0,
      ...more,
    })

  test('a bucket gives until it is spent as far ahead as it is deep, and fills with time', async () => {
    expect(await take({})).toEqual({ taken: true, spentUntilMicros: now + 4_000 })
    // Whoever thought it full is told that it is not.
    expect(await take({})).toEqual({ taken: false, spentUntilMicros: now + 4_000 })
    const knownSpentUntilMicros = now + 4_000
    expect(await take({ knownSpentUntilMicros })).toEqual({ taken: true, spentUntilMicros: now + 8_000 })
    expect(await take({ knownSpentUntilMicros })).toEqual({ taken: false, spentUntilMicros: now + 8_000 })
    expect(await take({ knownSpentUntilMicros, takeMicros: 2_000 })).toMatchObject({ taken: true })
    expect(await take({ knownSpentUntilMicros, takeMicros: 1 })).toEqual({
      taken: false,
      spentUntilMicros: now + 10_000,
    })
    // Full again, to who knows it and to who does not.
    expect(await take({ nowMicros: now + 10_001, knownSpentUntilMicros: now + 10_000 })).toEqual({
      taken: true,
      spentUntilMicros: now + 14_001,
    })
    expect(await take({ credential: 'other' })).toEqual({ taken: true, spentUntilMicros: now + 4_000 })
    expect(await tables.items('rateLimits')).toEqual([
      { credential: 'acme', spent_until_micros: now + 14_001, expires_at: 1_700_003_601 },
      { credential: 'other', spent_until_micros: now + 4_000, expires_at: 1_700_003_601 },
    ])
  })

  test('many at once get no more than there is', async () => {
    await take({ takeMicros: 1 })
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => take({ takeMicros: 1_000, knownSpentUntilMicros: now + 1 })),
    )
    expect(answers.filter(({ taken }) => taken)).toHaveLength(9)
    expect(new Set(answers.filter(({ taken }) => taken).map(answer => answer.spentUntilMicros)).size).toBe(9)
  })

  test('an answer that does not come counts as none', async () => {
    const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort())
    await expect(take({})).rejects.toMatchObject({ name: 'TimeoutError' })
    timeout.mockRestore()
  })
})

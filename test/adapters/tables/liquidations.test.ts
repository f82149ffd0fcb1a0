import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  auctionsOfLane,
  bidsOfAuction,
  getAuction,
  getBid,
  moveAuction,
  openAuction,
  putBid,
} from '#adapters/tables/backstop-auctions.ts'
import {
  finishLiquidationStep,
  getLiquidation,
  getLiquidationEvent,
  getLiquidationStep,
  getLossShares,
  haircutPut,
  haircutsSince,
  liquidationEventPut,
  liquidationsOfAccount,
  liquidationsOfLane,
  listLiquidationSteps,
  putLossShares,
  replaceLiquidation,
} from '#adapters/tables/liquidations.ts'
import {
  answeredCallPut,
  getAnsweredCall,
  marginCallPut,
  newestMarginCall,
  replaceAnsweredCall,
} from '#adapters/tables/margin-calls.ts'
import { transact } from '#adapters/writes.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { calledMillis, liquidationRow, putAuction, putLiquidation, putStep } from '#test/support/liquidation-rows.ts'
import { idOf } from '#test/support/tape.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

describe('liquidations', () => {
  test('are there as they were put, only over what was read', async () => {
    const row = await putLiquidation({ failure: 'x', endedAtMillis: 5 })
    expect(await getLiquidation(row.liquidationId)).toEqual(row)
    expect(await replaceLiquidation(row, undefined)).toBe(false)
    const next = { ...row, state: 'failed' as const, updatedAtMillis: row.updatedAtMillis + 1 }
    expect([await replaceLiquidation(next, row), await replaceLiquidation(next, row)]).toEqual([true, false])
  })

  test('are listed by account and by lane, newest first, page by page, without their steps', async () => {
    for (const [index, letter] of ['a', 'b', 'c'].entries())
      await putLiquidation({ liquidationId: idOf(letter), startedAtMillis: calledMillis + index })
    await putLiquidation({ liquidationId: idOf('d'), accountId: 8 })
    await putStep()
    for (const list of [
      (options: { limit: number; after?: string }) => liquidationsOfAccount(1, 7, options),
      (options: { limit: number; after?: string }) => liquidationsOfLane(1, options),
    ]) {
      const first = await list({ limit: 2 })
      expect(first.rows.map(({ liquidationId }) => liquidationId)).toEqual([idOf('c'), idOf('b')])
      const second = await list({ limit: 1, after: String(first.next) })
      expect(second.rows).toMatchObject([{ startedAtMillis: calledMillis }])
    }
  })

  test('a step is decided once and done once, with the head and the call that it answers', async () => {
    const head = await putLiquidation()
    const row = await putStep({ state: 'decided', nextAtMillis: 9, code: 'instrument-halted' })
    await expect(putStep({ state: 'decided' })).rejects.toThrow('decided already')
    expect(await getLiquidationStep(row.liquidationId, 1)).toEqual(row)
    const done = { ...row, state: 'done' as const }
    const after = { ...head, state: 'ended' as const, updatedAtMillis: head.updatedAtMillis + 1 }
    const answered = { lane: 1, accountId: 7, liquidationId: row.liquidationId, isOver: true, overEventId: '1:5:0' }
    expect(await finishLiquidationStep(done, { row: after, read: head }, [answeredCallPut(answered)])).toBe(true)
    expect(await finishLiquidationStep(done, { row: after, read: after }, [answeredCallPut(answered)])).toBe(false)
    expect([await getLiquidation(row.liquidationId), await getAnsweredCall(1, 7)]).toEqual([after, answered])
    await putStep({ step: 2 })
    await putStep({ step: 10 })
    const first = await listLiquidationSteps(row.liquidationId, { limit: 2 })
    expect(first.rows.map(({ step }) => step)).toEqual([1, 2])
    expect((await listLiquidationSteps(row.liquidationId, { limit: 2, after: 2 })).rows).toMatchObject([{ step: 10 }])
  })

  test('keep what the engine said, whose shares are whose, and what winners have paid since an instant', async () => {
    const event = { eventId: '1:5:0', atMillis: 5, numbers: { equityMicros: -5 } }
    await transact([
      liquidationEventPut(idOf('a'), idOf('e'), event),
      haircutPut(1, 10, calledMillis, [[2, 5]]),
      haircutPut(1, 11, calledMillis + 1, [
        [2, 6],
        [3, 7],
      ]),
      haircutPut(2, 12, calledMillis + 1, [[2, 100]]),
    ])
    expect(await getLiquidationEvent(idOf('a'), idOf('e'))).toEqual(event)
    expect(await getLiquidationEvent(idOf('a'), idOf('f'))).toBeUndefined()
    expect([...(await haircutsSince(1, calledMillis))]).toEqual([
      [2, 11],
      [3, 7],
    ])
    expect([...(await haircutsSince(1, calledMillis + 1))]).toEqual([
      [2, 6],
      [3, 7],
    ])
    await putLossShares(idOf('a'), 'first', 1, [[2, 5]])
    expect(await getLossShares(idOf('a'), 'first', 1)).toEqual([[2, 5]])
    await expect(getLossShares(idOf('a'), 'second', 1)).rejects.toThrow('not stored')
    expect(liquidationRow().lane).toBe(1)
  })
})

describe('margin calls', () => {
  test('the newest is told, and one at a time is answered', async () => {
    const call = {
      lane: 1,
      accountId: 7,
      outSeq: 9,
      eventId: '1:9:0',
      epochVersion: 1,
      equityMicros: -1,
      requirementMicros: 2,
      calledAtMillis: 3,
    }
    expect(await newestMarginCall(1, 7)).toBeUndefined()
    await transact([
      marginCallPut(call),
      marginCallPut({ ...call, outSeq: 10 }),
      marginCallPut({ ...call, accountId: 8, outSeq: 11 }),
    ])
    const answered = { lane: 1, accountId: 7, liquidationId: idOf('a'), isOver: false, overEventId: '' }
    expect(await replaceAnsweredCall(answered, undefined)).toBe(true)
    expect(await replaceAnsweredCall(answered, undefined)).toBe(false)
    expect(await replaceAnsweredCall({ ...answered, isOver: true }, answered)).toBe(true)
    expect(await newestMarginCall(1, 7)).toEqual({ ...call, outSeq: 10 })
  })
})

describe('backstop auctions', () => {
  test('are opened once, bid for while they are open, and listed by lane', async () => {
    const row = await putAuction({
      lots: [
        {
          instrumentId: 1,
          instrumentName: 'A-B',
          tickSize: '0.05',
          minTradeAmount: '0.1',
          signedLots: -5,
          markTicks: 4,
          reserveTicks: 5,
        },
      ],
    })
    expect(await openAuction(row)).toBe(false)
    expect(await getAuction(row.auctionId)).toEqual(row)
    const bid = {
      auctionId: row.auctionId,
      accountId: 7,
      bidAtMillis: 1,
      bids: [{ instrumentId: 1, priceTicks: 5, lots: 2 }],
    }
    expect(await putBid({ ...bid, bids: [] })).toBe(true)
    expect(await putBid(bid)).toBe(true)
    for (let accountId = 100; accountId < 205; accountId += 1) await putBid({ ...bid, accountId })
    expect(await getBid(row.auctionId, 7)).toEqual(bid)
    const all = await bidsOfAuction(row.auctionId)
    expect([all.length, all[0], all.at(-1)?.accountId]).toEqual([106, bid, 204])
    expect(await moveAuction(row.auctionId, 'open', 'closed')).toBe(true)
    expect(await moveAuction(row.auctionId, 'open', 'closed')).toBe(false)
    expect(await putBid(bid)).toBe(false)
    await putAuction({ auctionId: idOf('d'), openedAtMillis: row.openedAtMillis + 1 })
    const first = await auctionsOfLane(1, { limit: 1 })
    const second = await auctionsOfLane(1, { limit: 5, after: String(first.next) })
    expect([first.rows, second.rows].flat().map(({ auctionId }) => auctionId)).toEqual([idOf('d'), row.auctionId])
  })
})

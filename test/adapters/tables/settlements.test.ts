import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  getSettlement,
  getVariationDay,
  listSettlements,
  putVariationDay,
  replaceSettlement,
  type SettlementRow,
  settlementsOfKind,
} from '#adapters/tables/settlements.ts'
import { finalSettlement } from '#domain/settlement/settlement-name.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('settlements'))

const row = (change: Partial<SettlementRow> = {}): SettlementRow => ({
  kind: 'final',
  number: 0,
  lane: 1,
  instrumentId: 7,
  instrumentName: 'A-B',
  tickSize: '0.05',
  state: 'collecting',
  attempt: 1,
  dueAtMillis: 1,
  startedAtMillis: 2,
  updatedAtMillis: 3,
  missing: ['I@then'],
  ...change,
})

describe('settlements', () => {
  test('a row is what was put, with and without what comes later', async () => {
    const bare = row()
    const whole = row({
      kind: 'leg',
      number: 2,
      state: 'failed',
      waitingSinceMillis: 4,
      priceTicks: 0,
      inputs: { rule: 'mean-of-fixings', fixings: [{ level: '2.55' }] },
      commandId: 'c',
      failure: 'x',
    })
    for (const each of [bare, whole]) expect(await replaceSettlement(each, undefined)).toBe(true)
    expect(await getSettlement(1, 7, finalSettlement)).toEqual(bare)
    expect(await getSettlement(1, 7, { kind: 'leg', number: 2 })).toEqual(whole)
    expect(await getSettlement(1, 8, finalSettlement)).toBeUndefined()
    expect(await getSettlement(2, 7, finalSettlement)).toBeUndefined()
  })

  test('is begun once, and replaced only as it was read: of two that compute, one price is kept', async () => {
    const first = row()
    expect(await replaceSettlement(first, undefined)).toBe(true)
    expect(await replaceSettlement(row({ instrumentName: 'B-C' }), undefined)).toBe(false)
    const computed = { ...first, state: 'computed', priceTicks: 51, inputs: {}, updatedAtMillis: 4 } as const
    const other = { ...computed, priceTicks: 52 }
    const [one, two] = await Promise.all([replaceSettlement(computed, first), replaceSettlement(other, first)])
    expect([one, two].filter(Boolean)).toHaveLength(1)
    expect((await getSettlement(1, 7, finalSettlement))?.priceTicks).toBe(one ? 51 : 52)
    expect(await replaceSettlement(row({ attempt: 2 }), first)).toBe(false)
  })

  test('come by kind, by number, and in pages', async () => {
    const names = [
      { kind: 'distribution', number: 1 },
      ...Array.from({ length: 12 }, (_, leg) => ({ kind: 'leg', number: leg + 1 }) as const),
      finalSettlement,
      { kind: 'variation', number: 20_801 },
      { kind: 'variation', number: 9 },
    ] as const
    for (const name of names) await replaceSettlement(row(name), undefined)
    await replaceSettlement(row({ instrumentId: 8, kind: 'leg', number: 1 }), undefined)
    expect((await settlementsOfKind(1, 7, 'leg')).map(({ number }) => number)).toEqual(
      Array.from({ length: 12 }, (_, leg) => leg + 1),
    )
    expect(await settlementsOfKind(1, 7, 'distribution')).toHaveLength(1)
    expect(await settlementsOfKind(1, 9, 'leg')).toEqual([])
    const { rows, next } = await listSettlements(1, 7, { limit: 3 })
    expect(rows.map(({ kind, number }) => [kind, number])).toEqual([
      ['variation', 20_801],
      ['variation', 9],
      ['leg', 12],
    ])
    const rest = await listSettlements(1, 7, { limit: 50, ...(next === undefined ? {} : { after: next }) })
    expect([rest.rows.length, rest.next]).toEqual([names.length - 3, undefined])
  })

  test('the day whose variations have ended is known by lane', async () => {
    expect(await getVariationDay(1)).toBe(0)
    await putVariationDay(1, 20_801)
    expect([await getVariationDay(1), await getVariationDay(2)]).toEqual([20_801, 0])
  })
})

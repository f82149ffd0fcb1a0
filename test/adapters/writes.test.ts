import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { coalesce, itemOf, store, transact, type Write } from '#adapters/writes.ts'
import { tables } from '#protocol/tables.ts'

const mock = mockClient(DynamoDBDocumentClient)
process.env['BALANCES_TABLE'] = 'test-balances'
process.env['AWS_REGION'] = 'eu-central-1'
beforeEach(() => {
  mock.reset()
})

const cancelled = (...codes: readonly string[]) =>
  new TransactionCanceledException({
    message: 'cancelled',
    $metadata: {},
    CancellationReasons: codes.map(Code => ({ Code })),
  })

const put: Write = { kind: 'put', table: tables.balances, item: { account_id: 1, currency: 'USD', cash_micros: 1 } }
const update = (set: Readonly<Record<string, unknown>>, remove: readonly string[] = []): Write => ({
  kind: 'update',
  table: tables.balances,
  key: { account_id: 1, currency: 'USD' },
  set,
  remove,
})

describe('a transaction', () => {
  test('that conflicts or is throttled is tried again', async () => {
    mock
      .on(TransactWriteCommand)
      .rejectsOnce(cancelled('None', 'TransactionConflict'))
      .rejectsOnce(cancelled('ThrottlingError', 'None'))
      .resolves({})
    expect(await transact([put])).toBe(true)
    expect(mock.commandCalls(TransactWriteCommand)).toHaveLength(3)
  })

  test('whose condition does not hold is refused, whatever else was wrong', async () => {
    mock.on(TransactWriteCommand).rejects(cancelled('TransactionConflict', 'ConditionalCheckFailed'))
    expect(await transact([put])).toBe(false)
    expect(mock.commandCalls(TransactWriteCommand)).toHaveLength(1)
  })

  test('is given up after some attempts, and at once where trying does not help', async () => {
    mock.on(TransactWriteCommand).rejects(cancelled('TransactionConflict'))
    await expect(transact([put])).rejects.toBeInstanceOf(TransactionCanceledException)
    expect(mock.commandCalls(TransactWriteCommand)).toHaveLength(5)
    mock.reset()
    mock.on(TransactWriteCommand).rejects(cancelled('ValidationError'))
    await expect(transact([put])).rejects.toBeInstanceOf(TransactionCanceledException)
    expect(mock.commandCalls(TransactWriteCommand)).toHaveLength(1)
    mock.reset()
    mock.on(TransactWriteCommand).rejects(new Error('no way'))
    await expect(transact([put])).rejects.toThrow('no way')
  })
})

describe('one write', () => {
  test('is refused where its condition does not hold, and throws what is wrong otherwise', async () => {
    mock
      .on(PutCommand)
      .rejectsOnce(new ConditionalCheckFailedException({ message: 'no', $metadata: {} }))
      .rejects(new Error('no way'))
    expect(await store({ ...put, onlyIf: { cash_micros: 1, gone: undefined } })).toBe(false)
    await expect(store(put)).rejects.toThrow('no way')
    expect(mock.commandCalls(PutCommand)[0]?.args[0].input).toMatchObject({
      TableName: 'test-balances',
      ConditionExpression: '#cash_micros = :v0 AND attribute_not_exists(#gone)',
      ExpressionAttributeValues: { ':v0': 1 },
    })
  })
})

describe('writes of the same item', () => {
  test('are told by table and key', () => {
    expect(itemOf(put)).toBe(itemOf(update({ cash_micros: 2 })))
    expect(itemOf(put)).not.toBe(
      itemOf({ ...put, table: tables.positions, item: { account_id: 1, instrument_name: 'USD' } }),
    )
  })

  test('become one: the later value stays, what was removed is gone unless set again', () => {
    expect(coalesce(put, update({ cash_micros: 2, code: undefined }, ['currency_']))).toEqual({
      ...put,
      item: { account_id: 1, currency: 'USD', cash_micros: 2 },
    })
    expect(coalesce(update({ one: 1, two: 1 }), update({ two: 2 }, ['one']))).toEqual(update({ two: 2 }, ['one']))
    expect(coalesce(update({ two: 2 }, ['one']), update({ one: 3 }))).toEqual(update({ two: 2, one: 3 }))
    expect(coalesce(update({ one: 1 }), put)).toEqual(put)
    expect(coalesce({ ...put, onlyIf: { cash_micros: 0 } }, update({ cash_micros: 2 })).onlyIf).toEqual({
      cash_micros: 0,
    })
    expect(() => coalesce(put, { ...put, onlyIf: { cash_micros: 1 } })).toThrow('a condition cannot be merged')
  })
})

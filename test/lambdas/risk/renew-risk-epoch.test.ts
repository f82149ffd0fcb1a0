import { beforeEach, expect, test } from '@jest/globals'
import { lambdaContext } from '#test/support/http-requests.ts'
import { openRiskFloor } from '#test/support/risk-floor.ts'

const floor = openRiskFloor()
const { handler } = await import('#lambdas/risk/renew-risk-epoch.ts')

beforeEach(async () => {
  floor.reset()
  floor.index('2.5')
  floor.activate(1)
  await floor.listFuture(1)
})

const image = (item: object) =>
  Object.fromEntries(
    Object.entries({ lane: '1', ...item }).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  )
const change = (before: object | undefined, now: object | undefined) =>
  handler(
    {
      Records: [
        {
          dynamodb: {
            SequenceNumber: '1',
            ...(before === undefined ? {} : { OldImage: image(before) }),
            ...(now === undefined ? {} : { NewImage: image(now) }),
          },
        },
      ],
    },
    lambdaContext,
  )

test.each([
  ['an adoption', { adopted_version: 1 }, { adopted_version: 2 }],
  ['what was due before', { adopted_version: 1, due_version: 1 }, { adopted_version: 1, due_version: 1 }],
  ['what is due of an earlier epoch', { adopted_version: 2 }, { adopted_version: 2, due_version: 1 }],
  ['a row that is gone', { adopted_version: 1 }, undefined],
])('%s is no reason', async (_, before, now) => {
  await change(before, now)
  expect(floor.put()).toEqual([])
})

test('an epoch that becomes due is one', async () => {
  expect(await change({ adopted_version: 1 }, { adopted_version: 1, due_version: 1 })).toEqual({
    batchItemFailures: [],
  })
  expect(floor.put().map(({ type }) => type)).toContain('risk-epoch-commit')
})

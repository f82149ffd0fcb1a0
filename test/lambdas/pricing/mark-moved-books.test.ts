import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { type BookRow, bookPut } from '#adapters/tables/books.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { openPricingFloor, pricingNow } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/mark-moved-books.ts')
const everyMinute = await import('#lambdas/pricing/mark-instruments.ts')

let nowMillis = pricingNow

/** As DynamoDB tells an item to Lambda: numbers as text, what is binary in base64. */
const imageOf = (book: BookRow) => {
  const write = bookPut(book)
  if (write.kind !== 'put') throw new Error('a book is put whole')
  return Object.fromEntries(
    Object.entries(write.item).map(([name, value]) => [
      name,
      value instanceof Uint8Array
        ? { B: Buffer.from(value).toString('base64') }
        : typeof value === 'number'
          ? { N: String(value) }
          : { S: String(value) },
    ]),
  )
}

const moved = async (now: BookRow, before?: BookRow) => {
  const event = {
    Records: [
      {
        dynamodb: {
          SequenceNumber: '1',
          NewImage: imageOf(now),
          ...(before === undefined ? {} : { OldImage: imageOf(before) }),
        },
      },
    ],
  }
  const answered = await handler(event, lambdaContext)
  expect(answered).toEqual({ batchItemFailures: [] })
}

beforeEach(async () => {
  floor.reset()
  floor.activate(1)
  nowMillis = pricingNow
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
  floor.index('2.5')
})
afterEach(() => {
  jest.restoreAllMocks()
})

const marks = () => floor.put().flatMap(command => (command.type === 'set-mark-prices' ? command.marks : []))

const marked = async () => {
  const future = floor.future()
  const before = floor.book(future, 2_490, 2_510)
  await everyMinute.handler({}, lambdaContext)
  floor.streams.reset()
  return { future, before }
}

test('a best price far from what the last mark was made of makes new marks of the underlying', async () => {
  const { future, before } = await marked()
  nowMillis += 10_000
  await moved(floor.book(future, 2_590, 2_610), before)
  expect(marks()).toMatchObject([{ instrumentId: future.instrument.instrumentId }])
  expect(marks()[0]?.markTicks).toBeGreaterThan(2_500)
})

test('a move that is small, or a change of depth or of the mark alone, makes none', async () => {
  const { future, before } = await marked()
  nowMillis += 10_000
  await moved(floor.book(future, 2_491, 2_510), before)
  await moved(floor.book(future, 2_490, 2_510, { markTicks: 9, openInterestLots: 5 }), before)
  expect(marks()).toEqual([])
})

test('at most once in the interval: what comes too early is left to the next change', async () => {
  const { future, before } = await marked()
  nowMillis += 1_000
  const after = floor.book(future, 2_590, 2_610)
  await moved(after, before)
  expect(marks()).toEqual([])
  // Nor is anything read again for the changes that follow in it.
  const reads = () => floor.tables.count('get') + floor.tables.count('query')
  const readsBefore = reads()
  await moved(floor.book(future, 2_592, 2_612), after)
  expect([marks(), reads()]).toEqual([[], readsBefore])
  nowMillis += 5_000
  await moved(floor.book(future, 2_591, 2_611), after)
  expect(marks()).toHaveLength(1)
})

test('delivered again, it asks under the same id', async () => {
  const { future, before } = await marked()
  nowMillis += 10_000
  const after = floor.book(future, 2_590, 2_610)
  await moved(after, before)
  // The mark was stored, but the answer was lost.
  floor.tables.seed('marks', {
    ...floor.tables.items('marks')[0],
    bid_ticks: 2_490,
    ask_ticks: 2_510,
    at_millis: pricingNow,
  })
  await moved(after, before)
  const ids = floor.put().map(command => ('commandId' in command ? command.commandId : ''))
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
})

import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { type BusEvent, putEvents } from '#adapters/bus.ts'
import { eventSource } from '#protocol/events.ts'
import { busEnvironmentVariable } from '#protocol/streams.ts'

const mock = mockClient(EventBridgeClient)
process.env[busEnvironmentVariable] = 'test-bus'
process.env['AWS_REGION'] = 'eu-central-1'
beforeEach(() => {
  mock.reset()
})

const opened = (account_id: number): BusEvent => ({
  name: 'AccountOpened.v1',
  detail: { account: `a${account_id}`, account_id, lane: 1, timestamp: '2027-01-15T08:00:00.000Z' },
})
const events = (count: number) => Array.from({ length: count }, (_, index) => opened(index))

/** Takes what is asked of it, but refuses these accounts so many times each. */
const bus = (refusals: Readonly<Record<string, number>> = {}): void => {
  const left = new Map(Object.entries(refusals))
  mock.on(PutEventsCommand).callsFake(({ Entries }) => ({
    Entries: Entries.map(({ Detail }: { Detail: string }) => {
      const { account } = JSON.parse(Detail)
      const refused = left.get(account) ?? 0
      left.set(account, refused - 1)
      return refused > 0 ? { ErrorCode: 'ThrottlingException' } : { EventId: account }
    }),
  }))
}
const calls = () => mock.commandCalls(PutEventsCommand).map(call => call.args[0].input.Entries ?? [])

describe('events for the bus', () => {
  test('go in tens, each under its name, from this source', async () => {
    bus()
    expect(await putEvents(events(23))).toEqual([])
    expect(calls().map(({ length }) => length)).toEqual([10, 10, 3])
    expect(calls()[0]?.[0]).toEqual({
      EventBusName: 'test-bus',
      Source: eventSource,
      DetailType: 'AccountOpened.v1',
      Detail: JSON.stringify(opened(0).detail),
    })
  })

  test('that are refused are put again, they alone', async () => {
    bus({ a3: 1, a12: 2 })
    expect(await putEvents(events(14))).toEqual([])
    expect(calls().map(({ length }) => length)).toEqual([10, 4, 2, 1])
  })

  test('that are refused every time are named', async () => {
    bus({ a3: 99, a12: 99 })
    expect(await putEvents(events(14))).toEqual([3, 12])
  })

  test('none asks for nothing, and what the bus throws is thrown', async () => {
    expect(await putEvents([])).toEqual([])
    mock.on(PutEventsCommand).rejects(new Error('out of reach'))
    await expect(putEvents(events(1))).rejects.toThrow('out of reach')
  })
})

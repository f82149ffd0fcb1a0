import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { expect } from '@jest/globals'
import type { AttributeValue, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import type { Write } from '#adapters/writes.ts'
import { type BusEventName, busEvents } from '#protocol/events.ts'
import { busEnvironmentVariable } from '#protocol/streams.ts'

/** The bus in memory: what was announced, each event held against its declared schema. */
export interface MockedBus {
  readonly announced: { readonly name: BusEventName; readonly detail: Record<string, unknown> }[]
  /** From now on the bus takes nothing of which the detail's event_id contains this text. */
  refuse(text: string): void
  reset(): void
}

export const mockBus = (): MockedBus => {
  const mock = mockClient(EventBridgeClient)
  process.env[busEnvironmentVariable] = 'test-bus'
  const announced: MockedBus['announced'] = []
  let refused: string | undefined
  mock.on(PutEventsCommand).callsFake(({ Entries }) => ({
    Entries: Entries.map(({ DetailType, Detail }: { DetailType: BusEventName; Detail: string }) => {
      const detail = JSON.parse(Detail)
      expect(busEvents[DetailType].strict().parse(detail)).toEqual(detail)
      if (refused !== undefined && String(detail.event_id).includes(refused)) return { ErrorCode: 'InternalFailure' }
      announced.push({ name: DetailType, detail })
      return { EventId: String(announced.length) }
    }),
  }))
  return {
    announced,
    refuse(text) {
      refused = text
    },
    reset() {
      announced.length = 0
      refused = undefined
    },
  }
}

/** A batch of a table's stream: the items of these puts, each with the one that was there before. */
export const tableChanges = (
  ...changes: readonly { readonly now?: Write; readonly before?: Write }[]
): DynamoDBStreamEvent => ({
  Records: changes.map(({ now, before }, index): DynamoDBRecord => {
    const [NewImage, OldImage] = [imageOf(now), imageOf(before)]
    return {
      dynamodb: {
        SequenceNumber: String(index + 1),
        ...(NewImage === undefined ? {} : { NewImage }),
        ...(OldImage === undefined ? {} : { OldImage }),
      },
    }
  }),
})

const imageOf = (write: Write | undefined) => {
  if (write === undefined) return undefined
  if (write.kind !== 'put') throw new Error('only puts have images')
  return mapOf(write.item)
}

const mapOf = (item: object): Record<string, AttributeValue> => {
  const image: Record<string, AttributeValue> = {}
  for (const [name, value] of Object.entries(item)) if (value !== undefined) image[name] = attributeOf(value)
  return image
}

const attributeOf = (value: unknown): AttributeValue => {
  if (typeof value === 'boolean') return { BOOL: value }
  if (typeof value === 'number') return { N: String(value) }
  if (Array.isArray(value)) return { L: value.map(attributeOf) }
  return typeof value === 'object' && value !== null ? { M: mapOf(value) } : { S: String(value) }
}

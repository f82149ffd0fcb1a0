import { KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import { mockClient } from 'aws-sdk-client-mock'
import type { Command } from '#domain/trading/commands.ts'
import { decodeOrdersFrame } from '#protocol/orders-frame.ts'
import { orderStreamEnvironmentVariable } from '#protocol/streams.ts'

/** The order streams in memory: what was put, decoded, and what else happens when it is. */
export interface MockedStreams {
  readonly put: { readonly lane: number; readonly command: Command }[]
  /** How many records they came in. */
  records(): number
  /** Plays the matcher and the projectors: called with each command once it is in the stream. */
  onPut(react: (command: Command, lane: number) => void): void
  fail(error: Error): void
  reset(): void
}

export const mockStreams = (lanes: readonly number[]): MockedStreams => {
  const mock = mockClient(KinesisClient)
  const put: { lane: number; command: Command }[] = []
  let records = 0
  let react: (command: Command, lane: number) => void = () => undefined
  for (const lane of lanes) process.env[orderStreamEnvironmentVariable(lane)] = `test-orders-${lane}`
  const answer = (): void => {
    mock.on(PutRecordCommand).callsFake(input => {
      const lane = Number(String(input.StreamName).replace('test-orders-', ''))
      const frame = decodeOrdersFrame(input.Data, lane)
      if (!frame.ok) throw new Error(`a poisoned frame was put: ${frame.reason}`)
      if (frame.kind === 'epoch') throw new Error(`an epoch was put: ${frame.epoch}`)
      records += 1
      for (const command of frame.commands) {
        put.push({ lane, command })
        react(command, lane)
      }
      return { SequenceNumber: String(put.length).padStart(56, '0'), ShardId: 'shardId-000000000000' }
    })
  }
  answer()
  return {
    put,
    records: () => records,
    onPut(next) {
      react = next
    },
    fail(error) {
      mock.reset()
      mock.onAnyCommand().rejects(error)
    },
    reset() {
      put.length = 0
      records = 0
      react = () => undefined
      mock.reset()
      answer()
    },
  }
}

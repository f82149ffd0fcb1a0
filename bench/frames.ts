import type { Command } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { encodeEvents, sectionHeaderBytes } from '#protocol/executions-frame.ts'
import { frameHeaderBytes } from '#protocol/frames.ts'
import { encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { flowMillis, orderFlow } from './order-flow.ts'

/** How many bytes travel, and so how much a lane of one shard (1,000 records or 1 MB a second each way) can carry. */
export interface FramesResult {
  readonly commands: readonly MessageBytes[]
  readonly events: readonly MessageBytes[]
  readonly bytesOfCommand: number
  readonly eventBytesOfCommand: number
  readonly eventsOfCommand: number
  /** Single orders, a record each. */
  readonly singleCommandsPerSecond: number
  /** In full frames: what the order stream takes, and what the execution stream does. */
  readonly framedCommandsPerSecond: number
  readonly answeredCommandsPerSecond: number
}

interface MessageBytes {
  readonly type: string
  readonly count: number
  readonly meanBytes: number
}

const shardBytesPerSecond = 1_048_576
const shardRecordsPerSecond = 1_000

export const benchFrames = (commandCount: number): FramesResult => {
  const { opening, commands } = orderFlow(1, commandCount, 12_345)
  const engine = createEngine(1)
  for (const command of opening) engine.apply(command, flowMillis)
  const events = commands.flatMap(command => [...engine.apply(command, flowMillis)])

  const commandBytes = (command: Command): number => encodeOrdersFrame(1, [command]).length - frameHeaderBytes
  const eventBytes = (event: Event): number => encodeEvents([event]).length
  const bytesOfCommand = mean(commands.map(commandBytes))
  const eventBytesOfCommand = events.map(eventBytes).reduce((sum, bytes) => sum + bytes, 0) / commands.length
  // A record of one command is answered by a section of its own; the frames around many sections weigh little.
  const answerBytes = eventBytesOfCommand + sectionHeaderBytes
  return {
    commands: byType(commands, commandBytes),
    events: byType(events, eventBytes),
    bytesOfCommand,
    eventBytesOfCommand,
    eventsOfCommand: events.length / commands.length,
    singleCommandsPerSecond: Math.floor(
      Math.min(
        shardRecordsPerSecond,
        shardBytesPerSecond / (bytesOfCommand + frameHeaderBytes),
        shardBytesPerSecond / answerBytes,
      ),
    ),
    framedCommandsPerSecond: Math.floor(shardBytesPerSecond / bytesOfCommand),
    answeredCommandsPerSecond: Math.floor(shardBytesPerSecond / eventBytesOfCommand),
  }
}

const byType = <Message extends { readonly type: string }>(
  messages: readonly Message[],
  bytesOf: (message: Message) => number,
): MessageBytes[] =>
  [...Map.groupBy(messages, ({ type }) => type)].map(([type, group]) => ({
    type,
    count: group.length,
    meanBytes: mean(group.map(bytesOf)),
  }))

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

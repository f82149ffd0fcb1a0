import { plainFuture } from '#domain/reference/instrument.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import { commandType, headerOf, wordsOf } from '#domain/trading/messages.ts'
import { frameHeaderBytes, frameKinds, sealFrame } from '#protocol/frames.ts'
import { type Flow, operations, recordWords } from './flow-file.ts'

export const flowMillis = 1_800_000_000_000
/** Every participant can pay for everything: the cash check runs, and refuses nothing. */
const cashMicros = 4_000_000_000_000

interface Shape {
  readonly symbols: number
  readonly highestTicks: number
  readonly accounts: number
}

const bytesOfPlacing = 48
const bytesOfCancelling = 40
const bytesOfAmending = 48

/** Accounts, their money and the markets that a flow wants. */
export const openingOf = ({ symbols, highestTicks, accounts }: Shape): readonly Command[] => {
  let opened = 0
  const commandId = (): string => {
    opened += 1
    return `0180${opened.toString(16).padStart(4, '0')}-0000-7000-8000-000000000000`
  }
  const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1)
  return [
    ...numbers(accounts).flatMap((account): Command[] => [
      { type: 'open-account', commandId: commandId(), account: `participant-${account}`, firm: '' },
      { type: 'deposit', commandId: commandId(), accountId: account, amountMicros: cashMicros },
    ]),
    ...numbers(symbols).map(
      (symbol): Command => ({
        type: 'list-instrument',
        commandId: commandId(),
        specification: specificationOf(symbol, highestTicks),
      }),
    ),
  ]
}

/** The exchange's engine, opened for a flow whose records it takes one by one or as frames. */
export class EngineRun {
  readonly engine: Engine
  private readonly message = new Int32Array(bytesOfPlacing / 4)
  private readonly owners: number[] = []
  private commandCount = 0

  constructor(shape: Shape) {
    this.engine = createEngine(1)
    for (const command of openingOf(shape)) {
      this.engine.enter(command, flowMillis)
      this.engine.told.clear()
    }
  }

  /** Applies a record; what is told lies on the engine's tape. */
  applyRecord(records: ArrayLike<number>, at: number): void {
    this.write(this.message, 0, records, at)
    this.engine.apply(this.message, 0)
  }

  /** The id in the flow of an order whose id lies at a word of the engine's tape. */
  orderIdAt(word: number): number {
    return this.engine.told.words[word + 3] as number
  }

  /** Writes a record as a message and answers its length in words. */
  write(words: Int32Array, to: number, records: ArrayLike<number>, at: number): number {
    const operation = records[at] as number
    const orderId = records[at + 2] as number
    if (operation === operations.place || operation === operations.take) {
      const account = (records[at + 6] as number) + 1
      this.owners[orderId] = account
      words[to] = headerOf(commandType['place-order'], bytesOfPlacing)
      words[to + 1] = account
      putId(words, to + 2, 1, orderId)
      words[to + 6] = (records[at + 1] as number) + 1
      words[to + 7] = 1
      words[to + 8] = records[at + 4] as number
      words[to + 9] = records[at + 5] as number
      words[to + 10] = (records[at + 3] as number) | (operation === operations.take ? 1 << 16 : 0)
      words[to + 11] = 0
      return bytesOfPlacing / 4
    }
    const isMove = operation === operations.move
    const bytes = isMove ? bytesOfAmending : bytesOfCancelling
    words[to] = headerOf(commandType[isMove ? 'amend-order' : 'cancel-order'], bytes)
    words[to + 1] = this.owners[orderId] ?? 0
    this.commandCount += 1
    putId(words, to + 2, 2, this.commandCount)
    putId(words, to + 6, 1, orderId)
    if (isMove) {
      words[to + 10] = records[at + 4] as number
      words[to + 11] = 0
    }
    return bytes / 4
  }
}

/** So many ids bear the same millisecond: what a lane of one shard takes. */
const idsOfMillisecond = 20

/** As the intake makes them (UUID version 7): milliseconds first, then random digits, the flow's own number last. */
const putId = (words: Int32Array, at: number, kind: number, count: number): void => {
  const mixed = Math.imul(count ^ (kind << 28), 0x9e3779b1)
  const millis = Math.floor(count / idsOfMillisecond)
  words[at] = 0x0190 | (((millis >>> 24) & 255) << 16) | (((millis >>> 16) & 255) << 24)
  words[at + 1] =
    ((millis >>> 8) & 255) | ((millis & 255) << 8) | 0x70_0000 | (Math.imul(mixed, 0x85ebca6b) & 0xff0f_0000)
  words[at + 2] = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) ^ kind
  words[at + 3] = count
}

const specificationOf = (symbol: number, highestTicks: number) =>
  ({
    instrumentName: `B${symbol}.USE-27NOV26`,
    ...plainFuture,
    underlying: `B${symbol}.USE`,
    quoteCurrency: 'USD',
    tickSize: '0.0001',
    minTradeAmount: '0.01',
    contractSize: '1',
    maxPrice: (highestTicks / 10_000).toString(),
    expirationMillis: 4_000_000_000_000,
    makerCommissionPpm: 100,
    takerCommissionPpm: 500,
  }) as const

/** A flow as messages one behind another, and where its measured part begins. */
export interface Messages {
  readonly words: Int32Array
  readonly from: number
  readonly end: number
}

export const messagesOf = (run: EngineRun, flow: Flow): Messages => {
  const words = new Int32Array(((flow.prefill + flow.commands) * bytesOfPlacing) / 4)
  let end = 0
  let from = 0
  for (let record = 0; record < flow.prefill + flow.commands; record += 1) {
    if (record === flow.prefill) from = end
    end += run.write(words, end, flow.records, record * recordWords)
  }
  return { words, from, end }
}

/** The measured part in frames of so many commands, as they lie in the order stream. */
export const framesOf = ({ words, from, end }: Messages, commandsOfFrame: number): Uint8Array[] => {
  const frames: Uint8Array[] = []
  for (let at = from; at < end; ) {
    const start = at
    let count = 0
    for (; at < end && count < commandsOfFrame; count += 1) at += wordsOf(words[at] as number)
    const frame = new Uint8Array(frameHeaderBytes + (at - start) * 4)
    frame.set(new Uint8Array(words.buffer, start * 4, (at - start) * 4), frameHeaderBytes)
    sealFrame(frame, { kind: frameKinds.commands, count, lane: 1, epoch: 0, firstOutSeq: 0 })
    frames.push(frame)
  }
  return frames
}

/** Enters the prefill, unmeasured. */
export const prefilled = (flow: Flow, accounts: number, { words, from }: Messages): Engine => {
  const { engine } = new EngineRun({ symbols: flow.symbols, highestTicks: flow.highestTicks, accounts })
  for (let at = 0; at < from; at += wordsOf(words[at] as number)) {
    engine.apply(words, at)
    engine.told.clear()
  }
  return engine
}

/** How many accounts a flow names. */
export const accountsOf = ({ records }: Flow): number => {
  let highest = 0
  for (let at = 0; at < records.length; at += recordWords) highest = Math.max(highest, records[at + 6] as number)
  return highest + 1
}

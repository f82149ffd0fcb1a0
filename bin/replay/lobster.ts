import { type FileHandle, open } from 'node:fs/promises'
import type { Direction } from '#domain/trading/commands.ts'

/** Order flow of NASDAQ as LOBSTER gives it: a file of messages, and one of the best levels after each of them. */
export interface LobsterRow {
  readonly line: number
  readonly message: Message
  readonly book: Levels
  /** Part of the files that is read, 0 to 1. */
  readonly progress: number
}

export interface Message {
  readonly secondsAfterMidnight: number
  readonly type: MessageType
  /** Of the resting order; 0 where it is hidden. */
  readonly orderId: string
  readonly lots: number
  readonly priceTicks: number
  /** Of the resting order. */
  readonly direction: Direction
}

/** By their numbers from 1; 6 is an auction, which has no part in continuous trading. */
const messageTypes = ['new', 'partial-cancel', 'delete', 'execution', 'hidden-execution', 'auction', 'halt'] as const
export type MessageType = (typeof messageTypes)[number]

export interface Level {
  readonly priceTicks: number
  readonly lots: number
}

/** Best first. */
export interface Levels {
  readonly buy: readonly Level[]
  readonly sell: readonly Level[]
}

/** A file that cannot be read as what it should be; the message says where and why. */
export class BadFile extends Error {}

/** LOBSTER's prices are USD × 10,000; ours are ticks of a cent. */
const pricesOfTick = 100
const messageColumns = 6
const numbersOfLevel = 4

/** Both files side by side, a row at a time: a day of any length needs no more memory than a row. */
export async function* readLobster(messagesPath: string, bookPath: string): AsyncGenerator<LobsterRow> {
  await using messagesFile = await openFile(messagesPath)
  await using bookFile = await openFile(bookPath)
  const totalBytes = (await messagesFile.stat()).size + (await bookFile.stat()).size
  const [messages, books] = [linesOf(messagesFile), linesOf(bookFile)]
  let line = 0
  let bytes = 0
  let columns: number | undefined
  for (;;) {
    const [messageLine, bookLine] = [await messages.next(), await books.next()]
    if (messageLine.done && bookLine.done) return
    line += 1
    if (messageLine.done || bookLine.done)
      throw new BadFile(
        `${messageLine.done ? messagesPath : bookPath}: ends before line ${line}, the other file does not`,
      )
    bytes += messageLine.value.length + bookLine.value.length + 2
    columns ??= columnsOf(bookLine.value, `${bookPath}:${line}`)
    const message = messageOf(messageLine.value, `${messagesPath}:${line}`)
    const book = levelsOf(bookLine.value, columns, `${bookPath}:${line}`)
    yield { line, message, book, progress: Math.min(1, bytes / totalBytes) }
  }
}

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    const file = await open(path)
    const found = await file.stat()
    if (found.isFile() && found.size > 0) return file
    await file.close()
    throw new BadFile(`${path}: is ${found.isFile() ? 'empty' : 'not a file'}`)
  } catch (error) {
    if (error instanceof BadFile) throw error
    throw new BadFile(`${path}: cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
}

const linesOf = (file: FileHandle): AsyncIterator<string, undefined> =>
  file.readLines({ encoding: 'utf8', autoClose: false })[Symbol.asyncIterator]()

const messageOf = (line: string, where: string): Message => {
  const fields = line.split(',')
  if (fields.length !== messageColumns)
    throw new BadFile(`${where}: has ${fields.length} columns, a message has ${messageColumns}`)
  const [time = '', type = '', orderId = '', size = '', price = '', direction = ''] = fields
  if (!/^\d+(\.\d+)?$/.test(time)) throw new BadFile(`${where}: ${JSON.stringify(time)} is no time`)
  const messageType = messageTypes[integerOf(type, where) - 1]
  if (messageType === undefined) throw new BadFile(`${where}: ${type} is no type of message`)
  if (!/^\d+$/.test(orderId)) throw new BadFile(`${where}: ${JSON.stringify(orderId)} is no order id`)
  if (direction !== '1' && direction !== '-1')
    throw new BadFile(`${where}: ${JSON.stringify(direction)} is no direction`)
  const isInBook = messageType !== 'hidden-execution' && messageType !== 'halt' && messageType !== 'auction'
  const lots = integerOf(size, where)
  if (isInBook && lots < 1) throw new BadFile(`${where}: ${size} is no size`)
  return {
    secondsAfterMidnight: Number(time),
    type: messageType,
    orderId,
    lots,
    priceTicks: isInBook ? ticksOf(price, where) : 0,
    direction: direction === '1' ? 'buy' : 'sell',
  }
}

const columnsOf = (line: string, where: string): number => {
  const columns = line.split(',').length
  if (columns % numbersOfLevel !== 0)
    throw new BadFile(`${where}: has ${columns} columns, a book has ${numbersOfLevel} for each level`)
  return columns
}

const levelsOf = (line: string, columns: number, where: string): Levels => {
  const fields = line.split(',')
  if (fields.length !== columns) throw new BadFile(`${where}: has ${fields.length} columns, line 1 has ${columns}`)
  const level = (price: string, size: string): Level[] => {
    const lots = integerOf(size, where)
    // Where there are fewer levels than columns, the size is 0 and the price a placeholder.
    return lots === 0 ? [] : [{ priceTicks: ticksOf(price, where), lots }]
  }
  const buy: Level[] = []
  const sell: Level[] = []
  for (let i = 0; i < columns; i += numbersOfLevel) {
    const [askPrice = '', askSize = '', bidPrice = '', bidSize = ''] = fields.slice(i, i + numbersOfLevel)
    sell.push(...level(askPrice, askSize))
    buy.push(...level(bidPrice, bidSize))
  }
  return { buy, sell }
}

const integerOf = (text: string, where: string): number => {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value)) throw new BadFile(`${where}: ${JSON.stringify(text)} is no integer`)
  return value
}

const ticksOf = (price: string, where: string): number => {
  const value = integerOf(price, where)
  if (value <= 0 || value % pricesOfTick !== 0)
    throw new BadFile(`${where}: the price ${price} is no positive number of cents`)
  return value / pricesOfTick
}

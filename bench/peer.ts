import { OrderBook, Side } from 'nodejs-order-book'
import { type Flow, operations, recordWords } from './flow-file.ts'
import { cpuSecondsOf } from './rounds.ts'

type TimeInForce = NonNullable<Parameters<OrderBook['limit']>[0]['timeInForce']>
// Its own enumeration is not exported, only typed.
const [gtc, ioc] = ['GTC' as TimeInForce, 'IOC' as TimeInForce]

/**
 * nodejs-order-book, the most used order book on npm, fed in its own best way: one book a symbol, names of orders made
 * beforehand, journaling off. It has no accounts and no cash check. Answers commands a CPU-second over the first ones of
 * the flow: it is too slow for all of them.
 */
export const peerRate = (flow: Flow, commands: number): number => {
  const books = Array.from({ length: flow.symbols }, () => new OrderBook())
  const count = flow.prefill + Math.min(commands, flow.commands)
  const names = Array.from({ length: count }, (_, record) => `o${flow.records[record * recordWords + 2]}`)
  const feed = (from: number, to: number): void => {
    for (let record = from; record < to; record += 1)
      feedOne(books, flow.records, record * recordWords, names[record] ?? '')
  }
  feed(0, flow.prefill)
  return (count - flow.prefill) / cpuSecondsOf(() => feed(flow.prefill, count))
}

const feedOne = (books: readonly OrderBook[], records: Int32Array, at: number, id: string): void => {
  const book = books[records[at + 1] ?? 0] as OrderBook
  const operation = records[at]
  const price = records[at + 4] as number
  if (operation === operations.cancel) book.cancel(id)
  else if (operation === operations.move) book.modify(id, { price })
  else
    book.limit({
      id,
      side: records[at + 3] === 0 ? Side.BUY : Side.SELL,
      size: records[at + 5] as number,
      price,
      timeInForce: operation === operations.take ? ioc : gtc,
    })
}

/**
 * Order flows as records of eight words: operation (0 new, 1 new immediate-or-cancel, 2 cancel, 3 move to another price),
 * symbol, order id, side (0 bid, 1 ask), price, quantity, account, 0. A header of eight words lies before them, and
 * before the commands to be measured a prefill of new orders.
 */
export interface Flow {
  readonly name: string
  readonly symbols: number
  readonly prefill: number
  readonly commands: number
  readonly highestTicks: number
  /** Records of the prefill, then of the commands. */
  readonly records: Int32Array
}

export const recordWords = 8
const headerWords = 8
const magic = 0x4c4f4231
export const operations = { place: 0, take: 1, cancel: 2, move: 3 } as const

export const parseFlow = (name: string, bytes: Uint8Array): Flow => {
  if (bytes.length < headerWords * 4 || bytes.length % 4 !== 0) throw new RangeError(`${name} is no order flow`)
  const words = new Int32Array(bytes.slice().buffer)
  const [mark, version, prefill = 0, commands = 0, symbols = 0, , prices = 0] = words
  if (mark !== magic || version !== 1) throw new RangeError(`${name} is no order flow of version 1`)
  const records = words.subarray(headerWords)
  const isWhole = prefill >= 0 && commands >= 0 && records.length === (prefill + commands) * recordWords
  if (!isWhole || symbols < 1 || symbols > 10_000 || prices < 2) throw new RangeError(`${name} is cut or corrupt`)
  return { name, symbols, prefill, commands, highestTicks: prices, records }
}

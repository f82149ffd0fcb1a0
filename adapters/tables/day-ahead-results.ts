import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { AccountAwards, AuctionDay, ClearedHour, ClearedPool, LotAward } from '#domain/auction/auction-day.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { auctionKey } from '../day-ahead-keys.ts'
import { required } from '../environment.ts'
import { bytes, type Item, integer, text } from '../items.ts'
import { store } from '../writes.ts'

/** What everybody may know of a clearing. */
export interface ClearedPrices {
  readonly pools: readonly ClearedPool[]
  readonly hours: readonly ClearedHour[]
}

export interface ResultHead {
  /** Of all that was stored with it. */
  readonly digest: string
  readonly clearedAtMillis: number
}

const table = tables.dayAheadResults
/** An item takes 400 kB. */
const mostBytesOfPart = 300_000
const digits = 10

const accountDocument = (accountId: number): string => `account-${String(accountId).padStart(digits, '0')}`

/**
 * The first result of an auction is the only one: its documents are stored under their own digest, then the head that names
 * it, only where there is none. Whoever comes later finds what is there.
 */
export const storeFirstResult = async (
  lane: number,
  deliveryDate: string,
  day: AuctionDay,
  clearedAtMillis: number,
): Promise<ResultHead> => {
  const auction = auctionKey(lane, deliveryDate)
  const { pools, hours, awards, accounts } = day
  const documents: readonly (readonly [string, unknown])[] = [
    ['prices', { pools, hours }],
    ['awards', awards],
    ...accounts.map(account => [accountDocument(account.accountId), account] as const),
  ]
  const packed = documents.map(([name, value]) => [name, gzipSync(JSON.stringify(value))] as const)
  const hash = createHash('sha256')
  for (const [name, value] of documents) hash.update(JSON.stringify([name, value]))
  const digest = hash.digest('hex').slice(0, 32)
  for (const [name, body] of packed) await putDocument(auction, `${digest}#${name}`, body)
  const isFirst = await store({
    kind: 'put',
    table,
    item: { auction, part: 'head', digest, cleared_at_millis: clearedAtMillis },
    onlyIf: { part: undefined },
  })
  const head = isFirst ? { digest, clearedAtMillis } : await getResultHead(lane, deliveryDate)
  if (head === undefined) throw new Error(`the result of ${auction} is there and is not`)
  return head
}

const partKey = (name: string, part: number): string => `${name}#${String(part).padStart(digits, '0')}`

/** Its first part says how many there are, and is written last. */
const putDocument = async (auction: string, name: string, body: Uint8Array): Promise<void> => {
  const parts = Math.ceil(body.byteLength / mostBytesOfPart)
  for (let part = parts - 1; part >= 0; part -= 1)
    await store({
      kind: 'put',
      table,
      item: {
        auction,
        part: partKey(name, part),
        parts,
        body: body.subarray(part * mostBytesOfPart, (part + 1) * mostBytesOfPart),
      },
    })
}

const read = async (auction: string, part: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { auction, part },
      ConsistentRead: true,
    }),
  )
  return Item
}

const getDocument = async (lane: number, deliveryDate: string, name: string): Promise<string | undefined> => {
  const auction = auctionKey(lane, deliveryDate)
  const head = await getResultHead(lane, deliveryDate)
  if (head === undefined) return undefined
  const chunks: Uint8Array[] = []
  for (let [part, parts] = [0, 1]; part < parts; part += 1) {
    const item = await read(auction, partKey(`${head.digest}#${name}`, part))
    if (item === undefined) {
      if (part === 0) return undefined
      throw new Error(`part ${part} of ${name} of ${auction} is missing`)
    }
    parts = integer(item, 'parts')
    chunks.push(bytes(item, 'body'))
  }
  return new TextDecoder().decode(gunzipSync(Buffer.concat(chunks)))
}

/** Undefined where it is not cleared. Consistent, as all that follows. */
export const getResultHead = async (lane: number, deliveryDate: string): Promise<ResultHead | undefined> => {
  const item = await read(auctionKey(lane, deliveryDate), 'head')
  return item === undefined
    ? undefined
    : { digest: text(item, 'digest'), clearedAtMillis: integer(item, 'cleared_at_millis') }
}

export const getClearedPrices = async (lane: number, deliveryDate: string): Promise<ClearedPrices | undefined> => {
  const json = await getDocument(lane, deliveryDate, 'prices')
  if (json === undefined) return undefined
  const prices: ClearedPrices = JSON.parse(json)
  return prices
}

/** What the engine is to book, in the order in which it is sent. */
export const getLotAwards = async (lane: number, deliveryDate: string): Promise<readonly LotAward[] | undefined> => {
  const json = await getDocument(lane, deliveryDate, 'awards')
  if (json === undefined) return undefined
  const awards: readonly LotAward[] = JSON.parse(json)
  return awards
}

/** Undefined where the account took no part. */
export const getAccountAwards = async (
  lane: number,
  deliveryDate: string,
  accountId: number,
): Promise<AccountAwards | undefined> => {
  const json = await getDocument(lane, deliveryDate, accountDocument(accountId))
  if (json === undefined) return undefined
  const awards: AccountAwards = JSON.parse(json)
  return awards
}

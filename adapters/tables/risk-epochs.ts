import { gunzipSync, gzipSync } from 'node:zlib'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { EpochHeading, MadeEpoch, MadeInstrument } from '#domain/margin/made-epoch.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { bytes, type Item, integer, itemsOf, optional } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

const table = tables.riskEpochs

/** The head of a stored epoch: everything but the instruments. */
export interface EpochHead extends EpochHeading {
  /** Items that the instruments lie in. */
  readonly parts: number
  readonly instruments: number
  /** The first few that are covered by their bounds. */
  readonly bounded: readonly { readonly instrumentName: string; readonly reason: string }[]
}

/** An item of the table takes 400 kB: what does not compress at all still fits. */
const mostBytesOfPart = 300_000
const mostBoundedOfHead = 500
const rowsOfRead = 100
const digits = 10
const unadoptedMillis = 2 * 86_400_000
const secondOf = (millis: number): number => Math.floor(millis / 1_000)

const epochKey = (version: number): string => String(version).padStart(digits, '0')
const partKey = (part: number): string => `part#${String(part).padStart(digits, '0')}`

const packed = (value: unknown): Uint8Array => gzipSync(JSON.stringify(value))

/**
 * The parts, then the head: an epoch with a head is whole. It goes after some days, unless it is kept: one that no lane has
 * adopted is nobody's.
 */
export const putRiskEpoch = async (made: MadeEpoch): Promise<EpochHead> => {
  const { instruments, ...heading } = made
  const parts = partsOf(instruments)
  const common = { epoch: epochKey(made.version), expires_at: secondOf(made.madeAtMillis + unadoptedMillis) }
  for (const [part, own] of parts.entries())
    await store({ kind: 'put', table, item: { ...common, part: partKey(part), body: gzipSync(`[${own.join(',')}]`) } })
  const head: EpochHead = {
    ...heading,
    parts: parts.length,
    instruments: instruments.length,
    bounded: instruments
      .flatMap(({ risk, boundedBecause }) =>
        boundedBecause === undefined ? [] : [{ instrumentName: risk.instrumentName, reason: boundedBecause }],
      )
      .slice(0, mostBoundedOfHead),
  }
  await store({
    kind: 'put',
    table,
    item: { ...common, part: 'head', made_at_millis: made.madeAtMillis, parts: parts.length, body: packed(head) },
  })
  return head
}

const partsOf = (instruments: readonly MadeInstrument[]): readonly (readonly string[])[] => {
  const parts: string[][] = []
  let size = mostBytesOfPart
  for (const instrument of instruments) {
    const json = JSON.stringify(instrument)
    if (size + json.length > mostBytesOfPart) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(json)
    size += json.length + 1
  }
  return parts
}

export const getRiskEpochHead = async (version: number): Promise<EpochHead | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { epoch: epochKey(version), part: 'head' },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : headOf(Item)
}

const textOf = (item: Item): string => new TextDecoder().decode(gunzipSync(bytes(item, 'body')))

const headOf = (item: Item): EpochHead => {
  const head: EpochHead = JSON.parse(textOf(item))
  return head
}

/** What an epoch was made of and what it came to; it never changes. Undefined where it was never stored, or long ago. */
export const getRiskEpoch = async (version: number): Promise<MadeEpoch | undefined> => {
  const head = await getRiskEpochHead(version)
  if (head === undefined) return undefined
  const instruments: MadeInstrument[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'epoch', value: epochKey(version) },
        sortKeyName: 'part',
        between: [partKey(0), 'part#~'],
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { epoch: epochKey(version), part: after } }),
      },
      (item): readonly MadeInstrument[] => JSON.parse(textOf(item)),
    )
    for (const row of rows) instruments.push(...row)
    after = next
  } while (after !== undefined)
  const { parts: _, instruments: count, bounded: __, ...heading } = head
  if (instruments.length !== count) return undefined
  return { ...heading, instruments }
}

export interface KeptEpoch {
  readonly version: number
  readonly parts: number
}

/** By which a lane decides: it stays until it is told to go. */
export const keepRiskEpoch = (kept: KeptEpoch): Promise<void> => changeParts(kept, { set: {}, remove: ['expires_at'] })

/** From then on it may go; the table drops it some time after. */
export const expireRiskEpoch = (kept: KeptEpoch, atMillis: number): Promise<void> =>
  changeParts(kept, { set: { expires_at: secondOf(atMillis) } })

const changeParts = async (
  { version, parts }: KeptEpoch,
  change: { readonly set: Item; readonly remove?: readonly string[] },
): Promise<void> => {
  const epoch = epochKey(version)
  const keys = ['head', ...Array.from({ length: parts }, (_, part) => partKey(part))]
  for (const part of keys) await store({ kind: 'update', table, key: { epoch, part }, ...change })
}

/** The one row that whoever makes epochs goes through: two at once would take each other's place in the lanes. */
export interface EpochMaking {
  /** Counts the changes of the row. */
  readonly revision: number
  /** Somebody is at it until then, unless they are done before. */
  readonly busyUntilMillis: number
  /** The newest that was stored or begun; the next one is one more. */
  readonly newestVersion: number
  /** Newest set of scenarios. */
  readonly newestSetVersion: number
  /** When the newest was sent to the lanes; absent where it was not. */
  readonly sentAtMillis?: number
  /** By which lanes decide, as far as the table was told. */
  readonly kept: readonly KeptEpoch[]
}

const makingKey = { epoch: 'making', part: 'state' } as const

export const getEpochMaking = async (): Promise<EpochMaking | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: makingKey, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : makingOf(Item)
}

const makingOf = (item: Item): EpochMaking => ({
  revision: integer(item, 'revision'),
  busyUntilMillis: integer(item, 'busy_until_millis'),
  newestVersion: integer(item, 'newest_version'),
  newestSetVersion: integer(item, 'newest_set_version'),
  ...optional('sentAtMillis', item, 'sent_at_millis', integer),
  kept: itemsOf(item, 'kept').map(each => ({ version: integer(each, 'version'), parts: integer(each, 'parts') })),
})

/** Only over the row as it was read; false where somebody has changed it since. */
export const putEpochMaking = (making: EpochMaking, before: EpochMaking | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      ...makingKey,
      revision: making.revision,
      busy_until_millis: making.busyUntilMillis,
      newest_version: making.newestVersion,
      newest_set_version: making.newestSetVersion,
      sent_at_millis: making.sentAtMillis,
      kept: making.kept,
    },
    onlyIf: { revision: before?.revision },
  })

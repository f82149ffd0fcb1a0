import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { ObligationTerms } from '#domain/trading/quoting-obligations.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, text } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { store } from '../writes.ts'

/** All versions, oldest first; a version's number is its place, from 1. */
export interface ObligationTermsRow {
  readonly lane: number
  readonly instrumentId: number
  readonly versions: readonly TermsVersion[]
}

export interface TermsVersion extends ObligationTerms {
  readonly setBy: string
  readonly setAtMillis: number
}

const table = tables.obligationTerms

export const getObligationTerms = async (lane: number, instrumentId: number): Promise<ObligationTermsRow> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { market: marketKeyOf(lane, instrumentId) },
      ConsistentRead: true,
    }),
  )
  return { lane, instrumentId, versions: Item === undefined ? [] : itemsOf(Item, 'versions').map(versionOf) }
}

/** False where somebody has added a version since. */
export const addTermsVersion = ({ lane, instrumentId, versions }: ObligationTermsRow, added: TermsVersion) =>
  store({
    kind: 'put',
    table,
    item: {
      market: marketKeyOf(lane, instrumentId),
      version: versions.length + 1,
      versions: [...versions, added].map(each => ({
        from_millis: each.fromMillis,
        max_spread_ppm: each.maxSpreadPpm,
        min_lots: each.minLots,
        set_by: each.setBy,
        set_at_millis: each.setAtMillis,
      })),
    },
    onlyIf: { version: versions.length === 0 ? undefined : versions.length },
  })

const versionOf = (item: Item): TermsVersion => ({
  fromMillis: integer(item, 'from_millis'),
  maxSpreadPpm: integer(item, 'max_spread_ppm'),
  minLots: integer(item, 'min_lots'),
  setBy: text(item, 'set_by'),
  setAtMillis: integer(item, 'set_at_millis'),
})

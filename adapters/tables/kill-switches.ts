import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type KillScope, killScopes } from '#domain/trading/commands.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface KillSwitchRow {
  readonly lane: number
  readonly scope: KillScope
  /** Of scope account; 0 otherwise. */
  readonly accountId: number
  /** Of scope firm; empty otherwise. */
  readonly firm: string
  readonly isOn: boolean
  readonly cancelledOrders: number
  readonly changedAtMillis: number
}

const table = tables.killSwitches

const subjectOf = ({ scope, accountId, firm }: Pick<KillSwitchRow, 'scope' | 'accountId' | 'firm'>): string =>
  scope === 'account' ? `account#${accountId}` : scope === 'firm' ? `firm#${firm}` : 'lane'

/** Whether any switch that covers the account is on: its own, its firm's, its lane's. */
export const isKilled = async (lane: number, accountId: number, firm: string): Promise<boolean> => {
  const found = await Promise.all(
    killScopes.map(scope =>
      dynamodb().send(
        new GetCommand({
          TableName: required(table.environmentVariable),
          Key: { lane: String(lane), subject: subjectOf({ scope, accountId, firm }) },
          ConsistentRead: true,
        }),
      ),
    ),
  )
  return found.some(({ Item }) => Item !== undefined && killSwitchRowOf(Item).isOn)
}

/** Those that were ever used, by scope and subject. */
export const listKillSwitches = (
  lane: number,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<KillSwitchRow>> =>
  page(
    {
      table,
      partition: { name: 'lane', value: String(lane) },
      sortKeyName: 'subject',
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { lane: String(lane), subject: options.after } }),
    },
    killSwitchRowOf,
  )

export const killSwitchPut = (row: KillSwitchRow): Write => ({
  kind: 'put',
  table,
  item: {
    lane: String(row.lane),
    subject: subjectOf(row),
    scope: row.scope,
    account_id: row.accountId,
    firm: row.firm,
    is_on: row.isOn,
    cancelled_orders: row.cancelledOrders,
    changed_at_millis: row.changedAtMillis,
  },
})

const killSwitchRowOf = (item: Item): KillSwitchRow => ({
  lane: Number(text(item, 'lane')),
  scope: oneOf(item, 'scope', killScopes),
  accountId: integer(item, 'account_id'),
  firm: text(item, 'firm'),
  isOn: truth(item, 'is_on'),
  cancelledOrders: integer(item, 'cancelled_orders'),
  changedAtMillis: integer(item, 'changed_at_millis'),
})

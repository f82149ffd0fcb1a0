import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { ProtectionLimits } from '#domain/trading/commands.ts'
import { tables } from '#protocol/tables.ts'
import { accountNumberOf } from '../account-keys.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, optional, text, truth } from '../items.ts'
import type { Write } from '../writes.ts'

/** One account of one lane. */
export interface Maker {
  readonly lane: number
  readonly accountId: number
}

export interface ProtectionRow extends ProtectionLimits {
  readonly name: string
  readonly isFrozen: boolean
  /** 0 until it is reset. */
  readonly frozenUntilMillis: number
  readonly triggeredAtMillis?: number
}

export interface DeadManRow {
  readonly timeoutMillis: number
  /** 0 is off. */
  readonly expiresAtMillis: number
  readonly firedAtMillis?: number
  readonly cancelledOrders?: number
}

const table = tables.marketMakers
const deadManSetting = 'dead-man'
const protectionOf = (groupHash: string): string => `protection#${groupHash}`

const get = async ({ lane, accountId }: Maker, setting: string): Promise<Item | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account_number: accountNumberOf(lane, accountId), setting },
      ConsistentRead: true,
    }),
  )
  return Item
}

const update = ({ lane, accountId }: Maker, setting: string, set: Item): Write => ({
  kind: 'update',
  table,
  key: { account_number: accountNumberOf(lane, accountId), setting },
  set,
})

/** Undefined where the group never had limits: a group that only quotes has none. */
export const getProtection = async (maker: Maker, groupHash: string): Promise<ProtectionRow | undefined> => {
  const item = await get(maker, protectionOf(groupHash))
  return item?.['name'] === undefined ? undefined : protectionRowOf(item)
}

/** Whether the group is frozen stays as it is. */
export const protectionSet = (
  maker: Maker,
  groupHash: string,
  { name, intervalMillis, frozenMillis, amountLimitLots, deltaLimitLots }: ProtectionLimits & { readonly name: string },
): Write =>
  update(maker, protectionOf(groupHash), {
    name,
    interval_millis: intervalMillis,
    frozen_millis: frozenMillis,
    amount_limit_lots: amountLimitLots,
    delta_limit_lots: deltaLimitLots,
  })

export const protectionTriggered = (
  maker: Maker,
  groupHash: string,
  frozenUntilMillis: number,
  atMillis: number,
): Write =>
  update(maker, protectionOf(groupHash), {
    is_frozen: true,
    frozen_until_millis: frozenUntilMillis,
    triggered_at_millis: atMillis,
  })

export const protectionReset = (maker: Maker, groupHash: string): Write =>
  update(maker, protectionOf(groupHash), { is_frozen: false, frozen_until_millis: 0 })

export const getDeadMan = async (maker: Maker): Promise<DeadManRow | undefined> => {
  const item = await get(maker, deadManSetting)
  return item === undefined ? undefined : deadManRowOf(item)
}

export const deadManSet = (maker: Maker, timeoutMillis: number, expiresAtMillis: number): Write =>
  update(maker, deadManSetting, { timeout_millis: timeoutMillis, expires_at_millis: expiresAtMillis })

/** Having fired, it is off. */
export const deadManFired = (maker: Maker, atMillis: number, cancelledOrders: number): Write =>
  update(maker, deadManSetting, {
    timeout_millis: 0,
    expires_at_millis: 0,
    fired_at_millis: atMillis,
    cancelled_orders: cancelledOrders,
  })

const protectionRowOf = (item: Item): ProtectionRow => ({
  name: text(item, 'name'),
  intervalMillis: integer(item, 'interval_millis'),
  frozenMillis: integer(item, 'frozen_millis'),
  amountLimitLots: integer(item, 'amount_limit_lots'),
  deltaLimitLots: integer(item, 'delta_limit_lots'),
  isFrozen: item['is_frozen'] !== undefined && truth(item, 'is_frozen'),
  frozenUntilMillis: item['frozen_until_millis'] === undefined ? 0 : integer(item, 'frozen_until_millis'),
  ...optional('triggeredAtMillis', item, 'triggered_at_millis', integer),
})

const deadManRowOf = (item: Item): DeadManRow => ({
  timeoutMillis: integer(item, 'timeout_millis'),
  expiresAtMillis: integer(item, 'expires_at_millis'),
  ...optional('firedAtMillis', item, 'fired_at_millis', integer),
  ...optional('cancelledOrders', item, 'cancelled_orders', integer),
})

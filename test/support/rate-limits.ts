import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import type { UpdateCommandInput, UpdateCommandOutput } from '@aws-sdk/lib-dynamodb'
import type { TakeFromBucket } from '#adapters/tables/rate-limits.ts'
import { roles } from '#protocol/permissions.ts'
import { type RateLimits, rateLimits } from '#protocol/rate-limits.ts'

/** The same for every role. */
export const sameRateLimits = (perSecond: number, burst: number): RateLimits =>
  rateLimits.parse(Object.fromEntries(roles.map(role => [role, { perSecond, burst }])))

/** No test comes near them. */
export const generousRateLimits = sameRateLimits(100_000, 1_000_000)

/** What the table does with a bucket, in memory: the two conditions of `takeFromBucket`. */
export const takeInMemory = (
  stored: number | undefined,
  { knownSpentUntilMicros, nowMicros, takeMicros, depthMicros }: Omit<TakeFromBucket, 'credential'>,
): { readonly taken: boolean; readonly spentUntilMicros: number } => {
  const isThoughtFull = knownSpentUntilMicros < nowMicros
  const isFull = stored === undefined || stored < nowMicros
  if (isThoughtFull !== isFull) return { taken: false, spentUntilMicros: stored ?? 0 }
  const spentUntilMicros = (isFull ? nowMicros : stored) + takeMicros
  return isFull || spentUntilMicros <= nowMicros + depthMicros
    ? { taken: true, spentUntilMicros }
    : { taken: false, spentUntilMicros: stored }
}

/** The request that `takeFromBucket` makes of its table, answered in memory. */
export const updateBucket = (
  rows: Map<string, Readonly<Record<string, unknown>>>,
  key: string,
  { ConditionExpression = '', ExpressionAttributeValues = {} }: UpdateCommandInput,
): UpdateCommandOutput => {
  const value = (name: string): number => Number(ExpressionAttributeValues[name])
  const stored = rows.get(key)?.['spent_until_micros']
  const isThoughtFull = ConditionExpression.startsWith('attribute_not_exists(')
  const { taken, spentUntilMicros } = takeInMemory(typeof stored === 'number' ? stored : undefined, {
    nowMicros: value(':now'),
    takeMicros: value(':take'),
    depthMicros: isThoughtFull ? 0 : value(':most') - value(':now') + value(':take'),
    knownSpentUntilMicros: value(':now') + (isThoughtFull ? -1 : 0),
  })
  if (!taken)
    throw new ConditionalCheckFailedException({
      message: 'The conditional request failed',
      $metadata: {},
      Item: { spent_until_micros: { N: String(spentUntilMicros) } },
    })
  rows.set(key, { spent_until_micros: spentUntilMicros })
  return { Attributes: { spent_until_micros: spentUntilMicros }, $metadata: {} }
}

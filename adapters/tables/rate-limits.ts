import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { integer } from '../items.ts'

export interface TakeFromBucket {
  readonly credential: string
  readonly takeMicros: number
  /** How far ahead of now the bucket may be spent afterwards. */
  readonly depthMicros: number
  readonly nowMicros: number
  /** Until when it was spent when it was last heard of: in the past it is full, and begins anew. */
  readonly knownSpentUntilMicros: number
}

/** A request waits for it: what takes longer counts as not to be had. */
const answerMillis = 5_000
/** A bucket that was full so long ago is the same as none. */
const keptSeconds = 3_600
const secondMicros = 1_000_000

/**
 * Moves ahead until when the bucket is spent, by one addition that serves any number of callers at once. Where it does
 * not, it tells until when the bucket is spent. An attempt that is repeated because its answer was lost takes twice: the
 * first portion is nobody's then, and the limit holds.
 */
export const takeFromBucket = async (
  take: TakeFromBucket,
): Promise<{ readonly taken: boolean; readonly spentUntilMicros: number }> => {
  const { nowMicros, takeMicros } = take
  const full = take.knownSpentUntilMicros < nowMicros
  const farthestMicros = Math.max(take.knownSpentUntilMicros, nowMicros + take.depthMicros)
  try {
    const { Attributes } = await dynamodb().send(
      new UpdateCommand({
        TableName: required(tables.rateLimits.environmentVariable),
        Key: { credential: take.credential },
        UpdateExpression: `SET spent_until_micros = ${full ? ':now + :take' : 'spent_until_micros + :take'}, expires_at = :expires`,
        ConditionExpression: full
          ? 'attribute_not_exists(spent_until_micros) OR spent_until_micros < :now'
          : 'spent_until_micros BETWEEN :now AND :most',
        ExpressionAttributeValues: {
          ':now': nowMicros,
          ':take': takeMicros,
          ...(full ? {} : { ':most': nowMicros + take.depthMicros - takeMicros }),
          ':expires': Math.ceil(farthestMicros / secondMicros) + keptSeconds,
        },
        ReturnValues: 'UPDATED_NEW',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
      { abortSignal: AbortSignal.timeout(answerMillis) },
    )
    return { taken: true, spentUntilMicros: integer(Attributes ?? {}, 'spent_until_micros') }
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return { taken: false, spentUntilMicros: spentUntil(error) }
    throw late(error)
  }
}

/** The library leaves the item of a failed condition as it came. No item: it was full, and is gone. */
const spentUntil = ({ Item }: ConditionalCheckFailedException): number => {
  const stored = Item?.['spent_until_micros']?.N
  return stored === undefined ? 0 : integer({ spent_until_micros: Number(stored) }, 'spent_until_micros')
}

const late = (error: unknown): unknown =>
  error instanceof Error && error.name === 'AbortError'
    ? Object.assign(new Error(`the rate limits did not answer within ${answerMillis} ms`, { cause: error }), {
        name: 'TimeoutError',
      })
    : error

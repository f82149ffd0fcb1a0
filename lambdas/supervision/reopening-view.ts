import type * as z from 'zod'
import type { ReopeningRow } from '#adapters/tables/lane-reopenings.ts'
import type { laneReopening } from '#protocol/operations/supervision.ts'

/** The workflow ends long before, one way or the other: a row that has not ended then has lost its workflow. */
const longestReopeningMillis = 20 * 60 * 1_000

export const isUnderWay = ({ state, startedAtMillis }: ReopeningRow, nowMillis: number): boolean =>
  state !== 'reopened' && state !== 'failed' && nowMillis - startedAtMillis < longestReopeningMillis

type Begun = Pick<ReopeningRow, 'reopeningId' | 'requestedBy' | 'startedAtMillis'> & Partial<ReopeningRow>

export const reopeningOf = ({
  reopeningId,
  requestedBy,
  startedAtMillis,
  ...row
}: Begun): z.infer<typeof laneReopening> => ({
  reopening_id: reopeningId,
  reopening_state: row.state ?? 'verifying',
  requested_by: requestedBy,
  started_at: instantOf(startedAtMillis),
  updated_at: instantOf(row.updatedAtMillis ?? startedAtMillis),
  failure: row.failure ?? null,
  auctions_end_at: row.auctionsEndAtMillis === undefined ? null : instantOf(row.auctionsEndAtMillis),
})

const instantOf = (millis: number): string => new Date(millis).toISOString()

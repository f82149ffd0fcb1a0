import { isEpochDue, riskLaneOf } from '#adapters/tables/risk-lanes.ts'
import { type ItemChange, logger, metrics, serveTableStream } from '../shell/stream.ts'
import { renewRiskEpoch } from './risk-epoch-making.ts'

/**
 * At once where an engine has found its epoch to be out of date: a mark went beyond every scenario, or a contract became
 * another one. What comes while one is being made is left to the minute.
 */
export const handler = serveTableStream(async changes => {
  if (changes.some(hasBecomeDue)) await renewRiskEpoch({ logger, metrics })
})

const hasBecomeDue = ({ now, before }: ItemChange): boolean => {
  if (now === undefined) return false
  const row = riskLaneOf(now)
  return isEpochDue(row) && (before === undefined || riskLaneOf(before).dueVersion !== row.dueVersion)
}

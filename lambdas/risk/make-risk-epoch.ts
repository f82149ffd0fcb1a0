import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { renewRiskEpoch } from './risk-epoch-making.ts'

/** Each minute: an epoch of risk, where the one in force is too old, or what it was made of has changed. */
export const handler = serveSchedule(() => renewRiskEpoch({ logger, metrics }))

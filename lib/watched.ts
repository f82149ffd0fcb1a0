import type { schedules, workflows } from '#protocol/functions.ts'
import type { MetricName } from '#protocol/metrics.ts'
import type { Runbook } from './alarms.ts'

/** What a scheduled function reports, summed over five minutes, and from when on that is for an operator. */
export interface WatchedFigure {
  readonly metric: MetricName<'task'>
  /** Of one and more by default; with `atLeast` it is missed where there is none. */
  readonly atLeast?: true
  readonly periods: number
  readonly runbook: Runbook
  readonly says: string
}

export const watchedFigures: Readonly<Partial<Record<(typeof schedules)[number]['name'], readonly WatchedFigure[]>>> = {
  'take-fixings': [
    { metric: 'FixingsMissed', periods: 1, runbook: 'index-unavailable', says: 'had nothing to make a fixing of' },
    {
      metric: 'FixingsFallback',
      periods: 3,
      runbook: 'index-unavailable',
      says: 'has fallen back on earlier fixings for a quarter of an hour',
    },
    {
      metric: 'OracleFailures',
      periods: 3,
      runbook: 'index-unavailable',
      says: 'has got nothing from the oracle service for a quarter of an hour',
    },
  ],
  'sweep-sla': [
    {
      metric: 'SlaContractsNotSwept',
      periods: 1,
      runbook: 'sla-enforcement',
      says: 'could not close the windows of some contracts, or not have their months assessed',
    },
    {
      metric: 'SlaWindowsBehind',
      periods: 6,
      runbook: 'sla-enforcement',
      says: 'has been behind with closing windows for half an hour',
    },
  ],
  'mark-instruments': [
    {
      metric: 'MarkPasses',
      atLeast: true,
      periods: 1,
      runbook: 'marks-stale',
      says: 'has marked nothing for five minutes',
    },
    {
      metric: 'InstrumentsUnmarked',
      periods: 6,
      runbook: 'marks-stale',
      says: 'has known nothing of what some instruments are worth for half an hour',
    },
  ],
}

/** Where operators read what to do about an execution that failed, or that took longer than it may. */
export const workflowRunbooks: Readonly<Record<(typeof workflows)[number]['name'], Runbook>> = {
  'open-account': 'workflow-failures',
  'lane-reopening': 'workflow-failures',
  'cash-settlement': 'settlement-failed',
  'sla-enforcement': 'sla-enforcement',
}

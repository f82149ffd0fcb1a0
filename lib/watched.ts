import type { schedules, workflows } from '#protocol/functions.ts'
import type { MetricName } from '#protocol/metrics.ts'
import type { Runbook } from './alarms.ts'

/** What a scheduled function reports, by five minutes, and from when on that is for an operator. */
export interface WatchedFigure {
  readonly metric: MetricName<'task'>
  /** The sum, unless told. */
  readonly statistic?: 'max'
  /** One, unless told; with `atLeast` it is missed where there is less. */
  readonly threshold?: number
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
  'sweep-deliveries': [
    {
      metric: 'DeliveriesNotSwept',
      periods: 1,
      runbook: 'delivery-failed',
      says: 'could not have some contracts delivered, or not go on with some deliveries',
    },
    {
      metric: 'DeliveriesBroken',
      periods: 3,
      runbook: 'delivery-failed',
      says: 'has seen deliveries whose workflow broke for a quarter of an hour',
    },
  ],
  'sweep-auctions': [
    {
      metric: 'AuctionsNotSwept',
      periods: 1,
      runbook: 'day-ahead-failed',
      says: 'could not open or close some gates of day-ahead auctions, or not have them cleared',
    },
    {
      metric: 'AuctionsOverdue',
      periods: 3,
      runbook: 'day-ahead-failed',
      says: 'has seen day-ahead auctions that are not booked a quarter of an hour after their gate closed',
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
  'make-risk-epoch': [
    {
      metric: 'RiskEpochPasses',
      atLeast: true,
      periods: 1,
      runbook: 'risk-epoch-old',
      says: 'has not looked at the risk of anything for five minutes',
    },
    {
      metric: 'RiskEpochOverdueMillis',
      statistic: 'max',
      threshold: 300_000,
      periods: 1,
      runbook: 'risk-epoch-old',
      says: 'leaves margin to be computed by an epoch of risk that is older than it may become',
    },
    {
      metric: 'RiskEpochsRefused',
      threshold: 3,
      periods: 2,
      runbook: 'risk-epoch-old',
      says: 'makes epochs of risk that lanes do not adopt',
    },
  ],
  'sweep-capacity': [
    {
      metric: 'CapacitySweeps',
      atLeast: true,
      periods: 2,
      runbook: 'capacity-unplanned',
      says: 'has not looked at requests for capacity for ten minutes',
    },
    {
      metric: 'CapacityRequestsOverdue',
      periods: 2,
      runbook: 'capacity-unplanned',
      says: 'leaves requests for capacity without a plan for more than half an hour',
    },
    {
      metric: 'AllocationsStuck',
      periods: 2,
      runbook: 'capacity-unplanned',
      says: 'cannot go on with allocations of capacity',
    },
  ],
  'procure-capacity': [
    {
      metric: 'ProcurementsStuck',
      periods: 2,
      runbook: 'capacity-unplanned',
      says: 'cannot bid for accounts as their procurement policies say',
    },
  ],
  'sweep-arbitrage': [
    {
      metric: 'ArbitrageSweeps',
      atLeast: true,
      periods: 2,
      runbook: 'arbitrage-failed',
      says: 'has not followed policies of arbitrage for ten minutes',
    },
  ],
  'sweep-partners': [
    {
      metric: 'PartnerSweeps',
      atLeast: true,
      periods: 2,
      runbook: 'purchase-failed',
      says: 'has not looked at purchases and expiring lots for ten minutes',
    },
    {
      metric: 'PurchasesStuck',
      periods: 2,
      runbook: 'purchase-failed',
      says: 'has had to begin purchases anew for ten minutes',
    },
  ],
}

/** Where operators read what to do about an execution that failed, or that took longer than it may. */
export const workflowRunbooks: Readonly<Record<(typeof workflows)[number]['name'], Runbook>> = {
  'open-account': 'workflow-failures',
  'lane-reopening': 'workflow-failures',
  'cash-settlement': 'settlement-failed',
  'collateral-liquidation': 'liquidation-failed',
  'sla-enforcement': 'sla-enforcement',
  'day-ahead-auction': 'day-ahead-failed',
  'physical-settlement': 'delivery-failed',
  'capacity-plan': 'capacity-unplanned',
  'partner-purchase': 'purchase-failed',
  'arbitrage-execution': 'arbitrage-failed',
}

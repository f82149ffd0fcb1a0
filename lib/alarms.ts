import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { Construct } from 'constructs'

/** The pages of docs/runbooks: what an alarm means, what to look at, what to do. */
export const runbooks = [
  'api-errors',
  'arbitrage-failed',
  'audit-behind',
  'day-ahead-failed',
  'capacity-unplanned',
  'dead-letters',
  'delivery-failed',
  'events-missing',
  'function-errors',
  'index-unavailable',
  'iterator-age',
  'lane-halted',
  'liquidation-failed',
  'marks-stale',
  'matcher-down',
  'matcher-lag',
  'purchase-failed',
  'quarantined-record',
  'risk-epoch-old',
  'settlement-failed',
  'sla-enforcement',
  'snapshots-old',
  'standby-missing',
  'throttles',
  'workflow-failures',
] as const
export type Runbook = (typeof runbooks)[number]

/** An alarm that tells the tenant's operators, and where they read what to do. */
export const alarm = (
  scope: Construct,
  id: string,
  topic: ITopic,
  options: {
    readonly metric: IMetric
    readonly threshold: number
    /** A figure that is missed when it falls below the threshold; otherwise it is one to stay below. */
    readonly atLeast?: true
    readonly periods?: number
    readonly runbook: Runbook
    readonly says: string
  },
): Alarm => {
  const made = new Alarm(scope, `${id}Alarm`, {
    metric: options.metric,
    threshold: options.threshold,
    evaluationPeriods: options.periods ?? 1,
    comparisonOperator: options.atLeast
      ? ComparisonOperator.LESS_THAN_THRESHOLD
      : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // Silence is what a figure that must be there is about, and no news of an error that did not happen.
    treatMissingData: options.atLeast ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    alarmDescription: `${options.says}. Runbook: docs/runbooks/${options.runbook}.md`,
  })
  made.addAlarmAction(new SnsAction(topic))
  made.addOkAction(new SnsAction(topic))
  return made
}

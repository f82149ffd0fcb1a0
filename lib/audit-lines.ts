import { CfnSubscriptionFilter, type ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { DataStack } from './data-stack.ts'

/** Lines of the log group that match go to the stream of audit lines, within seconds and at least once. */
export const subscribeAudit = (
  scope: Construct,
  id: string,
  { data, logGroup, pattern }: { readonly data: DataStack; readonly logGroup: ILogGroup; readonly pattern: string },
): void => {
  new CfnSubscriptionFilter(scope, id, {
    logGroupName: logGroup.logGroupName,
    filterPattern: pattern,
    destinationArn: data.audit.lines.streamArn,
    roleArn: data.audit.logsRole.roleArn,
    // One shard: by stream or at random makes no difference, but by stream a function's lines stay in order.
    distribution: 'ByLogStream',
  })
}

import { Dashboard, type IWidget, PeriodOverride } from 'aws-cdk-lib/aws-cloudwatch'
import { Duration, Stack, type StackProps } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import type { Tenant } from './tenant.ts'

/** One page: the door, the matcher, then a row for each context. */
export class DashboardStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { readonly tenant: Tenant; readonly rows: readonly IWidget[][] },
  ) {
    super(scope, id, props)
    new Dashboard(this, 'Dashboard', {
      dashboardName: `compute-exchange-${props.tenant.name}`,
      defaultInterval: Duration.hours(3),
      periodOverride: PeriodOverride.AUTO,
      widgets: [...props.rows],
    })
  }
}

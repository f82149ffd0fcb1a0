import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Duration, RemovalPolicy } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { pascalCase } from '#protocol/functions.ts'
import { metricsNamespace } from '#protocol/metrics.ts'
import type { Context } from '#protocol/operation.ts'
import { laneBudgetsEnvironmentVariable, lanesEnvironmentVariable } from '#protocol/streams.ts'
import { alarm } from './alarms.ts'
import type { Bundles } from './bundles.ts'
import type { DataStack } from './data-stack.ts'
import type { Tenant } from './tenant.ts'

/** What every stack is given. */
export interface Surroundings {
  readonly tenant: Tenant
  readonly data: DataStack
  readonly bundles: Bundles
}

/**
 * One Lambda function with a role and a log group of its own. It may write its logs and nothing else: the rest is given
 * by `access`.
 */
export const exchangeFunction = (
  scope: Construct,
  { tenant, data, bundles }: Surroundings,
  options: {
    readonly context: Context
    /** kebab-case; the construct is `<Name>Function`. */
    readonly name: string
    readonly bundle: string
    readonly megabytes: number
    readonly timeoutSeconds: number
    readonly description: string
    readonly environment?: Readonly<Record<string, string>>
  },
): LambdaFunction => {
  const id = pascalCase(options.name)
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: tenant.retention.logDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
  role.addToPolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  )
  const lambda = new LambdaFunction(scope, `${id}Function`, {
    description: options.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(bundles.functionFolder(options.bundle)),
    memorySize: options.megabytes,
    timeout: Duration.seconds(options.timeoutSeconds),
    role,
    logGroup,
    environment: {
      TENANT: tenant.name,
      [lanesEnvironmentVariable]: tenant.lanes.join(','),
      ...(tenant.laneBudgets ? { [laneBudgetsEnvironmentVariable]: 'true' } : {}),
      POWERTOOLS_SERVICE_NAME: options.context,
      POWERTOOLS_METRICS_NAMESPACE: metricsNamespace,
      POWERTOOLS_LOG_LEVEL: 'INFO',
      ...options.environment,
    },
  })
  alarm(lambda, 'Errors', data.alarmTopic, {
    metric: lambda.metricErrors({ period: Duration.minutes(5) }),
    threshold: 1,
    runbook: 'function-errors',
    says: `${options.name} threw`,
  })
  alarm(lambda, 'Throttles', data.alarmTopic, {
    metric: lambda.metricThrottles({ period: Duration.minutes(5) }),
    threshold: 1,
    runbook: 'throttles',
    says: `${options.name} was refused concurrency`,
  })
  return lambda
}

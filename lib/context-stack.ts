import { GraphWidget, type IMetric, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { type Function as LambdaFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { auditLinePattern } from '#protocol/audit.ts'
import {
  isWanted,
  pascalCase,
  projectors,
  type StreamConsumer,
  schedules,
  streamConsumers,
} from '#protocol/functions.ts'
import type { MetricName } from '#protocol/metrics.ts'
import { type Context, weightOf } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import { access, callerOf, type WorkflowArns } from './access.ts'
import { alarm } from './alarms.ts'
import { subscribeAudit } from './audit-lines.ts'
import { httpBundle } from './bundles.ts'
import { grantOf } from './context-access.ts'
import { contextAccess } from './contexts/all.ts'
import { exchangeFunction, type Surroundings } from './functions.ts'
import { publishedMetric, publishedMetricsOfContext } from './published-metrics.ts'
import { acknowledge } from './rules.ts'
import { watchedFigures } from './watched.ts'

/** API Gateway gives up after 29 s. */
const httpTimeoutSeconds = 29
const streamTimeoutSeconds = 60
const retryAttempts = 10
const maxRecordAgeHours = 6
const recordsPerBatch = 200
/** An audit line is tried for as long as its stream keeps it at least: passed over, it would be lost. */
const auditRecordAgeHours = 24
/** Nobody waits for the audit trail; what gathers meanwhile is one transaction and one object. */
const auditBatchSeconds = 2
/** What else no order waits for, where low cost is asked for. */
const gatheringSeconds = 1
const descriptions: Readonly<Partial<Record<StreamConsumer['reads'], string>>> = {
  executions: 'Reads the executions of every lane',
  'audit-lines': 'Chains the lines of the audit trail and stores them',
}

/** One context: its HTTP function, its stream consumers and schedules, what they may touch, their alarms and figures. */
export class ContextStack extends Stack {
  readonly httpFunction: LambdaFunction
  readonly row: IWidget[]
  private readonly surroundings: Surroundings & { readonly context: Context; readonly workflows: WorkflowArns }
  private readonly consumers: readonly LambdaFunction[]
  private readonly lag: IMetric[] = []
  private readonly dead: IMetric[] = []

  constructor(
    scope: Construct,
    id: string,
    props: StackProps & Surroundings & { readonly context: Context; readonly workflows: WorkflowArns },
  ) {
    super(scope, id, props)
    this.surroundings = props
    const { context, tenant } = props
    this.httpFunction = this.makeFunction(`${context}-http`, {
      bundle: httpBundle(context),
      grant: 'http',
      megabytes: tenant.sizes.httpMegabytes,
      timeoutSeconds: httpTimeoutSeconds,
      description: `The HTTP operations of ${context}`,
    })
    this.limitCredentials()
    subscribeAudit(this, 'HttpAuditLines', {
      data: props.data,
      logGroup: this.httpFunction.logGroup,
      pattern: auditLinePattern,
    })
    this.consumers = streamConsumers
      .filter(consumer => consumer.context === context)
      .filter(consumer => isWanted(consumer, tenant))
      .map(consumer => this.makeConsumer(consumer))
    const scheduled = schedules.filter(each => each.context === context).map(({ name }) => this.makeScheduled(name))
    this.row = this.makeRow([this.httpFunction, ...this.consumers, ...scheduled])
  }

  /** Whoever answers credentials counts what each of them takes; what is public belongs to none. */
  private limitCredentials(): void {
    const { context, data, tenant } = this.surroundings
    if (!operations.some(each => each.context === context && weightOf(each) !== undefined)) return
    this.httpFunction.addEnvironment(rateLimitsEnvironmentVariable, JSON.stringify(tenant.sizes.rateLimits))
    access(callerOf(this.httpFunction), data).table('rateLimits', 'UpdateItem')
  }

  private makeFunction(
    name: string,
    options: {
      readonly bundle: string
      readonly grant: string
      readonly megabytes: number
      readonly timeoutSeconds: number
      readonly description: string
    },
  ): LambdaFunction {
    const { context, data, workflows } = this.surroundings
    const lambda = exchangeFunction(this, this.surroundings, { context, name, ...options })
    grantOf(contextAccess[context], options.grant)(access(callerOf(lambda), data, workflows))
    return lambda
  }

  /** Where what a function could not take in goes: for streams the place of the records, not the records. */
  private makeDeadLetters(name: string): Queue {
    const queue = new Queue(this, `${pascalCase(name)}DeadLetters`, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(queue, 'SQS3', 'It is the dead-letter queue')
    const depth = queue.metricApproximateNumberOfMessagesVisible({ label: name, period: Duration.minutes(1) })
    this.dead.push(depth)
    alarm(queue, 'Depth', this.surroundings.data.alarmTopic, {
      metric: depth,
      threshold: 1,
      runbook: 'dead-letters',
      says: `${name} gave up on something`,
    })
    return queue
  }

  private makeConsumer({ name, reads, gathers }: StreamConsumer): LambdaFunction {
    const { data, tenant } = this.surroundings
    const lambda = this.makeFunction(name, {
      bundle: name,
      grant: name,
      megabytes: tenant.sizes.streamMegabytes,
      timeoutSeconds: streamTimeoutSeconds,
      description: descriptions[reads] ?? `Reads the changes of ${reads}`,
    })
    const deadLetters = this.makeDeadLetters(name)
    const isAudit = reads === 'audit-lines'
    const map = (id: string, eventSourceArn: string) =>
      lambda.addEventSourceMapping(id, {
        eventSourceArn,
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: recordsPerBatch,
        parallelizationFactor: 1,
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        ...(isAudit
          ? {
              maxRecordAge: Duration.hours(auditRecordAgeHours),
              maxBatchingWindow: Duration.seconds(auditBatchSeconds),
            }
          : { retryAttempts, maxRecordAge: Duration.hours(maxRecordAgeHours) }),
        ...(gathers === true && tenant.streamRead === 'polling'
          ? { maxBatchingWindow: Duration.seconds(gatheringSeconds) }
          : {}),
        onFailure: { bind: () => ({ destination: deadLetters.queueArn }) },
      })
    const allow = (actions: readonly string[], ...resources: readonly string[]) =>
      lambda.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }))
    allow(['kms:Decrypt'], data.key.keyArn)
    // Of what the CDK's own SqsDlq grants, Lambda needs no more.
    allow(['sqs:SendMessage'], deadLetters.queueArn)
    const readStream = ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'].map(
      action => `kinesis:${action}`,
    )
    if (reads === 'audit-lines') {
      allow(readStream, data.audit.lines.streamArn)
      map('AuditLines', data.audit.lines.streamArn)
      alarm(lambda, 'BatchFailures', data.alarmTopic, {
        metric: publishedMetric(
          'stream',
          'BatchFailures',
          { service: this.surroundings.context, function: lambda.functionName },
          { statistic: 'sum', period: Duration.minutes(5) },
        ),
        threshold: 3,
        runbook: 'audit-behind',
        says: `${name} cannot chain or store audit records`,
      })
    } else if (reads === 'executions') {
      for (const { lane, executions } of data.lanes) {
        const consumerArn = data.consumerArn(lane, name)
        allow(readStream, executions.streamArn)
        if (consumerArn !== undefined)
          allow(['kinesis:SubscribeToShard', 'kinesis:DescribeStreamConsumer'], consumerArn)
        map(`Lane${lane}Executions`, consumerArn ?? executions.streamArn)
      }
    } else {
      const { tableStreamArn } = data.tables[reads]
      if (tableStreamArn === undefined) throw new Error(`${name} reads the changes of ${reads}, which has no stream`)
      allow(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], tableStreamArn)
      // The mapping is refused without it, and the action knows no narrower resource.
      allow(['dynamodb:ListStreams'], '*')
      if (lambda.role !== undefined)
        acknowledge(lambda.role, 'IAM5[Resource::*]', 'dynamodb:ListStreams knows no narrower resource')
      map(`${pascalCase(reads)}Changes`, tableStreamArn)
    }
    const age = lambda.metric('IteratorAge', { statistic: 'max', label: name, period: Duration.minutes(1) })
    this.lag.push(age)
    alarm(lambda, 'IteratorAge', data.alarmTopic, {
      metric: age,
      threshold: 60_000,
      periods: 3,
      runbook: isAudit ? 'audit-behind' : 'iterator-age',
      says: `${name} is more than a minute behind its stream`,
    })
    if (projectors.some(projector => projector === name)) this.watchProjection(name, lambda)
    return lambda
  }

  private watchProjection(name: string, lambda: LambdaFunction): void {
    const { context, data } = this.surroundings
    const dimensions = { service: context, function: lambda.functionName }
    const period = Duration.minutes(1)
    this.lag.push(
      publishedMetric('stream', 'ProjectionDelay', dimensions, { statistic: 'max', label: `${name}, delay`, period }),
    )
    alarm(lambda, 'EventsMissing', data.alarmTopic, {
      metric: publishedMetric('stream', 'ProjectionEventsMissing', dimensions, {
        statistic: 'sum',
        period: Duration.minutes(5),
      }),
      threshold: 1,
      runbook: 'events-missing',
      says: `${name} lacks events that the stream does not have any more`,
    })
  }

  private makeScheduled(name: (typeof schedules)[number]['name']): LambdaFunction {
    const { tenant } = this.surroundings
    const lambda = this.makeFunction(name, {
      bundle: name,
      grant: name,
      megabytes: tenant.sizes.taskMegabytes,
      timeoutSeconds: 50,
      description: 'Called each minute',
    })
    new Rule(this, `${pascalCase(name)}Schedule`, {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaTarget(lambda, {
          deadLetterQueue: this.makeDeadLetters(name),
          maxEventAge: Duration.minutes(2),
          retryAttempts: 2,
        }),
      ],
    })
    this.watchFigures(name, lambda)
    return lambda
  }

  private watchFigures(name: (typeof schedules)[number]['name'], lambda: LambdaFunction): void {
    const { context, data } = this.surroundings
    for (const { metric, statistic = 'sum', threshold = 1, atLeast, periods, runbook, says } of watchedFigures[name] ??
      [])
      alarm(lambda, metric, data.alarmTopic, {
        metric: publishedMetric(
          'task',
          metric,
          { service: context, function: lambda.functionName },
          { statistic, period: Duration.minutes(5) },
        ),
        threshold,
        ...(atLeast === undefined ? {} : { atLeast }),
        periods,
        runbook,
        says: `${name} ${says}`,
      })
  }

  private makeRow(lambdas: readonly LambdaFunction[]): IWidget[] {
    const { context } = this.surroundings
    const period = Duration.minutes(1)
    const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 6, height: 6 })
    const byOperation = (metricName: MetricName<'request'>, statistic: string) =>
      publishedMetricsOfContext('request', metricName, context, { statistic, period })
    const failedBatches = this.consumers.map(lambda =>
      publishedMetric(
        'stream',
        'BatchFailures',
        { service: context, function: lambda.functionName },
        { statistic: 'sum', period, label: `${lambda.node.id}, failed batches` },
      ),
    )
    return [
      new TextWidget({ markdown: `## ${context}`, width: 24, height: 1 }),
      graph('Requests by operation', [byOperation('Latency', 'SampleCount')]),
      graph('Errors by code', [
        publishedMetricsOfContext('problem', 'Problems', context, { statistic: 'Sum', period }),
      ]),
      graph('Latency p50 by operation', [byOperation('Latency', 'p50')]),
      graph('Latency p99 by operation', [byOperation('Latency', 'p99')]),
      graph('Refused by operation', [byOperation('Refused', 'Sum')]),
      graph('Failed by operation', [byOperation('Failed', 'Sum')]),
      graph('Errors, failed batches, dead letters', [
        ...lambdas.map(lambda => lambda.metricErrors({ period, label: lambda.node.id })),
        ...failedBatches,
        ...this.dead,
      ]),
      // A context that reads no stream is behind none.
      ...(this.lag.length === 0 ? [] : [graph('Lag behind the stream', this.lag)]),
      graph(
        'Invocations',
        lambdas.map(lambda => lambda.metricInvocations({ period, label: lambda.node.id })),
      ),
      graph(
        'Duration p99',
        lambdas.map(lambda => lambda.metricDuration({ period, statistic: 'p99', label: lambda.node.id })),
      ),
    ]
  }
}

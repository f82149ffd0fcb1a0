import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import { GraphWidget, type IMetric, type IWidget, MathExpression, Metric, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { type Function as LambdaFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda'
import { SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { pascalCase, type StreamConsumer, schedules, streamConsumers } from '#protocol/functions.ts'
import type { Context } from '#protocol/operation.ts'
import { access, callerOf, type WorkflowArns } from './access.ts'
import { alarm } from './alarms.ts'
import { httpBundle } from './bundles.ts'
import { grantOf } from './context-access.ts'
import { contextAccess } from './contexts/all.ts'
import { exchangeFunction, metricsNamespace, type Surroundings } from './functions.ts'
import { acknowledge } from './rules.ts'

/** API Gateway gives up after 29 s. */
const httpTimeoutSeconds = 29
const streamTimeoutSeconds = 60
const retryAttempts = 10
const maxRecordAgeHours = 6
const recordsPerBatch = 200

/** One context: its HTTP function, its stream consumers and schedules, what they may touch, their alarms and figures. */
export class ContextStack extends Stack {
  readonly httpFunction: LambdaFunction
  readonly row: IWidget[]
  private readonly surroundings: Surroundings & { readonly context: Context; readonly workflows: WorkflowArns }
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
    const consumers = streamConsumers
      .filter(consumer => consumer.context === context)
      .filter(({ name }) => name !== 'announce-orders' || tenant.announceOrders)
      .map(consumer => this.makeConsumer(consumer))
    const scheduled = schedules.filter(each => each.context === context).map(({ name }) => this.makeScheduled(name))
    if (consumers.length > 0) {
      alarm(this, 'EventsMissing', props.data.alarmTopic, {
        metric: new Metric({
          namespace: metricsNamespace,
          metricName: 'ProjectionEventsMissing',
          dimensionsMap: { service: context },
          statistic: 'sum',
          period: Duration.minutes(5),
        }),
        threshold: 1,
        runbook: 'events-missing',
        says: `A projection of ${context} lacks events that the stream does not have any more`,
      })
    }
    this.row = this.makeRow([this.httpFunction, ...consumers, ...scheduled])
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

  private makeConsumer({ name, reads }: StreamConsumer): LambdaFunction {
    const { data, tenant } = this.surroundings
    const lambda = this.makeFunction(name, {
      bundle: name,
      grant: name,
      megabytes: tenant.sizes.streamMegabytes,
      timeoutSeconds: streamTimeoutSeconds,
      description: reads === 'executions' ? 'Reads the executions of every lane' : `Reads the changes of ${reads}`,
    })
    const deadLetters = this.makeDeadLetters(name)
    const map = (id: string, eventSourceArn: string) =>
      lambda.addEventSourceMapping(id, {
        eventSourceArn,
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: recordsPerBatch,
        parallelizationFactor: 1,
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        retryAttempts,
        maxRecordAge: Duration.hours(maxRecordAgeHours),
        onFailure: new SqsDlq(deadLetters),
      })
    const allow = (actions: readonly string[], ...resources: readonly string[]) =>
      lambda.addToRolePolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }))
    allow(['kms:Decrypt'], data.key.keyArn)
    if (reads === 'executions') {
      for (const { lane, executions } of data.lanes) {
        const consumerArn = data.consumerArn(lane, name)
        const actions = ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards']
        allow(
          actions.map(action => `kinesis:${action}`),
          executions.streamArn,
        )
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
      runbook: 'iterator-age',
      says: `${name} is more than a minute behind its stream`,
    })
    return lambda
  }

  private makeScheduled(name: string): LambdaFunction {
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
    return lambda
  }

  private makeRow(lambdas: readonly LambdaFunction[]): IWidget[] {
    const { context } = this.surroundings
    const period = Duration.minutes(1)
    const graph = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 6, height: 6 })
    /** What the HTTP shell writes for each operation. */
    const byOperation = (metricName: string, statistic: string) =>
      new MathExpression({
        expression: `SEARCH('{${metricsNamespace},context,operation,service} MetricName="${metricName}" context="${context}"', '${statistic}')`,
        usingMetrics: {},
        label: '',
        period,
      })
    return [
      new TextWidget({ markdown: `## ${context}`, width: 24, height: 1 }),
      graph('Requests by operation', [byOperation('Latency', 'SampleCount')]),
      graph('Latency p99 by operation', [byOperation('Latency', 'p99')]),
      graph('Refused by operation', [byOperation('Refused', 'Sum')]),
      graph('Failed by operation', [byOperation('Failed', 'Sum')]),
      graph(
        'Invocations',
        lambdas.map(lambda => lambda.metricInvocations({ period, label: lambda.node.id })),
      ),
      graph(
        'Duration p99',
        lambdas.map(lambda => lambda.metricDuration({ period, statistic: 'p99', label: lambda.node.id })),
      ),
      graph('Errors and dead letters', [
        ...lambdas.map(lambda => lambda.metricErrors({ period, label: lambda.node.id })),
        ...this.dead,
      ]),
      graph('Lag behind the stream', this.lag),
    ]
  }
}

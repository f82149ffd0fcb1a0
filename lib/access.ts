import { type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { CfnParameter, Lazy, Stack } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { auditBucketEnvironmentVariable } from '#protocol/audit.ts'
import { pascalCase, workflowEnvironmentVariable } from '#protocol/functions.ts'
import { insuranceFundEnvironmentVariable } from '#protocol/liquidation.ts'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'
import { partnerServicesEnvironmentVariable } from '#protocol/partner-service.ts'
import {
  busEnvironmentVariable,
  executionStreamEnvironmentVariable,
  orderStreamEnvironmentVariable,
  snapshotBucketEnvironmentVariable,
} from '#protocol/streams.ts'
import { type Table, type TableName, tables } from '#protocol/tables.ts'
import { type DataStack, matcherReader } from './data-stack.ts'
import { acknowledge } from './rules.ts'

/** The local run names services of its own here. */
const partnerServicesParameter = 'PartnerServiceUrls'

/** A function, or a task's container with its role. */
export interface Caller {
  readonly construct: Construct
  readonly role: IRole
  addEnvironment(name: string, value: string): unknown
}

export const callerOf = (lambda: LambdaFunction): Caller => {
  if (lambda.role === undefined) throw new Error(`${lambda.node.path} has no role`)
  return {
    construct: lambda,
    role: lambda.role,
    addEnvironment: (name, value) => lambda.addEnvironment(name, value),
  }
}

type ItemAction = 'GetItem' | 'BatchGetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'ConditionCheckItem'

/** ARNs of the tenant's workflows; asked for late, since a workflow names the functions that ask. */
export type WorkflowArns = (workflow: string) => string

/** Grant and environment variable are given in one act, so that neither is ever there without the other. */
export interface Access {
  /** These actions on the table itself. The items of a transaction need the action of each item. */
  table(table: TableName, ...actions: readonly ItemAction[]): Access
  /** Queries of one of the table's indexes. */
  index(table: TableName, index: string): Access
  /** Commands to the engine; without a lane, in every one. */
  putOrders(lane?: number): Access
  /** As the lane's matcher does: by its fan-out where the tenant has one, by polling else. */
  readOrders(lane: number): Access
  putExecutions(lane: number): Access
  /** From any point, in every lane: a projector that fell behind repairs its gap. */
  readExecutions(): Access
  /** Whether the lanes' streams are there. */
  describeStreams(): Access
  putEvents(): Access
  /** Asks the services of partners: the stack has a parameter with their addresses. */
  askPartners(): Access
  /** Snapshots, quarantined records and the archived streams of one lane. */
  snapshots(lane: number): Access
  /** Adds to the audit trail's table and archive; nobody may change or delete there. */
  appendAudit(): Access
  /** What every function that answers credentials reads and writes for an API key; nothing is touched for a token. */
  identifyKeys(): Access
  /** What the hashes of API keys are keyed by. */
  readPepper(): Access
  /** Whose account in each lane covers losses. */
  insuranceFund(): Access
  /** Where the service is that is asked for quotes of the indices: a parameter of the stack, so that a local run names its own. */
  askOracle(): Access
  startWorkflow(workflow: string): Access
  /** For a task token of the workflow: success and failure, unless told. */
  answerWorkflow(workflow: string, ...answers: readonly ('Success' | 'Failure' | 'Heartbeat')[]): Access
}

/** Anything that reaches a store is given through here: see Access. */
export const access = (caller: Caller, data: DataStack, workflows?: WorkflowArns): Access => {
  const { role } = caller
  const allow = (actions: readonly string[], resources: readonly string[]) =>
    role.addToPrincipalPolicy(new PolicyStatement({ actions: [...actions], resources: [...resources] }))
  const useKey = (...actions: readonly string[]) => allow(actions, [data.key.keyArn])
  const lanesOf = (lane?: number) => data.lanes.filter(each => lane === undefined || each.lane === lane)
  const workflow = (name: string, actions: readonly string[]) => {
    if (workflows === undefined) throw new Error(`${caller.construct.node.path} cannot reach workflows`)
    // A policy of its own: the function's own policy comes before the function, which comes before the workflow.
    const arn = Lazy.string({ produce: () => workflows(name) })
    const policy = new Policy(caller.construct, `${pascalCase(name)}${actions[0]?.replace(/^states:/, '')}`, {
      statements: [new PolicyStatement({ actions: [...actions], resources: [arn] })],
    })
    role.attachInlinePolicy(policy)
    return arn
  }
  const readStream = ['kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards']

  const given: Access = {
    table(name, ...actions) {
      const declared: Table = tables[name]
      const table = data.tables[name]
      caller.addEnvironment(declared.environmentVariable, table.tableName)
      allow(
        actions.map(action => `dynamodb:${action}`),
        [table.tableArn],
      )
      useKey('kms:Decrypt')
      if (actions.some(action => writes.has(action))) useKey('kms:Encrypt', 'kms:GenerateDataKey')
      return given
    },
    index(name, index) {
      const declared: Table = tables[name]
      const known = [...(declared.localIndexes ?? []), ...(declared.globalIndexes ?? [])]
      if (!known.some(each => each.name === index)) throw new Error(`the table ${name} has no index ${index}`)
      caller.addEnvironment(declared.environmentVariable, data.tables[name].tableName)
      allow(['dynamodb:Query'], [`${data.tables[name].tableArn}/index/${index}`])
      useKey('kms:Decrypt')
      return given
    },
    putOrders(only) {
      for (const { lane, orders } of lanesOf(only)) {
        caller.addEnvironment(orderStreamEnvironmentVariable(lane), orders.streamName)
        allow(['kinesis:PutRecord'], [orders.streamArn])
      }
      useKey('kms:GenerateDataKey')
      return given
    },
    readOrders(lane) {
      for (const { orders } of lanesOf(lane)) {
        caller.addEnvironment(orderStreamEnvironmentVariable(lane), orders.streamName)
        allow(['kinesis:DescribeStreamSummary', 'kinesis:ListShards'], [orders.streamArn])
        const consumerArn = data.consumerArn(lane, matcherReader)
        if (consumerArn === undefined) allow(['kinesis:GetRecords', 'kinesis:GetShardIterator'], [orders.streamArn])
        else {
          caller.addEnvironment('ORDER_CONSUMER_ARN', consumerArn)
          allow(['kinesis:SubscribeToShard'], [consumerArn])
        }
      }
      useKey('kms:Decrypt')
      return given
    },
    putExecutions(lane) {
      for (const { executions } of lanesOf(lane)) {
        caller.addEnvironment(executionStreamEnvironmentVariable(lane), executions.streamName)
        // ListShards: a stream with more than one is refused at the start.
        allow(['kinesis:PutRecord', 'kinesis:ListShards'], [executions.streamArn])
      }
      useKey('kms:GenerateDataKey')
      return given
    },
    readExecutions() {
      for (const { lane, executions } of lanesOf()) {
        caller.addEnvironment(executionStreamEnvironmentVariable(lane), executions.streamName)
        allow(readStream, [executions.streamArn])
      }
      useKey('kms:Decrypt')
      return given
    },
    describeStreams() {
      for (const { lane, orders, executions } of lanesOf()) {
        caller.addEnvironment(orderStreamEnvironmentVariable(lane), orders.streamName)
        caller.addEnvironment(executionStreamEnvironmentVariable(lane), executions.streamName)
        allow(['kinesis:DescribeStreamSummary'], [orders.streamArn, executions.streamArn])
      }
      return given
    },
    putEvents() {
      caller.addEnvironment(busEnvironmentVariable, data.bus.eventBusName)
      allow(['events:PutEvents'], [data.bus.eventBusArn])
      return given
    },
    askPartners() {
      const stack = Stack.of(caller.construct)
      const declared = stack.node.tryFindChild(partnerServicesParameter)
      const parameter =
        declared instanceof CfnParameter
          ? declared
          : new CfnParameter(stack, partnerServicesParameter, {
              type: 'String',
              default: JSON.stringify(data.partnerServiceUrls),
              description: 'The services of partners, JSON: an address by provider',
            })
      caller.addEnvironment(partnerServicesEnvironmentVariable, parameter.valueAsString)
      return given
    },
    snapshots(lane) {
      caller.addEnvironment(snapshotBucketEnvironmentVariable, data.snapshots.bucketName)
      const [folder, archive] = [`${lane}/snapshots/*`, `${lane}/archive/*`]
      allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], [data.snapshots.arnForObjects(folder)])
      allow(['s3:PutObject'], [data.snapshots.arnForObjects(`${lane}/quarantine/*`)])
      allow(['s3:GetObject', 's3:PutObject'], [data.snapshots.arnForObjects(archive)])
      role.addToPrincipalPolicy(
        new PolicyStatement({
          actions: ['s3:ListBucket'],
          resources: [data.snapshots.bucketArn],
          conditions: { StringLike: { 's3:prefix': [folder, archive] } },
        }),
      )
      for (const part of ['snapshots', 'quarantine', 'archive'])
        acknowledge(
          role,
          `IAM5[Resource::${data.importNameOf(data.snapshots.bucketArn)}/${lane}/${part}/*]`,
          'Objects are named when they are written; the folder is the lane\u2019s own',
        )
      useKey('kms:Decrypt', 'kms:GenerateDataKey')
      return given
    },
    appendAudit() {
      const { bucket } = data.audit
      caller.addEnvironment(auditBucketEnvironmentVariable, bucket.bucketName)
      allow(['s3:PutObject'], [bucket.arnForObjects('*')])
      acknowledge(
        role,
        `IAM5[Resource::${data.importNameOf(bucket.bucketArn)}/*]`,
        'Objects are named by day and record when they are written; the bucket holds nothing else, and locks them',
      )
      return given.table('audit', 'GetItem', 'PutItem').index('audit', 'by-date')
    },
    identifyKeys() {
      return given.table('apiKeys', 'GetItem', 'UpdateItem').table('nonces', 'PutItem')
    },
    readPepper() {
      caller.addEnvironment(apiKeyPepperEnvironmentVariable, data.apiKeyPepper.secretArn)
      allow(['secretsmanager:GetSecretValue'], [data.apiKeyPepper.secretArn])
      useKey('kms:Decrypt')
      return given
    },
    insuranceFund() {
      caller.addEnvironment(insuranceFundEnvironmentVariable, data.tenant.insuranceFund)
      return given
    },
    askOracle() {
      const oracle = new CfnParameter(Stack.of(caller.construct), 'OracleServiceUrl', {
        type: 'String',
        default: data.tenant.oracleServiceUrl ?? '',
        description: 'The service that is asked for quotes of the indices; empty: none is',
      })
      caller.addEnvironment(oracleEnvironmentVariable, oracle.valueAsString)
      return given
    },
    startWorkflow(name) {
      caller.addEnvironment(workflowEnvironmentVariable(name), workflow(name, ['states:StartExecution']))
      return given
    },
    answerWorkflow(name, ...answers) {
      const told = answers.length === 0 ? (['Success', 'Failure'] as const) : answers
      workflow(
        name,
        told.map(answer => `states:SendTask${answer}`),
      )
      return given
    },
  }
  return given
}

const writes: ReadonlySet<ItemAction> = new Set(['PutItem', 'UpdateItem'])

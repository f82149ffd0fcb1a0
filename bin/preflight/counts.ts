import * as z from 'zod'
import type { Assembly, Resource } from './assembly.ts'

/** How much of everything a tenant takes: what quotas count, and what a month is billed by. */
export interface Counts {
  readonly stacks: number
  readonly resourcesOfLargestStack: number
  readonly functions: number
  readonly reservedConcurrency: number
  /** Each reads one shard with one invocation at a time. */
  readonly eventSourceMappings: number
  /** By requests, workflows and schedules; the others read streams. */
  readonly calledFunctions: number
  readonly shards: number
  /** Longer than the 24 hours that the price of a shard includes. */
  readonly shardsKeptLonger: number
  readonly streamConsumers: number
  readonly consumersOfBusiestStream: number
  readonly matchers: number
  readonly matcherVcpus: number
  readonly matcherGigabytes: number
  readonly networks: number
  readonly interfaceEndpoints: number
  readonly interfaceEndpointZones: number
  readonly gatewayEndpoints: number
  readonly natGateways: number
  readonly elasticIps: number
  readonly tables: number
  readonly restApis: number
  readonly apiResources: number
  readonly customDomains: number
  readonly usagePlans: number
  readonly webAcls: number
  readonly webAclRules: number
  readonly userPools: number
  readonly keys: number
  readonly secrets: number
  readonly buckets: number
  readonly stateMachines: number
  readonly eventBuses: number
  readonly queues: number
  readonly alarms: number
  readonly dashboards: number
  readonly logGroups: number
}

export const countsOf = ({ resources }: Assembly): Counts => {
  const all = (type: string): readonly Resource[] => resources.filter(resource => resource.type === type)
  const number = (type: string) => all(type).length
  const endpoints = (kind: string) =>
    all('AWS::EC2::VPCEndpoint').filter(({ properties }) => properties['VpcEndpointType'] === kind)
  const perStack = Map.groupBy(resources, ({ stack }) => stack)
  const perStream = Map.groupBy(all('AWS::Kinesis::StreamConsumer'), ({ properties }) =>
    JSON.stringify(properties['StreamARN']),
  )
  const tasks = new Map(all('AWS::ECS::TaskDefinition').map(task => [task.logicalId, task]))
  const functions = number('AWS::Lambda::Function')
  const reads = new Set(
    all('AWS::Lambda::EventSourceMapping').map(each => JSON.stringify(each.properties['FunctionName'])),
  )
  const services = all('AWS::ECS::Service').map(({ logicalId, properties }) => {
    const task = tasks.get(reference.parse(properties['TaskDefinition']).Ref)
    if (task === undefined) throw new Error(`the service ${logicalId} has no task definition beside it`)
    return { running: amount(properties['DesiredCount']), task: task.properties }
  })
  return {
    stacks: perStack.size,
    resourcesOfLargestStack: Math.max(...[...perStack.values()].map(each => each.length)),
    functions,
    reservedConcurrency: sum(all('AWS::Lambda::Function'), each => optional(each['ReservedConcurrentExecutions'])),
    eventSourceMappings: number('AWS::Lambda::EventSourceMapping'),
    calledFunctions: functions - reads.size,
    shards: sum(all('AWS::Kinesis::Stream'), each => amount(each['ShardCount'])),
    shardsKeptLonger: sum(all('AWS::Kinesis::Stream'), each =>
      amount(each['RetentionPeriodHours']) > 24 ? amount(each['ShardCount']) : 0,
    ),
    streamConsumers: number('AWS::Kinesis::StreamConsumer'),
    consumersOfBusiestStream: Math.max(0, ...[...perStream.values()].map(each => each.length)),
    matchers: services.reduce((total, { running }) => total + running, 0),
    matcherVcpus: services.reduce((total, { running, task }) => total + (running * amount(task['Cpu'])) / 1024, 0),
    matcherGigabytes: services.reduce(
      (total, { running, task }) => total + (running * amount(task['Memory'])) / 1024,
      0,
    ),
    networks: number('AWS::EC2::VPC'),
    interfaceEndpoints: endpoints('Interface').length,
    interfaceEndpointZones: sum(endpoints('Interface'), each => list(each['SubnetIds']).length),
    gatewayEndpoints: endpoints('Gateway').length,
    natGateways: number('AWS::EC2::NatGateway'),
    elasticIps: number('AWS::EC2::EIP'),
    tables: number('AWS::DynamoDB::GlobalTable'),
    restApis: number('AWS::ApiGateway::RestApi'),
    // With the root, which every API has.
    apiResources: number('AWS::ApiGateway::Resource') + number('AWS::ApiGateway::RestApi'),
    customDomains: number('AWS::ApiGateway::DomainName'),
    usagePlans: number('AWS::ApiGateway::UsagePlan'),
    webAcls: number('AWS::WAFv2::WebACL'),
    webAclRules: sum(all('AWS::WAFv2::WebACL'), each => list(each['Rules']).length),
    userPools: number('AWS::Cognito::UserPool'),
    keys: number('AWS::KMS::Key'),
    secrets: number('AWS::SecretsManager::Secret'),
    buckets: number('AWS::S3::Bucket'),
    stateMachines: number('AWS::StepFunctions::StateMachine'),
    eventBuses: number('AWS::Events::EventBus'),
    queues: number('AWS::SQS::Queue'),
    alarms: number('AWS::CloudWatch::Alarm'),
    dashboards: number('AWS::CloudWatch::Dashboard'),
    logGroups: number('AWS::Logs::LogGroup'),
  }
}

const reference = z.object({ Ref: z.string() })

/** Written as a number or as its digits. */
const amount = (value: unknown): number => z.coerce.number().parse(value)
const optional = (value: unknown): number => (value === undefined ? 0 : amount(value))
const list = (value: unknown): readonly unknown[] => z.array(z.unknown()).parse(value ?? [])
const sum = (resources: readonly Resource[], of: (properties: Resource['properties']) => number): number =>
  resources.reduce((total, { properties }) => total + of(properties), 0)

import type { Tenant } from '#lib/tenant.ts'
import type { Counts } from './counts.ts'

/** As Service Quotas knows it. Codes as in AWS's own pages on endpoints and quotas. */
export interface Quota {
  readonly serviceCode: string
  readonly quotaCode: string
  /** What to ask for where there is too little: never less than what is needed. */
  readonly ask?: number
  /** Counted over all regions, and known to Service Quotas in this one only. */
  readonly region?: 'us-east-1'
}

export interface Need {
  readonly name: string
  readonly count: number
  /** How it is counted, where the template alone does not say. */
  readonly because?: string
  /** Absent where Service Quotas is not asked: far below `limit`, the default that AWS documents, or without one. */
  readonly quota?: Quota
  readonly limit?: number
}

/** An answer that waits for an outcome holds a function longer; most take a tenth of this. */
const secondsOfRequest = 0.1

export const needsOf = (tenant: Tenant, counts: Counts): readonly Need[] => {
  const { requestsPerSecond } = tenant.sizes
  const concurrentRequests = Math.ceil(requestsPerSecond * secondsOfRequest)
  return [
    {
      name: 'Lambda: concurrent executions',
      count:
        Math.max(concurrentRequests, 1) +
        counts.eventSourceMappings +
        counts.calledFunctions +
        counts.reservedConcurrency,
      because:
        `${concurrentRequests} for ${requestsPerSecond} requests/s of ${secondsOfRequest} s, ` +
        `one for each of ${counts.eventSourceMappings} shards that are read, one for each of ${counts.calledFunctions} functions that are called; ` +
        `${counts.functions} functions, ${counts.reservedConcurrency} reserved`,
      quota: { serviceCode: 'lambda', quotaCode: 'L-B99A9384', ask: 1000 },
    },
    {
      name: 'Kinesis: shards',
      count: counts.shards,
      because: 'provisioned; none on demand',
      quota: { serviceCode: 'kinesis', quotaCode: 'L-0918CF54' },
    },
    {
      name: 'Kinesis: fan-out consumers of one stream',
      count: counts.consumersOfBusiestStream,
      because: `${counts.streamConsumers} in all`,
      limit: 20,
    },
    {
      name: 'Fargate: vCPUs',
      count: counts.matcherVcpus * 1.5,
      because: `${counts.matchers} matchers, and half as many again while they are replaced`,
      quota: { serviceCode: 'fargate', quotaCode: 'L-3032A538' },
    },
    {
      name: 'VPC: networks',
      count: counts.networks + 1,
      because: 'with the default one of the region',
      quota: { serviceCode: 'vpc', quotaCode: 'L-F678F1CE' },
    },
    {
      name: 'VPC: interface endpoints of the network',
      count: counts.interfaceEndpoints,
      quota: { serviceCode: 'vpc', quotaCode: 'L-29B6F2EB' },
    },
    {
      name: 'VPC: gateway endpoints',
      count: counts.gatewayEndpoints,
      quota: { serviceCode: 'vpc', quotaCode: 'L-1B52E74A' },
    },
    { name: 'VPC: NAT gateways and elastic addresses', count: counts.natGateways + counts.elasticIps },
    {
      name: 'DynamoDB: tables',
      count: counts.tables,
      quota: { serviceCode: 'dynamodb', quotaCode: 'L-F98FE922' },
    },
    { name: 'API Gateway: regional REST APIs', count: counts.restApis, limit: 600 },
    {
      name: 'API Gateway: requests/s',
      count: requestsPerSecond,
      because: 'sizes.requestsPerSecond',
      quota: { serviceCode: 'apigateway', quotaCode: 'L-8A5B8E43' },
    },
    {
      name: 'API Gateway: resources of the API',
      count: counts.apiResources,
      quota: { serviceCode: 'apigateway', quotaCode: 'L-01C8A9E0' },
    },
    {
      name: 'API Gateway: usage plans',
      count: counts.usagePlans,
      quota: { serviceCode: 'apigateway', quotaCode: 'L-E8693075' },
    },
    ...(counts.customDomains === 0
      ? []
      : [
          {
            name: 'API Gateway: domain names',
            count: counts.customDomains,
            quota: { serviceCode: 'apigateway', quotaCode: 'L-A93447B8' },
          },
        ]),
    { name: 'WAF: web ACLs', count: counts.webAcls, limit: 100 },
    ...(counts.userPools === 0
      ? []
      : [
          {
            name: 'Cognito: user pools',
            count: counts.userPools,
            quota: { serviceCode: 'cognito-idp', quotaCode: 'L-66E6DF30' },
          },
        ]),
    { name: 'KMS: keys', count: counts.keys, quota: { serviceCode: 'kms', quotaCode: 'L-C2F1777E' } },
    {
      name: 'S3: buckets',
      count: counts.buckets + 1,
      because: 'with that of the CDK bootstrap',
      quota: { serviceCode: 's3', quotaCode: 'L-DC2B2D3D', region: 'us-east-1' },
    },
    { name: 'Step Functions: state machines', count: counts.stateMachines, limit: 10_000 },
    { name: 'EventBridge: buses', count: counts.eventBuses, quota: { serviceCode: 'events', quotaCode: 'L-658A4FD9' } },
    {
      name: 'CloudFormation: stacks',
      count: counts.stacks + 1,
      because: 'with CDKToolkit',
      quota: { serviceCode: 'cloudformation', quotaCode: 'L-0485CB21' },
    },
    { name: 'CloudFormation: resources of the largest stack', count: counts.resourcesOfLargestStack, limit: 500 },
  ]
}

import { readFileSync } from 'node:fs'
import { APIGatewayClient, GetAccountCommand } from '@aws-sdk/client-api-gateway'
import { HeadBucketCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  NoSuchResourceException,
  ServiceQuotasClient,
  ServiceQuotasServiceException,
} from '@aws-sdk/client-service-quotas'
import { GetCallerIdentityCommand, STSClient, STSServiceException } from '@aws-sdk/client-sts'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import * as z from 'zod'
import { findingOf, inspectAccount } from '#bin/preflight/account.ts'
import { CannotAsk } from '#bin/preflight/failures.ts'
import { type Finding, isInOrder, renderFindings } from '#bin/preflight/findings.ts'
import type { Need } from '#bin/preflight/needs.ts'
import { parseTenant, type Tenant } from '#lib/tenant.ts'

const account = '111122223333'
const { context } = z
  .object({ context: z.object({ tenants: z.unknown() }) })
  .parse(JSON.parse(readFileSync('cdk.json', 'utf8')))
/** In a region that may be off. */
const tenant: Tenant = { ...parseTenant(context.tenants, 'frugal'), account, region: 'eu-central-1' }
const lambda = { ServiceCode: 'lambda', QuotaCode: 'L-B99A9384' }
const needs: readonly Need[] = [
  {
    name: 'concurrency',
    count: 66,
    because: 'so',
    quota: { serviceCode: 'lambda', quotaCode: 'L-B99A9384', ask: 1000 },
  },
  { name: 'shards', count: 2, quota: { serviceCode: 'kinesis', quotaCode: 'L-0918CF54' } },
  { name: 'buckets', count: 3, quota: { serviceCode: 's3', quotaCode: 'L-DC2B2D3D', region: 'us-east-1' } },
  { name: 'ACLs', count: 1, limit: 100 },
]

const sts = mockClient(STSClient)
const s3 = mockClient(S3Client)
const gateway = mockClient(APIGatewayClient)
const quotas = mockClient(ServiceQuotasClient)
const failure = <Kind>(
  kind: new (options: { name: string; message: string; $fault: 'client'; $metadata: object }) => Kind,
  name: string,
  httpStatusCode: number,
) => new kind({ name, message: `${name} as AWS says it`, $fault: 'client', $metadata: { httpStatusCode } })

beforeEach(() => {
  for (const mock of [sts, s3, gateway, quotas]) mock.reset()
  sts.on(GetCallerIdentityCommand).resolves({ Account: account })
  s3.on(HeadBucketCommand).resolves({})
  gateway.on(GetAccountCommand).resolves({})
  quotas.on(GetServiceQuotaCommand).resolves({ Quota: { Value: 1000 } })
})

const inspected = async (of: Tenant = tenant): Promise<ReadonlyMap<string, Finding>> =>
  new Map((await inspectAccount(of, needs, 8)).map(finding => [finding.name, finding]))

test('an account that has everything is in order', async () => {
  const findings = await inspectAccount(tenant, needs, 8)
  expect(isInOrder(findings)).toBe(true)
  expect(findings.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['Account', 'fine'],
    ['Region', 'fine'],
    ['CDK bootstrap', 'fine'],
    ['API Gateway: role for logs', 'fine'],
    ['concurrency', 'fine'],
    ['shards', 'fine'],
    ['buckets', 'fine'],
    ['ACLs', 'fine'],
  ])
  expect(s3.commandCalls(HeadBucketCommand)[0]?.args[0].input).toEqual({
    Bucket: `cdk-hnb659fds-assets-${account}-eu-central-1`,
    ExpectedBucketOwner: account,
  })
})

test('a quota that is counted over all regions is asked for where it is known', async () => {
  const regions = new Map<string | undefined, string>()
  quotas.on(GetServiceQuotaCommand).callsFake(async (input, client) => {
    regions.set(input.ServiceCode, await client().config.region())
    return { Quota: { Value: 1000 } }
  })
  await inspected()
  expect(Object.fromEntries(regions)).toEqual({ lambda: 'eu-central-1', kinesis: 'eu-central-1', s3: 'us-east-1' })
})

test('an account without a value of its own has the default one', async () => {
  const none = new NoSuchResourceException({ message: 'none', $metadata: {} })
  quotas.on(GetServiceQuotaCommand, lambda).rejects(none)
  quotas.on(GetAWSDefaultServiceQuotaCommand, lambda).resolves({ Quota: { Value: 900 } })
  expect((await inspected()).get('concurrency')).toMatchObject({ has: '900', verdict: 'fine' })
})

describe('what lacks', () => {
  test('ten concurrent executions, as in a new account: what to ask for can be pasted', async () => {
    quotas.on(GetServiceQuotaCommand, lambda).resolves({ Quota: { Value: 10 } })
    const findings = await inspectAccount(tenant, needs, 8)
    expect(isInOrder(findings)).toBe(false)
    expect(findings.find(({ name }) => name === 'concurrency')).toMatchObject({
      need: '66',
      has: '10',
      verdict: 'lacks',
    })
    expect(renderFindings(findings)).toContain(
      'aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000 --region eu-central-1',
    )
  })

  test('another account: nothing more is asked', async () => {
    sts.on(GetCallerIdentityCommand).resolves({ Account: '999999999999' })
    const findings = await inspected()
    expect(findings.get('Account')).toMatchObject({ need: account, has: '999999999999', verdict: 'lacks' })
    expect(findings.size).toBe(2)
    expect(quotas.calls()).toHaveLength(0)
  })

  test('any account will do for a tenant that names none', async () => {
    sts.on(GetCallerIdentityCommand).resolves({ Account: '999999999999' })
    const { account: _, ...anyAccount } = tenant
    expect((await inspected(anyAccount)).get('Account')).toMatchObject({ need: 'any', verdict: 'fine' })
  })

  test('a region that is off refuses credentials that are good elsewhere', async () => {
    sts.on(GetCallerIdentityCommand).callsFake(async (_input, client) => {
      if ((await client().config.region()) === 'us-east-1') return { Account: account }
      throw failure(STSServiceException, 'InvalidClientTokenId', 403)
    })
    expect((await inspected()).get('Region')).toMatchObject({
      verdict: 'lacks',
      remedy: 'aws account enable-region --region-name eu-central-1',
    })
  })

  test('the bootstrap', async () => {
    s3.on(HeadBucketCommand).rejects(failure(S3ServiceException, 'NotFound', 404))
    expect((await inspected()).get('CDK bootstrap')).toMatchObject({
      verdict: 'lacks',
      remedy: `npx cdk bootstrap aws://${account}/eu-central-1`,
    })
  })
})

test('an account role for logs that is there is said to be replaced', async () => {
  gateway.on(GetAccountCommand).resolves({ cloudwatchRoleArn: 'arn:aws:iam::111122223333:role/theirs' })
  expect((await inspected()).get('API Gateway: role for logs')).toMatchObject({
    verdict: 'fine',
    note: expect.stringContaining('role/theirs'),
  })
})

test('what IAM denies is named by its permission, and is not in order', async () => {
  quotas
    .on(GetServiceQuotaCommand, lambda)
    .rejects(failure(ServiceQuotasServiceException, 'AccessDeniedException', 400))
  gateway.on(GetAccountCommand).rejects(failure(ServiceQuotasServiceException, 'AccessDeniedException', 403))
  s3.on(HeadBucketCommand).rejects(failure(S3ServiceException, '403', 403))
  const findings = await inspected()
  expect(isInOrder([...findings.values()])).toBe(false)
  expect(findings.get('concurrency')).toMatchObject({
    verdict: 'unknown',
    note: 'lacks the permission servicequotas:GetServiceQuota and servicequotas:GetAWSDefaultServiceQuota',
  })
  expect(findings.get('API Gateway: role for logs')).toMatchObject({
    verdict: 'unknown',
    note: 'lacks the permission apigateway:GET on arn:aws:apigateway:eu-central-1::/account',
  })
  expect(findings.get('CDK bootstrap')).toMatchObject({
    verdict: 'unknown',
    note: expect.stringContaining('s3:ListBucket'),
    remedy: expect.stringContaining('aws ssm get-parameter'),
  })
})

test('an answer that makes no sense concerns its own line only', async () => {
  quotas.on(GetServiceQuotaCommand, lambda).resolves({})
  const findings = await inspected()
  expect(findings.get('concurrency')).toMatchObject({ verdict: 'unknown', note: 'Service Quotas names no value' })
  expect(findings.get('shards')).toMatchObject({ verdict: 'fine' })
})

describe('nothing can be asked', () => {
  const named = (name: string) => Object.assign(new Error(`${name} as the SDK says it\nand more`), { name })

  test.each([
    ['no credentials', named('CredentialsProviderError'), /no AWS credentials/],
    ['credentials that have expired', failure(STSServiceException, 'ExpiredToken', 403), /does not accept/],
    ['no network', Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), /cannot be reached/],
    ['silence', named('TimeoutError'), /cannot be reached/],
  ])('%s: one line', async (_, error, says) => {
    sts.on(GetCallerIdentityCommand).rejects(error)
    const asked = inspectAccount(tenant, needs, 8)
    await expect(asked).rejects.toBeInstanceOf(CannotAsk)
    await expect(asked).rejects.toThrow(says)
    await expect(asked).rejects.toThrow(/^[^\n]+$/)
  })

  test('a network that ends in between is no lack', async () => {
    quotas.on(GetServiceQuotaCommand).rejects(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
    await expect(inspected()).rejects.toBeInstanceOf(CannotAsk)
  })
})

test('without asking, the needs are told', () => {
  const lines = renderFindings(needs.map(findingOf)).split('\n')
  expect(lines).toEqual([
    '             need  has             verdict',
    'concurrency  66    \u2013               not asked',
    'shards       2     \u2013               not asked',
    'buckets      3     \u2013               not asked',
    'ACLs         1     100 by default  fine',
    '',
    '  concurrency: so',
  ])
})

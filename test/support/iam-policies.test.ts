import { describe, expect, test } from '@jest/globals'
import type { AwsCall } from '#local/aws-calls.ts'
import type { Resource } from '#local/component.ts'
import { needsOfCalls, needsOfTemplate, withUsesOfKeys } from './aws-needs.ts'
import { denied, grantsOf, holds, matches, readDeployment, unneeded } from './iam-policies.ts'

/** A function that may read and write one table under a key, and reads a stream. */

const resource = (type: string, logicalId: string, arn: string, properties: Resource['properties'] = {}): Resource => ({
  stack: 'Shop',
  logicalId,
  type,
  properties,
  physicalId: arn.replace(/^.*[:/]/, ''),
  arn,
})
const at = (rest: string) => `arn:aws:${rest.replace(':', ':eu-central-1:000000000000:')}`
const key = at('kms:key/1')
const table = at('dynamodb:table/Shop-Wares')
const stream = at('kinesis:stream/Shop-Sales')
const role = 'arn:aws:iam::000000000000:role/Shop-SellRole'

const allow = (action: string | readonly string[], on: string | readonly string[], more: object = {}) => ({
  Effect: 'Allow',
  Action: action,
  Resource: on,
  ...more,
})
const readsSales = allow(
  ['DescribeStream', 'DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'].map(
    each => `kinesis:${each}`,
  ),
  stream,
)
const usual = [
  allow(['dynamodb:GetItem', 'dynamodb:PutItem'], table),
  allow('dynamodb:Query', `${table}/index/by-price`),
  allow(['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'], key),
  readsSales,
]

const deploymentOf = (statements: readonly object[], more: readonly Resource[] = [], keyPolicy: object[] = [toIam]) =>
  readDeployment([
    resource('AWS::KMS::Key', 'ShopKeyABCDEF01', key, { KeyPolicy: { Statement: keyPolicy } }),
    resource('AWS::DynamoDB::GlobalTable', 'WaresTableABCDEF02', table, {
      Replicas: [{ SSESpecification: { KMSMasterKeyId: key } }],
    }),
    resource('AWS::Kinesis::Stream', 'SalesABCDEF03', stream, { StreamEncryption: { KeyId: key } }),
    resource('AWS::IAM::Role', 'SellRole', role),
    resource('AWS::IAM::Policy', 'SellPolicy', at('iam:policy/x'), {
      PolicyDocument: { Statement: statements },
      Roles: ['Shop-SellRole'],
    }),
    resource('AWS::Lambda::Function', 'SellFunctionABCDEF04', at('lambda:function:Shop-Sell'), { Role: role }),
    resource('AWS::Lambda::EventSourceMapping', 'SellMapping', at('lambda:mapping:x'), {
      EventSourceArn: stream,
      FunctionName: 'Shop-Sell',
    }),
    ...more,
  ])
const toIam = { Effect: 'Allow', Action: 'kms:*', Principal: { AWS: 'arn:aws:iam::000000000000:root' }, Resource: '*' }

const call = (service: string, action: string, names: unknown): AwsCall => ({
  accessKey: 'ShopSellFunctionABCDEF04',
  service,
  action,
  names,
})
const TableName = 'Shop-Wares'
const usualCalls = [
  call('dynamodb', 'GetItem', { TableName }),
  call('dynamodb', 'TransactWriteItems', { TransactItems: [{ Put: { TableName } }] }),
  call('dynamodb', 'Query', { TableName, IndexName: 'by-price' }),
]

const held = (deployment: ReturnType<typeof deploymentOf>, calls: readonly AwsCall[]) => {
  const needs = withUsesOfKeys(deployment, [...needsOfCalls(deployment, calls), ...needsOfTemplate(deployment)])
  return {
    denied: denied(deployment, needs),
    unneeded: unneeded(grantsOf(deployment), needs).map(each => `${each.action} ${each.resource}`),
  }
}

describe('roles held against calls', () => {
  test('as they fit, nothing is denied and nothing unneeded', () => {
    expect(held(deploymentOf(usual), usualCalls)).toEqual({ denied: [], unneeded: [] })
  })

  test.each([
    ['an action', call('dynamodb', 'UpdateItem', { TableName }), 'dynamodb:UpdateItem on WaresTable'],
    [
      'an item of a transaction',
      call('dynamodb', 'TransactWriteItems', { TransactItems: [{ Put: { TableName } }, { Delete: { TableName } }] }),
      'dynamodb:DeleteItem on WaresTable',
    ],
    [
      'a table of a batch',
      call('dynamodb', 'BatchGetItem', { RequestItems: [TableName] }),
      'dynamodb:BatchGetItem on WaresTable',
    ],
    ['the table of an index', call('dynamodb', 'Query', { TableName }), 'dynamodb:Query on WaresTable'],
    [
      'another index',
      call('dynamodb', 'Query', { TableName, IndexName: 'by-name' }),
      'dynamodb:Query on WaresTable/index/by-name',
    ],
    [
      'writing where reading is allowed',
      call('kinesis', 'PutRecord', { StreamName: 'Shop-Sales' }),
      'kinesis:PutRecord on Sales',
    ],
  ])('%s that is not granted is denied', (_, more, told) => {
    expect(held(deploymentOf(usual), [...usualCalls, more]).denied).toEqual([`SellFunction may not ${told}`])
  })

  test('what a mapping does, and the key of what is read, are needed though no function calls them', () => {
    const { denied } = held(deploymentOf([...usual.slice(0, 2), readsSales]), usualCalls)
    expect(denied).toEqual(
      ['Decrypt', 'Encrypt', 'GenerateDataKey'].map(use => `SellFunction may not kms:${use} on ShopKey`),
    )
    const unread = usual.filter(statement => statement !== readsSales)
    expect(held(deploymentOf(unread), usualCalls).denied).toContain('SellFunction may not kinesis:GetRecords on Sales')
  })

  test('a key that does not leave it to IAM is used by nobody', () => {
    expect(held(deploymentOf(usual, [], []), usualCalls).denied).toContain(
      'SellFunction may not kms:Decrypt on ShopKey: its policy',
    )
  })

  test('an action, or a resource of an action, that nobody uses is unneeded; so is a wildcard that nothing falls under', () => {
    const more = [
      allow(['dynamodb:GetItem', 'dynamodb:Scan'], [table, `${table}/index/*`]),
      allow('kinesis:Put*', stream),
    ]
    expect(held(deploymentOf([...usual, ...more]), usualCalls).unneeded).toEqual([
      'dynamodb:GetItem WaresTable/index/*',
      'dynamodb:Scan WaresTable',
      'dynamodb:Scan WaresTable/index/*',
      'kinesis:Put* Sales',
    ])
  })

  test('what is refused is denied whatever else is allowed: by the role, and by the resource', () => {
    const refuses = { Effect: 'Deny', Action: 'dynamodb:Get*', Resource: '*' }
    const told = ['SellFunction may not dynamodb:GetItem on WaresTable: refused']
    expect(held(deploymentOf([...usual, refuses]), usualCalls).denied).toEqual(told)
    const own = (condition: object) => [
      resource('AWS::SQS::QueuePolicy', 'Own', at('sqs:own'), {
        PolicyDocument: { Statement: [{ ...refuses, Principal: '*', Condition: condition }] },
      }),
    ]
    expect(held(deploymentOf(usual, own({ Bool: { 'aws:SecureTransport': 'true' } })), usualCalls).denied).toEqual(told)
    expect(held(deploymentOf(usual, own({ Bool: { 'aws:SecureTransport': 'false' } })), usualCalls).denied).toEqual([])
  })

  test('a list of a bucket is held against the condition on its prefix', () => {
    const bucket = resource('AWS::S3::Bucket', 'BillsABCDEF05', 'arn:aws:s3:::shop-bills')
    const only = { Condition: { StringLike: { 's3:prefix': '1/*' } } }
    const deployment = deploymentOf([...usual, allow('s3:ListBucket', 'arn:aws:s3:::shop-bills', only)], [bucket])
    const list = (prefix: string) => [...usualCalls, call('s3', `GET /shop-bills/?list-type=2&prefix=${prefix}`, [])]
    expect(held(deployment, list('1%2Fpaid')).denied).toEqual([])
    expect(held(deployment, list('2%2Fpaid')).denied).toEqual(['SellFunction may not s3:ListBucket on Bills'])
  })

  test('an object that is locked when it is put needs that action too', () => {
    const bucket = resource('AWS::S3::Bucket', 'BillsABCDEF05', 'arn:aws:s3:::shop-bills')
    const deployment = deploymentOf([...usual, allow('s3:PutObject', 'arn:aws:s3:::shop-bills/*')], [bucket])
    const put = call('s3', 'PUT /shop-bills/1/a%20b?x-id=PutObject', ['x-amz-object-lock-mode'])
    expect(held(deployment, [...usualCalls, put]).denied).toEqual([
      'SellFunction may not s3:PutObjectRetention on Bills/1/a b',
    ])
  })
})

describe('what is not known is told, never passed over', () => {
  const seen = (statement: object) => () => held(deploymentOf([...usual, statement]), usualCalls)
  test.each([
    ['NotAction', { Effect: 'Allow', NotAction: 'dynamodb:Scan', Resource: table }],
    ['an operator', allow('dynamodb:GetItem', table, { Condition: { DateLessThan: { 'aws:CurrentTime': 'x' } } })],
    ['a key', allow('dynamodb:GetItem', table, { Condition: { StringEquals: { 'aws:Nobody': 'x' } } })],
  ])('%s in a policy', (_, statement) => {
    expect(seen(statement)).toThrow()
  })

  test.each([
    ['a service', call('polly', 'SynthesizeSpeech', {})],
    ['an action', call('dynamodb', 'ExecuteStatement', {})],
    ['a table', call('dynamodb', 'GetItem', { TableName: 'Shop-Others' })],
    ['a part of S3', call('s3', 'GET /shop-bills/?acl', [])],
    ['a caller', { ...call('dynamodb', 'GetItem', { TableName }), accessKey: 'Nobody' }],
    ['a GetRecords without iterator', call('kinesis', 'GetRecords', {})],
  ])('%s in a call', (_, unknown) => {
    expect(() => needsOfCalls(deploymentOf(usual), [...usualCalls, unknown])).toThrow()
  })

  test('a role with a boundary or with policies of AWS', () => {
    const another = (properties: object) => [
      resource('AWS::IAM::Role', 'Other', 'arn:aws:iam::000000000000:role/Other', { ...properties }),
      resource('AWS::Lambda::Function', 'OtherFunction', at('lambda:function:Other'), {
        Role: 'arn:aws:iam::000000000000:role/Other',
      }),
    ]
    expect(() => deploymentOf(usual, another({ PermissionsBoundary: 'x' }))).toThrow(/boundary/)
    expect(() => deploymentOf(usual, another({ ManagedPolicyArns: ['x'] }))).toThrow(/cannot be read/)
  })
})

test('wildcards and conditions', () => {
  expect(matches('a.b*', 'a.bcd')).toBe(true)
  expect(matches('a.b*', 'axbcd')).toBe(false)
  expect(matches('a?c', 'abc')).toBe(true)
  expect(holds({ NumericLessThan: { 's3:TlsVersion': 1.2 } })).toBe(false)
  expect(holds({ StringEquals: { 's3:prefix': ['a', 'b'] } }, { 's3:prefix': 'b' })).toBe(true)
  // A request without the key: the condition does not hold.
  expect(holds({ StringEquals: { 's3:prefix': 'a' } })).toBe(false)
})

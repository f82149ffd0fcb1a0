import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { Match } from 'aws-cdk-lib/assertions'
import { build, type Plugin } from 'esbuild'
import { runbooks } from '#lib/alarms.ts'
import { functionEntries } from '#lib/bundles.ts'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { auditLinePattern, gatewayAnswerPattern } from '#protocol/audit.ts'
import { isWanted, pascalCase, schedules, streamConsumers, tasks, workflows } from '#protocol/functions.ts'
import { insuranceFundEnvironmentVariable } from '#protocol/liquidation.ts'
import { contexts } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'
import { problems } from '#protocol/problems.ts'
import {
  laneBudgetsEnvironmentVariable,
  lanesEnvironmentVariable,
  orderStreamEnvironmentVariable,
} from '#protocol/streams.ts'
import { type Table, tables } from '#protocol/tables.ts'
import { type Synthesized, synthesized } from './synthesized.ts'

type Properties = Readonly<Record<string, unknown>>
interface Resource {
  readonly stack: string
  readonly logicalId: string
  readonly Type: string
  readonly Properties: Properties
  readonly DeletionPolicy?: string
}

/** One lane, polling, its own issuer, no domain: as little as a tenant can ask for. */
let bare: Synthesized
/** Two lanes, fan-out, a user pool, a domain, announced orders: all there is. */
let full: Synthesized

beforeAll(async () => {
  bare = await synthesized('frugal')
  full = await synthesized('swift')
})

const all = (of: Synthesized, type: string): readonly Resource[] =>
  [...of.stacks].flatMap(([stack, template]) =>
    Object.entries(template.findResources(type)).map(([logicalId, resource]) => ({
      stack,
      logicalId,
      Type: type,
      Properties: {},
      ...resource,
    })),
  )
const every = (of: Synthesized): readonly Resource[] =>
  [...of.stacks].flatMap(([stack, template]) =>
    Object.entries(template.toJSON()['Resources'] ?? {}).map(([logicalId, resource]) => ({
      stack,
      logicalId,
      Type: '',
      Properties: {},
      ...(typeof resource === 'object' ? resource : {}),
    })),
  )
/** Functions that know of no lanes: made by the CDK itself. */
const notOurs = (functions: readonly Resource[]): number =>
  functions.filter(
    ({ Properties }) => deep(Properties, 'Environment', 'Variables', lanesEnvironmentVariable) === undefined,
  ).length

/** What is switched on where. */
const consumersOf = (of: Synthesized) =>
  streamConsumers.filter(consumer => isWanted(consumer, { announceOrders: of === full, laneBudgets: of === full }))
const both = [
  ['bare', () => bare],
  ['full', () => full],
] as const

const deep = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), value)
const isObject = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

describe.each(both)('what is kept (%s)', (_, of) => {
  test.each(Object.values<Table>(tables))('table $name: keys, indexes, recovery, own key, kept', table => {
    const [found] = all(of(), 'AWS::DynamoDB::GlobalTable').filter(({ logicalId }) =>
      new RegExp(`^${pascalCase(table.name)}Table[0-9A-F]{8}$`).test(logicalId),
    )
    const keys = (partitionKey: { name: string }, sortKey?: { name: string }) => [
      { AttributeName: partitionKey.name, KeyType: 'HASH' },
      ...(sortKey === undefined ? [] : [{ AttributeName: sortKey.name, KeyType: 'RANGE' }]),
    ]
    expect(found).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
    expect(found?.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys(table.partitionKey, table.sortKey),
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
      Replicas: [
        {
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          SSESpecification: { KMSMasterKeyId: expect.anything() },
        },
      ],
    })
    expect(found?.Properties['StreamSpecification']).toEqual(
      table.stream === true ? { StreamViewType: 'NEW_AND_OLD_IMAGES' } : undefined,
    )
    expect(deep(found?.Properties['TimeToLiveSpecification'], 'AttributeName')).toBe(table.timeToLive)
    expect(list(found?.Properties['LocalSecondaryIndexes'] ?? []).map(index => deep(index, 'IndexName'))).toEqual(
      (table.localIndexes ?? []).map(({ name }) => name),
    )
    expect(list(found?.Properties['GlobalSecondaryIndexes'] ?? [])).toMatchObject(
      (table.globalIndexes ?? []).map(({ name, partitionKey, sortKey }) => ({
        IndexName: name,
        KeySchema: keys(partitionKey, sortKey),
      })),
    )
  })

  test('each stream has one provisioned shard, the tenant\u2019s key, and is kept', () => {
    const streams = all(of(), 'AWS::Kinesis::Stream')
    // Two a lane, and that of the audit lines.
    expect(streams).toHaveLength(2 * (of() === bare ? 1 : 2) + 1)
    for (const stream of streams) {
      expect(stream).toMatchObject({
        DeletionPolicy: 'Retain',
        Properties: {
          ShardCount: 1,
          StreamModeDetails: { StreamMode: 'PROVISIONED' },
          StreamEncryption: { EncryptionType: 'KMS' },
          RetentionPeriodHours: of() === bare ? 48 : 168,
        },
      })
    }
  })

  test('buckets are private, encrypted, reached by TLS only, and kept', () => {
    const buckets = all(of(), 'AWS::S3::Bucket')
    expect(buckets).toHaveLength(3)
    for (const bucket of buckets) {
      expect(bucket.DeletionPolicy).toBe('Retain')
      expect(bucket.Properties['PublicAccessBlockConfiguration']).toEqual({
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      })
      expect(bucket.Properties['BucketEncryption']).toBeDefined()
    }
    const denied = all(of(), 'AWS::S3::BucketPolicy').map(policy => JSON.stringify(policy.Properties))
    expect(denied).toHaveLength(3)
    for (const policy of denied) {
      expect(policy).toContain('"aws:SecureTransport":"false"')
      expect(policy).toContain('"s3:TlsVersion":1.2')
    }
    of()
      .stack('Data')
      .hasResourceProperties('AWS::S3::Bucket', { VersioningConfiguration: { Status: 'Enabled' } })
  })

  test('what hashes of API keys are keyed by is generated, under the tenant’s key, kept, and read by two functions', () => {
    const secrets = all(of(), 'AWS::SecretsManager::Secret')
    expect(secrets).toMatchObject([
      {
        DeletionPolicy: 'Retain',
        Properties: {
          GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
          KmsKeyId: expect.anything(),
        },
      },
    ])
    const readers = all(of(), 'AWS::IAM::Policy').filter(({ Properties }) =>
      JSON.stringify(Properties).includes('secretsmanager:GetSecretValue'),
    )
    expect(readers.map(({ logicalId }) => logicalId.replace(/Role.*$/, '')).sort()).toEqual([
      'Authorize',
      'SecurityHttp',
    ])
  })

  test('audit records are locked for as long as the tenant says, and whoever writes them can do nothing else', () => {
    of()
      .stack('Data')
      .hasResourceProperties('AWS::S3::Bucket', {
        ObjectLockEnabled: true,
        ObjectLockConfiguration: {
          Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: of() === bare ? 1827 : 2557 } },
        },
      })
    const writers = all(of(), 'AWS::IAM::Policy').filter(({ logicalId }) => logicalId.startsWith('ChainAuditRecords'))
    expect(writers).toHaveLength(1)
    const actions = list(deep(writers[0]?.Properties, 'PolicyDocument', 'Statement')).flatMap(statement =>
      list(deep(statement, 'Action')).map(String),
    )
    expect(actions.filter(action => /^(s3|dynamodb):/.test(action)).sort()).toEqual([
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      's3:PutObject',
    ])
  })

  test('the logs of all that answers callers are subscribed to for the audit trail', () => {
    const filters = all(of(), 'AWS::Logs::SubscriptionFilter')
    expect(filters.map(({ stack, logicalId }) => `${stack} ${logicalId}`).sort()).toEqual(
      [
        ...contexts.map(context => `${pascalCase(context)} HttpAuditLines`),
        'Api AuthorizeAuditLines',
        'Api GatewayAuditLines',
      ].sort(),
    )
    for (const { Properties, logicalId } of filters)
      expect(Properties).toMatchObject({
        FilterPattern: logicalId === 'GatewayAuditLines' ? gatewayAnswerPattern : auditLinePattern,
        LogGroupName: expect.anything(),
        DestinationArn: expect.anything(),
        RoleArn: expect.anything(),
      })
  })

  test('queues and topics are encrypted and reached by TLS only; the key rotates', () => {
    for (const queue of all(of(), 'AWS::SQS::Queue'))
      expect(queue.Properties).toMatchObject({ SqsManagedSseEnabled: true })
    for (const topic of all(of(), 'AWS::SNS::Topic')) {
      expect(topic.Properties['KmsMasterKeyId']).toBeDefined()
    }
    const policies = [...all(of(), 'AWS::SQS::QueuePolicy'), ...all(of(), 'AWS::SNS::TopicPolicy')]
    expect(policies).toHaveLength(all(of(), 'AWS::SQS::Queue').length + 1)
    for (const policy of policies) expect(JSON.stringify(policy.Properties)).toContain('"aws:SecureTransport":"false"')
    expect(all(of(), 'AWS::KMS::Key')).toMatchObject([
      { DeletionPolicy: 'Retain', Properties: { EnableKeyRotation: true } },
    ])
  })

  test('what is kept is protected against the deletion of its stack, the rest is not', async () => {
    const stage = of() === bare ? 'assembly-Frugal' : 'assembly-Swift'
    const manifest = JSON.parse(await readFile(`${of().folder}/cdk.out/${stage}/manifest.json`, 'utf8'))
    const protectedStacks = Object.values<Record<string, unknown>>(manifest.artifacts)
      .filter(artifact => deep(artifact, 'properties', 'terminationProtection') === true)
      .map(artifact => deep(artifact, 'properties', 'stackName'))
    expect(protectedStacks).toEqual([expect.stringMatching(/-Data$/)])
  })
})

describe.each(both)('the HTTP API (%s)', (_, of) => {
  const pathOf = (resourceId: unknown): string => {
    const paths = of().stack('ApiPaths').toJSON()
    // Of another stack it comes by the name of an output.
    const [, output] = /:(.+)$/.exec(String(deep(resourceId, 'Fn::ImportValue'))) ?? []
    const id = deep(output === undefined ? resourceId : deep(paths, 'Outputs', output, 'Value'), 'Ref')
    if (typeof id !== 'string') return ''
    const resource = deep(paths, 'Resources', id, 'Properties')
    return `${pathOf(deep(resource, 'ParentId'))}/${String(deep(resource, 'PathPart'))}`
  }
  const methods = () =>
    new Map(
      all(of(), 'AWS::ApiGateway::Method').map(({ Properties }) => [
        `${String(Properties['HttpMethod'])} ${pathOf(Properties['ResourceId'])}`,
        Properties,
      ]),
    )

  test('has a route for each operation, one for all other methods of its path, and no other', () => {
    const others = new Set(operations.map(({ path }) => `ANY ${path}`))
    expect([...methods().keys()].sort()).toEqual(
      [...operations.map(({ method, path }) => `${method} ${path}`), ...others].sort(),
    )
  })

  test.each(operations)('other methods of $path are answered by $context, whoever asks', ({ context, path }) => {
    const method = methods().get(`ANY ${path}`)
    expect(method).toMatchObject({ AuthorizationType: 'NONE', Integration: { Type: 'AWS_PROXY' } })
    expect(JSON.stringify(deep(method, 'Integration', 'Uri'))).toContain(`${pascalCase(context)}HttpFunction`)
  })

  test.each(operations)('$context $name: $method $path calls its context behind the right authorizer', operation => {
    const method = methods().get(`${operation.method} ${operation.path}`)
    expect(method).toMatchObject({
      OperationName: operation.name,
      Integration: { Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST', TimeoutInMillis: 29_000 },
      ...(operation.permission === 'public'
        ? { AuthorizationType: 'NONE' }
        : { AuthorizationType: 'CUSTOM', AuthorizerId: { Ref: expect.stringMatching(/^Authorizer/) } }),
    })
    expect(method?.['AuthorizerId'] === undefined).toBe(operation.permission === 'public')
    expect(JSON.stringify(deep(method, 'Integration', 'Uri'))).toContain(`${pascalCase(operation.context)}HttpFunction`)
  })

  test('asks one authorizer by the header Authorization, and remembers its answer for five minutes', () => {
    expect(all(of(), 'AWS::ApiGateway::Authorizer').map(({ Properties }) => Properties)).toMatchObject([
      { Type: 'REQUEST', IdentitySource: 'method.request.header.Authorization', AuthorizerResultTtlInSeconds: 300 },
    ])
  })

  test('answers its own errors with problem documents', () => {
    const responses = all(of(), 'AWS::ApiGateway::GatewayResponse')
    const byType = new Map(responses.map(({ Properties }) => [Properties['ResponseType'], Properties]))
    expect(byType.size).toBe(21)
    for (const [, { StatusCode, ResponseParameters, ResponseTemplates }] of byType) {
      const problem: unknown = JSON.parse(String(deep(ResponseTemplates, 'application/json')))
      expect(Object.keys(problems)).toContain(deep(problem, 'code'))
      expect(problem).toMatchObject({ status: Number(StatusCode), request_id: '$context.requestId' })
      expect(deep(ResponseParameters, 'gatewayresponse.header.Content-Type')).toBe("'application/problem+json'")
    }
    expect(byType.get('MISSING_AUTHENTICATION_TOKEN')).toMatchObject({ StatusCode: '404' })
    expect(byType.get('UNAUTHORIZED')).toMatchObject({
      StatusCode: '401',
      ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': "'Bearer'" },
    })
    expect(byType.get('ACCESS_DENIED')).toMatchObject({ StatusCode: '403' })
    expect(byType.get('REQUEST_TOO_LARGE')).toMatchObject({ StatusCode: '413' })
    expect(byType.get('INTEGRATION_TIMEOUT')).toMatchObject({ StatusCode: '504' })
    expect(byType.get('THROTTLED')).toMatchObject({
      StatusCode: '429',
      ResponseParameters: { 'gatewayresponse.header.Retry-After': "'1'" },
    })
  })

  test('throttles, logs each request, speaks TLS 1.2, and owns the account\u2019s role for logs', () => {
    const api = of().stack('Api')
    const rate = of() === bare ? 500 : 5_000
    const [stage] = all(of(), 'AWS::ApiGateway::Stage')
    expect(stage?.Properties).toMatchObject({
      MethodSettings: [{ HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: rate, DataTraceEnabled: false }],
    })
    const format: unknown = JSON.parse(String(deep(stage?.Properties, 'AccessLogSetting', 'Format')))
    expect(format).toMatchObject({
      request_id: '$context.requestId',
      account: '$context.authorizer.account',
      status: '$context.status',
      latency_millis: '$context.responseLatency',
    })
    const paths = of().stack('ApiPaths')
    paths.resourceCountIs('AWS::ApiGateway::Account', 1)
    api.resourceCountIs('AWS::ApiGateway::UsagePlan', 1)
    paths.hasResourceProperties('AWS::ApiGateway::RestApi', {
      EndpointConfiguration: { Types: ['REGIONAL'] },
      SecurityPolicy: 'SecurityPolicy_TLS13_1_2_2021_06',
      DisableExecuteApiEndpoint: of() === full,
    })
    api.resourceCountIs('AWS::WAFv2::WebACLAssociation', 1)
  })

  test('has one invoke permission for each function', () => {
    const api = all(of(), 'AWS::Lambda::Permission').filter(({ stack }) => stack === 'Api')
    // Each context's and the authorizer.
    expect(api).toHaveLength(contexts.length + 1)
  })
})

describe.each(both)('functions (%s)', (_, of) => {
  test('each that is declared is there, and no other', () => {
    const names = [...consumersOf(of()), ...tasks, ...schedules]
      .map(({ name }): string => name)
      .concat('authorize', ...contexts.map(context => `${context}-http`))
      .map(name => `${pascalCase(name)}Function`)
    const found = all(of(), 'AWS::Lambda::Function').map(({ logicalId }) => logicalId.replace(/[0-9A-F]{8}$/, ''))
    expect(found.sort()).toEqual(names.sort())
  })

  test('run on Node 24 and ARM within a time limit, with a log group that forgets', () => {
    const groups = new Set(all(of(), 'AWS::Logs::LogGroup').map(({ stack, logicalId }) => `${stack}/${logicalId}`))
    for (const { stack, Properties } of all(of(), 'AWS::Lambda::Function')) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Timeout: expect.any(Number),
        Environment: {
          Variables: { POWERTOOLS_METRICS_NAMESPACE: 'ComputeExchange', LANES: of() === bare ? '1' : '1,2' },
        },
      })
      expect(Properties['ReservedConcurrentExecutions']).toBeUndefined()
      expect(groups).toContain(`${stack}/${String(deep(Properties, 'LoggingConfig', 'LogGroup', 'Ref'))}`)
    }
    for (const { Properties } of all(of(), 'AWS::Logs::LogGroup')) {
      expect(Properties['RetentionInDays']).toBe(of() === bare ? 30 : 365)
    }
  })

  test('each event source mapping ends its retries at a failure destination', () => {
    const mappings = all(of(), 'AWS::Lambda::EventSourceMapping')
    const lanes = of() === bare ? 1 : 2
    const expected = consumersOf(of()).reduce((sum, { reads }) => sum + (reads === 'executions' ? lanes : 1), 0)
    expect(mappings).toHaveLength(expected)
    for (const { logicalId, Properties } of mappings) {
      const isAudit = logicalId.startsWith('ChainAuditRecords')
      // An audit line is tried until it is taken or a day old.
      expect(Properties['MaximumRetryAttempts']).toBe(isAudit ? undefined : 10)
      expect(Properties).toMatchObject({
        StartingPosition: 'TRIM_HORIZON',
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        MaximumRecordAgeInSeconds: isAudit ? 86_400 : 21_600,
        ParallelizationFactor: 1,
        DestinationConfig: { OnFailure: { Destination: expect.anything() } },
      })
    }
  })

  test('the schedule comes each minute', () => {
    const rules = all(of(), 'AWS::Events::Rule').filter(rule => rule.Properties['ScheduleExpression'] !== undefined)
    expect(rules).toMatchObject(schedules.map(() => ({ Properties: { ScheduleExpression: 'rate(1 minute)' } })))
  })
})

describe('access', () => {
  /** What each function reaches for, by what its code holds: an adapter needs the environment that it reads. */
  const reach: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      Object.values<Table>(tables).map(({ name, environmentVariable }) => [`tables/${name}`, environmentVariable]),
    ),
    'tables/watermarks': tables.lanes.environmentVariable,
    'tables/lane-times': tables.lanes.environmentVariable,
    'tables/lane-events': tables.lanes.environmentVariable,
    'tables/lane-reopenings': tables.lanes.environmentVariable,
    'streams/orders': 'ORDER_STREAM_2',
    'streams/executions': 'EXECUTION_STREAM_2',
    bus: 'EVENT_BUS',
    'clients/oracle': oracleEnvironmentVariable,
    'api-key-pepper': apiKeyPepperEnvironmentVariable,
    'audit-archive': 'AUDIT_BUCKET',
  }

  const readsRows: ReadonlySet<string> = new Set([
    'mark-moved-books',
    'renew-risk-epoch',
    'start-liquidations',
    'correct-windows',
    'start-deliveries',
  ])

  /** Leaves packages out, and with them the imports of packages that nothing uses. */
  const withoutPackages: Plugin = {
    name: 'without-packages',
    setup: ({ onResolve }) =>
      onResolve({ filter: /^[^.#/]/ }, ({ kind, path }) =>
        kind === 'entry-point' ? undefined : { path, external: true, sideEffects: false },
      ),
  }

  test('each function is given what its code reaches for, and nothing else', async () => {
    const { metafile } = await build({
      entryPoints: functionEntries.map(({ bundle, source }) => ({ in: source, out: bundle })),
      outdir: 'unwritten',
      bundle: true,
      write: false,
      plugins: [withoutPackages],
      format: 'esm',
      platform: 'node',
      metafile: true,
    })
    const functions = new Map(
      all(full, 'AWS::Lambda::Function').map(({ logicalId, Properties }) => [
        logicalId.replace(/Function[0-9A-F]{8}$/, ''),
        Object.keys(deep(Properties, 'Environment', 'Variables') ?? {}),
      ]),
    )
    const of: (readonly [given: object, wanted: object])[] = []
    for (const { bundle } of functionEntries) {
      const held = Object.entries(metafile.outputs[`unwritten/${bundle}.js`]?.inputs ?? {})
        .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
        .map(([path]) => /^adapters\/(.+)\.ts$/.exec(path)?.[1] ?? '')
      const wanted = new Set(held.map(adapter => reach[adapter]).filter(name => name !== undefined))
      // A reader of a table's changes holds the table's adapter to understand its items, which come by themselves.
      // Some read other rows of it than those that changed, too.
      const consumer = streamConsumers.find(({ name }) => name === bundle && !readsRows.has(name))
      if (consumer !== undefined && consumer.reads !== 'executions' && consumer.reads !== 'audit-lines')
        wanted.delete(tables[consumer.reads].environmentVariable)
      // Every HTTP function can tell API keys apart; of these nothing asks for a credential.
      if (bundle === 'platform-http')
        for (const table of [tables.apiKeys, tables.nonces, tables.rateLimits]) wanted.delete(table.environmentVariable)
      // Readiness probes tables by their keys alone, and streams by their names.
      if (held.includes('probes')) for (const name of probed) wanted.add(name)
      const known = new Set(Object.values(reach))
      const given = functions.get(pascalCase(bundle))?.filter(name => known.has(name))
      of.push([
        { bundle, given: given?.toSorted() },
        { bundle, given: [...wanted].sort() },
      ])
    }
    expect(of.map(([given]) => given)).toEqual(of.map(([, wanted]) => wanted))
  })

  const probed = [
    ...[tables.accounts, tables.instruments, tables.commands, tables.orders, tables.outcomes].map(
      ({ environmentVariable }) => environmentVariable,
    ),
    'ORDER_STREAM_2',
    'EXECUTION_STREAM_2',
  ]

  test('a workflow is named to whoever starts it, and its tokens are answered by those who hold them', () => {
    const allowed = (action: string) =>
      all(full, 'AWS::IAM::Policy')
        .filter(({ Properties }) => JSON.stringify(Properties).includes(`"${action}"`))
        .flatMap(({ Properties }) =>
          list(Properties['Roles']).map(role => String(deep(role, 'Ref')).replace(/Role[0-9A-F]{8}$/, '')),
        )
    expect(allowed('states:StartExecution').sort()).toEqual([
      'CapacityHttp',
      'CaptureArbitragePurchase',
      'CureDelivery',
      'DayAheadHttp',
      'LedgerHttp',
      'PartnersHttp',
      'PartnersHttp',
      'ReleaseArbitrageCapacity',
      'ReserveArbitrageCapacity',
      'ReserveCapacity',
      'RiskHttp',
      'SettlementHttp',
      'StartDeliveries',
      'StartLiquidations',
      'StartSettlements',
      'SupervisionHttp',
      'SweepArbitrage',
      'SweepAuctions',
      'SweepCapacity',
      'SweepCapacity',
      'SweepDeliveries',
      'SweepPartners',
      'SweepSettlements',
      'SweepSla',
    ])
    expect(allowed('states:SendTaskSuccess').sort()).toEqual([
      'DeliveryHttp',
      'RequestProvisioning',
      'ResumeAccountOpening',
      'SubmitAccount',
    ])
  })
})

describe.each(both)('workflows (%s)', (_, of) => {
  test('have their tasks as substitutions, log everything, and tell of failures', () => {
    const machines = all(of(), 'AWS::StepFunctions::StateMachine')
    expect(machines).toHaveLength(workflows.length)
    for (const workflow of workflows) {
      const { Properties = {} } = machines.find(each => each.logicalId.startsWith(pascalCase(workflow.name))) ?? {}
      const own = tasks.filter(task => task.workflow === workflow.name)
      expect(Object.keys(deep(Properties, 'DefinitionSubstitutions') ?? {}).sort()).toEqual(
        own.map(({ name }) => pascalCase(name)).sort(),
      )
      expect(Properties['LoggingConfiguration']).toMatchObject({ Level: 'ALL' })
    }
  })

  test('an account trades in several lanes only where the tenant says so: a relay from every lane to every other', () => {
    const functions = all(of(), 'AWS::Lambda::Function')
    const knowing = functions.filter(
      ({ Properties }) => deep(Properties, 'Environment', 'Variables', laneBudgetsEnvironmentVariable) === 'true',
    )
    expect(knowing.length).toBe(of() === full ? functions.length - notOurs(functions) : 0)
    const relay = functions.filter(({ logicalId }) => logicalId.startsWith('RelayLaneBudgets'))
    expect(relay).toHaveLength(of() === full ? 1 : 0)
    const mappings = all(of(), 'AWS::Lambda::EventSourceMapping').filter(({ logicalId }) =>
      logicalId.startsWith('RelayLaneBudgets'),
    )
    expect(mappings).toHaveLength(of() === full ? 2 : 0)
    for (const { Properties } of relay)
      expect(Object.keys(Object(deep(Properties, 'Environment', 'Variables')))).toEqual(
        expect.arrayContaining([orderStreamEnvironmentVariable(1), orderStreamEnvironmentVariable(2)]),
      )
  })

  test('who pays for losses or may not stop the insurance fund knows it, and an account that is not liquidated has its own page', () => {
    const knowing = all(of(), 'AWS::Lambda::Function').filter(
      ({ Properties }) => deep(Properties, 'Environment', 'Variables', insuranceFundEnvironmentVariable) !== undefined,
    )
    expect(knowing.map(({ logicalId }) => logicalId.replace(/Function[0-9A-F]{8}$/, '')).sort()).toEqual([
      'AwardBackstopLots',
      'CoverLoss',
      'HaircutGains',
      // Who opens accounts and stops them.
      'LedgerHttp',
      'RiskHttp',
      'SupervisionHttp',
    ])
    const told = all(of(), 'AWS::CloudWatch::Alarm')
      .filter(({ logicalId }) => logicalId.startsWith('CollateralLiquidation'))
      .map(({ Properties }) => String(Properties['AlarmDescription']))
    expect(told).toHaveLength(2)
    for (const text of told) expect(text).toContain('docs/runbooks/liquidation-failed.md')
  })

  test('every placeholder of a document is a task of it', async () => {
    for (const { name } of workflows) {
      const text = await readFile(`stepfunctions/${name}.asl.json`, 'utf8')
      const placeholders = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, placeholder]) => placeholder))
      expect([...placeholders].sort()).toEqual(
        tasks
          .filter(({ workflow }) => workflow === name)
          .map(task => pascalCase(task.name))
          .sort(),
      )
    }
  })
})

describe.each(both)('matchers (%s)', (_, of) => {
  test('one service a lane, with one that leads and one that stands by, in two zones without a way out', () => {
    const matcher = of().stack('Matcher')
    matcher.resourceCountIs('AWS::ECS::Service', of() === bare ? 1 : 2)
    matcher.allResourcesProperties('AWS::ECS::Service', {
      DesiredCount: 2,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 150,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
    })
    matcher.resourceCountIs('AWS::EC2::Subnet', 2)
    matcher.resourceCountIs('AWS::EC2::NatGateway', 0)
    matcher.resourceCountIs('AWS::EC2::InternetGateway', 0)
    matcher.allResourcesProperties('AWS::ECS::TaskDefinition', {
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      ContainerDefinitions: [Match.objectLike({ ReadonlyRootFilesystem: true, StopTimeout: 30 })],
    })
    matcher.allResourcesProperties('AWS::ECS::Cluster', {
      ClusterSettings: [{ Name: 'containerInsights', Value: 'enabled' }],
    })
  })

  test('know their lane, its streams, and how to read', () => {
    const lanes = of() === bare ? [1] : [1, 2]
    const environments = all(of(), 'AWS::ECS::TaskDefinition').map(({ Properties }) =>
      list(deep(Properties, 'ContainerDefinitions', 0, 'Environment')).map(each => deep(each, 'Name')),
    )
    expect(environments).toHaveLength(lanes.length)
    for (const [index, lane] of lanes.entries()) {
      expect(environments[index]?.toSorted()).toEqual(
        [
          'TENANT',
          'LANE',
          'STREAM_READ',
          'POLL_INTERVAL_MILLIS',
          'STANDBY_POLL_INTERVAL_MILLIS',
          'LEASE_MILLIS',
          'POWERTOOLS_SERVICE_NAME',
          'POWERTOOLS_LOG_LEVEL',
          `ORDER_STREAM_${lane}`,
          `EXECUTION_STREAM_${lane}`,
          'SNAPSHOT_BUCKET',
          'LANES_TABLE',
          ...(of() === full ? ['ORDER_CONSUMER_ARN'] : []),
        ].sort(),
      )
    }
  })
})

describe('fixings', () => {
  test.each([
    ['bare', () => bare, ''],
    ['full', () => full, 'https://oracle.swift.example'],
  ] as const)('ask the oracle service of the tenant, if any (%s)', (_, of, url) => {
    const indices = of().stack('Indices')
    expect(deep(indices.toJSON(), 'Parameters', 'OracleServiceUrl', 'Default')).toBe(url)
    indices.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ ORACLE_SERVICE_URL: { Ref: 'OracleServiceUrl' } }) },
    })
  })

  test.each([
    ['FixingsMissed', 1],
    ['FixingsFallback', 3],
    ['OracleFailures', 3],
  ])('an alarm tells of %s in %i periods', (MetricName, EvaluationPeriods) => {
    full.stack('Indices').hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Namespace: 'ComputeExchange',
      Statistic: 'Sum',
      Period: 300,
      Threshold: 1,
      EvaluationPeriods,
      TreatMissingData: 'notBreaching',
      Dimensions: Match.arrayWith([{ Name: 'service', Value: 'indices' }]),
      AlarmDescription: Match.stringLikeRegexp('docs/runbooks/index-unavailable.md'),
    })
  })
})

describe('epochs of risk', () => {
  test.each([
    ['RiskEpochPasses', 'LessThanThreshold', 1, 1, 'Sum', 'breaching'],
    ['RiskEpochOverdueMillis', 'GreaterThanOrEqualToThreshold', 300_000, 1, 'Maximum', 'notBreaching'],
    ['RiskEpochsRefused', 'GreaterThanOrEqualToThreshold', 3, 2, 'Sum', 'notBreaching'],
  ])('an alarm tells of %s', (MetricName, ComparisonOperator, Threshold, EvaluationPeriods, Statistic, missing) => {
    full.stack('Risk').hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Namespace: 'ComputeExchange',
      ComparisonOperator: Match.stringLikeRegexp(ComparisonOperator),
      Statistic,
      Period: 300,
      Threshold,
      EvaluationPeriods,
      TreatMissingData: missing,
      Dimensions: Match.arrayWith([{ Name: 'service', Value: 'risk' }]),
      AlarmDescription: Match.stringLikeRegexp('docs/runbooks/risk-epoch-old.md'),
    })
  })
})

describe('SLA contracts', () => {
  test.each([
    ['SlaContractsNotSwept', 1],
    ['SlaWindowsBehind', 6],
  ])('an alarm tells of %s in %i periods', (MetricName, EvaluationPeriods) => {
    full.stack('Sla').hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName,
      Threshold: 1,
      EvaluationPeriods,
      TreatMissingData: 'notBreaching',
      Dimensions: Match.arrayWith([{ Name: 'service', Value: 'sla' }]),
      AlarmDescription: Match.stringLikeRegexp('docs/runbooks/sla-enforcement.md'),
    })
  })

  test('windows are corrected by the readings’ own stream, and nobody else may write the ledger than its one step', () => {
    const writers = all(full, 'AWS::IAM::Policy').filter(({ Properties }) =>
      list(deep(Properties, 'PolicyDocument', 'Statement')).some(
        statement =>
          JSON.stringify(deep(statement, 'Action')).includes('dynamodb:PutItem') &&
          JSON.stringify(deep(statement, 'Resource')).includes('SlaPenaltiesTable'),
      ),
    )
    expect(writers.map(({ logicalId }) => logicalId.replace(/Role.*$/, ''))).toEqual(['PostPenalty'])
  })
})

describe('two tenants', () => {
  test('differ in fan-out, domain, identity and what is announced', () => {
    const consumers = (of: Synthesized) => all(of, 'AWS::Kinesis::StreamConsumer').length
    expect(consumers(bare)).toBe(0)
    // Each lane's matcher, five projectors, and the relay between lanes.
    expect(consumers(full)).toBe(14)
    // What no order waits for gathers for a second, where low cost is asked for.
    const gathering = (of: Synthesized) =>
      all(of, 'AWS::Lambda::EventSourceMapping').filter(
        ({ Properties }) => Properties['MaximumBatchingWindowInSeconds'] === 1,
      )
    expect(gathering(bare).length).toBeGreaterThan(0)
    expect(gathering(full)).toHaveLength(0)
    const sources = (of: Synthesized) =>
      JSON.stringify(all(of, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties['EventSourceArn']))
    expect(sources(bare)).not.toContain('ConsumerARN')
    expect(sources(full)).toContain('ConsumerARN')
    expect(all(bare, 'AWS::ApiGateway::DomainName')).toHaveLength(0)
    expect(all(full, 'AWS::ApiGateway::DomainName')).toMatchObject([{ Properties: { SecurityPolicy: 'TLS_1_2' } }])
    expect(all(full, 'AWS::CertificateManager::Certificate')).toHaveLength(1)
    expect(all(full, 'AWS::Route53::RecordSet')).toHaveLength(1)
    expect(all(bare, 'AWS::Cognito::UserPool')).toHaveLength(0)
    expect(all(full, 'AWS::Cognito::UserPool')).toHaveLength(1)
    const memory = (of: Synthesized) =>
      all(of, 'AWS::Lambda::Function').find(({ logicalId }) => logicalId.startsWith('TradingHttp'))
    expect(memory(bare)?.Properties['MemorySize']).toBe(1024)
    expect(memory(full)?.Properties['MemorySize']).toBe(1769)
    expect(all(full, 'AWS::SNS::Subscription')).toHaveLength(1)
  })

  test('the bare one names its issuers in the parameter that the local run sets; the full one falls back to its pool', () => {
    const parameter = (of: Synthesized) => deep(of.stack('Api').toJSON(), 'Parameters', 'TokenIssuers', 'Default')
    expect(JSON.parse(String(parameter(bare)))).toMatchObject([
      { issuer: 'https://login.frugal.example/realms/exchange' },
    ])
    expect(parameter(full)).toBe('')
    const given = (of: Synthesized) => {
      const authorizer = all(of, 'AWS::Lambda::Function').find(({ logicalId }) => logicalId.startsWith('Authorize'))
      return deep(authorizer?.Properties, 'Environment', 'Variables', 'TOKEN_ISSUERS')
    }
    expect(given(bare)).toEqual({ Ref: 'TokenIssuers' })
    expect(deep(given(full), 'Fn::If', 0)).toBe('IssuersNamed')
    expect(deep(given(full), 'Fn::If', 1)).toEqual({ Ref: 'TokenIssuers' })
  })
})

/** What may be granted for all resources, and why. */
const reasonsForEverything: Readonly<Record<string, string>> = {
  'dynamodb:ListStreams': 'knows no resource, and Lambda refuses a mapping without it',
  'ecr:GetAuthorizationToken': 'knows no resource',
  'logs:CreateLogDelivery': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:GetLogDelivery': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:UpdateLogDelivery': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:DeleteLogDelivery': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:ListLogDeliveries': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:PutResourcePolicy': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:DescribeResourcePolicies': 'delivery of a workflow\u2019s logs knows no resource',
  'logs:DescribeLogGroups': 'delivery of a workflow\u2019s logs knows no resource',
}

describe.each(both)('every template (%s)', (_, of) => {
  test('grants nothing for all resources without a reason, and no family of actions', () => {
    for (const { logicalId, Properties } of all(of(), 'AWS::IAM::Policy')) {
      for (const statement of list(deep(Properties, 'PolicyDocument', 'Statement'))) {
        for (const action of list(deep(statement, 'Action')).map(String)) {
          expect({ logicalId, action }).toEqual({ logicalId, action: expect.not.stringContaining('*') })
          if (list(deep(statement, 'Resource')).includes('*'))
            expect(Object.keys(reasonsForEverything)).toContain(action)
        }
      }
    }
    expect(all(of(), 'AWS::IAM::ManagedPolicy')).toHaveLength(0)
    const managed = all(of(), 'AWS::IAM::Role').filter(role => role.Properties['ManagedPolicyArns'] !== undefined)
    expect(managed.map(({ logicalId }) => logicalId)).toEqual([expect.stringMatching(/CloudWatchRole/)])
  })

  test('stays under 400 resources and has nothing that runs at deployment', () => {
    for (const [name, template] of of().stacks) {
      expect({ name, count: Object.keys(template.toJSON()['Resources'] ?? {}).length < 400 }).toEqual({
        name,
        count: true,
      })
    }
    expect(
      every(of()).filter(({ Type }) => Type.startsWith('Custom::') || Type === 'AWS::CloudFormation::CustomResource'),
    ).toEqual([])
  })

  test('holds no secret', () => {
    for (const text of of().texts.values()) {
      expect(text).not.toMatch(
        /AKIA[0-9A-Z]{16}|-----BEGIN|"[^"]*(?:password|secret|apikey|private_?key)[^"]*"\s*:\s*"[^"]+"/i,
      )
    }
  })

  test('carries the tenant as a tag', () => {
    const tenant = of() === bare ? 'frugal' : 'swift'
    of()
      .stack('Data')
      .hasResourceProperties('AWS::KMS::Key', { Tags: Match.arrayWith([{ Key: 'tenant', Value: tenant }]) })
  })

  test('alarms say where to read what to do, and tell the operators', () => {
    const alarms = all(of(), 'AWS::CloudWatch::Alarm')
    const named = alarms.map(({ Properties }) => {
      expect(Properties['AlarmActions']).toHaveLength(1)
      const [, page] = /Runbook: docs\/runbooks\/([a-z-]+)\.md$/.exec(String(Properties['AlarmDescription'])) ?? []
      return page
    })
    expect([...new Set(named)].sort()).toEqual([...runbooks].sort())
  })
})

test.each(runbooks)('the runbook %s says what it means, what to look at, and what to do', async name => {
  const text = await readFile(`docs/runbooks/${name}.md`, 'utf8')
  for (const heading of ['## What it means', '## What to look at', '## What to do']) expect(text).toContain(heading)
})

test('synthesis twice gives the same templates', async () => {
  const again = await synthesized('frugal-again')
  expect([...again.texts]).toEqual([...bare.texts])
})

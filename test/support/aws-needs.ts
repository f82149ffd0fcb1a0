import type { AwsCall } from '#local/aws-calls.ts'
import type { Resource } from '#local/component.ts'
import { type Deployment, type Need, within } from './iam-policies.ts'

/**
 * What IAM is asked for a request, as far as our functions make such requests, and for what AWS does by a function's
 * role because the template says so. Where a resource is under a key of ours, the use of the key is needed too: the
 * service uses it in the caller's name. Which uses those are can only be read in AWS's documentation; nothing on a
 * laptop encrypts.
 */

type Asked = Omit<Need, 'caller'>

const unknown = (what: unknown): never => {
  throw new Error(`not known to the check of IAM: ${JSON.stringify(what)}`)
}
const text = (value: unknown): string => (typeof value === 'string' ? value : unknown(value))
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : unknown(value))

/** Of the items of a transaction, each needs its own action. */
const ofTransactions = new Map([
  ['Put', 'PutItem'],
  ['Update', 'UpdateItem'],
  ['Delete', 'DeleteItem'],
  ['Get', 'GetItem'],
  ['ConditionCheck', 'ConditionCheckItem'],
])
const ofObjects = new Map([
  ['GET', 's3:GetObject'],
  ['HEAD', 's3:GetObject'],
  ['PUT', 's3:PutObject'],
  ['DELETE', 's3:DeleteObject'],
])
/** Headers that need an action beside s3:PutObject. */
const ofHeaders = new Map([
  ['x-amz-object-lock-mode', 's3:PutObjectRetention'],
  ['x-amz-object-lock-retain-until-date', 's3:PutObjectRetention'],
  ['x-amz-object-lock-legal-hold', 's3:PutObjectLegalHold'],
])

export const needsOfCalls = (deployment: Deployment, calls: readonly AwsCall[]): readonly Need[] => {
  const { callers } = deployment
  const iterated = (caller: string) =>
    calls.filter(({ accessKey, action }) => accessKey === caller && action === 'GetShardIterator')
  return distinct(
    calls.flatMap(call => {
      const caller = callers.get(call.accessKey)?.name ?? unknown(call)
      // An iterator tells nobody but Kinesis of which stream it is.
      const isIterated = call.service === 'kinesis' && call.action === 'GetRecords'
      const asked = isIterated
        ? iterated(call.accessKey).flatMap(each => askedBy(deployment, { ...each, action: 'GetRecords' }))
        : askedBy(deployment, call)
      if (asked.length === 0) unknown(call)
      return asked.map(each => ({ caller, ...each }))
    }),
  )
}

const askedBy = (deployment: Deployment, call: AwsCall): readonly Asked[] => {
  const { service, action, names } = call
  /** A resource is named by its ARN, its name or its URL. */
  const called = (given: unknown): string => {
    const found = deployment.resources.find(({ physicalId, arn }) => physicalId === given || arn === given)
    return deployment.nameOf(found?.arn ?? unknown({ call, given }))
  }
  const one = (key: string): readonly Asked[] => [
    { action: `${service}:${action}`, resource: called(within(names, key)) },
  ]
  if (service === 's3') return [askedOfS3(call, called)].flat()
  if (service === 'dynamodb') return askedOfDynamoDb(call, called)
  if (service === 'kinesis') {
    if (action === 'SubscribeToShard') return one('ConsumerARN')
    return one(within(names, 'StreamARN') === undefined ? 'StreamName' : 'StreamARN')
  }
  if (service === 'events' && action === 'PutEvents')
    return list(within(names, 'Entries')).map(entry => ({
      action: 'events:PutEvents',
      resource: called(within(entry, 'EventBusName')),
    }))
  if (service === 'states' && action === 'StartExecution') return one('stateMachineArn')
  if (service === 'states' && /^SendTask(Success|Failure|Heartbeat)$/.test(action)) {
    const token: unknown = JSON.parse(Buffer.from(text(within(names, 'taskToken')), 'base64url').toString())
    const machine = text(list(token)[0]).replace(/:execution:([^:]+):.*$/, ':stateMachine:$1')
    return [{ action: `states:${action}`, resource: called(machine) }]
  }
  if (service === 'sqs' && /^SendMessage(Batch)?$/.test(action))
    return [{ action: 'sqs:SendMessage', resource: called(within(names, 'QueueUrl')) }]
  if (service === 'secretsmanager') return one('SecretId')
  return unknown(call)
}

const askedOfDynamoDb = ({ action, names }: AwsCall, called: (given: unknown) => string): readonly Asked[] => {
  if (/^Transact(Write|Get)Items$/.test(action))
    return list(within(names, 'TransactItems')).flatMap(item =>
      Object.entries(Object(item)).map(([kind, of]) => ({
        action: `dynamodb:${ofTransactions.get(kind) ?? unknown(item)}`,
        resource: called(within(of, 'TableName')),
      })),
    )
  if (action === 'BatchGetItem')
    return list(within(names, 'RequestItems')).map(table => ({ action: `dynamodb:${action}`, resource: called(table) }))
  if (!/^(GetItem|PutItem|UpdateItem|DeleteItem|Query|Scan)$/.test(action)) return unknown(action)
  const index = within(names, 'IndexName')
  const resource = called(within(names, 'TableName')) + (index === undefined ? '' : `/index/${text(index)}`)
  return [{ action: `dynamodb:${action}`, resource }]
}

/** Path style: method, bucket, key. */
const askedOfS3 = ({ action, names }: AwsCall, called: (given: unknown) => string): readonly Asked[] => {
  const [method = '', path = ''] = action.split(' ')
  const { pathname, searchParams } = new URL(path, 'http://s3')
  const [bucket = '', ...key] = pathname.slice(1).split('/')
  const parameters = [...searchParams.keys()].filter(name => name !== 'x-id')
  const resource = called(bucket)
  if (key.join('') === '' && method === 'GET' && searchParams.get('list-type') === '2')
    return [{ action: 's3:ListBucket', resource, context: { 's3:prefix': searchParams.get('prefix') ?? '' } }]
  const ofObject = ofObjects.get(method)
  if (ofObject === undefined || key.join('') === '' || parameters.length > 0) return unknown(action)
  const headers = list(names).map(name => ofHeaders.get(text(name)) ?? unknown(name))
  const object = `${resource}/${decodeURIComponent(key.join('/'))}`
  return [ofObject, ...headers].map(each => ({ action: each, resource: object }))
}

/** What Lambda does by the function's role, without the function: it writes the logs and reads what is mapped to it. */
export const needsOfTemplate = ({ resources, callers, nameOf }: Deployment): readonly Need[] => {
  const functions = [...callers.values()]
  const needs = functions.flatMap(({ name, resource }): readonly Need[] => {
    const group = within(resource.properties, 'LoggingConfig', 'LogGroup')
    // A task's logs are written by the role that starts it.
    const logs = group === undefined ? [] : ['logs:CreateLogStream', 'logs:PutLogEvents']
    const account = /^arn:aws:\w+:[^:]+:\d+/.exec(resource.arn)?.[0].replace(/^arn:aws:\w+/, 'arn:aws:logs')
    const ofLogs = logs.map(action => ({ caller: name, action, resource: nameOf(`${account}:${text(group)}`) }))
    const variables = list(within(resource.properties, 'ContainerDefinitions', 'Environment') ?? [])
    const consumers = resources.filter(
      ({ type, arn }) =>
        type === 'AWS::Kinesis::StreamConsumer' && variables.some(each => within(each, 'Value') === arn),
    )
    const subscribed = consumers.map(each => ({
      caller: name,
      action: 'kinesis:SubscribeToShard',
      resource: nameOf(each.arn),
    }))
    return [...ofLogs, ...subscribed]
  })
  const mapped = resources.flatMap(({ type, properties }): readonly Need[] => {
    if (type !== 'AWS::Lambda::EventSourceMapping') return []
    const of = properties['FunctionName']
    const caller = functions.find(({ resource }) => resource.physicalId === of || resource.arn === of)?.name
    const failures = within(properties, 'DestinationConfig', 'OnFailure', 'Destination')
    const asked = [
      ...askedByMapping(text(properties['EventSourceArn']), nameOf),
      ...(failures === undefined ? [] : [{ action: 'sqs:SendMessage', resource: nameOf(text(failures)) }]),
    ]
    return asked.map(each => ({ caller: caller ?? unknown(of), ...each }))
  })
  return distinct([...needs, ...mapped])
}

/** As AWS's own policies for such functions have it. */
const askedByMapping = (source: string, nameOf: (arn: string) => string): readonly Asked[] => {
  const all = (resource: string, service: string, actions: string) =>
    actions.split(' ').map(action => ({ action: `${service}:${action}`, resource }))
  if (/^arn:aws:dynamodb:/.test(source))
    return [
      ...all(nameOf(source), 'dynamodb', 'DescribeStream GetRecords GetShardIterator'),
      ...all('*', 'dynamodb', 'ListStreams'),
    ]
  const stream = nameOf(source.replace(/\/consumer\/.*$/, ''))
  const read = all(stream, 'kinesis', 'DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards')
  const isConsumer = source.includes('/consumer/')
  return isConsumer ? [...read, ...all(nameOf(source), 'kinesis', 'SubscribeToShard DescribeStreamConsumer')] : read
}

const reading = ['Decrypt']
const writing = ['GenerateDataKey']
const usesOfKeys: readonly (readonly [actions: RegExp, uses: readonly string[]])[] = [
  [/^dynamodb:(GetItem|Query|Scan|ConditionCheckItem|GetRecords)$/, reading],
  [/^dynamodb:(PutItem|UpdateItem|DeleteItem)$/, [...reading, 'Encrypt', 'GenerateDataKey']],
  [/^kinesis:PutRecords?$/, writing],
  [/^kinesis:(GetRecords|SubscribeToShard)$/, reading],
  [/^s3:GetObject$/, reading],
  // A large object goes in parts, which are decrypted to be put together.
  [/^s3:PutObject$/, [...reading, ...writing]],
  [/^sqs:SendMessage$/, [...reading, ...writing]],
  [/^events:PutEvents$/, [...reading, ...writing]],
  [/^secretsmanager:GetSecretValue$/, reading],
]

/** The needs, and with each the uses of the key that its resource is under. */
export const withUsesOfKeys = ({ resources, nameOf }: Deployment, needs: readonly Need[]): readonly Need[] => {
  // A consumer's records are those of its stream.
  const source = (each: Resource) => resources.find(({ arn }) => arn === each.properties['StreamARN']) ?? each
  const keys = new Map(
    resources.flatMap(each => keyOf(source(each)).map(key => [nameOf(each.arn), nameOf(key)] as const)),
  )
  return distinct(
    needs.flatMap(need => {
      const key = keys.get(need.resource.replace(/\/.*$/, ''))
      const uses = usesOfKeys.find(([actions]) => actions.test(need.action))?.[1] ?? []
      const used = key === undefined ? [] : uses
      return [need, ...used.map(use => ({ caller: need.caller, action: `kms:${use}`, resource: key ?? '' }))]
    }),
  )
}

/** The key of ours that a resource is under; none where AWS uses one of its own. */
const keyOf = ({ type, properties }: Resource): readonly string[] => {
  const at = (...path: readonly string[]) => {
    const key = within(properties, ...path)
    return key === undefined ? [] : [text(key)]
  }
  if (type === 'AWS::DynamoDB::GlobalTable') return at('Replicas', 'SSESpecification', 'KMSMasterKeyId')
  if (type === 'AWS::DynamoDB::Table') return at('SSESpecification', 'KMSMasterKeyId')
  if (type === 'AWS::Kinesis::Stream') return at('StreamEncryption', 'KeyId')
  if (type === 'AWS::S3::Bucket')
    return at(
      'BucketEncryption',
      'ServerSideEncryptionConfiguration',
      'ServerSideEncryptionByDefault',
      'KMSMasterKeyID',
    )
  if (type === 'AWS::SQS::Queue') return at('KmsMasterKeyId')
  if (type === 'AWS::Events::EventBus') return at('KmsKeyIdentifier')
  if (type === 'AWS::SecretsManager::Secret') return at('KmsKeyId')
  return []
}

const distinct = (needs: readonly Need[]): readonly Need[] => [
  ...new Map(needs.map(need => [JSON.stringify(need), need])).values(),
]

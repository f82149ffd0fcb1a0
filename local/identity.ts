import { createHash } from 'node:crypto'

/** What a resource is called: by `Ref`, by its ARN, and by `Fn::GetAtt`. */
export interface Identity {
  readonly physicalId: string
  readonly arn: string
  readonly attributes: Readonly<Record<string, string>>
}

/** What was learnt of resources once they existed, by `<stack>/<LogicalId>`: it takes precedence. */
export type Learnt = ReadonlyMap<string, Partial<Identity>>

export interface Described {
  readonly stack: string
  readonly logicalId: string
  readonly type: string
  readonly account: string
  readonly region: string
  /** Where queue URLs point. */
  readonly queueEndpoint: string
  /** A property, resolved; undefined when the template does not give it. */
  property(name: string): unknown
}

/** In the patterns, {name} and {arn} are the resource's own, {Capitalized} is one of its properties. */
interface Naming {
  /** The property that names it, and how long a name may be. */
  readonly name: readonly [property: string, longest: number]
  /** `service:rest`, or whole. */
  readonly arn: string
  /** What `Ref` gives: the name, if nothing else is said. */
  readonly ref?: string
  /** Beside `Arn`. */
  readonly attributes?: Readonly<Record<string, string>>
}

// A table's and a consumer's own ARNs are known once they exist.
const table: Naming = {
  name: ['TableName', 255],
  arn: 'dynamodb:table/{name}',
  attributes: { StreamArn: '{arn}/stream/latest' },
}

const namings: Readonly<Record<string, Naming>> = {
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::Kinesis::Stream': { name: ['Name', 128], arn: 'kinesis:stream/{name}' },
  'AWS::Kinesis::StreamConsumer': {
    name: ['ConsumerName', 128],
    arn: '{StreamARN}/consumer/{name}:1',
    ref: '{arn}',
    attributes: { ConsumerARN: '{arn}', ConsumerName: '{name}', StreamARN: '{StreamARN}', ConsumerStatus: 'ACTIVE' },
  },
  'AWS::S3::Bucket': {
    name: ['BucketName', 63],
    arn: 'arn:aws:s3:::{name}',
    attributes: { DomainName: '{name}.s3.amazonaws.com', RegionalDomainName: '{name}.s3.{region}.amazonaws.com' },
  },
  'AWS::Lambda::Function': { name: ['FunctionName', 64], arn: 'lambda:function:{name}' },
  'AWS::Lambda::Version': {
    name: ['Version', 128],
    arn: 'lambda:function:{FunctionName}:1',
    ref: '{arn}',
    attributes: { Version: '1', FunctionArn: '{arn}' },
  },
  'AWS::Lambda::Alias': {
    name: ['Name', 128],
    arn: 'lambda:function:{FunctionName}:{name}',
    ref: '{arn}',
    attributes: { AliasArn: '{arn}' },
  },
  'AWS::SQS::Queue': {
    name: ['QueueName', 80],
    arn: 'sqs:{name}',
    ref: '{queueEndpoint}/{account}/{name}',
    attributes: { QueueName: '{name}', QueueUrl: '{queueEndpoint}/{account}/{name}' },
  },
  'AWS::SecretsManager::Secret': { name: ['Name', 512], arn: 'secretsmanager:secret:{name}', ref: '{arn}' },
  'AWS::Events::EventBus': { name: ['Name', 256], arn: 'events:event-bus/{name}', attributes: { Name: '{name}' } },
  'AWS::Events::Rule': { name: ['Name', 64], arn: 'events:rule/{EventBusName}/{name}', ref: '{EventBusName}|{name}' },
  'AWS::StepFunctions::StateMachine': {
    name: ['StateMachineName', 80],
    arn: 'states:stateMachine:{name}',
    ref: '{arn}',
    attributes: { Name: '{name}' },
  },
  'AWS::ECS::Cluster': { name: ['ClusterName', 255], arn: 'ecs:cluster/{name}' },
  'AWS::ECS::TaskDefinition': { name: ['Family', 255], arn: 'ecs:task-definition/{name}:1', ref: '{arn}' },
  'AWS::ECS::Service': {
    name: ['ServiceName', 255],
    arn: 'ecs:service/{Cluster}/{name}',
    ref: '{arn}',
    attributes: { Name: '{name}', ServiceArn: '{arn}' },
  },
  'AWS::ApiGateway::Stage': { name: ['StageName', 128], arn: 'apigateway:/stages/{name}' },
  'AWS::IAM::Role': { name: ['RoleName', 64], arn: 'arn:aws:iam::{account}:role/{name}' },
}

export function identify(described: Described): Identity {
  const { stack, logicalId, type, account, region } = described
  const made = `${stack}-${logicalId}`
  if (type.startsWith('AWS::ApiGateway::') && namings[type] === undefined) {
    const physicalId = shortHash(made, 10)
    const attributes = { RestApiId: physicalId, ResourceId: physicalId, RootResourceId: `${physicalId}root` }
    return { physicalId, arn: `arn:aws:apigateway:${region}::/${physicalId}`, attributes }
  }
  // Of an unlisted type nothing runs here: a name that says what it was is enough.
  const service = type.split('::')[1]?.toLowerCase() ?? type
  const naming: Naming = namings[type] ?? { name: ['', 255], arn: `${service}:{name}` }
  const [property, longest] = naming.name
  const shortened = made.length <= longest ? made : `${made.slice(0, longest - 9)}-${shortHash(made, 8)}`
  const name = text(described.property(property) ?? (type === 'AWS::S3::Bucket' ? shortened.toLowerCase() : shortened))
  const known: Record<string, string> = { name, account, region, queueEndpoint: described.queueEndpoint }
  const fill = (pattern: string): string =>
    pattern
      .replaceAll(/\{(\w+)\}/g, (_, key: string) => {
        const value = known[key] ?? text(described.property(key) ?? 'default')
        // Buses, clusters and functions are named by their ARNs too.
        return ['EventBusName', 'Cluster', 'FunctionName'].includes(key) ? value.replace(/^arn:.*[:/]/, '') : value
      })
      .replace(/(rule\/|^)default[/|]/, '$1')
  const arn = naming.arn.replace(/^(\w+):/, (whole, of: string) =>
    of === 'arn' ? whole : `arn:aws:${of}:{region}:{account}:`,
  )
  known['arn'] = fill(arn)
  const attributes = Object.entries({ Arn: '{arn}', ...naming.attributes }).map(([key, each]) => [key, fill(each)])
  return { physicalId: fill(naming.ref ?? '{name}'), arn: known['arn'], attributes: Object.fromEntries(attributes) }
}

function shortHash(of: string, length: number): string {
  return createHash('sha256').update(of).digest('hex').slice(0, length)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`a name must be a string, not ${JSON.stringify(value)}`)
  return value
}

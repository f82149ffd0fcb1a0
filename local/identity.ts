import { createHash } from 'node:crypto'

/** What a resource is called: by `Ref`, by its ARN, and by `Fn::GetAtt`. */
export interface Identity {
  readonly physicalId: string
  readonly arn: string
  readonly attributes: Readonly<Record<string, string>>
}

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

type Name = (property: string, maxLength: number) => string
type Identify = (described: Described, name: Name, arn: (service: string, rest: string) => string) => Identity

const table: Identify = (_, name, arn) => {
  const tableName = name('TableName', 255)
  const tableArn = arn('dynamodb', `table/${tableName}`)
  // The real stream's label is known once the table exists.
  return { physicalId: tableName, arn: tableArn, attributes: { Arn: tableArn, StreamArn: `${tableArn}/stream/latest` } }
}

const gatewayPart: Identify = ({ stack, logicalId }, _, arn) => {
  const physicalId = shortHash(`${stack}/${logicalId}`, 10)
  return {
    physicalId,
    arn: arn('apigateway', `/${physicalId}`),
    attributes: { RestApiId: physicalId, ResourceId: physicalId, RootResourceId: `${physicalId}root` },
  }
}

/** The types whose names matter to what runs here; every other type is inert and gets a name that says what it was. */
const identities: Readonly<Record<string, Identify>> = {
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::Kinesis::Stream': (_, name, arn) => {
    const physicalId = name('Name', 128)
    const streamArn = arn('kinesis', `stream/${physicalId}`)
    return { physicalId, arn: streamArn, attributes: { Arn: streamArn } }
  },
  'AWS::Kinesis::StreamConsumer': ({ property }, name) => {
    const consumerName = name('ConsumerName', 128)
    const consumerArn = `${text(property('StreamARN'))}/consumer/${consumerName}:1`
    return {
      physicalId: consumerArn,
      arn: consumerArn,
      attributes: {
        ConsumerARN: consumerArn,
        ConsumerName: consumerName,
        StreamARN: text(property('StreamARN')),
        ConsumerStatus: 'ACTIVE',
      },
    }
  },
  'AWS::S3::Bucket': ({ region }, name) => {
    const physicalId = name('BucketName', 63).toLowerCase()
    const arn = `arn:aws:s3:::${physicalId}`
    const domain = `${physicalId}.s3.amazonaws.com`
    const regional = `${physicalId}.s3.${region}.amazonaws.com`
    return { physicalId, arn, attributes: { Arn: arn, DomainName: domain, RegionalDomainName: regional } }
  },
  'AWS::Lambda::Function': (_, name, arn) => {
    const physicalId = name('FunctionName', 64)
    const functionArn = arn('lambda', `function:${physicalId}`)
    return { physicalId, arn: functionArn, attributes: { Arn: functionArn } }
  },
  'AWS::Lambda::Version': ({ property }, _, arn) => {
    const versionArn = `${functionArn(text(property('FunctionName')), arn)}:1`
    return { physicalId: versionArn, arn: versionArn, attributes: { Version: '1', FunctionArn: versionArn } }
  },
  'AWS::Lambda::Alias': ({ property }, _, arn) => {
    const aliasArn = `${functionArn(text(property('FunctionName')), arn)}:${text(property('Name'))}`
    return { physicalId: aliasArn, arn: aliasArn, attributes: { AliasArn: aliasArn } }
  },
  'AWS::SQS::Queue': ({ account, queueEndpoint }, name, arn) => {
    const queueName = name('QueueName', 80)
    const url = `${queueEndpoint}/${account}/${queueName}`
    const queueArn = arn('sqs', queueName)
    return { physicalId: url, arn: queueArn, attributes: { Arn: queueArn, QueueName: queueName, QueueUrl: url } }
  },
  'AWS::Events::EventBus': (_, name, arn) => {
    const physicalId = name('Name', 256)
    const busArn = arn('events', `event-bus/${physicalId}`)
    return { physicalId, arn: busArn, attributes: { Arn: busArn, Name: physicalId } }
  },
  'AWS::Events::Rule': ({ property }, name, arn) => {
    const bus = text(property('EventBusName') ?? 'default').replace(/^.*\//, '')
    const ruleName = name('Name', 64)
    const ruleArn = arn('events', bus === 'default' ? `rule/${ruleName}` : `rule/${bus}/${ruleName}`)
    return { physicalId: bus === 'default' ? ruleName : `${bus}|${ruleName}`, arn: ruleArn, attributes: { Arn: ruleArn } }
  },
  'AWS::Scheduler::Schedule': (_, name, arn) => {
    const physicalId = name('Name', 64)
    const scheduleArn = arn('scheduler', `schedule/default/${physicalId}`)
    return { physicalId, arn: scheduleArn, attributes: { Arn: scheduleArn } }
  },
  'AWS::StepFunctions::StateMachine': (_, name, arn) => {
    const machineName = name('StateMachineName', 80)
    const machineArn = arn('states', `stateMachine:${machineName}`)
    return { physicalId: machineArn, arn: machineArn, attributes: { Arn: machineArn, Name: machineName } }
  },
  'AWS::ECS::Cluster': (_, name, arn) => {
    const physicalId = name('ClusterName', 255)
    const clusterArn = arn('ecs', `cluster/${physicalId}`)
    return { physicalId, arn: clusterArn, attributes: { Arn: clusterArn } }
  },
  'AWS::ECS::TaskDefinition': (_, name, arn) => {
    const taskArn = arn('ecs', `task-definition/${name('Family', 255)}:1`)
    return { physicalId: taskArn, arn: taskArn, attributes: { TaskDefinitionArn: taskArn } }
  },
  'AWS::ECS::Service': ({ property }, name, arn) => {
    const cluster = text(property('Cluster') ?? 'default').replace(/^.*\//, '')
    const serviceName = name('ServiceName', 255)
    const serviceArn = arn('ecs', `service/${cluster}/${serviceName}`)
    return { physicalId: serviceArn, arn: serviceArn, attributes: { Name: serviceName, ServiceArn: serviceArn } }
  },
  'AWS::ApiGateway::Stage': ({ property }, _, arn) => {
    const physicalId = text(property('StageName'))
    return { physicalId, arn: arn('apigateway', `/stages/${physicalId}`), attributes: {} }
  },
}

export function identify(described: Described): Identity {
  const { stack, logicalId, type, account, region } = described
  const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`
  const name: Name = (property, maxLength) => {
    const given = described.property(property)
    if (given !== undefined) return text(given)
    const made = `${stack}-${logicalId}`
    return made.length <= maxLength ? made : `${made.slice(0, maxLength - 9)}-${shortHash(made, 8)}`
  }
  const known = identities[type] ?? (type.startsWith('AWS::ApiGateway::') ? gatewayPart : undefined)
  if (known !== undefined) return known(described, name, arn)
  const service = type.split('::')[1]?.toLowerCase() ?? 'custom'
  const physicalId = `${stack}-${logicalId}`
  const inertArn = service === 'iam' ? `arn:aws:iam::${account}:role/${physicalId}` : arn(service, physicalId)
  return { physicalId, arn: inertArn, attributes: {} }
}

function functionArn(nameOrArn: string, arn: (service: string, rest: string) => string): string {
  return nameOrArn.startsWith('arn:') ? nameOrArn : arn('lambda', `function:${nameOrArn}`)
}

function shortHash(of: string, length: number): string {
  return createHash('sha256').update(of).digest('hex').slice(0, length)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`a name must be a string, not ${JSON.stringify(value)}`)
  return value
}

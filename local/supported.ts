import type { Json, Stack } from './assembly.ts'

/**
 * What the local runtime knows: of each live type the properties it honours, and those it knowingly ignores, since they
 * only matter on AWS (encryption, backup, network, tags…). A dotted name descends into objects and lists: once one name
 * under a property is spelled out, all of them must be. Anything not listed stops the start.
 */
const tableHonours = `TableName AttributeDefinitions KeySchema StreamSpecification TimeToLiveSpecification
  LocalSecondaryIndexes GlobalSecondaryIndexes.IndexName GlobalSecondaryIndexes.KeySchema
  GlobalSecondaryIndexes.Projection`
const live: Readonly<Record<string, readonly [honoured: string, ignored: string]>> = {
  'AWS::DynamoDB::GlobalTable': [
    tableHonours,
    `BillingMode SSESpecification Replicas.Region Replicas.PointInTimeRecoverySpecification Replicas.SSESpecification
    Replicas.DeletionProtectionEnabled Replicas.Tags Replicas.TableClass Replicas.GlobalSecondaryIndexes
    Replicas.ContributorInsightsSpecification WriteOnDemandThroughputSettings Replicas.ReadOnDemandThroughputSettings`,
  ],
  'AWS::DynamoDB::Table': [
    tableHonours,
    `BillingMode ProvisionedThroughput SSESpecification PointInTimeRecoverySpecification DeletionProtectionEnabled Tags
    TableClass GlobalSecondaryIndexes.ProvisionedThroughput`,
  ],
  'AWS::Kinesis::Stream': ['Name ShardCount RetentionPeriodHours StreamModeDetails', 'StreamEncryption Tags'],
  'AWS::Kinesis::StreamConsumer': ['ConsumerName StreamARN', 'Tags'],
  'AWS::S3::Bucket': [
    'BucketName ObjectLockEnabled',
    `BucketEncryption LifecycleConfiguration LoggingConfiguration OwnershipControls PublicAccessBlockConfiguration
    VersioningConfiguration ObjectLockConfiguration Tags`,
  ],
  'AWS::Lambda::Function': [
    `FunctionName Code.S3Bucket Code.S3Key Handler Runtime Timeout MemorySize Environment.Variables LoggingConfig
    ReservedConcurrentExecutions`,
    'Role Architectures Description TracingConfig KmsKeyArn VpcConfig Tags',
  ],
  'AWS::Lambda::Version': ['FunctionName', 'Description CodeSha256'],
  'AWS::Lambda::Alias': ['FunctionName FunctionVersion Name', 'Description'],
  'AWS::Lambda::EventSourceMapping': [
    `FunctionName EventSourceArn StartingPosition BatchSize MaximumBatchingWindowInSeconds ParallelizationFactor
    MaximumRetryAttempts MaximumRecordAgeInSeconds BisectBatchOnFunctionError DestinationConfig FunctionResponseTypes
    FilterCriteria Enabled`,
    'Tags',
  ],
  'AWS::SQS::Queue': [
    'QueueName VisibilityTimeout DelaySeconds MessageRetentionPeriod',
    'KmsMasterKeyId KmsDataKeyReusePeriodSeconds SqsManagedSseEnabled RedriveAllowPolicy Tags',
  ],
  'AWS::SecretsManager::Secret': ['Name GenerateSecretString', 'Description KmsKeyId Tags'],
  'AWS::Events::EventBus': ['Name', 'KmsKeyIdentifier Description Tags'],
  'AWS::Events::Rule': [
    `Name EventBusName EventPattern ScheduleExpression State Targets.Id Targets.Arn Targets.Input Targets.InputPath
    Targets.InputTransformer Targets.DeadLetterConfig Targets.RetryPolicy`,
    'Description RoleArn Tags Targets.RoleArn',
  ],
  'AWS::StepFunctions::StateMachine': [
    'StateMachineName StateMachineType DefinitionS3Location DefinitionString DefinitionSubstitutions',
    'RoleArn LoggingConfiguration TracingConfiguration EncryptionConfiguration Tags',
  ],
  'AWS::ApiGateway::RestApi': [
    'Name',
    'Description EndpointConfiguration DisableExecuteApiEndpoint EndpointAccessMode SecurityPolicy Policy Tags',
  ],
  'AWS::ApiGateway::Resource': ['RestApiId ParentId PathPart', ''],
  'AWS::ApiGateway::Method': [
    `RestApiId ResourceId HttpMethod AuthorizationType AuthorizerId Integration.Type Integration.IntegrationHttpMethod
    Integration.Uri Integration.TimeoutInMillis Integration.ResponseTransferMode ApiKeyRequired`,
    'OperationName',
  ],
  'AWS::ApiGateway::Authorizer': [
    'RestApiId Type AuthorizerUri IdentitySource AuthorizerResultTtlInSeconds Name',
    'AuthorizerCredentials',
  ],
  'AWS::ApiGateway::GatewayResponse': ['RestApiId ResponseType StatusCode ResponseParameters ResponseTemplates', ''],
  'AWS::ApiGateway::Stage': [
    'RestApiId DeploymentId StageName Variables AccessLogSetting MethodSettings CacheClusterEnabled',
    'TracingEnabled Description Tags',
  ],
  'AWS::Logs::SubscriptionFilter': ['LogGroupName FilterPattern DestinationArn', 'RoleArn Distribution FilterName'],
  'AWS::ECS::Service': [
    'ServiceName Cluster TaskDefinition DesiredCount',
    `LaunchType PlatformVersion NetworkConfiguration DeploymentConfiguration EnableECSManagedTags EnableExecuteCommand
    PropagateTags Tags AvailabilityZoneRebalancing`,
  ],
  'AWS::ECS::TaskDefinition': [
    `Family ContainerDefinitions.Name ContainerDefinitions.Image ContainerDefinitions.Command
    ContainerDefinitions.EntryPoint ContainerDefinitions.Environment ContainerDefinitions.StopTimeout`,
    `Cpu Memory NetworkMode RequiresCompatibilities RuntimePlatform ExecutionRoleArn TaskRoleArn Tags
    ContainerDefinitions.Essential ContainerDefinitions.LogConfiguration ContainerDefinitions.HealthCheck
    ContainerDefinitions.ReadonlyRootFilesystem ContainerDefinitions.User ContainerDefinitions.LinuxParameters`,
  ],
}

/** Types that only matter on AWS: nothing stands for them here. */
const inertTypes = new Set(
  `AWS::ApiGateway::Account AWS::ApiGateway::BasePathMapping AWS::ApiGateway::Deployment AWS::ApiGateway::DomainName
  AWS::ApiGateway::UsagePlan AWS::CDK::Metadata AWS::CertificateManager::Certificate AWS::ECS::Cluster
  AWS::Events::Archive AWS::Events::EventBusPolicy AWS::KinesisFirehose::DeliveryStream AWS::Lambda::Permission
  AWS::Route53::RecordSet AWS::S3::BucketPolicy AWS::SQS::QueuePolicy Custom::VpcRestrictDefaultSG`.split(/\s+/),
)
const inertServices =
  /^AWS::(ApplicationAutoScaling|Backup|Budgets|CloudTrail|CloudWatch|Cognito|EC2|IAM|KMS|Logs|SNS|SSM|WAFv2|XRay)::/

export function isInert(type: string): boolean {
  return live[type] === undefined && (inertTypes.has(type) || inertServices.test(type))
}

/** Names every type and property of the templates that the local runtime does not know; throws if there is any. */
export function refuseUnknown(stacks: readonly Stack[]): void {
  const unknown = stacks.flatMap(({ name, template }) =>
    Object.entries(template.Resources ?? {}).flatMap(([logicalId, { Type, Properties = {} }]) => {
      if (isInert(Type)) return []
      const support = live[Type]
      if (support === undefined) return [`${name}/${logicalId} ${Type} is not known to the local runtime`]
      const known = new Set(support.join(' ').split(/\s+/))
      return unknownPaths(Properties, '', known).map(
        path => `${name}/${logicalId} ${Type}.${path} is not known to the local runtime`,
      )
    }),
  )
  if (unknown.length > 0) throw new Error([...new Set(unknown)].join('\n'))
}

function unknownPaths(value: Json, path: string, known: ReadonlySet<string>): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(each => unknownPaths(each, path, known))
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, inner]) => {
    // An intrinsic function stands where the property's value will be.
    if (key === 'Ref' || key.startsWith('Fn::')) return key === 'Fn::If' ? unknownPaths(inner, path, known) : []
    const here = path === '' ? key : `${path}.${key}`
    if (known.has(here)) return []
    return [...known].some(each => each.startsWith(`${here}.`)) ? unknownPaths(inner, here, known) : [here]
  })
}

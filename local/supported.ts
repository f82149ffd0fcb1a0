import type { Json, Stack } from './assembly.ts'

/**
 * What the local runtime knows. A live type lists the properties it honours and those it knowingly ignores, since they
 * only matter on AWS (encryption, backup, network, tags…). A dotted name descends into objects and lists: once one name
 * under a property is spelled out, all of them must be. Anything not listed stops the start.
 */
interface Support {
  readonly honoured: string
  readonly ignored: string
}

const live: Readonly<Record<string, Support>> = {
  'AWS::DynamoDB::GlobalTable': {
    honoured: `TableName AttributeDefinitions KeySchema StreamSpecification TimeToLiveSpecification LocalSecondaryIndexes
      GlobalSecondaryIndexes.IndexName GlobalSecondaryIndexes.KeySchema GlobalSecondaryIndexes.Projection`,
    ignored: `BillingMode SSESpecification WriteOnDemandThroughputSettings WriteProvisionedThroughputSettings
      GlobalSecondaryIndexes.WriteOnDemandThroughputSettings GlobalSecondaryIndexes.WriteProvisionedThroughputSettings
      WarmThroughput GlobalSecondaryIndexes.WarmThroughput Replicas.Region Replicas.PointInTimeRecoverySpecification
      Replicas.DeletionProtectionEnabled Replicas.SSESpecification Replicas.Tags Replicas.TableClass
      Replicas.ContributorInsightsSpecification Replicas.ResourcePolicy Replicas.GlobalSecondaryIndexes
      Replicas.ReadOnDemandThroughputSettings Replicas.ReadProvisionedThroughputSettings`,
  },
  'AWS::DynamoDB::Table': {
    honoured: `TableName AttributeDefinitions KeySchema StreamSpecification TimeToLiveSpecification LocalSecondaryIndexes
      GlobalSecondaryIndexes.IndexName GlobalSecondaryIndexes.KeySchema GlobalSecondaryIndexes.Projection`,
    ignored: `BillingMode ProvisionedThroughput OnDemandThroughput SSESpecification PointInTimeRecoverySpecification Tags
      DeletionProtectionEnabled TableClass ContributorInsightsSpecification ResourcePolicy WarmThroughput
      GlobalSecondaryIndexes.ProvisionedThroughput GlobalSecondaryIndexes.OnDemandThroughput
      GlobalSecondaryIndexes.WarmThroughput GlobalSecondaryIndexes.ContributorInsightsSpecification`,
  },
  'AWS::Kinesis::Stream': {
    honoured: 'Name ShardCount RetentionPeriodHours StreamModeDetails',
    ignored: 'StreamEncryption Tags DesiredShardLevelMetrics',
  },
  'AWS::Kinesis::StreamConsumer': { honoured: 'ConsumerName StreamARN', ignored: 'Tags' },
  'AWS::S3::Bucket': {
    honoured: 'BucketName',
    ignored: `BucketEncryption PublicAccessBlockConfiguration VersioningConfiguration LifecycleConfiguration Tags
      OwnershipControls LoggingConfiguration AccessControl IntelligentTieringConfigurations ObjectLockEnabled
      ObjectLockConfiguration`,
  },
  'AWS::Lambda::Function': {
    honoured: `FunctionName Code Handler Runtime Timeout MemorySize Environment`,
    ignored: `Role Architectures Description TracingConfig LoggingConfig KmsKeyArn VpcConfig EphemeralStorage Tags
      RecursiveLoop RuntimeManagementConfig SnapStart PackageType ReservedConcurrentExecutions`,
  },
  'AWS::Lambda::Version': { honoured: 'FunctionName', ignored: 'Description CodeSha256 ProvisionedConcurrencyConfig' },
  'AWS::Lambda::Alias': {
    honoured: 'FunctionName FunctionVersion Name',
    ignored: 'Description ProvisionedConcurrencyConfig',
  },
  'AWS::Lambda::EventSourceMapping': {
    honoured: `FunctionName EventSourceArn StartingPosition BatchSize MaximumBatchingWindowInSeconds ParallelizationFactor
      MaximumRetryAttempts MaximumRecordAgeInSeconds BisectBatchOnFunctionError DestinationConfig FunctionResponseTypes
      FilterCriteria Enabled`,
    ignored: 'Tags KmsKeyArn MetricsConfig',
  },
  'AWS::SQS::Queue': {
    honoured: 'QueueName VisibilityTimeout RedrivePolicy DelaySeconds MessageRetentionPeriod',
    ignored: `KmsMasterKeyId KmsDataKeyReusePeriodSeconds SqsManagedSseEnabled RedriveAllowPolicy Tags MaximumMessageSize
      ReceiveMessageWaitTimeSeconds`,
  },
  'AWS::Events::EventBus': { honoured: 'Name', ignored: 'KmsKeyIdentifier DeadLetterConfig Description Tags LogConfig' },
  'AWS::Events::Rule': {
    honoured: `Name EventBusName EventPattern ScheduleExpression State Targets.Id Targets.Arn Targets.Input
      Targets.InputPath Targets.InputTransformer Targets.DeadLetterConfig Targets.RetryPolicy`,
    ignored: 'Description RoleArn Tags Targets.RoleArn',
  },
  'AWS::StepFunctions::StateMachine': {
    honoured: `StateMachineName StateMachineType DefinitionS3Location DefinitionString DefinitionSubstitutions`,
    ignored: 'RoleArn LoggingConfiguration TracingConfiguration EncryptionConfiguration Tags',
  },
  'AWS::ApiGateway::RestApi': {
    honoured: 'Name BinaryMediaTypes',
    ignored: `Description EndpointConfiguration DisableExecuteApiEndpoint MinimumCompressionSize Policy Tags ApiKeySourceType
      SecurityPolicy EndpointAccessMode`,
  },
  'AWS::ApiGateway::Resource': { honoured: 'RestApiId ParentId PathPart', ignored: '' },
  'AWS::ApiGateway::Method': {
    honoured: `RestApiId ResourceId HttpMethod AuthorizationType AuthorizerId Integration ApiKeyRequired RequestParameters
      RequestValidatorId RequestModels MethodResponses`,
    ignored: 'OperationName AuthorizationScopes',
  },
  'AWS::ApiGateway::Authorizer': {
    honoured: 'RestApiId Type AuthorizerUri IdentitySource AuthorizerResultTtlInSeconds Name',
    ignored: 'AuthorizerCredentials AuthType',
  },
  'AWS::ApiGateway::GatewayResponse': {
    honoured: 'RestApiId ResponseType StatusCode ResponseParameters ResponseTemplates',
    ignored: '',
  },
  'AWS::ApiGateway::RequestValidator': {
    honoured: 'RestApiId Name ValidateRequestBody ValidateRequestParameters',
    ignored: '',
  },
  'AWS::ApiGateway::Model': { honoured: 'RestApiId Name ContentType Schema', ignored: 'Description' },
  'AWS::ApiGateway::Stage': {
    honoured: 'RestApiId StageName Variables',
    ignored: `DeploymentId AccessLogSetting MethodSettings TracingEnabled ClientCertificateId Description Tags
      CacheClusterEnabled CacheClusterSize DocumentationVersion`,
  },
  'AWS::ECS::Service': {
    honoured: 'ServiceName Cluster TaskDefinition DesiredCount',
    ignored: `LaunchType PlatformVersion NetworkConfiguration DeploymentConfiguration DeploymentController
      EnableECSManagedTags EnableExecuteCommand PropagateTags Tags CapacityProviderStrategy SchedulingStrategy
      AvailabilityZoneRebalancing HealthCheckGracePeriodSeconds`,
  },
  'AWS::ECS::TaskDefinition': {
    honoured: `Family ContainerDefinitions.Name ContainerDefinitions.Image ContainerDefinitions.Command
      ContainerDefinitions.EntryPoint ContainerDefinitions.Environment ContainerDefinitions.StopTimeout
      ContainerDefinitions.WorkingDirectory`,
    ignored: `Cpu Memory NetworkMode RequiresCompatibilities RuntimePlatform ExecutionRoleArn TaskRoleArn Tags Volumes
      EphemeralStorage PidMode ContainerDefinitions.Essential ContainerDefinitions.LogConfiguration
      ContainerDefinitions.PortMappings ContainerDefinitions.HealthCheck ContainerDefinitions.ReadonlyRootFilesystem
      ContainerDefinitions.User ContainerDefinitions.LinuxParameters ContainerDefinitions.Ulimits
      ContainerDefinitions.Cpu ContainerDefinitions.Memory ContainerDefinitions.MemoryReservation
      ContainerDefinitions.MountPoints ContainerDefinitions.DockerLabels ContainerDefinitions.VersionConsistency
      ContainerDefinitions.Privileged ContainerDefinitions.RestartPolicy`,
  },
}

/** Types that only matter on AWS: nothing stands for them here. */
const inertTypes = new Set(
  `AWS::ApiGateway::Account AWS::ApiGateway::Deployment AWS::ApiGateway::UsagePlan AWS::ApiGateway::UsagePlanKey
  AWS::ApiGateway::ApiKey AWS::ApiGateway::DomainName AWS::ApiGateway::BasePathMapping AWS::CDK::Metadata
  AWS::CertificateManager::Certificate AWS::ECS::Cluster AWS::ECS::ClusterCapacityProviderAssociations
  AWS::Events::Archive AWS::Events::EventBusPolicy AWS::EventSchemas::Discoverer AWS::EventSchemas::Registry
  AWS::EventSchemas::Schema AWS::KMS::Key AWS::KMS::Alias AWS::KinesisFirehose::DeliveryStream AWS::Kinesis::ResourcePolicy
  AWS::Lambda::EventInvokeConfig AWS::Lambda::Permission AWS::Route53::RecordSet AWS::S3::BucketPolicy AWS::SNS::Subscription AWS::SNS::Topic
  AWS::SNS::TopicPolicy AWS::SQS::QueuePolicy AWS::SSM::Parameter AWS::ServiceDiscovery::PrivateDnsNamespace
  Custom::VpcRestrictDefaultSG`.split(/\s+/),
)
const inertServices = /^AWS::(ApplicationAutoScaling|Backup|Budgets|CloudTrail|CloudWatch|EC2|IAM|Logs|WAFv2|XRay)::/

export function isInert(type: string): boolean {
  return inertTypes.has(type) || inertServices.test(type)
}

/** Names every type and property of the templates that the local runtime does not know; throws if there is any. */
export function refuseUnknown(stacks: readonly Stack[]): void {
  const unknown = stacks.flatMap(({ name, template }) =>
    Object.entries(template.Resources ?? {}).flatMap(([logicalId, { Type, Properties = {} }]) => {
      if (isInert(Type)) return []
      const support = live[Type]
      if (support === undefined) return [`${name}/${logicalId} ${Type} is not known to the local runtime`]
      const known = new Set(`${support.honoured} ${support.ignored}`.split(/\s+/))
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

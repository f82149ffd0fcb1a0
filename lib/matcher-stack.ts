import { GraphWidget, type IWidget, Metric, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  type IVpc,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import {
  AwsLogDriverMode,
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { CfnParameter, Duration, RemovalPolicy, Size, Stack, type StackProps, Validations } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import type { MetricName } from '#protocol/metrics.ts'
import { access } from './access.ts'
import { alarm } from './alarms.ts'
import type { LaneStreams } from './data-stack.ts'
import type { Surroundings } from './functions.ts'
import { publishedMetric } from './published-metrics.ts'
import { acknowledge } from './rules.ts'

/** Five reads a second is what a shard gives without fan-out, to all who read it. */
const pollIntervalMillis = 300
const standbyPollIntervalMillis = 1_000
/** A leader that has written nothing for so long is taken for dead. */
const leaseMillis = 3_000

/** Two long-lived matchers a lane, in two zones, in subnets that reach AWS's services by endpoints and nothing else. */
export class MatcherStack extends Stack {
  readonly row: IWidget[] = [new TextWidget({ markdown: '## Matcher', width: 24, height: 1 })]
  private readonly surroundings: Surroundings
  private readonly cluster: Cluster
  private readonly pollInterval: CfnParameter
  private readonly standbyPollInterval: CfnParameter

  constructor(scope: Construct, id: string, props: StackProps & Surroundings) {
    super(scope, id, props)
    this.surroundings = props
    this.pollInterval = new CfnParameter(this, 'PollIntervalMillis', {
      type: 'Number',
      default: pollIntervalMillis,
      minValue: 1,
      description: 'How long a matcher waits before it asks an empty stream again',
    })
    this.standbyPollInterval = new CfnParameter(this, 'StandbyPollIntervalMillis', {
      type: 'Number',
      default: standbyPollIntervalMillis,
      minValue: 1,
      description: 'The same for the matcher that stands by',
    })
    const vpc = this.makeNetwork()
    this.cluster = new Cluster(this, 'Cluster', { vpc: vpc as IVpc, containerInsightsV2: ContainerInsights.ENABLED })
    for (const lane of props.data.lanes) this.makeMatcher(lane)
  }

  /** Named by the tenant, so that synthesis asks no account. */
  override get availabilityZones(): string[] {
    return [...this.surroundings.tenant.zones]
  }

  private makeNetwork(): Vpc {
    const { tenant } = this.surroundings
    const vpc = new Vpc(this, 'Network', {
      ipAddresses: IpAddresses.cidr('10.20.0.0/16'),
      availabilityZones: [...tenant.zones],
      natGateways: 0,
      subnetConfiguration: [{ name: 'Matchers', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
      // Would take a custom resource; nothing is ever put into the default group.
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        // Snapshots, and the layers of the image.
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
    })
    Validations.of(vpc).acknowledge({
      id: 'CloudFormation-Validate::W3010',
      reason: 'The tenant names its zones: a look-up would need its account at synthesis',
    })
    const services = {
      Kinesis: InterfaceVpcEndpointAwsService.KINESIS_STREAMS,
      Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
      Ecr: InterfaceVpcEndpointAwsService.ECR,
      EcrDocker: InterfaceVpcEndpointAwsService.ECR_DOCKER,
    }
    for (const [name, service] of Object.entries(services)) {
      const endpoint = vpc.addInterfaceEndpoint(name, { service })
      acknowledge(endpoint, 'EC23', 'Open to the addresses of this network only, which the rule cannot read')
    }
    vpc.addFlowLog('FlowLog', {
      trafficType: FlowLogTrafficType.REJECT,
      destination: FlowLogDestination.toCloudWatchLogs(
        new LogGroup(this, 'FlowLogs', {
          retention: tenant.retention.logDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      ),
    })
    return vpc
  }

  private makeMatcher({ lane }: LaneStreams): void {
    const { tenant, data, bundles } = this.surroundings
    const logGroup = new LogGroup(this, `Lane${lane}Logs`, {
      retention: tenant.retention.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const definition = new FargateTaskDefinition(this, `Lane${lane}Task`, {
      cpu: tenant.sizes.matcherCpu,
      memoryLimitMiB: tenant.sizes.matcherMegabytes,
      runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    })
    acknowledge(definition, 'ECS2', 'Names of tables and streams; nothing secret')
    acknowledge(definition, 'IAM5[Resource::*]', 'ecr:GetAuthorizationToken knows no narrower resource')
    const container = definition.addContainer('matcher', {
      image: ContainerImage.fromAsset(bundles.matcherFolder, { platform: Platform.LINUX_ARM64 }),
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(30),
      logging: LogDrivers.awsLogs({
        streamPrefix: `lane-${lane}`,
        logGroup,
        // A matcher never waits for its log.
        mode: AwsLogDriverMode.NON_BLOCKING,
        maxBufferSize: Size.mebibytes(8),
      }),
      environment: {
        TENANT: tenant.name,
        LANE: String(lane),
        STREAM_READ: tenant.streamRead,
        POLL_INTERVAL_MILLIS: this.pollInterval.valueAsString,
        STANDBY_POLL_INTERVAL_MILLIS: this.standbyPollInterval.valueAsString,
        LEASE_MILLIS: String(leaseMillis),
        POWERTOOLS_SERVICE_NAME: 'matcher',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    })
    access(
      {
        construct: definition,
        role: definition.taskRole,
        addEnvironment: (name, value) => container.addEnvironment(name, value),
      },
      data,
    )
      .readOrders(lane)
      .putOrders(lane)
      .putExecutions(lane)
      .snapshots(lane)
      .table('lanes', 'GetItem', 'Query', 'PutItem', 'UpdateItem', 'ConditionCheckItem')
    const service = new FargateService(this, `Lane${lane}Matcher`, {
      cluster: this.cluster as ICluster,
      taskDefinition: definition,
      // A leader and one that stands by, spread over the zones. A new one stands by before an old one ends.
      desiredCount: 2,
      minHealthyPercent: 100,
      maxHealthyPercent: 150,
      assignPublicIp: false,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      circuitBreaker: { rollback: true },
      enableExecuteCommand: false,
    })
    this.watch(lane, service)
  }

  private watch(lane: number, service: FargateService): void {
    const { alarmTopic } = this.surroundings.data
    const period = Duration.minutes(1)
    const running = new Metric({
      namespace: 'ECS/ContainerInsights',
      metricName: 'RunningTaskCount',
      dimensionsMap: { ClusterName: this.cluster.clusterName, ServiceName: service.serviceName },
      statistic: 'min',
      label: 'running',
      period,
    })
    const dimensions = { Lane: String(lane) }
    /** What the leader writes every five seconds. */
    const figure = (metricName: MetricName<'matcher'>, statistic: string) =>
      publishedMetric('matcher', metricName, dimensions, { statistic, label: metricName, period })
    /** What the matcher that stands by writes, and whoever has to stop. */
    const standby = (metricName: MetricName<'replica'>, statistic: string) =>
      publishedMetric('replica', metricName, dimensions, { statistic, label: metricName, period })
    alarm(service, 'Running', alarmTopic, {
      metric: running,
      threshold: 2,
      atLeast: true,
      periods: 10,
      runbook: 'matcher-down',
      says: `Lane ${lane} has had fewer than two matchers for ten minutes`,
    })
    alarm(service, 'Heartbeat', alarmTopic, {
      metric: figure('Commands', 'SampleCount'),
      threshold: 1,
      atLeast: true,
      periods: 2,
      runbook: 'matcher-down',
      says: `The matcher of lane ${lane} is silent`,
    })
    alarm(service, 'Lag', alarmTopic, {
      metric: figure('LagMillis', 'max'),
      threshold: 5_000,
      periods: 3,
      runbook: 'matcher-lag',
      says: `The matcher of lane ${lane} is behind its orders`,
    })
    alarm(service, 'Poison', alarmTopic, {
      metric: figure('Poison', 'sum'),
      threshold: 1,
      runbook: 'quarantined-record',
      says: `Lane ${lane} holds a record that cannot be read`,
    })
    alarm(service, 'Snapshots', alarmTopic, {
      metric: standby('SnapshotAgeMillis', 'min'),
      threshold: 2 * 3_600_000,
      periods: 3,
      runbook: 'snapshots-old',
      says: `The newest snapshot of lane ${lane} is older than two hours`,
    })
    alarm(service, 'SnapshotsPassedOver', alarmTopic, {
      metric: standby('SnapshotsPassedOver', 'sum'),
      threshold: 1,
      runbook: 'snapshots-old',
      says: `A snapshot of lane ${lane} is damaged, or does not lead to what was published`,
    })
    alarm(service, 'Standby', alarmTopic, {
      metric: standby('StandbyBehindMillis', 'SampleCount'),
      threshold: 1,
      atLeast: true,
      periods: 5,
      runbook: 'standby-missing',
      says: `Nobody stands by for lane ${lane}: a failover would take as long as a start`,
    })
    alarm(service, 'StandbyLag', alarmTopic, {
      metric: standby('StandbyBehindMillis', 'max'),
      threshold: 10_000,
      periods: 3,
      runbook: 'standby-missing',
      says: `The matcher that stands by for lane ${lane} is behind its orders`,
    })
    alarm(service, 'Divergence', alarmTopic, {
      metric: standby('Divergences', 'sum'),
      threshold: 1,
      runbook: 'lane-halted',
      says: `Two matchers of lane ${lane} came to different states`,
    })
    alarm(service, 'Halts', alarmTopic, {
      metric: standby('Halts', 'sum'),
      threshold: 5,
      runbook: 'lane-halted',
      says: `The matchers of lane ${lane} stop and begin again`,
    })
    const graph = (title: string, left: Metric[]) =>
      new GraphWidget({ title: `Lane ${lane}: ${title}`, left, width: 6, height: 6 })
    this.row.push(
      graph(
        'orders, trades, rejections',
        (['Orders', 'Trades', 'Rejections', 'Duplicates'] as const).map(name => figure(name, 'sum')),
      ),
      graph(
        'lag, to acknowledgement, event loop',
        (['LagMillis', 'PublishedMillisAverage', 'EventLoopDelayMillis'] as const).map(name => figure(name, 'max')),
      ),
      graph('engine', [
        figure('EngineMicrosP50', 'max'),
        figure('EngineMicrosP99', 'max'),
        figure('EngineMicrosAverage', 'avg'),
      ]),
      graph('age of the snapshot, standby behind', [
        standby('SnapshotAgeMillis', 'min'),
        standby('StandbyBehindMillis', 'max'),
      ]),
      graph('epoch of the leader, failovers, halts', [
        figure('Epoch', 'max'),
        standby('Failovers', 'sum'),
        standby('Halts', 'sum'),
        standby('Divergences', 'sum'),
      ]),
      graph('matchers, open orders, unpublished', [
        running,
        figure('OpenOrders', 'max'),
        figure('UnpublishedEvents', 'max'),
      ]),
    )
  }
}

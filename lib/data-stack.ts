import {
  type Attribute,
  AttributeType,
  Billing,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb'
import { Archive, EventBus } from 'aws-cdk-lib/aws-events'
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Stream, StreamConsumer, StreamEncryption, StreamMode } from 'aws-cdk-lib/aws-kinesis'
import { Key } from 'aws-cdk-lib/aws-kms'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type BucketProps,
  type IBucket,
  ObjectLockRetention,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { eventSource } from '#protocol/events.ts'
import { isWanted, pascalCase, streamConsumers } from '#protocol/functions.ts'
import { type Key as KeyAttribute, type Table, type TableName, tables } from '#protocol/tables.ts'
import { acknowledge } from './rules.ts'
import type { Tenant } from './tenant.ts'
import { UserDirectory } from './user-directory.ts'

export interface LaneStreams {
  readonly lane: number
  readonly orders: Stream
  readonly executions: Stream
}

/** From the log to the archive: the stream of audit lines, who may put into it, and the bucket that locks them. */
export interface AuditStores {
  readonly lines: Stream
  readonly logsRole: Role
  readonly bucket: Bucket
}

/** The matcher's consumer of a lane's orders has this name, a projector's of its executions the projector's. */
export const matcherReader = 'matcher'

/** Everything that must outlive a deployment: RETAIN, point-in-time recovery, the tenant's own key. */
export class DataStack extends Stack {
  readonly tenant: Tenant
  readonly key: Key
  readonly tables: Readonly<Record<TableName, TableV2>>
  readonly lanes: readonly LaneStreams[]
  readonly bus: EventBus
  readonly snapshots: Bucket
  readonly audit: AuditStores
  /** What the hashes of API keys are keyed by. */
  readonly apiKeyPepper: Secret
  readonly alarmTopic: Topic
  /** By provider. */
  readonly partnerServiceUrls: Tenant['partnerServiceUrls']
  readonly userDirectory: UserDirectory | undefined
  private readonly consumers = new Map<string, StreamConsumer>()

  constructor(scope: Construct, id: string, props: StackProps & { readonly tenant: Tenant }) {
    super(scope, id, { ...props, terminationProtection: true })
    const { tenant } = props
    this.tenant = tenant
    this.partnerServiceUrls = tenant.partnerServiceUrls
    this.key = new Key(this, 'DataKey', {
      description: `Everything that the exchange of ${tenant.name} keeps`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    this.tables = this.makeTables()
    this.lanes = tenant.lanes.map(lane => this.makeLane(lane, tenant))
    this.bus = new EventBus(this, 'EventBus', { description: `What happens at the exchange of ${tenant.name}` })
    this.bus.applyRemovalPolicy(RemovalPolicy.RETAIN)
    new Archive(this, 'EventArchive', {
      sourceEventBus: this.bus,
      eventPattern: { source: [eventSource] },
      retention: Duration.days(tenant.retention.eventDays),
    })
    const accessLogs = this.makeAccessLogs(tenant)
    this.snapshots = this.makeSnapshots(tenant, accessLogs)
    this.audit = this.makeAudit(tenant, accessLogs)
    this.apiKeyPepper = this.makePepper()
    this.alarmTopic = new Topic(this, 'AlarmTopic', { masterKey: this.key, enforceSSL: true })
    acknowledge(this, 'KDS3', 'All that a tenant keeps is under one key of its own, which it can withdraw')
    this.key.grant(new ServicePrincipal('cloudwatch.amazonaws.com'), 'kms:Decrypt', 'kms:GenerateDataKey')
    if (tenant.alarmEmail !== undefined) this.alarmTopic.addSubscription(new EmailSubscription(tenant.alarmEmail))
    this.userDirectory = 'userPool' in tenant.identity ? new UserDirectory(this, 'UserDirectory') : undefined
  }

  /** The reader's own enhanced fan-out of a stream, where the tenant asks for it. */
  consumerArn(lane: number, reader: string): string | undefined {
    return this.consumers.get(`${reader}-${lane}`)?.streamConsumerArn
  }

  /** Under which other stacks know the value: rules about them speak of it by this name. */
  importNameOf(value: string): string {
    const { 'Fn::ImportValue': name } = this.resolve(this.exportValue(value))
    return String(name)
  }

  private makeTables(): Readonly<Record<TableName, TableV2>> {
    const make = (table: Table) => {
      const { timeToLive, stream } = table
      return new TableV2(this, `${pascalCase(table.name)}Table`, {
        partitionKey: attribute(table.partitionKey),
        ...(table.sortKey && { sortKey: attribute(table.sortKey) }),
        ...(timeToLive === undefined ? {} : { timeToLiveAttribute: timeToLive }),
        ...(stream === true && { dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES }),
        localSecondaryIndexes: (table.localIndexes ?? []).map(({ name, sortKey }) => ({
          indexName: name,
          sortKey: attribute(sortKey),
          projectionType: ProjectionType.ALL,
        })),
        globalSecondaryIndexes: (table.globalIndexes ?? []).map(({ name, partitionKey, sortKey }) => ({
          indexName: name,
          partitionKey: attribute(partitionKey),
          ...(sortKey && { sortKey: attribute(sortKey) }),
          projectionType: ProjectionType.ALL,
        })),
        billing: Billing.onDemand(),
        encryption: TableEncryptionV2.customerManagedKey(this.key),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
        deletionProtection: true,
        removalPolicy: RemovalPolicy.RETAIN,
      })
    }
    return {
      commands: make(tables.commands),
      outcomes: make(tables.outcomes),
      orders: make(tables.orders),
      trades: make(tables.trades),
      positions: make(tables.positions),
      balances: make(tables.balances),
      ledgerEntries: make(tables.ledgerEntries),
      accounts: make(tables.accounts),
      instruments: make(tables.instruments),
      books: make(tables.books),
      marketTrades: make(tables.marketTrades),
      candles: make(tables.candles),
      parameters: make(tables.parameters),
      indexQuotes: make(tables.indexQuotes),
      fixings: make(tables.fixings),
      measurements: make(tables.measurements),
      marks: make(tables.marks),
      surfaces: make(tables.surfaces),
      settlements: make(tables.settlements),
      slaContracts: make(tables.slaContracts),
      slaReadings: make(tables.slaReadings),
      slaMonths: make(tables.slaMonths),
      slaAssessments: make(tables.slaAssessments),
      slaPenalties: make(tables.slaPenalties),
      dayAheadAuctions: make(tables.dayAheadAuctions),
      dayAheadBids: make(tables.dayAheadBids),
      dayAheadResults: make(tables.dayAheadResults),
      deliveries: make(tables.deliveries),
      marketWindows: make(tables.marketWindows),
      quoteOutcomes: make(tables.quoteOutcomes),
      marketMakers: make(tables.marketMakers),
      quotingDays: make(tables.quotingDays),
      obligationTerms: make(tables.obligationTerms),
      killSwitches: make(tables.killSwitches),
      riskLimits: make(tables.riskLimits),
      limitRequests: make(tables.limitRequests),
      approvalRequests: make(tables.approvalRequests),
      accountNumbers: make(tables.accountNumbers),
      tradeBusts: make(tables.tradeBusts),
      riskEpochs: make(tables.riskEpochs),
      riskLanes: make(tables.riskLanes),
      marginCalls: make(tables.marginCalls),
      liquidations: make(tables.liquidations),
      backstopAuctions: make(tables.backstopAuctions),
      partnerCatalogues: make(tables.partnerCatalogues),
      partnerOffers: make(tables.partnerOffers),
      partnerContracts: make(tables.partnerContracts),
      partnerInventory: make(tables.partnerInventory),
      partnerPurchases: make(tables.partnerPurchases),
      arbitrageExecutions: make(tables.arbitrageExecutions),
      arbitragePolicies: make(tables.arbitragePolicies),
      capacityAllocations: make(tables.capacityAllocations),
      capacityPlans: make(tables.capacityPlans),
      capacityObservations: make(tables.capacityObservations),
      procurementPolicies: make(tables.procurementPolicies),
      apiKeys: make(tables.apiKeys),
      apiKeyHolders: make(tables.apiKeyHolders),
      nonces: make(tables.nonces),
      audit: make(tables.audit),
      rateLimits: make(tables.rateLimits),
      lanes: make(tables.lanes),
    }
  }

  /** One shard each, provisioned: a stream on demand would split by itself and lose the lane's one order. */
  private makeLane(lane: number, tenant: Tenant): LaneStreams {
    const { retention, streamRead } = tenant
    const make = (name: string) => this.makeStream(`Lane${lane}${name}`, retention)
    const orders = make('Orders')
    const executions = make('Executions')
    if (streamRead === 'fan-out') {
      this.register(lane, orders, matcherReader)
      for (const consumer of streamConsumers) {
        if (consumer.reads === 'executions' && isWanted(consumer, tenant))
          this.register(lane, executions, consumer.name)
      }
    }
    return { lane, orders, executions }
  }

  private makeStream(id: string, { streamHours }: Tenant['retention']): Stream {
    return new Stream(this, id, {
      streamMode: StreamMode.PROVISIONED,
      shardCount: 1,
      retentionPeriod: Duration.hours(streamHours),
      encryption: StreamEncryption.KMS,
      encryptionKey: this.key,
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }

  private register(lane: number, stream: Stream, reader: string): void {
    const consumer = new StreamConsumer(this, `Lane${lane}${pascalCase(reader)}Consumer`, {
      stream,
      streamConsumerName: reader,
    })
    this.consumers.set(`${reader}-${lane}`, consumer)
  }

  private makeAccessLogs({ retention }: Tenant): Bucket {
    return new Bucket(this, 'AccessLogs', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [{ expiration: Duration.days(retention.logDays) }],
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }

  /** Lost, every API key with a secret would have to be made anew. */
  private makePepper(): Secret {
    const pepper = new Secret(this, 'ApiKeyPepper', {
      description: 'What the hashes of API keys are keyed by',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      encryptionKey: this.key,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(pepper, 'SMG4', 'Another pepper would end every API key at once: keys rotate, one by one')
    return pepper
  }

  private makeSnapshots({ retention }: Tenant, accessLogs: Bucket): Bucket {
    return new Bucket(this, 'Snapshots', {
      ...this.privateBucket(accessLogs, 'snapshots/'),
      lifecycleRules: [
        {
          abortIncompleteMultipartUploadAfter: Duration.days(1),
          noncurrentVersionExpiration: Duration.days(retention.snapshotDays),
        },
      ],
    })
  }

  private privateBucket(accessLogs: Bucket, serverAccessLogsPrefix: string): BucketProps {
    return {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix,
      removalPolicy: RemovalPolicy.RETAIN,
    }
  }

  /** Locked in compliance mode: until its days are over nobody can shorten, change or delete, the account's root neither. */
  private makeAudit({ retention }: Tenant, accessLogs: Bucket): AuditStores {
    const bucket = new Bucket(this, 'Audit', {
      ...this.privateBucket(accessLogs, 'audit/'),
      objectLockEnabled: true,
      objectLockDefaultRetention: ObjectLockRetention.compliance(Duration.days(retention.auditDays)),
      lifecycleRules: [{ abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    })
    const lines = this.makeStream('AuditLines', retention)
    const logsRole = new Role(this, 'AuditLinesRole', {
      description: 'CloudWatch Logs puts audit lines into their stream',
      assumedBy: new ServicePrincipal('logs.amazonaws.com', {
        conditions: { StringLike: { 'aws:SourceArn': `arn:${this.partition}:logs:${this.region}:${this.account}:*` } },
      }),
      // In the role itself: a subscription is tried out when it is made, and must not come before a policy of its own.
      inlinePolicies: {
        PutAuditLines: new PolicyDocument({
          statements: [
            new PolicyStatement({ actions: ['kinesis:PutRecord'], resources: [lines.streamArn] }),
            new PolicyStatement({ actions: ['kms:GenerateDataKey'], resources: [this.key.keyArn] }),
          ],
        }),
      },
    })
    new CfnOutput(this, 'AuditBucket', { value: bucket.bucketName, description: 'For npm run verify-audit' })
    return { bucket, lines, logsRole }
  }
}

const attribute = ({ name, type }: KeyAttribute): Attribute => ({
  name,
  type: type === 'S' ? AttributeType.STRING : AttributeType.NUMBER,
})

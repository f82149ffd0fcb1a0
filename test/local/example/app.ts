/** A small CDK app for the tests of the local runtime: `node app.ts <outdir>`. */
import { fileURLToPath } from 'node:url'
import { App, CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib'
import { AttributeType, ProjectionType, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb'
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2'
import { Cluster, ContainerImage, FargateService, FargateTaskDefinition, type ICluster } from 'aws-cdk-lib/aws-ecs'
import { Stream, StreamMode } from 'aws-cdk-lib/aws-kinesis'
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { Queue } from 'aws-cdk-lib/aws-sqs'

const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url))

class TwoZones extends Stack {
  override get availabilityZones(): string[] {
    return ['eu-central-1a', 'eu-central-1b']
  }
}

const [outdir = 'cdk.out'] = process.argv.slice(2)
const app = new App({ outdir })
const env = { account: '123456789012', region: 'eu-central-1' }
const stage = new Stage(app, 'Example', { env })

const data = new TwoZones(stage, 'Data')
const table = new TableV2(data, 'Orders', {
  partitionKey: { name: 'account', type: AttributeType.STRING },
  sortKey: { name: 'order', type: AttributeType.STRING },
  dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
  timeToLiveAttribute: 'expires',
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  globalSecondaryIndexes: [
    {
      indexName: 'by-instrument',
      partitionKey: { name: 'instrument', type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: ['state'],
    },
  ],
  localSecondaryIndexes: [{ indexName: 'by-time', sortKey: { name: 'placed', type: AttributeType.NUMBER } }],
})
const stream = new Stream(data, 'Lane', {
  streamMode: StreamMode.PROVISIONED,
  shardCount: 1,
  retentionPeriod: Duration.hours(48),
})
const bucket = new Bucket(data, 'Snapshots', { removalPolicy: RemovalPolicy.RETAIN, enforceSSL: true })
const queue = new Queue(data, 'Failures')

const compute = new TwoZones(stage, 'Compute')
const issuers = new CfnParameter(compute, 'TokenIssuers', { default: '[]' })
const environment = {
  TABLE_NAME: table.tableName,
  STREAM_NAME: stream.streamName,
  BUCKET_NAME: bucket.bucketName,
  QUEUE_URL: queue.queueUrl,
}
const greeter = new LambdaFunction(compute, 'Greeter', {
  runtime: Runtime.NODEJS_24_X,
  handler: 'index.handler',
  code: Code.fromAsset(folder('greeter')),
  environment: { ...environment, TOKEN_ISSUERS: issuers.valueAsString },
})
table.grantReadWriteData(greeter)
new CfnOutput(compute, 'GreeterArn', { value: greeter.functionArn })
const task = new FargateTaskDefinition(compute, 'Task')
task.addContainer('main', { image: ContainerImage.fromAsset(folder('image')), environment })
// The assertions are for exactOptionalPropertyTypes, which the CDK's own classes do not satisfy.
const vpc = new Vpc(compute, 'Network', { maxAzs: 2, natGateways: 0 }) as IVpc
new FargateService(compute, 'Service', {
  cluster: new Cluster(compute, 'Cluster', { vpc }) as ICluster,
  taskDefinition: task,
  desiredCount: 1,
  assignPublicIp: true,
})
app.synth()

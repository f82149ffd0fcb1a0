import { Agent } from 'node:http'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { KinesisClient } from '@aws-sdk/client-kinesis'
import { S3Client } from '@aws-sdk/client-s3'
import { SFNClient } from '@aws-sdk/client-sfn'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/**
 * The one place where a transport differs: an `http:` endpoint (AWS_ENDPOINT_URL_*) gets a plain HTTP/1.1 handler,
 * which the Kinesis client would otherwise not use. Clients are made once a process, on first use.
 */
const transport = (service: string): { requestHandler?: NodeHttpHandler } =>
  process.env[`AWS_ENDPOINT_URL_${service}`]?.startsWith('http:') === true
    ? { requestHandler: new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: 64 }) }) }
    : {}

const once = <Client>(make: () => Client): (() => Client) => {
  let made: Client | undefined
  return () => {
    made ??= make()
    return made
  }
}

export const dynamodb = once(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient(transport('DYNAMODB')), {
    marshallOptions: { removeUndefinedValues: true },
  }),
)
export const kinesis = once(() => new KinesisClient(transport('KINESIS')))
export const sfn = once(() => new SFNClient(transport('SFN')))
export const eventbridge = once(() => new EventBridgeClient(transport('EVENTBRIDGE')))
export const s3 = once(
  () => new S3Client({ ...transport('S3'), forcePathStyle: process.env['AWS_ENDPOINT_URL_S3'] !== undefined }),
)

/** An environment variable that the template always sets; its absence is our bug and ends the cold start. */
export const required = (variable: string): string => {
  const value = process.env[variable]
  if (value === undefined || value === '') throw new Error(`environment variable ${variable} is not set`)
  return value
}

import { S3Client } from '@aws-sdk/client-s3'
import { once, transport } from './transport.ts'

export const s3 = once(
  () => new S3Client({ ...transport('S3'), forcePathStyle: process.env['AWS_ENDPOINT_URL_S3'] !== undefined }),
)

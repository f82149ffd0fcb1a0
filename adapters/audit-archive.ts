import { PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3'
import { type Segment, segmentName } from '#domain/compliance/audit-chain.ts'
import { auditBucketEnvironmentVariable } from '#protocol/audit.ts'
import { s3 } from './clients/s3.ts'
import { required } from './environment.ts'

/** One object for the records that were chained together. The bucket locks it: one that is there already is the same. */
export const archiveSegment = async (segment: Segment): Promise<void> => {
  const put = new PutObjectCommand({
    Bucket: required(auditBucketEnvironmentVariable),
    Key: segmentName(segment),
    Body: `${segment.lines.join('\n')}\n`,
    ContentType: 'application/jsonl',
    IfNoneMatch: '*',
  })
  try {
    await s3().send(put)
  } catch (error) {
    if (!(error instanceof S3ServiceException && error.name === 'PreconditionFailed')) throw error
  }
}

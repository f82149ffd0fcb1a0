import { describe, expect, test } from '@jest/globals'
import type { Stack, TemplateResource } from '#local/assembly.ts'
import { refuseUnknown } from '#local/supported.ts'

function stackWith(Resources: Record<string, TemplateResource>): Stack {
  return { name: 'Data', account: '1', region: 'r', template: { Resources }, assets: new Map() }
}

describe('what the local runtime knows', () => {
  test('live and inert types with known properties pass', () => {
    const Resources = {
      Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q', Tags: [] } },
      Key: { Type: 'AWS::KMS::Key', Properties: { Anything: true } },
      Role: { Type: 'AWS::IAM::Role', Properties: { Anything: true } },
    }
    expect(() => refuseUnknown([stackWith(Resources)])).not.toThrow()
  })

  test('every unknown type and property is named, nested ones too', () => {
    const Resources = {
      Cache: { Type: 'AWS::ElastiCache::CacheCluster' },
      Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } },
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: {
          Replicas: [{ Region: 'r', KinesisStreamSpecification: {} }, { 'Fn::If': ['c', { Odd: 1 }, 'x'] }],
        },
      },
    }
    expect(() => refuseUnknown([stackWith(Resources)])).toThrow(
      [
        'Data/Cache AWS::ElastiCache::CacheCluster is not known to the local runtime',
        'Data/Queue AWS::SQS::Queue.FifoQueue is not known to the local runtime',
        'Data/Table AWS::DynamoDB::GlobalTable.Replicas.KinesisStreamSpecification is not known to the local runtime',
        'Data/Table AWS::DynamoDB::GlobalTable.Replicas.Odd is not known to the local runtime',
      ].join('\n'),
    )
  })
})

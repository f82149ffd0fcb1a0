import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '#local/clock.ts'
import type { Resource, Surroundings } from '#local/component.ts'

export const account = '123456789012'
export const region = 'eu-west-1'

export interface FunctionSurroundings extends Surroundings {
  readonly complaints: string[]
  readonly resources: Resource[]
}

export function functionSurroundings(): FunctionSurroundings {
  const folder = mkdtempSync(join(tmpdir(), 'local-runtime-'))
  const complaints: string[] = []
  return {
    account,
    region,
    resources: [],
    clock: createClock(),
    dataDir: join(folder, 'data'),
    assetPath: (_stack, assetHash) => join(folder, `asset.${assetHash}`),
    awsEnvironment: { AWS_REGION: region, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
    say: () => undefined,
    complain: (where, error) => complaints.push(`${where}: ${String(error)}`),
    complaints,
  }
}

export function resourceOf(type: string, physicalId: string, properties: Record<string, unknown>): Resource {
  const arn = `arn:aws:lambda:${region}:${account}:function:${physicalId}`
  return { stack: 'Api', logicalId: physicalId.replaceAll('-', ''), type, properties, physicalId, arn }
}

/** Writes the source as the function's asset and adds the function to the resources; answers its ARN. */
export function addFunction(
  s: FunctionSurroundings,
  name: string,
  source: string,
  properties: Record<string, unknown> = {},
): string {
  const folder = s.assetPath('Api', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'index.mjs'), source)
  const resource = resourceOf('AWS::Lambda::Function', name, {
    Code: { S3Bucket: 'assets', S3Key: `${name}.zip` },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    MemorySize: 256,
    Timeout: 5,
    Role: 'arn:aws:iam::123456789012:role/any',
    ...properties,
  })
  s.resources.push(resource)
  return resource.arn
}

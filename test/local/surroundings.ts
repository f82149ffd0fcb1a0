import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '#local/clock.ts'
import type { Invocation, Resource, Surroundings } from '#local/component.ts'

export const account = '123456789012'
export const region = 'eu-central-1'
export const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }

export interface TestSurroundings extends Surroundings {
  readonly complaints: string[]
  readonly said: string[]
  /** The same data dir, as a later start of the runtime finds it. */
  again(resources?: readonly Resource[]): TestSurroundings
  remove(): void
}

export function testSurroundings(
  resources: readonly Resource[],
  awsEnvironment: Readonly<Record<string, string>> = {},
  dataDir = mkdtempSync(join(tmpdir(), 'surroundings-')),
): TestSurroundings {
  const complaints: string[] = []
  const said: string[] = []
  return {
    account,
    region,
    resources,
    clock: createClock(),
    dataDir,
    assetPath: (_stack, assetHash) => join(dataDir, `asset.${assetHash}.json`),
    awsEnvironment: { AWS_REGION: region, AWS_ACCESS_KEY_ID: 'local', ...awsEnvironment },
    say: line => void said.push(line),
    complain: (where, error) => void complaints.push(`${where}: ${error instanceof Error ? error.message : error}`),
    complaints,
    said,
    again: (anew = resources) => testSurroundings(anew, awsEnvironment, dataDir),
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  }
}

export function resourceOf(
  type: string,
  logicalId: string,
  arn: string,
  properties: Record<string, unknown>,
): Resource {
  return { stack: 'Example', logicalId, type, properties, physicalId: arn.split(/[:/]/).at(-1) ?? '', arn }
}

export function arnOf(service: string, rest: string): string {
  return `arn:aws:${service}:${region}:${account}:${rest}`
}

export const succeeded = (payload: unknown = null): Invocation => ({ ok: true, payload })
export const failed = (errorType: string, errorMessage = 'as the test wants it'): Invocation => ({
  ok: false,
  kind: 'Unhandled',
  error: { errorType, errorMessage },
})

/** Waits until the condition holds; the test's own timeout is the limit. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5))
}

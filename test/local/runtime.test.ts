import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from '@jest/globals'
import { freePort } from '#local/children.ts'
import { startRuntime } from '#local/runtime.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'runtime-test-'))
afterAll(() => rmSync(dataDir, { recursive: true }))
const children = () => process.getActiveResourcesInfo().filter(each => each === 'ProcessWrap').length

describe('the local runtime', () => {
  test('a start that fails tells why, and stops what had started', async () => {
    const lines: string[] = []
    const before = children()
    const starting = startRuntime({
      cloudAssembly: Promise.reject(new Error('synthesis failed')),
      parameters: {},
      port: await freePort(),
      dataDir,
      say: line => lines.push(line),
    })
    await expect(starting).rejects.toThrow('synthesis failed')
    expect(lines.join('\n')).toContain('DynamoDB Local')
    expect(readFileSync(join(dataDir, 'logs', 'dynamodb.log'), 'utf8')).toContain('Initializing DynamoDB Local')
    // The handle of an ended process is let go a moment after.
    await sleep(100)
    expect(children()).toBeLessThanOrEqual(before)
  })
})

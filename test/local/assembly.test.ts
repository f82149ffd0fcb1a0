import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { assetPathIn, readAssembly, type Stack } from '#local/assembly.ts'
import { createClock } from '#local/clock.ts'
import type { Resource, Surroundings } from '#local/component.ts'
import { parseDockerfile, startEcs } from '#local/ecs.ts'
import { resolveResources } from '#local/intrinsics.ts'
import { refuseUnknown } from '#local/supported.ts'

const folder = mkdtempSync(join(tmpdir(), 'assembly-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 5_000
  while (!condition() && performance.now() < limit) await sleep(20)
  expect(condition()).toBe(true)
}

describe('a cloud assembly', () => {
  let stacks: readonly Stack[] = []
  let resources: readonly Resource[] = []
  const find = (type: string) => resources.find(each => each.type === type)

  beforeAll(async () => {
    const app = fileURLToPath(new URL('./example/app.ts', import.meta.url))
    const outdir = join(folder, 'cdk.out')
    execFileSync(process.execPath, [app, outdir], {
      env: { ...process.env, NODE_OPTIONS: '', CDK_VALIDATION: 'false' },
    })
    stacks = await readAssembly(outdir)
    const parameters = { TokenIssuers: '["local"]' }
    resources = resolveResources(stacks, { parameters, queueEndpoint: 'http://127.0.0.1:1' })
  })

  test('is read through its stage, with the account and region of its stacks', () => {
    expect(stacks.map(({ name, account, region }) => `${name} ${account} ${region}`)).toEqual([
      'Example-Data 123456789012 eu-central-1',
      'Example-Compute 123456789012 eu-central-1',
    ])
    expect(() => refuseUnknown(stacks)).not.toThrow()
  })

  test('gives each function what lies in the other stack, and the parameters of the start', () => {
    expect(find('AWS::Lambda::Function')?.properties['Environment']).toEqual({
      Variables: {
        TABLE_NAME: find('AWS::DynamoDB::GlobalTable')?.physicalId,
        STREAM_NAME: find('AWS::Kinesis::Stream')?.physicalId,
        BUCKET_NAME: find('AWS::S3::Bucket')?.physicalId,
        QUEUE_URL: find('AWS::SQS::Queue')?.physicalId,
        TOKEN_ISSUERS: '["local"]',
      },
    })
    expect(find('AWS::S3::Bucket')?.physicalId).toMatch(/^example-data-snapshots/)
  })

  test('finds the asset of a function', () => {
    const code = find('AWS::Lambda::Function')?.properties['Code']
    const [, hash = ''] = /"S3Key":"(.*)\.zip"/.exec(JSON.stringify(code)) ?? []
    expect(existsSync(join(assetPathIn(stacks, 'Example-Compute', hash), 'index.mjs'))).toBe(true)
    expect(() => assetPathIn(stacks, 'Example-Compute', 'nothing')).toThrow('Example-Compute has no asset nothing')
  })

  test('a service runs its task as the Dockerfile says, and again when it was killed', async () => {
    const clock = createClock(86_400_000)
    const complaints: string[] = []
    const surroundings: Surroundings = {
      account: '123456789012',
      region: 'eu-central-1',
      resources,
      clock,
      dataDir: folder,
      assetPath: (stack, hash) => assetPathIn(stacks, stack, hash),
      awsEnvironment: { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2' },
      say: () => undefined,
      complain: (where, error) => void complaints.push(`${where}: ${String(error)}`),
    }
    const ecs = await startEcs(surroundings)
    const [task] = ecs.tasks()
    const logFile = join(folder, 'logs', `${task?.service}.log`)
    const lines = () => readFileSync(logFile, 'utf8').trim().split('\n')
    await until(() => lines().length >= 2)
    const told = JSON.parse(lines()[0] ?? '')
    expect(told).toMatchObject({
      GREETING: 'hello there',
      TABLE_NAME: find('AWS::DynamoDB::GlobalTable')?.physicalId,
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2',
    })
    expect(told.cwd).toMatch(/\/app$/)
    expect(told.now - Date.now()).toBeGreaterThan(86_000_000)

    process.kill(task?.pid ?? 0, 'SIGKILL')
    await until(() => complaints.length === 1)
    expect(complaints[0]).toContain('the task ended (SIGKILL); starting it again in 500 ms')
    await until(() => ecs.tasks().length === 1 && ecs.tasks()[0]?.pid !== task?.pid)
    const again = ecs.tasks()[0]?.pid ?? 0
    await ecs.stop()
    expect(() => process.kill(again, 0)).toThrow('ESRCH')
    expect(ecs.tasks()).toEqual([])
    expect(complaints).toHaveLength(1)
  })
})

describe('a Dockerfile', () => {
  test('is read as far as a Node program needs it', () => {
    const image = parseDockerfile(`FROM node:24
      WORKDIR /srv
      WORKDIR app
      COPY --chown=node:node package.json main.mjs lib/
      ENV A=1 B="two words"
      ENTRYPOINT ["node"]
      CMD ["main.mjs", "--quiet"]`)
    expect(image).toEqual({
      workingDirectory: '/srv/app',
      copies: [
        ['package.json', '/srv/app/lib/'],
        ['main.mjs', '/srv/app/lib/'],
      ],
      environment: { A: '1', B: 'two words' },
      entryPoint: ['node'],
      command: ['main.mjs', '--quiet'],
    })
  })

  test.each(['RUN npm ci', 'COPY --from=build /app .', 'COPY *.mjs .', 'CMD node main.mjs', 'ADD a b'])(
    '%s is refused',
    line => {
      expect(() => parseDockerfile(line)).toThrow(`does not know this line of a Dockerfile: ${line}`)
    },
  )
})

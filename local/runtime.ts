/** Starts everything that a cloud assembly describes, in order, and stops it in the reverse order. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { startApiGateway } from './api-gateway.ts'
import { assetPathIn, readAssembly, type Stack } from './assembly.ts'
import { startAwsEndpoint } from './aws-endpoint.ts'
import { type Child, freePorts, isAlive } from './children.ts'
import { createClock } from './clock.ts'
import type { Clock, Component, Invoke, Surroundings } from './component.ts'
import { createTables, isTable, requireJava, startDynamoDb } from './dynamodb.ts'
import { type RunningTask, startEcs } from './ecs.ts'
import { startEventBridge } from './event-bridge.ts'
import { startEventSourceMappings } from './event-source-mappings.ts'
import { type ResolveOptions, resolveResources } from './intrinsics.ts'
import { writeAtomically } from './kept-state.ts'
import { createStreams, startKinesis } from './kinesis.ts'
import { type Strike, startLambdaHost } from './lambda-host.ts'
import { startLogSubscriptions } from './log-subscriptions.ts'
import { createOidcIssuer, localIssuerPath } from './oidc-issuer.ts'
import { json } from './resource-properties.ts'
import { startS3 } from './s3.ts'
import { startSecretsManager } from './secrets-manager.ts'
import { startSqs } from './sqs.ts'
import { startStepFunctions } from './step-functions.ts'
import { refuseUnknown } from './supported.ts'

export interface RuntimeOptions {
  /** Folder of the cloud assembly; a promise lets Java start while it is being synthesized. */
  readonly cloudAssembly: string | Promise<string>
  /** As with `cdk deploy --parameters`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly port: number
  /** Where state lives across runs; without it, in a temporary folder that goes with the run. */
  readonly dataDir?: string
  /** A folder for the calls of functions and tasks, and for the resources and policies that they are held against. */
  readonly recordCallsIn?: string
  say(line: string): void
}

export interface Runtime extends Component {
  readonly url: string
  readonly surroundings: Surroundings
  readonly invoke: Invoke
  tasks(): readonly RunningTask[]
  /** Resolves with the reason if a part that nothing works without ends by itself. */
  readonly failed: Promise<Error>
}

type Route = (request: IncomingMessage, response: ServerResponse) => boolean

export const controlPath = '/_local'

export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const startedMillis = performance.now()
  const { port, parameters } = options
  const keep = options.dataDir !== undefined
  const dataDir =
    options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'local-runtime-')) : resolve(options.dataDir)
  mkdirSync(join(dataDir, 'logs'), { recursive: true })
  const release = holdFolder(dataDir)

  const complain = (where: string, error: unknown) => {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
    appendFileSync(join(dataDir, 'logs', 'runtime.log'), `${new Date().toISOString()} ${where}: ${told}\n`)
    options.say(`! ${where}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const step = (line: string) =>
    options.say(`${((performance.now() - startedMillis) / 1_000).toFixed(1).padStart(5)} s  ${line}`)

  // After a failure the logs are still wanted.
  let isToBeRemoved = !keep
  const removeFolder = () => isToBeRemoved && rmSync(dataDir, { recursive: true, force: true })
  process.once('exit', removeFolder)
  const started: Component[] = []
  const keepTrack = <Started extends Component>(component: Started): Started => {
    started.push(component)
    return component
  }
  let stopping: Promise<void> | undefined
  const stopAll = async () => {
    for (const component of started.splice(0).reverse()) {
      await component.stop().catch(error => complain('stopping', error))
    }
    release()
    removeFolder()
    process.off('exit', removeFolder)
  }
  const stop = () => {
    stopping ??= stopAll()
    return stopping
  }
  let fail: (reason: Error) => void = () => undefined
  const failed = new Promise<Error>(resolveFailed => {
    fail = resolveFailed
  })
  const mustLive = (child: Child) =>
    void child.ended.then(how => {
      if (stopping !== undefined) return
      const reason = new Error(`${child.name} ended by itself (${how}): see ${join(dataDir, 'logs')}`)
      isToBeRemoved = false
      complain('local runtime', reason)
      fail(reason)
    })

  try {
    await requireJava()
    const clock = openClock(dataDir, keep)
    const [awsPort = 0, s3Port = 0] = await freePorts(2)
    const awsEndpoint = `http://127.0.0.1:${awsPort}`

    const startingDynamoDb = startDynamoDb({ dataDir, keep }).then(dynamoDb => {
      mustLive(dynamoDb.child)
      step('DynamoDB Local')
      return keepTrack(dynamoDb)
    })
    const readingTemplates = (async () => {
      const stacks = await readAssembly(await options.cloudAssembly)
      const { account, region } = oneEnvironment(stacks)
      refuseUnknown(stacks)
      const resolving: ResolveOptions = { parameters, queueEndpoint: awsEndpoint }
      const resources = resolveResources(stacks, resolving)
      step(`${stacks.length} stacks read: ${resources.length} live resources`)
      const kind = resources.some(({ type }) => type === 'AWS::Kinesis::StreamConsumer')
        ? 'kinesis-local'
        : 'kinesalite'
      const kinesis = keepTrack(await startKinesis({ kind, account, region, clock, dataDir, keep }))
      mustLive(kinesis.child)
      const consumers = await createStreams(kinesis.endpoint, region, resources)
      step(`Kinesis (${kind}) with its streams`)
      const bucketsHere = resources.filter(({ type }) => type === 'AWS::S3::Bucket')
      const buckets = bucketsHere.map(({ physicalId }) => physicalId)
      const locked = buckets.filter((_, at) => bucketsHere[at]?.properties['ObjectLockEnabled'] === true)
      const s3 = keepTrack(await startS3({ port: s3Port, dataDir, region, buckets, locked, clock, complain }))
      return { stacks, account, region, resolving, resources, kinesis, consumers, s3 }
    })()
    // Both are waited for, so that a failure of one never leaves the other starting on its own.
    const outcomes = await Promise.allSettled([startingDynamoDb, readingTemplates])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    const [dynamoDb, read] = [await startingDynamoDb, await readingTemplates]
    const { stacks, account, region, kinesis } = read
    const streams = await createTables(dynamoDb.endpoint, region, read.resources)
    step(`${read.resources.filter(isTable).length} tables`)

    const learnt = new Map([...streams, ...read.consumers])
    const resources = resolveResources(stacks, { ...read.resolving, learnt })
    const { recordCallsIn } = options
    if (recordCallsIn !== undefined) {
      mkdirSync(recordCallsIn, { recursive: true })
      const whole = resolveResources(stacks, { ...read.resolving, learnt, policies: true })
      writeAtomically(join(recordCallsIn, 'resources.json'), JSON.stringify(whole))
    }
    const surroundings: Surroundings = {
      account,
      region,
      resources,
      clock,
      dataDir,
      ...(recordCallsIn === undefined ? {} : { callsFile: join(recordCallsIn, 'calls.jsonl') }),
      assetPath: (stack, assetHash) => assetPathIn(stacks, stack, assetHash),
      awsEnvironment: {
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
        AWS_ENDPOINT_URL_DYNAMODB_STREAMS: dynamoDb.endpoint,
        AWS_ENDPOINT_URL_KINESIS: kinesis.endpoint,
        AWS_ENDPOINT_URL_S3: read.s3.endpoint,
        AWS_ENDPOINT_URL_SFN: awsEndpoint,
        AWS_ENDPOINT_URL_EVENTBRIDGE: awsEndpoint,
        AWS_ENDPOINT_URL_SQS: awsEndpoint,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: awsEndpoint,
      },
      say: step,
      complain,
    }

    const { logged } = keepTrack(startLogSubscriptions(surroundings))
    const observed = { ...surroundings, logged }
    const lambdaHost = keepTrack(await startLambdaHost(observed))
    step(`${lambdaHost.functions.length} functions`)
    const { invoke } = lambdaHost
    const stepFunctions = keepTrack(await startStepFunctions(surroundings, invoke))
    const sqs = keepTrack(await startSqs(surroundings))
    const eventBridge = keepTrack(
      await startEventBridge(surroundings, { invoke, startExecution: stepFunctions.startExecution, send: sqs.send }),
    )
    const routes = [stepFunctions.route, sqs.route, eventBridge.route, startSecretsManager(surroundings).route]
    keepTrack(await startAwsEndpoint(awsPort, routes, complain))
    keepTrack(await startEventSourceMappings(surroundings, invoke, { send: sqs.send }))
    step('state machines, queues, event buses, event source mappings')

    const buses = resources.filter(({ type }) => type === 'AWS::Events::EventBus').map(({ physicalId }) => physicalId)
    let tasks: () => readonly RunningTask[] = () => []
    const issuer = await createOidcIssuer({ issuerUrl: `http://127.0.0.1:${port}${localIssuerPath}`, clock })
    const control = controlRoute(
      clock,
      () => ({ pid: process.pid, dataDir, tasks: tasks(), aws: surroundings.awsEnvironment, buses }),
      lambdaHost.strike,
      complain,
    )
    const gateway = keepTrack(await startApiGateway(observed, invoke, { port, extraRoutes: [control, issuer.route] }))
    step(`API Gateway on ${gateway.url}`)
    const ecs = keepTrack(await startEcs(surroundings))
    tasks = ecs.tasks
    step(`tasks: ${tasks().length}`)
    return { url: gateway.url, surroundings, invoke, tasks, failed, stop }
  } catch (error) {
    isToBeRemoved = false
    await stop()
    throw error
  }
}

/** Two runs on one folder would ruin it. A holder that has ended without letting go holds it no longer. */
function holdFolder(dataDir: string): () => void {
  const file = join(dataDir, 'in-use-by')
  const holder = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    throw new Error(`${dataDir} is in use by process ${holder}`)
  }
  writeFileSync(file, String(process.pid))
  return () => rmSync(file, { force: true })
}

/** With a kept folder the clock stays where it was moved: stored records must not lie in the future. */
function openClock(dataDir: string, keep: boolean): Clock {
  const file = join(dataDir, 'clock.json')
  const clock = createClock(keep ? keptOffsetMillis(file) : 0)
  if (keep) clock.onMoved(offsetMillis => writeAtomically(file, JSON.stringify({ offsetMillis })))
  return clock
}

function keptOffsetMillis(file: string): number {
  if (!existsSync(file)) return 0
  return z.object({ offsetMillis: z.number() }).parse(JSON.parse(readFileSync(file, 'utf8'))).offsetMillis
}

function oneEnvironment(stacks: readonly Stack[]): { account: string; region: string } {
  const [first] = stacks
  if (first === undefined) throw new Error('the cloud assembly has no stacks')
  const other = stacks.find(({ account, region }) => account !== first.account || region !== first.region)
  if (other !== undefined) throw new Error(`${first.name} and ${other.name} are of different accounts or regions`)
  return first
}

const forwardRequest = json.pipe(z.strictObject({ forward_millis: z.number().positive() }))

const strikeRequest = json.pipe(z.strictObject({ function: z.string(), freeze_millis: z.number().optional() }))

/** `POST /_local/clock` moves the clock, `POST /_local/strike` kills or freezes, `GET /_local/status` tells what runs. */
function controlRoute(clock: Clock, status: () => object, strike: Strike, complain: Surroundings['complain']): Route {
  const reply = (response: ServerResponse, code: number, content: object) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(content))
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const nowText = () => new Date(clock.now()).toISOString()
    const asked = `${request.method} ${request.url}`
    if (asked === `GET ${controlPath}/status`) return reply(response, 200, { ...status(), now: nowText() })
    if (asked === `POST ${controlPath}/strike`) {
      const blow = strikeRequest.safeParse(await text(request))
      if (!blow.success) return reply(response, 400, { message: z.prettifyError(blow.error) })
      return reply(response, 200, { struck: strike(blow.data.function, blow.data.freeze_millis) })
    }
    if (asked !== `POST ${controlPath}/clock`) return reply(response, 404, { message: `there is no ${asked}` })
    const read = forwardRequest.safeParse(await text(request))
    if (!read.success) return reply(response, 400, { message: z.prettifyError(read.error) })
    const before = nowText()
    try {
      clock.forward(read.data.forward_millis)
    } catch (error) {
      return reply(response, 400, { message: error instanceof Error ? error.message : String(error) })
    }
    reply(response, 200, { before, now: nowText() })
  }
  return (request, response) => {
    if (request.url?.startsWith(`${controlPath}/`) !== true) return false
    answer(request, response).catch(error => {
      complain('control', error)
      response.destroy()
    })
    return true
  }
}

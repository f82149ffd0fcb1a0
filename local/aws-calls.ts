/**
 * Who asks what of AWS: each function and task has an access key of its own, and in a run that records, every thread and
 * child of theirs appends its requests to one file, each distinct one once, with no more of it than IAM looks at.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { ClientRequest } from 'node:http'
import type { Resource, Surroundings } from './component.ts'

/** One line of the file. */
export interface AwsCall {
  readonly accessKey: string
  /** As the signature names it: dynamodb, kinesis, s3, states… */
  readonly service: string
  /** The action; of a REST service method and path. */
  readonly action: string
  /** The request without all that names no resource and needs no permission. */
  readonly names: unknown
}

const fileVariable = 'LOCAL_AWS_CALLS_FILE'
const requestCreated = 'http.client.request.created'
const names =
  /^(TableName|IndexName|Stream(Name|ARN)|ConsumerARN|EventBusName|QueueUrl|stateMachineArn|taskToken|SecretId)$/
const holders = /^(TransactItems|Put|Update|Delete|Get|ConditionCheck|Entries)$/
/** Its keys are names of tables. */
const ofBatches = 'RequestItems'
const headers = /^x-amz-(acl|bypass|copy|grant|object-lock|tagging)/

/** Letters and digits: DynamoDB Local takes no others. */
export function accessKeyOf({ stack, logicalId }: Pick<Resource, 'stack' | 'logicalId'>): string {
  return `${stack}${logicalId}`.replaceAll(/[^A-Za-z0-9]/g, '')
}

/** What a function or task is told of AWS. */
export function callerEnvironment(s: Surroundings, caller: Resource): Readonly<Record<string, string>> {
  const recording = s.callsFile === undefined ? {} : { [fileVariable]: s.callsFile }
  return { ...s.awsEnvironment, AWS_ACCESS_KEY_ID: accessKeyOf(caller), ...recording }
}

/** Called first in each thread and child; without the file in its environment nothing happens. Answers how to end it. */
export function recordAwsCalls(): () => void {
  const file = process.env[fileVariable]
  if (file === undefined) return () => undefined
  const written = new Set<string>()
  const created = (message: unknown) => {
    const { request } = message as { readonly request?: unknown }
    if (!(request instanceof ClientRequest)) return
    const { end } = request
    // The clients hand over a body whole, at the end.
    request.end = (...given: unknown[]) => {
      const line = lineOf(request, given[0])
      if (!written.has(line)) appendFileSync(file, line)
      written.add(line)
      return Reflect.apply(end, request, given)
    }
  }
  subscribe(requestCreated, created)
  return () => void unsubscribe(requestCreated, created)
}

function lineOf(request: ClientRequest, body: unknown): string {
  const signed = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(String(request.getHeader('authorization')))
  const [, accessKey = '', service = ''] = signed ?? []
  if (service === '') return ''
  const told = (action: string, of: unknown) =>
    `${JSON.stringify({ accessKey, service, action, names: of } satisfies AwsCall)}\n`
  const target = request.getHeader('x-amz-target')
  if (target === undefined) {
    const telling = request.getHeaderNames().filter(each => headers.test(each))
    return told(`${request.method} ${request.path}`, telling)
  }
  const text = body instanceof Uint8Array ? Buffer.from(body).toString() : String(body)
  return told(String(target).replace(/^.*\./, ''), namesIn(JSON.parse(text)))
}

function namesIn(value: object): unknown {
  if (Array.isArray(value)) return [...new Map(value.map(namesIn).map(each => [JSON.stringify(each), each])).values()]
  const kept = Object.entries(value).filter(([key]) => names.test(key) || holders.test(key) || key === ofBatches)
  const nameIn = (key: string, each: object): unknown => {
    if (key === ofBatches) return Object.keys(each).sort()
    return names.test(key) ? each : namesIn(each)
  }
  return Object.fromEntries(kept.map(([key, each]) => [key, nameIn(key, each)]))
}

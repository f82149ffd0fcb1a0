import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { AwsError, type AwsRoute, action, awsRoute, isRecord } from './aws-endpoint.ts'
import type { Component, Invoke, Surroundings } from './component.ts'
import { compileEventPattern, type EventPattern } from './event-pattern.ts'
import { writeAtomically } from './kept-state.ts'
import { backoffMillis, finishing, pause } from './pause.ts'
import { describeIssues, propertiesOf } from './resource-properties.ts'

const retryPolicy = z.strictObject({
  MaximumRetryAttempts: z.number().default(185),
  MaximumEventAgeInSeconds: z.number().default(86_400),
})
const target = z.strictObject({
  Id: z.string(),
  Arn: z.string().regex(/^arn:[^:]+:(lambda|sqs|states):/, 'only functions, queues and state machines are targets'),
  RoleArn: z.unknown().optional(),
  Input: z.string().optional(),
  InputPath: z.string().optional(),
  InputTransformer: z
    .strictObject({ InputPathsMap: z.record(z.string(), z.string()).default({}), InputTemplate: z.string() })
    .optional(),
  RetryPolicy: retryPolicy.prefault({}),
  DeadLetterConfig: z.strictObject({ Arn: z.string().optional() }).optional(),
})
type Target = z.output<typeof target>

const ruleFields = {
  EventBusName: z.string().default('default'),
  EventPattern: z.unknown().optional(),
  ScheduleExpression: z.string().optional(),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
}
const ruleProperties = z.object({ ...ruleFields, Targets: z.array(target).default([]) })
const keptRules = z.array(z.object({ ...ruleFields, Name: z.string(), Targets: z.array(target) }))

const entry = z.strictObject({
  Source: z.string().min(1),
  DetailType: z.string().min(1),
  Detail: z.string().min(1),
  EventBusName: z.string().default('default'),
  Resources: z.array(z.string()).default([]),
  Time: z.number().optional(),
  TraceHeader: z.unknown().optional(),
})

const largestRequestBytes = 262_144
/** Lambda itself retries a function that EventBridge invokes: twice, unless the function says otherwise. */
const asynchronousRetries = 2

interface Rule {
  readonly name: string
  readonly bus: string
  readonly arn: string
  readonly given: z.output<z.ZodObject<typeof ruleFields>>
  readonly matches: EventPattern | undefined
  readonly targets: Map<string, Target>
  readonly ended: AbortController
}

export async function startEventBridge(
  s: Surroundings,
  targets: {
    readonly invoke: Invoke
    send(queueArn: string, body: string, attributes?: Readonly<Record<string, string>>): Promise<void>
    startExecution(stateMachineArn: string, input: string): Promise<unknown>
  },
): Promise<Component & { readonly route: AwsRoute }> {
  const { clock } = s
  const stopping = new AbortController()
  const deliveries = new Set<Promise<void>>()
  const busNames = s.resources
    .filter(({ type }) => type === 'AWS::Events::EventBus')
    .map(({ physicalId }) => physicalId)
  const buses = new Set(['default', ...busNames])
  const rules = new Map<string, Rule>()

  const setRule = (name: string, given: Rule['given'], arn: string, kept: ReadonlyMap<string, Target>): Rule => {
    const bus = busOf(given.EventBusName)
    const { EventPattern, ScheduleExpression } = given
    const matches = EventPattern === undefined ? undefined : compileEventPattern(EventPattern)
    const rule: Rule = { name, bus, arn, given, matches, targets: new Map(kept), ended: new AbortController() }
    const rateMillis = ScheduleExpression === undefined ? undefined : parseRate(ScheduleExpression)
    rules.get(`${bus}/${name}`)?.ended.abort()
    rules.set(`${bus}/${name}`, rule)
    if (rateMillis !== undefined && given.State === 'ENABLED') fireEvery(rateMillis, rule)
    return rule
  }
  const fireEvery = (rateMillis: number, rule: Rule) => {
    const signal = AbortSignal.any([stopping.signal, rule.ended.signal])
    const fire = async () => {
      while (!signal.aborted) {
        // Whole multiples of the rate; however far the clock was moved, the rule fires once.
        await clock.until((Math.floor(clock.now() / rateMillis) + 1) * rateMillis, signal)
        publish([rule], envelope('aws.events', 'Scheduled Event', {}, [rule.arn]))
      }
    }
    fire().catch(error => {
      if (!signal.aborted) s.complain(`schedule of ${rule.name}`, error)
    })
  }
  const envelope = (source: string, detailType: string, detail: unknown, resources: string[], seconds?: number) => {
    const { account, region } = s
    const time = new Date((seconds ?? clock.now() / 1000) * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': detailType,
      source,
      account,
      time,
      region,
      resources,
      detail,
    }
  }
  const publish = (toRules: Iterable<Rule>, event: ReturnType<typeof envelope>) => {
    for (const rule of toRules) {
      for (const one of rule.targets.values()) {
        const delivery = deliver(rule, one, event)
          .catch(error => s.complain(`rule ${rule.name}, target ${one.Id}`, error))
          .finally(() => deliveries.delete(delivery))
        deliveries.add(delivery)
      }
    }
  }

  const deliver = async (rule: Rule, to: Target, event: ReturnType<typeof envelope>): Promise<void> => {
    const payload = inputFor(to, event, rule)
    const service = to.Arn.split(':')[2]
    const expiresMillis = clock.now() + to.RetryPolicy.MaximumEventAgeInSeconds * 1000
    for (let retries = 0; ; retries += 1) {
      try {
        if (service === 'sqs') return await targets.send(to.Arn, payload)
        if (service === 'states') return void (await targets.startExecution(to.Arn, payload))
        return await invokeAsynchronously(to, JSON.parse(payload))
      } catch (error) {
        // What the service refuses it will refuse again.
        const refused = error instanceof AwsError && error.status < 500
        if (retries === 0 || refused) s.complain(`rule ${rule.name}, target ${to.Id}`, error)
        const exhausted = retries >= to.RetryPolicy.MaximumRetryAttempts || clock.now() > expiresMillis
        if (refused || exhausted || stopping.signal.aborted) {
          if (to.DeadLetterConfig?.Arn === undefined) return
          return await targets.send(to.DeadLetterConfig.Arn, JSON.stringify(event), {
            RULE_ARN: rule.arn,
            TARGET_ARN: to.Arn,
            RETRY_ATTEMPTS: String(retries),
            ERROR_CODE: error instanceof AwsError ? error.code : 'SDK_CLIENT_ERROR',
            ERROR_MESSAGE: error instanceof Error ? error.message : String(error),
          })
        }
        await pause(backoffMillis(retries + 1), stopping.signal)
      }
    }
  }
  /** EventBridge is done once Lambda has the event; a failing function is retried by Lambda, then the event is gone. */
  const invokeAsynchronously = async (to: Target, event: unknown): Promise<void> => {
    for (let retries = 0; retries <= asynchronousRetries && !stopping.signal.aborted; retries += 1) {
      const outcome = await targets.invoke(to.Arn, event)
      if (outcome.ok) return
      const { errorType, errorMessage, trace } = outcome.error
      const error = Object.assign(new Error(`${errorType}: ${errorMessage}`), trace ? { stack: trace.join('\n') } : {})
      s.complain(`event to ${to.Arn}, attempt ${retries + 1} of ${asynchronousRetries + 1}`, error)
      await pause(backoffMillis(retries + 1), stopping.signal)
    }
  }

  for (const resource of s.resources.filter(({ type }) => type === 'AWS::Events::Rule')) {
    const { Targets, ...given } = propertiesOf(resource, ruleProperties)
    if (!buses.has(busOf(given.EventBusName))) throw new Error(`${resource.logicalId}: no bus ${given.EventBusName}`)
    const name = resource.arn.split('/').at(-1) ?? resource.logicalId
    setRule(name, given, resource.arn, new Map(Targets.map(one => [one.Id, one])))
  }
  const declared = new Set(rules.keys())
  const keptPath = join(s.dataDir, 'rules.json')
  const arnOf = (bus: string, name: string) =>
    `arn:aws:events:${s.region}:${s.account}:rule/${bus === 'default' ? '' : `${bus}/`}${name}`
  for (const kept of existsSync(keptPath) ? keptRules.parse(JSON.parse(readFileSync(keptPath, 'utf8'))) : []) {
    const { Name, Targets, ...given } = kept
    setRule(Name, given, arnOf(busOf(given.EventBusName), Name), new Map(Targets.map(one => [one.Id, one])))
  }
  const keep = () => {
    const own = [...rules].filter(([key]) => !declared.has(key)).map(([, rule]) => rule)
    const content = own.map(rule => ({ ...rule.given, Name: rule.name, Targets: [...rule.targets.values()] }))
    writeAtomically(keptPath, JSON.stringify(content))
  }
  const find = (bus: string, name: string): Rule => {
    const rule = rules.get(`${busOf(bus)}/${name}`)
    if (rule === undefined) {
      throw new AwsError('ResourceNotFoundException', `Rule ${name} does not exist on EventBus ${bus}.`)
    }
    return rule
  }

  const accept = (given: unknown): { EventId: string } | { ErrorCode: string; ErrorMessage: string } => {
    const parsed = entry.safeParse(given)
    if (!parsed.success) return { ErrorCode: 'InvalidArgument', ErrorMessage: describeIssues(parsed.error) }
    const { Source, DetailType, Detail, EventBusName, Resources, Time } = parsed.data
    const detail = parseObject(Detail)
    if (detail === undefined) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' }
    if (Source.startsWith('aws.')) {
      return { ErrorCode: 'NotAuthorizedForSourceException', ErrorMessage: 'Not authorized for the source.' }
    }
    const bus = busOf(EventBusName)
    // AWS accepts and loses such an event; here a wrong name shows.
    if (!buses.has(bus)) return { ErrorCode: 'ResourceNotFoundException', ErrorMessage: `There is no bus ${bus}.` }
    const event = envelope(Source, DetailType, detail, Resources, Time)
    const hit = [...rules.values()].filter(
      rule => rule.bus === bus && rule.given.State === 'ENABLED' && rule.matches?.(event) === true,
    )
    publish(hit, event)
    return { EventId: event.id }
  }
  const EventBusName = z.string().default('default')
  const changeTargets = <Change>(rule: Rule, changes: readonly Change[], change: (one: Change) => unknown) => {
    changes.forEach(change)
    keep()
    return { FailedEntryCount: 0, FailedEntries: [], RuleArn: rule.arn }
  }
  const route = awsRoute('AWSEvents.', {
    PutEvents: action(
      z.object({ Entries: z.array(z.record(z.string(), z.unknown())).min(1).max(10) }),
      ({ Entries }) => {
        if (Entries.reduce((bytes, given) => bytes + sizeOf(given), 0) > largestRequestBytes) {
          throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.')
        }
        const accepted = Entries.map(accept)
        return { Entries: accepted, FailedEntryCount: accepted.filter(one => 'ErrorCode' in one).length }
      },
    ),
    PutRule: action(
      z.object({ ...ruleFields, Name: z.string().regex(/^[.\-\w]{1,64}$/), EventPattern: z.string().optional() }),
      ({ Name, EventPattern, ...given }) => {
        const bus = busOf(given.EventBusName)
        if (!buses.has(bus)) throw new AwsError('ResourceNotFoundException', `Event bus ${bus} does not exist.`)
        if (EventPattern === undefined && given.ScheduleExpression === undefined) {
          throw new AwsError('ValidationException', 'A rule has an EventPattern or a ScheduleExpression.')
        }
        const former = rules.get(`${bus}/${Name}`)?.targets ?? new Map()
        try {
          const pattern = EventPattern === undefined ? undefined : JSON.parse(EventPattern)
          return { RuleArn: setRule(Name, { ...given, EventPattern: pattern }, arnOf(bus, Name), former).arn }
        } catch (error) {
          throw new AwsError('InvalidEventPatternException', error instanceof Error ? error.message : String(error))
        } finally {
          keep()
        }
      },
    ),
    PutTargets: action(z.object({ Rule: z.string(), EventBusName, Targets: z.array(target).min(1) }), input => {
      const rule = find(input.EventBusName, input.Rule)
      return changeTargets(rule, input.Targets, one => rule.targets.set(one.Id, one))
    }),
    RemoveTargets: action(z.object({ Rule: z.string(), EventBusName, Ids: z.array(z.string()) }), input => {
      const rule = find(input.EventBusName, input.Rule)
      return changeTargets(rule, input.Ids, id => rule.targets.delete(id))
    }),
    DeleteRule: action(z.object({ Name: z.string(), EventBusName }), input => {
      const rule = rules.get(`${busOf(input.EventBusName)}/${input.Name}`)
      if (rule === undefined) return
      if (rule.targets.size > 0) throw new AwsError('ValidationException', 'A rule that has targets cannot be deleted.')
      rule.ended.abort()
      rules.delete(`${rule.bus}/${rule.name}`)
      keep()
    }),
  })
  return {
    route,
    async stop() {
      stopping.abort()
      await finishing(deliveries)
    },
  }
}

function busOf(nameOrArn: string): string {
  return nameOrArn.replace(/^arn:.*:event-bus\//, '')
}

function parseRate(expression: string): number {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression)
  const unitMillis = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[rate?.[2] ?? '']
  if (unitMillis === undefined) throw new Error(`the schedule ${expression} is not supported: only rate(…) is`)
  return Number(rate?.[1]) * unitMillis
}

/** By AWS's rule: 14 bytes for a time, and the bytes of the texts. */
function sizeOf(given: Record<string, unknown>): number {
  const texts = [given['Source'], given['DetailType'], given['Detail'], given['Resources']].flat()
  const bytes = texts.reduce<number>((sum, text) => sum + Buffer.byteLength(String(text ?? '')), 0)
  return bytes + (given['Time'] === undefined ? 0 : 14)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined // the caller answers MalformedDetail
  }
}

/** What the target is given, as text: the event, a part of it, a constant, or a template filled from it. */
function inputFor(to: Target, event: Record<string, unknown>, rule: Rule): string {
  if (to.Input !== undefined) return to.Input
  if (to.InputPath !== undefined) return JSON.stringify(at(event, to.InputPath) ?? null)
  if (to.InputTransformer === undefined) return JSON.stringify(event)
  const values: Record<string, unknown> = {
    'aws.events.event.json': event,
    'aws.events.event': event,
    'aws.events.rule-arn': rule.arn,
    'aws.events.rule-name': rule.name,
    'aws.events.event.ingestion-time': event['time'],
  }
  for (const [name, path] of Object.entries(to.InputTransformer.InputPathsMap)) values[name] = at(event, path)
  let isQuoted = false
  return to.InputTransformer.InputTemplate.replaceAll(/\\.|"|<([\w.-]+)>/g, (part, name: string | undefined) => {
    if (part === '"') isQuoted = !isQuoted
    if (name === undefined || !(name in values)) return part
    const value = values[name] ?? ''
    const json = JSON.stringify(value)
    if (!isQuoted) return json
    return (typeof value === 'string' ? json : JSON.stringify(json)).slice(1, -1)
  })
}

function at(event: unknown, path: string): unknown {
  if (!/^\$(\.[\w-]+|\[\d+\])*$/.test(path)) throw new Error(`the path ${path} is not supported`)
  return [...path.matchAll(/[\w-]+/g)].reduce<unknown>((inner, [key]) => {
    if (Array.isArray(inner)) return inner[Number(key)]
    return isRecord(inner) ? inner[key] : undefined
  }, event)
}

import { existsSync, readdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { type CountedTenant, idleMonth } from '#bin/costs/idle-month.ts'
import { type Assembly, readAssembly } from '#bin/preflight/assembly.ts'
import { countsOf } from '#bin/preflight/counts.ts'
import { needsOf } from '#bin/preflight/needs.ts'
import { parseTenant } from '#lib/tenant.ts'
import { streamConsumers } from '#protocol/functions.ts'
import { metricsNamespace, publishedMetrics } from '#protocol/metrics.ts'
import { contexts } from '#protocol/operation.ts'
import { type Synthesized, synthesized } from './synthesized.ts'

/** What an operator relies on: graphs, alarms and runbooks that are not dead, needs and costs that are those of the template. */
interface Operated extends CountedTenant {
  readonly files: Synthesized
  readonly assembly: Assembly
}

let frugal: Operated
let swift: Operated
beforeAll(async () => {
  const { context } = z
    .object({ context: z.object({ tenants: z.unknown() }) })
    .parse(JSON.parse(await readFile('cdk.json', 'utf8')))
  const operated = async (name: 'frugal' | 'swift'): Promise<Operated> => {
    const files = await synthesized(name)
    const assembly = await readAssembly(join(files.folder, 'cdk.out'))
    return { files, assembly, tenant: parseTenant(context.tenants, name), counts: countsOf(assembly) }
  }
  frugal = await operated('frugal')
  swift = await operated('swift')
})

const both = [
  ['frugal', () => frugal],
  ['swift', () => swift],
] as const

/** A figure as CloudWatch knows it: not by its name alone. */
interface Figure {
  readonly namespace: string
  readonly name: string
  readonly dimensions: readonly string[]
}

/** What AWS writes by itself, by namespace. */
const ofAws: Readonly<Record<string, readonly string[]>> = {
  'AWS/ApiGateway': ['Count', '4XXError', '5XXError', 'Latency'],
  'AWS/Lambda': ['Errors', 'Invocations', 'Duration', 'Throttles', 'IteratorAge'],
  'AWS/SQS': ['ApproximateNumberOfMessagesVisible'],
  'AWS/States': ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsFailed', 'ExecutionsTimedOut', 'ExecutionTime'],
  'ECS/ContainerInsights': ['RunningTaskCount'],
}

const isWritten = ({ namespace, name, dimensions }: Figure): boolean =>
  namespace === metricsNamespace
    ? Object.values<{ names: readonly string[]; dimensions: readonly string[] }>(publishedMetrics).some(
        source => source.names.includes(name) && same(source.dimensions, dimensions),
      )
    : ofAws[namespace]?.includes(name) === true
const same = (left: readonly string[], right: readonly string[]) => [...left].sort().join() === [...right].sort().join()

const widget = z.object({
  type: z.string(),
  properties: z.object({
    title: z.string().optional(),
    markdown: z.string().optional(),
    metrics: z.array(z.array(z.unknown())).optional(),
  }),
})
type Widget = z.infer<typeof widget>

/** What is known only at deployment stands as a letter. */
const joined = (value: unknown): string => {
  if (typeof value === 'string') return value
  const { 'Fn::Join': parts } = z.object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) }).parse(value)
  return parts[1].map(part => (typeof part === 'string' ? part : 'x')).join(parts[0])
}

const propertiesOf = ({ assembly }: Operated, type: string) =>
  assembly.resources.filter(resource => resource.type === type).map(({ properties }) => properties)
const widgetsOf = (of: Operated): readonly Widget[] =>
  propertiesOf(of, 'AWS::CloudWatch::Dashboard').flatMap(
    ({ DashboardBody }) => z.object({ widgets: z.array(widget) }).parse(JSON.parse(joined(DashboardBody))).widgets,
  )

const figuresOf = ({ properties }: Widget): readonly Figure[] =>
  (properties.metrics ?? []).map(row => {
    const [first] = row
    if (typeof first === 'string') {
      const [namespace, name, ...rest] = row.filter(cell => typeof cell === 'string')
      return {
        namespace: String(namespace),
        name: String(name),
        dimensions: rest.filter((_, index) => index % 2 === 0),
      }
    }
    const { expression } = z.object({ expression: z.string() }).parse(first)
    const found = /^SEARCH\('\{([^}]+)\} MetricName="(\w+)" context="([\w-]+)"', '[\w]+'\)$/.exec(expression)
    expect(contexts).toContain(found?.[3])
    const [namespace, ...dimensions] = found?.[1]?.split(',') ?? []
    return { namespace: String(namespace), name: String(found?.[2]), dimensions }
  })

const metricOfAlarm = z.object({
  Namespace: z.string(),
  MetricName: z.string(),
  Dimensions: z.array(z.object({ Name: z.string() })).default([]),
})
/** One that has a label stands in a list. */
const alarmOf = z.union([
  metricOfAlarm.transform(metric => [metric]),
  z
    .object({ Metrics: z.array(z.object({ MetricStat: z.object({ Metric: metricOfAlarm }) })) })
    .transform(({ Metrics }) => Metrics.map(({ MetricStat }) => MetricStat.Metric)),
])

const figuresOfAlarm = (alarm: Readonly<Record<string, unknown>>): readonly Figure[] =>
  alarmOf.parse(alarm).map(({ Namespace, MetricName, Dimensions }) => ({
    namespace: Namespace,
    name: MetricName,
    dimensions: Dimensions.map(({ Name }) => Name),
  }))

describe.each(both)('what is shown and watched (%s)', (_, of) => {
  test('every graph shows figures that somebody writes', () => {
    const graphs = widgetsOf(of()).filter(({ type }) => type === 'metric')
    for (const graph of graphs) {
      expect({ title: graph.properties.title, figures: figuresOf(graph).length }).not.toMatchObject({ figures: 0 })
      expect(figuresOf(graph).filter(figure => !isWritten(figure))).toEqual([])
    }
    expect(graphs.length).toBeGreaterThan(40)
  })

  test('every alarm watches a figure that somebody writes', () => {
    const watched = propertiesOf(of(), 'AWS::CloudWatch::Alarm').flatMap(figuresOfAlarm)
    expect(watched.filter(figure => !isWritten(figure))).toEqual([])
    expect(watched.length).toBe(of().counts.alarms)
  })

  test('each context has its row, and the matcher', () => {
    const rows = new Map<string, string[]>()
    let row: string[] = []
    for (const { type, properties } of widgetsOf(of())) {
      if (type === 'text') {
        row = []
        rows.set(String(properties.markdown).replace('## ', ''), row)
      } else row.push(String(properties.title))
    }
    for (const context of contexts) {
      const reads = streamConsumers.some(consumer => consumer.context === context)
      expect(rows.get(context)).toEqual(
        expect.arrayContaining([
          'Requests by operation',
          'Errors by code',
          'Latency p50 by operation',
          'Latency p99 by operation',
          'Refused by operation',
          ...(reads ? ['Lag behind the stream'] : []),
        ]),
      )
    }
    for (const lane of of().tenant.lanes)
      expect(rows.get('Matcher')?.filter(title => title.startsWith(`Lane ${lane}: `)).length).toBeGreaterThan(3)
    expect([...rows.keys()]).toEqual(expect.arrayContaining(['API', 'Workflows']))
  })

  test('every alarm leads to a page, and every page has its alarm', () => {
    const pages = propertiesOf(of(), 'AWS::CloudWatch::Alarm').map(
      ({ AlarmDescription }) => /Runbook: (docs\/runbooks\/[a-z-]+\.md)$/.exec(joined(AlarmDescription))?.[1],
    )
    for (const page of pages) expect({ page, exists: existsSync(String(page)) }).toEqual({ page, exists: true })
    expect([...new Set(pages)].sort()).toEqual(
      readdirSync('docs/runbooks')
        .map(name => `docs/runbooks/${name}`)
        .sort(),
    )
  })

  test('every rule that does not hold is given a reason of more than a word', async () => {
    const stage = (await readdir(join(of().files.folder, 'cdk.out'))).find(name => name.startsWith('assembly-'))
    const folder = join(of().files.folder, 'cdk.out', String(stage))
    const entries = z.record(z.string(), z.array(z.object({ type: z.string(), data: z.unknown() })))
    const reasons: string[] = []
    for (const name of (await readdir(folder)).filter(each => each.endsWith('.metadata.json'))) {
      const text = await readFile(join(folder, name), 'utf8')
      for (const { type, data } of Object.values(entries.parse(JSON.parse(text))).flat())
        if (type === 'aws:cdk:acknowledged-rules')
          reasons.push(...Object.values(z.record(z.string(), z.string()).parse(data)))
    }
    expect(reasons.length).toBeGreaterThan(20)
    expect(reasons.filter(reason => reason.split(' ').length < 4)).toEqual([])
  })
})

test('a figure under other dimensions is another one, and found', () => {
  const written = { namespace: metricsNamespace, name: 'ProjectionEventsMissing' }
  expect(isWritten({ ...written, dimensions: ['function', 'service'] })).toBe(true)
  expect(isWritten({ ...written, dimensions: ['service'] })).toBe(false)
  expect(isWritten({ namespace: metricsNamespace, name: 'Latencies', dimensions: [] })).toBe(false)
})

describe('what a tenant takes', () => {
  const needs = (of: Operated) => new Map(needsOf(of.tenant, of.counts).map(need => [need.name, need.count]))

  test('is counted in its template', () => {
    expect(frugal.counts).toMatchObject({ streamConsumers: 0, matchers: 2, matcherVcpus: 2, userPools: 0 })
    expect(swift.counts).toMatchObject({ matchers: 4, matcherVcpus: 8, userPools: 1, consumersOfBusiestStream: 6 })
    // A lane has two.
    expect(swift.counts.shards - frugal.counts.shards).toBe(2)
    for (const { counts } of [frugal, swift])
      expect(counts).toMatchObject({ interfaceEndpoints: 4, interfaceEndpointZones: 8, natGateways: 0, elasticIps: 0 })
    expect(swift.counts.matcherGigabytes).toBe(32)
  })

  test('needs more concurrency than a new account has', () => {
    expect(needs(frugal).get('Lambda: concurrent executions')).toBeGreaterThan(10)
    expect(needs(swift).get('Lambda: concurrent executions')).toBeLessThan(1000)
    expect(needs(swift).get('API Gateway: requests/s')).toBe(5000)
  })

  test('each quota is named once, by a code', () => {
    const codes = needsOf(swift.tenant, swift.counts).flatMap(({ quota }) => quota?.quotaCode ?? [])
    expect(codes.length).toBeGreaterThan(10)
    expect(new Set(codes).size).toBe(codes.length)
    for (const code of codes) expect(code).toMatch(/^L-[0-9A-F]{8}$/)
  })

  test('costs what docs/operations.md says; otherwise: npm run costs -- --write', async () => {
    const page = await readFile('docs/operations.md', 'utf8')
    const [, table] = /<!-- npm run costs -->\n\n([\s\S]*?)\n\n<!-- end -->/.exec(page) ?? []
    expect(table?.split('\n')).toEqual(idleMonth([frugal, swift]).split('\n'))
  })
})

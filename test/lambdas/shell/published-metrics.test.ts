import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { afterEach, expect, jest, test } from '@jest/globals'
import type { Handle } from '#lambdas/shell/http.ts'
import { embeddedMetrics } from '#matcher/figures.ts'
import { metricsNamespace, publishedMetrics } from '#protocol/metrics.ts'
import { operation } from '#protocol/operation.ts'
import { lambdaContext, proxyEvent } from '#test/support/http-requests.ts'
import { matcherFigures } from '#test/support/matcher-figures.ts'

process.env['POWERTOOLS_METRICS_DISABLED'] = 'false'
process.env['POWERTOOLS_METRICS_NAMESPACE'] = metricsNamespace
process.env['POWERTOOLS_SERVICE_NAME'] = 'platform'
const { serve } = await import('#lambdas/shell/serve.ts')
const stream = await import('#lambdas/shell/stream.ts')
const task = await import('#lambdas/shell/task.ts')
const { underBackpressure } = await import('#lambdas/shell/backpressure.ts')

afterEach(() => {
  jest.restoreAllMocks()
})

interface Directive {
  readonly Namespace: string
  readonly Dimensions: readonly (readonly string[])[]
  readonly Metrics: readonly { readonly Name: string }[]
}

/** What is written while it runs, as CloudWatch would take it. */
const directivesOf = async (run: () => unknown): Promise<readonly Directive[]> => {
  const lines: string[] = []
  jest.spyOn(console, 'log').mockImplementation((line: unknown) => {
    lines.push(String(line))
  })
  await run()
  return lines.flatMap(line => JSON.parse(line)['_aws']?.CloudWatchMetrics ?? [])
}
const names = ({ Metrics }: Directive) => Metrics.map(({ Name }) => Name).sort()
const dimensions = (directives: readonly Directive[]) =>
  directives.map(({ Dimensions }) => Dimensions.map(set => [...set].sort()))

test('a request and its problem are written under the dimensions that they are asked for by', async () => {
  const look = operation({
    context: 'platform',
    name: 'look',
    method: 'GET',
    path: '/look',
    permission: 'public',
    summary: 'Look',
    request: {},
    responses: { 200: { description: 'Seen', mediaType: 'text/plain' } },
    rejections: [],
  })
  const seen: Handle<typeof look> = async () => ({ status: 200, body: 'seen' })
  const handler = serve('platform', [look], { look: seen })
  const written = await directivesOf(() => handler(proxyEvent('GET', '/nowhere', {}), lambdaContext))
  expect(written.map(({ Namespace }) => Namespace)).toEqual([metricsNamespace, metricsNamespace])
  expect(written.map(names)).toEqual([
    [...publishedMetrics.problem.names].sort(),
    [...publishedMetrics.request.names].sort(),
  ])
  expect(dimensions(written)).toEqual([
    [[...publishedMetrics.problem.dimensions].sort()],
    [[...publishedMetrics.request.dimensions].sort()],
  ])
})

test.each([
  ['stream', stream.metrics],
  ['task', task.metrics],
] as const)('what a %s function writes has its dimensions', async (source, metrics) => {
  const written = await directivesOf(() => {
    metrics.addMetric(publishedMetrics[source].names[0], MetricUnit.Count, 1)
    metrics.publishStoredMetrics()
  })
  expect(dimensions(written)).toEqual([[[...publishedMetrics[source].dimensions].sort()]])
})

test('a lane that cannot be looked at is written under its number', async () => {
  delete process.env['LANES_TABLE']
  const written = await directivesOf(() => underBackpressure(1, async pressureNow => pressureNow()))
  expect(written.map(names)).toEqual([[...publishedMetrics.intake.names]])
  expect(dimensions(written)).toEqual([[[...publishedMetrics.intake.dimensions].sort()]])
})

test('a matcher writes its names and no other', () => {
  const [directive, ...more] = embeddedMetrics(matcherFigures(1), undefined)._aws.CloudWatchMetrics
  expect(more).toEqual([])
  expect(directive?.Namespace).toBe(metricsNamespace)
  expect(directive?.Metrics.map(({ Name }) => Name)).toEqual([...publishedMetrics.matcher.names])
  expect(directive?.Dimensions).toEqual([[...publishedMetrics.matcher.dimensions]])
})

test('every name that a function writes is in protocol/metrics.ts, and the other way round', () => {
  const root = join(import.meta.dirname, '../../../lambdas')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))
  const written = files.flatMap(name =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/\.addMetric\(\s*'(\w+)'/g)].map(([, metric]) =>
      String(metric),
    ),
  )
  const { request, problem, intake, stream: streamed, task: ofTasks } = publishedMetrics
  expect([...new Set(written)].sort()).toEqual(
    [...request.names, ...problem.names, ...intake.names, ...streamed.names, ...ofTasks.names].sort(),
  )
  const calls = files.flatMap(name => [...readFileSync(join(root, name), 'utf8').matchAll(/\.addMetric\(/g)])
  expect(calls).toHaveLength(written.length)
})

import type { Tenant } from '#lib/tenant.ts'
import { projectors } from '#protocol/functions.ts'
import { publishedMetrics } from '#protocol/metrics.ts'
import type { Counts } from '../preflight/counts.ts'

/** Of 730 hours, with nobody trading. Prices of us-east-1, in USD, without free tiers, discounts and taxes. */
export interface Line {
  readonly what: string
  readonly unit: string
  readonly usdOfUnit: number
  readonly source: Source
  /** How many units of it. */
  readonly count: (counts: Counts, tenant: Tenant) => number
}

export interface Source {
  readonly name: string
  readonly url: string
  readonly date: string
}

const hours = 730
const millionSeconds = (hours * 3600) / 1e6

const sources = {
  fargate: { name: 'Fargate', url: 'https://www.vantage.sh/blog/fargate-pricing', date: '2021-04-22' },
  kinesis: {
    name: 'Kinesis',
    url: 'https://awsnegotiations.com/kinesis-pricing-optimization.html',
    date: 'not dated; its companion on PrivateLink is of May 2026',
  },
  privateLink: {
    name: 'PrivateLink',
    url: 'https://awsnegotiations.com/privatelink-cost-analysis.html',
    date: 'May 2026',
  },
  waf: { name: 'WAF', url: 'https://awsnegotiations.com/waf-pricing-strategy.html', date: '2026' },
  kms: { name: 'KMS', url: 'https://cloudburn.io/blog/aws-kms-pricing', date: '2026-03-14' },
  secrets: {
    name: 'Secrets Manager',
    url: 'https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms',
    date: 'not dated',
  },
  alarms: {
    name: 'Alarms',
    url: 'https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm',
    date: 'not dated',
  },
  metrics: { name: 'Metrics', url: 'https://signoz.io/guides/cloudwatch-pricing', date: '2026-02-15' },
  logs: {
    name: 'Logs, dashboards',
    url: 'https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/',
    date: '2026-06-13',
  },
  lambda: { name: 'Lambda', url: 'https://wring.co/blog/aws-lambda-pricing-guide', date: '2026-03-08' },
  dynamodb: {
    name: 'DynamoDB',
    url: 'https://airbyte.com/data-engineering-resources/dynamodb-pricing',
    date: '2025-07-21',
  },
} satisfies Readonly<Record<string, Source>>

/** What the template alone decides. */
export const standing: readonly Line[] = [
  {
    what: 'Interface endpoints, in each zone',
    unit: 'endpoint and zone',
    usdOfUnit: 0.01 * hours,
    source: sources.privateLink,
    count: counts => counts.interfaceEndpointZones,
  },
  {
    what: 'Matchers: processors (ARM)',
    unit: 'vCPU',
    usdOfUnit: 0.03238 * hours,
    source: sources.fargate,
    count: counts => counts.matcherVcpus,
  },
  {
    what: 'Matchers: memory',
    unit: 'GB',
    usdOfUnit: 0.00356 * hours,
    source: sources.fargate,
    count: counts => counts.matcherGigabytes,
  },
  {
    what: 'Streams',
    unit: 'shard',
    usdOfUnit: 0.015 * hours,
    source: sources.kinesis,
    count: counts => counts.shards,
  },
  {
    what: 'Streams kept longer than 24 hours, up to 7 days',
    unit: 'shard',
    usdOfUnit: 0.02 * hours,
    source: sources.kinesis,
    count: counts => counts.shardsKeptLonger,
  },
  {
    what: 'Enhanced fan-out',
    unit: 'consumer and shard',
    usdOfUnit: 0.015 * hours,
    source: sources.kinesis,
    count: counts => counts.streamConsumers,
  },
  { what: 'Web ACL', unit: 'ACL', usdOfUnit: 5, source: sources.waf, count: counts => counts.webAcls },
  {
    what: 'Rules of the web ACL',
    unit: 'rule',
    usdOfUnit: 1,
    source: sources.waf,
    count: counts => counts.webAclRules,
  },
  {
    what: 'Keys (one more each for the first two yearly rotations)',
    unit: 'key',
    usdOfUnit: 1,
    source: sources.kms,
    count: counts => counts.keys,
  },
  { what: 'Secrets', unit: 'secret', usdOfUnit: 0.4, source: sources.secrets, count: counts => counts.secrets },
  { what: 'Alarms', unit: 'alarm', usdOfUnit: 0.1, source: sources.alarms, count: counts => counts.alarms },
  { what: 'Dashboard', unit: 'dashboard', usdOfUnit: 3, source: sources.logs, count: counts => counts.dashboards },
]

/** Lane time goes on without orders: so many ticks a second at most, and one event a second. */
const ticksPerSecond = 4
const eventsPerSecond = 1
const callSeconds = 0.02
const logKilobytesOfCall = 1
const matcherLogGigabytes = 0.7
const projectorMetrics = 3
const containerInsightsMetrics = { cluster: 20, lane: 10 }

/** The relay between lanes is called as a projector is. */
const readers = ({ laneBudgets }: Tenant): number => projectors.length + (laneBudgets ? 1 : 0)
const millionCalls = (tenant: Tenant) => tenant.lanes.length * readers(tenant) * eventsPerSecond * millionSeconds

/** What an exchange does while nobody trades: estimated, not measured. */
export const ticking: readonly Line[] = [
  {
    what: 'Projectors called',
    unit: 'million calls',
    usdOfUnit: 0.2,
    source: sources.lambda,
    count: (_, tenant) => millionCalls(tenant),
  },
  {
    what: 'Projectors running',
    unit: 'million GB-seconds (ARM)',
    usdOfUnit: 13.3334,
    source: sources.lambda,
    count: (_, tenant) => (millionCalls(tenant) * callSeconds * tenant.sizes.streamMegabytes) / 1024,
  },
  {
    what: 'Watermarks and checkpoints written',
    unit: 'million writes',
    usdOfUnit: 0.625,
    source: sources.dynamodb,
    // The relay keeps no watermark.
    count: (_, { lanes }) => lanes.length * (projectors.length * eventsPerSecond + ticksPerSecond) * millionSeconds,
  },
  {
    what: 'Ticks and their events put',
    unit: 'million records',
    usdOfUnit: 0.014,
    source: sources.kinesis,
    count: (_, tenant) => tenant.lanes.length * (ticksPerSecond + eventsPerSecond) * millionSeconds,
  },
  {
    what: 'Logs taken in',
    unit: 'GB',
    usdOfUnit: 0.5,
    source: sources.logs,
    count: (_, tenant) => millionCalls(tenant) * logKilobytesOfCall + tenant.lanes.length * matcherLogGigabytes,
  },
  {
    what: 'Figures of matchers, projectors and Container Insights',
    unit: 'metric',
    usdOfUnit: 0.3,
    source: sources.metrics,
    count: (_, tenant) =>
      tenant.lanes.length * (publishedMetrics.matcher.names.length + containerInsightsMetrics.lane) +
      projectors.length * projectorMetrics +
      containerInsightsMetrics.cluster,
  },
]

export interface CountedTenant {
  readonly tenant: Tenant
  readonly counts: Counts
}

/** As Markdown: each line with its units, their price, and what that makes for each tenant; then the sources. */
export const idleMonth = (tenants: readonly CountedTenant[]): string => {
  const cost = (line: Line, { tenant, counts }: CountedTenant) => line.count(counts, tenant) * line.usdOfUnit
  const total = (lines: readonly Line[], of: CountedTenant) =>
    lines.reduce((usd, line) => usd + Number(cost(line, of).toFixed(2)), 0)
  const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rowOf = (line: Line) =>
    row(
      line.what,
      line.unit,
      short(line.usdOfUnit),
      ...tenants.flatMap(each => [short(line.count(each.counts, each.tenant)), cost(line, each).toFixed(2)]),
      line.source.name,
    )
  const totalOf = (name: string, lines: readonly Line[]) =>
    row(`**${name}**`, '', '', ...tenants.flatMap(each => ['', `**${total(lines, each).toFixed(2)}**`]), '')
  const used = [...standing, ...ticking].map(({ source }) => source)
  return [
    row('', 'unit', 'USD a unit', ...tenants.flatMap(({ tenant }) => [tenant.name, 'USD']), 'price from'),
    row('---', '---', '--:', ...tenants.flatMap(() => ['--:', '--:']), '---'),
    ...standing.map(rowOf),
    totalOf('What stands there', standing),
    ...ticking.map(rowOf),
    totalOf('What ticks, estimated', ticking),
    totalOf('An idle month', [...standing, ...ticking]),
    '',
    ...[...new Set(used)].map(({ name, url, date }) => `- ${name}: <${url}> (${date})`),
  ].join('\n')
}

const short = (amount: number): string => String(Number(amount.toFixed(3)))

import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { Duration } from 'aws-cdk-lib/core'
import {
  type MetricDimension,
  type MetricName,
  type MetricSource,
  metricsNamespace,
  publishedMetrics,
} from '#protocol/metrics.ts'

/** One figure that the code publishes: a name that it does not, or a dimension that is missing, does not compile. */
export const publishedMetric = <const Source extends MetricSource>(
  _source: Source,
  metricName: MetricName<Source>,
  dimensionsMap: Readonly<Record<MetricDimension<Source>, string>>,
  options: { readonly statistic: string; readonly period: Duration; readonly label?: string },
): Metric => new Metric({ namespace: metricsNamespace, metricName, dimensionsMap, ...options })

/** Every figure of that name in a context, a line for each value of the other dimensions. */
export const publishedMetricsOfContext = <const Source extends 'request' | 'problem'>(
  source: Source,
  metricName: MetricName<Source>,
  context: string,
  options: { readonly statistic: string; readonly period: Duration },
): MathExpression => {
  const schema = [metricsNamespace, ...publishedMetrics[source].dimensions].join(',')
  return new MathExpression({
    expression: `SEARCH('{${schema}} MetricName="${metricName}" context="${context}"', '${options.statistic}')`,
    usingMetrics: {},
    label: '',
    period: options.period,
  })
}

import { Logger } from '@aws-lambda-powertools/logger'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context as LambdaContext } from 'aws-lambda'
import type * as z from 'zod'
import type { Outcome } from '#domain/outcome.ts'

export const logger = new Logger()
export const metrics = new Metrics({
  defaultDimensions: { function: process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'none' },
})

/**
 * The Lambda handler of a workflow's step. A rejection becomes an error whose name is the code, which the workflow may
 * catch by name and does not try again; anything thrown is tried again as the workflow says.
 */
export const serveTask = <Input extends z.ZodType, Output>(
  input: Input,
  run: (input: z.infer<Input>) => Promise<Outcome<Output>>,
): ((event: unknown, context: LambdaContext) => Promise<Output>) =>
  middy<unknown, Output>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .handler(async event => {
      metrics.addMetric('Runs', MetricUnit.Count, 1)
      const outcome = await run(input.parse(event))
      metrics.addMetric('Rejected', MetricUnit.Count, outcome.accepted ? 0 : 1)
      if (outcome.accepted) return outcome.value
      logger.info('task rejected', { code: outcome.code, detail: outcome.detail })
      throw Object.assign(new Error(outcome.detail ?? outcome.code), { name: outcome.code })
    })

/** The Lambda handler of what the clock calls. A throw is tried again as the schedule says. */
export const serveSchedule = (run: () => Promise<void>): ((event: unknown, context: LambdaContext) => Promise<void>) =>
  middy<unknown, void>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .handler(() => {
      metrics.addMetric('Runs', MetricUnit.Count, 1)
      return run()
    })

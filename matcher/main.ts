import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Logger } from '@aws-lambda-powertools/logger'
import { required } from '#adapters/environment.ts'
import { executionStreamEnvironmentVariable, orderStreamEnvironmentVariable } from '#protocol/streams.ts'
import { measureEventLoop } from './figures.ts'
import { LaneHalted } from './halt.ts'
import { told } from './log.ts'
import { type ReplicaSettings, runReplica } from './replica.ts'

/** One of a lane's matchers as a process: settings from the environment, an end on SIGTERM, an exit code. */
const positiveInteger = (variable: string, unlessSet?: string): number => {
  const text = process.env[variable] ?? unlessSet ?? required(variable)
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new Error(`environment variable ${variable} is no positive integer: ${text}`)
  return Number(text)
}

const settingsOf = (lane: number): ReplicaSettings => {
  const transport = required('STREAM_READ')
  if (transport !== 'polling' && transport !== 'fan-out')
    throw new Error(`environment variable STREAM_READ is neither polling nor fan-out: ${transport}`)
  return {
    lane,
    owner: `${hostname()}/${process.pid}/${randomUUID()}`,
    snapshotIntervalMillis: positiveInteger('SNAPSHOT_INTERVAL_SECONDS', '20') * 1_000,
    read:
      transport === 'fan-out'
        ? { transport, consumerArn: required('ORDER_CONSUMER_ARN') }
        : { transport, intervalMillis: positiveInteger('POLL_INTERVAL_MILLIS', '400') },
    standbyPollMillis: positiveInteger('STANDBY_POLL_INTERVAL_MILLIS', '1000'),
    leaseMillis: positiveInteger('LEASE_MILLIS', '3000'),
    eventLoop: measureEventLoop(),
    orderStream: required(orderStreamEnvironmentVariable(lane)),
    executionStream: required(executionStreamEnvironmentVariable(lane)),
  }
}

const logger = new Logger({ serviceName: 'matcher' })

const run = async (): Promise<number> => {
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info('stopping', { signal })
      stop.abort()
    })
  try {
    const lane = positiveInteger('LANE')
    logger.appendKeys({ lane, tenant: process.env['TENANT'] })
    await runReplica(settingsOf(lane), logger, stop.signal)
    return 0
  } catch (error) {
    if (error instanceof LaneHalted)
      logger.critical(`lane halted: ${error.reason}: ${error.message}`, {
        reason: error.reason,
        ...error.details,
        ...(error.cause === undefined ? {} : { cause: told(error.cause) }),
      })
    else logger.critical('the matcher failed', told(error))
    return 1
  }
}

// Whatever is still open (a connection, a timer) must not keep a matcher alive that has said its last word.
process.exit(await run())

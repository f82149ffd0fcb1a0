/**
 * Whether an error says that a dependency is busy, broken or out of reach, so that the same request may succeed soon:
 * AWS throttling, AWS server faults (the SDK has retried them already) and failed connections.
 */
const throttled = new Set([
  'ThrottlingException',
  'ThrottledException',
  'Throttling',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'KMSThrottlingException',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'InternalServerError',
  'InternalFailure',
  'TransactionInProgressException',
])

const disconnected = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_HTTP2_STREAM_CANCEL',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
])

/** The name that the SDK's transport gives its own timeouts. */
const transportTimeout = 'TimeoutError'

export const isUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (throttled.has(error.name) || error.name === transportTimeout) return true
  if ('code' in error && typeof error.code === 'string' && disconnected.has(error.code)) return true
  if ('$fault' in error && error.$fault === 'server') return true
  // Several addresses of one host, none of which answered.
  if (error instanceof AggregateError && error.errors.some(isUnavailable)) return true
  return isUnavailable(error.cause)
}

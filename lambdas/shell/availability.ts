/**
 * Whether an error says that a dependency is busy, broken or out of reach, so that the same request may succeed soon:
 * AWS throttling, AWS server faults (the SDK has retried them already) and failed connections.
 */
const unavailable = new Set([
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
  // The SDK's transport, when nobody answers.
  'TimeoutError',
  // What we have given up ourselves: the SDK's retries do not tell what their signal said.
  'AbortError',
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

export const isUnavailable = (error: unknown): boolean => {
  if (typeof error !== 'object' || error === null) return false
  if ('name' in error && typeof error.name === 'string' && unavailable.has(error.name)) return true
  if ('code' in error && typeof error.code === 'string' && disconnected.has(error.code)) return true
  if ('$fault' in error && error.$fault === 'server') return true
  // Several addresses of one host, none of which answered.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.some(isUnavailable)) return true
  return 'cause' in error && isUnavailable(error.cause)
}

/** Whether a write failed since others wrote the same items at the same moment. */
export const isContended = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (error.name !== 'TransactionCanceledException') return error.name === 'TransactionConflictException'
  const reasons: unknown = 'CancellationReasons' in error ? error.CancellationReasons : []
  return Array.isArray(reasons) && reasons.some(reason => reason?.Code === 'TransactionConflict')
}

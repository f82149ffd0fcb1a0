/** Nothing can be said about the account: no credentials, credentials that are not accepted, or no way to AWS. */
export class CannotAsk extends Error {
  override readonly name = 'CannotAsk'
}

const withoutCredentials = new Set(['CredentialsProviderError', 'TokenProviderError'])
const refusedCredentials = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
])
const noWay = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'AbortError',
])
const denied = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'Forbidden',
  'ForbiddenException',
  'UnauthorizedException',
  'UnauthorizedOperation',
])

type Failure = 'no credentials' | 'refused credentials' | 'no way' | 'denied' | 'other'

export const failureOf = (error: unknown): Failure => {
  if (!(error instanceof Error)) return 'other'
  const names = [error.name, 'code' in error ? String(error.code) : '']
  const is = (known: ReadonlySet<string>) => names.some(name => known.has(name))
  if (is(withoutCredentials)) return 'no credentials'
  if (is(refusedCredentials)) return 'refused credentials'
  if (is(noWay)) return 'no way'
  return is(denied) || httpStatus(error) === 403 ? 'denied' : 'other'
}

export const httpStatus = (error: unknown): number | undefined => {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  const metadata = error.$metadata
  return typeof metadata === 'object' &&
    metadata !== null &&
    'httpStatusCode' in metadata &&
    typeof metadata.httpStatusCode === 'number'
    ? metadata.httpStatusCode
    : undefined
}

/** In one line; undefined for what concerns only the one question that was asked. */
export const cannotAsk = (error: unknown): CannotAsk | undefined => {
  const says = (text: string) => new CannotAsk(text, { cause: error })
  switch (failureOf(error)) {
    case 'no credentials':
      return says(
        'there are no AWS credentials: set AWS_PROFILE or sign in (aws sso login); --offline prints the needs',
      )
    case 'refused credentials':
      return says(
        `AWS does not accept the credentials (${messageOf(error)}): sign in again; --offline prints the needs`,
      )
    case 'no way':
      return says(`AWS cannot be reached (${messageOf(error)}); --offline prints the needs`)
    case 'denied':
    case 'other':
      return undefined
  }
}

export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const [line] = error.message.split('\n')
  return line === undefined || line === '' ? error.name : line
}

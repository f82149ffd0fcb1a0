import { createHash, randomUUID } from 'node:crypto'
import { Logger } from '@aws-lambda-powertools/logger'
import type { APIGatewayProxyEvent, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { type AuditTold, longestAuditText } from '#protocol/audit.ts'
import type { Operation } from '#protocol/operation.ts'
import type { ProblemCode } from '#protocol/problems.ts'
import type { Principal } from './principal.ts'

/**
 * What is to be remembered of an answer goes out as one line of log, which costs the caller nothing; CloudWatch Logs
 * carries it to `chain-audit-records`. Lines are numbered, so that a lost one leaves a gap that can be seen.
 */
const logger = new Logger()
const teller = randomUUID()
let lines = 0

/** By the request, since the metric line's end of the shell knows nothing else of it. */
const actors = new WeakMap<APIGatewayProxyEvent, Principal>()

export const noteActor = (event: APIGatewayProxyEvent, principal: Principal): void => {
  actors.set(event, principal)
}

/** Mutating calls whatever came of them, refusals, and objects that are not there or not the caller's. */
export const isAudited = (operation: Operation, status: number, known: boolean): boolean =>
  operation.method !== 'GET' ||
  status === 401 ||
  status === 403 ||
  (status === 404 && known && operation.path.includes('{'))

/** Called at the end of every answer of an operation. */
export const auditAnswer = (
  event: APIGatewayProxyEvent,
  operation: Operation | undefined,
  { status, code }: { readonly status: number; readonly code: ProblemCode | undefined },
): void => {
  const actor = actors.get(event) ?? claimed(event.requestContext.authorizer)
  if (operation === undefined || !isAudited(operation, status, actor !== undefined)) return
  tell(event, {
    ...nobody,
    ...actor,
    operation: operation.name,
    body_sha256: bodyHash(event),
    status,
    code: code ?? null,
  })
}

/** A credential that the authorizer did not take: whose it claims to be is not known, and so not told. */
export const auditRefusedCredential = (event: APIGatewayRequestAuthorizerEvent): void =>
  tell(event, { ...nobody, operation: null, body_sha256: null, status: 401, code: 'unauthorized' })

const nobody = { account: null, role: null, credential: null }

type Actor = { readonly [Name in 'account' | 'role' | 'credential']: string | null }
type Told = Pick<AuditTold, keyof Actor | 'operation' | 'body_sha256' | 'status' | 'code'>

const tell = (event: APIGatewayProxyEvent | APIGatewayRequestAuthorizerEvent, told: Told): void => {
  const { requestContext } = event
  lines += 1
  const audit: AuditTold = {
    teller,
    line: lines,
    time: new Date(requestContext.requestTimeEpoch ?? Date.now()).toISOString(),
    account: cut(told.account),
    role: cut(told.role),
    credential: cut(told.credential),
    address: cut(requestContext.identity.sourceIp),
    request_id: cut(requestContext.requestId),
    operation: told.operation,
    method: cut(event.httpMethod),
    route: cut(event.resource),
    path: cut(event.path),
    body_sha256: told.body_sha256,
    status: told.status,
    code: told.code,
  }
  logger.info('audit', { audit })
}

/** Where the shell did not get to know who asks, what the authorizer says. */
const claimed = (authorizer: unknown): Actor | undefined => {
  if (typeof authorizer !== 'object' || authorizer === null) return undefined
  const { account, role, credential }: Partial<Record<string, unknown>> = { ...authorizer }
  return typeof credential === 'string'
    ? {
        account: typeof account === 'string' ? account : null,
        role: typeof role === 'string' ? role : null,
        credential,
      }
    : undefined
}

const cut = (text: string | null | undefined): string | null =>
  text === undefined || text === null || text === '' ? null : text.slice(0, longestAuditText).toWellFormed()

/** Of the bytes as they came; an empty body is none. */
const bodyHash = ({ body, isBase64Encoded }: APIGatewayProxyEvent): string | null =>
  body === null || body === ''
    ? null
    : createHash('sha256')
        .update(body, isBase64Encoded ? 'base64' : 'utf8')
        .digest('hex')

import * as z from 'zod'

/** The audit trail on its way: lines of log, a stream, a table and a bucket. See docs/decisions/0008-audit-by-log.md. */

export const auditBucketEnvironmentVariable = 'AUDIT_BUCKET'

/** Of text that a stranger chose, so much is kept. */
export const longestAuditText = 256
const bounded = z.string().max(longestAuditText)

/** What a function writes under the key `audit`: one line for each answer that is to be remembered. */
const told = z.object({
  /** Made when the function started, and how many lines it had told with this one. */
  teller: z.uuid(),
  line: z.int().min(1),
  time: z.iso.datetime(),
  account: bounded.nullable(),
  role: bounded.nullable(),
  credential: bounded.nullable(),
  address: bounded.nullable(),
  request_id: bounded.nullable(),
  /** Null where only the route is known. */
  operation: bounded.nullable(),
  method: bounded.nullable(),
  route: bounded.nullable(),
  path: bounded.nullable(),
  body_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  status: z.int(),
  code: bounded.nullable(),
})
export type AuditTold = z.infer<typeof told>
export const auditLine = z.object({ audit: told })

/** CloudWatch's pattern for such lines: whatever has a teller. */
export const auditLinePattern = '{ $.audit.teller = * }'

/** What the access log writes where API Gateway knows nothing. */
const absent = '-'
const logged = z.string().transform(text => (text === absent || text === '' ? null : text.slice(0, longestAuditText)))

/** What of an access log line matters here; lib/api-stack.ts writes it. */
export const accessLogLine = z.object({
  request_id: logged,
  /** Unlike the one above, no client can choose it. */
  extended_request_id: z.string().min(1),
  time: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
  account: logged,
  role: logged,
  credential: logged,
  address: logged,
  method: logged,
  route: logged,
  path: logged,
  status: z
    .string()
    .regex(/^\d{3}$/)
    .transform(Number),
})

/**
 * What API Gateway answered by itself and no function has told: refusals for which the authorizer was not asked, any
 * other 403, and mutating calls whose function broke.
 */
export const gatewayAnswerPattern = `{ ${[
  `$.status = "401" && $.response_type != "${absent}" && $.authorizer_request_id = "${absent}"`,
  `$.status = "403" && $.response_type != "${absent}"`,
  '$.method != "GET" && $.response_type = "INTEGRATION_FAILURE"',
  '$.method != "GET" && $.response_type = "INTEGRATION_TIMEOUT"',
]
  .map(all => `(${all})`)
  .join(' || ')} }`

/** How CloudWatch Logs wraps the lines that it sends. */
export const logDelivery = z.discriminatedUnion('messageType', [
  z.object({
    messageType: z.literal('DATA_MESSAGE'),
    logEvents: z.array(z.object({ id: z.string(), timestamp: z.number(), message: z.string() })),
  }),
  /** Whether anyone is there. */
  z.object({ messageType: z.literal('CONTROL_MESSAGE') }),
])

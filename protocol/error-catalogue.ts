import { codesOf } from './openapi.ts'
import { operations } from './operations/registry.ts'
import { fixes } from './problem-fixes.ts'
import { type ProblemCode, problems, sharedCodes } from './problems.ts'

/** What brings a code about, where its title does not say all of it. */
const causes: Readonly<Partial<Record<ProblemCode, string>>> = {
  'malformed-json':
    'It breaks the grammar, is not UTF-8 (or has U+FFFD, which is what bytes become that are not, unless written as `\\ufffd`), names a key twice in one object, has the key `__proto__`, or nests deeper than 32 levels',
  'invalid-request':
    'A field is missing, unknown, repeated, of another type or outside its form; `errors` has one entry for each. On the gateway’s own answers: it was not readable as HTTP, or had more than 10,240 bytes of headers',
  'invalid-cursor': 'It was changed, made up, or is of another list, filter or account',
  'unsupported-media-type': 'The body is of another type, another charset than UTF-8, or compressed',
  'payload-too-large': 'A body of more than 64 KiB; the gateway itself stops at 10 MB',
  'idempotency-conflict':
    'A request of this name came before and asked for something else. Order of keys and spelling of decimals (`"0.30"`, `"0.3"`) make no difference',
  unauthorized:
    'No credential, or one that is malformed, expired, not yet valid, revoked, badly signed, or not of an issuer that the tenant trusts. Which, is in the exchange’s log only',
  forbidden: 'The role, or the scopes of the API key, lack the permission that `detail` names: see permissions.md',
  'not-found': 'No operation has this path, or there is no such object. Another account’s object is answered the same',
  'unknown-order': 'No order of the account has this id. Another account’s order is answered the same',
  'method-not-allowed': 'The path is known, the method is not; the header `Allow` names those that are',
  'concurrent-change':
    'Of requests that came at one moment this one lost each time that it was tried: it would have overwritten what it had not seen. No part of the exchange is down',
  'dependency-unavailable': 'A table or a stream of the exchange is throttled, broken or out of reach',
  'internal-error': 'A fault of ours. The reason is in our log, under the request_id',
  'upstream-timeout': 'The exchange took longer than 29 seconds. Whether the request was taken is not known',
  'instrument-not-open': 'It is delisted or has expired',
  'account-not-open': 'The credential is good, but its account was never opened, or is being opened',
}

const byStatus = (one: ProblemCode, other: ProblemCode): number =>
  problems[one].status - problems[other].status || (one < other ? -1 : 1)

const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code)

export const problemCodes: readonly ProblemCode[] = Object.keys(problems).filter(isProblemCode).sort(byStatus)

export const causeOf = (code: ProblemCode): string => `${causes[code] ?? problems[code].title}.`

/** Where it is declared: all operations, those named, or none (an order's reject_reason, or the gateway itself). */
const saidBy = (code: ProblemCode): string => {
  if (code === 'concurrent-change') return 'any operation that changes something'
  if (sharedCodes.some(shared => shared === code)) return 'any operation'
  const declaring = operations.filter(operation => codesOf(operation).includes(code)).map(({ name }) => `\`${name}\``)
  if (declaring.length > 0) return declaring.join(', ')
  return code === 'method-not-allowed'
    ? 'any path'
    : 'as `reject_reason` of what was taken, or to a request that waited for its outcome'
}

/** docs/errors.md, in Markdown; a test holds the file equal to it. Its headings are the anchors of the page /docs too. */
export const errorsPage = (): string => `# Errors

Made from \`protocol/problems.ts\` and \`protocol/problem-fixes.ts\` (\`WRITE_SCHEMAS=1 npm test -- test/protocol/problems.test.ts\` writes it anew). Every answer
that is not a success is a problem document (RFC 9457, \`application/problem+json\`): \`type\` leads to its code’s entry on the
exchange’s own page (\`/docs#<code>\`, the same text as here), \`code\` is stable and what a program should look at, \`errors\`
points at each field at fault (a JSON pointer into the body, or \`#/query/<name>\`, \`#/path/<name>\`, \`#/header/<name>\`),
\`request_id\` names the request in our logs, and \`retry\` says whether the very same request may succeed later.

| code | status | retry |
| --- | --- | --- |
${problemCodes.map(code => `| [${code}](#${code}) | ${problems[code].status} | ${problems[code].retry ? 'yes' : 'no'} |\n`).join('')}
${problemCodes.map(entry).join('\n')}
Before any of this the gateway’s front door drops what is no HTTP at all; on AWS a method that HTTP does not know, or headers
beyond its limit, may be answered there by a plain 400 or 431 that no template can shape. The local exchange answers those by
\`invalid-request\`. Redirects are never answered; \`HEAD\` and \`OPTIONS\` are not offered (405 with \`Allow\`).
`

const entry = (code: ProblemCode): string => {
  const { status, title, retry } = problems[code]
  return `## ${code}

${status}. ${title}.

- Cause: ${causeOf(code)}
- Fix: ${fixes[code]}
- Retry: ${retry ? 'yes, the same request may succeed later' : 'no, not unchanged'}
- Said by: ${saidBy(code)}
`
}

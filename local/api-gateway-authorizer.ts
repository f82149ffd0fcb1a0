/** Lambda REQUEST authorizers: identity sources, the cache of their policies, and the policies' evaluation. */
import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { type Exchange, requestParameter } from './api-gateway-exchange.ts'
import type { Failure } from './api-gateway-responses.ts'
import type { Authorizer } from './api-gateway-template.ts'
import type { Invoke, Surroundings } from './component.ts'

const mostCachedPolicies = 10_000
const authorizerTimeoutMillis = 30_000

const oneOrMore = z.union([z.string().transform(text => [text]), z.array(z.string())])
const statement = z.object({ Effect: z.enum(['Allow', 'Deny']), Action: oneOrMore, Resource: oneOrMore })
const authorizerAnswer = z.object({
  principalId: z.string().min(1),
  // Strict, since a Condition or a NotResource that is left out would let the wrong ones pass.
  policyDocument: z.object({ Statement: z.array(statement.extend({ Sid: z.string().optional() }).strict()) }),
  context: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
})

interface Policy {
  readonly context: Readonly<Record<string, string>>
  readonly statements: readonly { readonly allows: boolean; readonly resources: readonly RegExp[] }[]
}
type Decision = Policy | Failure
interface Cached {
  readonly untilMillis: number
  readonly decision: Promise<Decision>
}

export function createAuthorizers(
  s: Surroundings,
  invoke: Invoke,
): (authorizer: Authorizer, exchange: Exchange, methodArn: string) => Promise<Decision> {
  const cache = new Map<string, Cached>()

  const ask = async (authorizer: Authorizer, exchange: Exchange, methodArn: string): Promise<Decision> => {
    try {
      exchange.variables.set('authorizer.requestId', randomUUID())
      const event = { type: 'REQUEST', methodArn, ...exchange.event }
      const invocation = await within(invoke(authorizer.functionArn, event), authorizerTimeoutMillis)
      if (!invocation.ok) {
        if (invocation.error.errorMessage === 'Unauthorized') return { failure: 'UNAUTHORIZED' }
        throw new Error(invocation.error.errorMessage)
      }
      const read = authorizerAnswer.safeParse(invocation.payload)
      if (read.success) return compile(read.data)
      s.complain(`authorizer ${authorizer.name}`, new Error(`its answer is malformed: ${z.prettifyError(read.error)}`))
      return { failure: 'AUTHORIZER_CONFIGURATION_ERROR' }
    } catch (error) {
      s.complain(`authorizer ${authorizer.name}`, error)
      return { failure: 'AUTHORIZER_FAILURE' }
    }
  }

  const askOnce = (key: string, authorizer: Authorizer, exchange: Exchange, methodArn: string) => {
    const known = cache.get(key)
    if (known !== undefined && s.clock.now() < known.untilMillis) return known.decision
    const decision = ask(authorizer, exchange, methodArn).then(decided => {
      // Policies are kept, refusing ones too; failures are not.
      if ('failure' in decided) cache.delete(key)
      return decided
    })
    cache.delete(key)
    cache.set(key, { untilMillis: s.clock.now() + authorizer.cacheMillis, decision })
    const [oldest] = cache.keys()
    if (cache.size > mostCachedPolicies && oldest !== undefined) cache.delete(oldest)
    return decision
  }

  return async (authorizer, exchange, methodArn) => {
    const identities = authorizer.identitySources.map(source => requestParameter(exchange, source))
    const isCached = authorizer.cacheMillis > 0 && identities.length > 0
    if (isCached && !identities.every(Boolean)) return { failure: 'UNAUTHORIZED' }
    const decided = isCached
      ? await askOnce(JSON.stringify([authorizer.name, ...identities]), authorizer, exchange, methodArn)
      : await ask(authorizer, exchange, methodArn)
    return 'failure' in decided ? decided : evaluate(decided, methodArn)
  }
}

function compile({ principalId, policyDocument, context }: z.infer<typeof authorizerAnswer>): Policy {
  const invoking = policyDocument.Statement.filter(({ Action }) =>
    Action.some(action => wildcards(action.toLowerCase()).test('execute-api:invoke')),
  )
  const statements = invoking.map(({ Effect, Resource }) => ({
    allows: Effect === 'Allow',
    resources: Resource.map(wildcards),
  }))
  return { context: { ...context, principalId }, statements }
}

function evaluate(policy: Policy, methodArn: string): Decision {
  const matching = policy.statements.filter(({ resources }) => resources.some(resource => resource.test(methodArn)))
  if (matching.length === 0) return { failure: 'ACCESS_DENIED' }
  if (matching.every(({ allows }) => allows)) return policy
  return {
    failure: 'ACCESS_DENIED',
    message: 'User is not authorized to access this resource with an explicit deny',
  }
}

function wildcards(pattern: string): RegExp {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${escaped}$`, 's')
}

export async function within<T>(promise: Promise<T>, millis: number): Promise<T> {
  const tooLate = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    tooLate.reject(Object.assign(new Error(`no answer within ${millis} ms`), { name: 'TimeoutError' }))
  }, millis)
  try {
    return await Promise.race([promise, tooLate.promise])
  } finally {
    clearTimeout(timer)
  }
}

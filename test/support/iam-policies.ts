import { accessKeyOf } from '#local/aws-calls.ts'
import type { Resource } from '#local/component.ts'

/**
 * What the roles of functions and tasks allow, read from templates whose intrinsic functions are carried out. Resources
 * are called by their logical ids without hash (`OrdersTable/index/open-orders`), so that what is said of one tenant can
 * be held against another. What this file does not know (NotAction, permission boundaries, an operator, a context key…)
 * throws: nothing is allowed or forbidden by being overlooked.
 */

/** One question to IAM: may this caller do this to that? */
export interface Need {
  readonly caller: string
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, string>>
}

/** One action on one resource that a role allows; both may hold wildcards. */
export interface Grant {
  readonly caller: string
  readonly action: string
  readonly resource: string
  readonly conditions: Conditions
}

type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>

interface Statement {
  readonly allows: boolean
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly conditions: Conditions
}

interface Caller {
  readonly name: string
  readonly resource: Resource
  readonly statements: readonly Statement[]
}

export interface Deployment {
  readonly resources: readonly Resource[]
  /** By access key. */
  readonly callers: ReadonlyMap<string, Caller>
  /** What tables, buckets, queues and keys refuse by their own policies, whoever asks. */
  readonly refusals: readonly Statement[]
  /** Keys whose policy leaves it to IAM who may use them. */
  readonly keysLeftToIam: ReadonlySet<string>
  nameOf(arn: string): string
}

const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '')

/** The types that a statement may name, or that are callers. */
const named =
  /^AWS::(DynamoDB::(Global)?Table|Kinesis::Stream(Consumer)?|S3::Bucket|SQS::Queue|SNS::Topic|Events::EventBus|StepFunctions::StateMachine|SecretsManager::Secret|KMS::Key|Lambda::Function|ECS::TaskDefinition)$/

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).map(each => {
    if (typeof each === 'string') return each
    throw new Error(`a text was expected, not ${JSON.stringify(each)}`)
  })
const objects = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  (Array.isArray(value) ? value : [value]).filter(isObject)

/** A value deep inside; undefined where the way ends. Lists are entered by their first element. */
export const within = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => {
    const inner = Array.isArray(at) ? at[0] : at
    return isObject(inner) ? inner[key] : undefined
  }, value)

export const readDeployment = (resources: readonly Resource[]): Deployment => {
  const nameOf = namer(resources)
  const documents = policiesByRole(resources)
  const callers = new Map(
    resources
      .filter(({ type }) => type === 'AWS::Lambda::Function' || type === 'AWS::ECS::TaskDefinition')
      .map(resource => {
        const [roleArn = ''] = texts(resource.properties['Role'] ?? resource.properties['TaskRoleArn'])
        const role = roleArn.replace(/^.*:role\//, '')
        const of = documents.get(role)
        if (of === undefined) throw new Error(`${resource.logicalId} has no role of the templates: ${roleArn}`)
        const statements = of.flatMap(document => statementsOf(document, nameOf))
        return [accessKeyOf(resource), { name: withoutHash(resource.logicalId), resource, statements }] as const
      }),
  )
  return { resources, callers, nameOf, ...ownPolicies(resources, nameOf) }
}

const namer = (resources: readonly Resource[]): ((arn: string) => string) => {
  const known = resources.filter(({ type }) => named.test(type))
  const seen = new Map<string, Resource>()
  for (const each of known) {
    const name = withoutHash(each.logicalId)
    const other = seen.get(name)
    if (other !== undefined) throw new Error(`${name} is both in ${other.stack} and in ${each.stack}`)
    seen.set(name, each)
  }
  const longestFirst = known.toSorted((left, right) => right.arn.length - left.arn.length)
  const stacks = [...new Set(resources.map(({ stack }) => stack))]
  return arn => {
    const [, table] = /:table\/([^/]+)\/stream\//.exec(arn) ?? []
    const streamOf = known.find(({ physicalId, type }) => physicalId === table && /Table$/.test(type))
    if (streamOf !== undefined) return `${withoutHash(streamOf.logicalId)}/stream`
    const found = longestFirst.find(each => arn === each.arn || arn.startsWith(`${each.arn}/`))
    if (found !== undefined) return withoutHash(found.logicalId) + arn.slice(found.arn.length)
    // Nothing stands for it on a laptop (a log group): it has the name that says what it was.
    const [, last = ''] = /^arn:aws:[^:]+:[^:]*:\d+:(.+)$/.exec(arn) ?? []
    const stack = stacks.find(each => last.startsWith(`${each}-`))
    return stack === undefined ? arn : withoutHash(last.slice(stack.length + 1))
  }
}

const policiesByRole = (resources: readonly Resource[]): ReadonlyMap<string, readonly unknown[]> => {
  const documents = new Map<string, unknown[]>()
  for (const { type, logicalId, physicalId, properties } of resources) {
    if (type !== 'AWS::IAM::Role') continue
    if (properties['PermissionsBoundary'] !== undefined) throw new Error(`${logicalId} has a permission boundary`)
    // AWS's own are of services that write logs, never of a function or a task.
    const managed = properties['ManagedPolicyArns'] === undefined ? [] : ['AWS managed policies']
    documents.set(physicalId, [...managed, ...objects(properties['Policies']).map(each => each['PolicyDocument'])])
  }
  for (const { type, logicalId, properties } of resources) {
    if (!/^AWS::IAM::(Managed|Role)?Policy$/.test(type)) continue
    for (const role of texts(properties['Roles'] ?? properties['RoleName'])) {
      const of = documents.get(role)
      if (of === undefined) throw new Error(`${logicalId} is of ${role}, which no template has`)
      of.push(properties['PolicyDocument'])
    }
  }
  return documents
}

const statementsOf = (document: unknown, nameOf: (arn: string) => string): readonly Statement[] =>
  objects(within(document, 'Statement') ?? noStatements(document)).map(statement => {
    const { Effect, Action, Resource: resource, Condition = {}, Sid: _, Principal: __, ...unknown } = statement
    if (Object.keys(unknown).length > 0) throw new Error(`unknown in a statement: ${JSON.stringify(statement)}`)
    const conditions = Object.entries(isObject(Condition) ? Condition : {}).map(([operator, keys]) => {
      if (!isObject(keys)) throw new Error(`no condition: ${JSON.stringify(Condition)}`)
      return [operator, keys] as const
    })
    return {
      allows: Effect === 'Allow',
      actions: texts(Action),
      resources: texts(resource).map(nameOf),
      conditions: Object.fromEntries(conditions),
    }
  })

const noStatements = (document: unknown): never => {
  throw new Error(`a policy document that cannot be read: ${JSON.stringify(document)}`)
}

/** The policies that resources themselves carry. What they allow is for services; what they refuse is for everyone. */
const ownPolicies = (
  resources: readonly Resource[],
  nameOf: (arn: string) => string,
): Pick<Deployment, 'refusals' | 'keysLeftToIam'> => {
  const refusals: Statement[] = []
  const keysLeftToIam = new Set<string>()
  for (const { type, logicalId, properties } of resources) {
    const isKey = type === 'AWS::KMS::Key'
    if (!isKey && (!type.endsWith('Policy') || type.startsWith('AWS::IAM::'))) continue
    const document = properties['PolicyDocument'] ?? properties['KeyPolicy'] ?? properties['ResourcePolicy']
    for (const written of objects(within(document, 'Statement'))) {
      const principal = within(written['Principal'], 'AWS') ?? written['Principal']
      const [statement] = statementsOf({ Statement: [written] }, nameOf)
      if (statement === undefined) continue
      if (!statement.allows && principal !== '*') throw new Error(`${logicalId} refuses ${JSON.stringify(principal)}`)
      // In a key's policy, all resources are the key.
      const here = isKey ? { ...statement, resources: [withoutHash(logicalId)] } : statement
      if (!here.allows) refusals.push(here)
      const isLeft = here.allows && here.actions.includes('kms:*') && /^arn:aws:iam::\d+:root$/.test(String(principal))
      if (isKey && isLeft) keysLeftToIam.add(withoutHash(logicalId))
    }
  }
  return { refusals, keysLeftToIam }
}

const compiled = new Map<string, RegExp>()

/** IAM's wildcards. */
export const matches = (pattern: string, value: string): boolean => {
  const escaped = () =>
    pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')
  const expression = compiled.get(pattern) ?? new RegExp(`^${escaped()}$`)
  compiled.set(pattern, expression)
  return expression.test(value)
}

type Operator = (asked: string, given: string) => boolean
const operators: Readonly<Record<string, Operator>> = {
  StringEquals: (asked, given) => asked === given,
  StringLike: (asked, given) => matches(given, asked),
  ArnEquals: (asked, given) => matches(given, asked),
  ArnLike: (asked, given) => matches(given, asked),
  Bool: (asked, given) => asked === given,
  NumericLessThan: (asked, given) => Number(asked) < Number(given),
}
/** Of every request on AWS: our clients speak nothing but TLS 1.2 or later there. */
const always: Readonly<Record<string, string>> = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.2' }
/** A request may be without these: then a condition about them does not hold. */
const sometimes = new Set(['s3:prefix', 'aws:SourceArn', 'aws:SourceAccount'])

export const holds = (conditions: Conditions, context: Readonly<Record<string, string>> = {}): boolean =>
  Object.entries(conditions).every(([operator, keys]) =>
    Object.entries(keys).every(([key, given]) => {
      const compare = operators[operator]
      if (compare === undefined) throw new Error(`the operator ${operator} is not known to this check`)
      const asked = context[key] ?? always[key]
      if (asked === undefined && !sometimes.has(key)) throw new Error(`the key ${key} is not known to this check`)
      const values = Array.isArray(given) ? given : [given]
      return asked !== undefined && values.some(value => compare(asked, String(value)))
    }),
  )

const covers = ({ actions, resources, conditions }: Omit<Statement, 'allows'>, need: Need): boolean =>
  actions.some(action => matches(action.toLowerCase(), need.action.toLowerCase())) &&
  resources.some(resource => matches(resource, need.resource)) &&
  holds(conditions, need.context)

/** What IAM would refuse, one sentence each. */
export const denied = (deployment: Deployment, needs: readonly Need[]): readonly string[] => {
  const { callers, refusals, keysLeftToIam } = deployment
  const byName = new Map([...callers.values()].map(caller => [caller.name, caller]))
  const reasons = needs.flatMap(need => {
    const caller = byName.get(need.caller)
    const told = `${need.caller} may not ${need.action} on ${need.resource}`
    if (caller === undefined) return [`there is no ${need.caller}`]
    const { statements } = caller
    if ([...statements, ...refusals].some(each => !each.allows && covers(each, need))) return [`${told}: refused`]
    if (need.action.startsWith('kms:') && !keysLeftToIam.has(need.resource)) return [`${told}: its policy`]
    return statements.some(each => each.allows && covers(each, need)) ? [] : [told]
  })
  return [...new Set(reasons)].sort()
}

/** Every action on every resource that the roles allow. */
export const grantsOf = ({ callers }: Deployment): readonly Grant[] =>
  [...callers.values()].flatMap(({ name, statements }) =>
    statements
      .filter(({ allows }) => allows)
      .flatMap(({ actions, resources, conditions }) =>
        actions.flatMap(action => resources.map(resource => ({ caller: name, action, resource, conditions }))),
      ),
  )

/** Those that nobody needs. */
export const unneeded = (grants: readonly Grant[], needs: readonly Need[]): readonly Grant[] =>
  grants.filter(
    ({ caller, action, resource, conditions }) =>
      !needs.some(
        need => need.caller === caller && covers({ actions: [action], resources: [resource], conditions }, need),
      ),
  )

import type { Json, Stack } from './assembly.ts'
import type { Resource } from './component.ts'
import { type Identity, identify, type Learnt } from './identity.ts'
import { isInert } from './supported.ts'

export interface ResolveOptions {
  /** As with `cdk deploy --parameters`; each must be declared by some stack. */
  readonly parameters: Readonly<Record<string, string>>
  readonly queueEndpoint: string
  readonly learnt?: Learnt
  /** The keys, roles and policies too, for which nothing stands here. */
  readonly policies?: boolean
}

/** `AWS::NoValue`: takes the property or list element that holds it away. */
const noValue = Symbol('AWS::NoValue')
const policyTypes = /^AWS::(IAM|KMS)::|Policy$/
const dynamicReference = /\{\{resolve:[^}]*\}\}/

/** All live resources of all stacks, with every intrinsic function carried out, across stacks too. */
export function resolveResources(stacks: readonly Stack[], options: ResolveOptions): readonly Resource[] {
  for (const name of Object.keys(options.parameters)) {
    if (!stacks.some(stack => stack.template.Parameters?.[name] !== undefined)) {
      throw new Error(`no stack declares the parameter ${name}`)
    }
  }
  const scopes = new Map(stacks.map(stack => [stack.name, createScope(stack, options, name => importValue(name))]))
  const importValue = (exportName: string): unknown => {
    for (const scope of scopes.values()) {
      const output = scope.findExport(exportName)
      if (output !== undefined) return scope.resolve(output)
    }
    throw new Error(`no stack exports ${exportName}`)
  }
  return stacks.flatMap(stack => scopes.get(stack.name)?.resources() ?? [])
}

function createScope(stack: Stack, options: ResolveOptions, importValue: (exportName: string) => unknown) {
  const { template } = stack
  const identityOf = new Map<string, Identity>()
  const underWay = new Set<string>()
  const fail = (what: string): never => {
    throw new Error(`${stack.name}: ${what}`)
  }

  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': stack.account,
    'AWS::Region': stack.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack.name,
    'AWS::StackId': `arn:aws:cloudformation:${stack.region}:${stack.account}:stack/${stack.name}/local`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': noValue,
  }

  const isPresent = (logicalId: string): boolean => {
    const condition = template.Resources?.[logicalId]?.Condition
    return condition === undefined || holds(condition)
  }

  const identity = (logicalId: string): Identity => {
    const known = identityOf.get(logicalId)
    if (known !== undefined) return known
    const resource = template.Resources?.[logicalId] ?? fail(`there is no resource ${logicalId}`)
    if (!isPresent(logicalId)) fail(`${logicalId} is left out by its condition, but referred to`)
    if (underWay.has(logicalId)) fail(`the name of ${logicalId} depends on itself`)
    underWay.add(logicalId)
    const made = identify({
      stack: stack.name,
      logicalId,
      type: resource.Type,
      account: stack.account,
      region: stack.region,
      queueEndpoint: options.queueEndpoint,
      property: name => {
        const resolved = resolve(resource.Properties?.[name] ?? null)
        return resolved === noValue || resolved === null ? undefined : resolved
      },
    })
    const learnt = options.learnt?.get(`${stack.name}/${logicalId}`)
    const found = { ...made, ...learnt, attributes: { ...made.attributes, ...learnt?.attributes } }
    underWay.delete(logicalId)
    identityOf.set(logicalId, found)
    return found
  }

  const parameter = (name: string): unknown => {
    const declared = template.Parameters?.[name]
    if (declared === undefined) return undefined
    const value =
      options.parameters[name] ?? declared.Default ?? fail(`the parameter ${name} has no default and was not given`)
    return declared.Type === 'CommaDelimitedList' || declared.Type.startsWith('List<')
      ? String(value).split(',')
      : String(value)
  }

  const ref = (name: string): unknown => pseudo[name] ?? parameter(name) ?? identity(name).physicalId

  const getAtt = (logicalId: string, attribute: string): string => {
    const { attributes, arn, physicalId } = identity(logicalId)
    const value = attributes[attribute]
    if (value !== undefined) return value
    const type = template.Resources?.[logicalId]?.Type ?? ''
    if (!isInert(type)) fail(`Fn::GetAtt ${logicalId}.${attribute} is not known to the local runtime`)
    return /arn$/i.test(attribute) ? arn : `${physicalId}.${attribute}`
  }

  const sub = (format: string, values: Readonly<Record<string, unknown>>): string =>
    format.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal === '!') return `\${${name}}`
      if (name in values) return String(values[name])
      const dot = name.indexOf('.')
      return String(dot === -1 ? ref(name) : getAtt(name.slice(0, dot), name.slice(dot + 1)))
    })

  const holds = (condition: string): boolean =>
    resolve(template.Conditions?.[condition] ?? fail(`there is no condition ${condition}`)) === true

  /** Each is given its arguments resolved. */
  const functions: Readonly<Record<string, (...given: readonly unknown[]) => unknown>> = {
    Ref: name => ref(asText(name)),
    'Fn::GetAtt': (...path) => {
      const [logicalId = '', ...attribute] = path.map(asText).join('.').split('.')
      return getAtt(logicalId, attribute.join('.'))
    },
    'Fn::Sub': (format, values = {}) => sub(asText(format), asObject(values)),
    'Fn::Join': (separator, parts) => asList(parts).join(asText(separator)),
    'Fn::Split': (separator, whole) => asText(whole).split(asText(separator)),
    'Fn::Select': (index, from) =>
      asList(from)[Number(index)] ?? fail(`Fn::Select finds nothing at ${index} of ${from}`),
    'Fn::FindInMap': (...path) => {
      const [map = '', first = '', second = ''] = path.map(asText)
      return template.Mappings?.[map]?.[first]?.[second] ?? fail(`Fn::FindInMap finds nothing at ${path.join('.')}`)
    },
    'Fn::ImportValue': name => importValue(asText(name)),
    'Fn::GetAZs': region => ['a', 'b', 'c'].map(zone => `${asText(region) || stack.region}${zone}`),
    'Fn::Base64': plain => Buffer.from(asText(plain)).toString('base64'),
    'Fn::Equals': (left, right) => String(left) === String(right),
    'Fn::And': (...all) => all.every(each => each === true),
    'Fn::Or': (...all) => all.some(each => each === true),
    'Fn::Not': one => one !== true,
    Condition: name => holds(asText(name)),
  }

  function resolve(value: Json): unknown {
    if (typeof value === 'string') {
      return dynamicReference.test(value) ? fail(`${value} cannot be resolved by the local runtime`) : value
    }
    if (value === null || typeof value !== 'object') return value
    if (isList(value)) return value.map(resolve).filter(each => each !== noValue)
    const entries = Object.entries(value)
    const [[name, argument] = ['', null]] = entries
    if (
      entries.length === 1 &&
      (/^(Ref|Fn::.*)$/.test(name) || (name === 'Condition' && typeof argument === 'string'))
    ) {
      if (name === 'Fn::If' && isList(argument)) {
        const [condition, whenTrue = null, whenFalse = null] = argument
        return resolve(holds(asText(condition)) ? whenTrue : whenFalse)
      }
      const carryOut = functions[name] ?? fail(`${name} is not known to the local runtime`)
      return isList(argument) ? carryOut(...argument.map(resolve)) : carryOut(resolve(argument))
    }
    return Object.fromEntries(
      entries.map(([key, each]) => [key, resolve(each)] as const).filter(([, each]) => each !== noValue),
    )
  }

  return {
    resolve,
    findExport: (exportName: string): Json | undefined =>
      Object.values(template.Outputs ?? {}).find(
        output => output.Export !== undefined && resolve(output.Export.Name) === exportName,
      )?.Value,
    resources: (): readonly Resource[] =>
      Object.entries(template.Resources ?? {})
        .filter(([, { Type }]) => !isInert(Type) || (options.policies === true && policyTypes.test(Type)))
        .filter(([logicalId]) => isPresent(logicalId))
        .map(([logicalId, { Type, Properties }]) => {
          const { physicalId, arn } = identity(logicalId)
          const properties = asObject(resolve(Properties ?? {}))
          return { stack: stack.name, logicalId, type: Type, properties, physicalId, arn }
        }),
  }
}

function asText(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`a string was expected, not ${JSON.stringify(value)}`)
  return value
}

function asList(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`a list was expected, not ${JSON.stringify(value)}`)
  return value
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${JSON.stringify(value)}`)
  return Object.fromEntries(Object.entries(value))
}

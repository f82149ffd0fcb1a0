import type { Json, JsonObject, Stack } from './assembly.ts'
import type { Resource } from './component.ts'
import { type Identity, identify } from './identity.ts'
import { isInert } from './supported.ts'

export interface ResolveOptions {
  /** As with `cdk deploy --parameters`; each must be declared by some stack. */
  readonly parameters: Readonly<Record<string, string>>
  readonly queueEndpoint: string
  /** What a resource turned out to be called once it existed, by `<stack>/<LogicalId>`. */
  readonly actual?: ReadonlyMap<string, Identity>
}

/** `AWS::NoValue`: takes the property or list element that holds it away. */
const noValue = Symbol('AWS::NoValue')
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
    return condition === undefined || holds({ Condition: condition })
  }

  const identity = (logicalId: string): Identity => {
    const actual = options.actual?.get(`${stack.name}/${logicalId}`)
    if (actual !== undefined) return actual
    const known = identityOf.get(logicalId)
    if (known !== undefined) return known
    const resource = template.Resources?.[logicalId] ?? fail(`there is no resource ${logicalId}`)
    if (!isPresent(logicalId)) fail(`${logicalId} is left out by its condition, but referred to`)
    if (underWay.has(logicalId)) fail(`the name of ${logicalId} depends on itself`)
    underWay.add(logicalId)
    const found = identify({
      stack: stack.name,
      logicalId,
      type: resource.Type,
      account: stack.account,
      region: stack.region,
      queueEndpoint: options.queueEndpoint,
      property: name => {
        const value = resource.Properties?.[name]
        const resolved = value === undefined ? undefined : resolve(value)
        return resolved === noValue ? undefined : resolved
      },
    })
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

  const functions: Readonly<Record<string, (argument: Json) => unknown>> = {
    Ref: argument => ref(asText(argument)),
    'Fn::GetAtt': argument => {
      const [logicalId = '', ...attribute] = typeof argument === 'string' ? argument.split('.') : texts(argument)
      return getAtt(logicalId, attribute.join('.'))
    },
    'Fn::Sub': argument => {
      const [format, values] = Array.isArray(argument) ? argument : [argument, {}]
      return sub(asText(format), asObject(resolve(values)))
    },
    'Fn::Join': argument => {
      const [separator, parts] = pair(argument)
      return list(resolve(parts)).join(asText(separator))
    },
    'Fn::Split': argument => {
      const [separator, whole] = pair(argument)
      return asText(resolve(whole)).split(asText(separator))
    },
    'Fn::Select': argument => {
      const [index, from] = pair(argument)
      return (
        list(resolve(from))[Number(resolve(index))] ?? fail(`Fn::Select finds nothing: ${JSON.stringify(argument)}`)
      )
    },
    'Fn::If': argument => {
      const [condition, whenTrue, whenFalse] = list(argument)
      return resolve((holds({ Condition: asText(condition) }) ? whenTrue : whenFalse) as Json)
    },
    'Fn::FindInMap': argument => {
      const [map = '', first = '', second = ''] = list(resolve(argument)).map(asText)
      const found = template.Mappings?.[map]?.[first]?.[second]
      return found ?? fail(`Fn::FindInMap finds nothing at ${map}.${first}.${second}`)
    },
    'Fn::ImportValue': argument => importValue(asText(resolve(argument))),
    'Fn::GetAZs': argument => ['a', 'b', 'c'].map(zone => `${asText(resolve(argument)) || stack.region}${zone}`),
    'Fn::Base64': argument => Buffer.from(asText(resolve(argument))).toString('base64'),
  }

  const conditions: Readonly<Record<string, (argument: Json) => boolean>> = {
    Condition: argument => holds((template.Conditions?.[asText(argument)] ?? fail(`no condition ${argument}`)) as Json),
    'Fn::Equals': argument => {
      const [left, right] = pair(argument)
      return String(resolve(left)) === String(resolve(right))
    },
    'Fn::And': argument => list(argument).every(each => holds(each as Json)),
    'Fn::Or': argument => list(argument).some(each => holds(each as Json)),
    'Fn::Not': argument => !holds(list(argument)[0] as Json),
  }

  function holds(condition: Json): boolean {
    const [[name, argument] = ['', null]] = Object.entries(asObject(condition))
    const evaluate = conditions[name] ?? fail(`the condition function ${name} is not known to the local runtime`)
    return evaluate(argument as Json)
  }

  function resolve(value: Json): unknown {
    if (typeof value === 'string') {
      return dynamicReference.test(value) ? fail(`${value} cannot be resolved by the local runtime`) : value
    }
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(resolve).filter(each => each !== noValue)
    const entries = Object.entries(value as JsonObject)
    const [first] = entries
    if (entries.length === 1 && first !== undefined && (first[0] === 'Ref' || first[0].startsWith('Fn::'))) {
      const carryOut = functions[first[0]] ?? fail(`${first[0]} is not known to the local runtime`)
      return carryOut(first[1])
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
        .filter(([logicalId, { Type }]) => !isInert(Type) && isPresent(logicalId))
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

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`a list was expected, not ${JSON.stringify(value)}`)
  return value
}

function texts(value: unknown): readonly string[] {
  return list(value).map(asText)
}

function pair(value: unknown): readonly [Json, Json] {
  const [first, second] = list(value)
  return [first as Json, second as Json]
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null)
    throw new Error(`an object was expected, not ${JSON.stringify(value)}`)
  return value as Readonly<Record<string, unknown>>
}

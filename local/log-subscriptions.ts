/** CloudWatch Logs' subscription filters: lines that match go into a Kinesis stream, wrapped as CloudWatch wraps them. */
import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import * as z from 'zod'
import type { Component, Surroundings } from './component.ts'
import { json, propertiesOf } from './resource-properties.ts'
import { kinesisCaller } from './stream-source.ts'

const deliverAfterMillis = 100

const filterProperties = z.object({
  LogGroupName: z.string(),
  FilterPattern: z.string().transform(compileFilterPattern),
  DestinationArn: z.string().regex(/^arn:aws:kinesis:.*:stream\/.+$/, 'only Kinesis streams are supported'),
})

export function startLogSubscriptions(s: Surroundings): Component & Required<Pick<Surroundings, 'logged'>> {
  const filters = s.resources
    .filter(({ type }) => type === 'AWS::Logs::SubscriptionFilter')
    .map(resource => ({ id: resource.logicalId, ...propertiesOf(resource, filterProperties) }))
  const call = kinesisCaller(s)
  /** By filter and log stream. */
  const waiting = new Map<string, { StreamName: string | undefined; message: object; logEvents: object[] }>()
  let timer: NodeJS.Timeout | undefined
  let delivering = Promise.resolve()
  const deliver = async () => {
    timer = undefined
    const deliveries = [...waiting]
    waiting.clear()
    for (const [PartitionKey, { StreamName, message, logEvents }] of deliveries) {
      const Data = gzipSync(JSON.stringify({ ...message, logEvents })).toString('base64')
      await call('PutRecord', { StreamName, PartitionKey, Data }).catch(error => s.complain(PartitionKey, error))
    }
  }
  const deliverNext = () => {
    delivering = delivering.then(deliver)
  }
  const take = (
    { id, DestinationArn }: (typeof filters)[number],
    logGroup: string,
    logStream: string,
    line: string,
  ) => {
    const message = { messageType: 'DATA_MESSAGE', owner: s.account, logGroup, logStream, subscriptionFilters: [id] }
    const key = `${id} ${logStream}`
    const delivery = waiting.get(key) ?? { StreamName: DestinationArn.split('/').at(-1), message, logEvents: [] }
    delivery.logEvents.push({ id: randomUUID(), timestamp: Math.floor(s.clock.now()), message: line })
    waiting.set(key, delivery)
    timer ??= setTimeout(deliverNext, deliverAfterMillis)
  }
  return {
    logged(logGroup, logStream, text) {
      for (const filter of filters.filter(each => each.LogGroupName === logGroup))
        for (const line of text.split('\n').filter(filter.FilterPattern)) take(filter, logGroup, logStream, line)
    },
    async stop() {
      clearTimeout(timer)
      deliverNext()
      await delivering
    },
  }
}

/** `{ $.a.b = * }`, `{ ($.a = "x" && $.b != "-") || ($.c = "y") }`: another form of pattern is refused. */
export function compileFilterPattern(pattern: string): (line: string) => boolean {
  const alternatives = pattern.split(' || ').map(alternative => {
    const [, all = ''] = /^(?:\{ )?\(?(.+?)\)?(?: \})?$/.exec(alternative) ?? []
    return all.split(' && ').map(compileTerm)
  })
  return line => {
    const event = line.startsWith('{') ? json.safeParse(line).data : undefined
    return alternatives.some(all => all.every(matches => matches(event)))
  }
}

function compileTerm(term: string): (event: unknown) => boolean {
  const [, path = '', sign, text] = /^\$\.([\w.]+) (!?=) (?:\*|"([^"*]+)")$/.exec(term) ?? []
  if (path === '' || (sign === '!=' && text === undefined))
    throw new Error(`the filter pattern ${term} is not supported`)
  const step = (at: unknown, name: string) =>
    typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined
  return event => {
    const found: unknown = path.split('.').reduce(step, event)
    return found !== undefined && (text === undefined || (String(found) === text) === (sign === '='))
  }
}

import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { readExecutionsAfter } from '#adapters/streams/executions.ts'
import { putCommands } from '#adapters/streams/orders.ts'
import { fanOutReader, pollingReader, type StreamPosition, type StreamRecord } from '#adapters/streams/reader.ts'
import { decodeExecutionsFrame } from '#protocol/executions-frame.ts'
import { idOf, inLane, opening, order } from './commands.ts'
import {
  endMatchers,
  type Image,
  makeImage,
  type Surroundings,
  startMatcher,
  startSurroundings,
  until,
} from './surroundings.ts'

const lane = 1
const streamName = `orders-${lane}`
let surroundings: Surroundings
let environment: Readonly<Record<string, string>>
let image: Image

beforeAll(async () => {
  // A reader each: a subscription that has ended keeps its consumer from the next one for five seconds.
  const consumers = ['beginning', 'at', 'after', 'later', 'matcher']
  // Before the servers: where it fails, they are not left behind.
  image = await makeImage()
  surroundings = await startSurroundings('kinesis-local', consumers)
  environment = await surroundings.newLane(lane)
})
afterAll(() => Promise.all([surroundings.stop(), image.remove()]))

let end = new AbortController()
afterEach(() => {
  endMatchers()
  end.abort()
  end = new AbortController()
})

const consumerArn = (name: string): string => surroundings.consumerArns.get(`${name}-${lane}`) ?? ''

const take = async (name: string, position: StreamPosition, count: number): Promise<readonly StreamRecord[]> => {
  const taken: StreamRecord[] = []
  for await (const { records } of fanOutReader({ streamName, consumerArn: consumerArn(name) }).read(
    position,
    end.signal,
  )) {
    taken.push(...records)
    if (taken.length >= count) break
  }
  return taken
}

const numbersOf = (records: readonly StreamRecord[]) => records.map(({ sequenceNumber }) => sequenceNumber)

describe('enhanced fan-out', () => {
  test('delivers what polling delivers, in order, from where it is asked', async () => {
    const put: string[] = []
    for (const command of opening) put.push((await putCommands(lane, inLane(lane, [command]))).sequenceNumber)
    const polled: StreamRecord[] = []
    const polling = pollingReader({ streamName, intervalMillis: 10 })
    for await (const { records } of polling.read({ from: 'TRIM_HORIZON' }, end.signal)) {
      polled.push(...records)
      if (polled.length >= put.length) break
    }
    const [all, at, after] = await Promise.all([
      take('beginning', { from: 'TRIM_HORIZON' }, 5),
      take('at', { at: put[2] ?? '' }, 3),
      take('after', { after: put[2] ?? '' }, 2),
    ])
    expect(numbersOf(all)).toEqual(put)
    expect(numbersOf(at)).toEqual(put.slice(2))
    expect(numbersOf(after)).toEqual(put.slice(3))
    const written = ({ data, ...record }: StreamRecord) => ({ ...record, data: Buffer.from(data).toString('hex') })
    expect(all.map(written)).toEqual(polled.map(written))
  })

  test('delivers what comes later, and ends at once when it is told to', async () => {
    const { sequenceNumber: last } = await putCommands(lane, inLane(lane, [order(0)]))
    const heard: string[] = []
    const reading = (async () => {
      const reader = fanOutReader({ streamName, consumerArn: consumerArn('later') })
      for await (const { records } of reader.read({ after: last }, end.signal)) heard.push(...numbersOf(records))
    })()
    await new Promise(resolve => setTimeout(resolve, 300))
    const { sequenceNumber } = await putCommands(lane, inLane(lane, [order(1)]))
    await until(async () => (heard.length > 0 ? true : undefined))
    expect(heard).toEqual([sequenceNumber])
    const askedMillis = performance.now()
    end.abort()
    await reading
    expect(performance.now() - askedMillis).toBeLessThan(500)
  })

  test('feeds a matcher', async () => {
    const matcher = startMatcher(image, {
      ...environment,
      STREAM_READ: 'fan-out',
      ORDER_CONSUMER_ARN: consumerArn('matcher'),
    })
    await putCommands(lane, inLane(lane, [order(2)]))
    const accepted = await until(async () => {
      const { records } = await readExecutionsAfter(lane, undefined)
      const events = records.flatMap(({ data }) =>
        decodeExecutionsFrame(data).sections.flatMap(section => section.events),
      )
      return events.find(event => event.type === 'order-accepted' && event.orderId === idOf(1_002))
    })
    expect(accepted).toMatchObject({ accountId: 1 })
    matcher.child.kill('SIGTERM')
    expect(await matcher.ended).toBe(0)
  })
})

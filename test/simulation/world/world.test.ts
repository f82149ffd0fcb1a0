import './quiet.ts'
import { setImmediate as realImmediate } from 'node:timers'
import { ConditionalCheckFailedException, DynamoDBClient, TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import {
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis'
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { describe, expect, test } from '@jest/globals'
import { v7 } from 'uuid'
import { holds, updated } from './expressions.ts'
import { callFaults, type FaultRates } from './faults.ts'
import { Random } from './random.ts'
import { currentProcess } from './scheduler.ts'
import { inWorld, type World, type WorldOptions } from './world.ts'

/** After the world's own files: see ground.ts. */
const { setTimeout: sleep } = await import('node:timers/promises')

const direct = <Result>(body: (world: World) => Promise<Result>, options: Partial<WorldOptions> = {}) =>
  inWorld({ seed: 1, ...options }, body)

const wait = (millis: number) => new Promise<void>(resolve => setTimeout(resolve, millis))
const clients = () => ({
  table: DynamoDBDocumentClient.from(new DynamoDBClient({})),
  stream: new KinesisClient({}),
  objects: new S3Client({}),
})
const bytes = (text: string) => Buffer.from(text)
const put = (data: string, abortSignal?: AbortSignal) =>
  clients().stream.send(
    new PutRecordCommand({ StreamName: 'orders-1', PartitionKey: 'lane', Data: bytes(data) }),
    abortSignal === undefined ? {} : { abortSignal },
  )
const told = (error: unknown): string => (error instanceof Error ? error.name : String(error))
const outcome = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'done', told)

describe('chance', () => {
  test('is the same for the same seed, another for another, and spread evenly', () => {
    const draw = (seed: number) => Array.from({ length: 20 }, (_, at) => new Random(seed).fork(`${at}`).below(1_000))
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    const random = new Random(3)
    const counts = new Map<number, number>()
    for (let i = 0; i < 40_000; i++) {
      const drawn = random.below(4)
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(500)
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe('virtual time', () => {
  test('jumps from one event to the next, and the real clocks are back afterwards', async () => {
    const real = { setTimeout, now: Date.now, env: process.env, random: Math.random, AbortSignal }
    const startedMillis = performance.now()
    const passed = await direct(async () => {
      const [wall, monotonic] = [Date.now(), performance.now()]
      await wait(3_600_000 - 1)
      return [Date.now() - wall, performance.now() - monotonic, Date.parse(new Date().toISOString()) - Date.now()]
    })
    expect(passed[0]).toBeGreaterThanOrEqual(3_599_999)
    expect(passed[0]).toBeLessThan(3_600_001)
    expect(passed[2]).toBe(0)
    expect(performance.now() - startedMillis).toBeLessThan(10_000)
    expect(Math.abs(Date.now() - real.now())).toBeLessThan(1_000)
    // They stay replaced for as long as another world may follow at once.
    await new Promise(resolve => realImmediate(resolve))
    await new Promise(resolve => realImmediate(resolve))
    expect({ setTimeout, now: Date.now, env: process.env, random: Math.random, AbortSignal }).toEqual(real)
  })

  test('runs all microtasks of an event before the next one', async () => {
    const heard = await direct(async () => {
      const said: string[] = []
      for (const name of ['a', 'b'])
        setTimeout(async () => {
          for (let step = 0; step < 20; step++) await null
          said.push(name)
          for (let step = 0; step < 20; step++) await null
          said.push(name)
        }, 5)
      await wait(50)
      return said.join('')
    })
    expect(['aabb', 'bbaa']).toContain(heard)
  })

  test('keeps the order of immediates of one process, and of timers set for the same moment', async () => {
    for (let seed = 1; seed < 20; seed++) {
      const said = await direct(
        async () => {
          const heard: number[] = []
          for (let at = 0; at < 5; at++) setImmediate(() => heard.push(at))
          for (let at = 5; at < 10; at++) setTimeout(() => heard.push(at), 10)
          const interval = setInterval(() => heard.push(0), 30)
          clearTimeout(setTimeout(() => heard.push(-1), 5))
          await wait(100)
          clearInterval(interval)
          return heard
        },
        { seed },
      )
      expect(said.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(said.length).toBe(13)
    }
  })

  test('draws who is first of two processes', async () => {
    const firsts = new Set<string | undefined>()
    for (let seed = 1; seed < 20; seed++)
      await direct(
        async world => {
          const heard: (string | undefined)[] = []
          for (const name of ['one', 'other'])
            world.spawn({ name, kind: 'client' }, async () => heard.push(currentProcess()?.name))
          await wait(10)
          firsts.add(heard[0])
        },
        { seed },
      )
    expect(firsts).toEqual(new Set(['one', 'other']))
  })

  test('reaches signals', async () => {
    const heard = await direct(async () => {
      const said: string[] = []
      const controller = new AbortController()
      const [any, timeout] = [AbortSignal.any([controller.signal, AbortSignal.timeout(500)]), AbortSignal.timeout(40)]
      timeout.addEventListener('abort', () => said.push(`timeout ${told(timeout.reason)}`))
      any.addEventListener('abort', () => said.push('any'), { once: true })
      const deaf = () => said.push('deaf')
      any.addEventListener('abort', deaf)
      any.removeEventListener('abort', deaf)
      await wait(50)
      said.push(`${timeout.aborted} ${any.aborted}`)
      controller.abort()
      said.push(
        `${any.aborted} ${told(any.reason)}`,
        `${AbortSignal.any([AbortSignal.timeout(5), controller.signal]).aborted}`,
      )
      return said
    })
    expect(heard).toEqual(['timeout TimeoutError', 'true false', 'any', 'true AbortError', 'true'])
  })
})

describe('a process', () => {
  test('that is killed does nothing more, and hears nothing more', async () => {
    const said = await direct(async world => {
      const heard: string[] = []
      const victim = world.spawn({ name: 'victim', kind: 'client' }, async () => {
        setInterval(() => heard.push('tick'), 10)
        for (let at = 0; ; at++) {
          await put(`${at}`)
          heard.push('put')
        }
      })
      await wait(100)
      world.kill(victim)
      const before = heard.length
      expect(before).toBeGreaterThan(5)
      await wait(1_000)
      expect(heard.length).toBe(before)
      return victim.ending?.how
    })
    expect(said).toBe('killed')
  })

  test('that throws, or leaves a rejection unhandled, ends with that error; one that returns takes its timers along', async () => {
    await direct(async world => {
      const ways: (() => Promise<unknown>)[] = [
        async () => {
          throw new Error('at once')
        },
        async () => {
          void Promise.reject(new Error('unhandled'))
          await wait(1_000)
        },
        async () => {
          setTimeout(() => {
            throw new Error('in a timer')
          }, 10)
          await wait(1_000)
        },
        async () => setInterval(() => world.faults.counts.hit('slow', 'too late'), 10),
      ]
      const spawned = ways.map(main => world.spawn({ name: 'each', kind: 'client' }, main))
      const endings = await Promise.all(spawned.map(({ ended }) => ended))
      expect(endings.map(ending => (ending.how === 'threw' ? String(ending.error) : ending.how))).toEqual([
        'Error: at once',
        'Error: unhandled',
        'Error: in a timer',
        'returned',
      ])
      await wait(100)
      expect(world.faults.counts.total()).toBe(0)
    })
  })

  test('that is frozen holds still while its clock goes on, and then goes on where it was', async () => {
    await direct(async world => {
      const heard: number[] = []
      const sleeper = world.spawn({ name: 'sleeper', kind: 'client', skewMillis: -7_000 }, async () => {
        for (;;) {
          await sleep(10)
          heard.push(performance.now())
          await put('x')
        }
      })
      await wait(100)
      expect(world.wallMillis() - sleeper.enter(() => Date.now())).toBe(7_000)
      world.freeze(sleeper, 5_000)
      const before = heard.length
      await wait(4_990)
      expect(heard.length).toBe(before)
      await wait(100)
      expect(heard.length).toBeGreaterThan(before)
      expect((heard[before] ?? 0) - (heard[before - 1] ?? 0)).toBeGreaterThan(4_900)
    })
  })

  test('that dies while a call is on its way may have made it, or not; after it was done it is done', async () => {
    const done = { onTheWay: 0, afterwards: 0, before: 0 }
    for (let seed = 1; seed <= 40; seed++)
      for (const [how, moment] of [
        ['onTheWay', undefined],
        ['afterwards', 'done'],
        ['before', 'before'],
      ] as const)
        await direct(
          async world => {
            if (moment !== undefined)
              world.crashAt({ moment, matches: ({ operation }) => operation === 'PutRecord', how: 'killed' })
            const victim = world.spawn({ name: 'victim', kind: 'client' }, () => put('x'))
            await wait(2)
            if (moment === undefined) world.kill(victim)
            await wait(100)
            expect(victim.ending?.how).toBe('killed')
            done[how] += world.orders(1).records.length
          },
          { seed, pace: { stream: [5, 20], table: [1, 2], objects: [1, 2] } },
        )
    expect(done.afterwards).toBe(40)
    expect(done.before).toBe(0)
    expect(done.onTheWay).toBeGreaterThan(5)
    expect(done.onTheWay).toBeLessThan(35)
  })

  test('can be frozen or killed once a call is answered, before it makes the next one', async () => {
    await direct(async world => {
      const steps: string[] = []
      world.aws.onCall = ({ operation }, what) => steps.push(`${operation} ${what}`)
      world.crashAt({
        moment: 'after',
        nth: 2,
        matches: ({ caller }) => caller?.kind === 'client',
        how: 'frozen',
        forMillis: 500,
      })
      let answered = 0
      world.spawn({ name: 'client', kind: 'client' }, async () => {
        for (; answered < 3; answered++) {
          await put(`${answered}`)
          await wait(1)
        }
      })
      await wait(400)
      expect(answered).toBe(1)
      expect(world.orders(1).records.length).toBe(2)
      await wait(600)
      expect(answered).toBe(3)
      expect(steps.length).toBe(6)
      expect([...(world.faults.counts.hits.get('frozen') ?? [])]).toEqual([['client PutRecord orders-1, after', 1]])
    })
  })
})

describe('expressions', () => {
  const item = {
    a: 1,
    b: 'text',
    list: [1, 2],
    map: { inner: { deep: true } },
    bin: bytes('x'),
    tags: new Set(['one']),
  }
  const values = {
    ':one': 1,
    ':two': 2,
    ':text': 'te',
    ':x': bytes('x'),
    ':yes': true,
    ':list': [3],
    ':tag': 'one',
    ':S': 'S',
  }
  const names = { '#a': 'a', '#m': 'map' }

  test.each([
    ['a = :one', true],
    ['#a = :one AND b <> :one', true],
    ['missing = :one', false],
    ['missing <> :one', true],
    ['missing < :one OR missing > :one', false],
    ['attribute_not_exists(missing) AND attribute_exists(#m.inner.deep)', true],
    ['NOT (a = :one OR a = :two)', false],
    ['a = :two OR a = :one AND b = :one', false],
    ['(a = :one OR a = :two) AND begins_with(b, :text)', true],
    ['a BETWEEN :one AND :two AND b = b', true],
    ['a IN (:two, :one)', true],
    ['list[1] = :two', true],
    ['size(list) = :two', true],
    ['contains(tags, :tag) AND contains(list, :two)', true],
    ['bin = :x', true],
    ['#m.inner.deep = :yes', true],
    ['b < :one', false],
    ['attribute_type(b, :S)', true],
  ])('%s is %s', (text, expected) => {
    expect(holds(text, item, { names, values })).toBe(expected)
  })

  test.each(['a = ', 'a == :one', 'a = :one)', 'a = :lacking', '#lacking = :one', 'unknown(a)', 'a ! :one'])(
    '%s is refused',
    text => {
      expect(() => holds(text, item, { names, values })).toThrow('')
    },
  )

  test('updates read the item as it was and leave it alone', () => {
    const same = (value: unknown) => value
    const before = { id: 'x', ...item }
    const after = updated(
      'SET a = a + :one, c = a, d = if_not_exists(missing, :two), #m.inner.more = :one, list = list_append(list, :list) REMOVE b, list[0]',
      before,
      { id: 'x' },
      { names: { '#m': 'map' }, values },
      same,
    )
    expect(after).toMatchObject({ a: 2, c: 1, d: 2, map: { inner: { deep: true, more: 1 } } })
    expect(after).not.toHaveProperty('b')
    expect(before).toEqual({ id: 'x', ...item })
    expect(updated('ADD n :one', undefined, { id: 'y' }, { names, values }, same)).toEqual({ id: 'y', n: 1 })
    expect(updated('ADD n :two SET m = :one', { id: 'y', n: 1 }, { id: 'y' }, { names, values }, same)).toEqual({
      id: 'y',
      n: 3,
      m: 1,
    })
    for (const text of ['SET a = missing', 'SET a = b + :one', 'SET missing.b = :one', 'PUT a = :one', ''])
      expect(() => updated(text, before, { id: 'x' }, { names, values }, same)).toThrow('')
  })
})

describe('tables', () => {
  const key = { lane: '1', row: 'checkpoint' }

  test('keep their conditions, and give copies', async () => {
    await direct(async world => {
      const { table } = clients()
      const condition = { ConditionExpression: 'attribute_not_exists(epoch) OR epoch <= :epoch' }
      const putRow = (epoch: number, more = {}) =>
        table.send(
          new PutCommand({
            TableName: 'lanes',
            Item: { ...key, epoch, nothing: undefined },
            ...condition,
            ExpressionAttributeValues: { ':epoch': epoch },
            ...more,
          }),
        )
      expect(await outcome(putRow(2))).toBe('done')
      const refused = await putRow(1, { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }).catch(
        (error: unknown) => error,
      )
      expect(refused).toBeInstanceOf(ConditionalCheckFailedException)
      expect(refused).toMatchObject({ Item: { epoch: 2 } })
      const { Item = {} } = await table.send(new GetCommand({ TableName: 'lanes', Key: key, ConsistentRead: true }))
      expect(Object.keys(Item).sort()).toEqual(['epoch', 'lane', 'row'])
      Item['epoch'] = 99
      expect(world.tables.item('lanes', key)).toEqual({ ...key, epoch: 2 })
      const update = (text: string, values: Record<string, unknown>) =>
        table.send(
          new UpdateCommand({
            TableName: 'lanes',
            Key: key,
            UpdateExpression: text,
            ExpressionAttributeValues: values,
            ReturnValues: 'UPDATED_NEW',
          }),
        )
      expect(await update('SET epoch = epoch + :one', { ':one': 1 })).toMatchObject({ Attributes: { epoch: 3 } })
      for (const [text, values] of [
        ['SET epoch = :one', { ':one': 1, ':unused': 2 }],
        ['SET epoch = :one', {}],
        ['SET lane = :one', { ':one': '2' }],
        ['SET epoch :one', { ':one': 1 }],
      ] as const)
        expect(await outcome(update(text, values))).toBe('ValidationException')
      expect(await outcome(table.send(new GetCommand({ TableName: 'nowhere', Key: key })))).toBe(
        'ResourceNotFoundException',
      )
      expect(await outcome(table.send(new GetCommand({ TableName: 'lanes', Key: { lane: '1' } })))).toBe(
        'ValidationException',
      )
    })
  })

  test('change all items of a transaction or none, and say why', async () => {
    await direct(async world => {
      const { table } = clients()
      const changes: number[] = []
      world.tables.watch(each => changes.push(each.length))
      const row = (name: string) => ({ lane: '1', row: name })
      const transact = (names: readonly string[]) =>
        table.send(
          new TransactWriteCommand({
            TransactItems: names.map(name => ({
              Put: { TableName: 'lanes', Item: row(name), ConditionExpression: 'attribute_not_exists(lane)' },
            })),
          }),
        )
      await transact(['a', 'b'])
      const refused = await transact(['c', 'b']).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(TransactionCanceledException)
      expect(refused).toMatchObject({ CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }] })
      expect(world.tables.items('lanes').length).toBe(2)
      expect(await outcome(transact(['d', 'd']))).toBe('ValidationException')
      await table.send(
        new TransactWriteCommand({
          TransactItems: [
            { ConditionCheck: { TableName: 'lanes', Key: row('a'), ConditionExpression: 'attribute_exists(lane)' } },
            { Delete: { TableName: 'lanes', Key: row('b') } },
          ],
        }),
      )
      expect(world.tables.items('lanes')).toEqual([row('a')])
      expect(changes).toEqual([2, 1])
    })
  })

  test('answer queries page by page, of the table and of its indexes', async () => {
    await direct(async world => {
      const { table } = clients()
      for (let at = 0; at < 9; at++)
        world.tables.set(
          'orders',
          { account_id: 1, order_id: `o${at}` },
          {
            account_id: 1,
            order_id: `o${at}`,
            order_state: at % 2 === 0 ? 'open' : 'filled',
            ...(at % 2 === 0 ? { open_account_id: 1 } : {}),
          },
        )
      const found: string[] = []
      let from: Record<string, unknown> | undefined
      do {
        const page = await table.send(
          new QueryCommand({
            TableName: 'orders',
            KeyConditionExpression: '#p = :p AND order_id BETWEEN :from AND :to',
            FilterExpression: 'order_state = :state',
            ExpressionAttributeNames: { '#p': 'account_id' },
            ExpressionAttributeValues: { ':p': 1, ':from': 'o2', ':to': 'o8', ':state': 'open' },
            ScanIndexForward: false,
            Limit: 2,
            ...(from === undefined ? {} : { ExclusiveStartKey: from }),
          }),
        )
        found.push(...(page.Items ?? []).map(item => String(item['order_id'])))
        from = page.LastEvaluatedKey
      } while (from !== undefined)
      expect(found).toEqual(['o8', 'o6', 'o4', 'o2'])
      const { Items = [] } = await table.send(
        new QueryCommand({
          TableName: 'orders',
          IndexName: 'open-orders',
          KeyConditionExpression: 'open_account_id = :p',
          ExpressionAttributeValues: { ':p': 1 },
        }),
      )
      expect(Items.length).toBe(5)
    })
  })
})

describe('streams and objects', () => {
  test('are read in order from any position, until the iterator is too old', async () => {
    await direct(
      async world => {
        const { stream } = clients()
        for (let at = 0; at < 10; at++) await put(`${at}`)
        await wait(100)
        const numbers = world.orders(1).records.map(record => record.sequenceNumber)
        expect(numbers.every(number => /^\d{56}$/.test(number))).toBe(true)
        expect(numbers).toEqual([...numbers].sort())
        const iterator = async (
          type: 'TRIM_HORIZON' | 'LATEST' | 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER',
          from?: string,
        ) => {
          const { ShardIterator } = await stream.send(
            new GetShardIteratorCommand({
              StreamName: 'orders-1',
              ShardId: 'shardId-000000000000',
              ShardIteratorType: type,
              ...(from === undefined ? {} : { StartingSequenceNumber: from }),
            }),
          )
          return ShardIterator
        }
        const read = async (from: string | undefined) => {
          let at = from
          let text = ''
          for (;;) {
            const answer = await stream.send(new GetRecordsCommand({ ShardIterator: at, Limit: 3 }))
            for (const { Data } of answer.Records ?? []) text += Buffer.from(Data ?? []).toString()
            at = answer.NextShardIterator
            if (answer.MillisBehindLatest === 0) return text
          }
        }
        expect(await read(await iterator('TRIM_HORIZON'))).toBe('0123456789')
        expect(await read(await iterator('LATEST'))).toBe('')
        expect(await read(await iterator('AT_SEQUENCE_NUMBER', numbers[7]))).toBe('789')
        expect(await read(await iterator('AFTER_SEQUENCE_NUMBER', numbers[7]))).toBe('89')
        const old = await iterator('TRIM_HORIZON')
        await wait(300_000)
        await expect(read(old)).rejects.toBeInstanceOf(ExpiredIteratorException)
      },
      { stream: { mostRecords: 4 } },
    )
  })

  test('keep an object under its name once, and list names in pages', async () => {
    await direct(async () => {
      const { objects } = clients()
      const store = (Key: string) =>
        objects.send(new PutObjectCommand({ Bucket: 'b', Key, Body: bytes(Key), IfNoneMatch: '*' }))
      await store('a/1')
      await store('a/2')
      await store('b/1')
      const refused = await store('a/1').catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(S3ServiceException)
      expect(told(refused)).toBe('PreconditionFailed')
      const { Contents = [], NextContinuationToken } = await objects.send(
        new ListObjectsV2Command({ Bucket: 'b', Prefix: 'a/', MaxKeys: 1 }),
      )
      expect([Contents.map(({ Key }) => Key), NextContinuationToken]).toEqual([['a/1'], 'a/1'])
      const { Body } = await objects.send(new GetObjectCommand({ Bucket: 'b', Key: 'a/2' }))
      expect(Buffer.from((await Body?.transformToByteArray()) ?? []).toString()).toBe('a/2')
      expect(await outcome(objects.send(new GetObjectCommand({ Bucket: 'b', Key: 'c' })))).toBe('NoSuchKey')
    })
  })
})

describe('faults', () => {
  const always = (fault: (typeof callFaults)[number]): FaultRates => ({ [fault]: 1 })
  const asClient = async (world: World, main: () => Promise<unknown>) => {
    let answer = ''
    const client = world.spawn({ name: 'client', kind: 'client' }, async () => {
      answer = await outcome(main())
    })
    await client.ended
    return answer
  }

  test.each([
    ['throttled', 'ProvisionedThroughputExceededException', 0, 0],
    ['failed', /InternalFailure|Error/, 0, 0],
    ['answer-lost', /InternalFailure|Error/, 1, 1],
    ['slow', 'done', 1, 1],
    ['done-twice', 'done', 2, 2],
    ['done-late', 'Error', 0, 1],
  ] as const)(
    '%s: a put ends with %s, with %i written by then and %i in the end',
    async (fault, ending, now, later) => {
      await direct(
        async world => {
          expect(await asClient(world, () => put('x'))).toMatch(ending)
          expect(world.orders(1).records.length).toBe(now)
          await wait(20_000)
          expect(world.orders(1).records.length).toBe(later)
          expect(world.faults.counts.of(fault, 'client PutRecord orders-1')).toBe(1)
        },
        { rates: always(fault) },
      )
    },
  )

  test('unanswered: until the caller has had enough, or the connection is found broken', async () => {
    await direct(
      async world => {
        const startedMillis = world.scheduler.nowMillis
        expect(await asClient(world, () => put('x', AbortSignal.timeout(500)))).toBe('AbortError')
        expect(world.scheduler.nowMillis - startedMillis).toBeLessThan(510)
        expect(await asClient(world, () => put('x'))).toBe('Error')
        expect(world.scheduler.nowMillis - startedMillis).toBeGreaterThan(1_000)
        const controller = new AbortController()
        world.after(10, () => controller.abort())
        expect(await asClient(world, () => put('x', controller.signal))).toBe('AbortError')
      },
      { rates: always('unanswered') },
    )
  })

  test('a conditional write that is done twice finds its own condition broken, a transaction does not', async () => {
    await direct(
      async world => {
        const { table } = clients()
        const Item = { lane: '1', row: 'x' }
        const write = { TableName: 'lanes', Item, ConditionExpression: 'attribute_not_exists(lane)' }
        expect(await asClient(world, () => table.send(new PutCommand(write)))).toBe('ConditionalCheckFailedException')
        expect(world.tables.items('lanes')).toEqual([Item])
        const other = { ...write, Item: { ...Item, row: 'y' } }
        const transaction = () => table.send(new TransactWriteCommand({ TransactItems: [{ Put: other }] }))
        expect(await asClient(world, transaction)).toBe('done')
      },
      { rates: always('done-twice') },
    )
  })

  test('damage what is stored, and stop when they are told to', async () => {
    for (const fault of ['stored-flipped', 'stored-cut', 'stored-altered', 'read-damaged', 'disk-full'] as const)
      await direct(
        async world => {
          const { objects } = clients()
          const body = JSON.stringify({ number: 123, text: 'seven' })
          const store = (Key: string) => objects.send(new PutObjectCommand({ Bucket: 'b', Key, Body: bytes(body) }))
          const load = async (Key: string) => {
            const { Body } = await objects.send(new GetObjectCommand({ Bucket: 'b', Key }))
            return Buffer.from((await Body?.transformToByteArray()) ?? []).toString('latin1')
          }
          let read = ''
          const ending = await asClient(world, async () => {
            await store('1/snapshots/x')
            read = await load('1/snapshots/x')
          })
          if (fault === 'disk-full') expect(ending).toBe('InsufficientStorage')
          else expect(read).not.toBe(body)
          if (fault === 'stored-altered') expect(JSON.parse(read).text).toBe('seven')
          world.calm()
          await asClient(world, async () => {
            await store('1/snapshots/y')
            read = await load('1/snapshots/y')
          })
          expect(read).toBe(body)
          expect(world.faults.counts.total()).toBe(1)
        },
        { rates: always(fault) },
      )
  })

  test('of deliveries: each record reaches the function all the same, in order, unless it was skipped', async () => {
    const rates: FaultRates = {
      'delivery-repeated': 0.2,
      'delivery-abandoned': 0.2,
      'delivery-frozen': 0.2,
      'delivery-killed': 0.2,
      'delivery-cold': 0.2,
    }
    const counts = new Map<string, number>()
    for (let seed = 1; seed <= 30; seed++)
      await direct(
        async world => {
          const done: string[] = []
          const mapping = world.mapping({
            name: 'function',
            stream: world.orders(1),
            mostRecords: 5,
            makeHandler: () => async records => {
              for (const { sequenceNumber, data } of records) {
                await wait(3)
                if (data[0] === 48 && world.random.chance(0.3))
                  throw Object.assign(new Error('not now'), { sequenceNumber })
                done.push(sequenceNumber)
              }
            },
          })
          for (let at = 0; at < 60; at++) world.orders(1).append(bytes(String(at % 7)), undefined)
          await wait(2_000)
          world.calm()
          while (!mapping.isCaughtUp) await wait(100)
          const wanted = world.orders(1).records.map(record => record.sequenceNumber)
          expect([...new Set(done)].sort()).toEqual(wanted)
          for (const [fault, steps] of world.faults.counts.hits)
            for (const times of steps.values()) counts.set(fault, (counts.get(fault) ?? 0) + times)
        },
        { seed, rates },
      )
    expect([...counts.keys()].sort()).toEqual(Object.keys(rates).sort())
  })

  test('of deliveries: what is skipped is not delivered', async () => {
    await direct(
      async world => {
        let delivered = 0
        const mapping = world.mapping({
          name: 'function',
          stream: world.orders(1),
          makeHandler: () => async records => {
            delivered += records.length
          },
        })
        world.orders(1).append(bytes('x'), undefined)
        await wait(1_000)
        expect([mapping.isCaughtUp, delivered]).toEqual([true, 0])
      },
      { rates: { 'delivery-skipped': 1 } },
    )
  })
})

test('the same seed gives the same trace, another seed another one', async () => {
  const rates: FaultRates = Object.fromEntries(callFaults.map(fault => [fault, 0.05]))
  const trace = (seed: number) =>
    direct(
      async world => {
        for (let at = 0; at < 5; at++)
          world.spawn({ name: `client-${at}`, kind: 'client', clockRate: 1 + at / 100 }, async () => {
            for (;;) {
              await outcome(put(`${Math.random()} ${v7()}`, AbortSignal.timeout(50 + at)))
              await wait(Math.random() * 20)
              await outcome(
                clients().table.send(
                  new PutCommand({ TableName: 'lanes', Item: { lane: '1', row: `${performance.now()}`.slice(-3) } }),
                ),
              )
            }
          })
        world.after(500, () => world.freeze(world.scheduler.all[1] ?? (world.scheduler.all[0] as never), 300))
        await wait(3_000)
        return [world.scheduler.traceHash, world.scheduler.events, world.faults.counts.total()] as const
      },
      { seed, rates },
    )
  const [first, second, other] = [await trace(5), await trace(5), await trace(6)]
  expect(second).toEqual(first)
  expect(other[0]).not.toBe(first[0])
  expect(first[2]).toBeGreaterThan(20)
})

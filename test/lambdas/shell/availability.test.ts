import { createServer, type Socket } from 'node:net'
import {
  ThrottlingException,
  TransactionCanceledException,
  TransactionConflictException,
} from '@aws-sdk/client-dynamodb'
import {
  InvalidArgumentException,
  KinesisClient,
  ProvisionedThroughputExceededException,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis'
import { expect, test } from '@jest/globals'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { isContended, isUnavailable } from '#lambdas/shell/availability.ts'

test('throttling is', () => {
  expect(isUnavailable(new ThrottlingException({ message: 'slow down', $metadata: {} }))).toBe(true)
  expect(isUnavailable(new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} }))).toBe(true)
})

test('a refused connection is, also as a cause', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise(resolve => server.close(resolve))
  const error = await fetch(`http://127.0.0.1:${port}`).then(
    () => undefined,
    (failure: unknown) => failure,
  )
  expect(isUnavailable(error)).toBe(true)
  expect(isUnavailable(new Error('outer', { cause: error }))).toBe(true)
})

test('a stream that takes a connection and never answers is, whoever gives it up', async () => {
  const sockets: Socket[] = []
  const server = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const put = (requestTimeout: number, abortSignal: AbortSignal) =>
    new KinesisClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
      requestHandler: new NodeHttpHandler({ requestTimeout, throwOnRequestTimeout: true }),
    })
      .send(new PutRecordCommand({ StreamName: 'orders', PartitionKey: '0', Data: new Uint8Array(1) }), { abortSignal })
      .catch((error: unknown) => error)
  try {
    const [aborted, timedOut] = [await put(60_000, AbortSignal.timeout(50)), await put(50, AbortSignal.timeout(60_000))]
    expect([aborted, timedOut]).toMatchObject([{ name: 'AbortError' }, { name: 'TimeoutError' }])
    expect([aborted, timedOut].map(isUnavailable)).toEqual([true, true])
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => server.close(resolve))
  }
})

test('a server fault is, a client fault and an error of ours are not', () => {
  expect(isUnavailable(Object.assign(new Error('oops'), { $fault: 'server' }))).toBe(true)
  expect(isUnavailable(new InvalidArgumentException({ message: 'wrong', $metadata: {} }))).toBe(false)
  expect(isUnavailable(new TypeError('x is not a function'))).toBe(false)
  expect(isUnavailable('ECONNREFUSED')).toBe(false)
})

test('what another transaction was in the way of is contended, what was throttled or ill-formed is not', () => {
  const cancelled = (...codes: readonly string[]) =>
    new TransactionCanceledException({
      message: 'cancelled',
      CancellationReasons: codes.map(Code => ({ Code })),
      $metadata: {},
    })
  expect(isContended(new TransactionConflictException({ message: 'in the way', $metadata: {} }))).toBe(true)
  expect(isContended(cancelled('None', 'TransactionConflict'))).toBe(true)
  expect(isContended(cancelled('ThrottlingError'))).toBe(false)
  expect(isContended(new TransactionCanceledException({ message: 'cancelled', $metadata: {} }))).toBe(false)
  expect(isContended('TransactionConflictException')).toBe(false)
})

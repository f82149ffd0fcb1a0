import { createServer } from 'node:net'
import { ThrottlingException } from '@aws-sdk/client-dynamodb'
import { InvalidArgumentException, ProvisionedThroughputExceededException } from '@aws-sdk/client-kinesis'
import { expect, test } from '@jest/globals'
import { isUnavailable } from '#lambdas/shell/availability.ts'

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

test('a server fault is, a client fault and an error of ours are not', () => {
  expect(isUnavailable(Object.assign(new Error('oops'), { $fault: 'server' }))).toBe(true)
  expect(isUnavailable(new InvalidArgumentException({ message: 'wrong', $metadata: {} }))).toBe(false)
  expect(isUnavailable(new TypeError('x is not a function'))).toBe(false)
  expect(isUnavailable('ECONNREFUSED')).toBe(false)
})

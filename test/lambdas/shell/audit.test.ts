import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import type { AuditTold } from '#protocol/audit.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import type { ProblemCode } from '#protocol/problems.ts'
import { type Given, proxyEvent } from '#test/support/http-requests.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'INFO'
process.env['POWERTOOLS_DEV'] = 'true'
const { auditAnswer, auditRefusedCredential, noteActor } = await import('#lambdas/shell/audit.ts')
const { auditLine } = await import('#protocol/audit.ts')

const told: AuditTold[] = []
beforeEach(() => {
  told.length = 0
  jest.spyOn(console, 'info').mockImplementation(text => {
    told.push(auditLine.parse(JSON.parse(String(text))).audit)
  })
})
afterEach(() => {
  jest.restoreAllMocks()
})

const answer = (name: string, status: number, given: Given = {}, code?: ProblemCode): void => {
  const operation = tradingOperations.find(each => each.name === name)
  if (operation === undefined) throw new Error(name)
  auditAnswer(proxyEvent(operation.method, operation.path, given), operation, { status, code })
}

describe('what is remembered of an answer', () => {
  test('mutating calls, whatever came of them', () => {
    const body = { amount: '1' }
    for (const status of [202, 409, 422, 500, 503]) answer('place-order', status, { body })
    expect(told.map(({ status }) => status)).toEqual([202, 409, 422, 500, 503])
    expect(told[0]).toMatchObject({
      account: 'acme',
      role: 'trader',
      credential: 'acme',
      address: '127.0.0.1',
      operation: 'place-order',
      method: 'POST',
      path: '/api/v1/orders',
      body_sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex'),
    })
  })

  test('of reads only refusals, and objects that are not there or not the caller’s', () => {
    answer('list-orders', 200)
    answer('get-order', 200, { path: { order_id: 'x' } })
    answer('list-orders', 404)
    answer('list-orders', 400)
    answer('get-order', 404, { path: { order_id: 'x' }, as: null })
    expect(told).toEqual([])
    answer('list-orders', 403, {}, 'forbidden')
    answer('list-orders', 401, { as: null }, 'unauthorized')
    answer('get-order', 404, { path: { order_id: 'x' } }, 'not-found')
    expect(told.map(({ account, status, code }) => [account, status, code])).toEqual([
      ['acme', 403, 'forbidden'],
      [null, 401, 'unauthorized'],
      ['acme', 404, 'not-found'],
    ])
  })

  test('numbered without a gap, by a name that no client can choose', () => {
    for (let count = 0; count < 3; count++) answer('place-order', 202)
    const [first = 0, ...others] = told.map(({ line }) => line)
    expect(others).toEqual([first + 1, first + 2])
    expect(new Set(told.map(({ teller }) => teller)).size).toBe(1)
  })

  test('no body and no token, and of what a stranger chose no more than so much', () => {
    answer('cancel-order', 404, {
      path: { order_id: '\ud800'.repeat(10_000) },
      headers: { Authorization: 'Bearer secret-token' },
      body: { password: 'secret-body' },
    })
    const [record] = told
    expect(record?.path).toHaveLength(256)
    expect(record?.path?.isWellFormed()).toBe(true)
    expect(JSON.stringify(told)).not.toMatch(/secret/)
  })

  test('the actor is who the shell has made out', () => {
    const operation = tradingOperations[0]
    const event = proxyEvent('POST', '/api/v1/orders', {})
    noteActor(event, { account: 'bob', role: 'service', credential: 'key:1', permissions: [], address: '10.0.0.1' })
    auditAnswer(event, operation, { status: 202, code: undefined })
    expect(told[0]).toMatchObject({ account: 'bob', role: 'service', credential: 'key:1' })
  })

  test('a refused credential is told without whose it claims to be', () => {
    const { requestContext, ...event } = proxyEvent('GET', '/api/v1/orders', {})
    const refused: APIGatewayRequestAuthorizerEvent = {
      ...event,
      type: 'REQUEST',
      methodArn: 'arn',
      headers: { authorization: 'Bearer secret-token' },
      requestContext: { ...requestContext, authorizer: undefined },
    }
    auditRefusedCredential(refused)
    expect(told[0]).toMatchObject({
      account: null,
      credential: null,
      operation: null,
      status: 401,
      path: '/api/v1/orders',
    })
    expect(JSON.stringify(told)).not.toMatch(/secret/)
  })
})

import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { pascalCase } from '#protocol/functions.ts'
import type { Json } from '#protocol/json.ts'
import { codesOf, openapiDocument } from '#protocol/openapi.ts'
import { weightOf } from '#protocol/operation.ts'
import {
  account,
  accountSummary,
  collateralHolding,
  deposit,
  ledgerEntry,
  position,
  withdrawal,
} from '#protocol/operations/ledger.ts'
import { book, candle, market, marketTrade, marketWindow, ticker } from '#protocol/operations/reference.ts'
import { operations } from '#protocol/operations/registry.ts'
import { apiKey } from '#protocol/operations/security.ts'
import { cancellation, order, trade } from '#protocol/operations/trading.ts'
import { problems } from '#protocol/problems.ts'

const document = openapiDocument()
const told = (method: string, path: string) => {
  const operation = document.paths[path]?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`the document lacks ${method} ${path}`)
  return operation
}

/** Every value under the key, wherever in the document. */
const under = (key: string, value: Json): readonly Json[] => {
  if (Array.isArray(value)) return value.flatMap((each: Json) => under(key, each))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [...(name === key ? [inner] : []), ...under(key, inner)])
}
const plain: Json = JSON.parse(JSON.stringify(document))

describe('the document', () => {
  test('is OpenAPI 3.1, and the same each time', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(JSON.stringify(openapiDocument())).toBe(JSON.stringify(document))
  })

  test('has every operation, by its own name, and no other', () => {
    const names = Object.values(document.paths).flatMap(methods => Object.values(methods).map(each => each.operationId))
    expect([...names].sort()).toEqual(operations.map(({ name }) => name).sort())
    for (const { name, method, path, context } of operations)
      expect(told(method, path)).toMatchObject({ operationId: name, tags: [context] })
  })

  test('resolves every reference', () => {
    const references = under('$ref', plain)
    expect(references.length).toBeGreaterThan(50)
    const known = (['schemas', 'headers'] as const).flatMap(part =>
      Object.keys(document.components[part]).map(name => `#/components/${part}/${name}`),
    )
    expect(references.filter(reference => !known.includes(String(reference)))).toEqual([])
    expect(under('$defs', plain)).toEqual([])
    expect(under('$schema', plain)).toEqual([])
  })

  test('asks for a token wherever an account is concerned', () => {
    for (const { method, path, permission } of operations)
      expect(told(method, path).security).toEqual(permission === 'public' ? [] : [{ bearer: [] }])
    expect(document.components.securitySchemes['bearer']).toMatchObject({ type: 'http', scheme: 'bearer' })
  })

  test('tells what each operation takes of its credential’s rate, and how it stands with every answer', () => {
    const standing = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']
    for (const operation of operations) {
      const { method, path } = operation
      expect([path, told(method, path)['x-rate-limit-weight']]).toEqual([path, weightOf(operation)])
      const limited = weightOf(operation) !== undefined
      for (const answer of Object.values(told(method, path).responses))
        expect(Object.keys(answer.headers ?? {}).filter(name => standing.includes(name))).toEqual(
          limited ? standing : [],
        )
      expect(codesOf(operation).includes('rate-limited')).toBe(limited)
      if (limited) expect(told(method, path).responses['429']?.headers).toHaveProperty('retry-after')
    }
    expect(told('DELETE', '/api/v1/orders/{order_id}')['x-rate-limit-weight']).toBe(0.1)
  })

  test('declares each parameter of a path, and of a query', () => {
    for (const { method, path } of operations) {
      const parameters = told(method, path).parameters ?? []
      const inPath = parameters.filter(parameter => parameter.in === 'path')
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(inPath.every(({ required }) => required)).toBe(true)
    }
    const query = told('GET', '/api/v1/orders').parameters?.filter(parameter => parameter.in === 'query')
    expect(query).toMatchObject([
      { name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 500 } },
      { name: 'cursor', required: false },
      { name: 'instrument_name', required: false },
      { name: 'order_state', schema: { enum: ['untriggered', 'open', 'filled', 'rejected', 'cancelled', 'closed'] } },
      { name: 'direction', schema: { enum: ['buy', 'sell'] } },
      { name: 'label', required: false },
      { name: 'lane', required: false },
    ])
  })

  test('asks for no parameter that an operation reads without', () => {
    for (const { method, path, request } of operations) {
      if (request.query === undefined || !request.query.safeParse({}).success) continue
      const inQuery = (told(method, path).parameters ?? []).filter(parameter => parameter.in === 'query')
      expect(inQuery.filter(({ required }) => required).map(({ name }) => `${path} ${name}`)).toEqual([])
    }
  })

  test('tells whoever writes how to name the request and to wait', () => {
    for (const { method, path, idempotency, responses } of operations.filter(each => each.method !== 'GET')) {
      const headers = (told(method, path).parameters ?? []).filter(parameter => parameter.in === 'header')
      if (idempotency === 'none') {
        expect(headers).toEqual([])
        continue
      }
      // Whoever can answer either way waits where it is asked to.
      const mayWait = responses[200] !== undefined && responses[202] !== undefined
      expect(headers).toMatchObject([
        { name: 'Idempotency-Key', required: idempotency === 'header' },
        ...(mayWait ? [{ name: 'Prefer', required: false }] : []),
      ])
    }
  })

  test('lists under its status every code with which an operation says no', () => {
    for (const operation of operations) {
      const { responses } = told(operation.method, operation.path)
      for (const code of codesOf(operation)) {
        const status = String(problems[code].status)
        if (operation.responses[Number(status)] !== undefined) continue
        const content = responses[status]?.content?.['application/problem+json']
        expect(under('enum', content ?? null).flat()).toContain(code)
      }
    }
  })
})

describe('examples', () => {
  const examplesOf = (name: string): readonly Json[] => {
    const found = document.components.schemas[name]?.['examples']
    return Array.isArray(found) ? found : []
  }

  test('are requests that the schemas take', () => {
    for (const { name, request } of operations) {
      if (request.body === undefined) continue
      const examples = examplesOf(`${pascalCase(name)}Request`)
      expect([name, examples.length]).toEqual([name, 1])
      for (const example of examples) expect([name, request.body.safeParse(example).success]).toEqual([name, true])
    }
  })

  test('are answers that the schemas give, to the last field', () => {
    const answers: Readonly<Record<string, z.ZodType>> = {
      Order: order,
      Trade: trade,
      Cancellation: cancellation,
      Market: market,
      Book: book,
      MarketTrade: marketTrade,
      Ticker: ticker,
      Candle: candle,
      MarketWindow: marketWindow,
      Account: account,
      Deposit: deposit,
      AccountSummary: accountSummary,
      CollateralHolding: collateralHolding,
      LedgerEntry: ledgerEntry,
      Withdrawal: withdrawal,
      Position: position,
      ApiKey: apiKey,
    }
    for (const [name, schema] of Object.entries(answers)) {
      const [example] = examplesOf(name)
      expect(schema.parse(example)).toEqual(example)
    }
  })

  test('of problems carry the status under which they stand', () => {
    for (const { method, path } of operations)
      for (const [status, { content }] of Object.entries(told(method, path).responses)) {
        const examples = content?.['application/problem+json']?.['examples']
        for (const code of under('status', examples ?? null)) expect(String(code)).toBe(status)
      }
    expect(
      z.url().safeParse(`https://exchange.example${String(under('type', examplesOf('Problem')[0] ?? null)[0])}`)
        .success,
    ).toBe(true)
  })
})

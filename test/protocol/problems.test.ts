import { readFileSync, writeFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { rejectionCodes } from '#domain/outcome.ts'
import { documentationPage } from '#protocol/documentation.ts'
import { errorsPage } from '#protocol/error-catalogue.ts'
import { operations } from '#protocol/operations/registry.ts'
import { fixes } from '#protocol/problem-fixes.ts'
import { problemDocument, problems, sharedCodes } from '#protocol/problems.ts'

const kinds = Object.entries(problems)

test('every code is a name, and every problem says what it is and what to do', () => {
  expect(Object.keys(fixes)).toEqual(Object.keys(problems))
  for (const [code, { status, title }] of kinds) {
    expect(code).toMatch(/^[a-z]+(?:-[a-z]+)*$/)
    expect([code, status >= 400 && STATUS_CODES[status] !== undefined]).toEqual([code, true])
    expect([code, title.trim() !== '']).toEqual([code, true])
  }
  for (const [code, fix] of Object.entries(fixes)) expect([code, fix.trim() !== '']).toEqual([code, true])
})

test('every code of a decision has its problem', () => {
  expect(rejectionCodes.filter(code => problems[code] === undefined)).toEqual([])
  expect(new Set(rejectionCodes).size).toBe(rejectionCodes.length)
})

test('what is our fault may be tried again, and what is not is nobody’s 5xx', () => {
  for (const [code, { status, retry }] of kinds) if (status >= 500) expect([code, retry]).toEqual([code, true])
  for (const code of rejectionCodes) expect([code, problems[code].status < 500]).toEqual([code, true])
})

test('a document carries its code, its request and no more than it knows', () => {
  expect(problemDocument('price-off-tick', 'r1')).toEqual({
    type: '/docs#price-off-tick',
    title: 'The price is not a multiple of the tick size',
    status: 422,
    code: 'price-off-tick',
    request_id: 'r1',
    retry: false,
  })
  const errors = [{ pointer: '#/price', detail: 'must be a multiple of 0.05' }]
  expect(problemDocument('price-off-tick', 'r1', { detail: 'No.', errors })).toMatchObject({ detail: 'No.', errors })
})

test('type leads to an anchor of the documentation page', () => {
  const page = documentationPage()
  for (const [code] of kinds) expect([code, page.includes(`<tr id="${code}">`)]).toEqual([code, true])
})

test('what every operation shares is not declared again', () => {
  const shared: ReadonlySet<string> = new Set(sharedCodes)
  const twice = operations.flatMap(({ name, rejections }) =>
    rejections.filter(code => shared.has(code) && code !== 'dependency-unavailable').map(code => `${name}: ${code}`),
  )
  expect(twice).toEqual([])
})

test('docs/errors.md tells each code, as it is', () => {
  const file = join(import.meta.dirname, '../../docs/errors.md')
  const page = errorsPage()
  // `WRITE_SCHEMAS=1 npm test -- test/protocol/problems.test.ts` writes it anew.
  if (process.env['WRITE_SCHEMAS'] === '1') writeFileSync(file, page)
  expect(readFileSync(file, 'utf8')).toBe(page)
  for (const [code] of kinds) expect([code, page.split(`\n## ${code}\n`).length]).toEqual([code, 2])
})

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { documentationPage } from '#protocol/documentation.ts'
import { platformOperations } from '#protocol/operations/platform.ts'
import { bundledPlatform } from '#test/support/bundled-platform.ts'
import { requests } from '#test/support/http-requests.ts'

let platform: Awaited<ReturnType<typeof bundledPlatform>>

beforeAll(async () => {
  platform = await bundledPlatform()
})
afterAll(() => platform.remove())

test('is the page that was written when the function was bundled, and runs no script', async () => {
  const answer = await requests(platform.handler, platformOperations)('documentation', { as: null })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
  expect(answer.text).toBe(documentationPage())
})

import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openapiDocument } from '#protocol/openapi.ts'
import { platformOperations } from '#protocol/operations/platform.ts'
import { bundledPlatform } from '#test/support/bundled-platform.ts'
import { requests } from '#test/support/http-requests.ts'

let platform: Awaited<ReturnType<typeof bundledPlatform>>

beforeAll(async () => {
  platform = await bundledPlatform()
})
afterAll(() => platform.remove())

test('is the document that was written when the function was bundled', async () => {
  const answer = await requests(platform.handler, platformOperations)('openapi', { as: null })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('application/json')
  expect(answer.headers['cache-control']).toBe('public, max-age=300')
  expect(answer.body).toEqual(JSON.parse(JSON.stringify(openapiDocument())))
})

import { expect, test } from '@jest/globals'
import { platformOperations } from '#protocol/operations/platform.ts'
import { requests } from '#test/support/http-requests.ts'

const { handler } = await import('#lambdas/platform/http.ts')

test('answers anybody, and asks nobody', async () => {
  expect(await requests(handler, platformOperations)('health', { as: null })).toMatchObject({
    status: 200,
    body: { healthy: true },
  })
})

import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { accept, reject } from '#domain/outcome.ts'
import { lambdaContext } from '#test/support/http-requests.ts'

const { serveTask } = await import('#lambdas/shell/task.ts')
const input = z.object({ account: z.string() })

describe('a step of a workflow', () => {
  test('ends with what it accepts', async () => {
    const handler = serveTask(input, async ({ account }) => accept({ length: account.length }))
    expect(await handler({ account: 'acme', more: 1 }, lambdaContext)).toEqual({ length: 4 })
  })

  test('turns a rejection into an error of that name, for the workflow to catch', async () => {
    const handler = serveTask(input, async () => reject('account-limit', 'no room'))
    await expect(handler({ account: 'acme' }, lambdaContext)).rejects.toMatchObject({
      name: 'account-limit',
      message: 'no room',
    })
  })

  test('lets what is thrown, and what it cannot read, be tried again', async () => {
    const handler = serveTask(input, async () => {
      throw new TypeError('why')
    })
    await expect(handler({ account: 'acme' }, lambdaContext)).rejects.toMatchObject({ name: 'TypeError' })
    await expect(handler({}, lambdaContext)).rejects.toMatchObject({ name: 'ZodError' })
  })
})

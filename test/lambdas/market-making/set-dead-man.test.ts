import { beforeEach, describe, expect, test } from '@jest/globals'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/market-making/http.ts')
const send = requests(handler, marketMakingOperations)

beforeEach(() => floor.reset())

const set = (timeout_ms: number) => send('set-dead-man', { body: { timeout_ms } })

describe('a dead-man timer', () => {
  test.each([0, 1_000, 3_600_000])('of %i ms is set by a command', async timeoutMillis => {
    const { status, body } = await set(timeoutMillis)
    expect(status).toBe(202)
    expect(floor.put()).toEqual([{ type: 'set-dead-man', commandId: body['command_id'], accountId: 7, timeoutMillis }])
  })

  test.each([-1, 1, 999, 3_600_001, 1.5])('of %d ms is refused', async timeoutMillis => {
    expect((await set(timeoutMillis)).status).toBe(400)
    expect(floor.put()).toEqual([])
  })
})

import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'watch', role: 'risk_manager' } as const

beforeEach(() => floor.reset())

const set = (body: object) => send('set-limit-scaling', { as, body })
const get = (query: Readonly<Record<string, string>> = {}) => send('get-limit-scaling', { as, query })

test('what is not named stays, and an underlying may have its own rule', async () => {
  expect((await get()).body).toMatchObject({ version: 0, underlying: null, floor_ppm: 200_000, ceiling_ppm: 1_000_000 })
  expect((await set({ floor_ppm: 100_000 })).body).toMatchObject({ version: 1, set_by: 'watch', floor_ppm: 100_000 })
  expect((await set({ underlying: 'H100.USE', reference_depth: '50' })).body).toMatchObject({
    underlying: 'H100.USE',
    version: 1,
    floor_ppm: 100_000,
    reference_depth: '50',
  })
  expect((await get({ underlying: 'A100.USE' })).body).toMatchObject({ underlying: null, reference_depth: '0' })
  expect((await get({ underlying: 'H100.USE' })).body).toMatchObject({ reference_depth: '50' })
})

test('a floor above the ceiling is refused', async () => {
  expect((await set({ floor_ppm: 900_000, ceiling_ppm: 800_000 })).body['code']).toBe('scale-out-of-range')
  expect((await set({ ceiling_ppm: 1_000_001 })).body['code']).toBe('invalid-request')
})

import { beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'desk', role: 'risk_manager' } as const
const set = (body: object) => send('set-liquidation-parameters', { as, body })
beforeEach(() => floor.reset())

describe('parameters of liquidation', () => {
  test('are set version by version; what is not named stays', async () => {
    expect(await set({ grace_ms: 60_000 })).toMatchObject({
      status: 200,
      body: { version: 1, set_by: 'desk', grace_ms: 60_000, collar_ppm: 50_000 },
    })
    await set({ tranche_notional: '1000.50', effective_from: new Date(Date.now() + 60_000).toISOString() })
    expect((await send('get-liquidation-parameters')).body).toMatchObject({ version: 1, tranche_notional: '250000' })
    await set({ collar_ppm: 0 })
    expect((await send('get-liquidation-parameters')).body).toMatchObject({
      version: 3,
      grace_ms: 60_000,
      collar_ppm: 0,
    })
  })

  test('a change now is in what is set for later, and neither may then contradict the other', async () => {
    const later = '2046-01-01T00:00:00.000Z'
    await set({ auction_reserve_ppm: 100_000, effective_from: later })
    await set({ grace_ms: 60_000, buffer_ppm: 200_000 })
    // Not beyond what the reserve is now, beyond what it is then.
    expect((await set({ collar_ppm: 150_000 })).body['code']).toBe('invalid-request')
    expect(await set({ collar_ppm: 40_000, effective_from: later })).toMatchObject({
      status: 200,
      body: { version: 3, grace_ms: 60_000, buffer_ppm: 200_000, auction_reserve_ppm: 100_000, collar_ppm: 40_000 },
    })
  })

  test('out of bounds, against each other or in the past are refused', async () => {
    for (const body of [
      { grace_ms: -1 },
      { buffer_ppm: 600_000 },
      { tranche_notional: '0' },
      { tranche_notional: '1.0000001' },
      { tranche_notional: '9007199255' },
      { most_dry_tries: 0 },
      { effective_from: '2020-01-01T00:00:00Z' },
      { collar_ppm: 300_000 },
      { surplus: 1 },
    ])
      expect([body, (await set(body)).body['code']]).toEqual([body, 'invalid-request'])
    expect((await send('get-liquidation-parameters')).body['version']).toBe(0)
    expect((await send('set-liquidation-parameters', { body: { grace_ms: 0 } })).status).toBe(403)
  })
})

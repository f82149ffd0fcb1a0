import { beforeEach, expect, jest, test } from '@jest/globals'
import { type ApprovalRow, getApproval, replaceApproval } from '#adapters/tables/approval-requests.ts'
import { putParameter } from '#adapters/tables/parameters.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const set = (body: object) =>
  send('set-risk-parameters', { as: { account: 'rita', role: 'risk_manager', credential: 'of rita' }, body })

beforeEach(async () => {
  floor.reset()
  const index = { kind: 'index', name: 'H100.USE', effectiveMillis: 1, version: 1, value: {} } as const
  await putParameter({ ...index, setBy: 'ines', setAtMillis: 1 })
})

const approve = (requestId: unknown, account = 'vera') =>
  send('approve-parameter-change', {
    as: { account, role: 'risk_manager', credential: `of ${account}` },
    path: { request_id: String(requestId) },
  })
const read = async (underlying: string, at = new Date(Date.now() + 1_000).toISOString()) =>
  (await send('get-risk-parameters', { query: { underlying, at } })).body

/** As far as it came. */
const approveAs = async (row: ApprovalRow): Promise<void> => {
  const approvedBy = { account: 'vera', credential: 'of vera' }
  expect(await replaceApproval({ ...row, approvedBy, approvedAtMillis: Date.now() }, row)).toBe(true)
}

test.each([
  { price_scan_ppm: 199_999 },
  { volatility_scan: '14.999999' },
  { family: 'GPU' },
  { short_option_minimum_ppm: 9_999 },
  { concentration_threshold: '5000000.01' },
  { concentration_charge_ppm: 49_999 },
  { haircut_ppm: 299_999 },
])('%j asks for less, and waits for another person', async change => {
  const { status, body } = await set({ underlying: 'H100.USE', ...change })
  expect(status).toBe(201)
  expect(body).toMatchObject({ request_state: 'awaiting_approval', requested_by: 'rita', changes: change })
  expect(await read('H100.USE')).toMatchObject({ version: 0 })
  const id = body['request_id']
  expect(await approve(id, 'rita')).toMatchObject({ status: 409, body: { code: 'second-person-required' } })
  expect(await approve(id)).toMatchObject({ status: 200, body: { request_state: 'approved', approved_by: 'vera' } })
  expect(await read('H100.USE')).toMatchObject({ version: 1, set_by: 'rita', ...change })
  // A repeat changes nothing, and nobody else approves it again.
  expect(await approve(id)).toMatchObject({ status: 200 })
  expect(await read('H100.USE')).toMatchObject({ version: 1 })
  expect(await approve(id, 'wim')).toMatchObject({ status: 409, body: { code: 'limit-request-over' } })
})

test.each([{ look_ahead_ms: 1 }, { max_age_ms: 3_600_001 }, { move_ppm: 100_001 }])(
  '%j of all waits for another person',
  async change => {
    expect(await set(change)).toMatchObject({ status: 201, body: { underlying: null } })
  },
)

test('an approval lapses with what it was asked in place of, with its instant, and with its day', async () => {
  const ask = async (more: object = {}) =>
    (await set({ underlying: 'H100.USE', price_scan_ppm: 100_000, ...more })).body['request_id']
  const first = await ask()
  await set({ underlying: 'H100.USE', price_scan_ppm: 300_000 })
  expect(await approve(first)).toMatchObject({ status: 409, body: { code: 'limits-changed' } })
  expect(await read('H100.USE')).toMatchObject({ price_scan_ppm: 300_000 })
  const [second, third] = [await ask(), await ask({ effective_from: new Date(Date.now() + 3_600_000).toISOString() })]
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_001)
  try {
    expect(await approve(third)).toMatchObject({ body: { code: 'limit-request-over' } })
    now.mockReturnValue(Date.now() + 86_400_000)
    expect(await approve(second)).toMatchObject({ body: { code: 'limit-request-over' } })
    const listed = await send('list-parameter-requests', { as: { account: 'vera', role: 'risk_manager' } })
    expect(listed.body['requests']).toHaveLength(3)
    expect(listed.body['requests']).toMatchObject([1, 2, 3].map(() => ({ request_state: 'lapsed' })))
  } finally {
    now.mockRestore()
  }
  expect(await approve('01900000-0000-7000-8000-000000000001')).toMatchObject({ status: 404 })
})

test('an approval that died before its version was put is finished by a repeat', async () => {
  const { body } = await set({ underlying: 'H100.USE', price_scan_ppm: 100_000 })
  const row = await getApproval('risk', String(body['request_id']))
  if (row === undefined) throw new Error('it was asked for')
  await approveAs(row)
  expect(await approve(row.requestId)).toMatchObject({ status: 200 })
  expect(await read('H100.USE')).toMatchObject({ version: 1, price_scan_ppm: 100_000 })
})

import { beforeEach, describe, expect, test } from '@jest/globals'
import { newestEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)

beforeEach(() => {
  office.reset()
  office.version(2, newestEngineVersion)
  office.assets(2)
  office.account('ann', { accountId: 9, lane: 2 })
})

const as = { account: 'desk', role: 'market_operator' } as const
const body = { account: 'ann', instrument_name: 'COLL-TBILL3M', action: 'deposit', amount: '2.5' }
const move = (given: object = {}, more: Readonly<Record<string, string>> = {}) =>
  send('move-collateral', { as, body, headers: { 'idempotency-key': 'k1', ...more }, ...given })

describe('collateral', () => {
  test('comes to an account, and leaves it, in lots', async () => {
    const answer = await move()
    expect(answer).toMatchObject({ status: 202, body: { operation: 'move-collateral', command_state: 'pending' } })
    const commandId = String(answer.body['command_id'])
    expect(answer.headers['location']).toBe(`/api/v1/commands/${commandId}`)
    await move({ body: { ...body, action: 'withdraw' } }, { 'idempotency-key': 'k2' })
    const moved = { accountId: 9, instrumentId: 1, quantityLots: 5 }
    expect(office.streams.put).toMatchObject([
      { lane: 2, command: { type: 'deposit-collateral', commandId, ...moved } },
      { lane: 2, command: { type: 'withdraw-collateral', ...moved } },
    ])
  })

  test('is moved, or refused by name, for whoever waits', async () => {
    office.streams.onPut(command => {
      if (command.type === 'deposit-collateral') office.outcome(command.commandId)
      if (command.type === 'withdraw-collateral')
        office.outcome(command.commandId, { accepted: false, code: 'insufficient-collateral' })
    })
    expect(await move({}, { prefer: 'wait=2' })).toMatchObject({ status: 200, body: { command_state: 'accepted' } })
    const back = { body: { ...body, action: 'withdraw' } }
    expect(await move(back, { prefer: 'wait=2', 'idempotency-key': 'k2' })).toMatchObject({
      status: 422,
      body: { code: 'insufficient-collateral' },
    })
  })
})

test('nothing is put of what is none, for whom it is nothing, or by whom it may not be', async () => {
  for (const [change, code] of [
    [{ account: 'nobody' }, 'unknown-account'],
    [{ instrument_name: 'COLL-GOLD' }, 'unknown-instrument'],
    [{ instrument_name: 'H100.USE-27NOV36' }, 'not-collateral'],
    [{ amount: '0.7' }, 'amount-off-lot'],
  ] as const)
    expect(await move({ body: { ...body, ...change } })).toMatchObject({ body: { code } })
  expect(await move({ body: { ...body, amount: '-1' } })).toMatchObject({ status: 400 })
  expect(await move({ body: { ...body, action: 'sell' } })).toMatchObject({ status: 400 })
  expect(await move({ headers: {} })).toMatchObject({ status: 400 })
  expect(await move({ as: { account: 'ann', role: 'trader' } })).toMatchObject({ status: 403 })
  office.version(2, versionOfContracts)
  expect(await move()).toMatchObject({ status: 409, body: { code: 'engine-version-needed' } })
  expect(office.streams.put).toEqual([])
})

import { ExecutionAlreadyExists, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { executionNameOf } from '#lambdas/ledger/account-opening.ts'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { requests } from '#test/support/http-requests.ts'
import { openLedgerOffice } from '#test/support/ledger-office.ts'

const office = openLedgerOffice()
const { handler } = await import('#lambdas/ledger/http.ts')
const send = requests(handler, ledgerOperations)
const open = (given: object = {}) => send('open-account', given)

beforeEach(() => office.reset())

const wait = { headers: { prefer: 'wait=2' } }
const operator = { as: { account: 'desk', role: 'market_operator' } }

describe('an account that was never opened', () => {
  test('is being opened: the credential’s own, in the tenant’s first lane', async () => {
    const answer = await open()
    expect(answer).toMatchObject({
      status: 202,
      body: { account: 'acme', lane: 1, account_state: 'opening', currency: 'USD', balance: '0' },
    })
    expect(answer.headers['location']).toBe('/api/v1/accounts/acme')
    expect(office.executions()).toEqual([
      { name: executionNameOf('acme', 1), input: { account: 'acme', lane: 1, attempt: 1, firm: 'acme' } },
    ])
    expect(executionNameOf('acme', 1)).toMatch(/^[0-9a-f]{40}-1$/)
  })

  test('is open for whoever waits', async () => {
    office.onStarted(({ account, lane, attempt }) => {
      setTimeout(() => office.account(account, { accountState: 'opening', lane, attempt }), 20)
      setTimeout(() => office.account(account, { lane, attempt }), 60)
    })
    const answer = await open({ body: { lane: 2 }, ...wait })
    expect(answer).toMatchObject({ status: 200, body: { account: 'acme', lane: 2, account_state: 'open' } })
    expect(answer.headers['preference-applied']).toBe('wait=2')
  })

  test('is refused by its code to whoever waits, or told to try again', async () => {
    office.onStarted(({ account, attempt }) =>
      office.account(account, { accountState: 'failed', failure: 'account-limit', attempt }),
    )
    expect(await open(wait)).toMatchObject({
      status: 409,
      body: { code: 'account-limit', detail: 'The lane cannot take another account.' },
    })
    office.onStarted(({ account, attempt }) =>
      office.account(account, { accountState: 'failed', failure: 'States.Timeout', attempt }),
    )
    expect(await open(wait)).toMatchObject({ status: 503, body: { code: 'dependency-unavailable' } })
  })

  test('is on its way still where waiting was not enough', async () => {
    expect(await open({ headers: { prefer: 'wait=1' } })).toMatchObject({ status: 202 })
  })
})

describe('an account that is there', () => {
  test('is told as it is where it is open, and nothing is started', async () => {
    office.account('acme', { lane: 2 })
    office.balance(7, 12_500_000)
    expect(await open()).toMatchObject({ status: 200, body: { lane: 2, account_state: 'open', balance: '12.5' } })
    expect(office.executions()).toEqual([])
  })

  test('joins the attempt that is under way', async () => {
    office.account('acme', { accountState: 'opening', attempt: 3, createdAtMillis: Date.now() - 60_000 })
    office.workflows.on(StartExecutionCommand).rejects(new ExecutionAlreadyExists({ message: 'there', $metadata: {} }))
    expect(await open()).toMatchObject({ status: 202, body: { account_state: 'opening' } })
    expect(office.executions()).toMatchObject([{ name: executionNameOf('acme', 3) }])
  })

  test('gets another attempt after one that failed, or that its workflow has left behind', async () => {
    office.account('acme', { accountState: 'failed', attempt: 1, failure: 'account-limit' })
    expect(await open()).toMatchObject({ status: 202, body: { account_state: 'opening' } })
    office.account('acme', { accountState: 'opening', attempt: 2, createdAtMillis: Date.now() - 3_600_000 })
    await open()
    expect(office.executions().map(({ input }) => input.attempt)).toEqual([2, 3])
  })
})

describe('whose account', () => {
  test('an insurance fund’s is opened by an operator, in its lane', async () => {
    const fund = { body: { account: 'insurance-fund-2' } }
    const own = { body: {}, as: { account: 'insurance-fund-2' } }
    expect(await open(own)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await open({ ...fund, ...operator })).toMatchObject({ status: 202, body: { lane: 2 } })
  })

  test('an operator may open another’s, nobody else may', async () => {
    expect(await open({ body: { account: 'ann' }, ...operator })).toMatchObject({
      status: 202,
      body: { account: 'ann' },
    })
    expect(await open({ body: { account: 'ann' } })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await open({ body: { account: 'acme' } })).toMatchObject({ status: 202 })
    expect(await open({ as: { role: 'auditor' } })).toMatchObject({ status: 403 })
    expect(office.executions().map(({ input }) => input.account)).toEqual(['ann', 'acme'])
  })

  test('a lane must be one of the tenant’s', async () => {
    expect(await open({ body: { lane: 3 } })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/lane' }] },
    })
    expect(office.executions()).toEqual([])
  })

  test('a workflow that is out of reach is told as such', async () => {
    office.workflows
      .on(StartExecutionCommand)
      .rejects(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }))
    expect(await open()).toMatchObject({ status: 503, body: { code: 'dependency-unavailable', retry: true } })
  })
})

describe('a sub-account', () => {
  const open = (account: string, given: object = {}) => send('open-account', { body: { account }, ...given })

  test('is opened by the owner of the main account, in its lane and firm', async () => {
    office.account('acme', { lane: 2, firm: 'acme' })
    expect(await open('acme.desk-1')).toMatchObject({
      status: 202,
      body: { account: 'acme.desk-1', lane: 2, firm: 'acme', held: '0' },
    })
    expect(office.executions()).toMatchObject([
      { input: { account: 'acme.desk-1', lane: 2, attempt: 1, firm: 'acme' } },
    ])
    office.account('acme.desk-1', { accountId: 8, lane: 2, firm: 'acme' })
    expect(await open('acme.desk-1')).toMatchObject({ status: 200, body: { account_state: 'open', firm: 'acme' } })
    expect(await send('get-account', { path: { account: 'acme.desk-1' } })).toMatchObject({ status: 200 })
  })

  test('is refused under another name, of no main account, or where the name is another’s', async () => {
    expect(await open('acme.desk')).toMatchObject({ status: 403, body: { code: 'account-not-open' } })
    office.account('acme', { firm: 'acme' })
    for (const account of ['acme.', 'acme.a.b', 'acme.a@b', `acme.${'x'.repeat(17)}`, 'acmedesk', 'other.desk'])
      expect([account, (await open(account)).body['code']]).toEqual([account, 'forbidden'])
    const ofAnother = { body: { account: 'acme.desk', firm: 'other' } }
    expect(await send('open-account', ofAnother)).toMatchObject({ body: { code: 'forbidden' } })
    office.account('acme.smith', { accountId: 9 })
    expect(await open('acme.smith')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    office.account('acme', { firm: 'holding' })
    expect(await open('acme.desk')).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(office.executions()).toEqual([])
  })

  test('is one of 50 accounts of its firm at most', async () => {
    office.account('acme', { firm: 'acme' })
    for (let count = 1; count < 50; count += 1) office.account(`acme.${count}`, { accountId: 10 + count, firm: 'acme' })
    expect(await open('acme.last')).toMatchObject({
      status: 409,
      body: { code: 'account-limit', detail: expect.stringContaining('The firm has 50 accounts') },
    })
    expect(await open('acme.7')).toMatchObject({ status: 200 })
  })
})

test('no name that joining another lane gives is opened by anybody', async () => {
  for (const given of [{ as: { account: 'acme.lane-2' } }, { ...operator, body: { account: 'other.lane-13' } }])
    expect(await open(given)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(office.executions()).toEqual([])
})

import { SendTaskFailureCommand, SendTaskSuccessCommand, SFNClient, TaskTimedOut } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { type AccountRow, accountReplacement, getAccount } from '#adapters/tables/accounts.ts'
import { getBalance } from '#adapters/tables/balances.ts'
import type { Event } from '#domain/trading/events.ts'
import { mockBus, tableChanges } from '#test/support/announced.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { recordsOf } from '#test/support/executions.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'

const streams = mockStreams([1, 2])
const bus = mockBus()
const workflows = mockClient(SFNClient)
const { handler: registerHandler } = await import('#lambdas/ledger/register-account.ts')
const { handler: submitHandler } = await import('#lambdas/ledger/submit-account.ts')
const { handler: announceHandler } = await import('#lambdas/ledger/announce-account.ts')
const { handler: failHandler } = await import('#lambdas/ledger/fail-account.ts')
const { handler: resumeHandler } = await import('#lambdas/ledger/resume-account-opening.ts')
const { projectPositions } = await import('#lambdas/ledger/project-positions.ts')
const { projectorOf } = await import('#lambdas/shell/projection.ts')

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(async () => {
  await tables.renew('accounts', 'commands', 'balances', 'lanes', 'outcomes')
  streams.reset()
  bus.reset()
  workflows.reset()
  workflows.onAnyCommand().resolves({})
})

const register = (input: object) => registerHandler({ account: 'acme', lane: 1, attempt: 1, ...input }, lambdaContext)
const submit = (registered: object, task_token: string) => submitHandler({ ...registered, task_token }, lambdaContext)
const fail = (input: object) =>
  failHandler({ account: 'acme', lane: 1, attempt: 1, failure: { Error: 'States.Timeout' }, ...input }, lambdaContext)

const rowOf = async (account = 'acme'): Promise<AccountRow> => {
  const row = await getAccount(account)
  if (row === undefined) throw new Error(`there is no row of ${account}`)
  return row
}

/** What the table's stream tells between the two rows. */
const resume = (before: AccountRow, now: AccountRow) =>
  resumeHandler(
    tableChanges({ before: accountReplacement(before, undefined), now: accountReplacement(now, undefined) }),
    lambdaContext,
  )

const answers = () => [
  ...workflows.commandCalls(SendTaskSuccessCommand).map(call => call.args[0].input),
  ...workflows.commandCalls(SendTaskFailureCommand).map(call => call.args[0].input),
]

const openedBy = ({ commandId, account }: AccountRow): Event => ({
  type: 'account-opened',
  commandId,
  accountId: 7,
  account,
  firm: account,
  firmId: 1,
})
const refusedBy = ({ commandId }: AccountRow): Event => ({
  type: 'command-rejected',
  commandId,
  commandType: 'open-account',
  accountId: 0,
  code: 'account-limit',
})

describe('opening an account', () => {
  test('goes from the name to the number and tells the bus', async () => {
    const registered = await register({})
    expect(registered).toEqual({
      account: 'acme',
      lane: 1,
      attempt: 1,
      command_id: (await rowOf()).commandId,
      firm: 'acme',
    })
    await submit(registered, 'token-1')
    const waiting = await rowOf()
    expect(waiting).toMatchObject({ accountState: 'opening', taskToken: 'token-1' })
    expect(streams.put).toEqual([
      { lane: 1, command: { type: 'open-account', commandId: waiting.commandId, account: 'acme', firm: 'acme' } },
    ])

    await projectorOf(projectPositions)(recordsOf([openedBy(waiting)], [1]))
    const open = await rowOf()
    expect(open).toMatchObject({ accountState: 'open', accountId: 7 })
    expect(await getBalance(7, 'USD')).toMatchObject({ cashMicros: 0 })

    expect(await resume(waiting, open)).toEqual({ batchItemFailures: [] })
    const output = { account: 'acme', account_id: 7, lane: 1, opened_at_millis: open.openedAtMillis }
    expect(answers()).toEqual([{ taskToken: 'token-1', output: JSON.stringify(output) }])

    expect(await announceHandler(output, lambdaContext)).toEqual(output)
    expect(bus.announced).toEqual([
      {
        name: 'AccountOpened.v1',
        detail: {
          account: 'acme',
          account_id: 7,
          lane: 1,
          timestamp: new Date(open.openedAtMillis ?? 0).toISOString(),
        },
      },
    ])
  })

  test('ends with the engine’s no, and may begin again, in another lane too', async () => {
    await submit(await register({}), 'token-1')
    const waiting = await rowOf()
    await projectorOf(projectPositions)(recordsOf([refusedBy(waiting)], [1]))
    const failed = await rowOf()
    expect(await resume(waiting, failed)).toEqual({ batchItemFailures: [] })
    expect(answers()).toMatchObject([{ taskToken: 'token-1', error: 'account-limit' }])
    expect(await fail({ failure: { Error: 'account-limit', Cause: 'full' } })).toMatchObject({
      account_state: 'failed',
    })
    expect(await rowOf()).toEqual(failed)

    const again = await register({ lane: 2, attempt: 2 })
    expect(again).toMatchObject({ lane: 2, attempt: 2 })
    expect(again).not.toMatchObject({ command_id: waiting.commandId })
    expect(await rowOf()).not.toHaveProperty('failure')
  })
})

describe('a step that runs again', () => {
  test('registers the same attempt under the same command', async () => {
    const first = await register({})
    expect(await register({})).toEqual(first)
    expect(await tables.items('commands')).toHaveLength(1)
  })

  test('submits the same command with its new token, and answers at once what is decided', async () => {
    const registered = await register({})
    await submit(registered, 'token-1')
    await submit(registered, 'token-2')
    expect(streams.put[1]).toEqual(streams.put[0])
    expect(await rowOf()).toMatchObject({ taskToken: 'token-2' })
    await projectorOf(projectPositions)(recordsOf([openedBy(await rowOf())], [1]))
    expect(await submit(registered, 'token-3')).toEqual({ answered: true })
    expect(answers()).toMatchObject([{ taskToken: 'token-3' }])
    expect(streams.put).toHaveLength(2)
  })

  test('answers a failure that is known by its code', async () => {
    const registered = await register({})
    await submit(registered, 'token-1')
    await projectorOf(projectPositions)(recordsOf([refusedBy(await rowOf())], [1]))
    await submit(registered, 'token-2')
    expect(answers()).toMatchObject([{ taskToken: 'token-2', error: 'account-limit' }])
  })

  test('never starts over what has ended, nor what is open', async () => {
    await register({ attempt: 2 })
    await fail({ attempt: 2 })
    await expect(register({ attempt: 2 })).rejects.toThrow('has ended')
    await expect(register({ attempt: 1 })).rejects.toThrow('has ended')
    await projectorOf(projectPositions)(recordsOf([openedBy(await rowOf())], [1]))
    await expect(register({ attempt: 3 })).rejects.toMatchObject({ name: 'account-exists' })
    expect(await fail({ attempt: 3 })).toMatchObject({ account_state: 'open' })
  })

  test('is refused where nothing was registered, or another attempt is under way', async () => {
    const earlier = await register({})
    await expect(submit({ ...earlier, account: 'eve' }, 'token')).rejects.toThrow('not registered')
    await register({ attempt: 2 })
    await expect(submit(earlier, 'token')).rejects.toThrow('another attempt')
    expect(streams.put).toEqual([])
  })
})

describe('the end of an attempt', () => {
  test('without an answer keeps the lane, which may open the account yet', async () => {
    await submit(await register({ lane: 2 }), 'token-1')
    const waiting = await rowOf()
    await fail({ lane: 2 })
    expect(await rowOf()).toMatchObject({ accountState: 'failed', failure: 'States.Timeout', lane: 2 })
    expect(await rowOf()).not.toHaveProperty('taskToken')
    expect(await resume(waiting, await rowOf())).toEqual({ batchItemFailures: [] })
    expect(answers()).toEqual([])
    expect(await register({ lane: 1, attempt: 2 })).toMatchObject({ lane: 2 })
    // The late answer to the first attempt opens it all the same, and the second one's step hears of it.
    await submit({ account: 'acme', lane: 2, command_id: (await rowOf()).commandId }, 'token-2')
    const second = await rowOf()
    await projectorOf(projectPositions)(recordsOf([openedBy(waiting)], [1]))
    await resume(second, await rowOf())
    expect(answers()).toMatchObject([{ taskToken: 'token-2' }])
  })

  test('before it was registered is remembered, so that the next one is another', async () => {
    await fail({})
    expect(await rowOf()).toMatchObject({ accountState: 'failed', attempt: 1 })
    expect(await register({ attempt: 2 })).toMatchObject({ attempt: 2 })
    expect(await fail({ attempt: 1 })).toMatchObject({ account_state: 'opening' })
  })
})

describe('the answer to the workflow', () => {
  test('that nobody waits for is dropped, one that does not get through comes again', async () => {
    await submit(await register({}), 'token-1')
    const waiting = await rowOf()
    const open = { ...waiting, accountState: 'open', accountId: 7 } as const
    workflows.on(SendTaskSuccessCommand).rejectsOnce(new TaskTimedOut({ message: 'late', $metadata: {} }))
    expect(await resume(waiting, open)).toEqual({ batchItemFailures: [] })
    workflows.on(SendTaskSuccessCommand).rejects(new Error('out of reach'))
    expect(await resume(waiting, open)).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
  })

  test('is given for the change of state only', async () => {
    await submit(await register({}), 'token-1')
    const waiting = await rowOf()
    const open = { ...waiting, accountState: 'open', accountId: 7 } as const
    await resume({ ...waiting, taskToken: 'token-0' }, waiting)
    await resume(open, { ...open, openedAtMillis: 5 })
    expect(answers()).toEqual([])
  })
})

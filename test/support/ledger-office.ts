import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { mockClient } from 'aws-sdk-client-mock'
import { type AccountRow, accountReplacement } from '#adapters/tables/accounts.ts'
import { balancePut } from '#adapters/tables/balances.ts'
import { type OutcomeRow, outcomePut } from '#adapters/tables/outcomes.ts'
import type { Write } from '#adapters/writes.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import type { TableName } from '#protocol/tables.ts'
import { mockStreams } from './mocked-streams.ts'
import { mockTables } from './mocked-tables.ts'

/** What the ledger's HTTP operations reach, in memory. */
export const openLedgerOffice = () => {
  const tables = mockTables()
  const streams = mockStreams([1, 2])
  const workflows = mockClient(SFNClient)
  process.env[lanesEnvironmentVariable] = '1,2'
  process.env[workflowEnvironmentVariable('open-account')] = 'test-arn'
  let started: (input: { account: string; lane: number; attempt: number }) => void = () => undefined

  const answer = (): void => {
    workflows.reset()
    workflows.on(StartExecutionCommand).callsFake(({ input }) => {
      started(JSON.parse(input))
      return {}
    })
  }
  answer()
  const seed = (write: Write): void => {
    if (write.kind !== 'put') throw new Error('only puts can be seeded')
    const name = write.table.name
    if (!isTableName(name)) throw new Error(`there is no table ${name}`)
    tables.seed(name, write.item)
  }
  return {
    tables,
    streams,
    workflows,
    seed,
    account(account: string, more: Partial<AccountRow> = {}): void {
      const row: AccountRow = {
        account,
        accountState: 'open',
        accountId: 7,
        lane: 1,
        commandId: '01900000-0000-7000-8000-000000000001',
        attempt: 1,
        createdAtMillis: 1_800_000_000_000,
        ...more,
      }
      seed(accountReplacement(row, undefined))
    },
    balance(accountId: number, cashMicros: number): void {
      seed(balancePut({ accountId, currency: 'USD', cashMicros, updatedAtMillis: 1, eventId: '1:1:0', outSeq: 1 }))
    },
    outcome(commandId: string, more: Partial<OutcomeRow> = {}): void {
      seed(outcomePut({ commandId, accepted: true, atMillis: 1, eventId: '1:1:0', ...more }))
    },
    /** Plays the workflow: called with the input of each execution that is started. */
    onStarted(react: typeof started): void {
      started = react
    },
    executions: () =>
      workflows.commandCalls(StartExecutionCommand).map(call => ({
        name: call.args[0].input.name,
        input: JSON.parse(call.args[0].input.input ?? ''),
      })),
    reset(): void {
      tables.reset()
      streams.reset()
      started = () => undefined
      answer()
    },
  }
}

const isTableName = (name: string): name is TableName =>
  ['accounts', 'balances', 'outcomes', 'positions', 'commands'].includes(name)

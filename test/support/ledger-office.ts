import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { mockClient } from 'aws-sdk-client-mock'
import { type AccountRow, accountReplacement } from '#adapters/tables/accounts.ts'
import { balancePut } from '#adapters/tables/balances.ts'
import { forgetInstruments, instrumentPut } from '#adapters/tables/instruments.ts'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { type OutcomeRow, outcomePut } from '#adapters/tables/outcomes.ts'
import type { Write } from '#adapters/writes.ts'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import { defineInstrument, plainFuture } from '#domain/reference/instrument.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
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
    balance(accountId: number, cashMicros: number, heldMicros = 0): void {
      seed(
        balancePut({
          accountId,
          currency: 'USD',
          cashMicros,
          heldMicros,
          updatedAtMillis: 1,
          eventId: '1:1:0',
          outSeq: 1,
        }),
      )
    },
    /** The rules that a lane follows. */
    version(lane: number, version: number): void {
      seed(activatedVersionPut(lane, { version, atMillis: 1 }))
      forgetEngineVersions()
    },
    /** An asset that secures others, and a contract: in lots of 0.5. */
    assets(lane: number): void {
      for (const [index, kind] of (['collateral', 'future'] as const).entries()) {
        const isAsset = kind === 'collateral'
        const defined = defineInstrument(
          {
            ...plainFuture,
            kind,
            instrumentName: isAsset ? 'COLL-TBILL3M' : 'H100.USE-27NOV36',
            terms: isAsset ? '{}' : '',
            underlying: isAsset ? 'TBILL3M' : 'H100.USE',
            quoteCurrency: 'USD',
            tickSize: '0.01',
            minTradeAmount: '0.5',
            contractSize: '1',
            maxPrice: '100',
            expirationMillis: isAsset ? neverMillis : Date.UTC(2036, 10, 27),
            makerCommissionPpm: 0,
            takerCommissionPpm: 0,
          },
          index + 1,
          1,
        )
        if (!defined.accepted) throw new Error(defined.detail)
        seed(instrumentPut({ lane, instrument: defined.value, isActive: true, listedAtMillis: 1 }))
      }
      forgetInstruments()
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
  ['accounts', 'balances', 'outcomes', 'positions', 'commands', 'lanes', 'instruments'].includes(name)

import { type AuctionRow, openAuction } from '#adapters/tables/backstop-auctions.ts'
import {
  decideLiquidationStep,
  type LiquidationRow,
  type LiquidationStepRow,
  noProgress,
  replaceLiquidation,
} from '#adapters/tables/liquidations.ts'
import { idOf } from './tape.ts'

/** What the operations on liquidations read, as the workflow writes it. Acme is account 7 of lane 1. */

export const calledMillis = 1_800_000_000_000

export const liquidationRow = (change: Partial<LiquidationRow> = {}): LiquidationRow => ({
  liquidationId: idOf('a'),
  lane: 1,
  accountId: 7,
  state: 'running',
  attempt: 1,
  calledAtMillis: calledMillis,
  callEventId: '1:5:0',
  epochVersion: 3,
  callEquityMicros: -1_500_000,
  callRequirementMicros: 2_000_000,
  graceEndsAtMillis: calledMillis + 300_000,
  equityMicros: 500_000,
  requirementMicros: 400_000,
  startedAtMillis: calledMillis,
  updatedAtMillis: calledMillis + 301_000,
  begunAtMillis: calledMillis + 300_000,
  ...change,
})

export const putLiquidation = async (change: Partial<LiquidationRow> = {}): Promise<LiquidationRow> => {
  const row = liquidationRow(change)
  if (!(await replaceLiquidation(row, undefined))) throw new Error('it is there already')
  return row
}

export const putStep = async (change: Partial<LiquidationStepRow> = {}): Promise<LiquidationStepRow> => {
  const row: LiquidationStepRow = {
    liquidationId: idOf('a'),
    lane: 1,
    accountId: 7,
    step: 1,
    kind: 'begin',
    state: 'done',
    decidedAtMillis: calledMillis + 300_000,
    numbers: { equityMicros: -1_500_000, epochVersion: 3 },
    command: { type: 'begin-liquidation', commandId: idOf('a'), accountId: 7 },
    progress: noProgress,
    doneAtMillis: calledMillis + 300_100,
    result: {
      equityMicros: -1_500_000,
      requirementMicros: 2_000_000,
      afterRequirementMicros: 1_900_000,
      cancelledOrders: 2,
      epochVersion: 3,
    },
    next: 'plan',
    ...change,
  }
  if (!(await decideLiquidationStep(row))) throw new Error('it was decided already')
  return row
}

export const putAuction = async (change: Partial<AuctionRow> = {}): Promise<AuctionRow> => {
  const row: AuctionRow = {
    auctionId: idOf('c'),
    lane: 1,
    liquidationId: idOf('a'),
    state: 'open',
    openedAtMillis: Date.now(),
    deadlineMillis: Date.now() + 60_000,
    lots: [],
    ...change,
  }
  if (!(await openAuction(row))) throw new Error('it is open already')
  return row
}

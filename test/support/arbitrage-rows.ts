import {
  decideExecutionStep,
  type ExecutionRow,
  type ExecutionStepRow,
  putExecution,
} from '#adapters/tables/arbitrage-executions.ts'
import { putArbitragePolicy } from '#adapters/tables/arbitrage-policies.ts'
import { bookPut } from '#adapters/tables/books.ts'
import type { Leg, Opportunity } from '#domain/partners/arbitrage.ts'
import { noProgress } from '#domain/partners/arbitrage-execution.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { sideOf } from './market-data.ts'
import { idOf } from './tape.ts'
import { instrumentName, type TradingFloor } from './trading-floor.ts'

const startMillis = Date.UTC(2046, 10, 1)
export const otherName = 'H100.USE-28NOV46'

const leg = (side: 'buy' | 'sell', more: Partial<Leg>): Leg => ({
  side,
  venue: 'futures',
  source: instrumentName,
  quanta: 4,
  microHours: 4_000_000,
  limitMicros: 2_000_000,
  notionalMicros: 8_000_000,
  feeMicros: 4_000,
  lockInMicros: 0,
  preemptionMicros: 0,
  fundingMicros: 0,
  tiedUpMicros: 1_600_000,
  ...more,
})

const opportunity: Opportunity = {
  product: { resourceClass: 'H100', region: 'USE', startMillis, endMillis: Date.UTC(2046, 10, 27, 16) },
  buy: leg('buy', {}),
  sell: leg('sell', { source: otherName, limitMicros: 2_500_000, notionalMicros: 10_000_000 }),
  microHours: 4_000_000,
  grossMicros: 2_000_000,
  netMicros: 1_992_000,
  outlayMicros: 3_208_000,
  validUntilMillis: startMillis,
  isExecutable: true,
}

const order = (side: 'buy' | 'sell', name: string): ExecutionRow['orders'][number] => ({
  leg: side,
  instrumentName: name,
  instrumentId: side === 'buy' ? 1 : 2,
  specificationVersion: 1,
  lots: 4,
  limitTicks: side === 'buy' ? 40 : 50,
  tickSize: '0.05',
  minTradeAmount: '0.1',
  microsPerTickLot: 50_000,
  maxPriceTicks: 2_000,
  takerCommissionPpm: 500,
})

/** An execution of acme over two books. */
export const executionRow = (change: Partial<ExecutionRow> = {}): ExecutionRow => ({
  executionId: idOf('a'),
  account: 'acme',
  accountId: 7,
  lane: 1,
  state: 'running',
  origin: 'request',
  opportunityId: idOf('e'),
  opportunity,
  orders: [order('buy', instrumentName), order('sell', otherName)],
  refusals: [],
  unwindSlippagePpm: 50_000,
  attempt: 1,
  createdAtMillis: Date.UTC(2026, 6, 21, 9),
  updatedAtMillis: Date.UTC(2026, 6, 21, 9),
  residuals: [],
  ...change,
})

export const seedExecution = async (change: Partial<ExecutionRow> = {}): Promise<ExecutionRow> => {
  const row = executionRow(change)
  if (!(await putExecution(row))) throw new Error(`${row.executionId} is there`)
  return row
}

export const seedStep = async (change: Partial<ExecutionStepRow> = {}): Promise<void> => {
  await decideExecutionStep({
    executionId: idOf('a'),
    step: 1,
    kind: 'order',
    state: 'done',
    leg: 'buy',
    progress: noProgress,
    decidedAtMillis: Date.UTC(2026, 6, 21, 9),
    doneAtMillis: Date.UTC(2026, 6, 21, 9, 0, 1),
    result: 'filled, 4 lots',
    ...change,
  })
}

/** Two futures over the same hours: 3 units are asked at 2.00 in one, and 2 are bid for at 2.50 in the other. */
export const seedTwoBooks = async (floor: TradingFloor, bidTicks = 50): Promise<void> => {
  const { usualArbitragePolicy: usual } = await import('#lambdas/partners/arbitrage-policies.ts')
  // The contracts end in twenty years: interest would eat it all.
  const policy = { ...usual, assumptions: { ...usual.assumptions, fundingPpmPerYear: 0 } }
  await putArbitragePolicy({ holder: 'acme', version: 1, policy, setAtMillis: 1, setBy: 'acme' })
  floor.instrument(1, { instrumentName: otherName })
  const book = (instrumentId: number, market: object): void =>
    floor.seed(
      'books',
      bookPut({
        lane: 1,
        instrumentId,
        market: { ...newMarket, state: 'continuous', ...market },
        updatedAtMillis: 1,
        outSeq: 41,
      }),
    )
  book(1, { asks: sideOf(true, [40, 30]) })
  book(2, { bids: sideOf(false, [bidTicks, 20]) })
  floor.tables.seed('balances', {
    account_id: 7,
    currency: 'USD',
    cash_micros: 1_000_000_000_000,
    held_micros: 0,
    updated_at_millis: 1,
    event_id: '1:1:0',
    out_seq: 1,
  })
}

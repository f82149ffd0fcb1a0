import type { MockedTables } from './mocked-tables.ts'

export const slaSeries = 'UP-TRAIN.USE'

/** A contract as it is stored: a row for each collection in which it is looked for. */
export const seedSlaContract = (
  tables: Pick<MockedTables, 'seed'>,
  contractId: string,
  more: { readonly provider?: string; readonly buyer?: string; readonly startMillis?: number } = {},
): void => {
  const { provider = 'northern', buyer = 'acme', startMillis = Date.now() - 86_400_000 } = more
  const from = Math.floor(startMillis / 60_000) * 60_000
  for (const collection of ['all', `series#${slaSeries}`, `account#${provider}`, `account#${buyer}`])
    tables.seed('slaContracts', {
      collection,
      contract_id: contractId,
      series: slaSeries,
      quantity: 2,
      fee_micros: 1_000_000_000,
      tiers: [{ below_uptime_ppm: 999_900, credit_ppm: 100_000 }],
      degraded_weight_ppm: 0,
      period_start_millis: from,
      period_end_millis: from + 30 * 86_400_000,
      provider_account: provider,
      buyer_account: buyer,
      created_by: 'operator',
      created_at_millis: 1,
      request_hash: 'x',
    })
}

/** A month of it, its breach, and what was posted for it. */
export const seedSlaMonth = (tables: Pick<MockedTables, 'seed'>, contractId: string, month: string): void => {
  const sums = { windows: 10, up_seconds: 900, degraded_seconds: 60, down_seconds: 180, unknown_seconds: 60 }
  tables.seed('slaMonths', { contract_id: contractId, month, ...sums, revision: 3, changed_at_millis: 5 })
  tables.seed('slaAssessments', {
    contract_id: contractId,
    assessment_key: `${month}#000001`,
    month,
    version: 1,
    assessment_state: 'done',
    attempt: 1,
    started_at_millis: 6,
    updated_at_millis: 7,
    month_revision: 3,
    ...sums,
    uptime_up: '900000000',
    uptime_total: '1200000000',
    credit_ppm: 100_000,
    penalty_micros: 100_000_000,
    breach: 'breached',
    previous_penalty_micros: 0,
    payment_state: 'paid',
  })
  for (const [leg, account, amount] of [
    [1, 'northern', -100_000_000],
    [2, 'acme', 100_000_000],
  ] as const)
    tables.seed('slaPenalties', {
      contract_id: contractId,
      entry_key: `${month}#000001#0${leg}`,
      month,
      version: 1,
      leg,
      entry_kind: 'penalty',
      account,
      amount_micros: amount,
      posted_at_millis: 8,
    })
}

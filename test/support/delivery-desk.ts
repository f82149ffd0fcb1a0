import type { MockedTables } from './mocked-tables.ts'

/** A delivery as it is stored, being provisioned: what it waits for is asked by this token. */
export const callbackToken = 'a-callback-token'.padEnd(43, '0')

interface Seeded {
  readonly buyer?: number
  readonly seller?: number
  readonly obligatedMillis?: number
  readonly instrumentName?: string
  readonly state?: string
}

export const seedDelivery = (tables: Pick<MockedTables, 'seed'>, deliveryId: string, more: Seeded = {}): void => {
  const { buyer = 7, seller = 9, obligatedMillis = 1_800_000_000_000, state = 'provisioning' } = more
  const parties = { lane: 1, buy_account_id: buyer, sell_account_id: seller, min_trade_amount: '0.5' }
  const named = { delivery_id: deliveryId, instrument_name: more.instrumentName ?? 'H100.USE-PHYS' }
  tables.seed('deliveries', {
    ...named,
    ...parties,
    row: 'head',
    instrument_id: 3,
    tick_size: '0.01',
    micros_per_tick_lot: 5_000,
    index: 'H100.USE',
    delivery_number: 1,
    lots: 8,
    price_ticks: 200,
    invoice_micros: 8_000_000,
    penalty_ppm: 100_000,
    start_millis: obligatedMillis + 3_600_000,
    end_millis: obligatedMillis + 7_200_000,
    obligated_at_millis: obligatedMillis,
    obligated_key: `${new Date(obligatedMillis).toISOString()}#${deliveryId}`,
    buyer_number: `1#${buyer}`,
    seller_number: `1#${seller}`,
    open_lane: '1',
    delivery_state: state,
    attempt: 1,
    parts: [{ part: 1, lots: 8, state: 'open', attempt: 0 }],
    claims: [{ attempt: 1, is_released: false }],
    revision: 2,
    releases: 0,
    execution: 1,
    updated_at_millis: obligatedMillis + 2,
  })
  for (const [sequence, told] of ['matched', state].entries())
    tables.seed('deliveries', {
      ...named,
      ...parties,
      row: `timeline#${String(sequence + 1).padStart(6, '0')}`,
      sequence: sequence + 1,
      delivery_state: told,
      attempt: sequence,
      lots: 8,
      at_millis: obligatedMillis + sequence + 1,
    })
  tables.seed('deliveries', {
    ...named,
    row: 'request#provision#0001',
    step: 'provision',
    attempt: 1,
    lots: 8,
    request_state: 'requested',
    callback_token: callbackToken,
    task_token: 'a-task-token',
    requested_at_millis: obligatedMillis + 3,
    attempts: [],
  })
}

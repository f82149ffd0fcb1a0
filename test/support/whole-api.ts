import { generateKeyPairSync } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { accountNumberPut } from '#adapters/tables/account-numbers.ts'
import { apiKeyPut } from '#adapters/tables/api-keys.ts'
import { executionPut } from '#adapters/tables/arbitrage-executions.ts'
import { bookPut } from '#adapters/tables/books.ts'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { orderPut } from '#adapters/tables/orders.ts'
import { contractPut } from '#adapters/tables/partner-contracts.ts'
import { lotPut } from '#adapters/tables/partner-inventory.ts'
import { purchasePut } from '#adapters/tables/partner-purchases.ts'
import type { EpochHead } from '#adapters/tables/risk-epochs.ts'
import { tradePut } from '#adapters/tables/trades.ts'
import { epochScenarioSet, makeEpoch } from '#domain/margin/made-epoch.ts'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { baseOf } from '#lambdas/risk/guarded-parameters.ts'
import { riskParameterKind } from '#lambdas/risk/risk-terms.ts'
import { everyName } from '#lambdas/shell/held-parameters.ts'
import { nameBasedUuid } from '#lambdas/shell/name-based-uuid.ts'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { workflowEnvironmentVariable, workflows as workflowsDeclared } from '#protocol/functions.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { Operation } from '#protocol/operation.ts'
import { permits, type Role, roles } from '#protocol/permissions.ts'
import { rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import { laneBudgetsEnvironmentVariable } from '#protocol/streams.ts'
import { executionRow } from './arbitrage-rows.ts'
import { clearedDate, dayAheadMarket, openDate, seedBid, seedDayAhead } from './day-ahead-desk.ts'
import { callbackToken, seedDelivery } from './delivery-desk.ts'
import { consistentValues, type Known, type Parts } from './hostile-requests.ts'
import { type Answered, answerOf, type HttpHandler, lambdaContext, proxyEvent } from './http-requests.ts'
import { indexName, seedIndex } from './index-desk.ts'
import { sideOf } from './market-data.ts'
import { orderRow, tradeRow } from './rows.ts'
import { seedSlaContract, seedSlaMonth, slaSeries } from './sla-desk.ts'
import { instrumentName, openTradingFloor } from './trading-floor.ts'

/** Every operation of the registry through its real handler, with the stores, streams and workflows in memory. */
export interface WholeApi {
  /** As an account and a role, by token; null: nobody. */
  send(operation: Operation, parts: Parts, as?: Caller | null): Promise<Answered>
  deliver(operation: Operation, event: APIGatewayProxyEvent): Promise<Answered>
  /** What reached a store, a stream or a workflow since the last reset, beside what counts requests. */
  traces(): readonly string[]
  /** Values for a valid request, about things that the stores know of. */
  knownTo(operation: Operation): Known
  reset(): void
}

interface Caller {
  readonly account?: string
  readonly role?: Role
}

const orderId = '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21'
const depositId = '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b22'
const commandId = '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b23'
const clientOrderId = 'by-its-own-name'
const quoteId = commandId.replace('23', '24')
const withdrawalId = commandId.replace('23', '26')
const settingId = commandId.replace('23', '25')
const liquidationId = commandId.replace('23', '27')
const auctionId = commandId.replace('23', '29')
/** Of a promise, and of a wholesale contract. */
const contractId = commandId.replace('23', '51')
const purchaseId = commandId.replace('23', '52')
const importId = commandId.replace('23', '53')
const allocationId = commandId.replace('23', '54')
const planId = commandId.replace('23', '55')
const executionId = commandId.replace('23', '54')
const opportunityId = commandId.replace('23', '55')
const limitRequestId = `1-${commandId.replace('23', '28')}`
/** One that nobody has asked to bust, and one that somebody else has. */
const tradeId = tradeIdOf(1, 41)
/** Of a change of parameters, and of what is to leave a fund. */
const approvalId = commandId.replace('23', '29')
const askedTradeId = tradeIdOf(1, 42)
const keyId = '0123456789abcdef01234567'
/** Things of the account `other`, and an auction of another lane. */
const deliveryId = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b51'
const bidId = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b81'
/** Things of the account `other`. */
export const foreign = {
  account: 'other',
  order_id: orderId.replace('21', '31'),
  deposit_id: depositId.replace('22', '32'),
  withdrawal_id: withdrawalId.replace('26', '36'),
  from_account: 'other',
  to_account: 'other',
  command_id: commandId.replace('23', '33'),
  key_id: keyId.replace('0', 'f'),
  liquidation_id: liquidationId.replace('27', '37'),
  auction_id: auctionId.replace('29', '39'),
  delivery_id: deliveryId.replace('51', '61'),
  bid_id: bidId.replace('81', '82'),
  contract_id: contractId.replace('51', '61'),
  offer_id: `contract:${contractId.replace('51', '61')}`,
  purchase_id: purchaseId.replace('52', '62'),
  allocation_id: allocationId.replace('54', '64'),
  execution_id: executionId.replace('54', '64'),
}
/** Of the same form, and nobody's. */
export const absent = {
  account: 'nobody',
  order_id: orderId.replace('21', '41'),
  deposit_id: depositId.replace('22', '42'),
  withdrawal_id: withdrawalId.replace('26', '46'),
  from_account: 'nobody',
  to_account: 'nobody',
  command_id: commandId.replace('23', '43'),
  key_id: keyId.replace('0', 'e'),
  liquidation_id: liquidationId.replace('27', '47'),
  auction_id: auctionId.replace('29', '49'),
  delivery_id: deliveryId.replace('51', '71'),
  bid_id: bidId.replace('81', '83'),
  contract_id: contractId.replace('51', '71'),
  offer_id: `contract:${contractId.replace('51', '71')}`,
  purchase_id: purchaseId.replace('52', '72'),
  allocation_id: allocationId.replace('54', '74'),
  execution_id: executionId.replace('54', '74'),
}

const assetName = 'COLL-TBILL3M'

/** What its own schema could not know: that a parent is a block of the bid, and a group has two. */
const dayAheadBody = {
  replaces: bidId,
  curves: [{ market: dayAheadMarket, hour: 18, steps: [{ price: '2.5', amount: '2' }] }],
  blocks: [
    {
      block: 'evening',
      market: dayAheadMarket,
      price: '2.5',
      hours: [{ hour: 19, amount: '2' }],
      minimum_acceptance_ratio: '0.5',
    },
  ],
}

const wholeSecondsAgo = (seconds: number): string =>
  new Date((Math.floor(Date.now() / 1_000) - seconds) * 1_000).toISOString()

/** That has expired, and is delivered. */
const deliveredName = 'H100.USE-PHYS'

/** American. */
const optionName = `${instrumentName}-2.5-C`

const dayMillis = 24 * 60 * 60 * 1_000

/** The least role that may. */
const roleFor = ({ permission }: Operation): Role => {
  const role = roles.find(each => permission === 'public' || permits(each, permission))
  if (role === undefined) throw new Error(`no role has the permission ${permission}`)
  return role
}

/** It values no instrument: each is covered for whatever it may settle at. */
const epochHead = (): EpochHead => {
  const inputs = {
    underlyings: [
      {
        name: 'H100.USE',
        family: 'H100',
        level: 2.5,
        priceScan: 0.2,
        volatilityScan: 0.15,
        shortOptionMinimumPpm: 10_000,
        concentrationThreshold: 5_000_000,
        concentrationChargePpm: 50_000,
      },
    ],
    lookAheadMillis: dayMillis,
    contracts: [],
    assets: [],
  }
  const set = epochScenarioSet(inputs, 1)
  if (!set.accepted) throw new Error(set.code)
  const made = makeEpoch(inputs, set.value, { version: 3, madeAtMillis: 1, reasons: ['first'] })
  if (!made.accepted) throw new Error(made.code)
  const { instruments: _, ...heading } = made.value
  return { ...heading, parts: 0, instruments: 0, bounded: [] }
}

export const openWholeApi = (): WholeApi => {
  process.env[laneBudgetsEnvironmentVariable] = 'true'
  for (const { name } of workflowsDeclared) process.env[workflowEnvironmentVariable(name)] = 'test-arn'
  process.env[apiKeyPepperEnvironmentVariable] = 'test-pepper'
  process.env[rateLimitsEnvironmentVariable] = JSON.stringify(
    Object.fromEntries(roles.map(role => [role, { perSecond: 100_000, burst: 1_000_000 }])),
  )
  const floor = openTradingFloor()
  const workflows = mockClient(SFNClient)
  mockClient(SecretsManagerClient)
    .on(GetSecretValueCommand)
    .resolves({ SecretString: 'pepper'.repeat(8) })
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const otherKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const known: Known = {
    account: 'acme',
    order_id: orderId,
    deposit_id: depositId,
    withdrawal_id: withdrawalId,
    command_id: commandId,
    key_id: keyId,
    liquidation_id: liquidationId,
    auction_id: auctionId,
    contract_id: contractId,
    offer_id: `contract:${contractId}`,
    purchase_id: purchaseId,
    import_id: importId,
    allocation_id: allocationId,
    plan_id: planId,
    execution_id: executionId,
    opportunity_id: opportunityId,
    instrument_name: instrumentName,
    price: '2.55',
    amount: '2',
    lane: 1,
    public_key: publicKey,
    expires_at: new Date(Date.now() + 30 * dayMillis).toISOString(),
    scopes: ['api-keys:read'],
    firm: 'acme',
    trade_id: tradeId,
    bust_id: tradeId,
    group: 'futures',
    index: indexName,
    series: 'LAT-INFER.USE',
    delivery_id: deliveryId,
    bid_id: bidId,
    market: dayAheadMarket,
    delivery_date: openDate,
    callback_token: callbackToken,
  }
  const listing = {
    underlying: 'H100.USE',
    tick_size: '0.05',
    min_trade_amount: '1',
    contract_size: '1',
    max_price: '100',
    position_limit: '0',
    expiration_timestamp: '2046-11-27T16:00:00Z',
    averaging_start: '2046-11-01T00:00:00Z',
  }
  const h100 = { resource_class: 'H100', region: 'USE' }
  const hours = { starts_at: '2046-01-02T03:00:00.000Z', ends_at: '2046-01-02T05:00:00.000Z' }
  /** Where what all operations share would not do; anew each time, since a quote of a while ago is out of date. */
  const own = (): Readonly<Record<string, Known>> => ({
    ...consistentValues(instrumentName, String(known['expires_at'])),
    'get-order-by-client-order-id': { client_order_id: clientOrderId },
    'amend-order-by-client-order-id': { client_order_id: clientOrderId },
    'cancel-order-by-client-order-id': { client_order_id: clientOrderId },
    'get-quote-outcome': { command_id: quoteId },
    'get-command': { command_id: settingId },
    'approve-trade-bust': { bust_id: askedTradeId },
    'approve-risk-limits': { request_id: limitRequestId },
    'approve-parameter-change': { request_id: approvalId },
    'approve-fund-withdrawal': { request_id: approvalId },
    'reopen-lane': { lane: '2' },
    'put-index-quotes': { source: 'desk', timestamp: new Date(Date.now() - 1_000).toISOString() },
    'exercise-option': { instrument_name: optionName },
    'list-instrument': {
      ...listing,
      instrument_name: 'H100.USE-27NOV46-H16.2',
      start: '2046-11-27T16:00:00.000Z',
      end: '2046-11-27T18:00:00.000Z',
      penalty_ppm: 1_000,
    },
    'set-listing-grid': { ...listing, effective_from: '2046-01-01T00:00:00Z' },
    'get-listing-grid': { grid: 'known' },
    'create-structured-product': {
      ...listing,
      instrument_name: 'SP-H100.USE-02JAN46-9F3A01',
      expiration_timestamp: '2046-01-02T16:00:00Z',
    },
    'transfer-cash': { from_account: 'acme', to_account: 'acme.desk' },
    'move-collateral': { instrument_name: assetName, action: 'deposit' },
    'put-sla-measurements': { series: slaSeries, at: wholeSecondsAgo(60) },
    'set-compute-market': {
      ...listing,
      maker_commission: '0.0002',
      taker_commission: '0.0005',
      penalty_ppm: 100_000,
      expires_before_ms: 900_000,
      gate_opens_before_ms: 3 * dayMillis,
      gate_closes_before_ms: dayMillis / 2,
    },
    'submit-bid': dayAheadBody,
    'submit-offer': dayAheadBody,
    'get-day-ahead-prices': { delivery_date: clearedDate, lane: '1' },
    'get-day-ahead-awards': { delivery_date: clearedDate },
    'list-compute-markets': { lane: '1' },
    'initiate-settlement': { instrument_name: deliveredName },
    'answer-provisioning': { step: 'provision', attempt: 1 },
    'get-volatility-surface': { underlying: 'H100.USE' },
    'get-exposures': { subject: 'acme', lane: '1' },
    'stress-risk': { underlying: 'H100.USE' },
    'get-volatility-index': { underlying: 'H100.USE' },
    'create-partner-contract': {
      ...hours,
      accept_until: '2046-01-02T04:00:00.000Z',
      is_shared: false,
      minimum_units: 1,
      price: '2',
      tiers: [{ from_units: 5, price: '1' }],
    },
    'purchase-capacity': { parts: [{ offer_id: `contract:${contractId}`, ...hours, units: 1, price: '2' }] },
    'list-partner-inventory': hours,
    'list-catalogues': { provider: 'gcp' },
    'complete-catalogue-import': { provider: 'gcp' },
    'list-screened-prices': { provider: 'gcp' },
    'get-capacity-forecast': { ...h100, horizon: '2' },
    'list-substitutes': { ...h100, price: '2.5' },
    'preview-procurement': h100,
    'request-capacity': {
      ...h100,
      regions: ['USE'],
      units: 1,
      gpus: 1,
      vcpus: 1,
      memory_gib: 1,
      storage_tib: 0,
      earliest_start: hours.starts_at,
      latest_start: hours.starts_at,
      window_end: hours.ends_at,
      duration_hours: 1,
      flexibility: 'start',
    },
  })
  const order = (accountId: number, id: string) =>
    floor.seed('orders', orderPut(orderRow('1', { accountId, orderId: id, instrumentName })))
  /** An order by the name that its client gave it, and a cancel-all. */
  const promised = (principal: string, accountId: number, requestName: string, id: string, request: object) =>
    floor.tables.seed('commands', {
      principal,
      request_name: requestName,
      command_id: id,
      operation: requestName.replace(/#.*/, ''),
      body_hash: 'x',
      lane: 1,
      account_id: accountId,
      request_json: JSON.stringify(request),
      created_at_millis: 1,
      expires_at: 2_000_000_000,
    })
  const named = (principal: string, accountId: number, id: string) =>
    promised(principal, accountId, `place-order#${clientOrderId}`, id, {
      command: { orderId: id, clientOrderId },
      instrumentName,
      tickSize: '0.05',
      minTradeAmount: '0.1',
    })
  const cancellation = (principal: string, accountId: number, id: string) =>
    promised(principal, accountId, `cancel-orders##${id}`, id, {
      command: { type: 'cancel-orders', commandId: id },
      instrumentName: null,
      label: null,
    })
  const withdrawal = (principal: string, accountId: number, commandId: string) =>
    promised(principal, accountId, `withdraw-cash#${commandId}`, commandId, {
      account: principal,
      command: { type: 'withdraw', commandId, accountId, amountMicros: 1_000_000 },
    })
  const deposit = (principal: string, accountId: number, commandId: string) =>
    floor.tables.seed('commands', {
      principal,
      request_name: `deposit-cash#${commandId}`,
      command_id: commandId,
      operation: 'deposit-cash',
      body_hash: 'x',
      lane: 1,
      account_id: accountId,
      request_json: JSON.stringify({
        account: principal,
        command: { type: 'deposit', commandId, accountId, amountMicros: 1_000_000 },
      }),
      created_at_millis: 1,
      expires_at: 2_000_000_000,
    })
  /** What a market maker has set, and what supervisors are asked for. */
  const supervised = () => {
    promised('acme', 7, 'put-quotes#q1', quoteId, {})
    promised('acme', 7, 'set-dead-man#d1', settingId, {})
    floor.tables.seed('marketMakers', {
      account_number: '1#7',
      setting: `protection#${nameHash('futures')}`,
      name: 'futures',
      interval_millis: 1_000,
      frozen_millis: 0,
      amount_limit_lots: 10,
      delta_limit_lots: 0,
    })
    floor.tables.seed('obligationTerms', {
      market: '1#1',
      version: 1,
      versions: [{ from_millis: 1, max_spread_ppm: 20_000, min_lots: 1, set_by: 'desk', set_at_millis: 0 }],
    })
    for (const [accountId, account] of [
      [7, 'acme'],
      [8, 'other'],
    ] as const)
      floor.seed('accountNumbers', accountNumberPut({ lane: 1, accountId, account, firm: account }))
    for (const owner of ['host/1/a/0', 'host/2/b/0']) floor.replica(1, owner)
    floor.lease(2, { halted: 'divergence' })
    const atMillis = Date.now() - 60_000
    floor.seed('trades', tradePut(tradeRow(41, { atMillis, instrumentName })))
    floor.tables.seed('limitRequests', {
      lane: '1',
      request_id: limitRequestId,
      command_id: commandId.replace('23', '27'),
      scope: 'account',
      account_id: 8,
      firm: '',
      instrument_id: 0,
      terms: noLimits,
      reason: 'review',
      requested_by: 'watch',
      requested_with: 'someone else',
      requested_at_millis: atMillis,
    })
    const { declared } = riskParameterKind
    const base = { requested_by: 'watch', requested_with: 'someone else', requested_at_millis: atMillis, reason: '' }
    floor.tables.seed(
      'approvalRequests',
      {
        ...base,
        kind: 'risk',
        request_id: approvalId,
        asked: JSON.stringify({ changes: { move_ppm: 200_000 } }),
        base: baseOf([[{ name: everyName, atMillis, terms: { ...declared, move_ppm: 200_000 }, unchanged: declared }]]),
      },
      {
        ...base,
        kind: 'fund-withdrawal',
        request_id: approvalId,
        asked: JSON.stringify({
          ...{ account: 'insurance-fund-1', lane: 1, accountId: 9, asset: 'USD', amount: '1' },
          ...{ instrumentId: 0, quantity: 1_000_000 },
        }),
        base: '',
      },
    )
    floor.tables.seed('tradeBusts', {
      lane: '1',
      bust_id: askedTradeId,
      attempt: 1,
      command_id: commandId.replace('23', '26'),
      instrument_id: 1,
      instrument_name: instrumentName,
      tick_size: '0.05',
      min_trade_amount: '0.1',
      price_ticks: 51,
      quantity_lots: 10,
      buyer_id: 7,
      seller_id: 8,
      buyer_fee_micros: 3,
      seller_fee_micros: 2,
      traded_at_millis: atMillis,
      reason: 'fat finger',
      requested_by: 'desk',
      requested_with: 'someone else',
      requested_at_millis: atMillis + 1,
    })
  }
  /** An option that may be exercised, and a settlement that failed. */
  const contracts = () => {
    const terms = { option_type: 'call', strike: '2.5', exercise: 'american', underlying_instrument: instrumentName }
    floor.instrument(1, { instrumentName: optionName, kind: 'option', terms: JSON.stringify(terms) })
    const delivery = { start: '2046-12-01T00:00:00Z', end: '2046-12-02T00:00:00Z', penalty_ppm: 0 }
    const delivered = { settlement: 'physical', terms: JSON.stringify({ delivery }) } as const
    floor.instrument(1, { instrumentName: deliveredName, ...delivered }, false)
    floor.tables.seed('settlements', {
      market: '1#1',
      settlement: 'final',
      lane: 1,
      instrument_id: 1,
      instrument_name: instrumentName,
      tick_size: '0.05',
      settlement_state: 'failed',
      attempt: 1,
      due_at_millis: 1,
      started_at_millis: 1,
      updated_at_millis: 1,
      missing: [],
      failure: 'SettlementUnanswered: the engine has not answered',
    })
  }
  /** A rule that lists futures, in lanes that know contracts of every kind, and each other. */
  const grids = () => {
    for (const lane of [1, 2])
      floor.seed('lanes', activatedVersionPut(lane, { version: newestEngineVersion, atMillis: 1 }))
    const expiries = [{ every: 'friday', next: 1 }]
    const { expiration_timestamp: _, averaging_start: __, ...terms } = listing
    floor.tables.seed('parameters', {
      kind: 'grid',
      version_key: 'known#1970-01-01T00:00:00.001Z#000001',
      name: 'known',
      effective_millis: 1,
      version: 1,
      value: { ...terms, kind: 'future', expiries, maker_commission: '0', taker_commission: '0' },
      set_by: 'operator',
      set_at_millis: 1,
    })
  }
  /** A level of the index, a slice of volatilities, and books of European options of two expirations. */
  const quoted = () => {
    const at = Date.now() - 60_000
    for (const source of ['desk', 'broker', 'cloud'])
      floor.tables.seed('indexQuotes', {
        index: indexName,
        source,
        level: '2.5',
        quoted_at_millis: at,
        received_at_millis: at,
        earlier: [],
      })
    floor.tables.seed('surfaces', {
      underlying: 'H100.USE',
      expiration_millis: Date.UTC(2046, 10, 27, 16),
      forward: '2.5',
      time_years: '0.25',
      theta: '0.09',
      rho: '-0.3',
      phi: '1',
      market: [],
      strikes: ['2.5'],
      fit_error: '0',
      flags: ['default-volatility'],
      at_millis: 1,
    })
    for (const [future, expirationMillis] of [
      [instrumentName, Date.UTC(2046, 10, 27, 16)],
      ['H100.USE-28DEC46', Date.UTC(2046, 11, 28, 16)],
    ] as const)
      for (const [strike, call, put] of [
        ['2.45', 13, 12],
        ['2.5', 12, 12],
        ['2.55', 11, 13],
      ] as const)
        for (const [optionType, ticks] of [
          ['call', call],
          ['put', put],
        ] as const) {
          const terms = { option_type: optionType, strike, underlying_instrument: future }
          const { instrument } = floor.instrument(1, {
            instrumentName: `${future}-${strike}-${optionType === 'call' ? 'C' : 'P'}.E`,
            kind: 'option',
            expirationMillis,
            terms: JSON.stringify(terms),
          })
          const market = { ...newMarket, bids: sideOf(false, [ticks - 1, 1]), asks: sideOf(true, [ticks + 1, 1]) }
          const { instrumentId } = instrument
          floor.seed('books', bookPut({ lane: 1, instrumentId, market, updatedAtMillis: 1, outSeq: 1 }))
        }
  }
  /** A week of demand and prices of the past. */
  const observed = () => {
    const today = Math.floor(Date.now() / dayMillis) * dayMillis
    const micros = Array.from({ length: 24 }, (_, hour) => 2_000_000 + (hour % 5) * 100_000)
    const hours = micros.map((value, hour) => [`hour_${String(hour).padStart(2, '0')}_micros`, value])
    for (const measure of ['demand', 'price'])
      for (let day = 0; day <= 8; day += 1)
        floor.tables.seed('capacityObservations', {
          series: `${measure}#H100#USE`,
          day_millis: today - day * dayMillis,
          ...Object.fromEntries(hours),
        })
  }
  const epoch = epochHead()
  /** An epoch of risk in force, a liquidation of either account that failed, and an auction of either lane. */
  const risk = () => {
    floor.tables.seed('riskLanes', { lane: '1', adopted_version: epoch.version, adopted_at_millis: epoch.madeAtMillis })
    floor.tables.seed('riskEpochs', {
      epoch: String(epoch.version).padStart(10, '0'),
      part: 'head',
      body: gzipSync(JSON.stringify(epoch)),
    })
    for (const [accountId, id] of [
      [7, liquidationId],
      [8, foreign.liquidation_id],
    ] as const)
      floor.tables.seed('liquidations', {
        liquidation_id: id,
        row: 'head',
        account_number: `1#${accountId}`,
        lane_number: '1',
        started_key: `1970-01-01T00:00:00.002Z#${id}`,
        lane: 1,
        account_id: accountId,
        liquidation_state: 'failed',
        attempt: 1,
        called_at_millis: 1,
        call_event_id: '1:5:0',
        epoch_version: epoch.version,
        call_equity_micros: -1_500_000,
        call_requirement_micros: 2_000_000,
        grace_ends_at_millis: 3,
        equity_micros: -1_500_000,
        requirement_micros: 2_000_000,
        started_at_millis: 2,
        updated_at_millis: 5,
        begun_at_millis: 4,
        failure: 'LiquidationStuck: of nobody',
      })
    const atMillis = Date.now()
    for (const [lane, id] of [
      [1, auctionId],
      [2, foreign.auction_id],
    ] as const)
      floor.tables.seed('backstopAuctions', {
        auction_id: id,
        row: 'head',
        lane_number: String(lane),
        opened_key: `${new Date(atMillis).toISOString()}#${id}`,
        lane,
        liquidation_id: liquidationId,
        auction_state: 'open',
        opened_at_millis: atMillis,
        deadline_millis: atMillis + dayMillis,
        lots: [
          {
            instrument_id: 1,
            instrument_name: instrumentName,
            tick_size: '0.05',
            min_trade_amount: '0.1',
            signed_lots: 100,
            mark_ticks: 50,
            reserve_ticks: 40,
          },
        ],
      })
  }
  /** What is reserved for either account, and a plan that is done. */
  const capacity = () => {
    const startMillis = Date.parse(hours.starts_at)
    for (const [account, accountId, id] of [
      ['acme', 7, allocationId],
      ['other', 8, foreign.allocation_id],
    ] as const)
      floor.tables.seed('capacityAllocations', {
        allocation_id: id,
        account,
        requested_key: `1970-01-01T00:00:00.001Z#${id}`,
        pool: 'booked',
        due_key: `${hours.starts_at}#${id}`,
        account_id: accountId,
        lane: 1,
        allocation_state: 'reserved',
        service: 'mlops',
        resource_class: 'H100',
        resources: JSON.stringify({ gpus: 1, vcpus: 0, memoryGib: 0, storageTib: 0 }),
        units: 1,
        regions: ['USE'],
        earliest_start_millis: startMillis,
        latest_start_millis: startMillis,
        window_end_millis: Date.parse(hours.ends_at),
        duration_hours: 2,
        flexibility: 'none',
        priority: 3,
        budget_micros: 5_000_000,
        is_preemptible: true,
        body_hash: 'x',
        requested_at_millis: 1,
        updated_at_millis: 2,
        plans_missed: 0,
        plan_id: planId,
        planned_at_millis: 1,
        explanation: 'Served.',
        start_millis: startMillis,
        end_millis: Date.parse(hours.ends_at),
        cost_micros: 4_000_000,
        shares: [],
        is_releasing: false,
        is_lapsed: false,
      })
    floor.tables.seed('capacityPlans', {
      plan_id: planId,
      row: 'head',
      plan_state: 'done',
      attempt: 1,
      requested_at_millis: 1,
      updated_at_millis: 2,
      made_at_millis: 1,
      requests: 2,
      served: 2,
      cost_micros: 8_000_000,
    })
  }
  /** A contract and a purchase of either account, and an import that has all it needs. */
  const partners = () => {
    const fromMillis = Date.parse(hours.starts_at)
    for (const [account, accountId, contract, purchase] of [
      ['acme', 7, contractId, purchaseId],
      ['other', 8, foreign.contract_id, foreign.purchase_id],
    ] as const) {
      const own = {
        account,
        accountId,
        lane: 1,
        provider: 'generic' as const,
        resourceClass: 'H100',
        region: 'USE',
        vector: { gpus: 1, vcpus: 8, memoryGib: 64, storageTib: 0 },
        units: 10,
        fromMillis,
        untilMillis: fromMillis + dayMillis,
        createdAtMillis: 1,
      }
      const lot = lotPut({
        ...own,
        lotId: contract,
        kind: 'contract',
        state: 'open',
        priceMicrosPerUnitHour: 2_000_000,
        reference: contract,
      })
      floor.seed('partnerInventory', lot)
      floor.seed(
        'partnerContracts',
        contractPut({
          ...own,
          contractId: contract,
          isShared: false,
          minimumUnits: 1,
          priceMicrosPerUnitHour: 2_000_000,
          tiers: [],
          acceptUntilMillis: fromMillis + dayMillis,
          bodyHash: 'x',
        }),
      )
      floor.seed(
        'partnerPurchases',
        purchasePut({
          ...own,
          purchaseId: purchase,
          state: 'completed',
          parts: [{ ...own, offerId: `contract:${contract}`, pricing: 'contract', source: 'contract', costMicros: 1 }],
          partsDone: 0,
          costMicros: 1,
          bodyHash: 'x',
          updatedAtMillis: 2,
          attempt: 1,
        }),
      )
    }
    floor.tables.seed('partnerCatalogues', {
      provider: 'gcp',
      row: `import#${importId}`,
      import_id: importId,
      catalogue_state: 'open',
      file_name: 'prices.csv',
      started_at_millis: 1,
      started_by: 'operator',
      products: 0,
      rows: 0,
      screened: 0,
      body_hash: 'x',
    })
  }
  /** An execution of either account that failed, and one that was begun under the name that requests carry. */
  const arbitrage = () => {
    const begun = nameBasedUuid(`arbitrage#${JSON.stringify(['acme', 'a-good-name'])}`)
    for (const row of [
      executionRow({ executionId, state: 'failed', failure: 'ArbitrageUnanswered' }),
      executionRow({ executionId: foreign.execution_id, account: 'other', accountId: 8, state: 'failed' }),
      executionRow({ executionId: begun, opportunityId, state: 'completed' }),
    ])
      floor.seed('arbitrageExecutions', executionPut(row))
  }
  const apiKey = (account: string, id: string) =>
    floor.seed(
      'apiKeys',
      apiKeyPut({
        keyId: id,
        account,
        role: 'trader',
        name: 'robot',
        keyType: 'ed25519',
        scopes: ['markets:read'],
        allowedAddresses: [],
        version: 1,
        verifier: otherKey,
        createdAtMillis: 1,
        expiresAtMillis: Date.now() + dayMillis,
      }),
    )

  const deliver = async ({ context }: Operation, event: APIGatewayProxyEvent): Promise<Answered> => {
    const { handler }: { handler: HttpHandler } = await import(`#lambdas/${context}/http.ts`)
    return answerOf(await handler(event, lambdaContext))
  }
  return {
    deliver,
    send(operation, { body, ...rest }, as = { role: roleFor(operation) }) {
      return deliver(operation, {
        ...proxyEvent(operation.method, operation.path, { ...rest, as }),
        ...(body === undefined ? {} : { body: body.toString('base64'), isBase64Encoded: true }),
      })
    },
    traces: () => [
      ...floor.tables.writes().filter(write => !write.endsWith(' rate-limits')),
      ...floor.put().map(({ type }) => `command ${type}`),
      ...workflows.calls().map(() => 'workflow'),
    ],
    knownTo: ({ name }) => ({ ...known, ...own()[name] }),
    reset() {
      floor.reset()
      workflows.reset()
      workflows.on(StartExecutionCommand).resolves({})
      order(7, orderId)
      order(8, foreign.order_id)
      deposit('acme', 7, depositId)
      deposit('other', 8, foreign.deposit_id)
      withdrawal('acme', 7, withdrawalId)
      withdrawal('other', 8, foreign.withdrawal_id)
      floor.account('acme.desk', 10, 1, 'acme')
      floor.instrument(1, { instrumentName: assetName, kind: 'collateral', terms: '{}', expirationMillis: neverMillis })
      named('acme', 7, orderId)
      cancellation('acme', 7, commandId)
      cancellation('other', 8, foreign.command_id)
      supervised()
      seedIndex(floor.tables)
      contracts()
      grids()
      quoted()
      observed()
      risk()
      for (const [id, buyer] of [
        [contractId, 'acme'],
        [foreign.contract_id, 'other'],
      ] as const) {
        seedSlaContract(floor.tables, id, { buyer })
        seedSlaMonth(floor.tables, id, new Date().toISOString().slice(0, 7))
      }
      seedDayAhead(floor.tables)
      seedBid(floor.tables, 'acme', 7, bidId)
      seedBid(floor.tables, 'other', 8, foreign.bid_id)
      seedDelivery(floor.tables, deliveryId)
      seedDelivery(floor.tables, foreign.delivery_id, { buyer: 8 })
      partners()
      capacity()
      arbitrage()
      apiKey('acme', keyId)
      apiKey('other', foreign.key_id)
    },
  }
}

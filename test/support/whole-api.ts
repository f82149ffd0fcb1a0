import { generateKeyPairSync } from 'node:crypto'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import { mockClient } from 'aws-sdk-client-mock'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { accountNumberPut } from '#adapters/tables/account-numbers.ts'
import { apiKeyPut } from '#adapters/tables/api-keys.ts'
import { orderPut } from '#adapters/tables/orders.ts'
import { tradePut } from '#adapters/tables/trades.ts'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { workflowEnvironmentVariable, workflows as workflowsDeclared } from '#protocol/functions.ts'
import { nameHash } from '#protocol/name-hash.ts'
import type { Operation } from '#protocol/operation.ts'
import { permits, type Role, roles } from '#protocol/permissions.ts'
import { rateLimitsEnvironmentVariable } from '#protocol/rate-limits.ts'
import { consistentValues, type Known, type Parts } from './hostile-requests.ts'
import { type Answered, answerOf, type HttpHandler, lambdaContext, proxyEvent } from './http-requests.ts'
import { orderRow, tradeRow } from './rows.ts'
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
const settingId = commandId.replace('23', '25')
/** One that nobody has asked to bust, and one that somebody else has. */
const tradeId = tradeIdOf(1, 41)
const askedTradeId = tradeIdOf(1, 42)
const keyId = '0123456789abcdef01234567'
/** Things of the account `other`. */
export const foreign = {
  account: 'other',
  order_id: orderId.replace('21', '31'),
  deposit_id: depositId.replace('22', '32'),
  command_id: commandId.replace('23', '33'),
  key_id: keyId.replace('0', 'f'),
}
/** Of the same form, and nobody's. */
export const absent = {
  account: 'nobody',
  order_id: orderId.replace('21', '41'),
  deposit_id: depositId.replace('22', '42'),
  command_id: commandId.replace('23', '43'),
  key_id: keyId.replace('0', 'e'),
}

const dayMillis = 24 * 60 * 60 * 1_000

/** The least role that may. */
const roleFor = ({ permission }: Operation): Role => {
  const role = roles.find(each => permission === 'public' || permits(each, permission))
  if (role === undefined) throw new Error(`no role has the permission ${permission}`)
  return role
}

export const openWholeApi = (): WholeApi => {
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
    command_id: commandId,
    key_id: keyId,
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
  }
  /** Where what all operations share would not do. */
  const own: Readonly<Record<string, Known>> = {
    ...consistentValues(instrumentName, String(known['expires_at'])),
    'get-order-by-client-order-id': { client_order_id: clientOrderId },
    'amend-order-by-client-order-id': { client_order_id: clientOrderId },
    'cancel-order-by-client-order-id': { client_order_id: clientOrderId },
    'get-quote-outcome': { command_id: quoteId },
    'get-command': { command_id: settingId },
    'approve-trade-bust': { bust_id: askedTradeId },
    'reopen-lane': { lane: '2' },
    'list-instrument': { instrument_name: 'A100.USE-27NOV46', tick_size: '0.05', max_price: '100' },
  }
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
    knownTo: ({ name }) => ({ ...known, ...own[name] }),
    reset() {
      floor.reset()
      workflows.reset()
      workflows.on(StartExecutionCommand).resolves({})
      order(7, orderId)
      order(8, foreign.order_id)
      deposit('acme', 7, depositId)
      deposit('other', 8, foreign.deposit_id)
      named('acme', 7, orderId)
      cancellation('acme', 7, commandId)
      cancellation('other', 8, foreign.command_id)
      supervised()
      apiKey('acme', keyId)
      apiKey('other', foreign.key_id)
    },
  }
}

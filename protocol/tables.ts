/**
 * The tables, named once: from each name follow the construct id (`<Name>Table`), the environment variable that gives a
 * function the table's real name, and the adapter `adapters/tables/<name>.ts`. Access patterns: docs/data-model.md.
 */
export interface Table {
  /** kebab-case */
  readonly name: string
  readonly environmentVariable: string
  readonly partitionKey: Key
  readonly sortKey?: Key
  readonly localIndexes?: readonly { readonly name: string; readonly sortKey: Key }[]
  readonly globalIndexes?: readonly { readonly name: string; readonly partitionKey: Key; readonly sortKey?: Key }[]
  /** Attribute with the second at which an item may be dropped. */
  readonly timeToLive?: string
  /** Changes are read by a function (new and old images). */
  readonly stream?: boolean
}

export interface Key {
  readonly name: string
  readonly type: 'S' | 'N'
}

const text = (name: string): Key => ({ name, type: 'S' })
const number = (name: string): Key => ({ name, type: 'N' })

export const tables = {
  /**
   * What the intake has promised: one row for each named request of a principal, written before the stream is.
   * The index answers a read by id at once and consistently (a global index would lag behind the 202).
   */
  commands: {
    name: 'commands',
    environmentVariable: 'COMMANDS_TABLE',
    partitionKey: text('principal'),
    sortKey: text('request_name'),
    localIndexes: [{ name: 'by-command-id', sortKey: text('command_id') }],
    timeToLive: 'expires_at',
  },
  /** What the engine answered to commands other than orders (an order's row is its own outcome). */
  outcomes: {
    name: 'outcomes',
    environmentVariable: 'OUTCOMES_TABLE',
    partitionKey: text('command_id'),
    timeToLive: 'expires_at',
  },
  orders: {
    name: 'orders',
    environmentVariable: 'ORDERS_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('order_id'),
    /** Sparse: only open orders carry open_account_id. */
    globalIndexes: [{ name: 'open-orders', partitionKey: number('open_account_id'), sortKey: text('order_id') }],
    stream: true,
  },
  /** Two rows a trade, one for each side. */
  trades: {
    name: 'trades',
    environmentVariable: 'TRADES_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('trade_id'),
    stream: true,
  },
  positions: {
    name: 'positions',
    environmentVariable: 'POSITIONS_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('instrument_name'),
    /** Sparse: only positions that are open carry open_market. */
    globalIndexes: [{ name: 'open-positions', partitionKey: text('open_market'), sortKey: number('account_id') }],
    stream: true,
  },
  balances: {
    name: 'balances',
    environmentVariable: 'BALANCES_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('currency'),
  },
  /** Each movement of an account's cash, with what the cash was then. */
  ledgerEntries: {
    name: 'ledger-entries',
    environmentVariable: 'LEDGER_ENTRIES_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('entry_id'),
  },
  accounts: {
    name: 'accounts',
    environmentVariable: 'ACCOUNTS_TABLE',
    partitionKey: text('account'),
    globalIndexes: [{ name: 'by-firm', partitionKey: text('firm'), sortKey: text('account') }],
    stream: true,
  },
  instruments: {
    name: 'instruments',
    environmentVariable: 'INSTRUMENTS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('instrument_name'),
    stream: true,
  },
  /** One item a market: its visible book and what else everybody may know of it now. */
  books: {
    name: 'books',
    environmentVariable: 'BOOKS_TABLE',
    partitionKey: text('market'),
    stream: true,
  },
  /** Trades as everybody may know them, by time. */
  marketTrades: {
    name: 'market-trades',
    environmentVariable: 'MARKET_TRADES_TABLE',
    partitionKey: text('market'),
    sortKey: text('trade_key'),
  },
  /** A series is a market in one resolution. */
  candles: {
    name: 'candles',
    environmentVariable: 'CANDLES_TABLE',
    partitionKey: text('series'),
    sortKey: number('start_millis'),
  },
  /** Business parameters as versions with an effective time: what an index is made of, how marks are made, what is listed. */
  parameters: {
    name: 'parameters',
    environmentVariable: 'PARAMETERS_TABLE',
    partitionKey: text('kind'),
    sortKey: text('version_key'),
  },
  /** What each source last said of an index. */
  indexQuotes: {
    name: 'index-quotes',
    environmentVariable: 'INDEX_QUOTES_TABLE',
    partitionKey: text('index'),
    sortKey: text('source'),
  },
  /** Levels of an index that were fixed, each with all that it was made of. */
  fixings: {
    name: 'fixings',
    environmentVariable: 'FIXINGS_TABLE',
    partitionKey: text('index'),
    sortKey: number('fixing_millis'),
  },
  /** Windows of a measured service as a source attests them: latency, availability, penalties, accuracy, delivery. */
  measurements: {
    name: 'measurements',
    environmentVariable: 'MEASUREMENTS_TABLE',
    partitionKey: text('series'),
    sortKey: text('window_key'),
  },
  /** One item a market: its fair price with what it follows from, volatility and greeks. */
  marks: {
    name: 'marks',
    environmentVariable: 'MARKS_TABLE',
    partitionKey: text('market'),
  },
  /** The volatility surface of an underlying, an expiration each. */
  surfaces: {
    name: 'surfaces',
    environmentVariable: 'SURFACES_TABLE',
    partitionKey: text('underlying'),
    sortKey: number('expiration_millis'),
  },
  /** What a contract has settled at, each time with the inputs and how far the payment has come. */
  settlements: {
    name: 'settlements',
    environmentVariable: 'SETTLEMENTS_TABLE',
    partitionKey: text('market'),
    sortKey: text('settlement'),
  },
  /** What providers promise buyers; never changed. A row for each collection that a contract is looked for in. */
  slaContracts: {
    name: 'sla-contracts',
    environmentVariable: 'SLA_CONTRACTS_TABLE',
    partitionKey: text('collection'),
    sortKey: text('contract_id'),
  },
  /** What each probe says of a series, by event time; the windows follow from them. */
  slaReadings: {
    name: 'sla-readings',
    environmentVariable: 'SLA_READINGS_TABLE',
    partitionKey: text('series'),
    sortKey: text('reading_key'),
    timeToLive: 'expires_at',
    stream: true,
  },
  /** What the windows of a contract's months add up to, and one row for how far they are closed. */
  slaMonths: {
    name: 'sla-months',
    environmentVariable: 'SLA_MONTHS_TABLE',
    partitionKey: text('contract_id'),
    sortKey: text('month'),
  },
  /** Each version of what a contract's month makes due: uptime, breach, penalty, and how far it has come. */
  slaAssessments: {
    name: 'sla-assessments',
    environmentVariable: 'SLA_ASSESSMENTS_TABLE',
    partitionKey: text('contract_id'),
    sortKey: text('assessment_key'),
  },
  /** The penalty ledger: entries are only ever added. */
  slaPenalties: {
    name: 'sla-penalties',
    environmentVariable: 'SLA_PENALTIES_TABLE',
    partitionKey: text('contract_id'),
    sortKey: text('entry_key'),
  },
  /** One row a lane and delivery date: what is auctioned by which rules, its gate, and how far it has come. */
  dayAheadAuctions: {
    name: 'day-ahead-auctions',
    environmentVariable: 'DAY_AHEAD_AUCTIONS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('delivery_date'),
  },
  /** Bids and offers as they were sent; whether they count is what the engine answered to their holds. */
  dayAheadBids: {
    name: 'day-ahead-bids',
    environmentVariable: 'DAY_AHEAD_BIDS_TABLE',
    partitionKey: text('auction'),
    sortKey: text('bid_key'),
  },
  /** What an auction came to, in parts: prices and certificates, what is to be booked, and what each account has won. */
  dayAheadResults: {
    name: 'day-ahead-results',
    environmentVariable: 'DAY_AHEAD_RESULTS_TABLE',
    partitionKey: text('auction'),
    sortKey: text('part'),
  },
  /** Volume and realised variance of a market by window of event time. */
  marketWindows: {
    name: 'market-windows',
    environmentVariable: 'MARKET_WINDOWS_TABLE',
    partitionKey: text('series'),
    sortKey: number('start_millis'),
  },
  /** What became of mass quotes, side by side. */
  quoteOutcomes: {
    name: 'quote-outcomes',
    environmentVariable: 'QUOTE_OUTCOMES_TABLE',
    partitionKey: text('command_id'),
    timeToLive: 'expires_at',
  },
  /** What an account has set for its quotes and orders: protections of groups, its dead-man timer. */
  marketMakers: {
    name: 'market-makers',
    environmentVariable: 'MARKET_MAKERS_TABLE',
    partitionKey: text('account_number'),
    sortKey: text('setting'),
  },
  /** One row a market and UTC day: whose quotes stood in it, and for how long as they are obliged to. */
  quotingDays: {
    name: 'quoting-days',
    environmentVariable: 'QUOTING_DAYS_TABLE',
    partitionKey: text('market'),
    sortKey: number('day_millis'),
  },
  /** One row a market: all versions of what its market makers are obliged to. */
  obligationTerms: {
    name: 'obligation-terms',
    environmentVariable: 'OBLIGATION_TERMS_TABLE',
    partitionKey: text('market'),
  },
  /** The limits that the engine follows, how they are scaled, budgets of quotes, and what was beyond a limit. */
  riskLimits: {
    name: 'risk-limits',
    environmentVariable: 'RISK_LIMITS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('row'),
    timeToLive: 'expires_at',
    stream: true,
  },
  /** Requests to loosen limits, and who approved them. */
  limitRequests: {
    name: 'limit-requests',
    environmentVariable: 'LIMIT_REQUESTS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('request_id'),
    timeToLive: 'expires_at',
  },
  /** Other requests that another person is to approve: that parameters protect less, that an insurance fund pays out. */
  approvalRequests: {
    name: 'approval-requests',
    environmentVariable: 'APPROVAL_REQUESTS_TABLE',
    partitionKey: text('kind'),
    sortKey: text('request_id'),
    timeToLive: 'expires_at',
  },
  killSwitches: {
    name: 'kill-switches',
    environmentVariable: 'KILL_SWITCHES_TABLE',
    partitionKey: text('lane'),
    sortKey: text('subject'),
  },
  /** By whose name an account number goes: events carry numbers only. */
  accountNumbers: {
    name: 'account-numbers',
    environmentVariable: 'ACCOUNT_NUMBERS_TABLE',
    partitionKey: text('account_number'),
  },
  /** Requests to reverse trades, and who approved them. */
  tradeBusts: {
    name: 'trade-busts',
    environmentVariable: 'TRADE_BUSTS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('bust_id'),
  },
  /** What margin was computed by, whole: what each epoch was made of and what it came to. */
  riskEpochs: {
    name: 'risk-epochs',
    environmentVariable: 'RISK_EPOCHS_TABLE',
    partitionKey: text('epoch'),
    sortKey: text('part'),
    timeToLive: 'expires_at',
  },
  /** Which epoch decides in a lane, and whether another one is due there. */
  riskLanes: {
    name: 'risk-lanes',
    environmentVariable: 'RISK_LANES_TABLE',
    partitionKey: text('lane'),
    stream: true,
  },
  /** Accounts that needed more than they had, each time, and what the last time has led to. */
  marginCalls: {
    name: 'margin-calls',
    environmentVariable: 'MARGIN_CALLS_TABLE',
    partitionKey: text('account_number'),
    sortKey: text('call'),
    stream: true,
  },
  /** What was done about a margin call: its head, each step with its numbers, and what the engine said. Never deleted. */
  liquidations: {
    name: 'liquidations',
    environmentVariable: 'LIQUIDATIONS_TABLE',
    partitionKey: text('liquidation_id'),
    sortKey: text('row'),
    /** Sparse: only heads carry started_key. */
    globalIndexes: [
      { name: 'by-account', partitionKey: text('account_number'), sortKey: text('started_key') },
      { name: 'by-lane', partitionKey: text('lane_number'), sortKey: text('started_key') },
    ],
    stream: true,
  },
  /** Positions that market makers may take over, and their bids. */
  backstopAuctions: {
    name: 'backstop-auctions',
    environmentVariable: 'BACKSTOP_AUCTIONS_TABLE',
    partitionKey: text('auction_id'),
    sortKey: text('row'),
    /** Sparse: only auctions carry opened_key. */
    globalIndexes: [{ name: 'by-lane', partitionKey: text('lane_number'), sortKey: text('opened_key') }],
  },
  /**
   * One obligation to deliver: what the engine said of it, its head, its timeline, what the provisioning service was asked.
   * Sparse indexes: only heads carry the numbers of the accounts, only what has not ended carries open_lane.
   */
  deliveries: {
    name: 'deliveries',
    environmentVariable: 'DELIVERIES_TABLE',
    partitionKey: text('delivery_id'),
    sortKey: text('row'),
    globalIndexes: [
      { name: 'by-buyer', partitionKey: text('buyer_number'), sortKey: text('obligated_key') },
      { name: 'by-seller', partitionKey: text('seller_number'), sortKey: text('obligated_key') },
      { name: 'open', partitionKey: text('open_lane'), sortKey: text('obligated_key') },
    ],
    stream: true,
  },
  /** Requests for capacity, each with its allocation. */
  capacityAllocations: {
    name: 'capacity-allocations',
    environmentVariable: 'CAPACITY_ALLOCATIONS_TABLE',
    partitionKey: text('allocation_id'),
    /** Sparse: only what waits for a plan, is being booked, or holds units carries pool; only what names a class carries wanted. */
    globalIndexes: [
      { name: 'by-account', partitionKey: text('account'), sortKey: text('requested_key') },
      { name: 'by-pool', partitionKey: text('pool'), sortKey: text('due_key') },
      { name: 'by-resource', partitionKey: text('wanted'), sortKey: text('starts_key') },
    ],
    stream: true,
  },
  /** Plans of all open requests: the head with its certificate, the decisions, and which plan is being made. */
  capacityPlans: {
    name: 'capacity-plans',
    environmentVariable: 'CAPACITY_PLANS_TABLE',
    partitionKey: text('plan_id'),
    sortKey: text('row'),
  },
  /** Hourly demand and prices of the past, as they were told: a row for each day of a resource. */
  capacityObservations: {
    name: 'capacity-observations',
    environmentVariable: 'CAPACITY_OBSERVATIONS_TABLE',
    partitionKey: text('series'),
    sortKey: number('day_millis'),
  },
  /** By which an account has day-ahead bids placed from forecasts, with what they came to last. */
  procurementPolicies: {
    name: 'procurement-policies',
    environmentVariable: 'PROCUREMENT_POLICIES_TABLE',
    partitionKey: text('account'),
    sortKey: text('market'),
    /** Sparse: only policies that are not off carry active. */
    globalIndexes: [{ name: 'by-activity', partitionKey: text('active'), sortKey: text('policy_key') }],
  },
  /** Catalogues of partners: each import, and which of them is in force for its provider. */
  partnerCatalogues: {
    name: 'partner-catalogues',
    environmentVariable: 'PARTNER_CATALOGUES_TABLE',
    partitionKey: text('provider'),
    sortKey: text('row'),
  },
  /** What an import's rows came to, by region, and the prices that were screened out. */
  partnerOffers: {
    name: 'partner-offers',
    environmentVariable: 'PARTNER_OFFERS_TABLE',
    partitionKey: text('shelf'),
    sortKey: text('product'),
    timeToLive: 'expires_at',
  },
  /** Wholesale contracts, by account; those that are open to all accounts stand under a name of their own. */
  partnerContracts: {
    name: 'partner-contracts',
    environmentVariable: 'PARTNER_CONTRACTS_TABLE',
    partitionKey: text('holder'),
    sortKey: text('contract_id'),
  },
  /** Lots of capacity: a head each, and a row for each day of which an hour was ever touched. */
  partnerInventory: {
    name: 'partner-inventory',
    environmentVariable: 'PARTNER_INVENTORY_TABLE',
    partitionKey: text('lot_id'),
    sortKey: text('row'),
    /** Sparse: only heads carry holder and ends_key; only lots that expire with units left carry offered_region. */
    globalIndexes: [
      { name: 'by-holder', partitionKey: text('holder'), sortKey: text('ends_key') },
      { name: 'by-kind', partitionKey: text('kind'), sortKey: text('ends_key') },
      { name: 'offered', partitionKey: text('offered_region'), sortKey: text('ends_key') },
    ],
    stream: true,
  },
  /** Purchases, and how far each has come; an open one also by when it was touched last. */
  partnerPurchases: {
    name: 'partner-purchases',
    environmentVariable: 'PARTNER_PURCHASES_TABLE',
    partitionKey: text('account'),
    sortKey: text('purchase_id'),
    /** Sparse: only those that are under way carry open. */
    globalIndexes: [{ name: 'by-progress', partitionKey: text('open'), sortKey: text('purchase_id') }],
    stream: true,
  },
  /** Executions of arbitrage and decisions about it: a head each, and the steps of those that were executed. */
  arbitrageExecutions: {
    name: 'arbitrage-executions',
    environmentVariable: 'ARBITRAGE_EXECUTIONS_TABLE',
    partitionKey: text('execution_id'),
    sortKey: text('row'),
    /** Sparse: only heads carry created_key. */
    globalIndexes: [{ name: 'by-account', partitionKey: text('account'), sortKey: text('created_key') }],
    stream: true,
  },
  /** What the arbitrage engine may do by itself, by account; the tenant's stands under a name of its own. */
  arbitragePolicies: {
    name: 'arbitrage-policies',
    environmentVariable: 'ARBITRAGE_POLICIES_TABLE',
    partitionKey: text('account'),
    /** Sparse: only policies that are not off carry active. */
    globalIndexes: [{ name: 'by-activity', partitionKey: text('active'), sortKey: text('account') }],
  },
  /** API keys: keyed hashes of secrets and public keys, never a secret itself. */
  apiKeys: {
    name: 'api-keys',
    environmentVariable: 'API_KEYS_TABLE',
    partitionKey: text('key_id'),
    timeToLive: 'expires_at',
  },
  /** Which keys an account has: the one row that creating and revoking keys of the account go through. */
  apiKeyHolders: {
    name: 'api-key-holders',
    environmentVariable: 'API_KEY_HOLDERS_TABLE',
    partitionKey: text('account'),
  },
  /** Of signed requests: a nonce is taken once, for as long as its request could be sent again. */
  nonces: {
    name: 'nonces',
    environmentVariable: 'NONCES_TABLE',
    partitionKey: text('nonce'),
    timeToLive: 'expires_at',
  },
  /** One row a record, append-only, and one for the end of the chain, which every writer must find as it read it. */
  audit: {
    name: 'audit',
    environmentVariable: 'AUDIT_TABLE',
    partitionKey: text('record_id'),
    globalIndexes: [{ name: 'by-date', partitionKey: text('date'), sortKey: number('number') }],
  },
  /** Of each credential one token bucket, kept as the instant until which it is spent. */
  rateLimits: {
    name: 'rate-limits',
    environmentVariable: 'RATE_LIMITS_TABLE',
    partitionKey: text('credential'),
    timeToLive: 'expires_at',
  },
  /** A lane's small state: its lease with the checkpoint, the matchers and their figures, each projector's watermark. */
  lanes: {
    name: 'lanes',
    environmentVariable: 'LANES_TABLE',
    partitionKey: text('lane'),
    sortKey: text('row'),
    timeToLive: 'expires_at',
  },
} as const satisfies Record<string, Table>

export type TableName = keyof typeof tables

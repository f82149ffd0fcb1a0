import type { Context } from './operation.ts'
import type { TableName } from './tables.ts'

/**
 * Functions that no HTTP route calls. From each name follow the handler file `lambdas/<context>/<name>.ts` and the
 * construct id; from a task's also its placeholder in stepfunctions/ (`${SubmitAccount}`).
 */
export interface StreamConsumer {
  readonly context: Context
  readonly name: string
  /** The executions streams of all lanes, the stream of audit lines, or a table's own stream. */
  readonly reads: 'executions' | 'audit-lines' | TableName
  /** No order waits for it: where a tenant asks for low cost, it takes at once what a second brings. */
  readonly gathers?: true
  /** Only for tenants that have switched it on. */
  readonly needs?: 'announceOrders' | 'laneBudgets'
}

export const streamConsumers = [
  { context: 'trading', name: 'project-orders', reads: 'executions' },
  { context: 'ledger', name: 'project-positions', reads: 'executions' },
  { context: 'reference', name: 'project-instruments', reads: 'executions' },
  { context: 'reference', name: 'project-market-data', reads: 'executions', gathers: true },
  { context: 'market-making', name: 'project-market-making', reads: 'executions', gathers: true },
  { context: 'trading', name: 'announce-trades', reads: 'trades' },
  { context: 'ledger', name: 'announce-positions', reads: 'positions' },
  { context: 'trading', name: 'announce-orders', reads: 'orders', needs: 'announceOrders' },
  { context: 'ledger', name: 'resume-account-opening', reads: 'accounts' },
  { context: 'security', name: 'chain-audit-records', reads: 'audit-lines' },
  { context: 'pricing', name: 'mark-moved-books', reads: 'books' },
  { context: 'settlement', name: 'start-settlements', reads: 'instruments' },
  { context: 'risk', name: 'renew-risk-epoch', reads: 'riskLanes' },
  { context: 'risk', name: 'relay-lane-budgets', reads: 'executions', needs: 'laneBudgets' },
  { context: 'risk', name: 'announce-limits', reads: 'riskLimits' },
  { context: 'risk', name: 'start-liquidations', reads: 'marginCalls' },
  { context: 'risk', name: 'announce-margin-calls', reads: 'marginCalls' },
  { context: 'risk', name: 'announce-liquidations', reads: 'liquidations' },
  { context: 'sla', name: 'correct-windows', reads: 'slaReadings' },
  { context: 'delivery', name: 'start-deliveries', reads: 'deliveries' },
  { context: 'delivery', name: 'announce-deliveries', reads: 'deliveries' },
  { context: 'partners', name: 'announce-purchases', reads: 'partnerPurchases' },
  { context: 'partners', name: 'announce-inventory', reads: 'partnerInventory' },
  { context: 'partners', name: 'announce-arbitrage', reads: 'arbitrageExecutions' },
  { context: 'capacity', name: 'announce-allocations', reads: 'capacityAllocations' },
] as const satisfies readonly StreamConsumer[]

/** Those that apply each event once and keep a watermark: all readers of executions but the relay, which only hands on. */
export const projectors = streamConsumers
  .filter(({ name, reads }) => reads === 'executions' && name !== 'relay-lane-budgets')
  .map(({ name }) => name)

/** Whether a tenant with these switches has the function. */
export const isWanted = (
  { needs }: StreamConsumer,
  switches: Readonly<Record<NonNullable<StreamConsumer['needs']>, boolean>>,
): boolean => needs === undefined || switches[needs]

export interface Task {
  readonly context: Context
  readonly name: string
  readonly workflow: string
}

export const tasks = [
  { context: 'ledger', name: 'register-account', workflow: 'open-account' },
  { context: 'ledger', name: 'submit-account', workflow: 'open-account' },
  { context: 'ledger', name: 'announce-account', workflow: 'open-account' },
  { context: 'ledger', name: 'fail-account', workflow: 'open-account' },
  { context: 'supervision', name: 'verify-replicas', workflow: 'lane-reopening' },
  { context: 'supervision', name: 'halt-markets', workflow: 'lane-reopening' },
  { context: 'supervision', name: 'resume-lane', workflow: 'lane-reopening' },
  { context: 'supervision', name: 'confirm-halts', workflow: 'lane-reopening' },
  { context: 'supervision', name: 'call-auctions', workflow: 'lane-reopening' },
  { context: 'supervision', name: 'fail-reopening', workflow: 'lane-reopening' },
  { context: 'settlement', name: 'collect-inputs', workflow: 'cash-settlement' },
  { context: 'settlement', name: 'compute-settlement', workflow: 'cash-settlement' },
  { context: 'settlement', name: 'post-settlement', workflow: 'cash-settlement' },
  { context: 'settlement', name: 'confirm-settlement', workflow: 'cash-settlement' },
  { context: 'settlement', name: 'announce-settlement', workflow: 'cash-settlement' },
  { context: 'settlement', name: 'fail-settlement', workflow: 'cash-settlement' },
  { context: 'risk', name: 'begin-liquidation', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'join-liquidation', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'plan-liquidation', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'reduce-position', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'open-backstop-auction', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'award-backstop-lots', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'move-cash', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'cover-loss', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'haircut-gains', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'end-liquidation', workflow: 'collateral-liquidation' },
  { context: 'risk', name: 'fail-liquidation', workflow: 'collateral-liquidation' },
  { context: 'sla', name: 'collect-windows', workflow: 'sla-enforcement' },
  { context: 'sla', name: 'assess-month', workflow: 'sla-enforcement' },
  { context: 'sla', name: 'post-penalty', workflow: 'sla-enforcement' },
  { context: 'sla', name: 'credit-penalty', workflow: 'sla-enforcement' },
  { context: 'sla', name: 'announce-penalty', workflow: 'sla-enforcement' },
  { context: 'sla', name: 'fail-enforcement', workflow: 'sla-enforcement' },
  { context: 'day-ahead', name: 'close-gate', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'collect-bids', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'clear-day', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'list-hours', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'award-lots', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'release-bids', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'announce-clearing', workflow: 'day-ahead-auction' },
  { context: 'day-ahead', name: 'fail-auction', workflow: 'day-ahead-auction' },
  { context: 'delivery', name: 'nominate-delivery', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'request-provisioning', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'record-answer', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'cure-delivery', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'post-delivery', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'confirm-delivery', workflow: 'physical-settlement' },
  { context: 'delivery', name: 'fail-delivery', workflow: 'physical-settlement' },
  { context: 'partners', name: 'hold-purchase-money', workflow: 'partner-purchase' },
  { context: 'partners', name: 'reserve-with-partner', workflow: 'partner-purchase' },
  { context: 'partners', name: 'book-purchase', workflow: 'partner-purchase' },
  { context: 'partners', name: 'capture-purchase-money', workflow: 'partner-purchase' },
  { context: 'partners', name: 'undo-purchase', workflow: 'partner-purchase' },
  { context: 'partners', name: 'reserve-arbitrage-capacity', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'place-arbitrage-order', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'capture-arbitrage-purchase', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'unwind-arbitrage', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'release-arbitrage-capacity', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'end-arbitrage', workflow: 'arbitrage-execution' },
  { context: 'partners', name: 'fail-arbitrage', workflow: 'arbitrage-execution' },
  { context: 'capacity', name: 'make-capacity-plan', workflow: 'capacity-plan' },
  { context: 'capacity', name: 'reserve-capacity', workflow: 'capacity-plan' },
  { context: 'capacity', name: 'fail-capacity-plan', workflow: 'capacity-plan' },
] as const satisfies readonly Task[]

/** Called each minute by the tenant's one schedule. */
export const schedules = [
  { context: 'reference', name: 'sweep-due' },
  { context: 'indices', name: 'take-fixings' },
  { context: 'pricing', name: 'mark-instruments' },
  { context: 'settlement', name: 'sweep-settlements' },
  { context: 'risk', name: 'scale-limits' },
  { context: 'risk', name: 'make-risk-epoch' },
  { context: 'sla', name: 'sweep-sla' },
  { context: 'day-ahead', name: 'sweep-auctions' },
  { context: 'delivery', name: 'sweep-deliveries' },
  { context: 'partners', name: 'sweep-partners' },
  { context: 'partners', name: 'sweep-arbitrage' },
  { context: 'capacity', name: 'sweep-capacity' },
  { context: 'capacity', name: 'procure-capacity' },
] as const satisfies readonly {
  readonly context: Context
  readonly name: string
}[]

/** The workflow's document is `stepfunctions/<name>.asl.json`. */
export const workflows = [
  { context: 'ledger', name: 'open-account' },
  { context: 'supervision', name: 'lane-reopening' },
  { context: 'settlement', name: 'cash-settlement' },
  { context: 'risk', name: 'collateral-liquidation' },
  { context: 'sla', name: 'sla-enforcement' },
  { context: 'day-ahead', name: 'day-ahead-auction' },
  { context: 'delivery', name: 'physical-settlement' },
  { context: 'partners', name: 'partner-purchase' },
  { context: 'partners', name: 'arbitrage-execution' },
  { context: 'capacity', name: 'capacity-plan' },
] as const satisfies readonly { readonly context: Context; readonly name: string }[]

export const workflowEnvironmentVariable = (workflow: string): string =>
  `${workflow.replaceAll('-', '_').toUpperCase()}_WORKFLOW`

/** `submit-account` is `SubmitAccount` as placeholder and construct id. */
export const pascalCase = (name: string): string =>
  name.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

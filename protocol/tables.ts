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
    stream: true,
  },
  balances: {
    name: 'balances',
    environmentVariable: 'BALANCES_TABLE',
    partitionKey: number('account_id'),
    sortKey: text('currency'),
  },
  accounts: {
    name: 'accounts',
    environmentVariable: 'ACCOUNTS_TABLE',
    partitionKey: text('account'),
    stream: true,
  },
  instruments: {
    name: 'instruments',
    environmentVariable: 'INSTRUMENTS_TABLE',
    partitionKey: text('lane'),
    sortKey: text('instrument_name'),
  },
  /** A lane's small state: the matcher's checkpoint and figures, each projector's watermark. */
  lanes: {
    name: 'lanes',
    environmentVariable: 'LANES_TABLE',
    partitionKey: text('lane'),
    sortKey: text('row'),
  },
} as const satisfies Record<string, Table>

export type TableName = keyof typeof tables

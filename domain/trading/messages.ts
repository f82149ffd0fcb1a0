/**
 * How commands and events lie in memory and on the wire: docs/protocol/orders.md and executions.md, field by field.
 * Integers are little-endian, each field at a multiple of its size, each message a multiple of 8 bytes, so that the
 * engine reads and writes them as words, without an object in between. Offsets here count words of four bytes from the
 * beginning of a message; the types of messages are positions in the lists below, counted from 1: append only.
 */
export const commandTypes = [
  'place-order',
  'cancel-order',
  'amend-order',
  'open-account',
  'deposit',
  'list-instrument',
  'expire-instrument',
  'place-order-with-instructions',
  'cancel-orders',
  'set-trading-state',
  'set-market-controls',
  'set-mark-price',
  'quote',
  'set-market-maker-protection',
  'reset-market-maker-protection',
  'set-dead-man',
  'set-kill-switch',
  'bust-trade',
  'activate-engine-version',
  'list-contract',
  'delist-instrument',
  'set-mark-prices',
  'settle-instrument',
  'exercise-option',
  'risk-epoch-begin',
  'risk-epoch-chunk',
  'risk-epoch-commit',
  'withdraw',
  'place-hold',
  'capture-hold',
  'release-hold',
  'begin-liquidation',
  'liquidate-position',
  'transfer-position',
  'cover-loss',
  'haircut-gains',
  'end-liquidation',
  'transfer',
  'deposit-collateral',
  'withdraw-collateral',
  'set-risk-limits',
  'scale-risk-limits',
  'set-quote-budget',
] as const

export const eventTypes = [
  'order-accepted',
  'order-rejected',
  'trade-executed',
  'order-cancelled',
  'order-amended',
  'command-rejected',
  'account-opened',
  'deposited',
  'instrument-listed',
  'instrument-expired',
  'command-duplicated',
  'time-advanced',
  'frame-poisoned',
  'order-accepted-with-instructions',
  'order-rejected-with-instructions',
  'auction-trade-executed',
  'order-triggered',
  'trading-state-changed',
  'market-controls-set',
  'mark-price-set',
  'quoted',
  'quote-rejected',
  'protection-set',
  'protection-triggered',
  'protection-reset',
  'dead-man-set',
  'dead-man-fired',
  'kill-switch-set',
  'trade-busted',
  'orders-cancelled',
  'epoch-started',
  'engine-version-activated',
  'contract-listed',
  'instrument-delisted',
  'position-settled',
  'instrument-settled',
  'option-exercised',
  'risk-epoch-begun',
  'risk-epoch-chunk-taken',
  'risk-epoch-adopted',
  'risk-epoch-due',
  'margin-called',
  'withdrawn',
  'hold-placed',
  'hold-captured',
  'hold-released',
  'liquidation-begun',
  'liquidation-tranche',
  'position-transferred',
  'loss-covered',
  'gains-haircut',
  'liquidation-ended',
  'transferred',
  'collateral-deposited',
  'collateral-withdrawn',
  'risk-limits-set',
  'risk-limits-scaled',
  'quote-budget-set',
  'limit-breached',
] as const

type Numbered<Names extends readonly string[]> = { readonly [Name in Names[number]]: number }

const numbered = <const Names extends readonly string[]>(names: Names): Numbered<Names> =>
  Object.fromEntries(names.map((name, index) => [name, index + 1])) as Numbered<Names>

export const commandType = numbered(commandTypes)
export const eventType = numbered(eventTypes)

export const messageVersion = 1

/** The first word: size in bytes (u16), type (u8), version (u8). */
export const headerOf = (type: number, bytes: number): number => (messageVersion << 24) | (type << 16) | bytes
export const typeOf = (header: number): number => (header >>> 16) & 255
export const wordsOf = (header: number): number => (header & 0xffff) >>> 2

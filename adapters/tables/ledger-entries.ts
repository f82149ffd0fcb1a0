import { paymentKinds } from '#domain/trading/events.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

/** What moves cash. Whose account stands on the other side follows from it: see docs/data-model.md. */
export const ledgerEntryKinds = [
  'deposit',
  'withdrawal',
  'hold-capture',
  'transfer',
  'trade',
  'trade-bust',
  'position-transfer',
  'loss-cover',
  'gain-haircut',
  'award',
  'payment',
  'delivery',
  'lane-transfer',
  ...paymentKinds,
] as const
export type LedgerEntryKind = (typeof ledgerEntryKinds)[number]

/** One movement of an account's cash. The amounts of all of an account's entries add up to the balance of its last. */
export interface LedgerEntry {
  readonly accountId: number
  readonly lane: number
  /** Of the event that moved it. */
  readonly outSeq: number
  /** Tells the account's own legs of one event apart: it may trade with itself. */
  readonly leg: number
  readonly kind: LedgerEntryKind
  /** Id of the trade, or of the command that paid. */
  readonly reference: string
  readonly amountMicros: number
  /** What of the amount is a fee: of 5 earned and 2 paid the amount is 3, the fee 2. */
  readonly feeMicros: number
  /** The account's cash right after it. */
  readonly balanceMicros: number
  readonly instrumentName?: string
  /** Of a transfer of cash or of a position, of an award, payment or delivery, and where a loss is covered: the other account. */
  readonly counterAccountId?: number
  readonly atMillis: number
  readonly eventId: string
}

const table = tables.ledgerEntries

/** In the order of events. */
export const entryIdOf = ({ lane, outSeq, leg }: Pick<LedgerEntry, 'lane' | 'outSeq' | 'leg'>): string =>
  `${lane}-${String(outSeq).padStart(16, '0')}-${leg}`

/** Newest first. */
export const listLedgerEntries = (
  accountId: number,
  options: {
    readonly limit: number
    /** `next` of the page before. */
    readonly after?: string
  },
): Promise<Page<LedgerEntry>> =>
  page(
    {
      table,
      partition: { name: 'account_id', value: accountId },
      sortKeyName: 'entry_id',
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { account_id: accountId, entry_id: options.after } }),
    },
    rowOf,
  )

export const ledgerEntryPut = (entry: LedgerEntry): Write => ({
  kind: 'put',
  table,
  item: {
    account_id: entry.accountId,
    entry_id: entryIdOf(entry),
    lane: entry.lane,
    out_seq: entry.outSeq,
    leg: entry.leg,
    kind: entry.kind,
    reference: entry.reference,
    amount_micros: entry.amountMicros,
    fee_micros: entry.feeMicros,
    balance_micros: entry.balanceMicros,
    instrument_name: entry.instrumentName,
    counter_account_id: entry.counterAccountId,
    at_millis: entry.atMillis,
    event_id: entry.eventId,
  },
})

const rowOf = (item: Item): LedgerEntry => ({
  accountId: integer(item, 'account_id'),
  lane: integer(item, 'lane'),
  outSeq: integer(item, 'out_seq'),
  leg: integer(item, 'leg'),
  kind: oneOf(item, 'kind', ledgerEntryKinds),
  reference: text(item, 'reference'),
  amountMicros: integer(item, 'amount_micros'),
  feeMicros: integer(item, 'fee_micros'),
  balanceMicros: integer(item, 'balance_micros'),
  ...optional('instrumentName', item, 'instrument_name', text),
  ...optional('counterAccountId', item, 'counter_account_id', integer),
  atMillis: integer(item, 'at_millis'),
  eventId: text(item, 'event_id'),
})

import { type BalanceRow, balanceChange } from '#adapters/tables/balances.ts'
import { type LedgerEntryKind, ledgerEntryPut } from '#adapters/tables/ledger-entries.ts'
import type { Write } from '#adapters/writes.ts'
import type { PlacedEvent } from '../shell/projection.ts'

/** What an event says of an account's money: what it comes to. */
interface CashState {
  readonly accountId: number
  readonly cashMicros: number
  readonly heldMicros?: number
  /** Names the payment: its command's id, or that of the trade. */
  readonly commandId: string
}

interface Cause {
  readonly kind: LedgerEntryKind
  readonly feeMicros?: number
  readonly instrumentName?: string
  readonly counterAccountId?: number
  /** Which leg of the event it is, where it has several. */
  readonly leg?: number
}

/** Cash event by event: events tell what it comes to, entries what has moved it. */
export class CashBook {
  private readonly cashMicros: Map<number, number>

  /** As the balances are before the first of the events. */
  constructor(balances: ReadonlyMap<number, BalanceRow>) {
    this.cashMicros = new Map([...balances].map(([accountId, row]) => [accountId, row.cashMicros]))
  }

  /** The balance, and the entry where anything moved: a fee may be as much as was earned. */
  moved(placed: PlacedEvent, state: CashState, cause: Cause): readonly Write[] {
    const { accountId, commandId, cashMicros: balanceMicros } = state
    const { kind, feeMicros = 0, leg = 0, instrumentName, counterAccountId } = cause
    const amountMicros = balanceMicros - (this.cashMicros.get(accountId) ?? 0)
    this.cashMicros.set(accountId, balanceMicros)
    const balance = balanceOf(placed, state)
    if (amountMicros === 0 && feeMicros === 0) return [balance]
    const { atMillis, eventId, lane, outSeq } = placed
    const entry = ledgerEntryPut({
      accountId,
      lane,
      outSeq,
      leg,
      kind,
      reference: commandId,
      amountMicros,
      feeMicros,
      balanceMicros,
      ...(instrumentName === undefined ? {} : { instrumentName }),
      ...(counterAccountId === undefined ? {} : { counterAccountId }),
      atMillis,
      eventId,
    })
    return [balance, entry]
  }
}

export const stampOf = ({ atMillis, eventId, outSeq }: PlacedEvent) => ({ updatedAtMillis: atMillis, eventId, outSeq })

/** What the event tells of it: the rest stays. */
export const balanceOf = (
  placed: PlacedEvent,
  { accountId, cashMicros, heldMicros }: Pick<CashState, 'accountId' | 'heldMicros'> & { readonly cashMicros?: number },
): Write =>
  balanceChange({
    ...stampOf(placed),
    accountId,
    currency: 'USD',
    ...(cashMicros === undefined ? {} : { cashMicros }),
    ...(heldMicros === undefined ? {} : { heldMicros }),
  })

/** Whose cash the events move. */
export const accountsOf = (events: readonly PlacedEvent[]): ReadonlySet<number> =>
  new Set(
    events.flatMap(({ event }) => {
      switch (event.type) {
        case 'trade-executed':
          return [event.maker.accountId, event.taker.accountId]
        case 'trade-busted':
          return [event.buyer.accountId, event.seller.accountId]
        case 'transferred':
        case 'position-transferred':
        case 'payment-posted':
          return [event.accountId, event.toAccountId]
        case 'lots-awarded':
          return [event.buy.accountId, event.sell.accountId]
        case 'delivery-settled':
          return [event.buyAccountId, event.sellAccountId]
        case 'loss-covered':
          return [event.accountId, event.fundAccountId]
        case 'gains-haircut':
          return [event.accountId, ...event.shares.map(({ accountId }) => accountId)]
        case 'position-settled':
        case 'deposited':
        case 'withdrawn':
        case 'hold-captured':
        case 'cash-sent':
        case 'cash-received':
          return [event.accountId]
        default:
          return []
      }
    }),
  )

import { tradeIdOf } from '#adapters/market-keys.ts'
import { type AccountRow, accountReplacement, getAccount } from '#adapters/tables/accounts.ts'
import { balancePut, getBalances } from '#adapters/tables/balances.ts'
import type { LedgerEntryKind } from '#adapters/tables/ledger-entries.ts'
import { type PositionRow, positionPut } from '#adapters/tables/positions.ts'
import { laneBudgetUpdate, laneCashUpdate } from '#adapters/tables/risk-limits.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type {
  AccountOpened,
  AwardLeg,
  CommandRejected,
  DeliveryObligated,
  DeliverySettled,
  Event,
  PaymentPosted,
  PositionSettled,
  PositionState,
  TradeLeg,
  TransferLeg,
  Transferred,
} from '#domain/trading/events.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'
import { accountOpenedBy } from './account-opening.ts'
import { accountsOf, balanceOf, CashBook, stampOf } from './cash-book.ts'
import { deliveryWrites } from './delivery-writes.ts'
import { liquidationRecords } from './liquidation-records.ts'
import { commandsOfLiquidation, lossWrites } from './loss-writes.ts'

/** Positions, balances with each movement of cash, accounts, and what became of openings and of commands that move cash. */
export const projectPositions: Projection = {
  name: 'project-positions',
  async load(lane, events) {
    const trades = events.filter(({ event }) => aboutPositions.has(event.type))
    const [instrumentOf, accounts, balances] = await Promise.all([
      namedInstruments(lane, trades),
      openingAccounts(events),
      // As they are at the watermark: were they written since, so was it, and nothing of this would be stored.
      getBalances(accountsOf(events), 'USD'),
    ])
    const cash = new CashBook(balances)
    const rowOf = (commandId: string) => accounts.get(commandId)
    return placed => [...writesOf(placed, { instrumentOf, rowOf, cash }), ...liquidationRecords(placed)]
  },
}

export const handler = serveProjection(projectPositions)

const aboutPositions: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'trade-executed',
  'trade-busted',
  'position-settled',
  'position-transferred',
  'lots-awarded',
  'delivery-obligated',
  'delivery-settled',
  'collateral-deposited',
  'collateral-withdrawn',
  'instrument-listed',
])

interface Loaded {
  readonly instrumentOf: (instrumentId: number) => Instrument
  /** The row of the account that a command was to open. */
  readonly rowOf: (commandId: string) => AccountRow | undefined
  readonly cash: CashBook
}

const openingAccounts = async (events: readonly PlacedEvent[]): Promise<ReadonlyMap<string, AccountRow>> => {
  const openings = events.flatMap(({ event }) =>
    event.type === 'account-opened' || isRefusedOpening(event) ? [event] : [],
  )
  const rows = await Promise.all(
    openings.map(async (event): Promise<[string, AccountRow][]> => {
      const account = event.type === 'account-opened' ? event.account : await accountOpenedBy(event.commandId)
      const row = account === undefined ? undefined : await getAccount(account)
      return row === undefined ? [] : [[event.commandId, row]]
    }),
  )
  return new Map(rows.flat())
}

const isRefusedOpening = (event: PlacedEvent['event']): event is CommandRejected =>
  event.type === 'command-rejected' && event.commandType === 'open-account'

const writesOf = (placed: PlacedEvent, { instrumentOf, rowOf, cash }: Loaded): readonly Write[] => {
  const { event } = placed
  switch (event.type) {
    // In the order in which the engine filled them: on a trade with itself an account ends as the taker.
    case 'trade-executed':
      return legWrites(placed, instrumentOf(event.instrumentId), [event.maker, event.taker], cash)
    // Reversed in this order.
    case 'trade-busted':
      return legWrites(placed, instrumentOf(event.instrumentId), [event.buyer, event.seller], cash)
    case 'position-settled':
      return legWrites(placed, instrumentOf(event.instrumentId), [event], cash)
    case 'deposited':
    case 'withdrawn':
      return [
        ...cash.moved(placed, event, { kind: event.type === 'deposited' ? 'deposit' : 'withdrawal' }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'hold-placed':
    case 'bid-held':
    case 'hold-released':
      return [balanceOf(placed, event), acceptedOutcome(placed, event.commandId)]
    case 'hold-captured':
      return [...cash.moved(placed, event, { kind: 'hold-capture' }), acceptedOutcome(placed, event.commandId)]
    case 'transferred':
    case 'payment-posted': {
      const kind = event.type === 'transferred' ? 'transfer' : 'payment'
      return [
        ...cash.moved(placed, event, { kind, counterAccountId: event.toAccountId }),
        ...cash.moved(placed, receiverOf(event), { kind, leg: 1, counterAccountId: event.accountId }),
        acceptedOutcome(placed, event.commandId),
      ]
    }
    case 'gate-set':
      return [acceptedOutcome(placed, event.commandId)]
    case 'lots-awarded': {
      // In the order of the engine: on an award to itself an account ends as the seller.
      const writes = legWrites(placed, instrumentOf(event.instrumentId), [event.buy, event.sell], cash)
      return [...writes, acceptedOutcome(placed, event.commandId)]
    }
    case 'delivery-obligated':
      return [
        ...heldBy(event).map(state => balanceOf(placed, state)),
        ...deliveryWrites(placed, event, instrumentOf(event.instrumentId)),
      ]
    case 'delivery-settled': {
      const instrument = instrumentOf(event.instrumentId)
      const { instrumentName } = instrument.specification
      const [buyer, seller] = heldBy(event)
      const { commandId, buyAccountId, sellAccountId } = event
      const cause = { kind: 'delivery', instrumentName } as const
      const bought = { ...buyer, commandId, cashMicros: event.buyCashMicros }
      const sold = { ...seller, commandId, cashMicros: event.sellCashMicros }
      return [
        ...cash.moved(placed, bought, { ...cause, counterAccountId: sellAccountId }),
        ...cash.moved(placed, sold, { ...cause, leg: 1, counterAccountId: buyAccountId }),
        ...deliveryWrites(placed, event, instrument),
        acceptedOutcome(placed, commandId),
      ]
    }
    case 'collateral-deposited':
    case 'collateral-withdrawn': {
      const { sizeLots } = event
      const instrument = instrumentOf(event.instrumentId)
      return [
        positionPut(positionOf(placed, instrument, { ...event, position: { ...nothing, sizeLots } })),
        acceptedOutcome(placed, event.commandId),
      ]
    }
    case 'position-transferred': {
      const legs = [
        { accountId: event.accountId, ...event.from },
        { accountId: event.toAccountId, ...event.to },
      ]
      const writes = legWrites(placed, instrumentOf(event.instrumentId), legs, cash)
      return [...writes, acceptedOutcome(placed, event.commandId)]
    }
    case 'loss-covered':
    case 'gains-haircut':
      return [...lossWrites(placed, event, cash), acceptedOutcome(placed, event.commandId)]
    case 'liquidation-begun':
    case 'liquidation-joined':
    case 'liquidation-tranche':
    case 'liquidation-ended':
      return [acceptedOutcome(placed, event.commandId)]
    case 'lane-joined':
      return [
        laneBudgetUpdate(placed.lane, event.accountId, { role: event.role }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'budget-held':
      return [laneBudgetUpdate(placed.lane, event.accountId, event)]
    case 'budget-counted': {
      const { setVersion, creditMicros: budgetMicros } = event
      return [laneBudgetUpdate(placed.lane, event.accountId, { setVersion, budgetMicros })]
    }
    // Told again, they move nothing.
    case 'cash-sent': {
      if (event.debitedMicros === 0) return []
      const { accountId, toLane, number: sentNumber, amountMicros: sentMicros } = event
      return [
        ...cash.moved(placed, event, { kind: 'lane-transfer', counterAccountId: event.toAccountId }),
        laneCashUpdate(placed.lane, accountId, toLane, { sentNumber, sentMicros }),
        acceptedOutcome(placed, event.commandId),
      ]
    }
    case 'cash-received':
      if (event.creditedMicros === 0) return []
      return [
        ...cash.moved(placed, event, { kind: 'lane-transfer', counterAccountId: event.toAccountId }),
        laneCashUpdate(placed.lane, event.accountId, event.toLane, { receivedNumber: event.number }),
      ]
    case 'account-opened':
      return [
        openedAccount(placed, event, rowOf(event.commandId)),
        balancePut({ ...stampOf(placed), accountId: event.accountId, currency: 'USD', cashMicros: 0, heldMicros: 0 }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'command-rejected':
      if (commandsOfCash.has(event.commandType) || commandsOfLiquidation.has(event.commandType))
        return [rejectedOutcome(placed, event.commandId, event.code)]
      if (!isRefusedOpening(event)) return []
      return [...failedAccount(event, rowOf(event.commandId)), rejectedOutcome(placed, event.commandId, event.code)]
    default:
      return []
  }
}

const commandsOfCash: ReadonlySet<CommandRejected['commandType']> = new Set<CommandRejected['commandType']>([
  'deposit',
  'withdraw',
  'place-hold',
  'capture-hold',
  'release-hold',
  'transfer',
  'deposit-collateral',
  'withdraw-collateral',
  'set-gate',
  'hold-bid',
  'withdraw-bid',
  'award-lots',
  'post-payment',
  'settle-delivery',
  'join-lane',
  'send-cash',
])

/** A side of a trade, an award or a payment, or of a position that somebody else took over. */
type CashLeg = TradeLeg | AwardLeg | PositionSettled | (TransferLeg & { readonly accountId: number })

const legWrites = (
  placed: PlacedEvent,
  instrument: Instrument,
  legs: readonly CashLeg[],
  cash: CashBook,
): readonly Write[] =>
  legs.flatMap((leg, index) => {
    const { instrumentName } = instrument.specification
    return [
      positionPut({
        ...positionOf(placed, instrument, leg),
        ...('settlementKind' in leg && { payment: { ...leg, kind: leg.settlementKind } }),
      }),
      ...cash.moved(
        placed,
        { ...referenceOf(placed), ...leg },
        { ...causeOf(placed, leg), instrumentName, leg: index },
      ),
    ]
  })

const positionOf = (
  { atMillis, eventId, lane, outSeq }: PlacedEvent,
  { instrumentId, specification }: Instrument,
  { accountId, position }: { readonly accountId: number; readonly position: PositionState },
): PositionRow => ({
  accountId,
  instrumentName: specification.instrumentName,
  instrumentId,
  tickSize: specification.tickSize,
  minTradeAmount: specification.minTradeAmount,
  sizeLots: position.sizeLots,
  entryTickLots: position.entryTickLots,
  realisedMicros: position.realisedMicros,
  updatedAtMillis: atMillis,
  eventId,
  lane,
  outSeq,
  ...(specification.kind === 'collateral' && { isCollateral: true }),
})

/** Collateral costs nothing to hold and pays nothing. */
const nothing: Omit<PositionState, 'sizeLots'> = { entryTickLots: 0, realisedMicros: 0 }

/** The id of a trade, where no command's is that of the payment. */
const referenceOf = ({ event, lane, outSeq }: PlacedEvent): { readonly commandId: string } => {
  if (event.type === 'trade-busted') return { commandId: event.tradeId }
  if (event.type === 'position-transferred' || event.type === 'lots-awarded') return event
  return { commandId: tradeIdOf(lane, outSeq) }
}

const causeOf = (
  { event }: PlacedEvent,
  leg: CashLeg,
): { readonly kind: LedgerEntryKind; readonly feeMicros?: number; readonly counterAccountId?: number } => {
  if ('settlementKind' in leg) return { kind: leg.settlementKind }
  if (event.type === 'lots-awarded' && 'feeMicros' in leg) {
    const { buy, sell } = event
    const counterAccountId = leg === buy ? sell.accountId : buy.accountId
    return { kind: 'award', feeMicros: leg.feeMicros, counterAccountId }
  }
  if ('feeMicros' in leg)
    return { kind: event.type === 'trade-busted' ? 'trade-bust' : 'trade', feeMicros: leg.feeMicros }
  if (event.type !== 'position-transferred') throw new Error(`a leg without a fee in ${event.type}`)
  const counterAccountId = leg.accountId === event.accountId ? event.toAccountId : event.accountId
  return { kind: 'position-transfer', counterAccountId }
}

/** What buyer and seller hold. */
const heldBy = (event: DeliveryObligated | DeliverySettled) =>
  [
    { accountId: event.buyAccountId, heldMicros: event.buyHeldMicros },
    { accountId: event.sellAccountId, heldMicros: event.sellHeldMicros },
  ] as const

/** The other side of a transfer. */
const receiverOf = ({ toAccountId, toCashMicros, commandId }: Transferred | PaymentPosted) => ({
  accountId: toAccountId,
  cashMicros: toCashMicros,
  commandId,
})

/** The engine has opened it, whatever the row thought of that. */
const openedAccount = (
  { lane, atMillis }: PlacedEvent,
  { account, accountId, commandId, firm }: AccountOpened,
  row: AccountRow | undefined,
): Write => {
  const { failure: _, ...before } = row ?? { account, attempt: 0, createdAtMillis: atMillis }
  return accountReplacement(
    { ...before, accountState: 'open', accountId, lane, commandId, openedAtMillis: atMillis, firm },
    row,
  )
}

/** A refusal of an attempt that is not the row's own any more says nothing about it. */
const failedAccount = ({ commandId, code }: CommandRejected, row: AccountRow | undefined): readonly Write[] =>
  row?.accountState === 'opening' && row.commandId === commandId
    ? [accountReplacement({ ...row, accountState: 'failed', failure: code }, row)]
    : []

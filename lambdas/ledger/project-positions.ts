import { type AccountRow, accountReplacement, getAccount } from '#adapters/tables/accounts.ts'
import { balancePut } from '#adapters/tables/balances.ts'
import { positionPut } from '#adapters/tables/positions.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { AccountOpened, CommandRejected, Event, PositionSettled, TradeLeg } from '#domain/trading/events.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'
import { accountOpenedBy } from './account-opening.ts'

/** Positions, balances, accounts, and what became of deposits and openings. */
export const projectPositions: Projection = {
  name: 'project-positions',
  async load(lane, events) {
    const trades = events.filter(({ event }) => aboutPositions.has(event.type))
    const [instrumentOf, accounts] = await Promise.all([namedInstruments(lane, trades), openingAccounts(events)])
    return placed => writesOf(placed, { instrumentOf, rowOf: commandId => accounts.get(commandId) })
  },
}

export const handler = serveProjection(projectPositions)

const aboutPositions: ReadonlySet<Event['type']> = new Set<Event['type']>([
  'trade-executed',
  'trade-busted',
  'position-settled',
  'instrument-listed',
])

interface Loaded {
  readonly instrumentOf: (instrumentId: number) => Instrument
  /** The row of the account that a command was to open. */
  readonly rowOf: (commandId: string) => AccountRow | undefined
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

const writesOf = (placed: PlacedEvent, { instrumentOf, rowOf }: Loaded): readonly Write[] => {
  const { event } = placed
  switch (event.type) {
    // In the order in which the engine filled them: on a trade with itself an account ends as the taker.
    case 'trade-executed':
      return legWrites(placed, instrumentOf(event.instrumentId), [event.maker, event.taker])
    // Reversed in this order.
    case 'trade-busted':
      return legWrites(placed, instrumentOf(event.instrumentId), [event.buyer, event.seller])
    case 'position-settled':
      return legWrites(placed, instrumentOf(event.instrumentId), [event])
    case 'deposited':
      return [balanceWrite(placed, event.accountId, event.cashMicros), acceptedOutcome(placed, event.commandId)]
    case 'account-opened':
      return [
        openedAccount(placed, event, rowOf(event.commandId)),
        balanceWrite(placed, event.accountId, 0),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'command-rejected':
      if (event.commandType === 'deposit') return [rejectedOutcome(placed, event.commandId, event.code)]
      if (!isRefusedOpening(event)) return []
      return [...failedAccount(event, rowOf(event.commandId)), rejectedOutcome(placed, event.commandId, event.code)]
    default:
      return []
  }
}

const legWrites = (
  placed: PlacedEvent,
  { instrumentId, specification }: Instrument,
  legs: readonly (TradeLeg | PositionSettled)[],
): readonly Write[] =>
  legs.flatMap(leg => {
    const { accountId, position, cashMicros } = leg
    return [
      positionPut({
        accountId,
        instrumentName: specification.instrumentName,
        instrumentId,
        tickSize: specification.tickSize,
        minTradeAmount: specification.minTradeAmount,
        sizeLots: position.sizeLots,
        entryTickLots: position.entryTickLots,
        realisedMicros: position.realisedMicros,
        updatedAtMillis: placed.atMillis,
        eventId: placed.eventId,
        lane: placed.lane,
        outSeq: placed.outSeq,
        ...('settlementKind' in leg && { payment: { ...leg, kind: leg.settlementKind } }),
      }),
      balanceWrite(placed, accountId, cashMicros),
    ]
  })

const balanceWrite = ({ atMillis, eventId, outSeq }: PlacedEvent, accountId: number, cashMicros: number): Write =>
  balancePut({ accountId, currency: 'USD', cashMicros, updatedAtMillis: atMillis, eventId, outSeq })

/** The engine has opened it, whatever the row thought of that. */
const openedAccount = (
  { lane, atMillis }: PlacedEvent,
  { account, accountId, commandId }: AccountOpened,
  row: AccountRow | undefined,
): Write => {
  const { failure: _, ...before } = row ?? { account, attempt: 0, createdAtMillis: atMillis }
  return accountReplacement(
    { ...before, accountState: 'open', accountId, lane, commandId, openedAtMillis: atMillis },
    row,
  )
}

/** A refusal of an attempt that is not the row's own any more says nothing about it. */
const failedAccount = ({ commandId, code }: CommandRejected, row: AccountRow | undefined): readonly Write[] =>
  row?.accountState === 'opening' && row.commandId === commandId
    ? [accountReplacement({ ...row, accountState: 'failed', failure: code }, row)]
    : []

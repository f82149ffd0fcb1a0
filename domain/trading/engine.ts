import {
  type Account,
  bought,
  closeVolume,
  createAccount,
  fillVolume,
  type Holding,
  holdingOf,
  maxDepositedMicros,
  openVolume,
  requirementMicros,
  sold,
  type Volume,
} from '../ledger/account.ts'
import type { RejectionCode } from '../outcome.ts'
import { defineInstrument, type Instrument, maxInt32 } from '../reference/instrument.ts'
import { type Book, bestAgainst, createBook, inPriority, type Order, remainingLots, remove, rest } from './book.ts'
import {
  type AmendOrder,
  type CancelOrder,
  type Command,
  commandIdOf,
  type Deposit,
  type Direction,
  type ExpireInstrument,
  type ListInstrument,
  type OpenAccount,
  type PlaceOrder,
} from './commands.ts'
import type { CancelReason, Event, TradeLeg } from './events.ts'
import { createKnownCommands, none, type RecentCommand } from './known-commands.ts'

export const maxAccounts = 1_000_000
export const maxInstruments = 10_000
export const maxOpenOrders = 10_000

/**
 * A lane's exchange, deterministic: the same commands at the same times give the same events and the same state. It
 * reads no clock and waits for nothing; it speaks by the events that it returns.
 */
export interface Engine {
  readonly laneMillis: number
  /** Moves lane time, for every record before its commands; says so once for each second that it enters. */
  advance(atMillis: number): readonly Event[]
  apply(command: Command, atMillis: number): readonly Event[]
  snapshot(): EngineState
}

/** All of it as JSON, equal for equal states. */
export interface EngineState {
  readonly format: 1
  readonly lane: number
  readonly laneMillis: number
  readonly announcedSecond: number
  readonly depositedMicros: number
  readonly houseMicros: number
  /** By account id, from 1. */
  readonly accounts: readonly AccountState[]
  /** By instrument id, from 1. */
  readonly books: readonly BookState[]
  /** Oldest first. */
  readonly recentCommands: readonly RecentCommand[]
}

interface AccountState {
  readonly account: string
  readonly cashMicros: number
  readonly positions: readonly {
    readonly instrumentId: number
    readonly sizeLots: number
    readonly entryTickLots: number
    readonly realisedMicros: number
  }[]
}

interface BookState {
  readonly instrument: Instrument
  readonly isExpired: boolean
  /** In price-time order. */
  readonly buy: readonly OrderState[]
  readonly sell: readonly OrderState[]
}

interface OrderState {
  readonly orderId: string
  readonly accountId: number
  readonly priceTicks: number
  readonly quantityLots: number
  readonly filledLots: number
  readonly filledTickLots: number
}

export const createEngine = (lane: number): Engine =>
  restoreEngine({
    format: 1,
    lane,
    laneMillis: 0,
    announcedSecond: -1,
    depositedMicros: 0,
    houseMicros: 0,
    accounts: [],
    books: [],
    recentCommands: [],
  })

/** Continues exactly as the engine would have of which the snapshot was taken. */
export const restoreEngine = (state: EngineState): Engine => {
  if (state.format !== 1) throw new Error(`a snapshot of format ${state.format} is not known here`)
  const { lane } = state
  const accounts: Account[] = []
  const accountNames = new Set<string>()
  const books: Book[] = []
  const instrumentNames = new Set<string>()
  const known = createKnownCommands(state.recentCommands)
  const totals = { depositedMicros: state.depositedMicros, houseMicros: state.houseMicros }
  let laneMillis = state.laneMillis
  let announcedSecond = state.announcedSecond
  let events: Event[] = []

  const advance = (atMillis: number): readonly Event[] => {
    if (atMillis > laneMillis) laneMillis = atMillis
    const second = Math.floor(laneMillis / 1000)
    if (second <= announcedSecond) return []
    announcedSecond = second
    return [{ type: 'time-advanced', atMillis: second * 1000 }]
  }

  const apply = (command: Command, atMillis: number): readonly Event[] => {
    if (atMillis > laneMillis) laneMillis = atMillis
    const told: Event[] = []
    events = told
    const commandId = commandIdOf(command)
    const entry = known.add(commandId, command.type === 'place-order' ? command.accountId : 0)
    if (entry === none) {
      told.push({ type: 'command-duplicated', commandId })
      return told
    }
    const refusal = decide(command, entry)
    if (refusal !== undefined) told.push(rejection(command, refusal))
    return told
  }

  /** Changes what is to change and tells it, or says why not: nothing has changed then. */
  const decide = (command: Command, entry: number): Refusal => {
    switch (command.type) {
      case 'place-order':
        return placeOrder(command, entry)
      case 'cancel-order':
        return cancelOrder(command)
      case 'amend-order':
        return amendOrder(command)
      case 'open-account':
        return openAccount(command)
      case 'deposit':
        return deposit(command)
      case 'list-instrument':
        return listInstrument(command)
      case 'expire-instrument':
        return expireInstrument(command)
    }
  }

  const placeOrder = (command: PlaceOrder, entry: number): Refusal => {
    const { direction, quantityLots } = command
    const isLimit = command.orderType === 'limit'
    const isImmediate = command.timeInForce === 'immediate_or_cancel' || !isLimit
    const account = accounts[command.accountId - 1]
    if (account === undefined) return 'unknown-account'
    const book = books[command.instrumentId - 1]
    if (book === undefined) return 'unknown-instrument'
    const { instrument } = book
    if (command.specificationVersion !== instrument.specificationVersion) return 'outdated-specification'
    if (!isOpen(book)) return 'instrument-not-open'
    if (isLimit ? !isPrice(instrument, command.priceTicks) : command.priceTicks !== 0) return 'price-out-of-range'
    if (quantityLots < 1 || quantityLots > maxInt32) return 'amount-out-of-range'
    if (!isImmediate && account.openOrders >= maxOpenOrders) return 'open-order-limit'
    const priceTicks = isLimit ? command.priceTicks : protectionTicks(book, direction)
    if (priceTicks === undefined) return 'no-liquidity'
    const holding = holdingOf(account, instrument)
    const refusal = openVolume(account, holding, { side: sideOf(direction), priceTicks, lots: quantityLots })
    if (refusal !== undefined) return refusal

    events.push({
      type: 'order-accepted',
      orderId: command.orderId,
      accountId: command.accountId,
      instrumentId: command.instrumentId,
      specificationVersion: command.specificationVersion,
      direction,
      orderType: command.orderType,
      timeInForce: isImmediate ? 'immediate_or_cancel' : 'good_til_cancelled',
      priceTicks,
      quantityLots,
      clientOrderId: command.clientOrderId,
    })
    account.openOrders += 1
    const order: Order = {
      orderId: command.orderId,
      entry,
      account,
      holding,
      book,
      direction,
      priceTicks,
      quantityLots,
      filledLots: 0,
      filledTickLots: 0,
      level: undefined,
      earlier: undefined,
      later: undefined,
    }
    known.setLive(entry, order)
    match(order)
    if (remainingLots(order) === 0) forget(order)
    else if (isImmediate) close(order, 'immediate-or-cancel', order.orderId)
    else rest(order)
    return undefined
  }

  const cancelOrder = (command: CancelOrder): Refusal => {
    const account = accounts[command.accountId - 1]
    if (account === undefined) return 'unknown-account'
    const entry = known.find(command.orderId)
    const order = known.orderOf(entry)
    if (order === undefined || order.account !== account) return noSuchOrder(entry, account)
    close(order, 'user-request', command.commandId)
    return undefined
  }

  const amendOrder = (command: AmendOrder): Refusal => {
    const account = accounts[command.accountId - 1]
    if (account === undefined) return 'unknown-account'
    const entry = known.find(command.orderId)
    const order = known.orderOf(entry)
    if (order === undefined || order.account !== account) return noSuchOrder(entry, account)
    const { book, holding } = order
    const priceTicks = command.priceTicks === 0 ? order.priceTicks : command.priceTicks
    const quantityLots = command.quantityLots === 0 ? order.quantityLots : command.quantityLots
    const lots = quantityLots - order.filledLots
    if (!isOpen(book)) return 'instrument-not-open'
    if (!isPrice(book.instrument, priceTicks)) return 'price-out-of-range'
    if (quantityLots < 1 || quantityLots > maxInt32) return 'amount-out-of-range'
    if (lots < 1) return 'amount-below-filled'
    if (order.filledTickLots + lots * book.instrument.maxPriceTicks > Number.MAX_SAFE_INTEGER)
      return 'notional-too-large'
    const keptPriority = priceTicks === order.priceTicks && quantityLots <= order.quantityLots
    const before = openPart(order)
    if (keptPriority) closeVolume(account, holding, before, order.quantityLots - quantityLots)
    else {
      closeVolume(account, holding, before, before.lots)
      const refusal = openVolume(account, holding, { side: before.side, priceTicks, lots })
      if (refusal !== undefined) {
        // What was counted a moment ago still fits.
        openVolume(account, holding, before)
        return refusal
      }
    }

    events.push({
      type: 'order-amended',
      commandId: command.commandId,
      orderId: order.orderId,
      accountId: account.accountId,
      priceTicks,
      quantityLots,
      filledLots: order.filledLots,
      keptPriority,
    })
    if (!keptPriority) remove(order)
    order.priceTicks = priceTicks
    order.quantityLots = quantityLots
    if (keptPriority) return undefined
    match(order)
    if (remainingLots(order) > 0) rest(order)
    else forget(order)
    return undefined
  }

  const openAccount = (command: OpenAccount): Refusal => {
    if (accounts.length >= maxAccounts) return 'account-limit'
    if (accountNames.has(command.account)) return 'account-exists'
    const account = createAccount(accounts.length + 1, command.account)
    accounts.push(account)
    accountNames.add(account.account)
    events.push({
      type: 'account-opened',
      commandId: command.commandId,
      accountId: account.accountId,
      account: account.account,
    })
    return undefined
  }

  const deposit = (command: Deposit): Refusal => {
    const { amountMicros } = command
    const account = accounts[command.accountId - 1]
    if (account === undefined) return 'unknown-account'
    if (amountMicros < 1 || amountMicros > maxDepositedMicros - totals.depositedMicros) return 'amount-out-of-range'
    totals.depositedMicros += amountMicros
    account.cashMicros += amountMicros
    events.push({
      type: 'deposited',
      commandId: command.commandId,
      accountId: account.accountId,
      amountMicros,
      cashMicros: account.cashMicros,
    })
    return undefined
  }

  const listInstrument = (command: ListInstrument): Refusal => {
    if (books.length >= maxInstruments) return 'instrument-limit'
    if (instrumentNames.has(command.specification.instrumentName)) return 'instrument-exists'
    const defined = defineInstrument(command.specification, books.length + 1, 1)
    if (!defined.accepted) return defined.code
    if (command.specification.expirationMillis <= laneMillis) return 'invalid-specification'
    const instrument = defined.value
    books.push(createBook(instrument))
    instrumentNames.add(instrument.specification.instrumentName)
    events.push({ type: 'instrument-listed', commandId: command.commandId, instrument })
    return undefined
  }

  const expireInstrument = (command: ExpireInstrument): Refusal => {
    const book = books[command.instrumentId - 1]
    if (book === undefined) return 'unknown-instrument'
    // Too early or for the second time: it is not in the state that is to be left.
    if (book.isExpired || laneMillis < book.instrument.specification.expirationMillis) return 'instrument-not-open'
    book.isExpired = true
    events.push({ type: 'instrument-expired', commandId: command.commandId, instrumentId: command.instrumentId })
    for (const order of [...inPriority(book.buy), ...inPriority(book.sell)])
      close(order, 'instrument-expired', command.commandId)
    return undefined
  }

  /** Trades an order that does not rest against those that do, as far as its price allows. */
  const match = (taker: Order): void => {
    while (remainingLots(taker) > 0) {
      const maker = bestAgainst(taker.book, taker.direction, taker.priceTicks)
      if (maker === undefined) return
      const { instrument } = taker.book
      const { makerCommissionPpm, takerCommissionPpm } = instrument.specification
      const { priceTicks } = maker
      const quantityLots = Math.min(remainingLots(maker), remainingLots(taker))
      const makerLeg = fill(maker, priceTicks, quantityLots, makerCommissionPpm)
      const takerLeg = fill(taker, priceTicks, quantityLots, takerCommissionPpm)
      const houseFeesMicros = makerLeg.feeMicros + takerLeg.feeMicros
      totals.houseMicros += houseFeesMicros
      events.push({
        type: 'trade-executed',
        instrumentId: instrument.instrumentId,
        priceTicks,
        quantityLots,
        maker: makerLeg,
        taker: takerLeg,
        houseFeesMicros,
      })
      if (remainingLots(maker) === 0) {
        remove(maker)
        forget(maker)
      }
    }
  }

  const fill = (order: Order, priceTicks: number, quantityLots: number, commissionPpm: number): TradeLeg => {
    const { account, holding } = order
    const fee = fillVolume(account, holding, openPart(order), quantityLots, priceTicks, commissionPpm)
    order.filledLots += quantityLots
    order.filledTickLots += quantityLots * priceTicks
    return {
      orderId: order.orderId,
      accountId: account.accountId,
      direction: order.direction,
      filledLots: order.filledLots,
      remainingLots: remainingLots(order),
      filledTickLots: order.filledTickLots,
      feeMicros: fee,
      position: {
        sizeLots: holding.sizeLots,
        entryTickLots: holding.entryTickLots,
        realisedMicros: holding.realisedMicros,
      },
      cashMicros: account.cashMicros,
    }
  }

  /** Cancels what is left of an order. */
  const close = (order: Order, reason: CancelReason, commandId: string): void => {
    const open = openPart(order)
    closeVolume(order.account, order.holding, open, open.lots)
    remove(order)
    forget(order)
    events.push({
      type: 'order-cancelled',
      commandId,
      orderId: order.orderId,
      accountId: order.account.accountId,
      reason,
      filledLots: order.filledLots,
      cancelledLots: open.lots,
    })
  }

  const forget = (order: Order): void => {
    known.setClosed(order.entry)
    order.account.openOrders -= 1
  }

  const isOpen = (book: Book): boolean => !book.isExpired && laneMillis < book.instrument.specification.expirationMillis

  /** An order that is recent but not live was closed; of an older one nothing is known. */
  const noSuchOrder = (entry: number, account: Account): RejectionCode =>
    known.placedBy(entry) === account.accountId ? 'order-closed' : 'unknown-order'

  const snapshot = (): EngineState => ({
    format: 1,
    lane,
    laneMillis,
    announcedSecond,
    depositedMicros: totals.depositedMicros,
    houseMicros: totals.houseMicros,
    accounts: accounts.map(accountState),
    books: books.map(book => ({
      instrument: book.instrument,
      isExpired: book.isExpired,
      buy: inPriority(book.buy).map(orderState),
      sell: inPriority(book.sell).map(orderState),
    })),
    recentCommands: known.recentOldestFirst(),
  })

  for (const [index, { account: name, cashMicros }] of state.accounts.entries()) {
    const account = createAccount(index + 1, name)
    account.cashMicros = cashMicros
    accounts.push(account)
    accountNames.add(name)
  }
  for (const { instrument, isExpired } of state.books) {
    const book = createBook(instrument)
    book.isExpired = isExpired
    books.push(book)
    instrumentNames.add(instrument.specification.instrumentName)
  }
  for (const [index, { positions }] of state.accounts.entries())
    for (const position of positions) {
      const [account, book] = [accounts[index], books[position.instrumentId - 1]]
      if (account === undefined || book === undefined) throw new Error('the snapshot has a position of nothing known')
      const holding = holdingOf(account, book.instrument)
      holding.sizeLots = position.sizeLots
      holding.entryTickLots = position.entryTickLots
      holding.realisedMicros = position.realisedMicros
      holding.requirementMicros = requirementMicros(holding)
      account.requiredMicros += holding.requirementMicros
    }
  for (const [index, { buy, sell }] of state.books.entries())
    for (const [direction, resting] of [
      ['buy', buy],
      ['sell', sell],
    ] as const)
      for (const saved of resting) {
        const [account, book] = [accounts[saved.accountId - 1], books[index]]
        if (account === undefined || book === undefined) throw new Error('the snapshot has an order of nothing known')
        const { orderId, priceTicks, quantityLots, filledLots, filledTickLots } = saved
        const recentEntry = known.find(orderId)
        const entry = recentEntry === none ? known.addOld(orderId) : recentEntry
        const order: Order = {
          orderId,
          entry,
          account,
          holding: holdingOf(account, book.instrument),
          book,
          direction,
          priceTicks,
          quantityLots,
          filledLots,
          filledTickLots,
          level: undefined,
          earlier: undefined,
          later: undefined,
        }
        const refusal = openVolume(account, order.holding, openPart(order))
        if (refusal !== undefined) throw new Error(`the snapshot has an order that it does not cover: ${refusal}`)
        account.openOrders += 1
        known.setLive(entry, order)
        rest(order)
      }

  return {
    get laneMillis() {
      return laneMillis
    },
    advance,
    apply,
    snapshot,
  }
}

type Refusal = RejectionCode | undefined

const sideOf = (direction: Direction): Volume['side'] => (direction === 'buy' ? bought : sold)

const rejection = (command: Command, code: RejectionCode): Event =>
  command.type === 'place-order'
    ? { ...command, type: 'order-rejected', code }
    : {
        type: 'command-rejected',
        commandId: command.commandId,
        commandType: command.type,
        accountId: 'accountId' in command ? command.accountId : 0,
        code,
      }

/** What of an order is still open. */
const openPart = (order: Order): Volume => ({
  side: sideOf(order.direction),
  priceTicks: order.priceTicks,
  lots: remainingLots(order),
})

const isPrice = (instrument: Instrument, priceTicks: number): boolean =>
  priceTicks >= 1 && priceTicks <= instrument.maxPriceTicks

/**
 * The limit of a market order: a tenth away from the best price against it, rounded in the taker's favour, so that an
 * empty book behind a thin best price cannot fill it at any price. Undefined where nothing rests.
 */
const protectionTicks = (book: Book, direction: Direction): number | undefined => {
  const best = bestAgainst(book, direction, direction === 'buy' ? maxInt32 : 1)?.priceTicks
  if (best === undefined) return undefined
  return direction === 'buy'
    ? Math.min(Math.floor((best * 11) / 10), book.instrument.maxPriceTicks)
    : Math.max(Math.ceil((best * 9) / 10), 1)
}

const accountState = (account: Account): AccountState => ({
  account: account.account,
  cashMicros: account.cashMicros,
  positions: [...account.holdings.values()]
    .filter(hasTraded)
    .sort((a, b) => a.instrument.instrumentId - b.instrument.instrumentId)
    .map(holding => ({
      instrumentId: holding.instrument.instrumentId,
      sizeLots: holding.sizeLots,
      entryTickLots: holding.entryTickLots,
      realisedMicros: holding.realisedMicros,
    })),
})

const hasTraded = (holding: Holding): boolean => holding.sizeLots !== 0 || holding.realisedMicros !== 0

const orderState = (order: Order): OrderState => ({
  orderId: order.orderId,
  accountId: order.account.accountId,
  priceTicks: order.priceTicks,
  quantityLots: order.quantityLots,
  filledLots: order.filledLots,
  filledTickLots: order.filledTickLots,
})

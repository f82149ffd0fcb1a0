import { contractKinds, maxTermsBytes } from '../reference/contract-terms.ts'
import {
  type ContractSpecification,
  isPlainFuture,
  plainFuture,
  type Settlement,
  settlements,
} from '../reference/instrument.ts'
import {
  type Command,
  deliveryOutcomes,
  directions,
  type GainShare,
  gateStates,
  killScopes,
  laneRoles,
  maxMarks,
  maxNameBytes,
  maxShares,
  noHash,
  type OrderType,
  orderTypes,
  type PlaceOrder,
  type PostOnly,
  plainInstructions,
  purposePattern,
  type RiskGroup,
  selfTradePreventions,
  settlementKinds,
  type TimeInForce,
  timesInForce,
  triggers,
} from './commands.ts'
import {
  versionOfContracts,
  versionOfDelivery,
  versionOfJointMargin,
  versionOfLaneBudgets,
  versionOfMargin,
} from './engine-version.ts'
import {
  bits,
  type Codec,
  codecsOf,
  entries,
  flag,
  hex,
  i32,
  i64,
  id,
  idOrNone,
  isSafeLong,
  isZero,
  list,
  longs,
  maxTextBytes,
  nested,
  oneOf,
  oneTextOf,
  readText,
  text,
  u32,
  unwritten,
} from './fields.ts'
import { limitScales, limitTerms } from './limit-messages.ts'
import { limitScopes, maxScales } from './limit-terms.ts'
import { tradingStates } from './market-controls.ts'
import { commandType, commandTypes, messageVersion, typeOf } from './messages.ts'
import { instrumentRisks } from './risk-messages.ts'
import type { Tape } from './tape.ts'

/** Its 24 bytes lie at the same place in commands and in events; here without the label, and with types and times. */
const orderAt = (types: readonly OrderType[], times: readonly TimeInForce[]) => ({
  accountId: u32(4),
  orderId: id(8),
  instrumentId: u32(24),
  specificationVersion: u32(28),
  priceTicks: i32(32),
  quantityLots: i32(36),
  direction: oneOf(40, directions),
  orderType: oneOf(41, types),
  timeInForce: oneOf(42, times),
  clientOrderId: text(44),
})

const plainTypes = orderTypes.slice(0, 2)
const plainTimes = timesInForce.slice(0, 2)

/** Of a message that carries an order alone. */
export const plainOrderFields = orderAt(plainTypes, plainTimes)

/** Of one that carries instructions too, 32 bytes from an offset on. */
export const instructedOrderFields = (offset: number) => ({
  ...orderAt(orderTypes, timesInForce),
  label: text(46),
  displayLots: i32(offset),
  triggerTicks: i32(offset + 4),
  expiresAtMillis: i64(offset + 8),
  labelHash: hex(offset + 16, 8),
  selfTradeGroup: u32(offset + 24),
  postOnly: bits<PostOnly>(offset + 28, 0, 2, ['no', 'reject', undefined, 'slide']),
  reduceOnly: bits(offset + 28, 2, 1, [false, true]),
  selfTradePrevention: oneOf(offset + 29, selfTradePreventions),
  trigger: oneOf(offset + 30, triggers),
})

type Order = Omit<PlaceOrder, 'type'>

const instructionNames = ['displayLots', 'triggerTicks', 'trigger', 'expiresAtMillis', 'label', 'labelHash'] as const
const moreInstructionNames = ['selfTradeGroup', 'postOnly', 'reduceOnly', 'selfTradePrevention'] as const

/** Whether an order goes without instructions: each order has one form only. */
export const isPlain = (order: Order): boolean =>
  plainTypes.includes(order.orderType) &&
  plainTimes.includes(order.timeInForce) &&
  [...instructionNames, ...moreInstructionNames].every(name => order[name] === plainInstructions[name])

export const checkOrder = (order: Order): void => {
  const { orderType, timeInForce } = order
  if (orderType === 'market' && timeInForce !== 'immediate_or_cancel' && timeInForce !== 'fill_or_kill')
    throw new RangeError('a market order is immediate_or_cancel or fill_or_kill')
}

export const checkInstructedOrder = (order: Order): void => {
  checkOrder(order)
  if (isPlain(order)) throw new RangeError('an order has instructions but needs none')
  if ((order.label === '') !== (order.labelHash === noHash)) throw new RangeError('a label goes with its hash')
}

/** Commissions and expiration from one offset on, from another the lengths of its texts. */
const commonFields = (commissions: number, lengths: number) => ({
  makerCommissionPpm: u32(commissions),
  takerCommissionPpm: u32(commissions + 4),
  expirationMillis: i64(commissions + 8),
  instrumentName: text(lengths),
  kind: oneTextOf(lengths + 2, contractKinds),
  underlying: text(lengths + 4),
  quoteCurrency: oneTextOf(lengths + 6, ['USD'] as const),
  tickSize: text(lengths + 8),
  minTradeAmount: text(lengths + 10),
  contractSize: text(lengths + 12),
  maxPrice: text(lengths + 14),
})

/** Of a plain future, as the first version lists it. */
export const plainFutureFields = (commissions: number, lengths: number) =>
  nested<ContractSpecification>({
    ...commonFields(commissions, lengths),
    kind: oneTextOf<ContractSpecification['kind']>(lengths + 2, [plainFuture.kind]),
    settlement: unwritten<Settlement>(plainFuture.settlement),
    positionLimit: unwritten<string>(plainFuture.positionLimit),
    terms: unwritten<string>(plainFuture.terms),
  })

/** Of any other contract. */
export const contractFields = (commissions: number, lengths: number) =>
  nested<ContractSpecification>({
    ...commonFields(commissions, lengths),
    settlement: oneTextOf<Settlement>(lengths + 16, settlements),
    positionLimit: text(lengths + 18),
    terms: text(lengths + 20, 0, maxTermsBytes),
  })

/** Each contract has one form only. */
export const checkContract = (specification: ContractSpecification): void => {
  if (isPlainFuture(specification)) throw new RangeError('a plain future has a form of its own')
}

/** As many as an epoch may have scenarios, and the state in which nothing moves. */
export const mostBudgetStates = 4_097

const command = codecsOf<Command>()
const accountId = u32(4)
const commandId = id(8)
const collateralFields = { accountId, commandId, instrumentId: u32(24), quantityLots: i64(32) }

/** docs/protocol/orders.md, line by line. */
const codecs: Readonly<Record<(typeof commandTypes)[number], Codec<Command>>> = {
  'place-order': command('place-order', 48, plainOrderFields, plainInstructions, checkOrder),
  'place-order-with-instructions': command('place-order', 80, instructedOrderFields(48), {}, checkInstructedOrder),
  'cancel-order': command('cancel-order', 40, { accountId, commandId, orderId: id(24) }),
  'amend-order': command('amend-order', 48, {
    accountId,
    commandId,
    orderId: id(24),
    priceTicks: i32(40),
    quantityLots: i32(44),
  }),
  'open-account': command('open-account', 32, { commandId, account: text(24, 1), firm: text(26) }),
  deposit: command('deposit', 32, { accountId, commandId, amountMicros: i64(24) }),
  'list-instrument': command('list-instrument', 56, { commandId, specification: plainFutureFields(24, 40) }),
  'expire-instrument': command('expire-instrument', 32, { commandId, instrumentId: u32(24) }),
  'cancel-orders': command('cancel-orders', 40, {
    accountId,
    commandId,
    instrumentId: u32(24),
    labelHash: hex(32, 8),
  }),
  'set-trading-state': command('set-trading-state', 40, {
    commandId,
    instrumentId: u32(24),
    state: oneOf(28, tradingStates),
    untilMillis: i64(32),
  }),
  'set-market-controls': command('set-market-controls', 48, {
    commandId,
    instrumentId: u32(24),
    bandPpm: u32(28),
    velocityPpm: u32(32),
    velocityMillis: u32(36),
    haltMillis: u32(40),
    auctionMillis: u32(44),
  }),
  'set-mark-price': command('set-mark-price', 32, { commandId, instrumentId: u32(24), markTicks: i32(28) }),
  quote: command('quote', 40, {
    accountId,
    commandId,
    groupHash: hex(24, 8),
    quotes: list(32, [
      { name: 'instrumentId', isSigned: false },
      { name: 'specificationVersion', isSigned: false },
      { name: 'bidTicks', isSigned: true },
      { name: 'bidLots', isSigned: true },
      { name: 'askTicks', isSigned: true },
      { name: 'askLots', isSigned: true },
    ]),
    groupName: text(36, 1),
  }),
  'set-market-maker-protection': command('set-market-maker-protection', 56, {
    accountId,
    commandId,
    groupHash: hex(24, 8),
    intervalMillis: u32(32),
    frozenMillis: u32(36),
    amountLimitLots: i32(40),
    deltaLimitLots: i32(44),
    name: text(48),
  }),
  'reset-market-maker-protection': command('reset-market-maker-protection', 32, {
    accountId,
    commandId,
    groupHash: hex(24, 8),
  }),
  'set-dead-man': command('set-dead-man', 32, { accountId, commandId, timeoutMillis: u32(24) }),
  'set-kill-switch': command(
    'set-kill-switch',
    32,
    { accountId, commandId, scope: oneOf(24, killScopes), isOn: flag(25), firm: text(26) },
    {},
    ({ scope, accountId }) => {
      if (scope !== 'account' && accountId !== 0) throw new RangeError(`scope ${scope} names no account`)
    },
  ),
  'bust-trade': command('bust-trade', 72, {
    commandId,
    instrumentId: u32(24),
    priceTicks: i32(28),
    quantityLots: i32(32),
    buyerId: u32(36),
    sellerId: u32(40),
    tradeId: text(44),
    buyerFeeMicros: i64(48),
    sellerFeeMicros: i64(56),
    tradedAtMillis: i64(64),
  }),
  'activate-engine-version': command('activate-engine-version', 32, { commandId, version: u32(24) }),
  'list-contract': command(
    'list-instrument',
    64,
    { commandId, specification: contractFields(24, 40) },
    {},
    ({ specification }) => checkContract(specification),
  ),
  'delist-instrument': command('delist-instrument', 32, { commandId, instrumentId: u32(24) }),
  'set-mark-prices': command(
    'set-mark-prices',
    32,
    {
      commandId,
      marks: list(24, [
        { name: 'instrumentId', isSigned: false },
        { name: 'markTicks', isSigned: true },
      ]),
    },
    {},
    ({ marks }) => {
      if (marks.length > maxMarks) throw new RangeError(`${marks.length} marks are more than ${maxMarks}`)
    },
  ),
  'settle-instrument': command('settle-instrument', 40, {
    commandId,
    instrumentId: u32(24),
    settlementKind: oneOf(28, settlementKinds),
    number: u32(32),
    priceTicks: i32(36),
  }),
  'exercise-option': command('exercise-option', 32, {
    accountId,
    commandId,
    instrumentId: u32(24),
    quantityLots: i32(28),
  }),
  'risk-epoch-begin': command('risk-epoch-begin', 40, {
    commandId,
    epochVersion: u32(24),
    scenarioSetVersion: u32(28),
    groups: entries<RiskGroup>(32, 16, { thresholdUnits: i64(0), microsPerUnit: i64(8) }),
    blocks: list(36, [{ name: 'scenarios', isSigned: false }]),
  }),
  'risk-epoch-chunk': command('risk-epoch-chunk', 40, {
    commandId,
    epochVersion: u32(24),
    number: u32(28),
    instruments: instrumentRisks(32),
  }),
  'risk-epoch-commit': command('risk-epoch-commit', 32, { commandId, epochVersion: u32(24), chunks: u32(28) }),
  withdraw: command('withdraw', 32, { accountId, commandId, amountMicros: i64(24) }),
  'place-hold': command('place-hold', 32, { accountId, commandId, amountMicros: i64(24) }),
  'capture-hold': command('capture-hold', 48, { accountId, commandId, holdId: id(24), amountMicros: i64(40) }),
  'release-hold': command('release-hold', 40, { accountId, commandId, holdId: id(24) }),
  transfer: command('transfer', 40, { accountId, commandId, toAccountId: u32(24), amountMicros: i64(32) }),
  'deposit-collateral': command('deposit-collateral', 40, collateralFields),
  'withdraw-collateral': command('withdraw-collateral', 40, collateralFields),
  'begin-liquidation': command('begin-liquidation', 24, { accountId, commandId }),
  'liquidate-position': command('liquidate-position', 56, {
    accountId,
    commandId,
    liquidationId: id(24),
    instrumentId: u32(40),
    quantityLots: i32(44),
    limitTicks: i32(48),
    direction: oneOf(52, directions),
  }),
  'transfer-position': command('transfer-position', 64, {
    accountId,
    commandId,
    liquidationId: id(24),
    instrumentId: u32(40),
    toAccountId: u32(44),
    signedLots: i64(48),
    priceTicks: i32(56),
  }),
  'cover-loss': command('cover-loss', 56, {
    accountId,
    commandId,
    liquidationId: id(24),
    fundAccountId: u32(40),
    amountMicros: i64(48),
  }),
  'haircut-gains': command(
    'haircut-gains',
    48,
    {
      accountId,
      commandId,
      liquidationId: id(24),
      shares: entries<GainShare>(40, 16, { accountId: u32(0), amountMicros: i64(8) }),
    },
    {},
    ({ shares }) => {
      if (shares.length > maxShares) throw new RangeError(`${shares.length} shares are more than ${maxShares}`)
    },
  ),
  'end-liquidation': command('end-liquidation', 40, { accountId, commandId, liquidationId: id(24) }),
  'set-risk-limits': command(
    'set-risk-limits',
    112,
    {
      accountId,
      commandId,
      scope: oneOf(24, limitScopes),
      isApproved: flag(25),
      firm: text(26),
      instrumentId: u32(28),
      terms: limitTerms(32),
    },
    {},
    ({ scope, accountId, firm, instrumentId }) => {
      const named = [accountId !== 0, firm !== '', instrumentId !== 0]
      if (limitScopes.some((each, index) => each !== scope && named[index] === true))
        throw new RangeError(`scope ${scope} names something else`)
    },
  ),
  'scale-risk-limits': command(
    'scale-risk-limits',
    40,
    { commandId, floorPpm: u32(24), ceilingPpm: u32(28), scales: limitScales(32) },
    {},
    ({ scales }) => {
      if (scales.length > maxScales) throw new RangeError(`${scales.length} scales are more than ${maxScales}`)
    },
  ),
  'set-quote-budget': command('set-quote-budget', 56, {
    accountId,
    commandId,
    lots: i64(24),
    largestQuoteLots: i64(32),
    lotLossMicros: i64(40),
    lotCapMicros: i64(48),
  }),
  'set-gate': command('set-gate', 32, {
    commandId,
    state: oneOf(24, gateStates),
    gateName: text(26, 1, maxNameBytes),
  }),
  'hold-bid': command('hold-bid', 56, {
    accountId,
    commandId,
    replacesHoldId: idOrNone(24),
    amountMicros: i64(40),
    gateName: text(48, 1, maxNameBytes),
  }),
  'withdraw-bid': command('withdraw-bid', 40, { accountId, commandId, holdId: id(24) }),
  'award-lots': command('award-lots', 48, {
    commandId,
    instrumentId: u32(24),
    priceTicks: i32(28),
    lots: i32(32),
    buyAccountId: u32(36),
    sellAccountId: u32(40),
    gateName: text(44, 1, maxNameBytes),
  }),
  'post-payment': command(
    'post-payment',
    40,
    {
      accountId,
      commandId,
      toAccountId: u32(24),
      purpose: text(28, 1),
      reference: text(30, 0, maxNameBytes),
      amountMicros: i64(32),
    },
    {},
    ({ purpose }) => {
      if (!purposePattern.test(purpose)) throw new RangeError(`no purpose of a payment: ${purpose}`)
    },
  ),
  'obligate-deliveries': command('obligate-deliveries', 32, {
    commandId,
    instrumentId: u32(24),
    settlementTicks: i32(28),
  }),
  'settle-delivery': command('settle-delivery', 56, {
    commandId,
    instrumentId: u32(24),
    deliveryNumber: u32(28),
    lots: i64(32),
    outcome: oneOf(40, deliveryOutcomes),
    compensationMicros: i64(48),
  }),
  'join-lane': command('join-lane', 48, {
    accountId,
    commandId,
    otherLane: u32(24),
    otherAccountId: u32(28),
    reserveMicros: i64(32),
    role: oneOf(40, laneRoles),
  }),
  'grant-budget': command('grant-budget', 40, {
    accountId,
    commandId,
    fromLane: u32(24),
    setVersion: u32(28),
    grant: u32(32),
    budgetMicros: longs(36, mostBudgetStates),
  }),
  'tell-budget': command('tell-budget', 48, {
    accountId,
    commandId,
    fromLane: u32(24),
    setVersion: u32(28),
    grant: u32(32),
    number: u32(36),
    budgetMicros: longs(40, mostBudgetStates),
  }),
  'ask-budget': command('ask-budget', 40, {
    accountId,
    commandId,
    fromLane: u32(24),
    setVersion: u32(28),
    wantedMicros: longs(32, mostBudgetStates),
  }),
  'need-budget': command('need-budget', 40, {
    accountId,
    commandId,
    fromLane: u32(24),
    setVersion: u32(28),
    neededMicros: longs(32, mostBudgetStates),
  }),
  'send-cash': command('send-cash', 56, {
    accountId,
    commandId,
    liquidationId: id(24),
    amountMicros: i64(40),
    toLane: u32(48),
  }),
  'receive-cash': command('receive-cash', 40, {
    accountId,
    commandId,
    fromLane: u32(24),
    number: u32(28),
    amountMicros: i64(32),
  }),
  'confirm-cash': command('confirm-cash', 32, { accountId, commandId, fromLane: u32(24), number: u32(28) }),
  'join-liquidation': command('join-liquidation', 40, { accountId, commandId, liquidationId: id(24) }),
}
const codecsByType = [undefined, ...commandTypes.map(name => codecs[name])]

const nameOf = (command: Command): (typeof commandTypes)[number] => {
  if (command.type === 'place-order' && !isPlain(command)) return 'place-order-with-instructions'
  if (command.type === 'list-instrument' && !isPlainFuture(command.specification)) return 'list-contract'
  return command.type
}

/** Throws RangeError, and leaves the tape as it is, on what the format cannot carry. */
export const writeCommand = (tape: Tape, command: Command): void => {
  const name = nameOf(command)
  codecs[name].write(tape, commandType[name], command)
}

/** Of a message that `faultOf` has found nothing wrong with. */
export const readCommand = (words: Int32Array, at: number): Command => {
  const type = typeOf(words[at] as number)
  const codec = codecsByType[type]
  if (codec === undefined) throw new RangeError(`command type ${type}`)
  return codec.read(words, at)
}

type Fault = 'unknown-message' | 'malformed-message'

/** The highest type that an engine of a version knows. */
const lastTypeOf = (version: number): number => {
  if (version < versionOfContracts) return commandType['activate-engine-version']
  if (version < versionOfMargin) return commandType['exercise-option']
  if (version < versionOfDelivery) return commandType['set-quote-budget']
  if (version < versionOfLaneBudgets) return commandType['settle-delivery']
  return version < versionOfJointMargin ? commandType['ask-budget'] : commandTypes.length
}

/**
 * What is wrong with a message, if anything, for an engine of that version; without an object where it is an order, a
 * quote or a change of one.
 */
export const faultOf = (words: Int32Array, at: number, endWord: number, version: number): Fault | undefined => {
  if (at >= endWord) return 'malformed-message'
  const header = words[at] as number
  const type = typeOf(header)
  if (header >>> 24 !== messageVersion || type === 0 || type > lastTypeOf(version)) return 'unknown-message'
  const size = header & 0xffff
  if ((size & 7) !== 0 || size < 24 || at + (size >>> 2) > endWord) return 'malformed-message'
  return isWellFormed(words, at, type, size) && isKindKnown(words, at, type, version) ? undefined : 'malformed-message'
}

/** Older rules know neither collateral nor delivery: to them these are no kind of contract and no settlement. */
const isKindKnown = (words: Int32Array, at: number, type: number, version: number): boolean => {
  if (type !== commandType['list-contract'] || version >= versionOfDelivery) return true
  const command = readCommand(words, at)
  if (command.type !== 'list-instrument') return true
  const { kind, settlement } = command.specification
  return settlement === 'cash' && (kind !== 'collateral' || version >= versionOfMargin)
}

const isWellFormed = (words: Int32Array, at: number, type: number, size: number): boolean => {
  switch (type) {
    case commandType['place-order']:
      return size >= 48 && isPlainOrder(words, at, size)
    case commandType['cancel-order']:
      return size === 40
    case commandType['amend-order']:
      return size === 48
    case commandType['place-order-with-instructions']:
      return size >= 80 && isInstructedOrder(words, at, size)
    case commandType.quote:
      return size >= 40 && isQuote(words, at, size)
    default:
      return isReadable(words, at)
  }
}

const isQuote = (words: Int32Array, at: number, size: number): boolean => {
  const from = 40 + ((words[at + 8] as number) >>> 0) * 24
  const length = words[at + 9] as number
  return (
    length > 0 && length <= maxTextBytes && isTail(words, at, from, length, size) && isText(words, at, from, length)
  )
}

const kindsAt = 10
const lengthsAt = 11
const marketType = 0x0100
const immediateTime = 0x01_0000
const killTime = 0x02_0000

const isPlainOrder = (words: Int32Array, at: number, size: number): boolean => {
  const kinds = words[at + kindsAt] as number
  if ((kinds & ~0x01_01_01) !== 0) return false
  if ((kinds & marketType) !== 0 && (kinds & immediateTime) === 0) return false
  const length = words[at + lengthsAt] as number
  // A label would be its upper half.
  return length === 0
    ? size === 48
    : length > 0 && length <= maxTextBytes && isTail(words, at, 48, length, size) && isText(words, at, 48, length)
}

const isInstructedOrder = (words: Int32Array, at: number, size: number): boolean => {
  const kinds = words[at + kindsAt] as number
  const type = (kinds >>> 8) & 255
  const time = (kinds >>> 16) & 255
  if ((kinds & 255) > 1 || type >= orderTypes.length || time >= timesInForce.length || kinds >>> 24 !== 0) return false
  if (type === 1 && (kinds & 0xff_0000) !== immediateTime && (kinds & 0xff_0000) !== killTime) return false
  const instructions = words[at + 19] as number
  const flags = instructions & 255
  const prevention = (instructions >>> 8) & 255
  const trigger = (instructions >>> 16) & 255
  if (flags > 7 || (flags & 3) === 2 || prevention >= selfTradePreventions.length) return false
  if (trigger >= triggers.length || instructions >>> 24 !== 0 || !isSafeLong(words, at + 14)) return false
  const lengths = words[at + lengthsAt] as number
  const length = lengths & 0xffff
  const labelLength = lengths >>> 16
  if (length > maxTextBytes || labelLength > maxTextBytes) return false
  if ((labelLength === 0) !== (((words[at + 16] as number) | (words[at + 17] as number)) === 0)) return false
  if (type < plainTypes.length && time < plainTimes.length && labelLength === 0 && !isInstructed(words, at))
    return false
  return (
    isTail(words, at, 80, length + labelLength, size) &&
    isText(words, at, 80, length) &&
    isText(words, at, 80 + length, labelLength)
  )
}

/** Any of its instructions but the label. */
const isInstructed = (words: Int32Array, at: number): boolean => {
  let any = (words[at + 12] as number) | (words[at + 13] as number) | (words[at + 14] as number)
  any |= (words[at + 15] as number) | (words[at + 18] as number) | (words[at + 19] as number)
  return any !== 0
}

/** Whether a message ends with so many bytes of text and the zeros behind them. */
const isTail = (words: Int32Array, at: number, from: number, length: number, size: number): boolean =>
  size === from + ((length + 7) & ~7) && isZero(words, at, from + length, size)

const isText = (words: Int32Array, at: number, from: number, length: number): boolean => {
  for (let i = from; i < from + length; i += 1)
    if ((((words[at + (i >>> 2)] as number) >>> ((i & 3) << 3)) & 128) !== 0) return isUtf8(words, at, from, length)
  return true
}

const isUtf8 = (words: Int32Array, at: number, from: number, length: number): boolean => {
  try {
    readText(words, at, from, length)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** For what comes seldom: read, to see whether it can be. */
const isReadable = (words: Int32Array, at: number): boolean => {
  try {
    readCommand(words, at)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

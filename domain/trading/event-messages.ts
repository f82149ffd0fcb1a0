import { rejectionCodes } from '../outcome.ts'
import { defineInstrument, isPlainFuture } from '../reference/instrument.ts'
import {
  checkContract,
  checkInstructedOrder,
  checkOrder,
  contractFields,
  instructedOrderFields,
  isPlain,
  mostBudgetStates,
  plainFutureFields,
  plainOrderFields,
} from './command-messages.ts'
import {
  deliveryOutcomes,
  directions,
  gateStates,
  killScopes,
  laneRoles,
  maxNameBytes,
  plainInstructions,
  purposePattern,
  settlementKinds,
} from './commands.ts'
import {
  type AwardLeg,
  breachedLimits,
  type CommandRejected,
  cancelReasons,
  type Event,
  type InstrumentListed,
  type PaidShare,
  type PositionState,
  paymentKinds,
  poisonReasons,
  stateCauses,
  type TradeLeg,
  type TransferLeg,
} from './events.ts'
import {
  type Codec,
  codecsOf,
  entries,
  flag,
  hex,
  i32,
  i64,
  id,
  idOrNone,
  longs,
  nested,
  oneOf,
  text,
  u32,
} from './fields.ts'
import { limitScales, limitTerms } from './limit-messages.ts'
import { limitScopes } from './limit-terms.ts'
import { tradingStates } from './market-controls.ts'
import { commandTypes, eventType, eventTypes, messageVersion, typeOf } from './messages.ts'
import type { Tape } from './tape.ts'

/** An instrument follows from its specification: that is all that lies on the wire. */
type ListedSpecification = Omit<InstrumentListed, 'instrument'> & {
  readonly instrumentId: number
  readonly specificationVersion: number
  readonly specification: InstrumentListed['instrument']['specification']
}
type Written = Exclude<Event, InstrumentListed> | ListedSpecification

const event = codecsOf<Written>()
const accountId = u32(4)
const instrumentId = u32(4)
const commandId = id(8)
const collateralFields = {
  accountId,
  commandId,
  instrumentId: u32(24),
  quantityLots: i64(32),
  sizeLots: i64(40),
}

/** 24 bytes. */
const position = (offset: number) =>
  nested<PositionState>({
    sizeLots: i64(offset),
    entryTickLots: i64(offset + 8),
    realisedMicros: i64(offset + 16),
  })

/** 80 bytes. */
const leg = (offset: number) =>
  nested<TradeLeg>({
    orderId: id(offset),
    accountId: u32(offset + 16),
    filledLots: i32(offset + 20),
    remainingLots: i32(offset + 24),
    direction: oneOf(offset + 28, directions),
    filledTickLots: i64(offset + 32),
    feeMicros: i64(offset + 40),
    position: position(offset + 48),
    cashMicros: i64(offset + 72),
  })

/** 32 bytes. */
const transferLeg = (offset: number) =>
  nested<TransferLeg>({ position: position(offset), cashMicros: i64(offset + 24) })

/** 48 bytes. */
const awardLeg = (offset: number) =>
  nested<AwardLeg>({
    accountId: u32(offset),
    feeMicros: i64(offset + 8),
    position: position(offset + 16),
    cashMicros: i64(offset + 40),
  })

const tradeFields = {
  instrumentId,
  priceTicks: i32(8),
  quantityLots: i32(12),
  houseFeesMicros: i64(16),
  levelLots: i64(24),
  maker: leg(32),
  taker: leg(112),
}

/** An order that is refused has an event of its own; a contract is refused as the instrument that it is. */
const refusable = [undefined, ...commandTypes].map(name =>
  name === 'place-order' || name === 'place-order-with-instructions' || name === 'list-contract' ? undefined : name,
) satisfies (CommandRejected['commandType'] | undefined)[]

/** docs/protocol/executions.md, line by line. */
const codecs: Readonly<Record<(typeof eventTypes)[number], Codec<Written>>> = {
  'order-accepted': event(
    'order-accepted',
    64,
    { ...plainOrderFields, quoteGroup: text(46), restingLots: i32(48), levelLots: i64(56) },
    plainInstructions,
    checkOrder,
  ),
  'order-accepted-with-instructions': event(
    'order-accepted',
    96,
    { ...instructedOrderFields(64), restingLots: i32(48), levelLots: i64(56) },
    { quoteGroup: '' },
    order => {
      checkInstructedOrder(order)
      if (order.quoteGroup !== '') throw new RangeError('a quote has no instructions')
    },
  ),
  'order-rejected': event(
    'order-rejected',
    56,
    { ...plainOrderFields, code: oneOf(48, rejectionCodes, 4) },
    plainInstructions,
    checkOrder,
  ),
  'order-rejected-with-instructions': event(
    'order-rejected',
    88,
    { ...instructedOrderFields(56), code: oneOf(48, rejectionCodes, 4) },
    {},
    checkInstructedOrder,
  ),
  'trade-executed': event('trade-executed', 192, tradeFields, {
    isAuction: false,
    makerLevelTicks: 0,
    takerLevelTicks: 0,
    takerLevelLots: 0,
  }),
  'auction-trade-executed': event(
    'trade-executed',
    208,
    { ...tradeFields, takerLevelLots: i64(192), makerLevelTicks: i32(200), takerLevelTicks: i32(204) },
    { isAuction: true },
  ),
  'order-cancelled': event('order-cancelled', 72, {
    accountId,
    commandId,
    orderId: id(24),
    filledLots: i32(40),
    cancelledLots: i32(44),
    instrumentId: u32(48),
    priceTicks: i32(52),
    reason: oneOf(56, cancelReasons),
    direction: oneOf(57, directions),
    levelLots: i64(64),
  }),
  'order-amended': event('order-amended', 80, {
    accountId,
    commandId,
    orderId: id(24),
    priceTicks: i32(40),
    quantityLots: i32(44),
    filledLots: i32(48),
    keptPriority: flag(52),
    direction: oneOf(53, directions),
    instrumentId: u32(56),
    previousTicks: i32(60),
    previousLevelLots: i64(64),
    levelLots: i64(72),
  }),
  'command-rejected': event('command-rejected', 32, {
    accountId,
    commandId,
    code: oneOf(24, rejectionCodes, 2),
    commandType: oneOf<CommandRejected['commandType']>(26, refusable),
  }),
  'account-opened': event('account-opened', 32, {
    accountId,
    commandId,
    account: text(24),
    firm: text(26),
    firmId: u32(28),
  }),
  deposited: event('deposited', 40, { accountId, commandId, amountMicros: i64(24), cashMicros: i64(32) }),
  'instrument-listed': event('instrument-listed', 64, {
    instrumentId,
    commandId,
    specification: plainFutureFields(24, 40),
    specificationVersion: u32(56),
  }),
  'instrument-expired': event('instrument-expired', 24, { instrumentId, commandId }),
  'command-duplicated': event('command-duplicated', 24, { commandId }),
  'time-advanced': event('time-advanced', 16, { atMillis: i64(8) }),
  'frame-poisoned': event('frame-poisoned', 48, {
    reason: oneOf(4, poisonReasons, 4),
    bytes: u32(8),
    sha256: hex(16, 32),
  }),
  'order-triggered': event('order-triggered', 48, {
    accountId,
    orderId: id(8),
    instrumentId: u32(24),
    priceTicks: i32(28),
    restingLots: i32(32),
    direction: oneOf(36, directions),
    levelLots: i64(40),
  }),
  'trading-state-changed': event('trading-state-changed', 48, {
    instrumentId,
    commandId,
    state: oneOf(24, tradingStates),
    cause: oneOf(25, stateCauses),
    uncrossTicks: i32(28),
    uncrossLots: i64(32),
    untilMillis: i64(40),
  }),
  'market-controls-set': event('market-controls-set', 48, {
    instrumentId,
    commandId,
    bandPpm: u32(24),
    velocityPpm: u32(28),
    velocityMillis: u32(32),
    haltMillis: u32(36),
    auctionMillis: u32(40),
  }),
  'mark-price-set': event('mark-price-set', 32, { instrumentId, commandId, markTicks: i32(24) }),
  quoted: event('quoted', 40, {
    accountId,
    commandId,
    groupHash: hex(24, 8),
    acceptedSides: u32(32),
    rejectedSides: u32(36),
  }),
  'quote-rejected': event('quote-rejected', 32, {
    accountId,
    commandId,
    instrumentId: u32(24),
    code: oneOf(28, rejectionCodes, 2),
    direction: oneOf(30, directions),
  }),
  'protection-set': event('protection-set', 56, {
    accountId,
    commandId,
    groupHash: hex(24, 8),
    intervalMillis: u32(32),
    frozenMillis: u32(36),
    amountLimitLots: i32(40),
    deltaLimitLots: i32(44),
    name: text(48),
  }),
  'protection-triggered': event('protection-triggered', 32, {
    accountId,
    groupHash: hex(8, 8),
    frozenUntilMillis: i64(16),
    cancelledOrders: u32(24),
  }),
  'protection-reset': event('protection-reset', 32, { accountId, commandId, groupHash: hex(24, 8) }),
  'dead-man-set': event('dead-man-set', 40, {
    accountId,
    commandId,
    timeoutMillis: u32(24),
    expiresAtMillis: i64(32),
  }),
  'dead-man-fired': event('dead-man-fired', 24, { accountId, atMillis: i64(8), cancelledOrders: u32(16) }),
  'kill-switch-set': event('kill-switch-set', 32, {
    accountId,
    commandId,
    scope: oneOf(24, killScopes),
    isOn: flag(25),
    firm: text(26),
    cancelledOrders: u32(28),
  }),
  'trade-busted': event('trade-busted', 216, {
    instrumentId,
    commandId,
    priceTicks: i32(24),
    quantityLots: i32(28),
    houseFeesMicros: i64(32),
    tradeId: text(40),
    buyer: leg(48),
    seller: leg(128),
    tradedAtMillis: i64(208),
  }),
  'orders-cancelled': event('orders-cancelled', 32, { accountId, commandId, cancelledOrders: u32(24) }),
  'epoch-started': event('epoch-started', 40, { epoch: u32(4), stateHash: hex(8, 32) }),
  'engine-version-activated': event('engine-version-activated', 32, { commandId, version: u32(24) }),
  'contract-listed': event(
    'instrument-listed',
    72,
    { instrumentId, commandId, specification: contractFields(24, 40), specificationVersion: u32(64) },
    {},
    ({ specification }) => checkContract(specification),
  ),
  'instrument-delisted': event('instrument-delisted', 24, { instrumentId, commandId }),
  'position-settled': event('position-settled', 88, {
    accountId,
    commandId,
    instrumentId: u32(24),
    settlementKind: oneOf(28, paymentKinds),
    priceTicks: i32(32),
    settledLots: i64(40),
    paidMicros: i64(48),
    position: position(56),
    cashMicros: i64(80),
  }),
  'instrument-settled': event('instrument-settled', 64, {
    instrumentId,
    commandId,
    settlementKind: oneOf(24, settlementKinds),
    number: u32(28),
    priceTicks: i32(32),
    holders: u32(36),
    longLots: i64(40),
    specificationVersion: u32(48),
    settledLegs: u32(52),
    distributedTicks: u32(56),
  }),
  'option-exercised': event('option-exercised', 40, {
    accountId,
    commandId,
    instrumentId: u32(24),
    quantityLots: i32(28),
    priceTicks: i32(32),
    assignedAccounts: u32(36),
  }),
  'risk-epoch-begun': event('risk-epoch-begun', 32, {
    commandId,
    epochVersion: u32(24),
    scenarioSetVersion: u32(28),
  }),
  'risk-epoch-chunk-taken': event('risk-epoch-chunk-taken', 40, {
    commandId,
    epochVersion: u32(24),
    number: u32(28),
    instruments: u32(32),
  }),
  'risk-epoch-adopted': event('risk-epoch-adopted', 40, {
    commandId,
    epochVersion: u32(24),
    scenarioSetVersion: u32(28),
    instruments: u32(32),
  }),
  'risk-epoch-due': event('risk-epoch-due', 16, { instrumentId, epochVersion: u32(8), markTicks: i32(12) }),
  'margin-called': event('margin-called', 32, {
    accountId,
    epochVersion: u32(8),
    equityMicros: i64(16),
    requirementMicros: i64(24),
  }),
  withdrawn: event('withdrawn', 40, { accountId, commandId, amountMicros: i64(24), cashMicros: i64(32) }),
  'hold-placed': event('hold-placed', 40, { accountId, commandId, amountMicros: i64(24), heldMicros: i64(32) }),
  'hold-captured': event('hold-captured', 72, {
    accountId,
    commandId,
    holdId: id(24),
    amountMicros: i64(40),
    releasedMicros: i64(48),
    heldMicros: i64(56),
    cashMicros: i64(64),
  }),
  'hold-released': event('hold-released', 56, {
    accountId,
    commandId,
    holdId: id(24),
    releasedMicros: i64(40),
    heldMicros: i64(48),
  }),
  'liquidation-begun': event('liquidation-begun', 56, {
    accountId,
    commandId,
    epochVersion: u32(24),
    cancelledOrders: u32(28),
    equityMicros: i64(32),
    requirementMicros: i64(40),
    afterRequirementMicros: i64(48),
  }),
  'liquidation-tranche': event('liquidation-tranche', 72, {
    accountId,
    commandId,
    liquidationId: id(24),
    instrumentId: u32(40),
    requestedLots: i32(44),
    filledLots: i32(48),
    direction: oneOf(52, directions),
    equityMicros: i64(56),
    requirementMicros: i64(64),
  }),
  'position-transferred': event('position-transferred', 144, {
    accountId,
    commandId,
    liquidationId: id(24),
    instrumentId: u32(40),
    toAccountId: u32(44),
    signedLots: i64(48),
    priceTicks: i32(56),
    from: transferLeg(64),
    to: transferLeg(96),
    equityMicros: i64(128),
    requirementMicros: i64(136),
  }),
  'loss-covered': event('loss-covered', 72, {
    accountId,
    commandId,
    liquidationId: id(24),
    fundAccountId: u32(40),
    amountMicros: i64(48),
    cashMicros: i64(56),
    fundCashMicros: i64(64),
  }),
  'gains-haircut': event('gains-haircut', 56, {
    accountId,
    commandId,
    liquidationId: id(24),
    cashMicros: i64(40),
    shares: entries<PaidShare>(48, 24, { accountId: u32(0), amountMicros: i64(8), cashMicros: i64(16) }),
  }),
  'liquidation-ended': event('liquidation-ended', 56, {
    accountId,
    commandId,
    liquidationId: id(24),
    equityMicros: i64(40),
    requirementMicros: i64(48),
  }),
  transferred: event('transferred', 56, {
    accountId,
    commandId,
    toAccountId: u32(24),
    amountMicros: i64(32),
    cashMicros: i64(40),
    toCashMicros: i64(48),
  }),
  'collateral-deposited': event('collateral-deposited', 48, collateralFields),
  'collateral-withdrawn': event('collateral-withdrawn', 48, collateralFields),
  'risk-limits-set': event('risk-limits-set', 112, {
    accountId,
    commandId,
    scope: oneOf(24, limitScopes),
    isApproved: flag(25),
    firm: text(26),
    instrumentId: u32(28),
    terms: limitTerms(32),
  }),
  'risk-limits-scaled': event('risk-limits-scaled', 40, {
    commandId,
    floorPpm: u32(24),
    ceilingPpm: u32(28),
    scales: limitScales(32),
  }),
  'quote-budget-set': event('quote-budget-set', 64, {
    accountId,
    commandId,
    lots: i64(24),
    largestQuoteLots: i64(32),
    lotLossMicros: i64(40),
    lotCapMicros: i64(48),
    reservedMicros: i64(56),
  }),
  'limit-breached': event('limit-breached', 32, {
    accountId,
    instrumentId: u32(8),
    limit: oneOf(12, breachedLimits),
    firm: text(14),
    measured: i64(16),
    allowed: i64(24),
  }),
  'gate-set': event('gate-set', 32, {
    commandId,
    state: oneOf(24, gateStates),
    gateName: text(26, 1, maxNameBytes),
  }),
  'bid-held': event('bid-held', 64, {
    accountId,
    commandId,
    replacesHoldId: idOrNone(24),
    amountMicros: i64(40),
    heldMicros: i64(48),
    gateName: text(56, 1, maxNameBytes),
  }),
  'lots-awarded': event('lots-awarded', 144, {
    instrumentId,
    commandId,
    priceTicks: i32(24),
    lots: i32(28),
    houseFeesMicros: i64(32),
    gateName: text(40, 1, maxNameBytes),
    buy: awardLeg(48),
    sell: awardLeg(96),
  }),
  'payment-posted': event(
    'payment-posted',
    56,
    {
      accountId,
      commandId,
      toAccountId: u32(24),
      purpose: text(28, 1),
      reference: text(30, 0, maxNameBytes),
      amountMicros: i64(32),
      cashMicros: i64(40),
      toCashMicros: i64(48),
    },
    {},
    ({ purpose }) => {
      if (!purposePattern.test(purpose)) throw new RangeError(`no purpose of a payment: ${purpose}`)
    },
  ),
  'delivery-obligated': event('delivery-obligated', 72, {
    instrumentId,
    commandId,
    deliveryNumber: u32(24),
    buyAccountId: u32(28),
    sellAccountId: u32(32),
    priceTicks: i32(36),
    lots: i64(40),
    invoiceMicros: i64(48),
    buyHeldMicros: i64(56),
    sellHeldMicros: i64(64),
  }),
  'delivery-settled': event('delivery-settled', 104, {
    instrumentId,
    commandId,
    deliveryNumber: u32(24),
    buyAccountId: u32(28),
    sellAccountId: u32(32),
    outcome: oneOf(36, deliveryOutcomes),
    lots: i64(40),
    remainingLots: i64(48),
    invoiceMicros: i64(56),
    compensationMicros: i64(64),
    buyCashMicros: i64(72),
    sellCashMicros: i64(80),
    buyHeldMicros: i64(88),
    sellHeldMicros: i64(96),
  }),
  'lane-joined': event('lane-joined', 48, {
    accountId,
    commandId,
    otherLane: u32(24),
    otherAccountId: u32(28),
    reserveMicros: i64(32),
    role: oneOf(40, laneRoles),
  }),
  'budget-granted': event('budget-granted', 32, {
    accountId,
    toLane: u32(8),
    toAccountId: u32(12),
    setVersion: u32(16),
    grant: u32(20),
    budgetMicros: longs(24, mostBudgetStates),
  }),
  'budget-held': event('budget-held', 48, {
    accountId,
    commandId,
    toLane: u32(24),
    toAccountId: u32(28),
    setVersion: u32(32),
    grant: u32(36),
    number: u32(40),
    budgetMicros: longs(44, mostBudgetStates),
  }),
  'budget-asked': event('budget-asked', 24, {
    accountId,
    toLane: u32(8),
    toAccountId: u32(12),
    setVersion: u32(16),
    wantedMicros: longs(20, mostBudgetStates),
  }),
  'budget-counted': event('budget-counted', 32, {
    accountId,
    commandId,
    setVersion: u32(24),
    creditMicros: longs(28, mostBudgetStates),
  }),
  'budget-needed': event('budget-needed', 24, {
    accountId,
    toLane: u32(8),
    toAccountId: u32(12),
    setVersion: u32(16),
    neededMicros: longs(20, mostBudgetStates),
  }),
  'cash-sent': event('cash-sent', 64, {
    accountId,
    commandId,
    toLane: u32(24),
    toAccountId: u32(28),
    number: u32(32),
    amountMicros: i64(40),
    debitedMicros: i64(48),
    cashMicros: i64(56),
  }),
  'cash-received': event('cash-received', 56, {
    accountId,
    commandId,
    toLane: u32(24),
    toAccountId: u32(28),
    number: u32(32),
    creditedMicros: i64(40),
    cashMicros: i64(48),
  }),
  'cash-confirmed': event('cash-confirmed', 32, { accountId, commandId, fromLane: u32(24), number: u32(28) }),
  'liquidation-joined': event('liquidation-joined', 64, {
    accountId,
    commandId,
    liquidationId: id(24),
    cancelledOrders: u32(40),
    equityMicros: i64(48),
    requirementMicros: i64(56),
  }),
}
const codecsByType = [undefined, ...eventTypes.map(name => codecs[name])]

const nameOf = (event: Event): (typeof eventTypes)[number] => {
  switch (event.type) {
    case 'order-accepted':
    case 'order-rejected':
      return isPlain(event) ? event.type : `${event.type}-with-instructions`
    case 'trade-executed':
      return event.isAuction ? 'auction-trade-executed' : event.type
    case 'instrument-listed':
      return isPlainFuture(event.instrument.specification) ? event.type : 'contract-listed'
    default:
      return event.type
  }
}

/** Throws RangeError, and leaves the tape as it is, on what the format cannot carry. */
export const writeEvent = (tape: Tape, event: Event): void => {
  const name = nameOf(event)
  if (event.type !== 'instrument-listed') {
    if (event.type === 'trade-executed' && !event.isAuction && event.takerLevelLots !== 0)
      throw new RangeError('only in an auction does the taker have a level')
    codecs[name].write(tape, eventType[name], event)
    return
  }
  const { type, commandId, instrument } = event
  const { instrumentId, specificationVersion, specification } = instrument
  const written = { type, commandId, instrumentId, specificationVersion, specification }
  codecs[name].write(tape, eventType[name], written)
}

/** Whether there may be such a message at all. */
export const isEventHeader = (header: number): boolean =>
  header >>> 24 === messageVersion && codecsByType[typeOf(header)] !== undefined

/** Of a message that lies in `words` as a whole. Throws RangeError on what is not as documented. */
export const readEvent = (words: Int32Array, at: number): Event => {
  const header = words[at] as number
  const codec = codecsByType[typeOf(header)]
  if (codec === undefined || !isEventHeader(header)) throw new RangeError(`no event: ${header >>> 0}`)
  const written = codec.read(words, at)
  if (written.type !== 'instrument-listed') return written
  const { type, commandId, instrumentId, specificationVersion, specification } = written
  const defined = defineInstrument(specification, instrumentId, specificationVersion)
  if (!defined.accepted) throw new RangeError(`${defined.code} ${defined.detail ?? ''}`)
  return { type, commandId, instrument: defined.value }
}

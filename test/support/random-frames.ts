import fc from 'fast-check'
import { rejectionCodes } from '#domain/outcome.ts'
import { contractKinds } from '#domain/reference/contract-terms.ts'
import {
  type ContractSpecification,
  defineInstrument,
  type Instrument,
  isPlainFuture,
  maxInt32,
  plainFuture,
} from '#domain/reference/instrument.ts'
import { isPlain } from '#domain/trading/command-messages.ts'
import {
  type Command,
  deliveryOutcomes,
  directions,
  gateStates,
  type Instructions,
  killScopes,
  laneRoles,
  maxShares,
  noHash,
  orderTypes,
  plainInstructions,
  selfTradePreventions,
  settlementKinds,
  timesInForce,
  triggers,
} from '#domain/trading/commands.ts'
import {
  breachedLimits,
  cancelReasons,
  type Event,
  type OrderFields,
  paymentKinds,
  poisonReasons,
  stateCauses,
  type TradeLeg,
} from '#domain/trading/events.ts'
import { maxScales } from '#domain/trading/limit-terms.ts'
import { tradingStates } from '#domain/trading/market-controls.ts'
import { commandTypes } from '#domain/trading/messages.ts'
import type { ExecutionsFrame } from '#protocol/executions-frame.ts'
import { testSpecification } from './tape.ts'

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits })
const uuid = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map(parts => parts.join('-'))
const u32 = fc.integer({ min: 0, max: 4_294_967_295 })
const i32 = fc.integer({ min: -maxInt32 - 1, max: maxInt32 })
const i64 = fc.maxSafeInteger().map(value => value + 0)
// As fast-check's own unit of this kind, which makes a table of a million characters first.
const codePoint = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map(point => String.fromCodePoint(point))
const text = fc.oneof(
  fc.string({ maxLength: 64 }),
  fc.string({ unit: codePoint, maxLength: 60 }),
  fc.constant('\ufeffx'),
)
const instrumentText = fc.string({ maxLength: 20 })
const hash = hex(16)

const commandId = uuid
const accountId = u32
const instrumentId = u32
const direction = fc.constantFrom(...directions)
const cancelledOrders = u32

const limitTerms = fc.record({
  maxOrderLots: i64,
  maxOrderNotionalMicros: i64,
  maxOpenOrders: u32,
  maxPositionLots: i64,
  maxGrossDelta: i64,
  maxNetDelta: i64,
  maxVegaMicros: i64,
  maxDailyLossMicros: i64,
  maxConcentrationPpm: u32,
  concentrationFromLots: i64,
  maxMessagesPerSecond: u32,
  collarPpm: u32,
})
const limitsOfOne = {
  commandId,
  accountId,
  scope: fc.constant('account' as const),
  isApproved: fc.boolean(),
  firm: fc.constant(''),
  instrumentId: fc.constant(0),
  terms: limitTerms,
}
const limitScale = fc.record({
  instrumentId,
  scalePpm: u32,
  volatilityPpm: i64,
  referenceVolatilityPpm: i64,
  depthLots: i64,
  referenceDepthLots: i64,
})
const quoteBudget = { lots: i64, largestQuoteLots: i64, lotLossMicros: i64, lotCapMicros: i64 }

const specification: fc.Arbitrary<ContractSpecification> = fc
  .record({
    instrumentName: instrumentText,
    kind: fc.constantFrom(...contractKinds, 'future' as const),
    settlement: fc.constantFrom('cash' as const, 'cash' as const, 'physical' as const),
    positionLimit: fc.constantFrom('0', '0', '25'),
    terms: fc.oneof(fc.constant(''), fc.json({ maxDepth: 2 })),
    underlying: instrumentText,
    quoteCurrency: fc.constant('USD' as const),
    tickSize: instrumentText,
    minTradeAmount: instrumentText,
    contractSize: instrumentText,
    maxPrice: instrumentText,
    expirationMillis: i64,
    makerCommissionPpm: u32,
    takerCommissionPpm: u32,
  })
  .map(all => (isPlainFuture(all) ? { ...all, ...plainFuture } : all))

const gateName = fc.string({ minLength: 1, maxLength: 64 })
const reference = fc.string({ maxLength: 64 })
const purpose = fc.constantFrom('sla-penalty', 'delivery', 'x')
const longs = fc.array(i64, { maxLength: 9 })
const joined = {
  role: fc.constantFrom(...laneRoles),
  otherLane: u32,
  otherAccountId: u32,
  reserveMicros: i64,
}
const noneOrUuid = fc.oneof(fc.constant(''), uuid)

const instructions: fc.Arbitrary<Instructions> = fc
  .record({
    displayLots: i32,
    triggerTicks: i32,
    trigger: fc.constantFrom(...triggers),
    expiresAtMillis: i64,
    label: text,
    labelHash: hash.filter(digits => digits !== noHash),
    selfTradeGroup: u32,
    postOnly: fc.constantFrom('no' as const, 'reject' as const, 'slide' as const),
    reduceOnly: fc.boolean(),
    selfTradePrevention: fc.constantFrom(...selfTradePreventions),
  })
  .map(all => (all.label === '' ? { ...all, labelHash: noHash } : all))

/** With any one of the instructions, with several, and most with none. */
const someInstructions: fc.Arbitrary<Instructions> = fc.oneof(
  fc.constant(plainInstructions),
  instructions,
  fc
    .tuple(instructions, fc.constantFrom('displayLots', 'triggerTicks', 'expiresAtMillis', 'postOnly', 'trigger'))
    .map(([all, name]) => ({ ...plainInstructions, [name]: all[name as keyof Instructions] })),
)

const order: fc.Arbitrary<OrderFields> = fc
  .record({
    orderId: uuid,
    accountId,
    instrumentId,
    specificationVersion: u32,
    direction,
    orderType: fc.constantFrom(...orderTypes),
    timeInForce: fc.constantFrom(...timesInForce),
    priceTicks: i32,
    quantityLots: i32,
    clientOrderId: text,
    more: someInstructions,
  })
  .map(({ more, ...order }) => ({ ...order, ...more }))
  .map(order =>
    order.orderType !== 'market' || order.timeInForce === 'fill_or_kill'
      ? order
      : { ...order, timeInForce: 'immediate_or_cancel' },
  )

const controls = { bandPpm: u32, velocityPpm: u32, velocityMillis: u32, haltMillis: u32, auctionMillis: u32 }
const limits = { intervalMillis: u32, frozenMillis: u32, amountLimitLots: i32, deltaLimitLots: i32 }

type Arbitraries<Message> = { [Name in keyof Message]: fc.Arbitrary<Message[Name]> }

const command = <Type extends Command['type']>(
  type: Type,
  fields: Arbitraries<Omit<Extract<Command, { type: Type }>, 'type'>>,
): fc.Arbitrary<Command> => fc.record<object>({ ...fields, type: fc.constant(type) }) as fc.Arbitrary<Command>

export const commandOfEachType: readonly fc.Arbitrary<Command>[] = [
  order.map(order => ({ ...order, type: 'place-order' as const })),
  command('cancel-order', { commandId, accountId, orderId: uuid }),
  command('amend-order', { commandId, accountId, orderId: uuid, priceTicks: i32, quantityLots: i32 }),
  command('open-account', { commandId, account: text.filter(name => name !== ''), firm: text }),
  command('deposit', { commandId, accountId, amountMicros: i64 }),
  command('list-instrument', { commandId, specification }),
  command('list-instrument', { commandId, specification: specification.map(all => ({ ...all, ...plainFuture })) }),
  command('expire-instrument', { commandId, instrumentId }),
  command('cancel-orders', { commandId, accountId, instrumentId, labelHash: hash }),
  command('set-trading-state', {
    commandId,
    instrumentId,
    state: fc.constantFrom(...tradingStates),
    untilMillis: i64,
  }),
  command('set-market-controls', { commandId, instrumentId, ...controls }),
  command('set-mark-price', { commandId, instrumentId, markTicks: i32 }),
  command('quote', {
    commandId,
    accountId,
    groupHash: hash,
    groupName: text.filter(name => name !== ''),
    quotes: fc.array(
      fc.record({
        instrumentId,
        specificationVersion: u32,
        bidTicks: i32,
        bidLots: i32,
        askTicks: i32,
        askLots: i32,
      }),
      { maxLength: 5 },
    ),
  }),
  command('set-market-maker-protection', { commandId, accountId, groupHash: hash, ...limits, name: text }),
  command('reset-market-maker-protection', { commandId, accountId, groupHash: hash }),
  command('set-dead-man', { commandId, accountId, timeoutMillis: u32 }),
  command('set-kill-switch', {
    commandId,
    accountId,
    scope: fc.constantFrom(...killScopes),
    isOn: fc.boolean(),
    firm: text,
  }).map(command =>
    command.type === 'set-kill-switch' && command.scope !== 'account' ? { ...command, accountId: 0 } : command,
  ),
  command('bust-trade', {
    commandId,
    instrumentId,
    priceTicks: i32,
    quantityLots: i32,
    buyerId: u32,
    sellerId: u32,
    tradeId: text,
    buyerFeeMicros: i64,
    sellerFeeMicros: i64,
    tradedAtMillis: i64,
  }),
  command('activate-engine-version', { commandId, version: u32 }),
  command('delist-instrument', { commandId, instrumentId }),
  command('set-mark-prices', {
    commandId,
    marks: fc.array(fc.record({ instrumentId, markTicks: i32 }), { maxLength: 5 }),
  }),
  command('settle-instrument', {
    commandId,
    instrumentId,
    settlementKind: fc.constantFrom(...settlementKinds),
    number: u32,
    priceTicks: i32,
  }),
  command('exercise-option', { commandId, accountId, instrumentId, quantityLots: i32 }),
  command('risk-epoch-begin', {
    commandId,
    epochVersion: u32,
    scenarioSetVersion: u32,
    groups: fc.array(fc.record({ thresholdUnits: i64, microsPerUnit: i64 }), { maxLength: 5 }),
    blocks: fc.array(fc.record({ scenarios: u32 }), { maxLength: 5 }),
  }),
  command('risk-epoch-chunk', {
    commandId,
    epochVersion: u32,
    number: u32,
    instruments: fc.array(
      fc.record({
        instrumentId,
        specificationVersion: u32,
        markMicros: i64,
        shortMinimumMicros: i64,
        group: u32,
        concentrationUnits: u32,
        deltaMicroUnits: i64,
        vegaMicros: i64,
        risk: fc.oneof(
          fc.record({ kind: fc.constant('bounds' as const), lowMicros: i64, highMicros: i64 }),
          fc.record({ kind: fc.constant('array' as const), restMicros: i64, arrayMicros: fc.array(i64) }),
        ),
      }),
      { maxLength: 5 },
    ),
  }),
  command('risk-epoch-commit', { commandId, epochVersion: u32, chunks: u32 }),
  command('withdraw', { commandId, accountId, amountMicros: i64 }),
  command('place-hold', { commandId, accountId, amountMicros: i64 }),
  command('capture-hold', { commandId, accountId, holdId: uuid, amountMicros: i64 }),
  command('release-hold', { commandId, accountId, holdId: uuid }),
  command('begin-liquidation', { commandId, accountId }),
  command('liquidate-position', {
    commandId,
    accountId,
    liquidationId: uuid,
    instrumentId,
    direction,
    quantityLots: i32,
    limitTicks: i32,
  }),
  command('transfer-position', {
    commandId,
    accountId,
    liquidationId: uuid,
    instrumentId,
    toAccountId: u32,
    signedLots: i64,
    priceTicks: i32,
  }),
  command('cover-loss', { commandId, accountId, liquidationId: uuid, fundAccountId: u32, amountMicros: i64 }),
  command('haircut-gains', {
    commandId,
    accountId,
    liquidationId: uuid,
    shares: fc.array(fc.record({ accountId: u32, amountMicros: i64 }), { maxLength: maxShares }),
  }),
  command('end-liquidation', { commandId, accountId, liquidationId: uuid }),
  command('transfer', { commandId, accountId, toAccountId: u32, amountMicros: i64 }),
  command('deposit-collateral', { commandId, accountId, instrumentId, quantityLots: i64 }),
  command('withdraw-collateral', { commandId, accountId, instrumentId, quantityLots: i64 }),
  command('set-risk-limits', limitsOfOne),
  command('scale-risk-limits', {
    commandId,
    floorPpm: u32,
    ceilingPpm: u32,
    scales: fc.array(limitScale, { maxLength: maxScales }),
  }),
  command('set-quote-budget', { commandId, accountId, ...quoteBudget }),
  command('set-gate', { commandId, gateName, state: fc.constantFrom(...gateStates) }),
  command('hold-bid', { commandId, accountId, gateName, amountMicros: i64, replacesHoldId: noneOrUuid }),
  command('withdraw-bid', { commandId, accountId, holdId: uuid }),
  command('award-lots', {
    commandId,
    gateName,
    instrumentId,
    priceTicks: i32,
    lots: i32,
    buyAccountId: u32,
    sellAccountId: u32,
  }),
  command('post-payment', { commandId, accountId, toAccountId: u32, amountMicros: i64, purpose, reference }),
  command('obligate-deliveries', { commandId, instrumentId, settlementTicks: i32 }),
  command('settle-delivery', {
    commandId,
    instrumentId,
    deliveryNumber: u32,
    lots: i64,
    outcome: fc.constantFrom(...deliveryOutcomes),
    compensationMicros: i64,
  }),
  command('join-lane', { commandId, accountId, ...joined }),
  command('grant-budget', { commandId, accountId, fromLane: u32, setVersion: u32, grant: u32, budgetMicros: longs }),
  command('tell-budget', {
    commandId,
    accountId,
    fromLane: u32,
    setVersion: u32,
    grant: u32,
    number: u32,
    budgetMicros: longs,
  }),
  command('ask-budget', { commandId, accountId, fromLane: u32, setVersion: u32, wantedMicros: longs }),
  command('need-budget', { commandId, accountId, fromLane: u32, setVersion: u32, neededMicros: longs }),
  command('send-cash', { commandId, accountId, toLane: u32, amountMicros: i64, liquidationId: uuid }),
  command('receive-cash', { commandId, accountId, fromLane: u32, number: u32, amountMicros: i64 }),
  command('confirm-cash', { commandId, accountId, fromLane: u32, number: u32 }),
  command('join-liquidation', { commandId, accountId, liquidationId: uuid }),
]
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(...commandOfEachType)

const position = fc.record({ sizeLots: i64, entryTickLots: i64, realisedMicros: i64 })

const awardLeg = fc.record({ accountId, feeMicros: i64, position, cashMicros: i64 })

const leg: fc.Arbitrary<TradeLeg> = fc.record({
  orderId: uuid,
  accountId,
  direction,
  filledLots: i32,
  remainingLots: i32,
  filledTickLots: i64,
  feeMicros: i64,
  position,
  cashMicros: i64,
})

const instrument: fc.Arbitrary<Instrument> = fc
  .record({
    instrumentId,
    specificationVersion: u32,
    tickSize: fc.constantFrom('0.01', '0.05', '1'),
    makerCommissionPpm: fc.integer({ min: 0, max: 999_999 }),
    takerCommissionPpm: fc.integer({ min: 0, max: 999_999 }),
    positionLimit: fc.constantFrom('0', '25'),
    more: fc.oneof(
      fc.record({ expirationMillis: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }) }),
      fc.record({
        expirationMillis: fc.integer({ min: Date.UTC(1970, 2), max: Date.UTC(2100, 0) }),
        terms: fc.constant('{"index":"H100.EUW"}'),
      }),
    ),
  })
  .map(({ instrumentId, specificationVersion, more, ...change }) => {
    const specification = { ...testSpecification, ...change, ...more }
    const defined = defineInstrument(specification, instrumentId, specificationVersion)
    if (!defined.accepted) throw new Error(defined.detail)
    return defined.value
  })

const code = fc.constantFrom(...rejectionCodes)
/** Outside of auctions. */
const noLevels = { makerLevelTicks: 0, takerLevelTicks: 0, takerLevelLots: 0 }

const event = <Type extends Event['type']>(
  type: Type,
  fields: Arbitraries<Omit<Extract<Event, { type: Type }>, 'type'>>,
): fc.Arbitrary<Event> => fc.record<object>({ ...fields, type: fc.constant(type) }) as fc.Arbitrary<Event>

export const eventOfEachType: readonly fc.Arbitrary<Event>[] = [
  fc.tuple(order, i32, i64, text).map(([order, restingLots, levelLots, quoteGroup]) => ({
    ...order,
    type: 'order-accepted' as const,
    quoteGroup: isPlain(order) ? quoteGroup : '',
    restingLots,
    levelLots,
  })),
  fc.tuple(order, code).map(([order, code]) => ({ ...order, type: 'order-rejected' as const, code })),
  event('trade-executed', {
    isAuction: fc.boolean(),
    instrumentId,
    priceTicks: i32,
    quantityLots: i32,
    houseFeesMicros: i64,
    levelLots: i64,
    makerLevelTicks: i32,
    takerLevelTicks: i32,
    takerLevelLots: i64,
    maker: leg,
    taker: leg,
  }).map(event => (event.type === 'trade-executed' && !event.isAuction ? { ...event, ...noLevels } : event)),
  event('order-cancelled', {
    commandId,
    orderId: uuid,
    accountId,
    reason: fc.constantFrom(...cancelReasons),
    filledLots: i32,
    cancelledLots: i32,
    instrumentId,
    priceTicks: i32,
    direction,
    levelLots: i64,
  }),
  event('order-amended', {
    commandId,
    orderId: uuid,
    accountId,
    priceTicks: i32,
    quantityLots: i32,
    filledLots: i32,
    keptPriority: fc.boolean(),
    direction,
    instrumentId,
    previousTicks: i32,
    previousLevelLots: i64,
    levelLots: i64,
  }),
  event('command-rejected', {
    commandId,
    commandType: fc
      .constantFrom(...commandTypes)
      .filter(type => type !== 'place-order' && type !== 'place-order-with-instructions' && type !== 'list-contract'),
    accountId,
    code,
  }),
  event('account-opened', { commandId, accountId, account: text, firm: text, firmId: u32 }),
  event('deposited', { commandId, accountId, amountMicros: i64, cashMicros: i64 }),
  event('instrument-listed', { commandId, instrument }),
  event('instrument-expired', { commandId, instrumentId }),
  event('command-duplicated', { commandId }),
  event('time-advanced', { atMillis: i64 }),
  event('frame-poisoned', { reason: fc.constantFrom(...poisonReasons), bytes: u32, sha256: hex(64) }),
  event('order-triggered', {
    accountId,
    orderId: uuid,
    instrumentId,
    priceTicks: i32,
    restingLots: i32,
    direction,
    levelLots: i64,
  }),
  event('trading-state-changed', {
    instrumentId,
    commandId,
    state: fc.constantFrom(...tradingStates),
    cause: fc.constantFrom(...stateCauses),
    uncrossTicks: i32,
    uncrossLots: i64,
    untilMillis: i64,
  }),
  event('market-controls-set', { instrumentId, commandId, ...controls }),
  event('mark-price-set', { instrumentId, commandId, markTicks: i32 }),
  event('quoted', { accountId, commandId, groupHash: hash, acceptedSides: u32, rejectedSides: u32 }),
  event('quote-rejected', { accountId, commandId, instrumentId, code, direction }),
  event('protection-set', { accountId, commandId, groupHash: hash, ...limits, name: text }),
  event('protection-triggered', { accountId, groupHash: hash, frozenUntilMillis: i64, cancelledOrders }),
  event('protection-reset', { accountId, commandId, groupHash: hash }),
  event('dead-man-set', { accountId, commandId, timeoutMillis: u32, expiresAtMillis: i64 }),
  event('dead-man-fired', { accountId, atMillis: i64, cancelledOrders }),
  event('kill-switch-set', {
    accountId,
    commandId,
    scope: fc.constantFrom(...killScopes),
    isOn: fc.boolean(),
    firm: text,
    cancelledOrders,
  }),
  event('trade-busted', {
    instrumentId,
    commandId,
    priceTicks: i32,
    quantityLots: i32,
    houseFeesMicros: i64,
    tradeId: text,
    tradedAtMillis: i64,
    buyer: leg,
    seller: leg,
  }),
  event('orders-cancelled', { accountId, commandId, cancelledOrders }),
  event('epoch-started', { epoch: u32, stateHash: hex(64) }),
  event('engine-version-activated', { commandId, version: u32 }),
  event('instrument-delisted', { commandId, instrumentId }),
  event('position-settled', {
    accountId,
    commandId,
    instrumentId,
    settlementKind: fc.constantFrom(...paymentKinds),
    priceTicks: i32,
    settledLots: i64,
    paidMicros: i64,
    position,
    cashMicros: i64,
  }),
  event('instrument-settled', {
    instrumentId,
    commandId,
    settlementKind: fc.constantFrom(...settlementKinds),
    number: u32,
    priceTicks: i32,
    holders: u32,
    longLots: i64,
    specificationVersion: u32,
    settledLegs: u32,
    distributedTicks: u32,
  }),
  event('option-exercised', {
    accountId,
    commandId,
    instrumentId,
    quantityLots: i32,
    priceTicks: i32,
    assignedAccounts: u32,
  }),
  event('risk-epoch-begun', { commandId, epochVersion: u32, scenarioSetVersion: u32 }),
  event('risk-epoch-chunk-taken', { commandId, epochVersion: u32, number: u32, instruments: u32 }),
  event('risk-epoch-adopted', { commandId, epochVersion: u32, scenarioSetVersion: u32, instruments: u32 }),
  event('risk-epoch-due', { instrumentId, epochVersion: u32, markTicks: i32 }),
  event('margin-called', { accountId, epochVersion: u32, equityMicros: i64, requirementMicros: i64 }),
  event('withdrawn', { accountId, commandId, amountMicros: i64, cashMicros: i64 }),
  event('hold-placed', { accountId, commandId, amountMicros: i64, heldMicros: i64 }),
  event('hold-captured', {
    accountId,
    commandId,
    holdId: uuid,
    amountMicros: i64,
    releasedMicros: i64,
    heldMicros: i64,
    cashMicros: i64,
  }),
  event('hold-released', { accountId, commandId, holdId: uuid, releasedMicros: i64, heldMicros: i64 }),
  event('liquidation-begun', {
    accountId,
    commandId,
    epochVersion: u32,
    cancelledOrders,
    equityMicros: i64,
    requirementMicros: i64,
    afterRequirementMicros: i64,
  }),
  event('liquidation-tranche', {
    accountId,
    commandId,
    liquidationId: uuid,
    instrumentId,
    direction,
    requestedLots: i32,
    filledLots: i32,
    equityMicros: i64,
    requirementMicros: i64,
  }),
  event('position-transferred', {
    accountId,
    commandId,
    liquidationId: uuid,
    instrumentId,
    toAccountId: u32,
    signedLots: i64,
    priceTicks: i32,
    from: fc.record({ position, cashMicros: i64 }),
    to: fc.record({ position, cashMicros: i64 }),
    equityMicros: i64,
    requirementMicros: i64,
  }),
  event('loss-covered', {
    accountId,
    commandId,
    liquidationId: uuid,
    fundAccountId: u32,
    amountMicros: i64,
    cashMicros: i64,
    fundCashMicros: i64,
  }),
  event('gains-haircut', {
    accountId,
    commandId,
    liquidationId: uuid,
    cashMicros: i64,
    shares: fc.array(fc.record({ accountId: u32, amountMicros: i64, cashMicros: i64 }), { maxLength: maxShares }),
  }),
  event('liquidation-ended', {
    accountId,
    commandId,
    liquidationId: uuid,
    equityMicros: i64,
    requirementMicros: i64,
  }),
  event('transferred', {
    accountId,
    commandId,
    toAccountId: u32,
    amountMicros: i64,
    cashMicros: i64,
    toCashMicros: i64,
  }),
  event('collateral-deposited', { accountId, commandId, instrumentId, quantityLots: i64, sizeLots: i64 }),
  event('collateral-withdrawn', { accountId, commandId, instrumentId, quantityLots: i64, sizeLots: i64 }),
  event('risk-limits-set', limitsOfOne),
  event('risk-limits-scaled', {
    commandId,
    floorPpm: u32,
    ceilingPpm: u32,
    scales: fc.array(limitScale, { maxLength: maxScales }),
  }),
  event('quote-budget-set', { commandId, accountId, ...quoteBudget, reservedMicros: i64 }),
  event('limit-breached', {
    accountId,
    instrumentId,
    limit: fc.constantFrom(...breachedLimits),
    measured: i64,
    allowed: i64,
    firm: text,
  }),
  event('gate-set', { commandId, gateName, state: fc.constantFrom(...gateStates) }),
  event('bid-held', {
    accountId,
    commandId,
    gateName,
    amountMicros: i64,
    replacesHoldId: noneOrUuid,
    heldMicros: i64,
  }),
  event('lots-awarded', {
    commandId,
    gateName,
    instrumentId,
    priceTicks: i32,
    lots: i32,
    houseFeesMicros: i64,
    buy: awardLeg,
    sell: awardLeg,
  }),
  event('payment-posted', {
    accountId,
    commandId,
    toAccountId: u32,
    amountMicros: i64,
    purpose,
    reference,
    cashMicros: i64,
    toCashMicros: i64,
  }),
  event('delivery-obligated', {
    commandId,
    instrumentId,
    deliveryNumber: u32,
    buyAccountId: u32,
    sellAccountId: u32,
    lots: i64,
    priceTicks: i32,
    invoiceMicros: i64,
    buyHeldMicros: i64,
    sellHeldMicros: i64,
  }),
  event('delivery-settled', {
    commandId,
    instrumentId,
    deliveryNumber: u32,
    buyAccountId: u32,
    sellAccountId: u32,
    lots: i64,
    remainingLots: i64,
    outcome: fc.constantFrom(...deliveryOutcomes),
    invoiceMicros: i64,
    compensationMicros: i64,
    buyCashMicros: i64,
    sellCashMicros: i64,
    buyHeldMicros: i64,
    sellHeldMicros: i64,
  }),
  event('lane-joined', { commandId, accountId, ...joined }),
  event('budget-granted', {
    accountId,
    toLane: u32,
    toAccountId: u32,
    setVersion: u32,
    grant: u32,
    budgetMicros: longs,
  }),
  event('budget-held', {
    accountId,
    commandId,
    toLane: u32,
    toAccountId: u32,
    setVersion: u32,
    grant: u32,
    number: u32,
    budgetMicros: longs,
  }),
  event('budget-asked', { accountId, toLane: u32, toAccountId: u32, setVersion: u32, wantedMicros: longs }),
  event('budget-counted', { accountId, commandId, setVersion: u32, creditMicros: longs }),
  event('budget-needed', { accountId, toLane: u32, toAccountId: u32, setVersion: u32, neededMicros: longs }),
  event('cash-sent', {
    accountId,
    commandId,
    toLane: u32,
    toAccountId: u32,
    number: u32,
    amountMicros: i64,
    debitedMicros: i64,
    cashMicros: i64,
  }),
  event('cash-received', {
    accountId,
    commandId,
    toLane: u32,
    toAccountId: u32,
    number: u32,
    creditedMicros: i64,
    cashMicros: i64,
  }),
  event('cash-confirmed', { accountId, commandId, fromLane: u32, number: u32 }),
  event('liquidation-joined', {
    accountId,
    commandId,
    liquidationId: uuid,
    cancelledOrders: u32,
    equityMicros: i64,
    requirementMicros: i64,
  }),
]
export const anyEvent: fc.Arbitrary<Event> = fc.oneof(...eventOfEachType)

const section = fc.record({
  inputSequence: fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 56, maxLength: 56 }),
  atMillis: i64,
  chain: hex(32),
  firstIndex: u32,
  events: fc.array(anyEvent, { maxLength: 8 }),
})

export const anyExecutionsFrame: fc.Arbitrary<ExecutionsFrame> = fc.record({
  lane: fc.integer({ min: 0, max: 65_535 }),
  epoch: u32,
  firstOutSeq: fc.maxSafeNat(),
  sections: fc.array(section, { maxLength: 4 }),
})

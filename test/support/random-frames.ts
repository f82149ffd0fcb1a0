import fc from 'fast-check'
import { rejectionCodes } from '#domain/outcome.ts'
import { defineInstrument, type Instrument, maxInt32 } from '#domain/reference/instrument.ts'
import { type Command, directions, timesInForce } from '#domain/trading/commands.ts'
import { cancelReasons, type Event, type OrderFields, poisonReasons, type TradeLeg } from '#domain/trading/events.ts'
import type { ExecutionsFrame } from '#protocol/executions-frame.ts'
import { commandTypes } from '#protocol/orders-frame.ts'
import { testSpecification } from './tape.ts'

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits })
const uuid = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map(parts => parts.join('-'))
const u32 = fc.integer({ min: 0, max: 4_294_967_295 })
const i32 = fc.integer({ min: -maxInt32 - 1, max: maxInt32 })
const i64 = fc.maxSafeInteger().map(value => value + 0)
const text = fc.oneof(
  fc.string({ maxLength: 64 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constant('\ufeffx'),
)
const instrumentText = fc.string({ maxLength: 20 })

const commandId = uuid
const accountId = u32
const specification = fc.record({
  instrumentName: instrumentText,
  kind: fc.constant('future' as const),
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

const order: fc.Arbitrary<OrderFields> = fc
  .record({
    orderId: uuid,
    accountId,
    instrumentId: u32,
    specificationVersion: u32,
    direction: fc.constantFrom(...directions),
    timeInForce: fc.constantFrom(...timesInForce),
    isMarket: fc.boolean(),
    priceTicks: i32,
    quantityLots: i32,
    clientOrderId: text,
  })
  .map(({ isMarket, ...order }) => ({
    ...order,
    orderType: isMarket && order.timeInForce === 'immediate_or_cancel' ? 'market' : 'limit',
  }))

export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  order.map(order => ({ ...order, type: 'place-order' as const })),
  fc.record({ type: fc.constant('cancel-order' as const), commandId, accountId, orderId: uuid }),
  fc.record({
    type: fc.constant('amend-order' as const),
    commandId,
    accountId,
    orderId: uuid,
    priceTicks: i32,
    quantityLots: i32,
  }),
  fc.record({ type: fc.constant('open-account' as const), commandId, account: text.filter(name => name !== '') }),
  fc.record({ type: fc.constant('deposit' as const), commandId, accountId, amountMicros: i64 }),
  fc.record({ type: fc.constant('list-instrument' as const), commandId, specification }),
  fc.record({ type: fc.constant('expire-instrument' as const), commandId, instrumentId: u32 }),
)

const leg: fc.Arbitrary<TradeLeg> = fc.record({
  orderId: uuid,
  accountId,
  direction: fc.constantFrom(...directions),
  filledLots: i32,
  remainingLots: i32,
  filledTickLots: i64,
  feeMicros: i64,
  position: fc.record({ sizeLots: i64, entryTickLots: i64, realisedMicros: i64 }),
  cashMicros: i64,
})

const instrument: fc.Arbitrary<Instrument> = fc
  .record({
    instrumentId: u32,
    specificationVersion: u32,
    expirationMillis: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    tickSize: fc.constantFrom('0.01', '0.05', '1'),
    makerCommissionPpm: fc.integer({ min: 0, max: 999_999 }),
    takerCommissionPpm: fc.integer({ min: 0, max: 999_999 }),
  })
  .map(({ instrumentId, specificationVersion, ...change }) => {
    const defined = defineInstrument({ ...testSpecification, ...change }, instrumentId, specificationVersion)
    if (!defined.accepted) throw new Error(defined.detail)
    return defined.value
  })

const code = fc.constantFrom(...rejectionCodes)

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  order.map(order => ({ ...order, type: 'order-accepted' as const })),
  fc.tuple(order, code).map(([order, code]) => ({ ...order, type: 'order-rejected' as const, code })),
  fc.record({
    type: fc.constant('trade-executed' as const),
    instrumentId: u32,
    priceTicks: i32,
    quantityLots: i32,
    maker: leg,
    taker: leg,
    houseFeesMicros: i64,
  }),
  fc.record({
    type: fc.constant('order-cancelled' as const),
    commandId,
    orderId: uuid,
    accountId,
    reason: fc.constantFrom(...cancelReasons),
    filledLots: i32,
    cancelledLots: i32,
  }),
  fc.record({
    type: fc.constant('order-amended' as const),
    commandId,
    orderId: uuid,
    accountId,
    priceTicks: i32,
    quantityLots: i32,
    filledLots: i32,
    keptPriority: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('command-rejected' as const),
    commandId,
    commandType: fc.constantFrom(...commandTypes).filter(type => type !== 'place-order'),
    accountId,
    code,
  }),
  fc.record({ type: fc.constant('account-opened' as const), commandId, accountId, account: text }),
  fc.record({ type: fc.constant('deposited' as const), commandId, accountId, amountMicros: i64, cashMicros: i64 }),
  fc.record({ type: fc.constant('instrument-listed' as const), commandId, instrument }),
  fc.record({ type: fc.constant('instrument-expired' as const), commandId, instrumentId: u32 }),
  fc.record({ type: fc.constant('command-duplicated' as const), commandId }),
  fc.record({ type: fc.constant('time-advanced' as const), atMillis: i64 }),
  fc.record({
    type: fc.constant('frame-poisoned' as const),
    reason: fc.constantFrom(...poisonReasons),
    bytes: u32,
    sha256: hex(64),
  }),
)

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

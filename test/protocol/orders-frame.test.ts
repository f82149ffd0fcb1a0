import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { maxTermsBytes, neverMillis } from '#domain/reference/contract-terms.ts'
import { type ContractSpecification, plainFuture } from '#domain/reference/instrument.ts'
import { faultOf, readCommand, writeCommand } from '#domain/trading/command-messages.ts'
import { type Command, maxMarks, maxShares, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import {
  firstEngineVersion,
  newestEngineVersion,
  versionOfContracts,
  versionOfDelivery,
  versionOfJointMargin,
  versionOfLaneBudgets,
  versionOfMargin,
} from '#domain/trading/engine-version.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { commandTypes, typeOf } from '#domain/trading/messages.ts'
import { Tape } from '#domain/trading/tape.ts'
import {
  decodeOrdersFrame,
  encodeEpochFrame,
  encodeOrdersFrame,
  type OpenedOrdersFrame,
  openOrdersFrame,
} from '#protocol/orders-frame.ts'
import { anyCommand, commandOfEachType } from '#test/support/random-frames.ts'

const lane = 3
/** As the newest engine reads it. */
const open = (bytes: Uint8Array, ofLane: number): OpenedOrdersFrame =>
  openOrdersFrame(bytes, ofLane, newestEngineVersion)
const idOf = (number: number): string => `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
const hash = '0123456789abcdef'

const placed: PlaceOrder = {
  type: 'place-order',
  orderId: idOf(0xa1),
  accountId: 1,
  instrumentId: 2,
  specificationVersion: 3,
  direction: 'sell',
  orderType: 'limit',
  timeInForce: 'immediate_or_cancel',
  priceTicks: 100,
  quantityLots: 5,
  clientOrderId: 'näme',
  ...plainInstructions,
}
const instructed: PlaceOrder = {
  ...placed,
  orderType: 'stop_limit',
  timeInForce: 'good_til_date',
  displayLots: 4,
  triggerTicks: 99,
  trigger: 'mark_price',
  expiresAtMillis: 1_800_000_000_000,
  label: 'grid',
  labelHash: hash,
  selfTradeGroup: 7,
  postOnly: 'slide',
  reduceOnly: true,
  selfTradePrevention: 'cancel_both',
}
const quoted = {
  instrumentId: 2,
  specificationVersion: 3,
  bidTicks: 99,
  bidLots: 10,
  askTicks: 101,
  askLots: -1,
}
const specification = {
  instrumentName: 'H100.USE-27NOV26',
  ...plainFuture,
  underlying: 'H100.USE',
  quoteCurrency: 'USD',
  tickSize: '1',
  minTradeAmount: '1',
  contractSize: '1',
  maxPrice: '1000',
  expirationMillis: 1_800_000_000_000,
  makerCommissionPpm: 100,
  takerCommissionPpm: 300,
} as const
/** A swap of two months. */
const contract: ContractSpecification = {
  ...specification,
  instrumentName: 'H100.USE-27JAN01-SWAP',
  kind: 'swap',
  expirationMillis: Date.UTC(2027, 0, 1),
  positionLimit: '40',
  terms: '{"first_month":"2026-11"}',
}
const commandId = idOf(0xc1)
const riskOfLot = {
  specificationVersion: 3,
  markMicros: 100,
  shortMinimumMicros: 4,
  group: 1,
  concentrationUnits: 6,
  deltaMicroUnits: -7,
  vegaMicros: 8,
}
const commands: readonly Command[] = [
  placed,
  { type: 'cancel-order', commandId, accountId: 1, orderId: idOf(0xa1) },
  { type: 'amend-order', commandId, accountId: 1, orderId: idOf(0xa1), priceTicks: 101, quantityLots: 3 },
  { type: 'open-account', commandId, account: 'ann', firm: 'acme' },
  { type: 'deposit', commandId, accountId: 1, amountMicros: 2_500_000 },
  { type: 'list-instrument', commandId, specification },
  { type: 'expire-instrument', commandId, instrumentId: 2 },
  instructed,
  { type: 'cancel-orders', commandId, accountId: 1, instrumentId: 2, labelHash: hash },
  { type: 'set-trading-state', commandId, instrumentId: 2, state: 'halted', untilMillis: 1_800_000_000_000 },
  {
    type: 'set-market-controls',
    commandId,
    instrumentId: 2,
    bandPpm: 50_000,
    velocityPpm: 30_000,
    velocityMillis: 1_000,
    haltMillis: 60_000,
    auctionMillis: 30_000,
  },
  { type: 'set-mark-price', commandId, instrumentId: 2, markTicks: 100 },
  {
    type: 'quote',
    commandId,
    accountId: 1,
    groupHash: hash,
    groupName: 'main',
    quotes: [quoted, { ...quoted, instrumentId: 3 }],
  },
  {
    type: 'set-market-maker-protection',
    commandId,
    accountId: 1,
    groupHash: hash,
    intervalMillis: 1_000,
    frozenMillis: 5_000,
    amountLimitLots: 100,
    deltaLimitLots: 50,
    name: 'main',
  },
  { type: 'reset-market-maker-protection', commandId, accountId: 1, groupHash: hash },
  { type: 'set-dead-man', commandId, accountId: 1, timeoutMillis: 30_000 },
  { type: 'set-kill-switch', commandId, accountId: 0, scope: 'firm', isOn: true, firm: 'acme' },
  {
    type: 'bust-trade',
    commandId,
    instrumentId: 2,
    priceTicks: 100,
    quantityLots: 5,
    buyerId: 1,
    sellerId: 2,
    tradeId: '1:4:2',
    buyerFeeMicros: 30,
    sellerFeeMicros: -10,
    tradedAtMillis: 1_800_000_000_000,
  },
  { type: 'activate-engine-version', commandId, version: 2 },
  { type: 'list-instrument', commandId, specification: contract },
  { type: 'delist-instrument', commandId, instrumentId: 2 },
  {
    type: 'set-mark-prices',
    commandId,
    marks: [
      { instrumentId: 2, markTicks: 100 },
      { instrumentId: 3, markTicks: -1 },
    ],
  },
  { type: 'settle-instrument', commandId, instrumentId: 2, settlementKind: 'distribution', number: 3, priceTicks: 7 },
  { type: 'exercise-option', commandId, accountId: 1, instrumentId: 2, quantityLots: 5 },
  {
    type: 'risk-epoch-begin',
    commandId,
    epochVersion: 7,
    scenarioSetVersion: 3,
    groups: [
      { thresholdUnits: 5, microsPerUnit: 2 },
      { thresholdUnits: 0, microsPerUnit: 0 },
    ],
    blocks: [{ scenarios: 2 }],
  },
  {
    type: 'risk-epoch-chunk',
    commandId,
    epochVersion: 7,
    number: 1,
    instruments: [
      {
        ...riskOfLot,
        instrumentId: 2,
        risk: { kind: 'array', restMicros: -1, arrayMicros: [-30, 40] },
      },
      { ...riskOfLot, instrumentId: 3, risk: { kind: 'bounds', lowMicros: 0, highMicros: 1_000 } },
    ],
  },
  { type: 'risk-epoch-commit', commandId, epochVersion: 7, chunks: 2 },
  { type: 'withdraw', commandId, accountId: 1, amountMicros: 2_500_000 },
  { type: 'place-hold', commandId, accountId: 1, amountMicros: 2_500_000 },
  { type: 'capture-hold', commandId, accountId: 1, holdId: idOf(0xa1), amountMicros: 2_500_000 },
  { type: 'release-hold', commandId, accountId: 1, holdId: idOf(0xa1) },
  { type: 'begin-liquidation', commandId, accountId: 1 },
  {
    type: 'liquidate-position',
    commandId,
    liquidationId: idOf(0xa1),
    accountId: 1,
    instrumentId: 2,
    direction: 'sell',
    quantityLots: 5,
    limitTicks: 100,
  },
  {
    type: 'transfer-position',
    commandId,
    liquidationId: idOf(0xa1),
    accountId: 1,
    toAccountId: 3,
    instrumentId: 2,
    signedLots: -5,
    priceTicks: 100,
  },
  {
    type: 'cover-loss',
    commandId,
    liquidationId: idOf(0xa1),
    accountId: 1,
    fundAccountId: 3,
    amountMicros: 2_500_000,
  },
  {
    type: 'haircut-gains',
    commandId,
    liquidationId: idOf(0xa1),
    accountId: 1,
    shares: [
      { accountId: 3, amountMicros: 2_500_000 },
      { accountId: 4, amountMicros: 1 },
    ],
  },
  { type: 'end-liquidation', commandId, liquidationId: idOf(0xa1), accountId: 1 },
  { type: 'transfer', commandId, accountId: 1, toAccountId: 3, amountMicros: 2_500_000 },
  { type: 'deposit-collateral', commandId, accountId: 1, instrumentId: 2, quantityLots: 5 },
  { type: 'withdraw-collateral', commandId, accountId: 1, instrumentId: 2, quantityLots: 5 },
  {
    type: 'set-risk-limits',
    commandId,
    scope: 'firm',
    accountId: 0,
    firm: 'acme',
    instrumentId: 0,
    isApproved: true,
    terms: {
      ...noLimits,
      maxOrderLots: 10,
      maxOrderNotionalMicros: 2_500_000,
      maxPositionLots: 100,
      maxDailyLossMicros: 30,
      maxOpenOrders: 3,
      maxMessagesPerSecond: 5,
      collarPpm: 50_000,
    },
  },
  {
    type: 'scale-risk-limits',
    commandId,
    floorPpm: 500_000,
    ceilingPpm: 1_000_000,
    scales: [
      {
        instrumentId: 2,
        scalePpm: 600_000,
        volatilityPpm: 1_600_000,
        referenceVolatilityPpm: 800_000,
        depthLots: 5,
        referenceDepthLots: 100,
      },
    ],
  },
  {
    type: 'set-quote-budget',
    commandId,
    accountId: 1,
    lots: 100,
    largestQuoteLots: 10,
    lotLossMicros: 2_500_000,
    lotCapMicros: 30,
  },
  { type: 'set-gate', commandId, gateName: 'day-1', state: 'closed' },
  { type: 'hold-bid', commandId, accountId: 1, gateName: 'day-1', amountMicros: 5, replacesHoldId: '' },
  { type: 'withdraw-bid', commandId, accountId: 1, holdId: commandId },
  {
    type: 'award-lots',
    commandId,
    gateName: 'day-1',
    instrumentId: 2,
    priceTicks: 100,
    lots: 5,
    buyAccountId: 1,
    sellAccountId: 3,
  },
  {
    type: 'post-payment',
    commandId,
    accountId: 1,
    toAccountId: 3,
    amountMicros: 5,
    purpose: 'partner',
    reference: 'r',
  },
  { type: 'obligate-deliveries', commandId, instrumentId: 2, settlementTicks: 100 },
  {
    type: 'settle-delivery',
    commandId,
    instrumentId: 2,
    deliveryNumber: 1,
    lots: 5,
    outcome: 'undelivered',
    compensationMicros: 3,
  },
  {
    type: 'join-lane',
    commandId,
    accountId: 1,
    role: 'satellite',
    otherLane: 2,
    otherAccountId: 3,
    reserveMicros: 5,
  },
  {
    type: 'grant-budget',
    commandId,
    accountId: 1,
    fromLane: 2,
    setVersion: 3,
    grant: 4,
    budgetMicros: [5, -1],
  },
  {
    type: 'tell-budget',
    commandId,
    accountId: 1,
    fromLane: 2,
    setVersion: 3,
    grant: 4,
    number: 5,
    budgetMicros: [5, -1],
  },
  { type: 'ask-budget', commandId, accountId: 1, fromLane: 2, setVersion: 3, wantedMicros: [5, -1] },
  { type: 'need-budget', commandId, accountId: 1, fromLane: 2, setVersion: 3, neededMicros: [5, -1] },
  { type: 'send-cash', commandId, accountId: 1, toLane: 2, amountMicros: 5, liquidationId: commandId },
  { type: 'receive-cash', commandId, accountId: 1, fromLane: 2, number: 3, amountMicros: 5 },
  { type: 'confirm-cash', commandId, accountId: 1, fromLane: 2, number: 3 },
  { type: 'join-liquidation', commandId, accountId: 1, liquidationId: commandId },
]
const frame = encodeOrdersFrame(lane, commands)

/** With a checksum that fits, so that only what is inside can be wrong. */
const sealed = (bytes: Uint8Array): Uint8Array => {
  const checksum = crc32(bytes.subarray(20), crc32(bytes.subarray(0, 16)))
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, checksum, true)
  return bytes
}
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}
const messageOf = (command: Command): Tape => {
  const tape = new Tape()
  writeCommand(tape, command)
  return tape
}
/** One command, a byte of its message changed, in a frame that is sound otherwise. */
const withByte = (command: Command, at: number, value: number): Uint8Array =>
  sealed(changed(encodeOrdersFrame(lane, [command]), 32 + at, value))
const commandOf = (type: Command['type']): Command => {
  const found = commands.find(command => command.type === type)
  if (found === undefined) throw new Error(`no ${type}`)
  return found
}

const commandOfContract: Command = { type: 'list-instrument', commandId, specification: contract }

describe('a frame of commands', () => {
  test.each(commandOfEachType.map((arbitrary, index) => ({ kind: index + 1, arbitrary })))(
    'gives back what was put in, kind $kind',
    ({ arbitrary }) => {
      fc.assert(
        fc.property(fc.array(arbitrary, { maxLength: 4 }), fc.integer({ min: 0, max: 65_535 }), (commands, lane) => {
          expect(decodeOrdersFrame(encodeOrdersFrame(lane, commands), lane)).toEqual({
            ok: true,
            kind: 'commands',
            commands,
          })
        }),
        { numRuns: 40 },
      )
    },
  )

  test('holds each type of message, one after another', () => {
    const opened = open(frame, lane)
    if (!opened.ok || opened.kind !== 'commands') throw new Error('it is refused')
    const types = []
    for (let at = opened.from; types.length < opened.count; at += ((opened.words[at] ?? 0) & 0xffff) / 4)
      types.push(typeOf(opened.words[at] ?? 0))

    expect(types).toEqual(commandTypes.map((_, index) => index + 1))
    expect(decodeOrdersFrame(frame, lane)).toEqual({ ok: true, kind: 'commands', commands })
  })

  test('is read wherever its bytes lie', () => {
    const shifted = new Uint8Array(frame.length + 3)
    shifted.set(frame, 3)

    expect(decodeOrdersFrame(shifted.subarray(3), lane)).toEqual({ ok: true, kind: 'commands', commands })
  })

  test('of none is a tick', () => {
    expect(encodeOrdersFrame(lane, [])).toHaveLength(32)
    expect(decodeOrdersFrame(encodeOrdersFrame(lane, []), lane)).toEqual({ ok: true, kind: 'commands', commands: [] })
  })

  test('is refused with any byte changed', () => {
    const taken = [...frame.keys()].filter(at =>
      [0x01, 0x80, 0xff].some(bits => open(changed(frame, at, (frame[at] ?? 0) ^ bits), lane).ok),
    )
    expect(taken).toEqual([])
  })

  test('is refused cut short anywhere, with a checksum that fits too, or with bytes behind it', () => {
    const cut = (length: number): Uint8Array => {
      const bytes = frame.slice(0, length)
      if (length >= 32) new DataView(bytes.buffer).setUint32(8, length - 32, true)
      return length >= 20 ? sealed(bytes) : bytes
    }
    expect([...frame.keys()].filter(length => open(frame.subarray(0, length), lane).ok)).toEqual([])
    expect([...frame.keys()].filter(length => open(cut(length), lane).ok)).toEqual([])
    expect(open(Uint8Array.of(...frame, 0), lane)).toEqual({ ok: false, reason: 'wrong-length' })
  })

  test('with a checksum that fits is either refused or says exactly what its bytes say', () => {
    fc.assert(
      fc.property(
        fc.array(anyCommand, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat({ max: 255 }),
        (some, where, value) => {
          const good = encodeOrdersFrame(lane, some)
          const bytes = sealed(changed(good, where % good.length, value))
          const decoded = decodeOrdersFrame(bytes, lane)
          if (decoded.ok)
            expect(
              decoded.kind === 'epoch'
                ? encodeEpochFrame(lane, decoded.epoch)
                : encodeOrdersFrame(lane, decoded.commands),
            ).toEqual(bytes)
        },
      ),
      { numRuns: 600 },
    )
  })

  test('made of any bytes at all never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(open(bytes, lane).ok).toBe(false)
      }),
    )
  })

  test.each([
    ['too-short', frame.subarray(0, 31)],
    ['not-a-frame', changed(frame, 0, 0x44)],
    ['unknown-version', sealed(changed(frame, 4, 1))],
    ['unknown-version', sealed(changed(frame, 4, 3))],
    ['unknown-version', sealed(changed(frame, 7, 1))],
    ['wrong-kind', sealed(changed(frame, 6, 2))],
    ['wrong-kind', sealed(changed(frame, 6, 4))],
    ['malformed-message', sealed(changed(frame, 6, 3))],
    ['wrong-lane', sealed(changed(frame, 14, 4))],
    ['wrong-length', sealed(changed(frame, 8, 0))],
    ['wrong-length', sealed(changed(frame, 11, 0xff))],
    ['wrong-checksum', changed(frame, 40, 9)],
    ['malformed-message', sealed(changed(frame, 12, commands.length - 1))],
    ['malformed-message', sealed(changed(frame, 12, commands.length + 1))],
    ['malformed-message', sealed(changed(frame, 13, 0xff))],
    ['malformed-message', sealed(changed(frame, 20, 1))],
    ['malformed-message', sealed(changed(frame, 24, 1))],
    ['unknown-message', sealed(changed(frame, 34, commandTypes.length + 1))],
    ['unknown-message', sealed(changed(frame, 34, 0))],
    ['unknown-message', sealed(changed(frame, 35, 2))],
    ['malformed-message', sealed(changed(frame, 32, 0))],
    ['malformed-message', sealed(changed(frame, 32, 16))],
    ['malformed-message', sealed(changed(frame, 32, 58))],
    ['malformed-message', sealed(changed(frame, 32, 64))],
    ['malformed-message', sealed(changed(frame, 33, 0xff))],
  ])('is refused as %s', (reason, bytes) => {
    expect(open(bytes, lane)).toEqual({ ok: false, reason })
    expect(decodeOrdersFrame(bytes, lane)).toEqual({ ok: false, reason })
  })

  test.each<[string, Command, number, number]>([
    ['a direction', placed, 40, 2],
    ['a type that needs instructions', placed, 41, 2],
    ['a time in force that needs instructions', placed, 42, 2],
    ['padding', placed, 43, 1],
    ['a text longer than its message', placed, 44, 9],
    ['a text shorter than its message', placed, 44, 0],
    ['a label without instructions', placed, 46, 1],
    ['UTF-8', placed, 49, 0xff],
    ['padding behind a text', placed, 53, 1],
    ['a market order that may rest', { ...placed, timeInForce: 'good_til_cancelled', clientOrderId: '' }, 41, 1],
    ['a type', instructed, 41, 4],
    ['a market order that may rest, with instructions', instructed, 41, 1],
    ['a time in force', instructed, 42, 5],
    ['an unsafe time', instructed, 63, 1],
    ['flags', instructed, 76, 8],
    ['sliding without being post-only', instructed, 76, 2],
    ['a self-trade prevention', instructed, 77, 4],
    ['a trigger', instructed, 78, 2],
    ['padding of instructions', instructed, 79, 1],
    ['a label without a hash', { ...instructed, labelHash: '0100000000000000' }, 64, 0],
    ['instructions that say nothing', { ...placed, displayLots: 1 }, 48, 0],
    ['half a character in each text', { ...instructed, clientOrderId: 'ab', label: 'é' }, 44, 3],
    ['an account without a name', commandOf('open-account'), 24, 0],
    ['an account where none is named', commandOf('open-account'), 4, 1],
    ['an unsafe amount', commandOf('deposit'), 30, 0x20],
    ['another kind of instrument', commandOf('list-instrument'), 56 + 16, 'x'.charCodeAt(0)],
    ['padding behind a number', commandOf('expire-instrument'), 28, 1],
    ['a trading state', commandOf('set-trading-state'), 28, 6],
    ['a count of quotes', commandOf('quote'), 32, 3],
    ['an absurd count of quotes', commandOf('quote'), 35, 0xff],
    ['a group’s name longer than its message', commandOf('quote'), 36, 9],
    ['a group without a name', commandOf('quote'), 36, 0],
    ['padding of a quote', commandOf('quote'), 38, 1],
    ['padding behind a group’s name', commandOf('quote'), 95, 1],
    ['a scope', commandOf('set-kill-switch'), 24, 3],
    ['neither on nor off', commandOf('set-kill-switch'), 25, 2],
    ['an account of a firm’s switch', commandOf('set-kill-switch'), 4, 1],
    ['a text beyond 256 bytes', commandOf('bust-trade'), 45, 2],
    ['a kind of contract', commandOfContract, 64 + 21, 'x'.charCodeAt(0)],
    ['a settlement that is none', commandOfContract, 56, 5],
    ['terms beyond 8,192 bytes', commandOfContract, 61, 0x21],
    ['padding behind the lengths', commandOfContract, 62, 1],
    ['a count of marks', commandOf('set-mark-prices'), 24, 3],
    ['padding of marks', commandOf('set-mark-prices'), 28, 1],
    ['a kind of settlement', commandOf('settle-instrument'), 28, 4],
    ['padding of a settlement', commandOf('settle-instrument'), 29, 1],
  ])('is refused as malformed for %s', (_, command, at, value) => {
    expect(open(encodeOrdersFrame(lane, [command]), lane).ok).toBe(true)
    expect(open(withByte(command, at, value), lane)).toEqual({ ok: false, reason: 'malformed-message' })
  })

  test.each<[string, Partial<PlaceOrder>]>([
    ['a price beyond 32 bits', { priceTicks: 2 ** 31 }],
    ['a fraction of a lot', { quantityLots: 0.5 }],
    ['no number', { quantityLots: Number.NaN }],
    ['an account beyond 32 bits', { accountId: 2 ** 32 }],
    ['a negative account', { accountId: -1 }],
    ['an id that is no UUID', { orderId: 'a1' }],
    ['an id in capitals', { orderId: '01900000-0000-7000-8000-0000000000A1' }],
    ['a text too long', { clientOrderId: 'x'.repeat(257) }],
    ['a text with half a character', { clientOrderId: '\ud800' }],
    ['a market order that may rest', { orderType: 'market', timeInForce: 'good_til_cancelled' }],
    ['an unsafe time', { expiresAtMillis: 2 ** 53 }],
    ['a label without a hash', { label: 'grid' }],
    ['a hash without a label', { labelHash: hash }],
    ['a hash of another length', { label: 'grid', labelHash: 'ab' }],
  ])('is not made of %s', (_, change) => {
    const tape = new Tape()
    expect(() => writeCommand(tape, { ...placed, ...change })).toThrow(RangeError)
    expect(tape).toMatchObject({ length: 0, count: 0 })
  })

  test('is not made of more than it can carry', () => {
    expect(() => encodeOrdersFrame(70_000, [])).toThrow(RangeError)
    expect(() => encodeOrdersFrame(lane, new Array(65_536).fill(commandOf('set-dead-man')))).toThrow(RangeError)
    const quotes = (count: number, groupName = 'main'): Command => ({
      type: 'quote',
      commandId,
      accountId: 1,
      groupHash: hash,
      groupName,
      quotes: new Array(count).fill(quoted),
    })
    expect(() => encodeOrdersFrame(lane, [quotes(2_729)])).toThrow(RangeError)
    // The name alone may be too much.
    expect(() => encodeOrdersFrame(lane, [quotes(2_728, 'x'.repeat(17))])).toThrow(RangeError)
    expect(open(encodeOrdersFrame(lane, [quotes(2_728)]), lane).ok).toBe(true)
  })
})

describe('what an engine reads follows from its version:', () => {
  /** Those after one type, up to and with another. */
  const between = (after: (typeof commandTypes)[number], last: (typeof commandTypes)[number]): Command[] =>
    commands.filter(command => {
      const type = typeOf(messageOf(command).words[0] ?? 0)
      return type > commandTypes.indexOf(after) + 1 && type <= commandTypes.indexOf(last) + 1
    })
  const ofContracts = between('activate-engine-version', 'exercise-option')
  const ofMargin = between('exercise-option', 'set-quote-budget')
  const ofDelivery = between('set-quote-budget', 'settle-delivery')
  const ofLaneBudgets = between('settle-delivery', 'ask-budget')
  const ofJointMargin = between('ask-budget', 'join-liquidation')

  test.each(ofContracts)('$type is an unknown message before version 3', command => {
    const frame = encodeOrdersFrame(lane, [placed, command])
    for (let version = firstEngineVersion; version < versionOfContracts; version += 1)
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'unknown-message' })
    expect(openOrdersFrame(frame, lane, versionOfContracts).ok).toBe(true)
  })

  test.each(ofMargin)('$type is an unknown message before version 4', command => {
    const frame = encodeOrdersFrame(lane, [placed, command])
    for (let version = firstEngineVersion; version < versionOfMargin; version += 1)
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'unknown-message' })
    expect(openOrdersFrame(frame, lane, versionOfMargin).ok).toBe(true)
  })

  test.each(ofDelivery)('$type is an unknown message before version 5', command => {
    const frame = encodeOrdersFrame(lane, [placed, command])
    for (let version = firstEngineVersion; version < versionOfDelivery; version += 1)
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'unknown-message' })
    expect(openOrdersFrame(frame, lane, versionOfDelivery).ok).toBe(true)
  })

  test.each(ofLaneBudgets)('$type is an unknown message before version 6', command => {
    const frame = encodeOrdersFrame(lane, [placed, command])
    for (let version = firstEngineVersion; version < versionOfLaneBudgets; version += 1)
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'unknown-message' })
    expect(openOrdersFrame(frame, lane, versionOfLaneBudgets).ok).toBe(true)
  })

  test.each(ofJointMargin)('$type is an unknown message before version 7', command => {
    const frame = encodeOrdersFrame(lane, [placed, command])
    for (let version = firstEngineVersion; version < versionOfJointMargin; version += 1)
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'unknown-message' })
    expect(openOrdersFrame(frame, lane, versionOfJointMargin).ok).toBe(true)
  })

  test('no budget has more states than an epoch can have', () => {
    const asked = (states: number) =>
      encodeOrdersFrame(lane, [
        { ...commandOf('ask-budget'), wantedMicros: new Array<number>(states).fill(1) } as Command,
      ])
    expect(openOrdersFrame(asked(4_097), lane, versionOfLaneBudgets).ok).toBe(true)
    expect(() => asked(4_098)).toThrow(RangeError)
  })

  test('nothing is delivered before version 5', () => {
    const settlement = 'physical'
    const frame = encodeOrdersFrame(lane, [{ ...commandOfContract, specification: { ...contract, settlement } }])
    for (const version of [versionOfContracts, versionOfMargin])
      expect(openOrdersFrame(frame, lane, version)).toEqual({ ok: false, reason: 'malformed-message' })
    expect(openOrdersFrame(frame, lane, versionOfDelivery).ok).toBe(true)
  })

  test('a payment is for something that can be named, and no id is all zeros', () => {
    const payment = commandOf('post-payment')
    for (const purpose of ['', 'Partner', '-partner', 'x'.repeat(33)])
      expect(() => encodeOrdersFrame(lane, [{ ...payment, purpose } as Command])).toThrow(RangeError)
    const replacesHoldId = '00000000-0000-0000-0000-000000000000'
    expect(() => encodeOrdersFrame(lane, [{ ...commandOf('hold-bid'), replacesHoldId } as Command])).toThrow(RangeError)
  })

  test('collateral is no kind of contract before version 4', () => {
    const terms = { kind: 'collateral', terms: '{}', expirationMillis: neverMillis } as const
    const frame = encodeOrdersFrame(lane, [{ ...commandOfContract, specification: { ...contract, ...terms } }])
    expect(openOrdersFrame(frame, lane, versionOfContracts)).toEqual({ ok: false, reason: 'malformed-message' })
    expect(openOrdersFrame(frame, lane, versionOfMargin).ok).toBe(true)
  })

  test('all that the first version knew is read by each', () => {
    const others = commands.filter(
      command =>
        ![ofContracts, ofMargin, ofDelivery, ofLaneBudgets, ofJointMargin].some(newer => newer.includes(command)),
    )
    expect(
      [others, ofContracts, ofMargin, ofDelivery, ofLaneBudgets, ofJointMargin].map(({ length }) => length),
    ).toEqual([19, 5, 19, 7, 4, 5])
    expect(openOrdersFrame(encodeOrdersFrame(lane, others), lane, firstEngineVersion).ok).toBe(true)
  })

  test('a plain future has one form only, and so has any other contract', () => {
    const plain = { ...contract, ...plainFuture, expirationMillis: specification.expirationMillis }
    expect(typeOf(messageOf({ ...commandOfContract, specification: plain }).words[0] ?? 0)).toBe(6)
    for (const change of [{ positionLimit: '1' }, { terms: '{}' }] as const)
      expect(typeOf(messageOf({ ...commandOfContract, specification: { ...plain, ...change } }).words[0] ?? 0)).toBe(20)
    // '1' made '0' where the limit lies: a plain future in the form of a contract.
    const limited: Command = { ...commandOfContract, specification: { ...plain, positionLimit: '1' } }
    const limitAt = Buffer.from(messageOf(limited).bytes()).indexOf('cash') + 'cash'.length
    expect(open(withByte(limited, limitAt, '2'.charCodeAt(0)), lane).ok).toBe(true)
    expect(open(withByte(limited, limitAt, '0'.charCodeAt(0)), lane)).toMatchObject({ reason: 'malformed-message' })
  })

  test('of terms as long as they may be, and of marks as many, there is a message; of more there is none', () => {
    const long = (length: number): Command => ({
      ...commandOfContract,
      specification: { ...contract, terms: 'x'.repeat(length) },
    })
    expect(open(encodeOrdersFrame(lane, [long(maxTermsBytes)]), lane).ok).toBe(true)
    expect(() => encodeOrdersFrame(lane, [long(maxTermsBytes + 1)])).toThrow(RangeError)
    const marks = (count: number): Command => ({
      type: 'set-mark-prices',
      commandId,
      marks: new Array(count).fill({ instrumentId: 1, markTicks: 5 }),
    })
    expect(open(encodeOrdersFrame(lane, [marks(maxMarks)]), lane).ok).toBe(true)
    expect(() => encodeOrdersFrame(lane, [marks(maxMarks + 1)])).toThrow(RangeError)
  })

  test('a share that is no share, or more shares than one haircut may take, are poison', () => {
    const haircut = commandOf('haircut-gains')
    expect(open(withByte(haircut, 52, 0), lane).ok).toBe(true)
    expect(open(withByte(haircut, 52, 1), lane)).toEqual({ ok: false, reason: 'malformed-message' })
    const shares = (count: number): Command => ({
      type: 'haircut-gains',
      commandId,
      liquidationId: commandId,
      accountId: 1,
      shares: Array.from({ length: count }, (_, index) => ({ accountId: index + 2, amountMicros: 1 })),
    })
    expect(open(encodeOrdersFrame(lane, [shares(maxShares)]), lane).ok).toBe(true)
    expect(() => encodeOrdersFrame(lane, [shares(maxShares + 1)])).toThrow(RangeError)
  })
})

test('what is checked quickly is checked as thoroughly as what is read', () => {
  const isReadable = (words: Int32Array): boolean => {
    try {
      readCommand(words, 0)
      return true
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }
  fc.assert(
    fc.property(anyCommand, fc.nat(), fc.nat({ max: 255 }), (command, where, value) => {
      const message = messageOf(command)
      const { words, length } = message
      // Not the version, which readCommand does not look at, nor the size, which it trusts.
      message.bytes()[4 + (where % (length * 4 - 4))] = value
      expect(faultOf(words, 0, length, newestEngineVersion) === undefined).toBe(isReadable(words.slice(0, length)))
    }),
    { numRuns: 3_000 },
  )
})

describe('a frame of an epoch', () => {
  const epochFrame = encodeEpochFrame(lane, 0x0102)

  test('gives back the epoch, and is its header alone', () => {
    expect(open(epochFrame, lane)).toEqual({ ok: true, kind: 'epoch', epoch: 0x0102 })
    expect(decodeOrdersFrame(encodeEpochFrame(lane, 4_294_967_295), lane)).toEqual({
      ok: true,
      kind: 'epoch',
      epoch: 4_294_967_295,
    })
    const hex = Buffer.from(epochFrame).toString('hex')
    expect(hex.slice(0, 32)).toBe('43584631' + '0200' + '03' + '00' + '00000000' + '0000' + '0300')
    expect(hex.slice(40)).toBe('02010000' + '0000000000000000')
  })

  test.each([
    ['wrong-lane', sealed(changed(epochFrame, 14, 4))],
    ['wrong-length', Uint8Array.of(...epochFrame, 0)],
    ['wrong-checksum', changed(epochFrame, 20, 3)],
    ['too-short', epochFrame.subarray(0, 31)],
    // An epoch of 0, a number of an event, commands announced, bytes that nobody reads, another kind.
    ['malformed-message', sealed(changed(changed(epochFrame, 20, 0), 21, 0))],
    ['malformed-message', sealed(changed(epochFrame, 24, 1))],
    ['malformed-message', sealed(changed(epochFrame, 12, 1))],
    ['malformed-message', sealed(changed(Uint8Array.of(...epochFrame, ...new Uint8Array(8)), 8, 8))],
    ['malformed-message', sealed(changed(epochFrame, 6, 1))],
  ])('is refused as %s', (reason, bytes) => {
    expect(open(bytes, lane)).toEqual({ ok: false, reason })
  })

  test.each([0, -1, 0.5, 2 ** 32])('is not made of epoch %d', epoch => {
    expect(() => encodeEpochFrame(lane, epoch)).toThrow(RangeError)
  })
})

describe('a message of commands lies as docs/protocol/orders.md has it:', () => {
  const bytesOf = (command: Command): string => Buffer.from(messageOf(command).bytes()).toString('hex')
  const named = '01900000000070008000' + '0000000000c1'
  const order = '01900000000070008000' + '0000000000a1'
  const told = '02000000' + '03000000' + '64000000' + '05000000'
  const name = '6ec3a46d65'

  test('the header of a frame', () => {
    const bytes = Buffer.from(encodeOrdersFrame(lane, [placed]))
    expect(bytes.subarray(0, 16).toString('hex')).toBe('43584631' + '0200' + '01' + '00' + '38000000' + '0100' + '0300')
    expect(bytes.readUInt32LE(16)).toBe(crc32(bytes.subarray(20), crc32(bytes.subarray(0, 16))))
    expect(bytes.subarray(20, 32).toString('hex')).toBe('00'.repeat(12))
  })

  test.each<[number, Command, string]>([
    [1, placed, `3800 01 01 01000000 ${order} ${told} 01 00 01 00 0500 0000 ${name} 000000`],
    [
      8,
      instructed,
      `6000 08 01 01000000 ${order} ${told} 01 02 03 00 0500 0400
       04000000 63000000 00505c18a3010000 0123456789abcdef 07000000 07 03 01 00
       ${name} 67726964 00000000000000`,
    ],
    [2, commandOf('cancel-order'), `2800 02 01 01000000 ${named} ${order}`],
    [3, commandOf('amend-order'), `3000 03 01 01000000 ${named} ${order} 65000000 03000000`],
    [4, commandOf('open-account'), `2800 04 01 00000000 ${named} 0300 0400 00000000 616e6e 61636d65 00`],
    [5, commandOf('deposit'), `2000 05 01 01000000 ${named} a025260000000000`],
    [
      6,
      commandOf('list-instrument'),
      `6000 06 01 00000000 ${named} 64000000 2c010000 00505c18a3010000
       1000 0600 0800 0300 0100 0100 0100 0400
       483130302e5553452d32374e4f563236 667574757265 483130302e555345 555344 31 31 31 31303030`,
    ],
    [7, commandOf('expire-instrument'), `2000 07 01 00000000 ${named} 02000000 00000000`],
    [9, commandOf('cancel-orders'), `2800 09 01 01000000 ${named} 02000000 00000000 0123456789abcdef`],
    [10, commandOf('set-trading-state'), `2800 0a 01 00000000 ${named} 02000000 03 000000 00505c18a3010000`],
    [
      11,
      commandOf('set-market-controls'),
      `3000 0b 01 00000000 ${named} 02000000 50c30000 30750000 e8030000 60ea0000 30750000`,
    ],
    [12, commandOf('set-mark-price'), `2000 0c 01 00000000 ${named} 02000000 64000000`],
    [
      13,
      commandOf('quote'),
      `6000 0d 01 01000000 ${named} 0123456789abcdef 02000000 0400 0000
       02000000 03000000 63000000 0a000000 65000000 ffffffff
       03000000 03000000 63000000 0a000000 65000000 ffffffff 6d61696e 00000000`,
    ],
    [
      14,
      commandOf('set-market-maker-protection'),
      `4000 0e 01 01000000 ${named} 0123456789abcdef e8030000 88130000 64000000 32000000 0400 0000 00000000
       6d61696e 00000000`,
    ],
    [15, commandOf('reset-market-maker-protection'), `2000 0f 01 01000000 ${named} 0123456789abcdef`],
    [16, commandOf('set-dead-man'), `2000 10 01 01000000 ${named} 30750000 00000000`],
    [17, commandOf('set-kill-switch'), `2800 11 01 00000000 ${named} 01 01 0400 00000000 61636d65 00000000`],
    [
      18,
      commandOf('bust-trade'),
      `5000 12 01 00000000 ${named} 02000000 64000000 05000000 01000000 02000000 0500 0000
       1e00000000000000 f6ffffffffffffff 00505c18a3010000 313a343a32 000000`,
    ],
    [19, commandOf('activate-engine-version'), `2000 13 01 00000000 ${named} 02000000 00000000`],
    [
      20,
      commandOfContract,
      `9000 14 01 00000000 ${named} 64000000 2c010000 00d48bcea2010000
       1500 0400 0800 0300 0100 0100 0100 0400 0400 0200 1900 0000
       483130302e5553452d32374a414e30312d53574150 73776170 483130302e555345 555344 31 31 31 31303030 63617368 3430
       7b2266697273745f6d6f6e7468223a22323032362d3131227d 000000000000`,
    ],
    [21, commandOf('delist-instrument'), `2000 15 01 00000000 ${named} 02000000 00000000`],
    [
      22,
      commandOf('set-mark-prices'),
      `3000 16 01 00000000 ${named} 02000000 00000000 02000000 64000000 03000000 ffffffff`,
    ],
    [23, commandOf('settle-instrument'), `2800 17 01 00000000 ${named} 02000000 02 000000 03000000 07000000`],
    [24, commandOf('exercise-option'), `2000 18 01 01000000 ${named} 02000000 05000000`],
    [
      25,
      commandOf('risk-epoch-begin'),
      `5000 19 01 00000000 ${named} 07000000 03000000 02000000 01000000
       0500000000000000 0200000000000000 0000000000000000 0000000000000000 02000000 00000000`,
    ],
    [
      26,
      commandOf('risk-epoch-chunk'),
      `c800 1a 01 00000000 ${named} 07000000 01000000 02000000 00000000
       02000000 03000000 6400000000000000 0400000000000000 01000000 06000000 00000000 02000000
       ffffffffffffffff 0000000000000000 f9ffffffffffffff 0800000000000000 e2ffffffffffffff 2800000000000000
       03000000 03000000 6400000000000000 0400000000000000 01000000 06000000 01000000 00000000
       0000000000000000 e803000000000000 f9ffffffffffffff 0800000000000000`,
    ],
    [27, commandOf('risk-epoch-commit'), `2000 1b 01 00000000 ${named} 07000000 02000000`],
    [28, commandOf('withdraw'), `2000 1c 01 01000000 ${named} a025260000000000`],
    [29, commandOf('place-hold'), `2000 1d 01 01000000 ${named} a025260000000000`],
    [30, commandOf('capture-hold'), `3000 1e 01 01000000 ${named} ${order} a025260000000000`],
    [31, commandOf('release-hold'), `2800 1f 01 01000000 ${named} ${order}`],
    [32, commandOf('begin-liquidation'), `1800 20 01 01000000 ${named}`],
    [33, commandOf('liquidate-position'), `3800 21 01 01000000 ${named} ${order} 02000000 05000000 64000000 01 000000`],
    [
      34,
      commandOf('transfer-position'),
      `4000 22 01 01000000 ${named} ${order} 02000000 03000000 fbffffffffffffff 64000000 00000000`,
    ],
    [35, commandOf('cover-loss'), `3800 23 01 01000000 ${named} ${order} 03000000 00000000 a025260000000000`],
    [
      36,
      commandOf('haircut-gains'),
      `5000 24 01 01000000 ${named} ${order} 02000000 00000000
       03000000 00000000 a025260000000000 04000000 00000000 0100000000000000`,
    ],
    [37, commandOf('end-liquidation'), `2800 25 01 01000000 ${named} ${order}`],
    [38, commandOf('transfer'), `2800 26 01 01000000 ${named} 03000000 00000000 a025260000000000`],
    [39, commandOf('deposit-collateral'), `2800 27 01 01000000 ${named} 02000000 00000000 0500000000000000`],
    [40, commandOf('withdraw-collateral'), `2800 28 01 01000000 ${named} 02000000 00000000 0500000000000000`],
    [
      41,
      commandOf('set-risk-limits'),
      `7800 29 01 00000000 ${named} 01 01 0400 00000000
       0a00000000000000 a025260000000000 6400000000000000 0000000000000000 0000000000000000 0000000000000000
       1e00000000000000 0000000000000000 03000000 00000000 05000000 50c30000 61636d65 00000000`,
    ],
    [
      42,
      commandOf('scale-risk-limits'),
      `5000 2a 01 00000000 ${named} 20a10700 40420f00 01000000 00000000
       02000000 c0270900 006a180000000000 00350c0000000000 0500000000000000 6400000000000000`,
    ],
    [
      43,
      commandOf('set-quote-budget'),
      `3800 2b 01 01000000 ${named} 6400000000000000 0a00000000000000 a025260000000000 1e00000000000000`,
    ],
    [44, commandOf('set-gate'), `2800 2c 01 00000000 ${named} 01 00 0500 00000000 6461792d31 000000`],
    [
      45,
      commandOf('hold-bid'),
      `4000 2d 01 01000000 ${named} 00000000000000000000000000000000 0500000000000000 0500 000000000000 6461792d31 000000`,
    ],
    [46, commandOf('withdraw-bid'), `2800 2e 01 01000000 ${named} ${named}`],
    [
      47,
      commandOf('award-lots'),
      `3800 2f 01 00000000 ${named} 02000000 64000000 05000000 01000000 03000000 0500 0000 6461792d31 000000`,
    ],
    [
      48,
      commandOf('post-payment'),
      `3000 30 01 01000000 ${named} 03000000 0700 0100 0500000000000000 706172746e6572 72`,
    ],
    [49, commandOf('obligate-deliveries'), `2000 31 01 00000000 ${named} 02000000 64000000`],
    [
      50,
      commandOf('settle-delivery'),
      `3800 32 01 00000000 ${named} 02000000 01000000 0500000000000000 01 00000000000000 0300000000000000`,
    ],
    [51, commandOf('join-lane'), `3000 33 01 01000000 ${named} 02000000 03000000 0500000000000000 01 00000000000000`],
    [
      52,
      commandOf('grant-budget'),
      `3800 34 01 01000000 ${named} 02000000 03000000 04000000 02000000 0500000000000000 ffffffffffffffff`,
    ],
    [
      53,
      commandOf('tell-budget'),
      `4000 35 01 01000000 ${named} 02000000 03000000 04000000 05000000 02000000 00000000
       0500000000000000 ffffffffffffffff`,
    ],
    [
      54,
      commandOf('ask-budget'),
      `3800 36 01 01000000 ${named} 02000000 03000000 02000000 00000000 0500000000000000 ffffffffffffffff`,
    ],
    [
      55,
      commandOf('need-budget'),
      `3800 37 01 01000000 ${named} 02000000 03000000 02000000 00000000 0500000000000000 ffffffffffffffff`,
    ],
    [56, commandOf('send-cash'), `3800 38 01 01000000 ${named} ${named} 0500000000000000 02000000 00000000`],
    [57, commandOf('receive-cash'), `2800 39 01 01000000 ${named} 02000000 03000000 0500000000000000`],
    [58, commandOf('confirm-cash'), `2000 3a 01 01000000 ${named} 02000000 03000000`],
    [59, commandOf('join-liquidation'), `2800 3b 01 01000000 ${named} ${named}`],
  ])('type %i', (_, command, hexBytes) => {
    expect(bytesOf(command)).toBe(hexBytes.replaceAll(/\s/g, ''))
  })
})

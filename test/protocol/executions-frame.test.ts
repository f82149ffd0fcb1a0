import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { rejectionCodes } from '#domain/outcome.ts'
import { defineInstrument, plainFuture } from '#domain/reference/instrument.ts'
import { plainInstructions } from '#domain/trading/commands.ts'
import { readEvent } from '#domain/trading/event-messages.ts'
import type { Event, OrderFields, PoisonReason, TradeLeg } from '#domain/trading/events.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { eventTypes } from '#domain/trading/messages.ts'
import {
  chainOf,
  decodeExecutionsFrame,
  type ExecutionsFrame,
  encodeEvents,
  encodeExecutionsFrame,
  eventId,
  executionsFrameOf,
  firstChain,
  sectionHeaderBytes,
  sectionOf,
} from '#protocol/executions-frame.ts'
import { frameHeaderBytes, InvalidFrame } from '#protocol/frames.ts'
import { anyEvent, anyExecutionsFrame, eventOfEachType } from '#test/support/random-frames.ts'

const idOf = (number: number): string => `01900000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
const hash = '0123456789abcdef'
const commandId = idOf(0xc1)
const millis = 1_800_000_000_000

const order: OrderFields = {
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
const instructed: OrderFields = {
  ...order,
  displayLots: 4,
  label: 'grid',
  labelHash: hash,
  postOnly: 'reject',
  selfTradePrevention: 'cancel_oldest',
}
const maker: TradeLeg = {
  orderId: idOf(0xa1),
  accountId: 1,
  direction: 'buy',
  filledLots: 5,
  remainingLots: 3,
  filledTickLots: 500,
  feeMicros: 30,
  position: { sizeLots: 5, entryTickLots: 500, realisedMicros: -1 },
  cashMicros: 1_000_000,
}
const taker: TradeLeg = { ...maker, orderId: idOf(0xa2), accountId: 2, direction: 'sell' }
const trade = {
  type: 'trade-executed',
  isAuction: false,
  instrumentId: 2,
  priceTicks: 100,
  quantityLots: 5,
  houseFeesMicros: 60,
  levelLots: 3,
  makerLevelTicks: 0,
  takerLevelTicks: 0,
  takerLevelLots: 0,
  maker,
  taker,
} as const
const listed = defineInstrument(
  {
    instrumentName: 'H100.USE-27NOV26',
    ...plainFuture,
    underlying: 'H100.USE',
    quoteCurrency: 'USD',
    tickSize: '1',
    minTradeAmount: '1',
    contractSize: '1',
    maxPrice: '1000',
    expirationMillis: millis,
    makerCommissionPpm: 100,
    takerCommissionPpm: 300,
  },
  2,
  3,
)
if (!listed.accepted) throw new Error(listed.detail)
const swap = defineInstrument(
  {
    ...listed.value.specification,
    instrumentName: 'H100.USE-27JAN01-SWAP',
    kind: 'swap',
    expirationMillis: Date.UTC(2027, 0, 1),
    positionLimit: '40',
    terms: '{"first_month":"2026-11"}',
  },
  2,
  3,
)
if (!swap.accepted) throw new Error(swap.detail)

const named = '01900000000070008000' + '0000000000c1'
const orderHex = '01900000000070008000' + '0000000000a1'
const otherHex = '01900000000070008000' + '0000000000a2'
const told = '02000000 03000000 64000000 05000000 01 00 01 00 0500'
const name = '6ec3a46d65'
const legRest = (direction: string) =>
  `05000000 03000000 ${direction} 000000 f401000000000000 1e00000000000000
   0500000000000000 f401000000000000 ffffffffffffffff 40420f0000000000`
const legsHex = `${orderHex} 01000000 ${legRest('00')} ${otherHex} 02000000 ${legRest('01')}`
const noLiquidity = `${rejectionCodes.indexOf('no-liquidity').toString(16).padStart(2, '0')}00`
const millisHex = '00505c18a3010000'

/** Each type of event, and its bytes as docs/protocol/executions.md has them, written down by hand. */
const golden: readonly (readonly [number, Event, string])[] = [
  [
    1,
    { type: 'order-accepted', ...order, quoteGroup: '', restingLots: 5, levelLots: 8 },
    `4800 01 01 01000000 ${orderHex} ${told} 0000 05000000 00000000 0800000000000000 ${name} 000000`,
  ],
  [
    1,
    { type: 'order-accepted', ...order, clientOrderId: '', quoteGroup: 'main', restingLots: 5, levelLots: 8 },
    `4800 01 01 01000000 ${orderHex} ${told.slice(0, -5)} 0000 0400 05000000 00000000 0800000000000000 6d61696e 00000000`,
  ],
  [
    14,
    { type: 'order-accepted', ...instructed, quoteGroup: '', restingLots: 4, levelLots: 8 },
    `7000 0e 01 01000000 ${orderHex} ${told} 0400 04000000 00000000 0800000000000000
     04000000 00000000 0000000000000000 ${hash} 00000000 01 02 00 00 ${name} 67726964 00000000000000`,
  ],
  [
    2,
    { type: 'order-rejected', ...order, code: 'no-liquidity' },
    `4000 02 01 01000000 ${orderHex} ${told} 0000 ${noLiquidity}0000 00000000 ${name} 000000`,
  ],
  [
    15,
    { type: 'order-rejected', ...instructed, code: 'no-liquidity' },
    `6800 0f 01 01000000 ${orderHex} ${told} 0400 ${noLiquidity}0000 00000000
     04000000 00000000 0000000000000000 ${hash} 00000000 01 02 00 00 ${name} 67726964 00000000000000`,
  ],
  [3, trade, `c000 03 01 02000000 64000000 05000000 3c00000000000000 0300000000000000 ${legsHex}`],
  [
    16,
    { ...trade, isAuction: true, makerLevelTicks: 101, takerLevelTicks: 99, takerLevelLots: 7 },
    `d000 10 01 02000000 64000000 05000000 3c00000000000000 0300000000000000 ${legsHex} 0700000000000000
     65000000 63000000`,
  ],
  [
    4,
    {
      type: 'order-cancelled',
      commandId,
      orderId: idOf(0xa1),
      accountId: 1,
      reason: 'self-trade',
      filledLots: 1,
      cancelledLots: 4,
      instrumentId: 2,
      priceTicks: 100,
      direction: 'sell',
      levelLots: 8,
    },
    `4800 04 01 01000000 ${named} ${orderHex} 01000000 04000000 02000000 64000000 03 01 0000 00000000 0800000000000000`,
  ],
  [
    5,
    {
      type: 'order-amended',
      commandId,
      orderId: idOf(0xa1),
      accountId: 1,
      priceTicks: 101,
      quantityLots: 4,
      filledLots: 1,
      keptPriority: true,
      direction: 'sell',
      instrumentId: 2,
      previousTicks: 100,
      previousLevelLots: 8,
      levelLots: 9,
    },
    `5000 05 01 01000000 ${named} ${orderHex} 65000000 04000000 01000000 01 01 0000 02000000 64000000
     0800000000000000 0900000000000000`,
  ],
  [
    6,
    { type: 'command-rejected', commandId, commandType: 'bust-trade', accountId: 0, code: 'no-liquidity' },
    `2000 06 01 00000000 ${named} ${noLiquidity} 12 00 00000000`,
  ],
  [
    7,
    { type: 'account-opened', commandId, accountId: 1, account: 'ann', firm: 'acme', firmId: 4 },
    `2800 07 01 01000000 ${named} 0300 0400 04000000 616e6e 61636d65 00`,
  ],
  [
    8,
    { type: 'deposited', commandId, accountId: 1, amountMicros: 2_500_000, cashMicros: 2_500_001 },
    `2800 08 01 01000000 ${named} a025260000000000 a125260000000000`,
  ],
  [
    9,
    { type: 'instrument-listed', commandId, instrument: listed.value },
    `6800 09 01 02000000 ${named} 64000000 2c010000 ${millisHex} 1000 0600 0800 0300 0100 0100 0100 0400
     03000000 00000000
     483130302e5553452d32374e4f563236 667574757265 483130302e555345 555344 31 31 31 31303030`,
  ],
  [10, { type: 'instrument-expired', commandId, instrumentId: 2 }, `1800 0a 01 02000000 ${named}`],
  [11, { type: 'command-duplicated', commandId }, `1800 0b 01 00000000 ${named}`],
  [12, { type: 'time-advanced', atMillis: millis }, `1000 0c 01 00000000 ${millisHex}`],
  [
    13,
    { type: 'frame-poisoned', reason: 'wrong-lane', bytes: 300, sha256: 'ab'.repeat(32) },
    `3000 0d 01 04000000 2c010000 00000000 ${'ab'.repeat(32)}`,
  ],
  [
    17,
    {
      type: 'order-triggered',
      accountId: 1,
      orderId: idOf(0xa1),
      instrumentId: 2,
      priceTicks: 100,
      restingLots: 5,
      direction: 'sell',
      levelLots: 8,
    },
    `3000 11 01 01000000 ${orderHex} 02000000 64000000 05000000 01 000000 0800000000000000`,
  ],
  [
    18,
    {
      type: 'trading-state-changed',
      instrumentId: 2,
      commandId: '00000000-0000-0000-0000-000000000000',
      state: 'continuous',
      cause: 'timer',
      uncrossTicks: 100,
      uncrossLots: 5,
      untilMillis: millis,
    },
    `3000 12 01 02000000 ${'00'.repeat(16)} 02 02 0000 64000000 0500000000000000 ${millisHex}`,
  ],
  [
    19,
    {
      type: 'market-controls-set',
      instrumentId: 2,
      commandId,
      bandPpm: 50_000,
      velocityPpm: 30_000,
      velocityMillis: 1_000,
      haltMillis: 60_000,
      auctionMillis: 30_000,
    },
    `3000 13 01 02000000 ${named} 50c30000 30750000 e8030000 60ea0000 30750000 00000000`,
  ],
  [
    20,
    { type: 'mark-price-set', instrumentId: 2, commandId, markTicks: 100 },
    `2000 14 01 02000000 ${named} 64000000 00000000`,
  ],
  [
    21,
    { type: 'quoted', accountId: 1, commandId, groupHash: hash, acceptedSides: 3, rejectedSides: 1 },
    `2800 15 01 01000000 ${named} ${hash} 03000000 01000000`,
  ],
  [
    22,
    { type: 'quote-rejected', accountId: 1, commandId, instrumentId: 2, code: 'no-liquidity', direction: 'sell' },
    `2000 16 01 01000000 ${named} 02000000 ${noLiquidity} 01 00`,
  ],
  [
    23,
    {
      type: 'protection-set',
      accountId: 1,
      commandId,
      groupHash: hash,
      intervalMillis: 1_000,
      frozenMillis: 5_000,
      amountLimitLots: 100,
      deltaLimitLots: 50,
      name: 'main',
    },
    `4000 17 01 01000000 ${named} ${hash} e8030000 88130000 64000000 32000000 0400 000000000000 6d61696e 00000000`,
  ],
  [
    24,
    { type: 'protection-triggered', accountId: 1, groupHash: hash, frozenUntilMillis: millis, cancelledOrders: 4 },
    `2000 18 01 01000000 ${hash} ${millisHex} 04000000 00000000`,
  ],
  [25, { type: 'protection-reset', accountId: 1, commandId, groupHash: hash }, `2000 19 01 01000000 ${named} ${hash}`],
  [
    26,
    { type: 'dead-man-set', accountId: 1, commandId, timeoutMillis: 30_000, expiresAtMillis: millis },
    `2800 1a 01 01000000 ${named} 30750000 00000000 ${millisHex}`,
  ],
  [
    27,
    { type: 'dead-man-fired', accountId: 1, atMillis: millis, cancelledOrders: 4 },
    `1800 1b 01 01000000 ${millisHex} 04000000 00000000`,
  ],
  [
    28,
    { type: 'kill-switch-set', accountId: 0, commandId, scope: 'firm', isOn: true, firm: 'acme', cancelledOrders: 4 },
    `2800 1c 01 00000000 ${named} 01 01 0400 04000000 61636d65 00000000`,
  ],
  [
    29,
    {
      type: 'trade-busted',
      instrumentId: 2,
      commandId,
      priceTicks: 100,
      quantityLots: 5,
      houseFeesMicros: -60,
      tradeId: '1:4:2',
      tradedAtMillis: millis,
      buyer: maker,
      seller: taker,
    },
    `e000 1d 01 02000000 ${named} 64000000 05000000 c4ffffffffffffff 0500 000000000000 ${legsHex} ${millisHex}
     313a343a32 000000`,
  ],
  [
    30,
    { type: 'orders-cancelled', accountId: 1, commandId, cancelledOrders: 4 },
    `2000 1e 01 01000000 ${named} 04000000 00000000`,
  ],
  [31, { type: 'epoch-started', epoch: 7, stateHash: 'ab'.repeat(32) }, `2800 1f 01 07000000 ${'ab'.repeat(32)}`],
  [32, { type: 'engine-version-activated', commandId, version: 2 }, `2000 20 01 00000000 ${named} 02000000 00000000`],
  [
    33,
    { type: 'instrument-listed', commandId, instrument: swap.value },
    `9800 21 01 02000000 ${named} 64000000 2c010000 00d48bcea2010000
     1500 0400 0800 0300 0100 0100 0100 0400 0400 0200 1900 0000 03000000 00000000
     483130302e5553452d32374a414e30312d53574150 73776170 483130302e555345 555344 31 31 31 31303030 63617368 3430
     7b2266697273745f6d6f6e7468223a22323032362d3131227d 000000000000`,
  ],
  [34, { type: 'instrument-delisted', commandId, instrumentId: 2 }, `1800 22 01 02000000 ${named}`],
  [
    35,
    {
      type: 'position-settled',
      accountId: 1,
      commandId,
      instrumentId: 2,
      settlementKind: 'assignment',
      priceTicks: 100,
      settledLots: -5,
      paidMicros: -500,
      position: { sizeLots: -2, entryTickLots: -190, realisedMicros: -1 },
      cashMicros: 1_000_000,
    },
    `5800 23 01 01000000 ${named} 02000000 05 000000 64000000 00000000 fbffffffffffffff 0cfeffffffffffff
     feffffffffffffff 42ffffffffffffff ffffffffffffffff 40420f0000000000`,
  ],
  [
    36,
    {
      type: 'instrument-settled',
      instrumentId: 2,
      commandId,
      settlementKind: 'leg',
      number: 1,
      priceTicks: 100,
      holders: 3,
      longLots: 5,
      specificationVersion: 4,
      settledLegs: 1,
      distributedTicks: 0,
    },
    `4000 24 01 02000000 ${named} 01 000000 01000000 64000000 03000000 0500000000000000 04000000 01000000 00000000
     00000000`,
  ],
  [
    37,
    {
      type: 'option-exercised',
      accountId: 1,
      commandId,
      instrumentId: 2,
      quantityLots: 5,
      priceTicks: 100,
      assignedAccounts: 2,
    },
    `2800 25 01 01000000 ${named} 02000000 05000000 64000000 02000000`,
  ],
  [
    38,
    { type: 'risk-epoch-begun', commandId, epochVersion: 7, scenarioSetVersion: 3 },
    `2000 26 01 00000000 ${named} 07000000 03000000`,
  ],
  [
    39,
    { type: 'risk-epoch-chunk-taken', commandId, epochVersion: 7, number: 1, instruments: 20 },
    `2800 27 01 00000000 ${named} 07000000 01000000 14000000 00000000`,
  ],
  [
    40,
    { type: 'risk-epoch-adopted', commandId, epochVersion: 7, scenarioSetVersion: 3, instruments: 20 },
    `2800 28 01 00000000 ${named} 07000000 03000000 14000000 00000000`,
  ],
  [
    41,
    { type: 'risk-epoch-due', instrumentId: 2, epochVersion: 7, markTicks: 100 },
    '1000 29 01 02000000 07000000 64000000',
  ],
  [
    42,
    { type: 'margin-called', accountId: 1, epochVersion: 7, equityMicros: -30, requirementMicros: 5 },
    '2000 2a 01 01000000 07000000 00000000 e2ffffffffffffff 0500000000000000',
  ],
  [
    43,
    { type: 'withdrawn', accountId: 1, commandId, amountMicros: 5, cashMicros: 30 },
    `2800 2b 01 01000000 ${named} 0500000000000000 1e00000000000000`,
  ],
  [
    44,
    { type: 'hold-placed', accountId: 1, commandId, amountMicros: 5, heldMicros: 30 },
    `2800 2c 01 01000000 ${named} 0500000000000000 1e00000000000000`,
  ],
  [
    45,
    {
      type: 'hold-captured',
      accountId: 1,
      commandId,
      holdId: commandId,
      amountMicros: 5,
      releasedMicros: 2,
      heldMicros: 30,
      cashMicros: -1,
    },
    `4800 2d 01 01000000 ${named} ${named} 0500000000000000 0200000000000000 1e00000000000000 ffffffffffffffff`,
  ],
  [
    46,
    { type: 'hold-released', accountId: 1, commandId, holdId: commandId, releasedMicros: 2, heldMicros: 30 },
    `3800 2e 01 01000000 ${named} ${named} 0200000000000000 1e00000000000000`,
  ],
  [
    47,
    {
      type: 'liquidation-begun',
      accountId: 1,
      commandId,
      epochVersion: 7,
      cancelledOrders: 3,
      equityMicros: -2,
      requirementMicros: 30,
      afterRequirementMicros: 1,
    },
    `3800 2f 01 01000000 ${named} 07000000 03000000 feffffffffffffff 1e00000000000000 0100000000000000`,
  ],
  [
    48,
    {
      type: 'liquidation-tranche',
      accountId: 1,
      commandId,
      liquidationId: idOf(0xa1),
      instrumentId: 2,
      direction: 'sell',
      requestedLots: 5,
      filledLots: 3,
      equityMicros: -2,
      requirementMicros: 30,
    },
    `4800 30 01 01000000 ${named} ${orderHex} 02000000 05000000 03000000 01 000000
     feffffffffffffff 1e00000000000000`,
  ],
  [
    49,
    {
      type: 'position-transferred',
      accountId: 1,
      commandId,
      liquidationId: idOf(0xa1),
      instrumentId: 2,
      toAccountId: 3,
      signedLots: -5,
      priceTicks: 100,
      from: { position: { sizeLots: 0, entryTickLots: 0, realisedMicros: -1 }, cashMicros: -3 },
      to: { position: { sizeLots: 5, entryTickLots: 500, realisedMicros: -1 }, cashMicros: 1_000_000 },
      equityMicros: -2,
      requirementMicros: 30,
    },
    `9000 31 01 01000000 ${named} ${orderHex} 02000000 03000000 fbffffffffffffff 64000000 00000000
     0000000000000000 0000000000000000 ffffffffffffffff fdffffffffffffff
     0500000000000000 f401000000000000 ffffffffffffffff 40420f0000000000
     feffffffffffffff 1e00000000000000`,
  ],
  [
    50,
    {
      type: 'loss-covered',
      accountId: 1,
      commandId,
      liquidationId: idOf(0xa1),
      fundAccountId: 3,
      amountMicros: 30,
      cashMicros: -2,
      fundCashMicros: 1_000_000,
    },
    `4800 32 01 01000000 ${named} ${orderHex} 03000000 00000000 1e00000000000000 feffffffffffffff 40420f0000000000`,
  ],
  [
    51,
    {
      type: 'gains-haircut',
      accountId: 1,
      commandId,
      liquidationId: idOf(0xa1),
      cashMicros: -2,
      shares: [
        { accountId: 3, amountMicros: 30, cashMicros: 1_000_000 },
        { accountId: 4, amountMicros: 1, cashMicros: -3 },
      ],
    },
    `6800 33 01 01000000 ${named} ${orderHex} feffffffffffffff 02000000 00000000
     03000000 00000000 1e00000000000000 40420f0000000000 04000000 00000000 0100000000000000 fdffffffffffffff`,
  ],
  [
    52,
    {
      type: 'liquidation-ended',
      accountId: 1,
      commandId,
      liquidationId: idOf(0xa1),
      equityMicros: 30,
      requirementMicros: 0,
    },
    `3800 34 01 01000000 ${named} ${orderHex} 1e00000000000000 0000000000000000`,
  ],
  [
    53,
    {
      type: 'transferred',
      accountId: 1,
      commandId,
      toAccountId: 3,
      amountMicros: 5,
      cashMicros: -2,
      toCashMicros: 1_000_000,
    },
    `3800 35 01 01000000 ${named} 03000000 00000000 0500000000000000 feffffffffffffff 40420f0000000000`,
  ],
  [
    54,
    { type: 'collateral-deposited', accountId: 1, commandId, instrumentId: 2, quantityLots: 5, sizeLots: 30 },
    `3000 36 01 01000000 ${named} 02000000 00000000 0500000000000000 1e00000000000000`,
  ],
  [
    55,
    { type: 'collateral-withdrawn', accountId: 1, commandId, instrumentId: 2, quantityLots: 5, sizeLots: 30 },
    `3000 37 01 01000000 ${named} 02000000 00000000 0500000000000000 1e00000000000000`,
  ],
  [
    56,
    {
      type: 'risk-limits-set',
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
    `7800 38 01 00000000 ${named} 01 01 0400 00000000
       0a00000000000000 a025260000000000 6400000000000000 0000000000000000 0000000000000000 0000000000000000
       1e00000000000000 0000000000000000 03000000 00000000 05000000 50c30000 61636d65 00000000`,
  ],
  [
    57,
    {
      type: 'risk-limits-scaled',
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
    `5000 39 01 00000000 ${named} 20a10700 40420f00 01000000 00000000
       02000000 c0270900 006a180000000000 00350c0000000000 0500000000000000 6400000000000000`,
  ],
  [
    58,
    {
      type: 'quote-budget-set',
      commandId,
      accountId: 1,
      lots: 100,
      largestQuoteLots: 10,
      lotLossMicros: 2_500_000,
      lotCapMicros: 30,
      reservedMicros: 250_000_000,
    },
    `4000 3a 01 01000000 ${named} 6400000000000000 0a00000000000000 a025260000000000 1e00000000000000 80b2e60e00000000`,
  ],
  [
    59,
    {
      type: 'limit-breached',
      accountId: 0,
      instrumentId: 0,
      limit: 'daily-loss',
      measured: 30,
      allowed: 5,
      firm: 'acme',
    },
    `2800 3b 01 00000000 00000000 01 00 0400 1e00000000000000 0500000000000000 61636d65 00000000`,
  ],
  [
    60,
    { type: 'gate-set', commandId, gateName: 'day-1', state: 'closed' },
    `2800 3c 01 00000000 ${named} 01 00 0500 00000000 6461792d31 000000`,
  ],
  [
    61,
    {
      type: 'bid-held',
      accountId: 1,
      commandId,
      gateName: 'day-1',
      amountMicros: 5,
      replacesHoldId: idOf(0xa1),
      heldMicros: 30,
    },
    `4800 3d 01 01000000 ${named} ${orderHex} 0500000000000000 1e00000000000000 0500 000000000000 6461792d31 000000`,
  ],
  [
    62,
    {
      type: 'lots-awarded',
      commandId,
      gateName: 'day-1',
      instrumentId: 2,
      priceTicks: 100,
      lots: 5,
      houseFeesMicros: 30,
      buy: {
        accountId: 1,
        feeMicros: 2,
        position: { sizeLots: 5, entryTickLots: 500, realisedMicros: -1 },
        cashMicros: 1_000_000,
      },
      sell: {
        accountId: 3,
        feeMicros: 3,
        position: { sizeLots: -5, entryTickLots: -500, realisedMicros: 0 },
        cashMicros: -2,
      },
    },
    `9800 3e 01 02000000 ${named} 64000000 05000000 1e00000000000000 0500 000000000000
     01000000 00000000 0200000000000000 0500000000000000 f401000000000000 ffffffffffffffff 40420f0000000000
     03000000 00000000 0300000000000000 fbffffffffffffff 0cfeffffffffffff 0000000000000000 feffffffffffffff
     6461792d31 000000`,
  ],
  [
    63,
    {
      type: 'payment-posted',
      accountId: 1,
      commandId,
      toAccountId: 3,
      amountMicros: 5,
      purpose: 'partner',
      reference: 'r',
      cashMicros: -2,
      toCashMicros: 1_000_000,
    },
    `4000 3f 01 01000000 ${named} 03000000 0700 0100 0500000000000000 feffffffffffffff 40420f0000000000
     706172746e6572 72`,
  ],
  [
    64,
    {
      type: 'delivery-obligated',
      commandId,
      instrumentId: 2,
      deliveryNumber: 1,
      buyAccountId: 1,
      sellAccountId: 3,
      lots: 5,
      priceTicks: 100,
      invoiceMicros: 30,
      buyHeldMicros: 1_000_000,
      sellHeldMicros: 2,
    },
    `4800 40 01 02000000 ${named} 01000000 01000000 03000000 64000000 0500000000000000
     1e00000000000000 40420f0000000000 0200000000000000`,
  ],
  [
    65,
    {
      type: 'delivery-settled',
      commandId,
      instrumentId: 2,
      deliveryNumber: 1,
      buyAccountId: 1,
      sellAccountId: 3,
      lots: 5,
      remainingLots: 2,
      outcome: 'undelivered',
      invoiceMicros: 30,
      compensationMicros: 3,
      buyCashMicros: 1_000_000,
      sellCashMicros: -2,
      buyHeldMicros: 1,
      sellHeldMicros: 0,
    },
    `6800 41 01 02000000 ${named} 01000000 01000000 03000000 01 000000 0500000000000000 0200000000000000
     1e00000000000000 0300000000000000 40420f0000000000 feffffffffffffff 0100000000000000 0000000000000000`,
  ],
  [
    66,
    {
      type: 'lane-joined',
      accountId: 1,
      commandId,
      role: 'satellite',
      otherLane: 2,
      otherAccountId: 3,
      reserveMicros: 5,
    },
    `3000 42 01 01000000 ${named} 02000000 03000000 0500000000000000 01 00000000000000`,
  ],
  [
    67,
    {
      type: 'budget-granted',
      accountId: 1,
      toLane: 2,
      toAccountId: 3,
      setVersion: 4,
      grant: 5,
      budgetMicros: [5, -1],
    },
    `3000 43 01 01000000 02000000 03000000 04000000 05000000 02000000 00000000 0500000000000000 ffffffffffffffff`,
  ],
  [
    68,
    {
      type: 'budget-held',
      accountId: 1,
      commandId,
      toLane: 2,
      toAccountId: 3,
      setVersion: 4,
      grant: 5,
      number: 6,
      budgetMicros: [5, -1],
    },
    `4000 44 01 01000000 ${named} 02000000 03000000 04000000 05000000 06000000 02000000
     0500000000000000 ffffffffffffffff`,
  ],
  [
    69,
    { type: 'budget-asked', accountId: 1, toLane: 2, toAccountId: 3, setVersion: 4, wantedMicros: [5, -1] },
    `2800 45 01 01000000 02000000 03000000 04000000 02000000 0500000000000000 ffffffffffffffff`,
  ],
  [
    70,
    { type: 'budget-counted', accountId: 1, commandId, setVersion: 4, creditMicros: [5, -1] },
    `3000 46 01 01000000 ${named} 04000000 02000000 0500000000000000 ffffffffffffffff`,
  ],
  [
    71,
    { type: 'budget-needed', accountId: 1, toLane: 2, toAccountId: 3, setVersion: 4, neededMicros: [5, -1] },
    `2800 47 01 01000000 02000000 03000000 04000000 02000000 0500000000000000 ffffffffffffffff`,
  ],
  [
    72,
    {
      type: 'cash-sent',
      accountId: 1,
      commandId,
      toLane: 2,
      toAccountId: 3,
      number: 4,
      amountMicros: 5,
      debitedMicros: 6,
      cashMicros: -1,
    },
    `4000 48 01 01000000 ${named} 02000000 03000000 04000000 00000000
     0500000000000000 0600000000000000 ffffffffffffffff`,
  ],
  [
    73,
    {
      type: 'cash-received',
      accountId: 1,
      commandId,
      toLane: 2,
      toAccountId: 3,
      number: 4,
      creditedMicros: 5,
      cashMicros: -1,
    },
    `3800 49 01 01000000 ${named} 02000000 03000000 04000000 00000000 0500000000000000 ffffffffffffffff`,
  ],
  [
    74,
    { type: 'cash-confirmed', accountId: 1, commandId, fromLane: 2, number: 3 },
    `2000 4a 01 01000000 ${named} 02000000 03000000`,
  ],
  [
    75,
    {
      type: 'liquidation-joined',
      accountId: 1,
      commandId,
      liquidationId: commandId,
      cancelledOrders: 2,
      equityMicros: 5,
      requirementMicros: -1,
    },
    `4000 4b 01 01000000 ${named} ${named} 02000000 00000000 0500000000000000 ffffffffffffffff`,
  ],
]
const events = golden.map(([, event]) => event)

test.each(golden)('an event of type %i lies as docs/protocol/executions.md has it', (_, event, hexBytes) => {
  const bytes = encodeEvents([event])

  expect(Buffer.from(bytes).toString('hex')).toBe(hexBytes.replaceAll(/\s/g, ''))
  expect(readEvent(new Int32Array(bytes.slice().buffer), 0)).toEqual(event)
})

const sequence = '49590338271490256608559692538361571095921575989136588898'
const unchained = { inputSequence: sequence, atMillis: 1_800_000_000_123, firstIndex: 2, events }
const frame: ExecutionsFrame = {
  lane: 1,
  epoch: 7,
  firstOutSeq: 12_345_678_901,
  sections: [
    { ...unchained, chain: chainOf(firstChain, unchained) },
    { ...unchained, inputSequence: '0'.repeat(56), chain: 'ab'.repeat(16), events: [] },
  ],
}
const bytes = encodeExecutionsFrame(frame)

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

/** Why a frame is refused; undefined where it is not. */
const reasonOf = (bytes: Uint8Array): PoisonReason | undefined => {
  try {
    decodeExecutionsFrame(bytes)
    return undefined
  } catch (error) {
    if (error instanceof InvalidFrame) return error.reason
    throw error
  }
}

describe('a frame of events', () => {
  test('gives back what was put in, section by section', () => {
    expect(decodeExecutionsFrame(bytes)).toEqual(frame)
    fc.assert(
      fc.property(anyExecutionsFrame, frame => {
        expect(decodeExecutionsFrame(encodeExecutionsFrame(frame))).toEqual(frame)
      }),
      { numRuns: 60 },
    )
  })

  test.each(eventOfEachType.map((arbitrary, index) => ({ kind: index + 1, arbitrary })))(
    'gives back any event, kind $kind',
    ({ arbitrary }) => {
      fc.assert(
        fc.property(arbitrary, event => {
          const framed = { ...frame, sections: [{ ...unchained, chain: firstChain, events: [event] }] }
          expect(decodeExecutionsFrame(encodeExecutionsFrame(framed))).toEqual(framed)
        }),
        { numRuns: 20 },
      )
    },
  )

  test('lies as docs/protocol/executions.md has it', () => {
    const section = sectionOf({
      inputSequence: '1'.padStart(56, '0'),
      atMillis: 2,
      firstIndex: 3,
      count: 4,
      events: Uint8Array.of(5, 6, 7, 8, 9, 10, 11, 12),
      previousChain: firstChain,
    })
    const framed = executionsFrameOf({ lane: 1, epoch: 2, firstOutSeq: 3, sections: [section.bytes] })

    expect(Buffer.from(section.bytes).toString('hex')).toBe(
      `${'01'.padStart(48, '0')}0200000000000000${section.chain}0800000003000000040000000000000005060708090a0b0c`,
    )
    expect(Buffer.from(framed.subarray(0, 16)).toString('hex')).toBe('4358463102000200480000000100' + '0100')
    expect(Buffer.from(framed.subarray(20, 32)).toString('hex')).toBe('020000000300000000000000')
    expect(framed.subarray(32)).toEqual(section.bytes)
  })

  test('made of finished sections is that made of objects', () => {
    const { bytes: first, chain } = sectionOf({
      ...unchained,
      count: events.length,
      events: encodeEvents(events),
      previousChain: firstChain,
    })
    const second = { ...unchained, inputSequence: '1'.repeat(56), events: events.slice(3) }
    const both = sectionOf({
      ...second,
      count: events.length - 3,
      events: encodeEvents(second.events),
      previousChain: chain,
    })
    const objects = [
      { ...unchained, chain },
      { ...second, chain: chainOf(chain, second) },
    ]

    expect(executionsFrameOf({ ...frame, sections: [first, both.bytes] })).toEqual(
      encodeExecutionsFrame({ ...frame, sections: objects }),
    )
  })

  test('is as long as its parts', () => {
    expect(bytes).toHaveLength(frameHeaderBytes + 2 * sectionHeaderBytes + encodeEvents(events).length)
  })

  test('is read wherever its bytes lie', () => {
    const shifted = new Uint8Array(bytes.length + 1)
    shifted.set(bytes, 1)

    expect(decodeExecutionsFrame(shifted.subarray(1))).toEqual(frame)
  })

  test('is refused with any byte changed', () => {
    const taken = [...bytes.keys()].filter(at =>
      [0x81].some(bits => reasonOf(changed(bytes, at, (bytes[at] ?? 0) ^ bits)) === undefined),
    )
    expect(taken).toEqual([])
  })

  test('is refused cut short anywhere, with a checksum that fits too, or with bytes behind it', () => {
    const cut = (length: number): Uint8Array => {
      const part = bytes.slice(0, length)
      if (length >= 32) new DataView(part.buffer).setUint32(8, length - 32, true)
      return length >= 20 ? sealed(part) : part
    }
    expect([...bytes.keys()].filter(length => reasonOf(bytes.subarray(0, length)) === undefined)).toEqual([])
    expect([...bytes.keys()].filter(length => length % 5 < 2 && reasonOf(cut(length)) === undefined)).toEqual([])
    expect(reasonOf(Uint8Array.of(...bytes, 0))).toBe('wrong-length')
  })

  test('with a checksum that fits is either refused or says exactly what its bytes say', () => {
    fc.assert(
      fc.property(anyExecutionsFrame, fc.nat(), fc.nat({ max: 255 }), (frame, where, value) => {
        const good = encodeExecutionsFrame(frame)
        const bytes = sealed(changed(good, where % good.length, value))
        if (reasonOf(bytes) === undefined) expect(encodeExecutionsFrame(decodeExecutionsFrame(bytes))).toEqual(bytes)
      }),
      { numRuns: 300 },
    )
  })

  test('made of any bytes at all is refused with a reason', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(reasonOf(bytes)).toBeDefined()
      }),
    )
  })

  test('names the reason', () => {
    const section = frameHeaderBytes
    const firstEvent = section + sectionHeaderBytes
    expect(reasonOf(bytes.subarray(0, 10))).toBe('too-short')
    expect(reasonOf(sealed(changed(bytes, 4, 1)))).toBe('unknown-version')
    expect(reasonOf(sealed(changed(bytes, 6, 1)))).toBe('wrong-kind')
    expect(reasonOf(sealed(changed(bytes, 31, 0x80)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, section, 0xff)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, section + 48, 1)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, section + 51, 0xff)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, section + 59, 1)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, section + 63, 1)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, firstEvent, 0x40)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, firstEvent + 1, 0xff)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, firstEvent + 2, eventTypes.length + 1)))).toBe('unknown-message')
    expect(reasonOf(sealed(changed(bytes, firstEvent + 2, 0)))).toBe('unknown-message')
    expect(reasonOf(sealed(changed(bytes, firstEvent + 3, 2)))).toBe('unknown-message')
  })

  test('is not made of a sequence number or a chain of another form', () => {
    for (const change of [
      { inputSequence: '123' },
      { inputSequence: 'x'.repeat(56) },
      { chain: 'ab' },
      { atMillis: 0.5 },
      { firstIndex: -1 },
    ])
      expect(() =>
        encodeExecutionsFrame({ ...frame, sections: [{ ...unchained, chain: firstChain, ...change }] }),
      ).toThrow(RangeError)
    expect(() => encodeExecutionsFrame({ ...frame, firstOutSeq: -1 })).toThrow(RangeError)
  })

  test('keeps each event alike by itself', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 5 }), events => {
        expect(Buffer.from(encodeEvents(events))).toEqual(
          Buffer.concat(events.map(event => Buffer.from(encodeEvents([event])))),
        )
      }),
      { numRuns: 50 },
    )
  })

  test.each<[string, Event]>([
    ['a taker’s level outside an auction', { ...trade, takerLevelLots: 1 }],
    ['a hash of another length', { type: 'protection-reset', accountId: 1, commandId, groupHash: 'ab' }],
  ])('is not made of %s', (_, event) => {
    expect(() => encodeEvents([event])).toThrow(RangeError)
  })
})

describe('the chain', () => {
  test('is the first half of SHA-256 over the chain before, the sequence, the time, the index and the events', () => {
    const header = Buffer.alloc(24 + 8 + 4)
    Buffer.from(BigInt(sequence).toString(16).padStart(48, '0'), 'hex').copy(header)
    header.writeBigInt64LE(1_800_000_000_123n, 24)
    header.writeUInt32LE(2, 32)
    const expected = createHash('sha256').update(Buffer.alloc(16)).update(header).update(encodeEvents(events))

    expect(chainOf(firstChain, unchained)).toBe(expected.digest('hex').slice(0, 32))
  })

  test('differs with anything before it', () => {
    const chain = chainOf(firstChain, unchained)

    expect(chainOf(chain, unchained)).not.toBe(chain)
    expect(chainOf(firstChain, { ...unchained, atMillis: 1 })).not.toBe(chain)
    expect(chainOf(firstChain, { ...unchained, events: events.slice(1) })).not.toBe(chain)
  })
})

test('an event id tells lane, record and place', () => {
  expect(eventId(2, sequence, 3)).toBe(`2:${sequence}:3`)
})

test('what answers the longest texts fits its message', () => {
  const longest = 'ü'.repeat(128)
  const rejected: Event = { ...instructed, type: 'order-rejected', code: 'no-liquidity', clientOrderId: longest }
  const opened: Event = { type: 'account-opened', commandId, accountId: 1, account: longest, firm: longest, firmId: 1 }

  expect(encodeEvents([rejected, opened]).length).toBeLessThan(1_200)
})

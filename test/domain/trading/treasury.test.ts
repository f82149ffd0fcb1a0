import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { neverMillis } from '#domain/reference/contract-terms.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, type InstrumentRisk, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, restoreEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { deepFrozen } from '#test/support/deep-frozen.ts'
import { idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const asset: ContractSpecification = {
  ...testSpecification,
  instrumentName: 'COLL-TBILL3M',
  kind: 'collateral',
  terms: '{}',
  underlying: 'TBILL3M',
  expirationMillis: neverMillis,
}

type Unnamed<Each> = Each extends { readonly commandId: string } ? Omit<Each, 'commandId'> : never

/** Two accounts of one firm and one of another with 1,000 USD each; a future (1) and an asset (2), of 1 USD a tick and lot. */
const openTreasury = () => {
  let engine = createEngine(1)
  const enter = (command: Unnamed<Command>): Event[] =>
    engine.enter({ ...command, commandId: nextCommandId() } as Command, marketMillis)
  enter({ type: 'activate-engine-version', version: 4 })
  for (const [index, firm] of ['', 'a1', ''].entries()) {
    enter({ type: 'open-account', account: `a${index + 1}`, firm })
    enter({ type: 'deposit', accountId: index + 1, amountMicros: 1_000 * usd })
  }
  enter({ type: 'list-instrument', specification: testSpecification })
  enter({ type: 'list-instrument', specification: asset })
  let orders = 0
  return {
    enter,
    snapshot: () => engine.snapshot(),
    /** As another process reads the snapshot. */
    restart: () => {
      engine = restoreEngine(deepFrozen(engine.snapshot()))
    },
    figuresOf: (accountId: number) => engine.marginOf(accountId),
    transfer: (accountId: number, toAccountId: number, amountMicros: number) =>
      enter({ type: 'transfer', accountId, toAccountId, amountMicros }),
    bring: (accountId: number, quantityLots: number, instrumentId = 2) =>
      enter({ type: 'deposit-collateral', accountId, instrumentId, quantityLots }),
    take: (accountId: number, quantityLots: number, instrumentId = 2) =>
      enter({ type: 'withdraw-collateral', accountId, instrumentId, quantityLots }),
    order: (accountId: number, lots: number, priceTicks: number, instrumentId = 1): Event[] => {
      orders += 1
      return engine.enter(
        {
          type: 'place-order',
          orderId: idOf(`a${orders}`),
          accountId,
          instrumentId,
          specificationVersion: 1,
          direction: lots > 0 ? 'buy' : 'sell',
          orderType: 'limit',
          timeInForce: 'good_til_cancelled',
          priceTicks,
          quantityLots: Math.abs(lots),
          clientOrderId: '',
          ...plainInstructions,
        },
        marketMillis,
      )
    },
    /** The future may lose 100 of 500 USD; a lot of the asset counts for 90 USD and may lose 9 in the other scenario. */
    epoch: (epochVersion: number) => {
      const risk = (instrumentId: number, markTicks: number, arrayMicros: readonly number[]): InstrumentRisk => ({
        instrumentId,
        specificationVersion: 1,
        markMicros: markTicks * usd,
        shortMinimumMicros: 0,
        group: 0,
        concentrationUnits: 0,
        deltaMicroUnits: 0,
        vegaMicros: 0,
        risk: { kind: 'array', restMicros: 0, arrayMicros },
      })
      const groups = [{ thresholdUnits: 0, microsPerUnit: 0 }]
      enter({ type: 'risk-epoch-begin', epochVersion, scenarioSetVersion: 1, groups, blocks: [{ scenarios: 2 }] })
      const instruments = [risk(1, 500, [-100 * usd, 100 * usd]), risk(2, 90, [-9 * usd, 0])]
      enter({ type: 'risk-epoch-chunk', epochVersion, number: 0, instruments })
      return enter({ type: 'risk-epoch-commit', epochVersion, chunks: 1 })
    },
  }
}

const codesOf = (events: readonly Event[]) => events.map(event => ('code' in event ? event.code : event.type))

describe('a transfer', () => {
  test('goes between accounts of a firm, and tells what both are left with', () => {
    const { transfer } = openTreasury()
    expect(transfer(1, 2, 400 * usd)).toMatchObject([
      { type: 'transferred', amountMicros: 400 * usd, cashMicros: 600 * usd, toCashMicros: 1_400 * usd },
    ])
    expect(transfer(2, 1, 1_400 * usd)).toMatchObject([{ cashMicros: 0, toCashMicros: 2_000 * usd }])
  })

  test('is refused by name, and changes nothing', () => {
    const { transfer, enter, snapshot } = openTreasury()
    enter({ type: 'place-hold', accountId: 1, amountMicros: 100 * usd })
    const before = JSON.stringify(snapshot().accounts)
    expect(codesOf(transfer(1, 3, usd))).toEqual(['transfer-not-allowed'])
    expect(codesOf(transfer(1, 1, usd))).toEqual(['transfer-not-allowed'])
    expect(codesOf(transfer(1, 9, usd))).toEqual(['unknown-account'])
    expect(codesOf(transfer(9, 1, usd))).toEqual(['unknown-account'])
    for (const micros of [0, -1, 2 ** 52]) expect(codesOf(transfer(1, 2, micros))).toEqual(['amount-out-of-range'])
    expect(codesOf(transfer(1, 2, 900 * usd + 1))).toEqual(['insufficient-funds'])
    expect(JSON.stringify(snapshot().accounts)).toBe(before)
  })

  test('takes nothing that is needed', () => {
    const { transfer, order, epoch } = openTreasury()
    epoch(1)
    order(1, 5, 500)
    // 5 lots may lose 100 each.
    expect(codesOf(transfer(1, 2, 500 * usd + 1))).toEqual(['insufficient-margin'])
    expect(codesOf(transfer(1, 2, 500 * usd))).toEqual(['transferred'])
  })
})

describe('collateral', () => {
  test('counts nothing before an epoch values it, and then for its mark, in each scenario', () => {
    const { bring, epoch, figuresOf, order } = openTreasury()
    expect(bring(1, 10)).toMatchObject([{ type: 'collateral-deposited', quantityLots: 10, sizeLots: 10 }])
    const before = figuresOf(1)
    expect((before?.equityMicros ?? 0) - (before?.requirementMicros ?? 0)).toBe(1_000 * usd)
    epoch(1)
    expect(figuresOf(1)).toMatchObject({ equityMicros: 1_900 * usd, requirementMicros: 90 * usd })
    // Both lose in the first scenario: 18 lots and the asset need 1,890, the next lot more than there is.
    expect(codesOf(order(1, 18, 500))).toEqual(['order-accepted'])
    expect(figuresOf(1)).toMatchObject({ equityMicros: 1_900 * usd, requirementMicros: 1_890 * usd })
    expect(codesOf(order(1, 1, 500))).toEqual(['insufficient-margin'])
  })

  test('leaves only where the rest covers the account, and as far as it is there', () => {
    const { bring, take, epoch, order, figuresOf } = openTreasury()
    bring(1, 10)
    epoch(1)
    order(1, 15, 500)
    // 1,500 and 9 a lot are needed; a lot counts for 90: seven lots are enough, six are not.
    expect(codesOf(take(1, 4))).toEqual(['insufficient-margin'])
    expect(take(1, 3)).toMatchObject([{ type: 'collateral-withdrawn', quantityLots: 3, sizeLots: 7 }])
    expect(codesOf(take(1, 1))).toEqual(['insufficient-margin'])
    expect(codesOf(take(2, 1))).toEqual(['insufficient-collateral'])
    expect(figuresOf(1)).toMatchObject({ equityMicros: 1_630 * usd, requirementMicros: 1_563 * usd })
  })

  test('is no other instrument, and no other instrument is collateral', () => {
    const { bring, take, enter, order } = openTreasury()
    for (const move of [bring, take]) {
      expect(codesOf(move(1, 1, 1))).toEqual(['not-collateral'])
      expect(codesOf(move(1, 1, 3))).toEqual(['unknown-instrument'])
      expect(codesOf(move(9, 1))).toEqual(['unknown-account'])
      expect(codesOf(move(1, 0))).toEqual(['amount-out-of-range'])
    }
    // All that an account has is bounded: 2^51 micros at 1,000 USD a lot.
    expect(codesOf(bring(1, 2_251_800))).toEqual(['exposure-too-large'])
    expect(codesOf(order(1, 1, 5, 2))).toEqual(['instrument-not-open'])
    const instrumentId = 2
    const none = '00000000-0000-0000-0000-000000000000'
    const trade = {
      priceTicks: 1,
      quantityLots: 1,
      buyerId: 1,
      sellerId: 2,
      tradeId: none,
      tradedAtMillis: marketMillis,
    }
    for (const command of [
      { type: 'set-trading-state', instrumentId, state: 'continuous', untilMillis: 0 },
      { type: 'delist-instrument', instrumentId },
      { type: 'settle-instrument', instrumentId, settlementKind: 'variation', number: 1, priceTicks: 5 },
      { type: 'settle-instrument', instrumentId, settlementKind: 'final', number: 0, priceTicks: 5 },
      { type: 'bust-trade', instrumentId, ...trade, buyerFeeMicros: 0, sellerFeeMicros: 0 },
    ] as const)
      expect(codesOf(enter(command))).toEqual(['is-collateral'])
    expect(codesOf(enter({ type: 'expire-instrument', instrumentId }))).toEqual(['instrument-not-open'])
    expect(codesOf(enter({ type: 'exercise-option', instrumentId, accountId: 1, quantityLots: 1 }))).toEqual([
      'not-exercisable',
    ])
  })
})

test('whatever is moved, cash and assets are what was brought less what was taken, and a restored lane has the same', () => {
  const account = fc.integer({ min: 1, max: 4 })
  const step = fc.record({
    kind: fc.constantFrom('transfer', 'bring', 'take', 'withdraw', 'order', 'epoch', 'restart'),
    account,
    other: account,
    amount: fc.integer({ min: -1, max: 1_200 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const treasury = openTreasury()
      let [cash, lots, epochs] = [3_000 * usd, 0, 0]
      for (const { kind, account: accountId, other, amount } of steps) {
        if (kind === 'restart') treasury.restart()
        else if (kind === 'epoch') {
          epochs += 1
          treasury.epoch(epochs)
        } else if (kind === 'order') treasury.order(accountId, amount % 2 === 0 ? 3 : -3, 450 + (amount % 100))
        else if (kind === 'transfer') treasury.transfer(accountId, other, amount * usd)
        else {
          const events =
            kind === 'withdraw'
              ? treasury.enter({ type: kind, accountId, amountMicros: amount * usd })
              : treasury[kind](accountId, amount % 40)
          for (const event of events) {
            if (event.type === 'withdrawn') cash -= event.amountMicros
            if (event.type === 'collateral-deposited') lots += event.quantityLots
            if (event.type === 'collateral-withdrawn') lots -= event.quantityLots
          }
        }
        const { accounts, depositedMicros } = treasury.snapshot()
        const positions = accounts.flatMap(each => each.positions)
        const ofAsset = positions.filter(({ instrumentId }) => instrumentId === 2)
        const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
        expect(depositedMicros).toBe(cash)
        expect(
          sum(accounts.map(({ cashMicros }) => cashMicros)) - sum(positions.map(each => each.realisedMicros)),
        ).toBe(cash)
        expect(sum(ofAsset.map(({ sizeLots }) => sizeLots))).toBe(lots)
        for (const { sizeLots, entryTickLots, realisedMicros } of ofAsset)
          expect([sizeLots >= 0, entryTickLots, realisedMicros]).toEqual([true, 0, 0])
        for (const accountId of [1, 2, 3]) {
          const figures = treasury.figuresOf(accountId)
          if (epochs === 0) expect(figures?.equityMicros).toBeGreaterThanOrEqual(figures?.requirementMicros ?? 0)
        }
      }
    }),
    { numRuns: 200 },
  )
})

import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type AccountRecord, Accounts, type HoldingRecord } from '#domain/ledger/accounts.ts'
import { defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import { Book, Levels } from '#domain/trading/book.ts'
import type { Command } from '#domain/trading/commands.ts'
import { Engine, type EngineState } from '#domain/trading/engine.ts'
import { type LimitTerms, noLimits } from '#domain/trading/limit-terms.ts'
import { Listing } from '#domain/trading/listing.ts'
import { Orders } from '#domain/trading/orders.ts'
import { netAt, RiskSums } from '#domain/trading/risk-sums.ts'
import { deepFrozen } from '#test/support/deep-frozen.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { nextCommandId, testSpecification } from '#test/support/tape.ts'

/** Net, up, down, gross; then net, up, down of vega. */
type Exposure = readonly number[]
const exposureSums = 7

interface Counted {
  readonly accounts: Accounts
  readonly listings: readonly (Listing | undefined)[]
  readonly deltaOf: (instrumentId: number) => number
  readonly vegaOf: (instrumentId: number) => number
}

/** All of it from the ledger alone, in whole numbers of any size. */
const fromScratch = ({ accounts, listings, deltaOf, vegaOf }: Counted, of: readonly AccountRecord[]) => {
  const sums = Array.from({ length: exposureSums }, () => 0n)
  let equity = 0n
  const add = (index: number, by: bigint): void => {
    sums[index] = (sums[index] ?? 0n) + by
  }
  const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)
  const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other)
  for (const account of of) {
    equity += BigInt(accounts.cashMicros(account))
    for (const holding of accounts.holdingsOf(account)) {
      const instrumentId = accounts.instrumentId(holding)
      const listing = listings[instrumentId]
      if (listing === undefined || listing.instrument.terms.kind === 'collateral') continue
      const [size, buys, sells] = [
        BigInt(accounts.sizeLots(holding)),
        BigInt(accounts.buyLots(holding)),
        BigInt(accounts.sellLots(holding)),
      ]
      if (size !== 0n && listing.markTicks !== 0)
        equity +=
          (size * BigInt(listing.markTicks) - BigInt(accounts.entryTickLots(holding))) *
          BigInt(listing.instrument.microsPerTickLot)
      for (const [unit, at] of [
        [BigInt(deltaOf(instrumentId)), 0],
        [BigInt(vegaOf(instrumentId)), 4],
      ] as const) {
        add(at, size * unit)
        add(at + 1, (unit > 0n ? buys : sells) * magnitude(unit))
        add(at + 2, (unit > 0n ? sells : buys) * magnitude(unit))
        if (at === 0) add(3, larger(size + buys, sells - size) * magnitude(unit))
      }
    }
  }
  return { equity: Number(equity), exposure: sums.map(Number) }
}

const exposureAt = ({ values }: RiskSums, row: number): Exposure => [
  ...values.subarray(row + netAt, row + netAt + exposureSums),
]

class OpenEngine extends Engine {
  static from(state: EngineState): OpenEngine {
    const engine = new OpenEngine(state.lane)
    engine.restore(state)
    return engine
  }

  get counted() {
    const { accounts, listings, margin } = this
    return {
      accounts,
      listings,
      limits: this.limitDesk.limits,
      deltaOf: (instrumentId: number) => margin?.deltaMicroUnits(instrumentId) ?? 0,
      vegaOf: (instrumentId: number) => margin?.vegaMicros(instrumentId) ?? 0,
    }
  }

  expectSums(): number {
    const { counted } = this
    const { accounts, limits } = counted
    if (limits === undefined) return 0
    const { sums } = limits
    const all = Array.from({ length: accounts.count }, (_, index) => accounts.recordOf(accounts.firstId + 1 + index))
    for (const account of all) {
      const { equity, exposure } = fromScratch(counted, [account])
      expect(sums.equityMicros(account)).toBe(equity)
      expect(exposureAt(sums, sums.exposureOfAccount(account)).map(plain)).toEqual(exposure.map(plain))
    }
    for (const firm of new Set(all.map(account => accounts.firm(account)))) {
      const terms = limits.terms('firm', firm)
      const members = all.filter(account => accounts.firm(account) === firm)
      const { equity, exposure } = fromScratch(counted, members)
      if (terms.maxNetDelta !== 0)
        expect(exposureAt(sums, sums.exposureOfFirm(firm, members)).map(plain)).toEqual(exposure.map(plain))
      if (terms.maxDailyLossMicros !== 0) {
        const bases = members.reduce((sum, account) => sum + sums.baseMicros(account), 0)
        expect(sums.firmLossMicros(firm)).toBe(bases - equity)
      }
      if (terms.maxPositionLots !== 0)
        for (const listing of this.listings)
          if (listing !== undefined && listing.instrument.terms.kind !== 'collateral') {
            const { instrumentId } = listing.instrument
            const sizes = members.flatMap(account => accounts.holdingsOf(account))
            const own = sizes.filter(holding => accounts.instrumentId(holding) === instrumentId)
            expect(sums.firmSizeLots(firm, instrumentId)).toBe(
              own.reduce((sum, holding) => sum + accounts.sizeLots(holding), 0),
            )
          }
    }
    return all.length
  }
}
/** -0 is 0. */
const plain = (value: number): number => value + 0

/** So far away that nothing meets them: the random commands set nearer ones. */
const far: LimitTerms = {
  ...noLimits,
  maxPositionLots: 2 ** 40,
  maxGrossDelta: 2 ** 52,
  maxNetDelta: 2 ** 52,
  maxVegaMicros: 2 ** 52,
  maxDailyLossMicros: 2 ** 52,
}

test('whatever has happened, the sums are those that the ledger, the marks and the epoch give', () => {
  let checked = 0
  fc.assert(
    fc.property(fc.integer(), seed => {
      const random = createRandom(seed)
      const source = createCommandSource(random)
      const chosen = createRandom(~seed)
      let engine = new OpenEngine(1)
      const enter = (command: Command, atMillis: number) => {
        const told = engine.enter(command, atMillis)
        source.heard(told)
      }
      for (let n = 0; n < 150; n += 1) {
        const { command, atMillis } = source.next()
        enter(command, atMillis)
        if (chosen.chance(0.04)) {
          const scope = chosen.pick(['account', 'firm'] as const)
          const subject = {
            accountId: scope === 'account' ? chosen.between(1, 4) : 0,
            firm: scope === 'firm' ? 'alpha' : '',
            instrumentId: 0,
          }
          const terms = { scope, ...subject, isApproved: true, terms: far }
          if (engine.engineVersion >= 4)
            enter({ type: 'set-risk-limits', commandId: nextCommandId(), ...terms }, atMillis)
        }
        if (chosen.chance(0.03)) engine = OpenEngine.from(JSON.parse(JSON.stringify(deepFrozen(engine.snapshot()))))
        if (chosen.chance(0.3)) checked += engine.expectSums()
      }
    }),
    { numRuns: 40 },
  )
  expect(checked).toBeGreaterThan(500)
})

/** A ledger that others change, and sums that hear of it; of a size at which sums are not exact any more. */
const createFloor = (size: number) => {
  const accounts = new Accounts(1)
  accounts.stopFunding()
  const levels = new Levels()
  const orders = new Orders()
  const listings: (Listing | undefined)[] = [undefined]
  const instruments: Instrument[] = []
  for (let instrumentId = 1; instrumentId <= 2; instrumentId += 1) {
    const specification = { ...testSpecification, instrumentName: `MARKET-${instrumentId}`, tickSize: '0.000001' }
    const defined = defineInstrument(specification, instrumentId, 1)
    if (!defined.accepted) throw new Error(defined.detail)
    instruments.push(defined.value)
    const listing = new Listing(defined.value, new Book(orders, levels))
    listing.markTicks = 1_000_003
    listings.push(listing)
  }
  const greeks = { valuation: 0, deltas: [0, 1, -3], vegas: [0, 0, 2] }
  const units = {
    get valuation() {
      return greeks.valuation
    },
    deltaMicroUnits: (instrumentId: number) => (greeks.deltas[instrumentId] ?? 0) * size,
    vegaMicros: (instrumentId: number) => (greeks.vegas[instrumentId] ?? 0) * size,
  }
  const members = [1, 1].map(firm => accounts.open(firm))
  const make = (): RiskSums => {
    const sums = new RiskSums(accounts, listings, units)
    sums.recount()
    sums.followFirm(1, members)
    sums.followLoss(1, members)
    return sums
  }
  return { accounts, listings, instruments, greeks, members, make }
}

test('sums that are kept are to the last bit those that are made anew, also where they are too large to be exact', () => {
  const step = fc.record({
    kind: fc.constantFrom('open', 'close', 'fill', 'fill', 'leave', 'mark', 'greeks', 'cash', 'ask', 'ask'),
    account: fc.nat(1),
    instrument: fc.nat(1),
    lots: fc.integer({ min: 1, max: 2_000_000_000 }),
    sells: fc.boolean(),
    ticks: fc.integer({ min: 1, max: 200_000_000 }),
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 100, size: 'max' }),
      fc.constantFrom(1, 1_000_003, 100_000_007),
      (steps, size) => {
        const { accounts, listings, instruments, greeks, members, make } = createFloor(size)
        const kept = make()
        accounts.watcher = {
          touched: (holding: HoldingRecord) => {
            kept.count(holding)
          },
          openOrdersChanged: () => {},
          cashMoved: (account, micros) => kept.cashMoved(account, micros),
        }
        for (const account of members) kept.setBase(account, kept.equityMicros(account))
        for (const { kind, account: which, instrument: index, lots, sells, ticks } of steps) {
          const account = members[which] ?? 0
          const instrument = instruments[index]
          const listing = listings[index + 1]
          if (instrument === undefined || listing === undefined) throw new RangeError('there is none')
          const holding = accounts.holdingOf(account, index + 1)
          const open = sells ? accounts.sellLots(holding) : accounts.buyLots(holding)
          if (kind === 'open') accounts.carryVolume(holding, instrument, sells, ticks, lots, 0)
          else if (kind === 'close' && open > 0)
            accounts.closeVolume(holding, instrument, sells, ticks, Math.min(open, lots), 0)
          else if (kind === 'fill') accounts.fillWithoutOrder(holding, instrument, sells ? -lots : lots, ticks, 0)
          else if (kind === 'leave') {
            // Back from what was too large to be exact.
            for (const of of members.flatMap(member => accounts.holdingsOf(member))) {
              const left = instruments[accounts.instrumentId(of) - 1] ?? instrument
              accounts.fillWithoutOrder(of, left, -accounts.sizeLots(of), ticks, 0)
              accounts.closeVolume(of, left, true, ticks, accounts.sellLots(of), 0)
              accounts.closeVolume(of, left, false, ticks, accounts.buyLots(of), 0)
            }
            for (const member of members) accounts.addCash(member, -accounts.cashMicros(member))
          } else if (kind === 'mark') {
            listing.markTicks = ticks
            kept.marked(index + 1)
          } else if (kind === 'greeks') {
            greeks.deltas[index + 1] = (ticks % 31) - 15
            greeks.vegas[index + 1] = sells ? lots % 9 : 0
            greeks.valuation += 1
          } else if (kind === 'cash') accounts.addCash(account, (sells ? -lots : lots) * size)
          const made = make()
          for (const member of members) made.setBase(member, kept.baseMicros(member))
          if (kind !== 'ask') continue
          for (const member of members) {
            expect(kept.lossMicros(member)).toBe(made.lossMicros(member))
            expect(exposureAt(kept, kept.exposureOfAccount(member))).toEqual(
              exposureAt(made, made.exposureOfAccount(member)),
            )
          }
          expect(kept.firmLossMicros(1)).toBe(made.firmLossMicros(1))
          expect(exposureAt(kept, kept.exposureOfFirm(1, members))).toEqual(
            exposureAt(made, made.exposureOfFirm(1, members)),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

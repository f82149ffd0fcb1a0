import { describe, expect, test } from '@jest/globals'
import { sizeTranche } from '#domain/margin/liquidation.ts'
import { type Command, type InstrumentRisk, type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { createCommandSource, createRandom } from '#test/support/random-commands.ts'
import { idOf, marketMillis, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const liquidationCommands: readonly Command['type'][] = [
  'begin-liquidation',
  'liquidate-position',
  'transfer-position',
  'cover-loss',
  'haircut-gains',
  'end-liquidation',
]
const lotFeeMicros = 30_000
const specifications = ['A', 'B', 'C'].map(letter => ({
  ...testSpecification,
  instrumentName: `MARKET-${letter}`,
  makerCommissionPpm: 0,
  takerCommissionPpm: 300,
}))

/** One tick of one lot is a USD. */
const openFloor = (dollars: readonly number[]) => {
  const engine = createEngine(1)
  const enter = (command: Command): Event[] => engine.enter(command, marketMillis)
  enter({ type: 'activate-engine-version', commandId: nextCommandId(), version: 4 })
  for (const [index, each] of dollars.entries()) {
    enter({ type: 'open-account', commandId: nextCommandId(), account: `account-${index + 1}`, firm: '' })
    enter({ type: 'deposit', commandId: nextCommandId(), accountId: index + 1, amountMicros: each * usd })
  }
  for (const specification of specifications)
    enter({ type: 'list-instrument', commandId: nextCommandId(), specification })
  const place = (accountId: number, lots: number, priceTicks: number, instrumentId = 1): Event[] =>
    enter({
      type: 'place-order',
      orderId: nextCommandId(),
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
    } satisfies PlaceOrder)
  return {
    engine,
    enter,
    place,
    trade: (buyer: number, seller: number, lots: number, priceTicks: number, instrumentId = 1): void => {
      place(seller, -lots, priceTicks, instrumentId)
      place(buyer, lots, priceTicks, instrumentId)
    },
    /** By instrument: its mark in ticks, and what a lot gains in each scenario. */
    epoch(epochVersion: number, markTicks: readonly number[], gainsTicks: readonly (readonly number[])[]): Event[] {
      const instruments = markTicks.map(
        (ticks, index): InstrumentRisk => ({
          instrumentId: index + 1,
          specificationVersion: 1,
          markMicros: ticks * usd,
          shortMinimumMicros: 0,
          group: 0,
          concentrationUnits: 0,
          deltaMicroUnits: 0,
          vegaMicros: 0,
          risk: { kind: 'array', restMicros: 0, arrayMicros: (gainsTicks[index] ?? []).map(gain => gain * usd) },
        }),
      )
      const commandId = nextCommandId
      const scenarios = gainsTicks[0]?.length ?? 0
      return [
        {
          type: 'risk-epoch-begin' as const,
          commandId: commandId(),
          epochVersion,
          scenarioSetVersion: 1,
          groups: [{ thresholdUnits: 0, microsPerUnit: 0 }],
          blocks: [{ scenarios }],
        },
        { type: 'risk-epoch-chunk' as const, commandId: commandId(), epochVersion, number: 0, instruments },
        { type: 'risk-epoch-commit' as const, commandId: commandId(), epochVersion, chunks: 1 },
      ].flatMap(enter)
    },
    begin(accountId: number): { readonly liquidationId: string; readonly told: Event[] } {
      const liquidationId = nextCommandId()
      return { liquidationId, told: enter({ type: 'begin-liquidation', commandId: liquidationId, accountId }) }
    },
  }
}
type Floor = ReturnType<typeof openFloor>

const types = (events: readonly Event[]): string[] => events.map(({ type }) => type)
const codes = (events: readonly Event[]): unknown[] => events.flatMap(event => ('code' in event ? [event.code] : []))
const last = (events: readonly Event[]): Event | undefined => events.at(-1)
const cashOf = (engine: Engine, accountId: number): number => engine.snapshot().accounts[accountId - 1]?.cashMicros ?? 0

/** Account 1 has bought 90 lots at 100 from account 3, which sells them at 60 now; account 4 is the fund. */
const fallenFloor = (fallTicks = 40) => {
  const floor = openFloor([1_000, 1_000_000, 1_000_000, 500])
  const flat = [
    [10, -10],
    [0, 0],
    [0, 0],
  ]
  floor.epoch(1, [100, 100, 100], flat)
  floor.trade(1, 3, 90, 100)
  floor.place(1, 5, 90)
  const called = floor.epoch(2, [100 - fallTicks, 100, 100], flat)
  return { ...floor, called }
}

describe('a liquidation', () => {
  test('begins where an account needs more than it has, and cancels all that it has open', () => {
    const { begin, called, place, engine, enter } = fallenFloor()
    expect(types(called).filter(type => type === 'margin-called')).toHaveLength(1)
    expect(codes(begin(3).told)).toEqual(['not-under-margin-call'])
    expect(codes(begin(9).told)).toEqual(['unknown-account'])
    const { told, liquidationId } = begin(1)
    expect(types(told)).toEqual(['order-cancelled', 'liquidation-begun'])
    const begun = last(told)
    if (begun?.type !== 'liquidation-begun') throw new Error('it has not begun')
    expect(begun).toMatchObject({ commandId: liquidationId, accountId: 1, epochVersion: 2, cancelledOrders: 1 })
    expect(begun.afterRequirementMicros).toBe(900 * usd)
    expect(begun.requirementMicros).toBeGreaterThan(begun.afterRequirementMicros)
    expect(begun.equityMicros).toBe(cashOf(engine, 1) - 90 * 40 * usd)
    expect(codes(begin(1).told)).toEqual(['liquidation-under-way'])
    expect(codes(place(1, -1, 60))).toEqual(['account-in-liquidation'])
    expect(codes(enter({ type: 'end-liquidation', commandId: nextCommandId(), liquidationId, accountId: 1 }))).toEqual([
      'still-under-margin-call',
    ])
    expect(
      codes(enter({ type: 'end-liquidation', commandId: nextCommandId(), liquidationId: idOf('1'), accountId: 1 })),
    ).toEqual(['unknown-liquidation'])
  })

  test('goes from tranches over a transfer, the fund and winners to its end, each step with its numbers', () => {
    const { begin, place, engine, enter } = fallenFloor()
    const { liquidationId } = begin(1)
    const named = { liquidationId, accountId: 1 }
    const reduce = (quantityLots: number, limitTicks: number, direction: 'buy' | 'sell' = 'sell'): Event[] => {
      const commandId = nextCommandId()
      const order = { instrumentId: 1, direction, quantityLots, limitTicks }
      return enter({ type: 'liquidate-position', commandId, ...named, ...order })
    }
    place(2, 30, 58)
    expect(codes(reduce(91, 50))).toEqual(['reduce-only-would-increase'])
    expect(codes(reduce(1, 50, 'buy'))).toEqual(['reduce-only-would-increase'])
    expect(codes(reduce(0, 50))).toEqual(['amount-out-of-range'])
    expect(codes(reduce(1, 0))).toEqual(['price-out-of-range'])
    const tranche = reduce(50, 55)
    expect(types(tranche)).toEqual(['order-accepted', 'trade-executed', 'order-cancelled', 'liquidation-tranche'])
    expect(last(tranche)).toMatchObject({ requestedLots: 50, filledLots: 30, requirementMicros: 600 * usd })

    const transfer = (toAccountId: number, signedLots: number, priceTicks: number): Event[] => {
      const lots = { toAccountId, instrumentId: 1, signedLots, priceTicks }
      return enter({ type: 'transfer-position', commandId: nextCommandId(), ...named, ...lots })
    }
    const cover = (amountMicros: number, fundAccountId = 4): Event[] =>
      enter({ type: 'cover-loss', commandId: nextCommandId(), ...named, fundAccountId, amountMicros })
    expect(codes(transfer(2, -60, 50))).toEqual(['reduce-only-would-increase'])
    expect(codes(transfer(2, 61, 50))).toEqual(['reduce-only-would-increase'])
    expect(codes(transfer(1, 60, 50))).toEqual(['account-in-liquidation'])
    expect(codes(transfer(2, 0, 50))).toEqual(['amount-out-of-range'])
    expect(codes(transfer(2, 60, 1_001))).toEqual(['price-out-of-range'])
    // 60 lots need 600, and each is bought 10 above its mark.
    expect(codes(transfer(4, 60, 70))).toEqual(['insufficient-margin'])
    expect(codes(cover(1))).toEqual(['liquidation-positions-left'])
    const before = cashOf(engine, 1)
    const [moved] = transfer(2, 60, 50)
    expect(moved).toMatchObject({
      type: 'position-transferred',
      from: { position: { sizeLots: 0, entryTickLots: 0 }, cashMicros: before - 60 * 50 * usd },
      to: { position: { sizeLots: 90, entryTickLots: 30 * 58 + 60 * 50 } },
      equityMicros: before - 60 * 50 * usd,
      requirementMicros: 0,
    })

    const owed = -cashOf(engine, 1)
    expect(owed).toBeGreaterThan(3_000 * usd)
    expect(codes(cover(owed + 1))).toEqual(['amount-out-of-range'])
    expect(codes(cover(501 * usd))).toEqual(['insufficient-funds'])
    expect(cover(500 * usd)).toMatchObject([{ cashMicros: 500 * usd - owed, fundCashMicros: 0 }])
    const haircut = (...shares: readonly (readonly [number, number])[]): Event[] =>
      enter({
        type: 'haircut-gains',
        commandId: nextCommandId(),
        ...named,
        shares: shares.map(([accountId, amountMicros]) => ({ accountId, amountMicros })),
      })
    const left = owed - 500 * usd
    expect(codes(haircut())).toEqual(['haircut-invalid'])
    expect(codes(haircut([3, 1], [2, 1]))).toEqual(['haircut-invalid'])
    expect(codes(haircut([1, 1], [2, 1]))).toEqual(['haircut-invalid'])
    expect(codes(haircut([2, left], [3, 1]))).toEqual(['amount-out-of-range'])
    expect(codes(haircut([2, 1], [9, 1]))).toEqual(['unknown-account'])
    const [winner, taker] = [cashOf(engine, 3), cashOf(engine, 2)]
    expect(haircut([2, 7])).toMatchObject([{ cashMicros: 7 - left }])
    expect(haircut([2, 3], [3, left - 10])).toMatchObject([
      {
        cashMicros: 0,
        shares: [
          { accountId: 2, cashMicros: taker - 10 },
          { accountId: 3, cashMicros: winner - left + 10 },
        ],
      },
    ])
    expect(codes(cover(1))).toEqual(['no-loss-to-cover'])
    expect(enter({ type: 'end-liquidation', commandId: nextCommandId(), ...named })).toMatchObject([
      { type: 'liquidation-ended', liquidationId, equityMicros: 0, requirementMicros: 0 },
    ])
    expect(codes(place(1, 1, 60))).toEqual(['insufficient-margin'])
    expect(sums(engine.snapshot())).toEqual(balanced)
  })

  test('calls a winner that its haircut leaves short', () => {
    const { begin, enter } = fallenFloor()
    const { liquidationId } = begin(1)
    const named = { liquidationId, accountId: 1 }
    const lots = { toAccountId: 3, instrumentId: 1, signedLots: 90, priceTicks: 0 }
    enter({ type: 'transfer-position', commandId: nextCommandId(), ...named, ...lots })
    // Account 4 has nothing to lose: its 500 are what it has.
    const shares = [{ accountId: 4, amountMicros: 501 * usd }]
    const told = enter({ type: 'haircut-gains', commandId: nextCommandId(), ...named, shares })
    expect(told).toMatchObject([
      { type: 'gains-haircut', shares: [{ cashMicros: -usd }] },
      { type: 'margin-called', accountId: 4, equityMicros: -usd, requirementMicros: 0 },
    ])
  })

  test('is under way after a restart as before', () => {
    const { begin, engine } = fallenFloor()
    const { liquidationId } = begin(1)
    const text = JSON.stringify(engine.snapshot())
    const again = restoreEngine(JSON.parse(text))
    expect(JSON.stringify(again.snapshot())).toBe(text)
    const order: Command = {
      type: 'liquidate-position',
      commandId: nextCommandId(),
      liquidationId,
      accountId: 1,
      instrumentId: 1,
      direction: 'sell',
      quantityLots: 5,
      limitTicks: 60,
    }
    expect(again.enter(order, marketMillis)).toEqual(engine.enter(order, marketMillis))
    expect(JSON.stringify(again.snapshot())).toBe(JSON.stringify(engine.snapshot()))
  })
})

describe('a margin call', () => {
  test('comes where only the fee of an order that adds no risk is lacking, and again after a recovery', () => {
    const floor = openFloor([1_000, 1_000_000, 1_000_000])
    const moves = [
      [10, -10],
      [0, 0],
      [0, 0],
    ]
    floor.epoch(1, [100, 100, 100], moves)
    floor.trade(1, 3, 90, 100)
    const { cashMicros } = floor.engine.snapshot().accounts[0] ?? { cashMicros: 0 }
    const withdraw = (amountMicros: number): Event[] =>
      floor.enter({ type: 'withdraw', commandId: nextCommandId(), accountId: 1, amountMicros })
    const deposit = (amountMicros: number): Event[] =>
      floor.enter({ type: 'deposit', commandId: nextCommandId(), accountId: 1, amountMicros })
    expect(types(withdraw(cashMicros - 900 * usd))).toEqual(['withdrawn'])
    // In the third market nothing can be lost: only its fee is needed.
    expect(types(floor.place(1, 1, 100, 3))).toEqual(['order-accepted', 'margin-called'])
    expect(types(floor.place(1, 1, 100, 3))).toEqual(['order-accepted'])
    expect(types(deposit(usd))).toEqual(['deposited'])
    expect(types(withdraw(usd - 2 * lotFeeMicros))).toEqual(['withdrawn'])
    expect(floor.place(1, 1, 100, 3)).toMatchObject([
      { type: 'order-accepted' },
      {
        type: 'margin-called',
        equityMicros: 900 * usd + 2 * lotFeeMicros,
        requirementMicros: 900 * usd + 3 * lotFeeMicros,
      },
    ])
  })

  test('comes with each epoch that leaves an account short, whatever it was called before', () => {
    const floor = fallenFloor(8)
    const moves = [
      [10, -10],
      [0, 0],
      [0, 0],
    ]
    const calls = (events: readonly Event[]): number => events.filter(({ type }) => type === 'margin-called').length
    expect(
      [floor.called, floor.epoch(3, [100, 100, 100], moves), floor.epoch(4, [92, 100, 100], moves)].map(calls),
    ).toEqual([1, 0, 1])
  })
})

// ——— Properties

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
const balanced = { money: 0, lots: 0 }
/** What comes from nowhere: nothing. */
const sums = ({ accounts, books, houseMicros, depositedMicros }: EngineState) => {
  const positions = accounts.flatMap(account => account.positions)
  const results = sum(positions.map(({ realisedMicros }) => realisedMicros))
  const money = sum(accounts.map(({ cashMicros }) => cashMicros)) + houseMicros - results - depositedMicros
  const lots = books
    .filter(({ instrument }) => instrument.specification.kind !== 'collateral')
    .map(({ instrument }) =>
      sum(positions.filter(each => each.instrumentId === instrument.instrumentId).map(({ sizeLots }) => sizeLots)),
    )
  return { money, lots: sum(lots.map(Math.abs)) }
}
/** All but what each command changes: the ids that are remembered, and who is marked already. */
const substance = ({
  recentCommands: _,
  laneMillis: __,
  announcedSecond: ___,
  margin,
  ...rest
}: EngineState): string => {
  const { book, ...others } = margin ?? {}
  return JSON.stringify([rest, others, book?.epoch?.version, book?.quoteBudgets])
}

test('money and positions are conserved through every step, a refusal changes nothing, a repeat is only that', () => {
  const done = new Map<string, number>()
  const wanted = [...liquidationCommands, 'refused']
  // Some steps are rare: as many more worlds as it takes to come to each.
  const isAllDone = (): boolean => wanted.every(name => done.has(name))
  for (let seed = 1; seed <= 90 || (!isAllDone() && seed <= 600); seed += 1) {
    const source = createCommandSource(createRandom(seed * 7))
    const engine = createEngine(1)
    for (let n = 0; n < 250; n += 1) {
      const { command, atMillis } = source.next()
      const isStep = liquidationCommands.includes(command.type) && engine.engineVersion >= 4
      const before = isStep ? engine.snapshot() : undefined
      const told = engine.enter(command, atMillis)
      source.heard(told)
      if (before === undefined || told.some(({ type }) => type === 'command-duplicated')) continue
      const after = engine.snapshot()
      expect(sums(after)).toEqual(sums(before))
      const refusal = told.find(event => event.type === 'command-rejected')
      if (refusal !== undefined && before.laneMillis === after.laneMillis)
        expect(substance(after)).toBe(substance(before))
      const [again] = engine.enter(command, atMillis)
      expect(again?.type).toBe('command-duplicated')
      expect(engine.snapshot()).toEqual(after)
      const what = refusal === undefined ? command.type : 'refused'
      done.set(what, (done.get(what) ?? 0) + 1)
    }
  }
  for (const name of wanted) expect([name, (done.get(name) ?? 0) > 0]).toEqual([name, true])
})

test('a tranche that is sized raises no requirement, however little of it fills, and restores what it says where all does', () => {
  const random = createRandom(11)
  let [tranches, wholes, steps] = [0, 0, 0]
  for (let world = 0; world < 250; world += 1) {
    const floor = openFloor([450_000, 100_000_000, 100_000_000])
    const scenarios = 4
    const draw = (most: number): number => random.between(-most, most)
    const gains = () => specifications.map(() => Array.from({ length: scenarios }, () => draw(60)))
    const marks = (): number[] => specifications.map(() => random.between(100, 900))
    floor.epoch(
      1,
      [500, 500, 500],
      specifications.map(() => [0, 0, 0, 0]),
    )
    const sizes = specifications.map(() => draw(2_000))
    for (const [index, lots] of sizes.entries())
      if (lots !== 0) floor.trade(lots > 0 ? 1 : 2, lots > 0 ? 2 : 1, Math.abs(lots), 500, index + 1)
    const [now, moves] = [marks(), gains()]
    floor.epoch(2, now, moves)
    const { liquidationId, told } = floor.begin(1)
    const begun = told.at(-1)
    if (begun?.type !== 'liquidation-begun') continue
    const positions = sizes.flatMap((sizeLots, index) => {
      const mark = now[index] ?? 0
      const limitTicks = sizeLots > 0 ? mark - random.below(20) : mark + random.below(20)
      return sizeLots === 0
        ? []
        : [
            {
              instrumentId: index + 1,
              sizeLots,
              markMicros: mark * usd,
              limitMicros: limitTicks * usd,
              lotFeeMicros: 300 * limitTicks,
              shortMinimumMicros: 0,
              concentrationUnits: 0,
              group: 0,
              gainsMicros: (moves[index] ?? []).map(gain => gain * usd),
              isBounded: false,
              largestLots: random.between(1, 2_000),
            },
          ]
    })
    const sized = sizeTranche({
      positions,
      equityMicros: begun.equityMicros,
      groups: [{ thresholdUnits: 0, microsPerUnit: 0 }],
      bufferPpm: 100_000,
    })
    if (!sized.accepted) throw new Error(`refused: ${sized.code} ${sized.field}`)
    const { value } = sized
    expect(value.requirementBeforeMicros).toBe(begun.afterRequirementMicros)
    const isWhole = random.chance(0.5)
    let requirement = begun.afterRequirementMicros
    for (const { instrumentId, lots, limitMicros } of value.steps) {
      const limitTicks = limitMicros / usd
      const offered = isWhole ? Math.abs(lots) : random.below(Math.abs(lots) + 1)
      if (offered > 0) floor.place(3, lots > 0 ? -offered : offered, limitTicks, instrumentId)
      const step = reduceBy(floor, liquidationId, instrumentId, lots, limitTicks)
      expect([step.filledLots, step.requirementMicros <= requirement]).toEqual([offered, true])
      requirement = step.requirementMicros
      steps += 1
      if (isWhole && value.steps.at(-1)?.instrumentId === instrumentId) {
        expect([step.equityMicros, step.requirementMicros]).toEqual([
          value.equityAfterMicros,
          value.requirementAfterMicros,
        ])
        wholes += 1
      }
    }
    tranches += 1
  }
  expect([tranches > 20, wholes > 8, steps > 30]).toEqual([true, true, true])
})

const reduceBy = ({ enter }: Floor, liquidationId: string, instrumentId: number, lots: number, limitTicks: number) => {
  const told = enter({
    type: 'liquidate-position',
    commandId: nextCommandId(),
    liquidationId,
    accountId: 1,
    instrumentId,
    direction: lots > 0 ? 'buy' : 'sell',
    quantityLots: Math.abs(lots),
    limitTicks,
  }).find(event => event.type === 'liquidation-tranche')
  if (told?.type !== 'liquidation-tranche') throw new Error('no tranche')
  return told
}

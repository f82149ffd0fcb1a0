import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Direction, InstrumentQuote } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import {
  dayOf,
  endOfDay,
  isCompliant,
  measuredUntil,
  mostMakers,
  newQuotingDay,
  type ObligationTerms,
  type QuotingDay,
  quotedMarketOf,
  quotingAfter,
  wholeDay,
} from '#domain/trading/quoting-obligations.ts'
import { commandOf, nextCommandId, testSpecification, usd } from '#test/support/tape.ts'

const day = 24 * 60 * 60 * 1_000
const monday = dayOf(1_800_000_000_000)

/** As the lane tells it. */
interface Told {
  readonly event: Event
  readonly atMillis: number
}

const terms = (fromMillis: number, maxSpreadPpm: number, minLots: number): ObligationTerms => ({
  fromMillis,
  maxSpreadPpm,
  minLots,
})

const followedThrough = (told: readonly Told[], versions: readonly ObligationTerms[]): QuotingDay[] => {
  const days = new Map<number, QuotingDay>()
  let latest = newQuotingDay(told[0]?.atMillis ?? monday)
  for (const { event, atMillis } of told) {
    if (quotedMarketOf(event) !== 1) continue
    latest = quotingAfter(latest, event, atMillis, versions)
    days.set(latest.dayMillis, latest)
  }
  return [...days.values()]
}

/** What a reader makes of the newest row up to the day. */
const readDay = (
  rows: readonly QuotingDay[],
  dayMillis: number,
  nowMillis: number,
  versions: readonly ObligationTerms[],
): QuotingDay | undefined => {
  const row = rows.findLast(each => each.dayMillis <= dayMillis)
  const until = Math.min(nowMillis, endOfDay(dayMillis))
  return row && wholeDay(measuredUntil(row, Math.min(until, endOfDay(dayMillis) - 1), versions), until, versions)
}

/** Each stretch of time between two instants by itself, from all that was told before it. */
const naively = (
  told: readonly Told[],
  versions: readonly ObligationTerms[],
  dayMillis: number,
  nowMillis: number,
): { readonly measured: number; readonly compliant: ReadonlyMap<number, number> } => {
  const end = Math.min(endOfDay(dayMillis), nowMillis)
  const instants = [
    ...told.map(({ atMillis }) => atMillis),
    ...versions.map(({ fromMillis }) => fromMillis),
    dayMillis,
    end,
  ]
    .filter(at => at >= dayMillis && at <= end)
    .sort((one, other) => one - other)
  const listedAt = told.find(({ event }) => event.type === 'instrument-listed')?.atMillis ?? Number.POSITIVE_INFINITY
  let measured = 0
  const compliant = new Map<number, number>()
  for (const [index, from] of instants.entries()) {
    const to = instants[index + 1] ?? from
    const inForce = versions.findLast(({ fromMillis }) => fromMillis <= from)
    const before = told.filter(({ atMillis }) => atMillis <= from).map(({ event }) => event)
    const state = before.findLast(({ type }) => type === 'trading-state-changed' || type === 'instrument-expired')
    const isContinuous = state === undefined || (state.type === 'trading-state-changed' && state.state === 'continuous')
    if (inForce === undefined || !isContinuous || from < listedAt) continue
    measured += to - from
    for (const accountId of [1, 2, 3]) {
      const [bid, ask] = [standing(before, accountId, 'buy'), standing(before, accountId, 'sell')]
      if (bid === undefined || ask === undefined) continue
      const spread = (ask.ticks - bid.ticks) / ((ask.ticks + bid.ticks) / 2)
      if (Math.min(bid.lots, ask.lots) < inForce.minLots || spread > inForce.maxSpreadPpm / 1_000_000) continue
      compliant.set(accountId, (compliant.get(accountId) ?? 0) + to - from)
    }
  }
  return { measured, compliant }
}

const standing = (events: readonly Event[], accountId: number, direction: Direction) => {
  let found: { id: string; ticks: number; lots: number } | undefined
  for (const event of events) {
    if (event.type === 'order-accepted' && event.quoteGroup !== '' && event.accountId === accountId) {
      if (event.direction === direction && event.restingLots > 0)
        found = { id: event.orderId, ticks: event.priceTicks, lots: event.restingLots }
    } else if (event.type === 'order-amended' && event.orderId === found?.id)
      found = { id: found.id, ticks: event.priceTicks, lots: event.quantityLots - event.filledLots }
    else if (event.type === 'order-cancelled' && event.orderId === found?.id) found = undefined
    else if (event.type === 'trade-executed')
      for (const { orderId, remainingLots } of [event.maker, event.taker])
        if (orderId === found?.id) found = remainingLots === 0 ? undefined : { ...found, lots: remainingLots }
  }
  return found
}

type Step =
  | { readonly kind: 'quote'; readonly accountId: number; readonly quote: InstrumentQuote }
  | { readonly kind: 'order'; readonly line: string }
  | { readonly kind: 'state'; readonly isContinuous: boolean }

const lots = fc.integer({ min: 0, max: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        accountId: fc.integer({ min: 1, max: 3 }),
        bidTicks: fc.integer({ min: 90, max: 101 }),
        askTicks: fc.integer({ min: 99, max: 110 }),
        bidLots: lots,
        askLots: lots,
      })
      .map(
        ({ accountId, ...sides }): Step => ({
          kind: 'quote',
          accountId,
          quote: { instrumentId: 1, specificationVersion: 1, ...sides },
        }),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('buys', 'sells'), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 90, max: 110 }))
      .map(([verb, size, ticks]): Step => ({ kind: 'order', line: `cid ${verb} ${size} @ ${ticks}` })),
  },
  { weight: 1, arbitrary: fc.boolean().map((isContinuous): Step => ({ kind: 'state', isContinuous })) },
)

/** Steps through the engine, so many milliseconds after one another. */
const tellOf = (steps: readonly (readonly [Step, number])[]): Told[] => {
  const engine = createEngine(1)
  let atMillis = monday + 1
  const told: Told[] = []
  const enter = (command: Parameters<typeof engine.enter>[0]) => {
    for (const event of engine.enter(command, atMillis)) told.push({ event, atMillis })
  }
  for (const account of ['ann', 'bob', 'cid'])
    enter({ type: 'open-account', commandId: nextCommandId(), account, firm: '' })
  for (const accountId of [1, 2, 3])
    enter({ type: 'deposit', commandId: nextCommandId(), accountId, amountMicros: 1_000_000 * usd })
  const expirationMillis = monday + 1_000 * day
  enter({
    type: 'list-instrument',
    commandId: nextCommandId(),
    specification: { ...testSpecification, expirationMillis },
  })
  for (const [index, [each, gapMillis]] of steps.entries()) {
    atMillis += gapMillis
    const commandId = nextCommandId()
    if (each.kind === 'quote')
      enter({
        type: 'quote',
        commandId,
        accountId: each.accountId,
        groupHash: '1'.repeat(16),
        groupName: 'main',
        quotes: [each.quote],
      })
    else if (each.kind === 'order') enter(commandOf(`${each.line} as c${index}`))
    else
      enter({
        type: 'set-trading-state',
        commandId,
        instrumentId: 1,
        state: each.isContinuous ? 'continuous' : 'halted',
        untilMillis: 0,
      })
  }
  return told
}

const gap = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 5_000 }) },
  fc.integer({ min: day / 3, max: 2 * day }),
)
const versions = fc
  .array(
    fc.tuple(
      fc.integer({ min: -1_000, max: day }),
      fc.integer({ min: 5_000, max: 150_000 }),
      fc.integer({ min: 1, max: 3 }),
    ),
    {
      maxLength: 3,
    },
  )
  .map(all => {
    let fromMillis = monday
    return all.map(([after, ppm, least]) => {
      fromMillis += Math.max(1, after)
      return terms(fromMillis, ppm, least)
    })
  })

describe('time at spread and size', () => {
  test('is what each stretch of time by itself says, day by day, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, gap), { maxLength: 40 }), versions, gap, (steps, inForce, rest) => {
        const told = tellOf(steps)
        const nowMillis = (told.at(-1)?.atMillis ?? monday) + rest
        const rows = followedThrough(told, inForce)
        for (let dayMillis = monday; dayMillis <= nowMillis; dayMillis += day) {
          const read = readDay(rows, dayMillis, nowMillis, inForce)
          const { measured, compliant } = naively(told, inForce, dayMillis, nowMillis)
          expect([dayMillis, read?.measuredMillis]).toEqual([dayMillis, measured])
          for (const accountId of [1, 2, 3])
            expect([
              accountId,
              read?.makers.find(maker => maker.accountId === accountId)?.compliantMillis ?? 0,
            ]).toEqual([accountId, compliant.get(accountId) ?? 0])
        }
      }),
      { numRuns: 60 },
    )
  })

  test('is the same wherever it is cut: events that are followed again from a row change nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, gap), { minLength: 2, maxLength: 30 }),
        versions,
        fc.nat(),
        (steps, inForce, cut) => {
          const told = tellOf(steps).filter(({ event }) => quotedMarketOf(event) === 1)
          const at = cut % told.length
          const through = (from: QuotingDay, some: readonly Told[]) =>
            some.reduce((each, { event, atMillis }) => quotingAfter(each, event, atMillis, inForce), from)
          const start = newQuotingDay(monday + 1)
          const restored: QuotingDay = JSON.parse(JSON.stringify(through(start, told.slice(0, at))))
          expect(through(restored, told.slice(at))).toEqual(through(start, told))
        },
      ),
      { numRuns: 40 },
    )
  })
})

const maker = (bidTicks: number, bidLots: number, askTicks: number, askLots: number) => ({
  accountId: 1,
  compliantMillis: 0,
  bid: { orderId: 'b', priceTicks: bidTicks, lots: bidLots },
  ask: { orderId: 'a', priceTicks: askTicks, lots: askLots },
})

describe('compliant', () => {
  test.each([
    ['just at the spread and size', maker(99, 2, 101, 2), true],
    ['a tick wider', maker(99, 2, 102, 2), false],
    ['a lot smaller', maker(99, 1, 101, 2), false],
    ['with one side only', { accountId: 1, compliantMillis: 0, bid: { orderId: 'b', priceTicks: 99, lots: 9 } }, false],
  ])('%s: %#', (_, each, is) => {
    expect(isCompliant(each, terms(0, 20_000, 2))).toBe(is)
  })

  test('at the highest prices too, exactly', () => {
    const highest = 2_147_483_647
    expect(isCompliant(maker(highest - 1, 1, highest, 1), terms(0, 1, 1))).toBe(true)
    expect(isCompliant(maker(1, 1, highest, 1), terms(0, 2_000_000, 1))).toBe(true)
    expect(isCompliant(maker(1, 1, highest, 1), terms(0, 1_999_999, 1))).toBe(false)
  })
})

test('makers beyond the bound are left out, and those within go on', () => {
  const makers = Array.from({ length: mostMakers }, (_, index) => ({ ...maker(99, 2, 101, 2), accountId: index + 1 }))
  const full: QuotingDay = { ...newQuotingDay(monday), makers }
  const [accepted] = tellOf([
    [
      {
        kind: 'quote',
        accountId: 1,
        quote: { instrumentId: 1, specificationVersion: 1, bidTicks: 95, bidLots: 1, askTicks: 105, askLots: 1 },
      },
      1,
    ],
  ])
    .map(({ event }) => event)
    .filter(event => event.type === 'order-accepted')
  if (accepted === undefined) throw new Error('nothing was quoted')
  const other = quotingAfter(full, { ...accepted, accountId: mostMakers + 1 }, monday + 1, [])
  expect(other.makers).toHaveLength(mostMakers)
  expect(other.makers.some(({ accountId }) => accountId > mostMakers)).toBe(false)
  expect(quotingAfter(full, accepted, monday + 1, []).makers[0]?.bid).toMatchObject({ priceTicks: 95 })
})

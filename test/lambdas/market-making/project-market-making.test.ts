import { beforeEach, describe, expect, test } from '@jest/globals'
import { accountNamed, forgetAccountNumbers } from '#adapters/tables/account-numbers.ts'
import { getLaneTime } from '#adapters/tables/lane-times.ts'
import { getDeadMan, getProtection } from '#adapters/tables/market-makers.ts'
import { addTermsVersion } from '#adapters/tables/obligation-terms.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getQuoteOutcome } from '#adapters/tables/quote-outcomes.ts'
import { latestQuotingDay } from '#adapters/tables/quoting-days.ts'
import { getLimitScale, getLimits, getQuoteBudget, limitBreachOf, limitScalesOf } from '#adapters/tables/risk-limits.ts'
import type { Command, InstrumentQuote } from '#domain/trading/commands.ts'
import { createEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import type { TableName } from '#protocol/tables.ts'
import { mockExecutionsStream, recordsOf } from '#test/support/executions.ts'
import { openingCommands } from '#test/support/market-maker.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { commandOf, marketMillis, nextCommandId } from '#test/support/tape.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const { projectorOf } = await import('#lambdas/shell/projection.ts')
const { marketMakingProjection } = await import('#lambdas/market-making/project-market-making.ts')

const tables = mockTables()
mockExecutionsStream()
beforeEach(() => {
  tables.reset()
  forgetAccountNumbers()
})

const group = 'ab'.repeat(8)
const ann = { lane: 1, accountId: 1 }
const named = new Map<string, string>()
const id = (name: string): string => {
  const known = named.get(name) ?? nextCommandId()
  named.set(name, known)
  return known
}
const quote = (name: string, bidLots: number, askLots: number, more: Partial<InstrumentQuote> = {}): Command => ({
  type: 'quote',
  commandId: id(name),
  accountId: 1,
  groupHash: group,
  groupName: 'main',
  quotes: [{ instrumentId: 1, specificationVersion: 1, bidTicks: 99, bidLots, askTicks: 101, askLots, ...more }],
})

const limits = {
  type: 'set-risk-limits',
  scope: 'account',
  accountId: 1,
  firm: '',
  instrumentId: 0,
  isApproved: false,
  terms: { ...noLimits, maxPositionLots: 2 },
} as const
const limitCommands: readonly Command[] = [
  { ...limits, commandId: id('limits') },
  { ...limits, commandId: id('loosened'), terms: noLimits },
  {
    type: 'scale-risk-limits',
    commandId: id('scale'),
    floorPpm: 200_000,
    ceilingPpm: 1_000_000,
    scales: [
      {
        instrumentId: 1,
        scalePpm: 500_000,
        volatilityPpm: 1_600_000,
        referenceVolatilityPpm: 800_000,
        depthLots: 0,
        referenceDepthLots: 0,
      },
    ],
  },
  {
    type: 'set-quote-budget',
    commandId: id('budget'),
    accountId: 2,
    lots: 20,
    largestQuoteLots: 10,
    lotLossMicros: 1_100_000,
    lotCapMicros: 1_000_000_000,
  },
]

/** A second apart, so that lane time is told in between. */
const commands: readonly Command[] = [
  ...openingCommands(marketMillis + 100_000_000),
  {
    type: 'set-market-maker-protection',
    commandId: id('protect'),
    accountId: 1,
    groupHash: group,
    name: 'futures',
    intervalMillis: 60_000,
    frozenMillis: 0,
    amountLimitLots: 3,
    deltaLimitLots: 0,
  },
  quote('q1', 5, 5),
  quote('q2', 5, 5, { bidTicks: 5_000 }),
  quote('q3', 5, 5, { instrumentId: 9 }),
  commandOf('bob sells 4 @ 99 as b1'),
  quote('q4', 5, 5),
  { type: 'reset-market-maker-protection', commandId: id('reset'), accountId: 1, groupHash: group },
  { type: 'reset-market-maker-protection', commandId: id('reset none'), accountId: 2, groupHash: group },
  quote('q5', 5, 5),
  { type: 'set-trading-state', commandId: id('halt'), instrumentId: 1, state: 'halted', untilMillis: 0 },
  { type: 'set-trading-state', commandId: id('halt again'), instrumentId: 1, state: 'halted', untilMillis: 0 },
  { type: 'set-trading-state', commandId: id('open'), instrumentId: 1, state: 'continuous', untilMillis: 0 },
  { type: 'set-mark-price', commandId: id('mark'), instrumentId: 1, markTicks: 100 },
  {
    type: 'set-market-controls',
    commandId: id('controls'),
    instrumentId: 1,
    bandPpm: 500_000,
    velocityPpm: 0,
    velocityMillis: 0,
    haltMillis: 0,
    auctionMillis: 0,
  },
  { type: 'set-dead-man', commandId: id('dead man'), accountId: 1, timeoutMillis: 1_500 },
  { type: 'set-mark-price', commandId: id('bad mark'), instrumentId: 1, markTicks: 0 },
  { type: 'set-mark-price', commandId: id('mark 2'), instrumentId: 1, markTicks: 101 },
  { type: 'set-kill-switch', commandId: id('kill'), accountId: 0, scope: 'firm', isOn: true, firm: 'desk' },
  quote('q6', 5, 5),
  { type: 'set-kill-switch', commandId: id('kill none'), accountId: 0, scope: 'firm', isOn: true, firm: 'none' },
  { type: 'activate-engine-version', commandId: id('version'), version: 4 },
  ...limitCommands,
]

const told: readonly { readonly event: Event; readonly atMillis: number }[] = (() => {
  const engine = createEngine(1)
  return commands.flatMap((command, index) => {
    const atMillis = marketMillis + index * 1_000
    const advanced = { type: 'time-advanced', atMillis } as const
    return [...engine.enter(command, atMillis), advanced].map(event => ({ event, atMillis }))
  })
})()
const events = told.map(({ event }) => event)
const atMillisOf = (outSeq: number) => told[outSeq - 1]?.atMillis ?? Number.NaN

const projected: readonly TableName[] = [
  'outcomes',
  'quoteOutcomes',
  'marketMakers',
  'quotingDays',
  'killSwitches',
  'accountNumbers',
  'riskLimits',
  'lanes',
]

/** Everything that it writes, from records of such lengths; each given twice. */
const project = async (lengths: readonly number[]) => {
  await addTermsVersion(
    { lane: 1, instrumentId: 1, versions: [] },
    { fromMillis: 1, maxSpreadPpm: 20_000, minLots: 5, setBy: 'desk', setAtMillis: 0 },
  )
  const records = recordsOf(events, lengths, atMillisOf)
  const projector = projectorOf(marketMakingProjection())
  for (const record of records) await projector([record])
  await projectorOf(marketMakingProjection())(records)
  return Object.fromEntries(
    projected.map(name => [
      name,
      tables
        .items(name)
        .map(item => JSON.stringify(item, (key, value: unknown) => (key === 'record_sequence' ? undefined : value)))
        .sort(),
    ]),
  )
}

describe('what market makers and supervisors read', () => {
  test('follows from the events', async () => {
    await project([7])
    expect(await getQuoteOutcome(id('q1'))).toMatchObject({ acceptedSides: 2, rejectedSides: [] })
    expect(await getQuoteOutcome(id('q2'))).toMatchObject({
      acceptedSides: 1,
      rejectedSides: [{ instrumentId: 1, direction: 'buy', code: 'price-out-of-range' }],
    })
    expect((await getQuoteOutcome(id('q3')))?.rejectedSides).toHaveLength(2)
    expect(await getQuoteOutcome(id('q4'))).toMatchObject({
      acceptedSides: 0,
      rejectedSides: [{ code: 'protection-frozen' }, { code: 'protection-frozen' }],
    })
    expect(await getQuoteOutcome(id('q5'))).toMatchObject({ acceptedSides: 2 })
    expect(await getQuoteOutcome(id('q6'))).toMatchObject({ acceptedSides: 0, code: 'kill-switch-on' })
    expect(await getQuoteOutcome(nextCommandId())).toBeUndefined()

    expect(await getProtection(ann, group)).toMatchObject({ name: 'futures', amountLimitLots: 3, isFrozen: false })
    expect((await getProtection(ann, group))?.triggeredAtMillis).toBeGreaterThan(marketMillis)
    expect(await getProtection({ lane: 1, accountId: 2 }, group)).toBeUndefined()
    expect(await getDeadMan(ann)).toMatchObject({ timeoutMillis: 0, expiresAtMillis: 0, cancelledOrders: 2 })
    expect([await accountNamed(1, 1), await accountNamed(1, 2), await accountNamed(1, 3)]).toEqual([
      'ann',
      'bob',
      undefined,
    ])
    expect(tables.items('killSwitches')).toMatchObject([{ subject: 'firm#desk', is_on: true }])
    expect(await getLaneTime('project-market-making', 1)).toBeGreaterThan(marketMillis + 20_000)
    for (const [name, accepted] of [
      ['protect', true],
      ['reset', true],
      ['reset none', 'unknown-protection'],
      ['halt', true],
      ['halt again', 'invalid-trading-state'],
      ['open', true],
      ['mark', true],
      ['controls', true],
      ['dead man', true],
      ['bad mark', 'price-out-of-range'],
      ['kill', true],
      ['kill none', 'unknown-firm'],
      ['limits', true],
      ['loosened', 'loosening-needs-approval'],
      ['scale', true],
      ['budget', true],
    ] as const) {
      const outcome = await getOutcome(id(name))
      expect([name, outcome?.code ?? outcome?.accepted]).toEqual([name, accepted])
    }
  })

  test('tells limits in force, how they are scaled, who is beyond one, and budgets of quotes', async () => {
    await project([7])
    const subject = { scope: 'account', accountId: 1, firm: '', instrumentId: 0 } as const
    expect(await getLimits(1, subject)).toMatchObject({ ...subject, terms: limits.terms })
    expect(await getLimits(1, { ...subject, accountId: 2 })).toBeUndefined()
    expect(await getLimitScale(1, 1)).toMatchObject({ scalePpm: 500_000, floorPpm: 200_000 })
    expect(await limitScalesOf(1)).toHaveLength(1)
    expect(await getQuoteBudget(1, 2)).toMatchObject({ lots: 20, largestQuoteLots: 10 })
    const breaches = tables.items('riskLimits').flatMap(item => limitBreachOf(item) ?? [])
    expect(breaches.map(({ accountId, limit, measured, allowed }) => [accountId, limit, measured, allowed])).toEqual(
      events.flatMap(event =>
        event.type === 'limit-breached' ? [[event.accountId, event.limit, event.measured, event.allowed]] : [],
      ),
    )
    expect(breaches.length).toBeGreaterThan(0)
  })

  test('measures for how long both sides stood', async () => {
    await project([5])
    const { day } = (await latestQuotingDay(1, 1)) ?? {}
    const second = (name: string) =>
      commands.findIndex(command => 'commandId' in command && command.commandId === id(name))
    const filled = commands.findIndex(({ type }) => type === 'place-order')
    // The dead man fires between two commands, and its events come with the second of them.
    const fired = second('dead man') + 2
    const seconds = filled - second('q1') + fired - second('q5') - (second('open') - second('halt'))
    expect(day?.makers).toEqual([{ accountId: 1, compliantMillis: seconds * 1_000 }])
  })

  test('is the same however the events come', async () => {
    const whole = await project([1_000])
    for (const lengths of [[1], [3, 1, 2], [10]]) {
      tables.reset()
      expect(await project(lengths)).toEqual(whole)
    }
  })
})

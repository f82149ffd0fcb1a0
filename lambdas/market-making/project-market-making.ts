import { accountNumberPut } from '#adapters/tables/account-numbers.ts'
import { killSwitchPut } from '#adapters/tables/kill-switches.ts'
import { laneTimePut } from '#adapters/tables/lane-times.ts'
import {
  deadManFired,
  deadManSet,
  protectionReset,
  protectionSet,
  protectionTriggered,
} from '#adapters/tables/market-makers.ts'
import { getObligationTerms } from '#adapters/tables/obligation-terms.ts'
import { outcomePut } from '#adapters/tables/outcomes.ts'
import { quoteEnd, quoteRejection } from '#adapters/tables/quote-outcomes.ts'
import { latestQuotingDay, quotingDayPut } from '#adapters/tables/quoting-days.ts'
import {
  limitBreachPut,
  limitScalePut,
  limitsPut,
  lossBreachPut,
  quoteBudgetPut,
} from '#adapters/tables/risk-limits.ts'
import type { Write } from '#adapters/writes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { CommandRejected, LimitBreached } from '#domain/trading/events.ts'
import {
  newQuotingDay,
  type ObligationTerms,
  type QuotingDay,
  quotedMarketOf,
  quotingAfter,
} from '#domain/trading/quoting-obligations.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'
import { projectionName } from './projection-name.ts'

/**
 * How quotes stand in each market. A day follows from what it was before, so this projection keeps what it has written:
 * it is right as long as the next event is the one after its last, and read again else.
 */
class LaneCopy {
  readonly days = new Map<number, QuotingDay>()
  readonly terms = new Map<number, { readonly versions: readonly ObligationTerms[]; readonly readAtMillis: number }>()
  outSeq: number
  /** Somebody has gone on since the watermark was read: what is made of this copy will be refused, and it is no use. */
  isAhead = false

  constructor(outSeq: number) {
    this.outSeq = outSeq
  }

  async read(lane: number, events: readonly PlacedEvent[]): Promise<void> {
    const markets = new Map<number, number>()
    for (const { event, atMillis } of events) {
      const instrumentId = quotedMarketOf(event)
      if (instrumentId !== undefined && !markets.has(instrumentId)) markets.set(instrumentId, atMillis)
    }
    await Promise.all(
      [...markets].map(async ([instrumentId, atMillis]) => {
        await Promise.all([this.readDay(lane, instrumentId, atMillis), this.readTerms(lane, instrumentId)])
      }),
    )
  }

  private async readDay(lane: number, instrumentId: number, atMillis: number): Promise<void> {
    if (this.days.has(instrumentId)) return
    const row = await latestQuotingDay(lane, instrumentId)
    this.days.set(instrumentId, row?.day ?? newQuotingDay(atMillis))
    if ((row?.outSeq ?? 0) > this.outSeq) this.isAhead = true
  }

  /** Terms are set longer before they hold than a copy of them is old. */
  private async readTerms(lane: number, instrumentId: number): Promise<void> {
    const known = this.terms.get(instrumentId)
    if (known !== undefined && performance.now() - known.readAtMillis < mostAgeMillis) return
    const readAtMillis = performance.now()
    const { versions } = await getObligationTerms(lane, instrumentId)
    this.terms.set(instrumentId, { versions, readAtMillis })
  }

  quotingWrites({ lane, outSeq, atMillis, event }: PlacedEvent): readonly Write[] {
    this.outSeq = outSeq
    const instrumentId = quotedMarketOf(event)
    if (instrumentId === undefined) return []
    const before = this.days.get(instrumentId)
    const terms = this.terms.get(instrumentId)
    if (before === undefined || terms === undefined)
      throw new Error(`the market ${instrumentId} of lane ${lane} was not read`)
    const day = quotingAfter(before, event, atMillis, terms.versions)
    if (day === before) return []
    this.days.set(instrumentId, day)
    return [quotingDayPut({ lane, instrumentId, day, outSeq })]
  }
}

const mostAgeMillis = 2_000

/** Each with a copy of its own, as each process has one. */
export const marketMakingProjection = (): Projection => {
  const copies = new Map<number, LaneCopy>()
  return {
    name: projectionName,
    async load(lane, events) {
      const [first] = events
      if (first === undefined) return () => []
      const known = copies.get(lane)
      const copy = known?.outSeq === first.outSeq - 1 ? known : new LaneCopy(first.outSeq - 1)
      copies.delete(lane)
      await copy.read(lane, events)
      if (!copy.isAhead) copies.set(lane, copy)
      return placed => [...copy.quotingWrites(placed), ...writesOf(placed)]
    },
  }
}

export const projectMarketMaking = marketMakingProjection()

export const handler = serveProjection(projectMarketMaking)

const writesOf = (placed: PlacedEvent): readonly Write[] => {
  const { event, lane, atMillis } = placed
  switch (event.type) {
    case 'time-advanced':
      return [laneTimePut(projectionName, lane, event.atMillis)]
    case 'account-opened': {
      const { accountId, account, firm } = event
      return [accountNumberPut({ lane, accountId, account, firm })]
    }
    case 'quote-rejected':
      return [quoteRejection(event.commandId, event, atMillis)]
    case 'quoted':
      return [quoteEnd(event.commandId, { acceptedSides: event.acceptedSides }, atMillis)]
    case 'protection-set':
      return [
        protectionSet({ lane, accountId: event.accountId }, event.groupHash, event),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'protection-triggered':
      return [
        protectionTriggered({ lane, accountId: event.accountId }, event.groupHash, event.frozenUntilMillis, atMillis),
      ]
    case 'protection-reset':
      return [
        protectionReset({ lane, accountId: event.accountId }, event.groupHash),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'dead-man-set':
      return [
        deadManSet({ lane, accountId: event.accountId }, event.timeoutMillis, event.expiresAtMillis),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'dead-man-fired':
      return [deadManFired({ lane, accountId: event.accountId }, event.atMillis, event.cancelledOrders)]
    case 'risk-limits-set':
      return [limitsPut(lane, { ...event, setAtMillis: atMillis }), acceptedOutcome(placed, event.commandId)]
    case 'risk-limits-scaled': {
      const { floorPpm, ceilingPpm } = event
      return [
        ...event.scales.map(scale => limitScalePut(lane, { ...scale, floorPpm, ceilingPpm, scaledAtMillis: atMillis })),
        acceptedOutcome(placed, event.commandId),
      ]
    }
    case 'quote-budget-set':
      return [quoteBudgetPut(lane, event.accountId, event), acceptedOutcome(placed, event.commandId)]
    case 'limit-breached':
      return [
        limitBreachPut({ ...event, lane, outSeq: placed.outSeq, eventId: placed.eventId, atMillis }),
        ...(event.limit === 'daily-loss' ? [lossWrite(placed, event)] : []),
      ]
    case 'kill-switch-set': {
      const { scope, accountId, firm, isOn, cancelledOrders } = event
      return [
        killSwitchPut({ lane, scope, accountId, firm, isOn, cancelledOrders, changedAtMillis: atMillis }),
        acceptedOutcome(placed, event.commandId),
      ]
    }
    case 'trading-state-changed':
      // The others came about by themselves: no command waits for them.
      return event.cause === 'command' ? [acceptedOutcome(placed, event.commandId)] : []
    case 'market-controls-set':
    case 'mark-price-set':
    case 'engine-version-activated':
      return [acceptedOutcome(placed, event.commandId)]
    case 'trade-busted':
      return [bustOutcome(placed, event.commandId)]
    case 'command-rejected':
      return refusalWrites(placed, event)
    default:
      return []
  }
}

const lossWrite = ({ lane, atMillis }: PlacedEvent, { accountId, firm, measured }: LimitBreached): Write =>
  lossBreachPut(
    lane,
    { scope: accountId === 0 ? 'firm' : 'account', accountId, firm, instrumentId: 0 },
    { measuredMicros: measured, atMillis },
  )

const refusalWrites = (placed: PlacedEvent, { commandType, commandId, code }: CommandRejected): readonly Write[] => {
  switch (commandType) {
    case 'quote':
      return [quoteEnd(commandId, { acceptedSides: 0, code }, placed.atMillis)]
    case 'set-market-maker-protection':
    case 'reset-market-maker-protection':
    case 'set-dead-man':
    case 'set-kill-switch':
    case 'set-risk-limits':
    case 'scale-risk-limits':
    case 'set-quote-budget':
    case 'set-trading-state':
    case 'set-market-controls':
    case 'set-mark-price':
    case 'activate-engine-version':
      return [rejectedOutcome(placed, commandId, code)]
    case 'bust-trade':
      return [bustOutcome(placed, commandId, code)]
    default:
      return []
  }
}

/** The request that it ends is kept for good. */
const bustOutcome = ({ atMillis, eventId }: PlacedEvent, commandId: string, code?: RejectionCode): Write =>
  outcomePut(
    { commandId, accepted: code === undefined, ...(code === undefined ? {} : { code }), atMillis, eventId },
    'for good',
  )

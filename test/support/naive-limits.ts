import type { RejectionCode } from '#domain/outcome.ts'
import type { Direction, ScaleRiskLimits, SetRiskLimits } from '#domain/trading/commands.ts'
import type { CancelReason, Event, LimitBreached } from '#domain/trading/events.ts'
import {
  isUnlimited,
  type LimitName,
  type LimitTerms,
  limitNames,
  limitsRefusal,
  noLimits,
  scalesRefusal,
} from '#domain/trading/limit-terms.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import { isCollateral, left, type NaiveListing, type NaiveMarket, type Refusal } from './naive-market.ts'

type LimitCode = Extract<CancelReason, RejectionCode>

interface Surroundings {
  now(): number
  tell(event: Event): void
  unitsOf(instrumentId: number): { readonly delta: number; readonly vega: number }
  version(): number
}

/** An account, a firm by its name, or an instrument. */
type Subject = `account ${number}` | `firm ${string}` | `instrument ${number}`

interface Bucket {
  tokens: number
  atMillis: number
}

const dayMillis = 86_400_000

/** Limits, each measured from scratch whenever it is asked for. */
export const createNaiveLimits = (
  { accounts, listings, orders }: NaiveMarket,
  { positionOf, cashMicros }: NaiveLedger,
  { now, tell, unitsOf, version }: Surroundings,
) => {
  const limits = new Map<Subject, LimitTerms>()
  const scales = new Map<number, number>()
  const buckets = new Map<Subject, Bucket>()
  /** What was made by trading, at the day's first moment or when it was first asked for. */
  const bases = new Map<number, number>()
  const told = new Set<string>()
  let day = 0

  const traded = (): NaiveListing[] => listings.filter(listing => !isCollateral(listing))
  const firms = (): string[] => [...new Set(accounts.map(({ firm }) => firm))]
  const firmOf = (accountId: number): string => accounts[accountId - 1]?.firm ?? ''
  const members = (firm: string): number[] =>
    accounts.flatMap((account, index) => (account.firm === firm ? [index + 1] : []))
  const limit = (subject: Subject, name: LimitName): number => limits.get(subject)?.[name] ?? 0
  /** Those whose limits an order meets, and whose orders and positions count. */
  const subjectsOf = (accountId: number, instrumentId: number) => [
    { subject: `account ${accountId}` as const, who: [accountId], where: traded() },
    { subject: `firm ${firmOf(accountId)}` as const, who: members(firmOf(accountId)), where: traded() },
    {
      subject: `instrument ${instrumentId}` as const,
      who: [accountId],
      where: listings.filter(({ instrument }) => instrument.instrumentId === instrumentId),
    },
  ]
  const scaled = (value: number, instrumentId: number): number => {
    const scalePpm = scales.get(instrumentId) ?? 1_000_000
    return value === 0 ? 0 : Math.max(1, Number((BigInt(value) * BigInt(scalePpm)) / 1_000_000n))
  }
  const least = (name: LimitName, accountId: number, instrumentId: number): number =>
    subjectsOf(accountId, instrumentId)
      .map(({ subject }) => scaled(limit(subject, name), instrumentId))
      .filter(each => each !== 0)
      .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)

  const openLots = (accountId: number, listing: NaiveListing, direction: Direction): number =>
    orders
      .filter(({ place }) => place !== 'waiting')
      .filter(order => order.listing === listing && order.placed.accountId === accountId)
      .reduce((sum, order) => sum + (order.placed.direction === direction ? left(order) : 0), 0)
  const holding = (accountId: number, listing: NaiveListing) => {
    const size = positionOf(accountId, listing).sizeLots
    return { size, buys: openLots(accountId, listing, 'buy'), sells: openLots(accountId, listing, 'sell') }
  }

  // Setting them

  const set = ({ type: _, ...asked }: SetRiskLimits): Refusal => {
    const { scope, accountId, firm, instrumentId, terms } = asked
    if (scope === 'account' && accounts[accountId - 1] === undefined) return 'unknown-account'
    if (scope === 'firm' && !firms().includes(firm)) return 'unknown-firm'
    if (scope === 'instrument' && listings[instrumentId - 1] === undefined) return 'unknown-instrument'
    const refusal = limitsRefusal(scope, terms)
    if (refusal !== undefined) return refusal
    const subject: Subject =
      scope === 'account' ? `account ${accountId}` : scope === 'firm' ? `firm ${firm}` : `instrument ${instrumentId}`
    const before = limits.get(subject) ?? noLimits
    const isLooser = limitNames
      .filter(name => name !== 'concentrationFromLots')
      .some(name => before[name] !== 0 && (terms[name] === 0 || terms[name] > before[name]))
    const isWider = terms.maxConcentrationPpm !== 0 && terms.concentrationFromLots > before.concentrationFromLots
    const hadShare = before.maxConcentrationPpm !== 0
    if (!asked.isApproved && (isLooser || (hadShare && isWider))) return 'loosening-needs-approval'
    if (isUnlimited(terms)) limits.delete(subject)
    else limits.set(subject, terms)
    const full = terms.maxMessagesPerSecond * 1_000
    const tokens = buckets.get(subject)?.tokens ?? full
    if (full === 0) buckets.delete(subject)
    else buckets.set(subject, { tokens: Math.min(tokens, full), atMillis: now() })
    for (const id of accounts.keys()) follow(id + 1)
    for (const [index, { firm: name }] of accounts.entries())
      for (const [each, who] of [
        [`account ${index + 1}`, [index + 1]],
        [`firm ${name}`, members(name)],
      ] as const)
        if (
          (version() < 7 || each === subject) &&
          (!isLimited(each) || lossOf(each, who) <= limit(each, 'maxDailyLossMicros'))
        )
          told.delete(`loss ${each}`)
    tell({ type: 'risk-limits-set', ...asked })
    return undefined
  }
  const scale = ({ type: _, ...asked }: ScaleRiskLimits): Refusal => {
    const refusal = scalesRefusal(asked.floorPpm, asked.ceilingPpm, asked.scales)
    if (refusal !== undefined) return refusal
    if (asked.scales.some(({ instrumentId }) => listings[instrumentId - 1] === undefined)) return 'unknown-instrument'
    for (const { instrumentId, scalePpm } of asked.scales) scales.set(instrumentId, scalePpm)
    tell({ type: 'risk-limits-scaled', ...asked })
    return undefined
  }

  // Messages

  const isRefilled = (subject: Subject): boolean => {
    const bucket = buckets.get(subject)
    if (bucket === undefined) return true
    const rate = limit(subject, 'maxMessagesPerSecond')
    bucket.tokens = Math.min(rate * 1_000, bucket.tokens + rate * Math.min(1_000, now() - bucket.atMillis))
    bucket.atMillis = now()
    return bucket.tokens >= 1_000
  }
  const take = (subjects: readonly Subject[]): Refusal => {
    if (subjects.map(isRefilled).includes(false)) return 'message-rate-limit'
    for (const subject of subjects) {
      const bucket = buckets.get(subject)
      if (bucket !== undefined) bucket.tokens -= 1_000
    }
    return undefined
  }
  const takeMessage = (accountId: number, instrumentId: number): Refusal =>
    take(subjectsOf(accountId, instrumentId).map(({ subject }) => subject))
  const takeMessageIn = (instrumentId: number): Refusal => take([`instrument ${instrumentId}`])

  // Orders

  const isFull = (accountId: number, listing: NaiveListing): boolean =>
    subjectsOf(accountId, listing.instrument.instrumentId).some(({ subject, who, where }) => {
      const most = limit(subject, 'maxOpenOrders')
      const open = orders.filter(order => who.includes(order.placed.accountId) && where.includes(order.listing))
      return most !== 0 && open.length >= most
    })
  const sizeRefusal = (
    accountId: number,
    { instrument }: NaiveListing,
    before: readonly [ticks: number, lots: number],
    after: readonly [ticks: number, lots: number],
  ): LimitCode | undefined => {
    const { instrumentId, microsPerTickLot } = instrument
    if (after[1] > least('maxOrderLots', accountId, instrumentId) && after[1] > before[1]) return 'order-size-limit'
    const [fromTickLots, toTickLots] = [before[0] * before[1], after[0] * after[1]]
    if (toTickLots <= fromTickLots) return undefined
    const isBeyond = toTickLots * microsPerTickLot > least('maxOrderNotionalMicros', accountId, instrumentId)
    return isBeyond ? 'order-notional-limit' : undefined
  }
  /** How far beyond its mark one may trade; undefined: as far as one likes. */
  const collarTicks = (accountId: number, listing: NaiveListing, direction: Direction): number | undefined => {
    const { markTicks, instrument } = listing
    const ppm = least('collarPpm', accountId, instrument.instrumentId)
    if (markTicks === 0 || !Number.isFinite(ppm)) return undefined
    const width = Math.floor((markTicks * ppm) / 1_000_000)
    return direction === 'buy' ? markTicks + width : Math.max(1, markTicks - width)
  }
  const refusal = (
    accountId: number,
    listing: NaiveListing,
    direction: Direction,
    before: readonly [ticks: number, lots: number],
    after: readonly [ticks: number, lots: number],
  ): LimitCode | undefined => {
    const { instrumentId } = listing.instrument
    const size = sizeRefusal(accountId, listing, before, after)
    if (size !== undefined) return size
    const collar = collarTicks(accountId, listing, direction)
    const beyond = (ticks: number, bound: number): boolean => (direction === 'buy' ? ticks > bound : ticks < bound)
    if (collar !== undefined && beyond(after[0], collar) && (before[1] === 0 || beyond(after[0], before[0])))
      return 'price-outside-collar'
    const added = after[1] - before[1]
    if (added <= 0) return undefined
    const subjects = subjectsOf(accountId, instrumentId)
    const sideOf = (who: readonly number[]): number => {
      const all = who.map(id => holding(id, listing))
      const sum = (name: 'size' | 'buys' | 'sells'): number => all.reduce((total, each) => total + each[name], 0)
      return added + (direction === 'buy' ? sum('size') + sum('buys') : sum('sells') - sum('size'))
    }
    const isBeyondPosition = subjects.some(({ subject, who }) => {
      const most = scaled(limit(subject, 'maxPositionLots'), instrumentId)
      return most !== 0 && sideOf(who) > most
    })
    if (isBeyondPosition) return 'position-limit'
    const interest = accounts.reduce((sum, _, index) => sum + Math.max(0, positionOf(index + 1, listing).sizeLots), 0)
    const isConcentrated = subjects.some(({ subject, who }) => {
      const ppm = limit(subject, 'maxConcentrationPpm')
      const lots = sideOf(who)
      const most = Number((BigInt(interest) * BigInt(ppm)) / 1_000_000n)
      return ppm !== 0 && lots > 0 && lots > limit(subject, 'concentrationFromLots') && lots > most
    })
    if (isConcentrated) return 'concentration-limit'
    const [own, firm, instrument] = subjects
    for (const each of [instrument, own, firm]) {
      if (each === undefined) continue
      const code = exposureRefusal(each.subject, each.who, each.where, accountId, listing, direction, added)
      if (code !== undefined) return code
    }
    const { size: held, buys, sells } = holding(accountId, listing)
    const isReducing = (direction === 'buy' ? held + buys : sells - held) + added <= 0
    return !isReducing && isLossy(accountId) ? 'daily-loss-limit' : undefined
  }

  /** What all these would have, with so many more lots open, if every order that adds to a side filled. */
  const exposureRefusal = (
    subject: Subject,
    who: readonly number[],
    where: readonly NaiveListing[],
    accountId: number,
    listing: NaiveListing,
    direction: Direction,
    added: number,
  ): LimitCode | undefined => {
    const sums = { netDelta: [0, 0], grossDelta: [0, 0], vega: [0, 0] }
    const sign = direction === 'buy' ? 1 : -1
    const { delta, vega } = unitsOf(listing.instrument.instrumentId)
    for (const id of who)
      for (const each of where)
        for (const isAfter of [0, 1] as const) {
          const units = unitsOf(each.instrument.instrumentId)
          const { size, buys, sells } = holding(id, each)
          const more = isAfter === 1 && id === accountId && each === listing ? added : 0
          const [long, short] = direction === 'buy' ? [buys + more, sells] : [buys, sells + more]
          // Of the side to which the order adds.
          const side = (unit: number, towards: number): number =>
            size * unit * towards + Math.max(0, unit * towards) * long + Math.max(0, -unit * towards) * short
          sums.netDelta[isAfter] = (sums.netDelta[isAfter] ?? 0) + side(units.delta, Math.sign(delta * sign))
          sums.vega[isAfter] = (sums.vega[isAfter] ?? 0) + side(units.vega, Math.sign(vega * sign))
          sums.grossDelta[isAfter] =
            (sums.grossDelta[isAfter] ?? 0) + Math.max(size + long, short - size) * Math.abs(units.delta)
        }
    const isBeyond = (name: LimitName, [before = 0, after = 0]: readonly number[]): boolean =>
      limit(subject, name) !== 0 && after > limit(subject, name) && after > before
    if (isBeyond('maxNetDelta', sums.netDelta)) return 'net-delta-limit'
    if (isBeyond('maxGrossDelta', sums.grossDelta)) return 'gross-delta-limit'
    return isBeyond('maxVegaMicros', sums.vega) ? 'vega-limit' : undefined
  }

  // Losses

  /** Whatever came and went as cash left out. */
  const madeMicros = (accountId: number): number =>
    listings.reduce(
      (sum, listing) => {
        const { sizeLots, entryTickLots } = positionOf(accountId, listing)
        if (listing.markTicks === 0 || isCollateral(listing)) return sum
        return sum + (sizeLots * listing.markTicks - entryTickLots) * listing.instrument.microsPerTickLot
      },
      cashMicros(accountId) - (accounts[accountId - 1]?.depositedMicros ?? 0),
    )
  const isLimited = (subject: Subject): boolean => limit(subject, 'maxDailyLossMicros') !== 0
  const follow = (accountId: number): void => {
    if (!isLimited(`account ${accountId}`) && !isLimited(`firm ${firmOf(accountId)}`)) bases.delete(accountId)
    else if (!bases.has(accountId)) bases.set(accountId, madeMicros(accountId))
  }
  const lossMicros = (accountId: number): number => (bases.get(accountId) ?? 0) - madeMicros(accountId)
  const lossOf = (subject: Subject, who: readonly number[]): number =>
    isLimited(subject) ? who.reduce((sum, id) => sum + lossMicros(id), 0) : 0
  const isLossy = (accountId: number): boolean =>
    subjectsOf(accountId, 0).some(
      ({ subject, who }) =>
        isLimited(subject) &&
        (told.has(`loss ${subject}`) || lossOf(subject, who) > limit(subject, 'maxDailyLossMicros')),
    )
  /** Lane time has moved. */
  const advance = (): void => {
    const today = Math.floor(now() / dayMillis)
    if (today === day) return
    day = today
    for (const accountId of bases.keys()) bases.set(accountId, madeMicros(accountId))
    for (const key of told) if (key.startsWith('loss')) told.delete(key)
  }

  // Breaches

  const settle = (): void => {
    const ids = accounts.map((_, index) => index + 1)
    for (const accountId of ids)
      for (const listing of traded()) {
        const { instrumentId } = listing.instrument
        const most = [`account ${accountId}`, `instrument ${instrumentId}`] as const
        const allowed = most
          .map(subject => scaled(limit(subject, 'maxPositionLots'), instrumentId))
          .filter(each => each > 0)
        const measured = Math.abs(positionOf(accountId, listing).sizeLots)
        note(`position ${accountId} ${instrumentId}`, measured, Math.min(...allowed), {
          limit: 'position',
          accountId,
          instrumentId,
          firm: '',
        })
      }
    for (const firm of firms())
      for (const listing of traded()) {
        const { instrumentId } = listing.instrument
        const allowed = scaled(limit(`firm ${firm}`, 'maxPositionLots'), instrumentId)
        const net = members(firm).reduce((sum, id) => sum + positionOf(id, listing).sizeLots, 0)
        const most = allowed === 0 ? Number.POSITIVE_INFINITY : allowed
        note(`position ${firm} ${instrumentId}`, Math.abs(net), most, {
          limit: 'position',
          accountId: 0,
          instrumentId,
          firm,
        })
      }
    for (const accountId of ids)
      noteLoss(`account ${accountId}`, [accountId], { limit: 'daily-loss', accountId, instrumentId: 0, firm: '' })
    for (const firm of firms())
      noteLoss(`firm ${firm}`, members(firm), { limit: 'daily-loss', accountId: 0, instrumentId: 0, firm })
  }
  type Named = Omit<LimitBreached, 'type' | 'measured' | 'allowed'>
  const note = (key: string, measured: number, allowed: number, named: Named): void => {
    if (measured <= allowed) told.delete(key)
    else if (!told.has(key)) {
      told.add(key)
      tell({ type: 'limit-breached', ...named, measured, allowed })
    }
  }
  /** Until the day is over. */
  const noteLoss = (subject: Subject, who: readonly number[], named: Named): void => {
    const [key, measured, allowed] = [`loss ${subject}`, lossOf(subject, who), limit(subject, 'maxDailyLossMicros')]
    if (allowed !== 0 && measured > allowed && !told.has(key)) note(key, measured, allowed, named)
  }

  return { set, scale, follow, advance, takeMessage, takeMessageIn, isFull, sizeRefusal, collarTicks, refusal, settle }
}

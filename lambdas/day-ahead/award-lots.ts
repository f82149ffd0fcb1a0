import * as z from 'zod'
import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import { type InstrumentRow, listInstruments } from '#adapters/tables/instruments.ts'
import { getOutcomes } from '#adapters/tables/outcomes.ts'
import type { LotAward } from '#domain/auction/auction-day.ts'
import { gateNameOf } from '#domain/auction/day-ahead-market.ts'
import { accept } from '#domain/outcome.ts'
import type { AwardLots } from '#domain/trading/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, serveTask } from '../shell/task.ts'
import { AuctionError, advanceAuction, auctionOf, pollingStep, progress } from './auction-step.ts'
import { type AwardedHour, awardedHours, awardsOf, hourKey, isFutureOf } from './awarded-hours.ts'
import { answersOf } from './engine-answers.ts'

const input = z.object({ ...pollingStep.shape, booked: z.int().min(0).default(0) })

const mostAwardsOfRun = 10_000

/** Has the engine book the awards, so many at a time, each under the same id however often it is asked. */
export const handler = serveTask(input, async ({ polls, booked, ...step }) => {
  const row = await auctionOf(step)
  if (row.state !== 'listed') return accept({ ...progress(step, polls, true), booked: 0 })
  const awards = await awardsOf(row)
  const hours = awardedHours(row, awards)
  const instruments = new Map(
    (await listInstruments(row.lane)).map(each => [each.instrument.specification.instrumentName, each]),
  )
  const part = awards.slice(booked, booked + mostAwardsOfRun)
  const bookable = part.filter(award => isBookable(hours.get(hourKey(award)), instruments))
  const commands = await currentCommands(
    row,
    bookable.map(award => ({ award, instrumentId: instrumentIdOf(hours.get(hourKey(award)), instruments) })),
  )
  const answers = await answersOf(row.lane, commands)
  if (answers === undefined) return accept({ ...progress(step, polls, false), booked })
  for (const { commandId } of commands) {
    const answer = answers.get(commandId)
    if (answer?.accepted !== true) throw new AuctionError('AwardRefused', `${commandId}: ${answer?.code}`)
  }
  const next = booked + part.length
  if (next < awards.length) return accept({ ...progress(step, 0, false), polls: 0, booked: next })
  const late = awards.filter(award => !isBookable(hours.get(hourKey(award)), instruments))
  const voidInstruments = late.length === 0 ? [] : await voidOf(row, late, hours)
  if (voidInstruments.length > 0)
    logger.error('awards are void: their hours expired before', { instruments: voidInstruments })
  await advanceAuction(row, { state: 'awarded', ...(voidInstruments.length > 0 && { voidInstruments }) })
  return accept({ ...progress(step, polls, true), booked: 0 })
})

type Instruments = ReadonlyMap<string, InstrumentRow>

const listedFor = (hour: AwardedHour | undefined, instruments: Instruments): InstrumentRow | undefined => {
  const listed = instruments.get(hour?.specification.instrumentName ?? '')
  return listed !== undefined && hour !== undefined && isFutureOf(hour.specification, listed.instrument.specification)
    ? listed
    : undefined
}

/** What was listed and has not expired: the rest cannot be held any more. */
const isBookable = (hour: AwardedHour | undefined, instruments: Instruments): boolean => {
  const listed = listedFor(hour, instruments)
  if (listed === undefined || !listed.isActive) {
    if ((hour?.specification.expirationMillis ?? 0) > Date.now())
      throw new AuctionError('AwardRefused', `${hour?.specification.instrumentName} does not trade`)
    return false
  }
  return true
}

/** Of hours that are over those in which nothing was booked: what an earlier attempt has booked stands. */
const voidOf = async (
  row: AuctionRow,
  late: readonly LotAward[],
  hours: ReadonlyMap<string, AwardedHour>,
): Promise<readonly string[]> => {
  const rounds = Array.from({ length: row.attempt }, (_, round) => round + 1)
  const asked = late.flatMap(award =>
    rounds.map(round => ({ hour: hourKey(award), ...commandOf(row, { award, instrumentId: 0 }, round) })),
  )
  const outcomes = await getOutcomes(asked.map(({ commandId }) => commandId))
  const booked = new Set(asked.flatMap(each => (outcomes.get(each.commandId)?.accepted ? each.hour : [])))
  return [...new Set(late.map(hourKey))].flatMap(hour =>
    booked.has(hour) ? [] : (hours.get(hour)?.specification.instrumentName ?? []),
  )
}

const instrumentIdOf = (hour: AwardedHour | undefined, instruments: Instruments): number =>
  listedFor(hour, instruments)?.instrument.instrumentId ?? 0

interface Bookable {
  readonly award: LotAward
  readonly instrumentId: number
}

/**
 * Each award's command. The engine remembers what it refused, so that another attempt asks under another id; one that it
 * has not answered, or has taken, is the same for good.
 */
const currentCommands = async (row: AuctionRow, bookable: readonly Bookable[]): Promise<readonly AwardLots[]> => {
  let open = bookable
  const settled: AwardLots[] = []
  for (let round = 1; ; round += 1) {
    const asked = open.map(each => ({ each, command: commandOf(row, each, round) }))
    if (round === row.attempt) return [...settled, ...asked.map(({ command }) => command)]
    const outcomes = await getOutcomes(asked.map(({ command }) => command.commandId))
    const isRefused = ({ command }: { readonly command: AwardLots }): boolean =>
      outcomes.get(command.commandId)?.accepted === false
    settled.push(...asked.filter(one => !isRefused(one)).map(({ command }) => command))
    open = asked.filter(isRefused).map(({ each }) => each)
  }
}

const commandOf = ({ lane, deliveryDate }: AuctionRow, { award, instrumentId }: Bookable, round: number): AwardLots => {
  const { market, hour, priceTicks, lots, buyAccountId, sellAccountId } = award
  const name = ['day-ahead-award', lane, deliveryDate, market, hour, buyAccountId, sellAccountId, round].join('#')
  return {
    type: 'award-lots',
    commandId: nameBasedUuid(name),
    gateName: gateNameOf(deliveryDate),
    instrumentId,
    priceTicks,
    lots,
    buyAccountId,
    sellAccountId,
  }
}

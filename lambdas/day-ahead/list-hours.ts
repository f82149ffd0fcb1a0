import { readInstrument } from '#adapters/tables/instruments.ts'
import { accept } from '#domain/outcome.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import type { ListInstrument } from '#domain/trading/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, serveTask } from '../shell/task.ts'
import { AuctionError, advanceAuction, auctionOf, pollingStep, progress } from './auction-step.ts'
import { awardedHours, awardsOf, isFutureOf } from './awarded-hours.ts'
import { answersOf } from './engine-answers.ts'

/** Lists the future of each hour in which something is awarded; one that is there already, and is the same, will do. */
export const handler = serveTask(pollingStep, async ({ polls, ...step }) => {
  const row = await auctionOf(step)
  if (row.state !== 'cleared') return accept(progress(step, polls, true))
  const hours = [...awardedHours(row, await awardsOf(row)).values()]
  const commands = hours.map(
    ({ specification }): ListInstrument => ({
      type: 'list-instrument',
      commandId: nameBasedUuid(['day-ahead-list', row.lane, specification.instrumentName].join('#')),
      specification,
    }),
  )
  const answers = await answersOf(row.lane, commands)
  if (answers === undefined) return accept(progress(step, polls, false))
  for (const { commandId, specification } of commands) {
    const { accepted, code = 'rejected' } = answers.get(commandId) ?? { accepted: false }
    const why = accepted || code === 'instrument-exists' ? await whyNotListed(row.lane, specification) : code
    if (why === undefined) continue
    const { instrumentName } = specification
    if (specification.expirationMillis > Date.now())
      throw new AuctionError('ListingRefused', `${instrumentName}: ${why}`)
    // Its awards are void: see award-lots.
    logger.error('an hour expired before it could be listed', { instrument_name: instrumentName, why })
  }
  await advanceAuction(row, { state: 'listed' })
  return accept(progress(step, polls, true))
})

/** Awards are made in it by number: so it is there, and it is what was cleared. */
const whyNotListed = async (lane: number, wanted: ContractSpecification): Promise<string | undefined> => {
  const listed = (await readInstrument(lane, wanted.instrumentName))?.instrument.specification
  if (listed === undefined) throw new Error(`${wanted.instrumentName} is not in its table yet`)
  return isFutureOf(wanted, listed) ? undefined : 'is listed with other terms'
}

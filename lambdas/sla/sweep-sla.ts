import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { allSlaContracts, type SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { type ClosingRow, getClosing, replaceClosing } from '#adapters/tables/sla-months.ts'
import { minuteOf, watermarkMillis, windowMillis } from '#domain/sla/readings.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { beginDueEnforcements } from './due-enforcements.ts'
import { recordWindows, windowsOfPart } from './window-records.ts'

const sideBySide = 8
/** The function may take 50 seconds: what is left then is for the next minute. */
const budgetMillis = 30_000
/** Of one contract at a time, so that none keeps the others waiting however far it is behind. */
const partsOfTurn = 8
/** So long after its end a contract may still be corrected, and assessed again; then it is left alone. */
const lookedAtMillis = 63 * 86_400_000

interface Turn {
  readonly contract: SlaContractRow
  /** Windows that are over and not closed yet. */
  behind: number
}

/** Each minute: closes the windows that the watermark has passed, of every contract; has months assessed that are over. */
export const handler = serveSchedule(async () => {
  const startedMillis = performance.now()
  const isTimeLeft = () => performance.now() - startedMillis < budgetMillis
  const nowMillis = Date.now()
  const failures: unknown[] = []
  let closed = 0
  const turns = (await allSlaContracts('all'))
    .filter(({ periodStartMillis }) => periodStartMillis < nowMillis)
    .filter(({ periodEndMillis }) => nowMillis < periodEndMillis + lookedAtMillis)
    .map((contract): Turn => ({ contract, behind: 0 }))
  let further: readonly Turn[] = turns
  do {
    const gone: Turn[] = []
    await inTurns(further, async turn => {
      try {
        closed += await closeWindows(turn, nowMillis, isTimeLeft)
      } catch (error) {
        failures.push(error)
        gone.push(turn)
      }
    })
    further = further.filter(turn => turn.behind > 0 && !gone.includes(turn))
  } while (further.length > 0 && isTimeLeft())
  await inTurns(turns, async ({ contract }) => {
    try {
      await beginDueEnforcements(contract, nowMillis)
    } catch (error) {
      failures.push(error)
    }
  })
  metrics.addMetric('SlaWindowsClosed', MetricUnit.Count, closed)
  metrics.addMetric(
    'SlaWindowsBehind',
    MetricUnit.Count,
    turns.reduce((sum, { behind }) => sum + behind, 0),
  )
  metrics.addMetric('SlaContractsNotSwept', MetricUnit.Count, failures.length)
  for (const failure of failures)
    logger.error('a contract could not be swept', failure instanceof Error ? failure : new Error(String(failure)))
  // The rest is done; the call is tried again, and whoever is on duty hears of it.
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} contracts could not be swept`)
})

/**
 * A turn of a contract. What is about to be closed is announced in its row first: a reading that is stored after the windows
 * were made of what was there finds them announced, and corrects them.
 */
const closeWindows = async (turn: Turn, nowMillis: number, isTimeLeft: () => boolean): Promise<number> => {
  const { contract } = turn
  const { contractId, periodStartMillis, periodEndMillis } = contract
  const until = Math.min(periodEndMillis, minuteOf(nowMillis - watermarkMillis))
  let read = await getClosing(contractId)
  let closed = 0
  for (let part = 0; part < partsOfTurn && isTimeLeft(); part++) {
    const fromMillis = read?.closedMillis ?? periodStartMillis
    if (fromMillis >= until) break
    const toMillis = Math.min(until, fromMillis + windowsOfPart * windowMillis)
    if ((read?.closingMillis ?? 0) < toMillis) {
      const announced: ClosingRow = { contractId, closingMillis: toMillis, closedMillis: fromMillis }
      // Somebody else is at it.
      if (!(await replaceClosing(announced, read))) return closed
      read = announced
    }
    await recordWindows(contract, { fromMillis, toMillis })
    const done: ClosingRow = {
      contractId,
      closedMillis: toMillis,
      // The next part with it.
      closingMillis: Math.min(until, toMillis + windowsOfPart * windowMillis),
    }
    if (!(await replaceClosing(done, read))) return closed
    read = done
    closed += (toMillis - fromMillis) / windowMillis
  }
  turn.behind = Math.max(0, until - (read?.closedMillis ?? periodStartMillis)) / windowMillis
  return closed
}

const inTurns = async <Each>(all: readonly Each[], run: (each: Each) => Promise<void>): Promise<void> => {
  const rest = [...all]
  const work = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await run(next)
  }
  await Promise.all(Array.from({ length: sideBySide }, work))
}

import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { oracle } from '#adapters/clients/oracle.ts'
import {
  type FixingRow,
  getDecided,
  lastFixing,
  listFixings,
  moveDecided,
  putFixings,
} from '#adapters/tables/fixings.ts'
import { type IndexQuoteRow, listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import { allParameters, type ParameterRow } from '#adapters/tables/parameters.ts'
import { mostItemsOfTransaction } from '#adapters/writes.ts'
import {
  type DueFixing,
  decideFixing,
  dueFixings,
  type Fixing,
  type IndexQuote,
  type IndexVersion,
  quotesAsOf,
  versionAt,
} from '#domain/reference/index-method.ts'
import { indexVersionOf } from '../shell/index-level.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { faultOf, takeQuotes } from './quote-intake.ts'

/** The function may take 50 seconds: what is left then is for the next minute. */
const budgetMillis = 30_000
/** However slow the oracle service is: fixings do not wait longer for it. */
const oracleBudgetMillis = 12_000
/** Of one index at a time, so that none keeps the others waiting however far it is behind. */
const fixingsOfTurn = 800
const mostAtOnce = 8

interface IndexToFix {
  readonly index: string
  readonly versions: readonly IndexVersion[]
  /** Nobody could quote it before it was defined. */
  readonly definedAtMillis: number
}

interface Counts {
  fixed: number
  fallback: number
  missed: number
  waiting: number
}

/** Each minute: what the oracle says, then every fixing that is due and not decided, of every index. */
export const handler = serveSchedule(async () => {
  const startedMillis = performance.now()
  const nowMillis = Date.now()
  const indices = indicesOf(await allParameters('index'))
  await inTurns(indices, async index => {
    if (performance.now() - startedMillis < oracleBudgetMillis) await askOracle(index)
    else metrics.addMetric('OracleFailures', MetricUnit.Count, 1)
  })

  const failures: unknown[] = []
  const counts: Counts = { fixed: 0, fallback: 0, missed: 0, waiting: 0 }
  let behind: readonly IndexToFix[] = indices
  while (behind.length > 0) {
    const further: IndexToFix[] = []
    await inTurns(behind, async index => {
      try {
        if (await fix(index, nowMillis, counts)) further.push(index)
      } catch (error) {
        logger.error('the fixings of an index failed', { index: index.index, error: errorOf(error) })
        failures.push(error)
      }
    })
    behind = performance.now() - startedMillis < budgetMillis ? further : []
    if (behind.length === 0 && further.length > 0)
      logger.warn('fixings are left for the next minute', { indices: further.map(({ index }) => index) })
  }
  metrics.addMetric('FixingsTaken', MetricUnit.Count, counts.fixed)
  metrics.addMetric('FixingsFallback', MetricUnit.Count, counts.fallback)
  metrics.addMetric('FixingsMissed', MetricUnit.Count, counts.missed)
  metrics.addMetric('FixingsWaiting', MetricUnit.Count, counts.waiting)
  if (failures.length > 0) throw new AggregateError(failures, `the fixings of ${failures.length} indices failed`)
})

const indicesOf = (rows: readonly ParameterRow[]): readonly IndexToFix[] =>
  [...Map.groupBy(rows, ({ name }) => name)].map(([index, versions]) => ({
    index,
    versions: versions.map(indexVersionOf),
    definedAtMillis: Math.min(...versions.map(({ setAtMillis }) => setAtMillis)),
  }))

const inTurns = async <Each>(all: readonly Each[], run: (each: Each) => Promise<void>): Promise<void> => {
  const rest = [...all]
  const work = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await run(next)
  }
  await Promise.all(Array.from({ length: mostAtOnce }, work))
}

/** Whatever becomes of it, fixings go on: with what the sources have told themselves, or as declared. */
const askOracle = async ({ index, versions }: IndexToFix): Promise<void> => {
  const service = oracle()
  const method = versionAt(versions, Date.now())
  if (service === undefined || method === undefined) return
  try {
    const told = (await service.quotesOf(index)).map(
      ({ timestamp, ...quote }): IndexQuote => ({ ...quote, quotedAtMillis: Date.parse(timestamp) }),
    )
    let refused: readonly object[] = []
    const taken = await takeQuotes<never>(index, (before, nowMillis) => {
      const quotes: IndexQuote[] = []
      const faults: object[] = []
      for (const quote of told) {
        const last = before.get(quote.source)
        // The service tells what it knows: that a source has said nothing new is no fault of it.
        const isOld = last !== undefined && quote.quotedAtMillis <= last.quotedAtMillis
        if (isOld || quotes.some(({ source }) => source === quote.source)) continue
        const fault = faultOf(quote, method, last, nowMillis)
        if (fault === undefined) quotes.push(quote)
        else faults.push({ source: quote.source, code: fault.code, detail: `${fault.field} ${fault.detail}` })
      }
      refused = faults
      return { quotes }
    })
    if (taken === undefined) throw new Error('the quotes were overtaken by others each time')
    metrics.addMetric('OracleQuotesRefused', MetricUnit.Count, refused.length)
    if (refused.length > 0) logger.warn('quotes of the oracle service were refused', { index, refused })
  } catch (error) {
    logger.error('the oracle service was of no use', { index, error: errorOf(error) })
    metrics.addMetric('OracleFailures', MetricUnit.Count, 1)
  }
}

const errorOf = (error: unknown): Error =>
  error instanceof Error ? error : new Error('something that is no error was thrown', { cause: error })

/** The next fixings of an index, in the order of time; whether there may be more to decide. */
const fix = async (
  { index, versions, definedAtMillis }: IndexToFix,
  nowMillis: number,
  counts: Counts,
): Promise<boolean> => {
  const decided = await getDecided(index)
  const after = decided ?? definedAtMillis - 1
  const due = dueFixings(versions, after, nowMillis, fixingsOfTurn)
  const [first, last] = [due[0], due.at(-1)]
  if (first === undefined || last === undefined) return false
  const [quotes, stored, previous] = await Promise.all([
    listIndexQuotes(index),
    listFixings(index, first.fixingMillis, last.fixingMillis),
    lastFixing(index, first.fixingMillis - 1),
  ])
  const { rows, missed, waiting } = decide(due, quotes, stored, previous, nowMillis)
  // In order: whoever sees a fixing sees those before it. The rest is for the next minute where others are at it, too.
  for (let at = 0; at < rows.length; at += mostItemsOfTransaction)
    if (!(await putFixings(rows.slice(at, at + mostItemsOfTransaction)))) return false
  const until = (waiting[0] ?? Number.POSITIVE_INFINITY) - 1
  const isMoved = until < first.fixingMillis || (await moveDecided(index, decided, Math.min(until, last.fixingMillis)))
  if (!isMoved) return false

  counts.fixed += rows.length
  counts.fallback += rows.filter(({ isFallback }) => isFallback).length
  counts.waiting += waiting.length
  // Beyond one that waits they come up again: counted once, when they are passed over for good.
  const passed = missed.filter(millis => millis <= until)
  counts.missed += passed.length
  const [from, to] = [passed[0], passed.at(-1)]
  if (from !== undefined && to !== undefined)
    logger.error('fixings are missed: too few sources, and nothing that may stand in', {
      index,
      missed: passed.length,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
    })
  return due.length === fixingsOfTurn && waiting.length === 0
}

/** Those that are stored already are as they are: the first one counts. */
const decide = (
  due: readonly DueFixing[],
  quotes: readonly IndexQuoteRow[],
  stored: readonly FixingRow[],
  before: Fixing | undefined,
  nowMillis: number,
): { readonly rows: readonly FixingRow[]; readonly missed: readonly number[]; readonly waiting: readonly number[] } => {
  const known = new Map(stored.map(row => [row.fixingMillis, row]))
  const rows: FixingRow[] = []
  const missed: number[] = []
  const waiting: number[] = []
  let previous = before
  for (const { fixingMillis, method } of due) {
    const row = known.get(fixingMillis)
    if (row !== undefined) {
      previous = row
      continue
    }
    const decision = decideFixing(method, quotesAsOf(quotes, fixingMillis), fixingMillis, nowMillis, previous)
    if (decision.kind === 'fixed') {
      rows.push(decision.fixing)
      previous = decision.fixing
    } else if (decision.kind === 'waiting') waiting.push(fixingMillis)
    else missed.push(fixingMillis)
  }
  return { rows, missed, waiting }
}

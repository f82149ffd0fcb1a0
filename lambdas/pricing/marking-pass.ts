import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { putCommands } from '#adapters/streams/orders.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { type MarkRow, putMark } from '#adapters/tables/marks.ts'
import { putSlice } from '#adapters/tables/surfaces.ts'
import { type MarkedExpiration, markContracts } from '#domain/pricing/mark-pass.ts'
import type { Mark } from '#domain/pricing/marking.ts'
import { type Command, type InstrumentMark, maxMarks } from '#domain/trading/commands.ts'
import { firstEngineVersion, versionOfContracts } from '#domain/trading/engine-version.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import type { logger as shellLogger, metrics as shellMetrics } from '../shell/task.ts'
import { decimalTextOf } from './decimal-text.ts'
import { mapped } from './index-facts.ts'
import { type GatheredContract, gather } from './market-facts.ts'

const mostCommandsOfFrame = 500

export interface PassName {
  /** Names the commands: a repeat of the pass asks under the same ids, which the engine takes once. */
  readonly name: string
  readonly nowMillis: number
}

type Shell = { readonly logger: typeof shellLogger; readonly metrics: typeof shellMetrics }

/**
 * Marks instruments that follow from nothing outside of them: reads what is projected, stores marks and slices, and puts
 * one command of all marks that differ from the engine's own into each lane. Only marks of what trades are made.
 */
export const markPass = async (
  rows: readonly InstrumentRow[],
  { name, nowMillis }: PassName,
  { logger, metrics }: Shell,
): Promise<void> => {
  const live = rows.filter(
    ({ isActive, instrument }) => isActive && instrument.specification.expirationMillis > nowMillis,
  )
  const gathered = await gather(live, nowMillis)
  const startedMillis = performance.now()
  const { marks, surface, unmarked } = markContracts(gathered)
  metrics.addMetric('MarkingMillis', MetricUnit.Milliseconds, performance.now() - startedMillis)
  const byContract = new Map(gathered.contracts.map(contract => [contract.instrument, contract]))
  const marked = marks.flatMap(({ contract, mark, indexPrice }) => {
    const own = byContract.get(contract.instrument)
    return own === undefined ? [] : [{ own, mark, indexPrice }]
  })
  await Promise.all([
    mapped(marked, ({ own, mark, indexPrice }) => putMark(rowOf(own, mark, indexPrice, nowMillis))),
    mapped(surface, each => putSlice(surfaceRowOf(each, nowMillis))),
  ])
  for (const lane of new Set(live.map(row => row.lane))) {
    const changed = marked
      .filter(({ own, mark }) => own.row.lane === lane && own.bookRow?.market.markTicks !== mark.markTicks)
      .map(({ own, mark }) => ({ instrumentId: own.instrument.instrumentId, markTicks: mark.markTicks }))
    for (const frame of await framesOf(lane, name, changed)) await putCommands(lane, frame)
  }
  metrics.addMetric('MarkPasses', MetricUnit.Count, 1)
  metrics.addMetric('InstrumentsMarked', MetricUnit.Count, marks.length)
  metrics.addMetric('InstrumentsUnmarked', MetricUnit.Count, unmarked.length)
  if (unmarked.length > 0)
    logger.info('nothing is known of what these are worth', { instruments: unmarked.slice(0, 100) })
  const flagged = surface.filter(({ flags }) => flags.some(flag => flag.endsWith('-arbitrage')))
  if (flagged.length > 0)
    logger.warn('quotes of options allow arbitrage', {
      expirations: flagged.map(({ underlying, expirationMillis, flags }) => ({ underlying, expirationMillis, flags })),
    })
}

/** A lane whose engine does not know lists of marks yet is told them one by one. */
const framesOf = async (
  lane: number,
  name: string,
  marks: readonly InstrumentMark[],
): Promise<readonly (readonly Command[])[]> => {
  if (marks.length === 0) return []
  const version = (await getActivatedVersion(lane))?.version ?? firstEngineVersion
  const idOf = (part: number): string => nameBasedUuid(['marks', lane, name, part].join('#'))
  if (version >= versionOfContracts)
    return chunks(marks, maxMarks).map((chunk, part) => [
      { type: 'set-mark-prices', commandId: idOf(part), marks: chunk },
    ])
  const commands = marks.map(
    ({ instrumentId, markTicks }): Command => ({
      type: 'set-mark-price',
      commandId: idOf(instrumentId),
      instrumentId,
      markTicks,
    }),
  )
  return chunks(commands, mostCommandsOfFrame)
}

const chunks = <Each>(all: readonly Each[], size: number): readonly (readonly Each[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, part) => all.slice(part * size, (part + 1) * size))

const pointOfVolatility = 100
const daysOfYear = 365

const rowOf = (
  { row, instrument, quotes }: GatheredContract,
  mark: Mark,
  indexPrice: number | undefined,
  atMillis: number,
): MarkRow => ({
  lane: row.lane,
  instrumentId: instrument.instrumentId,
  instrumentName: instrument.specification.instrumentName,
  markTicks: mark.markTicks,
  fair: decimalTextOf(mark.fair, 12),
  method: mark.method,
  ...(mark.volatility === undefined ? {} : { markIv: decimalTextOf(mark.volatility * pointOfVolatility, 4) }),
  ...(mark.greeks === undefined
    ? {}
    : {
        greeks: {
          delta: decimalTextOf(mark.greeks.delta, 8),
          gamma: decimalTextOf(mark.greeks.gamma, 8),
          vega: decimalTextOf(mark.greeks.vega / pointOfVolatility, 8),
          theta: decimalTextOf(mark.greeks.theta / daysOfYear, 8),
          rho: decimalTextOf(mark.greeks.rho / 100, 8),
        },
      }),
  ...(indexPrice === undefined ? {} : { indexPrice: decimalTextOf(indexPrice, 8) }),
  ...(mark.standardError === undefined ? {} : { standardError: decimalTextOf(mark.standardError, 8) }),
  ...(mark.basis === undefined ? {} : { basis: mark.basis }),
  ...quotes,
  atMillis,
  flags: mark.flags,
})

const surfaceRowOf = (expiration: MarkedExpiration, atMillis: number) => {
  const { slice, underlyingInstrument, fittedAtMillis, ...rest } = expiration
  return {
    ...rest,
    ...slice,
    ...(underlyingInstrument === undefined ? {} : { underlyingInstrument }),
    ...(fittedAtMillis === undefined ? {} : { fittedAtMillis }),
    atMillis,
  }
}

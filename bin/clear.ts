/**
 * `npm run clear -- <fixture> [--json] [--svg <file> [--hour <h>]]`: clears a day of a zonal day-ahead market from a file,
 * blocks blind and volumes with neighbours fixed; prints prices, block decisions, the certificate and how far all is from
 * what was published, which the clearing never sees. `--svg` draws the supply and demand curves of an hour. Exit code 0
 * where the clearing holds what its certificate says, 1 where it does not or nothing clears, 2 where it cannot run.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loadSolver } from '#adapters/highs.ts'
import { clearingFaults } from '#domain/auction/certificate-check.ts'
import { clearAuction } from '#domain/auction/clear-auction.ts'
import type { Clearing } from '#domain/auction/clearing.ts'
import { type Compared, compared } from './clear/compared.ts'
import { curvesSvg } from './clear/curves-svg.ts'
import { BadFixture, type Fixture, lotsPerQuantity, readFixture, ticksPerMoney } from './clear/fixture.ts'
import { createProgress } from './replay/progress.ts'

const usage = 'usage: npm run clear -- <fixture.json or .json.gz> [--json] [--svg <file> [--hour <1 to 25>]]'

class WrongArgument extends Error {}

const readArguments = () => {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, svg: { type: 'string' }, hour: { type: 'string' } },
    allowPositionals: true,
  })
  const [file, ...others] = positionals
  if (file === undefined || others.length > 0) throw new WrongArgument('one fixture is cleared at a time')
  if (values.hour !== undefined && values.svg === undefined) throw new WrongArgument('--hour goes with --svg')
  const hour = Number(values.hour ?? 12)
  if (!Number.isInteger(hour) || hour < 1 || values.hour === '')
    throw new WrongArgument(`--hour takes a whole number from 1 on, not ${values.hour}`)
  return { file, json: values.json, svg: values.svg, hour }
}

/** What comes out of a file is data: no control character of it reaches a terminal. */
const printable = (text: string): string => text.replace(/\p{C}/gu, character => JSON.stringify(character).slice(1, -1))

const money = (ticks: number | null): string => (ticks === null ? '–' : (ticks / ticksPerMoney).toFixed(2))
const inMoney = (value: number): number => value / ticksPerMoney / lotsPerQuantity

const pricesTable = ({ auction }: Fixture, { markets }: Clearing): readonly string[] => {
  const at = new Map(markets.map(({ area, period, priceTicks }) => [`${period} ${area}`, priceTicks]))
  return [
    `hour ${auction.areas.map(area => printable(area).padStart(9)).join('')}`,
    ...Array.from(
      { length: auction.periods },
      (_, period) =>
        `${String(period + 1).padStart(4)} ${auction.areas.map(area => money(at.get(`${period} ${area}`) ?? null).padStart(9)).join('')}`,
    ),
  ]
}

const blocksTable = ({ expected }: Fixture, { blocks }: Clearing): readonly string[] =>
  blocks.map(({ blockId, decision, surplus, takenParts }) => {
    const isAccepted = expected.isAccepted.get(blockId)
    const differs = isAccepted !== undefined && isAccepted !== takenParts > 0
    return `  ${printable(blockId).padEnd(42)} ${decision.padEnd(23)} ${inMoney(surplus).toFixed(2).padStart(12)}${differs ? `  published: ${isAccepted ? 'accepted' : 'rejected'}` : ''}`
  })

const summary = ({ certificate, blocks }: Clearing, result: Compared, faults: readonly string[]): readonly string[] => {
  const rejected = blocks.filter(({ decision }) => decision === 'paradoxically-rejected').length
  const losing = blocks.filter(({ takenParts, surplus }) => takenParts > 0 && surplus < 0).length
  const { meanAbsoluteError, largestError } = result
  return [
    `blocks: ${result.decisionsMatched} of ${result.decisions} decided as published; ${losing} paradoxically accepted, ${rejected} paradoxically rejected`,
    ...(meanAbsoluteError === null || largestError === null
      ? ['prices: none were published']
      : [
          `prices: mean absolute error ${meanAbsoluteError.toFixed(3)} over ${result.pricesCompared}, largest ${largestError.error.toFixed(2)} (${printable(largestError.area)}, hour ${largestError.hour}); ${result.pricesMissing} missing`,
        ]),
    `welfare: ${inMoney(certificate.welfare).toFixed(2)}, ${inMoney(certificate.welfare - certificate.stepsWelfare).toFixed(2)} of it through blocks; at most ${inMoney(certificate.bound).toFixed(2)} is possible: gap ${certificate.gapPartsPerMillion.toFixed(3)} ppm`,
    `proved without a solver: gap ${certificate.witnessGapPartsPerMillion.toFixed(3)} ppm${certificate.isLimitHit ? '; a limit ended the search' : ''}`,
    faults.length === 0
      ? 'the certificate holds'
      : `THE CERTIFICATE DOES NOT HOLD: ${faults.slice(0, 20).map(printable).join('; ')}`,
  ]
}

const run = async (): Promise<boolean> => {
  const options = readArguments()
  const fixture = readFixture(readFileSync(options.file))
  if (options.svg !== undefined && options.hour > fixture.auction.periods)
    throw new WrongArgument(`--hour: the day has ${fixture.auction.periods} hours`)
  const progress = createProgress('clear', process.stderr)
  const solve = await loadSolver()
  const answer = clearAuction(fixture.auction, { solve, progress: part => progress.at(part) })
  progress.done()
  if (!answer.isCleared) {
    console.error(`${printable(options.file)} cannot be cleared: ${answer.code} ${printable(answer.at)}`)
    return false
  }
  const { clearing } = answer
  const faults = clearingFaults(fixture.auction, clearing)
  const result = compared(clearing, fixture.expected)
  if (options.svg !== undefined)
    writeFileSync(
      options.svg,
      curvesSvg(fixture.auction, clearing, options.hour - 1, {
        ticksPerMoney,
        lotsPerQuantity,
        title: `${fixture.day}, hour ${options.hour}: step orders`,
      }),
    )
  if (options.json)
    console.log(JSON.stringify({ day: fixture.day, ...clearing, compared: result, faults }, undefined, 2))
  else
    console.log(
      [
        printable(fixture.day),
        ...pricesTable(fixture, clearing),
        ...blocksTable(fixture, clearing),
        ...summary(clearing, result, faults),
      ].join('\n'),
    )
  return faults.length === 0
}

/** Of parseArgs, and of files that there are not. */
const isCallers = (error: unknown): error is Error =>
  error instanceof WrongArgument ||
  error instanceof BadFixture ||
  (error instanceof Error &&
    'code' in error &&
    (String(error.code).startsWith('ERR_PARSE_ARGS_') || ['ENOENT', 'EISDIR', 'EACCES'].includes(String(error.code))))

try {
  process.exitCode = (await run()) ? 0 : 1
} catch (error) {
  console.error(isCallers(error) ? `${printable(error.message)}\n${usage}` : error)
  process.exitCode = 2
}

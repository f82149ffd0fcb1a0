/**
 * In which order test files run, and who waits for whom: what takes long goes first, so that the short ones fill up the
 * end. In jest's own process.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Each of them when all journeys have ended, those before it in this list included. */
export const afterJourneys = [
  'test/journeys/chaos.test.ts',
  'test/journeys/contracts.test.ts',
  'test/journeys/delivery.test.ts',
  'test/journeys/margin.test.ts',
  'test/journeys/upheaval.test.ts',
  'test/after-journeys/permissions.test.ts',
]

/** The exchange takes a while to start: two that do not need it go before the journeys, of which the longest is first. */
const early = [/^test\/adapters\/tables\//, /\/projection\./, /\/order-to-position\./]
const long = [/\/partner-purchase\./, /^test\/(local|lib|matcher)\//]
/** Beside the last of the journeys, so that nobody waits for it idly. */
const besides = [/^test\/matcher\/matcher\./]
/** Half a minute and more each, of a worker's own: beside those that wait for one another, so that nobody waits idly. */
const beside = [
  'test/lambdas/risk/collateral-liquidation.test.ts',
  'test/domain/trading/differential.test.ts',
  'test/simulation/simulation.test.ts',
  'test/domain/auction/clear-auction.test.ts',
  'test/domain/margin/margin-book.test.ts',
]
const journeys = 'test/journeys'

let planned: readonly string[] = []
let left = new Set<string>()
let haveFailed = false

/** From the first to the last of all test files of this run. */
export const plan = (files: readonly string[]): readonly string[] => {
  planned = files
  left = new Set(files.filter(isJourney))
  const waiting = afterJourneys.flatMap((file, turn) => [file, beside[turn] ?? file])
  const others = files.filter(file => !afterJourneys.includes(file))
  const like = (patterns: readonly RegExp[]) => patterns.flatMap(pattern => others.filter(file => pattern.test(file)))
  return [
    ...new Set([
      ...like(early),
      ...others.filter(isJourney),
      ...like(besides),
      ...waiting.filter(file => files.includes(file)),
      ...like(long),
      ...others,
    ]),
  ]
}

const isJourney = (file: string): boolean => file.startsWith(`${journeys}/`)

export const needsExchange = (): boolean => planned.some(isJourney)
export const needsTemplates = (): boolean =>
  planned.some(file => /^test\/(lib\/(templates|rules|operations)\.|after-journeys\/)/.test(file))

export const hasEnded = (file: string, hasFailed: boolean): void => {
  left.delete(file)
  if (isJourney(file)) haveFailed ||= hasFailed
}

export const isTurnOf = (file: string): boolean => {
  const later = afterJourneys.slice(afterJourneys.indexOf(file))
  return [...left].every(each => later.includes(each))
}

/** Only then does it mean something what no journey did. */
export const haveAllJourneysPassed = (rootDir: string): boolean =>
  !haveFailed &&
  left.size === 0 &&
  readdirSync(join(rootDir, journeys))
    .filter(name => name.endsWith('.test.ts'))
    .every(name => planned.includes(`${journeys}/${name}`))

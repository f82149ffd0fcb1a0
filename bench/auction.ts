import { clearingFaults } from '#domain/auction/certificate-check.ts'
import { clearAuction, defaultLimits } from '#domain/auction/clear-auction.ts'
import type { Certificate } from '#domain/auction/clearing.ts'
import { clearStepMarkets } from '#domain/auction/step-markets.ts'
import type { SolveProgramme } from '#domain/integer-programme.ts'
import { auctionInstance } from './auction-instance.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

export interface AuctionBench {
  readonly steps: {
    readonly orders: number
    readonly auctions: number
    readonly cpuMillis: Spread
    /** The least of all rounds: what a machine left alone would do. */
    readonly fastestMillis: number
  }
  readonly days: readonly ClearedDay[]
}

export interface ClearedDay {
  readonly seed: number
  readonly markets: number
  readonly steps: number
  readonly blocks: number
  readonly cpuSeconds: number
  readonly certificate: Omit<Certificate, 'witnessPriceTicks'>
  readonly paradoxicallyRejected: number
  readonly paradoxicallyAccepted: number
  /** Found by the checker of certificates. */
  readonly faults: readonly string[]
}

interface AuctionBenchOptions {
  readonly solve: SolveProgramme
  readonly rounds: number
  readonly progress: (line: string) => void
}

const day = { areas: 40, periods: 24, steps: 100_000 }
const sweepsPerRound = 10
/** The compilers' own time counts as ours until they are done. */
const sweepsUntilCompiled = 50

/** Sort and sweep of step markets, then days with 1,000 blocks: a seed a round. */
export const benchAuction = ({ solve, rounds, progress }: AuctionBenchOptions): AuctionBench => {
  progress('sort and sweep')
  const auction = auctionInstance({ seed: 1, ...day, blocks: 0 })
  const sweep = (): number => 1000 * cpuSecondsOf(() => clearStepMarkets(auction))
  for (let i = 0; i < sweepsUntilCompiled; i += 1) sweep()
  const millis = Array.from({ length: sweepsPerRound * rounds }, sweep)
  return {
    steps: {
      orders: day.steps,
      auctions: day.areas * day.periods,
      cpuMillis: spreadOf(millis),
      fastestMillis: Math.min(...millis),
    },
    days: Array.from({ length: rounds }, (_, round) => {
      progress(`a day with blocks, seed ${round + 1}`)
      return clearedDay(round + 1, solve)
    }),
  }
}

const clearedDay = (seed: number, solve: SolveProgramme): ClearedDay => {
  const auction = auctionInstance({ seed, ...day, blocks: 1_000 })
  let answer: ReturnType<typeof clearAuction> | undefined
  const cpuSeconds = cpuSecondsOf(() => {
    answer = clearAuction(auction, { solve, limits: defaultLimits })
  })
  if (answer?.isCleared !== true) throw new Error(`the bench's own day of seed ${seed} does not clear`)
  const { blocks, certificate } = answer.clearing
  const { witnessPriceTicks: _, ...rest } = certificate
  return {
    seed,
    markets: day.areas * day.periods,
    steps: day.steps,
    blocks: blocks.length,
    cpuSeconds,
    certificate: rest,
    paradoxicallyRejected: blocks.filter(({ decision }) => decision === 'paradoxically-rejected').length,
    paradoxicallyAccepted: blocks.filter(({ takenParts, surplus }) => takenParts > 0 && surplus < 0).length,
    faults: clearingFaults(auction, answer.clearing),
  }
}

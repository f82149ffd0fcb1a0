/** What a clearing answers, and the certificate by which anyone can check it (`certificate-check.ts`). */
export interface MarketResult {
  readonly area: string
  readonly period: number
  /** Null where nothing trades and nothing bounds a price. */
  readonly priceTicks: number | null
  readonly boughtLots: number
  readonly soldLots: number
}

export type BlockDecision = 'accepted' | 'partially-accepted' | 'rejected' | 'paradoxically-rejected'

export interface BlockResult {
  readonly blockId: string
  readonly decision: BlockDecision
  readonly takenParts: number
  readonly parts: number
  /** At the prices, in ticks × lots: of what is taken, or, of a rejected block, of all of it. */
  readonly surplus: number
}

export interface Award {
  readonly orderId: string
  readonly lots: number
}

export interface Flow {
  readonly from: string
  readonly to: string
  readonly period: number
  readonly lots: number
}

/** How a component was decided: welfare at its greatest, repaired so that no block loses, or by the exact model. */
export type ClearingMethod = 'welfare' | 'repaired' | 'exact'

export interface Certificate {
  /** In ticks × lots, as all that follows. */
  readonly welfare: number
  /** Had there been no block. */
  readonly stepsWelfare: number
  /** No clearing is worth more: the least of what the search proved and the witness. */
  readonly bound: number
  readonly gapPartsPerMillion: number
  /** What anyone can prove from the orders and the witness prices, without a solver. */
  readonly witnessBound: number
  readonly witnessGapPartsPerMillion: number
  /** By period, then area in order. */
  readonly witnessPriceTicks: readonly (number | null)[]
  /** Components by how they were decided. */
  readonly methods: Readonly<Record<ClearingMethod, number>>
  /** A limit ended a search before its proof: the clearing is the best found, its gap what is left. */
  readonly isLimitHit: boolean
  readonly nodes: number
  readonly iterations: number
}

export interface Clearing {
  readonly markets: readonly MarketResult[]
  readonly blocks: readonly BlockResult[]
  /** Of step orders that got anything, by id. */
  readonly awards: readonly Award[]
  readonly flows: readonly Flow[]
  readonly certificate: Certificate
}

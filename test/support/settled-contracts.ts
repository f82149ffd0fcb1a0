import { type ContractSpecification, defineInstrument, plainFuture } from '#domain/reference/instrument.ts'
import type { SettledContract } from '#domain/settlement/settlement-needs.ts'
import type { FixingsOfIndex, SettlementFixing } from '#domain/settlement/settlement-price.ts'

/** Contracts on `I` and `S` that began on 1 November 2026 and end on the 4th, listed on 31 October. */
export const at = (text: string): number => Date.parse(`2026-${text}Z`)
export const startMillis = at('11-01T00:00:00')
export const endMillis = at('11-04T00:00:00')
export const dayMillis = 86_400_000

export const contractSpecification = (
  kind: ContractSpecification['kind'],
  terms: object,
  change: Partial<ContractSpecification> = {},
): ContractSpecification => ({
  instrumentName: `I-${kind.toUpperCase().replaceAll('_', '').slice(0, 12)}`,
  ...plainFuture,
  kind,
  underlying: 'I',
  quoteCurrency: 'USD',
  tickSize: '0.01',
  minTradeAmount: '0.1',
  contractSize: '1',
  maxPrice: '1000',
  expirationMillis: endMillis,
  makerCommissionPpm: 0,
  takerCommissionPpm: 0,
  terms: JSON.stringify(terms),
  ...change,
})

export const settledContract = (
  kind: ContractSpecification['kind'],
  terms: object,
  change: Partial<ContractSpecification> = {},
  settled: Partial<Omit<SettledContract, 'instrument'>> = {},
): SettledContract => {
  const defined = defineInstrument(contractSpecification(kind, terms, change), 1, 1)
  if (!defined.accepted) throw new Error(`not a contract: ${defined.detail}`)
  return {
    instrument: defined.value,
    kind: 'final',
    number: 0,
    listedAtMillis: at('10-31T00:00:00'),
    asOfMillis: endMillis,
    isDelisted: false,
    distributedTicks: 0,
    ...settled,
  }
}

export const fixing = (fixingMillis: number, level: string, isFallback = false): SettlementFixing => ({
  fixingMillis,
  level,
  isFallback,
  methodVersion: 1,
})

/** Each day's at midnight, from the start on; undefined where it is missing. Nothing is decided beyond the last that is there. */
export const daily = (
  levels: readonly (string | undefined)[],
  change: Partial<FixingsOfIndex> = {},
): FixingsOfIndex => {
  const fixings = levels.flatMap((level, day) =>
    level === undefined ? [] : [fixing(startMillis + day * dayMillis, level)],
  )
  return {
    index: 'I',
    expectedMillis: levels.map((_, day) => startMillis + day * dayMillis),
    decidedMillis: 0,
    fixings,
    ...change,
  }
}

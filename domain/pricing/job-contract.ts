import { roundedRatio } from './availability.ts'
import { wholeNumber } from './input-limits.ts'
import { type Priced, priced, refused } from './priced.ts'

/** One hour of a named training or dataset job. */
export interface JobHour {
  readonly contractedUnits: number
  readonly deliveredUnits: number
  /** What a unit of that hour costs elsewhere: the imbalance price. */
  readonly imbalancePriceMicros: number
}

export interface JobTerms {
  readonly unitPriceMicros: number
  /** On top of the difference, in parts per million of the contract price of what was not delivered. */
  readonly penaltyPartsPerMillion: number
}

export interface JobSettlement {
  readonly deliveredUnits: number
  readonly missingUnits: number
  readonly buyerPaysMicros: number
  readonly sellerPaysMicros: number
}

/**
 * A fixed amount of compute, delivered or paid: the buyer pays the contract price for what was delivered; for each missing
 * unit the seller pays max(0, imbalance price − contract price) and the penalty. Delivery beyond the contract is not paid.
 */
export const jobContractSettlement = (terms: JobTerms, hours: readonly JobHour[]): Priced<JobSettlement> => {
  const refusal =
    wholeNumber('unitPriceMicros', terms.unitPriceMicros, 0, Number.MAX_SAFE_INTEGER) ??
    wholeNumber('penaltyPartsPerMillion', terms.penaltyPartsPerMillion, 0, 10_000_000)
  if (refusal !== undefined) return refusal
  if (hours.length === 0) return refused('too-few', 'hours')
  const price = BigInt(terms.unitPriceMicros)
  let [delivered, missing, difference] = [0n, 0n, 0n]
  for (const { contractedUnits, deliveredUnits, imbalancePriceMicros } of hours) {
    const unfit =
      wholeNumber('contractedUnits', contractedUnits, 0, Number.MAX_SAFE_INTEGER) ??
      wholeNumber('deliveredUnits', deliveredUnits, 0, Number.MAX_SAFE_INTEGER) ??
      wholeNumber('imbalancePriceMicros', imbalancePriceMicros, 0, Number.MAX_SAFE_INTEGER)
    if (unfit !== undefined) return unfit
    const taken = BigInt(Math.min(deliveredUnits, contractedUnits))
    const short = BigInt(contractedUnits) - taken
    const dearer = BigInt(imbalancePriceMicros) - price
    delivered += taken
    missing += short
    if (dearer > 0n) difference += short * dearer
  }
  const penalty = missing * price * BigInt(terms.penaltyPartsPerMillion)
  const sellerPays = roundedRatio(difference * 1_000_000n + penalty, 1_000_000n)
  if (!sellerPays.priced) return sellerPays
  const buyerPays = roundedRatio(delivered * price, 1n)
  if (!buyerPays.priced) return buyerPays
  return priced({
    deliveredUnits: Number(delivered),
    missingUnits: Number(missing),
    buyerPaysMicros: buyerPays.value,
    sellerPaysMicros: sellerPays.value,
  })
}

import { accept, type Outcome, reject } from '../outcome.ts'
import { increments, micros } from '../units.ts'
import { type ContractKind, type ContractTerms, readContractTerms } from './contract-terms.ts'

/** In cash alone, or by delivery where the terms say of what. */
export const settlements = ['cash', 'physical'] as const
export type Settlement = (typeof settlements)[number]

/** A contract specification as it is listed: decimals as text, so that nothing is rounded on its way in or out. */
export interface ContractSpecification {
  /** Upper-case, for example `H100.USE-27NOV26`. */
  readonly instrumentName: string
  readonly kind: ContractKind
  /** What is delivered or settled on, for example `H100.USE`: resource class and region. */
  readonly underlying: string
  readonly quoteCurrency: 'USD'
  readonly settlement: Settlement
  /** Smallest price step, USD for each unit (a GPU-hour, a vCPU-hour…). */
  readonly tickSize: string
  /** Smallest amount and amount step, in units. */
  readonly minTradeAmount: string
  /** How many unit-hours one unit of amount stands for; of a swap, in each of its legs. */
  readonly contractSize: string
  /** Highest price at which the contract may trade or settle; what a short must be able to pay is bounded by it. */
  readonly maxPrice: string
  readonly expirationMillis: number
  /** Parts in a million of notional. */
  readonly makerCommissionPpm: number
  readonly takerCommissionPpm: number
  /** The largest position either way that orders may lead to, in units; `0` for none. */
  readonly positionLimit: string
  /** JSON, canonical: `terms` of the HTTP API (contract-terms.ts). Empty for a future of the first version. */
  readonly terms: string
}

/** What a future has beyond what all contracts have, as the first version listed it. */
export const plainFuture = { kind: 'future', settlement: 'cash', positionLimit: '0', terms: '' } as const

/** Whether all of it could be said by the first version. */
export const isPlainFuture = (specification: ContractSpecification): boolean =>
  specification.kind === plainFuture.kind &&
  specification.positionLimit === plainFuture.positionLimit &&
  specification.terms === plainFuture.terms

/** What was settled of a contract before its end, by which it is another one since. */
export interface Adjustment {
  /** Of a swap. */
  readonly settledLegs: number
  /** Of a structured product: what was paid for each unit, in ticks. */
  readonly distributedTicks: number
}

export const unadjusted: Adjustment = { settledLegs: 0, distributedTicks: 0 }

/** A specification in integers: what the engine computes with. */
export interface Instrument extends Adjustment {
  readonly instrumentId: number
  /** Grows by one with each change of the specification; each order names the one it was built against. */
  readonly specificationVersion: number
  readonly specification: ContractSpecification
  readonly terms: ContractTerms
  /**
   * Notional in micros of one tick times one lot: tick_size × min_trade_amount × contract_size × 10^6; of a swap, times
   * the legs that are left.
   */
  readonly microsPerTickLot: number
  /** Less by what was distributed. */
  readonly maxPriceTicks: number
  /** `noPositionLimit` where there is none. */
  readonly positionLimitLots: number
  /** The higher of both: what is kept for the fees of an order that may make or take. */
  readonly maxCommissionPpm: number
}

/** Prices and sizes are 32-bit on the wire and in the book. */
export const maxInt32 = 2_147_483_647
export const noPositionLimit = 2_147_483_647

export const instrumentNamePattern = /^[A-Z0-9][A-Z0-9._]{0,30}(?:-[A-Z0-9._]{1,16}){1,4}$/

/** A month each, of a swap; of all else there is one. */
export const legsOf = (terms: ContractTerms): number => (terms.kind === 'swap' ? terms.boundariesMillis.length - 1 : 1)

/** What a lot is, in millionths of a unit-hour; undefined where it is not a whole number of them. */
export const microHoursOfLot = ({ specification, terms }: Instrument): number | undefined => {
  const [lot, size] = [micros(specification.minTradeAmount), micros(specification.contractSize)]
  if (lot === undefined || size === undefined || legsOf(terms) !== 1) return undefined
  const product = BigInt(lot) * BigInt(size)
  const microHours = product / 1_000_000n
  return product % 1_000_000n === 0n && microHours <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(microHours) : undefined
}

/**
 * Makes an instrument of a specification, or says what is wrong with it (`invalid-specification` with the field).
 * Everything that the engine later relies on is checked here, once: increments that divide exactly, integers in range,
 * terms that can be read. That a structured product never pays more than `maxPrice` is proved by whoever lists it, from
 * its payoff; here `maxPrice` is the cap whatever the payoff says.
 */
export const defineInstrument = (
  specification: ContractSpecification,
  instrumentId: number,
  specificationVersion: number,
  adjustment: Adjustment = unadjusted,
): Outcome<Instrument> => {
  const wrong = (field: string): Outcome<never> => reject('invalid-specification', field)
  if (!instrumentNamePattern.test(specification.instrumentName)) return wrong('instrument_name')
  const tickMicros = micros(specification.tickSize)
  if (tickMicros === undefined || tickMicros === 0) return wrong('tick_size')
  const lotMicros = micros(specification.minTradeAmount)
  if (lotMicros === undefined || lotMicros === 0) return wrong('min_trade_amount')
  const sizeMicros = micros(specification.contractSize)
  if (sizeMicros === undefined || sizeMicros === 0) return wrong('contract_size')
  // tick × lot × size carries 10^18; what is left after 10^12 must be whole micros.
  const product = BigInt(tickMicros) * BigInt(lotMicros) * BigInt(sizeMicros)
  if (product % 1_000_000_000_000n !== 0n || product / 1_000_000_000_000n > BigInt(maxInt32)) return wrong('tick_size')
  const microsPerTickLotOfLeg = Number(product / 1_000_000_000_000n)
  const maxPriceTicks = increments(specification.maxPrice, specification.tickSize)
  if (maxPriceTicks === undefined || maxPriceTicks < 1 || maxPriceTicks > maxInt32) return wrong('max_price')
  if (!Number.isSafeInteger(specification.expirationMillis) || specification.expirationMillis <= 0)
    return wrong('expiration_timestamp')
  // 100 % is the bound under which a better price always pays its own fee.
  for (const [field, ppm] of [
    ['maker_commission', specification.makerCommissionPpm],
    ['taker_commission', specification.takerCommissionPpm],
  ] as const)
    if (!Number.isInteger(ppm) || ppm < 0 || ppm >= 1_000_000) return wrong(field)
  const limitLots = increments(specification.positionLimit, specification.minTradeAmount)
  if (limitLots === undefined || limitLots >= noPositionLimit) return wrong('position_limit')
  const read = readContractTerms(specification.kind, specification.terms, specification)
  if (!read.accepted) return read
  const terms = read.value
  const isDelivered = terms.kind === 'future' && terms.delivery !== undefined
  if ((specification.settlement === 'physical') !== isDelivered) return wrong('settlement')
  const legs = legsOf(terms)
  if (microsPerTickLotOfLeg * legs > maxInt32) return wrong('contract_size')
  const { settledLegs, distributedTicks } = adjustment
  if (!isWithin(settledLegs, legs - 1) || !isWithin(distributedTicks, maxPriceTicks))
    throw new RangeError(`${specification.instrumentName} cannot have settled ${settledLegs} and ${distributedTicks}`)
  return accept({
    instrumentId,
    specificationVersion,
    specification,
    terms,
    microsPerTickLot: microsPerTickLotOfLeg * (legs - settledLegs),
    maxPriceTicks: maxPriceTicks - distributedTicks,
    maxCommissionPpm: Math.max(specification.makerCommissionPpm, specification.takerCommissionPpm),
    positionLimitLots: limitLots === 0 ? noPositionLimit : limitLots,
    settledLegs,
    distributedTicks,
  })
}

const isWithin = (value: number, most: number): boolean => Number.isInteger(value) && value >= 0 && value <= most

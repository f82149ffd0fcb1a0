import { accept, type Outcome, reject } from '../outcome.ts'
import { increments, micros } from '../units.ts'

/** A contract specification as it is listed: decimals as text, so that nothing is rounded on its way in or out. */
export interface ContractSpecification {
  /** Upper-case, for example `H100.USE-27NOV26`. */
  readonly instrumentName: string
  readonly kind: 'future'
  /** What is delivered or settled on, for example `H100.USE`: resource class and region. */
  readonly underlying: string
  readonly quoteCurrency: 'USD'
  /** Smallest price step, USD for each unit (a GPU-hour, a vCPU-hour…). */
  readonly tickSize: string
  /** Smallest amount and amount step, in units. */
  readonly minTradeAmount: string
  /** How many unit-hours one unit of amount stands for. */
  readonly contractSize: string
  /** Highest price at which the contract may trade or settle; what a short must be able to pay is bounded by it. */
  readonly maxPrice: string
  readonly expirationMillis: number
  /** Parts in a million of notional. */
  readonly makerCommissionPpm: number
  readonly takerCommissionPpm: number
}

/** A specification in integers: what the engine computes with. */
export interface Instrument {
  readonly instrumentId: number
  /** Grows by one with each change of the specification; each order names the one it was built against. */
  readonly specificationVersion: number
  readonly specification: ContractSpecification
  /** Notional in micros of one tick times one lot: tick_size × min_trade_amount × contract_size × 10^6. */
  readonly microsPerTickLot: number
  readonly maxPriceTicks: number
  /** The higher of both: what is kept for the fees of an order that may make or take. */
  readonly maxCommissionPpm: number
}

/** Prices and sizes are 32-bit on the wire and in the book. */
export const maxInt32 = 2_147_483_647

export const instrumentNamePattern = /^[A-Z0-9][A-Z0-9._]{0,30}(?:-[A-Z0-9._]{1,16}){1,4}$/

/**
 * Makes an instrument of a specification, or says what is wrong with it (`invalid-specification` with the field).
 * Everything that the engine later relies on is checked here, once: increments that divide exactly, integers in range.
 */
export const defineInstrument = (
  specification: ContractSpecification,
  instrumentId: number,
  specificationVersion: number,
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
  return accept({
    instrumentId,
    specificationVersion,
    specification,
    microsPerTickLot: Number(product / 1_000_000_000_000n),
    maxPriceTicks,
    maxCommissionPpm: Math.max(specification.makerCommissionPpm, specification.takerCommissionPpm),
  })
}

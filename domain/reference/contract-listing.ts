import { accept, type Outcome, reject } from '../outcome.ts'
import { decimal, decimalOfMicros, increments, micros } from '../units.ts'
import {
  type ContractKind,
  type ContractTerms,
  contractTermsDocument,
  highestValue,
  maxTermsBytes,
} from './contract-terms.ts'
import { type ContractSpecification, defineInstrument, instrumentNamePattern, maxInt32 } from './instrument.ts'
import { dayCode, instrumentNameOf, namedContract, nameFits, readInstrumentName } from './instrument-names.ts'

/** A contract as somebody asks for it: what follows from its terms may be left out. */
export interface ContractProposal {
  readonly instrumentName?: string
  readonly kind: ContractKind
  readonly underlying: string
  /** Absent only for a future as the first version listed it, which settles on its underlying's index of its last month. */
  readonly terms?: ContractTerms
  readonly expirationMillis: number
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly contractSize?: string
  readonly maxPrice?: string
  readonly makerCommissionPpm: number
  readonly takerCommissionPpm: number
  readonly positionLimit: string
}

/** What the bounds of a contract follow from beyond its terms. */
export interface KnownBounds {
  /** Highest price of the future that an option is on. */
  readonly underlyingMaxPrice?: string
  /** The most that a payoff was proved to pay for each unit, in USD. */
  readonly highestPayment?: number
}

export interface ListingFault {
  /** As a JSON pointer without `#/`: `terms/strike`. */
  readonly field: string
  /** Where the field alone does not say it. */
  readonly reason?: string
}

export type Specified =
  | { readonly ok: true; readonly specification: ContractSpecification }
  | { readonly ok: false; readonly fault: ListingFault }

const fault = (field: string, reason?: string): Specified => ({
  ok: false,
  fault: { field, ...(reason === undefined ? {} : { reason }) },
})

/** Fills in what was left out and holds what was given against it, first wrong field first. */
export const completeSpecification = (proposal: ContractProposal, bounds: KnownBounds = {}): Specified => {
  const { kind, underlying, terms, expirationMillis, tickSize } = proposal
  const named = nameOf(proposal)
  if (!named.accepted)
    return fault(
      'instrument_name',
      `does not say what the contract is; it would be ${named.detail} (docs/instrument-names.md)`,
    )
  const contractSize = contractSizeOf(proposal)
  if (proposal.contractSize !== undefined && !isSame(proposal.contractSize, contractSize))
    return fault('contract_size', `follows from terms/vega_notional and terms/strike_volatility: ${contractSize}`)
  if ((micros(tickSize) ?? 0) === 0) return fault('tick_size')
  const bound = boundOf(terms, tickSize, bounds)
  if (bound === 0)
    return fault(
      kind === 'option' ? 'terms/strike' : 'terms/payoff',
      'leaves a contract that can never be worth anything',
    )
  if (bound !== undefined && bound > maxInt32)
    return fault('tick_size', 'is too small for what the contract may be worth')
  const maxPrice = proposal.maxPrice ?? (bound === undefined ? undefined : decimal(bound, tickSize))
  if (maxPrice === undefined)
    return fault('max_price', 'is needed: nothing in the terms bounds what the contract may be worth')
  const text = terms === undefined ? '' : JSON.stringify(contractTermsDocument(terms))
  if (new TextEncoder().encode(text).length > maxTermsBytes)
    return fault('terms', `must be at most ${maxTermsBytes} bytes of JSON`)
  const specification: ContractSpecification = {
    instrumentName: named.value,
    kind,
    underlying,
    quoteCurrency: 'USD',
    settlement: terms?.kind === 'future' && terms.delivery !== undefined ? 'physical' : 'cash',
    tickSize,
    minTradeAmount: proposal.minTradeAmount,
    contractSize,
    maxPrice,
    expirationMillis,
    makerCommissionPpm: proposal.makerCommissionPpm,
    takerCommissionPpm: proposal.takerCommissionPpm,
    positionLimit: proposal.positionLimit,
    terms: text,
  }
  // Number and version are the engine's to give; they do not make a specification right or wrong.
  const defined = defineInstrument(specification, 1, 1)
  if (!defined.accepted) return fault(defined.detail ?? '')
  if (bound !== undefined && defined.value.maxPriceTicks < bound)
    return fault('max_price', `must be at least what the contract may be worth: ${decimal(bound, tickSize)}`)
  return { ok: true, specification }
}

/** The name of a contract, as given or made of its terms; whether it fits is not asked here. */
export const proposedName = (proposal: ContractProposal): string => proposal.instrumentName ?? madeName(proposal)

const madeName = ({ underlying, terms, expirationMillis }: ContractProposal): string =>
  instrumentNameOf(
    terms === undefined
      ? { kind: 'future', underlying, day: dayCode(expirationMillis) }
      : namedContract(terms, underlying, expirationMillis),
  )

/** Refused with the name that it would have. */
const nameOf = (proposal: ContractProposal): Outcome<string> => {
  const { instrumentName, kind, underlying, terms, expirationMillis } = proposal
  // One that is no name at all is told as such by whoever defines the instrument.
  if (instrumentName === undefined || !instrumentNamePattern.test(instrumentName)) return accept(proposedName(proposal))
  // The first version let a future have any name: it may, as long as that does not say it is something else.
  const fits =
    terms === undefined
      ? (readInstrumentName(instrumentName)?.kind ?? kind) === kind
      : nameFits(instrumentName, namedContract(terms, underlying, expirationMillis))
  return fits ? accept(instrumentName) : reject('invalid-specification', madeName(proposal))
}

/** Of a variance swap vega notional / (2 × strike volatility), to six digits, halves up. */
const contractSizeOf = ({ terms, contractSize }: ContractProposal): string => {
  if (terms?.kind !== 'variance_swap') return contractSize ?? '1'
  const [vega, strike] = [micros(terms.vegaNotional) ?? 0, micros(terms.strikeVolatility) ?? 1]
  const twice = 2n * BigInt(strike)
  return decimalOfMicros((BigInt(vega) * 1_000_000n * 2n + twice) / (twice * 2n))
}

const isSame = (one: string, other: string): boolean => {
  const size = micros(one)
  // One that is no size is told as such by whoever defines the instrument.
  return size === undefined || size === micros(other)
}

/** The least highest price, in ticks; undefined where nothing bounds what the contract may be worth. */
const boundOf = (terms: ContractTerms | undefined, tickSize: string, bounds: KnownBounds): number | undefined => {
  const tick = micros(tickSize) ?? 1
  if (terms === undefined) return undefined
  if (terms.kind === 'structured_product') {
    if (bounds.highestPayment === undefined) return undefined
    // Less by what the proof itself gives away to rounding, so that a payment of 110 asks for 110 and not for a tick more.
    return Math.ceil((bounds.highestPayment * (1 - 2e-9) * 1_000_000) / tick)
  }
  const highest = highestValue(terms, bounds.underlyingMaxPrice)
  const value = highest === undefined ? undefined : increments(highest, '0.000001')
  return value === undefined ? undefined : Math.ceil(value / tick)
}

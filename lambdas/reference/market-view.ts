import type * as z from 'zod'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { type ContractTerms, contractTermsDocument } from '#domain/reference/contract-terms.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import { market } from '#protocol/operations/reference.ts'

type Market = z.infer<typeof market>

export const marketOf = (row: InstrumentRow): Market => {
  const { lane, instrument, lifecycle, listedAtMillis, closedAtMillis, settledAtMillis } = row
  const { specification, terms } = instrument
  return {
    instrument_name: specification.instrumentName,
    lane,
    kind: specification.kind,
    underlying: specification.underlying,
    quote_currency: specification.quoteCurrency,
    settlement: specification.settlement,
    tick_size: specification.tickSize,
    min_trade_amount: specification.minTradeAmount,
    contract_size: specification.contractSize,
    max_price: decimal(instrument.maxPriceTicks, specification.tickSize),
    position_limit: specification.positionLimit === '0' ? null : specification.positionLimit,
    // Parts in a million are to one what micros are to a unit.
    maker_commission: decimalOfMicros(specification.makerCommissionPpm),
    taker_commission: decimalOfMicros(specification.takerCommissionPpm),
    terms: termsTold(terms),
    underlying_index: 'index' in terms ? terms.index : null,
    ...ofItsKind(row, terms),
    specification_version: instrument.specificationVersion,
    expiration_timestamp: instantOf(specification.expirationMillis),
    creation_timestamp: instantOf(listedAtMillis),
    lifecycle,
    closed_timestamp: closedAtMillis === undefined ? null : instantOf(closedAtMillis),
    settled_timestamp: settledAtMillis === undefined ? null : instantOf(settledAtMillis),
    is_active: isTrading(row),
  }
}

/** Its time may have passed some moments before the command that expires it. */
export const isTrading = ({ isActive, instrument }: InstrumentRow): boolean =>
  isActive && instrument.specification.expirationMillis > Date.now()

const instantOf = (millis: number): string => new Date(millis).toISOString()

const termsTold = (terms: ContractTerms): Market['terms'] => market.shape.terms.parse(contractTermsDocument(terms))

const ofItsKind = ({ instrument }: InstrumentRow, terms: ContractTerms): Partial<Market> => {
  const { settledLegs, distributedTicks, specification } = instrument
  switch (terms.kind) {
    case 'option':
      return {
        strike: terms.strike,
        option_type: terms.optionType,
        exercise_style: terms.exercise,
        ...(terms.underlyingInstrument === undefined ? {} : { underlying_instrument: terms.underlyingInstrument }),
      }
    case 'swap': {
      const { boundariesMillis } = terms
      return {
        legs: boundariesMillis.slice(1).map((endMillis, leg) => ({
          start: instantOf(boundariesMillis[leg] ?? 0),
          end: instantOf(endMillis),
          is_settled: leg < settledLegs,
        })),
      }
    }
    case 'structured_product':
      return { distributed: decimal(distributedTicks, specification.tickSize) }
    default:
      return {}
  }
}

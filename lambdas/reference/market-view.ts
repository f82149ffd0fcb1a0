import type * as z from 'zod'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { market } from '#protocol/operations/reference.ts'

export const marketOf = ({ lane, instrument, isActive, listedAtMillis }: InstrumentRow): z.infer<typeof market> => {
  const { specification } = instrument
  return {
    instrument_name: specification.instrumentName,
    lane,
    kind: specification.kind,
    underlying: specification.underlying,
    quote_currency: specification.quoteCurrency,
    tick_size: specification.tickSize,
    min_trade_amount: specification.minTradeAmount,
    contract_size: specification.contractSize,
    max_price: specification.maxPrice,
    // Parts in a million are to one what micros are to a unit.
    maker_commission: decimalOfMicros(specification.makerCommissionPpm),
    taker_commission: decimalOfMicros(specification.takerCommissionPpm),
    expiration_timestamp: new Date(specification.expirationMillis).toISOString(),
    creation_timestamp: new Date(listedAtMillis).toISOString(),
    // Its time may have passed some moments before the command that expires it.
    is_active: isActive && specification.expirationMillis > Date.now(),
  }
}

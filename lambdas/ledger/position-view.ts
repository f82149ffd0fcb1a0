import type { PositionRow } from '#adapters/tables/positions.ts'
import { decimal, decimalOfMicros, decimalRatio } from '#domain/units.ts'

/** A position in the decimals in which people speak of it. */
export const positionDecimals = (row: PositionRow) => {
  const magnitude = decimal(Math.abs(row.sizeLots), row.minTradeAmount)
  return {
    size: row.sizeLots < 0 ? `-${magnitude}` : magnitude,
    average_price: decimalRatio(Math.abs(row.entryTickLots), Math.abs(row.sizeLots), row.tickSize) ?? null,
    realized_profit_loss: decimalOfMicros(row.realisedMicros),
  }
}

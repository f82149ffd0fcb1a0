import type { ValuedAccount } from '#domain/margin/account-risk.ts'
import { excessMicros } from '#domain/margin/account-risk.ts'
import type { MarginFigures } from '#domain/margin/margin-book.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { AsOf } from './account-state.ts'

export const amountsOf = (figures: MarginFigures) => ({
  equity: decimalOfMicros(figures.equityMicros),
  requirement: decimalOfMicros(figures.requirementMicros),
  excess: decimalOfMicros(excessMicros(figures)),
})

export const partsOf = (figures: MarginFigures) => ({
  scan: decimalOfMicros(figures.scanMicros),
  bounded: decimalOfMicros(figures.boundedMicros),
  short_option_minimum: decimalOfMicros(figures.shortMinimumMicros),
  concentration: decimalOfMicros(figures.concentrationMicros),
  fee_reserve: decimalOfMicros(figures.feeReserveMicros),
  quote_reserve: decimalOfMicros(figures.quoteReserveMicros),
})

/** By what and as of when an account was valued. */
export const basisOf = ({ epoch, instruments }: ValuedAccount, asOf: AsOf) => ({
  epoch_version: epoch.version,
  covered_by_bounds: [...instruments.values()]
    .flatMap(({ instrumentName, risk }) => (risk.kind === 'bounds' ? [instrumentName] : []))
    .sort(),
  as_of: {
    positions_sequence: asOf.positionsSequence,
    orders_sequence: asOf.ordersSequence,
    is_one_moment: asOf.isOneMoment,
  },
})

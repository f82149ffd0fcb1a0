import type { AllocationRow, AllocationShare, ShareOrder } from '#adapters/tables/capacity-allocations.ts'
import { placesInUnit, unitOfClass } from '#domain/capacity/capacity-source.ts'
import { vectorOf } from './allocation-view.ts'

/** Bought in a book: a position of the account, whatever becomes of the request. */
export interface BoughtShare extends AllocationShare {
  readonly order: ShareOrder & { readonly filledLots: number; readonly paidMicros: number }
}

const isBought = (share: AllocationShare): share is BoughtShare =>
  share.order?.filledLots !== undefined && share.order.paidMicros !== undefined

export const isToBeOrdered = (share: AllocationShare): boolean => share.order !== undefined && !isBought(share)

export const boughtShares = ({ shares }: Pick<AllocationRow, 'shares'>): readonly BoughtShare[] =>
  shares.filter(isBought)

export const boughtMicros = (shares: readonly BoughtShare[]): number =>
  shares.reduce((sum, { order }) => sum + order.paidMicros, 0)

/** Of the places that are asked for, those that the bought units have. */
export const boughtPlaces = (row: AllocationRow, shares: readonly BoughtShare[]): number => {
  const need = {
    places: row.units,
    vector: vectorOf(row),
    ...(row.resourceClass !== undefined && { resourceClass: row.resourceClass }),
  }
  return shares.reduce(
    (sum, { resourceClass, units }) =>
      sum + units * placesInUnit(need, { resourceClass, vector: unitOfClass(resourceClass) }),
    0,
  )
}

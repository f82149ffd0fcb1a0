import { nameBasedUuid } from './name-based-uuid.ts'

/** Of an obligation to deliver: the same for whoever hears of it. */
export const deliveryIdOf = (
  lane: number,
  { instrumentId, deliveryNumber }: { readonly instrumentId: number; readonly deliveryNumber: number },
): string => nameBasedUuid(['delivery', lane, instrumentId, deliveryNumber].join('#'))

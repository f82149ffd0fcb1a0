import { deliveryDayMillis } from '#domain/auction/day-ahead-market.ts'

/** Of a date that was found to be one. */
export const dayMillisOf = (deliveryDate: string): number => {
  const millis = deliveryDayMillis(deliveryDate)
  if (millis === undefined) throw new Error(`${deliveryDate} is no date`)
  return millis
}

const million = 1_000_000

/**
 * Parts in a million of an amount, rounded down. Cut at the million, so that no product leaves the safe integers.
 * Down is what lets an order's reserve cover the fees of all its fills: floors of parts never sum to more than the
 * floor of the whole.
 */
export const feeMicros = (commissionPpm: number, notionalMicros: number): number => {
  const millions = Math.floor(notionalMicros / million)
  return millions * commissionPpm + Math.floor(((notionalMicros - millions * million) * commissionPpm) / million)
}

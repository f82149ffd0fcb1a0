const million = 1_000_000
const { floor } = Math

/**
 * Parts in a million of an amount, rounded down. Cut at the million, so that no product leaves the safe integers.
 * Down is what lets an order's reserve cover the fees of all its fills: floors of parts never sum to more than the
 * floor of the whole.
 */
export const feeMicros = (commissionPpm: number, notionalMicros: number): number => {
  if (notionalMicros < small) return floor((notionalMicros * commissionPpm) / million)
  const millions = floor(notionalMicros / million)
  return millions * commissionPpm + floor(((notionalMicros - millions * million) * commissionPpm) / million)
}

/** Below it the product of any commission is a safe integer. */
const small = 9_000_000_000

export interface Position {
  /** Signed: short is negative. */
  sizeLots: number
  /** Signed entry cost of what is open, in ticks times lots. */
  entryTickLots: number
  /** Since the position was first opened, fees not included. */
  realisedMicros: number
}

/**
 * A fill of `signedLots` (bought positive, sold negative): what reduces the position closes first, the rest opens.
 * Answers the realised result in micros.
 */
export const fillPosition = (
  position: Position,
  signedLots: number,
  priceTicks: number,
  microsPerTickLot: number,
): number => {
  const size = position.sizeLots
  if (size === 0 || size > 0 === signedLots > 0) {
    position.sizeLots = size + signedLots
    position.entryTickLots += signedLots * priceTicks
    return 0
  }
  const held = Math.abs(size)
  const closedLots = Math.min(held, Math.abs(signedLots))
  const openedLots = Math.abs(signedLots) - closedLots
  const paidTickLots = share(Math.abs(position.entryTickLots), closedLots, held)
  const realisedTickLots = size > 0 ? closedLots * priceTicks - paidTickLots : paidTickLots - closedLots * priceTicks
  const realisedMicros = realisedTickLots * microsPerTickLot
  position.sizeLots = size + signedLots
  position.entryTickLots += (size > 0 ? -paidTickLots : paidTickLots) + Math.sign(signedLots) * openedLots * priceTicks
  position.realisedMicros += realisedMicros
  return realisedMicros
}

/** floor(amount × part / whole), exactly. */
const share = (amount: number, part: number, whole: number): number => {
  const product = amount * part
  if (product <= Number.MAX_SAFE_INTEGER) return Math.floor(product / whole)
  return Number((BigInt(amount) * BigInt(part)) / BigInt(whole))
}

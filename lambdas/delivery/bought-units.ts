import type { BuyIn, DeliveryRow } from '#adapters/tables/deliveries.ts'
import { getLot, type MovedUnits, moveUnits, type UnitMove } from '#adapters/tables/partner-inventory.ts'
import { decimal, micros } from '#domain/units.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

/** Once nothing of its attempt is left with the provisioning service: what was provisioned counts as used, the rest is to be had again. */
export const endBuyIn = async (row: DeliveryRow): Promise<void> => {
  const { buyIn, parts } = row
  if (buyIn?.lotId === undefined) return
  const lots = parts.reduce((sum, part) => sum + (part.attempt === buyIn.attempt ? part.lots : 0), 0)
  const used = unitsFor(row, lots, buyIn.partsPerUnit)
  await move('deliver', row, buyIn, used)
  await move('release', row, buyIn, buyIn.units - used)
}

/** As many whole units as so many lots need in each hour. */
export const unitsFor = ({ minTradeAmount }: DeliveryRow, lots: number, partsPerUnit: number): number => {
  const needed = micros(decimal(lots, minTradeAmount))
  if (needed === undefined) throw new RangeError(`${lots} lots of ${minTradeAmount} are no amount`)
  return Math.ceil(needed / (1_000_000 * partsPerUnit))
}

export const movedOf = async (
  row: DeliveryRow,
  { lotId, attempt }: Pick<BuyIn, 'lotId' | 'attempt'>,
  units: number,
): Promise<MovedUnits> => {
  const lot = lotId === undefined ? undefined : await getLot(lotId)
  if (lot === undefined) throw new Error(`the lot ${lotId} that was bought for ${row.deliveryId} is not there`)
  return {
    lot,
    window: { fromMillis: row.startMillis, untilMillis: row.endMillis },
    units,
    reservationId: nameBasedUuid(`delivery#${row.deliveryId}#${attempt}`),
  }
}

const move = async (kind: UnitMove, row: DeliveryRow, buyIn: BuyIn, units: number): Promise<void> => {
  if (units === 0) return
  if ((await moveUnits(kind, await movedOf(row, buyIn, units))) === 'short')
    throw new Error(`what is reserved of ${buyIn.lotId} for ${row.deliveryId} is not there to ${kind}`)
}

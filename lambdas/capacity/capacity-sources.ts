import { hoursOfLot, type LotRow, lotsOfHolder } from '#adapters/tables/partner-inventory.ts'
import type { CapacitySource } from '#domain/capacity/capacity-source.ts'
import { ampleUnits } from '#domain/capacity/planning-problem.ts'
import { hourMillis, type Offer, termHoursOf } from '#domain/partners/catalogue.ts'
import { isOrderable, offersFor } from '../partners/offers.ts'

/** Where units are looked for: hours since 1970, the last excluded. */
interface SourceWindow {
  readonly firstHour: number
  readonly endHour: number
}

interface Asker {
  readonly account: string
  readonly regions: readonly string[]
}

/**
 * What each account has in its own inventory and can buy of partners, hour by hour. Commitments are left out: they are paid for a
 * year, whoever wants one buys it, and then has its hours in the inventory. So is what nobody here can order.
 */
export const capacitySources = async (
  askers: readonly Asker[],
  window: SourceWindow,
  nowMillis: number,
): Promise<readonly CapacitySource[]> => {
  const own = await Promise.all(askers.map(asker => inventorySources(asker, window, nowMillis)))
  // A lot that expires is offered to others too: who holds it and asks here has it first, and nobody counts its units twice.
  const held = new Set(own.flat().map(({ sourceId }) => sourceId))
  const isFree = ({ lotId }: Offer): boolean => lotId === undefined || !held.has(lotId)
  const offered = new Map<string, { readonly offers: readonly Offer[]; readonly accounts: string[] }>()
  for (const { account, regions } of askers) {
    const { offers } = await offersFor(
      account,
      regions,
      { fromMillis: window.firstHour * hourMillis, untilMillis: window.endHour * hourMillis },
      nowMillis,
    )
    for (const [offerId, runs] of Map.groupBy(offers.filter(isUsable).filter(isFree), offer => offer.offerId)) {
      const known = offered.get(offerId)
      if (known === undefined) offered.set(offerId, { offers: runs, accounts: [account] })
      else known.accounts.push(account)
    }
  }
  return [...own.flat(), ...[...offered.values()].flatMap(({ offers, accounts }) => sourceOf(offers, accounts, window))]
}

const isUsable = (offer: Offer): boolean => termHoursOf(offer.pricing) === 0 && isOrderable(offer)

const sourceOf = (
  runs: readonly Offer[],
  accounts: readonly string[],
  { firstHour, endHour }: SourceWindow,
): readonly CapacitySource[] => {
  const [offer] = runs
  if (offer === undefined) return []
  const units = new Array<number>(endHour - firstHour).fill(0)
  for (const { availableUnits, validFromMillis, validUntilMillis } of runs) {
    const from = Math.max(firstHour, Math.ceil(validFromMillis / hourMillis))
    const until = Math.min(endHour, Math.floor(validUntilMillis / hourMillis))
    for (let hour = from; hour < until; hour++)
      units[hour - firstHour] = availableUnits === 'unlimited' ? ampleUnits : availableUnits
  }
  return [
    {
      sourceId: offer.offerId,
      kind: 'partner',
      provider: offer.provider,
      ...(offer.lotId !== undefined && { accounts }),
      resourceClass: offer.resourceClass,
      region: offer.region,
      vector: offer.vector,
      priceMicrosPerUnitHour: offer.priceMicrosPerUnitHour,
      isPreemptible: offer.pricing === 'spot',
      minimumUnits: offer.minimumUnits,
      firstHour,
      units,
    },
  ]
}

const lotsOfRead = 100

/** Lots that were bought; those of contracts are offers, to be paid by the hour. */
const inventorySources = async (
  { account, regions }: Asker,
  { firstHour, endHour }: SourceWindow,
  nowMillis: number,
): Promise<readonly CapacitySource[]> => {
  const lots: LotRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await lotsOfHolder(account, {
      limit: lotsOfRead,
      endsAfterMillis: nowMillis,
      ...(after === undefined ? {} : { after }),
    })
    lots.push(...rows.filter(lot => lot.kind === 'purchase' && lot.state === 'open' && regions.includes(lot.region)))
    after = next
  } while (after !== undefined)
  return Promise.all(
    lots.map(async (lot): Promise<CapacitySource> => {
      const hours = await hoursOfLot(lot, {
        fromMillis: firstHour * hourMillis,
        untilMillis: endHour * hourMillis,
      })
      const units = new Array<number>(endHour - firstHour).fill(0)
      for (const hour of hours) units[hour.hourMillis / hourMillis - firstHour] = hour.available
      return {
        sourceId: lot.lotId,
        kind: 'inventory',
        provider: lot.provider,
        accounts: [account],
        resourceClass: lot.resourceClass,
        region: lot.region,
        vector: lot.vector,
        priceMicrosPerUnitHour: 0,
        isPreemptible: false,
        minimumUnits: 1,
        firstHour,
        units,
      }
    }),
  )
}

import { v7 as uuidv7 } from 'uuid'
import {
  type PurchaseGate,
  type PurchasePart,
  type PurchaseRow,
  purchaseOfRequest,
  putPurchase,
} from '#adapters/tables/partner-purchases.ts'
import { hourlyMicros, hourMillis, termHoursOf } from '#domain/partners/catalogue.ts'
import { type HourWindow, hoursIn, mostDaysAtOnce } from '#domain/partners/inventory.ts'
import { takenUntil, unitsLeft } from '#domain/partners/offer-hours.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { isUnavailable } from '../shell/availability.ts'
import type { Rejection } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { logger } from '../shell/task.ts'
import type { Trader } from '../trading/trader.ts'
import { canBeBought, type NamedOffer, offerNamed } from './offers.ts'
import { startPurchase } from './purchase-start.ts'

/** So many units of an offer, at no more than a price. */
export interface AskedPart {
  readonly offerId: string
  readonly units: number
  readonly window: HourWindow
  /** As it was quoted: for a unit and hour, of the first tier. */
  readonly priceMicrosPerUnitHour: number
}

/** What is to be bought, all of it or nothing. */
export interface AskedPurchase {
  readonly parts: readonly AskedPart[]
  /** Closed: it waits once its units are reserved. */
  readonly gate?: PurchaseGate
}

type PurchaseRefusal = Rejection<
  | 'not-found'
  | 'capacity-window-invalid'
  | 'quote-expired'
  | 'purchase-above-offer'
  | 'partner-not-connected'
  | 'partner-unavailable'
  | 'engine-version-needed'
  | 'invalid-request'
  | 'notional-too-large'
>

/**
 * Begins a purchase, once for each name that the account gives its requests: its row is stored and its workflow started. A repeat of
 * what was begun is that purchase; another one under its name is a conflict. Nothing is stored of what is refused.
 */
export const beginPurchase = async (
  trader: Trader,
  asked: AskedPurchase,
  requestName: string,
): Promise<
  { readonly purchase: PurchaseRow; readonly isRepeated: boolean } | PurchaseRefusal | Rejection<'idempotency-conflict'>
> => {
  const hash = bodyHash(asked)
  const before = await purchaseOfRequest(trader.account, requestName)
  if (before !== undefined) return repeated(before, hash)
  const decided = await decidePurchase(trader, asked, hash, Date.now())
  if ('code' in decided) return decided
  if (!(await putPurchase(decided, requestName))) {
    const other = await purchaseOfRequest(trader.account, requestName)
    if (other === undefined) throw new Error(`the purchase that ${requestName} has begun is gone`)
    return repeated(other, hash)
  }
  await startPurchase(decided)
  return { purchase: decided, isRepeated: false }
}

const repeated = async (row: PurchaseRow, hash: string) => {
  if (row.bodyHash !== hash) return { code: 'idempotency-conflict' as const }
  // Where it was stored and nothing else, it begins now; else nothing happens.
  if (row.state === 'requested') await startPurchase(row)
  return { purchase: row, isRepeated: true }
}

const decidePurchase = async (
  trader: Trader,
  { parts: asked, gate }: AskedPurchase,
  hash: string,
  nowMillis: number,
): Promise<PurchaseRow | PurchaseRefusal> => {
  const decided = await Promise.all(
    asked.map((each, index) => decidePart(trader.account, each, `#/parts/${index}`, nowMillis)),
  )
  const parts: PurchasePart[] = []
  for (const part of decided) {
    if ('code' in part) return part
    parts.push(part)
  }
  const costMicros = parts.reduce((sum, part) => sum + BigInt(part.costMicros), 0n)
  if (costMicros > BigInt(Number.MAX_SAFE_INTEGER)) return { code: 'notional-too-large' }
  const missing = await engineVersionMissing(trader.lane, versionOfMargin)
  if (missing !== undefined) return missing
  return {
    purchaseId: uuidv7(),
    account: trader.account,
    accountId: trader.accountId,
    lane: trader.lane,
    state: 'requested',
    parts,
    partsDone: 0,
    costMicros: Number(costMicros),
    bodyHash: hash,
    createdAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    attempt: 1,
    ...(gate !== undefined && { gate }),
  }
}

/** In this order: the cheapest refusal first, and another account's contract is none. */
const decidePart = async (
  account: string,
  { offerId, units, window, priceMicrosPerUnitHour }: AskedPart,
  pointer: string,
  nowMillis: number,
): Promise<PurchasePart | PurchaseRefusal> => {
  const at = (field: string, detail: string) => [{ pointer: `${pointer}/${field}`, detail }]
  const wrong = windowProblem(window, nowMillis, mostPurchasedHours, pointer)
  if (wrong !== undefined) return wrong
  const found = await named(account, offerId, window, nowMillis)
  if (found !== undefined && 'code' in found) return { ...found, errors: at('offer_id', 'is not answered for now') }
  if (found === undefined) return { code: 'not-found', errors: at('offer_id', 'is no offer') }
  const [offer] = found.offers
  if (offer === undefined)
    return {
      code: 'purchase-above-offer',
      detail: 'It has no units left in these hours.',
      errors: at('units', 'are not there'),
    }
  if (takenUntil(found.offers) <= nowMillis)
    return {
      code: 'quote-expired',
      detail: 'It could be taken until before now.',
      errors: at('offer_id', 'has expired'),
    }
  if (offer.priceMicrosPerUnitHour > priceMicrosPerUnitHour)
    return {
      code: 'quote-expired',
      detail: `It costs ${decimalOfMicros(offer.priceMicrosPerUnitHour)} USD for a unit and hour by now.`,
      errors: at('price', 'is what it cost before'),
    }
  if (units < offer.minimumUnits)
    return { code: 'invalid-request', errors: at('units', `must be ${offer.minimumUnits} at least`) }
  const term = termHoursOf(offer.pricing)
  const paidHours = term === 0 ? hoursIn(window) : Math.ceil(hoursIn(window) / term) * term
  const left = unitsLeft(found.offers, window)
  if (left === undefined)
    return { code: 'capacity-window-invalid', errors: at('ends_at', 'the offer does not serve all of these hours') }
  if (left !== 'unlimited' && left < units)
    return {
      code: 'purchase-above-offer',
      detail: `It has ${left} units left in these hours, where ${units} were asked for.`,
      errors: at('units', `${left} are left`),
    }
  if (!canBeBought(offer))
    return { code: 'partner-not-connected', errors: at('offer_id', 'is of a partner without a service here') }
  const costMicros = BigInt(hourlyMicros(offer, units)) * BigInt(paidHours)
  if (costMicros > BigInt(Number.MAX_SAFE_INTEGER)) return { code: 'notional-too-large' }
  if (costMicros === 0n) return { code: 'invalid-request', errors: at('units', 'cost nothing') }
  const { seller } = found
  return {
    offerId,
    provider: offer.provider,
    resourceClass: offer.resourceClass,
    region: offer.region,
    vector: offer.vector,
    pricing: offer.pricing,
    source: offer.source,
    units,
    fromMillis: window.fromMillis,
    untilMillis: window.fromMillis + paidHours * hourMillis,
    costMicros: Number(costMicros),
    ...(offer.lotId !== undefined && { lotId: offer.lotId }),
    ...(seller !== undefined && {
      seller: { account: seller.account, accountId: seller.accountId, lane: seller.lane },
    }),
  }
}

/** A partner whose service does not answer is no error of ours. */
const named = async (
  account: string,
  offerId: string,
  window: HourWindow,
  nowMillis: number,
): Promise<NamedOffer | undefined | Rejection<'partner-unavailable'>> => {
  try {
    return await offerNamed(account, offerId, window, nowMillis)
  } catch (error) {
    if (isUnavailable(error) || !offerId.includes(':quote:')) throw error
    logger.warn('a service of a partner did not tell its quote', { offerId, error: String(error) })
    return { code: 'partner-unavailable' }
  }
}

const mostPurchasedHours = (mostDaysAtOnce - 1) * 24

/** Whole hours follow from the schema. */
export const windowProblem = (
  { fromMillis, untilMillis }: HourWindow,
  nowMillis: number,
  mostHours: number,
  pointer = '#',
): Rejection<'capacity-window-invalid'> | undefined => {
  const refused = (field: string, detail: string): Rejection<'capacity-window-invalid'> => ({
    code: 'capacity-window-invalid',
    errors: [{ pointer: `${pointer}/${field}`, detail }],
  })
  if (untilMillis <= fromMillis) return refused('ends_at', 'must be after starts_at')
  if (fromMillis + hourMillis <= nowMillis) return refused('starts_at', 'is an hour that is over')
  if (hoursIn({ fromMillis, untilMillis }) > mostHours)
    return refused('ends_at', `must be at most ${mostHours} hours after starts_at`)
  return undefined
}

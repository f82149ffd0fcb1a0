import type { RejectionCode } from '../outcome.ts'
import type { Instrument } from '../reference/instrument.ts'
import { feeMicros } from './fees.ts'
import { fillPosition, type Position } from './position.ts'

export interface Account {
  readonly accountId: number
  readonly account: string
  cashMicros: number
  /** Requirements of all holdings and fee reserves of all open orders; never above cash. */
  requiredMicros: number
  openOrders: number
  /** By instrument id. */
  readonly holdings: Map<number, Holding>
}

/** What an account has in one instrument: its position, and the sums of its open orders. */
export interface Holding extends Position {
  readonly instrument: Instrument
  buyLots: number
  /** Price times remaining size, summed. */
  buyTickLots: number
  sellLots: number
  sellTickLots: number
  /** As it is counted in the account's requiredMicros. */
  requirementMicros: number
}

/** Volume of one open order: what it is filled at is its price or better. */
export interface Volume {
  readonly side: Side
  readonly priceTicks: number
  readonly lots: number
}
export const bought = 1
export const sold = -1
export type Side = typeof bought | typeof sold

/** |position| and open orders of one account in one instrument, at the highest price: 2^51. */
export const maxExposureMicros = 2_251_799_813_685_248

/**
 * All cash ever deposited in a lane. As every position is fully funded, open interest at the highest price is never
 * above it and no account's cash above twice of it: everything stays a safe integer.
 */
export const maxDepositedMicros = 4_000_000_000_000_000

export const createAccount = (accountId: number, account: string): Account => ({
  accountId,
  account,
  cashMicros: 0,
  requiredMicros: 0,
  openOrders: 0,
  holdings: new Map(),
})

export const holdingOf = (account: Account, instrument: Instrument): Holding => {
  const known = account.holdings.get(instrument.instrumentId)
  if (known !== undefined) return known
  const holding: Holding = {
    instrument,
    sizeLots: 0,
    entryTickLots: 0,
    realisedMicros: 0,
    buyLots: 0,
    buyTickLots: 0,
    sellLots: 0,
    sellTickLots: 0,
    requirementMicros: 0,
  }
  account.holdings.set(instrument.instrumentId, holding)
  return holding
}

/**
 * The most that a holding can still lose of the account's cash, whatever fills and wherever in [0, highest price] the
 * contract settles.
 *
 * Let some part of the open orders fill, b of the buys and s of the sells, and the contract settle at P. The holding
 * then costs V + paid(b) − received(s) − (size + b − s) × P, where V is the signed entry cost: linear in P, so the worst
 * P is 0 or the cap. At 0 every buy costs its price and every sell brings its own: worst is all buys and no sells,
 * V + B. At the cap a buy costs price − cap, never above 0, and a sell cap − price, never below: worst is all sells and
 * no buys, V − size × cap + cap × S − N. Both are reached by a subset of fills, so the maximum is exact.
 *
 * The order of fills does not matter: closing a part realises exactly what it adds to V beside the trade itself
 * (V' = V ± trade + realised), so cash − requirement moves as if nothing were ever closed. A fill at the order's price
 * moves one branch by nothing and lowers the other; a better price lowers both by at least the improvement. So fills
 * never push the requirement above cash, and cash never below zero.
 */
export const requirementMicros = (holding: Holding): number => {
  const { maxPriceTicks, microsPerTickLot } = holding.instrument
  const atZero = holding.entryTickLots + holding.buyTickLots
  const atCap = holding.entryTickLots + (holding.sellLots - holding.sizeLots) * maxPriceTicks - holding.sellTickLots
  return Math.max(atZero, atCap) * microsPerTickLot
}

/** The fee if all of it fills at its price. A better price brings more than the fee that it adds. */
const reserveMicros = (instrument: Instrument, priceTicks: number, lots: number): number => {
  const { makerCommissionPpm, takerCommissionPpm } = instrument.specification
  return feeMicros(Math.max(makerCommissionPpm, takerCommissionPpm), priceTicks * lots * instrument.microsPerTickLot)
}

const addVolume = (holding: Holding, side: Side, priceTicks: number, lots: number): void => {
  if (side === bought) {
    holding.buyLots += lots
    holding.buyTickLots += priceTicks * lots
  } else {
    holding.sellLots += lots
    holding.sellTickLots += priceTicks * lots
  }
}

/** Counts the holding's requirement anew, and a change of reserves with it. */
const recount = (account: Account, holding: Holding, reserveChangeMicros: number): void => {
  const requirement = requirementMicros(holding)
  account.requiredMicros += requirement - holding.requirementMicros + reserveChangeMicros
  holding.requirementMicros = requirement
}

/** Counts an order as open, or says why the account cannot carry it; nothing has changed then. */
export const openVolume = (account: Account, holding: Holding, volume: Volume): RejectionCode | undefined => {
  const { side, priceTicks, lots } = volume
  const { maxPriceTicks, microsPerTickLot } = holding.instrument
  const exposureLots = Math.abs(holding.sizeLots) + holding.buyLots + holding.sellLots + lots
  const exposureMicros = exposureLots * maxPriceTicks * microsPerTickLot
  // Filling all of it can realise no more than that either, so the sum of results stays safe as well.
  if (exposureMicros > maxExposureMicros) return 'notional-too-large'
  if (Math.abs(holding.realisedMicros) + exposureMicros > Number.MAX_SAFE_INTEGER) return 'notional-too-large'
  addVolume(holding, side, priceTicks, lots)
  const requirement = requirementMicros(holding)
  const reserve = reserveMicros(holding.instrument, priceTicks, lots)
  const requiredMicros = account.requiredMicros - holding.requirementMicros + requirement + reserve
  if (requiredMicros > account.cashMicros) {
    addVolume(holding, side, priceTicks, -lots)
    return 'insufficient-funds'
  }
  holding.requirementMicros = requirement
  account.requiredMicros = requiredMicros
  return undefined
}

/** Takes lots off an open order: cancelled, or about to be counted anew. */
export const closeVolume = (account: Account, holding: Holding, open: Volume, lots: number): void => {
  const { side, priceTicks } = open
  addVolume(holding, side, priceTicks, -lots)
  recount(account, holding, reserveChange(holding.instrument, open, lots))
}

/** Fills lots of an open order at a price not worse than its own; answers the fee. */
export const fillVolume = (
  account: Account,
  holding: Holding,
  open: Volume,
  lots: number,
  tradeTicks: number,
  commissionPpm: number,
): number => {
  const { instrument } = holding
  const { side, priceTicks } = open
  const realised = fillPosition(holding, side * lots, tradeTicks, instrument.microsPerTickLot)
  const fee = feeMicros(commissionPpm, tradeTicks * lots * instrument.microsPerTickLot)
  account.cashMicros += realised - fee
  addVolume(holding, side, priceTicks, -lots)
  recount(account, holding, reserveChange(instrument, open, lots))
  return fee
}

const reserveChange = (instrument: Instrument, open: Volume, lots: number): number =>
  reserveMicros(instrument, open.priceTicks, open.lots - lots) - reserveMicros(instrument, open.priceTicks, open.lots)

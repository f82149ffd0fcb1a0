import type { DepositCollateral, Transfer, WithdrawCollateral } from '#domain/trading/commands.ts'
import type { Event } from '#domain/trading/events.ts'
import type { NaiveLedger } from './naive-ledger.ts'
import type { NaiveMargin } from './naive-margin.ts'
import type { NaiveMarket, Refusal } from './naive-market.ts'

const maxCashMicros = 2 ** 52
const maxGrossMicros = 2 ** 51

/** Cash between accounts, and assets that secure them: lots that were bought and sold for nothing. */
export const createNaiveTreasury = (
  { accounts, listings, history }: NaiveMarket,
  { positionOf, cashMicros }: NaiveLedger,
  margin: NaiveMargin,
  tell: (event: Event) => void,
) => {
  const transfer = ({ accountId, toAccountId, amountMicros, commandId }: Transfer): Refusal => {
    const [from, to] = [accounts[accountId - 1], accounts[toAccountId - 1]]
    if (from === undefined || to === undefined) return 'unknown-account'
    if (from === to || from.firm !== to.firm) return 'transfer-not-allowed'
    if (amountMicros < 1 || cashMicros(toAccountId) + amountMicros > maxCashMicros) return 'amount-out-of-range'
    const refusal = margin.takeRefusal(accountId, amountMicros)
    if (refusal !== undefined) return refusal
    from.depositedMicros -= amountMicros
    to.depositedMicros += amountMicros
    const left = { cashMicros: cashMicros(accountId), toCashMicros: cashMicros(toAccountId) }
    tell({ type: 'transferred', commandId, accountId, toAccountId, amountMicros, ...left })
    return undefined
  }

  const moveAsset = (command: DepositCollateral | WithdrawCollateral): Refusal => {
    const { type, accountId, instrumentId, quantityLots, commandId } = command
    if (accounts[accountId - 1] === undefined) return 'unknown-account'
    const listing = listings[instrumentId - 1]
    if (listing === undefined) return 'unknown-instrument'
    if (listing.instrument.specification.kind !== 'collateral') return 'not-collateral'
    if (quantityLots < 1) return 'amount-out-of-range'
    const isDeposit = type === 'deposit-collateral'
    const held = positionOf(accountId, listing).sizeLots
    if (!isDeposit && quantityLots > held) return 'insufficient-collateral'
    const { maxPriceTicks, microsPerTickLot } = listing.instrument
    const addedMicros = quantityLots * maxPriceTicks * microsPerTickLot
    if (isDeposit && margin.figures(accountId).gross + addedMicros > maxGrossMicros) return 'exposure-too-large'
    const signedLots = isDeposit ? quantityLots : -quantityLots
    history.push({ accountId, listing, signedLots, priceTicks: 0, feeMicros: 0 })
    if (!isDeposit && !margin.isCovered(accountId)) {
      history.pop()
      return margin.shortCode()
    }
    const { sizeLots } = positionOf(accountId, listing)
    const moved = { commandId, accountId, instrumentId, quantityLots, sizeLots }
    tell({ type: isDeposit ? 'collateral-deposited' : 'collateral-withdrawn', ...moved })
    return undefined
  }

  return { transfer, moveAsset }
}

import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getAccount, listAccountsOfFirm } from '#adapters/tables/accounts.ts'
import { getBook } from '#adapters/tables/books.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { isKilled } from '#adapters/tables/kill-switches.ts'
import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { liquidationsOfAccount } from '#adapters/tables/liquidations.ts'
import { getLimitScale, getLimits, getLossBreach, type LimitSubject } from '#adapters/tables/risk-limits.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import { type AccountRisk, quotesNeedMicros, valueAccount } from '#domain/margin/account-risk.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { firstEngineVersion, versionOfMargin } from '#domain/trading/engine-version.ts'
import { isUnlimited, type LimitTerms } from '#domain/trading/limit-terms.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import {
  type FirmLimits,
  type OrderPreview,
  type PreviewLimits,
  type PreviewMarket,
  previewOrders,
} from '#domain/trading/order-preview.ts'
import { decimal, decimalOfMicros, decimalRatio } from '#domain/units.ts'
import type { previewMargin } from '#protocol/operations/margin.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { pollUntil } from '../shell/wait.ts'
import { traderFrom } from '../trading/instrument-trader.ts'
import type { Placement } from '../trading/order-view.ts'
import { place } from '../trading/placement.ts'
import type { Trader } from '../trading/trader.ts'
import { type AccountState, type AsOf, readAccountState } from './account-state.ts'
import { askedAccount } from './asked-account.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'
import { amountsOf, basisOf } from './margin-view.ts'

export const handle: Handle<typeof previewMargin> = async ({ body, principal }) => {
  const home = await askedAccount(principal, body.account)
  if ('code' in home) return home
  const asked = await placingAccount(home, body.orders)
  if ('code' in asked) return asked
  const version = (await getActivatedVersion(asked.lane))?.version ?? firstEngineVersion
  if (version < versionOfMargin)
    return {
      code: 'engine-version-needed',
      detail: `Lane ${asked.lane} follows version ${version}; version ${versionOfMargin} is needed.`,
    }
  // As placing it is answered before the engine is asked.
  const placements: Placement[] = []
  for (const [index, placed] of (await Promise.all(body.orders.map(order => place(asked, order)))).entries()) {
    if ('code' in placed) return { code: placed.code, errors: errorsOf(placed, index) }
    placements.push(placed)
  }
  const [state, epoch, identities] = await Promise.all([
    readAccountState(asked.lane, asked.accountId),
    rememberedEpochInForce(asked.lane),
    accountsNumbered(asked.lane, [asked.accountId]),
  ])
  const areBooksThere = await booksAreAsOf(asked.lane, state.asOf)
  const firm = identities.get(asked.accountId)?.firm ?? asked.account
  const [limits, killed, isInLiquidation] = await Promise.all([
    limitsOf(asked, firm, placements),
    isKilled(asked.lane, asked.accountId, firm),
    isBeingLiquidated(asked),
  ])
  const markets = await marketsOf(asked, [state.rows, ...(limits.firm?.members ?? [])], placements)
  const realisedMicros = new Map(state.positions.map(row => [row.instrumentId, row.realisedMicros]))
  const preview = previewOrders(
    {
      account: { ...state.rows, realisedMicros, isKilled: killed, isInLiquidation },
      markets,
      epoch,
      limits,
      atMillis: Date.now(),
    },
    placements.map(({ command }) => command),
  )
  const valued = valueAccount(withMarkets(state, markets), epoch)
  return {
    status: 200,
    body: {
      account: asked.account,
      ...basisOf(valued, {
        ...state.asOf,
        isOneMoment: state.asOf.isOneMoment && areBooksThere,
      }),
      quote_budget:
        state.rows.quoteBudget === undefined
          ? null
          : {
              kept: decimalOfMicros(valued.figures.quoteReserveMicros),
              needed: decimalOfMicros(quotesNeedMicros(valued)),
            },
      before: amountsOf(preview.before),
      orders: placements.flatMap((placement, index) => {
        const previewed = preview.orders[index]
        return previewed === undefined ? [] : [previewView(previewed, placement)]
      }),
      after: amountsOf(preview.after),
    },
  }
}

/** As each would find its lane if it were placed: the one account that places them all. */
const placingAccount = async (
  home: Trader,
  orders: readonly { readonly instrument_name: string }[],
): Promise<Trader | Rejection<'instrument-in-other-lane'>> => {
  let first: Trader | undefined
  for (const [index, order] of orders.entries()) {
    const trader = await traderFrom(home, order.instrument_name)
    first ??= trader
    if (trader.lane === first.lane) continue
    const detail = `The first order is placed by ${first.account}, this one by ${trader.account}: preview them apart.`
    return { code: 'instrument-in-other-lane', errors: [{ pointer: `#/orders/${index}/instrument_name`, detail }] }
  }
  return first ?? home
}

const longestWaitForBooksMillis = 2_000

/**
 * Books are projected apart from accounts and may come after them: what stood there when the account was as it is would be
 * missing, and an order that fills would be shown as one that rests.
 */
const booksAreAsOf = async (lane: number, { positionsSequence, ordersSequence }: AsOf): Promise<boolean> => {
  const sequence = Math.max(positionsSequence, ordersSequence)
  const reached = async () => ((await getWatermark('project-market-data', lane)).outSeq >= sequence ? true : undefined)
  return (await reached()) ?? (await pollUntil(reached, performance.now() + longestWaitForBooksMillis)) ?? false
}

/** Of the account, its firm, and the instruments that it asks about, with their scales. */
const limitsOf = async (
  { lane, accountId }: Trader,
  firm: string,
  placements: readonly { readonly command: PlaceOrder }[],
): Promise<PreviewLimits> => {
  const instrumentIds = [...new Set(placements.map(({ command }) => command.instrumentId))]
  const own: LimitSubject = { ...none, scope: 'account', accountId }
  const [account, ofFirm, instruments, scales] = await Promise.all([
    getLimits(lane, own),
    firmLimitsOf(lane, accountId, firm),
    Promise.all(instrumentIds.map(instrumentId => getLimits(lane, { ...none, scope: 'instrument', instrumentId }))),
    Promise.all(instrumentIds.map(instrumentId => getLimitScale(lane, instrumentId))),
  ])
  return {
    ...(account === undefined
      ? {}
      : { account: account.terms, isBeyondLoss: await isBeyondLoss(lane, own, account.terms) }),
    ...(ofFirm === undefined ? {} : { firm: ofFirm }),
    instruments: new Map(instruments.flatMap(row => (row === undefined ? [] : [[row.instrumentId, row.terms]]))),
    scales: scales.flatMap(scale => scale ?? []),
  }
}

const none = { accountId: 0, firm: '', instrumentId: 0 }
const dayMillis = 86_400_000
/** More than a firm may open. */
const mostMembers = 100

/** What its other accounts of the lane have is read only where its limits are of sums. */
const firmLimitsOf = async (lane: number, accountId: number, firm: string): Promise<FirmLimits | undefined> => {
  const subject: LimitSubject = { ...none, scope: 'firm', firm }
  const row = await getLimits(lane, subject)
  if (row === undefined || isUnlimited(row.terms)) return undefined
  const { terms } = row
  const [owner, { rows: others }, isBeyond] = await Promise.all([
    getAccount(firm),
    listAccountsOfFirm(firm, mostMembers),
    isBeyondLoss(lane, subject, terms),
  ])
  const ids = new Set(
    [...(owner === undefined ? [] : [owner]), ...others].flatMap(each =>
      each.lane === lane && each.accountId !== undefined && each.accountId !== accountId ? [each.accountId] : [],
    ),
  )
  const members: AccountRisk[] = []
  if (isOfSums(terms)) for (const id of ids) members.push((await readAccountState(lane, id)).rows)
  return { terms, members, isBeyondLoss: isBeyond }
}

const isOfSums = (terms: LimitTerms): boolean =>
  terms.maxOpenOrders +
    terms.maxPositionLots +
    terms.maxConcentrationPpm +
    terms.maxNetDelta +
    terms.maxGrossDelta +
    terms.maxVegaMicros >
  0

/** What was told since the day began, where its limit was not raised beyond it meanwhile. */
const isBeyondLoss = async (lane: number, subject: LimitSubject, terms: LimitTerms): Promise<boolean> => {
  if (terms.maxDailyLossMicros === 0) return false
  const breach = await getLossBreach(lane, subject)
  if (breach === undefined || breach.measuredMicros <= terms.maxDailyLossMicros) return false
  return Math.floor(breach.atMillis / dayMillis) === Math.floor(Date.now() / dayMillis)
}

/** From when the engine has begun it until it has ended it. */
const isBeingLiquidated = async ({ lane, accountId }: Trader): Promise<boolean> => {
  const { rows } = await liquidationsOfAccount(lane, accountId, { limit: 2 })
  return rows.some(({ begunAtMillis, endedAtMillis }) => begunAtMillis !== undefined && endedAtMillis === undefined)
}

/** They point into an order that is sent alone. */
const errorsOf = ({ errors = [] }: Rejection, index: number): NonNullable<Rejection['errors']> =>
  errors.map(({ pointer, detail }) => ({ pointer: pointer.replace(/^#/, `#/orders/${index}`), detail }))

const previewView = (preview: OrderPreview, { command, instrumentName, tickSize, minTradeAmount }: Placement) => ({
  instrument_name: instrumentName,
  direction: command.direction,
  amount: decimal(command.quantityLots, minTradeAmount),
  outcome: preview.code === undefined ? ('accepted' as const) : ('refused' as const),
  reject_reason: preview.code ?? null,
  filled_amount: decimal(preview.filledLots, minTradeAmount),
  average_price: decimalRatio(preview.filledTickLots, preview.filledLots, tickSize) ?? null,
  fee: decimalOfMicros(preview.feeMicros),
  cancel_reason: preview.cancelReason ?? null,
  after: amountsOf(preview.figures),
})

/** All that the account, or its firm where that counts, has something in, or it asks about; books only of the latter. */
const marketsOf = async (
  { lane }: Trader,
  accounts: readonly AccountRisk[],
  placements: readonly { readonly command: PlaceOrder }[],
): Promise<readonly PreviewMarket[]> => {
  const asked = new Set(placements.map(({ command }) => command.instrumentId))
  const held = accounts.flatMap(rows => [...rows.positions, ...rows.orders].map(({ instrument }) => instrument))
  const instruments = new Map<number, Instrument>(held.map(instrument => [instrument.instrumentId, instrument]))
  const markets = await Promise.all(
    [...new Set([...instruments.keys(), ...asked])].map(async instrumentId => {
      const instrument = instruments.get(instrumentId) ?? (await getInstrumentById(lane, instrumentId))?.instrument
      if (instrument === undefined) throw new Error(`the instrument ${instrumentId} of lane ${lane} is not projected`)
      const book = asked.has(instrumentId) ? await getBook(lane, instrumentId) : undefined
      return { instrument, market: book?.market ?? newMarket }
    }),
  )
  return markets.toSorted((a, b) => a.instrument.instrumentId - b.instrument.instrumentId)
}

/** With what it asks about, so that the answer says how that is covered. */
const withMarkets = ({ rows }: AccountState, markets: readonly PreviewMarket[]) => ({
  ...rows,
  positions: [
    ...rows.positions,
    ...markets.flatMap(({ instrument }) =>
      rows.positions.some(held => held.instrument.instrumentId === instrument.instrumentId)
        ? []
        : [{ instrument, sizeLots: 0, entryTickLots: 0 }],
    ),
  ],
})

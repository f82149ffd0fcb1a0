import { accountsNumbered } from '#adapters/tables/account-numbers.ts'
import { getBook } from '#adapters/tables/books.ts'
import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { isKilled } from '#adapters/tables/kill-switches.ts'
import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { liquidationsOfAccount } from '#adapters/tables/liquidations.ts'
import { getLimitScale, getLimits } from '#adapters/tables/risk-limits.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import { valueAccount } from '#domain/margin/account-risk.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { firstEngineVersion, versionOfMargin } from '#domain/trading/engine-version.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import {
  type OrderPreview,
  type PreviewLimits,
  type PreviewMarket,
  previewOrders,
} from '#domain/trading/order-preview.ts'
import { decimal, decimalOfMicros, decimalRatio } from '#domain/units.ts'
import type { previewMargin } from '#protocol/operations/margin.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { pollUntil } from '../shell/wait.ts'
import type { Placement } from '../trading/order-view.ts'
import { place } from '../trading/placement.ts'
import type { Trader } from '../trading/trader.ts'
import { type AccountState, type AsOf, readAccountState } from './account-state.ts'
import { askedAccount } from './asked-account.ts'
import { rememberedEpochInForce } from './epoch-in-force.ts'
import { amountsOf, basisOf } from './margin-view.ts'

export const handle: Handle<typeof previewMargin> = async ({ body, principal }) => {
  const asked = await askedAccount(principal, body.account)
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
  const [markets, limits, killed, isInLiquidation] = await Promise.all([
    marketsOf(asked, state, placements),
    limitsOf(asked, placements),
    isKilled(asked.lane, asked.accountId, identities.get(asked.accountId)?.firm ?? asked.account),
    isBeingLiquidated(asked),
  ])
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
  return {
    status: 200,
    body: {
      account: asked.account,
      ...basisOf(valueAccount(withMarkets(state, markets), epoch), {
        ...state.asOf,
        isOneMoment: state.asOf.isOneMoment && areBooksThere,
      }),
      before: amountsOf(preview.before),
      orders: placements.flatMap((placement, index) => {
        const previewed = preview.orders[index]
        return previewed === undefined ? [] : [previewView(previewed, placement)]
      }),
      after: amountsOf(preview.after),
    },
  }
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

/** Of the account, and of the instruments that it asks about, with their scales. */
const limitsOf = async (
  { lane, accountId }: Trader,
  placements: readonly { readonly command: PlaceOrder }[],
): Promise<PreviewLimits> => {
  const instrumentIds = [...new Set(placements.map(({ command }) => command.instrumentId))]
  const none = { accountId: 0, firm: '', instrumentId: 0 }
  const [account, instruments, scales] = await Promise.all([
    getLimits(lane, { ...none, scope: 'account', accountId }),
    Promise.all(instrumentIds.map(instrumentId => getLimits(lane, { ...none, scope: 'instrument', instrumentId }))),
    Promise.all(instrumentIds.map(instrumentId => getLimitScale(lane, instrumentId))),
  ])
  return {
    ...(account === undefined ? {} : { account: account.terms }),
    instruments: new Map(instruments.flatMap(row => (row === undefined ? [] : [[row.instrumentId, row.terms]]))),
    scales: scales.flatMap(scale => scale ?? []),
  }
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

/** All that the account has something in or asks about; books only of what it asks about. */
const marketsOf = async (
  { lane }: Trader,
  { rows }: AccountState,
  placements: readonly { readonly command: PlaceOrder }[],
): Promise<readonly PreviewMarket[]> => {
  const asked = new Set(placements.map(({ command }) => command.instrumentId))
  const held = [...rows.positions, ...rows.orders].map(({ instrument }) => instrument)
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

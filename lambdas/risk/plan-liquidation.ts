import type { LaneAccount, LiquidationProgress, PlannedOrder } from '#adapters/tables/liquidations.ts'
import { sizeTranche, type Tranche } from '#domain/margin/liquidation.ts'
import { nextMove } from '#domain/margin/liquidation-move.ts'
import { accept } from '#domain/outcome.ts'
import { decimal } from '#domain/units.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { serveTask } from '../shell/task.ts'
import { auctionedLots, auctionsHeldIn } from './auction-lots.ts'
import {
  isTransferable,
  type LaneCashMicros,
  type LiquidatedAccount,
  readLiquidatedAccount,
  sizedPositions,
} from './liquidated-account.ts'
import { LiquidationError, liquidationStep, type NextTask, takeStep } from './liquidation-step.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'
import { signedText } from './step-numbers.ts'

/** Of each kind in one attempt. */
export const mostTries = 3
/** What its other lanes give back comes home by and by. */
const endTriesAbroad = 4
/** More orders than any sensible liquidation takes; each has two steps. */
const mostSteps = 4_000
/** Of a satellite by itself. */
const mostSettleTries = 6
const settlementPauseMillis = 60_000
const lanesPauseMillis = 3_000

/** `join`, `settle` and `move` are of accounts that trade in several lanes: see `LiquidatedAccount`. */
const moves = ['join', 'settle', 'move', 'end', 'reduce', 'auction', 'wait', 'cover', 'haircut', 'stuck'] as const
type Move = (typeof moves)[number]

const tasks: Readonly<Record<Exclude<Move, 'stuck'>, NextTask>> = {
  join: 'join',
  settle: 'plan',
  move: 'move-cash',
  end: 'end',
  reduce: 'reduce',
  auction: 'open-auction',
  wait: 'plan',
  cover: 'cover-loss',
  haircut: 'haircut',
}

/** Reads the account anew and decides by the waterfall what comes next; of an order also how large it is. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'plan',
      decide: async ({ lane, accountId, attempt }, before) => {
        const [account, { terms }] = await Promise.all([
          readLiquidatedAccount(lane, accountId),
          liquidationTermsAt(Date.now()),
        ])
        const positions = sizedPositions(account, { by: 'books', terms, dryTries: before.dryTries })
        const { equityMicros, groups } = account
        const sized = sizeTranche({ positions, equityMicros, groups, bufferPpm: terms.buffer_ppm })
        if (!sized.accepted) throw new Error(`what is to be liquidated makes no sense: ${sized.code} ${sized.field}`)
        const { move, progress } = moveOf(account, sized.value, { before, attempt, terms })
        const isTooLong =
          input.step >= mostSteps * attempt ||
          before.endTries >= mostTries * attempt * (account.lanes.length > 1 ? endTriesAbroad : 1) ||
          (before.moveTries ?? 0) >= mostTries * attempt
        if (move === 'stuck' || isTooLong)
          throw new LiquidationError('LiquidationStuck', stuckBy(account, sized.value, move))
        const { order, at } = plannedOrder(account, sized.value, move)
        return {
          numbers: { move, ...numbersOf(account, sized.value, terms.buffer_ppm) },
          progress: { ...progress, ...(order !== undefined && { planned: order, at }) },
        }
      },
      conclude: async (_, { numbers, progress }) => {
        const move = moveNamed(numbers['move'])
        const { terms } = await liquidationTermsAt(Date.now())
        const isJoint = (progress.joined ?? []).length > 0
        return { next: tasks[move], nextAtMillis: Date.now() + pauseMillisOf(move, terms, isJoint), progress }
      },
    }),
  ),
)

const pauseMillisOf = (move: Move, { tranche_pause_ms }: LiquidationTerms, isJoint: boolean): number => {
  if (move === 'wait') return settlementPauseMillis
  // What other lanes need no longer comes home in a moment.
  if (move === 'settle' || (move === 'end' && isJoint)) return lanesPauseMillis
  return move === 'reduce' ? tranche_pause_ms : 0
}

interface Circumstances {
  readonly before: LiquidationProgress
  readonly attempt: number
  readonly terms: LiquidationTerms
}

/** And where it is done. */
const moveOf = (
  account: LiquidatedAccount,
  tranche: Tranche,
  { before, attempt, terms }: Circumstances,
): { readonly move: Move; readonly progress: LiquidationProgress } => {
  const { lanes, positions } = account
  const [, ...abroad] = lanes
  const { joined = [] } = before
  const unjoined = abroad.find(({ lane }) => !joined.some(each => each.lane === lane))
  if (unjoined !== undefined) return { move: 'join', progress: { ...before, at: placeOf(unjoined) } }
  if (account.isSettling) return { move: 'settle', progress: before }
  const open = positions.filter(isTransferable)
  const auctioned = tranche.steps.length > 0 ? nothing : auctionedLots(account, terms)
  // What alone may lose most is in the first of them; each lane has as many auctions.
  const inTurn = [...auctioned.keys()]
    .flatMap(key => open.filter(position => position.key === key).map(({ at }) => at))
    .toSorted((one, other) => auctionsHeldIn(before, one.lane) - auctionsHeldIn(before, other.lane))
  const [next] = inTurn
  const owing = lanes.find(({ cashMicros }) => cashMicros < 0)
  const isSameLoss = owing === undefined || before.lossLane === undefined || before.lossLane === owing.lane
  const move = nextMove({
    tranche,
    openPositions: open.length,
    expiredPositions: positions.length - open.length,
    cashMicros: account.cashMicros,
    auctionsHeld: next === undefined ? before.auctionsHeld : auctionsHeldIn(before, next.lane),
    mostAuctions: terms.most_auctions * attempt,
    isFundSpent: isSameLoss && (before.fundSpentAttempt === attempt || before.coverTries >= mostTries * attempt),
    isLossAllocated: isSameLoss && (before.lossAllocatedAttempt === attempt || before.lossTries >= mostTries * attempt),
  })
  // A lane at a time: who bids has an account of the lane.
  if (move === 'auction') return { move, progress: { ...before, ...(next !== undefined && { at: next }) } }
  const isOnBudget = account.laneGainsMicros !== undefined
  // Its budget may have been read in passing: the engine knows.
  if (move === 'stuck' && open.length === 0 && account.cashMicros >= 0 && isOnBudget)
    return { move: 'end', progress: before }
  const { settleTries = 0 } = before
  // Its home may be heard of again, which has the cash, or takes all of this over.
  if (move === 'cover' && isOnBudget && settleTries < mostSettleTries)
    return { move: 'settle', progress: { ...before, settleTries: settleTries + 1 } }
  if ((move !== 'cover' && move !== 'haircut') || owing === undefined) return { move, progress: before }
  const paid = paidFirst(lanes)
  if (paid !== undefined) return { move: 'move', progress: { ...before, ...paid } }
  const fresh = isSameLoss ? {} : { fundSpentAttempt: 0, coverTries: 0, lossAllocatedAttempt: 0, lossTries: 0 }
  return { move, progress: { ...before, ...fresh, at: placeOf(owing), lossLane: owing.lane } }
}

const nothing: ReadonlyMap<number, number> = new Map()

const placeOf = ({ lane, accountId }: LaneCashMicros): LaneAccount => ({ lane, accountId })

/** What is owed in one lane is paid by what there is in others, by way of its home. */
const paidFirst = (lanes: readonly LaneCashMicros[]): Pick<LiquidationProgress, 'at' | 'move'> | undefined => {
  const [home, ...abroad] = lanes
  if (home === undefined) return undefined
  const most = abroad.toSorted((a, b) => a.cashMicros - b.cashMicros)[0]
  if (home.freeMicros > 0 && most !== undefined && most.cashMicros < 0)
    return {
      at: placeOf(home),
      move: { toLane: most.lane, amountMicros: Math.min(home.freeMicros, -most.cashMicros) },
    }
  const other = abroad.find(({ freeMicros }) => freeMicros > 0)
  return other === undefined
    ? undefined
    : { at: placeOf(other), move: { toLane: home.lane, amountMicros: other.freeMicros } }
}

const moveNamed = (text: unknown): Exclude<Move, 'stuck'> => {
  for (const move of moves) if (move === text && move !== 'stuck') return move
  throw new Error(`${String(text)} is no move`)
}

/** The first of the tranche: the others are sized again by what it has brought. */
const plannedOrder = (
  { positions }: LiquidatedAccount,
  { steps: [first] }: Tranche,
  move: Move,
): { readonly order?: PlannedOrder; readonly at?: LaneAccount } => {
  if (move !== 'reduce' || first === undefined) return {}
  const position = positions.find(({ key }) => key === first.instrumentId)
  if (position === undefined) throw new Error(`the tranche reduces ${first.instrumentId}, which nobody holds`)
  const { specification, microsPerTickLot } = position.market.instrument
  const limitTicks = Math.round(first.limitMicros / microsPerTickLot)
  return {
    at: position.at,
    order: {
      key: position.key,
      instrumentId: position.risk.instrumentId,
      direction: first.lots > 0 ? 'buy' : 'sell',
      quantityLots: Math.abs(first.lots),
      limitTicks,
      instrumentName: specification.instrumentName,
      amount: signedText(first.lots, specification.minTradeAmount),
      limit: decimal(limitTicks, specification.tickSize),
    },
  }
}

const mostPositionsTold = 200

const numbersOf = (account: LiquidatedAccount, tranche: Tranche, bufferPpm: number) => {
  const markets = new Map(account.positions.map(position => [position.key, position]))
  return {
    epochVersion: account.epochVersion,
    equityMicros: tranche.equityBeforeMicros,
    requirementMicros: tranche.requirementBeforeMicros,
    cashMicros: account.cashMicros,
    ...(account.lanes.length > 1 && {
      lanes: account.lanes.map(({ lane, cashMicros }) => ({ lane, cashMicros })),
    }),
    bufferPpm,
    positions: account.positions.slice(0, mostPositionsTold).map(({ market, sizeLots, markTicks, risk }) => {
      const { instrumentName, minTradeAmount, tickSize } = market.instrument.specification
      return {
        instrumentName,
        size: signedText(sizeLots, minTradeAmount),
        mark: decimal(markTicks, tickSize),
        riskMarkMicros: risk.markMicros,
      }
    }),
    tranche: tranche.steps.flatMap(step => {
      const position = markets.get(step.instrumentId)
      if (position === undefined) return []
      const { specification, microsPerTickLot } = position.market.instrument
      return [
        {
          instrumentName: specification.instrumentName,
          amount: signedText(step.lots, specification.minTradeAmount),
          limit: decimal(Math.round(step.limitMicros / microsPerTickLot), specification.tickSize),
          excessBeforeMicros: step.excessBeforeMicros,
          excessAfterMicros: step.excessAfterMicros,
        },
      ]
    }),
    equityAfterMicros: tranche.equityAfterMicros,
    requirementAfterMicros: tranche.requirementAfterMicros,
  }
}

const stuckBy = (account: LiquidatedAccount, tranche: Tranche, move: Move): string => {
  const { equityBeforeMicros: equity, requirementBeforeMicros: requirement } = tranche
  const open = account.positions.length
  const figures = `equity ${equity}, requirement ${requirement}, cash ${account.cashMicros} micros`
  return move === 'stuck' && open === 0
    ? `nobody is left to pay what the account owes: ${figures}`
    : `${open} positions are left that nobody takes: ${figures}`
}

import type { LiquidationProgress } from '#adapters/tables/liquidations.ts'
import { sizeTranche, type Tranche } from '#domain/margin/liquidation.ts'
import { type LiquidationMove, nextMove } from '#domain/margin/liquidation-move.ts'
import { accept } from '#domain/outcome.ts'
import { decimal } from '#domain/units.ts'
import { serveTask } from '../shell/task.ts'
import { isTransferable, type LiquidatedAccount, readLiquidatedAccount, sizedPositions } from './liquidated-account.ts'
import { LiquidationError, liquidationStep, type NextTask, takeStep } from './liquidation-step.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'
import { signedText } from './step-numbers.ts'

/** Of each kind in one attempt. */
export const mostTries = 3
/** More orders than any sensible liquidation takes; each has two steps. */
const mostSteps = 4_000
const settlementPauseMillis = 60_000

const tasks: Readonly<Record<Exclude<LiquidationMove, 'stuck'>, NextTask>> = {
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
        const move = nextMove({
          tranche: sized.value,
          openPositions: account.positions.filter(isTransferable).length,
          expiredPositions: account.positions.filter(each => !isTransferable(each)).length,
          cashMicros: account.cashMicros,
          auctionsHeld: before.auctionsHeld,
          mostAuctions: terms.most_auctions * attempt,
          isFundSpent: before.fundSpentAttempt === attempt || before.coverTries >= mostTries * attempt,
          isLossAllocated: before.lossAllocatedAttempt === attempt || before.lossTries >= mostTries * attempt,
        })
        const isTooLong = input.step >= mostSteps * attempt || before.endTries >= mostTries * attempt
        if (move === 'stuck' || isTooLong)
          throw new LiquidationError('LiquidationStuck', stuckBy(account, sized.value, move))
        const planned = plannedOrder(account, sized.value, move)
        return {
          numbers: { move, ...numbersOf(account, sized.value, terms.buffer_ppm) },
          progress: { ...before, ...(planned !== undefined && { planned }) },
        }
      },
      conclude: async (_, { numbers, progress }) => {
        const { move } = numbers
        const next = tasks[moveOf(move)]
        const { terms } = await liquidationTermsAt(Date.now())
        const pauseMillis = move === 'wait' ? settlementPauseMillis : move === 'reduce' ? terms.tranche_pause_ms : 0
        return { next, nextAtMillis: Date.now() + pauseMillis, progress }
      },
    }),
  ),
)

const moveOf = (text: unknown): keyof typeof tasks => {
  for (const move of ['end', 'reduce', 'auction', 'wait', 'cover', 'haircut'] as const) if (move === text) return move
  throw new Error(`${String(text)} is no move`)
}

/** The first of the tranche: the others are sized again by what it has brought. */
const plannedOrder = (
  { positions }: LiquidatedAccount,
  { steps: [first] }: Tranche,
  move: LiquidationMove,
): LiquidationProgress['planned'] => {
  if (move !== 'reduce' || first === undefined) return undefined
  const position = positions.find(({ risk }) => risk.instrumentId === first.instrumentId)
  if (position === undefined) throw new Error(`the tranche reduces ${first.instrumentId}, which nobody holds`)
  const { specification, microsPerTickLot } = position.market.instrument
  const limitTicks = Math.round(first.limitMicros / microsPerTickLot)
  return {
    instrumentId: first.instrumentId,
    direction: first.lots > 0 ? 'buy' : 'sell',
    quantityLots: Math.abs(first.lots),
    limitTicks,
    instrumentName: specification.instrumentName,
    amount: signedText(first.lots, specification.minTradeAmount),
    limit: decimal(limitTicks, specification.tickSize),
  }
}

const mostPositionsTold = 200

const numbersOf = (account: LiquidatedAccount, tranche: Tranche, bufferPpm: number) => {
  const markets = new Map(account.positions.map(position => [position.risk.instrumentId, position]))
  return {
    epochVersion: account.epochVersion,
    equityMicros: tranche.equityBeforeMicros,
    requirementMicros: tranche.requirementBeforeMicros,
    cashMicros: account.cashMicros,
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

const stuckBy = (account: LiquidatedAccount, tranche: Tranche, move: LiquidationMove): string => {
  const { equityBeforeMicros: equity, requirementBeforeMicros: requirement } = tranche
  const open = account.positions.length
  const figures = `equity ${equity}, requirement ${requirement}, cash ${account.cashMicros} micros`
  return move === 'stuck' && open === 0
    ? `nobody is left to pay what the account owes: ${figures}`
    : `${open} positions are left that nobody takes: ${figures}`
}

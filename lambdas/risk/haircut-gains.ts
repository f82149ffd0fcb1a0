import { getBalance } from '#adapters/tables/balances.ts'
import { listInstruments } from '#adapters/tables/instruments.ts'
import {
  getLossShares,
  haircutsSince,
  type LaneAccount,
  type LiquidationProgress,
  putLossShares,
} from '#adapters/tables/liquidations.ts'
import { getMark } from '#adapters/tables/marks.ts'
import { listOpenPositions } from '#adapters/tables/positions.ts'
import { allocateLoss, faultsOf, type LossInputs, type Winner } from '#domain/margin/loss-allocation.ts'
import { accept } from '#domain/outcome.ts'
import { maxShares } from '#domain/trading/commands.ts'
import { insuranceFund } from '../shell/insurance-fund.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { epochInForce } from './epoch-in-force.ts'
import { isTakenOver, liquidationStep, lossTurn, takeStep } from './liquidation-step.ts'
import { instrumentsOfLane } from './position-key.ts'

/**
 * Those who have gained in what was liquidated pay what is left, by the smallest haircut there is: the allocation is stored
 * with the dual of its linear programme as certificate before anybody pays, and goes out in as many commands as it takes.
 */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'haircut',
      ask: askEngine,
      // A gain that another is about to take is none any more.
      turn: lossTurn,
      decide: async (head, before, id) => {
        const { liquidationId } = head
        const { lane, accountId } = before.at ?? head
        const at = { lane, accountId }
        const allocated =
          before.loss === undefined ? await allocate(liquidationId, at, head.lane, before, id) : undefined
        const loss = allocated?.loss ?? before.loss
        if (loss === undefined) throw new Error('nothing is allocated')
        const numbers = { lane, ...allocated?.numbers, batch: loss.paidBatches + 1, batches: loss.batches }
        // Nobody has won anything.
        if (loss.batches === 0) return { numbers, progress: { ...before, loss } }
        const shares = await getLossShares(liquidationId, loss.name, loss.paidBatches + 1)
        return {
          numbers: { ...numbers, shares: shares.map(([payer, amountMicros]) => ({ accountId: payer, amountMicros })) },
          command: {
            type: 'haircut-gains',
            commandId: id,
            liquidationId,
            accountId,
            shares: shares.map(([payer, amountMicros]) => ({ accountId: payer, amountMicros })),
          },
          at,
          progress: { ...before, loss },
        }
      },
      conclude: ({ attempt }, { progress }, said) => {
        const { loss, ...others } = progress
        if (loss === undefined) throw new Error('nothing was allocated')
        if (isTakenOver(said)) return { next: 'end', progress }
        // What is left after a no is allocated anew.
        if (said?.accepted === false) return { next: 'plan', progress: { ...others, lossTries: others.lossTries + 1 } }
        const paidBatches = loss.paidBatches + 1
        if (paidBatches < loss.batches)
          return { next: 'haircut', progress: { ...others, loss: { ...loss, paidBatches } } }
        return { next: 'plan', progress: loss.isWhole === true ? others : { ...others, lossAllocatedAttempt: attempt } }
      },
    }),
  ),
)

const allocate = async (
  liquidationId: string,
  { lane, accountId }: LaneAccount,
  homeLane: number,
  progress: LiquidationProgress,
  name: string,
) => {
  const instrumentIds = instrumentsOfLane(progress.instrumentIds, lane === homeLane ? 0 : lane)
  const [balance, fund] = await Promise.all([getBalance(accountId, 'USD'), insuranceFund(lane)])
  const except = new Set([accountId, fund?.accountId])
  const winners = (await winnersIn(lane, instrumentIds)).filter(winner => !except.has(winner.accountId))
  const lossMicros = Math.max(0, -(balance?.cashMicros ?? 0))
  // What the fund pays it has paid.
  const inputs: LossInputs = { lossMicros, fundMicros: 0, fundLimitMicros: 0, winners }
  const allocated = allocateLoss(inputs)
  if (!allocated.accepted) throw new Error(`the loss cannot be allocated: ${allocated.code} ${allocated.field}`)
  const faults = faultsOf(inputs, allocated.value)
  if (faults.length > 0) throw new Error(`the allocation does not prove itself: ${faults.join(', ')}`)
  const { haircuts, certificate, uncoveredMicros } = allocated.value
  const shares = haircuts
    .filter(({ haircutMicros }) => haircutMicros > 0)
    .sort((a, b) => a.accountId - b.accountId)
    .map(each => [each.accountId, each.haircutMicros] as const)
  const batches = Math.ceil(shares.length / maxShares)
  for (let batch = 1; batch <= batches; batch += 1)
    await putLossShares(liquidationId, name, batch, shares.slice((batch - 1) * maxShares, batch * maxShares))
  const gainsMicros = winners.reduce((sum, { gainMicros }) => sum + BigInt(gainMicros), 0n)
  return {
    loss: { name, batches, paidBatches: 0, isWhole: uncoveredMicros === 0 && batches > 0 },
    numbers: {
      lossMicros,
      winners: winners.length,
      gainsMicros: String(gainsMicros),
      uncoveredMicros,
      instrumentIds,
      certificate: {
        programme:
          'minimise t: sum(h) = R, h_i <= t g_i, 0 <= h_i <= g_i; dual: maximise R y, y <= l_i, sum(l_i g_i) = 1',
        primal: certificate.primal.join('/'),
        dual: certificate.dual.join('/'),
        lossMultiplier: certificate.lossMultiplier.join('/'),
      },
    },
  }
}

/** Gains are realised at least each day; what was taken of them before is no gain any more. */
const haircutsCountMillis = 86_400_000

/**
 * What each account has gained and not realised in these instruments together, at the last marks, less what it has paid for
 * losses of the last day; only where something is left.
 */
const winnersIn = async (lane: number, instrumentIds: readonly number[]): Promise<readonly Winner[]> => {
  const [markets, epoch, paid] = await Promise.all([
    listInstruments(lane),
    epochInForce(lane),
    haircutsSince(lane, Date.now() - haircutsCountMillis),
  ])
  const gains = new Map<number, number>()
  for (const { instrument } of markets) {
    const { instrumentId, microsPerTickLot } = instrument
    if (!instrumentIds.includes(instrumentId)) continue
    const [mark, positions] = await Promise.all([getMark(lane, instrumentId), listOpenPositions(lane, instrumentId)])
    const risk = epoch?.epoch.instruments.find(each => each.instrumentId === instrumentId)
    const markMicros = mark === undefined ? (risk?.markMicros ?? 0) : mark.markTicks * microsPerTickLot
    for (const { accountId, sizeLots, entryTickLots } of positions) {
      const gain = sizeLots * markMicros - entryTickLots * microsPerTickLot
      gains.set(accountId, (gains.get(accountId) ?? 0) + gain)
    }
  }
  return [...gains]
    .map(([accountId, gain]) => ({ accountId, gainMicros: gain - (paid.get(accountId) ?? 0) }))
    .filter(({ gainMicros }) => gainMicros > 0)
    .sort((a, b) => a.accountId - b.accountId)
}

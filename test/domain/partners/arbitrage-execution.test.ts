import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type ExecutionPlan,
  type ExecutionProgress,
  endOfExecution,
  mostUnwinds,
  nextExecutionStep,
  noProgress,
  openLots,
  unwindLimitTicks,
  unwindLossTickLots,
} from '#domain/partners/arbitrage-execution.ts'

/** Runs a plan over what happens to each of its steps, and says in which order it went. */
const run = (plan: ExecutionPlan, luck: () => number) => {
  let progress: ExecutionProgress = noProgress
  const kinds: string[] = []
  for (;;) {
    const step = nextExecutionStep(plan, progress)
    kinds.push(step.kind)
    if (kinds.length > 20) throw new Error('it does not end')
    if (step.kind === 'end') return { progress, kinds, end: endOfExecution(plan, progress) }
    const isGood = luck() > 0
    if (step.kind === 'reserve') progress = { ...progress, purchase: isGood ? 'reserved' : 'refused' }
    if (step.kind === 'release') progress = { ...progress, purchase: 'released' }
    if (step.kind === 'capture')
      progress = isGood
        ? { ...progress, purchase: 'captured' }
        : { ...progress, purchase: 'released', captureRefused: true }
    if (step.kind === 'order') {
      const filledLots = isGood ? 10 : 0
      const order = { leg: step.leg, isFilled: isGood, filledLots, filledTickLots: filledLots * 100 }
      progress = { ...progress, orders: [...progress.orders, order] }
    }
    if (step.kind === 'unwind') {
      const lots = Math.min(luck(), openLots(progress, step.leg))
      progress = { ...progress, unwinds: [...progress.unwinds, { leg: step.leg, lots, tickLots: lots * 95 }] }
    }
  }
}

const plans: fc.Arbitrary<ExecutionPlan> = fc.constantFrom(
  { hasPurchase: true, orders: ['sell'] },
  { hasPurchase: false, orders: ['buy', 'sell'] },
)

test('whatever happens: both legs or none, nothing paid before orders are filled, nothing left reserved', () => {
  fc.assert(
    fc.property(plans, fc.array(fc.nat(10), { maxLength: 12 }), (plan, fates) => {
      const left = [...fates]
      const { progress, kinds, end } = run(plan, () => left.shift() ?? 0)
      expect(progress.purchase).not.toBe('reserved')
      if (end === 'completed') {
        expect(progress.orders.filter(({ isFilled }) => isFilled)).toHaveLength(plan.orders.length)
        expect(progress.purchase).toBe(plan.hasPurchase ? 'captured' : 'none')
      } else expect(progress.purchase).not.toBe('captured')
      const open = plan.orders.reduce((sum, leg) => sum + openLots(progress, leg), 0)
      if (end === 'missed' || end === 'unwound') expect(open).toBe(0)
      if (end === 'residual') {
        expect(open).toBeGreaterThan(0)
        expect(kinds.filter(kind => kind === 'unwind').length).toBe(mostUnwinds)
      }
      const [captured, lastOrder] = [kinds.indexOf('capture'), kinds.lastIndexOf('order')]
      if (captured !== -1) expect(captured).toBeGreaterThan(lastOrder)
      if (plan.hasPurchase) expect(kinds[0]).toBe('reserve')
    }),
  )
})

test('a leg is traded back within the slippage of its average, rounded away from it', () => {
  const filled = { isFilled: true, filledLots: 3, filledTickLots: 601 }
  expect(unwindLimitTicks({ leg: 'buy', ...filled }, 50_000, 1_000)).toBe(190)
  expect(unwindLimitTicks({ leg: 'sell', ...filled }, 50_000, 1_000)).toBe(211)
  expect(unwindLimitTicks({ leg: 'sell', ...filled }, 500_000, 250)).toBe(250)
  expect(unwindLimitTicks({ leg: 'buy', isFilled: true, filledLots: 1, filledTickLots: 1 }, 500_000, 250)).toBe(1)
})

test('what trading back cost is the difference over the lots that were traded back', () => {
  const order = (leg: 'buy' | 'sell') => ({ leg, isFilled: true, filledLots: 10, filledTickLots: 1_000 })
  const progress = (leg: 'buy' | 'sell'): ExecutionProgress => ({
    ...noProgress,
    orders: [order(leg)],
    unwinds: [
      { leg, lots: 0, tickLots: 0 },
      { leg, lots: 4, tickLots: 380 },
    ],
  })
  expect(unwindLossTickLots(progress('buy'), 'buy')).toBe(20)
  expect(unwindLossTickLots(progress('sell'), 'sell')).toBe(-20)
  expect(unwindLossTickLots(noProgress, 'sell')).toBe(0)
})

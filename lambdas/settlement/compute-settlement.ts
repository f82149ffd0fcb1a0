import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { appraise } from './settlement-inputs.ts'
import { advanceSettlement, SettlementError, settlementRow, settlementStep } from './settlement-step.ts'

/** Stores the price with all that it follows from. Once it is stored it is never computed again. */
export const handler = serveTask(settlementStep, async step => {
  const row = await settlementRow(step)
  if (row.priceTicks !== undefined) return accept(step)
  const { price } = await appraise(row, Date.now())
  switch (price.state) {
    case 'priced':
      await advanceSettlement(row, {
        state: 'computed',
        missing: [],
        priceTicks: price.priceTicks,
        inputs: price.explanation,
      })
      return accept(step)
    case 'unpriceable':
      throw new SettlementError('NoSettlementPrice', price.reason)
    case 'missing':
    case 'pending':
      throw new Error(`something that was there is missing: ${price.missing.join(', ')}`)
  }
})

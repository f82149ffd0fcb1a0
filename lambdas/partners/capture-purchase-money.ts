import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './ask-engine.ts'
import { commandIdOf, holdIdOf, partDue, purchaseStep, takeStep } from './purchase-step.ts'

/**
 * Pays: what was held leaves the exchange for the partners, at once. Where another account's units were bought what they cost comes in
 * again for that account: commands with ids of their own, so that each is done once.
 */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'capture', 'capturing', async row => {
      const { lane, accountId, costMicros } = row
      if (row.state === 'capturing') {
        const outcome = await askEngine(
          lane,
          {
            type: 'capture-hold',
            commandId: commandIdOf(row, 'capture'),
            accountId,
            holdId: holdIdOf(row),
            amountMicros: costMicros,
          },
          input.polls,
        )
        if (outcome === undefined) return 'waiting'
        if (!outcome.accepted) return { undo: outcome.code ?? 'refused' }
        return { state: row.parts.some(({ seller }) => seller !== undefined) ? 'captured' : 'completed' }
      }
      const { part, index, then } = partDue(row, 'completed')
      const { seller } = part
      if (seller === undefined) return then
      const paid = await askEngine(
        seller.lane,
        {
          type: 'deposit',
          commandId: commandIdOf(row, `pay-seller#${index}`),
          accountId: seller.accountId,
          amountMicros: part.costMicros,
        },
        input.polls,
      )
      if (paid === undefined) return 'waiting'
      // Nothing is undone once it is paid: an operator sees to it that the seller can be paid, and has it go on.
      if (!paid.accepted) throw new Error(`${row.purchaseId}: the seller ${seller.account} was not paid: ${paid.code}`)
      return then
    }),
  ),
)

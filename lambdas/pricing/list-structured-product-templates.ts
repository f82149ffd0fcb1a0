import type { listStructuredProductTemplates } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { payoffOf, templateExamples } from './payoff-templates.ts'

export const handle: Handle<typeof listStructuredProductTemplates> = async () => {
  const now = new Date(Date.now())
  const dayOf = (month: number): string =>
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + month, 15)).toISOString().slice(0, 10)
  return {
    status: 200,
    body: {
      data: templateExamples('H100.USE', [dayOf(1), dayOf(2), dayOf(3), dayOf(4)]).map(({ description, payoff }) => ({
        name: payoff.template,
        description,
        example: { payoff: { ...payoff } },
        payoff: { ...payoffOf(payoff) },
      })),
    },
  }
}

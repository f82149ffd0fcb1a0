import { type Answer, getDelivery, getRequest, type RequestRow, replaceRequest } from '#adapters/tables/deliveries.ts'
import { completeTask, heartbeatTask } from '#adapters/workflows.ts'
import { decimal, increments } from '#domain/units.ts'
import type { answerProvisioning } from '#protocol/operations/delivery.ts'
import { outcomesOfStep } from '#protocol/provisioning.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'

type Body = Request<typeof answerProvisioning>['body']

/** The first answer counts, as long as anybody waits for it: it is stored before the workflow hears of it. */
export const handle: Handle<typeof answerProvisioning> = async ({ path, body }) => {
  const [row, read] = await Promise.all([
    getDelivery(path.delivery_id),
    getRequest(path.delivery_id, body.step, body.attempt),
  ])
  if (row === undefined || read === undefined) return { code: 'not-found' }
  if (body.callback_token !== read.callbackToken) return { code: 'callback-stale' }
  if (read.answer !== undefined) return { code: 'callback-repeated' }
  if (read.state !== 'requested') return { code: 'callback-stale' }
  const requestId = `${path.delivery_id}#${body.step}#${body.attempt}`
  if (body.outcome === 'heartbeat')
    return (await heartbeatTask(read.taskToken))
      ? { status: 200, body: { request_id: requestId, request_state: 'requested' } }
      : { code: 'callback-stale' }
  const answer = answerOf(body, read, row.minTradeAmount)
  if ('code' in answer) return answer
  const answered: RequestRow = { ...read, state: 'answered', answer, answeredAtMillis: Date.now() }
  if (!(await replaceRequest(answered, read))) return { code: await lostTo(read) }
  // Where nobody waits any more, whoever closes the request finds the answer.
  await completeTask(read.taskToken, {})
  return { status: 200, body: { request_id: requestId, request_state: 'answered' } }
}

const answerOf = (
  body: Exclude<Body, { readonly outcome: 'heartbeat' }>,
  { step, lots: asked }: RequestRow,
  minTradeAmount: string,
): Answer | Rejection<'invalid-request' | 'amount-off-lot' | 'amount-out-of-range'> => {
  const { outcome } = body
  const possible = outcomesOfStep[step]
  if (!possible.includes(outcome))
    return {
      code: 'invalid-request',
      errors: [{ pointer: '#/outcome', detail: `must be heartbeat or ${possible.join(' or ')} for the step ${step}` }],
    }
  if (outcome === 'failed') return { outcome, lots: 0, reason: body.reason }
  if (outcome === 'released') return { outcome, lots: 0 }
  const lots = increments(body.amount, minTradeAmount)
  const told = (detail: string) => ({ errors: [{ pointer: '#/amount', detail }] })
  if (lots === undefined) return { code: 'amount-off-lot', ...told(`must be a multiple of ${minTradeAmount}`) }
  if (lots > asked)
    return { code: 'amount-out-of-range', ...told(`must not be above ${decimal(asked, minTradeAmount)}`) }
  return { outcome, lots }
}

/** Somebody was faster: another answer, or whoever waited no longer. */
const lostTo = async ({ deliveryId, step, attempt, callbackToken }: RequestRow) => {
  const now = await getRequest(deliveryId, step, attempt)
  return now?.callbackToken === callbackToken && now.answer !== undefined ? 'callback-repeated' : 'callback-stale'
}

import type { stopTrading } from '#protocol/operations/risk-limits.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { switchedSubject } from '../supervision/switched-subject.ts'

export const handle: Handle<typeof stopTrading> = async ({ body, principal, idempotencyKey, headers }) => {
  const { scope, is_on: isOn } = body
  const subject = await switchedSubject(body, '#/subject')
  if ('code' in subject) return subject
  const { lane, accountId, firm } = subject
  return takeCommand({
    principal,
    operation: 'stop-trading',
    asked: body,
    idempotencyKey,
    headers,
    lane,
    command: commandId => ({ type: 'set-kill-switch', commandId, scope, accountId, isOn, firm }),
  })
}

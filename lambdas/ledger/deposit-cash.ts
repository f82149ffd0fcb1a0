import { v7 as uuidv7 } from 'uuid'
import type * as z from 'zod'
import { getAccount } from '#adapters/tables/accounts.ts'
import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { micros } from '#domain/units.ts'
import type { depositCash } from '#protocol/operations/ledger.ts'
import { deliver } from '../shell/command-intake.ts'
import type { Answer, Handle, Request } from '../shell/http.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import { depositOf, type promisedDeposit, promisedDepositOf } from './deposit-view.ts'

type Headers = Request<typeof depositCash>['headers']

export const handle: Handle<typeof depositCash> = async ({ body, principal, headers, idempotencyKey }) => {
  const requestName = `deposit-cash#${idempotencyKey}`
  const hash = bodyHash(body)
  const before = await findByRequestName(principal.account, requestName)
  if (before !== undefined) return before.bodyHash === hash ? put(before, headers, true) : conflict

  const amountMicros = micros(body.amount)
  if (amountMicros === undefined)
    return {
      code: 'invalid-request',
      errors: [
        { pointer: '#/amount', detail: 'must have at most six digits after the point, and be less than 2^53 micros' },
      ],
    }
  const account = await getAccount(body.account)
  if (account?.accountState !== 'open' || account.accountId === undefined)
    return { code: 'unknown-account', errors: [{ pointer: '#/account', detail: 'is not open' }] }

  const commandId = uuidv7()
  const request: z.infer<typeof promisedDeposit> = {
    account: body.account,
    command: { type: 'deposit', commandId, accountId: account.accountId, amountMicros },
  }
  const promised = namedRequest({
    principal: principal.account,
    requestName,
    commandId,
    operation: 'deposit-cash',
    bodyHash: hash,
    lane: account.lane,
    accountId: account.accountId,
    requestJson: JSON.stringify(request),
  })
  const stored = await promise(promised)
  if (stored.first) return put(promised, headers, false)
  return stored.row.bodyHash === hash ? put(stored.row, headers, true) : conflict
}

const conflict = { code: 'idempotency-conflict' } as const

const put = async (promised: CommandRow, headers: Headers, repeated: boolean): Promise<Answer<typeof depositCash>> => {
  const { command } = promisedDepositOf(promised)
  const { outcome, waited, headers: applied } = await deliver(promised.lane, command, repeated, headers, getOutcome)
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: depositOf(promised, outcome),
    headers: { location: `/api/v1/deposits/${command.commandId}`, ...applied },
  }
}

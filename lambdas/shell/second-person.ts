import { type ApprovalRow, replaceApproval } from '#adapters/tables/approval-requests.ts'
import { isSamePerson } from '#adapters/two-persons.ts'
import type { Principal, Rejection } from './http.ts'

const approvalMillis = 86_400_000

/** The end of the day that a request has. */
export const approveBeforeMillis = ({ requestedAtMillis }: ApprovalRow): number => requestedAtMillis + approvalMillis

/**
 * The request as another person has approved it, now or before: whoever approved it may have died before anything came of
 * it, so that a repeat goes on.
 */
export const approvedBySecond = async <Refused extends Rejection = never>(
  row: ApprovalRow,
  { account, credential }: Principal,
  nowMillis: number,
  /** Why it may not be approved any more. */
  refusal?: () => Promise<Refused | undefined>,
): Promise<
  | { readonly row: ApprovalRow; readonly repeated: boolean }
  | Refused
  | Rejection<'second-person-required' | 'limit-request-over'>
> => {
  const person = { account, credential }
  if (isSamePerson(row.requestedBy, person)) return { code: 'second-person-required' }
  if (row.approvedBy !== undefined)
    return isSamePerson(row.approvedBy, person) ? { row, repeated: true } : { code: 'limit-request-over' }
  if (nowMillis >= approveBeforeMillis(row)) return { code: 'limit-request-over' }
  const refused = await refusal?.()
  if (refused !== undefined) return refused
  const approved = { ...row, approvedBy: person, approvedAtMillis: nowMillis }
  return (await replaceApproval(approved, row)) ? { row: approved, repeated: false } : { code: 'limit-request-over' }
}

import { type Item, integer, optional, text } from './items.ts'

/** Who asked or approved, and with which credential. */
export interface Person {
  readonly account: string
  readonly credential: string
}

/** What one person asks for and takes effect when another one approves it. */
export interface TwoPersonRequest {
  readonly requestedBy: Person
  readonly requestedAtMillis: number
  readonly approvedBy?: Person
  readonly approvedAtMillis?: number
}

/** Another person has another account and another credential. */
export const isSamePerson = (one: Person, other: Person): boolean =>
  one.account === other.account || one.credential === other.credential

export const twoPersonItem = (request: TwoPersonRequest): Item => ({
  requested_by: request.requestedBy.account,
  requested_with: request.requestedBy.credential,
  requested_at_millis: request.requestedAtMillis,
  approved_by: request.approvedBy?.account,
  approved_with: request.approvedBy?.credential,
  approved_at_millis: request.approvedAtMillis,
})

export const twoPersonRequestIn = (item: Item): TwoPersonRequest => ({
  requestedBy: { account: text(item, 'requested_by'), credential: text(item, 'requested_with') },
  requestedAtMillis: integer(item, 'requested_at_millis'),
  ...optional('approvedBy', item, 'approved_by', () => ({
    account: text(item, 'approved_by'),
    credential: text(item, 'approved_with'),
  })),
  ...optional('approvedAtMillis', item, 'approved_at_millis', integer),
})

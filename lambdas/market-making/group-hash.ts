import { createHash } from 'node:crypto'

/** How commands and events name a group: docs/protocol/orders.md. */
export const groupHashOf = (group: string): string =>
  createHash('sha256').update(group).digest().subarray(0, 8).toString('hex')
